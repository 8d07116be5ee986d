//! Another protocol than Signal's, for the reference that declares one: sealed letters.
//!
//! [`LettersParty`] keeps keys as everybody does, and writes messages that no reader of Signal's knows:
//! each is sealed on its own to the receiver's signed prekey and by the sender's identity (an
//! ephemeral and a static agreement, AES-256-CBC, HMAC-SHA256 over all of it), and is taken once. It is
//! no protocol to ship, since it neither ratchets nor heals; it exists so that the checks that look at
//! ciphertexts only are seen to pass and to fail (ENC-020). [`Slip`] is what it may get wrong.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit, Mac};
use rand::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use wacore_libsignal::core::curve::{KeyPair, PrivateKey};
use wacore_libsignal::crypto::{aes_256_cbc_decrypt_into, aes_256_cbc_encrypt_into};

use super::compromise::SessionSnapshot;
use super::diagnosis::ResponderKeys;
use super::error::E2eeError;
use super::kept;
use super::party::{
    Address, Bundle, Ciphertext, EncType, OneTimePrekey, Party, SignatureCheck, SignedPrekey,
};
use super::schedule::{Key, agree, public_of};
use super::session_view::SessionView;
use super::x3dh_v3::X3dhParty;
use crate::limits::LETTERS_REMEMBERED_MAX;
use crate::seed::Rng;

/// Names the format; Signal's messages begin with 0x33 or 0x34.
const MARK: u8 = 0x01;
const MAC_BYTES: usize = 32;
/// The mark, the ephemeral key, the sender's identity.
const HEAD_BYTES: usize = 1 + 32 + 32;
const LABEL: &[u8] = b"counterpart sealed letters";

/// A deliberate fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slip {
    /// A letter is taken as often as it comes.
    Repeats,
    /// The MAC is not compared.
    AnyMac,
    /// Whose identity a letter has is not compared with whom it comes from.
    AnySender,
    /// One ephemeral key seals all letters to one receiver.
    OneKey,
    /// A letter that came later closes the door to those before it.
    InOrderOnly,
    /// Nothing opens before what came before it has been opened.
    NeedsEvery,
    /// The letter is authenticated, and not encrypted.
    InTheClear,
    /// A letter that does not open ends the conversation.
    FirstFailureIsFinal,
    /// What hides the text is the same for all letters to one receiver; the rest of a letter is new.
    OneKeystream,
    /// Nobody is told that a writer has another identity than before.
    QuietAboutIdentities,
    /// Letters of a writer who has another identity than before are not opened.
    FirstIdentityIsFinal,
}

/// One identity that writes sealed letters.
pub struct LettersParty {
    keys: Box<dyn Party>,
    rng: Rng,
    slip: Option<Slip>,
    /// Identity and signed prekey of those to whom letters can be sealed.
    peers: BTreeMap<Address, (Key, Key)>,
    /// Whose identity was seen from whom.
    identities: BTreeMap<Address, Key>,
    /// Ephemeral keys of letters that were opened.
    taken: BTreeSet<Key>,
    changed: BTreeSet<Address>,
    kept: BTreeMap<Address, KeyPair>,
    sent: BTreeMap<Address, u32>,
    newest: BTreeMap<Address, u32>,
    closed: BTreeSet<Address>,
}

/// What it writes down.
#[derive(Serialize, Deserialize)]
struct KeptLetters {
    keys: serde_json::Value,
    peers: Vec<(Address, (Key, Key))>,
    identities: Vec<(Address, Key)>,
    taken: BTreeSet<Key>,
    changed: BTreeSet<Address>,
    kept: Vec<(Address, Key)>,
    sent: Vec<(Address, u32)>,
    newest: Vec<(Address, u32)>,
    closed: BTreeSet<Address>,
}

fn listed<T: Clone>(map: &BTreeMap<Address, T>) -> Vec<(Address, T)> {
    map.iter().map(|(peer, value)| (peer.clone(), value.clone())).collect()
}

