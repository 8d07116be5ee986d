//! The outside of `pkmsg` and `msg` payloads: what anybody can read without keys.
//!
//! [`PreKeyEnvelope`] and [`Envelope`] are strict about lengths, key types and the version byte, so
//! that after `parse` nothing is checked again; both low nibbles in use (0x33, 0x34) are fine.
//! [`Summary`] is what a transcript keeps. The protobuf is our own, not the session layer's: two
//! readers find more than one.

use prost::Message as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::party::EncType;
use crate::proto::signal::{PreKeySignalMessage, SignalMessage};

/// The type byte of a Curve25519 key inside protobufs (`wire.md` §5.2).
const KEY_TYPE: u8 = 0x05;
const MAC_BYTES: usize = 8;
/// AES-CBC with PKCS#7 fills whole blocks and at least one (`wire.md` §5.3).
const BLOCK_BYTES: usize = 16;
/// CRYSTALS-Kyber-1024 and ML-KEM-1024, as libsignal marks them.
const KEM_TYPES: [u8; 2] = [0x08, 0x0A];
/// The type byte and the 1568 bytes that either of them encapsulates to (FIPS 203 §8).
const KEM_CIPHERTEXT_BYTES: usize = 1 + 1568;
/// X3DH has message version 3, PQXDH has 4 (`wire.md` §5.2).
const VERSIONS: std::ops::RangeInclusive<u8> = 3..=4;

/// A payload is not built as its kind demands: the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    #[error("the payload is empty")]
    Empty,
    #[error("the payload has {0} bytes, less than the version byte and what authenticates it")]
    TooShort(usize),
    #[error("the version byte {0:#04x} names no message version from 3 to 4")]
    Version(u8),
    #[error("the version byte {0:#04x} names a newest version older than the message's")]
    NewestVersion(u8),
    #[error("the protobuf is invalid: {0}")]
    Protobuf(#[from] prost::DecodeError),
    #[error("the field {0} is missing")]
    Missing(&'static str),
    #[error("the key {field} has {bytes} bytes instead of 33")]
    KeyLength { field: &'static str, bytes: usize },
    #[error("the key {field} has type {found:#04x} instead of 0x05")]
    KeyType { field: &'static str, found: u8 },
    #[error("the ciphertext has {0} bytes, which is no positive multiple of 16")]
    CiphertextLength(usize),
    #[error("the field {field} has {bytes} bytes instead of {expected}")]
    FieldLength { field: &'static str, bytes: usize, expected: usize },
    #[error("the KEM ciphertext has type {found:#04x} instead of 0x08 or 0x0a")]
    KemType { found: u8 },
    #[error("the KEM ciphertext has {0} bytes instead of 1569")]
    KemLength(usize),
}

/// The outside of a `msg`, or of the message inside a `pkmsg` (`wire.md` §5.2, SignalMessage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    pub version_byte: u8,
    pub ratchet_key: [u8; 32],
    /// The message's number in its chain.
    pub counter: u32,
    /// The length of the sender's previous chain; absent is 0.
    pub previous_counter: u32,
    pub ciphertext: Vec<u8>,
    /// The message of the post-quantum ratchet, opaque; only version 4 has one, and it may be empty.
    pub pq_ratchet: Vec<u8>,
    pub mac: [u8; MAC_BYTES],
}

/// The outside of a `pkmsg` (`wire.md` §5.2, PreKeySignalMessage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyEnvelope {
    pub version_byte: u8,
    pub registration_id: u32,
    /// Absent where the bundle had no one-time prekey (X3DH §3.3).
    pub one_time_id: Option<u32>,
    pub signed_prekey_id: u32,
    pub base_key: [u8; 32],
    pub identity: [u8; 32],
    /// What PQXDH adds: always in version 4, mostly absent in version 3.
    pub kem: Option<KemHeader>,
    pub message: Envelope,
    /// The inner message as it came: version byte, protobuf, MAC.
    pub message_bytes: Vec<u8>,
}

/// The part of a `pkmsg` that PQXDH adds to X3DH (PQX §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KemHeader {
    /// The id of the KEM prekey.
    pub id: u32,
    /// A type byte and the encapsulated secret.
    pub ciphertext: Vec<u8>,
}

impl Envelope {
    /// Reads a `msg`.
    ///
    /// # Errors
    /// Says which rule of the format the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (authenticated, mac) = split_mac(bytes)?;
        let (version_byte, body) = split_version(authenticated)?;
        let message = SignalMessage::decode(body)?;
        Ok(Self {
            version_byte,
            ratchet_key: key("ratchetKey", message.ratchet_key)?,
            counter: message.counter.ok_or(EnvelopeError::Missing("counter"))?,
            previous_counter: message.previous_counter.unwrap_or(0),
            ciphertext: blocks(message.ciphertext)?,
            pq_ratchet: message.pq_ratchet.unwrap_or_default(),
            mac,
        })
    }

    /// The message version: the high nibble of the version byte.
    pub fn version(&self) -> u8 {
        self.version_byte >> 4
    }

    /// What a transcript keeps of a `msg`.
    pub fn summary(&self) -> Summary {
        Summary {
            kind: EncType::Msg,
            version_byte: self.version_byte,
            ratchet_key: hex::encode(self.ratchet_key),
            counter: self.counter,
            previous_counter: self.previous_counter,
            ciphertext_bytes: self.ciphertext.len(),
            pq_ratchet_bytes: Some(self.pq_ratchet.len()).filter(|_| self.version() >= 4),
            first: None,
        }
    }
}

