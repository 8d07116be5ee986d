//! What a scenario says, after parsing: nothing here is checked again.
//!
//! Main type: [`Scenario`]. The types know nothing of YAML; `parse` makes them and `lint` has
//! refused what cannot work. Steps are values so that the runner and the judge read the same ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::key_faults::Loss;
use super::line::{Advance, LineFault};
use super::media_faults::{FileProbe, ProxyProbe};
use super::mutation::{Mutation, Relaying};
use super::needs::Needs;
use super::pattern::Pattern;
use super::probe::{Endpoint, ProbeKind};
use super::push::PushKeys;
use super::said::Said;
use super::stub::Stub;
use super::template::Template;
use super::words::words;
use crate::span::{Source, Span};
use crate::spec::Profile;
use crate::spec::yaml::Yaml;
use crate::wire::EncodeAs;

/// One scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Path below `scenarios/` without `.yaml`.
    pub id: String,
    pub title: String,
    /// Which real fault it would have caught, in a sentence.
    pub why: String,
    /// Meta's milestone: `M1`, `M2`, `M3.1`, ….
    pub milestone: String,
    /// Requirement ids; every one is decided by a step.
    pub covers: Vec<String>,
    /// Quirks of the reference that turn it red.
    pub proves: Vec<String>,
    pub needs: Option<Needs>,
    pub tags: Vec<String>,
    pub matrix: BTreeMap<String, Vec<String>>,
    pub actors: Vec<(String, Actor)>,
    pub vars: Vec<(String, Template)>,
    /// Hosts that are neither Meta's nor the third party's.
    pub http: Vec<Stub>,
    /// Those of the file, and behind them those that count what its stubs were asked.
    pub steps: Vec<Step>,
    pub must_observe: Vec<Observable>,
    /// How Meta's side writes stanzas: the value of the axis `encoding`, if the matrix has one.
    pub encoding: EncodeAs,
    pub source: Source,
    /// The file as it was written, for places and for the choices of the matrix. Where there is a
    /// matrix, `vars` and `steps` stand for one choice, the first unless it comes from `expand`.
    /// Empty after [`Case::without_places`](super::Case::without_places).
    pub tree: Arc<Yaml>,
}

impl Scenario {
    /// True where a Meta client and the implementation read each other's ciphertexts: what an
    /// implementation with a protocol of its own has no part in.
    pub fn speaks_signal(&self) -> bool {
        let is_client = |name: &str| {
            self.actors.iter().any(|(actor, a)| actor == name && a.plays == Plays::MetaClient)
        };
        self.steps.iter().any(|step| match &step.action {
            Action::Send(send) => matches!(
                send.payload,
                Payload::Text(_)
                    | Payload::Content(_)
                    | Payload::Replay { .. }
                    | Payload::AskAgain { .. }
                    | Payload::Resend { .. }
            ),
            Action::Act(act) => {
                let to = act.params.iter().find(|(name, _)| name == "to");
                let names = |path: &str| path.split('.').next().is_some_and(is_client);
                let sends = ["send_text", "react"].contains(&act.operation.as_str());
                sends && to.is_some_and(|(_, to)| to.references().any(|r| names(&r.path)))
            }
            _ => false,
        })
    }

    /// True where the implementation must move its clock.
    pub fn moves_the_clock(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Advance(_)))
    }
}

/// A party of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    pub plays: Plays,
    /// Played by the implementation under test.
    pub iut: bool,
}

/// A seat, or a part of Meta's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plays {
    ThirdPartyClient,
    ThirdPartyServer,
    MetaClient,
    MediaProxy,
}

