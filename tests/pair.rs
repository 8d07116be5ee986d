//! Meta's side and the reference third party in memory, over a whole and over a cut byte stream.
//!
//! Both ends are sans-I/O, so this is the protocol itself without sockets or processes: what fails
//! here is a fault of a role, and what fails only elsewhere is one of the wiring.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use counterpart::clock::UnixMs;
use counterpart::evidence::{Direction, Event, Lane};
use counterpart::http::{HttpRequest, HttpResponse};
use counterpart::role::meta::{Faults, Integrator, Meta, MetaClient, Push, User};
use counterpart::role::quirk::Fault;
use counterpart::role::third_party_client::{
    Command, ConnectionState, Failure, FailureKind, MessageState, Notification, Reply, Settings,
    ThirdPartyClient, Values,
};
use counterpart::role::third_party_server::{ServerSettings, ThirdPartyServer};
use counterpart::role::{
    ConnId, FetchId, Input, Output, Role as _, third_party_client, third_party_server,
};
use counterpart::scenario::{ChainFault, ContentFault, SignatureFault, TokenFault};
use counterpart::seed::{Rng, Seed};
use counterpart::spec::Profile;
use counterpart::wire::Jid;
use rand::Rng as _;
use serde_json::json;

const START: UnixMs = UnixMs(1_800_000_000_000);
const LOGIN: &str = "1-10853634039893@interop";
const BOB: &str = "15550001@s.whatsapp.net";
const BASE: &str = "http://partner";
const META: &str = "http://meta";

/// More turns than any exchange of these tests takes.
const TURNS_MAX: usize = 1000;
/// How many cut streams each test tries.
const CUTS: u64 = 8;

/// One connection: bytes under way in each direction, and whether the sender closed behind them.
#[derive(Default)]
struct Line {
    to_meta: Vec<u8>,
    to_client: Vec<u8>,
    meta_closed: bool,
    client_closed: bool,
}

/// Who sent an HTTP request.
enum Asker {
    Client(FetchId),
    Server(FetchId),
}

struct World {
    meta: Meta,
    client: ThirdPartyClient,
    server: ThirdPartyServer,
    now: UnixMs,
    /// `None` delivers every write whole and at once.
    cuts: Option<Rng>,
    lines: BTreeMap<ConnId, Line>,
    askers: BTreeMap<u64, Asker>,
    requests: u64,
    wake_at: Option<UnixMs>,
    calls: u64,
    seen: Vec<Notification>,
    done: VecDeque<Result<Reply, Failure>>,
    recorded: Vec<Event>,
}

