//! `report.json` as values.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::partly::{PartlySeen, partly_seen};
use super::{Endpoint, shell_word, surface};
use crate::evidence::RunHeader;
use crate::spec::{Basis, Catalogue, Profile, id_matches};
use crate::verdict::baseline::Applied;
use crate::verdict::{
    CaseResult, Coverage, Outcome, RUN_CASE, Repeats, Standing, Text, Verdict, coverage,
};

/// Version of the report format.
pub const SCHEMA: u32 = 1;

/// Everything that a run says. What differs between runs of one seed stands under `volatile`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    pub schema: u32,
    pub outcome: Outcome,
    /// Failures and warnings that rest on unpublished or exemplary values, and on which.
    pub conditional_on: Vec<String>,
    /// What a black box, this profile or this platform cannot decide.
    pub scope: Vec<String>,
    /// Rows that were asked for and of which none was decided, with what stood in the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
    pub seed: u64,
    pub profile: Value,
    pub ics: Value,
    pub harness: String,
    pub iut: Value,
    /// The command that runs the same again; [`Report::again_of`] is for one case.
    #[serde(default)]
    pub again: String,
    /// The words at its end that chose the cases of the run, where not all were run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub selection: String,
    pub summary: Summary,
    /// Cases that an interrupted run did not finish.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Applied>,
    /// What the partner states where nothing was run: never a pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attested>,
    /// What `run --verify N` found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    pub cases: Vec<CaseResult>,
    /// The third party's HTTP surface by endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<Endpoint>,
    pub coverage: Coverage,
    /// Rows that no black box decides, with what was seen of them all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partly_seen: Vec<PartlySeen>,
    pub volatile: Value,
}

/// How many of each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    pub cases: BTreeMap<Verdict, usize>,
    pub checks: BTreeMap<Verdict, usize>,
}

/// Puts a report together. `cases` must be sorted by id.
pub fn assemble(
    header: &RunHeader,
    profile: &Profile,
    mut cases: Vec<CaseResult>,
    ended_ms: u64,
) -> Report {
    cases.iter_mut().for_each(|case| add_command(case, &header.again, &header.selection));
    let catalogue = Catalogue::builtin();
    let coverage = coverage(catalogue, profile, &cases);
    let undecided = undecided(&header.asked, &cases);
    let outcome = Outcome::of(&cases);
    Report {
        schema: SCHEMA,
        outcome: if undecided.is_empty() { outcome } else { outcome.short_of_its_aim() },
        conditional_on: conditional_on(&cases),
        scope: scope(&coverage, &cases),
        undecided,
        seed: header.seed,
        profile: json!({ "id": profile.id(), "digest": profile.digest() }),
        ics: header.iut.get("ics").cloned().unwrap_or(Value::Null),
        harness: header.harness.clone(),
        iut: iut(header),
        again: command(&header.again, &header.selection, RUN_CASE),
        selection: header.selection.clone(),
        summary: summary(&cases),
        unfinished: Vec::new(),
        baseline: None,
        attestations: attested(header),
        repeats: None,
        http: surface(&cases),
        partly_seen: partly_seen(&coverage, &cases),
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

/// The command that shows a case again. What only the whole run shows needs all its cases.
fn command(again: &str, selection: &str, case: &str) -> String {
    match case {
        RUN_CASE => format!("{again} {selection}").trim_end().to_owned(),
        _ => format!("{again} {}", shell_word(case)),
    }
}

/// Says of everything that is not right how to see it again.
fn add_command(case: &mut CaseResult, again: &str, selection: &str) {
    let command: Text = command(again, selection, &case.id).into();
    for check in case.checks.iter_mut().filter(|check| check.is_red()) {
        for finding in &mut check.findings {
            finding.again = Some(command.clone());
        }
    }
}

impl Report {
    /// The command that runs a case of this report again.
    pub fn again_of(&self, case: &str) -> String {
        let without = self.again.strip_suffix(self.selection.as_str()).unwrap_or(&self.again);
        command(without.trim_end(), &self.selection, case)
    }

    /// Says that the run was interrupted before these cases were finished: what is not there
    /// cannot be conformant.
    pub fn interrupted(mut self, unfinished: Vec<String>) -> Self {
        if !unfinished.is_empty() {
            self.outcome = self.outcome.short_of_its_aim();
        }
        self.unfinished = unfinished;
        self
    }
}

/// A statement of the partner's, as the report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attested {
    pub row: String,
    pub statement: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

fn attested(header: &RunHeader) -> Vec<Attested> {
    let stated = header.iut.get("attestations").cloned().unwrap_or_default();
    serde_json::from_value(stated).unwrap_or_default()
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

/// What was asked for and came to nothing. Rows that do not apply are no gap.
fn undecided(asked: &[String], cases: &[CaseResult]) -> Vec<String> {
    let gap = |pattern: &String| {
        let checks = cases.iter().flat_map(|case| &case.checks);
        let of_it = checks.filter(|check| id_matches(pattern, &check.requirement));
        let mut open = of_it.clone().filter(|check| check.verdict == Verdict::NotTestable);
        let first = open.next()?;
        let decided = of_it.into_iter().any(|check| check.verdict.executed());
        let why = first.not_decided.as_ref().map(|why| format!(" ({})", why.sentence()));
        (!decided).then(|| format!("{pattern}{}", why.unwrap_or_default()))
    };
    asked.iter().filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{CheckResult, NotDecided, Witness};

    fn case(rows: &[(&str, Verdict)]) -> CaseResult {
        let check = |(row, verdict): &(&str, Verdict)| CheckResult {
            id: "step-1".into(),
            requirement: (*row).into(),
            verdict: *verdict,
            basis: Basis::Stated,
            profile_key: None,
            witness: Witness::Wire,
            known: false,
            behind: None,
            not_decided: (*verdict == Verdict::NotTestable)
                .then(|| NotDecided::RuledOut("no such seat".into())),
            findings: Vec::new(),
        };
        CaseResult::of("a", "M1", rows.iter().map(check).collect())
    }

    #[test]
    fn what_was_asked_for_and_not_decided_is_named() {
        use Verdict::{Inconclusive, NotApplicable, NotTestable, Pass};
        let rows = [
            ("JWK-001", Pass),
            ("JWK-002", NotTestable),
            ("PSH-001", NotTestable),
            ("JWT-001", NotApplicable),
            ("NOI-001", Inconclusive),
        ];
        let of = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|word| (*word).to_owned()).collect();
            undecided(&asked, &[case(&rows)])
        };
        assert_eq!(of(&["JWK-*", "JWT-*", "NOI-*"]), [""; 0]);
        assert_eq!(of(&["JWK-*", "PSH-*"]), ["PSH-* (no such seat)"]);
        assert_eq!(of(&["JWK-002"]), ["JWK-002 (no such seat)"]);
    }

    #[test]
    fn what_only_the_run_shows_is_seen_again_by_the_same_choice_of_cases() {
        let of = |selection, case| command("counterpart run --seed 7", selection, case);
        assert_eq!(of("--milestone M2", RUN_CASE), "counterpart run --seed 7 --milestone M2");
        assert_eq!(of("", RUN_CASE), "counterpart run --seed 7");
        assert_eq!(of("--milestone M2", "m2/a[b=c]"), "counterpart run --seed 7 'm2/a[b=c]'");
    }
}
