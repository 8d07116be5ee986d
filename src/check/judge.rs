//! From a transcript to the results of a case.

use std::collections::{BTreeMap, BTreeSet};

use super::around::around;
use super::cause::{Scene, likely};
use super::passive::{self, Check, Grade, Observed, View};
use super::progress::{Progress, StepOutcome};
use crate::evidence::{Direction, EntryId, Event, Lane, Skip, Transcript};
use crate::scenario::{Action, Part, Payload, Plan, Scenario, Seen, Step};
use crate::spec::{Basis, Catalogue, Level, Profile};
use crate::stanza::{ack, receipt};
use crate::verdict::{CaseResult, CheckResult, Finding, NotDecided, Verdict, Witness};
use crate::wire::binary;

/// What a verdict depends on besides the transcript.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub profile: &'a Profile,
    /// False for the bundled reference: its failures are not capped.
    pub foreign: bool,
}

/// Judges one case. The same transcript and setting always give the same result.
pub fn judge(scenario: &Scenario, transcript: &Transcript, setting: Setting<'_>) -> CaseResult {
    let checks = match skipped(transcript) {
        Some(why) => skipped_checks(scenario, why),
        None => executed_checks(scenario, transcript, setting),
    };
    CaseResult {
        id: transcript.case().to_owned(),
        scenario: scenario.id.clone(),
        title: scenario.title.clone(),
        milestone: scenario.milestone.clone(),
        verdict: CaseResult::worst(&checks),
        isolated: transcript.entries().iter().any(|e| matches!(e.event, Event::Isolated { .. })),
        log: None,
        checks,
    }
}

fn skipped(transcript: &Transcript) -> Option<&Skip> {
    transcript.entries().iter().find_map(|entry| match &entry.event {
        Event::CaseSkipped { why, .. } => Some(why),
        _ => None,
    })
}

fn skipped_checks(scenario: &Scenario, why: &Skip) -> Vec<CheckResult> {
    let (verdict, reason) = match why {
        Skip::Capability(what) => (Verdict::NotApplicable, format!("capability {what}")),
        Skip::Profile(what) => (Verdict::NotApplicable, format!("profile {what}")),
        Skip::Prerequisite(what) => (Verdict::NotTestable, what.clone()),
    };
    let row = |requirement: &String| CheckResult {
        not_decided: Some(NotDecided::RuledOut(reason.clone())),
        ..result("case", requirement, verdict)
    };
    scenario.covers.iter().map(row).collect()
}

fn executed_checks(
    scenario: &Scenario,
    transcript: &Transcript,
    setting: Setting<'_>,
) -> Vec<CheckResult> {
    let plan = Plan::of(scenario);
    let mut progress = Progress::new(scenario, &plan, setting.profile);
    for entry in transcript.entries() {
        progress.observe(entry);
    }
    let steps = Steps { scenario, plan: &plan, progress: &progress, transcript, setting };
    let mut checks = steps.judge();
    let view = View { scenario, transcript, profile: setting.profile };
    for check in passive::ALL {
        checks.extend(passive_results(check.id(), check.examine(&view), setting));
    }
    checks.retain(|check| !setting.profile.rules_out(&check.requirement));
    explain(&mut checks, scenario, transcript, &progress.late_arrivals());
    checks.sort_by(|a, b| (&a.requirement, &a.id).cmp(&(&b.requirement, &b.id)));
    checks
}

/// Adds to what is not right its probable cause and what was recorded around it.
fn explain(
    checks: &mut [CheckResult],
    scenario: &Scenario,
    transcript: &Transcript,
    late: &BTreeMap<String, EntryId>,
) {
    for check in checks.iter_mut().filter(|check| check.verdict > Verdict::Pass) {
        let late = late.get(&check.id);
        let late = late.and_then(|id| transcript.entries().iter().find(|entry| entry.id == *id));
        let judged = check.clone();
        for finding in &mut check.findings {
            let scene = Scene { scenario, transcript, check: &judged, finding, late };
            let cause = likely(&scene);
            let first = finding.evidence.first();
            let volatile = first.and_then(|id| around(transcript, id));
            (finding.cause, finding.volatile) = (cause, volatile);
        }
    }
}

