//! One case against one instance of the implementation under test.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::faulty::Lines;
use super::faulty_http::HttpLines;
use super::files::Files;
use super::instance::{Burden, Guest, Host, integrator};
use super::log::EventLog;
use super::look::{self, Looking};
use super::place::Place;
use super::pool::release;
use super::proxy::{self, Proxied};
use super::recorder::{RecordError, Recorder};
use super::stubs::Stubs;
use crate::canary::{Canary, Oracle, Sighting};
use crate::check::{Progress, lane};
use crate::driver::Seat;
use crate::evidence::{Channel, Event, Growth, Lane, Skip, Stream, Transcript, Trouble};
use crate::iut::Prepared;
use crate::iut::logfiles::LogFiles;
use crate::iut::vitals::Usage;
use crate::iut::watch;
use crate::limits::{
    OPERATION_WAIT_MS_MAX, ORDINARY_CASE_DESCRIPTORS, ORDINARY_CASE_MIB, SIGHTINGS_MAX,
};
use crate::net::{ConnId, ExchangeId};
use crate::role::FetchId;
use crate::role::meta::Meta;
use crate::role::quirk::Fault;
use crate::scenario::{Action, Case, Phase, Plan, PlannedStep, Plays, Purpose};
use crate::seed::Seed;
use crate::spec::Profile;
use crate::wire::EncodeAs;

/// Lines of the adapter's log that are kept beside a red case.
const LOG_LINES_KEPT: usize = 200;

/// What every case of a run has in common.
pub struct Shared {
    pub profile: Profile,
    pub seed: Seed,
    pub operation_timeout: Duration,
    pub place: Place,
    /// What Meta's clients do wrong; nothing, but in a self pair.
    pub peer_fault: Option<Fault>,
    /// Absences last as long as their steps say.
    pub patient: bool,
    /// Log files of the subject, beside its standard error.
    pub logs: Vec<PathBuf>,
    /// Somebody may hold the process in a debugger.
    pub debugged: bool,
    /// A person is the adapter: there is no process that anybody sees.
    pub manual: bool,
    /// What a server without a driver serves, whatever it is asked to store.
    pub prepared: Option<Prepared>,
    pub log: EventLog,
}

impl Shared {
    /// What an instance needs that no case is put on.
    pub fn unrecorded(profile: Profile, seed: Seed, place: Place) -> Self {
        let log = EventLog::nowhere();
        let operation_timeout = Duration::from_millis(OPERATION_WAIT_MS_MAX);
        Self {
            profile,
            seed,
            operation_timeout,
            debugged: false,
            manual: false,
            prepared: None,
            place,
            peer_fault: None,
            patient: false,
            logs: Vec::new(),
            log,
        }
    }
}

