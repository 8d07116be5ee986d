//! `<receipt>`: delivered, read, and the request to send again (`wire.md` §4.8, §4.9).

use super::{StanzaError, child, exact, expect_tag, required, required_jid};
use crate::wire::{Jid, Node};

/// What a receipt says of its message ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No `type`: decrypted and stored.
    Delivered,
    Read,
    /// Could not be decrypted: please send again.
    Retry(Retry),
    /// A type that this version only passes on.
    Other(String),
}

/// The fields of a retry request (RCP-008).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    pub count: u32,
    pub registration_id: u32,
}

/// A receipt as either side sends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// All ids that it names, the stanza's own first.
    pub ids: Vec<String>,
    /// `to` of what a client sends, `from` of what a server delivers.
    pub peer: Jid,
    pub state: State,
}

impl Receipt {
    /// Reads a receipt that a client sends.
    ///
    /// # Errors
    /// No id or recipient, or a retry without its fields.
    pub fn sent(node: &Node) -> Result<Self, StanzaError> {
        Self::read(node, "to")
    }

    /// Reads a receipt that a server delivers.
    ///
    /// # Errors
    /// No id or sender, or a retry without its fields.
    pub fn delivered(node: &Node) -> Result<Self, StanzaError> {
        Self::read(node, "from")
    }

    fn read(node: &Node, peer: &'static str) -> Result<Self, StanzaError> {
        expect_tag(node, "receipt")?;
        let mut ids = vec![required(node, "id")?];
        for item in node.find("list").map(Node::kids).unwrap_or_default() {
            ids.push(required(item, "id")?);
        }
        let state = match node.text("type").as_deref() {
            None => State::Delivered,
            Some("read") => State::Read,
            Some("retry") => State::Retry(retry(node)?),
            Some(other) => State::Other(other.to_owned()),
        };
        Ok(Self { ids, peer: required_jid(node, peer)?, state })
    }
}

fn retry(node: &Node) -> Result<Retry, StanzaError> {
    let count = required(child(node, "retry")?, "count")?;
    Ok(Retry {
        count: count.parse().map_err(|_| StanzaError::BadAttribute {
            tag: "retry".into(),
            name: "count",
            value: count,
            expected: "number",
        })?,
        registration_id: u32::from_be_bytes(exact(child(node, "registration")?, "4")?),
    })
}

/// A delivery receipt from a client.
pub fn delivered(id: &str, to: &Jid) -> Node {
    Node::new("receipt").attr("id", id).attr("to", to.clone())
}

/// A read receipt from a client. `t` is Unix seconds.
pub fn read(id: &str, to: &Jid, t: u64) -> Node {
    delivered(id, to).attr("type", "read").attr("t", t.to_string())
}

/// A request to send `id` again, without keys (first attempt). `t` is that of the message.
pub fn retry_request(id: &str, to: &Jid, t: &str, retry: &Retry) -> Node {
    let detail = Node::new("retry")
        .attr("count", retry.count.to_string())
        .attr("id", id)
        .attr("t", t)
        .attr("v", "1");
    let registration = Node::new("registration").bytes(retry.registration_id.to_be_bytes());
    delivered(id, to).attr("type", "retry").child(detail).child(registration)
}

/// A client's receipt as the server passes it on to the other end.
pub fn relayed(receipt: &Node, from: &Jid) -> Node {
    let mut out = Node::new("receipt");
    for (key, value) in &receipt.attrs {
        if key != "to" && key != "from" {
            out = out.attr(key.clone(), value.clone());
        }
    }
    out = out.attr("from", from.clone());
    out.content = receipt.content.clone();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_request_reads_back() {
        let to = Jid::new("15550001", "s.whatsapp.net");
        let retry = Retry { count: 2, registration_id: 77 };
        let receipt = Receipt::sent(&retry_request("A1", &to, "9", &retry)).unwrap();
        assert_eq!(receipt.state, State::Retry(retry));
    }

    #[test]
    fn an_aggregated_receipt_names_all_its_ids() {
        let to = Jid::new("15550001", "s.whatsapp.net");
        let item = |id: &str| Node::new("item").attr("id", id);
        let list = Node::new("list").child(item("B")).child(item("C"));
        let receipt = Receipt::sent(&read("A", &to, 9).child(list)).unwrap();
        assert_eq!((receipt.ids.join(""), receipt.state), ("ABC".into(), State::Read));
    }
}
