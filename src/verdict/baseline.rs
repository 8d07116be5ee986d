//! Failures that somebody knows of, with a reason and a day on which they must be gone.
//!
//! Main type: [`Baseline`]. An entry names a failure by its identity (case, check, requirement;
//! `interfaces.md` §12). It keeps its verdict and does not count. An entry that passes, has expired
//! or matches nothing fails the run, because a list that nobody prunes hides the next failure.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseResult, CheckResult, Date, Verdict};
use crate::span::Source;
use crate::spec::problems::{Fields, Problems};
use crate::spec::yaml::Yaml;
use crate::spec::{Catalogue, LoadError, read_source};

/// Version of the file format.
pub const SCHEMA: u64 = 1;

/// The known failures of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// As the user named it.
    pub name: String,
    pub entries: Vec<Known>,
}

/// The file as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    pub schema: u64,
    pub known: Vec<Known>,
}

/// One known failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    pub case: String,
    /// All checks of the requirement where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    pub requirement: String,
    pub reason: String,
    /// Whose fault it is, or who mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The last day on which it is accepted.
    pub expires: Date,
}

/// What is said of failures that are new in a list.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    pub reason: &'a str,
    pub owner: Option<&'a str>,
    pub expires: Date,
}

/// What a run made of a baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    pub file: String,
    /// Checks that failed and do not count.
    pub known: usize,
    pub problems: Vec<Stale>,
}

/// An entry that must be removed or corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stale {
    pub problem: Problem,
    #[serde(flatten)]
    pub entry: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// It does not fail any more.
    Passes,
    Expired,
    /// There is no such case, or the case has no such check.
    MatchesNothing,
}

impl Applied {
    /// One sentence for people.
    pub fn sentence(&self) -> String {
        let (known, file) = (self.known, &self.file);
        let count = if known == 1 {
            "1 known failure".to_owned()
        } else {
            format!("{known} known failures")
        };
        match self.problems.len() {
            0 => format!("{count} of {file}, not counted"),
            1 => format!("{count} of {file}, not counted; 1 entry must be corrected:"),
            n => format!("{count} of {file}, not counted; {n} entries must be corrected:"),
        }
    }
}

impl Stale {
    /// The word for what is wrong with the entry.
    pub fn word(&self) -> &'static str {
        match self.problem {
            Problem::Passes => "passes",
            Problem::Expired => "expired",
            Problem::MatchesNothing => "matches_nothing",
        }
    }

    /// One sentence for people.
    pub fn sentence(&self) -> String {
        let Known { case, check, requirement, expires, .. } = &self.entry;
        let check = check.as_ref().map(|check| format!(" {check}")).unwrap_or_default();
        let what = match self.problem {
            Problem::Passes => "does not fail any more; remove the entry".to_owned(),
            Problem::Expired => format!("has expired on {expires}; fix it or decide again"),
            Problem::MatchesNothing => "matches nothing; correct or remove the entry".to_owned(),
        };
        format!("{case}{check} {requirement} {what}")
    }
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or holds mistakes, all of which are listed.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::parse(&read_source(path)?)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] with every mistake.
    pub fn parse(source: &Source) -> Result<Self, LoadError> {
        let tree = Yaml::parse(source).map_err(|error| LoadError::Invalid(vec![error]))?;
        let mut problems = Problems::new(source);
        let entries = read(&mut problems, &tree);
        let entries = problems.finish(entries).map_err(LoadError::Invalid)?;
        Ok(Self { name: source.name.to_string(), entries })
    }

    /// The file's text.
    pub fn to_yaml(&self) -> String {
        let file = File { schema: SCHEMA, known: self.entries.clone() };
        // Plain data with text keys only.
        serde_yaml::to_string(&file).expect("a baseline is plain data")
    }

    /// Marks the known failures and finds the entries that must go. `exists` are the ids of all
    /// cases, whether or not they ran: an entry of a case that was not selected is left alone.
    pub fn apply(
        &self,
        cases: &mut [CaseResult],
        exists: &BTreeSet<String>,
        today: Date,
    ) -> Applied {
        let mut problems = Vec::new();
        for entry in &self.entries {
            let problem = entry.apply(cases, exists, today);
            problems.extend(problem.map(|problem| Stale { problem, entry: entry.clone() }));
        }
        let known = cases.iter().flat_map(|case| &case.checks);
        let known = known.filter(|check| check.known && check.behind.is_none()).count();
        Applied { file: self.name.clone(), known, problems }
    }

    /// A baseline of everything that keeps a run from being conformant now: what fails, what is warned
    /// of and keeps other checks from being reached, and what is open for another reason. What was
    /// known keeps its reason, owner and day.
    pub fn updated(&self, cases: &[CaseResult], new: Accepted<'_>) -> Self {
        let failing = cases.iter().flat_map(|case| {
            let open = |check: &CheckResult| {
                check.verdict == Verdict::Inconclusive && check.behind.is_none()
            };
            let listed = move |check: &&CheckResult| {
                check.verdict == Verdict::Fail || open(check) || case.is_blocked_by(check)
            };
            case.checks.iter().filter(listed).map(move |check| (case, check))
        });
        let entries = failing.map(|(case, check)| {
            let known = self.entries.iter().find(|entry| entry.names(case, check)).cloned();
            let said = known.unwrap_or_else(|| new.said());
            Known {
                case: case.id.clone(),
                check: Some(check.id.to_string()),
                requirement: check.requirement.to_string(),
                ..said
            }
        });
        Self { name: self.name.clone(), entries: entries.collect() }
    }
}