/// A case while it is carried out.
pub struct Session<'a> {
    pub(super) case: &'a Case,
    pub(super) plan: &'a Plan,
    pub(super) shared: &'a Shared,
    pub(super) recorder: Recorder<'a>,
    pub(super) meta: Meta,
    pub(super) guest: Guest,
    /// Where the adapter's log stood when the case came.
    log_mark: u64,
    log_files: LogFiles,
    /// What the process held then, where it serves this case alone.
    pub(super) held: Option<Usage>,
    /// What was sent on connections before they were this case's.
    pub(super) sent_before: BTreeMap<ConnId, VecDeque<Vec<u8>>>,
    /// What a shared instance bore when this case came.
    borne: Option<Burden>,
    /// What on a shared instance may be this case's doing, and may not.
    pub(super) stray: Option<String>,
    /// What befell a shared instance while this case was there.
    pub(super) misfortune: Option<Misfortune>,
    /// Driver account names, by lane and actor.
    pub(super) accounts: BTreeMap<(Lane, String), String>,
    pub(super) fetches: BTreeMap<ExchangeId, FetchId>,
    /// Files that are to be sent, and what was received.
    pub(super) files: Files,
    /// Probes that are under way.
    pub(super) looking: Looking,
    /// The ends of a media proxy that is under test.
    pub(super) proxied: Option<Proxied>,
    /// Ids of driver calls that were answered and not yet waited for.
    pub(super) answered: Vec<u64>,
    pub(super) lane: Lane,
    pub(super) canary: String,
    /// A client did not answer a ping in time; settling would only cost time.
    pub(super) restless: bool,
    /// Faults on the connections, and how far the clock is ahead.
    pub(super) lines: Lines,
    pub(super) http: HttpLines,
    /// The hosts that are neither Meta's nor the third party's.
    pub(super) stubs: Stubs,
    /// The client is the harness's own, lent to a server without one.
    pub(super) lends: bool,
    /// Lanes in which a push came after the last connect: who is online there is the wake's doing.
    pub(super) pushed: BTreeSet<Lane>,
    /// Whose pings went unanswered, by lane and actor; a notification is their fence.
    pub(super) deaf: BTreeSet<(Lane, String)>,
    /// Counts fences, to name their stanzas.
    pub(super) fences: u32,
    /// The adapter answers nothing any more; asking again would only cost time.
    pub(super) hangs: bool,
    /// The adapter is gone; nothing more can be asked of it.
    pub(super) gone: bool,
}

/// What befell an instance that may be any of its cases' doing.
#[derive(Clone, Debug)]
pub struct Misfortune {
    pub kind: Option<Trouble>,
    pub why: String,
    /// The instance's number within the run.
    pub host: u64,
}

/// A case that was carried out.
pub struct Ended {
    pub transcript: Transcript,
    /// What the adapter wrote to standard error and to its log files meanwhile.
    pub written: Vec<String>,
    /// Something befell the shared instance, so that the case must be carried out again, alone.
    pub misfortune: Option<Misfortune>,
    /// Something could not be told to be this case's: if it is red, it must be carried out again.
    pub stray: Option<String>,
    /// What the case's leaks were looked for with: kept so long that the judge need not make it again.
    pub oracles: Vec<Arc<Oracle>>,
}

impl<'a> Session<'a> {
    /// Puts a case onto an instance.
    pub fn new(case: &'a Case, plan: &'a Plan, shared: &'a Shared, guest: Guest) -> Self {
        let transcript = Transcript::new(case.id());
        let progress = Progress::new(&case.scenario, plan, &shared.profile);
        let (host, id) = (&guest.host, case.id());
        let base_url = host.base_url();
        let mut meta = Meta::in_house(
            shared.profile.clone(),
            integrator(base_url),
            shared.seed,
            &host.house,
            &shared.place.key_stream(&id),
        );
        meta.set_own_url(host.http_url.clone());
        meta.set_proxy_url(host.proxy_url.clone());
        let proxied = Proxied::of(case, host, &shared.profile, shared.seed);
        if proxied.is_some() {
            guest.claim_word(&proxy::word(shared.seed, &id));
        }
        let canary = canary(shared.seed, &case.id());
        meta.watch_for(Canary::new("the text", canary.as_bytes()));
        Self {
            case,
            plan,
            shared,
            recorder: Recorder::new(transcript, progress, shared.log.clone()),
            meta,
            log_mark: if host.shared { host.instance().log_mark() } else { 0 },
            log_files: LogFiles::mark(&shared.logs),
            held: if host.shared { None } else { host.instance().usage() },
            borne: guest.host.shared.then(|| guest.host.burden()).flatten(),
            guest,
            sent_before: BTreeMap::new(),
            stray: None,
            misfortune: None,
            accounts: BTreeMap::new(),
            fetches: BTreeMap::new(),
            files: Files::default(),
            looking: Looking::default(),
            proxied,
            answered: Vec::new(),
            lane: Lane::Main,
            canary,
            restless: false,
            lines: Lines::default(),
            http: HttpLines::default(),
            stubs: Stubs::default(),
            lends: false,
            pushed: BTreeSet::new(),
            deaf: BTreeSet::new(),
            fences: 0,
            hangs: false,
            gone: false,
        }
    }

