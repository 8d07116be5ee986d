//! MSG-020: texts are padded, and not always by the same length.
//!
//! A plaintext without valid padding does not decrypt to content at all; here is judged whether the
//! padding hides anything. A few messages say nothing of that: their lengths may agree by chance.

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event};

pub struct Padding;

/// As many lengths from 1 to 15 or 16 agree by chance once in 10^8 cases.
const MESSAGES_MIN: usize = 8;

impl Check for Padding {
    fn id(&self) -> &'static str {
        "padding"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["MSG-020"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let padded = view.entries().filter_map(|entry| Some((entry, length(entry)?)));
        let padded: Vec<(&Entry, u8)> = padded.collect();
        let Some((first, length)) = padded.first().filter(|_| padded.len() >= MESSAGES_MIN) else {
            return Vec::new();
        };
        let varies = padded.iter().any(|(_, other)| other != length);
        let expected = "the padding differs from message to message";
        let actual = match varies {
            true => format!("it does, over {} messages", padded.len()),
            false => format!("all of {} messages have {length} bytes of it", padded.len()),
        };
        vec![Observed::new("MSG-020", varies, expected, actual, first)]
    }
}

/// The length of a decrypted message's padding: the value of its last byte (`wire.md` §5.4).
fn length(entry: &Entry) -> Option<u8> {
    let Event::Decrypted { enc, .. } = &entry.event else { return None };
    enc.plaintext.as_ref()?.bytes()?.last().copied()
}
