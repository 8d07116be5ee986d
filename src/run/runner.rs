//! Runs all cases, several at a time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::task::{JoinError, JoinSet};

use super::instance::{Company, Guest, Host, NotReady};
use super::log::EventLog;
use super::order::{Pace, Queue};
use super::place::Place;
use super::pool::Pool;
use super::recorder::RecordError;
use super::session::{Ended, Session, Shared};
use super::shown::Shown;
use super::target::{Started, Target};
use super::whole::{Befallen, shows};
use super::{HARNESS, isolation, lent, prerequisite, probe};
use crate::check::{Setting, judge};
use crate::clock::UnixMs;
use crate::driver::{Hello, Seat};
use crate::evidence::{Event, Lane, RunHeader, Skip, Stream, Transcript, Trouble};
use crate::iut::StartError;
use crate::limits::DEAD_STARTS_MAX;
use crate::role::quirk::Fault;
use crate::scenario::{Case, Plan, Plays};
use crate::seed::Seed;
use crate::spec::{Ics, Profile};
use crate::verdict::{CaseResult, Texts, Verdict};

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
    /// What Meta's clients do wrong with keys and sessions: only a self pair has such a peer
    /// (`interfaces.md` §13).
    pub peer_fault: Option<Fault>,
    /// An absence lasts as long as its step says, and not only until all that was sent was read.
    pub patient: bool,
    /// The command that runs a case again, but for the case's id.
    pub again: String,
    /// The words that chose the cases.
    pub selection: String,
    /// The rows among them.
    pub asked: Vec<String>,
}

/// Watches a run; it is called from several tasks.
pub trait Observer: Send + Sync {
    /// The subject said hello and so many cases will run.
    fn begun(&self, header: &RunHeader, cases: usize);
    fn started(&self, case: &str);
    fn finished(&self, result: &Arc<CaseResult>);
}

/// What a run brought.
pub struct RunReport {
    pub header: RunHeader,
    /// Sorted by id; an observer may have kept them too.
    pub cases: Vec<Arc<CaseResult>>,
}

impl RunReport {
    /// The results alone; they are not copied where the observer has let go of them.
    pub fn into_cases(self) -> Vec<CaseResult> {
        self.cases.into_iter().map(Arc::unwrap_or_clone).collect()
    }
}

/// The run could not be carried out; nothing is known about the subject.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The subject's fault: it never came up, or its driver lies.
    #[error("{0}")]
    NotStarted(StartError),
    /// The subject's too.
    #[error(
        "the adapter did not start {DEAD_STARTS_MAX} times in a row, so the run ends here: {0}"
    )]
    DeadStarts(StartError),
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

/// Runs the cases and judges each as soon as it ends.
///
/// # Errors
/// See [`RunError`]; failures of the subject within a case are verdicts, not errors.
pub async fn run_all(
    cases: Vec<Case>,
    options: RunOptions,
    observer: Arc<dyn Observer>,
) -> Result<RunReport, RunError> {
    let shared = |log| Shared {
        profile: options.profile.clone(),
        seed: options.seed,
        operation_timeout: options.target.operation_timeout(),
        place: options.place.clone(),
        peer_fault: options.peer_fault,
        patient: options.patient,
        debugged: options.target.is_debugged(),
        manual: options.target.adapter.is_manual(),
        prepared: options.target.adapter.prepared().cloned(),
        logs: options.target.logs.clone(),
        log,
    };
    let Introduced { hello, ics, company, first, probed } =
        introduce(&options, &shared(EventLog::nowhere())).await?;
    // People and adapters that can be had only once serve one case after another.
    let jobs = if company == Company::Turns { 1 } else { options.jobs };
    let header = RunHeader { jobs, ..header(&options, &hello, &ics) };
    let ics = with_the_harness_help(ics, options.target.adapter.is_spawned());
    let log = EventLog::create(&options.out.join("events.jsonl"), &header)?;
    observer.begun(&header, cases.len());
    // One case alone needs nobody to share with, and is easier to follow.
    let shares = first.is_some() || (options.target.shares() && cases.len() > 1);
    let shared_log = shared(log.clone());
    let pool = Pool::new(options.target, company);
    if let Some(first) = first {
        let bind = options.place.bind();
        let listen = |error| RunError::Listen { bind, error };
        pool.begin_with(first, &shared_log).await.map_err(listen)?;
    }
    let (misfortunes, texts, out) = (Mutex::default(), Mutex::default(), options.out.clone());
    let run = Arc::new(Run {
        shared: shared_log,
        pool,
        out,
        shares,
        hello,
        ics,
        observer,
        misfortunes,
        shown: Shown::default(),
        texts,
    });
    let results = side_by_side(cases, Arc::clone(&run), jobs).await;
    run.pool.close().await;
    let whole = match &results {
        Ok(cases) if cases.iter().any(|case| case.verdict.executed()) => {
            let mut events = probed;
            let stated = |name: &str| run.hello.capabilities.contains_key(name);
            events.extend(run.shown.events(stated, &run.ics));
            run.whole(events).await
        }
        _ => Ok(None),
    };
    log.flush()?;
    let mut cases = results?;
    cases.extend(whole?.map(Arc::new));
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(RunReport { header, cases })
}

