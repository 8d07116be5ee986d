//! Stanzas that wait for a user's ack, oldest first.
//!
//! Main type: [`Mailbox`]. It is bounded in number and in size, because a user who never acks must
//! cost a fixed amount of memory: the oldest give way, as they do after thirty days (MSG-015).

use std::collections::VecDeque;

use crate::clock::UnixMs;
use crate::limits::{MAILBOX_BYTES_MAX, MAILBOX_STANZAS_MAX};
use crate::wire::{Content, Node};

/// A stanza that waits for its ack.
pub(super) struct Queued {
    pub since: UnixMs,
    pub stanza: Node,
    weight: usize,
}

/// What waits for one user.
#[derive(Default)]
pub(super) struct Mailbox {
    queue: VecDeque<Queued>,
    bytes: usize,
}

impl Mailbox {
    /// Puts a stanza behind the others. One that is larger than a whole mailbox is not kept.
    pub fn push(&mut self, since: UnixMs, stanza: Node) {
        let weight = weight(&stanza);
        self.bytes += weight;
        self.queue.push_back(Queued { since, stanza, weight });
        while self.queue.len() > MAILBOX_STANZAS_MAX || self.bytes > MAILBOX_BYTES_MAX {
            let Some(oldest) = self.queue.pop_front() else { return };
            self.bytes -= oldest.weight;
        }
    }

    /// Drops what is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&Queued) -> bool) {
        self.queue.retain(keep);
        self.bytes = self.queue.iter().map(|queued| queued.weight).sum();
    }

    pub fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.queue.iter()
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }
}

/// Roughly how many bytes of memory a stanza takes.
fn weight(node: &Node) -> usize {
    const EACH: usize = 128;
    let attrs = node.attrs.iter().map(|(key, value)| EACH + key.len() + value.text().len());
    let content = match &node.content {
        Content::None => 0,
        Content::Bytes(bytes) => bytes.len(),
        Content::Children(children) => children.iter().map(weight).sum(),
    };
    EACH + attrs.sum::<usize>() + content
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: usize, bytes: usize) -> Node {
        Node::new("message").attr("id", id.to_string()).bytes(vec![0; bytes])
    }

    fn oldest(mailbox: &Mailbox) -> Option<&Node> {
        mailbox.iter().next().map(|queued| &queued.stanza)
    }

    #[test]
    fn the_oldest_give_way_by_number_and_by_size() {
        let mut mailbox = Mailbox::default();
        (0..MAILBOX_STANZAS_MAX + 3).for_each(|id| mailbox.push(UnixMs(0), message(id, 0)));
        assert_eq!(mailbox.len(), MAILBOX_STANZAS_MAX);
        assert_eq!(oldest(&mailbox), Some(&message(3, 0)));
        let mut mailbox = Mailbox::default();
        (0..4).for_each(|id| mailbox.push(UnixMs(0), message(id, MAILBOX_BYTES_MAX / 3)));
        assert_eq!(oldest(&mailbox), Some(&message(2, MAILBOX_BYTES_MAX / 3)));
        mailbox.push(UnixMs(0), message(9, MAILBOX_BYTES_MAX));
        assert_eq!((mailbox.len(), mailbox.bytes), (0, 0));
    }

    #[test]
    fn what_is_acked_frees_its_room() {
        let mut mailbox = Mailbox::default();
        (0..2).for_each(|id| mailbox.push(UnixMs(0), message(id, 100)));
        let whole = mailbox.bytes;
        mailbox.retain(|queued| queued.stanza != message(0, 100));
        assert_eq!((mailbox.len(), mailbox.bytes), (1, whole / 2));
    }
}
