//! Receiving: first messages (X3DH §3.4) and those that follow (DR §3.5).
//!
//! The session layer decrypts. Around it stand the rules that it leaves to its caller: a failure
//! restores everything, a used one-time prekey is deleted, and a first message cannot change the
//! identity of the session that it belongs to. What a new identity means stands in
//! `identity_change`.

use std::sync::Arc;

use wacore_libsignal::protocol::{
    BobSignalProtocolParameters, IdentityKey, PreKeySignalMessage, ProtocolAddress, SignalMessage,
    UsePQRatchet, initialize_bob_session, message_decrypt_prekey, message_decrypt_signal,
};

use super::before::Before;
use super::envelope::{self, Envelope, PreKeyEnvelope};
use super::error::E2eeError;
use super::kdf_fault::{KdfInput, rekey_responder};
use super::party::{Address, Party as _};
use super::schedule::{Agreements, RegistrationIds};
use super::stores::{Stores, at_once};
use super::x3dh_v3::{VERSION, X3dhParty, public, wire_address};

impl X3dhParty {
    /// Decrypts a `pkmsg`, opening a session unless its base key names one that exists.
    pub(super) fn decrypt_first(
        &mut self,
        peer: &Address,
        bytes: &[u8],
    ) -> Result<Vec<u8>, E2eeError> {
        check_version(envelope::version(bytes)?)?;
        let first = PreKeyEnvelope::parse(bytes)?;
        check_version(first.message.version())?;
        let address = wire_address(peer);
        let before = self.remember(&address);
        let existing = before.identity_of_session(&first.base_key);
        if existing.is_some_and(|identity| identity != first.identity) {
            return Err(E2eeError::ForeignIdentity);
        }
        let opens = existing.is_none();
        let outcome = self.open_first(&address, &first, bytes, opens);
        let plaintext = outcome.map_err(|error| {
            self.restore(&address, &before);
            if let Some(id) = first.one_time_id.filter(|_| self.burn_one_time_prekeys) {
                self.stores.one_time.0.remove(&id);
            }
            before.explain(error, peer, &first.message, Some(&first))
        })?;
        if let Some(id) = first.one_time_id.filter(|_| opens && !self.keep_one_time_prekeys) {
            // X3DH §3.4: the one-time prekey's private half is deleted once it has served.
            let used = self.stores.one_time.0.remove(&id);
            if let (Some(unwritten), Some(pair)) = (&mut self.unwritten_deletions, used) {
                unwritten.insert(id, pair);
            }
        }
        self.settle_identity(peer, &address, before, opens);
        Ok(plaintext)
    }

    /// Decrypts a `msg`.
    pub(super) fn decrypt_later(
        &mut self,
        peer: &Address,
        bytes: &[u8],
    ) -> Result<Vec<u8>, E2eeError> {
        check_version(envelope::version(bytes)?)?;
        let message = Envelope::parse(bytes)?;
        let address = wire_address(peer);
        let before = self.remember(&address);
        let parsed = SignalMessage::try_from(bytes).map_err(E2eeError::Library)?;
        let Stores { sessions, identities, .. } = &mut self.stores;
        let call = message_decrypt_signal(&parsed, &address, sessions, identities, &mut self.rng);
        let plaintext = at_once(call).map_err(|error| {
            self.restore(&address, &before);
            before.explain(error, peer, &message, None)
        })?;
        if let Some(held) = &mut self.held_ratchet {
            held.hold(&address, &before, &mut self.stores.sessions)?;
        }
        self.settle_identity(peer, &address, before, false);
        Ok(plaintext.plaintext)
    }

    fn open_first(
        &mut self,
        address: &ProtocolAddress,
        first: &PreKeyEnvelope,
        bytes: &[u8],
        opens: bool,
    ) -> Result<Vec<u8>, E2eeError> {
        if opens && self.kdf != KdfInput::Sound {
            self.respond_wrongly(address, first)?;
        }
        let parsed = PreKeySignalMessage::try_from(bytes).map_err(E2eeError::Library)?;
        let Stores { sessions, identities, one_time, signed } = &mut self.stores;
        let (rng, pq) = (&mut self.rng, UsePQRatchet::No);
        let call = message_decrypt_prekey(
            &parsed, address, sessions, identities, one_time, signed, rng, pq,
        );
        Ok(at_once(call)?.plaintext)
    }