/// What is known after the first greeting.
struct Introduced {
    hello: Hello,
    ics: Ics,
    company: Company,
    /// The first instance, where it must not be given away.
    first: Option<Started>,
    /// Hooks that were tried.
    probed: Vec<Event>,
}

/// Starts the subject once, to learn who it is and what it can do.
async fn introduce(options: &RunOptions, shared: &Shared) -> Result<Introduced, RunError> {
    let target = &options.target;
    let started = target.start(shared.seed).await.map_err(RunError::NotStarted)?;
    let hello = started.0.hello().clone();
    if let Some(seat) = target.seats.iter().find(|seat| !hello.seats.contains(seat)) {
        return Err(RunError::Seat(*seat));
    }
    let ics = started.0.ics().clone().narrowed(&target.ics).map_err(RunError::Capabilities)?;
    if target.adapter.is_spawned() {
        let listen = |error| RunError::Listen { bind: options.place.bind(), error };
        let host = Host::furnish(started, target, shared, Company::Own, "probe");
        let host = host.await.map_err(listen)?;
        let probed = probe::hooks(&host, &ics, &shared.profile).await;
        host.instance().stop().await;
        return Ok(Introduced { hello, ics, company: Company::Many, first: None, probed });
    }
    // There is one terminal, and one person at it; and one address that a proxy was told.
    let one = target.adapter.is_manual()
        || target.adapter.upstream().is_some()
        || target.start(shared.seed).await.is_err();
    let company = if one { Company::Turns } else { Company::Many };
    Ok(Introduced { hello, ics, company, first: Some(started), probed: Vec::new() })
}

/// What can be tried: a program that keeps its state in its folder need not end itself.
fn with_the_harness_help(ics: Ics, spawned: bool) -> Ics {
    match spawned && ics.has("state_dir") {
        true => ics.granted("kill").granted("restart"),
        false => ics,
    }
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
        selection: options.selection.clone(),
        asked: options.asked.clone(),
        iut: json!({
            "name": hello.iut.name,
            "version": hello.iut.version,
            "seats": options.target.played(hello),
            "ics": ics.to_json(),
            "attestations": options.target.attestations,
        }),
    }
}

pub(super) struct Run {
    pub(super) shared: Shared,
    pub(super) pool: Pool,
    /// Where the run's output goes.
    out: PathBuf,
    /// Cases share instances as far as they may.
    shares: bool,
    hello: Hello,
    ics: Ics,
    observer: Arc<dyn Observer>,
    /// What befell shared instances.
    pub(super) misfortunes: Mutex<Vec<Befallen>>,
    /// What the wire has shown of capabilities.
    shown: Shown,
    /// What the results say, each text once.
    texts: Mutex<Texts>,
}

async fn side_by_side(
    cases: Vec<Case>,
    run: Arc<Run>,
    jobs: usize,
) -> Result<Vec<Arc<CaseResult>>, RunError> {
    let mut results = Vec::with_capacity(cases.len());
    let mut queue = Queue::new(cases, jobs);
    let mut tasks = JoinSet::new();
    let mut waiting = 0;
    loop {
        // A case gets a task when its turn comes: hundreds that wait would take 30 KiB each.
        while tasks.len() < jobs.max(1)
            && let Some((case, pace)) = queue.next(waiting)
        {
            waiting += usize::from(pace == Pace::Waits);
            let run = Arc::clone(&run);
            tasks.spawn(async move { (pace, run.case(&case).await) });
        }
        let Some(joined) = tasks.join_next().await else { return Ok(results) };
        let (pace, result) =
            joined.map_err(|error: JoinError| RunError::Task(error.to_string()))?;
        waiting -= usize::from(pace == Pace::Waits);
        results.push(result?);
    }
}

