//! What a thief of a session's state holds, and what can be read with it (ENC-009, ENC-010).
//!
//! [`SessionSnapshot`] is the session at one moment, secrets included: evidence, since the harness
//! made them. [`SessionSnapshot::reads`] judges a message against it with the key schedule of our
//! own, so that a claim about forward secrecy or healing rests neither on the session layer nor on
//! what its errors happen to say. It knows no party and changes nothing.

use std::fmt;

use prost::Message as _;
use serde::{Deserialize, Serialize};
use wacore_libsignal::crypto::aes_256_cbc_encrypt_into;

use super::envelope::{Envelope, split_mac};
use super::schedule::{Key, Recipe, RootAndChain, agree, message_keys_at, ratchet_step};
use super::session_view::SessionView;
use crate::limits::CHAIN_STEPS_MAX;
use crate::proto::signal::SignalMessage;

/// The type byte of a public key inside a message (`wire.md` §5.2).
const KEY_TYPE: u8 = 0x05;

/// A session at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSnapshot {
    pub view: SessionView,
    /// Our own identity key, as hex.
    pub own_identity: String,
    pub secrets: SessionSecrets,
}

/// The private half of a session, as hex; an absent key is empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSecrets {
    pub root_key: String,
    /// Our private key of the current ratchet step.
    pub ratchet_private: String,
    pub sending_chain_key: String,
    /// In the order of [`SessionView::receiving`].
    pub receiving_chain_keys: Vec<String>,
}

impl fmt::Debug for SessionSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSecrets").finish_non_exhaustive()
    }
}

impl SessionSnapshot {
    /// Says whether a thief with this snapshot, who only listens from then on, can open a `msg` of
    /// the peer: its MAC is recomputed from the stolen keys. Skipped keys that the session kept are
    /// not counted, as they belong to messages from before the theft that had not come yet. None
    /// where that cannot be told: for another version than 3, whose keys hang on more than these
    /// secrets, for bytes that do not parse, and for a message too far ahead to derive.
    pub fn reads(&self, message: &[u8]) -> Option<bool> {
        self.mac_fits(message, Recipe::SOUND)
    }

    /// The same with another recipe for the MAC.
    pub(super) fn mac_fits(&self, message: &[u8], recipe: Recipe) -> Option<bool> {
        if self.view.version != 3 {
            return None;
        }
        let envelope = Envelope::parse(message).ok()?;
        let (authenticated, mac) = split_mac(message).ok()?;
        let Reach::Chain(chain, next) = self.reach(&envelope)? else {
            return Some(false);
        };
        let Some(steps) = envelope.counter.checked_sub(next) else {
            return Some(false);
        };
        if steps > CHAIN_STEPS_MAX {
            return None;
        }
        let (sender, receiver) = (key(&self.view.peer_identity)?, key(&self.own_identity)?);
        let recomputed =
            recipe.mac(&recipe.mac_key(&chain, steps), &sender, &receiver, authenticated);
        Some(recomputed == mac)
    }

    /// Writes, with the stolen keys alone, a message that looks as if the peer had written it: with
    /// the header of one of the peer's messages and another plaintext, padding included. None where
    /// the keys do not reach that message. Whoever can do this cannot prove to a third party what
    /// the peer wrote (ENC-011, X3DH §4.4).
    pub fn forge(&self, like: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        if !self.reads(like)? {
            return None;
        }
        let envelope = Envelope::parse(like).ok()?;
        let Reach::Chain(chain, next) = self.reach(&envelope)? else { return None };
        let keys = message_keys_at(&chain, envelope.counter.checked_sub(next)?);
        let mut ciphertext = Vec::new();
        aes_256_cbc_encrypt_into(plaintext, &keys.cipher, &keys.iv, &mut ciphertext).ok()?;
        let typed = [&[KEY_TYPE][..], &envelope.ratchet_key].concat();
        let message = SignalMessage {
            ratchet_key: Some(typed),
            counter: Some(envelope.counter),
            previous_counter: Some(envelope.previous_counter),
            ciphertext: Some(ciphertext),
            ..SignalMessage::default()
        };
        let covered = [&[envelope.version_byte][..], &message.encode_to_vec()].concat();
        let (sender, receiver) = (key(&self.view.peer_identity)?, key(&self.own_identity)?);
        let mac = Recipe::SOUND.mac(&keys.mac, &sender, &receiver, &covered);
        Some([covered, mac.to_vec()].concat())
    }

