//! Typing indicators: `<chatstate><composing/></chatstate>` (`wire.md` §4.10).
//!
//! Main type: [`Form`], since Meta shows no form of them for third parties.

use crate::wire::{Jid, Node};

/// The names in a typing indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    pub element: String,
    /// Child for somebody who types.
    pub on: String,
    /// Child for somebody who has stopped.
    pub off: String,
}

impl Form {
    /// As a client sends it.
    pub fn sent(&self, to: &Jid, on: bool) -> Node {
        let state = if on { &self.on } else { &self.off };
        Node::new(self.element.as_str()).attr("to", to.clone()).child(Node::new(state.as_str()))
    }

    /// As the server passes it on.
    pub fn delivered(&self, from: &Jid, on: bool) -> Node {
        let state = if on { &self.on } else { &self.off };
        Node::new(self.element.as_str()).attr("from", from.clone()).child(Node::new(state.as_str()))
    }

    /// Whether it says that somebody types; `None` for another stanza, or another state.
    pub fn read(&self, node: &Node) -> Option<bool> {
        if node.tag != self.element.as_str() {
            return None;
        }
        let on = node.find(&self.on).is_some();
        (on || node.find(&self.off).is_some()).then_some(on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_reads_back_and_another_stanza_does_not() {
        let [element, on, off] = ["chatstate", "composing", "paused"].map(str::to_owned);
        let form = Form { element, on, off };
        let bob = Jid::new("15550001", "s.whatsapp.net");
        for on in [true, false] {
            assert_eq!(form.read(&form.sent(&bob, on)), Some(on));
            assert_eq!(form.delivered(&bob, on).jid("from"), Some(bob.clone()));
        }
        assert_eq!(form.read(&Node::new("chatstate").child(Node::new("gone"))), None);
        assert_eq!(form.read(&Node::new("presence").child(Node::new("composing"))), None);
    }
}
