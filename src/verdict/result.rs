//! Verdicts and how they add up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;
use crate::diff::Diff;
use crate::spec::Basis;

/// The verdict of a check or a case. Order is severity: a verdict only rises (TTCN-3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Ruled out by a capability or the profile; combines with nothing.
    NotApplicable,
    /// Out of reach, or its prerequisite is missing; combines with nothing.
    NotTestable,
    Pass,
    Warn,
    Inconclusive,
    Fail,
    DriverError,
    HarnessError,
}

impl Verdict {
    /// True for verdicts of checks that were executed.
    pub fn executed(self) -> bool {
        self >= Self::Pass
    }

    /// True for verdicts that answer the question of a row; what is open, or broken on the way to an
    /// answer, does not.
    pub fn decides(self) -> bool {
        matches!(self, Self::Pass | Self::Warn | Self::Fail)
    }

    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "not_applicable",
            Self::NotTestable => "not_testable",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::DriverError => "driver_error",
            Self::HarnessError => "harness_error",
        }
    }
}

/// Where a finding was seen: bytes come before anybody's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    Wire,
    Driver,
    Process,
}

/// Why a row has no pass and no fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotDecided {
    /// An earlier step of the case did not come about.
    Precondition(String),
    /// Nothing showed that the property was exercised.
    NotExercised(String),
    /// An absence was not shown: the fence was not reached.
    NoFence(String),
    /// The decisive profile value is our guess.
    Assumed(String),
    /// A capability, a profile or a hook rules it out.
    RuledOut(String),
    /// A seat answered `configure` with an error. It is the subject's doing and never scope, so a run that
    /// has such cases is not conformant for the others.
    NotConfigured(String),
    /// The instance carried other cases too when this befell it.
    IutDied(String),
}

impl NotDecided {
    /// One sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Precondition(step) => format!("not reached: {step}"),
            Self::NotExercised(what) => format!("not exercised: {what} was never seen"),
            Self::NoFence(why) => format!("the absence was not shown: {why}"),
            Self::Assumed(key) => format!("the profile value `{key}` is assumed, not published"),
            Self::RuledOut(what) => what.clone(),
            Self::NotConfigured(why) => format!("`configure` was refused: {why}"),
            Self::IutDied(what) => {
                format!(
                    "{what}; the instance carried other cases too, so whose doing it was is open"
                )
            }
        }
    }
}

/// The id of what a run shows as a whole, beside its cases.
pub const RUN_CASE: &str = "run";

/// One observation that decides a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub expected: Text,
    pub actual: Text,
    /// Entry ids; the first is where what came first differed from what was expected.
    pub evidence: Vec<Text>,
    /// Expected against actual in detail, where both have a structure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Box<Diff>>,
    /// What most probably lies behind it, where the recording tells; only of what is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Text>,
    /// The command that runs the case again; only of what is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Text>,
    /// What depends on chance; only of what is not right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatile: Option<Box<Surroundings>>,
}

impl Finding {
    /// A finding with its essentials.
    pub fn new<Id: Into<Text>>(
        expected: impl Into<Text>,
        actual: impl Into<Text>,
        evidence: impl IntoIterator<Item = Id>,
    ) -> Self {
        let evidence = evidence.into_iter().map(Into::into).collect();
        Self { expected: expected.into(), actual: actual.into(), evidence, ..Self::default() }
    }
}

/// What was recorded around the first divergent event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Surroundings {
    /// In the order of recording, across all streams.
    pub events: Vec<Nearby>,
}

/// One recorded event in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Nearby {
    /// Its entry id without the case.
    pub entry: String,
    /// Milliseconds since the case began.
    pub after_ms: u64,
    pub what: String,
    /// It is the first divergent event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
}

/// What one check says about one requirement in one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// `step-7` or the name of a passive check.
    pub id: Text,
    pub requirement: Text,
    pub verdict: Verdict,
    /// The weaker of the requirement's and the decisive profile value's.
    pub basis: Basis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_key: Option<Text>,
    pub witness: Witness,
    /// Somebody knows of the failure and it does not count (`interfaces.md` §1).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// The check of the same case whose failure kept this one from being reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_decided: Option<NotDecided>,
    pub findings: Vec<Finding>,
}

