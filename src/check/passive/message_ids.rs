//! STZ-016: a sender uses each message id once.
//!
//! What is sent again under its id, after a retry or a lost connection, has the same content; two
//! contents under one id are two messages, of which receipts and duplicate suppression lose one.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};

pub struct MessageIds;

const ROW: &str = "STZ-016";

impl Check for MessageIds {
    fn id(&self) -> &'static str {
        "message-ids"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut senders: BTreeMap<(Lane, &str), Seen<'_>> = BTreeMap::new();
        let mut observed = Vec::new();
        for entry in view.entries() {
            if let Event::Decrypted { id, from, content, .. } = &entry.event {
                let seen = senders.entry((entry.lane, from)).or_default();
                observed.extend(seen.take(id, content, entry));
            }
        }
        observed
    }
}

/// The messages of one sender.
#[derive(Default)]
struct Seen<'a>(BTreeMap<&'a str, (&'a str, &'a Entry)>);

impl<'a> Seen<'a> {
    /// What a message says of the ids before it; the first says nothing.
    fn take(&mut self, id: &'a str, content: &'a str, entry: &'a Entry) -> Option<Observed> {
        let expected = "an id of its own for every message";
        match self.0.get(id) {
            Some((before, _)) if *before == content => None,
            Some((_, first)) => {
                let actual = format!("two messages have the id {id}");
                let mut broken = Observed::new(ROW, false, expected, actual, entry);
                broken.evidence.push(first.id.clone());
                Some(broken)
            }
            None => {
                let is_first = self.0.is_empty();
                self.0.insert(id, (content, entry));
                let right = || Observed::new(ROW, true, expected, "no id came twice", entry);
                (!is_first).then(right)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;

    fn grades(messages: &[(&str, &str)]) -> Vec<Grade> {
        let mut tape = Tape::default();
        messages.iter().for_each(|(id, text)| tape.decrypted(id, text));
        tape.examined_by(&MessageIds).into_iter().map(|observed| observed.grade).collect()
    }

    #[test]
    fn two_contents_under_one_id_are_two_messages() {
        use Grade::*;
        assert_eq!(grades(&[("A", "one")]), []);
        assert_eq!(grades(&[("A", "one"), ("B", "two")]), [Right]);
        assert_eq!(grades(&[("A", "one"), ("A", "one")]), []);
        assert_eq!(grades(&[("A", "one"), ("A", "two")]), [Broken]);
        assert_eq!(grades(&[("A", "one"), ("B", "two"), ("A", "three")]), [Right, Broken]);
    }
}
