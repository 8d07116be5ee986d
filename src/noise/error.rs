//! What can go wrong on the channel, and whose fault it is.
//!
//! All but [`NoiseError::NonceExhausted`] are the peer's doing (or that of somebody between). None
//! holds key material or plaintext, so each may be printed.

use std::fmt;

use crate::limits;

/// Tells why a handshake message or a transport frame was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseError {
    /// The peer's handshake message exceeds [`limits::HANDSHAKE_BYTES_MAX`].
    #[error("handshake message of {bytes} bytes, {} are allowed", limits::HANDSHAKE_BYTES_MAX)]
    TooLong { bytes: usize },
    /// The peer's handshake message is not protobuf.
    #[error("handshake message does not parse: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The peer's handshake message lacks a field that this step needs.
    #[error("{0} is missing")]
    Missing(Field),
    /// A field of the peer's handshake message has a length that its meaning does not allow.
    #[error("{field} has {actual} bytes, not {expected}")]
    Length { field: Field, expected: usize, actual: usize },
    /// The client's first message is that of a pattern that sends its static key at once (IK).
    #[error("clientHello.static is present: the client opens another pattern than XX")]
    OtherPattern,
    /// The peer's key is a point of small order: the agreement is zero whatever our key.
    #[error("{0} is a key of small order")]
    SmallOrder(Field),
    /// A field does not decrypt: the keys or transcripts differ, or somebody changed the bytes.
    #[error("{0} does not decrypt")]
    NotAuthentic(Field),
    /// A transport frame does not decrypt under this counter.
    #[error("frame does not decrypt under counter {counter}")]
    FrameNotAuthentic { counter: u64 },
    /// The session outlived its counter: it must end (Noise specification §5.1).
    #[error("the nonce is exhausted: the session must end")]
    NonceExhausted,
}

/// Names a part of a handshake message, as in `wire.md` §1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    ClientHello,
    ClientHelloEphemeral,
    ClientHelloStatic,
    ClientHelloPayload,
    ServerHello,
    ServerHelloEphemeral,
    ServerHelloStatic,
    ServerHelloPayload,
    ClientFinish,
    ClientFinishStatic,
    ClientFinishPayload,
    /// No field of a message: the key that an IK is opened with.
    CachedServerStatic,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::ClientHello => "clientHello",
            Field::ClientHelloEphemeral => "clientHello.ephemeral",
            Field::ClientHelloStatic => "clientHello.static",
            Field::ClientHelloPayload => "clientHello.payload",
            Field::ServerHello => "serverHello",
            Field::ServerHelloEphemeral => "serverHello.ephemeral",
            Field::ServerHelloStatic => "serverHello.static",
            Field::ServerHelloPayload => "serverHello.payload",
            Field::ClientFinish => "clientFinish",
            Field::ClientFinishStatic => "clientFinish.static",
            Field::ClientFinishPayload => "clientFinish.payload",
            Field::CachedServerStatic => "the cached static key of the server",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_field_and_the_figures() {
        let length =
            NoiseError::Length { field: Field::ServerHelloStatic, expected: 48, actual: 47 };
        assert_eq!(length.to_string(), "serverHello.static has 47 bytes, not 48");
        let long = NoiseError::TooLong { bytes: 70_000 };
        assert_eq!(long.to_string(), "handshake message of 70000 bytes, 65536 are allowed");
        assert_eq!(NoiseError::Missing(Field::ClientFinish).to_string(), "clientFinish is missing");
    }
}
