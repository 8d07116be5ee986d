//! The key schedule of X3DH and of a ratchet's first chain, written out from the specifications.
//!
//! [`Recipe`] is the schedule as data: the sound one is a constant, and each wrong one is that
//! constant with one thing changed. Only X25519 comes from the session layer; the rest is our own,
//! so that it can judge what the session layer and the peers send. Nothing here knows sessions or
//! message formats.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use wacore_libsignal::core::curve::{CurveError, PrivateKey, PublicKey};

pub(super) type Key = [u8; 32];

/// F, the curve's prefix of the KDF input (X3DH §2.2: 32 bytes 0xFF for X25519).
const PREFIX: [u8; 32] = [0xFF; 32];
/// The salt of X3DH's KDF (X3DH §2.2: zeros of the hash's length).
const ZEROS: [u8; 32] = [0; 32];
/// X3DH's parameter `info` (X3DH §2.1; the value is `wire.md` §5.3).
const INFO: &str = "WhisperText";
/// The labels of the ratchet and of message keys (DR §5.2, KDF_RK and ENCRYPT; values `wire.md`
/// §5.3).
const RATCHET_INFO: &str = "WhisperRatchet";
const MESSAGE_INFO: &str = "WhisperMessageKeys";
/// The constants of the chain KDF (DR §5.2, KDF_CK).
const MESSAGE_STEP: [u8; 1] = [0x01];
const CHAIN_STEP: [u8; 1] = [0x02];
/// The type byte of public keys in associated data (`wire.md` §5.2).
const KEY_TYPE: u8 = 0x05;

/// DH1, DH2, DH3 and, with a one-time prekey, DH4 (X3DH §3.3).
pub(super) struct Agreements {
    pub first_three: [Key; 3],
    pub fourth: Option<Key>,
}

impl Agreements {
    /// The initiator's side of X3DH §3.3, with its private keys and the responder's public ones.
    pub(super) fn of_initiator(
        (identity, base): (&Key, &Key),
        (their_identity, their_signed): (&Key, &Key),
        their_one_time: Option<&Key>,
    ) -> Result<Self, CurveError> {
        Ok(Self {
            first_three: [
                agree(identity, their_signed)?,
                agree(base, their_identity)?,
                agree(base, their_signed)?,
            ],
            fourth: their_one_time.map(|prekey| agree(base, prekey)).transpose()?,
        })
    }

    /// The responder's side of X3DH §3.4, with its private keys and the initiator's public ones.
    pub(super) fn of_responder(
        (identity, signed): (&Key, &Key),
        one_time: Option<&Key>,
        (their_identity, their_base): (&Key, &Key),
    ) -> Result<Self, CurveError> {
        Ok(Self {
            first_three: [
                agree(signed, their_identity)?,
                agree(identity, their_base)?,
                agree(signed, their_base)?,
            ],
            fourth: one_time.map(|prekey| agree(prekey, their_base)).transpose()?,
        })
    }
}

/// The registration ids of both ends; a sound derivation ignores them.
#[derive(Clone, Copy)]
pub(super) struct RegistrationIds {
    pub initiator: u32,
    pub responder: u32,
}

/// A root key and the chain key that came with it.
#[derive(Clone, Copy)]
pub(super) struct RootAndChain {
    pub root: Key,
    pub chain: Key,
}

/// How a first message's keys are derived.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    pub prefix: Prefix,
    /// Which of the first three agreements enter the KDF, in this order.
    pub order: &'static [usize],
    pub fourth: Fourth,
    pub info: Info,
    /// The KDF's two outputs are taken in the wrong order.
    pub outputs_swapped: bool,
    /// The initiator makes its ratchet step before it sends (DR §3.3).
    pub ratcheted: bool,
    /// The constants of the chain's KDF are taken for each other.
    pub constants_swapped: bool,
    /// The labels of the root chain's KDF and of message keys.
    pub ratchet_info: &'static str,
    pub message_info: &'static str,
    pub bound: Bound,
}

/// Where the 32 bytes 0xFF stand.
#[derive(Clone, Copy)]
pub(super) enum Prefix {
    Input,
    Salt,
    Absent,
}

