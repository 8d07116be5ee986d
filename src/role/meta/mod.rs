//! Meta's side as a third party sees it: chat server, enlistment API, push caller and the Meta
//! clients behind them.
//!
//! Main type: [`Meta`]. It serves one instance of the implementation under test. The driver of a
//! case names the users it expects ([`Meta::expect_user`]), asks for stanzas and calls, and sets
//! deliberate [`Faults`]; everything else the role does by itself, as the real service would.

mod account;
mod bundle_fault;
mod bytes_fault;
mod channel;
mod client;
mod enlistment;
mod forging;
mod frame_fault;
mod handshake;
mod hosting;
mod keys;
mod letter;
mod login;
mod mailbox;
mod media;
mod misanswer;
mod overhear;
mod partner_keys;
mod published;
mod push;
mod push_token;
mod relayed;
mod retries;
mod routing;
mod services;
mod theft;

use std::collections::{BTreeMap, VecDeque};

use crate::clock::UnixMs;
use crate::evidence::{Event, Lane, Stream};
use crate::identity::jwks::{KeyCache, KeySet};
use crate::identity::test_keys;
use crate::identity::token::{self, Claims};
use crate::noise::KeyPair;
use crate::noise::certificate::Authority;
use crate::role::{ConnId, FetchId, Input, Output, Record, Role};
use crate::scenario::{
    AnswerFault, BundleFault, ChainFault, HelloFault, LoginFault, PrekeyFault, PushKeys,
    SignatureFault,
};
use crate::seed::{Rng, Seed};
use crate::spec::Profile;
use crate::wire::{EncodeAs, Jid, Node};

pub use account::{Account, User, enlistment_is_skipped};
pub use client::{Manners, MetaClient, Sent};
pub use enlistment::claimed_user;
pub use letter::Letter;
pub use media::{
    MediaOrder, Stored, proxy::head as proxied_head, proxy::upstream as proxied_request,
};
pub use push::Push;
pub use retries::Asking;

/// Deliberate deviations that are in force until they are replaced.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub chain: Option<ChainFault>,
    pub hello: Option<HelloFault>,
    pub bundle_signature: Option<SignatureFault>,
    pub bundle_error: Option<u16>,
    pub bundle: Option<BundleFault>,
    /// Which one-time prekey a Meta client opens a session with.
    pub prekey: Option<PrekeyFault>,
    pub enlistment_reason: Option<String>,
    /// What a login is told to wait, whatever the mailbox holds.
    pub offline_count: Option<u16>,
    /// What messages have besides their own attributes and children: legal, if nobody knows it.
    pub with: Option<Node>,
    pub enlistment_answer: Option<AnswerFault>,
    pub login: Option<LoginFault>,
}

/// The error code by which somebody is told to ask less often.
const TOO_MANY: u16 = 429;

/// Who runs the third-party server, as registered with Meta.
#[derive(Clone, Debug)]
pub struct Integrator {
    pub id: u16,
    pub iss: String,
    /// `None` until the server seat has said where it is.
    pub base_url: Option<String>,
}

/// Meta's side.
pub struct Meta {
    profile: Profile,
    integrator: Integrator,
    static_key: KeyPair,
    authority: Authority,
    rng: Rng,
    seed: Seed,
    /// Names the streams of what clients see of all Meta sides behind one address.
    house: String,
    now: UnixMs,
    accounts: Vec<Account>,
    clients: BTreeMap<(Lane, String), MetaClient>,
    channels: BTreeMap<ConnId, channel::Channel>,
    accepted: u64,
    partner_keys: KeyCache,
    signers: partner_keys::Signers,
    push_keys: PushKeys,
    media: media::Desk,
    /// Where Meta's HTTP services are reached; empty where nobody needs to know.
    own_url: String,
    /// What waits for the partner's key set.
    waiting: Vec<Waiting>,
    fetches: BTreeMap<FetchId, Fetch>,
    next_fetch: FetchId,
    faults: Faults,
    /// Whose enlistment is expected.
    enlists: Option<(Lane, String)>,
    /// How stanzas are written.
    encoding: EncodeAs,
    /// Counts the stanzas that went out otherwise than in the canonical encoding.
    styled: u64,
    /// The lane whose steps are being carried out; what nobody can be named for belongs to it.
    lane: Lane,
    /// Messages from one user of the third party to another.
    relayed: VecDeque<relayed::Relayed>,
    /// What users wrote, which must not be seen in clear.
    watch: overhear::Watch,
    /// How many users there may be, where everybody with a valid token becomes one.
    users_max: Option<usize>,
    out: VecDeque<Output>,
}

enum Waiting {
    Enlistment(enlistment::Pending),
    Login(ConnId),
}

enum Fetch {
    PartnerKeys { label: Option<String>, head: bool },
    Push { label: Option<String> },
    Media(Box<media::Pending>),
    Probe { number: u64, at: Option<usize> },
}

impl Meta {
    /// Meta's side with keys and identifiers that follow from the seed and the case.
    pub fn new(profile: Profile, integrator: Integrator, seed: Seed, case: &str) -> Self {
        Self::in_house(profile, integrator, seed, case, case)
    }

