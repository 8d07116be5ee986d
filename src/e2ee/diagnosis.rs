//! Which key derivation was a first message made with? Judged from the responder's test keys alone.
//!
//! [`diagnose`] recomputes the MAC of a `pkmsg` for every [`Derivation`] and names the one that
//! fits. It knows no session, so a pair of clients with one fault, which understand each other, is
//! found out too (ENC-003). The MAC is what is compared, and not the plaintext, because it also
//! shows which associated data was bound.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wacore_libsignal::core::curve::CurveError;

use super::compromise::SessionSnapshot;
use super::derivation::Derivation;
use super::envelope::{EnvelopeError, PreKeyEnvelope, split_mac};
use super::schedule::{Agreements, Bound, Key, Recipe, RegistrationIds, agree, public_of};
use crate::limits::CHAIN_STEPS_MAX;

/// A test identity's private keys, as evidence: with them a verdict can be judged again. Hex in
/// JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HexKeys", into = "HexKeys")]
pub struct ResponderKeys {
    pub registration_id: u32,
    pub identity_private: [u8; 32],
    pub signed_prekey_private: [u8; 32],
    /// The one-time prekey that the message names, or that its sender was given.
    pub one_time_private: Option<[u8; 32]>,
}

impl fmt::Debug for ResponderKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponderKeys")
            .field("registration_id", &self.registration_id)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HexKeys {
    registration_id: u32,
    identity_private: String,
    signed_prekey_private: String,
    one_time_private: Option<String>,
}

impl From<ResponderKeys> for HexKeys {
    fn from(keys: ResponderKeys) -> Self {
        Self {
            registration_id: keys.registration_id,
            identity_private: hex::encode(keys.identity_private),
            signed_prekey_private: hex::encode(keys.signed_prekey_private),
            one_time_private: keys.one_time_private.map(hex::encode),
        }
    }
}

impl TryFrom<HexKeys> for ResponderKeys {
    type Error = hex::FromHexError;

    fn try_from(keys: HexKeys) -> Result<Self, Self::Error> {
        Ok(Self {
            registration_id: keys.registration_id,
            identity_private: unhex(&keys.identity_private)?,
            signed_prekey_private: unhex(&keys.signed_prekey_private)?,
            one_time_private: keys.one_time_private.as_deref().map(unhex).transpose()?,
        })
    }
}

fn unhex(text: &str) -> Result<Key, hex::FromHexError> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key)?;
    Ok(key)
}

/// What a first message's MAC says about its derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The derivation that fits; none where the sender does something that the table lacks.
    pub fits: Option<Derivation>,
    /// Why not every derivation could be tried.
    pub obstacle: Option<Obstacle>,
}

/// Why a derivation could not be tried.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Obstacle {
    #[error("the first message does not parse: {0}")]
    Envelope(#[from] EnvelopeError),
    #[error("the private half of one-time prekey {0} is not among the keys")]
    OneTimePrekeyUnknown(u32),
    #[error("message {0} of its chain is too far ahead to derive")]
    TooFarAhead(u32),
    #[error("the key agreement failed")]
    Agreement,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.fits, &self.obstacle) {
            (Some(derivation), _) => derivation.fmt(f),
            (None, Some(obstacle)) => write!(f, "the derivation is unknown: {obstacle}"),
            (None, None) => f.write_str("the MAC fits no derivation that is known"),
        }
    }
}

/// Names the derivation that the MAC of a `pkmsg` fits. Costs one chain of at most
/// [`CHAIN_STEPS_MAX`] steps for each derivation.
pub fn diagnose(responder: &ResponderKeys, prekey_message: &[u8]) -> Diagnosis {
    examine(responder, prekey_message)
        .unwrap_or_else(|obstacle| Diagnosis { fits: None, obstacle: Some(obstacle) })
}

fn examine(responder: &ResponderKeys, prekey_message: &[u8]) -> Result<Diagnosis, Obstacle> {
    let first = PreKeyEnvelope::parse(prekey_message)?;
    if first.message.counter > CHAIN_STEPS_MAX {
        return Err(Obstacle::TooFarAhead(first.message.counter));
    }
    let evidence = Evidence::gather(responder, &first).map_err(|_| Obstacle::Agreement)?;
    let (covered, mac) = split_mac(&first.message_bytes)?;
    let fits = Derivation::ALL.iter().copied().find(|derivation| {
        evidence
            .mac_of(derivation.recipe(), &first, covered)
            .is_some_and(|expected| expected == mac)
    });
    let obstacle = match first.one_time_id {
        Some(id) if fits.is_none() && responder.one_time_private.is_none() => {
            Some(Obstacle::OneTimePrekeyUnknown(id))
        }
        _ => None,
    };
    Ok(Diagnosis { fits, obstacle })
}

