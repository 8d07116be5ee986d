//! What a scenario says, after parsing: nothing here is checked again.
//!
//! Main type: [`Scenario`]. The types know nothing of YAML; `parse` makes them and `lint` has
//! refused what cannot work. Steps are values so that the runner and the judge read the same ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ciphertext::CiphertextFault;
use super::key_faults::{BundleFault, Loss, PrekeyFault};
use super::line::{Advance, LineFault};
use super::media_faults::{FileProbe, HostFault, MediaFault, ProxyProbe};
use super::needs::Needs;
use super::pattern::Pattern;
use super::probe::{Endpoint, ProbeKind};
use super::push::{BodyFault, PushKeys, TokenFault};
use super::said::Said;
use super::stub::Stub;
use super::template::Template;
use crate::span::{Source, Span};
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
#[expect(clippy::large_enum_variant, reason = "steps are few, and read more often than moved")]
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
    ProbeProxy(ProxyProbe),
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

/// What should, or should not, be observed.
#[derive(Clone, Debug)]
pub struct Expect {
    /// `meta`, a Meta client, or an actor of the implementation under test.
    pub at: String,
    pub kind: Kind,
    pub matching: Matching,
    pub within: Duration,
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

/// The one declared difference between a negative step and its twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// On `connect`: what the chat server presents as its certificate chain.
    ServerChain(ChainFault),
    /// On `connect`: what is odd about the chat server's handshake message.
    ServerHello(HelloFault),
    /// On `connect`: how many messages the server announces, whatever the mailbox holds.
    OfflineCount(u16),
    /// On a `stanza` that is sent: what is wrong with the frame around it.
    Frame(FrameFault),
    /// On a `stanza` that is sent: what is wrong with its own bytes.
    Bytes(BytesFault),
    /// On `send_text`: what the served bundle has for a signature.
    BundleSignature(SignatureFault),
    /// On `send_text`: the bundle fetch is answered with this error code.
    BundleError(u16),
    /// On `send_text`: what the served bundle has for keys.
    Bundle(BundleFault),
    /// On a `text` that opens a session: which one-time prekey it is made with.
    Prekey(PrekeyFault),
    /// On `enlist`: the enlistment API answers `{"status": "fail", "reason": …}`.
    EnlistmentReason(String),
    /// On `enlist`: what the enlistment API answers instead of yes or no.
    EnlistmentAnswer(AnswerFault),
    /// On `enlist`: the digits of the internal identifier that the user gets. Legal.
    LoginDigits(u64),
    /// On `enlist`: the certificate that Meta's HTTP services show meanwhile.
    Tls(CertificateWord),
    /// On `connect`: what the chat server does about the login.
    ServerLogin(LoginFault),
    /// On a `text` that is sent: what takes the place of the ciphertext.
    Content(ContentFault),
    /// On a `push`: what is wrong with its token.
    PushToken(TokenFault),
    /// On a `push`: what is odd about its body.
    PushBody(BodyFault),
    /// On `media`: what is odd about the message or its file.
    Media(MediaFault),
    /// On `media`: what the media host does.
    Host(HostFault),
    /// On a `replay`: what is changed in the ciphertext.
    Ciphertext(CiphertextFault),
    /// On a `text`: the Meta client that the stanza says it is from.
    Sender(String),
    /// On a `text` or `content`: what the stanza says of its time.
    Time(TimeFault),
    /// On a `text` or `content`: the device of its sender that it comes from.
    Device(u16),
}

impl Mutation {
    /// True for what a right implementation accepts: no twin and no probe are needed then.
    pub fn is_legal(&self) -> bool {
        match self {
            Self::ServerHello(fault) => {
                matches!(fault, HelloFault::UnknownFields | HelloFault::RotatedStatic)
            }
            Self::Bundle(fault) => fault.is_legal(),
            Self::Prekey(fault) => *fault == PrekeyFault::None,
            // A loss, as any line may have.
            Self::ServerLogin(fault) => *fault == LoginFault::Dropped,
            Self::PushToken(fault) => *fault == TokenFault::SlightlyAhead,
            Self::PushBody(fault) => *fault == BodyFault::FurtherMembers,
            Self::Content(fault) => fault.is_legal(),
            Self::Media(fault) => fault.is_legal(),
            Self::Host(fault) => fault.is_legal(),
            Self::OfflineCount(_) | Self::LoginDigits(_) | Self::Time(_) | Self::Device(_) => true,
            _ => false,
        }
    }
}

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            /// Every value with the word that stands for it in a scenario.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$variant, $word)),+];
            /// The word that stands for it in a scenario.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
    };
}

