//! Follows a case step by step, live and again from the log.

use std::collections::BTreeMap;

use super::board::Board;
use crate::diff::Diff;
use crate::evidence::{Entry, EntryId, Event, Lane, StepEnd};
use crate::scenario::{Action, Expect, Kind, Part, Plan, PlannedStep, Purpose, Scenario, Step};
use crate::spec::Profile;

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// What was wanted came about; the entries that show it.
    Satisfied { actual: String, evidence: Vec<String> },
    /// It did not.
    Failed { expected: String, actual: String, evidence: Vec<String>, diff: Option<Diff> },
    /// An operation that the adapter does not know.
    Unsupported { operation: String, evidence: Vec<String> },
    /// An absence that the fence did not confirm.
    NoFence { why: String },
    /// Only the subject's own client would show it, and there is none.
    OutOfSight,
    /// What was to show whether a rule holds did not come about.
    Open { why: String },
}

impl StepOutcome {
    /// What was wanted did not come about, and there is nothing to compare.
    pub fn failed(
        expected: impl Into<String>,
        actual: impl Into<String>,
        evidence: Vec<String>,
    ) -> Self {
        Self::Failed { expected: expected.into(), actual: actual.into(), evidence, diff: None }
    }

    /// True if what was wanted came about.
    pub fn is_satisfied(&self) -> bool {
        matches!(self, Self::Satisfied { .. })
    }

    /// True if the phase may go on behind this step: what cannot be seen stops nothing, nor does a
    /// step that only judges.
    pub fn goes_on(&self, step: &Step) -> bool {
        match self {
            Self::Satisfied { .. } | Self::OutOfSight => true,
            Self::Failed { .. } | Self::Open { .. } => only_judges(step),
            Self::Unsupported { .. } | Self::NoFence { .. } => false,
        }
    }
}

/// True for a step that looks at what is there and decides a row: nothing behind it needs it. One that
/// decides nothing is a condition for what follows.
fn only_judges(step: &Step) -> bool {
    match &step.action {
        Action::Expect(expect) => expect.kind == Kind::Rule && !step.checks.is_empty(),
        _ => false,
    }
}

/// The state of a case between its entries.
pub struct Progress<'a> {
    scenario: &'a Scenario,
    profile: &'a Profile,
    plan: &'a Plan,
    boards: BTreeMap<Lane, Board<'a>>,
    outcomes: BTreeMap<(usize, usize), StepOutcome>,
    /// Accounts that the wire has seen enlisted and logged in.
    wire: BTreeMap<(Lane, String, &'static str), String>,
    /// The client is the harness's own.
    lent: bool,
}

/// The lane in which a phase runs.
pub fn lane(purpose: Purpose) -> Lane {
    match purpose {
        Purpose::Main | Purpose::ProbeSame(_) => Lane::Main,
        Purpose::Canonical => Lane::Canonical,
        Purpose::Twin(of) => Lane::Twin(of),
        Purpose::ProbeFresh(of) => Lane::Probe(of),
    }
}

impl<'a> Progress<'a> {
    /// A case in which nothing has happened yet.
    pub fn new(scenario: &'a Scenario, plan: &'a Plan, profile: &'a Profile) -> Self {
        let (boards, outcomes, wire) = Default::default();
        Self { scenario, profile, plan, boards, outcomes, wire, lent: false }
    }

