//! Opens the encrypted channel: Noise XX in Meta's dialect and in the standard one, both ends.
//!
//! Start at [`Initiator`] and [`Responder`]; each handshake message is a step that consumes its
//! state, and the last step yields a [`Transport`]. [`certificate`] issues and verifies the
//! server's certificate chain. This room takes bytes, keys and time and returns bytes: it knows
//! no socket, no frame and no stanza.
//!
//! The handshake is our own and not `snow`'s, because Meta's dialect departs from the Noise
//! specification (`wire.md` §1.2) and deliberate faults need every step. `snow` is the tests' oracle.

mod authority;
pub mod certificate;
mod cipherstate;
mod error;
#[cfg(test)]
mod fixture;
mod handshakestate;
#[cfg(test)]
mod hostile;
mod keypair;
mod message;
mod symmetricstate;
mod transport;

pub use error::{Field, NoiseError};
pub use handshakestate::{
    AwaitingFinish, ClientHelloRead, Finished, Initiator, Responder, ServerHelloRead,
};
pub use keypair::KeyPair;
pub use symmetricstate::{Dialect, Pattern};
pub use transport::Transport;

/// The room against other implementations, in the standard dialect, which they share.
#[cfg(test)]
mod tests {
    use super::fixture::{CHAIN, LOGIN, PROLOGUE, bytes, key32, parse};
    use super::message::{ClientFinish, ClientHello, ServerHello};
    use super::*;

    /// Message 1 as Noise writes it, without protobuf.
    fn plain_1(message: &[u8]) -> Vec<u8> {
        let hello = ClientHello::parse(message).unwrap();
        [hello.ephemeral.as_slice(), &hello.payload].concat()
    }

    fn plain_2(message: &[u8]) -> Vec<u8> {
        let hello = ServerHello::parse(message).unwrap();
        [hello.ephemeral.as_slice(), &hello.sealed_static, &hello.sealed_payload].concat()
    }

    fn plain_3(message: &[u8]) -> Vec<u8> {
        let finish = ClientFinish::parse(message).unwrap();
        [finish.sealed_static, finish.sealed_payload].concat()
    }

    #[test]
    fn the_standard_dialect_follows_the_vectors_of_cacophony() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/xx_standard_cacophony.json"));
        let sent = |n: usize| bytes(&vector["messages"][n], "payload");
        let sealed = |n: usize| bytes(&vector["messages"][n], "ciphertext");
        let pair = |member| KeyPair::from_private(key32(&vector, member));
        let prologue = bytes(&vector, "init_prologue");
        let (initiator, first) = Initiator::start_with_payload(
            &prologue,
            Dialect::Standard,
            pair("init_static"),
            pair("init_ephemeral"),
            &sent(0),
        );
        assert_eq!(plain_1(&first), sealed(0));
        let (ours, ephemeral) = (pair("resp_static"), pair("resp_ephemeral"));
        let responder = Responder::new(&prologue, Dialect::Standard, ours, ephemeral);
        let (awaiting, second) = responder.read_client_hello(&first).unwrap().answer(&sent(1));
        assert_eq!(plain_2(&second), sealed(1));
        let (third, mut client) = initiator.read_server_hello(&second).unwrap().finish(&sent(2));
        assert_eq!(plain_3(&third), sealed(2));
        let mut server = awaiting.read_client_finish(&third).unwrap().transport;
        for (n, end) in [(3, &mut server), (4, &mut client)] {
            assert_eq!(end.seal(&sent(n)).unwrap(), sealed(n));
        }
        assert_eq!(client.open(&sealed(3)).unwrap(), sent(3));
        assert_eq!(client.open(&sealed(5)).unwrap(), sent(5));
    }

    fn snow_end(private: &[u8; 32]) -> snow::Builder<'_> {
        let params = Pattern::Xx.protocol_name().parse().unwrap();
        snow::Builder::new(params).prologue(PROLOGUE).unwrap().local_private_key(private).unwrap()
    }

    fn snow_writes(end: &mut snow::HandshakeState, payload: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let length = end.write_message(payload, &mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn snow_reads(end: &mut snow::HandshakeState, message: &[u8]) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let length = end.read_message(message, &mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn frames_flow(ours: &mut Transport, snow: snow::HandshakeState) {
        let mut snow = snow.into_transport_mode().unwrap();
        let mut buffer = [0; 1024];
        for text in [b"one".as_slice(), b"two", b""] {
            let length = snow.read_message(&ours.seal(text).unwrap(), &mut buffer).unwrap();
            assert_eq!(&buffer[..length], text);
            let length = snow.write_message(text, &mut buffer).unwrap();
            assert_eq!(ours.open(&buffer[..length]).unwrap(), text);
        }
    }

    #[test]
    fn our_initiator_talks_to_the_responder_of_snow() {
        let (server, client) = ([11; 32], [12; 32]);
        let mut snow = snow_end(&server).build_responder().unwrap();
        let (ours, ephemeral) = (KeyPair::from_private(client), KeyPair::from_private([13; 32]));
        let (initiator, first) = Initiator::start(PROLOGUE, Dialect::Standard, ours, ephemeral);
        assert!(snow_reads(&mut snow, &plain_1(&first)).is_empty());
        let answer = snow_writes(&mut snow, CHAIN);
        let hello = ServerHello {
            ephemeral: answer[..32].try_into().unwrap(),
            sealed_static: answer[32..80].to_vec(),
            sealed_payload: answer[80..].to_vec(),
        };
        let seen = initiator.read_server_hello(&hello.encode()).unwrap();
        assert_eq!(seen.certificate, CHAIN);
        assert_eq!(seen.server_static, KeyPair::from_private(server).public());
        let (third, mut transport) = seen.finish(LOGIN);
        assert_eq!(snow_reads(&mut snow, &plain_3(&third)), LOGIN);
        assert_eq!(snow.get_remote_static().unwrap(), KeyPair::from_private(client).public());
        frames_flow(&mut transport, snow);
    }

    #[test]
    fn our_responder_talks_to_the_initiator_of_snow() {
        let (server, client) = ([11; 32], [12; 32]);
        let mut snow = snow_end(&client).build_initiator().unwrap();
        let (ours, ephemeral) = (KeyPair::from_private(server), KeyPair::from_private([13; 32]));
        let responder = Responder::new(PROLOGUE, Dialect::Standard, ours, ephemeral);
        let first = snow_writes(&mut snow, b"");
        let hello = ClientHello { ephemeral: first.try_into().unwrap(), payload: Vec::new() };
        let (awaiting, second) =
            responder.read_client_hello(&hello.encode()).unwrap().answer(CHAIN);
        assert_eq!(snow_reads(&mut snow, &plain_2(&second)), CHAIN);
        let third = snow_writes(&mut snow, LOGIN);
        let finish = ClientFinish {
            sealed_static: third[..48].to_vec(),
            sealed_payload: third[48..].to_vec(),
        };
        let mut done = awaiting.read_client_finish(&finish.encode()).unwrap();
        assert_eq!(done.payload, LOGIN);
        assert_eq!(done.client_static, KeyPair::from_private(client).public());
        frames_flow(&mut done.transport, snow);
    }
}
