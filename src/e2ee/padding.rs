//! The padding between content and encryption: n bytes of value n.
//!
//! [`pad`] uses the whole range 1..=16 that receivers must accept, although some clients stop at
//! 15, so that a peer's stripping is tried in full. The module knows neither content nor keys.

use rand::Rng as _;
use thiserror::Error;

use crate::seed::Rng;

/// The most padding that exists (`wire.md` §5.4).
const PAD_BYTES_MAX: u8 = 16;

/// A decrypted payload has no valid padding: the sender's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PaddingError {
    #[error("the plaintext is empty: at least one byte of padding is required")]
    Empty,
    #[error("the padding length is {0}; 1 to 16 is allowed")]
    Length(u8),
    #[error("the padding length is {padding}, the plaintext has {plaintext} bytes")]
    Overlong { padding: u8, plaintext: usize },
    #[error("a padding byte differs from the padding length {0}")]
    Fill(u8),
}

/// Appends 1 to 16 bytes of padding (`wire.md` §5.4).
pub fn pad(content: &[u8], rng: &mut Rng) -> Vec<u8> {
    let count = rng.next_u32().to_be_bytes()[0] % PAD_BYTES_MAX + 1;
    let mut padded = content.to_vec();
    padded.resize(content.len() + usize::from(count), count);
    padded
}

/// Takes the padding off; every fill byte is compared (`wire.md` §5.4).
///
/// # Errors
/// Says which rule the padding breaks.
pub fn strip(padded: &[u8]) -> Result<&[u8], PaddingError> {
    let &padding = padded.last().ok_or(PaddingError::Empty)?;
    if !(1..=PAD_BYTES_MAX).contains(&padding) {
        return Err(PaddingError::Length(padding));
    }
    let overlong = PaddingError::Overlong { padding, plaintext: padded.len() };
    let end = padded.len().checked_sub(usize::from(padding)).ok_or(overlong)?;
    let (content, fill) = padded.split_at(end);
    if fill.iter().any(|&byte| byte != padding) {
        return Err(PaddingError::Fill(padding));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    #[test]
    fn every_length_from_1_to_16_is_used() {
        let mut rng = Seed(1).rng(&["padding"]);
        let lengths: std::collections::BTreeSet<_> =
            (0..500).map(|_| pad(b"", &mut rng).len()).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
    }

    #[test]
    fn invalid_padding_is_refused_by_rule() {
        assert_eq!(strip(b""), Err(PaddingError::Empty));
        assert_eq!(strip(b"abc\0"), Err(PaddingError::Length(0)));
        assert_eq!(strip(&[17; 40]), Err(PaddingError::Length(17)));
        assert_eq!(strip(&[2]), Err(PaddingError::Overlong { padding: 2, plaintext: 1 }));
        assert_eq!(strip(&[b'a', 1, 2]), Err(PaddingError::Fill(2)));
        assert_eq!(strip(&[1]), Ok(&[][..]));
        assert_eq!(strip(&[b'a', 2, 2]), Ok(&b"a"[..]));
    }

    proptest! {
        #[test]
        fn padding_comes_off_as_it_went_on(content: Vec<u8>, seed: u64) {
            let padded = pad(&content, &mut Seed(seed).rng(&["padding"]));
            prop_assert!((1..=16).contains(&(padded.len() - content.len())));
            prop_assert_eq!(strip(&padded), Ok(&content[..]));
        }

        #[test]
        fn whatever_is_accepted_is_padded(bytes in prop::collection::vec(0u8..20, 0..40)) {
            if let Ok(content) = strip(&bytes) {
                let count = bytes.len() - content.len();
                prop_assert!((1..=16).contains(&count));
                prop_assert!(bytes[content.len()..].iter().all(|&byte| usize::from(byte) == count));
            }
        }
    }
}
