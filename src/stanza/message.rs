//! `<message>` with its ciphertexts (`wire.md` §4.6, §4.1).

use super::{StanzaError, child, expect_tag, required, required_jid};
use crate::wire::{Jid, Node};

/// One ciphertext of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enc {
    /// `pkmsg`, `msg`, ….
    pub kind: String,
    pub version: String,
    pub bytes: Vec<u8>,
    /// The device it is for, where it stood below `<participants>`.
    pub recipient: Option<Jid>,
}

/// A message as either side sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: String,
    /// The other end: `to` of what a client sends, `from` of what a server delivers.
    pub peer: Jid,
    /// `text`, `media`, …; absent on some relayed messages.
    pub kind: Option<String>,
    pub encs: Vec<Enc>,
    /// Unix seconds, where the server says a number.
    pub t: Option<u64>,
    /// Child elements that are neither ciphertext nor `participants`.
    pub others: Vec<Node>,
}

impl Message {
    /// Reads a message that a client sends: addressed by `to`.
    ///
    /// # Errors
    /// No id or recipient, or an `<enc>` without a type.
    pub fn sent(node: &Node) -> Result<Self, StanzaError> {
        Self::read(node, "to")
    }

    /// Reads a message that a server delivers: addressed by `from`.
    ///
    /// # Errors
    /// No id or sender, or an `<enc>` without a type.
    pub fn delivered(node: &Node) -> Result<Self, StanzaError> {
        Self::read(node, "from")
    }

    fn read(node: &Node, peer: &'static str) -> Result<Self, StanzaError> {
        expect_tag(node, "message")?;
        let mut encs = Vec::new();
        let mut others = Vec::new();
        for kid in node.kids() {
            match kid.tag.as_str() {
                "enc" => encs.push(enc(kid, None)?),
                "participants" => fan_out(kid, &mut encs)?,
                _ => others.push(kid.clone()),
            }
        }
        Ok(Self {
            id: required(node, "id")?,
            peer: required_jid(node, peer)?,
            kind: node.text("type").map(|kind| kind.into_owned()),
            t: node.text("t").and_then(|t| t.parse().ok()),
            encs,
            others,
        })
    }
}

fn fan_out(node: &Node, encs: &mut Vec<Enc>) -> Result<(), StanzaError> {
    for to in node.kids().iter().filter(|kid| kid.tag == "to") {
        encs.push(enc(child(to, "enc")?, Some(required_jid(to, "jid")?))?);
    }
    Ok(())
}

fn enc(node: &Node, recipient: Option<Jid>) -> Result<Enc, StanzaError> {
    Ok(Enc {
        kind: required(node, "type")?,
        version: required(node, "v")?,
        bytes: node.body().unwrap_or_default().to_vec(),
        recipient,
    })
}

/// `<enc v="2" type>`.
pub fn enc_node(kind: &str, bytes: impl Into<Vec<u8>>) -> Node {
    Node::new("enc").attr("v", "2").attr("type", kind).bytes(bytes)
}

/// A text message as a client with one device sends it: a single direct `<enc>`.
pub fn outgoing(id: &str, to: &Jid, content: Node) -> Node {
    Node::new("message").attr("to", to.clone()).attr("id", id).attr("type", "text").child(content)
}

/// A message as the server delivers it. `t` is Unix seconds.
pub fn incoming(id: &str, from: &Jid, to: &Jid, t: u64, content: Node) -> Node {
    Node::new("message")
        .attr("from", from.clone())
        .attr("to", to.clone())
        .attr("id", id)
        .attr("type", "text")
        .attr("t", t.to_string())
        .child(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_names_the_device_of_each_ciphertext() {
        let device = Jid::new("15550001", "s.whatsapp.net");
        let node = Node::new("message").attr("to", device.clone()).attr("id", "A1").child(
            Node::new("participants").child(
                Node::new("to").attr("jid", device.clone()).child(enc_node("pkmsg", [1, 2])),
            ),
        );
        let message = Message::sent(&node).unwrap();
        assert_eq!(message.encs[0].recipient.as_ref(), Some(&device));
        assert_eq!(message.encs[0].bytes, [1, 2]);
    }

    #[test]
    fn a_message_without_an_id_is_no_message() {
        let node = Node::new("message").attr("to", Jid::new("1", "s.whatsapp.net"));
        let missing = StanzaError::MissingAttribute { tag: "message".into(), name: "id" };
        assert_eq!(Message::sent(&node), Err(missing));
    }
}