impl Run {
    async fn case(&self, case: &Case) -> Result<Arc<CaseResult>, RunError> {
        self.observer.started(&case.id());
        let result = match self.ruled_out(case) {
            Some(why) => self.judged(case, &self.skip(case, why)?),
            None => self.execute(case).await?,
        };
        self.shared.log.flush()?;
        let result = Arc::new(result);
        self.observer.finished(&result);
        Ok(result)
    }

    fn judged(&self, case: &Case, transcript: &Transcript) -> CaseResult {
        self.shown.observe(transcript);
        let foreign = self.pool.target.foreign;
        let setting = Setting { profile: &self.shared.profile, foreign };
        let mut result = judge(&case.scenario, transcript, setting);
        self.texts.lock().unwrap_or_else(PoisonError::into_inner).share(&mut result);
        result
    }

    async fn execute(&self, case: &Case) -> Result<CaseResult, RunError> {
        let plan = Plan::of(&case.scenario);
        if !self.shares || self.must_be_alone(case) {
            return self.alone(case, &plan, None).await;
        }
        let accounts = isolation::accounts(&case.scenario, &plan);
        let guest = match self.pool.share(&self.shared, accounts).await {
            Ok(guest) => guest,
            Err(error) => return self.not_ready(case, error).await,
        };
        let ended = Session::new(case, &plan, &self.shared, guest).run(None).await?;
        let result = self.result(case, &ended)?;
        let Some(why) = self.why_again(&ended, &result) else { return Ok(result) };
        let again = self.alone(case, &plan, Some(why)).await?;
        if let Some(misfortune) = ended.misfortune {
            let same = misfortune.kind.is_some_and(|kind| shows(&again, kind));
            let mut all = self.misfortunes.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(Befallen { misfortune, case: case.id(), again: same });
        }
        Ok(again)
    }

    /// Who serves one case after another gives each the whole instance for its time.
    fn must_be_alone(&self, case: &Case) -> bool {
        let turns = self.pool.company == Company::Turns;
        match isolation::alone(&case.scenario) {
            Some(reason) => !(turns && reason.is_about_names()),
            None => false,
        }
    }

