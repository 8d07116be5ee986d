//! Which requirements the run decided, and what stands in the way of the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseResult, Verdict};
use crate::spec::{Catalogue, Profile};

/// What is known of a row after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// At least one check was executed.
    Decided,
    /// Checks exist, none was executed.
    Undecided,
    /// No black box can see it.
    NotObservable,
    /// The profile rules it out.
    NotApplicable,
    /// No scenario of this run decides it.
    NotCovered,
}

/// One requirement's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageRow {
    pub requirement: String,
    pub standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Verdict>,
    /// Cases that executed a check of it.
    pub cases: usize,
}

/// All rows of the catalogue.
pub type Coverage = Vec<CoverageRow>;

/// Lists every requirement with its standing.
pub fn coverage(catalogue: &Catalogue, profile: &Profile, cases: &[CaseResult]) -> Coverage {
    catalogue.iter().map(|row| standing(row, profile, cases)).collect()
}

fn standing(
    row: &crate::spec::Requirement,
    profile: &Profile,
    cases: &[CaseResult],
) -> CoverageRow {
    let of_row = |case: &CaseResult| {
        let checks = case.checks.iter().filter(|check| check.requirement == row.id);
        checks.map(|check| check.verdict).max()
    };
    let verdicts: Vec<Verdict> = cases.iter().filter_map(of_row).collect();
    let executed = verdicts.iter().filter(|verdict| verdict.executed()).count();
    let standing = if executed > 0 {
        Standing::Decided
    } else if profile.rules_out(&row.id) {
        Standing::NotApplicable
    } else if !row.observable {
        Standing::NotObservable
    } else if verdicts.is_empty() {
        Standing::NotCovered
    } else {
        Standing::Undecided
    };
    let worst = verdicts.into_iter().filter(|verdict| verdict.executed()).max();
    CoverageRow { requirement: row.id.clone(), standing, worst, cases: executed }
}