impl LettersParty {
    /// Everything from one generator.
    pub fn new(mut rng: Rng, slip: Option<Slip>) -> Self {
        let (peers, identities, taken, changed) = Default::default();
        let (kept, sent, newest, closed) = Default::default();
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let keys: Box<dyn Party> = Box::new(X3dhParty::new(Rng::from_seed(seed)));
        Self { keys, rng, slip, peers, identities, taken, changed, kept, sent, newest, closed }
    }

    fn privates(&self) -> ResponderKeys {
        self.keys.responder_keys(None).expect("a party of version 3 shows its test keys")
    }

    fn has(&self, slip: Slip) -> bool {
        self.slip == Some(slip)
    }

    fn ephemeral(&mut self, peer: &Address) -> KeyPair {
        let fresh = KeyPair::generate(&mut self.rng);
        if self.has(Slip::OneKey) {
            self.kept.entry(peer.clone()).or_insert(fresh).clone()
        } else {
            fresh
        }
    }

    fn open(&mut self, peer: &Address, letter: &[u8]) -> Result<Vec<u8>, E2eeError> {
        let unreadable = || E2eeError::Undecryptable(EncType::Msg);
        if letter.first() != Some(&MARK) || letter.len() < HEAD_BYTES + 16 + MAC_BYTES {
            return Err(unreadable());
        }
        let (covered, mac) = letter.split_at(letter.len() - MAC_BYTES);
        let key = |at: usize| -> Key { covered[at..at + 32].try_into().expect("32 bytes") };
        let (ephemeral, theirs) = (key(1), key(33));
        let own = self.privates();
        let agreed = [
            agree(&own.signed_prekey_private, &ephemeral)?,
            agree(&own.signed_prekey_private, &theirs)?,
        ];
        let keys = Keys::of(&agreed, &ephemeral);
        if keys.mac(&theirs, &self.keys.identity(), covered) != mac && !self.has(Slip::AnyMac) {
            return Err(E2eeError::BadMac(EncType::Msg));
        }
        if self.is_somebody_else(peer, &theirs) && !self.has(Slip::AnySender) {
            return Err(E2eeError::ForeignIdentity);
        }
        if self.taken.contains(&ephemeral) && !self.has(Slip::Repeats) && !self.has(Slip::OneKey) {
            return Err(E2eeError::Duplicate { counter: 0 });
        }
        let known = self.identities.get(peer);
        let changed = known.is_some_and(|known| *known != theirs);
        if changed && self.has(Slip::FirstIdentityIsFinal) {
            return Err(E2eeError::IdentityChanged(peer.clone()));
        }
        let mut plain = Vec::new();
        if self.has(Slip::OneKeystream) {
            plain = masked(&agreed[1], &covered[HEAD_BYTES..]);
        } else if self.has(Slip::InTheClear) {
            plain.extend(&covered[HEAD_BYTES..]);
        } else {
            aes_256_cbc_decrypt_into(&covered[HEAD_BYTES..], &keys.cipher, &keys.iv, &mut plain)
                .map_err(|_| unreadable())?;
        }
        let (number, plain) = plain.split_first_chunk::<4>().ok_or_else(unreadable)?;
        self.count(peer, u32::from_be_bytes(*number))?;
        self.remember(peer, ephemeral, theirs);
        Ok(plain.to_vec())
    }

    /// An identity belongs to one address.
    fn is_somebody_else(&self, peer: &Address, identity: &Key) -> bool {
        self.identities.iter().any(|(known, key)| known != peer && key == identity)
    }

    /// Letters come in any order, but for a deliberate fault.
    fn count(&mut self, peer: &Address, number: u32) -> Result<(), E2eeError> {
        let newest = self.newest.entry(peer.clone()).or_default();
        let late = number < *newest;
        if self.slip == Some(Slip::NeedsEvery) && number > *newest + 1 {
            return Err(E2eeError::Undecryptable(EncType::Msg));
        }
        *newest = number.max(*newest);
        match late && self.slip == Some(Slip::InOrderOnly) {
            true => Err(E2eeError::Duplicate { counter: number }),
            false => Ok(()),
        }
    }

