//! Rows that no black box decides, with what the run has seen of them all the same.
//!
//! Main type: [`PartlySeen`]. It is no verdict and changes none: the row stays "not observable". It
//! says which decided rows stand for a part of it, and for forward secrecy (ENC-009) what was counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ink, Page};
use crate::spec::stand_in::{self, StandIn};
use crate::verdict::{CaseResult, Coverage, CoverageRow, Standing, Theft, Verdict};

/// The row whose numbers thefts give.
const FORWARD_SECRECY: &str = "ENC-009";

/// A row that was not decided, and what stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartlySeen {
    pub requirement: String,
    /// What was counted, in plain words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// Decided rows that stand for a part of it.
    pub stands_on: Vec<StandsOn>,
}

/// A decided row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandsOn {
    pub requirement: String,
    pub worst: Verdict,
    pub cases: usize,
}

/// Everything that the run has seen of rows that it could not decide.
pub(super) fn partly_seen(coverage: &Coverage, cases: &[CaseResult]) -> Vec<PartlySeen> {
    let undecided = coverage.iter().filter(|row| row.standing == Standing::NotObservable);
    let stand_ins = undecided.filter_map(|row| stand_in::of(&row.requirement));
    let seen = stand_ins.map(|stand_in| of_row(stand_in, coverage, cases));
    seen.filter(|seen| seen.measured.is_some() || !seen.stands_on.is_empty()).collect()
}

fn of_row(stand_in: &StandIn, coverage: &Coverage, cases: &[CaseResult]) -> PartlySeen {
    let row = |id: &&str| coverage.iter().find(|row| row.requirement == *id);
    let decided = |row: &CoverageRow| {
        let is_decided = row.standing == Standing::Decided;
        let (requirement, worst) = (row.requirement.clone(), row.worst.filter(|_| is_decided)?);
        Some(StandsOn { requirement, worst, cases: row.cases })
    };
    PartlySeen {
        requirement: stand_in.row.to_owned(),
        measured: (stand_in.row == FORWARD_SECRECY).then(|| thefts(cases)).flatten(),
        stands_on: stand_in.shows.iter().filter_map(row).filter_map(decided).collect(),
    }
}

/// How much of what came before a theft the stolen keys open.
fn thefts(cases: &[CaseResult]) -> Option<String> {
    let robbed = cases.iter().filter(|case| !case.thefts.is_empty()).count();
    let thefts = || cases.iter().flat_map(|case| &case.thefts);
    let told = || thefts().filter_map(|theft: &Theft| Some((theft.earlier, theft.opened?)));
    let (earlier, opened) = told().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    if earlier == 0 {
        return None;
    }
    Some(format!(
        "{} of {earlier} earlier ciphertexts stayed closed to the thief of a peer's keys ({} in {})",
        earlier - opened,
        counted(told().count(), "theft"),
        counted(robbed, "case"),
    ))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The rows of which something was counted; the others stand in `report.json` alone.
pub(super) fn render(page: &mut Page, seen: &[PartlySeen]) {
    let measured: Vec<_> = seen.iter().filter(|row| row.measured.is_some()).collect();
    if measured.is_empty() {
        return;
    }
    page.gap();
    page.line(page.ink(Ink::Bold, "Not observable by itself"));
    for row in measured {
        let measured = row.measured.as_deref().unwrap_or_default();
        page.hang(&format!("  {:<14} ", row.requirement), 17, &format!("measured: {measured}"));
        let stands_on = row.stands_on.iter();
        let stands_on = stands_on.map(|on| format!("{} {}", on.requirement, on.worst.word()));
        let stands_on = stands_on.collect::<Vec<_>>().join(", ");
        if !stands_on.is_empty() {
            page.fill(17, &format!("rests on {stands_on}"));
        }
        page.fill(17, &format!("no verdict: see `counterpart explain {}`", row.requirement));
    }
}
