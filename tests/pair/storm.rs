//! The three parties over a network that loses, delays, reorders and cuts, all on virtual time.

use std::collections::{BTreeMap, BTreeSet};

use counterpart::clock::UnixMs;
use counterpart::evidence::{Event, Lane};
use counterpart::http::{HttpRequest, HttpResponse};
use counterpart::net::memory::{Arrival, Memory, Side, Weather};
use counterpart::role::quirk::Fault;
use counterpart::role::third_party_client::{Command, Failure, Notification, Reply};
use counterpart::role::{
    FetchId, Input, Output, Role as _, third_party_client, third_party_server,
};
use counterpart::seed::{Rng, Seed};
use rand::RngExt as _;

use super::world::{BOB, META, World};

/// A message under way, as HTTP would carry it.
enum Post {
    /// To Meta, from the client or the server.
    Ask(Asker, HttpRequest),
    Answer(Asker, HttpResponse),
    /// From Meta to the server.
    Call(FetchId, HttpRequest),
    Called(FetchId, HttpResponse),
}

#[derive(Clone, Copy)]
enum Asker {
    Client(FetchId),
    Server(FetchId),
}

const SECOND: u64 = 1000;

/// Everything that happens between the parties under one seed.
pub struct Storm {
    pub world: World,
    net: Memory,
    rng: Rng,
    posts: BTreeMap<u64, Post>,
    /// Requests that Meta and the server are answering, by the number under which they know them.
    asked: BTreeMap<u64, Asker>,
    called: BTreeMap<u64, FetchId>,
    numbers: u64,
    calls: u64,
    /// Texts of the user's commands that have not come to their end.
    texts: BTreeMap<u64, String>,
    /// What the client has taken over for sending.
    pub accepted: BTreeSet<String>,
    /// What bob has sent.
    pub sent: BTreeSet<String>,
    /// Connections lost on the way.
    pub losses: usize,
}

impl Storm {
    /// A user who is enlisted and online, in calm weather.
    pub fn new(seed: u64) -> Self {
        Self::with_fault(seed, None)
    }

    /// The same with a faulty client.
    pub fn with_fault(seed: u64, fault: Option<Fault>) -> Self {
        let world = World::new(None, fault);
        let now = world.now;
        let mut storm = Self {
            world,
            net: Memory::new(Seed(seed).rng(&["network"]), now),
            rng: Seed(seed).rng(&["script"]),
            posts: BTreeMap::new(),
            asked: BTreeMap::new(),
            called: BTreeMap::new(),
            numbers: 0,
            calls: 0,
            texts: BTreeMap::new(),
            accepted: BTreeSet::new(),
            sent: BTreeSet::new(),
            losses: 0,
        };
        for command in [Command::Enlist, Command::Connect] {
            storm.command(command);
            storm.pass(SECOND);
        }
        storm
    }

    /// Lets both users act in bad weather, then calms down and lets everything come to rest.
    pub fn blow(&mut self, weather: Weather, acts: usize) {
        self.net.set_weather(weather);
        for number in 0..acts {
            self.act(number);
            let wait = self.rng.random_range(1..6 * SECOND);
            self.pass(wait);
        }
        self.net.set_weather(Weather::default());
        // Longer than any pause between two attempts to come back.
        self.command(Command::Connect);
        self.pass(200 * SECOND);
        self.command(Command::Connect);
        self.pass(60 * SECOND);
    }

    fn act(&mut self, number: usize) {
        match self.rng.random_range(0..10) {
            0..4 => {
                let text = format!("alice {number}");
                self.calls += 1;
                self.texts.insert(self.calls, text.clone());
                let command = Command::SendText { to: BOB.parse().unwrap(), text };
                self.world.client.command(self.world.now, self.calls, command);
                self.collect();
            }
            4..8 => {
                let text = format!("bob {number}");
                self.world.meta.tell_time(self.world.now);
                self.world.meta.send_text(Lane::Main, "bob", "alice", &text, None).unwrap();
                self.sent.insert(text);
                self.collect();
            }
            8 => self.command(Command::Disconnect),
            _ => self.command(Command::Connect),
        }
    }

    fn command(&mut self, command: Command) {
        self.calls += 1;
        self.world.client.command(self.world.now, self.calls, command);
        self.collect();
    }

    /// Lets time pass, and what is due in it happen.
    fn pass(&mut self, ms: u64) {
        let until = UnixMs(self.world.now.0 + ms);
        loop {
            let wake = self.world.wake_at;
            let next = self.net.next_at().into_iter().chain(wake).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.world.now = self.world.now.max(at);
            if wake.is_some_and(|wake| wake <= self.world.now) {
                self.world.wake_at = None;
                self.world.client.handle(self.world.now, Input::Wake);
            } else if let Some(arrival) = self.net.next(self.world.now) {
                self.arrive(arrival);
            }
            self.collect();
        }
        self.world.now = until;
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.world.now;
        match arrival {
            Arrival::Bytes { conn, at: Side::Far, bytes } => {
                self.world.meta.handle(now, Input::Bytes { conn, bytes });
            }
            Arrival::Bytes { conn, at: Side::Near, bytes } => {
                self.world.client.handle(now, Input::Bytes { conn, bytes });
            }
            Arrival::Closed { conn, at, error } => {
                self.losses += usize::from(error.is_some());
                match at {
                    Side::Far => self.world.meta.handle(now, Input::Closed { conn, error }),
                    Side::Near => self.world.client.handle(now, Input::Closed { conn, error }),
                }
            }
            Arrival::Message(number) => {
                let post = self.posts.remove(&number).expect("it was posted");
                self.deliver(number, post);
            }
            Arrival::Lost(number) => {
                let post = self.posts.remove(&number).expect("it was posted");
                let lost = Err("the exchange was lost".to_owned());
                match post {
                    Post::Ask(asker, _) | Post::Answer(asker, _) => self.answer(asker, lost),
                    Post::Call(id, _) | Post::Called(id, _) => {
                        self.world.meta.handle(now, Input::Response { id, result: lost });
                    }
                }
            }
        }
    }