pub(super) use words;

words! {
    /// How the chat server passes a message on once more.
    Relaying {
        /// As it was.
        Again = "again",
        /// The same ciphertext under another id.
        NewId = "new-id",
        /// With a flipped bit in its ciphertext, under another id.
        Flipped = "flipped",
        /// In the name of a Meta client, under another id.
        FromAnother = "from-another",
        /// Not at all: it leaves the mailbox.
        Lost = "lost",
    }
}
words! {
    /// What is wrong with the certificate of an HTTPS server of Meta's (TRN-019).
    CertificateWord {
        /// Signed by an authority that nobody knows.
        ForeignAuthority = "foreign-authority",
        /// Signed by itself.
        SelfSigned = "self-signed",
        /// For another host, by the right authority.
        OtherName = "other-name",
        Expired = "expired",
        NotYetValid = "not-yet-valid",
    }
}
words! {
    /// Faults of a certificate chain (NOI-006).
    ChainFault {
        /// Well-formed, but signed by an authority that nobody pinned.
        ForeignRoot = "foreign-root",
        /// 64 random bytes in place of the leaf's signature.
        RandomSignature = "random-signature",
        /// The leaf's signature has one flipped bit.
        FlippedSignature = "flipped-signature",
        /// The leaf has no signature.
        SignatureAbsent = "signature-absent",
        /// The leaf's signature is empty.
        SignatureEmpty = "signature-empty",
        /// The leaf's signature lacks its last byte.
        SignatureShort = "signature-short",
        /// The intermediate's signature has one flipped bit, under a genuine leaf.
        IntermediateFlipped = "intermediate-flipped",
        /// The intermediate has no signature, and the leaf is genuine.
        IntermediateUnsigned = "intermediate-unsigned",
        /// The intermediate's issuer is nobody known.
        UnknownIssuer = "unknown-issuer",
        /// A genuine chain for another static key.
        OtherLeafKey = "other-leaf-key",
        /// Validity ended before today.
        Expired = "expired",
        /// The intermediate's validity ended before today.
        IntermediateExpired = "intermediate-expired",
        /// Validity begins in 2100.
        NotYetValid = "not-yet-valid",
        /// No chain at all.
        Absent = "absent",
    }
}
words! {
    /// What is odd about the chat server's handshake message, or its keys.
    HelloFault {
        /// Made under another prologue than the client's (NOI-003).
        OtherPrologue = "other-prologue",
        /// A flipped bit in the tag of the static key (NOI-009).
        StaticTag = "static-tag",
        /// A flipped bit in the tag of the payload (NOI-009).
        PayloadTag = "payload-tag",
        /// The payload lacks its last byte (NOI-009).
        PayloadCut = "payload-cut",
        /// It ends in the middle of a field (NOI-009).
        MessageCut = "message-cut",
        /// The genuine public key and chain, and another private key behind them (NOI-006).
        ClaimedStatic = "claimed-static",
        /// The answer to an IK, where the client opened with XX (NOI-017).
        StaticLeftOut = "static-left-out",
        /// A client's first message (NOI-017).
        ClientHello = "client-hello",
        /// A stanza in clear (NOI-017).
        PlainStanza = "plain-stanza",
        /// A point of small order as the ephemeral key (NOI-013).
        SmallOrderEphemeral = "small-order-ephemeral",
        /// A point of small order as the static key, with a genuine chain for it (NOI-013).
        SmallOrderStatic = "small-order-static",
        /// Fields that nobody knows: legal (NOI-018).
        UnknownFields = "unknown-fields",
        /// A new static key, with a genuine chain for it: legal (NOI-021).
        RotatedStatic = "rotated-static",
    }
}
words! {
    /// Answers of the enlistment API that are neither yes nor no (ENL-012, ENL-019).
    AnswerFault {
        /// A failure for a reason that nobody has heard of.
        UnknownReason = "unknown-reason",
        /// A failure without a reason.
        NoReason = "no-reason",
        /// A login, and no status.
        NoStatus = "no-status",
        /// A success without a login.
        NoLogin = "no-login",
        /// The right members with values of other types.
        WrongTypes = "wrong-types",
        /// Text that is no JSON.
        NotJson = "not-json",
        /// No body.
        Empty = "empty",
        /// HTTP 500.
        ServerError = "server-error",
        /// HTTP 503.
        Unavailable = "unavailable",
        /// The enlistment is carried out, and its answer is lost on the way.
        Lost = "lost",
    }
}
words! {
    /// What the chat server does about a login that is in order (TRN-013, TRN-015).
    LoginFault {
        /// It closes the connection without an answer.
        Dropped = "dropped",
        /// It does not speak the client's protocol version.
        UnsupportedVersion = "unsupported-version",
    }
}
words! {
    /// What is wrong with a frame of the open channel.
    FrameFault {
        /// A flipped bit in its tag (NOI-011).
        FlippedTag = "flipped-tag",
        /// It lacks its last byte (NOI-011).
        Cut = "cut",
        /// Its nonce is that of the frame before (NOI-010).
        NonceReused = "nonce-reused",
        /// Its nonce is one too high (NOI-010).
        NonceSkipped = "nonce-skipped",
        /// It is encrypted with the key of the client's own direction (NOI-015).
        OtherDirection = "other-direction",
        /// It is sound, and is sent a second time (NOI-011).
        Replayed = "replayed",
    }
}
words! {
    /// What is wrong with the bytes of a stanza in a sound frame (STZ-008, STZ-021).
    BytesFault {
        /// A value begins with a byte that is no tag of the format.
        ReservedTag = "reserved-tag",
        /// The list announces one attribute more than there is.
        LongList = "long-list",
        /// A string announces more bytes than there are.
        LongString = "long-string",
        /// The last byte is missing.
        Cut = "cut",
        /// It begins with a word and not with a list.
        NoList = "no-list",
        /// A list without a tag.
        EmptyNode = "empty-node",
        /// Nodes are nested far deeper than any stanza is.
        Deep = "deep",
        /// The id holds bytes that are no UTF-8.
        InvalidText = "invalid-text",
    }
}
words! {
    /// Faults of a signed prekey's signature (PRE-004, PRE-005).
    SignatureFault {
        Absent = "absent",
        Empty = "empty",
        Random = "random",
        FlippedBit = "flipped-bit",
        OtherIdentity = "other-identity",
        /// The prekey is another one, and has signed itself.
        PrekeyItself = "prekey-itself",
        Short = "short",
    }
}
words! {
    /// What stands in a message stanza in place of an `enc` that decrypts (ENC-019, RCP-005).
    ContentFault {
        /// A `<body>` with the text in clear.
        ClearBody = "clear-body",
        /// An `<enc>` whose bytes are the content protobuf in clear.
        ClearEnc = "clear-enc",
        /// A genuine ciphertext with one bit of its MAC flipped.
        FlippedMac = "flipped-mac",
        /// A `<plaintext>` with the content protobuf, as native newsletters have it (ENC-019).
        ClearPlaintext = "clear-plaintext",
        /// A content protobuf that ends in the middle of a field (MSG-012).
        CutProtobuf = "cut-protobuf",
        /// One with a field that is longer than anything (MSG-012).
        OverlongField = "overlong-field",
        /// One with a number that does not end (MSG-012).
        EndlessNumber = "endless-number",
        /// One with a wire type that does not exist (MSG-012).
        WireType = "wire-type",
        /// One with a group that is never closed (MSG-012).
        OpenGroup = "open-group",
        /// Padding that says that it has no byte (MSG-012).
        PadZero = "pad-zero",
        /// Padding that says that it is longer than all there is (MSG-012).
        PadOverlong = "pad-overlong",
        /// Nothing was encrypted, not even padding (MSG-012).
        Empty = "empty",
        /// Fields that nobody knows beside the text: legal (MSG-011).
        UnknownFields = "unknown-fields",
        /// Thousands of quotes in one another: a protobuf, if nobody's (MSG-012).
        DeepQuotes = "deep-quotes",
        /// A genuine ciphertext, and `<unavailable>` in clear beside it (ENC-019).
        UnavailableBeside = "unavailable-beside",
        /// A genuine ciphertext, and a body in clear with another text beside it (ENC-019).
        BodyBeside = "body-beside",
    }
}
impl ContentFault {
    /// True for what a right implementation takes.
    pub fn is_legal(self) -> bool {
        use ContentFault::{BodyBeside, DeepQuotes, UnavailableBeside, UnknownFields};
        matches!(self, UnknownFields | DeepQuotes | UnavailableBeside | BodyBeside)
    }
}
words! {
    /// What a message stanza says of its time (MSG-018).
    TimeFault {
        /// Ten years from now.
        FarFuture = "far-future",
        /// The beginning of Unix time.
        FarPast = "far-past",
        /// No number at all.
        Garbage = "garbage",
        /// Nothing.
        Absent = "absent",
    }
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
