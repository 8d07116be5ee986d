//! The client's end of XX, and of XXfallback, which is XX from its second message on.
//!
//! Start at [`Initiator`]. Each message is a step that consumes its state, so that an illegal order
//! does not compile. How a client that knows the server's key opens is in `resumption`.

use super::end::End;
use super::error::{Field, NoiseError};
use super::keypair::{KEY_BYTES, KeyPair};
use super::message::{ClientFinish, ClientHello, ServerHello, present};
use super::pattern::Pattern;
use super::symmetricstate::SymmetricState;
use super::transport::Transport;

/// The client that has sent message 1 and waits for message 2.
#[derive(Debug)]
pub struct Initiator {
    pub(super) symmetric: SymmetricState,
    static_key: KeyPair,
    ephemeral: KeyPair,
}

impl Initiator {
    /// Opens a handshake; returns message 1 (e), which goes out as the first frame.
    pub fn start(end: End) -> (Self, Vec<u8>) {
        Self::start_with_payload(end, &[])
    }

    /// Opens a handshake with a payload in message 1, which travels in clear.
    ///
    /// No known client sends one: it serves faults (NOI-007) and foreign vectors.
    pub fn start_with_payload(end: End, payload: &[u8]) -> (Self, Vec<u8>) {
        let mut started = Self::of(end, Pattern::Xx);
        let payload = started.symmetric.encrypt_and_hash(payload);
        let ephemeral = started.ephemeral.public();
        let hello = ClientHello { ephemeral, sealed_static: None, payload };
        (started, hello.encode())
    }

    /// Goes on as XXfallback after an IK that the server could not read: its ephemeral key has been
    /// sent and is a pre-message now.
    pub(super) fn fallen_back(end: End) -> Self {
        Self::of(end, Pattern::XxFallback)
    }

    fn of(end: End, pattern: Pattern) -> Self {
        let End { prologue, dialect, static_key, ephemeral, lapse } = end;
        let mut symmetric = SymmetricState::initialise(pattern, &prologue, dialect, lapse);
        symmetric.mix_hash(&ephemeral.public());
        Self { symmetric, static_key, ephemeral }
    }

    /// Reads message 2: e, ee, s, es and the payload.
    ///
    /// # Errors
    /// Any [`NoiseError`] that blames the server; the handshake is over then.
    pub fn read_server_hello(self, message: &[u8]) -> Result<ServerHelloRead, NoiseError> {
        self.read(ServerHello::parse(message)?)
    }

    pub(super) fn read(self, hello: ServerHello) -> Result<ServerHelloRead, NoiseError> {
        let Self { mut symmetric, static_key, ephemeral } = self;
        // A server that answers as if the client had opened with IK (NOI-017).
        let sealed_static = present(hello.sealed_static, Field::ServerHelloStatic)?;
        symmetric.mix_hash(&hello.ephemeral);
        symmetric.mix_agreement(&ephemeral, &hello.ephemeral, Field::ServerHelloEphemeral)?;
        let server_static = symmetric.open_key(&sealed_static, Field::ServerHelloStatic)?;
        symmetric.mix_agreement(&ephemeral, &server_static, Field::ServerHelloStatic)?;
        let certificate = symmetric.open(&hello.sealed_payload, Field::ServerHelloPayload)?;
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
    pub(super) symmetric: SymmetricState,
    static_key: KeyPair,
}

impl ServerHelloRead {
    /// Writes message 3 (s, se and the payload) and opens the channel.
    pub fn finish(self, payload: &[u8]) -> (Vec<u8>, Transport) {
        let Self { mut symmetric, static_key, server_ephemeral, .. } = self;
        let sealed_static = symmetric.encrypt_and_hash(&static_key.public());
        // The server's ephemeral key was looked at when it was read.
        symmetric.mix_key(&*static_key.agree(&server_ephemeral));
        let sealed_payload = symmetric.encrypt_and_hash(payload);
        let message = ClientFinish { sealed_static, sealed_payload }.encode();
        (message, symmetric.into_initiator_transport())
    }
}