impl Accepted<'_> {
    /// An entry that names nothing yet.
    fn said(&self) -> Known {
        Known {
            case: String::new(),
            check: None,
            requirement: String::new(),
            reason: self.reason.to_owned(),
            owner: self.owner.map(str::to_owned),
            expires: self.expires,
        }
    }
}

impl Known {
    fn names(&self, case: &CaseResult, check: &CheckResult) -> bool {
        self.case == case.id
            && check.requirement == self.requirement
            && self.check.as_ref().is_none_or(|id| check.id == *id)
    }

    fn apply(
        &self,
        cases: &mut [CaseResult],
        exists: &BTreeSet<String>,
        today: Date,
    ) -> Option<Problem> {
        let Some(case) = cases.iter_mut().find(|case| case.id == self.case) else {
            return (!exists.contains(&self.case)).then_some(Problem::MatchesNothing);
        };
        let named: Vec<usize> =
            (0..case.checks.len()).filter(|at| self.names(case, &case.checks[*at])).collect();
        if named.is_empty() {
            return Some(Problem::MatchesNothing);
        }
        if self.expires < today {
            return Some(Problem::Expired);
        }
        let executed = named.iter().any(|at| case.checks[*at].verdict.executed());
        let right = |at: &usize| case.checks[*at].verdict <= Verdict::Pass;
        if executed && named.iter().all(right) {
            return Some(Problem::Passes);
        }
        for at in named {
            let check = &mut case.checks[at];
            check.known =
                matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Inconclusive);
        }
        case.know_what_is_behind();
        None
    }
}

fn read(problems: &mut Problems, tree: &Yaml) -> Option<Vec<Known>> {
    let top = problems.fields(tree, "a baseline", &["schema", "known"], &["schema", "known"])?;
    if let Some(node) = top.get("schema")
        && problems.number(node, "schema").is_some_and(|number| number != SCHEMA)
    {
        problems.advise(node.span, "this version reads baselines of schema 1", "write `schema: 1`");
    }
    let items = problems.items(top.get("known")?, "known").iter();
    let mut entries: Vec<Known> = Vec::new();
    for item in items {
        let Some(entry) = read_entry(problems, item) else { continue };
        let same = |other: &Known| {
            (&other.case, &other.check, &other.requirement)
                == (&entry.case, &entry.check, &entry.requirement)
        };
        if entries.iter().any(same) {
            problems.advise(item.anchor(), "this failure stands here twice", "keep one of the two");
        }
        entries.push(entry);
    }
    Some(entries)
}

