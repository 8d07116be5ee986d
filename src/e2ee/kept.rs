//! Keys and sessions as a program writes them down, so that it has them again after a stop.
//!
//! [`Kept`] is what every version of the protocol keeps of its peers, and [`Hex`] how bytes are written.
//! What is written is a JSON value: it is read by the party that wrote it, started anew, and by nobody
//! else. It holds private keys, so whoever stores it stores secrets.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::E2eeError;
use super::party::Address;

/// Bytes, written as hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hex(pub Vec<u8>);

impl Hex {
    pub(crate) fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().to_vec())
    }

    /// A key of 32 bytes.
    pub(super) fn key(&self) -> Result<[u8; 32], E2eeError> {
        self.0.as_slice().try_into().map_err(|_| E2eeError::UnreadableRecord)
    }
}

impl TryFrom<String> for Hex {
    type Error = hex::FromHexError;

    fn try_from(digits: String) -> Result<Self, Self::Error> {
        hex::decode(digits).map(Self)
    }
}

impl From<Hex> for String {
    fn from(bytes: Hex) -> Self {
        hex::encode(bytes.0)
    }
}

/// Identity, prekeys and peers of one party.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<Ids> {
    pub identity: Hex,
    pub registration_id: u32,
    pub signed_prekey_id: u32,
    /// Signed prekeys in the session layer's own form, by id.
    pub signed: BTreeMap<u32, Hex>,
    pub one_time: BTreeMap<u32, Hex>,
    pub one_time_ids: Ids,
    pub known: Vec<(Address, Hex)>,
    pub sessions: Vec<(Address, Hex)>,
    pub changed: Vec<Address>,
}

/// A party's own form as a value.
pub(super) fn written(kept: &impl Serialize) -> Value {
    serde_json::to_value(kept).expect("maps with plain keys, texts and numbers are JSON")
}

/// Reads a party's own form.
pub(super) fn read<T: DeserializeOwned>(written: &Value) -> Result<T, E2eeError> {
    T::deserialize(written).map_err(|_| E2eeError::UnreadableRecord)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::e2ee::party::{Bundle, Ciphertext, Party, SignatureCheck};
    use crate::e2ee::{
        Derivation, LettersParty, OneTimePrekey, PqxdhParty, TextbookParty, X3dhParty,
    };
    use crate::seed::{Rng, Seed};

    type Make = fn(Rng) -> Box<dyn Party>;
    const PARTIES: [(&str, Make); 4] = [
        ("X3DH", |rng| Box::new(X3dhParty::new(rng))),
        ("textbook", |rng| Box::new(TextbookParty::new(rng, Derivation::Sound, None))),
        ("PQXDH", |rng| Box::new(PqxdhParty::new(rng))),
        ("letters", |rng| Box::new(LettersParty::new(rng, None))),
    ];

    fn bundle(of: &dyn Party, one_time: Option<OneTimePrekey>) -> Bundle {
        Bundle {
            registration_id: of.registration_id(),
            identity: of.identity(),
            signed_prekey: of.signed_prekey(),
            one_time,
            kem: of.kem_prekey(),
        }
    }

    fn letter(from: &mut dyn Party, to: &str, text: &[u8]) -> Ciphertext {
        from.encrypt(&Address::new(to, 0), text).unwrap()
    }

    fn reads(reader: &mut dyn Party, from: &str, sealed: &Ciphertext) -> Vec<u8> {
        reader.decrypt(&Address::new(from, 0), sealed).unwrap()
    }

    /// The same installation after a stop: what was written, in a program with other randomness.
    fn started_anew(party: &dyn Party, make: Make) -> Box<dyn Party> {
        let text = party.save().to_string();
        let mut anew = make(Seed(2).rng(&["started anew"]));
        anew.load(&serde_json::from_str(&text).unwrap()).unwrap();
        anew
    }

    #[test]
    fn a_conversation_goes_on_after_both_were_stopped() {
        for (name, make) in PARTIES {
            let [mut alice, mut bob] = ["a", "b"].map(|of| make(Seed(1).rng(&[of])));
            let one_time = bob.new_one_time_prekeys(2).pop();
            let of_bob = bundle(&*bob, one_time);
            let of_alice = bundle(&*alice, None);
            alice.process(&Address::new("bob", 0), &of_bob, SignatureCheck::Always).unwrap();
            if name == "letters" {
                bob.process(&Address::new("alice", 0), &of_alice, SignatureCheck::Always).unwrap();
            }
            let first = letter(&mut *alice, "bob", b"first");
            let late = letter(&mut *alice, "bob", b"late");
            let second = letter(&mut *alice, "bob", b"second");
            assert_eq!(reads(&mut *bob, "alice", &first), b"first", "{name}");
            assert_eq!(reads(&mut *bob, "alice", &second), b"second", "{name}");
            let (identity, signed) = (bob.identity(), bob.signed_prekey());
            let mut bob = started_anew(&*bob, make);
            assert_eq!((bob.identity(), bob.signed_prekey()), (identity, signed), "{name}");
            assert_eq!(bob.kem_prekey(), of_bob.kem, "{name}");
            let again = bob.decrypt(&Address::new("alice", 0), &second);
            assert!(matches!(again, Err(E2eeError::Duplicate { .. })), "{name}: {again:?}");
            assert_eq!(reads(&mut *bob, "alice", &late), b"late", "{name}");
            let mut alice = started_anew(&*alice, make);
            let back = letter(&mut *bob, "alice", b"back");
            assert_eq!(reads(&mut *alice, "bob", &back), b"back", "{name}");
            assert_eq!(alice.peer_identity(&Address::new("bob", 0)), Some(identity), "{name}");
        }
    }

    #[test]
    fn prekeys_outlive_a_stop_and_no_id_is_given_twice() {
        for (name, make) in PARTIES.into_iter().filter(|(name, _)| *name != "letters") {
            let [mut alice, mut bob] = ["a", "b"].map(|of| make(Seed(1).rng(&[of])));
            let given = bob.new_one_time_prekeys(3);
            let of_bob = bundle(&*bob, given.first().copied());
            let mut bob = started_anew(&*bob, make);
            let more = bob.new_one_time_prekeys(3);
            assert!(more.iter().all(|new| given.iter().all(|old| old.id != new.id)), "{name}");
            alice.process(&Address::new("bob", 0), &of_bob, SignatureCheck::Always).unwrap();
            let first = letter(&mut *alice, "bob", b"hello");
            assert_eq!(reads(&mut *bob, "alice", &first), b"hello", "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_and_changes_nothing() {
        for (name, make) in PARTIES {
            let mut party = make(Seed(1).rng(&["a"]));
            let (identity, whole) = (party.identity(), party.save());
            for broken in [json!(null), json!({}), json!({ "identity": "zz" })] {
                let read = party.load(&broken);
                assert!(matches!(read, Err(E2eeError::UnreadableRecord)), "{name}: {read:?}");
            }
            assert_eq!((party.identity(), party.save()), (identity, whole), "{name}");
        }
    }
}
