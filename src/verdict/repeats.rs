//! Whether repeated runs of one seed agree: what does not is flaky, in the subject or in the harness.
//!
//! Main type: [`Repeats`]. There are no silent retries (`harness.md`): every run counts, and the first
//! one is what is reported.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseResult, Verdict};

/// What `run --verify N` found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// How often all cases were run, the first time included.
    pub runs: usize,
    pub flaky: Vec<Flaky>,
}

/// A case that did not end in the same way every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flaky {
    pub case: String,
    /// The verdict of each run; `None` where a run did not bring the case.
    pub verdicts: Vec<Option<Verdict>>,
    /// Checks that differ, as `check requirement`.
    pub checks: Vec<String>,
}

impl Repeats {
    /// Compares the cases of runs of one seed.
    pub fn compare(runs: &[Vec<CaseResult>]) -> Self {
        let ids: BTreeSet<&str> = runs.iter().flatten().map(|case| case.id.as_str()).collect();
        Self { runs: runs.len(), flaky: ids.into_iter().filter_map(|id| flaky(id, runs)).collect() }
    }

    /// One line for people.
    pub fn sentence(&self) -> String {
        let Self { runs, flaky } = self;
        match flaky.len() {
            0 => format!("{runs} runs, no case is flaky"),
            1 => format!("{runs} runs, 1 case is flaky"),
            count => format!("{runs} runs, {count} cases are flaky"),
        }
    }
}

impl Flaky {
    /// One line for people.
    pub fn sentence(&self) -> String {
        let word = |verdict: &Option<Verdict>| verdict.map_or("nothing", Verdict::word);
        let verdicts: Vec<&str> = self.verdicts.iter().map(word).collect();
        let checks = match self.checks.is_empty() {
            true => String::new(),
            false => format!("; differing: {}", self.checks.join(", ")),
        };
        format!("{}: {}{checks}", self.case, verdicts.join(", "))
    }
}

/// The check that names the legal forms in which a client writes.
pub const FORMS: &str = "forms";

/// The checks of a case with their verdicts.
type Checks<'a> = BTreeMap<(&'a str, &'a str), Verdict>;

fn flaky(id: &str, runs: &[Vec<CaseResult>]) -> Option<Flaky> {
    let found = runs.iter().map(|run| run.iter().find(|case| case.id == id));
    let found: Vec<Option<&CaseResult>> = found.collect();
    let verdicts: Vec<Option<Verdict>> = found.iter().map(|case| Some((*case)?.verdict)).collect();
    let checks: Vec<Checks<'_>> =
        found.iter().map(|case| case.map(of).unwrap_or_default()).collect();
    let first = checks.first()?;
    let names: BTreeSet<_> = checks.iter().flat_map(BTreeMap::keys).copied().collect();
    let differs = |name: &(&str, &str)| checks.iter().any(|run| run.get(name) != first.get(name));
    let named = names.into_iter().filter(differs);
    let differing: Vec<String> = named.map(|(check, row)| format!("{check} {row}")).collect();
    let steady = verdicts.iter().all(|verdict| *verdict == verdicts[0]) && differing.is_empty();
    (!steady).then(|| Flaky { case: id.to_owned(), verdicts, checks: differing })
}

fn of(case: &CaseResult) -> Checks<'_> {
    // Which legal forms were seen may be up to a client's own chance, such as the length of a padding.
    let checks =
        case.checks.iter().filter(|check| &*check.id != FORMS || check.verdict != Verdict::Pass);
    checks.map(|check| ((&*check.id, &*check.requirement), check.verdict)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::case;
    use super::*;

    fn named(id: &str, verdicts: &[Verdict]) -> CaseResult {
        CaseResult { id: id.to_owned(), ..case(verdicts) }
    }

    #[test]
    fn runs_that_agree_have_nothing_flaky() {
        let run = vec![named("a", &[Verdict::Pass]), named("b", &[Verdict::Fail])];
        let repeats = Repeats::compare(&[run.clone(), run.clone(), run]);
        assert_eq!(repeats, Repeats { runs: 3, flaky: Vec::new() });
        assert_eq!(repeats.sentence(), "3 runs, no case is flaky");
    }

    #[test]
    fn a_verdict_a_check_and_an_absence_that_differ_are_named() {
        let steady = || named("steady", &[Verdict::Pass]);
        let mut other = named("checks", &[Verdict::Pass]);
        other.checks[0].id = "step-2".into();
        let runs = [
            vec![steady(), named("verdict", &[Verdict::Pass]), named("checks", &[Verdict::Pass])],
            vec![steady(), named("verdict", &[Verdict::Fail]), other],
            vec![steady(), named("verdict", &[Verdict::Pass]), named("gone", &[Verdict::Pass])],
        ];
        let repeats = Repeats::compare(&runs);
        let cases: Vec<&str> = repeats.flaky.iter().map(|flaky| &*flaky.case).collect();
        assert_eq!(cases, ["checks", "gone", "verdict"]);
        assert!(repeats.flaky.iter().all(|flaky| !flaky.checks.is_empty()));
        assert_eq!(repeats.sentence(), "3 runs, 3 cases are flaky");
        assert!(
            repeats.flaky[1].sentence().starts_with("gone: nothing, nothing, pass; differing: ")
        );
    }
}
