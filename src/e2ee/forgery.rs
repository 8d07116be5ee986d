//! A ciphertext with one thing changed, as a forger on the path, or a peer with bad intent, sends it.
//!
//! Main function: [`forged`]. What only somebody on the path can do leaves the MAC as it was; what
//! only a peer can do, such as a padding that is broken under a MAC that fits, is authenticated anew
//! with the key of the message, which the harness has because it made the message.

use prost::Message as _;

use super::envelope::{Envelope, PreKeyEnvelope};
use super::party::{Ciphertext, EncType};
use super::schedule::{Bound, Key, Recipe};
use crate::proto::signal::{PreKeySignalMessage, SignalMessage};

const MAC_BYTES: usize = 8;
/// Far beyond any limit, and still a number of 31 bits (RAT-004).
const FAR: u32 = 0x7FFF_0000;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// The last bit of the MAC.
    Mac,
    /// There is no MAC.
    MacAbsent,
    /// The MAC lacks its last byte.
    MacShort,
    /// A bit of the encrypted content.
    Body,
    /// The message's number, to the next one.
    Counter,
    /// The message's number, to one 2^31 further on.
    CounterFar,
    /// The length of the previous chain.
    PreviousCounter,
    /// A bit of the ratchet key.
    RatchetKey,
    /// The ratchet key is a point of small order.
    SmallOrderRatchetKey,
    /// The encrypted padding is broken; the MAC fits.
    Padding,
    /// The MAC covers the receiver's identity key first.
    IdentitiesSwapped,
    /// The MAC covers no identity keys.
    IdentitiesAbsent,
    /// The version is 2; the MAC fits.
    VersionOlder,
    /// The version is 5; the MAC fits.
    VersionNewer,
}

/// What a message was made with.
#[derive(Clone, Copy, Debug)]
pub struct MessageOrigin {
    /// The chain key that gives the keys of this message.
    pub chain: [u8; 32],
    pub sender: [u8; 32],
    pub receiver: [u8; 32],
}

/// The message with one thing changed; none for bytes that are no message.
pub fn forged(sealed: &Ciphertext, how: Forgery, origin: &MessageOrigin) -> Option<Ciphertext> {
    let bytes = match sealed.kind {
        EncType::Msg => changed(&sealed.bytes, how, origin)?,
        EncType::PkMsg => {
            let inner = PreKeyEnvelope::parse(&sealed.bytes).ok()?.message_bytes;
            let mut outer = PreKeySignalMessage::decode(sealed.bytes.get(1..)?).ok()?;
            outer.message = Some(changed(&inner, how, origin)?);
            let version = version_byte(sealed.bytes[0], how);
            [&[version][..], &outer.encode_to_vec()].concat()
        }
    };
    Some(Ciphertext { kind: sealed.kind, bytes })
}

