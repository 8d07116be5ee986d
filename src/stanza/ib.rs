//! `<ib>`: information from the server (`wire.md` §4.2).

use crate::wire::{Jid, Node};

/// `<ib><offline count/></ib>`: how many stanzas waited in the mailbox.
pub fn offline(count: usize) -> Node {
    Node::new("ib")
        .attr("from", Jid::server())
        .child(Node::new("offline").attr("count", count.to_string()))
}
