//! The front desk of an instance: whose is what comes in?
//!
//! Main type: [`Desk`]. Cases are guests, and each has a Meta side of its own, so that its state and
//! its randomness do not depend on who else is there: that is what keeps one seed to one report
//! whatever `--jobs`. A guest who has the house to itself gets everything. Among several, a call
//! belongs to the user whom its token names, and a connection to the account that logs in over it.
//! Until then the lobby answers, a Meta side of the same house that knows nobody; the guest's own
//! takes over by hearing again what the lobby heard, and sends only what the lobby has not sent.
//! What is nobody's makes every guest suspect: its case may have to be run alone. The desk does no
//! I/O and knows no verdict.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tokio::sync::mpsc;

use crate::clock::UnixMs;
use crate::driver::{Incoming, Owner};
use crate::evidence::{Event, LoginFacts};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{LOBBY_BYTES_MAX, QUEUE_EVENTS_MAX};
use crate::net::{ConnId, ExchangeId, NetEvent};
use crate::role::meta::{Meta, claimed_user};
use crate::role::{Input, Output, RequestId, Role};

/// What a guest hears from the desk.
#[derive(Debug)]
pub enum Visit {
    Net(NetEvent),
    /// The connection is this guest's from now on; what was heard on it follows, and these bytes
    /// were already sent.
    TakeOver {
        conn: ConnId,
        sent: VecDeque<Vec<u8>>,
    },
    /// Something happened that may be this guest's, and cannot be told to be.
    Stray(String),
    /// A request that names no user was answered; whose content it holds is for the guests to say.
    Overheard(Box<HttpRequest>),
}

/// What the desk wants done, in this order.
#[derive(Debug)]
pub enum Move {
    Tell(mpsc::Sender<Visit>, Visit),
    Pass(mpsc::Sender<Incoming>, Incoming),
    Send(ConnId, Vec<u8>),
    Close(ConnId),
    Respond(RequestId, HttpResponse),
}

/// Who is there, and what belongs to whom.
pub struct Desk {
    /// Whoever is there is there alone.
    sole: bool,
    guests: BTreeMap<Owner, Guest>,
    last: Owner,
    conns: BTreeMap<ConnId, Owner>,
    exchanges: BTreeMap<ExchangeId, Owner>,
    /// Paths without query whose requests are a guest's, whoever sends them.
    paths: BTreeMap<String, Owner>,
    /// Words whose requests are a guest's, whoever sends them and wherever they go.
    words: BTreeMap<Owner, String>,
    lobby: Meta,
    visitors: BTreeMap<ConnId, Visitor>,
    /// Digits of users whose guests have left.
    former: BTreeSet<String>,
    /// What the adapter said amiss before anybody was there to hear it.
    unheard: Vec<Incoming>,
    ended: bool,
}

struct Guest {
    visits: mpsc::Sender<Visit>,
    incoming: mpsc::Sender<Incoming>,
    /// Digits of the login and visible id of each user.
    users: Vec<(String, String)>,
}

/// The two streams of a guest.
pub struct Streams {
    pub visits: mpsc::Receiver<Visit>,
    pub incoming: mpsc::Receiver<Incoming>,
}

/// A connection that nobody has logged in over yet.
#[derive(Default)]
struct Visitor {
    heard: Vec<NetEvent>,
    bytes: usize,
    sent: VecDeque<Vec<u8>>,
}

impl Desk {
    /// A desk without guests. `lobby` must know no account.
    pub fn new(sole: bool, lobby: Meta) -> Self {
        Self {
            sole,
            lobby,
            guests: BTreeMap::new(),
            last: 0,
            conns: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            paths: BTreeMap::new(),
            words: BTreeMap::new(),
            visitors: BTreeMap::new(),
            former: BTreeSet::new(),
            unheard: Vec::new(),
            ended: false,
        }
    }

    /// The trust anchor of the house.
    pub fn root_public(&self) -> [u8; 32] {
        self.lobby.root_public()
    }

    /// True once the adapter is gone.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Lets a guest in.
    pub fn enter(&mut self) -> (Owner, Streams) {
        self.last += 1;
        let (visits, visits_out) = mpsc::channel(QUEUE_EVENTS_MAX);
        let (incoming, incoming_out) = mpsc::channel(QUEUE_EVENTS_MAX);
        for said in self.unheard.drain(..) {
            // There is room for it: the list is far shorter than the queue.
            let _ = incoming.try_send(said);
        }
        self.guests.insert(self.last, Guest { visits, incoming, users: Vec::new() });
        (self.last, Streams { visits: visits_out, incoming: incoming_out })
    }

