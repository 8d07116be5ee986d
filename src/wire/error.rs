//! Why bytes are no stanza.
//!
//! Main type: [`WireError`]. It blames the sender of the bytes and says at which offset which
//! rule was broken; when a node is encoded it blames whoever made the node. The rules are a
//! closed set so that a report can count and translate them.

use thiserror::Error;

/// A broken rule and the byte offset where it was noticed.
///
/// The offset counts from the first byte of what was given to the function: the inflated stanza,
/// the payload with its flag byte, or the stream since its start. When encoding it is the number
/// of bytes that were already written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("at byte {offset}: {rule}")]
pub struct WireError {
    pub offset: usize,
    pub rule: Rule,
}

impl WireError {
    pub fn new(offset: usize, rule: Rule) -> Self {
        Self { offset, rule }
    }
}

/// The rules of `wire.md` §1.1, §1.5 and §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Rule {
    #[error("the input ends inside a value")]
    Truncated,
    #[error("bytes are left over after the stanza")]
    Leftover,
    #[error("byte {0} is no tag of the format")]
    Reserved(u8),
    #[error("a node starts with a list header, not with byte {0}")]
    NotANode(u8),
    #[error("a node has no tag")]
    EmptyNode,
    #[error("a tag or an attribute key is an empty string")]
    EmptyName,
    #[error("byte 0 stands where a string is wanted")]
    NullAsString,
    #[error("a list stands where a string is wanted")]
    ListAsString,
    #[error("an address stands where a string is wanted")]
    JidAsString,
    #[error("an attribute key occurs twice in one node")]
    DuplicateAttribute,
    #[error("a string is not UTF-8")]
    Utf8,
    #[error("{0} is no digit of a packed string")]
    Nibble(u8),
    #[error("a packed string of odd length has no characters")]
    PackedLength,
    #[error("{0} is no domain of a device address")]
    JidDomain(u8),
    #[error("an address of this kind has no such server")]
    JidServer,
    #[error("an address of this kind names no user")]
    JidUser,
    #[error("an interop address has integrator 0")]
    JidIntegrator,
    #[error("a part of an address holds a separator, so that its text form is ambiguous")]
    JidText,
    #[error("nodes are nested more than {} deep", crate::limits::NODE_DEPTH_MAX)]
    Depth,
    #[error("a stanza has more than {} nodes", crate::limits::NODES_MAX)]
    Nodes,
    #[error("a stanza has more than {} attributes", crate::limits::ATTRIBUTES_MAX)]
    Attributes,
    #[error("a list has more than {} items", crate::limits::LIST_ITEMS_MAX)]
    ListItems,
    #[error("the compressed part is no zlib stream")]
    Zlib,
    #[error("a stanza inflates to more than {} bytes", crate::limits::INFLATED_BYTES_MAX)]
    Inflated,
    #[error("a frame is longer than {0} bytes")]
    FrameLength(usize),
    /// Broken for the strict decoder alone.
    #[error("{}, which the strict form does not have", .0.what())]
    Variant(super::binary::Variant),
    #[error("a routing prefix is longer than {} bytes", crate::limits::ROUTING_BYTES_MAX)]
    RoutingLength,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_place_and_its_rule() {
        let error = WireError::new(7, Rule::Nibble(12));
        assert_eq!(error.to_string(), "at byte 7: 12 is no digit of a packed string");
        let error = WireError::new(0, Rule::Depth);
        assert_eq!(error.to_string(), "at byte 0: nodes are nested more than 128 deep");
    }
}
