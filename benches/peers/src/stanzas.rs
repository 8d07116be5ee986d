//! The stanzas that the codecs are compared on: a ping, a message and a large result.
//!
//! Sizes are those of real traffic: the ping of every half minute, a first text, and the keys of
//! 100 users, of which each is eleven nodes.

use counterpart::wire::{Jid, Node, binary, xml};

/// A stanza with its bytes and its XML.
#[derive(Clone, Debug)]
pub struct Sample {
    pub name: &'static str,
    pub node: Node,
    pub bytes: Vec<u8>,
    pub xml: String,
}

/// The three stanzas, from the smallest to the largest.
pub fn samples() -> [Sample; 3] {
    [sample("ping of 24 B", ping()), sample("message of 492 B", message()), users()]
}

fn sample(name: &'static str, node: Node) -> Sample {
    let bytes = binary::encode(&node).expect("the stanza is sound");
    let xml = xml::print(&node);
    Sample { name, node, bytes, xml }
}

fn users() -> Sample {
    let list = (0..100).map(user);
    let node = Node::new("iq")
        .attr("from", Jid::server())
        .attr("id", "31047.9127-16")
        .attr("type", "result")
        .child(Node::new("list").children(list));
    sample("result of 24 kB", node)
}

fn ping() -> Node {
    Node::new("iq")
        .attr("to", Jid::server())
        .attr("id", "31047.9127-12100512")
        .attr("type", "get")
        .attr("xmlns", "w:p")
}

fn message() -> Node {
    let enc = Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(noise(1, 416));
    Node::new("message")
        .attr("from", Jid::interop(12, "105012705411308"))
        .attr("id", "3EB0A1B2C3D4E5F60718293A")
        .attr("t", "1752021890")
        .attr("type", "text")
        .attr("notify", "Alice B")
        .child(enc)
}

fn user(n: u32) -> Node {
    let phone = Jid::new((4_915_112_000_000_u64 + u64::from(n)).to_string(), "s.whatsapp.net");
    let id = |n: u32| Node::new("id").bytes(n.to_be_bytes()[1..].to_vec());
    let value = |n| Node::new("value").bytes(noise(n, 32));
    let signed = [id(1), value(n + 300), Node::new("signature").bytes(noise(n + 400, 64))];
    Node::new("user").attr("jid", phone).children([
        Node::new("registration").bytes(n.to_be_bytes().to_vec()),
        Node::new("type").bytes([5]),
        Node::new("identity").bytes(noise(n + 100, 32)),
        Node::new("key").children([id(n), value(n + 200)]),
        Node::new("skey").children(signed),
    ])
}

/// Bytes without any pattern that a codec could profit from.
fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stanzas_have_the_sizes_that_they_are_called_by() {
        let [ping, message, result] = samples();
        assert_eq!(ping.bytes.len(), 24);
        assert_eq!(message.bytes.len(), 492);
        assert!((23_000..25_000).contains(&result.bytes.len()), "{}", result.bytes.len());
    }
}
