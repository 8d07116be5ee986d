//! Files of each kind that follow from the seed, so that no picture lies in the repository.

use rand::Rng as _;

use super::MediaKind;
use crate::seed::Rng;

/// A file of so many bytes: the first ones of its kind, a word to find it by, and then noise.
pub fn sample(kind: MediaKind, len: usize, word: &str, rng: &mut Rng) -> Vec<u8> {
    let magic: &[u8] = match kind {
        MediaKind::Image => b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x02\x00",
        MediaKind::Video => b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00",
        MediaKind::Audio => b"\x00\x00\x00\x18ftypM4A \x00\x00\x02\x00",
        MediaKind::Voice => b"OggS\x00\x02\x00\x00",
        MediaKind::Document => b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        MediaKind::Sticker => b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    };
    let mut file = [magic, word.as_bytes()].concat();
    let begun = file.len().min(len);
    file.resize(len, 0);
    rng.fill_bytes(&mut file[begun..]);
    file
}
