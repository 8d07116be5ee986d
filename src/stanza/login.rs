//! `<success>` and `<failure>`: the server's answer to a login (`wire.md` §4.2, §8.3).

use crate::wire::Node;

/// `<success>`. `t` is Unix seconds; `extra` are the attributes that the profile adds.
pub fn success(t: u64, extra: &[(&str, &str)]) -> Node {
    let node = Node::new("success").attr("t", t.to_string()).attr("location", "loc");
    extra.iter().fold(node, |node, (key, value)| node.attr(*key, *value))
}

/// `<failure reason>`.
pub fn failure(reason: &str) -> Node {
    Node::new("failure").attr("reason", reason).attr("location", "loc")
}
