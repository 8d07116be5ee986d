//! The client's end of IK: a reconnection to a server whose static key it has verified before.
//!
//! Main type: [`IkInitiator`]. Message 1 carries the login, encrypted to the cached key; the answer
//! either completes the handshake or turns it into XXfallback, and its type says which
//! (`wire.md` §1.2). What is cached, and for how long, is the caller's affair.

use super::end::End;
use super::error::{Field, NoiseError};
use super::initiator::{Initiator, ServerHelloRead};
use super::keypair::KEY_BYTES;
use super::message::{ClientHello, ServerHello};
use super::pattern::Pattern;
use super::symmetricstate::SymmetricState;
use super::transport::Transport;

/// The client that has sent message 1 of IK and waits for message 2, of whichever pattern.
#[derive(Debug)]
pub struct IkInitiator {
    pub(super) symmetric: SymmetricState,
    end: End,
}

impl IkInitiator {
    /// Opens a handshake to a known server; returns message 1 (e, es, s, ss and the payload).
    ///
    /// # Errors
    /// [`NoiseError::SmallOrder`] for a cached key with which no agreement is possible.
    pub fn start(
        end: End,
        server_static: &[u8; KEY_BYTES],
        payload: &[u8],
    ) -> Result<(Self, Vec<u8>), NoiseError> {
        let field = Field::CachedServerStatic;
        let mut symmetric =
            SymmetricState::initialise(Pattern::Ik, &end.prologue, end.dialect, end.lapse);
        symmetric.mix_hash(server_static);
        symmetric.mix_hash(&end.ephemeral.public());
        symmetric.mix_agreement(&end.ephemeral, server_static, field)?;
        let sealed_static = Some(symmetric.encrypt_and_hash(&end.static_key.public()));
        symmetric.mix_agreement(&end.static_key, server_static, field)?;
        let payload = symmetric.encrypt_and_hash(payload);
        let hello = ClientHello { ephemeral: end.ephemeral.public(), sealed_static, payload };
        Ok((Self { symmetric, end }, hello.encode()))
    }

    /// Reads message 2. A static key in it says that the server could not read message 1.
    ///
    /// # Errors
    /// Any [`NoiseError`] that blames the server; the handshake is over then.
    pub fn read_server_hello(self, message: &[u8]) -> Result<IkAnswer, NoiseError> {
        let hello = ServerHello::parse(message)?;
        if hello.sealed_static.is_some() {
            let read = Initiator::fallen_back(self.end).read(hello)?;
            return Ok(IkAnswer::FallenBack(Box::new(read)));
        }
        self.resume(hello).map(|resumed| IkAnswer::Resumed(Box::new(resumed)))
    }

    /// Message 2 of IK: e, ee, se and the payload.
    fn resume(self, hello: ServerHello) -> Result<Resumed, NoiseError> {
        let Self { mut symmetric, end } = self;
        symmetric.mix_hash(&hello.ephemeral);
        symmetric.mix_agreement(&end.ephemeral, &hello.ephemeral, Field::ServerHelloEphemeral)?;
        // The same key of the server as a line before.
        symmetric.mix_key(&*end.static_key.agree(&hello.ephemeral));
        let certificate = symmetric.open(&hello.sealed_payload, Field::ServerHelloPayload)?;
        let transport = symmetric.into_initiator_transport();
        Ok(Resumed { server_ephemeral: hello.ephemeral, certificate, transport })
    }
}

/// What message 2 made of an IK.
#[derive(Debug)]
pub enum IkAnswer {
    /// The server has the private half of the cached key: the channel is open.
    Resumed(Box<Resumed>),
    /// The cached key is stale. The server is not authenticated yet, exactly as in XX (NOI-021).
    FallenBack(Box<ServerHelloRead>),
}

/// The client whose IK was accepted.
#[derive(Debug)]
pub struct Resumed {
    /// The server's ephemeral public key.
    pub server_ephemeral: [u8; KEY_BYTES],
    /// The payload: a certificate chain for the key that is known already.
    pub certificate: Vec<u8>,
    pub transport: Transport,
}
