//! One case against one instance of the implementation under test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::instance::{Addresses, Ready};
use super::place::Place;
use super::recorder::{RecordError, Recorder};
use crate::check::{Progress, lane};
use crate::clock::UnixMs;
use crate::driver::{Incoming, Seat};
use crate::evidence::{Entry, Event, Lane, Stream, Transcript, Trouble};
use crate::iut::Instance;
use crate::net::{ExchangeId, Net, NetEvent};
use crate::role::FetchId;
use crate::role::meta::Meta;
use crate::scenario::{Action, Case, Phase, Plan, PlannedStep};
use crate::seed::Seed;
use crate::spec::Profile;

/// Lines of the adapter's log that are kept beside a red case.
const LOG_LINES_KEPT: usize = 200;

/// What every case of a run has in common.
pub struct Shared {
    pub profile: Profile,
    pub seed: Seed,
    pub operation_timeout: Duration,
    pub place: Place,
    pub log: mpsc::Sender<Entry>,
}

/// A case while it is carried out.
pub struct Session<'a> {
    pub(super) case: &'a Case,
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
    pub(super) recorder: Recorder<'a>,
    pub(super) meta: Meta,
    pub(super) net: Net,
    pub(super) events: mpsc::Receiver<NetEvent>,
    pub(super) instance: Arc<Instance>,
    pub(super) incoming: mpsc::Receiver<Incoming>,
    pub(super) addresses: Addresses,
    pub(super) seats: Vec<Seat>,
    /// Driver account names, by lane and actor.
    pub(super) accounts: BTreeMap<(Lane, String), String>,
    pub(super) fetches: BTreeMap<ExchangeId, FetchId>,
    /// Ids of driver calls that were answered and not yet waited for.
    pub(super) answered: Vec<u64>,
    pub(super) lane: Lane,
    pub(super) canary: String,
    /// A client did not answer a ping in time; settling would only cost time.
    pub(super) restless: bool,
    /// Counts fences, to name their pings.
    pub(super) fences: u32,
    /// The adapter answers nothing any more; asking again would only cost time.
    pub(super) hangs: bool,
    /// The adapter is gone; nothing more can be asked of it.
    pub(super) gone: bool,
}

impl<'a> Session<'a> {
    /// Puts a case onto a started and configured instance.
    pub fn new(case: &'a Case, plan: &'a Plan, shared: &'a Shared, ready: Ready) -> Self {
        let transcript = Transcript::new(case.id());
        let progress = Progress::new(&case.scenario, plan, &shared.profile);
        let Ready { meta, net, events, instance, incoming, addresses, seats } = ready;
        Self {
            case,
            plan,
            shared,
            recorder: Recorder::new(transcript, progress, shared.log.clone()),
            meta,
            net,
            events,
            instance: Arc::new(instance),
            incoming,
            addresses,
            seats,
            accounts: BTreeMap::new(),
            fetches: BTreeMap::new(),
            answered: Vec::new(),
            lane: Lane::Main,
            canary: canary(shared.seed, &case.id()),
            restless: false,
            fences: 0,
            hangs: false,
            gone: false,
        }
    }

    /// Carries out the plan and returns what was recorded.
    ///
    /// # Errors
    /// The log could not be written: a failure of the harness, not of the subject.
    pub async fn run(mut self) -> Result<Transcript, RecordError> {
        match self.carry_out_plan().await {
            // The subject flooded the case; the transcript says so.
            Ok(()) | Err(RecordError::TooMany) => Ok(self.recorder.transcript),
            Err(error) => Err(error),
        }
    }

    async fn carry_out_plan(&mut self) -> Result<(), RecordError> {
        self.begin();
        let mut sound = self.configure().await?;
        for (number, phase) in self.plan.phases.iter().enumerate() {
            // A twin that was refused, or a main phase that broke, leaves nothing to probe.
            if sound {
                sound = self.phase(number, phase).await?;
            }
        }
        self.end(sound).await
    }

    fn begin(&mut self) {
        let begun = Event::CaseBegun {
            scenario: self.case.scenario.id.clone(),
            text: self.case.scenario.source.text.to_string(),
            choice: self.case.choice.clone(),
            canary: self.canary.clone(),
        };
        self.note(begun);
    }

    /// Runs a phase; true if all of its steps came about.
    async fn phase(&mut self, number: usize, phase: &Phase) -> Result<bool, RecordError> {
        self.lane = lane(phase.purpose);
        self.meta.set_lane(self.lane);
        self.meta.set_faults(crate::role::meta::Faults::default());
        self.lane_values();
        for (at, planned) in phase.steps.iter().enumerate() {
            let text = self.line_of(planned);
            self.note(Event::StepBegun { phase: number, step: at, text });
            self.recorder.flush().await?;
            self.meta.tell_time(UnixMs::now());
            let end = self.perform(&planned.step).await?;
            if matches!(planned.step.action, Action::Act(_) | Action::Send(_)) {
                self.settle().await?;
            }
            self.note(Event::StepEnded { phase: number, step: at, end });
            self.recorder.flush().await?;
            let outcome = self.recorder.progress.outcome(number, at);
            if !outcome.is_some_and(crate::check::StepOutcome::is_satisfied) {
                self.settle().await?;
                return Ok(false);
            }
        }
        self.settle().await?;
        Ok(true)
    }

    async fn end(&mut self, sound: bool) -> Result<(), RecordError> {
        if !self.gone {
            self.instance.stop().await;
        }
        self.process_trouble(sound);
        self.note(Event::CaseEnded);
        self.recorder.flush().await
    }

    /// What the process left behind: its log where the case is red, and text that only a defect prints.
    fn process_trouble(&mut self, sound: bool) {
        for alarm in self.instance.alarms_since(0) {
            self.trouble(Trouble::Panicked, alarm.text);
        }
        let lines = self.instance.stderr_tail(LOG_LINES_KEPT);
        if !sound && !lines.is_empty() {
            let lines = lines.into_iter().map(|line| line.text).collect();
            self.record(Stream::process(), None, Event::Log { lines });
        }
    }

    pub(super) fn trouble(&mut self, kind: Trouble, detail: String) {
        self.record(Stream::process(), None, Event::ProcessTrouble { kind, detail });
    }

    /// Records an event of the runner's own.
    pub(super) fn note(&mut self, event: Event) {
        self.record(Stream::steps(), None, event);
    }

    pub(super) fn record(&mut self, stream: Stream, actor: Option<&str>, event: Event) {
        self.recorder.record(stream, self.lane, actor, event);
    }

    /// Makes a value known to later steps of this lane.
    pub(super) fn bind(&mut self, name: &str, value: &str) {
        self.note(Event::Bound { name: name.to_owned(), value: value.to_owned() });
    }

    fn line_of(&self, planned: &PlannedStep) -> String {
        let source = &self.case.scenario.source;
        let (line, _) = source.position(planned.step.span.start);
        let text = source.text.get(planned.step.span.start..planned.step.span.end);
        let text = text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{}:{line}: {text} [{:?}]", source.name, planned.part)
    }
}

/// A high-entropy word that stands for "what the user wrote" in every text of a case.
fn canary(seed: Seed, case: &str) -> String {
    use rand::Rng as _;
    let mut bytes = [0; 10];
    seed.rng(&[case, "canary"]).fill_bytes(&mut bytes);
    format!("cnry{}", hex::encode(bytes))
}
