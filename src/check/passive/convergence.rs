//! ENC-017: where both sides began a session at once, one of them remains.
//!
//! Judged once both have spoken in turns again: the last two messages of the subject that were read
//! must be of one session and without the X3DH header. Fewer messages than that say nothing.

use std::collections::BTreeSet;

use super::writings::{Conversation, conversations};
use super::{Check, Observed, View};
use crate::evidence::{Entry, Event};

pub struct Convergence;

/// Messages of the subject after which one session must have remained: the one that crossed, and two
/// that answered something.
const MESSAGES_MIN: usize = 3;
/// Messages of the peer that the user must have been shown meanwhile: the one that crossed, and two
/// more.
const SHOWN_MIN: usize = 3;

impl Check for Convergence {
    fn id(&self) -> &'static str {
        "convergence"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-017"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        conversations(view).values().filter_map(|all| examine(all, view)).collect()
    }
}

fn examine(conversation: &Conversation<'_>, view: &View<'_>) -> Option<Observed> {
    let first = conversation.first()?;
    if first.header.base_key.is_none() || !crossed(first.entry, view) {
        return None;
    }
    // The peer's first message was read after the subject's own, and was followed by others.
    if shown_after(first.entry, view) < SHOWN_MIN {
        return None;
    }
    let [.., before, last] = &conversation[..] else { return None };
    if conversation.len() < MESSAGES_MIN {
        return None;
    }
    let same = last.enc.session.is_some() && last.enc.session == before.enc.session;
    let right = same && last.header.base_key.is_none();
    let actual = match (same, right) {
        (_, true) => "they are of one session",
        (true, _) => "the header of a new session is still sent",
        (false, _) => "they are of two sessions",
    };
    let expected = "one session, some messages after both have begun one";
    Some(Observed::new("ENC-017", right, expected, actual, last.entry))
}

/// How many of the Meta client's messages the user was shown after this entry.
fn shown_after(first: &Entry, view: &View<'_>) -> usize {
    let own = view.entries().filter_map(|entry| match &entry.event {
        Event::Encrypted { id, .. } if entry.actor == first.actor => Some(id.as_str()),
        _ => None,
    });
    let own: BTreeSet<&str> = own.collect();
    let after = view.entries().skip_while(|entry| entry.id != first.id);
    let shown = after.filter(|entry| match &entry.event {
        Event::Notified { name, params } if name == "message" => {
            let id = params.get("id").and_then(|id| id.as_str());
            entry.lane == first.lane && id.is_some_and(|id| own.contains(id))
        }
        _ => false,
    });
    shown.count()
}

/// Whether the Meta client had begun a session of its own before this first message came.
fn crossed(first: &Entry, view: &View<'_>) -> bool {
    let before = view.entries().take_while(|entry| entry.id != first.id);
    let mut own = before.filter(|entry| entry.lane == first.lane && entry.actor == first.actor);
    own.any(|entry| match &entry.event {
        Event::Encrypted { enc, .. } => enc.kind == "pkmsg",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::{Tape, Written, written};
    use super::*;

    /// Alice and Bob begin at once; then Alice writes in these sessions.
    fn grades(crossed: bool, sessions: &[(&str, Option<&str>)]) -> Vec<Grade> {
        let mut tape = Tape::default();
        if crossed {
            tape.bob_encrypts("b1", "b", Some("B"));
        }
        for (n, (session, base_key)) in sessions.iter().enumerate() {
            let id = n.to_string();
            let message = written("k", (n as u64, 0), &id);
            tape.alice_says(&id, Written { session, base_key: *base_key, ..message });
            if n == 0 && crossed {
                tape.shown("b1");
            }
            tape.bob_says(&format!("b{}", n + 2), "b", None);
        }
        tape.examined_by(&Convergence).into_iter().map(|observed| observed.grade).collect()
    }

    #[test]
    fn one_session_must_remain() {
        use Grade::*;
        let begins = ("A", Some("A"));
        assert_eq!(grades(true, &[begins, ("B", None), ("B", None)]), [Right]);
        assert_eq!(grades(true, &[begins, ("A", None), ("B", None)]), [Broken]);
        assert_eq!(grades(true, &[begins, ("C", Some("C")), ("D", Some("D"))]), [Broken]);
        assert_eq!(grades(true, &[begins]), []);
        assert_eq!(grades(false, &[begins, ("A", None), ("B", None)]), []);
    }
}
