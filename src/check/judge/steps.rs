//! Rows as the steps of a scenario decide them, with their twins, probes and the vacuity guard.

use std::collections::BTreeSet;

use super::grading::{broken, contradicted, resting_on_signal, result, undecided};
use super::lent;
use super::seen::{idle_fault, observed};
use super::{Setting, blame};
use crate::check::progress::{Progress, StepOutcome};
use crate::check::resting;
use crate::evidence::{Direction, Entry, Event, Transcript};
use crate::scenario::kinds::Point;
use crate::scenario::{Action, Part, Payload, Plan, Purpose, Scenario, Seen, Step};
use crate::verdict::{CheckResult, Finding, NotDecided, Verdict, Witness};
use crate::wire::binary;

/// What a probe that fails shows.
const DAMAGED: &str = "damaged";
/// The row that compares encodings.
const ONE_MEANING: &str = "ROB-007";
/// Why it is not decided where there is nothing to compare with.
const CANONICAL_TOO: &str = "the same step did not come about in the canonical encoding either";

pub(super) struct Steps<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) plan: &'a Plan,
    pub(super) progress: &'a Progress<'a>,
    pub(super) transcript: &'a Transcript,
    pub(super) setting: Setting<'a>,
}

fn negatives(scenario: &Scenario) -> impl Iterator<Item = (usize, &Step)> {
    scenario.steps.iter().enumerate().filter(|(_, step)| step.negative.is_some())
}

/// Check and row of what the negative step with this index, and those behind it up to the next,
/// decide.
fn negative_rows(scenario: &Scenario, index: usize) -> BTreeSet<(String, String)> {
    let next = negatives(scenario).map(|(at, _)| at).find(|at| *at > index);
    let end = next.unwrap_or(scenario.steps.len());
    let steps = (index..end).map(|at| (at, &scenario.steps[at]));
    steps
        .flat_map(|(at, step)| {
            step.checks.iter().map(move |row| (format!("step-{}", at + 1), row.clone()))
        })
        .collect()
}

/// Check and row of everything that a scenario decides by negative steps: what passes only if a
/// subject takes what is right and refuses what is not.
pub fn refusals(scenario: &Scenario) -> BTreeSet<(String, String)> {
    negatives(scenario).flat_map(|(index, _)| negative_rows(scenario, index)).collect()
}