/// When DH4 enters the KDF.
#[derive(Clone, Copy)]
pub(super) enum Fourth {
    WhenNamed,
    Never,
    Always,
}

/// The KDF's info string.
#[derive(Clone, Copy)]
pub(super) enum Info {
    Text(&'static str),
    /// The right text with a registration id appended.
    WithId(End, IdForm),
}

/// One end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The initiator, who sends the first message.
    Sender,
    Receiver,
}

/// How a number becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IdForm {
    BigEndian,
    LittleEndian,
    Decimal,
}

/// The associated data: what the MAC covers in front of the message.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    SenderFirst,
    ReceiverFirst,
    /// X3DH's own order (X3DH §3.3), which differs from the sender's in every message of the responder.
    InitiatorFirst,
    Nothing,
}

impl Recipe {
    /// The derivation of X3DH §3.3 and DR §3.3, with the values of `wire.md` §5.3.
    pub(super) const SOUND: Self = Self {
        prefix: Prefix::Input,
        order: &[0, 1, 2],
        fourth: Fourth::WhenNamed,
        info: Info::Text(INFO),
        outputs_swapped: false,
        ratcheted: true,
        constants_swapped: false,
        ratchet_info: RATCHET_INFO,
        message_info: MESSAGE_INFO,
        bound: Bound::SenderFirst,
    };

    /// Derives the root key and the first chain key: X3DH's SK, in libsignal's two halves. `named`
    /// says whether the message names a one-time prekey. None where DH4 is needed and not known.
    pub(super) fn secret(
        &self,
        agreements: &Agreements,
        ids: RegistrationIds,
        named: bool,
    ) -> Option<RootAndChain> {
        let fourth = match self.fourth {
            Fourth::WhenNamed if !named => None,
            Fourth::Never => None,
            Fourth::WhenNamed | Fourth::Always => Some(agreements.fourth?),
        };
        let (salt, prefix): (&Key, &[u8]) = match self.prefix {
            Prefix::Input => (&ZEROS, &PREFIX),
            Prefix::Salt => (&PREFIX, &[]),
            Prefix::Absent => (&ZEROS, &[]),
        };
        let picked = self.order.iter().map(|&index| agreements.first_three[index]).chain(fourth);
        let input = prefix.iter().copied().chain(picked.flatten()).collect::<Vec<_>>();
        let halves = expand_two(salt, &input, &self.info.bytes(ids));
        Some(if self.outputs_swapped { halves.swapped() } else { halves })
    }

    /// The chain on which the initiator sends: after its ratchet step, where it makes one.
    pub(super) fn sending_chain(&self, secret: RootAndChain, ratchet_agreement: &Key) -> Key {
        if self.ratcheted {
            self.ratchet_step(&secret.root, ratchet_agreement).chain
        } else {
            secret.chain
        }
    }

    /// One step of a chain: the seed of a message's keys, and the next chain key (DR §5.2, KDF_CK).
    pub(super) fn step(&self, chain: &Key) -> (Key, Key) {
        let (seed, next) = (step(chain, &MESSAGE_STEP), step(chain, &CHAIN_STEP));
        if self.constants_swapped { (next, seed) } else { (seed, next) }
    }

    /// The MAC key of the message with this number, `counter` steps down the chain. The caller bounds
    /// `counter`.
    pub(super) fn mac_key(&self, chain: &Key, counter: u32) -> Key {
        let chain = (0..counter).fold(*chain, |chain, _| self.step(&chain).1);
        self.message_keys(&self.step(&chain).0).mac
    }

    /// One step of the root chain (DR §5.2, KDF_RK): HKDF with the root key as salt.
    pub(super) fn ratchet_step(&self, root: &Key, agreement: &Key) -> RootAndChain {
        expand_two(root, agreement, self.ratchet_info.as_bytes())
    }

