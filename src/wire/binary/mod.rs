//! The binary form of stanzas, both ways and lossless (`wire.md` §3).
//!
//! Main functions: [`decode`] and [`encode`]; the type between them is [`Captured`]. The meaning
//! goes into a [`Node`], the many ways to write it into [`Forms`], so that rules about meaning
//! never see encodings and the encoding matrix never sees meaning. Frames, compression of whole
//! streams and encryption are not known here, only the flag byte and zlib of one payload.

mod addresses;
mod ahead;
mod captured;
mod choice;
mod decode;
mod encode;
mod form;
mod inflate;
mod odd;
mod packed;
mod strings;
mod style;
mod variant;

pub use captured::{Captured, NodeSpan};
pub use decode::{decode, decode_strict};
pub use encode::{encode, encode_as, encode_with};
pub use form::{Form, Forms};
pub use inflate::{Unpacked, pack, pack_with_zeros, unpack};
pub use odd::encode_oddly;
pub use packed::Alphabet;
pub use style::{EncodeAs, Style};
pub use variant::Variant;

use super::Encoding;
use super::error::WireError;
use super::node::Node;
use super::tokens::Token;

/// Bytes that start a value (`wire.md` §3.1); 1 to 235 are words of the dictionary.
mod tag {
    pub const EMPTY: u8 = 0;
    pub const LISTS: u8 = 236;
    pub const JID_INTEROP: u8 = 245;
    pub const JID_MESSENGER: u8 = 246;
    pub const JID_DEVICE: u8 = 247;
    pub const LIST_8: u8 = 248;
    pub const LIST_16: u8 = 249;
    pub const JID_PAIR: u8 = 250;
    pub const HEX: u8 = 251;
    pub const RAW_8: u8 = 252;
    pub const RAW_20: u8 = 253;
    pub const RAW_32: u8 = 254;
    pub const NIBBLE: u8 = 255;
}

/// The encoding of inflated stanzas, in the style that open clients write.
pub struct Binary;

impl Encoding for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn decode(&self, bytes: &[u8]) -> Result<Captured, WireError> {
        decode(bytes)
    }

    fn encode(&self, node: &Node, out: &mut Vec<u8>) -> Result<(), WireError> {
        out.extend(encode(node)?);
        Ok(())
    }
}
