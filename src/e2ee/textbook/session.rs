//! One session: root, chains and skipped keys (DR §3), with a deliberate fault where there is one.
//!
//! Main type: [`Session`]. A message is tried on a copy, which takes the session's place if it
//! decrypts (DR §3.5). Old receiving chains are kept whole for their late messages, as libsignal
//! does, so that the previous chain's length is only told and never used.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message as _;
use serde::{Deserialize, Serialize};
use wacore_libsignal::core::curve::{CurveError, KeyPair};
use wacore_libsignal::crypto::{aes_256_cbc_decrypt_into, aes_256_cbc_encrypt_into};
use wacore_libsignal::protocol::consts::MAX_FORWARD_JUMPS;

use super::MAC_BYTES;
use super::fault::RatchetFault as Fault;
use crate::e2ee::envelope::Envelope;
use crate::e2ee::error::E2eeError;
use crate::e2ee::party::{Ciphertext, EncType};
use crate::e2ee::schedule::{Bound, Key, Recipe, RootAndChain, agree};
use crate::proto::signal::{PreKeySignalMessage, SignalMessage};
use crate::seed::Rng;

/// Receiving chains that are kept for late messages; libsignal keeps as many.
const CHAINS_MAX: usize = 5;
/// Previous counts that a client tries which does not authenticate them.
const PREVIOUS_TRIED_MAX: u32 = 64;
/// What a client sets aside for a missing message that hoards: room for a text.
const RECORD_BYTES: usize = 8 << 10;
const VERSION_BYTE: u8 = 0x33;

/// How a party does it: the derivation, and what else is wrong.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub recipe: Recipe,
    pub fault: Option<Fault>,
}

impl Manner {
    pub fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

/// The keys of both ends that a session hangs on.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ends {
    pub own_identity: Key,
    pub their_identity: Key,
    pub own_registration_id: u32,
    pub their_registration_id: u32,
    /// The initiator's base key, which names the session.
    pub base_key: Key,
    pub initiator: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub ends: Ends,
    pub root: Key,
    pub sending: Sending,
    pub previous_counter: u32,
    /// The newest chain last.
    pub receiving: VecDeque<Receiving>,
    /// The X3DH header, until it is answered.
    pub pending: Option<Header>,
    skipped_ever: usize,
    turned: bool,
    /// Records of skipped messages; only a fault keeps any.
    #[serde(skip)]
    hoard: Arc<Mutex<Vec<Box<[u8]>>>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Sending {
    pub private: Key,
    pub public: Key,
    pub chain: Key,
    pub next: u32,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Receiving {
    pub public: Key,
    pub chain: Key,
    pub next: u32,
    /// Message keys by number (MKSKIPPED).
    pub skipped: BTreeMap<u32, Key>,
}

/// What a first message names.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Header {
    pub one_time_id: Option<u32>,
    pub signed_id: u32,
}

impl Session {
    /// The initiator's side: a ratchet step with the signed prekey, and its chain to send on.
    pub fn initiated(
        ends: Ends,
        secret: RootAndChain,
        their_signed: &Key,
        header: Header,
        manner: Manner,
        rng: &mut Rng,
    ) -> Result<Self, CurveError> {
        let pair = KeyPair::generate(rng);
        let stepped = manner
            .recipe
            .ratchet_step(&secret.root, &agree(pair.private_key.serialize(), their_signed)?);
        let (root, chain, theirs) = match manner.recipe.ratcheted {
            true => (stepped.root, stepped.chain, secret.chain),
            false => (secret.root, secret.chain, stepped.chain),
        };
        let receiving = Receiving::new(*their_signed, theirs);
        Ok(Self {
            ends,
            root,
            sending: Sending::new(&pair, chain, manner),
            previous_counter: 0,
            receiving: VecDeque::from([receiving]),
            pending: Some(header),
            skipped_ever: 0,
            turned: false,
            hoard: Arc::default(),
        })
    }