impl Steps<'_> {
    pub(super) fn judge(&self) -> Vec<CheckResult> {
        let mut checks = self.main_phase();
        for (index, _) in negatives(self.scenario) {
            self.apply_controls(index, &mut checks);
        }
        self.apply_vacuity_guard(&mut checks);
        checks
    }

    /// Rows as the scenario's own steps decide them.
    fn main_phase(&self) -> Vec<CheckResult> {
        let mut checks = Vec::new();
        let mut stopped: Option<Stop> = self.before_main();
        for (phase, steps) in self.plan.phases.iter().enumerate() {
            if steps.purpose != Purpose::Main {
                continue;
            }
            for (at, planned) in steps.steps.iter().enumerate() {
                let outcome = self.progress.outcome(phase, at);
                if let Part::Own(index) = planned.part {
                    for row in &planned.step.checks {
                        checks.push(self.row(index, &planned.step, row, outcome, stopped.as_ref()));
                    }
                }
                if stopped.is_none() {
                    stopped = self.stop(&planned.step, planned.part, outcome);
                }
            }
        }
        checks
    }

    /// What ended the case before its own steps began: a control that did not come about.
    fn before_main(&self) -> Option<Stop> {
        for (phase, steps) in self.plan.phases.iter().enumerate() {
            if steps.purpose == Purpose::Main {
                return None;
            }
            if steps.purpose == Purpose::Canonical {
                continue;
            }
            for (at, planned) in steps.steps.iter().enumerate() {
                let outcome = self.progress.outcome(phase, at);
                if let Some(stop) = self.stop(&planned.step, planned.part, outcome) {
                    let control = match planned.part {
                        Part::LeadUp => "a control without the fault, ",
                        _ => "",
                    };
                    let what = format!("{control}{}", stop.what);
                    return outcome.is_some().then(|| Stop::at(what));
                }
            }
        }
        None
    }

    fn stop(&self, step: &Step, part: Part, outcome: Option<&StepOutcome>) -> Option<Stop> {
        let what = self.describe(step, part);
        if outcome.is_some_and(|outcome| outcome.goes_on(step)) {
            return None;
        }
        match outcome {
            Some(StepOutcome::Open { why }) => Some(Stop::at(format!("{what}: {why}"))),
            Some(StepOutcome::Satisfied { .. } | StepOutcome::OutOfSight) => None,
            // A hook is an offer; what needs it cannot be tested (`interfaces.md` §6).
            Some(StepOutcome::Unsupported { operation, .. })
                if matches!(step.action, Action::Advance(_)) =>
            {
                let absent = Some(format!("the adapter has no hook `{operation}`"));
                Some(Stop { absent, ..Stop::at(what) })
            }
            Some(StepOutcome::Unsupported { operation, evidence }) => {
                let fails = Some(absent_operation(operation, evidence));
                Some(Stop { fails, ..Stop::at(what) })
            }
            Some(StepOutcome::Failed { expected, actual, evidence, .. }) => {
                let claim = actual.starts_with("the adapter reports");
                let finding = || Finding::new(expected.as_str(), actual.as_str(), evidence.clone());
                let what = format!("{what}: {}", shortened(actual));
                let check = match part {
                    Part::Own(index) if !step.checks.is_empty() => {
                        Some(format!("step-{}", index + 1))
                    }
                    _ => None,
                };
                Some(Stop { fails: claim.then(finding), check, ..Stop::at(what) })
            }
            Some(StepOutcome::NoFence { why }) => Some(Stop::at(why.clone())),
            None => Some(Stop::at(format!("{what} was not reached"))),
        }
    }

    fn describe(&self, step: &Step, part: Part) -> String {
        let (line, _) = self.scenario.source.position(step.span.start);
        let name = match &step.action {
            Action::Act(act) => format!("`{}` on {}", act.operation, act.on),
            Action::Send(send) => format!("send to {}", send.to),
            Action::Expect(expect) => format!("expect at {}", expect.at),
            Action::ExpectNone(expect) => format!("expect_none at {}", expect.at),
            Action::Fault(fault) => format!("fault `{}` on {}", fault.kind.word(), fault.on),
            Action::Advance(advance) => format!("advance on {}", advance.on),
            Action::Compromise(theft) => format!("compromise of {}", theft.of),
        };
        let role = match part {
            Part::Own(_) | Part::LeadUp => "step",
            Part::Twin(_) => "twin of the step",
            Part::Probe(_) => "probe after the step",
        };
        format!("{role} in line {line} ({name})")
    }

    fn row(
        &self,
        index: usize,
        step: &Step,
        row: &str,
        outcome: Option<&StepOutcome>,
        stopped: Option<&Stop>,
    ) -> CheckResult {
        let check = result(&format!("step-{}", index + 1), row, Verdict::Pass);
        let check = CheckResult { witness: self.witness(&step.action), ..check };
        let check = self.with_profile_key(check, index);
        let names_a_value = check.profile_key.is_some();
        let check = resting_on_signal(check, self.setting);
        if let Some(stop) = stopped {
            return match (&stop.fails, &stop.absent) {
                (Some(finding), _) => on_its_word(contradicted(check, finding.clone())),
                (None, Some(absent)) => CheckResult {
                    verdict: Verdict::NotTestable,
                    not_decided: Some(NotDecided::RuledOut(absent.clone())),
                    ..check
                },
                (None, None) => CheckResult {
                    behind: stop.check.clone().map(Into::into),
                    ..undecided(check, NotDecided::Precondition(stop.what.clone()))
                },
            };
        }
        match outcome {
            Some(StepOutcome::Satisfied { actual, evidence }) => {
                let finding = Finding::new(self.text(step), actual.as_str(), evidence.clone());
                CheckResult { findings: vec![finding], ..check }
            }
            // Where it fails in the canonical encoding too, no encoding has another meaning.
            Some(StepOutcome::Failed { .. })
                if row == ONE_MEANING && self.fails_canonically(step) =>
            {
                undecided(check, NotDecided::Precondition(CANONICAL_TOO.to_owned()))
            }
            Some(StepOutcome::Failed { expected, actual, evidence, diff }) => {
                if let Some(why) = blame::of_step(self.transcript, step, row, evidence) {
                    let why = format!("{why}: {}", shortened(actual));
                    return undecided(check, NotDecided::Precondition(why));
                }
                let diff = diff.clone().map(Box::new);
                let finding = Finding {
                    diff,
                    ..Finding::new(expected.as_str(), actual.as_str(), evidence.clone())
                };
                // What a stanza of ours means by a value that we guess is no invariant.
                let invariant = matches!(step.action, Action::ExpectNone(_)) && !names_a_value;
                broken(check, finding, invariant, self.setting)
            }
            Some(StepOutcome::Unsupported { operation, evidence }) => {
                on_its_word(contradicted(check, absent_operation(operation, evidence)))
            }
            Some(StepOutcome::NoFence { why }) => {
                undecided(check, NotDecided::NoFence(why.clone()))
            }
            Some(StepOutcome::Open { why }) => {
                undecided(check, NotDecided::Precondition(why.clone()))
            }
            Some(StepOutcome::OutOfSight) => lent::out_of_sight(check, lent::lent(self.transcript)),
            None => undecided(check, NotDecided::Precondition("the step was not reached".into())),
        }
    }

    /// True where the phase in the canonical encoding ended at this step, or before it.
    fn fails_canonically(&self, step: &Step) -> bool {
        let phases = self.plan.phases.iter().enumerate();
        let mut canonical = phases.filter(|(_, phase)| phase.purpose == Purpose::Canonical);
        canonical.any(|(number, phase)| {
            let same = phase.steps.iter().position(|planned| planned.step.span == step.span);
            let outcome = same.and_then(|at| self.progress.outcome(number, at));
            same.is_some() && !outcome.is_some_and(StepOutcome::is_satisfied)
        })
    }

    /// A verdict is no stronger than the profile values that the step names, and the stanza does
    /// that it answers to.
    fn with_profile_key(&self, check: CheckResult, index: usize) -> CheckResult {
        let steps = &self.scenario.steps[..=index];
        let sent = |step: &&Step| matches!(step.action, Action::Send(_));
        let cause = steps.iter().rev().find(|step| step.action.causes()).filter(sent);
        let weakest = steps[index..]
            .iter()
            .chain(cause)
            .flat_map(Step::references)
            .filter_map(|path| path.strip_prefix("profile.").map(str::to_owned))
            .chain(resting::keys(&self.scenario.steps[index]).map(str::to_owned))
            .filter_map(|key| Some((self.setting.profile.basis(&key)?, key)))
            .min_by_key(|(basis, _)| *basis);
        match weakest {
            Some((basis, key)) if basis < check.basis => {
                CheckResult { basis, profile_key: Some(key.into()), ..check }
            }
            _ => check,
        }
    }

    /// Who saw what such a step waits for: bytes, or the adapter.
    fn witness(&self, action: &Action) -> Witness {
        let by_adapter = match action {
            Action::Act(_) | Action::Advance(_) => true,
            Action::Expect(expect) | Action::ExpectNone(expect) => match expect.kind.info().point {
                Point::Iut => true,
                Point::User => {
                    let mut actors = self.scenario.actors.iter();
                    actors.any(|(name, actor)| *name == expect.at && actor.iut)
                }
                Point::Meta | Point::MetaClient => false,
            },
            Action::Send(_) | Action::Fault(_) | Action::Compromise(_) => false,
        };
        if by_adapter { Witness::Driver } else { Witness::Wire }
    }

    fn text(&self, step: &Step) -> String {
        let text = self.scenario.source.text.get(step.span.start..step.span.end);
        text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Twin and probe of a negative step: without both, its rows do not pass.
    fn apply_controls(&self, index: usize, checks: &mut [CheckResult]) {
        let rows = negative_rows(self.scenario, index);
        for (phase, steps) in self.plan.phases.iter().enumerate() {
            for (at, planned) in steps.steps.iter().enumerate() {
                let (control, word) = match planned.part {
                    Part::Twin(of) if of == index => (true, "refuses everything"),
                    Part::Probe(of) if of == index => (true, DAMAGED),
                    Part::LeadUp if steps.purpose == Purpose::Twin(index) => (false, ""),
                    _ => continue,
                };
                let outcome = self.progress.outcome(phase, at);
                if outcome.is_some_and(|outcome| outcome.goes_on(&planned.step)) {
                    continue;
                }
                // Who never answers a ping is not damaged by what came before it.
                let control = control && (word != DAMAGED || self.probe_can_work(steps));
                let what = self.describe(&planned.step, planned.part);
                let word = control.then_some(word);
                let lowered = Lowered { step: &planned.step, outcome, word, what };
                self.lower(checks, &rows, &lowered);
                break;
            }
        }
    }

    /// A probe by ping says something only of a client that answered some ping in this case.
    fn probe_can_work(&self, probe: &crate::scenario::Phase) -> bool {
        let pings = probe.steps.iter().any(|planned| {
            matches!(&planned.step.action, Action::Send(send) if matches!(send.payload, Payload::Stanza(_)))
        });
        let answered = |entry: &Entry| entry.id.stream.is_fence() && is_ping_answer(&entry.event);
        !pings || self.transcript.entries().iter().any(answered)
    }

    /// Takes back the passes of a negative step whose control did not come about. With a `word` for
    /// what that shows of the subject, a control that failed fails the rows.
    fn lower(
        &self,
        checks: &mut [CheckResult],
        rows: &BTreeSet<(String, String)>,
        lowered: &Lowered<'_>,
    ) {
        let Lowered { step, outcome, word, what } = lowered;
        for check in checks.iter_mut() {
            let concerned = rows.contains(&(check.id.to_string(), check.requirement.to_string()));
            // What was found broken stays found, also where the row only recommends.
            let found = check.verdict == Verdict::Warn || check.verdict > Verdict::Inconclusive;
            if !concerned || found {
                continue;
            }
            match (*outcome, *word) {
                (Some(StepOutcome::Failed { expected, actual, evidence, diff }), Some(word)) => {
                    if let Some(why) =
                        blame::of_control(self.transcript, step, evidence, word == DAMAGED)
                    {
                        let why = NotDecided::Precondition(format!("{what}: {why}"));
                        let check_of = undecided(check.clone(), why);
                        *check = CheckResult { findings: Vec::new(), ..check_of };
                        continue;
                    }
                    let actual = format!("{word}: {what}: {actual}");
                    let diff = diff.clone().map(Box::new);
                    let finding = Finding {
                        diff,
                        ..Finding::new(expected.as_str(), actual.as_str(), evidence.clone())
                    };
                    *check = broken(check.clone(), finding, true, self.setting);
                }
                // What is undecided already knows a better reason.
                _ if check.verdict == Verdict::Inconclusive => {}
                _ => {
                    let why = NotDecided::Precondition(what.clone());
                    *check = CheckResult { findings: Vec::new(), ..undecided(check.clone(), why) };
                }
            }
        }
    }

    /// What the labelled steps themselves show: an operation was asked for, an expectation was met.
    fn steps_seen(&self) -> BTreeSet<(String, Seen)> {
        let phases = self.plan.phases.iter().enumerate();
        let steps = phases.flat_map(|(phase, steps)| {
            steps.steps.iter().enumerate().map(move |(at, planned)| (phase, at, planned))
        });
        let own = steps.filter(|(_, _, planned)| matches!(planned.part, Part::Own(_)));
        own.filter_map(|(phase, at, planned)| {
            let label = planned.step.label.clone()?;
            let satisfied = self.progress.outcome(phase, at)?.is_satisfied();
            match planned.step.action {
                Action::Act(_) | Action::Advance(_) | Action::Compromise(_) if satisfied => {
                    Some((label, Seen::Sent))
                }
                Action::Expect(_) if satisfied => Some((label, Seen::Received)),
                _ => None,
            }
        })
        .collect()
    }

    /// Labels of what only a client of the subject's own would have shown.
    fn out_of_sight(&self) -> BTreeSet<String> {
        let phases = self.plan.phases.iter().enumerate();
        let steps = phases.flat_map(|(phase, steps)| {
            steps.steps.iter().enumerate().map(move |(at, planned)| (phase, at, planned))
        });
        let hidden = steps.filter(|(phase, at, _)| {
            self.progress.outcome(*phase, *at) == Some(&StepOutcome::OutOfSight)
        });
        let labels = hidden.flat_map(|(_, _, planned)| {
            let named = planned.step.references().into_iter();
            let named = named.filter_map(|path| Some(path.split_once('.')?.0.to_owned()));
            let of = planned.step.answers().map(str::to_owned);
            named.chain(of).chain(planned.step.label.clone()).collect::<Vec<_>>()
        });
        labels.collect()
    }

    fn main_phase_ended(&self) -> bool {
        let phases = self.plan.phases.iter().enumerate();
        let mut main = phases.filter(|(_, phase)| phase.purpose == Purpose::Main);
        main.all(|(number, phase)| {
            phase.steps.iter().enumerate().all(|(at, planned)| {
                let outcome = self.progress.outcome(number, at);
                outcome.is_some_and(|outcome| outcome.goes_on(&planned.step))
            })
        })
    }

    /// Nothing passes because nothing was exercised.
    fn apply_vacuity_guard(&self, checks: &mut [CheckResult]) {
        let mut seen = observed(self.transcript);
        seen.extend(self.steps_seen());
        // Where the main phase stopped, what came before was decided by what was seen there.
        if !self.main_phase_ended() {
            return;
        }
        let hidden = self.out_of_sight();
        let mut wanted = self.scenario.must_observe.iter();
        let missing = wanted.find(|wanted| {
            !seen.contains(&(wanted.label.clone(), wanted.event)) && !hidden.contains(&wanted.label)
        });
        let missing = missing.map(|seen| format!("{}.{}", seen.label, seen.event.word()));
        let Some(what) = missing.or_else(|| idle_fault(self.transcript)) else { return };
        for check in checks.iter_mut().filter(|check| check.verdict == Verdict::Pass) {
            *check = undecided(check.clone(), NotDecided::NotExercised(what.clone()));
        }
    }
}

