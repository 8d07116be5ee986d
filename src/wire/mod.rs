//! The wire: bytes to nodes and back, without sockets, keys or meaning.
//!
//! Main types: [`Node`], the stanza tree, and [`Captured`], a node with its encoding. The room
//! knows frames, the binary and the XML form of nodes, and addresses; it does not know what a
//! stanza is for. What every implementation may choose freely is kept beside the node and not in
//! it, so that checks on meaning hold for all encodings (`wire.md` §1.1, §1.5, §3).

#[cfg(test)]
mod arbitrary;
pub mod binary;
pub mod error;
pub mod frame;
pub mod jid;
pub mod node;
#[cfg(test)]
mod oracle;
pub mod tokens;
pub mod word;
pub mod xml;

pub use binary::{Captured, EncodeAs, Style, Variant};
pub use error::{Rule, WireError};
pub use jid::{Jid, JidError};
pub use node::{AttrValue, Content, Node};
pub use word::Word;
pub use xml::XmlError;

/// A way to write nodes as bytes.
///
/// Lists, fuzz targets and tests derive from [`ALL`].
pub trait Encoding: Sync {
    /// Gives the name that lists and fuzz targets use.
    fn name(&self) -> &'static str;

    /// Decodes one stanza, which must fill `bytes`.
    ///
    /// # Errors
    /// The first rule that the bytes break.
    fn decode(&self, bytes: &[u8]) -> Result<Captured, WireError>;

    /// Appends the encoded node to `out`, or nothing.
    ///
    /// # Errors
    /// What the encoding cannot express.
    fn encode(&self, node: &Node, out: &mut Vec<u8>) -> Result<(), WireError>;
}

/// All encodings.
pub static ALL: &[&dyn Encoding] = &[&binary::Binary];
