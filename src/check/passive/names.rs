//! PRV-001: what users are called goes only where the protocol carries a name.
//!
//! A display name is no content: a login has a field for it, and `notify` and `<presence>` carry it
//! (`wire.md` §2, §5). Anywhere else it is personal data that interoperability does not need. A name in
//! the subject's own log is recorded and breaks no row: PRV-008 is about content, keys and tokens.

use std::sync::Arc;

use super::{Check, Observed, View};
use crate::canary::{Canary, Oracle, Sighting};
use crate::evidence::{Channel, Direction, Entry, Event, Transcript};
use crate::wire::{Content, Node, binary};

pub struct Names;

const EXPECTED: &str = "a display name goes only where the protocol carries one";

impl Check for Names {
    fn id(&self) -> &'static str {
        "names"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["PRV-001"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let names = names(view.transcript, |_| true);
        if names.is_empty() {
            return Vec::new();
        }
        let called = Called { oracle: Oracle::shared(&names) };
        let entries = view.transcript.entries();
        let told = entries.iter().filter_map(|entry| called.examine(entry));
        told.chain(called.kept_quiet(entries)).collect()
    }
}

/// The display names of those users of a case.
pub(super) fn names(transcript: &Transcript, of: impl Fn(&str) -> bool) -> Vec<Canary> {
    let mut names: Vec<Canary> = Vec::new();
    for entry in transcript.entries() {
        if let Event::Named { whose, name } = &entry.event
            && of(whose)
        {
            let name = Canary::of_name(whose, name);
            // Every lane has the same users under the same names.
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// What users are called.
struct Called {
    oracle: Arc<Oracle>,
}

impl Called {
    fn examine(&self, entry: &Entry) -> Option<Observed> {
        match &entry.event {
            Event::Stanza { direction: Direction::Received, bytes, .. } => {
                let node = binary::decode(&bytes.bytes()?).ok()?.node;
                let (named, rest) = parts(&node);
                match (self.oracle.scan(&rest), self.oracle.scan(&named)) {
                    (Some(found), _) => Some(told(entry, &found, "in a stanza")),
                    (None, Some(found)) => {
                        let actual = format!("{} stands where names stand", found.what);
                        Some(Observed::new("PRV-001", true, EXPECTED, actual, entry))
                    }
                    (None, None) => None,
                }
            }
            Event::Responded { headers, body, .. } => {
                let header = |(_, value): &(String, String)| self.oracle.scan(value.as_bytes());
                let found = headers.iter().find_map(header);
                let found = found.or_else(|| self.oracle.scan(&body.bytes()?))?;
                Some(told(entry, &found, "in an answer of the server"))
            }
            Event::Sighted {
                channel: Channel::Http | Channel::Login,
                place,
                what,
                form,
                name: true,
                ..
            } => {
                let actual = format!("{what} stands in {place} ({form})");
                Some(Observed::new("PRV-001", false, EXPECTED, actual, entry))
            }
            _ => None,
        }
    }

    /// Who was told a name, and went on without repeating it, has kept it to itself.
    fn kept_quiet(&self, entries: &[Entry]) -> Option<Observed> {
        let told = entries.iter().position(|entry| match &entry.event {
            Event::Stanza { direction: Direction::Sent, bytes, .. } => {
                let bytes = bytes.bytes().filter(|bytes| self.oracle.scan(bytes).is_some());
                let node = bytes.and_then(|bytes| binary::decode(&bytes).ok());
                node.is_some_and(|stanza| self.oracle.scan(&parts(&stanza.node).0).is_some())
            }
            _ => false,
        })?;
        let later = entries[told..].iter().find(|entry| {
            let received = Direction::Received;
            matches!(&entry.event, Event::Stanza { direction, .. } if *direction == received)
        })?;
        let actual = "a name that came with a message was not told on";
        Some(Observed::new("PRV-001", true, EXPECTED, actual, later))
    }
}

fn told(entry: &Entry, found: &Sighting, place: &str) -> Observed {
    let actual = format!("{} stands {place} ({})", found.what, found.form);
    Observed::new("PRV-001", false, EXPECTED, actual, entry)
}

/// What of a stanza is for a name, and the rest, each as texts and bytes one after the other.
fn parts(node: &Node) -> (Vec<u8>, Vec<u8>) {
    let (mut named, mut rest) = (Vec::new(), Vec::new());
    for (key, value) in &node.attrs {
        let is_name = key == "notify" || (node.tag == "presence" && key == "name");
        let into = if is_name { &mut named } else { &mut rest };
        into.extend(value.to_string().bytes().chain([0]));
    }
    match &node.content {
        Content::None => {}
        Content::Bytes(bytes) => rest.extend(bytes.iter().chain(&[0])),
        Content::Children(children) => {
            for child in children {
                // Names stand at the stanza itself.
                let (inner, others) = parts(child);
                rest.extend(inner.into_iter().chain(others));
            }
        }
    }
    (named, rest)
}
