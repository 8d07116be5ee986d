//! STZ-018: what one sender sent first is shown first.
//!
//! A message counts from the last time that it was put on the wire before it was shown, so that
//! what is delivered again after a lost connection is in its new place.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event, Lane};
use crate::wire::binary;

pub struct InOrder;

const ROW: &str = "STZ-018";

impl Check for InOrder {
    fn id(&self) -> &'static str {
        "in-order"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut sent: BTreeMap<(Lane, String), Sent> = BTreeMap::new();
        let mut shown: BTreeMap<(Lane, String, String), Shown> = BTreeMap::new();
        let mut observed = Vec::new();
        for (at, entry) in view.entries().enumerate() {
            if let Some((id, from)) = message(entry) {
                sent.insert((entry.lane, id.clone()), Sent { at, from });
            }
            let Some((id, actor)) = shows(entry) else { continue };
            let Some(Sent { at, from }) = sent.get(&(entry.lane, id.clone())) else { continue };
            let thread = shown.entry((entry.lane, actor, from.clone())).or_default();
            observed.extend(thread.take(&id, *at, entry));
        }
        observed
    }
}

/// When a message was put on the wire, and whose it is.
struct Sent {
    at: usize,
    from: String,
}

/// What was shown of one sender.
#[derive(Default)]
struct Shown {
    ids: Vec<String>,
    last: Option<(String, usize)>,
}

impl Shown {
    /// Compares with the message shown before; one that is shown again says nothing here.
    fn take(&mut self, id: &str, at: usize, entry: &Entry) -> Option<Observed> {
        if self.ids.iter().any(|known| known == id) {
            return None;
        }
        self.ids.push(id.to_owned());
        let (before, last) = self.last.replace((id.to_owned(), at))?;
        let expected = "messages of one sender are shown in the order in which they were sent";
        let right = last < at;
        let actual = match right {
            true => "so they were".to_owned(),
            false => format!("{id} was sent before {before} and is shown after it"),
        };
        Some(Observed::new(ROW, right, expected, actual, entry))
    }
}

fn message(entry: &Entry) -> Option<(String, String)> {
    let Event::Stanza { direction: Direction::Sent, bytes, .. } = &entry.event else {
        return None;
    };
    let node = binary::decode(&bytes.bytes()?).ok()?.node;
    let from = node.text("from").filter(|_| node.tag == "message")?.into_owned();
    Some((node.text("id")?.into_owned(), from))
}

fn shows(entry: &Entry) -> Option<(String, String)> {
    let Event::Notified { name, params } = &entry.event else { return None };
    let id = params.get("id").filter(|_| name == "message")?.as_str()?;
    Some((id.to_owned(), entry.actor.clone()?))
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;

    fn grades(what: &str) -> Vec<Grade> {
        let mut tape = Tape::default();
        for word in what.split(' ') {
            match word.split_at(1) {
                (">", id) => tape.sent(&format!("<message id='{id}' from='1@lid'/>")),
                (_, id) => tape.shown(id),
            }
        }
        tape.examined_by(&InOrder).into_iter().map(|observed| observed.grade).collect()
    }

    #[test]
    fn later_messages_are_shown_later() {
        use Grade::*;
        assert_eq!(grades(">A >B *A"), []);
        assert_eq!(grades(">A >B *A *B"), [Right]);
        assert_eq!(grades(">A >B *B *A"), [Broken]);
        assert_eq!(grades(">A >B >C *A *C *B"), [Right, Broken]);
    }

    #[test]
    fn what_is_delivered_again_is_in_its_new_place() {
        use Grade::*;
        assert_eq!(grades(">A >B *B >A *A"), [Right]);
        assert_eq!(grades(">A *A >B *B >A *A"), [Right]);
    }
}