/// What a thief made of the keys that he had copied from one of the harness's own clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Theft {
    /// The step's label.
    pub label: String,
    /// Ciphertexts that had reached the client before.
    pub earlier: usize,
    /// How many of them his copy opens; absent where the version's keys are not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<usize>,
    pub round_trips: usize,
    /// Round trips until he read nothing more; absent where that did not come about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed_after: Option<usize>,
}

/// A case with all that was checked in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    pub id: String,
    pub scenario: String,
    pub title: String,
    pub milestone: String,
    pub verdict: Verdict,
    /// It was carried out again, alone, since its first verdict could not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
    /// Where the adapter's log of a red case is, below the folder of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// What was measured, in plain words, whatever the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<String>,
    /// What thieves read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thefts: Vec<Theft>,
    pub checks: Vec<CheckResult>,
    /// How long things took; told and never judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatile: Option<Box<Times>>,
}

/// What followed on a push, in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// From the push to the login of the client that it woke.
    pub push_to_login_ms: u64,
    /// Messages that waited for that client.
    pub messages: u64,
    /// From the push to the moment at which the last of them was shown; absent where that did not come
    /// about, or none waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_to_empty_ms: Option<u64>,
}

impl Times {
    /// One sentence for people.
    pub fn sentence(&self) -> String {
        let login = format!("from the push to the login: {} ms", self.push_to_login_ms);
        let messages = match self.messages {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        match self.push_to_empty_ms {
            Some(ms) => format!("{login}; to the mailbox of {messages} drained: {ms} ms"),
            None => login,
        }
    }
}

impl CheckResult {
    /// Executed and not right.
    pub fn is_red(&self) -> bool {
        self.verdict > Verdict::Pass
    }
}

impl CaseResult {
    /// A case of these checks, as bad as the worst of them, of which nothing else is known; its scenario
    /// is what stands before the choice in its id.
    pub fn of(id: &str, milestone: &str, checks: Vec<CheckResult>) -> Self {
        Self {
            id: id.to_owned(),
            scenario: id.split('[').next().unwrap_or(id).to_owned(),
            title: String::new(),
            milestone: milestone.to_owned(),
            verdict: Self::worst(&checks),
            isolated: false,
            log: None,
            measures: Vec::new(),
            thefts: Vec::new(),
            checks,
            volatile: None,
        }
    }

    /// True for a case without verdict that nobody ruled out. What is ruled out by a seat that is not
    /// under test is scope, and says nothing about the seats that are.
    pub fn is_gap(&self) -> bool {
        let ruled_out =
            |check: &CheckResult| matches!(check.not_decided, Some(NotDecided::RuledOut(_)));
        self.verdict == Verdict::NotTestable
            && (self.checks.is_empty() || !self.checks.iter().all(ruled_out))
    }

    /// True for a check that failed, or was warned of, and kept others from being reached.
    pub fn is_blocked_by(&self, check: &CheckResult) -> bool {
        check.is_red() && self.checks.iter().any(|other| other.behind.as_ref() == Some(&check.id))
    }

    /// What lies behind a known failure does not count either: nobody can decide it before that is mended.
    pub fn know_what_is_behind(&mut self) {
        let decided = self.checks.iter().filter(|check| check.behind.is_none());
        let known: Vec<Text> =
            decided.filter(|check| check.known).map(|check| check.id.clone()).collect();
        for check in &mut self.checks {
            check.known |= check.behind.as_ref().is_some_and(|behind| known.contains(behind));
        }
    }

    /// The worst of the executed checks; with none, not_testable, or not_applicable if all are.
    pub fn worst(checks: &[CheckResult]) -> Verdict {
        let executed = checks.iter().map(|check| check.verdict).filter(|v| v.executed()).max();
        executed.unwrap_or_else(|| {
            let ruled_out = |check: &CheckResult| check.verdict == Verdict::NotApplicable;
            let all = !checks.is_empty() && checks.iter().all(ruled_out);
            if all { Verdict::NotApplicable } else { Verdict::NotTestable }
        })
    }
}

/// What the run says as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Conformant,
    ConformantWithWarnings,
    Nonconformant,
    Incomplete,
    Invalid,
}