impl PreKeyEnvelope {
    /// Reads a `pkmsg` and the message in it.
    ///
    /// # Errors
    /// Says which rule of the format the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (version_byte, body) = split_version(bytes)?;
        let outer = PreKeySignalMessage::decode(body)?;
        let message_bytes = outer.message.ok_or(EnvelopeError::Missing("message"))?;
        Ok(Self {
            version_byte,
            registration_id: outer
                .registration_id
                .ok_or(EnvelopeError::Missing("registrationId"))?,
            one_time_id: outer.pre_key_id,
            signed_prekey_id: outer
                .signed_pre_key_id
                .ok_or(EnvelopeError::Missing("signedPreKeyId"))?,
            base_key: key("baseKey", outer.base_key)?,
            identity: key("identityKey", outer.identity_key)?,
            kem: kem(version_byte >> 4, outer.kem_pre_key_id, outer.kem_ciphertext)?,
            message: Envelope::parse(&message_bytes)?,
            message_bytes,
        })
    }

    /// The message version: the high nibble of the version byte.
    pub fn version(&self) -> u8 {
        self.version_byte >> 4
    }

    /// What a transcript keeps of a `pkmsg`.
    pub fn summary(&self) -> Summary {
        let first = FirstSummary {
            version_byte: self.version_byte,
            registration_id: self.registration_id,
            one_time_id: self.one_time_id,
            signed_prekey_id: self.signed_prekey_id,
            base_key: hex::encode(self.base_key),
            identity: hex::encode(self.identity),
            kem_id: self.kem.as_ref().map(|kem| kem.id),
        };
        Summary { kind: EncType::PkMsg, first: Some(first), ..self.message.summary() }
    }
}

/// The header of a payload for a transcript: keys as hex, the ciphertext as its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub kind: EncType,
    /// The version byte of the message; a `pkmsg` has one of its own in `first`.
    pub version_byte: u8,
    pub ratchet_key: String,
    pub counter: u32,
    pub previous_counter: u32,
    pub ciphertext_bytes: usize,
    /// Length of the post-quantum ratchet's message, in version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pq_ratchet_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstSummary>,
}

/// What only a `pkmsg` has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSummary {
    pub version_byte: u8,
    pub registration_id: u32,
    pub one_time_id: Option<u32>,
    pub signed_prekey_id: u32,
    pub base_key: String,
    pub identity: String,
    /// The KEM prekey's id, in version 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kem_id: Option<u32>,
}

