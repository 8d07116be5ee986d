//! A deliberate fault: sessions whose first keys come from a wrong derivation.
//!
//! The session layer builds a sound session; [`KdfInput`] then says which keys replace its root and
//! chain keys, so that messages really go out under wrong keys while the session stays consistent
//! in itself. Both ends can have the fault; two ends with the same one understand each other.

use wacore_libsignal::protocol::{ChainKey, PublicKey, RootKey, SessionState, SignalProtocolError};

use super::derivation::{Derivation, End, IdForm, Kept};
use super::error::E2eeError;
use super::schedule::{Agreements, RegistrationIds, RootAndChain, ratchet_step};

/// What enters the key derivation of X3DH; all but `Sound` are faults that real clients had
/// (ENC-003).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum KdfInput {
    #[default]
    Sound,
    /// The initiator's registration id, big-endian, is appended to the info.
    InfoHasRegistrationId,
    /// The 32 bytes 0xFF are the salt and not the input's prefix.
    PrefixAsSalt,
    /// The joined DH results are cut to 32 bytes, so that only DH1 counts.
    First32Bytes,
    /// The one-time prekey is named, but its DH4 is left out.
    WithoutDh4,
}

impl KdfInput {
    /// The derivation that a diagnosis finds at an initiator with this fault. Without a one-time
    /// prekey, `WithoutDh4` is sound.
    pub fn derivation(self) -> Derivation {
        match self {
            Self::Sound => Derivation::Sound,
            Self::InfoHasRegistrationId => {
                Derivation::RegistrationIdInInfo(End::Sender, IdForm::BigEndian)
            }
            Self::PrefixAsSalt => Derivation::PrefixAsSalt,
            Self::First32Bytes => Derivation::First32Bytes(Kept::PrefixAndDh1),
            Self::WithoutDh4 => Derivation::Dh4Missing,
        }
    }

    /// Derives root and chain key this way. The agreements hold DH4 if and only if a prekey is
    /// named.
    fn secret(self, agreements: &Agreements, ids: RegistrationIds) -> RootAndChain {
        let named = agreements.fourth.is_some();
        let secret = self.derivation().recipe().secret(agreements, ids, named);
        secret.expect("DH4 is there whenever the prekey is named")
    }
}

/// Replaces the keys of a fresh initiator's session.
pub(super) fn rekey_initiator(
    state: &mut SessionState,
    fault: KdfInput,
    agreements: &Agreements,
    ids: RegistrationIds,
    their_ratchet_key: &PublicKey,
) -> Result<(), E2eeError> {
    let secret = fault.secret(agreements, ids);
    let ratchet_private = state.sender_ratchet_private_key().map_err(library)?;
    let agreement = ratchet_private.calculate_agreement(their_ratchet_key)?;
    let ratcheted = ratchet_step(&secret.root, &agreement);
    state.set_root_key(&RootKey::new(ratcheted.root));
    state.set_sender_chain_key(&ChainKey::new(ratcheted.chain, 0)).map_err(library)?;
    state
        .set_receiver_chain_key(their_ratchet_key, &ChainKey::new(secret.chain, 0))
        .map_err(library)
}

/// Replaces the keys of a fresh responder's session.
pub(super) fn rekey_responder(
    state: &mut SessionState,
    fault: KdfInput,
    agreements: &Agreements,
    ids: RegistrationIds,
) -> Result<(), E2eeError> {
    let secret = fault.secret(agreements, ids);
    state.set_root_key(&RootKey::new(secret.root));
    state.set_sender_chain_key(&ChainKey::new(secret.chain, 0)).map_err(library)
}

fn library(error: impl Into<SignalProtocolError>) -> E2eeError {
    E2eeError::Library(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::diagnosis::diagnose;
    use crate::e2ee::envelope::PreKeyEnvelope;
    use crate::e2ee::pair::{Pair, address};
    use crate::e2ee::party::{Ciphertext, EncType, Party as _};

    const FAULTS: [KdfInput; 4] = [
        KdfInput::InfoHasRegistrationId,
        KdfInput::PrefixAsSalt,
        KdfInput::First32Bytes,
        KdfInput::WithoutDh4,
    ];

    fn diagnosed(pair: &Pair, message: &Ciphertext) -> Option<Derivation> {
        let id = PreKeyEnvelope::parse(&message.bytes).unwrap().one_time_id;
        diagnose(&pair.bob.responder_keys(id).unwrap(), &message.bytes).fits
    }

    #[test]
    fn a_sound_peer_cannot_read_a_faulty_one_and_the_fault_is_named() {
        for fault in FAULTS {
            let mut pair = Pair::with_faults(true, fault, KdfInput::Sound);
            for text in ["one", "two"] {
                let message = pair.alice_writes(text);
                let refused = pair.bob_reads(&message);
                assert!(matches!(refused, Err(E2eeError::BadMac(EncType::PkMsg))), "{fault:?}");
                assert_eq!(diagnosed(&pair, &message), Some(fault.derivation()));
            }
        }
    }

    #[test]
    fn two_peers_with_one_fault_talk_and_the_fault_is_named_all_the_same() {
        for fault in FAULTS {
            let mut pair = Pair::with_faults(true, fault, fault);
            for turn in 0..3 {
                let message = pair.alice_writes("there");
                assert_eq!(pair.bob_reads(&message).unwrap(), "there", "{fault:?}, turn {turn}");
                if message.kind == EncType::PkMsg {
                    assert_eq!(diagnosed(&pair, &message), Some(fault.derivation()));
                }
                let reply = pair.bob_writes("and back");
                assert_eq!(pair.alice_reads(&reply).unwrap(), "and back", "{fault:?}");
            }
        }
    }

    #[test]
    fn a_faulty_responder_cannot_read_a_sound_initiator_and_keeps_no_session() {
        for fault in FAULTS {
            let mut pair = Pair::with_faults(true, KdfInput::Sound, fault);
            let message = pair.alice_writes("hello");
            assert!(matches!(pair.bob_reads(&message), Err(E2eeError::BadMac(EncType::PkMsg))));
            assert!(pair.bob.inspect(&address("alice")).is_none());
            pair.bob.derive_from(KdfInput::Sound);
            assert_eq!(pair.bob_reads(&message).unwrap(), "hello", "the prekey was not used up");
        }
    }

    #[test]
    fn without_a_one_time_prekey_its_missing_agreement_is_no_fault() {
        let mut pair = Pair::with_faults(false, KdfInput::WithoutDh4, KdfInput::Sound);
        let message = pair.alice_writes("hello");
        assert_eq!(pair.bob_reads(&message).unwrap(), "hello");
        assert_eq!(diagnosed(&pair, &message), Some(Derivation::Sound));
    }
}
