//! Runs all cases, several at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::instance::{NotReady, Ready};
use super::log::EventLog;
use super::place::Place;
use super::recorder::RecordError;
use super::session::{Session, Shared};
use crate::check::{Setting, judge};
use crate::clock::UnixMs;
use crate::driver::{Hello, Incoming, Seat};
use crate::evidence::{Entry, Event, Lane, RunHeader, Skip, Stream, Transcript, Trouble};
use crate::iut::{Instance, Options, Program, StartError, Timeouts};
use crate::scenario::{Case, Plan, Plays};
use crate::seed::Seed;
use crate::spec::{Ics, Profile};
use crate::verdict::{CaseResult, Verdict};

/// As the harness presents itself.
const HARNESS: &str = concat!("counterpart ", env!("CARGO_PKG_VERSION"));
/// Stands for "no timeout", for a debugger's sake.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How to reach the implementation under test.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the user named it.
    pub name: String,
    /// False for the bundled reference.
    pub foreign: bool,
    pub program: Program,
    pub timeouts: Timeouts,
    /// What the IUT file narrows of the stated capabilities.
    pub ics: Map<String, Value>,
    /// Empty: all seats that the adapter has.
    pub seats: Vec<Seat>,
}

/// Everything that a run depends on.
pub struct RunOptions {
    pub target: Target,
    pub profile: Profile,
    pub seed: Seed,
    pub jobs: usize,
    pub run_id: String,
    /// Where `events.jsonl` is written; the folder exists.
    pub out: PathBuf,
    pub place: Place,
    /// The command that runs a case again, but for the case's id.
    pub again: String,
}

/// Watches a run; it is called from several tasks.
pub trait Observer: Send + Sync {
    /// The subject said hello and so many cases will run.
    fn begun(&self, header: &RunHeader, cases: usize);
    fn started(&self, case: &str);
    fn finished(&self, result: &CaseResult);
}

/// What a run brought.
pub struct RunReport {
    pub header: RunHeader,
    /// Sorted by id.
    pub cases: Vec<CaseResult>,
}

/// The run could not be carried out; nothing is known about the subject.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The subject's fault: it never came up, or its driver lies.
    #[error("{0}")]
    NotStarted(StartError),
    #[error("{0}")]
    Capabilities(crate::spec::capability::IcsError),
    /// The user's: a seat was asked for that the adapter does not have.
    #[error("the adapter does not play the seat {0}")]
    Seat(Seat),
    /// The user's: `--bind` names no address of this machine; or no port is free.
    #[error("cannot listen on {bind}: {error}")]
    Listen { bind: IpAddr, error: std::io::Error },
    /// Ours.
    #[error("cannot write the event log: {0}")]
    Log(#[from] std::io::Error),
    #[error("{0}")]
    Record(#[from] RecordError),
    #[error("a case could not be carried out: {0}")]
    Task(String),
}

impl Target {
    pub(super) async fn start(
        &self,
        shared: &Shared,
    ) -> Result<(Instance, mpsc::Receiver<Incoming>), StartError> {
        use rand::Rng as _;
        let options = Options {
            harness: HARNESS.into(),
            nonsense: shared.seed.rng(&["nonsense"]).next_u32(),
            timeouts: self.timeouts,
        };
        Instance::start(&self.program, &options).await
    }

    /// The seats that the subject plays in this run.
    pub(super) fn played(&self, hello: &Hello) -> Vec<Seat> {
        let asked = |seat: &Seat| self.seats.is_empty() || self.seats.contains(seat);
        hello.seats.iter().copied().filter(asked).collect()
    }

    /// How long an operation may take.
    fn operation_timeout(&self) -> Duration {
        self.timeouts.operation.unwrap_or(FOR_EVER)
    }
}

/// Runs the cases and judges each as soon as it ends.
///
/// # Errors
/// See [`RunError`]; failures of the subject within a case are verdicts, not errors.
pub async fn run_all(
    cases: Vec<Case>,
    options: RunOptions,
    observer: Arc<dyn Observer>,
) -> Result<RunReport, RunError> {
    let (nowhere, _unread) = mpsc::channel(1);
    let shared = |log| Shared {
        profile: options.profile.clone(),
        seed: options.seed,
        operation_timeout: options.target.operation_timeout(),
        place: options.place.clone(),
        log,
    };
    let (hello, ics) = introduce(&options, &shared(nowhere)).await?;
    let header = header(&options, &hello, &ics);
    let log = EventLog::create(&options.out.join("events.jsonl"), &header)?;
    observer.begun(&header, cases.len());
    let run = Arc::new(Run {
        shared: shared(log.entries.clone()),
        target: options.target,
        hello,
        ics,
        observer,
    });
    let results = side_by_side(cases, Arc::clone(&run), options.jobs).await;
    drop(run);
    log.close().await?;
    let mut cases = results?;
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(RunReport { header, cases })
}

/// Starts the subject once, to learn who it is and what it can do.
async fn introduce(options: &RunOptions, shared: &Shared) -> Result<(Hello, Ics), RunError> {
    let started = options.target.start(shared).await;
    let (instance, _incoming) = started.map_err(RunError::NotStarted)?;
    let hello = instance.hello().clone();
    if let Some(seat) = options.target.seats.iter().find(|seat| !hello.seats.contains(seat)) {
        return Err(RunError::Seat(*seat));
    }
    let ics = instance.ics().clone().narrowed(&options.target.ics);
    instance.stop().await;
    Ok((hello, ics.map_err(RunError::Capabilities)?))
}

fn header(options: &RunOptions, hello: &Hello, ics: &Ics) -> RunHeader {
    RunHeader {
        schema: 1,
        run_id: options.run_id.clone(),
        started_ms: UnixMs::now().0,
        harness: HARNESS.into(),
        seed: options.seed.0,
        jobs: options.jobs,
        profile: options.profile.to_json(),
        iut_ref: options.target.name.clone(),
        foreign: options.target.foreign,
        again: options.again.clone(),
        iut: json!({
            "name": hello.iut.name,
            "version": hello.iut.version,
            "seats": options.target.played(hello),
            "ics": ics.to_json(),
        }),
    }
}

struct Run {
    shared: Shared,
    target: Target,
    hello: Hello,
    ics: Ics,
    observer: Arc<dyn Observer>,
}

async fn side_by_side(
    cases: Vec<Case>,
    run: Arc<Run>,
    jobs: usize,
) -> Result<Vec<CaseResult>, RunError> {
    let permits = Arc::new(Semaphore::new(jobs.max(1)));
    let mut tasks = JoinSet::new();
    for case in cases {
        let (run, permits) = (Arc::clone(&run), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            run.case(&case).await
        });
    }
    let mut results = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        results.push(joined.map_err(|error| RunError::Task(error.to_string()))??);
    }
    Ok(results)
}

