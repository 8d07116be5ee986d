//! Receiving: first messages (PQX §3.4) and those that follow.
//!
//! The library decrypts and stores nothing of a message that fails. Around it stand the rules that
//! it leaves to its caller: a first message cannot change the identity of the session that it
//! belongs to, a late message does not bring a replaced identity back, and the one error that comes
//! after the identity was stored takes that back.

use libsignal_protocol::{
    PreKeySignalMessage, ProtocolAddress, SessionRecord, SignalMessage, SignalProtocolError,
    message_decrypt_prekey, message_decrypt_signal,
};

use super::record::{Record, next_counter};
use super::stores::{Draw, Stores, library_address};
use super::{KnownIdentity, PqxdhParty, VERSION, restore_identity};
use crate::e2ee::envelope::{self, Envelope, PreKeyEnvelope};
use crate::e2ee::error::E2eeError;
use crate::e2ee::party::{Address, EncType};
use crate::e2ee::stores::at_once;

/// How far ahead of its chain a message may be (libsignal 0.85.3, `MAX_FORWARD_JUMPS`).
const FORWARD_JUMPS_MAX: u32 = 25_000;

/// What is known of a peer before a message is tried.
struct Before {
    record: Option<SessionRecord>,
    identity: KnownIdentity,
}

impl PqxdhParty {
    /// Decrypts a `pkmsg`, opening a session unless its base key names one that exists.
    pub(super) fn decrypt_first(
        &mut self,
        peer: &Address,
        bytes: &[u8],
    ) -> Result<Vec<u8>, E2eeError> {
        check_version(envelope::version(bytes)?)?;
        let first = PreKeyEnvelope::parse(bytes)?;
        check_version(first.message.version())?;
        check_ratchet_part(EncType::PkMsg, &first.message)?;
        let address = library_address(peer);
        let before = self.remember(&address);
        let record = before.record.as_ref().and_then(Record::open);
        let existing = record.and_then(|record| record.identity_of_session(&first.base_key));
        if existing.is_some_and(|identity| identity != first.identity) {
            return Err(E2eeError::ForeignIdentity);
        }
        let plaintext = self.open_first(&address, bytes).map_err(|error| {
            restore_identity(&mut self.stores.identities, &address, before.identity);
            explain(error, &before, peer, &first.message, Some(&first))
        })?;
        self.settle_identity(peer, &address, before, existing.is_none());
        Ok(plaintext)
    }

    fn open_first(
        &mut self,
        address: &ProtocolAddress,
        bytes: &[u8],
    ) -> Result<Vec<u8>, E2eeError> {
        let parsed = PreKeySignalMessage::try_from(bytes)?;
        let Stores { sessions, identities, one_time, signed, kem } = &mut self.stores;
        let mut draw = Draw(&mut self.rng);
        at_once(message_decrypt_prekey(
            &parsed, address, sessions, identities, one_time, signed, kem, &mut draw,
        ))
    }

    /// Decrypts a `msg`.
    pub(super) fn decrypt_later(
        &mut self,
        peer: &Address,
        bytes: &[u8],
    ) -> Result<Vec<u8>, E2eeError> {
        check_version(envelope::version(bytes)?)?;
        let message = Envelope::parse(bytes)?;
        check_ratchet_part(EncType::Msg, &message)?;
        let address = library_address(peer);
        let before = self.remember(&address);
        let parsed = SignalMessage::try_from(bytes)?;
        let Stores { sessions, identities, .. } = &mut self.stores;
        let mut draw = Draw(&mut self.rng);
        let call = message_decrypt_signal(&parsed, &address, sessions, identities, &mut draw);
        let plaintext = at_once(call).map_err(|error| {
            restore_identity(&mut self.stores.identities, &address, before.identity);
            explain(error, &before, peer, &message, None)
        })?;
        self.settle_identity(peer, &address, before, false);
        Ok(plaintext)
    }

    fn remember(&self, address: &ProtocolAddress) -> Before {
        Before {
            record: self.stores.sessions.0.get(address).cloned(),
            identity: self.stores.identities.known.get(address).copied(),
        }
    }

    /// Reports a new identity. Where the message belonged to a session that existed, the other
    /// identity is an older one: the message was late, and the newer session stays the one for
    /// sending (PRE-015).
    fn settle_identity(
        &mut self,
        peer: &Address,
        address: &ProtocolAddress,
        before: Before,
        opens: bool,
    ) {
        let now = self.stores.identities.known.get(address).copied();
        let changed = before.identity.is_some() && before.identity != now;
        self.report_change(peer, changed && opens);
        if changed && !opens {
            self.keep_newer(address, &before);
        }
    }

