//! The server's end of all patterns.
//!
//! Start at [`Responder`]: message 1 says by its shape which pattern the client opens with, and
//! [`Opening`] makes the caller decide whether it serves that one. An IK that the server cannot
//! read, or does not want to, goes on as XXfallback.

use std::fmt;

use super::end::End;
use super::error::{Field, NoiseError};
use super::keypair::{KEY_BYTES, KeyPair};
use super::message::{ClientFinish, ClientHello, ServerHello};
use super::pattern::Pattern;
use super::symmetricstate::{Secret, SymmetricState};
use super::transport::Transport;

/// The server that waits for message 1.
#[derive(Debug)]
pub struct Responder {
    end: End,
}

impl Responder {
    /// Prepares for one client. The prologue is the intro header as received.
    pub fn new(end: End) -> Self {
        Self { end }
    }

    /// Reads message 1 of XX: e and the payload in clear.
    ///
    /// # Errors
    /// [`NoiseError::OtherPattern`] for an IK (NOI-017), or what else does not parse.
    pub fn read_client_hello(self, message: &[u8]) -> Result<ClientHelloRead, NoiseError> {
        match self.read_opening(message)? {
            Opening::Xx(read) => Ok(*read),
            Opening::Ik(_) => Err(NoiseError::OtherPattern),
        }
    }

    /// Reads message 1 of whichever pattern; of an IK nothing is decrypted yet.
    ///
    /// # Errors
    /// A message that does not parse, or a key of small order.
    pub fn read_opening(self, message: &[u8]) -> Result<Opening, NoiseError> {
        let hello = ClientHello::parse(message)?;
        match &hello.sealed_static {
            Some(sealed) => {
                let sealed_static = sealed.clone();
                let unread = IkHello { end: self.end, hello, sealed_static };
                Ok(Opening::Ik(Box::new(unread)))
            }
            None => {
                let read = ClientHelloRead::of(self.end, Pattern::Xx, hello)?;
                Ok(Opening::Xx(Box::new(read)))
            }
        }
    }
}

/// What a client opened with.
#[derive(Debug)]
pub enum Opening {
    Xx(Box<ClientHelloRead>),
    Ik(Box<IkHello>),
}

/// The server that has message 1 of IK, unread.
pub struct IkHello {
    end: End,
    hello: ClientHello,
    sealed_static: Vec<u8>,
}

impl IkHello {
    /// The client's ephemeral public key, never the same twice (NOI-004).
    pub fn client_ephemeral(&self) -> [u8; KEY_BYTES] {
        self.hello.ephemeral
    }

    /// Reads it: es, s, ss and the payload.
    ///
    /// # Errors
    /// [`NoiseError::NotAuthentic`] where the client's idea of the server's key is stale;
    /// [`IkHello::fall_back`] goes on then. [`NoiseError::SmallOrder`] for a key that is no use.
    pub fn read(&self) -> Result<IkHelloRead, NoiseError> {
        let End { prologue, dialect, static_key, ephemeral, lapse } = self.end.clone();
        let client_ephemeral = self.hello.ephemeral;
        let mut symmetric = SymmetricState::initialise(Pattern::Ik, &prologue, dialect, lapse);
        symmetric.mix_hash(&static_key.public());
        symmetric.mix_hash(&client_ephemeral);
        symmetric.mix_agreement(&static_key, &client_ephemeral, Field::ClientHelloEphemeral)?;
        let client_static = symmetric.open_key(&self.sealed_static, Field::ClientHelloStatic)?;
        symmetric.mix_agreement(&static_key, &client_static, Field::ClientHelloStatic)?;
        let payload = symmetric.open(&self.hello.payload, Field::ClientHelloPayload)?;
        Ok(IkHelloRead { client_ephemeral, client_static, payload, symmetric, ephemeral })
    }

    /// Leaves it unread and goes on as XXfallback, where the client's ephemeral key is a
    /// pre-message.
    ///
    /// # Errors
    /// [`NoiseError::SmallOrder`]
    pub fn fall_back(self) -> Result<ClientHelloRead, NoiseError> {
        let hello = ClientHello { sealed_static: None, payload: Vec::new(), ..self.hello };
        ClientHelloRead::of(self.end, Pattern::XxFallback, hello)
    }
}

