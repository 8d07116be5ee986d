//! Against snow, in both dialects, and against the vectors of cacophony, which are of the standard one.
//!
//! snow speaks Meta's dialect with a hash that returns its input where the input is exactly the 32
//! bytes of `h`: that is how it says "mix the empty payload". It cannot build XXfallback.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};

use crate::noise::fixture::{CHAIN, LOGIN, PROLOGUE, bytes, key32, parse};
use crate::noise::message::{ClientFinish, ClientHello, ServerHello};
use crate::noise::{
    Dialect, End, IkAnswer, IkInitiator, Initiator, KeyPair, Opening, Pattern, Responder, Transport,
};

/// Message 1 as Noise writes it, without protobuf.
fn plain_1(message: &[u8]) -> Vec<u8> {
    let hello = ClientHello::parse(message).unwrap();
    let sealed_static = hello.sealed_static.unwrap_or_default();
    [hello.ephemeral.as_slice(), &sealed_static, &hello.payload].concat()
}

fn plain_2(message: &[u8]) -> Vec<u8> {
    let hello = ServerHello::parse(message).unwrap();
    [hello.ephemeral.as_slice(), &hello.sealed_static.unwrap_or_default(), &hello.sealed_payload]
        .concat()
}

fn plain_3(message: &[u8]) -> Vec<u8> {
    let finish = ClientFinish::parse(message).unwrap();
    [finish.sealed_static, finish.sealed_payload].concat()
}

#[test]
fn ik_follows_the_vectors_of_cacophony() {
    let vector = parse(include_str!("../../../fixtures/vectors/noise/ik_standard_cacophony.json"));
    let sent = |n: usize| bytes(&vector["messages"][n], "payload");
    let sealed = |n: usize| bytes(&vector["messages"][n], "ciphertext");
    let end = |name: &str| {
        let pair = |which| KeyPair::from_private(key32(&vector, &format!("{name}_{which}")));
        let prologue = bytes(&vector, "init_prologue");
        End::new(&prologue, Dialect::Standard, pair("static"), pair("ephemeral"))
    };
    let known = key32(&vector, "init_remote_static");
    let (initiator, first) = IkInitiator::start(end("init"), &known, &sent(0)).unwrap();
    assert_eq!(plain_1(&first), sealed(0));
    let read = match Responder::new(end("resp")).read_opening(&first).unwrap() {
        Opening::Ik(hello) => hello.read().unwrap(),
        Opening::Xx(_) => panic!("this is IK"),
    };
    assert_eq!(read.payload, sent(0));
    let (second, mut server) = read.answer(&sent(1));
    assert_eq!(plain_2(&second), sealed(1));
    let IkAnswer::Resumed(mut client) = initiator.read_server_hello(&second).unwrap() else {
        panic!("the server accepted");
    };
    assert_eq!(client.certificate, sent(1));
    assert_eq!(client.transport.seal(&sent(2)).unwrap(), sealed(2));
    assert_eq!(server.transport.open(&sealed(2)).unwrap(), sent(2));
    assert_eq!(server.transport.seal(&sent(3)).unwrap(), sealed(3));
    assert_eq!(client.transport.open(&sealed(3)).unwrap(), sent(3));
}

