//! `<iq>`: requests and their answers (`wire.md` §4.0, §4.3).

use super::{SERVER, StanzaError, expect_tag, required};
use crate::wire::{Jid, Node};

/// The four types of an iq (STZ-010).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IqType {
    Get,
    Set,
    Result,
    Error,
}

impl IqType {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "get" => Some(Self::Get),
            "set" => Some(Self::Set),
            "result" => Some(Self::Result),
            "error" => Some(Self::Error),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// True for what must be answered.
    pub fn is_request(self) -> bool {
        matches!(self, Self::Get | Self::Set)
    }
}

/// An iq with its children left as nodes; `id` may be missing on a server's ping (STZ-009).
#[derive(Clone, Debug, PartialEq)]
pub struct Iq {
    pub kind: IqType,
    pub id: Option<String>,
    pub from: Option<Jid>,
    pub xmlns: Option<String>,
    pub children: Vec<Node>,
}

impl Iq {
    /// Reads an iq. A missing type counts as `get`, as observed on server pings.
    ///
    /// # Errors
    /// Another tag, or a type that is none of the four.
    pub fn from_node(node: &Node) -> Result<Self, StanzaError> {
        expect_tag(node, "iq")?;
        let word = node.text("type").map_or("get".to_owned(), |text| text.into_owned());
        let kind = IqType::parse(&word).ok_or(StanzaError::BadAttribute {
            tag: "iq".into(),
            name: "type",
            value: word,
            expected: "get, set, result or error",
        })?;
        Ok(Self {
            kind,
            id: node.text("id").map(|id| id.into_owned()),
            from: node.jid("from"),
            xmlns: node.text("xmlns").map(|xmlns| xmlns.into_owned()),
            children: node.kids().to_vec(),
        })
    }

    /// True for a liveness check in either direction: `w:p`, or the server's `urn:xmpp:ping`.
    pub fn is_ping(&self) -> bool {
        self.kind == IqType::Get && matches!(self.xmlns.as_deref(), Some("w:p" | "urn:xmpp:ping"))
    }
}

/// A request from a client to the server.
pub fn request(id: &str, kind: IqType, xmlns: &str) -> Node {
    Node::new("iq")
        .attr("to", Jid::server())
        .attr("id", id)
        .attr("xmlns", xmlns)
        .attr("type", kind.word())
}

/// The client's ping: no child, as the majority of observed clients send it.
pub fn client_ping(id: &str) -> Node {
    request(id, IqType::Get, "w:p")
}

/// The server's ping.
pub fn server_ping(id: &str) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("id", id)
        .attr("type", "get")
        .attr("xmlns", "urn:xmpp:ping")
}

/// A client's answer to a server's request; without an id where the request had none.
pub fn client_result(request: &Node) -> Node {
    Node::new("iq")
        .attr("to", Jid::server())
        .maybe_attr("id", request.text("id").map(|id| id.into_owned()))
        .attr("type", "result")
}

/// A client's refusal of a server's request that it does not know (STZ-011).
pub fn client_error(request: &Node, code: u16, text: &str) -> Node {
    Node::new("iq")
        .attr("to", Jid::server())
        .maybe_attr("id", request.text("id").map(|id| id.into_owned()))
        .attr("type", "error")
        .child(error_child(code, text))
}

/// The server's answer to a client's request.
pub fn server_result(request: &Node) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .maybe_attr("id", request.text("id").map(|id| id.into_owned()))
        .attr("type", "result")
}

/// The server's refusal of a client's request.
pub fn server_error(request: &Node, code: u16, text: &str) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .maybe_attr("id", request.text("id").map(|id| id.into_owned()))
        .attr("type", "error")
        .child(error_child(code, text))
}

/// `<error code text/>`.
pub fn error_child(code: u16, text: &str) -> Node {
    Node::new("error").attr("code", code.to_string()).attr("text", text)
}

/// The text that goes with an error code (`wire.md` §8.5).
pub fn error_text(code: u16) -> &'static str {
    match code {
        400 => "bad-request",
        401 => "not-authorized",
        403 => "forbidden",
        419 => "resource-limit",
        429 => "rate-overlimit",
        500 => "internal-server-error",
        503 => "service-unavailable",
        _ => "item-not-found",
    }
}

/// The code of an error answer.
///
/// # Errors
/// No `<error>` child or no code.
pub fn error_code(node: &Node) -> Result<String, StanzaError> {
    required(super::child(node, "error")?, "code")
}

/// True if the stanza is addressed to, or comes from, the server itself.
pub fn is_server(jid: Option<&Jid>) -> bool {
    jid.is_none_or(|jid| jid.to_string() == SERVER)
}
