//! XX between our own two ends, and against a recorded exchange.
use crate::noise::fixture::{
    CHAIN, LOGIN, PROLOGUE, bytes, client, end, key32, pair, parse, server, up_to_message_2,
};
use crate::noise::message::{ClientHello, ServerHello};
use crate::noise::{Dialect, End, Initiator, KeyPair};

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
    let vector = parse(include_str!("../../../fixtures/vectors/noise/xx_meta_initiator.json"));
    let ephemeral = KeyPair::from_private(key32(&vector, "client_ephemeral_private"));
    assert_eq!(ephemeral.public(), key32(&vector, "client_ephemeral_public"));
    let prologue = bytes(&vector, "prologue");
    let (initiator, hello) =
        Initiator::start(End::new(&prologue, Dialect::Meta, pair("client static"), ephemeral));
    let parsed = ClientHello::parse(&hello).unwrap();
    assert_eq!(parsed.ephemeral, key32(&vector, "client_ephemeral_public"));
    assert_eq!(initiator.symmetric.h(), key32(&vector, "h_after_client_ephemeral"));
    let answer = ServerHello {
        ephemeral: key32(&vector, "server_ephemeral_public"),
        sealed_static: Some(bytes(&vector, "server_static_ciphertext")),
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
        Initiator::start_with_payload(end("client", PROLOGUE, Dialect::Meta), payload)
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
