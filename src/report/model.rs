//! `report.json` as values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::evidence::RunHeader;
use crate::spec::{Basis, Catalogue, Profile};
use crate::verdict::{CaseResult, Coverage, Outcome, Standing, Verdict, coverage};

/// Version of the report format.
pub const SCHEMA: u32 = 1;

/// Everything that a run says. What differs between runs of one seed stands under `volatile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: u32,
    pub outcome: Outcome,
    /// Failures and warnings that rest on unpublished or exemplary values, and on which.
    pub conditional_on: Vec<String>,
    /// What a black box, this profile or this platform cannot decide.
    pub scope: Vec<String>,
    pub seed: u64,
    pub profile: Value,
    pub ics: Value,
    pub harness: String,
    pub iut: Value,
    pub summary: Summary,
    pub cases: Vec<CaseResult>,
    pub coverage: Coverage,
    pub volatile: Value,
}

/// How many of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub cases: BTreeMap<Verdict, usize>,
    pub checks: BTreeMap<Verdict, usize>,
}

/// Puts a report together. `cases` must be sorted by id.
pub fn assemble(
    header: &RunHeader,
    profile: &Profile,
    cases: Vec<CaseResult>,
    ended_ms: u64,
) -> Report {
    let catalogue = Catalogue::builtin();
    let coverage = coverage(catalogue, profile, &cases);
    Report {
        schema: SCHEMA,
        outcome: Outcome::of(&cases),
        conditional_on: conditional_on(&cases),
        scope: scope(&coverage, &cases),
        seed: header.seed,
        profile: json!({ "id": profile.id(), "digest": profile.digest() }),
        ics: header.iut.get("ics").cloned().unwrap_or(Value::Null),
        harness: header.harness.clone(),
        iut: iut(header),
        summary: summary(&cases),
        cases,
        coverage,
        volatile: json!({
            "run_id": header.run_id,
            "started_ms": header.started_ms,
            "ended_ms": ended_ms,
            "jobs": header.jobs,
        }),
    }
}

fn iut(header: &RunHeader) -> Value {
    let of = |name: &str| header.iut.get(name).cloned().unwrap_or(Value::Null);
    json!({
        "ref": header.iut_ref,
        "name": of("name"),
        "version": of("version"),
        "seats": of("seats"),
        "foreign": header.foreign,
    })
}

fn summary(cases: &[CaseResult]) -> Summary {
    let mut summary = Summary::default();
    for case in cases {
        *summary.cases.entry(case.verdict).or_default() += 1;
        for check in &case.checks {
            *summary.checks.entry(check.verdict).or_default() += 1;
        }
    }
    summary
}

/// Red rows whose decisive value Meta has not published as a rule.
fn conditional_on(cases: &[CaseResult]) -> Vec<String> {
    let red = cases.iter().flat_map(|case| &case.checks).filter(|check| {
        matches!(check.verdict, Verdict::Fail | Verdict::Warn)
            && matches!(check.basis, Basis::Example | Basis::Observed | Basis::Profile)
    });
    let named = red.map(|check| {
        let key = check.profile_key.as_ref().map(|key| format!(", value {key}"));
        let key = key.unwrap_or_default();
        format!("{} (basis {}{key})", check.requirement, check.basis.word())
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

fn scope(coverage: &Coverage, cases: &[CaseResult]) -> Vec<String> {
    let outside = coverage
        .iter()
        .filter(|row| matches!(row.standing, Standing::NotObservable | Standing::NotApplicable));
    let rows = outside.map(|row| row.requirement.clone());
    let checks = cases.iter().flat_map(|case| &case.checks);
    let ruled_out = checks.filter(|check| check.verdict == Verdict::NotTestable).filter_map(|c| {
        Some(format!("{} ({})", c.requirement, c.not_decided.as_ref()?.sentence()))
    });
    rows.chain(ruled_out.collect::<BTreeSet<_>>()).collect()
}