    /// X3DH §3.4 with wrong keys: puts the session in place before the session layer looks for it,
    /// which then takes it for one that it has made itself.
    fn respond_wrongly(
        &mut self,
        address: &ProtocolAddress,
        first: &PreKeyEnvelope,
    ) -> Result<(), E2eeError> {
        let unknown_signed = E2eeError::UnknownSignedPrekey(first.signed_prekey_id);
        let signed = self.stores.signed.0.get(&first.signed_prekey_id).ok_or(unknown_signed)?;
        let signed = signed.pair.clone();
        let one_time = first.one_time_id.map(|id| {
            self.stores.one_time.0.get(&id).ok_or(E2eeError::UnknownOneTimePrekey(id)).cloned()
        });
        let one_time = one_time.transpose()?;
        let own = self.stores.identities.own.clone();
        let agreements = Agreements::of_responder(
            (own.private_key().serialize(), signed.private_key.serialize()),
            one_time.as_ref().map(|pair| pair.private_key.serialize()),
            (&first.identity, &first.base_key),
        )?;
        let (identity, base) = (IdentityKey::new(public(&first.identity)), public(&first.base_key));
        let pq = UsePQRatchet::No;
        let parameters = BobSignalProtocolParameters::new(
            own,
            signed.clone(),
            one_time,
            signed,
            identity,
            base,
            pq,
        );
        let mut state = initialize_bob_session(&parameters).map_err(E2eeError::Library)?;
        let ids =
            RegistrationIds { initiator: first.registration_id, responder: self.registration_id() };
        state.set_local_registration_id(ids.responder);
        state.set_remote_registration_id(ids.initiator);
        rekey_responder(&mut state, self.kdf, &agreements, ids)?;
        self.install(address, state);
        Ok(())
    }

    fn remember(&self, address: &ProtocolAddress) -> Before {
        Before {
            record: self.stores.sessions.0.get(address).cloned(),
            identity: self.stores.identities.known.get(address).copied(),
        }
    }

    /// DR §3.5: a message that fails changes nothing (RAT-005, ENC-006).
    fn restore(&mut self, address: &ProtocolAddress, before: &Before) {
        match &before.record {
            Some(record) => self.stores.sessions.0.insert(address.clone(), Arc::clone(record)),
            None => self.stores.sessions.0.remove(address),
        };
    }
}

