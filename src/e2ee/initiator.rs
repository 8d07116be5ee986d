//! Opening a session from a fetched bundle: the initiator's side of X3DH (X3DH §3.3).
//!
//! The session is built here step by step and not by the session layer's one call, because that
//! call always verifies the signature, and a reference with a fault must be able not to. All
//! degrees of checking and all key derivations take this one path.

use std::sync::Arc;

use wacore_libsignal::core::curve::KeyPair;
use wacore_libsignal::protocol::{
    AliceSignalProtocolParameters, IdentityChange, IdentityKey, ProtocolAddress, SessionRecord,
    SessionState, UsePQRatchet, initialize_alice_session_record,
};

use super::error::E2eeError;
use super::kdf_fault::{KdfInput, rekey_initiator};
use super::party::{Address, Bundle, Party as _, SignatureCheck};
use super::schedule::{Agreements, RegistrationIds};
use super::signature_check::is_canonical;
use super::x3dh_v3::{X3dhParty, public, wire_address};

impl X3dhParty {
    pub(super) fn open_session(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError> {
        check_signature(bundle, check)?;
        let address = wire_address(peer);
        let identity = IdentityKey::new(public(&bundle.identity));
        if !self.stores.identities.trusts(&address, &identity) {
            return Err(E2eeError::IdentityChanged(peer.clone()));
        }
        let state = self.initiate(bundle, identity)?;
        self.install(&address, state);
        let change = self.stores.identities.save(&address, identity);
        self.report_change(peer, change == IdentityChange::ReplacedExisting);
        Ok(())
    }

    /// Makes a session the current one; the one before stays for late messages.
    pub(super) fn install(&mut self, address: &ProtocolAddress, state: SessionState) {
        let old = self.stores.sessions.0.remove(address);
        let mut record = old.map_or_else(SessionRecord::new_fresh, Arc::unwrap_or_clone);
        record.promote_fresh_state(state);
        self.stores.sessions.save(address, record);
    }

    /// X3DH §3.3 up to the first message, which `encrypt` makes.
    fn initiate(
        &mut self,
        bundle: &Bundle,
        identity: IdentityKey,
    ) -> Result<SessionState, E2eeError> {
        let base = KeyPair::generate(&mut self.rng);
        let mut state = self.new_state(bundle, identity, &base)?;
        state.set_unacknowledged_pre_key_message(
            bundle.one_time.map(|prekey| prekey.id.into()),
            bundle.signed_prekey.id.into(),
            &base.public_key,
        );
        state.set_local_registration_id(self.registration_id());
        state.set_remote_registration_id(bundle.registration_id);
        if self.kdf != KdfInput::Sound {
            self.rekey(&mut state, bundle, &base)?;
        }
        Ok(state)
    }

    fn new_state(
        &mut self,
        bundle: &Bundle,
        identity: IdentityKey,
        base: &KeyPair,
    ) -> Result<SessionState, E2eeError> {
        let own = self.stores.identities.own.clone();
        let signed = public(&bundle.signed_prekey.value);
        let pq = UsePQRatchet::No;
        let mut parameters =
            AliceSignalProtocolParameters::new(own, base.clone(), identity, signed, signed, pq);
        if let Some(prekey) = bundle.one_time {
            parameters.set_their_one_time_pre_key(public(&prekey.value));
        }
        let record = initialize_alice_session_record(&parameters, &mut self.rng);
        let state = record.map_err(E2eeError::Library)?.take_session_state();
        Ok(state.expect("a new record has a current session"))
    }

    fn rekey(
        &self,
        state: &mut SessionState,
        bundle: &Bundle,
        base: &KeyPair,
    ) -> Result<(), E2eeError> {
        let own = self.stores.identities.own.private_key();
        let agreements = Agreements::of_initiator(
            (own.serialize(), base.private_key.serialize()),
            (&bundle.identity, &bundle.signed_prekey.value),
            bundle.one_time.as_ref().map(|prekey| &prekey.value),
        )?;
        let ids = RegistrationIds {
            initiator: self.registration_id(),
            responder: bundle.registration_id,
        };
        let ratchet_key = public(&bundle.signed_prekey.value);
        rekey_initiator(state, self.kdf, &agreements, ids, &ratchet_key)
    }
}

/// X3DH §3.3: the initiator verifies the prekey signature and aborts if verification fails; an
/// absent one fails too (PRE-004, PRE-005).
pub(super) fn check_signature(bundle: &Bundle, check: SignatureCheck) -> Result<(), E2eeError> {
    let signature = &bundle.signed_prekey.signature;
    let signed = public(&bundle.signed_prekey.value).serialize();
    let verifies = public(&bundle.identity).verify_signature(&signed, &check.read(signature));
    let by_itself = check == SignatureCheck::OrByThePrekey
        && public(&bundle.signed_prekey.value).verify_signature(&signed, signature);
    let verifies = verifies || by_itself;
    let canonical = check == SignatureCheck::IdentityReduced || is_canonical(&bundle.identity);
    if (verifies && canonical) || check.excuses(signature) {
        return Ok(());
    }
    Err(E2eeError::Signature { bytes: signature.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::pair::{Pair, address, bundle, party};
    use crate::e2ee::party::{EncType, SignedPrekey};
    use crate::e2ee::schedule::public_of;
    use crate::e2ee::vectors;

    /// A bundle of Bob's with this signature in place of his.
    fn signed_with(change: impl Fn(&mut Vec<u8>)) -> Bundle {
        let mut bundle = bundle(&mut party("bob"), true);
        change(&mut bundle.signed_prekey.signature);
        bundle
    }

    #[test]
    fn signatures_are_checked_to_the_degree_that_was_asked_for() {
        use SignatureCheck::{Always, IfPresent, Never};
        let genuine = signed_with(|_| ());
        let absent = signed_with(Vec::clear);
        let random = signed_with(|signature| signature.fill(0x5A));
        let flipped = signed_with(|signature| signature[10] ^= 1);
        let cut = signed_with(|signature| signature.truncate(63));
        let others = signed_with(|signature| *signature = party("eve").signed_prekey().signature);
        for (bundle, accepted_by) in [
            (&genuine, &[Always, IfPresent, Never][..]),
            (&absent, &[IfPresent, Never]),
            (&random, &[Never]),
            (&flipped, &[Never]),
            (&cut, &[Never]),
            (&others, &[Never]),
        ] {
            for check in [Always, IfPresent, Never] {
                let mut alice = party("alice");
                let outcome = alice.process(&address("bob"), bundle, check);
                let accepted = accepted_by.contains(&check);
                assert_eq!(alice.has_session(&address("bob")), accepted, "{check:?}");
                match outcome {
                    Ok(()) => assert!(accepted),
                    Err(error) => assert!(matches!(error, E2eeError::Signature { .. }), "{error}"),
                }
            }
        }
    }

    #[test]
    fn an_unchecked_bundle_still_opens_a_session_that_works() {
        for check in [SignatureCheck::IfPresent, SignatureCheck::Never] {
            let (mut alice, mut bob) = (party("alice"), party("bob"));
            let mut unsigned = bundle(&mut bob, true);
            unsigned.signed_prekey.signature.clear();
            alice.process(&address("bob"), &unsigned, check).unwrap();
            let message = alice.encrypt(&address("bob"), b"hello").unwrap();
            assert_eq!(bob.decrypt(&address("alice"), &message).unwrap(), b"hello");
        }
    }

    #[test]
    fn a_signature_of_another_implementation_verifies() {
        let bundle = Bundle {
            registration_id: 77,
            identity: public_of(&vectors::key(vectors::IDENTITY)).unwrap(),
            signed_prekey: SignedPrekey {
                id: 9,
                value: public_of(&vectors::key(vectors::SIGNED)).unwrap(),
                signature: hex::decode(vectors::SIGNATURE).unwrap(),
            },
            one_time: None,
            kem: None,
        };
        party("alice").process(&address("bob"), &bundle, SignatureCheck::Always).unwrap();
    }

    #[test]
    fn a_bundle_with_a_new_identity_replaces_the_session_and_is_reported() {
        let mut pair = Pair::settled(true);
        let mut reinstalled = party("bob, reinstalled");
        let fresh = bundle(&mut reinstalled, true);
        let bob = address("bob");
        pair.alice.trust_new_identities(false);
        let refused = pair.alice.process(&bob, &fresh, SignatureCheck::Always);
        assert!(matches!(refused, Err(E2eeError::IdentityChanged(peer)) if peer == bob));
        assert_eq!(pair.alice_writes("to the old one").kind, EncType::Msg);

        pair.alice.trust_new_identities(true);
        pair.alice.process(&bob, &fresh, SignatureCheck::Always).unwrap();
        assert!(pair.alice.identity_changed(&bob));
        assert_eq!(pair.alice.peer_identity(&bob), Some(reinstalled.identity()));
        let message = pair.alice_writes("to the new one");
        assert_eq!(message.kind, EncType::PkMsg);
        assert_eq!(reinstalled.decrypt(&address("alice"), &message).unwrap(), b"to the new one");

        let again = bundle(&mut reinstalled, true);
        pair.alice.process(&bob, &again, SignatureCheck::Always).unwrap();
        assert!(!pair.alice.identity_changed(&bob), "the same identity is no change");
    }
}