/// Orders of the identity keys in the MAC of a reply, the sound one first.
const BINDINGS: [Derivation; 4] = [
    Derivation::Sound,
    Derivation::AssociatedDataByInitiator,
    Derivation::AssociatedDataSwapped,
    Derivation::AssociatedDataMissing,
];

/// Names what the MAC of a `msg` covers in front of the message, from the receiver's session as it
/// was before (ENC-004); `initiated` says whether the receiver began that session. None where the session cannot open the message at all, so that nothing is
/// known of it.
pub fn diagnose_reply(
    before: &SessionSnapshot,
    initiated: bool,
    message: &[u8],
) -> Option<Derivation> {
    let fits = |derivation: &Derivation| {
        let bound = match derivation.recipe().bound {
            // The two differ only where the responder sends.
            Bound::InitiatorFirst if initiated => Bound::ReceiverFirst,
            Bound::InitiatorFirst => Bound::SenderFirst,
            bound => bound,
        };
        before.mac_fits(message, Recipe { bound, ..Recipe::SOUND }) == Some(true)
    };
    BINDINGS.into_iter().find(fits)
}

/// Everything that all derivations start from, computed once.
struct Evidence {
    agreements: Agreements,
    ratchet_agreement: Key,
    responder_identity: Key,
    ids: RegistrationIds,
}

impl Evidence {
    fn gather(responder: &ResponderKeys, first: &PreKeyEnvelope) -> Result<Self, CurveError> {
        let ResponderKeys { identity_private, signed_prekey_private, .. } = responder;
        Ok(Self {
            agreements: Agreements::of_responder(
                (identity_private, signed_prekey_private),
                responder.one_time_private.as_ref(),
                (&first.identity, &first.base_key),
            )?,
            ratchet_agreement: agree(signed_prekey_private, &first.message.ratchet_key)?,
            responder_identity: public_of(identity_private)?,
            ids: RegistrationIds {
                initiator: first.registration_id,
                responder: responder.registration_id,
            },
        })
    }

