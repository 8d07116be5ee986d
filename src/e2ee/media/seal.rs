//! Encrypting a file in one pass.

use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{BLOCK_BYTES, MediaKeys};

/// Bytes that are copied at once, so that they are still near when they are encrypted and hashed.
const PIECE_BYTES: usize = 8 * 1024;
/// Bytes that pass all four computations before the next ones do. Each computation is one chain of dependent
/// instructions, and short strides let the processor work on several at once; shorter ones than this wait
/// for the bytes that have just been encrypted.
const STRIDE_BYTES: usize = 256;

/// What a message says of its encrypted file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// SHA-256 of the plaintext.
    pub sha256: [u8; 32],
    /// SHA-256 of the encrypted file, its tag included.
    pub enc_sha256: [u8; 32],
    /// Length of the plaintext.
    pub length: u64,
}

/// Encrypts a file piece by piece.
pub struct Sealer {
    cbc: cbc::Encryptor<aes::Aes256>,
    mac: Hmac<Sha256>,
    plain: Sha256,
    sealed: Sha256,
    /// The beginning of a block that is not whole yet.
    held: Vec<u8>,
    length: u64,
    tag_bytes: usize,
}

impl Sealer {
    /// Begins a file. A tag has at most the 32 bytes of the HMAC.
    pub fn new(keys: &MediaKeys, tag_bytes: usize) -> Self {
        let mut mac = mac(keys);
        mac.update(&keys.iv);
        Self {
            cbc: cbc::Encryptor::new(&keys.cipher.into(), &keys.iv.into()),
            mac,
            plain: Sha256::new(),
            sealed: Sha256::new(),
            held: Vec::with_capacity(BLOCK_BYTES),
            length: 0,
            tag_bytes: tag_bytes.min(32),
        }
    }

    /// Takes the next piece, and appends what can be written of the encrypted file.
    pub fn update(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.length = self.length.saturating_add(plain.len() as u64);
        for piece in plain.chunks(PIECE_BYTES) {
            let from = out.len();
            out.append(&mut self.held);
            out.extend_from_slice(piece);
            let whole = (out.len() - from) / BLOCK_BYTES * BLOCK_BYTES;
            self.held.extend_from_slice(&out[from + whole..]);
            out.truncate(from + whole);
            let mut strides = piece.chunks(STRIDE_BYTES);
            for blocks in out[from..].chunks_mut(STRIDE_BYTES) {
                if let Some(stride) = strides.next() {
                    self.plain.update(stride);
                }
                self.encrypt(blocks);
            }
            strides.for_each(|stride| self.plain.update(stride));
        }
    }

    /// Pads the last block, appends it and the tag, and says what the message must say.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Sealed {
        let from = out.len();
        let padding = BLOCK_BYTES - self.held.len();
        out.append(&mut self.held);
        out.resize(from + BLOCK_BYTES, padding as u8);
        self.encrypt(&mut out[from..]);
        let tag = self.mac.finalize().into_bytes();
        let tag = &tag[..self.tag_bytes];
        self.sealed.update(tag);
        out.extend_from_slice(tag);
        Sealed {
            sha256: self.plain.finalize().into(),
            enc_sha256: self.sealed.finalize().into(),
            length: self.length,
        }
    }

    fn encrypt(&mut self, blocks: &mut [u8]) {
        let (whole, _) = Array::slice_as_chunks_mut(blocks);
        self.cbc.encrypt_blocks(whole);
        self.mac.update(blocks);
        self.sealed.update(blocks);
    }
}

pub(super) fn mac(keys: &MediaKeys) -> Hmac<Sha256> {
    Hmac::new_from_slice(&keys.mac).expect("an HMAC takes keys of any length")
}

/// Encrypts a whole file.
pub fn seal(plain: &[u8], keys: &MediaKeys, tag_bytes: usize) -> (Vec<u8>, Sealed) {
    let mut out = Vec::with_capacity(plain.len() + 2 * BLOCK_BYTES + tag_bytes);
    let mut sealer = Sealer::new(keys, tag_bytes);
    sealer.update(plain, &mut out);
    let sealed = sealer.finish(&mut out);
    (out, sealed)
}
