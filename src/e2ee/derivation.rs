//! The sound key derivation of a first message, and the wrong ones that are plausible.
//!
//! [`Derivation`] is the closed list; each entry is the sound recipe with one thing changed, and
//! prints as a sentence that an engineer can act on. The same recipes make deliberate faults and
//! diagnose foreign ones, so their values are pinned by vectors from outside. Combinations of two
//! faults are not listed.

use std::fmt;

use serde::Serialize;

use super::schedule::{Bound, Fourth, Info, Prefix, Recipe};
pub use super::schedule::{End, IdForm};

/// How an initiator derives the keys of its first messages: the sound way, or a wrong one. What
/// each name means is what it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Derivation {
    Sound,
    Dh4Missing,
    OneTimePrekeyNotNamed,
    PrefixAsSalt,
    PrefixMissing,
    First32Bytes(Kept),
    RegistrationIdInInfo(End, IdForm),
    WrongInfo(&'static str),
    WrongRatchetInfo(&'static str),
    WrongMessageInfo(&'static str),
    Dh1Dh2Swapped,
    AssociatedDataSwapped,
    AssociatedDataMissing,
    /// Not in [`ALL`](Self::ALL): a first message, which the initiator sends, does not show it.
    AssociatedDataByInitiator,
    RootAndChainSwapped,
    ChainsCrossed,
    ChainConstantsSwapped,
}

/// What is left of the KDF input where it is cut to 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The agreements were cut to DH1, then the prefix was put in front.
    PrefixAndDh1,
    /// DH1 alone.
    Dh1,
    /// The prefix alone: anybody can compute the keys.
    Prefix,
}

impl Derivation {
    /// All derivations that are tried, the sound one first.
    pub const ALL: &[Self] = &[
        Self::Sound,
        Self::Dh4Missing,
        Self::OneTimePrekeyNotNamed,
        Self::PrefixAsSalt,
        Self::PrefixMissing,
        Self::First32Bytes(Kept::PrefixAndDh1),
        Self::First32Bytes(Kept::Dh1),
        Self::First32Bytes(Kept::Prefix),
        Self::RegistrationIdInInfo(End::Sender, IdForm::BigEndian),
        Self::RegistrationIdInInfo(End::Sender, IdForm::LittleEndian),
        Self::RegistrationIdInInfo(End::Sender, IdForm::Decimal),
        Self::RegistrationIdInInfo(End::Receiver, IdForm::BigEndian),
        Self::RegistrationIdInInfo(End::Receiver, IdForm::LittleEndian),
        Self::RegistrationIdInInfo(End::Receiver, IdForm::Decimal),
        Self::WrongInfo(""),
        Self::WrongInfo("X3DH"),
        Self::WrongInfo("WhisperMessageKeys"),
        Self::WrongInfo("WhisperRatchet"),
        Self::WrongInfo("WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024"),
        Self::WrongInfo("WhisperMessage"),
        Self::WrongInfo("WhisperGroup"),
        Self::WrongRatchetInfo(""),
        Self::WrongRatchetInfo("WhisperText"),
        Self::WrongRatchetInfo("WhisperMessageKeys"),
        Self::WrongMessageInfo(""),
        Self::WrongMessageInfo("WhisperText"),
        Self::WrongMessageInfo("WhisperRatchet"),
        Self::WrongMessageInfo("WhisperMessageKey"),
        Self::Dh1Dh2Swapped,
        Self::AssociatedDataSwapped,
        Self::AssociatedDataMissing,
        Self::RootAndChainSwapped,
        Self::ChainsCrossed,
        Self::ChainConstantsSwapped,
    ];

    /// The sound recipe with the one thing changed that this derivation does wrong.
    pub(super) fn recipe(self) -> Recipe {
        let sound = Recipe::SOUND;
        match self {
            Self::Sound => sound,
            Self::Dh4Missing => Recipe { fourth: Fourth::Never, ..sound },
            Self::OneTimePrekeyNotNamed => Recipe { fourth: Fourth::Always, ..sound },
            Self::PrefixAsSalt => Recipe { prefix: Prefix::Salt, ..sound },
            Self::PrefixMissing => Recipe { prefix: Prefix::Absent, ..sound },
            Self::First32Bytes(kept) => kept.recipe(),
            Self::RegistrationIdInInfo(whose, form) => {
                Recipe { info: Info::WithId(whose, form), ..sound }
            }
            Self::WrongInfo(text) => Recipe { info: Info::Text(text), ..sound },
            Self::WrongRatchetInfo(text) => Recipe { ratchet_info: text, ..sound },
            Self::WrongMessageInfo(text) => Recipe { message_info: text, ..sound },
            Self::Dh1Dh2Swapped => Recipe { order: &[1, 0, 2], ..sound },
            Self::AssociatedDataSwapped => Recipe { bound: Bound::ReceiverFirst, ..sound },
            Self::AssociatedDataMissing => Recipe { bound: Bound::Nothing, ..sound },
            Self::AssociatedDataByInitiator => Recipe { bound: Bound::InitiatorFirst, ..sound },
            Self::RootAndChainSwapped => Recipe { outputs_swapped: true, ..sound },
            Self::ChainsCrossed => Recipe { ratcheted: false, ..sound },
            Self::ChainConstantsSwapped => Recipe { constants_swapped: true, ..sound },
        }
    }
}

impl Kept {
    fn recipe(self) -> Recipe {
        let cut = Recipe { fourth: Fourth::Never, ..Recipe::SOUND };
        match self {
            Self::PrefixAndDh1 => Recipe { order: &[0], ..cut },
            Self::Dh1 => Recipe { order: &[0], prefix: Prefix::Absent, ..cut },
            Self::Prefix => Recipe { order: &[], ..cut },
        }
    }
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sound => "the keys are derived as X3DH and the Double Ratchet say",
            Self::Dh4Missing => "the one-time prekey's DH4 is missing from the secret",
            Self::OneTimePrekeyNotNamed => {
                "the secret contains a one-time prekey's DH4, but the message does not name the \
                 prekey"
            }
            Self::PrefixAsSalt => {
                "the 32 bytes 0xFF are used as the HKDF salt; they belong in front of the HKDF \
                 input, and the salt is 32 zero bytes"
            }
            Self::PrefixMissing => "the 32 bytes 0xFF in front of the HKDF input are missing",
            Self::First32Bytes(kept) => return kept.fmt(f),
            Self::RegistrationIdInInfo(whose, form) => {
                return write!(
                    f,
                    "the {whose}'s registration id ({form}) is appended to the HKDF info \
                     \"WhisperText\""
                );
            }
            Self::WrongInfo(text) => {
                return write!(f, "the HKDF info is \"{text}\" instead of \"WhisperText\"");
            }
            Self::WrongRatchetInfo(text) => {
                return write!(
                    f,
                    "the HKDF info of the ratchet's step is \"{text}\" instead of \"WhisperRatchet\""
                );
            }
            Self::WrongMessageInfo(text) => {
                return write!(
                    f,
                    "the HKDF info of the message keys is \"{text}\" instead of \
                     \"WhisperMessageKeys\""
                );
            }
            Self::Dh1Dh2Swapped => {
                "DH1 and DH2 are swapped: first the initiator's identity key with the signed \
                 prekey, then the base key with the responder's identity key"
            }
            Self::AssociatedDataSwapped => {
                "the MAC covers the receiver's identity key before the sender's; the sender's is \
                 first"
            }
            Self::AssociatedDataMissing => "the MAC does not cover the two identity keys",
            Self::AssociatedDataByInitiator => {
                "the MAC covers the initiator's identity key before the responder's, in replies too; \
                 the sender's is first"
            }
            Self::RootAndChainSwapped => {
                "the HKDF output is split the wrong way: the first 32 bytes are the root key, the \
                 next 32 the chain key"
            }
            Self::ChainsCrossed => {
                "the initiator sends on the chain that it should receive on: it must make a \
                 ratchet step with the signed prekey before its first message"
            }
            Self::ChainConstantsSwapped => {
                "the constants of the chain's KDF are swapped: 0x01 gives a message key, 0x02 the next \
                 chain key"
            }
        })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrefixAndDh1 => {
                "only the first 32 bytes of the joined DH results enter the HKDF, so that DH1 \
                 alone decides the keys"
            }
            Self::Dh1 => "the HKDF input is the first 32 bytes of the joined DH results: DH1 alone",
            Self::Prefix => {
                "the HKDF input is cut to its first 32 bytes, which are the prefix 0xFF: anybody \
                 can compute the keys"
            }
        })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        })
    }
}

