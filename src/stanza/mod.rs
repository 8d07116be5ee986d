//! Stanzas as values: one file per family, each both ways between [`Node`] and a typed form.
//!
//! Parsing is tolerant of what the family does not name (attributes, children) and strict about
//! what it does. Forms are those of `wire.md` §4. The room knows nothing of connections or keys.

pub mod ack;
pub mod blocklist;
pub mod chat_state;
pub mod ib;
pub mod iq;
pub mod login;
pub mod message;
pub mod notification;
pub mod prekeys;
pub mod receipt;

use crate::wire::Node;

/// The address of the chat server itself.
pub const SERVER: &str = "s.whatsapp.net";

/// A node that decodes but is no well-formed stanza of its family.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    #[error("<{tag}> lacks the attribute `{name}`")]
    MissingAttribute { tag: String, name: &'static str },
    #[error("<{tag}> has the attribute {name}=\"{value}\", which is no {expected}")]
    BadAttribute { tag: String, name: &'static str, value: String, expected: &'static str },
    #[error("<{tag}> lacks the child <{name}>")]
    MissingChild { tag: String, name: &'static str },
    #[error("<{tag}> has {actual} bytes of content where {expected} belong")]
    BadLength { tag: String, expected: &'static str, actual: usize },
    #[error("<{tag}> where <{expected}> belongs")]
    WrongTag { tag: String, expected: &'static str },
}

fn expect_tag(node: &Node, expected: &'static str) -> Result<(), StanzaError> {
    if node.tag == expected {
        return Ok(());
    }
    Err(StanzaError::WrongTag { tag: node.tag.to_string(), expected })
}

fn required(node: &Node, name: &'static str) -> Result<String, StanzaError> {
    node.text(name)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| StanzaError::MissingAttribute { tag: node.tag.to_string(), name })
}

fn required_jid(node: &Node, name: &'static str) -> Result<crate::wire::Jid, StanzaError> {
    let value = required(node, name)?;
    node.jid(name).ok_or_else(|| StanzaError::BadAttribute {
        tag: node.tag.to_string(),
        name,
        value,
        expected: "address",
    })
}

fn child<'a>(node: &'a Node, name: &'static str) -> Result<&'a Node, StanzaError> {
    node.find(name).ok_or_else(|| StanzaError::MissingChild { tag: node.tag.to_string(), name })
}

/// Content of exactly `N` bytes.
fn exact<const N: usize>(node: &Node, expected: &'static str) -> Result<[u8; N], StanzaError> {
    let bytes = node.body().unwrap_or_default();
    bytes.try_into().map_err(|_| StanzaError::BadLength {
        tag: node.tag.to_string(),
        expected,
        actual: bytes.len(),
    })
}