/// One step with what it decides.
#[derive(Clone, Debug)]
pub struct Step {
    pub action: Action,
    /// `as: x`: the name under which later steps and `must_observe` refer to it.
    pub label: Option<String>,
    /// The rows that this step decides; empty for a precondition.
    pub checks: Vec<String>,
    pub negative: Option<Negative>,
    /// From its verb to its end.
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Action {
    Act(Act),
    Send(Send),
    Expect(Expect),
    ExpectNone(Expect),
    /// The network misbehaves.
    Fault(LineFault),
    /// Time passes.
    Advance(Advance),
    /// Somebody steals what a Meta client holds at this moment.
    Compromise(Compromise),
}

/// A theft of a Meta client's keys and of its session with a user. Nobody notices.
#[derive(Clone, Debug)]
pub struct Compromise {
    /// The Meta client that is robbed.
    pub of: String,
    /// The user of the implementation under test whose session with it is stolen.
    pub with: String,
}

impl Action {
    /// True for what can make something happen; absences are judged from the last of these on.
    pub fn causes(&self) -> bool {
        !matches!(self, Self::Expect(_) | Self::ExpectNone(_) | Self::Compromise(_))
    }
}

/// A user's action at the implementation under test.
#[derive(Clone, Debug)]
pub struct Act {
    pub on: String,
    /// An operation of the driver protocol, e.g. `send_text`.
    pub operation: String,
    pub params: Vec<(String, Template)>,
    pub mutate: Option<Mutation>,
    /// The operation may end in an error: what it leads to is judged elsewhere.
    pub may_fail: bool,
    /// The encoding of what Meta's side sends meanwhile, where it is not that of the case.
    pub encode: Option<EncodeAs>,
}

/// Something that Meta's side does by itself.
#[derive(Clone, Debug)]
pub struct Send {
    /// A Meta client, or `meta` for the chat server and Meta's HTTP callers.
    pub from: String,
    pub to: String,
    pub payload: Payload,
    /// A text is encrypted now and delivered by a later `release`.
    pub hold: bool,
    pub mutate: Option<Mutation>,
    /// The encoding of what this step puts on the wire, where it is not that of the case.
    pub encode: Option<EncodeAs>,
    /// Attributes and children that the message stanza has besides its own.
    pub with: Option<Pattern>,
}

#[derive(Clone, Debug)]
pub enum Payload {
    /// A text from a Meta client, end-to-end encrypted.
    Text(Template),
    /// Another content from a Meta client, end-to-end encrypted.
    Content(Said),
    /// A file from a Meta client: what is said of it, by the keys of `media`.
    Media(Vec<(String, Template)>),
    /// The third party's media server is asked in this way for the file that the named earlier step
    /// stored.
    /// By HTTP/2 alone where `http2` says so.
    ProbeFile { probe: FileProbe, of: String, http2: bool },
    /// A media proxy is asked by readers, with the harness as the third party behind it.
    ProbeProxy { probe: ProxyProbe, http2: bool },
    /// A Meta client's user begins to type, or stops.
    Typing(bool),
    /// An earlier install of the user has blocked this address.
    Blocks(Template),
    /// A stanza from the chat server, as written.
    Stanza(Pattern),
    /// The same ciphertext as the named earlier `send`; `same_id` keeps the message id too.
    Replay { of: String, same_id: bool },
    /// A message that one user of the implementation sent to another, passed on in another way.
    Relay { of: String, how: Relaying },
    /// The held text of the named earlier `send`, delivered now.
    Release { of: String },
    /// A request to send the named message of the implementation again, `times` times over, each
    /// with this count and, with `keys`, with keys for a new session.
    AskAgain { of: String, count: u16, keys: bool, times: u16 },
    /// The named earlier text, encrypted anew under its id, `times` times over; `spoilt` flips a
    /// bit of each MAC.
    Resend { of: String, spoilt: bool, times: u16 },
    /// A Meta client loses something, and tells nobody.
    Lose(Loss),
    /// A Meta client encrypts so many texts that nobody ever gets.
    Unsent(u16),
    /// So many texts each way, one after the other; only the tally is kept.
    Soak(u16),
    /// Strangers fetch the user's keys until so few one-time prekeys are left.
    Drain { left: u16 },
    /// Another device of the user enlists, with keys of its own.
    EnlistElsewhere,
    /// So many push calls for the user `to`, to the third-party server.
    Push { times: u16 },
    /// So many HTTP GETs of the third-party server's key set, or a HEAD.
    FetchKeys { times: u16, head: bool },
    /// An odd look at the HTTP of the third-party server; `of` is the step that stored the file that it
    /// is about.
    Probe { kind: ProbeKind, at: Endpoint, of: Option<String> },
    /// From here on Meta publishes these push keys.
    Publish(PushKeys),
}

impl Step {
    /// The label of the request whose answer it waits for.
    pub fn answers(&self) -> Option<&str> {
        match &self.action {
            Action::Expect(expect) => expect.of(),
            _ => None,
        }
    }
}

/// What should, or should not, be observed.
#[derive(Clone, Debug)]
pub struct Expect {
    /// `meta`, a Meta client, or an actor of the implementation under test.
    pub at: String,
    pub kind: Kind,
    pub matching: Matching,
    pub within: Duration,
    /// The key of the profile that says how long, in seconds; `within` where it says nothing.
    pub within_key: Option<&'static str>,
}

impl Expect {
    /// How long it is waited for under a profile.
    pub fn patience(&self, profile: &Profile) -> Duration {
        let seconds = self.within_key.and_then(|key| profile.int(key));
        seconds.map_or(self.within, |seconds| Duration::from_secs(seconds.unsigned_abs()))
    }

