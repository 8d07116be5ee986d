//! RAT-008, as far as anybody sees it: no ciphertext is sent twice under two ids, and no two differ just
//! as their texts do.
//!
//! Whatever the protocol, equal bytes mean equal keys, and so do two ciphertexts whose difference
//! (exclusive or) holds that of their texts: one keystream has sealed both, and who knows one text reads
//! the other. That neither is seen shows nothing, so nothing passes here.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::wire::{Content, binary};

pub struct FreshCiphertexts;

/// Bytes of a difference that are no coincidence: one in 2^128.
const DIFFERENCE_BYTES: usize = 16;
/// Ciphertexts of a case that are compared with each other: a keystream that is used twice is used
/// again soon.
const COMPARED_MAX: usize = 32;

impl Check for FreshCiphertexts {
    fn id(&self) -> &'static str {
        "fresh-ciphertexts"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["RAT-008"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let sealed: Vec<Sealed<'_>> = view.entries().flat_map(sealed_in).collect();
        let texts = texts(view);
        repeated(&sealed).into_iter().chain(one_keystream(&sealed, &texts)).collect()
    }
}

/// A ciphertext that the subject sent.
struct Sealed<'a> {
    id: String,
    bytes: Vec<u8>,
    entry: &'a Entry,
}

fn sealed_in(entry: &Entry) -> Vec<Sealed<'_>> {
    let Event::Stanza { direction: Direction::Received, bytes, .. } = &entry.event else {
        return Vec::new();
    };
    let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
    let Some(node) = node.map(|captured| captured.node).filter(|n| n.tag == "message") else {
        return Vec::new();
    };
    let id = node.text("id").unwrap_or_default().into_owned();
    let encs = node.kids().iter().filter(|child| child.tag == "enc");
    let sealed = encs.filter_map(|enc| match &enc.content {
        Content::Bytes(bytes) if !bytes.is_empty() => {
            Some(Sealed { id: id.clone(), bytes: bytes.clone(), entry })
        }
        _ => None,
    });
    sealed.collect()
}

/// What users were made to write, by message.
fn texts(view: &View<'_>) -> BTreeMap<String, String> {
    let (mut texts, mut writing) = (BTreeMap::new(), BTreeMap::new());
    for entry in view.entries() {
        let Some(actor) = entry.actor.as_deref() else { continue };
        let value = |of: &serde_json::Value, name: &str| {
            of.get(name).and_then(|value| value.as_str()).map(str::to_owned)
        };
        match &entry.event {
            Event::Called { operation, params } if operation == "send_text" => {
                writing.insert(actor, value(params, "text"));
            }
            Event::Answered { operation, outcome: Ok(answer) } if operation == "send_text" => {
                let text = writing.remove(actor).flatten();
                texts.extend(value(answer, "id").zip(text));
            }
            _ => {}
        }
    }
    texts
}

fn repeated(sealed: &[Sealed<'_>]) -> Vec<Observed> {
    let mut seen: BTreeMap<&[u8], &str> = BTreeMap::new();
    let mut out = Vec::new();
    for Sealed { id, bytes, entry } in sealed {
        let first = *seen.entry(bytes).or_insert(id);
        if first != id {
            let actual = format!("{id} has the same ciphertext as {first}");
            let expected = "every message has a ciphertext of its own";
            out.push(Observed::new("RAT-008", false, expected, actual, entry));
        }
    }
    out
}

/// The first two messages that one keystream has sealed.
fn one_keystream(sealed: &[Sealed<'_>], texts: &BTreeMap<String, String>) -> Option<Observed> {
    let known = sealed.iter().filter_map(|one| Some((one, texts.get(&one.id)?.as_bytes())));
    let known: Vec<_> = known.take(COMPARED_MAX).collect();
    for (n, (later, text)) in known.iter().enumerate() {
        for (earlier, other) in known.iter().take(n).filter(|(one, _)| one.id != later.id) {
            if differ_alike((&earlier.bytes, other), (&later.bytes, text)) {
                let (one, two) = (&earlier.id, &later.id);
                let actual = format!("{one} and {two} differ just as their texts do");
                let expected = "every message has a key of its own";
                return Some(Observed::new("RAT-008", false, expected, actual, later.entry));
            }
        }
    }
    None
}

/// True if the difference of two ciphertexts holds that of their texts, where these differ in as many
/// bytes in a row as are no coincidence.
fn differ_alike(one: (&[u8], &[u8]), other: (&[u8], &[u8])) -> bool {
    let (sealed, written) = (difference(one.0, other.0), difference(one.1, other.1));
    let telling = written.windows(DIFFERENCE_BYTES).find(|window| !window.contains(&0));
    let Some(telling) = telling else { return false };
    sealed.windows(DIFFERENCE_BYTES).any(|window| window == telling)
}

fn difference(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_under_one_keystream_are_told_and_others_are_not() {
        let (one, other) = (b"attack at dawn, they say", b"RETREAT BEFORE NIGHTFALL");
        let keystream: Vec<u8> = (0..40u8).map(|n| n.wrapping_mul(73) ^ 0x5A).collect();
        let sealed = |text: &[u8], shift: usize| {
            let body = text.iter().zip(keystream.iter().skip(shift)).map(|(t, k)| t ^ k);
            [b"header".to_vec(), body.collect::<Vec<u8>>()].concat()
        };
        let alike = |shift: usize| {
            let (first, second) = (sealed(one, 0), sealed(other, shift));
            differ_alike((&first, one), (&second, other))
        };
        assert!(alike(0) && !alike(1));
        let first = sealed(one, 0);
        assert!(!differ_alike((&first, one), (&first, one)), "equal texts tell nothing");
        assert!(!differ_alike((&first, b"short"), (&first, b"SHORT")));
    }
}