    /// Enters a user of a guest: the digits of the login and the visible id.
    pub fn expect_user(&mut self, guest: Owner, digits: &str, visible_id: &str) {
        if let Some(guest) = self.guests.get_mut(&guest) {
            guest.users.push((digits.to_owned(), visible_id.to_owned()));
        }
    }

    /// Enters an HTTP request of a guest's.
    pub fn asked(&mut self, guest: Owner, exchange: ExchangeId) {
        self.exchanges.insert(exchange, guest);
    }

    /// Makes requests for a path a guest's.
    pub fn claim(&mut self, guest: Owner, path: &str) {
        self.paths.insert(path.to_owned(), guest);
    }

    /// Makes requests whose path holds a word a guest's.
    pub fn claim_word(&mut self, guest: Owner, word: &str) {
        self.words.insert(guest, word.to_owned());
    }

    /// Lets a guest go, and names the connections that it leaves behind.
    pub fn leave(&mut self, guest: Owner) -> Vec<ConnId> {
        let left = self.guests.remove(&guest);
        self.former
            .extend(left.into_iter().flat_map(|guest| guest.users).map(|(digits, _)| digits));
        let open: Vec<ConnId> = self
            .conns
            .iter()
            .filter(|(_, owner)| **owner == guest)
            .map(|(conn, _)| *conn)
            .collect();
        self.conns.retain(|_, owner| *owner != guest);
        self.exchanges.retain(|_, owner| *owner != guest);
        self.paths.retain(|_, owner| *owner != guest);
        self.words.remove(&guest);
        open
    }

    /// Says what becomes of something that the adapter said.
    pub fn said(&mut self, said: Incoming) -> Vec<Move> {
        let owner = match &said {
            Incoming::Notification { owner, .. } | Incoming::Answered { owner, .. } => Some(*owner),
            Incoming::Breach { owner, .. } => *owner,
            Incoming::Closed { .. } => {
                self.ended = true;
                None
            }
        };
        match owner {
            Some(owner) => self.guest(owner).map(|guest| guest.pass(said)).into_iter().collect(),
            None if self.guests.is_empty() => {
                if self.unheard.len() < UNHEARD_MAX {
                    self.unheard.push(said);
                }
                Vec::new()
            }
            // A line that is nobody's is everybody's matter.
            None => self.guests.values().map(|guest| guest.pass(said.clone())).collect(),
        }
    }

    /// Says what becomes of something that happened on a socket.
    pub fn happened(&mut self, now: UnixMs, event: NetEvent) -> Vec<Move> {
        if self.sole
            && let Some(only) = self.guests.values().next()
        {
            return vec![only.tell(Visit::Net(event))];
        }
        match &event {
            NetEvent::Accepted { conn, .. } => {
                self.visitors.insert(*conn, Visitor::default());
                self.visit(now, *conn, event)
            }
            NetEvent::Bytes { conn, .. } | NetEvent::Closed { conn, .. } => {
                let conn = *conn;
                match self.conns.get(&conn).copied() {
                    Some(owner) => {
                        if matches!(event, NetEvent::Closed { .. }) {
                            self.conns.remove(&conn);
                        }
                        let guest = self.guest(owner);
                        guest.map(|guest| guest.tell(Visit::Net(event))).into_iter().collect()
                    }
                    None => self.visit(now, conn, event),
                }
            }
            NetEvent::Request { id, request, .. } => {
                let path = request.path.split('?').next().unwrap_or_default();
                let claimed = claimed_user(self.lobby.profile(), request);
                let owner = claimed.and_then(|visible_id| self.by_visible_id(&visible_id));
                let owner = owner.or_else(|| self.paths.get(path).copied());
                let owner = owner.or_else(|| self.by_word(path));
                match owner.and_then(|owner| self.guest(owner)) {
                    Some(guest) => vec![guest.tell(Visit::Net(event))],
                    None => self.serve(now, *id, request),
                }
            }
            NetEvent::Response { id, .. } | NetEvent::Probed { id, .. } => {
                let owner = self.exchanges.remove(id);
                let guest = owner.and_then(|owner| self.guest(owner));
                guest.map(|guest| guest.tell(Visit::Net(event))).into_iter().collect()
            }
            // It is the next case's too, which will show it by what it lacks.
            NetEvent::Unsecured { error, .. } => {
                self.stray(&format!("somebody did not come to TLS: {error}"))
            }
            // Nobody here opens connections.
            NetEvent::Opened { .. } | NetEvent::OpenFailed { .. } => Vec::new(),
        }
    }