/// A control that did not come about.
struct Lowered<'a> {
    step: &'a Step,
    outcome: Option<&'a StepOutcome>,
    /// What that shows of the subject, if it does.
    word: Option<&'static str>,
    what: String,
}

/// What rows that were not reached say of the step that stopped them; the whole stands at its own.
fn shortened(actual: &str) -> String {
    const CHARS_MAX: usize = 120;
    match actual.char_indices().nth(CHARS_MAX) {
        None => actual.to_owned(),
        Some((end, _)) => format!("{}…", &actual[..end]),
    }
}

fn on_its_word(check: CheckResult) -> CheckResult {
    CheckResult { witness: Witness::Driver, ..check }
}

/// True for an answer to a ping; a fence may be the ack of a notification too.
fn is_ping_answer(event: &Event) -> bool {
    match event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            node.is_some_and(|captured| captured.node.tag == "iq")
        }
        _ => false,
    }
}

fn absent_operation(operation: &str, evidence: &[String]) -> Finding {
    let expected = format!("the operation `{operation}` exists");
    Finding::new(expected, "method not found (-32601)", evidence.to_vec())
}

/// Why the remaining steps of a phase were not executed.
struct Stop {
    what: String,
    /// Set where the stop itself breaks the rows under test.
    fails: Option<Finding>,
    /// Set where the adapter lacks a hook, so that the rest cannot be tested.
    absent: Option<String>,
    /// The check by which the stop is judged itself.
    check: Option<String>,
}

impl Stop {
    fn at(what: String) -> Self {
        Self { what, fails: None, absent: None, check: None }
    }
}
