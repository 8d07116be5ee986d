//! Message 2 as a faulty or hostile server would send it.
//!
//! Main type: [`Tamper`]. It changes bytes of a finished message and knows no key: what needs keys
//! (another prologue, an impostor's static key, a small-order point) is a matter of the [`End`] that
//! answers.
//!
//! [`End`]: super::End

use prost::Message;

use super::error::NoiseError;
use super::message::{decode, present};
use super::{Field, KeyPair};
use crate::proto::handshake as wire;

/// What is done to message 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tamper {
    /// One bit of the static key's tag is flipped.
    StaticTag,
    /// One bit of the payload's tag is flipped.
    PayloadTag,
    /// The payload has lost its last byte.
    PayloadCut,
    /// The message ends in the middle of a field.
    MessageCut,
    /// The static key is left out, as in the answer to an IK.
    StaticLeftOut,
    /// It is a message 1: the server opens a handshake of its own.
    ClientHello,
    /// Fields that nobody knows stand in it, on both levels (NOI-018).
    UnknownFields,
}

impl Tamper {
    /// Applies it.
    ///
    /// # Errors
    /// What is wrong with the message, if it is no message 2.
    pub fn apply(self, message: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let mut hello = present(decode(message)?.server_hello, Field::ServerHello)?;
        match self {
            Self::StaticTag => flip_last(&mut hello.r#static),
            Self::PayloadTag => flip_last(&mut hello.payload),
            Self::PayloadCut => {
                hello.payload.get_or_insert_default().pop();
            }
            Self::MessageCut => return Ok(message[..message.len() * 3 / 4].to_vec()),
            Self::StaticLeftOut => hello.r#static = None,
            Self::ClientHello => return Ok(client_hello(hello.ephemeral)),
            Self::UnknownFields => return Ok(with_unknown_fields(&hello)),
        }
        Ok(server_hello(hello).encode_to_vec())
    }
}

fn flip_last(field: &mut Option<Vec<u8>>) {
    if let Some(last) = field.as_mut().and_then(|bytes| bytes.last_mut()) {
        *last ^= 1;
    }
}

fn server_hello(hello: wire::ServerHello) -> wire::HandshakeMessage {
    wire::HandshakeMessage { server_hello: Some(hello), ..Default::default() }
}

/// A server has no other ephemeral key at hand; the client must not look that far.
fn client_hello(ephemeral: Option<Vec<u8>>) -> Vec<u8> {
    let ephemeral = ephemeral.or_else(|| Some(KeyPair::from_private([1; 32]).public().to_vec()));
    let hello = wire::ClientHello { ephemeral, ..Default::default() };
    wire::HandshakeMessage { client_hello: Some(hello), ..Default::default() }.encode_to_vec()
}

/// Field 15 a number and field 100 three bytes, inside `serverHello` and beside it.
fn with_unknown_fields(hello: &wire::ServerHello) -> Vec<u8> {
    const UNKNOWN: [u8; 8] = [0x78, 1, 0xA2, 0x06, 3, 1, 2, 3];
    let mut inner = hello.encode_to_vec();
    inner.extend(UNKNOWN);
    let mut message = UNKNOWN.to_vec();
    message.push(0x1A);
    prost::encoding::encode_varint(inner.len() as u64, &mut message);
    message.extend(inner);
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::fixture::{CHAIN, up_to_message_2};

    fn read(tamper: Tamper) -> Result<Vec<u8>, NoiseError> {
        let (initiator, _, answer) = up_to_message_2();
        let read = initiator.read_server_hello(&tamper.apply(&answer).unwrap())?;
        Ok(read.certificate)
    }

    #[test]
    fn each_change_is_noticed_where_it_was_made() {
        let not_authentic = |field| Err(NoiseError::NotAuthentic(field));
        let missing = |field| Err(NoiseError::Missing(field));
        assert_eq!(read(Tamper::StaticTag), not_authentic(Field::ServerHelloStatic));
        assert_eq!(read(Tamper::PayloadTag), not_authentic(Field::ServerHelloPayload));
        assert_eq!(read(Tamper::PayloadCut), not_authentic(Field::ServerHelloPayload));
        assert!(matches!(read(Tamper::MessageCut), Err(NoiseError::Malformed(_))));
        assert_eq!(read(Tamper::StaticLeftOut), missing(Field::ServerHelloStatic));
        assert_eq!(read(Tamper::ClientHello), missing(Field::ServerHello));
    }

    #[test]
    fn unknown_fields_change_nothing() {
        assert_eq!(read(Tamper::UnknownFields), Ok(CHAIN.to_vec()));
    }

    #[test]
    fn what_is_no_message_2_is_not_tampered_with() {
        assert!(Tamper::StaticTag.apply(b"GET / ").is_err());
        assert_eq!(Tamper::StaticTag.apply(&[]), Err(NoiseError::Missing(Field::ServerHello)));
    }
}
