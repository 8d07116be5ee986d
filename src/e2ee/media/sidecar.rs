//! The streaming sidecar of audio and video: a tag for each 64 KiB, so that a player can begin
//! before the whole file is there (`wire.md` §7).
//!
//! Main type: [`Sidecar`]. Two public descriptions contradict each other: one reckons the windows
//! over iv, ciphertext and tag, the other leaves the iv out. Both are here, and no receiver that is
//! known checks either.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::seal::mac;
use super::{BLOCK_BYTES, MediaKeys};

/// Distance between the beginnings of two windows.
const STEP_BYTES: usize = 64 * 1024;
/// Length of one tag.
const TAG_BYTES: usize = 10;

/// Over what the windows run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidecarForm {
    /// iv, ciphertext and tag.
    WithIv,
    /// Ciphertext and tag.
    WithoutIv,
}

impl SidecarForm {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::WithIv => "with-iv",
            Self::WithoutIv => "without-iv",
        }
    }
}

/// Makes a sidecar while the encrypted file passes.
pub struct Sidecar {
    fresh: Hmac<Sha256>,
    /// The windows that are open, with the bytes that each still takes; at most two.
    open: Vec<(Hmac<Sha256>, usize)>,
    /// Bytes until the next window begins.
    next: usize,
    tags: Vec<u8>,
}

impl Sidecar {
    /// Begins a file.
    pub fn new(keys: &MediaKeys, form: SidecarForm) -> Self {
        let mut sidecar = Self { fresh: mac(keys), open: Vec::new(), next: 0, tags: Vec::new() };
        if form == SidecarForm::WithIv {
            sidecar.update(&keys.iv);
        }
        sidecar
    }

    /// Takes the next piece of the encrypted file, tag included.
    pub fn update(&mut self, mut sealed: &[u8]) {
        while !sealed.is_empty() {
            if self.next == 0 {
                self.open.push((self.fresh.clone(), STEP_BYTES + BLOCK_BYTES));
                self.next = STEP_BYTES;
            }
            let room = self.open.iter().map(|(_, left)| *left).min().unwrap_or(STEP_BYTES);
            let (piece, rest) = sealed.split_at(sealed.len().min(room).min(self.next));
            for (mac, left) in &mut self.open {
                mac.update(piece);
                *left -= piece.len();
            }
            self.next -= piece.len();
            sealed = rest;
            self.close_full();
        }
    }

    fn close_full(&mut self) {
        while self.open.first().is_some_and(|(_, left)| *left == 0) {
            let (mac, _) = self.open.remove(0);
            self.tags.extend_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        }
    }

    /// The tags of all windows, one behind the other.
    pub fn finish(mut self) -> Vec<u8> {
        for (mac, _) in std::mem::take(&mut self.open) {
            self.tags.extend_from_slice(&mac.finalize().into_bytes()[..TAG_BYTES]);
        }
        self.tags
    }
}