fn changed(bytes: &[u8], how: Forgery, origin: &MessageOrigin) -> Option<Vec<u8>> {
    let envelope = Envelope::parse(bytes).ok()?;
    let (head, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
    let version = version_byte(head[0], how);
    let mut message = SignalMessage::decode(&head[1..]).ok()?;
    let body = message.ciphertext.as_mut()?;
    match how {
        Forgery::Body => *body.first_mut()? ^= 1,
        // The last block becomes another one, and with it the padding; whatever comes out, it ends
        // in a byte of 1 to 16 and as many alike once in 255 messages.
        Forgery::Padding => *body.last_mut()? ^= 1,
        Forgery::Counter => message.counter = Some(envelope.counter.wrapping_add(1)),
        Forgery::CounterFar => message.counter = Some(envelope.counter.wrapping_add(FAR)),
        Forgery::PreviousCounter => {
            message.previous_counter = Some(envelope.previous_counter.wrapping_add(1));
        }
        Forgery::RatchetKey => *message.ratchet_key.as_mut()?.get_mut(9)? ^= 1,
        Forgery::SmallOrderRatchetKey => message.ratchet_key.as_mut()?.get_mut(1..)?.fill(0),
        _ => {}
    }
    let head = [&[version][..], &message.encode_to_vec()].concat();
    let bound = match how {
        Forgery::IdentitiesSwapped => Some(Bound::ReceiverFirst),
        Forgery::IdentitiesAbsent => Some(Bound::Nothing),
        Forgery::Padding | Forgery::VersionOlder | Forgery::VersionNewer => {
            Some(Bound::SenderFirst)
        }
        _ => None,
    };
    let mut mac: [u8; MAC_BYTES] = match bound {
        Some(bound) => {
            let key: Key = Recipe::SOUND.mac_key(&origin.chain, 0);
            Recipe { bound, ..Recipe::SOUND }.mac(&key, &origin.sender, &origin.receiver, &head)
        }
        None => mac.try_into().ok()?,
    };
    if how == Forgery::Mac {
        mac[MAC_BYTES - 1] ^= 1;
    }
    let mac = match how {
        Forgery::MacAbsent => &[],
        Forgery::MacShort => &mac[..MAC_BYTES - 1],
        _ => &mac[..],
    };
    Some([&head[..], mac].concat())
}

/// The version stands in the high half of the byte, the sender's newest in the low one.
fn version_byte(genuine: u8, how: Forgery) -> u8 {
    match how {
        Forgery::VersionOlder => 0x23,
        Forgery::VersionNewer => 0x55,
        _ => genuine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::error::E2eeError;
    use crate::e2ee::pair::{Pair, address};
    use crate::e2ee::party::Party as _;

    const ALL: &[Forgery] = &[
        Forgery::Mac,
        Forgery::MacAbsent,
        Forgery::MacShort,
        Forgery::Body,
        Forgery::Counter,
        Forgery::CounterFar,
        Forgery::PreviousCounter,
        Forgery::RatchetKey,
        Forgery::SmallOrderRatchetKey,
        Forgery::Padding,
        Forgery::IdentitiesSwapped,
        Forgery::IdentitiesAbsent,
        Forgery::VersionOlder,
        Forgery::VersionNewer,
    ];

    fn written(pair: &mut Pair) -> (Ciphertext, MessageOrigin) {
        let snapshot = pair.alice.snapshot(&address("bob")).unwrap();
        let mut chain = [0; 32];
        hex::decode_to_slice(&snapshot.secrets.sending_chain_key, &mut chain).unwrap();
        let (sender, receiver) = (pair.alice.identity(), pair.bob.identity());
        (pair.alice_writes("genuine"), MessageOrigin { chain, sender, receiver })
    }

    #[test]
    fn a_sound_peer_refuses_every_forgery_and_takes_the_genuine_message_after_them() {
        for mut pair in [Pair::new(true), Pair::settled(true)] {
            let (genuine, origin) = written(&mut pair);
            for &how in ALL {
                let forgery = forged(&genuine, how, &origin).unwrap();
                assert_ne!(forgery, genuine, "{how:?}");
                assert!(pair.bob_reads(&forgery).is_err(), "{how:?}");
            }
            assert_eq!(pair.bob_reads(&genuine).unwrap(), "genuine");
        }
    }

    #[test]
    fn a_broken_padding_is_authentic_and_a_broken_mac_is_not() {
        let mut pair = Pair::settled(true);
        let (genuine, origin) = written(&mut pair);
        let padding = forged(&genuine, Forgery::Padding, &origin).unwrap();
        assert!(matches!(pair.bob_reads(&padding), Err(E2eeError::Undecryptable(_))));
        let mac = forged(&genuine, Forgery::Mac, &origin).unwrap();
        assert!(matches!(pair.bob_reads(&mac), Err(E2eeError::BadMac(_))));
    }

    #[test]
    fn what_is_no_message_is_not_forged() {
        let origin = MessageOrigin { chain: [0; 32], sender: [1; 32], receiver: [2; 32] };
        for kind in [EncType::Msg, EncType::PkMsg] {
            for bytes in [vec![], vec![0x33], vec![0x33; 40]] {
                assert_eq!(forged(&Ciphertext { kind, bytes }, Forgery::Mac, &origin), None);
            }
        }
    }
}
