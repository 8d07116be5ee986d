//! The passive checks on what happens now.
//!
//! Main type: [`Witness`]. It keeps a bounded window of entries, and longer those on which later
//! ones depend (logins, enlistments, ephemeral keys, bundles that were served), so that a check
//! never takes forgotten history for a fault. What it found it says once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::LazyLock;

use crate::check::{ALL, Setting, View, watch};
use crate::evidence::{Direction, Entry, Event, Transcript};
use crate::limits::{WINDOW_BYTES_MAX, WINDOW_ENTRIES_MAX};
use crate::scenario::{Scenario, parse};
use crate::span::Source;
use crate::spec::Profile;
use crate::verdict::{CheckResult, Text, Verdict};

/// The case that a session is recorded as.
pub const CASE: &str = "serve";

/// The scenario of that case: no steps, so that only the passive checks speak.
pub fn scenario() -> &'static Scenario {
    static SCENARIO: LazyLock<Scenario> = LazyLock::new(|| {
        let source = Source::new("serve.yaml", include_str!("serve.yaml"));
        parse(CASE, &source).expect("a test parses the embedded scenario")
    });
    &SCENARIO
}

/// Entries with their sizes, oldest first.
#[derive(Default)]
struct Shelf {
    entries: VecDeque<(u64, Entry)>,
    bytes: usize,
}

impl Shelf {
    fn put(&mut self, number: u64, entry: Entry) {
        self.bytes += entry.event.size();
        self.entries.push_back((number, entry));
        while self.entries.len() > WINDOW_ENTRIES_MAX || self.bytes > WINDOW_BYTES_MAX {
            let Some((_, entry)) = self.entries.pop_front() else { return };
            self.bytes -= entry.event.size();
        }
    }
}

/// Watches a session.
#[derive(Default)]
pub struct Witness {
    next: u64,
    /// What explains later entries.
    anchors: Shelf,
    recent: Shelf,
    /// Entries since the last look.
    unseen: usize,
    /// What was said of which requirement and evidence.
    said: VecDeque<(Text, Vec<Text>)>,
}

impl Witness {
    /// Takes in an entry.
    pub fn observe(&mut self, entry: &Entry) {
        let shelf = if is_anchor(&entry.event) { &mut self.anchors } else { &mut self.recent };
        shelf.put(self.next, entry.clone());
        self.next += 1;
        self.unseen += 1;
    }

    /// True if a look is due before entries are forgotten.
    pub fn is_pressed(&self) -> bool {
        self.unseen >= WINDOW_ENTRIES_MAX / 2
    }

    /// What the checks find wrong and have not said before.
    pub fn look(&mut self, profile: &Profile) -> Vec<CheckResult> {
        if self.unseen == 0 {
            return Vec::new();
        }
        self.unseen = 0;
        let transcript = self.transcript();
        let view = View { scenario: scenario(), transcript: &transcript, profile };
        let setting = Setting { profile, foreign: true };
        let results = ALL.iter().flat_map(|check| watch(*check, &view, setting));
        let wrong = results.filter(|result| {
            result.verdict > Verdict::Pass && !profile.rules_out(&result.requirement)
        });
        let wrong: Vec<CheckResult> = wrong.collect();
        wrong.into_iter().filter(|result| self.is_new(result)).collect()
    }

    fn is_new(&mut self, result: &CheckResult) -> bool {
        let evidence: BTreeSet<&Text> =
            result.findings.iter().flat_map(|finding| &finding.evidence).collect();
        let evidence = evidence.into_iter().cloned().collect();
        let key = (result.requirement.clone(), evidence);
        if self.said.contains(&key) {
            return false;
        }
        if self.said.len() == 2 * WINDOW_ENTRIES_MAX {
            self.said.pop_front();
        }
        self.said.push_back(key);
        true
    }

    /// The entries that are left, in their order.
    fn transcript(&self) -> Transcript {
        let mut all: Vec<&(u64, Entry)> =
            self.anchors.entries.iter().chain(&self.recent.entries).collect();
        all.sort_by_key(|(number, _)| *number);
        let mut transcript = Transcript::new(CASE);
        all.into_iter().for_each(|(_, entry)| transcript.push(entry.clone()));
        transcript
    }
}

fn is_anchor(event: &Event) -> bool {
    match event {
        Event::CaseBegun { .. } | Event::Enlistment { .. } | Event::Login { .. } => true,
        Event::Handshake { ephemeral, .. } => ephemeral.is_some(),
        Event::Stanza { direction: Direction::Sent, xml, .. } => xml.contains("<skey>"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{EntryId, Lane, Payload, Stream};
    use crate::wire::{Node, binary};

    fn entry(n: u32, event: Event) -> Entry {
        let id = EntryId { case: CASE.into(), stream: Stream::connection(1, true), n };
        Entry { id, lane: Lane::Main, actor: None, at_ms: 0, event }
    }

    fn received(n: u32, node: &Node) -> Entry {
        let bytes = Payload::of(&binary::encode(node).unwrap());
        let (xml, variants) = (String::new(), Vec::new());
        let direction = Direction::Received;
        entry(n, Event::Stanza { direction, xml, bytes, compressed: false, variants })
    }

    fn handshake(n: u32, key: &str) -> Entry {
        let (direction, ephemeral) = (Direction::Received, Some(key.to_owned()));
        entry(
            n,
            Event::Handshake {
                message: 1,
                direction,
                len: 32,
                ephemeral,
                pattern: None,
                in_clear: Vec::new(),
            },
        )
    }

    #[test]
    fn the_scenario_of_a_session_has_no_steps() {
        assert!(scenario().steps.is_empty() && scenario().covers.is_empty());
    }

    #[test]
    fn a_broken_rule_is_said_once_for_each_time_it_is_broken() {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let mut witness = Witness::default();
        let without_id = Node::new("iq").attr("type", "get").attr("xmlns", "w:p");
        witness.observe(&received(1, &without_id));
        let found = witness.look(&profile);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&*found[0].requirement, found[0].verdict), ("STZ-009", Verdict::Fail));
        assert_eq!(witness.look(&profile), []);
        witness.observe(&received(2, &without_id.clone().attr("id", "7")));
        assert_eq!(witness.look(&profile), []);
        witness.observe(&received(3, &without_id));
        assert_eq!(witness.look(&profile)[0].findings[0].evidence, [Text::from("serve#c1<.3")]);
    }

    #[test]
    fn what_explains_later_entries_outlasts_a_flood() {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let mut witness = Witness::default();
        witness.observe(&handshake(1, "aa"));
        for n in 0..WINDOW_ENTRIES_MAX as u32 * 4 {
            witness.observe(&entry(n + 2, Event::Closed { by_iut: true, error: None }));
            if witness.is_pressed() {
                assert_eq!(witness.look(&profile), []);
            }
        }
        assert_eq!(witness.recent.entries.len(), WINDOW_ENTRIES_MAX);
        witness.observe(&handshake(9999, "aa"));
        let found = witness.look(&profile);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].requirement, "NOI-004");
    }
}