    /// The responder's side: the signed prekey is its first ratchet pair.
    pub fn responded(ends: Ends, secret: RootAndChain, signed: &KeyPair, manner: Manner) -> Self {
        Self {
            ends,
            root: secret.root,
            sending: Sending::new(signed, secret.chain, manner),
            previous_counter: 0,
            receiving: VecDeque::new(),
            pending: None,
            skipped_ever: 0,
            turned: false,
            hoard: Arc::default(),
        }
    }

    /// Encrypts the next message of the chain (DR §3.4).
    pub fn seal(
        &mut self,
        plaintext: &[u8],
        manner: Manner,
        rng: &mut Rng,
    ) -> Result<Ciphertext, E2eeError> {
        if manner.has(Fault::TurnsEachTime) && self.sending.next > 0 {
            self.new_sending(manner, rng)?;
        }
        let (seed, chain) = manner.recipe.step(&self.sending.chain);
        let keys = manner.recipe.message_keys(&seed);
        let mut ciphertext = Vec::new();
        aes_256_cbc_encrypt_into(plaintext, &keys.cipher, &keys.iv, &mut ciphertext)
            .map_err(|_| E2eeError::Undecryptable(EncType::Msg))?;
        let none_before = manner.has(Fault::PreviousCountZero);
        let message = SignalMessage {
            ratchet_key: Some(typed(&self.sending.public)),
            counter: Some(self.sending.next),
            previous_counter: Some(if none_before { 0 } else { self.previous_counter }),
            ciphertext: Some(ciphertext),
            pq_ratchet: None,
        };
        let mut bytes = [&[VERSION_BYTE][..], &message.encode_to_vec()].concat();
        let Ends { own_identity, their_identity, initiator, .. } = &self.ends;
        let recipe = bound_by(manner.recipe, *initiator);
        bytes.extend(recipe.mac(&keys.mac, own_identity, their_identity, &bytes));
        (self.sending.chain, self.sending.next) = (chain, self.sending.next + 1);
        let sealed = self.wrapped(bytes);
        if manner.has(Fault::HeaderOnce) {
            self.pending = None;
        }
        Ok(sealed)
    }

    /// Puts the X3DH header in front, as long as there is no answer (DR §5.1).
    fn wrapped(&self, message: Vec<u8>) -> Ciphertext {
        let Some(header) = self.pending else {
            return Ciphertext { kind: EncType::Msg, bytes: message };
        };
        let first = PreKeySignalMessage {
            pre_key_id: header.one_time_id,
            base_key: Some(typed(&self.ends.base_key)),
            identity_key: Some(typed(&self.ends.own_identity)),
            message: Some(message),
            registration_id: Some(self.ends.own_registration_id),
            signed_pre_key_id: Some(header.signed_id),
            ..PreKeySignalMessage::default()
        };
        let bytes = [&[VERSION_BYTE][..], &first.encode_to_vec()].concat();
        Ciphertext { kind: EncType::PkMsg, bytes }
    }

    /// Decrypts a message; a failure leaves the session as it was (DR §3.5), but for a fault.
    pub fn open(
        &mut self,
        message: &Envelope,
        bytes: &[u8],
        manner: Manner,
        rng: &mut Rng,
    ) -> Result<Vec<u8>, E2eeError> {
        let mut next = self.clone();
        let opened = next.advance(message, bytes, manner, rng);
        if opened.is_ok() && !manner.has(Fault::HeaderForEver) {
            next.pending = None;
        }
        let stored = self.receiving.iter().any(|chain| {
            chain.public == message.ratchet_key && chain.skipped.contains_key(&message.counter)
        });
        let kept =
            manner.has(Fault::AdvancesBeforeMac) || (stored && manner.has(Fault::SkippedKeyTaken));
        if opened.is_ok() || kept {
            *self = next;
        }
        opened
    }