    /// Carries out the plan and returns what was recorded. `again` says why the case was carried
    /// out before.
    ///
    /// # Errors
    /// The log could not be written: a failure of the harness, not of the subject.
    pub async fn run(mut self, again: Option<&str>) -> Result<Ended, RecordError> {
        let done = self.carry_out_plan(again).await;
        let written = self.written();
        let oracles = self.meta.oracles();
        let Self { recorder, guest, accounts, misfortune, stray, .. } = self;
        release(guest.leave(accounts.into_values()).await).await;
        match done {
            // The subject flooded the case; the transcript says so.
            Ok(()) | Err(RecordError::TooMany) => {
                let transcript = recorder.transcript;
                Ok(Ended { transcript, written, misfortune, stray, oracles })
            }
            Err(error) => Err(error),
        }
    }

    /// What the adapter wrote for people, each log under its name.
    fn written(&self) -> Vec<String> {
        let stderr = self.host().life().stderr_since(self.log_mark);
        let mut lines: Vec<String> = stderr.into_iter().map(|line| line.text).collect();
        for (path, added) in self.log_files.added() {
            lines.push(format!("==> {} <==", path.display()));
            lines.extend(added);
        }
        lines
    }

    async fn carry_out_plan(&mut self, again: Option<&str>) -> Result<(), RecordError> {
        if let Some(why) = self.out_of_reach() {
            return self.skip(why).await;
        }
        self.lends = self.host().has_lent_client() && self.wants_a_client();
        match Stubs::start(&self.case.scenario.http).await {
            Ok(stubs) => self.stubs = stubs,
            Err(why) => {
                let why = format!("no port for the scenario's stubs: {why}");
                return self.skip(Skip::Prerequisite(why)).await;
            }
        }
        self.begin(again);
        let mut sound = self.configured().await?;
        for (number, phase) in self.plan.phases.iter().enumerate() {
            // A twin that was refused, or a main phase that broke, leaves nothing to probe.
            if sound {
                let ended = self.phase(number, phase).await?;
                sound = ended || phase.purpose == Purpose::Canonical;
            }
        }
        self.end(sound).await
    }

    /// Why the case shows nothing here, if it does not. Of a seat that was not configured nothing else is
    /// known: what it lacks is no reason then.
    fn out_of_reach(&self) -> Option<Skip> {
        let host = self.host();
        if let Some(error) = host.refusal() {
            return Some(Skip::Refused(error.to_string()));
        }
        if !host.is_configured() {
            return None;
        }
        let lent = || {
            let missing = self.wants_a_client() && !host.has_lent_client();
            missing.then(|| "the client to be lent to the subject did not start".to_owned())
        };
        look::ruled_out(self.case, host, &self.shared.profile)
            .or_else(|| proxy::ruled_out(self.case, host))
            .or_else(lent)
            .map(Skip::Prerequisite)
    }

    /// True for a case with clients on a subject that plays none.
    fn wants_a_client(&self) -> bool {
        !self.host().seats.contains(&Seat::ThirdPartyClient) && has_client(self.case)
    }

    /// Says of the whole case that it shows nothing here.
    async fn skip(&mut self, why: Skip) -> Result<(), RecordError> {
        let skipped = Event::CaseSkipped {
            scenario: self.case.scenario.id.clone(),
            text: self.case.scenario.source.text.to_string(),
            choice: self.case.choice.clone(),
            why,
        };
        self.note(skipped);
        if !self.host().shared {
            self.host().instance().stop().await;
        }
        self.recorder.flush()
    }

    fn begin(&mut self, again: Option<&str>) {
        if let Some(why) = again {
            self.note(Event::Isolated { why: why.to_owned() });
        }
        let begun = Event::CaseBegun {
            scenario: self.case.scenario.id.clone(),
            text: self.case.scenario.source.text.to_string(),
            choice: self.case.choice.clone(),
            canary: self.canary.clone(),
        };
        self.note(begun);
        if self.lends {
            self.note(Event::ClientLent);
        } else if self.lacks_the_server() {
            self.note(Event::ServerLent);
        }
    }

