//! The loop: sockets, typed lines and the clock on one side, Meta's side on the other.
//!
//! Main type: [`Host`]. Recorded first, acted on second, as in a run; here an entry is shown,
//! explained and remembered for a while instead of kept. The screen has a thread of its own, so
//! that nobody's terminal slows the wire.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::block;
use super::greeting::{Greeting, Login, TOKEN_PATH};
use super::guests::GUESTS;
use super::journal::Journal;
use super::mischief::Mischief;
use super::paint::{Ink, Line, Paper};
use super::refusal::Explainer;
use super::screen::Screen;
use super::witness::{CASE, Witness, scenario};
use super::{Ended, Options, ServeError};
use crate::clock::UnixMs;
use crate::driver::line::LineReader;
use crate::evidence::{Entry, EntryId, Event, Lane, RunHeader, Stream};
use crate::limits::{HOSTED_USERS_MAX, REQUESTS_WAITING_MAX, TYPED_BYTES_MAX};
use crate::net::{Authority, ExchangeId, Kind, Manner, Net, NetEvent, Trust};
use crate::noise::KeyPair;
use crate::role::meta::{Integrator, Meta, User, proxied_head};
use crate::role::signal::Signal;
use crate::role::{ConnId, FetchId, Input, Output, Record, Role as _};
use crate::run::{INTEGRATOR_ID, ISSUER};
use crate::wire::Jid;

/// How often connections without a login are looked for, and checks made.
const TICK: Duration = Duration::from_millis(250);
/// Typed lines that may wait.
const TYPED_LINES_MAX: usize = 16;
/// Users of the third party's whom the greeting names; the last is enlisted already.
const USERS: &[&str] = &["alice", "bob", "ready"];

/// The counterpart of one developer.
pub struct Host {
    pub(super) options: Options,
    pub(super) meta: Meta,
    pub(super) net: Net,
    events: mpsc::Receiver<NetEvent>,
    fetches: BTreeMap<ExchangeId, FetchId>,
    /// HTTP requests that Meta's side has not answered yet.
    asked: usize,
    /// Connections without a login, and when they came.
    young: BTreeMap<ConnId, Instant>,
    pub(super) mischief: Mischief,
    pub(super) screen: Screen,
    journal: Option<Journal>,
    witness: Witness,
    explainer: Explainer,
    /// Entries so far of each stream that is still alive.
    counts: BTreeMap<Stream, u32>,
    /// What Meta's clients decrypted and nobody has reacted to.
    pub(super) heard: VecDeque<Entry>,
    /// When test users wrote in the last second.
    pub(super) replies: VecDeque<Instant>,
    wake_at: Option<UnixMs>,
}

impl Host {
    /// Opens the listeners, prepares the users and greets.
    ///
    /// # Errors
    /// See [`ServeError`].
    pub async fn open(options: Options) -> Result<Self, ServeError> {
        let (net, events) = Net::bound_to(options.place.bind());
        if let Some(path) = &options.server_ca {
            net.trust(trust(path)?);
        }
        let chat = net.listen_chat_at(options.ports.chat).await;
        let chat = chat.map_err(|error| listen("chat", options.ports.chat, error))?;
        let authority = options.tls.as_deref().map(|file| authority(&options, file)).transpose()?;
        let ca = authority.as_ref().map(|authority| authority.pem().to_owned());
        let manner = Manner { authority, fault: None };
        let http = net.listen_http_as(options.ports.http, manner).await;
        let http = http.map_err(|error| listen("HTTP", options.ports.http, error))?;
        let keys = options.place.key_stream(CASE);
        let integrator =
            Integrator { id: INTEGRATOR_ID, iss: ISSUER.into(), base_url: options.server.clone() };
        let mut meta = Meta::new(options.profile.clone(), integrator, options.seed, &keys);
        meta.tell_time(UnixMs::now());
        meta.admit_strangers(HOSTED_USERS_MAX);
        match options.server {
            None => meta.stand_in_for_the_server(),
            // Test users fetch what your users send by the proxy, as everybody does.
            Some(_) => {
                let proxy = net.listen_http().await;
                let proxy = proxy.map_err(|error| listen("HTTP", 0, error))?;
                meta.set_proxy_url(format!("http://{}", within(proxy)));
            }
        }
        for guest in GUESTS {
            meta.add_client(Lane::Main, guest.client(&options.profile, options.seed, &keys));
        }
        let logins = USERS
            .iter()
            .enumerate()
            .filter_map(|(n, name)| invite(&mut meta, &options, &keys, name, n));
        let logins = logins.collect();
        let canary = canary(&options, &keys);
        let greeting = greeting(&options, &meta, (chat, http), ca, logins, canary.clone());
        let journal = journal(&options)?;
        let screen = greet(&options, &greeting);
        let explainer = Explainer::new(paths(&options), Signal::of(&options.profile).kem_element);
        let mut host = Self {
            options,
            meta,
            net,
            events,
            fetches: BTreeMap::new(),
            asked: 0,
            young: BTreeMap::new(),
            mischief: Mischief::default(),
            screen,
            journal,
            witness: Witness::default(),
            explainer,
            counts: BTreeMap::new(),
            heard: VecDeque::new(),
            replies: VecDeque::new(),
            wake_at: None,
        };
        host.begin(canary);
        Ok(host)
    }