impl World {
    fn new(cuts: Option<u64>, fault: Option<Fault>) -> Self {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: Some(BASE.into()) };
        let visible = profile.client_visible();
        let mut meta = Meta::new(profile, integrator, Seed(7), "pair");
        let login: Jid = LOGIN.parse().unwrap();
        let (lane, actor, visible_id) = (Lane::Main, "alice".to_owned(), "alice-1".to_owned());
        meta.expect_user(User { lane, actor, visible_id, login });
        let bob = MetaClient::new("bob", BOB.parse().unwrap(), Seed(7), "pair");
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
    fn online(cuts: Option<u64>, fault: Option<Fault>) -> Self {
        let mut world = Self::new(cuts, fault);
        assert_eq!(world.command(Command::Enlist), Ok(Reply::Login(LOGIN.to_owned())));
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done));
        world.forget();
        world
    }

    /// Does what the user asks and lets everything come to rest.
    fn command(&mut self, command: Command) -> Result<Reply, Failure> {
        self.calls += 1;
        self.client.command(self.now, self.calls, command);
        self.settle();
        self.done.pop_front().expect("a command came to its end")
    }

    fn says(&mut self, text: &str) -> Result<Reply, Failure> {
        let to = BOB.parse().unwrap();
        self.command(Command::SendText { to, text: text.to_owned() })
    }

    fn bob_says(&mut self, text: &str, fault: Option<ContentFault>) -> String {
        let sent = self.meta.send_text(Lane::Main, "bob", "alice", text, fault).unwrap();
        self.settle();
        sent.id
    }

    fn push(&mut self, fault: Option<TokenFault>) -> u16 {
        let (to, label) = ("alice".to_owned(), Some("p".to_owned()));
        self.meta.push(Push { lane: Lane::Main, to, label, fault }).unwrap();
        self.settle();
        let statuses = self.recorded.iter().filter_map(|event| match event {
            Event::Responded { label: Some(_), status, .. } => Some(*status),
            _ => None,
        });
        statuses.last().expect("the push was answered")
    }

    fn forget(&mut self) {
        (self.seen, self.recorded) = (Vec::new(), Vec::new());
    }

    fn settle(&mut self) {
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
            Output::Fetch { id, url, request } => {
                assert!(url.starts_with(BASE), "{url}");
                self.server.handle(self.now, Input::Request { id, request });
            }
            Output::WakeAt(_) => {}
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
                self.client.wake(self.now);
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

    fn shown(&self) -> Vec<&str> {
        let texts = self.seen.iter().filter_map(|seen| match seen {
            Notification::Message { text, .. } => Some(&**text),
            _ => None,
        });
        texts.collect()
    }

    fn states(&self) -> Vec<MessageState> {
        let states = self.seen.iter().filter_map(|seen| match seen {
            Notification::Receipt { state, .. } => Some(*state),
            _ => None,
        });
        states.collect()
    }

    /// What a Meta client read.
    fn read(&self) -> Vec<&str> {
        let texts = self.recorded.iter().filter_map(|event| match event {
            Event::Decrypted { content, .. } => Some(&**content),
            _ => None,
        });
        texts.collect()
    }

    /// The stanzas of this tag that the chat server received, as XML.
    fn received(&self, tag: &str) -> Vec<&str> {
        let start = format!("<{tag} ");
        let stanzas = self.recorded.iter().filter_map(|event| match event {
            Event::Stanza { direction: Direction::Received, xml, .. } => Some(&**xml),
            _ => None,
        });
        stanzas.filter(|xml| xml.starts_with(&start)).collect()
    }

    fn waiting(&self) -> usize {
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

/// Runs a test over a whole stream and over cut ones.
fn everywhere(test: impl Fn(Option<u64>)) {
    test(None);
    (0..CUTS).for_each(|seed| test(Some(seed)));
}

fn kind(outcome: Result<Reply, Failure>) -> FailureKind {
    outcome.expect_err("it should have failed").kind
}

#[test]
fn a_user_enlists_and_logs_in_and_its_prekeys_are_in_place() {
    everywhere(|cuts| {
        let mut world = World::new(cuts, None);
        assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated);
        assert_eq!(world.command(Command::Enlist), Ok(Reply::Login(LOGIN.to_owned())));
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done));
        let account = world.meta.account(Lane::Main, "alice").unwrap();
        assert!(account.is_online() && account.has_uploaded());
        let states = [ConnectionState::Connecting, ConnectionState::Open];
        assert_eq!(world.seen, states.map(Notification::Connection));
        let refused = world.recorded.iter().find_map(|event| match event {
            Event::Login { facts } => Some(facts.refused.clone()),
            _ => None,
        });
        assert_eq!(refused, Some(None));
        let pings = world.received("iq").iter().filter(|xml| xml.contains("w:p")).count();
        assert_eq!(pings, 1);
    });
}

#[test]
fn texts_go_both_ways_with_their_receipts() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        assert!(matches!(world.says("hello ✓"), Ok(Reply::Sent(_))));
        assert_eq!(world.read(), ["hello ✓"]);
        assert_eq!(world.states(), [MessageState::Sent, MessageState::Delivered]);
        world.forget();
        let id = world.bob_says("hi alice", None);
        assert_eq!(world.shown(), ["hi alice"]);
        let receipts = world.received("receipt");
        assert!(receipts.len() == 1 && receipts[0].contains(&id), "{receipts:?}");
        assert!(!receipts[0].contains("type="));
        assert_eq!(world.waiting(), 0, "everything is acked");
        assert_eq!(world.command(Command::MarkRead { id: id.clone() }), Ok(Reply::Done));
        assert!(world.received("receipt")[1].contains("type=\"read\""));
        for round in 0..4 {
            world.forget();
            let text = format!("round {round}");
            world.says(&text).unwrap();
            assert_eq!(world.read(), [&*text]);
            world.bob_says(&text, None);
            assert_eq!(world.shown(), [&*text]);
        }
    });
}

#[test]
fn the_mailbox_is_emptied_once_and_in_order_after_a_push() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        world.bob_says("zero", None);
        assert_eq!(world.command(Command::Disconnect), Ok(Reply::Done));
        world.forget();
        for text in ["one", "two", "three"] {
            world.bob_says(text, None);
        }
        assert_eq!((world.waiting(), world.shown().len()), (3, 0));
        world.now = UnixMs(START.0 + 60_000);
        assert_eq!(world.push(None), 200);
        assert_eq!(world.seen[0], Notification::Woken);
        assert_eq!(world.shown(), ["one", "two", "three"]);
        assert_eq!(world.waiting(), 0);
        world.forget();
        world.command(Command::Disconnect).unwrap();
        world.command(Command::Connect).unwrap();
        assert_eq!(world.shown(), Vec::<&str>::new());
    });
}

#[test]
fn a_push_that_does_not_hold_wakes_nobody() {
    let mut world = World::online(None, None);
    world.command(Command::Disconnect).unwrap();
    world.forget();
    for (fault, word) in TokenFault::ALL {
        assert_eq!(world.push(Some(*fault)), 401, "{word}");
    }
    assert_eq!(world.seen, []);
}

