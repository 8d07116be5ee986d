//! Signatures over what a user wrote, as messages come in.
//!
//! Main type: [`Signatures`], fed entry by entry, live and from the log. It collects the long-term
//! keys that a user's client has shown, and the stanza of each message, since a signature may stand
//! beside the ciphertext as well as inside.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::e2ee::envelope::PreKeyEnvelope;
use crate::e2ee::signed_content::{self, Signature, Written};
use crate::evidence::{Direction, EncFacts, Entry, Event};
use crate::limits::{MESSAGES_AWAITED_MAX, SIGNING_KEYS_MAX};
use crate::wire::{AttrValue, Content, Node, binary};

/// Keys that were shown and messages that wait for their decryption.
#[derive(Default)]
pub(super) struct Signatures {
    keys: Vec<(String, [u8; 32])>,
    messages: VecDeque<Node>,
}

/// What was found in a decrypted message.
pub(super) struct Scanned {
    pub id: String,
    /// None where nothing is signed.
    pub signature: Option<Signature>,
    /// How many keys were tried; without one, nothing was shown.
    pub keys: usize,
}

impl Signatures {
    /// Takes in an entry, and looks into it if it is a message that was decrypted.
    pub(super) fn observe(&mut self, entry: &Entry) -> Option<Scanned> {
        match &entry.event {
            Event::Enlistment { form, .. } => {
                form.arguments.iter().for_each(|(name, value)| {
                    let bytes = URL_SAFE_NO_PAD.decode(value.trim_end_matches('='));
                    self.know(name, &bytes.unwrap_or_default());
                });
                None
            }
            Event::Stanza { direction: Direction::Received, bytes, .. } => {
                let node = binary::decode(&bytes.bytes()?).ok()?.node;
                self.take(node);
                None
            }
            Event::Decrypted { id, content, enc, .. } => self.scan(id, content, enc),
            _ => None,
        }
    }

    fn take(&mut self, node: Node) {
        match node.tag.as_str() {
            "iq" => {
                let signed = node.find("skey").and_then(|key| key.find("value"));
                let named = [("signed prekey", signed), ("identity", node.find("identity"))];
                for (name, key) in named {
                    if let Some(Content::Bytes(bytes)) = key.map(|key| &key.content) {
                        self.know(name, bytes);
                    }
                }
            }
            "message" => {
                if self.messages.len() == MESSAGES_AWAITED_MAX {
                    self.messages.pop_front();
                }
                self.messages.push_back(node);
            }
            _ => {}
        }
    }

    fn know(&mut self, name: &str, key: &[u8]) {
        // Inside messages keys have a type byte (`wire.md` §5.2).
        let key = key.strip_prefix(&[5]).filter(|rest| rest.len() == 32).unwrap_or(key);
        let Ok(key) = key.try_into() else { return };
        if self.keys.len() < SIGNING_KEYS_MAX && self.keys.iter().all(|(_, known)| *known != key) {
            self.keys.push((name.to_owned(), key));
        }
    }

    fn scan(&mut self, id: &str, text: &str, enc: &EncFacts) -> Option<Scanned> {
        let ciphertext = enc.bytes.bytes()?;
        if let Ok(first) = PreKeyEnvelope::parse(&ciphertext) {
            self.know("identity", &first.identity);
        }
        let padded = enc.plaintext.as_ref()?.bytes()?;
        let stanza = self.messages.iter().rev().find(|node| node.text("id").as_deref() == Some(id));
        let beside = stanza.map(beside).unwrap_or_default();
        let written = Written { id, text, padded: &padded, ciphertext: &ciphertext };
        let signature = signed_content::find(written, &beside, &self.keys);
        Some(Scanned { id: id.to_owned(), signature, keys: self.keys.len() })
    }
}

/// All values of a message stanza but its ciphertexts, with their places.
fn beside(message: &Node) -> Vec<(String, Vec<u8>)> {
    let mut values = BTreeMap::new();
    collect(message, "", &mut values);
    values.into_iter().collect()
}

fn collect(node: &Node, above: &str, values: &mut BTreeMap<String, Vec<u8>>) {
    let place = format!("{above}<{}>", node.tag);
    for (name, value) in &node.attrs {
        if let AttrValue::Text(text) = value {
            values.insert(format!("{place} {name}"), text.as_bytes().to_vec());
        }
    }
    match &node.content {
        Content::Bytes(bytes) if node.tag != "enc" => {
            values.insert(place, bytes.to_vec());
        }
        Content::Children(children) => {
            children.iter().for_each(|child| collect(child, &place, values));
        }
        _ => {}
    }
}
