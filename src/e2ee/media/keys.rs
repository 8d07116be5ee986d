//! One media key, expanded by the kind of its file (`wire.md` §7).

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{BLOCK_BYTES, KEY_BYTES};

/// What the key is expanded to: iv, cipher key, MAC key and reference key.
const EXPANDED_BYTES: usize = 112;

/// The kinds of file that a message can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MediaKind {
    Image,
    Video,
    Audio,
    /// Audio that was recorded to be heard at once (`ptt`).
    Voice,
    Document,
    Sticker,
}

impl MediaKind {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Image, "image"),
        (Self::Video, "video"),
        (Self::Audio, "audio"),
        (Self::Voice, "voice"),
        (Self::Document, "document"),
        (Self::Sticker, "sticker"),
    ];

    /// The word in scenarios and in the driver protocol.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// The kind of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// The profile key under which the label of its key expansion stands.
    pub fn label_key(self) -> &'static str {
        match self {
            Self::Image | Self::Sticker => "media.label_image",
            Self::Video => "media.label_video",
            Self::Audio | Self::Voice => "media.label_audio",
            Self::Document => "media.label_document",
        }
    }

    /// `mediatype` of the `enc` that carries such a message (`wire.md` §4.6).
    pub fn stanza_word(self) -> &'static str {
        match self {
            Self::Voice => "ptt",
            other => other.word(),
        }
    }

    /// The media type of such a file where nothing else is known of it.
    pub fn mimetype(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Video => "video/mp4",
            Self::Audio => "audio/mp4",
            Self::Voice => "audio/ogg; codecs=opus",
            Self::Document => "application/octet-stream",
            Self::Sticker => "image/webp",
        }
    }
}

/// The keys of one file. They cannot be printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MediaKeys {
    pub(super) iv: [u8; BLOCK_BYTES],
    pub(super) cipher: [u8; 32],
    pub(super) mac: [u8; 32],
}

impl MediaKeys {
    /// HKDF-SHA256 without salt, 112 bytes; the last 32 name the file for nobody here.
    pub fn expand(key: &[u8; KEY_BYTES], label: &str) -> Self {
        let mut okm = [0; EXPANDED_BYTES];
        let hkdf = Hkdf::<Sha256>::new(None, key);
        hkdf.expand(label.as_bytes(), &mut okm).expect("112 bytes are few for HKDF");
        let mut keys = Self { iv: [0; BLOCK_BYTES], cipher: [0; 32], mac: [0; 32] };
        keys.iv.copy_from_slice(&okm[..16]);
        keys.cipher.copy_from_slice(&okm[16..48]);
        keys.mac.copy_from_slice(&okm[48..80]);
        okm.zeroize();
        keys
    }
}
