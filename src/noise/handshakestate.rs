//! The XX handshake as states that are values: a step out of order does not compile.
//!
//! ```text
//! Initiator ──> ServerHelloRead ──> Transport
//! Responder ──> ClientHelloRead ──> AwaitingFinish ──> Finished
//! ```
//! A step that fails consumes its state, so nothing of a failed handshake can be used again
//! (NOI-009). Nothing here verifies a certificate: the caller decides between reading message 2
//! and writing message 3. Messages are unframed protobuf (`wire.md` §1.2, §1.3). `symmetric` is open
//! to the crate for tests alone: only they can read `h` and `ck` out of it.

use std::fmt;

use super::cipherstate::CipherError;
use super::error::{Field, NoiseError};
use super::keypair::{KEY_BYTES, KeyPair};
use super::message::{ClientFinish, ClientHello, ServerHello};
use super::symmetricstate::{Dialect, Pattern, SymmetricState};
use super::transport::Transport;

/// The client that has sent message 1 and waits for message 2.
#[derive(Debug)]
pub struct Initiator {
    pub(crate) symmetric: SymmetricState,
    static_key: KeyPair,
    ephemeral: KeyPair,
}

impl Initiator {
    /// Opens a handshake: returns the state and message 1.
    ///
    /// The prologue is the intro header as sent. The ephemeral pair must be fresh (NOI-004).
    pub fn start(
        prologue: &[u8],
        dialect: Dialect,
        static_key: KeyPair,
        ephemeral: KeyPair,
    ) -> (Self, Vec<u8>) {
        Self::start_with_payload(prologue, dialect, static_key, ephemeral, &[])
    }

    /// Opens a handshake with a payload in message 1, which travels in clear.
    ///
    /// No known client sends one: it serves faults (NOI-007) and foreign vectors.
    pub fn start_with_payload(
        prologue: &[u8],
        dialect: Dialect,
        static_key: KeyPair,
        ephemeral: KeyPair,
        payload: &[u8],
    ) -> (Self, Vec<u8>) {
        let mut symmetric = SymmetricState::initialise(Pattern::Xx, prologue, dialect);
        symmetric.mix_hash(&ephemeral.public());
        let payload = symmetric.encrypt_and_hash(payload);
        let hello = ClientHello { ephemeral: ephemeral.public(), payload };
        (Self { symmetric, static_key, ephemeral }, hello.encode())
    }

    /// Reads message 2: e, ee, s, es and the payload.
    ///
    /// # Errors
    /// Any [`NoiseError`] that blames the server; the handshake is over then.
    pub fn read_server_hello(self, message: &[u8]) -> Result<ServerHelloRead, NoiseError> {
        let Self { mut symmetric, static_key, ephemeral } = self;
        let hello = ServerHello::parse(message)?;
        symmetric.mix_hash(&hello.ephemeral);
        symmetric.mix_key(&*ephemeral.agree(&hello.ephemeral));
        let server_static =
            open_key(&mut symmetric, &hello.sealed_static, Field::ServerHelloStatic)?;
        symmetric.mix_key(&*ephemeral.agree(&server_static));
        let certificate = open(&mut symmetric, &hello.sealed_payload, Field::ServerHelloPayload)?;
        let server_ephemeral = hello.ephemeral;
        Ok(ServerHelloRead { server_static, server_ephemeral, certificate, symmetric, static_key })
    }
}

/// The client that has read message 2 and now decides whether to trust the server.
#[derive(Debug)]
pub struct ServerHelloRead {
    /// The server's static public key, which the certificate must vouch for (NOI-006).
    pub server_static: [u8; KEY_BYTES],
    /// The server's ephemeral public key.
    pub server_ephemeral: [u8; KEY_BYTES],
    /// The payload: a certificate chain, see [`super::certificate::verify`].
    pub certificate: Vec<u8>,
    pub(crate) symmetric: SymmetricState,
    static_key: KeyPair,
}

impl ServerHelloRead {
    /// Writes message 3 (s, se and the payload) and opens the channel.
    pub fn finish(self, payload: &[u8]) -> (Vec<u8>, Transport) {
        let Self { mut symmetric, static_key, server_ephemeral, .. } = self;
        let sealed_static = symmetric.encrypt_and_hash(&static_key.public());
        symmetric.mix_key(&*static_key.agree(&server_ephemeral));
        let sealed_payload = symmetric.encrypt_and_hash(payload);
        let message = ClientFinish { sealed_static, sealed_payload }.encode();
        let (outgoing, incoming) = symmetric.split();
        (message, Transport::new(outgoing, incoming))
    }
}