    fn keep_newer(&mut self, address: &ProtocolAddress, before: &Before) {
        let after = self.stores.sessions.0.get(address).and_then(Record::open);
        let old = before.record.as_ref().and_then(Record::open);
        let merged = old.zip(after).and_then(|(old, after)| old.archive_late(after));
        if let Some(record) = merged.and_then(|merged| merged.close().ok()) {
            self.stores.sessions.0.insert(address.clone(), record);
        }
        restore_identity(&mut self.stores.identities, address, before.identity);
    }
}

fn check_version(found: u8) -> Result<(), E2eeError> {
    if found == VERSION { Ok(()) } else { Err(E2eeError::Version { expected: VERSION, found }) }
}

/// Names the rule behind an error of the library. It says "decryption failed" of most, so that a bad
/// MAC and a session that does not fit are not told apart.
fn explain(
    error: E2eeError,
    before: &Before,
    peer: &Address,
    message: &Envelope,
    first: Option<&PreKeyEnvelope>,
) -> E2eeError {
    use SignalProtocolError as Cause;
    let E2eeError::Pqxdh(cause) = error else {
        return error;
    };
    let kind = if first.is_some() { EncType::PkMsg } else { EncType::Msg };
    match (cause, first) {
        (Cause::SessionNotFound(_), _) => E2eeError::NoSession(peer.clone()),
        (Cause::InvalidPreKeyId, Some(PreKeyEnvelope { one_time_id: Some(id), .. })) => {
            E2eeError::UnknownOneTimePrekey(*id)
        }
        (Cause::InvalidSignedPreKeyId, Some(first)) => {
            E2eeError::UnknownSignedPrekey(first.signed_prekey_id)
        }
        (Cause::InvalidKyberPreKeyId, Some(PreKeyEnvelope { kem: Some(kem), .. })) => {
            E2eeError::UnknownKemPrekey(kem.id)
        }
        (Cause::UntrustedIdentity(_), _) => E2eeError::IdentityChanged(peer.clone()),
        (Cause::DuplicatedMessage(_, counter), _) => E2eeError::Duplicate { counter },
        (
            Cause::InvalidMessage(..)
            | Cause::BadKEMKeyType(_)
            | Cause::WrongKEMKeyType(..)
            | Cause::BadKEMCiphertextLength(..)
            | Cause::BadKeyType(_)
            | Cause::UnrecognizedMessageVersion(_),
            _,
        ) => undecryptable(before, kind, message),
        (cause, _) => E2eeError::Pqxdh(cause),
    }
}

/// Tells a jump beyond the limit from what else does not decrypt.
fn undecryptable(before: &Before, kind: EncType, message: &Envelope) -> E2eeError {
    let session = before.record.as_ref().and_then(Record::open).and_then(|it| it.current());
    let chains = session.map(|session| session.receiver_chains).unwrap_or_default();
    let tagged = [&[0x05][..], &message.ratchet_key].concat();
    let chain = chains.iter().find(|chain| chain.ratchet_key.as_ref() == Some(&tagged));
    let next = chain.map_or(0, next_counter);
    if message.counter.saturating_sub(next) > FORWARD_JUMPS_MAX {
        return E2eeError::TooFarAhead { counter: message.counter, next };
    }
    E2eeError::Undecryptable(kind)
}

/// Bytes of the longest number of 64 bits, seven bits a byte.
const VARINT_BYTES_MAX: usize = 10;

/// Refuses what the library's post-quantum ratchet (spqr 0.85.3) does not stand: it reads its part
/// of a message before the MAC is checked, and indexes past the end of one that stops before its
/// type (version byte, epoch, index, type, chunk).
fn check_ratchet_part(kind: EncType, message: &Envelope) -> Result<(), E2eeError> {
    let stands = match message.pq_ratchet.split_first() {
        Some((1, rest)) => after_number(rest)
            .and_then(after_number)
            .and_then(<[u8]>::split_first)
            .is_some_and(|(_, chunk)| chunk.is_empty() || after_number(chunk).is_some()),
        // The library tells empty parts and other versions itself.
        _ => true,
    };
    if stands { Ok(()) } else { Err(E2eeError::Undecryptable(kind)) }
}

/// What follows a number; `None` where the number does not end.
fn after_number(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().take(VARINT_BYTES_MAX).position(|byte| byte & 0x80 == 0)?;
    Some(&bytes[last + 1..])
}
