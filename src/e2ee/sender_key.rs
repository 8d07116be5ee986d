//! Sender keys, the Signal Protocol's group messages, read without keys.
//!
//! [`SenderKeyEnvelope`] is an `skmsg`, [`SenderKeyDistribution`] hands its key out inside a session
//! (`wire.md` §5.2, §6.1). Two forms are in use, which differ in field 1: WhatsApp's clients number
//! the key there, libsignal names the distribution by a UUID; the form that parses is the form that
//! was sent, because one has a number and the other bytes in that place. Nothing here decrypts:
//! group messaging between Meta and third parties has no known wire form.

use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::envelope::{EnvelopeError, blocks, key, split_version};
use crate::proto::signal::{
    NamedSenderKeyDistribution, NamedSenderKeyMessage, NumberedSenderKeyDistribution,
    NumberedSenderKeyMessage,
};

/// The value of the stanza's `type` attribute (`wire.md` §5.2).
pub const ENC_TYPE: &str = "skmsg";
/// Sender keys stayed at version 3 when sessions went to 4 (libsignal 0.85.3,
/// `SENDERKEY_MESSAGE_CURRENT_VERSION`).
const VERSION: u8 = 3;
const SIGNATURE_BYTES: usize = 64;

/// What a sender key is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderKeyName {
    /// WhatsApp's form.
    Number(u32),
    /// libsignal's form: the distribution's UUID and the chain's number in it.
    Distribution([u8; 16], u32),
}

/// The outside of an `skmsg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderKeyEnvelope {
    pub version_byte: u8,
    pub name: SenderKeyName,
    /// The message's number in its chain.
    pub iteration: u32,
    pub ciphertext: Vec<u8>,
    /// XEdDSA of the sender's signing key over all bytes in front of it.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// A sender key as it is handed to a group's members. The chain key is a secret and stays inside.
#[derive(Clone, PartialEq, Eq)]
pub struct SenderKeyDistribution {
    pub version_byte: u8,
    pub name: SenderKeyName,
    /// The number of the first message that the key opens.
    pub iteration: u32,
    pub signing_key: [u8; 32],
    chain_key: [u8; 32],
}

impl std::fmt::Debug for SenderKeyDistribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SenderKeyDistribution")
            .field("name", &self.name)
            .field("iteration", &self.iteration)
            .finish_non_exhaustive()
    }
}

impl SenderKeyEnvelope {
    /// Reads an `skmsg`.
    ///
    /// # Errors
    /// Says which rule of the format the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (authenticated, signature) = match bytes.split_last_chunk() {
            Some((authenticated, signature)) if !authenticated.is_empty() => {
                (authenticated, *signature)
            }
            _ if bytes.is_empty() => return Err(EnvelopeError::Empty),
            _ => return Err(EnvelopeError::TooShort(bytes.len())),
        };
        let (version_byte, body) = version_3(authenticated)?;
        let (name, iteration, ciphertext) = match NumberedSenderKeyMessage::decode(body) {
            Ok(message) => (number(message.id)?, message.iteration, message.ciphertext),
            Err(_) => {
                let message = NamedSenderKeyMessage::decode(body)?;
                (named(message.distribution, message.id)?, message.iteration, message.ciphertext)
            }
        };
        let iteration = iteration.ok_or(EnvelopeError::Missing("iteration"))?;
        Ok(Self { version_byte, name, iteration, ciphertext: blocks(ciphertext)?, signature })
    }

    /// What a transcript keeps of an `skmsg`.
    pub fn summary(&self) -> SenderKeySummary {
        let (id, distribution) = match self.name {
            SenderKeyName::Number(id) => (id, None),
            SenderKeyName::Distribution(uuid, id) => (id, Some(hex::encode(uuid))),
        };
        SenderKeySummary {
            kind: ENC_TYPE.to_owned(),
            version_byte: self.version_byte,
            id,
            distribution,
            iteration: self.iteration,
            ciphertext_bytes: self.ciphertext.len(),
        }
    }
}