const KEYS: &[&str] = &["case", "check", "requirement", "reason", "owner", "expires"];

fn read_entry(problems: &mut Problems, node: &Yaml) -> Option<Known> {
    let required = ["case", "requirement", "reason", "expires"];
    let fields = problems.fields(node, "a known failure", KEYS, &required)?;
    let text = |problems: &mut Problems, fields: Fields<'_>, key: &str| {
        fields.get(key).and_then(|node| problems.text(node, key)).map(str::to_owned)
    };
    let (case, check) = (text(problems, fields, "case"), text(problems, fields, "check"));
    let requirement = text(problems, fields, "requirement");
    if let (Some(id), Some(node)) = (&requirement, fields.get("requirement"))
        && Catalogue::builtin().get(id).is_none()
    {
        let ids: Vec<&str> = Catalogue::builtin().ids().collect();
        problems.unknown(node.span, "requirement", id, &ids);
    }
    let reason = text(problems, fields, "reason");
    if let (Some(reason), Some(node)) = (&reason, fields.get("reason"))
        && reason.trim().is_empty()
    {
        problems.advise(node.anchor(), "the reason is empty", "say why this failure is accepted");
    }
    let owner = text(problems, fields, "owner");
    let expires = text(problems, fields, "expires")?;
    let expires = expires.parse::<Date>();
    if let (Err(error), Some(node)) = (&expires, fields.get("expires")) {
        problems.add(node.span, error.to_string());
    }
    Some(Known {
        case: case?,
        check,
        requirement: requirement?,
        reason: reason?,
        owner,
        expires: expires.ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Basis;
    use crate::verdict::{Outcome, Witness};

    fn parse(text: &str) -> Result<Baseline, LoadError> {
        Baseline::parse(&Source::new("known.yaml", text))
    }

    fn check(id: &str, requirement: &str, verdict: Verdict) -> CheckResult {
        CheckResult {
            id: id.into(),
            requirement: requirement.into(),
            verdict,
            basis: Basis::Stated,
            profile_key: None,
            witness: Witness::Wire,
            known: false,
            behind: None,
            not_decided: None,
            findings: vec![],
        }
    }

    fn cases() -> Vec<CaseResult> {
        let checks = vec![
            check("step-4", "STZ-019", Verdict::Fail),
            check("step-5", "STZ-019", Verdict::Pass),
            check("tokens", "JWT-007", Verdict::Pass),
        ];
        vec![CaseResult { title: "a".into(), ..CaseResult::of("m1/a", "M1", checks) }]
    }

    const ONE: &str = "schema: 1\nknown:\n  - { case: m1/a, check: step-4, requirement: STZ-019, \
                       reason: fixed in 2.4, expires: 2026-12-31 }\n";

    fn apply(text: &str, today: &str) -> (Vec<CaseResult>, Applied) {
        let mut cases = cases();
        let exists = BTreeSet::from(["m1/a".to_owned(), "m1/b".to_owned()]);
        let applied = parse(text).unwrap().apply(&mut cases, &exists, today.parse().unwrap());
        (cases, applied)
    }

    #[test]
    fn a_known_failure_keeps_its_verdict_and_does_not_count() {
        assert_eq!(Outcome::of(&cases()), Outcome::Nonconformant);
        let (cases, applied) = apply(ONE, "2026-12-31");
        assert_eq!((applied.known, applied.problems.len()), (1, 0));
        let first = &cases[0].checks[0];
        assert!(first.known && first.verdict == Verdict::Fail);
        assert_eq!((Outcome::of(&cases), cases[0].verdict), (Outcome::Conformant, Verdict::Fail));
        let (cases, applied) = apply(&ONE.replace("check: step-4, ", ""), "2026-01-01");
        assert_eq!((applied.known, applied.problems.len()), (1, 0));
        assert!(!cases[0].checks[1].known);
    }

    #[test]
    fn what_lies_behind_a_known_failure_does_not_count_either() {
        let stopped = |verdict: Verdict| {
            let mut cases = cases();
            cases[0].checks[0].verdict = verdict;
            cases[0].checks[1].verdict = Verdict::Inconclusive;
            cases[0].checks[1].behind = Some("step-4".into());
            cases
        };
        let exists = BTreeSet::new();
        let today = "2026-01-01".parse().unwrap();
        for verdict in [Verdict::Fail, Verdict::Warn] {
            let mut cases = stopped(verdict);
            assert_ne!(Outcome::of(&cases), Outcome::Conformant);
            let fresh = Baseline { name: "known.yaml".into(), entries: vec![] };
            let new = Accepted { reason: "first run", owner: None, expires: today };
            let list = fresh.updated(&cases, new);
            assert_eq!(list.entries.len(), 1);
            let applied = list.apply(&mut cases, &exists, today);
            assert_eq!((applied.known, applied.problems.len()), (1, 0));
            assert_eq!(Outcome::of(&cases), Outcome::Conformant);
        }
    }

    #[test]
    fn what_is_open_for_a_reason_of_its_own_counts_until_it_is_listed() {
        let mut cases = cases();
        cases[0].checks[1].verdict = Verdict::Inconclusive;
        let today = "2026-01-01".parse().unwrap();
        parse(ONE).unwrap().apply(&mut cases, &BTreeSet::new(), today);
        assert_eq!(Outcome::of(&cases), Outcome::Incomplete);
        let new = Accepted { reason: "no such thing yet", owner: None, expires: today };
        let list = parse(ONE).unwrap().updated(&cases, new);
        assert_eq!(list.entries.len(), 2);
        list.apply(&mut cases, &BTreeSet::new(), today);
        assert_eq!(Outcome::of(&cases), Outcome::Conformant);
    }

    #[test]
    fn what_has_expired_passes_or_matches_nothing_is_a_problem() {
        let problem = |text: &str, today: &str| {
            let (cases, applied) = apply(text, today);
            assert!(applied.known == 0 && cases[0].checks.iter().all(|check| !check.known));
            applied.problems.first().map(|stale| stale.problem)
        };
        assert_eq!(problem(ONE, "2027-01-01"), Some(Problem::Expired));
        let passing = ONE.replace("step-4, requirement: STZ-019", "tokens, requirement: JWT-007");
        assert_eq!(problem(&passing, "2026-01-01"), Some(Problem::Passes));
        let nothing = ONE.replace("step-4", "step-9");
        assert_eq!(problem(&nothing, "2026-01-01"), Some(Problem::MatchesNothing));
        let gone = ONE.replace("m1/a", "m1/gone");
        assert_eq!(problem(&gone, "2026-01-01"), Some(Problem::MatchesNothing));
        let not_selected = ONE.replace("m1/a", "m1/b");
        assert_eq!(problem(&not_selected, "2026-01-01"), None);
    }

    #[test]
    fn an_update_lists_what_fails_and_keeps_what_was_said_of_it() {
        let expires = "2027-06-30".parse().unwrap();
        let fresh = Baseline { name: "known.yaml".into(), entries: vec![] };
        let new = Accepted { reason: "first run", owner: Some("protocol"), expires };
        let made = fresh.updated(&cases(), new);
        assert_eq!(parse(&made.to_yaml()).unwrap(), made);
        assert_eq!((made.entries.len(), made.entries[0].reason.as_str()), (1, "first run"));
        assert_eq!(made.entries[0].owner.as_deref(), Some("protocol"));
        let again = parse(ONE).unwrap().updated(&cases(), new);
        assert_eq!(again.entries[0].reason, "fixed in 2.4");
        insta::assert_snapshot!(again.to_yaml());
    }

    #[test]
    fn mistakes_are_shown_at_their_places() {
        let error = parse(
            "schema: 2\nknown:\n  - { case: m1/a, requirement: STZ-919, reason: '', expires: soon }\n  \
             - { cas: m1/a, requirement: STZ-019, reason: x, expires: 2026-02-30 }\n",
        );
        insta::assert_snapshot!(error.unwrap_err().to_string());
    }
}
