//! The keys of every mapping in a scenario file: the one list from which the reader takes what it
//! knows and `schema` what an editor offers.
//!
//! Main type: [`Shape`]. It describes form only; what fits together is judged by `lint`.

mod content;

pub use content::{CONTENT, LINK, MEDIA, OTHER, OWN_DEVICES, REACTION, REPLY, REVOKE};

use super::ciphertext::CiphertextFault;
use super::key_faults::{BundleFault, Loss, PrekeyFault};
use super::kinds::{KINDS, MILESTONES};
use super::line::{End, Exchange, Length, Way, Which};
use super::media_faults::{FileProbe, HostFault, MediaFault, ProxyProbe};
use super::operations;
use super::probe::{Endpoint, ProbeKind};
use super::push::{BodyFault, PushKeys, TokenFault};
use super::{
    After, AnswerFault, BytesFault, CertificateWord, ChainFault, ContentFault, FrameFault,
    HelloFault, LoginFault, Plays, Relaying, Seen, SignatureFault, TimeFault, Twin,
};
use crate::wire::Style;

/// A mapping with its keys.
#[derive(Debug)]
pub struct Shape {
    /// As errors call it, with its article.
    pub name: &'static str,
    pub keys: &'static [KeySpec],
    /// `expect`: one of the words of the kinds of observation stands among the keys.
    pub kinds: bool,
    /// `act`: the parameters of the operation stand among the keys.
    pub params: bool,
    /// Exactly one of the keys stands there.
    pub one_key: bool,
}

/// One key of a mapping.
#[derive(Debug)]
pub struct KeySpec {
    pub name: &'static str,
    pub required: bool,
    pub form: Form,
    pub doc: &'static str,
}

