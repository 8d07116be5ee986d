//! Why something end to end failed, and whose fault it is.
//!
//! [`E2eeError`] has one variant per rule that a peer can break, so that a verdict can name the
//! rule. It maps to the reasons of a retry receipt (`wire.md` §5.6). It never carries key material.

use thiserror::Error;
use wacore_libsignal::core::curve::CurveError;
use wacore_libsignal::protocol::SignalProtocolError;

use super::envelope::EnvelopeError;
use super::party::{Address, EncType};

/// Who is to blame for an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The other side sent what it must not send.
    Peer,
    /// One of the two has lost or repeated something; the message alone does not tell which.
    Either,
    /// This crate is broken.
    Ours,
}

/// A session could not be opened, or a message not be encrypted or decrypted.
#[derive(Debug, Error)]
pub enum E2eeError {
    #[error("the signed prekey's signature does not verify under the identity key ({bytes} bytes)")]
    Signature { bytes: usize },
    #[error("the KEM prekey's signature does not verify under the identity key ({bytes} bytes)")]
    KemSignature { bytes: usize },
    #[error("the bundle has no KEM prekey, without which message version 4 opens no session")]
    NoKemPrekey,
    #[error("the KEM prekey is no public key of a type that is known ({bytes} bytes)")]
    KemPrekeyForm { bytes: usize },
    #[error("the message does not parse: {0}")]
    Envelope(#[from] EnvelopeError),
    #[error("the message has version {found}, this identity speaks version {expected}")]
    Version { expected: u8, found: u8 },
    #[error("there is no session with {0}")]
    NoSession(Address),
    #[error("the message names one-time prekey {0}, which is unknown or used up")]
    UnknownOneTimePrekey(u32),
    #[error("the message names signed prekey {0}, which is unknown")]
    UnknownSignedPrekey(u32),
    #[error("the message names KEM prekey {0}, which is unknown")]
    UnknownKemPrekey(u32),
    #[error("the identity key of {0} has changed and new identities are not trusted")]
    IdentityChanged(Address),
    #[error("the first message names another identity key than the session that it belongs to")]
    ForeignIdentity,
    #[error("message {counter} of its chain was decrypted before")]
    Duplicate { counter: u32 },
    #[error("message {counter} is too far ahead: the chain stands at {next}")]
    TooFarAhead { counter: u32, next: u32 },
    #[error("the MAC of the {} does not fit", .0.as_str())]
    BadMac(EncType),
    #[error("no session takes the {}, or its authentic ciphertext does not decrypt", .0.as_str())]
    Undecryptable(EncType),
    #[error("the session layer failed")]
    Library(#[from] SignalProtocolError),
    #[error("the session layer of version 4 failed")]
    Pqxdh(#[from] libsignal_protocol::SignalProtocolError),
    #[error("a session record of our own cannot be read")]
    UnreadableRecord,
    #[error("an in-memory store made the session layer wait")]
    Pending,
}

impl E2eeError {
    /// Says who is to blame.
    pub fn whose(&self) -> Whose {
        match self {
            Self::Library(_) | Self::Pqxdh(_) | Self::UnreadableRecord | Self::Pending => {
                Whose::Ours
            }
            Self::NoSession(_)
            | Self::UnknownOneTimePrekey(_)
            | Self::UnknownSignedPrekey(_)
            | Self::UnknownKemPrekey(_)
            | Self::Duplicate { .. }
            | Self::IdentityChanged(_) => Whose::Either,
            _ => Whose::Peer,
        }
    }

    /// The reason that a retry receipt names for this error (`wire.md` §5.6).
    pub fn retry_reason(&self) -> u8 {
        match self {
            Self::NoSession(_) => 1,
            Self::IdentityChanged(_) | Self::ForeignIdentity => 2,
            Self::NoKemPrekey | Self::KemPrekeyForm { .. } => 2,
            Self::UnknownOneTimePrekey(_)
            | Self::UnknownSignedPrekey(_)
            | Self::UnknownKemPrekey(_) => 3,
            Self::Envelope(_) | Self::Version { .. } | Self::Undecryptable(_) => 4,
            Self::Signature { .. } | Self::KemSignature { .. } => 5,
            Self::TooFarAhead { .. } => 6,
            Self::BadMac(_) => 7,
            Self::Duplicate { .. } => 9,
            Self::Library(_) | Self::Pqxdh(_) | Self::UnreadableRecord | Self::Pending => 0,
        }
    }
}

impl From<CurveError> for E2eeError {
    fn from(error: CurveError) -> Self {
        Self::Library(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_culprit_and_the_retry_reason() {
        let bad_mac = E2eeError::BadMac(EncType::PkMsg);
        assert_eq!(bad_mac.to_string(), "the MAC of the pkmsg does not fit");
        assert_eq!((bad_mac.whose(), bad_mac.retry_reason()), (Whose::Peer, 7));
        assert_eq!(
            (E2eeError::Pending.whose(), E2eeError::Pending.retry_reason()),
            (Whose::Ours, 0)
        );
        let stranger = E2eeError::NoSession(Address::new("12-5@interop", 0));
        assert_eq!(stranger.to_string(), "there is no session with 12-5@interop.0");
        assert_eq!(stranger.retry_reason(), 1);
    }
}
