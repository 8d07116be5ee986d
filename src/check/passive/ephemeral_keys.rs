//! NOI-004: a fresh ephemeral key per handshake (NP34 §14).

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};

pub struct EphemeralKeys;

impl Check for EphemeralKeys {
    fn id(&self) -> &'static str {
        "ephemeral-keys"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["NOI-004"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let keys = view.transcript.entries().iter().filter_map(|entry| match &entry.event {
            Event::Handshake { direction: Direction::Received, ephemeral: Some(key), .. } => {
                Some((entry, key))
            }
            _ => None,
        });
        let mut seen: BTreeMap<&str, &Entry> = BTreeMap::new();
        let mut out = Vec::new();
        for (entry, key) in keys {
            match seen.insert(key, entry) {
                Some(earlier) => {
                    let actual = format!("{key} again, after {}", earlier.id);
                    out.push(Observed::new("NOI-004", false, "a key never seen", actual, entry));
                }
                // One handshake alone shows nothing.
                None if seen.len() > 1 => {
                    let actual = format!("{} handshakes, {} keys", seen.len(), seen.len());
                    out.push(Observed::new("NOI-004", true, "a key never seen", actual, entry));
                }
                None => {}
            }
        }
        out
    }
}
