//! `<ack>`: the answer to a message, receipt, notification or call (`wire.md` §4.7).

use super::{StanzaError, expect_tag, required};
use crate::wire::Node;

/// What an ack acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub class: String,
    pub id: String,
    /// Set on a refusal.
    pub error: Option<String>,
}

impl Ack {
    /// Reads an ack.
    ///
    /// # Errors
    /// No class or id.
    pub fn from_node(node: &Node) -> Result<Self, StanzaError> {
        expect_tag(node, "ack")?;
        Ok(Self {
            class: required(node, "class")?,
            id: required(node, "id")?,
            error: node.text("error").map(|code| code.into_owned()),
        })
    }
}

/// A client's ack of a stanza that the server delivered (STZ-019).
pub fn of_delivered(stanza: &Node) -> Node {
    let mut ack = Node::new("ack").attr("class", stanza.tag.clone());
    for (key, echo) in [("id", "id"), ("from", "to"), ("participant", "participant")] {
        ack = ack.maybe_attr(echo, value(stanza, key));
    }
    if stanza.tag == "message" { ack } else { ack.maybe_attr("type", value(stanza, "type")) }
}

/// The server's ack of a stanza that a client sent. `t` is Unix seconds.
pub fn of_sent(stanza: &Node, t: u64) -> Node {
    Node::new("ack")
        .attr("class", stanza.tag.clone())
        .maybe_attr("id", value(stanza, "id"))
        .maybe_attr("from", value(stanza, "to"))
        .attr("t", t.to_string())
}

/// The server's refusal of a stanza that a client sent.
pub fn refusal(stanza: &Node, t: u64, code: u16) -> Node {
    of_sent(stanza, t).attr("error", code.to_string())
}

fn value(stanza: &Node, key: &str) -> Option<crate::wire::AttrValue> {
    stanza.attrs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Jid;

    #[test]
    fn an_ack_names_class_id_and_sender() {
        let from = Jid::new("15550001", "s.whatsapp.net");
        let receipt =
            Node::new("receipt").attr("id", "A").attr("from", from.clone()).attr("type", "read");
        let ack = of_delivered(&receipt);
        assert_eq!(ack.jid("to"), Some(from));
        assert_eq!(ack.text("type").as_deref(), Some("read"));
        let read = Ack { class: "receipt".into(), id: "A".into(), error: None };
        assert_eq!(Ack::from_node(&ack), Ok(read));
    }
}