struct Steps<'a> {
    scenario: &'a Scenario,
    plan: &'a Plan,
    progress: &'a Progress<'a>,
    transcript: &'a Transcript,
    setting: Setting<'a>,
}

impl Steps<'_> {
    fn judge(&self) -> Vec<CheckResult> {
        let mut checks = self.main_phase();
        for (index, _) in self.negatives() {
            self.apply_controls(index, &mut checks);
        }
        self.apply_vacuity_guard(&mut checks);
        checks
    }

    fn negatives(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.scenario.steps.iter().enumerate().filter(|(_, step)| step.negative.is_some())
    }

    /// Rows as the scenario's own steps decide them.
    fn main_phase(&self) -> Vec<CheckResult> {
        let mut checks = Vec::new();
        let mut stopped: Option<Stop> = None;
        for (phase, steps) in self.plan.phases.iter().enumerate() {
            if steps.purpose != crate::scenario::Purpose::Main {
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

    fn stop(&self, step: &Step, part: Part, outcome: Option<&StepOutcome>) -> Option<Stop> {
        let what = self.describe(step, part);
        match outcome {
            Some(StepOutcome::Satisfied { .. }) => None,
            // A hook is an offer; what needs it cannot be tested (`interfaces.md` §6).
            Some(StepOutcome::Unsupported { operation, .. })
                if matches!(step.action, Action::Advance(_)) =>
            {
                let absent = Some(format!("the adapter has no hook `{operation}`"));
                Some(Stop { what, fails: None, absent })
            }
            Some(StepOutcome::Unsupported { operation, evidence }) => {
                let fails = Some(absent_operation(operation, evidence));
                Some(Stop { what, fails, absent: None })
            }
            Some(StepOutcome::Failed { expected, actual, evidence, .. }) => {
                let claim = actual.starts_with("the adapter reports");
                let finding = || Finding::new(expected, actual, evidence.clone());
                let what = format!("{what}: {}", shortened(actual));
                Some(Stop { what, fails: claim.then(finding), absent: None })
            }
            Some(StepOutcome::NoFence { why }) => {
                Some(Stop { what: why.clone(), fails: None, absent: None })
            }
            None => {
                let what = format!("{what} was not reached");
                Some(Stop { what, fails: None, absent: None })
            }
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
        let check = resting_on_signal(self.with_profile_key(check, step), self.setting);
        if let Some(stop) = stopped {
            return match (&stop.fails, &stop.absent) {
                (Some(finding), _) => contradicted(check, finding.clone()),
                (None, Some(absent)) => CheckResult {
                    verdict: Verdict::NotTestable,
                    not_decided: Some(NotDecided::RuledOut(absent.clone())),
                    ..check
                },
                (None, None) => undecided(check, NotDecided::Precondition(stop.what.clone())),
            };
        }
        match outcome {
            Some(StepOutcome::Satisfied { actual, evidence }) => {
                let finding = Finding::new(self.text(step), actual, evidence.clone());
                CheckResult { findings: vec![finding], ..check }
            }
            Some(StepOutcome::Failed { expected, actual, evidence, diff }) => {
                let diff = diff.clone();
                let finding = Finding { diff, ..Finding::new(expected, actual, evidence.clone()) };
                let invariant = matches!(step.action, Action::ExpectNone(_));
                broken(check, finding, invariant, self.setting)
            }
            Some(StepOutcome::Unsupported { operation, evidence }) => {
                contradicted(check, absent_operation(operation, evidence))
            }
            Some(StepOutcome::NoFence { why }) => {
                undecided(check, NotDecided::NoFence(why.clone()))
            }
            None => undecided(check, NotDecided::Precondition("the step was not reached".into())),
        }
    }

    /// A verdict is no stronger than the profile values that the step names.
    fn with_profile_key(&self, check: CheckResult, step: &Step) -> CheckResult {
        let weakest = step
            .references()
            .into_iter()
            .filter_map(|path| path.strip_prefix("profile.").map(str::to_owned))
            .filter_map(|key| Some((self.setting.profile.basis(&key)?, key)))
            .min_by_key(|(basis, _)| *basis);
        match weakest {
            Some((basis, key)) if basis < check.basis => {
                CheckResult { basis, profile_key: Some(key), ..check }
            }
            _ => check,
        }
    }

    fn text(&self, step: &Step) -> String {
        let text = self.scenario.source.text.get(step.span.start..step.span.end);
        text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Twin and probe of a negative step: without both, its rows do not pass.
    fn apply_controls(&self, index: usize, checks: &mut [CheckResult]) {
        let rows = self.negative_rows(index);
        for (phase, steps) in self.plan.phases.iter().enumerate() {
            for (at, planned) in steps.steps.iter().enumerate() {
                let (control, word) = match planned.part {
                    Part::Twin(of) if of == index => (true, "refuses everything"),
                    Part::Probe(of) if of == index => (true, "damaged"),
                    Part::LeadUp if steps.purpose == crate::scenario::Purpose::Twin(index) => {
                        (false, "")
                    }
                    _ => continue,
                };
                let outcome = self.progress.outcome(phase, at);
                if outcome.is_some_and(StepOutcome::is_satisfied) {
                    continue;
                }
                // Who never answers a ping is not damaged by what came before it.
                let control = control && (word != "damaged" || self.probe_can_work(steps));
                let what = self.describe(&planned.step, planned.part);
                self.lower(checks, &rows, outcome, control.then_some(word), &what);
                break;
            }
        }
    }

    /// A probe by ping says something only of a client that answered some ping in this case.
    fn probe_can_work(&self, probe: &crate::scenario::Phase) -> bool {
        let pings = probe.steps.iter().any(|planned| {
            matches!(&planned.step.action, Action::Send(send) if matches!(send.payload, Payload::Stanza(_)))
        });
        let answered = |entry: &crate::evidence::Entry| {
            let received =
                matches!(entry.event, Event::Stanza { direction: Direction::Received, .. });
            entry.id.stream.is_fence() && received
        };
        !pings || self.transcript.entries().iter().any(answered)
    }

    fn negative_rows(&self, index: usize) -> BTreeSet<(String, String)> {
        let next = self.negatives().map(|(at, _)| at).find(|at| *at > index);
        let end = next.unwrap_or(self.scenario.steps.len());
        let steps = (index..end).map(|at| (at, &self.scenario.steps[at]));
        steps
            .flat_map(|(at, step)| {
                step.checks.iter().map(move |row| (format!("step-{}", at + 1), row.clone()))
            })
            .collect()
    }

    /// Takes back the passes of a negative step whose control did not come about. With a `word` for
    /// what that shows of the subject, a control that failed fails the rows.
    fn lower(
        &self,
        checks: &mut [CheckResult],
        rows: &BTreeSet<(String, String)>,
        outcome: Option<&StepOutcome>,
        word: Option<&str>,
        what: &str,
    ) {
        for check in checks.iter_mut() {
            let concerned = rows.contains(&(check.id.clone(), check.requirement.clone()));
            if !concerned || check.verdict > Verdict::Inconclusive {
                continue;
            }
            match (outcome, word) {
                (Some(StepOutcome::Failed { expected, actual, evidence, diff }), Some(word)) => {
                    let actual = format!("{word}: {what}: {actual}");
                    let diff = diff.clone();
                    let finding =
                        Finding { diff, ..Finding::new(expected, actual, evidence.clone()) };
                    *check = broken(check.clone(), finding, true, self.setting);
                }
                // What is undecided already knows a better reason.
                _ if check.verdict == Verdict::Inconclusive => {}
                _ => {
                    let why = NotDecided::Precondition(what.to_owned());
                    *check = undecided(check.clone(), why);
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
                Action::Act(_) | Action::Advance(_) if satisfied => Some((label, Seen::Sent)),
                Action::Expect(_) if satisfied => Some((label, Seen::Received)),
                _ => None,
            }
        })
        .collect()
    }

    fn main_phase_ended(&self) -> bool {
        let phases = self.plan.phases.iter().enumerate();
        let mut main = phases.filter(|(_, phase)| phase.purpose == crate::scenario::Purpose::Main);
        main.all(|(number, phase)| {
            let outcomes = (0..phase.steps.len()).map(|at| self.progress.outcome(number, at));
            outcomes.into_iter().all(|outcome| outcome.is_some_and(StepOutcome::is_satisfied))
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
        let missing = self
            .scenario
            .must_observe
            .iter()
            .find(|wanted| !seen.contains(&(wanted.label.clone(), wanted.event)));
        let missing = missing.map(|seen| format!("{}.{}", seen.label, seen.event.word()));
        let Some(what) = missing.or_else(|| idle_fault(self.transcript)) else { return };
        for check in checks.iter_mut().filter(|check| check.verdict == Verdict::Pass) {
            *check = undecided(check.clone(), NotDecided::NotExercised(what.clone()));
        }
    }
}

/// What rows that were not reached say of the step that stopped them; the whole stands at its own.
fn shortened(actual: &str) -> String {
    const CHARS_MAX: usize = 120;
    match actual.char_indices().nth(CHARS_MAX) {
        None => actual.to_owned(),
        Some((end, _)) => format!("{}…", &actual[..end]),
    }
}

fn absent_operation(operation: &str, evidence: &[String]) -> Finding {
    let expected = format!("the operation `{operation}` exists");
    Finding::new(expected, "method not found (-32601)", evidence.to_vec())
}

/// A fault of the line that nothing ever met.
fn idle_fault(transcript: &Transcript) -> Option<String> {
    let main = || transcript.entries().iter().filter(|entry| entry.lane == Lane::Main);
    let took = |number: u32| {
        main().any(|e| matches!(&e.event, Event::FaultTook { fault, .. } if *fault == number))
    };
    main().find_map(|entry| match &entry.event {
        Event::FaultArmed { fault, what, .. } if !took(*fault) => {
            Some(format!("the fault `{what}`, which took no effect"))
        }
        _ => None,
    })
}

/// Why the remaining steps of a phase were not executed.
struct Stop {
    what: String,
    /// Set where the stop itself breaks the rows under test.
    fails: Option<Finding>,
    /// Set where the adapter lacks a hook, so that the rest cannot be tested.
    absent: Option<String>,
}

fn result(id: &str, row: &str, verdict: Verdict) -> CheckResult {
    let basis = Catalogue::builtin().get(row).map_or(Basis::Profile, |row| row.basis);
    CheckResult {
        id: id.to_owned(),
        requirement: row.to_owned(),
        verdict,
        basis,
        profile_key: None,
        witness: Witness::Wire,
        known: false,
        not_decided: None,
        findings: Vec::new(),
    }
}

/// Areas whose rows show only through messages that were encrypted and decrypted.
const ENCRYPTED: [&str; 5] = ["ENC-", "RAT-", "PRE-", "MSG-", "RCP-"];

/// Where the profile only assumes the version of the Signal Protocol, nothing that travels in its
/// messages can fail a subject that speaks another one.
fn resting_on_signal(check: CheckResult, setting: Setting<'_>) -> CheckResult {
    const KEY: &str = "signal.version";
    let encrypted = ENCRYPTED.iter().any(|area| check.requirement.starts_with(area));
    if !encrypted || setting.profile.basis(KEY) != Some(Basis::Assumed) {
        return check;
    }
    let profile_key = check.profile_key.or(Some(KEY.to_owned()));
    CheckResult { basis: Basis::Assumed, profile_key, ..check }
}

fn undecided(check: CheckResult, why: NotDecided) -> CheckResult {
    CheckResult { verdict: Verdict::Inconclusive, not_decided: Some(why), ..check }
}

/// Grades a broken rule by the catalogue's level and caps it by the basis (`interfaces.md` §1).
fn broken(
    check: CheckResult,
    finding: Finding,
    invariant: bool,
    setting: Setting<'_>,
) -> CheckResult {
    let level = Catalogue::builtin().get(&check.requirement).map_or(Level::Must, |row| row.level);
    let verdict = match level {
        Level::Must => Verdict::Fail,
        Level::Should => Verdict::Warn,
        Level::May => Verdict::Pass,
    };
    let check = CheckResult { verdict, not_decided: None, findings: vec![finding], ..check };
    cap(check, invariant, setting.foreign)
}

/// A word of the adapter that the wire contradicts, or a missing operation, fails the row under
/// test whatever its level (`interfaces.md` §1, §6).
fn contradicted(check: CheckResult, finding: Finding) -> CheckResult {
    let verdict = Verdict::Fail;
    CheckResult { verdict, not_decided: None, findings: vec![finding], ..check }
}

/// Nobody is failed for refusing our guess about what Meta keeps unpublished.
fn cap(check: CheckResult, invariant: bool, foreign: bool) -> CheckResult {
    let capped = foreign && !invariant && check.basis == Basis::Assumed;
    if !capped || check.verdict <= Verdict::Inconclusive {
        return check;
    }
    let key = check.profile_key.clone().unwrap_or_else(|| check.requirement.clone());
    undecided(check, NotDecided::Assumed(key))
}

pub(super) fn passive_results(
    id: &str,
    mut observed: Vec<Observed>,
    setting: Setting<'_>,
) -> Vec<CheckResult> {
    // The order of streams among each other is a matter of chance, that within each is not.
    observed.sort_by(|a, b| a.evidence.cmp(&b.evidence));
    let mut results: Vec<CheckResult> = Vec::new();
    for observed in observed {
        let next = passive_result(id, observed, setting);
        let same = results.iter_mut().find(|known| known.requirement == next.requirement);
        match same {
            Some(known) if known.verdict < next.verdict => *known = next,
            Some(known) if known.verdict == next.verdict => merge(known, next.findings),
            Some(_) => {}
            None => results.push(next),
        }
    }
    results
}

/// Adds findings; what expects the same becomes one finding with all its evidence.
fn merge(known: &mut CheckResult, findings: Vec<Finding>) {
    for finding in findings {
        let same = known.findings.iter_mut().find(|have| have.expected == finding.expected);
        match same {
            Some(have) => have.evidence.extend(finding.evidence),
            None => known.findings.push(finding),
        }
    }
}

/// What a passive check says of each thing that it observes, for whoever watches live.
pub fn watch(check: &dyn Check, view: &View<'_>, setting: Setting<'_>) -> Vec<CheckResult> {
    let observed = check.examine(view).into_iter();
    observed.map(|observed| passive_result(check.id(), observed, setting)).collect()
}

fn passive_result(id: &str, observed: Observed, setting: Setting<'_>) -> CheckResult {
    let base = result(id, observed.requirement, Verdict::Pass);
    let base = CheckResult { witness: observed.witness, ..base };
    let base = match observed.profile_key.and_then(|key| Some((key, setting.profile.basis(key)?))) {
        Some((key, basis)) if basis < base.basis => {
            CheckResult { basis, profile_key: Some(key.to_owned()), ..base }
        }
        _ => base,
    };
    let base = resting_on_signal(base, setting);
    let evidence = observed.evidence.iter().map(ToString::to_string).collect();
    let finding = Finding::new(observed.expected, observed.actual, evidence);
    match observed.grade {
        Grade::Right => CheckResult { findings: vec![finding], ..base },
        Grade::Broken => broken(base, finding, false, setting),
        Grade::Warned => {
            let check = CheckResult { verdict: Verdict::Warn, findings: vec![finding], ..base };
            cap(check, false, setting.foreign)
        }
        Grade::Open => {
            let why = NotDecided::IutDied(finding.actual.clone());
            CheckResult { findings: vec![finding], ..undecided(base, why) }
        }
        Grade::DriverError => {
            CheckResult { verdict: Verdict::DriverError, findings: vec![finding], ..base }
        }
    }
}

/// The events of labelled steps that the transcript shows, in the main lane. An id may be seen on
/// the wire before the adapter has told whose it is, so the labels are collected first.
fn observed(transcript: &Transcript) -> BTreeSet<(String, Seen)> {
    let main = || transcript.entries().iter().filter(|entry| entry.lane == Lane::Main);
    let bound = main().filter_map(|entry| match &entry.event {
        Event::Bound { name, value } => Some((name.split_once('.')?, value.as_str())),
        _ => None,
    });
    let bound: Vec<((&str, &str), &str)> = bound.collect();
    let ids = || bound.iter().filter(|((_, field), _)| *field == "id");
    let mut seen = BTreeSet::new();
    seen.extend(ids().map(|((label, _), _)| ((*label).to_owned(), Seen::Sent)));
    let replays = bound.iter().filter(|((_, field), _)| *field == "replay_of");
    seen.extend(replays.map(|((label, _), _)| ((*label).to_owned(), Seen::Replayed)));
    for entry in main() {
        for (id, event) in about(&entry.event) {
            let labels = ids().filter(|(_, known)| *known == id);
            seen.extend(labels.map(|((label, _), _)| ((*label).to_owned(), event)));
        }
        if let Event::FaultTook { label: Some(label), .. } = &entry.event {
            seen.insert((label.clone(), Seen::Sent));
        }
        seen.extend(http(&entry.event).map(|(label, event)| (label.to_owned(), event)));
    }
    seen
}

/// Message ids that an event is about, and what it shows of them.
fn about(event: &Event) -> Vec<(String, Seen)> {
    match event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            node.map(|captured| about_stanza(&captured.node)).unwrap_or_default()
        }
        Event::Decrypted { id, .. } => vec![(id.clone(), Seen::Decrypted)],
        Event::Undecryptable { id, .. } => vec![(id.clone(), Seen::Refused)],
        Event::Notified { name, params } if name == "message" => {
            let id = params.get("id").and_then(serde_json::Value::as_str);
            id.map(|id| vec![(id.to_owned(), Seen::Shown)]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn about_stanza(node: &crate::wire::Node) -> Vec<(String, Seen)> {
    match node.tag.as_str() {
        "message" => {
            node.text("id").map(|id| vec![(id.into_owned(), Seen::Received)]).unwrap_or_default()
        }
        "ack" => match ack::Ack::from_node(node) {
            Ok(ack) => vec![(ack.id, Seen::Acked)],
            Err(_) => Vec::new(),
        },
        "receipt" => match receipt::Receipt::sent(node) {
            Ok(receipt) if receipt.state == receipt::State::Delivered => {
                receipt.ids.into_iter().map(|id| (id, Seen::Delivered)).collect()
            }
            Ok(receipt) if matches!(receipt.state, receipt::State::Retry(_)) => {
                receipt.ids.into_iter().map(|id| (id, Seen::Refused)).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn http(event: &Event) -> Option<(&str, Seen)> {
    match event {
        Event::Requested { label: Some(label), .. } => Some((label, Seen::Sent)),
        Event::Responded { label: Some(label), .. } => Some((label, Seen::Received)),
        _ => None,
    }
}