    /// Lets the lobby answer a connection until it is known whose it is.
    fn visit(&mut self, now: UnixMs, conn: ConnId, event: NetEvent) -> Vec<Move> {
        let Some(input) = input(&event) else { return Vec::new() };
        let Some(visitor) = self.visitors.get_mut(&conn) else { return Vec::new() };
        if let NetEvent::Bytes { bytes, .. } = &event {
            visitor.bytes += bytes.len();
        }
        let closed = matches!(event, NetEvent::Closed { .. });
        let too_long = visitor.bytes > LOBBY_BYTES_MAX;
        visitor.heard.push(event);
        if too_long {
            self.dismiss(conn);
            let mut moves = self.stray("a connection that never logged in");
            moves.push(Move::Close(conn));
            return moves;
        }
        self.lobby.handle(now, input);
        let (mut moves, end) = self.lobby_moves(conn);
        match end {
            Some(End::Login(facts)) => moves.extend(self.hand_over(conn, &facts)),
            Some(End::Broken) => {
                moves.extend(self.stray("a connection that broke before its login"))
            }
            None if closed => {
                self.dismiss(conn);
                moves.extend(self.stray("a connection that was closed before its login"));
            }
            None => {}
        }
        moves
    }

    /// What the lobby does about a connection, up to the point where it would decide a login.
    fn lobby_moves(&mut self, conn: ConnId) -> (Vec<Move>, Option<End>) {
        let (mut moves, mut end) = (Vec::new(), None);
        while let Some(output) = self.lobby.poll() {
            match output {
                Output::Record(record) => {
                    if let Event::Login { facts } = record.event {
                        end = Some(End::Login(Box::new(facts)));
                    }
                }
                Output::Send { bytes, .. } if end.is_none() => {
                    if let Some(visitor) = self.visitors.get_mut(&conn) {
                        visitor.sent.push_back(bytes.clone());
                    }
                    moves.push(Move::Send(conn, bytes));
                }
                Output::Close { .. } if end.is_none() => {
                    moves.push(Move::Close(conn));
                    self.visitors.remove(&conn);
                    end = Some(End::Broken);
                }
                _ => {}
            }
        }
        (moves, end)
    }

    fn hand_over(&mut self, conn: ConnId, facts: &LoginFacts) -> Vec<Move> {
        let visitor = self.dismiss(conn);
        let digits = facts.account_id.or(facts.username).map(|number| number.to_string());
        let digits = digits.unwrap_or_default();
        let owner = self.guests.iter().find(|(_, guest)| guest.has_digits(&digits));
        let Some((owner, guest)) = owner else {
            // A user whose case is over is nobody's concern any more.
            let mut moves = match self.former.contains(&digits) {
                true => Vec::new(),
                false => self.stray("a login of an account that nobody expects"),
            };
            moves.push(Move::Close(conn));
            return moves;
        };
        let Visitor { heard, sent, .. } = visitor;
        let mut moves = vec![guest.tell(Visit::TakeOver { conn, sent })];
        moves.extend(heard.into_iter().map(|event| guest.tell(Visit::Net(event))));
        self.conns.insert(conn, *owner);
        moves
    }

    /// Forgets a connection in the lobby.
    fn dismiss(&mut self, conn: ConnId) -> Visitor {
        self.lobby.handle(UnixMs::default(), Input::Closed { conn, error: None });
        while self.lobby.poll().is_some() {}
        self.visitors.remove(&conn).unwrap_or_default()
    }

    /// Answers a request that no user is named in: key sets are for everybody.
    fn serve(&mut self, now: UnixMs, id: ExchangeId, request: &HttpRequest) -> Vec<Move> {
        self.lobby.handle(now, Input::Request { id, request: request.clone() });
        let mut moves = Vec::new();
        while let Some(output) = self.lobby.poll() {
            if let Output::Respond { id, response } = output {
                moves.push(Move::Respond(id, response));
            }
        }
        let heard = |guest: &Guest| guest.tell(Visit::Overheard(Box::new(request.clone())));
        moves.extend(self.guests.values().map(heard));
        let path = request.path.split('?').next().unwrap_or_default();
        if self.lobby.profile().text("jwks.path") != Some(path) {
            moves.extend(self.stray(&format!("a call of {path} that names no user")));
        }
        moves
    }

