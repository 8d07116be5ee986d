//! ENC-001: what the user wrote travels only encrypted.
//!
//! Every text of a case carries the case's canary, a high-entropy word. A stanza that holds it in
//! the clear is a leak, wherever in the stanza it stands.

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};

pub struct Plaintext;

impl Check for Plaintext {
    fn id(&self) -> &'static str {
        "plaintext"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-001"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let canary = entries.iter().find_map(|entry| match &entry.event {
            Event::CaseBegun { canary, .. } => Some(canary.as_bytes()),
            _ => None,
        });
        let Some(canary) = canary.filter(|canary| !canary.is_empty()) else { return Vec::new() };
        entries.iter().filter_map(|entry| examine(entry, canary)).collect()
    }
}

fn examine(entry: &Entry, canary: &[u8]) -> Option<Observed> {
    let expected = "user content leaves the client only encrypted";
    match &entry.event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let bytes = bytes.bytes()?;
            let leaks = bytes.windows(canary.len()).any(|window| window == canary);
            let actual = "the text stands in the clear in a stanza";
            leaks.then(|| Observed::new("ENC-001", false, expected, actual, entry))
        }
        Event::Decrypted { content, .. }
            if content.as_bytes().windows(canary.len()).any(|w| w == canary) =>
        {
            let actual = "the text arrived, and only as ciphertext";
            Some(Observed::new("ENC-001", true, expected, actual, entry))
        }
        _ => None,
    }
}