/// Reads a payload of either kind and keeps its header.
///
/// # Errors
/// Says which rule of the format the bytes break.
pub fn summarise(kind: EncType, bytes: &[u8]) -> Result<Summary, EnvelopeError> {
    match kind {
        EncType::PkMsg => Ok(PreKeyEnvelope::parse(bytes)?.summary()),
        EncType::Msg => Ok(Envelope::parse(bytes)?.summary()),
    }
}

/// Splits a message into what its MAC covers and the MAC.
pub(super) fn split_mac(bytes: &[u8]) -> Result<(&[u8], [u8; MAC_BYTES]), EnvelopeError> {
    match bytes.split_last_chunk() {
        Some((authenticated, mac)) if !authenticated.is_empty() => Ok((authenticated, *mac)),
        _ if bytes.is_empty() => Err(EnvelopeError::Empty),
        _ => Err(EnvelopeError::TooShort(bytes.len())),
    }
}

/// The message version of a payload of either kind, whatever else is wrong with it.
pub(super) fn version(bytes: &[u8]) -> Result<u8, EnvelopeError> {
    Ok(split_version(bytes)?.0 >> 4)
}

/// Takes the version byte off: the high nibble is the message's version, the low nibble the
/// sender's newest one, which cannot be older (`wire.md` §5.2).
pub(super) fn split_version(bytes: &[u8]) -> Result<(u8, &[u8]), EnvelopeError> {
    let (&byte, body) = bytes.split_first().ok_or(EnvelopeError::Empty)?;
    let (version, newest) = (byte >> 4, byte & 0x0F);
    if !VERSIONS.contains(&version) {
        return Err(EnvelopeError::Version(byte));
    }
    if newest < version {
        return Err(EnvelopeError::NewestVersion(byte));
    }
    Ok((byte, body))
}

pub(super) fn key(field: &'static str, value: Option<Vec<u8>>) -> Result<[u8; 32], EnvelopeError> {
    let value = value.ok_or(EnvelopeError::Missing(field))?;
    let tagged: [u8; 33] = value
        .try_into()
        .map_err(|value: Vec<u8>| EnvelopeError::KeyLength { field, bytes: value.len() })?;
    let [found, raw @ ..] = tagged;
    match found {
        KEY_TYPE => Ok(raw),
        _ => Err(EnvelopeError::KeyType { field, found }),
    }
}

/// Both KEM fields or neither; version 4 has them (libsignal 0.85.3, `PreKeySignalMessage`).
fn kem(
    version: u8,
    id: Option<u32>,
    ciphertext: Option<Vec<u8>>,
) -> Result<Option<KemHeader>, EnvelopeError> {
    match (id, ciphertext) {
        (None, None) if version < 4 => Ok(None),
        (None, _) => Err(EnvelopeError::Missing("kyberPreKeyId")),
        (_, None) => Err(EnvelopeError::Missing("kyberCiphertext")),
        (Some(id), Some(ciphertext)) => match ciphertext.first() {
            Some(found) if !KEM_TYPES.contains(found) => {
                Err(EnvelopeError::KemType { found: *found })
            }
            Some(_) if ciphertext.len() == KEM_CIPHERTEXT_BYTES => {
                Ok(Some(KemHeader { id, ciphertext }))
            }
            _ => Err(EnvelopeError::KemLength(ciphertext.len())),
        },
    }
}

pub(super) fn blocks(ciphertext: Option<Vec<u8>>) -> Result<Vec<u8>, EnvelopeError> {
    let ciphertext = ciphertext.ok_or(EnvelopeError::Missing("ciphertext"))?;
    if ciphertext.is_empty() || ciphertext.len() % BLOCK_BYTES != 0 {
        return Err(EnvelopeError::CiphertextLength(ciphertext.len()));
    }
    Ok(ciphertext)
}

#[cfg(test)]
mod tests;