    fn stray(&self, what: &str) -> Vec<Move> {
        self.guests.values().map(|guest| guest.tell(Visit::Stray(what.to_owned()))).collect()
    }

    fn guest(&self, owner: Owner) -> Option<&Guest> {
        self.guests.get(&owner)
    }

    fn by_word(&self, path: &str) -> Option<Owner> {
        self.words.iter().find(|(_, word)| path.contains(word.as_str())).map(|(owner, _)| *owner)
    }

    fn by_visible_id(&self, visible_id: &str) -> Option<Owner> {
        let named = |guest: &Guest| guest.users.iter().any(|(_, id)| id == visible_id);
        self.guests.iter().find(|(_, guest)| named(guest)).map(|(owner, _)| *owner)
    }
}

/// Lines that wait for the first guest.
const UNHEARD_MAX: usize = 64;

/// Why the lobby has done its part.
enum End {
    Login(Box<LoginFacts>),
    Broken,
}

impl Guest {
    fn tell(&self, visit: Visit) -> Move {
        Move::Tell(self.visits.clone(), visit)
    }

    fn pass(&self, said: Incoming) -> Move {
        Move::Pass(self.incoming.clone(), said)
    }

    fn has_digits(&self, digits: &str) -> bool {
        self.users.iter().any(|(known, _)| known == digits)
    }
}