/// What stands under a key.
#[derive(Debug)]
pub enum Form {
    /// The number 1, the version of the language.
    Version,
    Text,
    /// A text in which `${…}` may stand.
    Template,
    Flag,
    /// A whole number up to 65535.
    Code,
    /// The same, or the word [`ANY`].
    Amount,
    /// A number with its unit.
    Duration,
    /// One of some words.
    Word(fn() -> Vec<&'static str>),
    /// A list of texts.
    Texts,
    /// Names with a list of texts each.
    Lists,
    /// Names with a template each.
    Templates,
    /// Names with a mapping each.
    Shapes(&'static Shape),
    /// A list of mappings.
    List(&'static Shape),
    Shape(&'static Shape),
}

const fn must(name: &'static str, form: Form, doc: &'static str) -> KeySpec {
    KeySpec { name, required: true, form, doc }
}

const fn may(name: &'static str, form: Form, doc: &'static str) -> KeySpec {
    KeySpec { name, required: false, form, doc }
}

const fn shape(name: &'static str, keys: &'static [KeySpec]) -> Shape {
    Shape { name, keys, kinds: false, params: false, one_key: false }
}

/// The words of a closed list.
pub fn words<T>(all: &[(T, &'static str)]) -> Vec<&'static str> {
    all.iter().map(|(_, word)| *word).collect()
}

const AS: KeySpec = may("as", Form::Text, "the name by which later steps refer to it");
const CHECKS: KeySpec = may("checks", Form::Texts, "the rows that this step decides");
const MUTATE: KeySpec =
    may("mutate", Form::Shape(&MUTATION), "the one difference to what would be accepted");
const NEGATIVES: KeySpec =
    may("negative", Form::Shape(&NEGATIVE), "how refusing it is told from refusing everything");

pub static SCENARIO: Shape = shape(
    "a scenario",
    &[
        must("schema", Form::Version, "version of the language"),
        must("title", Form::Text, "the property, as a sentence"),
        must("why", Form::Text, "which real fault it would have caught"),
        must("milestone", Form::Word(|| MILESTONES.to_vec()), "Meta's milestone"),
        must("covers", Form::Texts, "ids of the requirements that it decides"),
        must("proves", Form::Texts, "quirks of the reference that turn it red"),
        may("needs", Form::Text, "capabilities: !, &&, ||, parentheses"),
        may("tags", Form::Texts, "words to select by; `slow` is not in the default run"),
        may("matrix", Form::Lists, "names with values: one case for each combination"),
        must("actors", Form::Shapes(&ACTOR), "who takes part"),
        may("vars", Form::Templates, "texts that are used more than once"),
        may("http", Form::Shapes(&STUB), "other hosts, with what they answer; `${NAME.url}`"),
        must("steps", Form::List(&STEP), "what happens, in order"),
        must("must_observe", Form::Texts, "events without which nothing was shown: `m1.sent`"),
    ],
);

pub static ACTOR: Shape = shape(
    "an actor",
    &[
        must("plays", Form::Word(|| words(Plays::ALL)), "its part"),
        may("iut", Form::Flag, "played by the implementation under test"),
    ],
);

pub static STUB: Shape = shape(
    "a stub",
    &[
        may("when", Form::Shape(&STUB_WHEN), "which requests it is about; all, if not said"),
        may("then", Form::Shape(&STUB_THEN), "what it answers; an empty 200, if not said"),
        may("expect", Form::Shape(&STUB_EXPECT), "how often it is asked in the whole case"),
        may("checks", Form::Texts, "the rows that this number decides"),
    ],
);

pub static STUB_WHEN: Shape = shape(
    "`when`",
    &[
        may("method", Form::Text, "the method"),
        may("path", Form::Text, "the path, without its query; `/` in its URL if not said"),
        may("headers", Form::Templates, "names with their exact values"),
        may("body", Form::Text, "the whole body"),
    ],
);

pub static STUB_THEN: Shape = shape(
    "`then`",
    &[
        may("status", Form::Code, "the status; 200 where nothing is said"),
        may("headers", Form::Templates, "names with their values"),
        may("body", Form::Text, "the body"),
    ],
);

pub static STUB_EXPECT: Shape =
    shape("`times`", &[must("times", Form::Code, "so often, and not once more")]);

pub static STEP: Shape = Shape {
    one_key: true,
    ..shape(
        "a step",
        &[
            may("act", Form::Shape(&ACT), "a user of the implementation does something"),
            may("send", Form::Shape(&SEND), "Meta's side sends something"),
            may("expect", Form::Shape(&EXPECT), "something is observed in time"),
            may("expect_none", Form::Shape(&EXPECT), "something is not observed"),
            may("fault", Form::Shape(&FAULT), "the network does something to a connection"),
            may("advance", Form::Shape(&ADVANCE), "time passes, for both sides"),
            may("compromise", Form::Shape(&COMPROMISE), "what a Meta client holds is stolen"),
        ],
    )
};

pub static ACT: Shape = Shape {
    params: true,
    ..shape(
        "`act`",
        &[
            must("on", Form::Text, "the actor"),
            must("do", Form::Word(operations::names), "an operation of the driver protocol"),
            may("may_fail", Form::Flag, "`true`: an error of the operation is no failure"),
            may(
                "encode",
                Form::Shape(&ENCODE),
                "how stanzas are written that Meta's side sends meanwhile",
            ),
            MUTATE,
            NEGATIVES,
            AS,
            CHECKS,
        ],
    )
};

/// The versions of HTTP by which a file or a proxy is probed; true for HTTP/2.
pub const BY: &[(bool, &str)] = &[(false, "http1"), (true, "http2")];

pub static SEND: Shape = shape(
    "`send`",
    &[
        must("from", Form::Text, "a Meta client, or `meta`"),
        must("to", Form::Text, "the actor that it is for"),
        may("text", Form::Template, "a text, end-to-end encrypted"),
        may("stanza", Form::Template, "a stanza of the chat server, as XML"),
        may("typing", Form::Flag, "`true`: its user begins to type; `false`: stops"),
        may("blocks", Form::Template, "whom an earlier install of the user has blocked"),
        may("content", Form::Shape(&CONTENT), "a content beside text, end-to-end encrypted"),
        may("media", Form::Shape(&MEDIA), "a file: encrypted, hosted by Meta, named in a message"),
        may(
            "probe_file",
            Form::Word(|| words(FileProbe::ALL)),
            "odd requests for a file that the third party's server stores",
        ),
        may(
            "by",
            Form::Word(|| words(BY)),
            "of a `probe_file`, the version of HTTP where it is not HTTP/1.1; of a `probe_proxy`, \
             `http2`: its readers offer HTTP/2 too, and speak what is chosen",
        ),
        may(
            "probe_proxy",
            Form::Word(|| words(ProxyProbe::ALL)),
            "what readers ask of a media proxy, before a third party that the harness plays",
        ),
        may(
            "of",
            Form::Text,
            "of a `probe_file`, or a `probe` of `media`: the label of the step that stored the file",
        ),
        may("replay", Form::Text, "the label of an earlier `send`: the same ciphertext again"),
        may(
            "id",
            Form::Word(|| REPLAY_IDS.to_vec()),
            "of a replay: the same message id, or a new one",
        ),
        may(
            "relay",
            Form::Text,
            "the label of a `send_text` to another user of the implementation",
        ),
        may(
            "how",
            Form::Word(|| words(Relaying::ALL)),
            "of a `relay`: in which way that message is passed on once more",
        ),
        may("hold", Form::Flag, "`true`: a text is encrypted now and delivered by a `release`"),
        may("release", Form::Text, "the label of an earlier text with `hold`"),
        may(
            "ask_again",
            Form::Text,
            "the label of a `send_text`: the Meta client asks for that message again",
        ),
        may("count", Form::Code, "of an `ask_again`: which attempt it calls itself; 1 by default"),
        may("keys", Form::Flag, "of an `ask_again`: `true`: with keys for a new session"),
        may("resend", Form::Text, "the label of an earlier text: encrypted anew under its id"),
        may("spoilt", Form::Flag, "of a `resend`: `true`: with a flipped bit in the MAC"),
        may(
            "lose",
            Form::Word(|| words(Loss::ALL)),
            "what the Meta client loses, without telling anybody",
        ),
        may("unsent", Form::Code, "the Meta client encrypts so many texts that nobody ever gets"),
        may("soak", Form::Code, "so many texts each way, of which only the tally is kept"),
        may("drain", Form::Code, "strangers fetch keys until so few one-time prekeys are left"),
        may(
            "enlist_elsewhere",
            Form::Flag,
            "`true`: another device of the user enlists, with keys of its own",
        ),
        may("push", Form::Flag, "`true`: a push call to the third-party server"),
        may(
            "encode",
            Form::Shape(&ENCODE),
            "how its stanza is written, whatever the case's encoding",
        ),
        may(
            "with",
            Form::Template,
            "attributes and children that a message has besides its own, as `<message …>`",
        ),
        may("fetch", Form::Word(|| FETCHES.to_vec()), "an HTTP GET to the third-party server"),
        may(
            "times",
            Form::Code,
            "how often, at once: of a `push`, `fetch`, `ask_again` or `resend`; 1 if not said",
        ),
        may(
            "probe",
            Form::Word(|| words(ProbeKind::ALL)),
            "an odd look at the HTTP of the third-party server",
        ),
        may("endpoint", Form::Word(|| words(Endpoint::ALL)), "of a `probe`: where it looks"),
        may(
            "publish",
            Form::Word(|| words(PushKeys::ALL)),
            "what Meta's published push keys are from here on, and which of them signs",
        ),
        MUTATE,
        NEGATIVES,
        AS,
        CHECKS,
    ],
);

pub static EXPECT: Shape = Shape {
    kinds: true,
    ..shape(
        "an expectation",
        &[
            must("at", Form::Text, "`meta`, a Meta client, or an actor of the implementation"),
            may("within", Form::Duration, "how long to wait; 5s where nothing is said"),
            AS,
            CHECKS,
        ],
    )
};

pub static FAULT: Shape = shape(
    "`fault`",
    &[
        must("on", Form::Text, "the client whose connection it is, or the server of the exchange"),
        may(
            "http",
            Form::Word(|| words(Exchange::ALL)),
            "it is about the next HTTP exchange of this kind, and not about a chat connection",
        ),
        may("cut", Form::Amount, "bytes that still pass; then the connection ends"),
        may("dribble", Form::Amount, "writes pass in pieces of so many bytes"),
        may("coalesce", Form::Code, "so many writes pass as one"),
        may("delay", Form::Duration, "how much later the next write passes"),
        may("duplicate", Form::Flag, "`true`: the next write passes twice"),
        may("stall", Form::Flag, "`true`: nothing passes any more, and nobody is told"),
        may("garbage", Form::Code, "so many random bytes pass, between two frames"),
        may(
            "announce",
            Form::Word(|| words(Length::ALL)),
            "the length of a frame passes, and nothing after it",
        ),
        may("reset", Form::Flag, "`true`: the connection is reset, at once"),
        may("half_close", Form::Flag, "`true`: the server says no more and goes on listening"),
        may(
            "end",
            Form::Word(|| words(End::ALL)),
            "how a `cut` ends; `close` where nothing is said",
        ),
        may("way", Form::Word(|| words(Way::ALL)), "bytes that the server sent, or received"),
        may("connection", Form::Word(|| words(Which::ALL)), "the current one, or the next"),
        AS,
    ],
);

pub static ADVANCE: Shape = shape(
    "`advance`",
    &[
        must("on", Form::Text, "the actor whose instance moves its clock"),
        must("by", Form::Duration, "how much time passes"),
        may("every", Form::Duration, "in steps of this length; else at once"),
        AS,
    ],
);

pub static COMPROMISE: Shape = shape(
    "`compromise`",
    &[
        must("of", Form::Text, "the Meta client that is robbed of its keys"),
        must("with", Form::Text, "the client whose session with it is stolen"),
        must("as", Form::Text, "the name by which `thief` refers to it"),
    ],
);

pub static NEGATIVE: Shape = shape(
    "`negative`",
    &[
        must("twin", Form::Word(|| words(Twin::ALL)), "what differs from the accepted twin"),
        must("after", Form::Word(|| words(After::ALL)), "where the probe runs afterwards"),
    ],
);

pub static ENCODE: Shape = shape(
    "`encode`",
    &[
        may(
            "style",
            Form::Word(|| Style::ALL.map(Style::name).to_vec()),
            "the form of every value; `canonical` where nothing is said",
        ),
        may("compressed", Form::Flag, "`true`: under zlib, with the flag that says so"),
    ],
);

pub static MUTATION: Shape = Shape {
    one_key: true,
    ..shape(
        "`mutate`",
        &[
            may(
                "tls",
                Form::Word(|| words(CertificateWord::ALL)),
                "on `enlist`: the certificate that Meta's HTTP services show meanwhile",
            ),
            may(
                "server_chain",
                Form::Word(|| words(ChainFault::ALL)),
                "on `connect`: the server's certificate chain",
            ),
            may(
                "server_hello",
                Form::Word(|| words(HelloFault::ALL)),
                "on `connect`: what is odd about the server's handshake message",
            ),
            may(
                "offline_count",
                Form::Code,
                "on `connect`: how many messages the server announces to wait",
            ),
            may(
                "bytes",
                Form::Word(|| words(BytesFault::ALL)),
                "on a `stanza` that is sent: what is wrong with its own bytes",
            ),
            may(
                "frame",
                Form::Word(|| words(FrameFault::ALL)),
                "on a `stanza` that is sent: what is wrong with its frame",
            ),
            may(
                "bundle_signature",
                Form::Word(|| words(SignatureFault::ALL)),
                "on `send_text`: the signature in the served bundle",
            ),
            may(
                "bundle_error",
                Form::Code,
                "on `send_text`: the error code that answers the bundle fetch",
            ),
            may(
                "bundle",
                Form::Word(|| words(BundleFault::ALL)),
                "on `send_text`: what is odd about the keys in the served bundle",
            ),
            may(
                "prekey",
                Form::Word(|| words(PrekeyFault::ALL)),
                "on a `text` that opens a session: its one-time prekey",
            ),
            may(
                "enlistment_reason",
                Form::Text,
                "on `enlist`: the reason with which the API fails",
            ),
            may(
                "enlistment_answer",
                Form::Word(|| words(AnswerFault::ALL)),
                "on `enlist`: what the API answers instead of yes or no",
            ),
            may(
                "login_digits",
                Form::Text,
                "on `enlist`: the number of the internal identifier; legal, and without a twin",
            ),
            may(
                "server_login",
                Form::Word(|| words(LoginFault::ALL)),
                "on `connect`: what the chat server does about the login",
            ),
            may(
                "content",
                Form::Word(|| words(ContentFault::ALL)),
                "on a `text`: what takes the ciphertext's place",
            ),
            may(
                "push_token",
                Form::Word(|| words(TokenFault::ALL)),
                "on a `push`: what is wrong with its token",
            ),
            may(
                "push_body",
                Form::Word(|| words(BodyFault::ALL)),
                "on a `push`: what is odd about its body",
            ),
            may(
                "media",
                Form::Word(|| words(MediaFault::ALL)),
                "on `media`: what is odd about the message or its file",
            ),
            may(
                "host",
                Form::Word(|| words(HostFault::ALL)),
                "on `media`: what Meta's media host does",
            ),
            may(
                "time",
                Form::Word(|| words(TimeFault::ALL)),
                "on a message: what its stanza says of its time",
            ),
            may(
                "ciphertext",
                Form::Word(|| words(CiphertextFault::ALL)),
                "on a `replay`: what is changed in the ciphertext",
            ),
            may("sender", Form::Text, "on a `text`: the Meta client that it says it is from"),
            may("device", Form::Code, "on a message: the sender's device that it comes from"),
        ],
    )
};

/// Words of `id` beside `replay`.
pub const REPLAY_IDS: &[&str] = &["same", "new"];
/// The amount that is drawn from the seed.
pub const ANY: &str = "any";
/// Words of `fetch`.
pub const FETCHES: &[&str] = &["jwks", "jwks-head"];

impl Shape {
    /// The keys that may stand in it, without parameters of operations.
    pub fn known(&self) -> Vec<&'static str> {
        let kinds = KINDS.iter().map(|info| info.word).filter(|_| self.kinds);
        self.keys.iter().map(|key| key.name).chain(kinds).collect()
    }

    /// The keys that must stand in it.
    pub fn required(&self) -> Vec<&'static str> {
        self.keys.iter().filter(|key| key.required).map(|key| key.name).collect()
    }
}

/// The words of the events in `must_observe`.
pub fn events() -> Vec<&'static str> {
    words(Seen::ALL)
}
