//! Handshake messages as protobuf: bounded, and every field present and of its length.
//!
//! Unknown fields are ignored (NOI-018), the rest is parsed once, so that the handshake states
//! need no checks. They know nothing of cryptography. `wire.md` §1.3.

use prost::Message;

use super::cipherstate::TAG_BYTES;
use super::error::{Field, NoiseError};
use super::keypair::KEY_BYTES;
use crate::limits;
use crate::proto::handshake as wire;

const SEALED_KEY_BYTES: usize = KEY_BYTES + TAG_BYTES;

/// Message 1 of XX, or of IK where the static key is there.
#[derive(Clone)]
pub(super) struct ClientHello {
    pub ephemeral: [u8; KEY_BYTES],
    pub sealed_static: Option<Vec<u8>>,
    /// In XX in clear, because no key is set yet, and empty in all known clients.
    pub payload: Vec<u8>,
}

/// Message 2 of XX and XXfallback, or of IK where the static key is absent.
pub(super) struct ServerHello {
    pub ephemeral: [u8; KEY_BYTES],
    pub sealed_static: Option<Vec<u8>>,
    pub sealed_payload: Vec<u8>,
}

/// Message 3 of XX and XXfallback.
pub(super) struct ClientFinish {
    pub sealed_static: Vec<u8>,
    pub sealed_payload: Vec<u8>,
}

impl ClientHello {
    /// Parses message 1.
    ///
    /// # Errors
    /// [`NoiseError::TooLong`], [`NoiseError::Malformed`], [`NoiseError::Missing`],
    /// [`NoiseError::Length`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoiseError> {
        let hello = present(decode(bytes)?.client_hello, Field::ClientHello)?;
        Ok(Self {
            ephemeral: key(hello.ephemeral, Field::ClientHelloEphemeral)?,
            sealed_static: sealed_key(hello.r#static, Field::ClientHelloStatic)?,
            payload: hello.payload.unwrap_or_default(),
        })
    }

    /// Writes message 1; an empty payload is left out.
    pub(super) fn encode(self) -> Vec<u8> {
        let hello = wire::ClientHello {
            ephemeral: Some(self.ephemeral.to_vec()),
            r#static: self.sealed_static,
            payload: Some(self.payload).filter(|payload| !payload.is_empty()),
        };
        wire::HandshakeMessage { client_hello: Some(hello), ..Default::default() }.encode_to_vec()
    }
}

impl ServerHello {
    /// Parses message 2.
    ///
    /// # Errors
    /// [`NoiseError::TooLong`], [`NoiseError::Malformed`], [`NoiseError::Missing`],
    /// [`NoiseError::Length`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoiseError> {
        let hello = present(decode(bytes)?.server_hello, Field::ServerHello)?;
        Ok(Self {
            ephemeral: key(hello.ephemeral, Field::ServerHelloEphemeral)?,
            sealed_static: sealed_key(hello.r#static, Field::ServerHelloStatic)?,
            sealed_payload: present(hello.payload, Field::ServerHelloPayload)?,
        })
    }

    /// Writes message 2.
    pub(super) fn encode(self) -> Vec<u8> {
        let hello = wire::ServerHello {
            ephemeral: Some(self.ephemeral.to_vec()),
            r#static: self.sealed_static,
            payload: Some(self.sealed_payload),
        };
        wire::HandshakeMessage { server_hello: Some(hello), ..Default::default() }.encode_to_vec()
    }
}

impl ClientFinish {
    /// Parses message 3.
    ///
    /// # Errors
    /// [`NoiseError::TooLong`], [`NoiseError::Malformed`], [`NoiseError::Missing`],
    /// [`NoiseError::Length`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, NoiseError> {
        let finish = present(decode(bytes)?.client_finish, Field::ClientFinish)?;
        Ok(Self {
            sealed_static: present(
                sealed_key(finish.r#static, Field::ClientFinishStatic)?,
                Field::ClientFinishStatic,
            )?,
            sealed_payload: present(finish.payload, Field::ClientFinishPayload)?,
        })
    }