    /// Takes in the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        self.note_wire(entry);
        self.board(entry.lane).observe(entry);
        match &entry.event {
            Event::StepBegun { phase, step, .. } => self.begin(entry.lane, *phase, *step),
            Event::StepEnded { phase, step, end } => self.end(entry, *phase, *step, end),
            Event::ClientLent => self.lent = true,
            _ => {}
        }
    }

    /// The board of a lane.
    pub fn board(&mut self, lane: Lane) -> &mut Board<'a> {
        let (scenario, profile) = (self.scenario, self.profile);
        self.boards.entry(lane).or_insert_with(|| Board::new(scenario, profile))
    }

    /// What became of a step; `None` if it was not reached.
    pub fn outcome(&self, phase: usize, step: usize) -> Option<&StepOutcome> {
        self.outcomes.get(&(phase, step))
    }

    /// What a step waited for in vain and what came later, by the step's check.
    pub fn late_arrivals(&self) -> BTreeMap<String, EntryId> {
        let came = |outcome: &StepOutcome| {
            matches!(outcome, StepOutcome::Satisfied { .. } | StepOutcome::OutOfSight)
        };
        let failed = self.outcomes.iter().filter(|(_, outcome)| !came(outcome));
        failed
            .filter_map(|((phase, step), _)| {
                let purpose = self.plan.phases.get(*phase)?.purpose;
                let planned = self.planned(*phase, *step)?;
                let (Action::Expect(expect), Part::Own(index)) =
                    (&planned.step.action, planned.part)
                else {
                    return None;
                };
                let found = self.boards.get(&lane(purpose))?.find(expect)?;
                Some((format!("step-{}", index + 1), found))
            })
            .collect()
    }

    fn planned(&self, phase: usize, step: usize) -> Option<&'a PlannedStep> {
        self.plan.phases.get(phase)?.steps.get(step)
    }

    fn begin(&mut self, lane: Lane, phase: usize, step: usize) {
        let acts = self.planned(phase, step).is_some_and(|planned| planned.step.action.causes());
        if acts {
            self.board(lane).mark();
        }
    }

    fn end(&mut self, entry: &Entry, phase: usize, step: usize, end: &StepEnd) {
        let Some(planned) = self.planned(phase, step) else { return };
        let id = entry.id.to_string();
        let outcome = match &planned.step.action {
            Action::Expect(_) | Action::ExpectNone(_) if *end == StepEnd::OutOfSight => {
                StepOutcome::OutOfSight
            }
            Action::Expect(expect) => {
                let scenario = self.scenario;
                let board = self.board(entry.lane);
                match board.take(expect, planned.step.label.as_deref()) {
                    Some((id, actual)) => satisfied(actual, id.to_string()),
                    None if let Some(why) = board.open(expect) => StepOutcome::Open { why },
                    None => missing(scenario, planned, expect, board, id),
                }
            }
            Action::ExpectNone(expect) => {
                let unwanted = self.board(entry.lane).unwanted(expect);
                match (self.board(entry.lane).find_since_mark(expect), end) {
                    (Some((found, actual)), _) => StepOutcome::Failed {
                        expected: format!("nothing of this kind: {}", self.text(planned)),
                        actual,
                        evidence: vec![found.to_string()],
                        diff: unwanted,
                    },
                    (None, StepEnd::Fenced) => satisfied("nothing, up to the fence".into(), id),
                    (None, StepEnd::NotFenced(why)) => StepOutcome::NoFence { why: why.clone() },
                    (None, other) => StepOutcome::NoFence { why: format!("{other:?}") },
                }
            }
            Action::Act(act) if planned.step.negative.is_none() && !act.may_fail => {
                let claim = self.contradicted(entry.lane, &act.on, &act.operation);
                // A lent client lacks nothing, but the server may lack what gives it a token.
                let lacks = self.lent && *end == StepEnd::Unsupported;
                let operation = match act.operation.as_str() {
                    "enlist" | "connect" if lacks => "token",
                    operation => operation,
                };
                act_outcome(operation, end, claim, id)
            }
            Action::Act(_) => satisfied("carried out".into(), id),
            Action::Send(_) | Action::Compromise(_) => send_outcome(end, id),
            Action::Fault(fault) => fault_outcome(fault.kind.word(), end, id),
            Action::Advance(_) => act_outcome("advance_clock", end, None, id),
        };
        self.outcomes.insert((phase, step), outcome);
    }

    fn text(&self, planned: &PlannedStep) -> String {
        let span = planned.step.span;
        let text = self.scenario.source.text.get(span.start..span.end).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn note_wire(&mut self, entry: &Entry) {
        let Some(actor) = entry.actor.clone() else { return };
        match &entry.event {
            Event::Enlistment { outcome, login: Some(login), .. } if outcome == "ok" => {
                self.wire.insert((entry.lane, actor, "enlist"), login.clone());
            }
            Event::Login { facts } if facts.refused.is_none() => {
                self.wire.insert((entry.lane, actor, "connect"), facts.static_key.clone());
            }
            _ => {}
        }
    }

    /// Why a success that the adapter claims cannot be true, if the wire says so.
    fn contradicted(&self, lane: Lane, actor: &str, operation: &str) -> Option<String> {
        let seen = |what: &'static str| self.wire.contains_key(&(lane, actor.to_owned(), what));
        match operation {
            "enlist" if !self.profile.rules_out("ENL-001") && !seen("enlist") => Some(
                "the adapter reports an enlistment, but no call of the enlistment API succeeded"
                    .into(),
            ),
            "connect" if !seen("connect") => {
                Some("the adapter reports a connection, but no login was accepted".into())
            }
            _ => None,
        }
    }
}

fn satisfied(actual: String, evidence: String) -> StepOutcome {
    StepOutcome::Satisfied { actual, evidence: vec![evidence] }
}

fn missing(
    scenario: &Scenario,
    planned: &PlannedStep,
    expect: &Expect,
    board: &Board<'_>,
    end: String,
) -> StepOutcome {
    let span = planned.step.span;
    let expected = scenario.source.text.get(span.start..span.end).unwrap_or_default();
    let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
    let (actual, entry, diff) = match board.nearest(expect) {
        Some(near) => {
            (format!("{} ({})", near.actual, near.why), near.entry.to_string(), near.diff)
        }
        None => ("nothing of this kind".into(), end, board.expected(expect)),
    };
    let diff = (!diff.is_empty()).then_some(diff);
    StepOutcome::Failed { expected, actual, evidence: vec![entry], diff }
}

fn act_outcome(
    operation: &str,
    end: &StepEnd,
    contradiction: Option<String>,
    id: String,
) -> StepOutcome {
    let failed = |actual: String| {
        StepOutcome::failed(format!("`{operation}` succeeds"), actual, vec![id.clone()])
    };
    match (end, contradiction) {
        (StepEnd::Done, None) => satisfied(format!("`{operation}` succeeded"), id),
        (StepEnd::Done, Some(why)) => failed(why),
        (StepEnd::Unsupported, _) => {
            StepOutcome::Unsupported { operation: operation.to_owned(), evidence: vec![id] }
        }
        (StepEnd::Refused(why), _) => failed(why.clone()),
        (StepEnd::TimedOut, _) => failed("no answer in time".into()),
        (StepEnd::Fenced | StepEnd::NotFenced(_) | StepEnd::OutOfSight, _) => {
            failed("no answer".into())
        }
    }
}

fn fault_outcome(word: &str, end: &StepEnd, id: String) -> StepOutcome {
    match end {
        StepEnd::Done => satisfied(format!("`{word}` is in place"), id),
        StepEnd::Refused(why) => {
            StepOutcome::failed(format!("`{word}` can happen"), why.clone(), vec![id])
        }
        other => StepOutcome::NoFence { why: format!("{other:?}") },
    }
}

fn send_outcome(end: &StepEnd, id: String) -> StepOutcome {
    match end {
        StepEnd::Done => satisfied("sent".into(), id),
        other => {
            let actual = match other {
                StepEnd::Refused(why) => why.clone(),
                _ => "it could not be sent".into(),
            };
            StepOutcome::failed("it can be sent", actual, vec![id])
        }
    }
}
