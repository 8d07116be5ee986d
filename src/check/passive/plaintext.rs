//! ENC-001 and PRV-008: what the user wrote leaves the client only encrypted, and stands in no log.
//!
//! Every text of a case carries the case's canary, a high-entropy word, and a scenario may name more
//! ([`Event::Canary`]). Any eight bytes of one, in any encoding, are a leak: in a stanza, in an HTTP
//! answer, and where the recorder has seen them in what is not recorded as it came.

use std::sync::Arc;

use super::{Check, Observed, View};
use crate::canary::{Canary, Oracle, Sighting};
use crate::evidence::{Channel, Direction, Entry, Event, Transcript};
use crate::wire::{Content, Node, binary};

pub struct Plaintext;

const EXPECTED: &str = "user content leaves the client only encrypted";
const IN_LOGS: &str = "logs hold nothing of what the user wrote";

impl Check for Plaintext {
    fn id(&self) -> &'static str {
        "plaintext"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-001", "PRV-008"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let canaries = canaries(view.transcript);
        if canaries.is_empty() {
            return Vec::new();
        }
        let written = Written { oracle: Oracle::shared(&canaries), canaries };
        let entries = view.transcript.entries();
        let leaks = entries.iter().filter_map(|entry| written.examine(entry));
        leaks.chain(written.logs(entries)).collect()
    }
}

/// What users wrote in a case, by the words in it that nothing else holds.
pub(super) fn canaries(transcript: &Transcript) -> Vec<Canary> {
    let named = transcript.entries().iter().filter_map(|entry| match &entry.event {
        Event::CaseBegun { canary, .. } => Some(Canary::new("the text", canary.as_bytes())),
        Event::Canary { what, bytes } => Some(Canary::new(what.as_str(), bytes.bytes()?)),
        _ => None,
    });
    named.filter(|canary| !canary.bytes.is_empty()).collect()
}

/// What users wrote.
struct Written {
    canaries: Vec<Canary>,
    oracle: Arc<Oracle>,
}

impl Written {
    fn examine(&self, entry: &Entry) -> Option<Observed> {
        match &entry.event {
            Event::Stanza { direction: Direction::Received, bytes, .. } => {
                let bytes = bytes.bytes()?;
                let node = binary::decode(&bytes).map(|captured| captured.node);
                let values = node.map(|node| values(&node)).unwrap_or_default();
                let found = self.oracle.scan(&bytes).or_else(|| self.oracle.scan(&values))?;
                Some(leak(entry, &found, "in a stanza"))
            }
            Event::Undecodable { bytes, .. } => {
                Some(leak(entry, &self.oracle.scan(&bytes.bytes()?)?, "in a frame"))
            }
            Event::Responded { headers, body, .. } => {
                let header = |(_, value): &(String, String)| self.oracle.scan(value.as_bytes());
                let found = headers.iter().find_map(header);
                let found = found.or_else(|| self.oracle.scan(&body.bytes()?))?;
                Some(leak(entry, &found, "in an answer of the server"))
            }
            // Names are no content, and pushes of our own are not the subject's.
            Event::Sighted { name: true, .. } | Event::Sighted { channel: Channel::Push, .. } => {
                None
            }
            Event::Sighted { channel: Channel::Log, place, what, form, .. } => {
                let actual = format!("{what} stands in {place} ({form})");
                Some(Observed::new("PRV-008", false, IN_LOGS, actual, entry))
            }
            Event::Sighted { place, what, form, .. } => {
                let actual = format!("{what} stands in the clear in {place} ({form})");
                Some(Observed::new("ENC-001", false, EXPECTED, actual, entry))
            }
            Event::Decrypted { .. } if self.is_decrypted(entry) => {
                let actual = "the text arrived, and only as ciphertext";
                Some(Observed::new("ENC-001", true, EXPECTED, actual, entry))
            }
            _ => None,
        }
    }

    fn is_decrypted(&self, entry: &Entry) -> bool {
        let Event::Decrypted { content, .. } = &entry.event else { return false };
        let holds = |canary: &Canary| {
            content.as_bytes().windows(canary.bytes.len()).any(|window| window == canary.bytes)
        };
        self.canaries.iter().any(holds)
    }

    /// PRV-008 is decided only where there is a log, and something that could stand in it.
    fn logs(&self, entries: &[Entry]) -> Option<Observed> {
        let searched = entries.iter().find_map(|entry| match entry.event {
            Event::LogSearched { lines } if lines > 0 => Some((entry, lines)),
            _ => None,
        });
        let (entry, lines) = searched?;
        let sighted = |entry: &Entry| {
            matches!(entry.event, Event::Sighted { channel: Channel::Log, name: false, .. })
        };
        let written = entries.iter().any(|entry| self.is_decrypted(entry));
        if !written || entries.iter().any(sighted) {
            return None;
        }
        let actual = format!("{lines} lines that were handed over were searched");
        Some(Observed::new("PRV-008", true, IN_LOGS, actual, entry))
    }
}

fn leak(entry: &Entry, found: &Sighting, place: &str) -> Observed {
    let actual = format!("{} stands in the clear {place} ({})", found.what, found.form);
    Observed::new("ENC-001", false, EXPECTED, actual, entry)
}

/// All texts and bytes of a stanza: packed ones stand otherwise in its frame.
fn values(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    for (_, value) in &node.attrs {
        out.extend(value.to_string().bytes().chain([0]));
    }
    match &node.content {
        Content::None => {}
        Content::Bytes(bytes) => out.extend(bytes.iter().chain(&[0])),
        Content::Children(children) => children.iter().for_each(|child| out.extend(values(child))),
    }
    out
}
