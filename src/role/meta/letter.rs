//! What a Meta client puts into a message, and the declared faults in it.
//!
//! Main type: [`Letter`]. A fault of the content comes before the encryption or beside it, so that a
//! session stays sound whatever is sent through it.

use std::collections::BTreeMap;

use crate::e2ee::content::{self, Quote, Target};
use crate::e2ee::oddity::{self, Break};
use crate::e2ee::{Ciphertext, EncType, envelope, padding};
use crate::scenario::{ContentFault, SaidKind, TimeFault};
use crate::seed::Rng;
use crate::stanza::message::enc_node;
use crate::wire::Node;

/// Ten years.
const FAR_S: u64 = 10 * 365 * 24 * 3600;
/// Three levels of protobuf each: far deeper than decoders that are bounded go, and than the stack
/// of one that is not.
const QUOTES: usize = 3000;
/// A padding length that no plaintext of a few words has.
const OVERLONG_PAD: u8 = 250;

/// A message as it is to be sent.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The text, or in words what it is instead.
    pub text: String,
    /// The content protobuf.
    pub content: Vec<u8>,
    pub fault: Option<ContentFault>,
    pub time: Option<TimeFault>,
    /// The device of the sender that it comes from.
    pub device: u16,
    /// The Meta client that the stanza says it is from, where that is another one.
    pub claims: Option<String>,
}

impl Letter {
    /// A plain text.
    pub fn text(text: &str) -> Self {
        Self::of(text, content::text(text))
    }

    /// Any content.
    pub fn of(text: &str, content: Vec<u8>) -> Self {
        Self { text: text.to_owned(), content, fault: None, time: None, device: 0, claims: None }
    }

    /// What a scenario says, with its values; `chat` is the address that it goes to.
    ///
    /// # Errors
    /// A value is none of those that may stand there.
    pub fn said(
        kind: SaidKind,
        fields: &BTreeMap<String, String>,
        chat: &str,
        now_ms: u64,
    ) -> Result<Self, String> {
        let of = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let target = |from_me| Target { id: of("id"), from_me, chat: chat.to_owned() };
        let text = of("text");
        Ok(match kind {
            SaidKind::Reply => {
                let quote =
                    Quote { id: of("id"), author: Some(of("author")), text: Some(of("quote")) };
                Self::of(&text, content::reply(&text, &quote))
            }
            SaidKind::Reaction => {
                let (emoji, own) = (of("emoji"), of("own") == "true");
                let content = content::reaction(&target(own), &emoji, now_ms);
                Self::of(&format!("[reaction `{emoji}`]"), content)
            }
            SaidKind::Revoke => {
                let own = of("own") != "false";
                Self::of("[revocation]", content::revoke(&target(own)))
            }
            SaidKind::Link => Self::of(&text, content::link(&text, &of("url"))),
            SaidKind::Other => {
                let word = of("kind");
                let unknown = || format!("`{word}` is none of {}", oddity::KINDS.join(", "));
                let content = oddity::kind(&word, &text).ok_or_else(unknown)?;
                Self::of(&format!("[{word}]"), content)
            }
            SaidKind::OwnDevices => {
                let (word, to) = (of("what"), of("to"));
                let content = match word.as_str() {
                    "history" => content::history_sync(),
                    "sent" => content::sent_elsewhere(&to, &text),
                    _ => return Err(format!("`{word}` is none of history, sent")),
                };
                Self::of("[own devices]", content)
            }
        })
    }
}

/// The content with its padding, or a declared fault in place of either.
pub(super) fn padded(content: Vec<u8>, fault: Option<ContentFault>, rng: &mut Rng) -> Vec<u8> {
    let text = || match content::read(&content) {
        Ok(content::Content::Text { text, .. }) => text,
        _ => String::new(),
    };
    let broken = |how| oddity::broken(&text(), how);
    let content = match fault {
        Some(ContentFault::CutProtobuf) => broken(Break::Cut),
        Some(ContentFault::OverlongField) => broken(Break::Overlong),
        Some(ContentFault::EndlessNumber) => broken(Break::EndlessNumber),
        Some(ContentFault::WireType) => broken(Break::WireType),
        Some(ContentFault::OpenGroup) => broken(Break::OpenGroup),
        Some(ContentFault::UnknownFields) => oddity::with_unknown_fields(&text()),
        Some(ContentFault::DeepQuotes) => oddity::quotes(&text(), QUOTES),
        Some(ContentFault::PadZero) => return [content, vec![0]].concat(),
        Some(ContentFault::PadOverlong) => return [content, vec![OVERLONG_PAD]].concat(),
        Some(ContentFault::Empty) => return Vec::new(),
        _ => content,
    };
    padding::pad(&content, rng)
}

/// The children of the message: the ciphertext, or a declared fault in its place or beside it.
pub(super) fn stanza_content(
    sealed: Ciphertext,
    text: &str,
    fault: Option<ContentFault>,
) -> Vec<Node> {
    let Ciphertext { kind, mut bytes } = sealed;
    let body = |text: &str| Node::new("body").bytes(text.as_bytes());
    match fault {
        Some(ContentFault::ClearBody) => vec![body(text)],
        Some(ContentFault::ClearPlaintext) => {
            vec![Node::new("plaintext").bytes(content::text(text))]
        }
        Some(ContentFault::ClearEnc) => vec![enc_node(kind.as_str(), content::text(text))],
        Some(ContentFault::FlippedMac) => {
            flip_mac(kind, &mut bytes);
            vec![enc_node(kind.as_str(), bytes)]
        }
        Some(ContentFault::UnavailableBeside) => {
            let unavailable = Node::new("unavailable").attr("type", "view_once");
            vec![unavailable, enc_node(kind.as_str(), bytes)]
        }
        Some(ContentFault::BodyBeside) => {
            vec![body("this is not what was encrypted"), enc_node(kind.as_str(), bytes)]
        }
        _ => vec![enc_node(kind.as_str(), bytes)],
    }
}

/// Puts a fault in place of the stanza's time, which is `now` in Unix seconds.
pub(super) fn spoil_time(stanza: &mut Node, fault: TimeFault, now: u64) {
    stanza.attrs.retain(|(name, _)| name != "t");
    let t = match fault {
        TimeFault::FarFuture => (now + FAR_S).to_string(),
        TimeFault::FarPast => "1".to_owned(),
        TimeFault::Garbage => "yesterday".to_owned(),
        TimeFault::Absent => return,
    };
    *stanza = stanza.clone().attr("t", t);
}

/// Flips a bit of the MAC: the last byte of a `msg`; in a `pkmsg` that of the embedded message.
fn flip_mac(kind: EncType, bytes: &mut [u8]) {
    let end = match kind {
        EncType::Msg => bytes.len(),
        EncType::PkMsg => embedded_message_end(bytes).unwrap_or(bytes.len()),
    };
    if let Some(byte) = end.checked_sub(1).and_then(|at| bytes.get_mut(at)) {
        *byte ^= 1;
    }
}

/// Where the embedded message of a `pkmsg` ends.
fn embedded_message_end(bytes: &[u8]) -> Option<usize> {
    let inner = envelope::PreKeyEnvelope::parse(bytes).ok()?.message_bytes;
    let start = bytes.windows(inner.len()).position(|window| window == inner)?;
    Some(start + inner.len())
}
