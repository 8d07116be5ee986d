//! The wiring of the three parties in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

use counterpart::clock::UnixMs;
use counterpart::evidence::{Direction, Event, Lane};
use counterpart::http::{HttpRequest, HttpResponse};
use counterpart::role::meta::{Integrator, Meta, MetaClient, Push, User};
use counterpart::role::quirk::Fault;
use counterpart::role::signal::Signal;
use counterpart::role::third_party_client::{
    Command, Failure, MessageState, Notification, Reply, Settings, ThirdPartyClient, Values,
};
use counterpart::role::third_party_server::{ServerSettings, ThirdPartyServer};
use counterpart::role::{
    ConnId, FetchId, Input, Output, Role as _, third_party_client, third_party_server,
};
use counterpart::scenario::{ContentFault, TokenFault};
use counterpart::seed::{Rng, Seed};
use counterpart::spec::Profile;
use counterpart::wire::Jid;
use rand::Rng as _;
use serde_json::json;

pub const START: UnixMs = UnixMs(1_800_000_000_000);
pub const LOGIN: &str = "1-10853634039893@interop";
pub const BOB: &str = "15550001@s.whatsapp.net";
pub const BASE: &str = "http://partner";
pub const META: &str = "http://meta";

/// More turns than any exchange of these tests takes.
const TURNS_MAX: usize = 1000;

/// One connection: bytes under way in each direction, and whether the sender closed behind them.
#[derive(Default)]
pub struct Line {
    to_meta: Vec<u8>,
    to_client: Vec<u8>,
    meta_closed: bool,
    pub client_closed: bool,
}

/// Who sent an HTTP request.
enum Asker {
    Client(FetchId),
    Server(FetchId),
}

/// The three parties and everything that is under way between them.
pub struct World {
    pub meta: Meta,
    pub client: ThirdPartyClient,
    pub server: ThirdPartyServer,
    pub now: UnixMs,
    /// `None` delivers every write whole and at once.
    cuts: Option<Rng>,
    pub lines: BTreeMap<ConnId, Line>,
    askers: BTreeMap<u64, Asker>,
    requests: u64,
    pub wake_at: Option<UnixMs>,
    calls: u64,
    pub seen: Vec<Notification>,
    done: VecDeque<Result<Reply, Failure>>,
    pub recorded: Vec<Event>,
}

