//! Which requirements the run decided, and what stands in the way of the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseResult, Verdict};
use crate::spec::{Catalogue, Profile};

/// What is known of a row after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// At least one check passed, warned or failed.
    Decided,
    /// Checks exist, none came to such an end.
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
    let of_row = |case: &CaseResult| -> Vec<Verdict> {
        let checks = case.checks.iter().filter(|check| check.requirement == row.id);
        checks.map(|check| check.verdict).collect()
    };
    let by_case: Vec<Vec<Verdict>> = cases.iter().map(of_row).collect();
    let verdicts = || by_case.iter().flatten().copied();
    let executes = |case: &&Vec<Verdict>| case.iter().any(|verdict| verdict.executed());
    let standing = if verdicts().any(Verdict::decides) {
        Standing::Decided
    } else if profile.rules_out(&row.id) {
        Standing::NotApplicable
    } else if !row.observable {
        Standing::NotObservable
    } else if verdicts().next().is_none() {
        Standing::NotCovered
    } else {
        Standing::Undecided
    };
    let worst = verdicts().filter(|verdict| verdict.executed()).max();
    let cases = by_case.iter().filter(executes).count();
    CoverageRow { requirement: row.id.clone(), standing, worst, cases }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::result::tests::case;

    #[test]
    fn what_stays_open_is_not_decided() {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let of = |verdicts: &[Verdict]| {
            let rows = coverage(Catalogue::builtin(), &profile, &[case(verdicts)]);
            rows.into_iter().find(|row| row.requirement == "ENL-001").unwrap()
        };
        let open = of(&[Verdict::Inconclusive]);
        assert_eq!((open.standing, open.cases), (Standing::Undecided, 1));
        assert_eq!(open.worst, Some(Verdict::Inconclusive));
        assert_eq!(of(&[Verdict::NotTestable]).standing, Standing::Undecided);
        assert_eq!(of(&[Verdict::Inconclusive, Verdict::Pass]).standing, Standing::Decided);
        assert_eq!(of(&[Verdict::Warn]).standing, Standing::Decided);
    }
}