    /// The chain that the message is on: one that was stolen, or the one that a ratchet step with
    /// the stolen private key gives (DR §3.5). None for a snapshot that is broken.
    fn reach(&self, envelope: &Envelope) -> Option<Reach> {
        let ratchet_key = hex::encode(envelope.ratchet_key);
        let chains = self.view.receiving.iter().zip(&self.secrets.receiving_chain_keys);
        for (view, secret) in chains {
            if view.ratchet_key == ratchet_key {
                return Some(Reach::Chain(key(secret)?, view.next_counter));
            }
        }
        if self.secrets.ratchet_private.is_empty() {
            return Some(Reach::Nothing);
        }
        let root = key(&self.secrets.root_key)?;
        let Ok(agreement) = agree(&key(&self.secrets.ratchet_private)?, &envelope.ratchet_key)
        else {
            return Some(Reach::Nothing);
        };
        let RootAndChain { chain, .. } = ratchet_step(&root, &agreement);
        Some(Reach::Chain(chain, 0))
    }
}

/// How far a snapshot's keys go.
enum Reach {
    /// A chain key and the number of the first message that it opens.
    Chain(Key, u32),
    Nothing,
}

fn key(text: &str) -> Option<Key> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::pair::{Pair, address};
    use crate::e2ee::party::{Ciphertext, Party as _};

    fn thief(pair: &Pair) -> SessionSnapshot {
        pair.bob.snapshot(&address("alice")).unwrap()
    }

    fn reads(thief: &SessionSnapshot, message: &Ciphertext) -> bool {
        thief.reads(&message.bytes).unwrap()
    }

    #[test]
    fn a_snapshot_reads_on_within_the_chain_and_one_step_further_but_not_back() {
        let mut pair = Pair::settled(true);
        let earlier = ["one", "two"].map(|text| pair.alice_writes(text));
        for message in &earlier {
            pair.bob_reads(message).unwrap();
        }
        let thief = thief(&pair);
        for message in &earlier {
            assert!(!reads(&thief, message), "keys from before are gone");
        }
        let later = ["three", "four"].map(|text| pair.alice_writes(text));
        for message in &later {
            assert!(reads(&thief, message), "the chain goes on");
            pair.bob_reads(message).unwrap();
        }
    }

    #[test]
    fn a_snapshot_heals_after_one_round_trip() {
        let mut pair = Pair::settled(true);
        // Bob's next ratchet key is already drawn, so the reply to it is still readable.
        let reply = pair.bob_writes("with the stolen key");
        let thief = thief(&pair);
        pair.alice_reads(&reply).unwrap();
        let still = pair.alice_writes("still readable");
        assert!(reads(&thief, &still));
        pair.bob_reads(&still).unwrap();
        let fresh = pair.bob_writes("a key that nobody stole");
        pair.alice_reads(&fresh).unwrap();
        let healed = pair.alice_writes("healed");
        assert!(!reads(&thief, &healed));
        assert_eq!(pair.bob_reads(&healed).unwrap(), "healed");
        let again = self::thief(&pair);
        assert_ne!(again.secrets.root_key, thief.secrets.root_key);
        let next = pair.alice_writes("next");
        assert!(reads(&again, &next), "the newer snapshot shows that the judge can say yes");
    }

    #[test]
    fn who_shares_the_keys_can_write_what_the_peer_never_wrote() {
        let mut pair = Pair::settled(true);
        let thief = thief(&pair);
        let genuine = pair.alice_writes("what Alice wrote");
        let forged = thief.forge(&genuine.bytes, b"what Alice never wrote").unwrap();
        assert_ne!(forged, genuine.bytes);
        assert_eq!(thief.reads(&forged), Some(true));
        let forged = Ciphertext { kind: genuine.kind, bytes: forged };
        assert_eq!(pair.bob_reads(&forged).unwrap(), "what Alice never wrote");
        let mut stranger = thief;
        stranger.secrets.root_key = "00".repeat(32);
        stranger.secrets.receiving_chain_keys.iter_mut().for_each(|key| *key = "00".repeat(32));
        assert_eq!(stranger.forge(&genuine.bytes, b"x"), None, "without the keys nobody can");
    }

    #[test]
    fn what_cannot_be_told_is_not_guessed() {
        let mut pair = Pair::settled(true);
        let message = pair.alice_writes("hello");
        let snapshot = thief(&pair);
        assert_eq!(snapshot.reads(b"no message"), None);
        let mut other_version = snapshot.clone();
        other_version.view.version = 4;
        assert_eq!(other_version.reads(&message.bytes), None);
        let mut broken = snapshot;
        broken.secrets.receiving_chain_keys.clear();
        broken.secrets.root_key = "abc".to_owned();
        assert_eq!(broken.reads(&message.bytes), None);
    }

    #[test]
    fn a_snapshot_is_kept_as_json_and_prints_no_secret() {
        let snapshot = thief(&Pair::settled(true));
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<SessionSnapshot>(&text).unwrap(), snapshot);
        assert!(text.contains(&snapshot.secrets.root_key));
        let printed = format!("{snapshot:?}");
        assert!(!printed.contains(&snapshot.secrets.root_key), "{printed}");
        assert!(printed.contains("SessionSecrets { .. }"), "{printed}");
    }
}