impl World {
    pub fn new(cuts: Option<u64>, fault: Option<Fault>) -> Self {
        static PROFILE: LazyLock<Profile> =
            LazyLock::new(|| Profile::builtin("whatsapp-1.0.3").unwrap());
        let profile = PROFILE.clone();
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: Some(BASE.into()) };
        let (visible, signal) = (profile.client_visible(), Signal::of(&profile));
        let mut meta = Meta::new(profile, integrator, Seed(7), "pair");
        let login: Jid = LOGIN.parse().unwrap();
        let (lane, actor, visible_id) = (Lane::Main, "alice".to_owned(), "alice-1".to_owned());
        meta.expect_user(User { lane, actor, visible_id, login });
        let bob = MetaClient::new("bob", BOB.parse().unwrap(), Seed(7), "pair", signal);
        meta.add_client(Lane::Main, bob);
        let instance = json!({
            "noise_root": hex::encode(meta.root_public()),
            "enlistment_url": format!("{META}/3p/interop_reg"),
            "integrator": {"id": 1}, "profile": visible.clone(),
        });
        let settings = Arc::new(Settings::read(Seed(7), &instance).unwrap());
        let mut server = ThirdPartyServer::new(
            ServerSettings {
                seed: Seed(7),
                base_url: BASE.to_owned(),
                issuer: "acme".to_owned(),
                push_jwks_url: format!("{META}/.well-known/oauth/openid/jwks"),
                values: Values::new(Some(&visible)),
            },
            fault,
        );
        server.add_user("alice-1");
        Self {
            meta,
            client: ThirdPartyClient::new(settings, "alice-1", fault),
            server,
            now: START,
            cuts: cuts.map(|seed| Seed(seed).rng(&["cuts"])),
            lines: BTreeMap::new(),
            askers: BTreeMap::new(),
            requests: 0,
            wake_at: None,
            calls: 0,
            seen: Vec::new(),
            done: VecDeque::new(),
            recorded: Vec::new(),
        }
    }

    /// A world whose user is enlisted and online.
    pub fn online(cuts: Option<u64>, fault: Option<Fault>) -> Self {
        let mut world = Self::new(cuts, fault);
        assert_eq!(world.command(Command::Enlist), Ok(Reply::Login(LOGIN.to_owned())));
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done));
        world.forget();
        world
    }

    /// Does what the user asks and lets everything come to rest.
    pub fn command(&mut self, command: Command) -> Result<Reply, Failure> {
        self.calls += 1;
        self.client.command(self.now, self.calls, command);
        self.settle();
        self.done.pop_front().expect("a command came to its end")
    }

    pub fn says(&mut self, text: &str) -> Result<Reply, Failure> {
        let to = BOB.parse().unwrap();
        self.command(Command::SendText { to, text: text.to_owned() })
    }

    pub fn bob_says(&mut self, text: &str, fault: Option<ContentFault>) -> String {
        self.meta.tell_time(self.now);
        let sent = self.meta.send_text(Lane::Main, "bob", "alice", text, fault).unwrap();
        self.settle();
        sent.id
    }

    pub fn push(&mut self, fault: Option<TokenFault>) -> u16 {
        let (to, label) = ("alice".to_owned(), Some("p".to_owned()));
        self.meta.push(Push { lane: Lane::Main, to, label, fault, body: None }).unwrap();
        self.settle();
        let mut statuses = self.recorded.iter().filter_map(|event| match event {
            Event::Responded { label: Some(_), status, .. } => Some(*status),
            _ => None,
        });
        statuses.next_back().expect("the push was answered")
    }

    pub fn forget(&mut self) {
        (self.seen, self.recorded) = (Vec::new(), Vec::new());
    }

    pub fn settle(&mut self) {
        loop {
            self.collect();
            if !self.deliver() {
                break;
            }
        }
        assert!(self.lines.len() <= 1, "one connection at a time");
    }

    /// Carries out what the three parties want, until they want nothing more.
    fn collect(&mut self) {
        for _ in 0..TURNS_MAX {
            let mut idle = true;
            while let Some(output) = self.meta.poll() {
                idle = false;
                self.meta_wants(output);
            }
            while let Some(output) = self.client.poll() {
                idle = false;
                self.client_wants(output);
            }
            while let Some(output) = self.server.poll() {
                idle = false;
                self.server_wants(output);
            }
            if idle {
                return;
            }
        }
        panic!("the parties never come to rest");
    }

    fn meta_wants(&mut self, output: Output) {
        match output {
            Output::Record(record) => self.recorded.push(record.event),
            Output::Send { conn, bytes } => {
                if let Some(line) = self.lines.get_mut(&conn) {
                    line.to_client.extend(bytes);
                }
            }
            Output::Close { conn } => {
                if let Some(line) = self.lines.get_mut(&conn) {
                    line.meta_closed = true;
                }
            }
            Output::Respond { id, response } => match self.askers.remove(&id).unwrap() {
                Asker::Client(id) => {
                    self.client.handle(self.now, Input::Response { id, result: Ok(response) });
                }
                Asker::Server(id) => {
                    self.server.handle(self.now, Input::Response { id, result: Ok(response) });
                }
            },
            Output::Lose { .. } => unreachable!("Meta's side answers everything here"),
            Output::Fetch { id, url, request } => {
                assert!(url.starts_with(BASE), "{url}");
                self.server.handle(self.now, Input::Request { id, request });
            }
            Output::WakeAt(_) => {}
            Output::Download { .. }
            | Output::Deliver { .. }
            | Output::Relay { .. }
            | Output::Claim { .. } => unreachable!("nobody sends files here"),
        }
    }

    fn client_wants(&mut self, output: third_party_client::Output) {
        use third_party_client::Output;
        match output {
            Output::Open { conn } => {
                self.lines.insert(conn, Line::default());
                self.meta.handle(self.now, Input::Accepted { conn, websocket: false });
                self.client.handle(self.now, Input::Opened { conn });
            }
            Output::Send { conn, bytes } => {
                if let Some(line) = self.lines.get_mut(&conn) {
                    line.to_meta.extend(bytes);
                }
            }
            Output::Close { conn } => {
                if let Some(line) = self.lines.get_mut(&conn) {
                    line.client_closed = true;
                }
            }
            Output::Fetch { id, url, request } => self.ask_meta(Asker::Client(id), &url, request),
            Output::NeedToken => {
                let token = self.server.issue(self.now, self.client.visible_id());
                self.client.take_token(self.now, token);
            }
            // Without a place for its state a client keeps nothing.
            Output::Keep(_)
            | Output::Download { .. }
            | Output::Upload { .. }
            | Output::Save { .. } => {
                unreachable!("nobody sends files here")
            }
            Output::WakeAt(at) => self.wake_at = Some(at),
            Output::Notify(notification) => self.seen.push(notification),
            Output::Done { outcome, .. } => self.done.push_back(outcome),
        }
    }

    fn server_wants(&mut self, output: third_party_server::Output) {
        use third_party_server::Output;
        match output {
            Output::Respond { id, response } => self.answer_meta(id, response),
            Output::Fetch { id, url, request } => self.ask_meta(Asker::Server(id), &url, request),
            Output::Wake { visible_id } => {
                assert_eq!(visible_id, self.client.visible_id());
                self.client.wake(self.now, None);
            }
        }
    }

    fn ask_meta(&mut self, asker: Asker, url: &str, request: HttpRequest) {
        let path = url.strip_prefix(META).expect("it is Meta who is asked").to_owned();
        self.requests += 1;
        self.askers.insert(self.requests, asker);
        let request = HttpRequest { path, ..request };
        self.meta.handle(self.now, Input::Request { id: self.requests, request });
    }

    fn answer_meta(&mut self, id: FetchId, response: HttpResponse) {
        self.meta.handle(self.now, Input::Response { id, result: Ok(response) });
    }

    /// Moves some bytes of some line; false if nothing is under way.
    fn deliver(&mut self) -> bool {
        let Some((&conn, line)) = self.lines.iter_mut().next() else { return false };
        let to_meta_first = self.cuts.as_mut().is_none_or(|rng| rng.next_u32() % 2 == 0);
        let to_meta = match (line.to_meta.is_empty(), line.to_client.is_empty()) {
            (false, false) => to_meta_first,
            (false, true) => true,
            (true, false) => false,
            (true, true) => return self.hang_up(conn),
        };
        let buffer = if to_meta { &mut line.to_meta } else { &mut line.to_client };
        let bytes = cut(buffer, self.cuts.as_mut());
        let input = Input::Bytes { conn, bytes };
        match to_meta {
            true => self.meta.handle(self.now, input),
            false => self.client.handle(self.now, input),
        }
        true
    }

    /// Ends a line whose bytes have all arrived.
    fn hang_up(&mut self, conn: ConnId) -> bool {
        let Line { meta_closed, client_closed, .. } = self.lines[&conn];
        if meta_closed {
            self.client.handle(self.now, Input::Closed { conn, error: None });
        }
        if client_closed {
            self.meta.handle(self.now, Input::Closed { conn, error: None });
        }
        if meta_closed || client_closed {
            self.lines.remove(&conn);
        }
        meta_closed || client_closed
    }

    pub fn shown(&self) -> Vec<&str> {
        let texts = self.seen.iter().filter_map(|seen| match seen {
            Notification::Message { text, .. } => Some(&**text),
            _ => None,
        });
        texts.collect()
    }

    pub fn states(&self) -> Vec<MessageState> {
        let states = self.seen.iter().filter_map(|seen| match seen {
            Notification::Receipt { state, .. } => Some(*state),
            _ => None,
        });
        states.collect()
    }

    /// What a Meta client read.
    pub fn read(&self) -> Vec<&str> {
        let texts = self.recorded.iter().filter_map(|event| match event {
            Event::Decrypted { content, .. } => Some(&**content),
            _ => None,
        });
        texts.collect()
    }

    /// The stanzas of this tag that the chat server received, as XML.
    pub fn received(&self, tag: &str) -> Vec<&str> {
        let start = format!("<{tag} ");
        let stanzas = self.recorded.iter().filter_map(|event| match event {
            Event::Stanza { direction: Direction::Received, xml, .. } => Some(&**xml),
            _ => None,
        });
        stanzas.filter(|xml| xml.starts_with(&start)).collect()
    }

    pub fn waiting(&self) -> usize {
        self.meta.account(Lane::Main, "alice").unwrap().waiting()
    }
}

fn cut(buffer: &mut Vec<u8>, cuts: Option<&mut Rng>) -> Vec<u8> {
    let len = cuts.map_or(buffer.len(), |rng| {
        // Mostly small pieces, now and then a large one that joins frames.
        let most = if rng.next_u32() % 4 == 0 { buffer.len() } else { buffer.len().min(9) };
        1 + rng.next_u32() as usize % most
    });
    let rest = buffer.split_off(len);
    std::mem::replace(buffer, rest)
}
