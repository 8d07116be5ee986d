//! What was sent and not yet acknowledged by the server: it goes out again after a lost connection.
//!
//! Main type: [`Outbox`]. It keeps stanzas as they were, ciphertext and id included, so that a
//! server that had them already can tell (MSG-017). It knows nothing of sessions or connections.

use std::collections::VecDeque;

use crate::limits::OUTBOX_MAX;
use crate::wire::{Jid, Node};

/// One message on its way to the server.
pub(super) struct Unacked {
    pub id: String,
    pub to: Jid,
    pub text: String,
    pub stanza: Node,
}

/// Messages in the order in which they were sent; the oldest are given up first.
#[derive(Default)]
pub(super) struct Outbox(VecDeque<Unacked>);

impl Outbox {
    /// Remembers a message; one that is encrypted anew takes the place of the earlier one.
    pub fn push(&mut self, message: Unacked) {
        self.remove(&message.to, &message.id);
        if self.0.len() >= OUTBOX_MAX {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    /// Forgets a message that the server has answered.
    pub fn remove(&mut self, to: &Jid, id: &str) {
        self.0.retain(|message| message.id != id || message.to.bare() != to.bare());
    }

    /// Gives all of them, and keeps them.
    pub fn stanzas(&self) -> Vec<Node> {
        self.0.iter().map(|message| message.stanza.clone()).collect()
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Unacked> {
        self.0.iter()
    }

    /// Takes all of them out.
    pub fn take(&mut self) -> Vec<Unacked> {
        std::mem::take(&mut self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, text: &str) -> Unacked {
        let to = Jid::new("15550001", "s.whatsapp.net");
        let stanza = Node::new("message").attr("id", id).bytes(text.as_bytes());
        Unacked { id: id.to_owned(), to, text: text.to_owned(), stanza }
    }

    fn texts(outbox: &Outbox) -> Vec<String> {
        let text = |node: &Node| String::from_utf8(node.body().unwrap().to_vec()).unwrap();
        outbox.stanzas().iter().map(text).collect()
    }

    #[test]
    fn what_was_answered_is_forgotten_and_what_was_encrypted_anew_is_there_once() {
        let mut outbox = Outbox::default();
        for (id, text) in [("A", "one"), ("B", "two"), ("A", "one anew")] {
            outbox.push(message(id, text));
        }
        assert_eq!(texts(&outbox), ["two", "one anew"]);
        outbox.remove(&Jid::new("15550002", "s.whatsapp.net"), "B");
        assert_eq!(texts(&outbox).len(), 2, "a stranger answers nothing");
        outbox.remove(&Jid::new("15550001", "s.whatsapp.net"), "B");
        assert_eq!(texts(&outbox), ["one anew"]);
        assert_eq!((outbox.take().len(), texts(&outbox).len()), (1, 0));
    }

    #[test]
    fn the_oldest_are_given_up_first() {
        let mut outbox = Outbox::default();
        (0..=OUTBOX_MAX).for_each(|n| outbox.push(message(&n.to_string(), "t")));
        assert_eq!(outbox.stanzas().len(), OUTBOX_MAX);
        assert_eq!(outbox.stanzas()[0].text("id").as_deref(), Some("1"));
    }
}