    fn deliver(&mut self, number: u64, post: Post) {
        let now = self.world.now;
        match post {
            Post::Ask(asker, request) => {
                self.asked.insert(number, asker);
                self.world.meta.handle(now, Input::Request { id: number, request });
            }
            Post::Answer(asker, response) => self.answer(asker, Ok(response)),
            Post::Call(id, request) => {
                self.called.insert(number, id);
                self.world.server.handle(now, Input::Request { id: number, request });
            }
            Post::Called(id, response) => {
                self.world.meta.handle(now, Input::Response { id, result: Ok(response) });
            }
        }
    }

    fn answer(&mut self, asker: Asker, result: Result<HttpResponse, String>) {
        let now = self.world.now;
        match asker {
            Asker::Client(id) => self.world.client.handle(now, Input::Response { id, result }),
            Asker::Server(id) => self.world.server.handle(now, Input::Response { id, result }),
        }
    }

    fn post(&mut self, post: Post) {
        self.numbers += 1;
        self.posts.insert(self.numbers, post);
        self.net.post(self.numbers);
    }

    /// Carries out what the three parties want.
    fn collect(&mut self) {
        loop {
            if let Some(output) = self.world.meta.poll() {
                self.meta_wants(output);
            } else if let Some(output) = self.world.client.poll() {
                self.client_wants(output);
            } else if let Some(output) = self.world.server.poll() {
                self.server_wants(output);
            } else {
                return;
            }
        }
    }

    fn meta_wants(&mut self, output: Output) {
        match output {
            Output::Record(record) => self.world.recorded.push(record.event),
            Output::Send { conn, bytes } => self.net.send(conn, Side::Far, &bytes),
            Output::Close { conn } => self.net.close(conn, Side::Far),
            Output::Respond { id, response } => {
                let asker = self.asked.remove(&id).expect("somebody asked");
                self.post(Post::Answer(asker, response));
            }
            Output::Lose { .. } => unreachable!("Meta's side answers everything here"),
            Output::Fetch { id, request, .. } => self.post(Post::Call(id, request)),
            Output::WakeAt(_) => {}
            Output::Download { .. }
            | Output::Deliver { .. }
            | Output::Relay { .. }
            | Output::Claim { .. } => unreachable!("nobody sends files here"),
        }
    }

    fn client_wants(&mut self, output: third_party_client::Output) {
        use third_party_client::Output;
        let now = self.world.now;
        match output {
            Output::Open { conn } => {
                self.net.open(conn);
                self.world.meta.handle(now, Input::Accepted { conn, websocket: false });
                self.world.client.handle(now, Input::Opened { conn });
            }
            Output::Send { conn, bytes } => self.net.send(conn, Side::Near, &bytes),
            Output::Close { conn } => self.net.close(conn, Side::Near),
            Output::Fetch { id, url, request } => self.ask(Asker::Client(id), &url, request),
            Output::NeedToken => {
                let token = self.world.server.issue(now, self.world.client.visible_id());
                self.world.client.take_token(now, token);
            }
            // Without a place for its state a client keeps nothing.
            Output::Keep(_)
            | Output::Download { .. }
            | Output::Upload { .. }
            | Output::Save { .. } => {
                unreachable!("nobody sends files here")
            }
            Output::WakeAt(at) => self.world.wake_at = Some(at),
            Output::Notify(notification) => self.world.seen.push(notification),
            Output::Done { call, outcome } => self.done(call, &outcome),
        }
    }

    fn done(&mut self, call: u64, outcome: &Result<Reply, Failure>) {
        if let (Some(text), Ok(_)) = (self.texts.remove(&call), outcome) {
            self.accepted.insert(text);
        }
    }

    fn server_wants(&mut self, output: third_party_server::Output) {
        use third_party_server::Output;
        match output {
            Output::Respond { id, response } => {
                let call = self.called.remove(&id).expect("Meta called");
                self.post(Post::Called(call, response));
            }
            Output::Fetch { id, url, request } => self.ask(Asker::Server(id), &url, request),
            Output::Wake { .. } => self.world.client.wake(self.world.now, None),
        }
    }

    fn ask(&mut self, asker: Asker, url: &str, request: HttpRequest) {
        let path = url.strip_prefix(META).expect("it is Meta who is asked").to_owned();
        self.post(Post::Ask(asker, HttpRequest { path, ..request }));
    }

    /// How often the user saw each text.
    pub fn shown(&self) -> BTreeMap<&str, usize> {
        let texts = self.world.seen.iter().filter_map(|seen| match seen {
            Notification::Message { text, .. } => Some(&**text),
            _ => None,
        });
        counted(texts)
    }

    /// How often bob read each text.
    pub fn read(&self) -> BTreeMap<&str, usize> {
        let texts = self.world.recorded.iter().filter_map(|event| match event {
            Event::Decrypted { content, .. } => Some(&**content),
            _ => None,
        });
        counted(texts)
    }
}

/// Each text with how often it is there.
pub fn counted<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeMap<&'t str, usize> {
    let mut counts = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    counts
}