#[test]
fn the_standard_dialect_follows_the_vectors_of_cacophony() {
    let vector = parse(include_str!("../../../fixtures/vectors/noise/xx_standard_cacophony.json"));
    let sent = |n: usize| bytes(&vector["messages"][n], "payload");
    let sealed = |n: usize| bytes(&vector["messages"][n], "ciphertext");
    let pair = |member| KeyPair::from_private(key32(&vector, member));
    let prologue = bytes(&vector, "init_prologue");
    let client =
        End::new(&prologue, Dialect::Standard, pair("init_static"), pair("init_ephemeral"));
    let (initiator, first) = Initiator::start_with_payload(client, &sent(0));
    assert_eq!(plain_1(&first), sealed(0));
    let (ours, ephemeral) = (pair("resp_static"), pair("resp_ephemeral"));
    let responder = Responder::new(End::new(&prologue, Dialect::Standard, ours, ephemeral));
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

/// SHA-256 that leaves the 32 bytes of `h` as they are.
struct MetaSha256 {
    input: Vec<u8>,
    inner: Box<dyn snow::types::Hash>,
}

impl snow::types::Hash for MetaSha256 {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn block_len(&self) -> usize {
        self.inner.block_len()
    }

    fn hash_len(&self) -> usize {
        self.inner.hash_len()
    }

    fn reset(&mut self) {
        self.input.clear();
        self.inner.reset();
    }

    fn input(&mut self, data: &[u8]) {
        self.input.extend_from_slice(data);
        self.inner.input(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        self.inner.result(out);
        if self.input.len() == 32 {
            out[..32].copy_from_slice(&self.input);
        }
    }
}

struct MetaResolver(DefaultResolver);

impl CryptoResolver for MetaResolver {
    fn resolve_rng(&self) -> Option<Box<dyn snow::types::Random>> {
        self.0.resolve_rng()
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn snow::types::Dh>> {
        self.0.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn snow::types::Hash>> {
        let inner = self.0.resolve_hash(choice)?;
        Some(Box::new(MetaSha256 { input: Vec::new(), inner }))
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn snow::types::Cipher>> {
        self.0.resolve_cipher(choice)
    }
}

const SERVER: [u8; 32] = [11; 32];
const CLIENT: [u8; 32] = [12; 32];

fn snow_end(pattern: Pattern, dialect: Dialect, private: &[u8; 32]) -> snow::Builder<'_> {
    let params = pattern.protocol_name().parse().unwrap();
    let builder = match dialect {
        Dialect::Standard => snow::Builder::new(params),
        Dialect::Meta => {
            snow::Builder::with_resolver(params, Box::new(MetaResolver(DefaultResolver)))
        }
    };
    builder.prologue(PROLOGUE).unwrap().local_private_key(private).unwrap()
}

fn our_end(private: [u8; 32], dialect: Dialect) -> End {
    let [ours, ephemeral] = [private, [13; 32]].map(KeyPair::from_private);
    End::new(PROLOGUE, dialect, ours, ephemeral)
}

fn public(private: [u8; 32]) -> [u8; 32] {
    KeyPair::from_private(private).public()
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
    for dialect in [Dialect::Standard, Dialect::Meta] {
        let mut snow = snow_end(Pattern::Xx, dialect, &SERVER).build_responder().unwrap();
        let (initiator, first) = Initiator::start(our_end(CLIENT, dialect));
        assert!(snow_reads(&mut snow, &plain_1(&first)).is_empty());
        let answer = snow_writes(&mut snow, CHAIN);
        let hello = ServerHello {
            ephemeral: answer[..32].try_into().unwrap(),
            sealed_static: Some(answer[32..80].to_vec()),
            sealed_payload: answer[80..].to_vec(),
        };
        let seen = initiator.read_server_hello(&hello.encode()).unwrap();
        assert_eq!(seen.certificate, CHAIN);
        assert_eq!(seen.server_static, public(SERVER));
        let (third, mut transport) = seen.finish(LOGIN);
        assert_eq!(snow_reads(&mut snow, &plain_3(&third)), LOGIN);
        assert_eq!(snow.get_remote_static().unwrap(), public(CLIENT));
        frames_flow(&mut transport, snow);
    }
}

#[test]
fn our_responder_talks_to_the_initiator_of_snow() {
    for dialect in [Dialect::Standard, Dialect::Meta] {
        let mut snow = snow_end(Pattern::Xx, dialect, &CLIENT).build_initiator().unwrap();
        let responder = Responder::new(our_end(SERVER, dialect));
        let first = snow_writes(&mut snow, b"");
        let ephemeral = first.try_into().unwrap();
        let hello = ClientHello { ephemeral, sealed_static: None, payload: Vec::new() };
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
        assert_eq!(done.client_static, public(CLIENT));
        frames_flow(&mut done.transport, snow);
    }
}

#[test]
fn our_ik_initiator_talks_to_the_responder_of_snow() {
    for dialect in [Dialect::Standard, Dialect::Meta] {
        let mut snow = snow_end(Pattern::Ik, dialect, &SERVER).build_responder().unwrap();
        let (initiator, first) =
            IkInitiator::start(our_end(CLIENT, dialect), &public(SERVER), LOGIN).unwrap();
        assert_eq!(snow_reads(&mut snow, &plain_1(&first)), LOGIN);
        assert_eq!(snow.get_remote_static().unwrap(), public(CLIENT));
        let answer = snow_writes(&mut snow, CHAIN);
        let hello = ServerHello {
            ephemeral: answer[..32].try_into().unwrap(),
            sealed_static: None,
            sealed_payload: answer[32..].to_vec(),
        };
        let IkAnswer::Resumed(mut done) = initiator.read_server_hello(&hello.encode()).unwrap()
        else {
            panic!("snow accepted");
        };
        assert_eq!(done.certificate, CHAIN);
        frames_flow(&mut done.transport, snow);
    }
}

#[test]
fn our_responder_talks_to_the_ik_initiator_of_snow() {
    for dialect in [Dialect::Standard, Dialect::Meta] {
        let server = public(SERVER);
        let snow = snow_end(Pattern::Ik, dialect, &CLIENT).remote_public_key(&server).unwrap();
        let mut snow = snow.build_initiator().unwrap();
        let first = snow_writes(&mut snow, LOGIN);
        let hello = ClientHello {
            ephemeral: first[..32].try_into().unwrap(),
            sealed_static: Some(first[32..80].to_vec()),
            payload: first[80..].to_vec(),
        };
        let responder = Responder::new(our_end(SERVER, dialect));
        let Opening::Ik(unread) = responder.read_opening(&hello.encode()).unwrap() else {
            panic!("a static key is there");
        };
        let read = unread.read().unwrap();
        assert_eq!((read.payload.as_slice(), read.client_static), (LOGIN, public(CLIENT)));
        let (second, mut done) = read.answer(CHAIN);
        assert_eq!(snow_reads(&mut snow, &plain_2(&second)), CHAIN);
        frames_flow(&mut done.transport, snow);
    }
}
