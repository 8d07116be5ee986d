//! `<notification>`: what the server tells a client unasked (`wire.md` §4.2, §4.5).

use crate::wire::{Jid, Node};

/// The type of a notification that no client knows: all it asks for is the ack (STZ-013, STZ-019).
const WITHOUT_MEANING: &str = "counterpart";

/// A notification that only wants to be acknowledged. `t` is Unix seconds.
pub fn without_meaning(id: &str, t: u64) -> Node {
    Node::new("notification")
        .attr("from", Jid::server())
        .attr("type", WITHOUT_MEANING)
        .attr("id", id)
        .attr("t", t.to_string())
}