    /// The word whose appearance in the clear is a leak.
    pub(super) fn canary(&self) -> String {
        canary(&self.options, &self.options.place.key_stream(CASE))
    }

    fn begin(&mut self, canary: String) {
        let begun = Event::CaseBegun {
            scenario: CASE.into(),
            text: scenario().source.text.to_string(),
            choice: BTreeMap::new(),
            canary,
        };
        self.record(Record {
            stream: Stream::steps(),
            lane: Lane::Main,
            actor: None,
            event: begun,
        });
    }

    /// Serves until the user ends it.
    pub async fn run(mut self) -> Ended {
        let mut typed = typed_lines();
        let end = self.options.lifetime.map(|lifetime| Instant::now() + lifetime);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        let ended = loop {
            tokio::select! {
                biased;
                _ = &mut interrupted => break Ended::Interrupted,
                () = at(end) => break Ended::Asked,
                Some(line) = typed.recv() => {
                    if !self.typed(&line) {
                        break Ended::Asked;
                    }
                }
                _ = ticks.tick() => self.tick(),
                Some(event) = self.events.recv() => self.net_event(event),
            }
            self.carry_out();
        };
        self.finish();
        ended
    }

    fn finish(mut self) {
        self.look();
        let event = Event::CaseEnded;
        self.record(Record { stream: Stream::steps(), lane: Lane::Main, actor: None, event });
        self.flush();
        self.screen.finish();
    }

    fn net_event(&mut self, event: NetEvent) {
        let input = match event {
            NetEvent::Accepted { conn, kind, .. } => {
                self.young.insert(conn, Instant::now());
                Input::Accepted { conn, websocket: kind == Kind::WebSocket }
            }
            NetEvent::Opened { conn } => Input::Opened { conn },
            NetEvent::OpenFailed { conn, error } => Input::Closed { conn, error: Some(error) },
            NetEvent::Bytes { conn, bytes } => Input::Bytes { conn, bytes },
            NetEvent::Closed { conn, error } => {
                self.young.remove(&conn);
                Input::Closed { conn, error }
            }
            NetEvent::Request { id, request, .. } => {
                if self.own_request(id, &request) {
                    return;
                }
                self.asked += 1;
                Input::Request { id, request }
            }
            NetEvent::Response { id, result } => match self.fetches.remove(&id) {
                Some(id) => Input::Response { id, result },
                None => return,
            },
            NetEvent::Probed { .. } | NetEvent::Unsecured { .. } => return,
        };
        self.meta.set_faults(self.mischief.faults.clone());
        self.meta.handle(UnixMs::now(), input);
    }

    /// Answers what is not for Meta's side: tokens, and requests beyond the bound.
    fn own_request(&mut self, id: ExchangeId, request: &crate::http::HttpRequest) -> bool {
        let response = if self.asked >= REQUESTS_WAITING_MAX {
            Some(crate::http::HttpResponse::new(503))
        } else {
            self.token_response(request)
        };
        let Some(response) = response else { return false };
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        let event = Event::StrayRequest { method: request.method.clone(), path, served: false };
        self.record(Record { stream: Stream::http_in(), lane: Lane::Main, actor: None, event });
        self.net.respond(id, response);
        true
    }

    fn tick(&mut self) {
        let now = UnixMs::now();
        if self.wake_at.is_some_and(|at| at <= now) {
            self.wake_at = None;
            self.meta.handle(now, Input::Wake);
        }
        self.give_up_the_late();
        self.look();
        self.flush();
    }

    /// NOI-020: who does not log in in time gives up its place.
    fn give_up_the_late(&mut self) {
        let wait = self.options.profile.int("noise.deadline_s").unwrap_or(20).unsigned_abs();
        let wait = Duration::from_secs(wait);
        let late = self.young.iter().filter(|(_, since)| since.elapsed() > wait);
        for conn in late.map(|(conn, _)| *conn).collect::<Vec<_>>() {
            self.young.remove(&conn);
            if !self.meta.is_logged_in(conn) {
                self.meta.give_up(conn, &format!("no login within {} s", wait.as_secs()));
            }
        }
    }

