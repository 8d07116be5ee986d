//! The closed list of what can be expected, and where: the words of `expect` with their fields.
//!
//! Main type: [`KindInfo`] (the registry [`KINDS`]). The names here are the language; what an event
//! must look like to have such a field is the runner's affair.

use super::model::{Kind, Plays};
use crate::limits::FILL_CHARS_MAX;

/// Who can make an observation of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// `meta`: the chat server and Meta's HTTP services and callers.
    Meta,
    /// A Meta client that the harness plays.
    MetaClient,
    /// An actor of the implementation under test, through its driver.
    Iut,
    /// What any user sees: a Meta client, or an actor of the implementation under test.
    User,
}

/// A kind with its word and fields.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    pub kind: Kind,
    pub word: &'static str,
    pub point: Point,
    /// Empty for a stanza, which is matched by a pattern instead.
    pub fields: &'static [&'static str],
    pub doc: &'static str,
}

/// Every kind there is.
pub const KINDS: &[KindInfo] = &[
    KindInfo {
        kind: Kind::Stanza,
        word: "stanza",
        point: Point::Meta,
        fields: &[],
        doc: "a stanza that the chat server received, as an XML pattern",
    },
    KindInfo {
        kind: Kind::Login,
        word: "login",
        point: Point::Meta,
        fields: &[
            "product",
            "user",
            "account_id",
            "token",
            "static",
            "accepted",
            "username",
            "device",
            "passive",
            "version",
            "kid",
        ],
        doc: "a login payload that was decrypted",
    },
    KindInfo {
        kind: Kind::Closed,
        word: "closed",
        point: Point::Meta,
        fields: &[],
        doc: "the implementation closed a connection",
    },
    KindInfo {
        kind: Kind::Channel,
        word: "channel",
        point: Point::Meta,
        fields: &["fault", "pattern", "message", "end"],
        doc: "what became of a handshake, or of a channel after a deliberate fault",
    },
    KindInfo {
        kind: Kind::Enlistment,
        word: "enlistment",
        point: Point::Meta,
        fields: &[
            "method",
            "path",
            "content_type",
            "outcome",
            "well_formed",
            "authkey",
            "visible_id",
            "registration_id",
            "version",
        ],
        doc: "a call of the enlistment API",
    },
    KindInfo {
        kind: Kind::Published,
        word: "published",
        point: Point::Meta,
        fields: &["signed_id", "rotated", "one_time", "repeated", "stock"],
        doc: "keys that a client published at the prekey service",
    },
    KindInfo {
        kind: Kind::Response,
        word: "response",
        point: Point::Meta,
        fields: &[
            "of",
            "status",
            "body",
            "headers",
            "media_type",
            "caching",
            "challenge",
            "retry_after",
        ],
        doc: "the answer to an HTTP request of the harness",
    },
    KindInfo {
        kind: Kind::IdentityChanged,
        word: "identity_changed",
        point: Point::Iut,
        fields: &["from"],
        doc: "the user saw that the peer's identity key is another than before",
    },
    KindInfo {
        kind: Kind::Fetched,
        word: "fetched",
        point: Point::Meta,
        fields: &["method", "path", "times", "status"],
        doc: "a request for what Meta publishes, or for a canary, with how many there were so far",
    },
    KindInfo {
        kind: Kind::Stubbed,
        word: "stubbed",
        point: Point::Meta,
        fields: &["of", "method", "path", "times"],
        doc: "a request to one of the scenario's `http` stubs, with how many it had so far",
    },
    KindInfo {
        kind: Kind::Rule,
        word: "rule",
        point: Point::Meta,
        fields: &["row", "grade", "of", "why"],
        doc: "how a rule about a token, a key set or a `probe` came out: `holds`, `warns` or `broken`",
    },
    KindInfo {
        kind: Kind::Decrypted,
        word: "decrypted",
        point: Point::MetaClient,
        fields: &[
            "id",
            "from",
            "text",
            "type",
            "kind",
            "reply_to",
            "author",
            "quote",
            "ratchet_key",
            "counter",
            "previous_counter",
            "session",
        ],
        doc: "content that a Meta client decrypted",
    },
    KindInfo {
        kind: Kind::Undecryptable,
        word: "undecryptable",
        point: Point::MetaClient,
        fields: &["id", "from", "reason"],
        doc: "a message that a Meta client could not decrypt",
    },
    KindInfo {
        kind: Kind::Shown,
        word: "shown",
        point: Point::Iut,
        fields: &["id", "from", "text", "secure", "reply_to"],
        doc: "a message that the user saw",
    },
    KindInfo {
        kind: Kind::Media,
        word: "media",
        point: Point::Iut,
        fields: &["id", "state", "file", "name", "kind", "caption"],
        doc: "what the user has of a file: `file` is exact, other or none, once `state` is told",
    },
    KindInfo {
        kind: Kind::Downloaded,
        word: "downloaded",
        point: Point::MetaClient,
        fields: &[
            "id",
            "from",
            "state",
            "kind",
            "path",
            "reference",
            "status",
            "mimetype",
            "caption",
            "name",
            "bytes",
            "sidecar",
        ],
        doc: "what became of the file that a third party's message names",
    },
    KindInfo {
        kind: Kind::Receipt,
        word: "receipt",
        point: Point::Iut,
        fields: &["id", "state"],
        doc: "a receipt that the user saw",
    },
    KindInfo {
        kind: Kind::Connection,
        word: "connection",
        point: Point::Iut,
        fields: &["state"],
        doc: "the state of the user's connection",
    },
    KindInfo {
        kind: Kind::Woken,
        word: "woken",
        point: Point::Iut,
        fields: &[],
        doc: "the client was woken by a push",
    },
    KindInfo {
        kind: Kind::ErrorShown,
        word: "error_shown",
        point: Point::Iut,
        fields: &["class"],
        doc: "an error that the user saw",
    },
    KindInfo {
        kind: Kind::Reaction,
        word: "reaction",
        point: Point::User,
        fields: &["from", "id", "emoji", "own"],
        doc: "a reaction that the user saw; an empty `emoji` takes one back",
    },
    KindInfo {
        kind: Kind::Typing,
        word: "typing",
        point: Point::User,
        fields: &["from", "on"],
        doc: "the user saw that somebody types, or no longer does",
    },
    KindInfo {
        kind: Kind::Notice,
        word: "notice",
        point: Point::Iut,
        fields: &["text"],
        doc: "something that the user was told",
    },
    KindInfo {
        kind: Kind::Answer,
        word: "answer",
        point: Point::Iut,
        fields: &["of", "outcome", "list", "ids", "texts", "fingerprint"],
        doc: "what an operation came to: `outcome` is ok or error; lists are joined by spaces",
    },
    KindInfo {
        kind: Kind::Failure,
        word: "failure",
        point: Point::Iut,
        fields: &["of"],
        doc: "what told the user of a failure: an operation, a receipt `failed`, an error shown",
    },
    KindInfo {
        kind: Kind::Asked,
        word: "asked",
        point: Point::Meta,
        fields: &["what", "about"],
        doc: "what a client asked of the chat server beside keys, in the profile's form",
    },
    KindInfo {
        kind: Kind::Thief,
        word: "thief",
        point: Point::MetaClient,
        fields: &[
            "of",
            "earlier",
            "reads_earlier",
            "later",
            "reads_later",
            "round_trips",
            "healed_after",
            "forges",
        ],
        doc: "what a thief reads of the messages before and after a `compromise`, so far",
    },
    KindInfo {
        kind: Kind::Signature,
        word: "signature",
        point: Point::MetaClient,
        fields: &["id", "place", "over", "key"],
        doc: "a signature by a long-term key over what the client was sent",
    },
];

