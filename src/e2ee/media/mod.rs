//! Media files as WhatsApp encrypts them: keys, the file, its hashes, the message that names them.
//!
//! Main types: [`MediaKeys`], [`Sealer`], [`Opener`] and [`Media`]. A file is AES-256-CBC and a cut
//! HMAC-SHA256 over iv and ciphertext (`wire.md` §7); its hashes stand in the message. Labels and
//! the length of the tag are observed, so they come in as values. Both directions take a file piece
//! by piece and never hold more than one piece of it.

pub mod exif;
mod keys;
mod message;
mod open;
mod sample;
mod seal;
mod sidecar;
#[cfg(test)]
mod tests;

pub use keys::{MediaKeys, MediaKind};
pub use message::Media;
pub(super) use message::of_message;
pub use open::{Digests, MediaError, Opener, open};
pub use sample::sample;
pub use seal::{Sealed, Sealer, seal};
pub use sidecar::{Sidecar, SidecarForm};

/// Length of a media key.
pub const KEY_BYTES: usize = 32;
/// Length of an AES block, and of the initialisation vector.
pub const BLOCK_BYTES: usize = 16;

/// The length of the encrypted file of a plaintext (`wire.md` §7).
pub fn sealed_len(plain: u64, tag_bytes: usize) -> u64 {
    let block = BLOCK_BYTES as u64;
    (plain / block + 1).saturating_mul(block).saturating_add(tag_bytes as u64)
}