    /// Carries out what Meta's side wants, and lets test users react, until all is quiet.
    pub(super) fn carry_out(&mut self) {
        loop {
            while let Some(output) = self.meta.poll() {
                self.output(output);
            }
            let Some(entry) = self.heard.pop_front() else { break };
            self.react(&entry);
        }
        if self.witness.is_pressed() {
            self.look();
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Record(record) => self.record(*record),
            Output::Send { conn, bytes } => self.net.send(conn, bytes),
            Output::Close { conn } => self.net.close(conn),
            Output::Respond { id, response } => {
                self.asked = self.asked.saturating_sub(1);
                self.net.respond(id, response);
            }
            Output::Lose { id } => self.net.lose(id),
            Output::Fetch { id, url, request } => {
                let exchange = self.net.fetch(&url, request);
                self.fetches.insert(exchange, id);
            }
            // Nobody is probed here, so it is HTTP/1.1.
            Output::Download { id, url, request, bytes_max, http2: _ } => {
                let exchange = self.net.download(&url, request, bytes_max);
                self.fetches.insert(exchange, id);
            }
            Output::Deliver { id, response, how } => {
                self.asked = self.asked.saturating_sub(1);
                self.net.deliver(id, response, how);
            }
            Output::Relay { id, url, request } => {
                self.asked = self.asked.saturating_sub(1);
                self.net.relay(id, url, request, proxied_head);
            }
            // There is one Meta side here, and all is its own.
            Output::Claim { .. } => {}
            Output::WakeAt(at) => self.wake_at = Some(at),
        }
    }

    /// Shows, explains, writes and remembers what happened.
    fn record(&mut self, record: Record) {
        let Record { stream, lane, actor, event } = record;
        let id = EntryId { case: CASE.into(), n: self.number(&stream, &event), stream };
        let entry = Entry { id, lane, actor, at_ms: UnixMs::now().0, event };
        let lines = block::block(&entry);
        if !lines.is_empty() {
            self.screen.show(&lines);
        }
        for refusal in self.explainer.explain(&entry) {
            self.screen.show(&block::refusal(&refusal, entry.at_ms, &self.options.profile));
        }
        self.witness.observe(&entry);
        let failed = self.journal.as_mut().and_then(|journal| journal.write(&entry));
        self.journal_failed(failed);
        self.remark(&entry);
        if matches!(entry.event, Event::Decrypted { .. }) {
            self.heard.push_back(entry);
        }
    }

    /// Numbers an entry; a connection that is gone is forgotten.
    fn number(&mut self, stream: &Stream, event: &Event) -> u32 {
        let n = self.counts.entry(stream.clone()).or_default();
        *n += 1;
        let n = *n;
        if matches!(event, Event::Closed { .. }) {
            let name = stream.0.trim_end_matches(['<', '>']).to_owned();
            for direction in ["<", ">", "-fence"] {
                self.counts.remove(&Stream(format!("{name}{direction}").into()));
            }
        }
        n
    }

    /// Lets the checks look at what happened since the last time.
    fn look(&mut self) {
        let now = UnixMs::now().0;
        for result in self.witness.look(&self.options.profile) {
            self.screen.show(&block::finding(&result, now, &self.options.profile));
        }
    }

    fn flush(&mut self) {
        let failed = self.journal.as_mut().and_then(Journal::flush);
        self.journal_failed(failed);
    }

    fn journal_failed(&mut self, why: Option<String>) {
        if let Some(why) = why {
            self.say(Ink::Bad, &format!("the log is no longer written: {why}"));
        }
    }

    /// Tells the developer something.
    pub(super) fn say(&mut self, ink: Ink, text: &str) {
        self.screen.show(&[Line::new(0, 2).with(ink, text)]);
    }
}

/// Resolves at a moment, or never.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Lines from standard input; its end is not the end of anything.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(TYPED_LINES_MAX);
    tokio::spawn(async move {
        let mut lines = LineReader::new(tokio::io::stdin(), TYPED_BYTES_MAX);
        while let Ok(Some(line)) = lines.next().await {
            let line = String::from_utf8_lossy(&line.bytes).into_owned();
            if sender.send(line).await.is_err() {
                return;
            }
        }
        sender.closed().await;
    });
    receiver
}

/// Every path of the HTTP side.
fn paths(options: &Options) -> Vec<String> {
    let paths = ["enlistment.path", "jwks.path"].map(|key| options.profile.text(key));
    let tokens = options.server.is_none().then_some(TOKEN_PATH);
    paths.into_iter().chain([tokens]).flatten().map(str::to_owned).collect()
}

