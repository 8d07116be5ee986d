//! The vocabulary of transcripts: every kind of event, with what a judge needs and no more.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::facts::{
    EncFacts, Exchanged, FormFacts, LoginFacts, Look, MediaFacts, RuleFacts, TokenFacts,
};
use super::process::{Growth, ProbeAnswer, Trouble};
use crate::limits::PAYLOAD_BYTES_MAX;

/// Stands for a token in a URL (JWT-024).
pub const TOKEN_IN_URL: &str = "(token)";

/// The last part of the name under which a forged message is bound to what was changed in it.
pub const FORGED: &str = "forged";

/// First line of a log: what was run, against what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunHeader {
    /// Version of this format.
    pub schema: u32,
    pub run_id: String,
    pub started_ms: u64,
    pub harness: String,
    pub seed: u64,
    pub jobs: usize,
    /// The effective profile, with all its values.
    pub profile: Value,
    /// How the implementation under test was named: `reference:…` or a file.
    pub iut_ref: String,
    /// False for the bundled reference.
    pub foreign: bool,
    /// The command that runs a case again, but for the case's id.
    #[serde(default)]
    pub again: String,
    /// The words that chose the cases of the run, for what only the whole shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub selection: String,
    /// The rows that were asked for by name or by area, as patterns of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// What `hello` said, with the effective capabilities.
    pub iut: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Received,
    Sent,
}

/// Bytes as a transcript holds them: whole up to a bound, else length, digest and ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Payload {
    Whole { b64: String },
    Digest { len: usize, sha256: String, head_b64: String, tail_b64: String },
}

impl Payload {
    /// Keeps the bytes, or what stands for them.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.len() <= PAYLOAD_BYTES_MAX {
            return Self::Whole { b64: STANDARD.encode(bytes) };
        }
        Self::Digest {
            len: bytes.len(),
            sha256: hex::encode(Sha256::digest(bytes)),
            head_b64: STANDARD.encode(&bytes[..1024]),
            tail_b64: STANDARD.encode(&bytes[bytes.len() - 1024..]),
        }
    }

    /// The bytes, where they were kept whole.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Whole { b64 } => STANDARD.decode(b64).ok(),
            Self::Digest { .. } => None,
        }
    }
}