    fn remember(&mut self, peer: &Address, ephemeral: Key, identity: Key) {
        if self.taken.len() == LETTERS_REMEMBERED_MAX {
            self.taken.pop_first();
        }
        self.taken.insert(ephemeral);
        let before = self.identities.insert(peer.clone(), identity);
        match before.is_some_and(|before| before != identity) {
            true => self.changed.insert(peer.clone()),
            false => self.changed.remove(peer),
        };
    }
}

/// A deliberate fault: a stream that begins anew with every letter (HMAC-SHA256 over a counter).
fn masked(key: &Key, bytes: &[u8]) -> Vec<u8> {
    let block = |number: usize| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
        mac.update(&number.to_be_bytes());
        mac.finalize().into_bytes()
    };
    let blocks = bytes.chunks(32).enumerate();
    let masked = blocks.flat_map(|(number, part)| {
        let stream = block(number);
        part.iter().zip(stream).map(|(byte, mask)| byte ^ mask).collect::<Vec<u8>>()
    });
    masked.collect()
}

/// What one letter is sealed with.
struct Keys {
    cipher: Key,
    mac: Key,
    iv: [u8; 16],
}

impl Keys {
    /// HKDF-SHA256 over both agreements, with the ephemeral key as salt (RFC 5869).
    fn of(agreed: &[Key; 2], ephemeral: &Key) -> Self {
        let mut out = [0; 80];
        let hkdf = hkdf::Hkdf::<Sha256>::new(Some(ephemeral), &agreed.concat());
        hkdf.expand(LABEL, &mut out).expect("80 bytes are less than 255 hashes");
        let (cipher, rest) = out.split_first_chunk::<32>().expect("80 bytes hold 32");
        let (mac, iv) = rest.split_first_chunk::<32>().expect("48 bytes hold 32");
        Self { cipher: *cipher, mac: *mac, iv: *iv.first_chunk().expect("16 bytes are left") }
    }

    fn mac(&self, sender: &Key, receiver: &Key, covered: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.mac).expect("any length is a key");
        [&sender[..], receiver, covered].into_iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
}

impl Party for LettersParty {
    /// No version of Signal's.
    fn version(&self) -> u8 {
        0
    }

    fn registration_id(&self) -> u32 {
        self.keys.registration_id()
    }

    fn identity(&self) -> Key {
        self.keys.identity()
    }

    fn signed_prekey(&self) -> SignedPrekey {
        self.keys.signed_prekey()
    }

    fn rotate_signed_prekey(&mut self) -> SignedPrekey {
        // Letters that are under way are sealed to the one that there is.
        self.keys.signed_prekey()
    }

    fn drop_signed_prekey(&mut self, id: u32) {
        self.keys.drop_signed_prekey(id);
    }

    fn new_one_time_prekeys(&mut self, count: usize) -> Vec<OneTimePrekey> {
        self.keys.new_one_time_prekeys(count)
    }

