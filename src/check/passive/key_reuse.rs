//! RAT-008 and RAT-014: no two messages under one message key, whatever failed in between.
//!
//! The number of a message in its chain names its key. What goes out again unchanged, because an ack
//! was lost, is the same message; what goes out again because the peer could not read it must be
//! encrypted anew.

use std::collections::BTreeMap;

use super::writings::{Conversation, Writing, conversations, is_restart};
use super::{Check, Observed, View};
use crate::e2ee::envelope::PreKeyEnvelope;
use crate::evidence::Event;

pub struct KeyReuse;

impl Check for KeyReuse {
    fn id(&self) -> &'static str {
        "key-reuse"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["RAT-008", "RAT-014"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let cut = view.entries().any(|entry| matches!(entry.event, Event::FaultTook { .. }));
        let restarts = view.entries().any(|entry| match &entry.event {
            Event::Called { operation, .. } => is_restart(operation),
            _ => false,
        });
        let row = if restarts { "RAT-014" } else { "RAT-008" };
        conversations(view).values().flat_map(|all| examine(all, row, cut || restarts)).collect()
    }
}

fn examine(conversation: &Conversation<'_>, row: &'static str, disturbed: bool) -> Vec<Observed> {
    let mut keys: BTreeMap<(&str, u64), &Writing<'_>> = BTreeMap::new();
    let mut ids: BTreeMap<&str, &Writing<'_>> = BTreeMap::new();
    let mut out = Vec::new();
    for writing in conversation {
        let key = (writing.header.ratchet_key.as_str(), writing.header.counter);
        let before = keys.get(&key).copied();
        let again = ids.insert(writing.id, writing);
        match before {
            Some(before) if inner(before) != inner(writing) => {
                out.push(reused(row, before, writing));
            }
            Some(before) if writing.asked_for && !before.asked_for => {
                let expected = "what is asked for again is encrypted anew";
                let actual = "the same ciphertext came again";
                out.push(Observed::new("RAT-008", false, expected, actual, writing.entry));
            }
            Some(_) => {}
            None => {
                let moved = again.is_some() || disturbed;
                out.extend(moved.then(|| fresh(row, again.is_some(), writing)));
                keys.insert(key, writing);
            }
        }
    }
    out
}

/// The message itself: the header of a first message may come and go around it.
fn inner(writing: &Writing<'_>) -> Option<Vec<u8>> {
    let bytes = writing.enc.bytes.bytes()?;
    Some(PreKeyEnvelope::parse(&bytes).map_or(bytes, |first| first.message_bytes))
}

fn fresh(row: &'static str, again: bool, writing: &Writing<'_>) -> Observed {
    let row = if again { "RAT-008" } else { row };
    Observed::new(row, true, "a message key of its own", "no message had it", writing.entry)
}

fn reused(row: &'static str, before: &Writing<'_>, writing: &Writing<'_>) -> Observed {
    let restarted = writing.restarts != before.restarts;
    let row = if restarted { "RAT-014" } else { row };
    let expected = "a message key of its own for every message";
    let actual = format!(
        "messages {} and {} are both number {} under one ratchet key",
        before.id, writing.id, writing.header.counter
    );
    let mut broken = Observed::new(row, false, expected, actual, writing.entry);
    broken.evidence.push(before.entry.id.clone());
    broken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Grade;
    use super::super::tests::{Tape, written};
    use super::*;

    fn grades(tape: &Tape) -> Vec<(&'static str, Grade)> {
        let seen = tape.examined_by(&KeyReuse).into_iter();
        seen.map(|observed| (observed.requirement, observed.grade)).collect()
    }

    #[test]
    fn two_texts_under_one_key_are_seen_and_one_text_twice_is_none() {
        let mut tape = Tape::default();
        tape.alice_says("a1", written("k", (0, 0), "one"));
        tape.arrives("a1", written("k", (0, 0), "one"));
        assert_eq!(grades(&tape), []);
        tape.alice_says("a2", written("k", (0, 0), "two"));
        assert_eq!(grades(&tape), [("RAT-008", Grade::Broken)]);
    }

    #[test]
    fn what_is_asked_for_again_must_be_encrypted_anew() {
        for (again, grade) in [("one", Grade::Broken), ("one, anew", Grade::Right)] {
            let mut tape = Tape::default();
            tape.alice_says("a1", written("k", (0, 0), "one"));
            tape.sent(
                "<receipt from=\"1@s.whatsapp.net\" id=\"a1\" type=\"retry\"><retry count=\"1\" \
                 id=\"a1\" t=\"1\" v=\"1\"/><registration cp:b64=\"AAAAAQ==\"/></receipt>",
            );
            let counter = if again == "one" { 0 } else { 1 };
            tape.arrives("a1", written("k", (counter, 0), again));
            assert_eq!(grades(&tape), [("RAT-008", grade)], "{again}");
        }
    }

    #[test]
    fn a_restart_is_another_rows_affair() {
        for (counter, grade) in [(0, Grade::Broken), (1, Grade::Right)] {
            let mut tape = Tape::default();
            tape.alice_says("a1", written("k", (0, 0), "one"));
            tape.add(Event::Called { operation: "kill".to_owned(), params: json!({}) });
            tape.alice_says("a2", written("k", (counter, 0), "two"));
            assert_eq!(grades(&tape).last(), Some(&("RAT-014", grade)));
        }
    }
}