/// How a step ended, as the runner saw it; the judge decides for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// Done, or the expected was there.
    Done,
    /// The time was up.
    TimedOut,
    /// The fence was reached: nothing more can come.
    Fenced,
    /// The fence was not reached: an absence was not shown.
    NotFenced(String),
    /// The operation failed; an error class, or why there was no answer.
    Refused(String),
    /// The adapter does not know the operation.
    Unsupported,
    /// Only the half of the third party shows it that is not the subject's.
    OutOfSight,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The case as it was run: enough to judge it without any file.
    CaseBegun {
        scenario: String,
        text: String,
        choice: BTreeMap<String, String>,
        canary: String,
    },
    /// The third party's client is the harness's own here: what it does says nothing of the subject.
    ClientLent,
    /// The same of the third party's server.
    ServerLent,
    /// A push whose server is the harness's own: the client is woken by the driver's `inject_wake`.
    WakeInjected {
        label: Option<String>,
    },
    /// A case that was not run, and why.
    CaseSkipped {
        scenario: String,
        text: String,
        choice: BTreeMap<String, String>,
        why: Skip,
    },
    StepBegun {
        phase: usize,
        step: usize,
        text: String,
    },
    StepEnded {
        phase: usize,
        step: usize,
        end: StepEnd,
    },
    /// A value that later steps may name: `alice.jid`, `m1.id`.
    Bound {
        name: String,
        value: String,
    },
    /// The network will misbehave on some connection.
    FaultArmed {
        /// Counts the faults of a case from 1.
        fault: u32,
        label: Option<String>,
        what: String,
    },
    /// It did: what passed in place of what was written.
    FaultTook {
        fault: u32,
        label: Option<String>,
        what: String,
    },
    /// Time has passed for both sides.
    ClockAdvanced {
        by_ms: u64,
    },
    CaseEnded,

    Called {
        operation: String,
        params: Value,
    },
    Answered {
        operation: String,
        outcome: Result<Value, String>,
    },
    /// What became of the messages of a soak, of which no more was recorded.
    Soaked {
        rounds: u32,
        /// Sent to the subject, and shown to its user.
        sent: u32,
        shown: u32,
        /// Written by the subject, and decrypted by the Meta client.
        written: u32,
        decrypted: u32,
        /// Ids of messages that did not arrive in time.
        lost: Vec<String>,
    },
    /// What the user or the operator saw.
    Notified {
        name: String,
        params: Value,
    },
    /// The driver protocol was broken.
    DriverBreach {
        why: String,
    },
    /// The process died, hung, or printed what only a defect prints.
    ProcessTrouble {
        kind: Trouble,
        detail: String,
        /// The instance carried other cases too, so it may be their doing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shared: bool,
    },
    /// How the process was at the end of the case.
    Vitals {
        /// It lives and answered `health`.
        well: bool,
        /// Its log was read; an adapter that was not started hands none over.
        log: bool,
        /// What it took since the case began, where it could be measured for this case alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        growth: Option<Growth>,
    },
    /// A hook was tried, to see whether what `hello` states is true.
    Probed {
        operation: String,
        capability: String,
        declared: bool,
        answer: ProbeAnswer,
    },
    /// The wire has shown a value of a capability that `hello` states.
    Shown {
        capability: String,
        value: String,
        /// The first case, by name, in which it was seen.
        case: String,
        declared: bool,
    },
    /// Something befell a shared instance, and none of its cases brings it about alone.
    Unreproduced {
        kind: Trouble,
        detail: String,
        cases: Vec<String>,
    },
    /// The case is carried out again, alone: what was recorded of it before does not count.
    Isolated {
        why: String,
    },
    /// The last lines of the adapter's log, kept where a case is red.
    Log {
        lines: Vec<String>,
    },

    Accepted {
        websocket: bool,
    },
    Intro {
        header: String,
        routing_bytes: usize,
    },
    Handshake {
        message: u8,
        direction: Direction,
        len: usize,
        ephemeral: Option<String>,
        /// The pattern that it belongs to (`wire.md` §1.2).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
        /// What a first message shows of the user to anybody on the path, and where in it
        /// (NOI-007): an identifier, or what looks like a token.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_clear: Vec<String>,
    },
    /// Meta's side deviates on purpose from what is right, here and once.
    Deviated {
        what: String,
    },
    /// A handshake, or a channel after a deliberate fault, has come to something.
    Settled {
        /// The fault that it is about, if there was one.
        fault: Option<String>,
        pattern: Option<String>,
        /// The last handshake message that was received, where this is about a handshake.
        message: Option<u8>,
        /// `finished`, `unreadable` or `closed`; of a channel `went-on` or `closed`.
        end: String,
    },
    /// The secure channel broke, by an undecryptable frame or a malformed handshake.
    ChannelBroken {
        why: String,
    },
    Login {
        facts: LoginFacts,
    },
    Stanza {
        direction: Direction,
        /// The stanza in words, for people; the bytes decide.
        xml: String,
        bytes: Payload,
        compressed: bool,
        /// Names of tolerated variants (`wire.md` §10.1).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        variants: Vec<String>,
    },
    /// A frame that is no stanza.
    Undecodable {
        bytes: Payload,
        offset: usize,
        rule: String,
    },
    Closed {
        by_iut: bool,
        error: Option<String>,
    },

    /// A call of the enlistment API.
    Enlistment {
        method: String,
        path: String,
        form: FormFacts,
        outcome: String,
        login: Option<String>,
    },
    /// Another device of the user enlisted, with keys of its own.
    EnlistedElsewhere,
    /// A client published keys at the prekey service.
    Published {
        signed_id: u32,
        /// The signed prekey is another than before.
        rotated: bool,
        /// One-time prekeys in this upload.
        one_time: usize,
        /// How many of them had an id or a value that was published before.
        repeated: usize,
        /// One-time prekeys that the service has now.
        stock: usize,
    },
    /// A client asked the chat server for something that is neither keys nor a message.
    Asked {
        /// `block`, `unblock`, `blocklist`, `deletion` or `reachability`.
        what: String,
        /// The user whom it is about.
        about: Option<String>,
    },
    /// A Meta client's user saw that somebody types, or no longer does.
    Typing {
        from: String,
        on: bool,
    },
    /// A Meta client sent a file: where it lies, and what it is in clear.
    MediaSent {
        id: String,
        /// Without its query.
        path: String,
        kind: String,
        sha256: String,
        len: u64,
    },
    /// What a Meta client made of the file that a message names.
    Downloaded {
        id: String,
        from: String,
        facts: MediaFacts,
    },
    /// What the user has of an incoming file, once the adapter said what became of it.
    FileSeen {
        id: String,
        /// `available`, `refused` or `failed`.
        state: String,
        /// `exact` is what was sent; `other` are other bytes, `none` is no file.
        file: String,
        /// The name under which it lies.
        name: Option<String>,
        kind: Option<String>,
        caption: Option<String>,
    },
    /// Meta's media host was asked for a file.
    FileAsked {
        /// The names of what stands in the query, without the values.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        query: Vec<String>,
        method: String,
        /// Without its query.
        path: String,
        status: u16,
    },
    /// A host that is neither Meta's nor the third party's was asked.
    StubAsked {
        /// The stub that is about it; empty where none is.
        stub: String,
        method: String,
        /// Without its query.
        path: String,
    },
    /// A third party's media server was asked in several ways, and the answers were judged.
    MediaProbed {
        label: Option<String>,
        probe: String,
        requests: u64,
        /// The status by which the store said that it does not know who asks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<u16>,
        /// What was asked and came back, in this order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        seen: Vec<Exchanged>,
        checked: Vec<RuleFacts>,
    },
    /// Some other HTTP request that came in.
    StrayRequest {
        method: String,
        path: String,
        /// It was for what Meta's side gives everybody, such as its push keys.
        #[serde(default)]
        served: bool,
    },
    /// An HTTP request that the harness sent.
    Requested {
        label: Option<String>,
        method: String,
        path: String,
        /// Of the token that Meta's side showed, what it says; its signature is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Box<TokenFacts>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Payload>,
    },
    Responded {
        label: Option<String>,
        status: u16,
        headers: Vec<(String, String)>,
        body: Payload,
    },
    RequestFailed {
        label: Option<String>,
        why: String,
    },
    /// A probe of a server's HTTP: what each of its connections saw.
    Looked {
        label: Option<String>,
        /// The probe's word in a scenario.
        probe: String,
        /// The endpoint's.
        endpoint: String,
        seen: Vec<Look>,
    },
    /// Somebody connected to an HTTP service of Meta's and did not come to TLS.
    TlsRefused {
        why: String,
    },
    /// A key set that was fetched, every rule judged.
    KeySet {
        checked: Vec<RuleFacts>,
    },

    /// A Meta client sent something encrypted.
    Encrypted {
        id: String,
        to: String,
        text: String,
        enc: EncFacts,
    },
    Decrypted {
        id: String,
        from: String,
        content: String,
        enc: EncFacts,
    },
    Undecryptable {
        id: String,
        from: String,
        reason: String,
        enc: EncFacts,
    },
    /// Another piece of content that must not be seen in clear, beside the case's canary.
    Canary {
        /// What it stands for, e.g. `photo`.
        what: String,
        bytes: Payload,
    },
    /// The display name that a user has from here on: no content, but personal data, and the protocol
    /// has few places for it (PRV-001).
    Named {
        /// The actor.
        whose: String,
        name: String,
    },
    /// A canary was seen in what is not recorded as it came.
    Sighted {
        /// `http`, `login`, `push` or `log`.
        channel: Channel,
        /// Where in it, e.g. `header x-debug`.
        place: String,
        what: String,
        form: String,
        offset: usize,
        /// It is a display name, and no content.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        name: bool,
    },
    /// What the subject wrote for people was searched: so many lines.
    LogSearched {
        lines: usize,
    },
    /// What a thief took from a Meta client: the harness made these secrets, so they are evidence.
    Compromised {
        label: String,
        /// The user whose session with the client was stolen.
        with: String,
        session: Value,
        /// Identity and signed prekey; absent where the version's key agreement is not judged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<Value>,
    },
}