    /// The label of the request whose answer it is.
    pub fn of(&self) -> Option<&str> {
        let Matching::Fields(fields) = &self.matching else { return None };
        fields.iter().find(|(name, _)| name == "of").map(|(_, of)| of.text())
    }
}

/// The kinds of observation; each observation point keeps one inbox per kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// At `meta`: a stanza that the chat server received.
    Stanza,
    /// At `meta`: a login payload that was decrypted.
    Login,
    /// At `meta`: the implementation under test closed a connection.
    Closed,
    /// At `meta`: what became of a handshake, or of a channel after a deliberate fault.
    Channel,
    /// At `meta`: a call of the enlistment API.
    Enlistment,
    /// At `meta`: keys that a client published at the prekey service.
    Published,
    /// At `meta`: the answer to an HTTP request of the harness.
    Response,
    /// At the implementation under test: its user saw that a peer's identity key is another.
    IdentityChanged,
    /// At `meta`: a request for something that Meta publishes, or for a canary.
    Fetched,
    /// At `meta`: a request to one of the scenario's HTTP doubles.
    Stubbed,
    /// At `meta`: how a rule about a token or a key set came out.
    Rule,
    /// At a Meta client: content that was decrypted.
    Decrypted,
    /// At a Meta client: a message that could not be decrypted.
    Undecryptable,
    /// At the implementation under test: its user saw a message.
    Shown,
    /// At the implementation under test: what its user has of a file.
    Media,
    /// At a Meta client: what became of a third party's file.
    Downloaded,
    /// At the implementation under test: its user saw a receipt.
    Receipt,
    /// At the implementation under test: the state of its connection.
    Connection,
    /// At the implementation under test: it was woken by a push.
    Woken,
    /// At the implementation under test: its user saw an error.
    ErrorShown,
    /// At a Meta client or the implementation under test: its user saw a reaction.
    Reaction,
    /// At a Meta client or the implementation under test: its user saw that somebody types.
    Typing,
    /// At the implementation under test: its user was told something.
    Notice,
    /// At the implementation under test: what an operation came to.
    Answer,
    /// At the implementation under test: whatever told its user that something failed.
    Failure,
    /// At `meta`: what a client asked of the chat server beside keys.
    Asked,
    /// At a Meta client: what can be read with what was stolen from it.
    Thief,
    /// At a Meta client: a signature over what somebody wrote to it.
    Signature,
}

#[derive(Clone, Debug)]
pub enum Matching {
    Stanza(Pattern),
    /// Field name and what it must match; fields that are not named do not matter.
    Fields(Vec<(String, Template)>),
}

/// How a negative step is made honest (`interfaces.md` §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negative {
    pub twin: Twin,
    pub after: After,
}
words! {
    /// What differs between a negative step and its accepted twin.
    Twin { Mutation = "mutation", Order = "order", Time = "time", Identity = "identity" }
}
words! {
    /// Where the probe runs after a negative step.
    After { SameSession = "same_session", NewConnection = "new_connection", NewAccount = "new_account" }
}

/// `x.shown`: an event of the step labelled `x` that must have been seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observable {
    pub label: String,
    pub event: Seen,
}
words! {
    /// The events of a labelled step (`interfaces.md` §8).
    #[derive(Hash, PartialOrd, Ord)]
    Seen {
        Sent = "sent", Received = "received", Decrypted = "decrypted", Delivered = "delivered",
        Shown = "shown", Acked = "acked", Refused = "refused", Replayed = "replayed",
    }
}