    fn mac_of(&self, recipe: Recipe, first: &PreKeyEnvelope, covered: &[u8]) -> Option<[u8; 8]> {
        let named = first.one_time_id.is_some();
        let secret = recipe.secret(&self.agreements, self.ids, named)?;
        let chain = recipe.sending_chain(secret, &self.ratchet_agreement);
        let key = recipe.mac_key(&chain, first.message.counter);
        Some(recipe.mac(&key, &first.identity, &self.responder_identity, covered))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::e2ee::derivation::{Derivation, End, IdForm};
    use crate::e2ee::pair::{self, Pair};
    use crate::e2ee::party::{Ciphertext, EncType, Party as _};
    use crate::e2ee::vectors::{self, WITH_ONE_TIME, WITHOUT_ONE_TIME};
    use crate::proto::signal::{PreKeySignalMessage, SignalMessage};

    fn fits(keys: &ResponderKeys, message: &[u8]) -> Option<Derivation> {
        diagnose(keys, message).fits
    }

    fn rewrite(bytes: &[u8], change: impl Fn(&mut PreKeySignalMessage)) -> Vec<u8> {
        let message = Ciphertext { kind: EncType::PkMsg, bytes: bytes.to_vec() };
        pair::rewrite(&message, change).bytes
    }

    /// A first message with counter 5 and the MAC that an initiator with this derivation would
    /// make.
    fn forged(derivation: Derivation, keys: &ResponderKeys) -> Vec<u8> {
        let tagged = |key: Key| Some([&[5][..], &key].concat());
        let [identity, base, ratchet] =
            [[1; 32], [2; 32], [3; 32]].map(|private| public_of(&private).unwrap());
        let message = SignalMessage {
            ratchet_key: tagged(ratchet),
            counter: Some(5),
            previous_counter: None,
            ciphertext: Some(vec![0; 16]),
            ..SignalMessage::default()
        };
        let covered = [&[0x33][..], &message.encode_to_vec()].concat();
        let named = derivation != Derivation::OneTimePrekeyNotNamed;
        let outer = |mac: [u8; 8]| PreKeySignalMessage {
            pre_key_id: named.then_some(31),
            base_key: tagged(base),
            identity_key: tagged(identity),
            message: Some([&covered[..], &mac].concat()),
            registration_id: Some(4711),
            signed_pre_key_id: Some(9),
            ..PreKeySignalMessage::default()
        };
        let pkmsg = |mac| [&[0x33][..], &outer(mac).encode_to_vec()].concat();
        let first = PreKeyEnvelope::parse(&pkmsg([0; 8])).unwrap();
        let evidence = Evidence::gather(keys, &first).unwrap();
        pkmsg(evidence.mac_of(derivation.recipe(), &first, &covered).unwrap())
    }

    #[test]
    fn messages_of_another_implementation_are_sound() {
        for message in WITH_ONE_TIME {
            let message = hex::decode(message).unwrap();
            let keys = vectors::responder_keys(true);
            assert_eq!(fits(&keys, &message), Some(Derivation::Sound));
        }
        let message = hex::decode(WITHOUT_ONE_TIME).unwrap();
        assert_eq!(fits(&vectors::responder_keys(false), &message), Some(Derivation::Sound));
        assert_eq!(fits(&vectors::responder_keys(true), &message), Some(Derivation::Sound));
    }

    #[test]
    fn honest_messages_of_our_own_party_are_sound() {
        for one_time in [true, false] {
            let mut pair = Pair::new(one_time);
            for _ in 0..5 {
                let message = pair.alice_writes("hello").bytes;
                let id = PreKeyEnvelope::parse(&message).unwrap().one_time_id;
                let keys = pair.bob.responder_keys(id).unwrap();
                assert_eq!(fits(&keys, &message), Some(Derivation::Sound));
            }
        }
    }

    #[test]
    fn every_derivation_is_told_from_all_others() {
        let keys = vectors::responder_keys(true);
        for &derivation in Derivation::ALL {
            assert_eq!(fits(&keys, &forged(derivation, &keys)), Some(derivation));
        }
    }

    #[test]
    fn equal_registration_ids_are_ascribed_to_the_sender() {
        let keys = ResponderKeys { registration_id: 4711, ..vectors::responder_keys(true) };
        let message =
            forged(Derivation::RegistrationIdInInfo(End::Receiver, IdForm::Decimal), &keys);
        let senders = Derivation::RegistrationIdInInfo(End::Sender, IdForm::Decimal);
        assert_eq!(fits(&keys, &message), Some(senders));
    }

    #[test]
    fn a_prekey_that_is_used_and_not_named_is_found() {
        let message = hex::decode(WITH_ONE_TIME[0]).unwrap();
        let unnamed = rewrite(&message, |outer| outer.pre_key_id = None);
        let keys = vectors::responder_keys(true);
        assert_eq!(fits(&keys, &unnamed), Some(Derivation::OneTimePrekeyNotNamed));
        assert_eq!(fits(&vectors::responder_keys(false), &unnamed), None);
    }

    #[test]
    fn what_cannot_be_judged_is_said() {
        let message = hex::decode(WITH_ONE_TIME[0]).unwrap();
        let keyless = diagnose(&vectors::responder_keys(false), &message);
        assert_eq!(
            (keyless.fits, keyless.obstacle),
            (None, Some(Obstacle::OneTimePrekeyUnknown(31)))
        );

        let broken = diagnose(&vectors::responder_keys(true), b"\x33nonsense");
        assert!(matches!(broken.obstacle, Some(Obstacle::Envelope(EnvelopeError::Protobuf(_)))));

        let far = SignalMessage {
            ratchet_key: Some(vec![5; 33]),
            counter: Some(CHAIN_STEPS_MAX + 1),
            previous_counter: None,
            ciphertext: Some(vec![0; 16]),
            ..SignalMessage::default()
        };
        let far = [&[0x33][..], &far.encode_to_vec(), &[0; 8]].concat();
        let far = rewrite(&message, |outer| outer.message = Some(far.clone()));
        let diagnosis = diagnose(&vectors::responder_keys(true), &far);
        assert_eq!(diagnosis.obstacle, Some(Obstacle::TooFarAhead(CHAIN_STEPS_MAX + 1)));
        assert_eq!(
            diagnosis.to_string(),
            "the derivation is unknown: message 2001 of its chain is too far ahead to derive"
        );
    }

    #[test]
    fn a_foreign_mac_fits_nothing() {
        let mut message = hex::decode(WITH_ONE_TIME[0]).unwrap();
        let mac_end = message.len() - "28e7243009".len() / 2;
        message[mac_end - 1] ^= 1;
        let diagnosis = diagnose(&vectors::responder_keys(true), &message);
        assert_eq!((diagnosis.fits, &diagnosis.obstacle), (None, &None));
        assert_eq!(diagnosis.to_string(), "the MAC fits no derivation that is known");
    }

    #[test]
    fn test_keys_survive_a_transcript_and_do_not_print() {
        let keys = vectors::responder_keys(true);
        let json = serde_json::to_string(&keys).unwrap();
        assert!(json.contains(vectors::ONE_TIME));
        assert!(serde_json::from_str::<ResponderKeys>(&json).unwrap() == keys);
        let short = json.replace(vectors::ONE_TIME, "00");
        assert!(serde_json::from_str::<ResponderKeys>(&short).is_err());
        assert_eq!(format!("{keys:?}"), "ResponderKeys { registration_id: 77, .. }");
    }

    #[test]
    fn replies_are_not_first_messages() {
        let mut pair = Pair::settled(true);
        let later = pair.alice_writes("later").bytes;
        let keys = pair.bob.responder_keys(None).unwrap();
        assert!(diagnose(&keys, &later).obstacle.is_some());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert_eq!(fits(&vectors::responder_keys(true), &bytes), None);
        }
    }
}
