//! What most probably lies behind a finding, as far as the recording tells.
//!
//! Main function: [`likely`], which asks [`RULES`] one after another, what lies deepest first: a
//! process that died explains an answer that did not come, a refused login explains everything
//! after it. A rule says only what the transcript shows; where none says anything there is no
//! cause, because a wrong one costs an engineer more than none.

mod exchange;
mod process;
mod push;
mod wire;

use crate::diff::Side;
use crate::evidence::{Entry, Event, Lane, Transcript};
use crate::scenario::{Action, Mutation, Scenario, Step};
use crate::verdict::{CheckResult, Finding};

/// What a rule looks at.
pub(super) struct Scene<'a> {
    pub scenario: &'a Scenario,
    pub transcript: &'a Transcript,
    pub check: &'a CheckResult,
    pub finding: &'a Finding,
    /// What the step waited for, where it came later.
    pub late: Option<&'a Entry>,
}

/// An explanation, where the scene shows it.
type Rule = fn(&Scene<'_>) -> Option<String>;

/// The deepest cause first.
static RULES: &[Rule] = &[
    process::gone,
    process::printed,
    process::breach,
    push::unreachable,
    exchange::fault_accepted,
    push::fault_taken,
    exchange::replay_accepted,
    exchange::keys_of_another,
    wire::derivation,
    wire::intro,
    exchange::no_call,
    exchange::enlistment_refused,
    wire::no_connection,
    wire::handshake,
    wire::login_refused,
    wire::undecodable,
    exchange::late,
    wire::retry_asked,
    exchange::error_shown,
    exchange::no_fetch,
    push::no_wake,
    wire::went_away,
    wire::not_answered,
];

/// What keeps a client from coming online at all, the deepest first.
static ARRIVAL: &[Rule] = &[wire::no_connection, wire::handshake, wire::login_refused];

/// Why an operation that everything rests on failed, as the wire shows it; the scene's finding says
/// what the adapter said of it.
pub(super) fn of_arrival(scene: &Scene<'_>) -> Option<String> {
    ARRIVAL.iter().find_map(|rule| rule(scene))
}

/// The most probable cause, in a sentence; `None` where the recording does not tell.
pub(super) fn likely(scene: &Scene<'_>) -> Option<String> {
    RULES.iter().find_map(|rule| rule(scene))
}

impl<'a> Scene<'a> {
    /// The entry that the finding points at.
    fn here(&self) -> Option<&'a Entry> {
        let id = self.finding.evidence.first()?;
        self.transcript.entries().iter().find(|entry| *id == entry.id.to_string())
    }

    fn lane(&self) -> Lane {
        self.here().map(|entry| entry.lane).unwrap_or_default()
    }

    /// The events of the same execution, the harness's own pings left out.
    fn events(&self) -> impl Iterator<Item = (&'a Entry, &'a Event)> + use<'a> {
        let lane = self.lane();
        let entries = self.transcript.entries().iter();
        entries
            .filter(move |entry| entry.lane == lane && !entry.id.stream.is_fence())
            .map(|entry| (entry, &entry.event))
    }

    /// A step waited for something that did not come, or came otherwise.
    fn is_missing(&self) -> bool {
        let mut lines = self.finding.diff.iter().flat_map(|diff| &diff.lines);
        self.is_step() && lines.any(|line| line.side == Side::Expected)
    }

    fn is_step(&self) -> bool {
        self.check.id.starts_with("step-")
    }

    /// A step of the finding waited for one of these kinds, as they are written.
    fn waits_for(&self, kinds: &[&str]) -> bool {
        kinds.iter().any(|kind| self.finding.expected.contains(kind))
    }

    /// The step that decides the row.
    fn step(&self) -> Option<&'a Step> {
        let number: usize = self.check.id.strip_prefix("step-")?.parse().ok()?;
        self.scenario.steps.get(number.checked_sub(1)?)
    }

    /// Something came that must not come.
    fn is_unwanted(&self) -> bool {
        self.is_step() && self.finding.expected.starts_with("nothing of this kind")
    }

    /// The deliberate fault of the scenario's negative step, where it has one.
    fn mutation(&self) -> Option<&'a Mutation> {
        self.scenario.steps.iter().filter(|step| step.negative.is_some()).find_map(|step| {
            match &step.action {
                Action::Act(act) => act.mutate.as_ref(),
                Action::Send(send) => send.mutate.as_ref(),
                _ => None,
            }
        })
    }

    /// The name of an entry without its case.
    fn name(entry: &Entry) -> String {
        format!("{}.{}", entry.id.stream.0, entry.id.n)
    }
}