impl SenderKeyDistribution {
    /// Reads a SenderKeyDistributionMessage.
    ///
    /// # Errors
    /// Says which rule of the format the bytes break.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (version_byte, body) = version_3(bytes)?;
        let (name, iteration, chain_key, signing_key) =
            match NumberedSenderKeyDistribution::decode(body) {
                Ok(it) => (number(it.id)?, it.iteration, it.chain_key, it.signing_key),
                Err(_) => {
                    let it = NamedSenderKeyDistribution::decode(body)?;
                    (named(it.distribution, it.id)?, it.iteration, it.chain_key, it.signing_key)
                }
            };
        Ok(Self {
            version_byte,
            name,
            iteration: iteration.ok_or(EnvelopeError::Missing("iteration"))?,
            signing_key: key("signingKey", signing_key)?,
            chain_key: exact("chainKey", chain_key)?,
        })
    }

    /// The chain key, which opens every message from `iteration` on.
    pub fn chain_key(&self) -> &[u8; 32] {
        &self.chain_key
    }
}

/// The header of an `skmsg` for a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderKeySummary {
    pub kind: String,
    pub version_byte: u8,
    /// The key's number, or that of the chain in a named distribution.
    pub id: u32,
    /// The UUID, in libsignal's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<String>,
    pub iteration: u32,
    pub ciphertext_bytes: usize,
}

fn version_3(bytes: &[u8]) -> Result<(u8, &[u8]), EnvelopeError> {
    let (byte, body) = split_version(bytes)?;
    if byte >> 4 == VERSION { Ok((byte, body)) } else { Err(EnvelopeError::Version(byte)) }
}

fn number(id: Option<u32>) -> Result<SenderKeyName, EnvelopeError> {
    id.map(SenderKeyName::Number).ok_or(EnvelopeError::Missing("id"))
}

fn named(uuid: Option<Vec<u8>>, id: Option<u32>) -> Result<SenderKeyName, EnvelopeError> {
    let uuid = exact("distributionUuid", uuid)?;
    let id = id.ok_or(EnvelopeError::Missing("chainId"))?;
    Ok(SenderKeyName::Distribution(uuid, id))
}

fn exact<const N: usize>(
    field: &'static str,
    value: Option<Vec<u8>>,
) -> Result<[u8; N], EnvelopeError> {
    let value = value.ok_or(EnvelopeError::Missing(field))?;
    let bytes = value.len();
    value.try_into().map_err(|_| EnvelopeError::FieldLength { field, bytes, expected: N })
}

#[cfg(test)]
mod tests {
    use libsignal_protocol::Aci;
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    const UUID: [u8; 16] = [0xD5; 16];

    /// Messages of the two public crates, each in its form.
    fn messages() -> [(SenderKeyName, Vec<u8>); 2] {
        let mut rng = Seed(1).rng(&["sender key"]);
        let signing = wacore_libsignal::core::curve::KeyPair::generate(&mut rng).private_key;
        let numbered = wacore_libsignal::protocol::SenderKeyMessage::new(
            3,
            77,
            5,
            vec![0xC0; 32].into_boxed_slice(),
            &mut rng,
            &signing,
        );
        let mut draw = crate::e2ee::pqxdh_v4::Draw(&mut rng);
        let signing = libsignal_protocol::KeyPair::generate(&mut draw).private_key;
        let named = libsignal_protocol::SenderKeyMessage::new(
            3,
            Aci::from_uuid_bytes(UUID).into(),
            77,
            5,
            vec![0xC0; 32].into_boxed_slice(),
            &mut draw,
            &signing,
        );
        [
            (SenderKeyName::Number(77), numbered.unwrap().serialized().to_vec()),
            (SenderKeyName::Distribution(UUID, 77), named.unwrap().serialized().to_vec()),
        ]
    }

