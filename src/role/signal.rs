//! Between stanzas and Signal identities: which version is spoken, what is published and fetched.
//!
//! Main functions: [`published`] and [`for_party`]. Both roles need them, and neither the stanzas nor
//! the identities may know of each other. That a KEM prekey travels in an element of the profile's
//! choosing is ours: no wire form of PQXDH is known (`interfaces.md` §7).

use crate::e2ee::{
    Bundle, Derivation, KdfInput, KemPrekey, LettersParty, OneTimePrekey, Party, PqxdhParty,
    SignedPrekey, TextbookParty, X3dhParty,
};
use crate::role::quirk::Fault;
use crate::seed::Rng;
use crate::spec::Profile;
use crate::stanza::prekeys::{KemKey, Key, SignedKey, UserBundle};

/// How the profile has end-to-end encryption done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The message version, 3 or 4.
    pub version: u8,
    /// The element that holds a KEM prekey; none where there are no such keys.
    pub kem_element: Option<String>,
}

impl Signal {
    /// Reads a profile; where it names no version, it is 3.
    pub fn of(profile: &Profile) -> Self {
        let version = profile.int("signal.version").and_then(|version| u8::try_from(version).ok());
        let kem_element = profile.text("prekeys.kem_element").map(str::to_owned);
        Self { version: version.unwrap_or(3), kem_element }
    }

    /// The same with a deliberate fault of keys or sessions; those of other kinds change nothing, and
    /// none is known of other versions than 3.
    pub fn party_with(&self, rng: Rng, fault: Option<Fault>) -> Box<dyn Party> {
        if let Some(Fault::OtherProtocol(slip)) = fault {
            return Box::new(LettersParty::new(rng, slip));
        }
        if self.version != 3 {
            return self.party(rng);
        }
        let kdf = match fault {
            Some(Fault::Ratchet(fault)) => {
                return Box::new(TextbookParty::new(rng, Derivation::Sound, Some(fault)));
            }
            Some(Fault::Derives(derivation)) => {
                return Box::new(TextbookParty::new(rng, derivation, None));
            }
            Some(Fault::KdfInfoHasRegistrationId) => KdfInput::InfoHasRegistrationId,
            Some(Fault::KdfPrefixAsSalt) => KdfInput::PrefixAsSalt,
            Some(Fault::KdfFirst32Bytes) => KdfInput::First32Bytes,
            Some(Fault::KdfWithoutDh4) => KdfInput::WithoutDh4,
            _ => KdfInput::Sound,
        };
        let mut party = X3dhParty::new(rng);
        party.derive_from(kdf);
        party.keep_one_time_prekeys(fault == Some(Fault::OneTimePrekeyKept));
        party.burn_one_time_prekeys(fault == Some(Fault::PrekeyBurned));
        match fault {
            Some(Fault::OneTimePrekeyBack) => party.leave_deletions_unwritten(),
            Some(Fault::RatchetKeyKept) => party.hold_ratchet_keys(None),
            Some(Fault::RatchetKeyRenewedLate) => party.hold_ratchet_keys(Some(2)),
            _ => {}
        }
        Box::new(party)
    }

    /// Makes an identity that speaks this version. The profile's key allows no other than these.
    pub fn party(&self, rng: Rng) -> Box<dyn Party> {
        match self.version {
            4 => Box::new(PqxdhParty::new(rng)),
            _ => Box::new(X3dhParty::new(rng)),
        }
    }
}

/// The public keys of a party as a fetch gives them.
pub(super) fn published(
    party: &dyn Party,
    one_time: Option<OneTimePrekey>,
    kem_element: Option<&str>,
) -> UserBundle {
    UserBundle {
        registration_id: party.registration_id(),
        identity: party.identity(),
        one_time: one_time.map(one_time_key),
        signed: signed_key(party.signed_prekey()),
        kem: kem_key(party, kem_element),
    }
}

pub(super) fn one_time_key(prekey: OneTimePrekey) -> Key {
    Key { id: prekey.id, value: prekey.value }
}

pub(super) fn signed_key(prekey: SignedPrekey) -> SignedKey {
    SignedKey { id: prekey.id, value: prekey.value, signature: Some(prekey.signature) }
}

/// The KEM prekey, where the party has one and the profile a place for it.
pub(super) fn kem_key(party: &dyn Party, element: Option<&str>) -> Option<KemKey> {
    let KemPrekey { id, value, signature } = party.kem_prekey()?;
    Some(KemKey { element: element?.to_owned(), id, value, signature: Some(signature) })
}

/// A fetched bundle as a party takes it; a missing signature is an empty one.
pub(super) fn for_party(bundle: &UserBundle) -> Bundle {
    let SignedKey { id, value, signature } = bundle.signed.clone();
    Bundle {
        registration_id: bundle.registration_id,
        identity: bundle.identity,
        signed_prekey: SignedPrekey { id, value, signature: signature.unwrap_or_default() },
        one_time: bundle
            .one_time
            .as_ref()
            .map(|key| OneTimePrekey { id: key.id, value: key.value }),
        kem: bundle.kem.clone().map(|key| KemPrekey {
            id: key.id,
            value: key.value,
            signature: key.signature.unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::{Address, SignatureCheck};
    use crate::seed::Seed;

    fn signal(profile: &str) -> Signal {
        Signal::of(&Profile::builtin(profile).unwrap())
    }

    #[test]
    fn the_profile_chooses_the_version_and_the_place_of_the_kem_prekey() {
        let usual = signal("whatsapp-1.0.3");
        assert_eq!(usual, Signal { version: 3, kem_element: None });
        assert_eq!(usual.party(Seed(1).rng(&["a"])).version(), 3);
        let experimental = signal("experimental-pqxdh");
        assert_eq!(experimental.version, 4);
        assert!(experimental.kem_element.is_some());
        assert_eq!(experimental.party(Seed(1).rng(&["a"])).version(), 4);
    }

    #[test]
    fn what_is_published_opens_a_session() {
        for profile in ["whatsapp-1.0.3", "experimental-pqxdh"] {
            let signal = signal(profile);
            let [mut alice, mut bob] = ["a", "b"].map(|name| signal.party(Seed(1).rng(&[name])));
            let one_time = bob.new_one_time_prekeys(1).pop();
            let bundle = published(&*bob, one_time, signal.kem_element.as_deref());
            assert_eq!(bundle.kem.is_some(), signal.version == 4);
            let peer = Address::new("peer", 0);
            alice.process(&peer, &for_party(&bundle), SignatureCheck::Always).unwrap();
            let message = alice.encrypt(&peer, b"hello").unwrap();
            assert_eq!(bob.decrypt(&peer, &message).unwrap(), b"hello");
        }
    }
}