/// The server that waits for message 1.
#[derive(Debug)]
pub struct Responder {
    pub(crate) symmetric: SymmetricState,
    static_key: KeyPair,
    ephemeral: KeyPair,
}

impl Responder {
    /// Prepares for one client. The prologue is the intro header as received; the ephemeral pair
    /// must be fresh.
    pub fn new(prologue: &[u8], dialect: Dialect, static_key: KeyPair, ephemeral: KeyPair) -> Self {
        let symmetric = SymmetricState::initialise(Pattern::Xx, prologue, dialect);
        Self { symmetric, static_key, ephemeral }
    }

    /// Reads message 1: e and the payload in clear.
    ///
    /// # Errors
    /// [`NoiseError::OtherPattern`] for an IK (NOI-017), or what else does not parse.
    pub fn read_client_hello(self, message: &[u8]) -> Result<ClientHelloRead, NoiseError> {
        let Self { mut symmetric, static_key, ephemeral } = self;
        let hello = ClientHello::parse(message)?;
        symmetric.mix_hash(&hello.ephemeral);
        let payload = open(&mut symmetric, &hello.payload, Field::ClientHelloPayload)?;
        let client_ephemeral = hello.ephemeral;
        Ok(ClientHelloRead { client_ephemeral, payload, symmetric, static_key, ephemeral })
    }
}

/// The server that has read message 1.
pub struct ClientHelloRead {
    /// The client's ephemeral public key, never the same twice (NOI-004).
    pub client_ephemeral: [u8; KEY_BYTES],
    /// What came in clear: nothing from a sound client (NOI-007).
    pub payload: Vec<u8>,
    pub(crate) symmetric: SymmetricState,
    static_key: KeyPair,
    ephemeral: KeyPair,
}

impl ClientHelloRead {
    /// Writes message 2 (e, ee, s, es and the payload, a certificate chain).
    pub fn answer(self, certificate: &[u8]) -> (AwaitingFinish, Vec<u8>) {
        let Self { mut symmetric, static_key, ephemeral, client_ephemeral, .. } = self;
        symmetric.mix_hash(&ephemeral.public());
        symmetric.mix_key(&*ephemeral.agree(&client_ephemeral));
        let sealed_static = symmetric.encrypt_and_hash(&static_key.public());
        symmetric.mix_key(&*static_key.agree(&client_ephemeral));
        let sealed_payload = symmetric.encrypt_and_hash(certificate);
        let hello = ServerHello { ephemeral: ephemeral.public(), sealed_static, sealed_payload };
        (AwaitingFinish { symmetric, ephemeral }, hello.encode())
    }
}