impl Kind {
    /// The row of the registry.
    pub fn info(self) -> &'static KindInfo {
        KINDS
            .iter()
            .find(|info| info.kind == self)
            .expect("a test finds every kind in the registry")
    }

    /// The word that stands for it in a scenario.
    pub fn word(self) -> &'static str {
        self.info().word
    }
}

impl Plays {
    /// Every part with its word.
    pub const ALL: &'static [(Plays, &'static str)] = &[
        (Plays::ThirdPartyClient, "third-party-client"),
        (Plays::ThirdPartyServer, "third-party-server"),
        (Plays::MetaClient, "meta-client"),
        (Plays::MediaProxy, "media-proxy"),
    ];

    /// The word that stands for it in a scenario.
    pub fn word(self) -> &'static str {
        match self {
            Plays::ThirdPartyClient => "third-party-client",
            Plays::ThirdPartyServer => "third-party-server",
            Plays::MetaClient => "meta-client",
            Plays::MediaProxy => "media-proxy",
        }
    }
}

/// The name of the harness's side: the chat server and Meta's HTTP services.
pub const META: &str = "meta";

/// Meta's milestones, which the suites follow (`framework.md`).
pub const MILESTONES: &[&str] =
    &["M1", "M2", "M3.1", "M3.2", "M3.3", "M4.1", "M4.2", "M4.3", "M5", "M6"];

/// Fields of an actor that a reference may name, as `${alice.jid}`.
pub const ACTOR_FIELDS: &[&str] = &["jid", "visible_id", "login", "name", "authkey"];

/// The text that nobody else sends, by which the leak scan finds content in clear.
pub const CANARY: &str = "canary";

/// The first word of a reference to so many characters that say nothing, as `${fill.71680}`.
pub const FILL: &str = "fill";

/// The characters that a reference to a filling stands for.
pub fn filling(count: &str) -> Option<String> {
    let count = count.parse::<usize>().ok().filter(|count| *count <= FILL_CHARS_MAX)?;
    Some("x".repeat(count))
}

/// A URL at which nobody has any business; a request for it shows that content was followed.
pub const HONEYPOT: &str = "honeypot";

/// The first word of a reference to a profile value, as `${profile.login.product}`.
pub const PROFILE: &str = "profile";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_row() {
        let kinds = [
            Kind::Stanza,
            Kind::Login,
            Kind::Closed,
            Kind::Channel,
            Kind::Enlistment,
            Kind::Published,
            Kind::Response,
            Kind::IdentityChanged,
            Kind::Fetched,
            Kind::Stubbed,
            Kind::Rule,
            Kind::Decrypted,
            Kind::Undecryptable,
            Kind::Shown,
            Kind::Media,
            Kind::Downloaded,
            Kind::Receipt,
            Kind::Connection,
            Kind::Woken,
            Kind::ErrorShown,
            Kind::Reaction,
            Kind::Typing,
            Kind::Notice,
            Kind::Answer,
            Kind::Failure,
            Kind::Asked,
            Kind::Thief,
            Kind::Signature,
        ];
        for kind in kinds {
            assert_eq!(kind.info().kind, kind);
        }
        assert_eq!(KINDS.len(), kinds.len());
        assert!(Plays::ALL.iter().all(|(plays, word)| plays.word() == *word));
    }
}
