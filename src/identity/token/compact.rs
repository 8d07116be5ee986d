//! The compact form: three base64url parts (JWT-003; RFC 7515 §7.1).
//!
//! Splitting is strict in spelling only; what the parts say is judged in `rules`. The signing input
//! is kept as it came, because re-encoding would sign something else.

use std::fmt;

use crate::identity::base64url::{self, Base64Fault};
use crate::identity::token::SigningKey;

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Header,
    Claims,
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::Claims => "claims",
            Part::Signature => "signature",
        })
    }
}

/// Why a text is not a compact token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactFault {
    #[error("it has {0} parts instead of 3")]
    Parts(usize),
    #[error("the {part} {fault}")]
    Base64 { part: Part, fault: Base64Fault },
}

/// A token taken apart.
pub(super) struct Compact<'a> {
    /// Header and claims as they were signed, with the dot between them.
    pub input: &'a str,
    pub header: Vec<u8>,
    pub claims: Vec<u8>,
    pub signature: Vec<u8>,
}

/// Takes a token apart.
pub(super) fn split(token: &str) -> Result<Compact<'_>, CompactFault> {
    let parts = || token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts().next(), parts().nth(1), parts().nth(2), parts().nth(3))
    else {
        return Err(CompactFault::Parts(parts().count()));
    };
    Ok(Compact {
        input: &token[..header.len() + 1 + claims.len()],
        header: part(Part::Header, header)?,
        claims: part(Part::Claims, claims)?,
        signature: part(Part::Signature, signature)?,
    })
}

fn part(part: Part, text: &str) -> Result<Vec<u8>, CompactFault> {
    base64url::decode(text).map_err(|fault| CompactFault::Base64 { part, fault })
}

/// The signing input of a header and claims.
pub(super) fn input(header: &str, claims: &str) -> String {
    format!("{}.{}", base64url::encode(header), base64url::encode(claims))
}

/// Signs a header and claims, whatever they say, with RSASSA-PKCS1-v1_5 and SHA-256.
pub(super) fn signed(key: &SigningKey, header: &str, claims: &str) -> String {
    let input = input(header, claims);
    let signature = base64url::encode(key.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_taken_apart() {
        let compact = split("e30.e30.AAAA").ok().unwrap();
        assert_eq!(compact.input, "e30.e30");
        assert_eq!((compact.header, compact.signature), (b"{}".to_vec(), vec![0; 3]));
    }

    #[test]
    fn other_forms_are_refused_by_name() {
        let fault = |token| split(token).err();
        assert_eq!(fault(""), Some(CompactFault::Parts(1)));
        assert_eq!(fault("e30.e30"), Some(CompactFault::Parts(2)));
        assert_eq!(fault("e30.e30.AAAA.AAAA.AAAA"), Some(CompactFault::Parts(5)));
        let base64 = |part, fault| Some(CompactFault::Base64 { part, fault });
        assert_eq!(fault("e30=.e30.AAAA"), base64(Part::Header, Base64Fault::Padded));
        assert_eq!(fault("e30.e3 0.AAAA"), base64(Part::Claims, Base64Fault::Alphabet));
        assert_eq!(fault("e30.e30.AB"), base64(Part::Signature, Base64Fault::TrailingBits));
    }
}