#[test]
fn a_replay_is_not_shown_whatever_its_id() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        let id = world.bob_says("once", None);
        for same_id in [true, false, true] {
            world.meta.replay(Lane::Main, "bob", "alice", &id, same_id).unwrap();
            world.settle();
        }
        assert_eq!(world.shown(), ["once"]);
        assert_eq!(world.waiting(), 0);
        world.bob_says("still here", None);
        assert_eq!(world.shown(), ["once", "still here"]);
    });
}

#[test]
fn a_chain_with_a_fault_stops_the_login_before_the_token_is_told() {
    for (fault, word) in ChainFault::ALL {
        let mut world = World::new(None, None);
        world.command(Command::Enlist).unwrap();
        world.meta.set_faults(Faults { chain: Some(*fault), ..Faults::default() });
        assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated, "{word}");
        let told = world.recorded.iter().any(|event| matches!(event, Event::Login { .. }));
        assert!(!told, "{word}");
        world.meta.set_faults(Faults::default());
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done), "{word}");
    }
}

#[test]
fn a_bundle_with_a_fault_stops_the_text() {
    for (fault, word) in SignatureFault::ALL {
        let mut world = World::online(None, None);
        world.meta.set_faults(Faults { bundle_signature: Some(*fault), ..Faults::default() });
        assert_eq!(kind(world.says("secret")), FailureKind::Unauthenticated, "{word}");
        assert_eq!(world.received("message"), Vec::<&str>::new(), "{word}");
        world.meta.set_faults(Faults::default());
        assert!(world.says("secret").is_ok(), "{word}");
        assert_eq!(world.read(), ["secret"], "{word}");
    }
}

#[test]
fn content_with_a_fault_is_not_shown_and_the_next_one_is() {
    for (fault, word) in ContentFault::ALL {
        let mut world = World::online(None, None);
        world.bob_says("wrong", Some(*fault));
        assert_eq!(world.shown(), Vec::<&str>::new(), "{word}");
        let retries = world.received("receipt");
        let asked = retries.iter().filter(|xml| xml.contains("type=\"retry\"")).count();
        assert_eq!(asked, usize::from(*fault != ContentFault::ClearBody), "{word}");
        assert_eq!((retries.len(), world.waiting()), (asked, 0), "{word}");
        world.bob_says("right", None);
        assert_eq!(world.shown(), ["right"], "{word}");
    }
}

#[test]
fn an_enlistment_that_is_refused_leads_nowhere() {
    let mut world = World::new(None, None);
    let reason = Some("bad_integrator".to_owned());
    world.meta.set_faults(Faults { enlistment_reason: reason, ..Faults::default() });
    assert_eq!(kind(world.command(Command::Enlist)), FailureKind::Forbidden);
    assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated);
    assert!(world.lines.is_empty());
}

#[test]
fn what_meta_refuses_of_a_faulty_third_party_is_refused() {
    for fault in [Fault::IdentityIsNotTheSigner, Fault::JwtNamesAnotherUser] {
        let mut world = World::new(None, Some(fault));
        assert_eq!(kind(world.command(Command::Enlist)), FailureKind::Forbidden, "{fault:?}");
    }
    for fault in [Fault::AuthkeyDiffers, Fault::LoginWithoutToken] {
        let mut world = World::new(None, Some(fault));
        world.command(Command::Enlist).unwrap();
        let outcome = world.command(Command::Connect);
        assert_eq!(kind(outcome), FailureKind::Unauthenticated, "{fault:?}");
    }
    for fault in [Fault::KdfPrefixAsSalt, Fault::KdfInfoHasRegistrationId, Fault::OmitsPrekeyId] {
        let mut world = World::online(None, Some(fault));
        assert!(world.says("hello").is_ok());
        assert_eq!(world.read(), Vec::<&str>::new(), "{fault:?}");
        let failed = |event: &Event| matches!(event, Event::Undecryptable { .. });
        assert!(world.recorded.iter().any(failed), "{fault:?}");
    }
}

#[test]
fn a_lost_line_is_repaired_by_itself() {
    let mut world = World::online(None, None);
    let (&conn, line) = world.lines.iter_mut().next().unwrap();
    line.client_closed = true;
    world.client.handle(world.now, Input::Closed { conn, error: Some("reset".to_owned()) });
    world.settle();
    world.bob_says("meanwhile", None);
    assert_eq!(world.shown(), Vec::<&str>::new());
    world.now = world.wake_at.take().expect("the client wants to come back");
    world.client.handle(world.now, Input::Wake);
    world.settle();
    assert_eq!(world.shown(), ["meanwhile"]);
}
