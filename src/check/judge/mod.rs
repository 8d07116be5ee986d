//! From a transcript to the results of a case.

mod blame;
mod grading;
mod lent;
mod seen;
mod steps;

use std::collections::{BTreeMap, HashMap};

use self::grading::{broken, cap, resting_on_signal, result, undecided};
use self::steps::Steps;
pub use self::steps::refusals;
use super::around::around;
use super::cause::{Scene, likely, of_arrival};
use super::lengths;
use super::passive::{self, Check, Grade, Observed, View};
use super::progress::Progress;
use super::thief::{Thief, Thieves};
use super::wakes;
use crate::evidence::{Entry, EntryId, Event, Lane, Skip, Transcript};
use crate::scenario::{Plan, Scenario};
use crate::spec::Profile;
use crate::verdict::{CaseResult, CheckResult, Finding, NotDecided, Text, Verdict};

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
    let robbed = robbed(transcript);
    let thefts = thieves_of(&robbed).map(Thief::outcome).collect();
    let sentences = thieves_of(&robbed).map(Thief::sentence);
    let measures = lengths::sentence(transcript).into_iter().chain(sentences).collect();
    CaseResult {
        title: scenario.title.clone(),
        isolated: transcript.entries().iter().any(|e| matches!(e.event, Event::Isolated { .. })),
        measures,
        thefts,
        volatile: wakes::after_push(transcript).map(Box::new),
        scenario: scenario.id.clone(),
        ..CaseResult::of(transcript.case(), &scenario.milestone, checks)
    }
}

/// The thieves of a case, with what they heard; none where nothing was stolen.
fn robbed(transcript: &Transcript) -> Thieves {
    let mut thieves = Thieves::default();
    let stolen = |entry: &Entry| matches!(entry.event, Event::Compromised { .. });
    if transcript.entries().iter().any(stolen) {
        for entry in transcript.entries() {
            thieves.observe(entry);
        }
    }
    thieves
}

fn thieves_of(thieves: &Thieves) -> impl Iterator<Item = &Thief> {
    thieves.all().filter(|thief| thief.robbed().0 == Lane::Main)
}

fn skipped(transcript: &Transcript) -> Option<&Skip> {
    transcript.entries().iter().find_map(|entry| match &entry.event {
        Event::CaseSkipped { why, .. } => Some(why),
        _ => None,
    })
}

fn skipped_checks(scenario: &Scenario, why: &Skip) -> Vec<CheckResult> {
    let (verdict, reason) = match why {
        Skip::Capability(what) => {
            (Verdict::NotApplicable, NotDecided::RuledOut(format!("capability {what}")))
        }
        Skip::Profile(what) => {
            (Verdict::NotApplicable, NotDecided::RuledOut(format!("profile {what}")))
        }
        Skip::Prerequisite(what) => (Verdict::NotTestable, NotDecided::RuledOut(what.clone())),
        Skip::Refused(why) => (Verdict::NotTestable, NotDecided::NotConfigured(why.clone())),
    };
    let row = |requirement: &String| CheckResult {
        not_decided: Some(reason.clone()),
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
    if let Some(lent) = lent::lent(transcript) {
        checks = lent.of_the_subject(scenario, checks);
    }
    if grading::store_asks_who(transcript) {
        checks = checks.into_iter().map(|check| grading::resting_on_auth(check, setting)).collect();
    }
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
        let late = late.get(check.id.as_str());
        let late = late.and_then(|id| transcript.entries().iter().find(|entry| entry.id == *id));
        let judged = check.clone();
        if let (true, Some(NotDecided::Precondition(what))) =
            (check.findings.is_empty(), &mut check.not_decided)
        {
            let finding =
                Finding::new("", format!("the adapter reports: {what}"), Vec::<Text>::new());
            let scene =
                Scene { scenario, transcript, check: &judged, finding: &finding, late: None };
            what.extend(of_arrival(&scene).map(|cause| format!("; {cause}")));
        }
        for finding in &mut check.findings {
            let scene = Scene { scenario, transcript, check: &judged, finding, late };
            let cause = likely(&scene);
            let first = finding.evidence.first();
            let volatile = first.and_then(|id| around(transcript, id));
            (finding.cause, finding.volatile) = (cause.map(Into::into), volatile.map(Box::new));
        }
    }
}

pub(super) fn passive_results(
    id: &str,
    mut observed: Vec<Observed>,
    setting: Setting<'_>,
) -> Vec<CheckResult> {
    // The order of streams among each other is a matter of chance, that within each is not.
    observed.sort_by(|a, b| a.evidence.cmp(&b.evidence));
    let observed = alike_together(observed);
    let mut results: Vec<CheckResult> = Vec::new();
    let mut ids = Ids::new();
    for observed in observed {
        let next = passive_result(id, observed, setting, &mut ids);
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

/// Entry ids as texts: rows of one check point at the same entries.
type Ids = HashMap<EntryId, Text>;

/// What was observed again and again becomes one observation with all its evidence.
fn alike_together(observed: Vec<Observed>) -> Vec<Observed> {
    let mut together: Vec<Observed> = Vec::new();
    for next in observed {
        match together.iter_mut().find(|known| known.is_like(&next)) {
            Some(known) => known.evidence.extend(next.evidence),
            None => together.push(next),
        }
    }
    together
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
    let mut ids = Ids::new();
    observed.map(|observed| passive_result(check.id(), observed, setting, &mut ids)).collect()
}

fn passive_result(
    id: &str,
    observed: Observed,
    setting: Setting<'_>,
    ids: &mut Ids,
) -> CheckResult {
    let base = result(id, observed.requirement, Verdict::Pass);
    let base = CheckResult { witness: observed.witness, ..base };
    let base = match observed.profile_key.and_then(|key| Some((key, setting.profile.basis(key)?))) {
        Some((key, basis)) if basis < base.basis => {
            CheckResult { basis, profile_key: Some(key.into()), ..base }
        }
        _ => base,
    };
    let base = resting_on_signal(base, setting);
    let evidence = observed.evidence.into_iter().map(|id| {
        let text = |id: &EntryId| id.to_string().into();
        Text::clone(ids.entry(id).or_insert_with_key(text))
    });
    let finding = Finding::new(observed.expected, observed.actual, evidence);
    match observed.grade {
        Grade::Right => CheckResult { findings: vec![finding], ..base },
        Grade::Broken => broken(base, finding, false, setting),
        Grade::Warned => {
            let check = CheckResult { verdict: Verdict::Warn, findings: vec![finding], ..base };
            cap(check, false, setting.foreign)
        }
        Grade::Open => {
            let why = NotDecided::IutDied(finding.actual.to_string());
            CheckResult { findings: vec![finding], ..undecided(base, why) }
        }
        Grade::DriverError => {
            CheckResult { verdict: Verdict::DriverError, findings: vec![finding], ..base }
        }
    }
}