/// What the canary is called that stands in the EXIF data of a picture that is to be sent.
pub const EXIF_DESCRIPTION: &str = "a picture's EXIF data";

/// What content may leak through besides stanzas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A request that the subject made: URL, headers, body.
    Http,
    /// The payload of a login, which Meta reads.
    Login,
    /// The body of a push that Meta's side makes.
    Push,
    /// Standard error, or a log that was handed over.
    Log,
}

/// Why a case was not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// A declared capability rules it out.
    Capability(String),
    /// The profile rules its rows out.
    Profile(String),
    /// Something that the case needs is not there.
    Prerequisite(String),
    /// A seat answered `configure` with an error.
    Refused(String),
}

impl Event {
    /// A request without token and body.
    pub fn requested(label: Option<String>, method: &str, path: &str) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        Self::Requested { label, method, path, token: None, body: None }
    }

    /// Roughly how many bytes it takes; only what a subject can make large is counted exactly.
    pub fn size(&self) -> usize {
        const REST: usize = 512;
        let payload = |payload: &Payload| match payload {
            Payload::Whole { b64 } => b64.len(),
            Payload::Digest { head_b64, tail_b64, .. } => head_b64.len() + tail_b64.len(),
        };
        REST + match self {
            Self::Stanza { xml, bytes, .. } => xml.len() + payload(bytes),
            Self::Undecodable { bytes, .. } => payload(bytes),
            Self::Responded { body, .. } => payload(body),
            Self::Looked { seen, .. } => {
                let body = |look: &Look| look.answer.as_ref().map_or(0, |got| payload(&got.body));
                let raw = |look: &Look| look.bytes.as_ref().map_or(0, payload);
                seen.iter().map(|look| body(look) + raw(look)).sum()
            }
            Self::Notified { params, .. } => params.to_string().len(),
            Self::Decrypted { content, enc, .. } => {
                let plaintext = enc.plaintext.as_ref().map_or(0, payload);
                content.len() + payload(&enc.bytes) + plaintext
            }
            Self::Undecryptable { enc, .. } => payload(&enc.bytes),
            Self::Log { lines } => lines.iter().map(String::len).sum(),
            _ => 0,
        }
    }

    /// True for the entry that ends a transcript that grew too large.
    pub fn is_flood(&self) -> bool {
        matches!(self, Self::ProcessTrouble { kind: Trouble::Flooded, .. })
    }
}

/// The XML of a stanza as a transcript holds it: for people, so no longer than they can read.
pub fn shortened(mut xml: String) -> String {
    if xml.len() > PAYLOAD_BYTES_MAX {
        let mut end = PAYLOAD_BYTES_MAX;
        while !xml.is_char_boundary(end) {
            end -= 1;
        }
        xml.truncate(end);
        xml.push('…');
    }
    xml
}
