//! RAT-008, as far as anybody sees it: no ciphertext is sent twice under two ids.
//!
//! Whatever the protocol, equal bytes mean equal keys. That different texts have different bytes shows
//! nothing, so nothing passes here.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Event};
use crate::wire::{Content, binary};

pub struct FreshCiphertexts;

impl Check for FreshCiphertexts {
    fn id(&self) -> &'static str {
        "fresh-ciphertexts"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["RAT-008"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut seen: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        let mut out = Vec::new();
        for entry in view.entries() {
            let Event::Stanza { direction: Direction::Received, bytes, .. } = &entry.event else {
                continue;
            };
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            let Some(node) = node.map(|captured| captured.node).filter(|n| n.tag == "message")
            else {
                continue;
            };
            let id = node.text("id").unwrap_or_default().into_owned();
            for enc in node.kids().iter().filter(|child| child.tag == "enc") {
                let Content::Bytes(bytes) = &enc.content else { continue };
                let first = seen.entry(bytes.clone()).or_insert_with(|| id.clone());
                if *first != id && !bytes.is_empty() {
                    let actual = format!("{id} has the same ciphertext as {first}");
                    let expected = "every message has a ciphertext of its own";
                    out.push(Observed::new("RAT-008", false, expected, actual, entry));
                }
            }
        }
        out
    }
}
