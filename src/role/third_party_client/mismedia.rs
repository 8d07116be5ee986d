//! What a client with a fault makes of a file: at the one line where a right one differs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use sha2::{Digest as _, Sha256};

use crate::e2ee::media::{Media, MediaError, MediaKeys, open, sealed_len};
use crate::role::quirk::Fault;
use crate::wire::Node;

/// AES-CBC fills whole blocks.
const BLOCK_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The path that a message names, but for a fault.
pub(super) fn path(fault: Option<Fault>, path: String, media: &Media) -> String {
    match fault {
        Some(Fault::MediaPathBare) => path.trim_end_matches('/').to_owned(),
        Some(Fault::MediaKeyInPath) => {
            let key = media.key.as_deref().unwrap_or_default();
            format!("{path}?key={}", URL_SAFE_NO_PAD.encode(key))
        }
        _ => path,
    }
}

/// What a faulty client puts beside the ciphertext.
pub(super) fn beside(fault: Option<Fault>, media: &Media) -> Option<Node> {
    match fault? {
        Fault::MediaThumbnailOutside => {
            Some(Node::new("thumbnail").bytes(media.thumbnail.clone()?))
        }
        Fault::CaptionOutside => Some(Node::new("caption").bytes(media.caption.clone()?)),
        _ => None,
    }
}

/// The part of a file that a client reads, and what of the message it looks at.
pub(super) fn opened(
    fault: Option<Fault>,
    file: &[u8],
    keys: &MediaKeys,
    tag: usize,
    media: &Media,
) -> Result<Vec<u8>, MediaError> {
    let mut digests = media.digests.clone();
    match fault {
        Some(Fault::MediaHashesIgnored) => {
            (digests.sha256, digests.enc_sha256, digests.length) = (None, None, None);
            open(file, keys, tag, &digests)
        }
        Some(Fault::MediaPlainHashIgnored) => {
            (digests.sha256, digests.length) = (None, None);
            open(file, keys, tag, &digests)
        }
        Some(Fault::MediaTagIgnored | Fault::MediaReleasedEarly) => {
            without_tag(file, keys, tag, media)
        }
        // The length of the message and not of the file says where the tag is.
        Some(Fault::MediaLengthConfusion) => {
            digests.enc_sha256 = None;
            let end = usize::try_from(sealed_len(digests.length.unwrap_or_default(), tag));
            let end = end.unwrap_or(usize::MAX).min(file.len());
            open(&file[..end], keys, tag, &digests)
        }
        // So long as the rest of the last block is, the tag is.
        Some(Fault::MediaTagComparedInPart) => match file.len() % BLOCK_BYTES {
            0 => without_tag(file, keys, 0, media),
            tag => open(file, keys, tag, &digests),
        },
        Some(Fault::MediaHashOptional) => open(file, keys, tag, &digests),
        Some(Fault::MediaEmptyHashMeansNone) => {
            let given = |hash: Option<Vec<u8>>| hash.filter(|hash| !hash.is_empty());
            (digests.sha256, digests.enc_sha256) =
                (given(digests.sha256), given(digests.enc_sha256));
            open(file, keys, tag, &digests)
        }
        Some(Fault::MediaHashComparedInPart) => compared_in_part(file, keys, tag, media),
        // MED-017: without a hash nothing says which file it is.
        _ if !has_hashes(media) => Err(MediaError::EncryptedHash),
        _ => open(file, keys, tag, &digests),
    }
}

fn has_hashes(media: &Media) -> bool {
    let whole = |hash: &Option<Vec<u8>>| hash.as_ref().is_some_and(|hash| hash.len() == HASH_BYTES);
    whole(&media.digests.sha256) && whole(&media.digests.enc_sha256)
}

/// Compares as much of each hash as the message has.
fn compared_in_part(
    file: &[u8],
    keys: &MediaKeys,
    tag: usize,
    media: &Media,
) -> Result<Vec<u8>, MediaError> {
    let begins = |hash: &Option<Vec<u8>>, of: &[u8]| {
        let hash = hash.as_deref().unwrap_or(&[0]);
        Sha256::digest(of).starts_with(hash)
    };
    let mut digests = media.digests.clone();
    (digests.sha256, digests.enc_sha256) = (None, None);
    let plain = open(file, keys, tag, &digests)?;
    let fits = begins(&media.digests.enc_sha256, file) && begins(&media.digests.sha256, &plain);
    if fits { Ok(plain) } else { Err(MediaError::PlainHash) }
}

/// Decrypts what stands before the tag and looks at neither the tag nor what came out.
fn without_tag(
    file: &[u8],
    keys: &MediaKeys,
    tag: usize,
    media: &Media,
) -> Result<Vec<u8>, MediaError> {
    let mut digests = media.digests.clone();
    digests.sha256 = None;
    let sound = open(file, keys, tag, &digests);
    if !matches!(sound, Err(MediaError::Tag)) {
        return sound;
    }
    let mut out = Vec::new();
    let mut opener = crate::e2ee::media::Opener::new(keys, tag);
    opener.update(file, &mut out);
    Ok(out)
}