    fn advance(
        &mut self,
        message: &Envelope,
        bytes: &[u8],
        manner: Manner,
        rng: &mut Rng,
    ) -> Result<Vec<u8>, E2eeError> {
        let seed = self.key_of(message, manner, rng)?;
        let keys = manner.recipe.message_keys(&seed);
        if !self.mac_fits(&keys.mac, message, bytes, manner) {
            return Err(E2eeError::BadMac(EncType::Msg));
        }
        let mut plaintext = Vec::new();
        aes_256_cbc_decrypt_into(&message.ciphertext, &keys.cipher, &keys.iv, &mut plaintext)
            .map_err(|_| E2eeError::Undecryptable(EncType::Msg))?;
        Ok(plaintext)
    }

    /// The key of a message: a stored one, or one further down its chain (DR §3.5).
    fn key_of(
        &mut self,
        message: &Envelope,
        manner: Manner,
        rng: &mut Rng,
    ) -> Result<Key, E2eeError> {
        if manner.has(Fault::SmallOrderRefused) && message.ratchet_key == [0; 32] {
            return Err(E2eeError::Undecryptable(EncType::Msg));
        }
        let known = self.receiving.iter().position(|chain| chain.public == message.ratchet_key);
        let at = match known {
            Some(at) => at,
            None => self.turn(&message.ratchet_key, manner, rng)?,
        };
        let chain = &mut self.receiving[at];
        let counter = message.counter;
        let Some(jump) = counter.checked_sub(chain.next) else {
            return chain.skipped.remove(&counter).ok_or(E2eeError::Duplicate { counter });
        };
        let jump = jump as usize;
        let before = if manner.has(Fault::SkipLimitForLife) { self.skipped_ever } else { 0 };
        let limit = match manner.fault {
            Some(Fault::SkipsNothing) => 0,
            Some(Fault::SkipsWithoutBound) => usize::MAX,
            _ => MAX_FORWARD_JUMPS,
        };
        if before + jump > limit {
            return Err(E2eeError::TooFarAhead { counter, next: chain.next });
        }
        self.skipped_ever += jump;
        if manner.has(Fault::SkipTotalUnbounded) {
            let records = (0..jump).map(|_| vec![1; RECORD_BYTES].into_boxed_slice());
            self.hoard.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
        }
        Ok(chain.step_to(counter, manner.recipe, !manner.has(Fault::LateKeysForgotten)))
    }

    /// The DH ratchet step (DR §3.5); gives the place of the new receiving chain.
    fn turn(&mut self, theirs: &Key, manner: Manner, rng: &mut Rng) -> Result<usize, E2eeError> {
        if manner.has(Fault::OldChainsForgotten) {
            self.receiving.clear();
        }
        let first_as_responder = !self.ends.initiator && !self.turned;
        let crossed = first_as_responder && !manner.recipe.ratcheted;
        let chain = if crossed {
            self.sending.chain
        } else {
            let stepped =
                manner.recipe.ratchet_step(&self.root, &agree(&self.sending.private, theirs)?);
            self.root = stepped.root;
            stepped.chain
        };
        self.receiving.push_back(Receiving::new(*theirs, chain));
        if self.receiving.len() > CHAINS_MAX {
            self.receiving.pop_front();
        }
        let stays = match manner.fault {
            Some(Fault::AnswersWithSignedPrekey) => first_as_responder,
            Some(Fault::NeverTurns) => !first_as_responder,
            _ => false,
        };
        if !stays {
            self.new_sending(manner, rng)?;
        }
        self.turned = true;
        Ok(self.receiving.len() - 1)
    }

    fn new_sending(&mut self, manner: Manner, rng: &mut Rng) -> Result<(), CurveError> {
        let Some(theirs) = self.receiving.back().map(|chain| chain.public) else { return Ok(()) };
        let pair = KeyPair::generate(rng);
        let stepped =
            manner.recipe.ratchet_step(&self.root, &agree(pair.private_key.serialize(), &theirs)?);
        self.root = stepped.root;
        let fresh = self.ends.initiator || self.turned;
        self.previous_counter = if fresh { self.sending.next } else { 0 };
        self.sending = Sending::new(&pair, stepped.chain, manner);
        Ok(())
    }