impl Outcome {
    /// Adds up the cases. A harness error or a lying driver makes it invalid, whatever else holds;
    /// a run in which no check was executed is invalid too.
    pub fn of(cases: &[CaseResult]) -> Self {
        let counted = || cases.iter().flat_map(|case| &case.checks).filter(|check| !check.known);
        let has = |verdict| counted().any(|check| check.verdict == verdict);
        let executed = cases.iter().flat_map(|c| &c.checks).any(|c| c.verdict.executed());
        let gap = cases.iter().any(CaseResult::is_gap);
        if has(Verdict::HarnessError) || has(Verdict::DriverError) || !executed {
            Self::Invalid
        } else if has(Verdict::Fail) {
            Self::Nonconformant
        } else if has(Verdict::Inconclusive) || gap {
            Self::Incomplete
        } else if has(Verdict::Warn) {
            Self::ConformantWithWarnings
        } else {
            Self::Conformant
        }
    }

    /// The same of a run that did not do what it was to do: it is not conformant for that alone.
    pub fn short_of_its_aim(self) -> Self {
        match self {
            Self::Nonconformant | Self::Invalid => self,
            Self::Conformant | Self::ConformantWithWarnings | Self::Incomplete => Self::Incomplete,
        }
    }

    /// The words in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Conformant => "conformant",
            Self::ConformantWithWarnings => "conformant_with_warnings",
            Self::Nonconformant => "nonconformant",
            Self::Incomplete => "incomplete",
            Self::Invalid => "invalid",
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn check(verdict: Verdict) -> CheckResult {
        CheckResult {
            id: "step-1".into(),
            requirement: "ENL-001".into(),
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

    pub(in crate::verdict) fn case(verdicts: &[Verdict]) -> CaseResult {
        let checks = verdicts.iter().copied().map(check).collect();
        CaseResult { title: "a".into(), ..CaseResult::of("a", "M1", checks) }
    }

    #[test]
    fn a_case_is_as_bad_as_its_worst_executed_check() {
        use Verdict::*;
        assert_eq!(case(&[Pass, Warn, NotTestable]).verdict, Warn);
        assert_eq!(case(&[Fail, HarnessError]).verdict, HarnessError);
        assert_eq!(case(&[NotApplicable, NotApplicable]).verdict, NotApplicable);
        assert_eq!(case(&[NotApplicable, NotTestable]).verdict, NotTestable);
        assert_eq!(case(&[]).verdict, NotTestable);
    }

    #[test]
    fn what_a_refused_configuration_left_out_is_a_gap_and_no_scope() {
        let left_out = |why: NotDecided| {
            let check = CheckResult { not_decided: Some(why), ..check(Verdict::NotTestable) };
            CaseResult::of("a", "M1", vec![check])
        };
        let refused = left_out(NotDecided::NotConfigured("error 1: in use".to_owned()));
        let passed = case(&[Verdict::Pass]);
        assert_eq!(Outcome::of(std::slice::from_ref(&refused)), Outcome::Invalid);
        assert_eq!(Outcome::of(&[refused, passed.clone()]), Outcome::Incomplete);
        assert_eq!(
            Outcome::of(&[left_out(NotDecided::RuledOut("capability clock".to_owned())), passed]),
            Outcome::Conformant
        );
    }

    #[test]
    fn an_outcome_is_never_green_by_default() {
        use Verdict::*;
        assert_eq!(Outcome::of(&[]), Outcome::Invalid);
        assert_eq!(Outcome::of(&[case(&[NotApplicable])]), Outcome::Invalid);
        assert_eq!(Outcome::of(&[case(&[Pass]), case(&[])]), Outcome::Incomplete);
        assert_eq!(Outcome::of(&[case(&[Pass]), case(&[Inconclusive])]), Outcome::Incomplete);
        assert_eq!(Outcome::of(&[case(&[Fail, Inconclusive])]), Outcome::Nonconformant);
        assert_eq!(Outcome::of(&[case(&[Fail, DriverError])]), Outcome::Invalid);
        assert_eq!(Outcome::of(&[case(&[Pass]), case(&[Warn])]), Outcome::ConformantWithWarnings);
        assert_eq!(Outcome::of(&[case(&[Pass]), case(&[NotApplicable])]), Outcome::Conformant);
    }
}