    /// Notes what the instance was told before the case came; true if it accepted that.
    async fn configured(&mut self) -> Result<bool, RecordError> {
        let host = Arc::clone(&self.guest.host);
        self.note_configured(&host.configured).await?;
        self.meta.tell_time(self.now());
        if !host.has_server() {
            self.meta.stand_in_for_the_server();
        }
        Ok(host.is_configured())
    }

    pub(super) fn host(&self) -> &Host {
        &self.guest.host
    }

    /// Runs a phase; true if all of its steps came about.
    async fn phase(&mut self, number: usize, phase: &Phase) -> Result<bool, RecordError> {
        self.lane = lane(phase.purpose);
        self.meta.set_lane(self.lane);
        self.meta.set_faults(crate::role::meta::Faults::default());
        self.meta.publish(crate::scenario::PushKeys::First);
        self.meta.set_encoding(self.encoding());
        if look::shows_certificates(self.case) {
            // A lane before it may have left another one.
            let _ = self.show_certificate(None);
        }
        self.lane_values();
        for (at, planned) in phase.steps.iter().enumerate() {
            let text = self.line_of(planned);
            self.note(Event::StepBegun { phase: number, step: at, text });
            self.recorder.flush()?;
            self.meta.tell_time(self.now());
            let end = self.perform(&planned.step).await?;
            if matches!(planned.step.action, Action::Act(_) | Action::Send(_) | Action::Advance(_))
            {
                self.settle().await?;
                self.meta.set_encoding(self.encoding());
            }
            self.note(Event::StepEnded { phase: number, step: at, end });
            self.recorder.flush()?;
            let outcome = self.recorder.progress.outcome(number, at);
            if !outcome.is_some_and(|outcome| outcome.goes_on(&planned.step)) {
                self.settle().await?;
                return Ok(false);
            }
        }
        self.settle().await?;
        Ok(true)
    }

    /// How stanzas are written where a step does not say otherwise.
    pub(super) fn encoding(&self) -> EncodeAs {
        match self.lane {
            Lane::Canonical => EncodeAs::CANONICAL,
            _ => self.case.scenario.encoding,
        }
    }

    async fn end(&mut self, sound: bool) -> Result<(), RecordError> {
        self.vitals().await?;
        if !self.gone && !self.host().shared {
            self.host().instance().stop().await;
        }
        self.process_trouble(sound);
        self.note(Event::CaseEnded);
        self.recorder.flush()
    }

    /// How the process is when all is done.
    async fn vitals(&mut self) -> Result<(), RecordError> {
        if self.gone || self.hangs {
            return Ok(());
        }
        let well = self.health().await?.is_ok();
        if self.gone || self.shared.manual {
            return Ok(());
        }
        self.grown_while_shared();
        let instance = self.host().instance();
        let growth = self.held.zip(instance.usage()).map(|(before, after)| Growth {
            memory_mib: after.at_most_since(before) / 1024,
            descriptors: after.descriptors.saturating_sub(before.descriptors),
        });
        let log = instance.process_id().is_some() || !self.shared.logs.is_empty();
        self.record(Stream::process(), None, Event::Vitals { well, log, growth });
        Ok(())
    }