    /// Verifies the MAC over identities and message (`wire.md` §5.2).
    fn mac_fits(&self, key: &Key, message: &Envelope, bytes: &[u8], manner: Manner) -> bool {
        let covered = &bytes[..bytes.len().saturating_sub(MAC_BYTES)];
        let Ends { own_identity, their_identity, initiator, .. } = &self.ends;
        let mac_of =
            |recipe: Recipe, covered: &[u8]| recipe.mac(key, their_identity, own_identity, covered);
        let recipe = bound_by(manner.recipe, !initiator);
        let wanted = mac_of(recipe, covered);
        match manner.fault {
            Some(Fault::MacComparedInPart) => wanted[..4] == message.mac[..4],
            Some(Fault::MacComparedAsFarAsItGoes) => {
                let given = message.mac.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
                wanted[..given] == message.mac[..given]
            }
            Some(Fault::IdentitiesNotCompared) => {
                let orders = [Bound::SenderFirst, Bound::ReceiverFirst, Bound::Nothing];
                let fits = |bound| mac_of(Recipe { bound, ..recipe }, covered) == message.mac;
                orders.into_iter().any(fits)
            }
            Some(Fault::PreviousCountNotCovered) => (0..PREVIOUS_TRIED_MAX)
                .any(|previous| mac_of(recipe, &with_previous(message, previous)) == message.mac),
            _ => wanted == message.mac,
        }
    }
}

impl Sending {
    fn new(pair: &KeyPair, chain: Key, manner: Manner) -> Self {
        let public = raw(pair);
        let private = *pair.private_key.serialize();
        let (chain, next) = match manner.has(Fault::CountsFromOne) {
            true => (manner.recipe.step(&chain).1, 1),
            false => (chain, 0),
        };
        Self { private, public, chain, next }
    }
}

impl Receiving {
    fn new(public: Key, chain: Key) -> Self {
        Self { public, chain, next: 0, skipped: BTreeMap::new() }
    }

    /// Steps to a message's key and keeps those on the way, at most as many as may be skipped.
    fn step_to(&mut self, counter: u32, recipe: Recipe, keep: bool) -> Key {
        loop {
            let (seed, chain) = recipe.step(&self.chain);
            let number = self.next;
            (self.chain, self.next) = (chain, number + 1);
            if number == counter {
                return seed;
            }
            if keep && self.skipped.len() < MAX_FORWARD_JUMPS {
                self.skipped.insert(number, seed);
            }
        }
    }
}

/// The recipe with the order of the identities that a message has.
fn bound_by(recipe: Recipe, by_initiator: bool) -> Recipe {
    let bound = match recipe.bound {
        Bound::InitiatorFirst if by_initiator => Bound::SenderFirst,
        Bound::InitiatorFirst => Bound::ReceiverFirst,
        other => other,
    };
    Recipe { bound, ..recipe }
}

fn with_previous(message: &Envelope, previous: u32) -> Vec<u8> {
    let header = SignalMessage {
        ratchet_key: Some(typed(&message.ratchet_key)),
        counter: Some(message.counter),
        previous_counter: Some(previous),
        ciphertext: Some(message.ciphertext.clone()),
        pq_ratchet: None,
    };
    [&[message.version_byte][..], &header.encode_to_vec()].concat()
}

fn raw(pair: &KeyPair) -> Key {
    pair.public_key.public_key_bytes().try_into().expect("an X25519 key has 32 bytes")
}

/// A public key with its type byte (`wire.md` §5.2).
fn typed(key: &Key) -> Vec<u8> {
    [&[0x05][..], key].concat()
}
