//! Checking and decrypting a file: the encrypted hash and the tag come before the plaintext is
//! anybody's, and the plain hash after (MED-017).

use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::seal::mac;
use super::{BLOCK_BYTES, MediaKeys};

/// What a message says of its file; what it leaves out is not checked here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    pub sha256: Option<Vec<u8>>,
    pub enc_sha256: Option<Vec<u8>>,
    pub length: Option<u64>,
}

/// Why a file is not what its message says: the sender's fault or the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MediaError {
    #[error("the hash of the encrypted file is another than the message's")]
    EncryptedHash,
    #[error("the file has {0} bytes, which is no encrypted file")]
    Length(u64),
    #[error("the authentication tag is wrong")]
    Tag,
    #[error("the padding is wrong")]
    Padding,
    #[error("the hash of the plaintext is another than the message's")]
    PlainHash,
    #[error("the plaintext has {0} bytes, which the message does not say")]
    PlainLength(u64),
}

/// Decrypts a file piece by piece. What it appends is nobody's before [`Opener::finish`] is `Ok`.
pub struct Opener {
    cbc: cbc::Decryptor<aes::Aes256>,
    mac: Hmac<Sha256>,
    plain: Sha256,
    sealed: Sha256,
    /// The end of what came: it may be the last block and the tag.
    held: Vec<u8>,
    /// Bytes that came.
    came: u64,
    /// Bytes that were appended.
    gave: u64,
    tag_bytes: usize,
}

impl Opener {
    /// Begins a file.
    pub fn new(keys: &MediaKeys, tag_bytes: usize) -> Self {
        let mut mac = mac(keys);
        mac.update(&keys.iv);
        Self {
            cbc: cbc::Decryptor::new(&keys.cipher.into(), &keys.iv.into()),
            mac,
            plain: Sha256::new(),
            sealed: Sha256::new(),
            held: Vec::new(),
            came: 0,
            gave: 0,
            tag_bytes: tag_bytes.min(32),
        }
    }

    /// Takes the next piece, and appends what is certainly not the end of the plaintext.
    pub fn update(&mut self, sealed: &[u8], out: &mut Vec<u8>) {
        self.came = self.came.saturating_add(sealed.len() as u64);
        self.sealed.update(sealed);
        self.held.extend_from_slice(sealed);
        let spare = self.held.len().saturating_sub(BLOCK_BYTES + self.tag_bytes);
        let whole = spare / BLOCK_BYTES * BLOCK_BYTES;
        let from = out.len();
        out.extend(self.held.drain(..whole));
        self.decrypt(&mut out[from..]);
        self.plain.update(&out[from..]);
        self.gave += whole as u64;
    }

    /// Checks all that the message says, appends the rest, and gives the hash of the plaintext.
    ///
    /// # Errors
    /// The first thing that is wrong; then nothing that was appended may be used.
    pub fn finish(mut self, wanted: &Digests, out: &mut Vec<u8>) -> Result<[u8; 32], MediaError> {
        let enc_sha256: [u8; 32] = self.sealed.clone().finalize().into();
        if wanted.enc_sha256.as_ref().is_some_and(|hash| *hash != enc_sha256) {
            return Err(MediaError::EncryptedHash);
        }
        if self.held.len() != BLOCK_BYTES + self.tag_bytes {
            return Err(MediaError::Length(self.came));
        }
        let tag = self.held.split_off(BLOCK_BYTES);
        let mut last = std::mem::take(&mut self.held);
        self.decrypt(&mut last);
        let mac = self.mac.clone();
        mac.verify_truncated_left(&tag).map_err(|_| MediaError::Tag)?;
        let end = unpadded(&last).ok_or(MediaError::Padding)?;
        out.extend_from_slice(&last[..end]);
        self.plain.update(&last[..end]);
        let length = self.gave + end as u64;
        let sha256: [u8; 32] = self.plain.finalize().into();
        if wanted.sha256.as_ref().is_some_and(|hash| *hash != sha256) {
            return Err(MediaError::PlainHash);
        }
        if wanted.length.is_some_and(|wanted| wanted != length) {
            return Err(MediaError::PlainLength(length));
        }
        Ok(sha256)
    }

    fn decrypt(&mut self, blocks: &mut [u8]) {
        self.mac.update(blocks);
        let (whole, _) = Array::slice_as_chunks_mut(blocks);
        self.cbc.decrypt_blocks(whole);
    }
}

/// Where the plaintext ends in its last block (PKCS#7).
fn unpadded(block: &[u8]) -> Option<usize> {
    let padding = usize::from(*block.last()?);
    let end = block.len().checked_sub(padding).filter(|_| (1..=BLOCK_BYTES).contains(&padding))?;
    block[end..].iter().all(|byte| usize::from(*byte) == padding).then_some(end)
}

/// Checks and decrypts a whole file.
///
/// # Errors
/// The first thing that is wrong; nothing of the plaintext is given then.
pub fn open(
    file: &[u8],
    keys: &MediaKeys,
    tag_bytes: usize,
    wanted: &Digests,
) -> Result<Vec<u8>, MediaError> {
    let mut out = Vec::with_capacity(file.len());
    let mut opener = Opener::new(keys, tag_bytes);
    opener.update(file, &mut out);
    opener.finish(wanted, &mut out)?;
    Ok(out)
}