/// The authorities in a file.
fn trust(path: &Path) -> Result<Trust, ServeError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ServeError::Authority { path: path.to_owned(), error })?;
    Trust::in_pem(&text).map_err(|error| ServeError::Trust { path: path.to_owned(), error })
}

fn listen(what: &'static str, port: u16, error: std::io::Error) -> ServeError {
    ServeError::Listen { what, port, error }
}

/// Makes a user known. Under a profile without enlistment nobody needs to be enlisted beforehand.
fn invite(meta: &mut Meta, options: &Options, keys: &str, name: &str, n: usize) -> Option<Login> {
    let companion = crate::role::meta::enlistment_is_skipped(&options.profile);
    let ready = n + 1 == USERS.len();
    if companion && ready {
        return None;
    }
    let login = if companion {
        Jid::new(format!("1555100000{}", n + 1), crate::wire::jid::PHONE)
    } else {
        Jid::interop(INTEGRATOR_ID, format!("1000000000000{}", n + 1))
    };
    let (actor, visible_id) = (name.to_owned(), name.to_owned());
    meta.expect_user(User { lane: Lane::Main, actor, visible_id, login: login.clone() });
    let noise_private = ready.then(|| {
        let mut private = [0; 32];
        options.seed.rng(&[keys, name, "noise-static"]).fill_bytes(&mut private);
        meta.enlist_beforehand(Lane::Main, name, KeyPair::from_private(private).public());
        hex::encode(private)
    });
    let stands_in = options.server.is_none() && !companion;
    let token = stands_in.then(|| meta.stand_in_token(name));
    Some(Login { visible_id: name.to_owned(), login: login.to_string(), token, noise_private })
}

fn greeting(
    options: &Options,
    meta: &Meta,
    (chat, http): (SocketAddr, SocketAddr),
    tls_ca: Option<String>,
    logins: Vec<Login>,
    canary: String,
) -> Greeting {
    Greeting {
        profile: options.profile.clone(),
        seed: options.seed.0,
        chat: options.place.authority(chat.port()),
        http: options.place.http_url(tls_ca.is_some(), http.port()),
        tls_ca,
        tls_file: options.tls.as_ref().map(|file| file.display().to_string()),
        noise_root: hex::encode(meta.root_public()),
        integrator: INTEGRATOR_ID,
        issuer: ISSUER.into(),
        server: options.server.clone(),
        canary,
        logins,
    }
}

/// A test CA of this start's own, whose certificate is in a file for the developer's client to trust.
fn authority(options: &Options, file: &Path) -> Result<Arc<Authority>, ServeError> {
    let failed = |error| ServeError::Log { path: file.to_owned(), error };
    let authority = options.place.authority_for_tls().map_err(failed)?;
    std::fs::write(file, authority.pem()).map_err(failed)?;
    Ok(Arc::new(authority))
}

/// Where this machine itself reaches a listener.
fn within(listener: SocketAddr) -> SocketAddr {
    let all = listener.ip().is_unspecified();
    let ip = if all { Ipv4Addr::LOCALHOST.into() } else { listener.ip() };
    SocketAddr::new(ip, listener.port())
}

/// A word of high entropy that the developer may put into a text.
fn canary(options: &Options, keys: &str) -> String {
    let mut bytes = [0; 6];
    options.seed.rng(&[keys, "canary"]).fill_bytes(&mut bytes);
    format!("cnry{}", hex::encode(bytes))
}

/// Prints the greeting and opens the screen for what follows.
fn greet(options: &Options, greeting: &Greeting) -> Screen {
    let paper = Paper { colour: options.colour, width: options.width };
    if options.json {
        let mut first = Screen::new(paper, std::io::stdout());
        first.show_raw(format!("{}\n", greeting.json()));
        first.finish();
        return Screen::new(paper, std::io::stderr());
    }
    let mut screen = Screen::new(paper, std::io::stdout());
    screen.show(&greeting.lines());
    screen
}

fn journal(options: &Options) -> Result<Option<Journal>, ServeError> {
    let Some(path) = &options.log else { return Ok(None) };
    let now = UnixMs::now().0;
    let header = RunHeader {
        schema: 1,
        run_id: format!("serve-{now}"),
        started_ms: now,
        harness: format!("counterpart {}", env!("CARGO_PKG_VERSION")),
        seed: options.seed.0,
        jobs: 1,
        profile: options.profile.to_json(),
        iut_ref: "a client at `counterpart serve`".into(),
        foreign: true,
        again: "counterpart serve".into(),
        selection: String::new(),
        asked: Vec::new(),
        iut: serde_json::json!({ "name": "a client at `counterpart serve`", "version": "unknown" }),
    };
    let failed = |error| ServeError::Log { path: path.clone(), error };
    Journal::create(path, &header).map(Some).map_err(failed)
}