impl Run {
    async fn case(&self, case: &Case) -> Result<CaseResult, RunError> {
        self.observer.started(&case.id());
        let transcript = match self.ruled_out(case) {
            Some(why) => self.skip(case, why).await?,
            None => self.execute(case).await?,
        };
        let setting = Setting { profile: &self.shared.profile, foreign: self.target.foreign };
        let result = judge(&case.scenario, &transcript, setting);
        self.observer.finished(&result);
        Ok(result)
    }

    async fn execute(&self, case: &Case) -> Result<Transcript, RunError> {
        let plan = Plan::of(&case.scenario);
        match Ready::start(&self.target, &self.shared, &case.id()).await {
            Ok(ready) => Ok(Session::new(case, &plan, &self.shared, ready).run().await?),
            Err(NotReady::Listen(error)) => {
                Err(RunError::Listen { bind: self.shared.place.bind(), error })
            }
            Err(NotReady::Start(error)) => self.not_started(case, &error).await,
        }
    }

    /// Why a case does not apply, if it does not.
    fn ruled_out(&self, case: &Case) -> Option<Skip> {
        let scenario = &case.scenario;
        let profile = &self.shared.profile;
        if scenario.covers.iter().all(|row| profile.rules_out(row)) {
            return Some(Skip::Profile(profile.id().to_owned()));
        }
        if let Some(needs) = &scenario.needs
            && let Err(capability) = needs.eval(&self.ics)
        {
            return Some(Skip::Capability(capability.to_string()));
        }
        let actors = scenario.actors.iter().filter(|(_, actor)| actor.iut);
        let missing = actors.map(|(_, actor)| actor.plays).find(|plays| !self.has_seat(*plays))?;
        let seat = missing.word();
        Some(Skip::Prerequisite(format!("the subject does not play the seat {seat}")))
    }

    fn has_seat(&self, plays: Plays) -> bool {
        let seats = self.target.played(&self.hello);
        match plays {
            Plays::ThirdPartyClient => seats.contains(&Seat::ThirdPartyClient),
            Plays::ThirdPartyServer => seats.contains(&Seat::ThirdPartyServer),
            Plays::MetaClient => seats.contains(&Seat::Meta),
        }
    }

    async fn skip(&self, case: &Case, why: Skip) -> Result<Transcript, RecordError> {
        let event = Event::CaseSkipped {
            scenario: case.scenario.id.clone(),
            text: case.scenario.source.text.to_string(),
            choice: case.choice.clone(),
            why,
        };
        self.only(case, vec![(Stream::steps(), event)]).await
    }

    /// The subject started before and does not now: that is a finding.
    async fn not_started(&self, case: &Case, error: &StartError) -> Result<Transcript, RunError> {
        let begun = Event::CaseBegun {
            scenario: case.scenario.id.clone(),
            text: case.scenario.source.text.to_string(),
            choice: BTreeMap::new(),
            canary: String::new(),
        };
        let trouble =
            Event::ProcessTrouble { kind: Trouble::NotStarted, detail: error.to_string() };
        let events = vec![(Stream::steps(), begun), (Stream::process(), trouble)];
        Ok(self.only(case, events).await?)
    }

    async fn only(
        &self,
        case: &Case,
        events: Vec<(Stream, Event)>,
    ) -> Result<Transcript, RecordError> {
        let mut transcript = Transcript::new(case.id());
        for (stream, event) in events {
            transcript.record(UnixMs::now().0, stream, Lane::Main, None, event);
        }
        for entry in transcript.entries() {
            let entry: Entry = entry.clone();
            self.shared.log.send(entry).await.map_err(|_| RecordError::LogClosed)?;
        }
        Ok(transcript)
    }
}

/// True if the run says nothing because of a failure of ours.
pub fn harness_failed(cases: &[CaseResult]) -> bool {
    cases.iter().flat_map(|case| &case.checks).any(|c| c.verdict == Verdict::HarnessError)
}