    /// Why a case must be carried out again, alone; its verdict cannot count as it stands.
    fn why_again<'a>(&self, ended: &'a Ended, result: &CaseResult) -> Option<&'a str> {
        if self.pool.company == Company::Turns {
            return None;
        }
        let red = result.verdict > Verdict::Pass;
        let misfortune = ended.misfortune.as_ref().map(|misfortune| misfortune.why.as_str());
        misfortune.or(ended.stray.as_deref().filter(|_| red))
    }

    async fn alone(
        &self,
        case: &Case,
        plan: &Plan,
        again: Option<&str>,
    ) -> Result<CaseResult, RunError> {
        if self.pool.company == Company::Turns {
            let why = "instance: the adapter serves one connection, and the case needs its own";
            let transcript = self.skip(case, Skip::Prerequisite(why.into()))?;
            return Ok(self.judged(case, &transcript));
        }
        let stopped = isolation::stops_the_program(&case.scenario);
        let guest: Guest = match self.pool.own(&self.shared, &case.id(), stopped).await {
            Ok(guest) => guest,
            Err(error) => return self.not_ready(case, error).await,
        };
        let ended = Session::new(case, plan, &self.shared, guest).run(again).await?;
        Ok(self.result(case, &ended)?)
    }

    /// Judges a case, and puts the adapter's log beside it where it is red.
    fn result(&self, case: &Case, ended: &Ended) -> std::io::Result<CaseResult> {
        let mut result = self.judged(case, &ended.transcript);
        if result.verdict > Verdict::Pass && !ended.written.is_empty() {
            let name = format!("logs/{}.log", file_name(&result.id));
            std::fs::create_dir_all(self.out.join("logs"))?;
            std::fs::write(self.out.join(&name), ended.written.join("\n") + "\n")?;
            result.log = Some(name);
        }
        Ok(result)
    }

    fn cannot_listen(&self, error: std::io::Error) -> RunError {
        RunError::Listen { bind: self.shared.place.bind(), error }
    }

    async fn not_ready(&self, case: &Case, error: NotReady) -> Result<CaseResult, RunError> {
        match error {
            NotReady::Listen(error) => Err(self.cannot_listen(error)),
            NotReady::Broken(error) => Err(RunError::DeadStarts(error)),
            NotReady::Start(error) => {
                let transcript = self.not_started(case, &error)?;
                Ok(self.judged(case, &transcript))
            }
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
        if scenario.speaks_signal() && self.ics.has("other_protocol") {
            return Some(Skip::Capability("other_protocol".to_owned()));
        }
        if scenario.moves_the_clock() && !self.ics.has("clock") {
            let why = "the adapter has no hook `advance_clock` (capability `clock`)";
            return Some(Skip::Prerequisite(why.into()));
        }
        if let Some(why) = prerequisite::missing(scenario, profile) {
            return Some(Skip::Prerequisite(why));
        }
        let actors = scenario.actors.iter().filter(|(_, actor)| actor.iut);
        let seats = self.pool.target.played(&self.hello);
        let lends = lent::is_wanted(&self.pool.target, &seats) && lent::serves(scenario);
        let wakes = lent::wakes(scenario, &seats, &self.ics);
        let lent = |plays: &Plays| match plays {
            Plays::ThirdPartyClient => lends,
            Plays::ThirdPartyServer => wakes,
            Plays::MetaClient | Plays::MediaProxy => false,
        };
        let mut missing = actors.map(|(_, actor)| actor.plays);
        let missing = missing.find(|plays| !self.has_seat(*plays) && !lent(plays))?;
        let seat = missing.word();
        Some(Skip::Prerequisite(format!("the subject does not play the seat {seat}")))
    }

    fn has_seat(&self, plays: Plays) -> bool {
        let seats = self.pool.target.played(&self.hello);
        match plays {
            Plays::ThirdPartyClient => seats.contains(&Seat::ThirdPartyClient),
            Plays::ThirdPartyServer => seats.contains(&Seat::ThirdPartyServer),
            Plays::MetaClient => seats.contains(&Seat::Meta),
            Plays::MediaProxy => seats.contains(&Seat::MediaProxy),
        }
    }

    fn skip(&self, case: &Case, why: Skip) -> Result<Transcript, RecordError> {
        let event = Event::CaseSkipped {
            scenario: case.scenario.id.clone(),
            text: case.scenario.source.text.to_string(),
            choice: case.choice.clone(),
            why,
        };
        self.only(case, vec![(Stream::steps(), event)])
    }

    /// The subject started before and does not now: that is a finding.
    fn not_started(&self, case: &Case, error: &StartError) -> Result<Transcript, RecordError> {
        let begun = Event::CaseBegun {
            scenario: case.scenario.id.clone(),
            text: case.scenario.source.text.to_string(),
            choice: BTreeMap::new(),
            canary: String::new(),
        };
        let detail = error.to_string();
        let trouble = Event::ProcessTrouble { kind: Trouble::NotStarted, detail, shared: false };
        let events = vec![(Stream::steps(), begun), (Stream::process(), trouble)];
        self.only(case, events)
    }

    fn only(&self, case: &Case, events: Vec<(Stream, Event)>) -> Result<Transcript, RecordError> {
        let mut transcript = Transcript::new(case.id());
        for (stream, event) in events {
            transcript.record(UnixMs::now().0, stream, Lane::Main, None, event);
        }
        self.log(&transcript)?;
        Ok(transcript)
    }

    pub(super) fn log(&self, transcript: &Transcript) -> Result<(), RecordError> {
        self.shared.log.append(transcript.entries()).map_err(|_| RecordError::LogClosed)
    }
}

/// A case's id as the name of one file.
fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.=".contains(c) { c } else { '_' };
    id.chars().map(plain).collect()
}

/// True if the run says nothing because of a failure of ours.
pub fn harness_failed(cases: &[CaseResult]) -> bool {
    cases.iter().flat_map(|case| &case.checks).any(|c| c.verdict == Verdict::HarnessError)
}