impl fmt::Display for IdForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BigEndian => "4 bytes, big-endian",
            Self::LittleEndian => "4 bytes, little-endian",
            Self::Decimal => "as decimal digits",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::e2ee::schedule::{Agreements, RegistrationIds};

    /// The MAC of `0x33 "header"`, message 2 of its chain, for each of [`Derivation::ALL`].
    /// Computed with Python's `hmac` and a HKDF from RFC 5869, for DH1 = 01…01 to DH4 = 04…04, the
    /// sender's identity 0a…0a, the receiver's 0b…0b, the ratchet's DH 0c…0c, registration ids 4711
    /// and 77.
    const MACS: &[&str] = &[
        "5d902fbe006db9c7",
        "438fdde30d53bd72",
        "5d902fbe006db9c7",
        "6ce17d5aba268267",
        "f02105e789e52c36",
        "52145f6a6d172737",
        "3233575207dfc7ee",
        "12c1f258ae90d8f3",
        "a66ca5a1793656f0",
        "738f263ab556011b",
        "7edca91f3287657f",
        "cbaf816ce63526d0",
        "5b471957210af5c2",
        "d5adcb6b0394c4e5",
        "865ff30589dc535b",
        "0326cb013a34519c",
        "a39ec40d3afc555a",
        "9b4736cd25eec087",
        "824969a1bb999d3c",
        "93d5339fdca54f95",
        "5b4fcb409271253d",
        "9553999c0aeaa71d",
        "0f909b3ebba99298",
        "bbf498a6afbd6eba",
        "6f87b27b5b45d3b0",
        "2a19b91a98fce7b9",
        "e374b6d0d4017d00",
        "34bf568988291c91",
        "7daa48e494677cf4",
        "509386d993c3812f",
        "750412be2d09e61f",
        "e94e274b00934125",
        "f65f53b51cd8f11d",
        "ffb54a3af78ec424",
    ];

    fn mac(derivation: Derivation) -> String {
        let agreements =
            Agreements { first_three: [[1; 32], [2; 32], [3; 32]], fourth: Some([4; 32]) };
        let ids = RegistrationIds { initiator: 4711, responder: 77 };
        let recipe = derivation.recipe();
        let secret = recipe.secret(&agreements, ids, true).unwrap();
        let key = recipe.mac_key(&recipe.sending_chain(secret, &[0x0C; 32]), 2);
        hex::encode(recipe.mac(&key, &[0x0A; 32], &[0x0B; 32], b"\x33header"))
    }

    #[test]
    fn every_derivation_matches_its_vector() {
        let computed = Derivation::ALL.iter().map(|&derivation| mac(derivation));
        assert_eq!(computed.collect::<Vec<_>>(), MACS);
    }

    #[test]
    fn every_wrong_derivation_says_what_to_mend() {
        let texts: Vec<_> = Derivation::ALL.iter().map(Derivation::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"));
        let by_text: BTreeMap<_, _> = texts.iter().zip(Derivation::ALL).collect();
        assert_eq!(by_text.len(), Derivation::ALL.len(), "texts tell the derivations apart");
    }
}