    /// The 80-byte message keys from their seed (DR §5.2, ENCRYPT; `wire.md` §5.3).
    pub(super) fn message_keys(&self, seed: &Key) -> MessageKeys {
        let mut keys = [0; 80];
        let hkdf = Hkdf::<Sha256>::new(Some(&ZEROS), seed);
        let info = self.message_info.as_bytes();
        hkdf.expand(info, &mut keys).expect("80 bytes are less than 255 hashes");
        let (cipher, rest) = keys.split_first_chunk::<32>().expect("80 bytes hold 32");
        let (mac, iv) = rest.split_first_chunk::<32>().expect("48 bytes hold 32");
        let iv = *iv.first_chunk().expect("16 bytes are left");
        MessageKeys { cipher: *cipher, mac: *mac, iv }
    }

    /// The first 8 bytes of HMAC-SHA256 over associated data and message (`wire.md` §5.2).
    pub(super) fn mac(&self, key: &Key, sender: &Key, receiver: &Key, message: &[u8]) -> [u8; 8] {
        let mut mac = keyed(key);
        let identities: &[&Key] = match self.bound {
            // Whoever sends a first message is the initiator; a session resolves the rest.
            Bound::SenderFirst | Bound::InitiatorFirst => &[sender, receiver],
            Bound::ReceiverFirst => &[receiver, sender],
            Bound::Nothing => &[],
        };
        for identity in identities {
            mac.update(&[KEY_TYPE]);
            mac.update(*identity);
        }
        mac.update(message);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        *full.first_chunk().expect("32 bytes hold 8")
    }
}

impl Info {
    fn bytes(self, ids: RegistrationIds) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::WithId(End::Sender, form) => form.append_to(INFO, ids.initiator),
            Self::WithId(End::Receiver, form) => form.append_to(INFO, ids.responder),
        }
    }
}

impl IdForm {
    fn append_to(self, text: &str, id: u32) -> Vec<u8> {
        match self {
            Self::BigEndian => [text.as_bytes(), &id.to_be_bytes()].concat(),
            Self::LittleEndian => [text.as_bytes(), &id.to_le_bytes()].concat(),
            Self::Decimal => format!("{text}{id}").into_bytes(),
        }
    }
}

impl RootAndChain {
    fn swapped(self) -> Self {
        Self { root: self.chain, chain: self.root }
    }
}

/// X25519 with a raw public key (RFC 7748 §5).
pub(super) fn agree(private: &Key, public: &Key) -> Result<Key, CurveError> {
    PrivateKey::deserialize(private)?
        .calculate_agreement(&PublicKey::from_djb_public_key_bytes(public)?)
}

/// The public half of a private key.
pub(super) fn public_of(private: &Key) -> Result<Key, CurveError> {
    let public = PrivateKey::deserialize(private)?.public_key()?;
    Ok(public.public_key_bytes().try_into().expect("an X25519 key has 32 bytes"))
}

/// The sound step of the root chain (DR §5.2, KDF_RK).
pub(super) fn ratchet_step(root: &Key, agreement: &Key) -> RootAndChain {
    Recipe::SOUND.ratchet_step(root, agreement)
}

/// What one message is encrypted and authenticated with (DR §5.2, ENCRYPT).
pub(super) struct MessageKeys {
    pub cipher: Key,
    pub mac: Key,
    pub iv: [u8; 16],
}

/// The keys of the message with this number, `counter` steps down the chain. The caller bounds
/// `counter`.
pub(super) fn message_keys_at(chain: &Key, counter: u32) -> MessageKeys {
    let chain = (0..counter).fold(*chain, |chain, _| step(&chain, &CHAIN_STEP));
    Recipe::SOUND.message_keys(&step(&chain, &MESSAGE_STEP))
}

fn step(chain: &Key, constant: &[u8; 1]) -> Key {
    let mut mac = keyed(chain);
    mac.update(constant);
    mac.finalize().into_bytes().into()
}

fn keyed(key: &Key) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// HKDF-SHA256 to 64 bytes (RFC 5869 §2.2, §2.3), taken as root key and chain key.
fn expand_two(salt: &Key, input: &[u8], info: &[u8]) -> RootAndChain {
    let mut both = [0; 64];
    Hkdf::<Sha256>::new(Some(salt), input)
        .expand(info, &mut both)
        .expect("64 bytes are less than 255 hashes");
    let (root, chain) = both.split_first_chunk::<32>().expect("64 bytes hold 32");
    RootAndChain { root: *root, chain: *chain.first_chunk().expect("32 bytes are left") }
}