    fn distributions() -> [(SenderKeyName, Vec<u8>, [u8; 32]); 2] {
        let mut rng = Seed(1).rng(&["distribution"]);
        let public = wacore_libsignal::core::curve::KeyPair::generate(&mut rng).public_key;
        let raw: [u8; 32] = public.public_key_bytes().try_into().unwrap();
        let numbered = wacore_libsignal::protocol::SenderKeyDistributionMessage::new(
            3, 77, 5, [9; 32], public,
        );
        let key = libsignal_protocol::PublicKey::from_djb_public_key_bytes(&raw).unwrap();
        let named = libsignal_protocol::SenderKeyDistributionMessage::new(
            3,
            Aci::from_uuid_bytes(UUID).into(),
            77,
            5,
            vec![9; 32],
            key,
        );
        [
            (SenderKeyName::Number(77), numbered.unwrap().serialized().to_vec(), raw),
            (SenderKeyName::Distribution(UUID, 77), named.unwrap().serialized().to_vec(), raw),
        ]
    }

    #[test]
    fn messages_of_both_forms_are_read() {
        for (name, bytes) in messages() {
            let read = SenderKeyEnvelope::parse(&bytes).unwrap();
            assert_eq!((read.version_byte, read.name, read.iteration), (0x33, name, 5));
            assert_eq!(read.ciphertext, [0xC0; 32]);
            assert_eq!(read.signature, bytes[bytes.len() - 64..]);
        }
    }

    #[test]
    fn distributions_of_both_forms_are_read_and_print_no_secret() {
        for (name, bytes, signing_key) in distributions() {
            let read = SenderKeyDistribution::parse(&bytes).unwrap();
            assert_eq!((read.version_byte, read.name, read.iteration), (0x33, name, 5));
            assert_eq!((read.signing_key, read.chain_key()), (signing_key, &[9; 32]));
            let printed = format!("{read:?}");
            assert!(!printed.contains("9, 9"), "{printed}");
        }
    }

    #[test]
    fn a_summary_is_compact_and_keeps_no_ciphertext() {
        let summaries = messages().map(|(_, bytes)| {
            let summary = SenderKeyEnvelope::parse(&bytes).unwrap().summary();
            let text = serde_json::to_string(&summary).unwrap();
            assert_eq!(serde_json::from_str::<SenderKeySummary>(&text).unwrap(), summary);
            text
        });
        insta::assert_snapshot!(summaries.join("\n"));
    }

    #[test]
    fn broken_messages_name_the_rule() {
        let [(_, numbered), (_, named)] = messages();
        let error = |bytes: &[u8]| SenderKeyEnvelope::parse(bytes).unwrap_err().to_string();
        let with = |byte: u8| [&[byte][..], &numbered[1..]].concat();
        assert_eq!(error(b""), "the payload is empty");
        assert_eq!(
            error(&numbered[..64]),
            "the payload has 64 bytes, less than the version byte and what authenticates it"
        );
        assert!(error(&with(0x44)).starts_with("the version byte 0x44"));
        assert!(error(&with(0x23)).starts_with("the version byte 0x23"));
        let body = |message: NamedSenderKeyMessage| {
            [&[0x33][..], &message.encode_to_vec(), &[0; 64]].concat()
        };
        let good = NamedSenderKeyMessage::decode(&named[1..named.len() - 64]).unwrap();
        let short = NamedSenderKeyMessage { distribution: Some(vec![1; 15]), ..good.clone() };
        assert_eq!(error(&body(short)), "the field distributionUuid has 15 bytes instead of 16");
        let uncounted = NamedSenderKeyMessage { iteration: None, ..good.clone() };
        assert_eq!(error(&body(uncounted)), "the field iteration is missing");
        let empty = NamedSenderKeyMessage { ciphertext: Some(Vec::new()), ..good };
        assert!(error(&body(empty)).starts_with("the ciphertext has 0 bytes"));
        let [(_, distribution, _), _] = distributions();
        let cut = SenderKeyDistribution::parse(&distribution[..distribution.len() - 3]);
        assert!(matches!(cut, Err(EnvelopeError::Protobuf(_))), "{cut:?}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(mut bytes: Vec<u8>) {
            let _ = SenderKeyEnvelope::parse(&bytes);
            let _ = SenderKeyDistribution::parse(&bytes);
            bytes.insert(0, 0x33);
            let _ = SenderKeyEnvelope::parse(&bytes);
            let _ = SenderKeyDistribution::parse(&bytes);
        }
    }
}
