//! What a Signal identity can do, whatever its protocol version: the trait [`Party`].
//!
//! Public keys are 32 raw bytes as on stanzas; the type byte 0x05 of `wire.md` §5.2 exists only
//! inside messages. The trait knows no wire form of bundles. It is synchronous, because a party
//! lives in memory and never waits.

use serde::{Deserialize, Serialize};

pub(super) use super::signature_check::SignatureCheck;
use super::{E2eeError, ResponderKeys, SessionSnapshot, SessionView};
use crate::seed::Rng;

/// Whom a session is with. The name keeps the integrator, so that users of two integrators with one
/// number do not share a session (`wire.md` §5.8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub device: u32,
}

impl Address {
    /// Names a device of a user.
    pub fn new(name: impl Into<String>, device: u32) -> Self {
        Self { name: name.into(), device }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.name, self.device)
    }
}

/// A prekey signed by its owner's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPrekey {
    /// 24 bits on the wire.
    pub id: u32,
    pub value: [u8; 32],
    /// 64 bytes of XEdDSA over 0x05 and the value; any length here, since a peer may send anything.
    pub signature: Vec<u8>,
}

/// A prekey for one session only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTimePrekey {
    /// 24 bits on the wire.
    pub id: u32,
    pub value: [u8; 32],
}

/// A prekey of a key encapsulation mechanism, signed by its owner's identity (PQX §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KemPrekey {
    pub id: u32,
    /// A type byte and the encoded key: 0x08 and 1568 bytes for CRYSTALS-Kyber-1024.
    pub value: Vec<u8>,
    /// XEdDSA over the value, type byte included; any length here.
    pub signature: Vec<u8>,
}

/// What an initiator needs to know of a responder: the prekey bundle of X3DH §3.3 or PQX §3.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub registration_id: u32,
    pub identity: [u8; 32],
    pub signed_prekey: SignedPrekey,
    pub one_time: Option<OneTimePrekey>,
    /// Version 4 cannot do without it, version 3 ignores it.
    pub kem: Option<KemPrekey>,
}

/// The kind of an encrypted payload as stanzas name it (`wire.md` §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncType {
    PkMsg,
    Msg,
}

impl EncType {
    /// The value of the stanza's `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PkMsg => "pkmsg",
            Self::Msg => "msg",
        }
    }

    /// Reads the value of the stanza's `type` attribute; other kinds are none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pkmsg" => Some(Self::PkMsg),
            "msg" => Some(Self::Msg),
            _ => None,
        }
    }
}

/// An encrypted payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    pub kind: EncType,
    pub bytes: Vec<u8>,
}

/// One Signal identity with its prekeys and its sessions.
pub trait Party: Send + Sync {
    /// The message version that this party speaks: the high nibble of the version byte.
    fn version(&self) -> u8;

    /// The registration id, fixed for the life of the party.
    fn registration_id(&self) -> u32;

    /// The public identity key.
    fn identity(&self) -> [u8; 32];

    /// The current signed prekey, its signature included.
    fn signed_prekey(&self) -> SignedPrekey;

    /// The current KEM prekey; none where the version has no such keys.
    fn kem_prekey(&self) -> Option<KemPrekey> {
        None
    }

    /// Puts a new signed prekey in place of the current one, which stays usable for late messages
    /// until it is dropped (X3DH §3.2).
    fn rotate_signed_prekey(&mut self) -> SignedPrekey;

    /// Forgets a replaced signed prekey; the current one stays whatever happens.
    fn drop_signed_prekey(&mut self, id: u32);

    /// Makes this many fresh one-time prekeys and keeps their private halves.
    fn new_one_time_prekeys(&mut self, count: usize) -> Vec<OneTimePrekey>;

    /// Opens a session for sending from a fetched bundle; an older session stays for late messages.
    ///
    /// # Errors
    /// [`E2eeError::Signature`] where `check` refuses, [`E2eeError::IdentityChanged`] where new
    /// identities are not trusted, [`E2eeError::NoKemPrekey`] where the version needs one.
    fn process(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError>;

    /// Says whether a session for sending exists.
    fn has_session(&self, peer: &Address) -> bool;

    /// Encrypts a padded plaintext: a `pkmsg` until the peer has answered, a `msg` from then on.
    ///
    /// # Errors
    /// [`E2eeError::NoSession`] without a session.
    fn encrypt(&mut self, peer: &Address, plaintext: &[u8]) -> Result<Ciphertext, E2eeError>;

    /// Decrypts one message to its padded plaintext. A failure leaves the sessions and the prekeys
    /// as they were (RAT-005, ENC-006).
    ///
    /// # Errors
    /// Says which rule the message breaks; [`E2eeError::retry_reason`] is what a retry would name.
    fn decrypt(&mut self, peer: &Address, message: &Ciphertext) -> Result<Vec<u8>, E2eeError>;

    /// Shows the public side of the session with this peer.
    fn inspect(&self, peer: &Address) -> Option<SessionView>;

    /// Copies the secrets of the session with this peer, as evidence of a compromise.
    fn snapshot(&self, peer: &Address) -> Option<SessionSnapshot>;

    /// Copies all keys and sessions as a thief would hold them, with another generator: what the
    /// party draws from now on stays unknown to the copy (ENC-010).
    fn stolen(&self) -> Box<dyn Party>;

    /// Copies all keys and sessions, with this generator for what is drawn from now on: what a
    /// restarted program has.
    fn copy(&self, rng: Rng) -> Box<dyn Party>;

    /// All keys and sessions as a program writes them down; they are secrets.
    fn save(&self) -> serde_json::Value;

    /// Puts what `save` gave in place of this party's keys and sessions; what is drawn from now on
    /// comes from this party's generator.
    ///
    /// # Errors
    /// [`E2eeError::UnreadableRecord`] where `save` has given nothing of the kind; then nothing has
    /// changed.
    fn load(&mut self, saved: &serde_json::Value) -> Result<(), E2eeError>;

    /// The next one-time prekey gets this id, if it has 24 bits and was never given (PRE-012);
    /// `anew` forgets which ones were given, a deliberate fault.
    fn start_prekey_ids_at(&mut self, id: u32, anew: bool);

    /// Gives the party another registration id, as an installation from a backup has; a party whose
    /// version has no such installations keeps its own (PRE-015).
    fn use_registration_id(&mut self, _id: u32) {}

    /// The private keys that judge a first message which names this one-time prekey; none for an id
    /// that was never made, and none where the version's derivation is not judged. Deleted prekeys
    /// are still found.
    fn responder_keys(&self, one_time_id: Option<u32>) -> Option<ResponderKeys>;

    /// Forgets the session with this peer, but not its identity.
    fn drop_session(&mut self, peer: &Address);

    /// The identity key last seen from this peer.
    fn peer_identity(&self, peer: &Address) -> Option<[u8; 32]>;

    /// Signs with the identity key: what a deliberate fault makes of a bundle is signed like it.
    fn sign(&mut self, message: &[u8]) -> Vec<u8>;

    /// Says whether the last successful `process` or `decrypt` for this peer replaced another
    /// identity key (ENC-012, PRE-015).
    fn identity_changed(&self, peer: &Address) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_kinds_are_read_as_they_are_written() {
        for kind in [EncType::PkMsg, EncType::Msg] {
            assert_eq!(EncType::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(EncType::parse("skmsg"), None);
        assert_eq!(EncType::parse("PKMSG"), None);
    }
}