fn check_version(found: u8) -> Result<(), E2eeError> {
    if found == VERSION { Ok(()) } else { Err(E2eeError::Version { expected: VERSION, found }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wacore_libsignal::core::curve::{KeyPair, PrivateKey};
    use wacore_libsignal::protocol::IdentityKeyPair;

    use super::*;
    use crate::e2ee::error::Whose;
    use crate::e2ee::pair::{Pair, address, bundle, party, read, rewrite};
    use crate::e2ee::party::{Ciphertext, EncType, SignatureCheck};
    use crate::e2ee::stores::SignedPair;
    use crate::e2ee::vectors::{self, WITH_ONE_TIME, WITHOUT_ONE_TIME};

    fn pkmsg(bytes: Vec<u8>) -> Ciphertext {
        Ciphertext { kind: EncType::PkMsg, bytes }
    }

    /// The same message with its last MAC byte changed.
    fn with_bad_mac(message: &Ciphertext) -> Ciphertext {
        let spoil = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
        match message.kind {
            EncType::PkMsg => rewrite(message, |outer| spoil(outer.message.as_mut().unwrap())),
            EncType::Msg => {
                let mut message = message.clone();
                spoil(&mut message.bytes);
                message
            }
        }
    }

    /// The responder of the vectors.
    fn vector_party() -> X3dhParty {
        let pair = |text| -> KeyPair {
            PrivateKey::deserialize(&vectors::key(text)).unwrap().try_into().unwrap()
        };
        let mut party = party("vectors");
        party.stores.identities.own = IdentityKeyPair::from(pair(vectors::IDENTITY));
        let signature = hex::decode(vectors::SIGNATURE).unwrap().try_into().unwrap();
        let signed = SignedPair { pair: pair(vectors::SIGNED), signature };
        party.stores.signed.0.insert(9, signed);
        party.stores.one_time.0.insert(31, pair(vectors::ONE_TIME));
        party
    }

    #[test]
    fn first_messages_of_another_implementation_are_read_in_any_order() {
        let [first, third] = WITH_ONE_TIME.map(|text| pkmsg(hex::decode(text).unwrap()));
        let mut party = vector_party();
        assert_eq!(read(&mut party, "alice", &third).unwrap(), "vector 2");
        assert_eq!(read(&mut party, "alice", &first).unwrap(), "vector 0");
        let lone = pkmsg(hex::decode(WITHOUT_ONE_TIME).unwrap());
        assert_eq!(read(&mut party, "carol", &lone).unwrap(), "vector 0");
    }

    #[test]
    fn a_replayed_first_message_is_refused_with_and_without_its_session() {
        for one_time in [true, false] {
            let mut pair = Pair::new(one_time);
            let opening = pair.alice_writes("opening");
            assert_eq!(pair.bob_reads(&opening).unwrap(), "opening");
            for _ in 0..3 {
                let replay = pair.bob_reads(&opening);
                assert!(matches!(replay, Err(E2eeError::Duplicate { .. })), "{replay:?}");
            }
        }
        let mut pair = Pair::new(true);
        let opening = pair.alice_writes("opening");
        pair.bob_reads(&opening).unwrap();
        pair.bob.drop_session(&address("alice"));
        let id = PreKeyEnvelope::parse(&opening.bytes).unwrap().one_time_id.unwrap();
        let replay = pair.bob_reads(&opening);
        assert!(matches!(replay, Err(E2eeError::UnknownOneTimePrekey(named)) if named == id));
        assert!(!pair.bob.has_session(&address("alice")));
    }

    #[test]
    fn kept_one_time_prekeys_open_a_recorded_message_again() {
        let mut pair = Pair::new(true);
        pair.bob.keep_one_time_prekeys(true);
        let opening = pair.alice_writes("opening");
        pair.bob_reads(&opening).unwrap();
        pair.bob.drop_session(&address("alice"));
        assert_eq!(pair.bob_reads(&opening).unwrap(), "opening");
    }

    #[test]
    fn messages_are_read_once_in_any_order_within_and_across_turns() {
        let mut pair = Pair::new(true);
        let mut sent: Vec<_> = (0..4).map(|n| (n, pair.alice_writes(&n.to_string()))).collect();
        assert_eq!(pair.bob_reads(&sent[3].1).unwrap(), "3");
        let reply = pair.bob_writes("reply");
        pair.alice_reads(&reply).unwrap();
        sent.extend((4..8).map(|n| (n, pair.alice_writes(&n.to_string()))));
        for n in [6, 1, 7, 0, 4, 2, 5] {
            assert_eq!(pair.bob_reads(&sent[n].1).unwrap(), n.to_string());
        }
        for (_, message) in &sent {
            assert!(matches!(pair.bob_reads(message), Err(E2eeError::Duplicate { .. })));
        }
    }

    #[test]
    fn a_forged_message_changes_nothing() {
        let mut pair = Pair::new(true);
        let opening = pair.alice_writes("opening");
        let refused = pair.bob_reads(&with_bad_mac(&opening));
        assert!(matches!(refused, Err(E2eeError::BadMac(EncType::PkMsg))), "{refused:?}");
        assert!(!pair.bob.has_session(&address("alice")));
        assert_eq!(pair.bob_reads(&opening).unwrap(), "opening", "the prekey was not burned");
        let reply = pair.bob_writes("reply");
        pair.alice_reads(&reply).unwrap();

        let genuine = pair.alice_writes("genuine");
        let before = pair.bob.inspect(&address("alice"));
        let refused = pair.bob_reads(&with_bad_mac(&genuine));
        assert!(matches!(refused, Err(E2eeError::BadMac(EncType::Msg))), "{refused:?}");
        assert_eq!(pair.bob.inspect(&address("alice")), before);
        assert_eq!(pair.bob_reads(&genuine).unwrap(), "genuine");
    }

    #[test]
    fn crossed_first_messages_converge_on_one_session() {
        let mut pair = Pair::new(true);
        let alices = bundle(&mut pair.alice, true);
        pair.bob.process(&address("alice"), &alices, SignatureCheck::Always).unwrap();
        let (hers, his) = (pair.alice_writes("hers"), pair.bob_writes("his"));
        assert_eq!((hers.kind, his.kind), (EncType::PkMsg, EncType::PkMsg));
        assert_eq!(pair.bob_reads(&hers).unwrap(), "hers");
        assert_eq!(pair.alice_reads(&his).unwrap(), "his");
        for _ in 0..3 {
            let hers = pair.alice_writes("hers");
            assert_eq!(pair.bob_reads(&hers).unwrap(), "hers");
            let his = pair.bob_writes("his");
            assert_eq!(pair.alice_reads(&his).unwrap(), "his");
        }
        let base_of = |party: &X3dhParty, peer| party.inspect(&address(peer)).unwrap().base_key;
        assert_eq!(base_of(&pair.alice, "bob"), base_of(&pair.bob, "alice"));
    }

    #[test]
    fn a_message_with_any_byte_changed_is_refused_and_does_no_harm() {
        let mut pair = Pair::settled(true);
        let genuine = pair.alice_writes("genuine");
        for position in 0..genuine.bytes.len() {
            let mut damaged = genuine.clone();
            damaged.bytes[position] ^= 1 << (position % 8);
            let error = pair.bob_reads(&damaged).unwrap_err();
            assert_eq!(error.whose(), Whose::Peer, "byte {position}: {error}");
        }
        assert_eq!(pair.bob_reads(&genuine).unwrap(), "genuine");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_bytes_never_panic_and_never_open_a_session(bytes: Vec<u8>, first: bool) {
            let kind = if first { EncType::PkMsg } else { EncType::Msg };
            let mut bob = party("bob");
            let message = Ciphertext { kind, bytes };
            prop_assert!(bob.decrypt(&address("eve"), &message).is_err());
            prop_assert!(!bob.has_session(&address("eve")));
        }
    }
}
