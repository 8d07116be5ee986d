//! RAT-001 and ENC-008: when a sender draws a ratchet key, and that it is a fresh one.
//!
//! Judged is only what the wire settles: a key is due where the user had been shown a message under a
//! new key of the peer's before writing, and none is due where nothing came in between.

use std::collections::BTreeSet;

use super::key_upload::upload;
use super::writings::{Conversation, Writing, conversations};
use super::{Check, Observed, View};
use crate::evidence::Event;
use crate::stanza::prekeys::Upload;

pub struct RatchetTurns;

impl Check for RatchetTurns {
    fn id(&self) -> &'static str {
        "ratchet-turns"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-008", "RAT-001"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let published = published(view);
        let mut out = Vec::new();
        for conversation in conversations(view).values() {
            out.extend(turns(conversation));
            out.extend(first_answers(conversation, &published));
        }
        out
    }
}

/// RAT-001, message by message.
fn turns(conversation: &Conversation<'_>) -> Vec<Observed> {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut last: Option<&Writing<'_>> = None;
    let mut out = Vec::new();
    for writing in conversation {
        out.extend(last.and_then(|last| turn(last, writing, &used)));
        used.insert(&writing.header.ratchet_key);
        last = Some(writing).filter(|writing| writing.before.is_some());
    }
    out
}

fn turn(last: &Writing<'_>, writing: &Writing<'_>, used: &BTreeSet<&str>) -> Option<Observed> {
    let (then, now) = (last.before.as_ref()?, writing.before.as_ref()?);
    if writing.restarts != last.restarts || restarted_session(last, writing) {
        return None;
    }
    let key = &writing.header.ratchet_key;
    // What could not be read is of the session before it, unless it begins another.
    let session = writing.enc.session.as_deref().or(last.enc.session.as_deref())?;
    if last.enc.session.as_deref() != Some(session) {
        return None;
    }
    let mut fresh = now.seen.difference(&then.seen);
    if fresh.any(|(of, _)| of == session) {
        let right = !used.contains(key.as_str());
        let expected = "a new ratchet key after a new one of the peer's";
        let actual = if right { "it is new" } else { "it was used before" };
        return Some(Observed::new("RAT-001", right, expected, actual, writing.entry));
    }
    let quiet = now.stirred == then.stirred;
    let right = *key == last.header.ratchet_key;
    let expected = "the same ratchet key within a run of messages";
    let actual = if right { "it is the same" } else { "it is another one, and nothing came in" };
    quiet.then(|| Observed::new("RAT-001", right, expected, actual, writing.entry))
}

/// A message with the X3DH header behind one without, or behind one with another: a new session.
fn restarted_session(last: &Writing<'_>, writing: &Writing<'_>) -> bool {
    writing.header.base_key.is_some() && writing.header.base_key != last.header.base_key
}

/// ENC-008: the first message of a responder is under a key that nobody has seen.
fn first_answers(conversation: &Conversation<'_>, published: &BTreeSet<String>) -> Vec<Observed> {
    let mut begun: BTreeSet<&str> = BTreeSet::new();
    let mut answered: BTreeSet<&str> = BTreeSet::new();
    let mut out = Vec::new();
    for writing in conversation {
        if let Some(base_key) = &writing.header.base_key {
            begun.insert(base_key);
        }
        let Some(session) = writing.enc.session.as_deref() else { continue };
        if begun.contains(session) || !answered.insert(session) {
            continue;
        }
        let right = !published.contains(&writing.header.ratchet_key);
        let expected = "the responder's first message under a ratchet key of its own";
        let actual = match right {
            true => "it was seen nowhere before",
            false => "it is a key that the responder had published",
        };
        out.push(Observed::new("ENC-008", right, expected, actual, writing.entry));
    }
    out
}

/// Keys that users of the subject have published.
fn published(view: &View<'_>) -> BTreeSet<String> {
    let stanzas = view.entries().filter(|entry| matches!(entry.event, Event::Stanza { .. }));
    let uploads = stanzas.filter_map(|entry| Upload::from_iq(&upload(entry)?, None).ok());
    uploads
        .flat_map(|upload| {
            let one_time = upload.one_time.into_iter().map(|key| key.value);
            let own = [upload.identity, upload.signed.value];
            one_time.chain(own).map(hex::encode).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::{Tape, written};
    use super::*;

    fn grades(tape: &Tape) -> Vec<(&'static str, Grade)> {
        let seen = tape.examined_by(&RatchetTurns).into_iter();
        seen.map(|observed| (observed.requirement, observed.grade)).collect()
    }

    #[test]
    fn a_key_is_due_after_an_answer_and_not_within_a_run() {
        for (after, run, expected) in [
            ("k2", "k2", [Grade::Right, Grade::Right]),
            ("k1", "k1", [Grade::Broken, Grade::Right]),
            ("k2", "k3", [Grade::Right, Grade::Broken]),
        ] {
            let mut tape = Tape::default();
            tape.alice_says(
                "a1",
                super::super::tests::Written { base_key: Some("S"), ..written("k1", (0, 0), "1") },
            );
            tape.bob_says("b1", "b", None);
            tape.alice_says("a2", written(after, (0, 1), "2"));
            tape.alice_says("a3", written(run, (1, 1), "3"));
            let wanted: Vec<_> = expected.map(|grade| ("RAT-001", grade)).into();
            assert_eq!(grades(&tape), wanted, "{after}, {run}");
        }
    }

    #[test]
    fn what_may_have_come_in_between_says_nothing() {
        let mut tape = Tape::default();
        tape.alice_says("a1", written("k1", (0, 0), "1"));
        tape.sent("<notification id=\"n\" type=\"encrypt\"/>");
        tape.alice_says("a2", written("k2", (0, 0), "2"));
        assert!(grades(&tape).iter().all(|(row, _)| *row == "ENC-008"));
    }
}