    /// ROB-003 on a shared instance: it took more meanwhile than one case may, and an ordinary share for
    /// each of the others. Whose it was nobody can tell, so each is carried out again, alone.
    fn grown_while_shared(&mut self) {
        let Some((before, after)) = self.borne.zip(self.host().burden()) else { return };
        let others = (before.there + after.came - before.came).saturating_sub(1);
        let max = |key: &str| self.shared.profile.int(key).map(i64::unsigned_abs);
        let over = |key: &str, took: u64, share: u64| {
            max(key).is_some_and(|max| took > max.saturating_add(others.saturating_mul(share)))
        };
        let mib = after.usage.at_most_since(before.usage) / 1024;
        let files = after.usage.descriptors.saturating_sub(before.usage.descriptors);
        let why = if over("robustness.memory_mib_max", mib, ORDINARY_CASE_MIB) {
            "an instance that cases share took more memory than one of them may"
        } else if over("robustness.descriptors_max", files, ORDINARY_CASE_DESCRIPTORS) {
            "an instance that cases share took more descriptors than one of them may"
        } else {
            return;
        };
        if self.misfortune.is_none() {
            let host = self.host().number;
            self.misfortune = Some(Misfortune { kind: None, why: why.to_owned(), host });
        }
    }

    /// What the process left behind: its log where the case is red, and text that only a defect prints.
    fn process_trouble(&mut self, sound: bool) {
        for alarm in self.host().life().alarms_since(self.log_mark) {
            self.trouble(Trouble::Panicked, alarm.text);
        }
        for (_, added) in self.log_files.added() {
            for line in added.into_iter().filter(|line| watch::scan(line).is_some()) {
                self.trouble(Trouble::Panicked, line);
            }
        }
        self.search_logs();
        let mut lines = self.host().life().stderr_since(self.log_mark);
        let older = lines.len().saturating_sub(LOG_LINES_KEPT);
        lines.drain(..older);
        if !sound && !lines.is_empty() {
            let lines = lines.into_iter().map(|line| line.text).collect();
            self.record(Stream::process(), None, Event::Log { lines });
        }
    }

    /// Searches what the adapter wrote for people for what users wrote (PRV-008).
    fn search_logs(&mut self) {
        let stderr = self.host().life().stderr_since(self.log_mark).into_iter();
        let mut written: Vec<(String, Vec<u8>)> =
            stderr.map(|line| ("standard error".to_owned(), line.text.into_bytes())).collect();
        for (path, bytes) in self.log_files.added_bytes() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            written.push((format!("the log {name}"), bytes));
        }
        if written.is_empty() {
            return;
        }
        for name in [false, true] {
            let seen = |bytes: &[u8]| match name {
                true => self.meta.sighting_of_a_name(bytes),
                false => self.meta.sighting(bytes),
            };
            let found = written.iter().filter_map(|(at, bytes)| Some((at.clone(), seen(bytes)?)));
            let found: Vec<_> = found.take(SIGHTINGS_MAX).collect();
            for (place, Sighting { what, form, offset }) in found {
                let channel = Channel::Log;
                let event = Event::Sighted { channel, place, what, form, offset, name };
                self.record(Stream::process(), None, event);
            }
        }
        let count = |(_, bytes): &(String, Vec<u8>)| {
            bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
        };
        let lines = written.iter().map(count).sum();
        self.record(Stream::process(), None, Event::LogSearched { lines });
    }

    /// Records what befell the process; on a shared instance that is not this case's alone.
    pub(super) fn trouble(&mut self, kind: Trouble, detail: String) {
        let shared = self.host().shared;
        if shared && self.misfortune.is_none() {
            let (why, host) = (format!("{}: {detail}", kind.word()), self.host().number);
            self.misfortune = Some(Misfortune { kind: Some(kind), why, host });
        }
        self.record(Stream::process(), None, Event::ProcessTrouble { kind, detail, shared });
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

/// True if clients of the third party take part.
fn has_client(case: &Case) -> bool {
    let mut actors = case.scenario.actors.iter();
    actors.any(|(_, actor)| actor.iut && actor.plays == Plays::ThirdPartyClient)
}

/// A high-entropy word that stands for "what the user wrote" in every text of a case.
fn canary(seed: Seed, case: &str) -> String {
    use rand::Rng as _;
    let mut bytes = [0; 10];
    seed.rng(&[case, "canary"]).fill_bytes(&mut bytes);
    format!("cnry{}", hex::encode(bytes))
}