impl fmt::Debug for ClientHelloRead {
    /// Leaves the payload's bytes out: a faulty client may have put its token there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHelloRead")
            .field("client_ephemeral", &hex::encode(self.client_ephemeral))
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// The server that has sent message 2 and waits for message 3.
#[derive(Debug)]
pub struct AwaitingFinish {
    pub(crate) symmetric: SymmetricState,
    ephemeral: KeyPair,
}

impl AwaitingFinish {
    /// Reads message 3 (s, se and the payload) and opens the channel.
    ///
    /// # Errors
    /// Any [`NoiseError`] that blames the client; the handshake is over then.
    pub fn read_client_finish(self, message: &[u8]) -> Result<Finished, NoiseError> {
        let Self { mut symmetric, ephemeral } = self;
        let finish = ClientFinish::parse(message)?;
        let client_static =
            open_key(&mut symmetric, &finish.sealed_static, Field::ClientFinishStatic)?;
        symmetric.mix_key(&*ephemeral.agree(&client_static));
        let payload = open(&mut symmetric, &finish.sealed_payload, Field::ClientFinishPayload)?;
        let (incoming, outgoing) = symmetric.split();
        Ok(Finished { client_static, payload, transport: Transport::new(outgoing, incoming) })
    }
}

/// What the server knows when the handshake is done.
pub struct Finished {
    /// The client's static public key: the `authkey` of its enlistment (NOI-005).
    pub client_static: [u8; KEY_BYTES],
    /// The client's login payload (NOI-008).
    pub payload: Vec<u8>,
    /// The channel, from the server's side.
    pub transport: Transport,
}

impl fmt::Debug for Finished {
    /// Leaves the payload's bytes out: it holds the client's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("client_static", &hex::encode(self.client_static))
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

fn open(
    symmetric: &mut SymmetricState,
    sealed: &[u8],
    field: Field,
) -> Result<Vec<u8>, NoiseError> {
    symmetric.decrypt_and_hash(sealed).map_err(|error| match error {
        CipherError::NotAuthentic => NoiseError::NotAuthentic(field),
        CipherError::Exhausted => NoiseError::NonceExhausted,
    })
}

fn open_key(
    symmetric: &mut SymmetricState,
    sealed: &[u8],
    field: Field,
) -> Result<[u8; KEY_BYTES], NoiseError> {
    let key = open(symmetric, sealed, field)?;
    Ok(key.try_into().expect("a sealed key's length was checked when it was parsed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::fixture::{
        CHAIN, LOGIN, PROLOGUE, bytes, client, key32, pair, parse, server, up_to_message_2,
    };

    #[test]
    fn both_ends_agree_in_both_dialects() {
        for dialect in [Dialect::Meta, Dialect::Standard] {
            let (initiator, hello) = client(PROLOGUE, dialect);
            let read = server(PROLOGUE, dialect).read_client_hello(&hello).unwrap();
            assert_eq!(read.client_ephemeral, pair("client ephemeral").public());
            assert!(read.payload.is_empty());
            let (awaiting, answer) = read.answer(CHAIN);
            let seen = initiator.read_server_hello(&answer).unwrap();
            assert_eq!(seen.server_static, pair("server static").public());
            assert_eq!(seen.server_ephemeral, pair("server ephemeral").public());
            assert_eq!(seen.certificate, CHAIN);
            assert_eq!(seen.symmetric.h(), awaiting.symmetric.h());
            assert_eq!(seen.symmetric.ck(), awaiting.symmetric.ck());
            let (finish, mut ours) = seen.finish(LOGIN);
            let mut done = awaiting.read_client_finish(&finish).unwrap();
            assert_eq!(done.client_static, pair("client static").public());
            assert_eq!(done.payload, LOGIN);
            let frame = ours.seal(b"ping").unwrap();
            assert_eq!(done.transport.open(&frame).unwrap(), b"ping");
            let frame = done.transport.seal(b"pong").unwrap();
            assert_eq!(ours.open(&frame).unwrap(), b"pong");
        }
    }

    #[test]
    fn a_captured_server_hello_is_read_as_its_client_read_it() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/xx_meta_initiator.json"));
        let ephemeral = KeyPair::from_private(key32(&vector, "client_ephemeral_private"));
        assert_eq!(ephemeral.public(), key32(&vector, "client_ephemeral_public"));
        let prologue = bytes(&vector, "prologue");
        let (initiator, hello) =
            Initiator::start(&prologue, Dialect::Meta, pair("client static"), ephemeral);
        let parsed = ClientHello::parse(&hello).unwrap();
        assert_eq!(parsed.ephemeral, key32(&vector, "client_ephemeral_public"));
        assert_eq!(initiator.symmetric.h(), key32(&vector, "h_after_client_ephemeral"));
        let answer = ServerHello {
            ephemeral: key32(&vector, "server_ephemeral_public"),
            sealed_static: bytes(&vector, "server_static_ciphertext"),
            sealed_payload: bytes(&vector, "certificate_ciphertext"),
        };
        let seen = initiator.read_server_hello(&answer.encode()).unwrap();
        assert_eq!(seen.server_static, key32(&vector, "server_static"));
        assert_eq!(seen.certificate, bytes(&vector, "certificate"));
        assert_eq!(seen.symmetric.h(), key32(&vector, "h_after_certificate"));
        assert_eq!(seen.symmetric.ck(), key32(&vector, "ck_after_es"));
    }

    #[test]
    fn a_payload_in_message_1_arrives_and_is_part_of_the_transcript() {
        let start = |payload: &[u8]| {
            let (ours, ephemeral) = (pair("client static"), pair("client ephemeral"));
            Initiator::start_with_payload(PROLOGUE, Dialect::Meta, ours, ephemeral, payload)
        };
        let (initiator, hello) = start(b"early");
        let read = server(PROLOGUE, Dialect::Meta).read_client_hello(&hello).unwrap();
        assert_eq!(read.payload, b"early");
        let (_, answer) = read.answer(CHAIN);
        assert!(initiator.read_server_hello(&answer).is_ok());
        let (_, plain) = start(b"");
        let (_, answer) =
            server(PROLOGUE, Dialect::Meta).read_client_hello(&plain).unwrap().answer(CHAIN);
        let (initiator, _) = start(b"early");
        assert!(initiator.read_server_hello(&answer).is_err());
    }

    #[test]
    fn no_state_prints_a_payload_of_the_client() {
        let (initiator, awaiting, answer) = up_to_message_2();
        let (finish, _) = initiator.read_server_hello(&answer).unwrap().finish(LOGIN);
        let printed = format!("{:?}", awaiting.read_client_finish(&finish).unwrap());
        assert!(printed.contains("payload_bytes: 13"), "{printed}");
        assert!(!printed.contains("108, 111, 103"), "{printed}");
    }
}