    fn process(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError> {
        self.keys.process(peer, bundle, check)?;
        self.peers.insert(peer.clone(), (bundle.identity, bundle.signed_prekey.value));
        let before = self.identities.insert(peer.clone(), bundle.identity);
        if before.is_some_and(|before| before != bundle.identity) {
            self.changed.insert(peer.clone());
        }
        Ok(())
    }

    fn has_session(&self, peer: &Address) -> bool {
        self.peers.contains_key(peer)
    }

    fn encrypt(&mut self, peer: &Address, plaintext: &[u8]) -> Result<Ciphertext, E2eeError> {
        let known = self.peers.get(peer).copied();
        let (identity, prekey) = known.ok_or_else(|| E2eeError::NoSession(peer.clone()))?;
        let own = self.privates().identity_private;
        let ephemeral = self.ephemeral(peer);
        let private: Key = *ephemeral.private_key.serialize();
        let agreed = [agree(&private, &prekey)?, agree(&own, &prekey)?];
        let keys = Keys::of(&agreed, &public_of(&private)?);
        let number = self.sent.entry(peer.clone()).or_default();
        *number += 1;
        // One key for equal texts gives equal letters.
        let number = if self.slip == Some(Slip::OneKey) { 0 } else { *number };
        let numbered = [&number.to_be_bytes()[..], plaintext].concat();
        let mut sealed = Vec::new();
        if self.slip == Some(Slip::OneKeystream) {
            sealed = masked(&agreed[1], &numbered);
        } else if self.slip == Some(Slip::InTheClear) {
            sealed = numbered;
        } else {
            aes_256_cbc_encrypt_into(&numbered, &keys.cipher, &keys.iv, &mut sealed)
                .map_err(|_| E2eeError::Undecryptable(EncType::Msg))?;
        }
        let (eph, own) = (public_of(&private)?, public_of(&own)?);
        let covered = [&[MARK][..], &eph, &own, &sealed].concat();
        let mac = keys.mac(&own, &identity, &covered);
        Ok(Ciphertext { kind: EncType::Msg, bytes: [covered, mac].concat() })
    }

    fn decrypt(&mut self, peer: &Address, message: &Ciphertext) -> Result<Vec<u8>, E2eeError> {
        if self.closed.contains(peer) {
            return Err(E2eeError::NoSession(peer.clone()));
        }
        let opened = self.open(peer, &message.bytes);
        if opened.is_err() && self.has(Slip::FirstFailureIsFinal) {
            self.closed.insert(peer.clone());
        }
        opened
    }

    fn inspect(&self, _: &Address) -> Option<SessionView> {
        None
    }

    fn snapshot(&self, _: &Address) -> Option<SessionSnapshot> {
        None
    }

    fn stolen(&self) -> Box<dyn Party> {
        self.keys.stolen()
    }

    fn copy(&self, rng: Rng) -> Box<dyn Party> {
        Box::new(Self {
            keys: self.keys.copy(rng.clone()),
            rng,
            slip: self.slip,
            peers: self.peers.clone(),
            identities: self.identities.clone(),
            taken: self.taken.clone(),
            changed: self.changed.clone(),
            kept: self.kept.clone(),
            sent: self.sent.clone(),
            newest: self.newest.clone(),
            closed: self.closed.clone(),
        })
    }

    fn save(&self) -> serde_json::Value {
        let privates = self.kept.iter();
        kept::written(&KeptLetters {
            keys: self.keys.save(),
            peers: listed(&self.peers),
            identities: listed(&self.identities),
            taken: self.taken.clone(),
            changed: self.changed.clone(),
            kept: privates
                .map(|(peer, pair)| (peer.clone(), *pair.private_key.serialize()))
                .collect(),
            sent: listed(&self.sent),
            newest: listed(&self.newest),
            closed: self.closed.clone(),
        })
    }

    fn load(&mut self, saved: &serde_json::Value) -> Result<(), E2eeError> {
        let saved: KeptLetters = kept::read(saved)?;
        let mut own = BTreeMap::new();
        for (peer, private) in saved.kept {
            let private = PrivateKey::deserialize(&private).map(KeyPair::try_from);
            let pair = private.and_then(|pair| pair).map_err(|_| E2eeError::UnreadableRecord)?;
            own.insert(peer, pair);
        }
        self.keys.load(&saved.keys)?;
        self.peers = saved.peers.into_iter().collect();
        self.identities = saved.identities.into_iter().collect();
        (self.taken, self.changed, self.closed) = (saved.taken, saved.changed, saved.closed);
        self.sent = saved.sent.into_iter().collect();
        self.newest = saved.newest.into_iter().collect();
        self.kept = own;
        Ok(())
    }

    fn start_prekey_ids_at(&mut self, id: u32, anew: bool) {
        self.keys.start_prekey_ids_at(id, anew);
    }

    fn responder_keys(&self, _: Option<u32>) -> Option<ResponderKeys> {
        None
    }

    fn drop_session(&mut self, peer: &Address) {
        self.peers.remove(peer);
    }

    fn peer_identity(&self, peer: &Address) -> Option<Key> {
        self.identities.get(peer).copied()
    }

    fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        self.keys.sign(message)
    }

    fn identity_changed(&self, peer: &Address) -> bool {
        self.changed.contains(peer) && !self.has(Slip::QuietAboutIdentities)
    }
}