/// What happened on a chat connection, as a role takes it in.
fn input(event: &NetEvent) -> Option<Input> {
    Some(match event {
        NetEvent::Accepted { conn, kind, .. } => {
            Input::Accepted { conn: *conn, websocket: *kind == crate::net::Kind::WebSocket }
        }
        NetEvent::Bytes { conn, bytes } => Input::Bytes { conn: *conn, bytes: bytes.clone() },
        NetEvent::Closed { conn, error } => Input::Closed { conn: *conn, error: error.clone() },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Notification;
    use crate::net::Kind;
    use crate::role::meta::Integrator;
    use crate::seed::Seed;
    use crate::spec::Profile;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    fn desk(sole: bool) -> Desk {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: None };
        Desk::new(sole, Meta::in_house(profile, integrator, Seed(7), "shared", "lobby"))
    }

    fn accepted(conn: ConnId) -> NetEvent {
        let listener = "127.0.0.1:1".parse().unwrap();
        NetEvent::Accepted { conn, kind: Kind::Tcp, listener }
    }

    fn request(id: ExchangeId, method: &str, path: &str, body: &str) -> NetEvent {
        let mut request = HttpRequest::new(method, path);
        request.body = body.into();
        let listener = "127.0.0.1:1".parse().unwrap();
        NetEvent::Request { id, listener, version: crate::net::HttpVersion::Http1, request }
    }

    /// What reaches whom, in words.
    fn told(moves: &[Move]) -> Vec<String> {
        let word = |next: &Move| match next {
            Move::Tell(_, Visit::Net(_)) => "net".to_owned(),
            Move::Tell(_, Visit::TakeOver { sent, .. }) => {
                format!("take over after {}", sent.len())
            }
            Move::Tell(_, Visit::Stray(what)) => format!("stray: {what}"),
            Move::Tell(_, Visit::Overheard(request)) => format!("overheard {}", request.path),
            Move::Pass(..) => "driver".to_owned(),
            Move::Send(conn, _) => format!("send on {conn}"),
            Move::Close(conn) => format!("close {conn}"),
            Move::Respond(id, response) => format!("{} to {id}", response.status),
        };
        moves.iter().map(word).collect()
    }

    fn to(next: &Move, streams: &Streams, desk: &Desk, guest: Owner) -> bool {
        let Move::Tell(sender, _) = next else { return false };
        let known = &desk.guests[&guest].visits;
        assert!(!streams.visits.is_closed());
        sender.same_channel(known)
    }

    /// A token whose claims name somebody; nobody verifies it here.
    fn form_of(visible_id: &str) -> String {
        use base64::Engine as _;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let (header, claims) = (encode("{}"), encode(&format!(r#"{{"sub":"{visible_id}"}}"#)));
        format!("authkey=a&token={header}.{claims}.AA")
    }

    #[test]
    fn who_is_alone_gets_everything() {
        let mut desk = desk(true);
        let (guest, streams) = desk.enter();
        let moves = desk.happened(NOW, accepted(1));
        assert!(to(&moves[0], &streams, &desk, guest));
        assert_eq!(told(&desk.happened(NOW, request(2, "GET", "/x", ""))), ["net"]);
    }

    #[test]
    fn a_call_goes_to_the_user_whom_its_token_names() {
        let mut desk = desk(false);
        let path = desk.lobby.profile().text("enlistment.path").unwrap().to_owned();
        let (alice, of_alice) = desk.enter();
        let (bob, of_bob) = desk.enter();
        desk.expect_user(alice, "11", "alice-1");
        desk.expect_user(bob, "22", "bob-2");
        let moves = desk.happened(NOW, request(1, "POST", &path, &form_of("bob-2")));
        assert!(to(&moves[0], &of_bob, &desk, bob) && moves.len() == 1);
        let moves = desk.happened(NOW, request(2, "POST", &path, &form_of("alice-1")));
        assert!(to(&moves[0], &of_alice, &desk, alice) && moves.len() == 1);
    }

    #[test]
    fn what_names_nobody_is_answered_and_makes_everybody_suspect() {
        let mut desk = desk(false);
        let (keys, path) = {
            let profile = desk.lobby.profile();
            let text = |key: &str| profile.text(key).unwrap().to_owned();
            (text("jwks.path"), text("enlistment.path"))
        };
        let _guests = (desk.enter(), desk.enter());
        // Whose it is, nobody knows; each guest looks for its own secrets in it.
        let overheard = format!("overheard {keys}");
        let fetched = told(&desk.happened(NOW, request(1, "GET", &keys, "")));
        assert_eq!(fetched, ["200 to 1", &overheard, &overheard]);
        let told = told(&desk.happened(NOW, request(2, "POST", &path, "authkey=a")));
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[1].starts_with("overheard") && told[2] == told[1], "{told:?}");
        assert!(told[3].starts_with("stray: a call of") && told[4] == told[3], "{told:?}");
    }

    #[test]
    fn a_connection_that_breaks_before_its_login_is_closed_and_nobodys() {
        let mut desk = desk(false);
        let _guest = desk.enter();
        assert_eq!(told(&desk.happened(NOW, accepted(1))), [""; 0]);
        let bytes = b"GET / HTTP/1.1\r\n\r\n".to_vec();
        let told = told(&desk.happened(NOW, NetEvent::Bytes { conn: 1, bytes }));
        assert_eq!(told, ["close 1", "stray: a connection that broke before its login"]);
        assert!(desk.visitors.is_empty());
    }

    #[test]
    fn a_connection_that_never_ends_its_handshake_costs_a_bounded_amount() {
        let mut desk = desk(false);
        let _guest = desk.enter();
        desk.happened(NOW, accepted(1));
        // A header, and then a frame that says it is 16 MiB long.
        let mut bytes =
            hex::decode(desk.lobby.profile().text("noise.prologue_hex").unwrap()).unwrap();
        bytes.extend([0xFF, 0xFF, 0xFF]);
        bytes.resize(64 * 1024, 0);
        let mut closed = false;
        for _ in 0..4 {
            let moves = desk.happened(NOW, NetEvent::Bytes { conn: 1, bytes: bytes.clone() });
            closed |= told(&moves).contains(&"close 1".to_owned());
        }
        assert!(closed && desk.visitors.is_empty());
    }

    #[test]
    fn answers_and_notifications_go_to_their_owner_and_breaches_of_nobody_to_all() {
        let mut desk = desk(false);
        let early = Incoming::Closed { seq: 1, error: None };
        assert!(desk.said(early).is_empty() && desk.has_ended());
        let (a, mut of_a) = desk.enter();
        assert!(matches!(of_a.incoming.try_recv(), Ok(Incoming::Closed { .. })));
        let (_b, _of_b) = desk.enter();
        let notification = Notification { method: "woken".into(), params: serde_json::Map::new() };
        let said = Incoming::Notification { seq: 2, owner: a, notification };
        assert_eq!(desk.said(said.clone()).len(), 1);
        assert_eq!(desk.said(Incoming::Closed { seq: 3, error: None }).len(), 2);
        desk.leave(a);
        assert!(desk.said(said).is_empty());
    }
}