    /// One of several Meta sides behind the same addresses. They have the certificates and the
    /// static key in common, and each would answer a connection with the same bytes: what a
    /// connection draws follows from the house and the connection, not from the case. So whoever
    /// answers first, another can take the connection over once it is known whose it is.
    pub fn in_house(
        profile: Profile,
        integrator: Integrator,
        seed: Seed,
        house: &str,
        case: &str,
    ) -> Self {
        let rng = seed.rng(&[case, "meta"]);
        let mut keys = seed.rng(&[house, "meta", "keys"]);
        let authority = Authority::new(&mut keys);
        let static_key = KeyPair::generate(&mut keys);
        let period = partner_keys::period(&profile);
        Self {
            profile,
            integrator,
            static_key,
            authority,
            rng,
            seed,
            house: house.to_owned(),
            now: UnixMs::default(),
            accounts: Vec::new(),
            clients: BTreeMap::new(),
            channels: BTreeMap::new(),
            accepted: 0,
            partner_keys: KeyCache::new(period),
            signers: partner_keys::Signers::default(),
            push_keys: PushKeys::First,
            media: media::Desk::default(),
            own_url: String::new(),
            waiting: Vec::new(),
            fetches: BTreeMap::new(),
            next_fetch: 0,
            faults: Faults::default(),
            enlists: None,
            encoding: EncodeAs::CANONICAL,
            styled: 0,
            lane: Lane::Main,
            relayed: VecDeque::new(),
            watch: overhear::Watch::default(),
            users_max: None,
            out: VecDeque::new(),
        }
    }

    /// The trust anchor that clients must pin.
    pub fn root_public(&self) -> [u8; 32] {
        self.authority.root_public()
    }

    /// Says where the third-party server is.
    pub fn set_base_url(&mut self, base_url: Option<String>) {
        self.integrator.base_url = base_url;
    }

    /// Plays the third-party server too, for a subject that has none: its keys are the partner test
    /// key's, its tokens come from [`Meta::stand_in_token`].
    pub fn stand_in_for_the_server(&mut self) {
        let keys = KeySet::of([test_keys::partner().public()]);
        self.partner_keys.store(keys, None, self.now);
    }

    /// A token for a user, as the third-party server would issue it.
    pub fn stand_in_token(&self, visible_id: &str) -> String {
        let now = self.now.secs();
        let claims = Claims {
            iss: self.integrator.iss.clone(),
            aud: self.profile.text("jwt.audience").unwrap_or("WHATSAPP").to_owned(),
            sub: Some(visible_id.to_owned()),
            iat: now,
            exp: now + self.profile.int("jwt.lifetime_s_max").unwrap_or(3600).unsigned_abs(),
        };
        token::issue(test_keys::partner(), &claims)
    }

    /// The time that was told last.
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// Tells the time, before something is asked of Meta's side that no input caused.
    pub fn tell_time(&mut self, now: UnixMs) {
        self.now = now;
    }

    /// Sets the lane to which what follows belongs.
    pub fn set_lane(&mut self, lane: Lane) {
        self.lane = lane;
    }

    /// Replaces the deliberate deviations.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Ends refusals that are for a while only.
    pub fn lift_limits(&mut self) {
        self.faults.bundle_error.take_if(|code| *code == TOO_MANY);
    }

    /// Sets how stanzas are written from here on; the pings of the harness's own fences stay
    /// canonical, so that a case goes on whatever the subject makes of the others.
    pub fn set_encoding(&mut self, encoding: EncodeAs) {
        self.encoding = encoding;
    }

    /// Counts the stanzas so far whose bytes were not those of the canonical encoding.
    pub fn styled(&self) -> u64 {
        self.styled
    }

    /// The profile in force.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    fn record(&mut self, stream: Stream, actor: Option<String>, event: Event) {
        let lane = self.lane;
        self.record_in(stream, lane, actor, event);
    }

    fn record_in(&mut self, stream: Stream, lane: Lane, actor: Option<String>, event: Event) {
        self.out.push_back(Output::Record(Box::new(Record { stream, lane, actor, event })));
    }

    /// Records on behalf of an account, in its own lane.
    fn record_for(&mut self, account: usize, stream: Stream, event: Event) {
        let User { lane, actor, .. } = &self.accounts[account].user;
        let (lane, actor) = (*lane, actor.clone());
        self.record_in(stream, lane, Some(actor), event);
    }

    fn fetch(&mut self, what: Fetch, url: String, request: crate::http::HttpRequest) {
        let id = self.next_fetch;
        self.next_fetch += 1;
        self.fetches.insert(id, what);
        self.out.push_back(Output::Fetch { id, url, request });
    }

    fn account_by_jid(&self, jid: &Jid) -> Option<usize> {
        self.accounts.iter().position(|account| account::same_user(&account.jid, jid))
    }

    fn client_by_jid(&self, jid: &Jid) -> Option<(Lane, String)> {
        let client = self.clients.iter().find(|(_, client)| account::same_user(client.jid(), jid));
        client.map(|(key, _)| key.clone())
    }
}

impl Role for Meta {
    fn handle(&mut self, now: UnixMs, input: Input) {
        self.now = now;
        match input {
            Input::Accepted { conn, websocket } => self.accept(conn, websocket),
            Input::Opened { .. } => {}
            Input::Wake => self.forget_old_messages(),
            Input::Bytes { conn, bytes } => self.receive(conn, &bytes),
            Input::Closed { conn, error } => self.closed(conn, error),
            Input::Request { id, request } => {
                self.overhear(&request);
                self.serve(id, &request);
            }
            Input::Response { id, result } => self.answered(id, result),
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
}