impl fmt::Debug for IkHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IkHello")
            .field("client_ephemeral", &hex::encode(self.hello.ephemeral))
            .finish_non_exhaustive()
    }
}

/// The server that has read message 1 of IK: it knows who logs in before it has answered.
pub struct IkHelloRead {
    pub client_ephemeral: [u8; KEY_BYTES],
    /// The client's static public key: the `authkey` of its enlistment (NOI-005).
    pub client_static: [u8; KEY_BYTES],
    /// The client's login payload, its last handshake message's (NOI-008).
    pub payload: Vec<u8>,
    pub(super) symmetric: SymmetricState,
    ephemeral: KeyPair,
}

impl IkHelloRead {
    /// Writes message 2 (e, ee, se and the payload, a certificate chain) and opens the channel.
    pub fn answer(self, certificate: &[u8]) -> (Vec<u8>, Finished) {
        let Self { client_ephemeral, client_static, payload, mut symmetric, ephemeral } = self;
        symmetric.mix_hash(&ephemeral.public());
        // Both keys of the client were looked at when they were read.
        symmetric.mix_key(&*ephemeral.agree(&client_ephemeral));
        symmetric.mix_key(&*ephemeral.agree(&client_static));
        let sealed_payload = symmetric.encrypt_and_hash(certificate);
        let ephemeral = ephemeral.public();
        let hello = ServerHello { ephemeral, sealed_static: None, sealed_payload };
        let transport = symmetric.into_responder_transport();
        (hello.encode(), Finished { client_static, payload, transport })
    }
}

impl fmt::Debug for IkHelloRead {
    /// Leaves the payload's bytes out: it holds the client's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IkHelloRead")
            .field("client_static", &hex::encode(self.client_static))
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// The server that has read message 1 of XX, or given up an IK.
pub struct ClientHelloRead {
    /// The client's ephemeral public key, never the same twice (NOI-004).
    pub client_ephemeral: [u8; KEY_BYTES],
    /// What came in clear: nothing from a sound client (NOI-007).
    pub payload: Vec<u8>,
    pub(super) symmetric: SymmetricState,
    static_key: KeyPair,
    ephemeral: KeyPair,
    ee: Secret,
}

impl ClientHelloRead {
    fn of(end: End, pattern: Pattern, hello: ClientHello) -> Result<Self, NoiseError> {
        let End { prologue, dialect, static_key, ephemeral, lapse } = end;
        let mut symmetric = SymmetricState::initialise(pattern, &prologue, dialect, lapse);
        symmetric.mix_hash(&hello.ephemeral);
        if pattern == Pattern::Xx {
            // No key is set: the payload is in clear and enters the transcript hash only.
            symmetric.open(&hello.payload, Field::ClientHelloPayload)?;
        }
        let client_ephemeral = hello.ephemeral;
        let ee = symmetric.agreement(&ephemeral, &client_ephemeral, Field::ClientHelloEphemeral)?;
        let payload = hello.payload;
        Ok(Self { client_ephemeral, payload, symmetric, static_key, ephemeral, ee })
    }

    /// Writes message 2 (e, ee, s, es and the payload, a certificate chain).
    pub fn answer(self, certificate: &[u8]) -> (AwaitingFinish, Vec<u8>) {
        let Self { mut symmetric, static_key, ephemeral, client_ephemeral, ee, .. } = self;
        symmetric.mix_hash(&ephemeral.public());
        symmetric.mix_key(&*ee);
        let sealed_static = Some(symmetric.encrypt_and_hash(&static_key.public()));
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
    pub(super) symmetric: SymmetricState,
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
        let field = Field::ClientFinishStatic;
        let client_static = symmetric.open_key(&finish.sealed_static, field)?;
        symmetric.mix_agreement(&ephemeral, &client_static, field)?;
        let payload = symmetric.open(&finish.sealed_payload, Field::ClientFinishPayload)?;
        let transport = symmetric.into_responder_transport();
        Ok(Finished { client_static, payload, transport })
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
