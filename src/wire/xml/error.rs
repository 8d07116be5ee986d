//! Why a text is no node.
//!
//! Main type: [`XmlError`]. It blames the author of the text and carries the byte offset that
//! `span::Diagnostic` turns into a caret.

use thiserror::Error;

/// A broken rule and the byte offset where it was noticed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at byte {offset}: {rule}")]
pub struct XmlError {
    pub offset: usize,
    pub rule: XmlRule,
}

impl XmlError {
    pub fn new(offset: usize, rule: XmlRule) -> Self {
        Self { offset, rule }
    }
}

/// What a text must be to be a node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlRule {
    /// Broken markup, in the words of the XML parser.
    #[error("{0}")]
    Markup(String),
    #[error("a stanza has no {0}")]
    Forbidden(&'static str),
    #[error("`&{0};` is none of the five entities that XML defines")]
    Entity(String),
    #[error("`{0}` is no name")]
    Name(String),
    #[error("the attribute `{0}` occurs twice")]
    DuplicateAttribute(String),
    #[error("U+{0:04X} must not occur in XML")]
    Character(u32),
    #[error("an element has either text or children")]
    MixedContent,
    #[error("elements are nested more than {} deep", crate::limits::NODE_DEPTH_MAX)]
    Depth,
    #[error("there are more than {} elements", crate::limits::NODES_MAX)]
    Nodes,
    #[error("there is no element")]
    NoElement,
    #[error("something follows the element")]
    Trailing,
    #[error("`{0}` is no attribute of the XML form of a node")]
    Directive(String),
    #[error("the value is no standard base64, or no UTF-8 inside it")]
    Base64,
    #[error("the value is not of the form `key=jid` or `key=text`, with keys of this element")]
    JidKinds,
    #[error("`{0}` is no address")]
    Jid(String),
}
