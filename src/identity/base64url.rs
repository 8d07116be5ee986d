//! Base64url without padding, strict and lenient (RFC 4648 §3.5, §5).
//!
//! Strict reading names its fault, since the enlistment form and the compact token are judged by
//! it. Lenient reading exists for key sets only: there the spelling is a row of its own (JWK-006),
//! and a misspelt modulus must not make every signature fail as well.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};

/// What keeps a text from being canonical base64url without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64Fault {
    #[error("has a character outside the base64url alphabet")]
    Alphabet,
    #[error("is padded with `=`")]
    Padded,
    #[error("has a length that no number of bytes encodes to")]
    Length,
    #[error("has non-zero bits after the last byte")]
    TrailingBits,
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Encodes without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes canonical text only: what [`encode`] gives back is the text that came in.
///
/// # Errors
/// The first of: padding, a foreign character, an impossible length, non-zero trailing bits.
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Fault> {
    if text.ends_with('=') {
        return Err(Base64Fault::Padded);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|error| match error {
        base64::DecodeError::InvalidByte(..) => Base64Fault::Alphabet,
        base64::DecodeError::InvalidLastSymbol { .. } => Base64Fault::TrailingBits,
        base64::DecodeError::InvalidLength { .. } | base64::DecodeError::InvalidPadding => {
            Base64Fault::Length
        }
    })
}

/// Decodes either base64 alphabet, padded or not.
pub fn decode_lenient(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text.replace('+', "-").replace('/', "_")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_spelling_fault_has_its_name() {
        assert_eq!(decode("_-8"), Ok(vec![0xFF, 0xEF]));
        assert_eq!(decode("_-8="), Err(Base64Fault::Padded));
        assert_eq!(decode("/+8"), Err(Base64Fault::Alphabet));
        assert_eq!(decode("a=b"), Err(Base64Fault::Alphabet));
        assert_eq!(decode("_-9"), Err(Base64Fault::TrailingBits));
        assert_eq!(decode("_-8Aa"), Err(Base64Fault::Length));
        assert_eq!(decode("_-8\n"), Err(Base64Fault::Alphabet));
        assert_eq!(decode(""), Ok(Vec::new()));
    }

    #[test]
    fn lenient_reading_takes_the_other_spellings() {
        for text in ["_-8", "/+8", "_-8=", "_-9"] {
            assert_eq!(decode_lenient(text), Some(vec![0xFF, 0xEF]), "{text}");
        }
        assert_eq!(decode_lenient("a b"), None);
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_to_the_same_text(text in "[A-Za-z0-9_=+/-]{0,12}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(bytes), text);
            }
        }

        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes.clone()));
            prop_assert_eq!(decode_lenient(&encode(&bytes)), Some(bytes));
        }
    }
}