    /// Writes message 3.
    pub(super) fn encode(self) -> Vec<u8> {
        let finish = wire::ClientFinish {
            r#static: Some(self.sealed_static),
            payload: Some(self.sealed_payload),
        };
        wire::HandshakeMessage { client_finish: Some(finish), ..Default::default() }.encode_to_vec()
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<wire::HandshakeMessage, NoiseError> {
    if bytes.len() > limits::HANDSHAKE_BYTES_MAX {
        return Err(NoiseError::TooLong { bytes: bytes.len() });
    }
    Ok(wire::HandshakeMessage::decode(bytes)?)
}

pub(super) fn present<T>(value: Option<T>, field: Field) -> Result<T, NoiseError> {
    value.ok_or(NoiseError::Missing(field))
}

fn key(value: Option<Vec<u8>>, field: Field) -> Result<[u8; KEY_BYTES], NoiseError> {
    let bytes = present(value, field)?;
    let actual = bytes.len();
    bytes.try_into().map_err(|_| NoiseError::Length { field, expected: KEY_BYTES, actual })
}

/// Whether it may be absent depends on the pattern; its length does not.
fn sealed_key(value: Option<Vec<u8>>, field: Field) -> Result<Option<Vec<u8>>, NoiseError> {
    match value {
        Some(bytes) if bytes.len() != SEALED_KEY_BYTES => {
            let actual = bytes.len();
            Err(NoiseError::Length { field, expected: SEALED_KEY_BYTES, actual })
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_hello(static_bytes: Option<usize>, payload: Option<usize>) -> Vec<u8> {
        let hello = wire::ServerHello {
            ephemeral: Some(vec![1; 32]),
            r#static: static_bytes.map(|n| vec![2; n]),
            payload: payload.map(|n| vec![3; n]),
        };
        wire::HandshakeMessage { server_hello: Some(hello), ..Default::default() }.encode_to_vec()
    }

    fn fault<T>(result: Result<T, NoiseError>) -> NoiseError {
        result.err().expect("the message is refused")
    }

    #[test]
    fn missing_fields_are_named() {
        assert_eq!(fault(ClientHello::parse(&[])), NoiseError::Missing(Field::ClientHello));
        assert_eq!(fault(ClientFinish::parse(&[])), NoiseError::Missing(Field::ClientFinish));
        let missing = |bytes: &[u8]| fault(ServerHello::parse(bytes));
        assert_eq!(missing(&[]), NoiseError::Missing(Field::ServerHello));
        // An empty serverHello.
        assert_eq!(missing(&[0x1A, 0]), NoiseError::Missing(Field::ServerHelloEphemeral));
        let no_payload = server_hello(Some(48), None);
        assert_eq!(missing(&no_payload), NoiseError::Missing(Field::ServerHelloPayload));
    }

    #[test]
    fn wrong_lengths_are_named() {
        for actual in [0, 32, 47, 49] {
            let error = fault(ServerHello::parse(&server_hello(Some(actual), Some(16))));
            let field = Field::ServerHelloStatic;
            assert_eq!(error, NoiseError::Length { field, expected: 48, actual });
        }
        let hello = wire::ClientHello { ephemeral: Some(vec![0; 33]), ..Default::default() };
        let message = wire::HandshakeMessage { client_hello: Some(hello), ..Default::default() };
        let field = Field::ClientHelloEphemeral;
        assert_eq!(
            fault(ClientHello::parse(&message.encode_to_vec())),
            NoiseError::Length { field, expected: 32, actual: 33 }
        );
    }

    #[test]
    fn a_static_key_may_be_there_or_not_but_has_its_length() {
        let hello = |n: usize| {
            let hello = wire::ClientHello {
                ephemeral: Some(vec![1; 32]),
                r#static: Some(vec![2; n]),
                payload: Some(vec![3; 40]),
            };
            wire::HandshakeMessage { client_hello: Some(hello), ..Default::default() }
                .encode_to_vec()
        };
        let parsed = ClientHello::parse(&hello(48)).unwrap();
        assert_eq!(parsed.sealed_static, Some(vec![2; 48]));
        assert_eq!(parsed.clone().encode(), hello(48));
        let field = Field::ClientHelloStatic;
        let length = NoiseError::Length { field, expected: 48, actual: 32 };
        assert_eq!(fault(ClientHello::parse(&hello(32))), length);
        let resumed = ServerHello::parse(&server_hello(None, Some(16))).unwrap();
        assert_eq!(resumed.sealed_static, None);
    }

    #[test]
    fn unknown_fields_are_ignored_on_both_levels() {
        // ClientHello: field 1 with 32 bytes, field 9 (pqMode) a varint, field 6 two bytes.
        let mut hello = vec![0x0A, 32];
        hello.extend([7; 32]);
        hello.extend([0x48, 3, 0x32, 2, 0xFF, 0xFF]);
        // HandshakeMessage: field 15 a varint, field 2 the hello, field 100 three bytes.
        let mut message = vec![0x78, 1, 0x12, u8::try_from(hello.len()).unwrap()];
        message.extend(hello);
        message.extend([0xA2, 0x06, 3, 1, 2, 3]);
        let parsed = ClientHello::parse(&message).unwrap();
        assert_eq!(parsed.ephemeral, [7; 32]);
        assert!(parsed.payload.is_empty());
    }

    #[test]
    fn the_length_is_bounded_before_anything_is_parsed() {
        let longest = server_hello(Some(48), Some(limits::HANDSHAKE_BYTES_MAX - 92));
        assert_eq!(longest.len(), limits::HANDSHAKE_BYTES_MAX);
        assert!(ServerHello::parse(&longest).is_ok());
        let bytes = limits::HANDSHAKE_BYTES_MAX + 1;
        let refused = fault(ServerHello::parse(&vec![0xFF; bytes]));
        assert_eq!(refused, NoiseError::TooLong { bytes });
    }

    #[test]
    fn what_is_no_protobuf_is_malformed() {
        assert!(matches!(fault(ClientHello::parse(b"GET / ")), NoiseError::Malformed(_)));
        let cut = &server_hello(Some(48), Some(16))[..60];
        assert!(matches!(fault(ServerHello::parse(cut)), NoiseError::Malformed(_)));
    }
}
