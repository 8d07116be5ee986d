//! IK and XXfallback between our own two ends, in both dialects.

use crate::noise::fixture::{CHAIN, LOGIN, PROLOGUE, end};
use crate::noise::{
    Dialect, Field, IkAnswer, IkHello, IkInitiator, Initiator, NoiseError, Opening, Responder,
    Resumed, ServerHelloRead, Transport,
};

const DIALECTS: [Dialect; 2] = [Dialect::Meta, Dialect::Standard];

fn opened(message: &[u8], prologue: &[u8], dialect: Dialect) -> IkHello {
    match Responder::new(end("server", prologue, dialect)).read_opening(message).unwrap() {
        Opening::Ik(hello) => *hello,
        Opening::Xx(_) => panic!("a static key is there, so this is IK"),
    }
}

fn ik(known: &str, dialect: Dialect) -> (IkInitiator, Vec<u8>) {
    let known = end(known, PROLOGUE, dialect).static_key.public();
    IkInitiator::start(end("client", PROLOGUE, dialect), &known, LOGIN).unwrap()
}

fn resumed(answer: IkAnswer) -> Resumed {
    match answer {
        IkAnswer::Resumed(resumed) => *resumed,
        IkAnswer::FallenBack(_) => panic!("no static key is there, so IK was accepted"),
    }
}

fn fallen_back(answer: IkAnswer) -> ServerHelloRead {
    match answer {
        IkAnswer::FallenBack(read) => *read,
        IkAnswer::Resumed(_) => panic!("a static key is there, so this is XXfallback"),
    }
}

fn frames_flow(client: &mut Transport, server: &mut Transport) {
    for text in [b"one".as_slice(), b"two", b""] {
        assert_eq!(server.open(&client.seal(text).unwrap()).unwrap(), text);
        assert_eq!(client.open(&server.seal(text).unwrap()).unwrap(), text);
    }
}

#[test]
fn ik_logs_in_with_the_first_message() {
    for dialect in DIALECTS {
        let (initiator, hello) = ik("server", dialect);
        let read = opened(&hello, PROLOGUE, dialect).read().unwrap();
        assert_eq!(read.payload, LOGIN);
        assert_eq!(read.client_static, end("client", PROLOGUE, dialect).static_key.public());
        let (answer, mut finished) = read.answer(CHAIN);
        let mut done = resumed(initiator.read_server_hello(&answer).unwrap());
        assert_eq!((done.certificate.as_slice(), finished.payload.as_slice()), (CHAIN, LOGIN));
        assert_eq!(done.server_ephemeral, end("server", PROLOGUE, dialect).ephemeral.public());
        frames_flow(&mut done.transport, &mut finished.transport);
    }
}

#[test]
fn a_stale_key_falls_back_with_the_ephemeral_key_that_was_sent() {
    for dialect in DIALECTS {
        let (initiator, hello) = ik("former server", dialect);
        let unread = opened(&hello, PROLOGUE, dialect);
        let stale = unread.read().err();
        assert_eq!(stale, Some(NoiseError::NotAuthentic(Field::ClientHelloStatic)));
        let read = unread.fall_back().unwrap();
        assert_eq!(read.client_ephemeral, end("client", PROLOGUE, dialect).ephemeral.public());
        assert!(read.payload.is_empty(), "what was not read is not handed on");
        let (awaiting, answer) = read.answer(CHAIN);
        let seen = fallen_back(initiator.read_server_hello(&answer).unwrap());
        assert_eq!(seen.certificate, CHAIN);
        assert_eq!(seen.server_static, end("server", PROLOGUE, dialect).static_key.public());
        assert_eq!(seen.symmetric.h(), awaiting.symmetric.h());
        let (finish, mut client) = seen.finish(LOGIN);
        let mut server = awaiting.read_client_finish(&finish).unwrap();
        assert_eq!(server.payload, LOGIN);
        frames_flow(&mut client, &mut server.transport);
    }
}

#[test]
fn a_server_may_fall_back_though_it_could_read() {
    let (initiator, hello) = ik("server", Dialect::Meta);
    let unread = opened(&hello, PROLOGUE, Dialect::Meta);
    assert!(unread.read().is_ok());
    let (awaiting, answer) = unread.fall_back().unwrap().answer(CHAIN);
    let (finish, _) = fallen_back(initiator.read_server_hello(&answer).unwrap()).finish(LOGIN);
    assert_eq!(awaiting.read_client_finish(&finish).unwrap().payload, LOGIN);
}

#[test]
fn no_pattern_takes_the_messages_of_another() {
    let (initiator, hello) = Initiator::start(end("client", PROLOGUE, Dialect::Meta));
    let (_, ik_hello) = ik("server", Dialect::Meta);
    let ik_answer = opened(&ik_hello, PROLOGUE, Dialect::Meta).read().unwrap().answer(CHAIN).0;
    assert_eq!(
        initiator.read_server_hello(&ik_answer).err(),
        Some(NoiseError::Missing(Field::ServerHelloStatic))
    );
    let strict = Responder::new(end("server", PROLOGUE, Dialect::Meta));
    assert_eq!(strict.read_client_hello(&ik_hello).err(), Some(NoiseError::OtherPattern));
    // XX's own message 2 is no XXfallback: the protocol's name is hashed.
    let server = Responder::new(end("server", PROLOGUE, Dialect::Meta));
    let (_, answer) = server.read_client_hello(&hello).unwrap().answer(CHAIN);
    let (resuming, _) = ik("server", Dialect::Meta);
    assert_eq!(
        resuming.read_server_hello(&answer).err(),
        Some(NoiseError::NotAuthentic(Field::ServerHelloStatic))
    );
}

#[test]
fn a_flipped_bit_in_any_byte_of_either_message_of_ik_is_noticed() {
    let flipped = |message: &[u8], at: usize| {
        let mut changed = message.to_vec();
        changed[at] ^= 1 << (at % 8);
        changed
    };
    let (_, hello) = ik("server", Dialect::Meta);
    for at in 0..hello.len() {
        let server = Responder::new(end("server", PROLOGUE, Dialect::Meta));
        let read = match server.read_opening(&flipped(&hello, at)) {
            Ok(Opening::Ik(unread)) => unread.read().is_ok(),
            // The static key's field is lost: what was sealed is a payload in clear, of XX.
            Ok(Opening::Xx(read)) => read.payload == LOGIN,
            Err(_) => false,
        };
        assert!(!read, "byte {at}");
    }
    let (answer, _) = opened(&hello, PROLOGUE, Dialect::Meta).read().unwrap().answer(CHAIN);
    for at in 0..answer.len() {
        let (initiator, _) = ik("server", Dialect::Meta);
        assert!(initiator.read_server_hello(&flipped(&answer, at)).is_err(), "byte {at}");
    }
}

#[test]
fn another_prologue_is_noticed_in_every_pattern() {
    let (_, hello) = ik("server", Dialect::Meta);
    let unread = opened(&hello, b"WA\x05\x03", Dialect::Meta);
    assert_eq!(unread.read().err(), Some(NoiseError::NotAuthentic(Field::ClientHelloStatic)));
    let (initiator, _) = ik("server", Dialect::Meta);
    let (_, answer) = unread.fall_back().unwrap().answer(CHAIN);
    assert_eq!(
        initiator.read_server_hello(&answer).err(),
        Some(NoiseError::NotAuthentic(Field::ServerHelloStatic))
    );
}

#[test]
fn no_state_of_ik_prints_a_payload_of_the_client() {
    let (_, hello) = ik("server", Dialect::Meta);
    let unread = opened(&hello, PROLOGUE, Dialect::Meta);
    let read = unread.read().unwrap();
    for printed in [format!("{unread:?}"), format!("{read:?}")] {
        assert!(!printed.contains("108, 111, 103"), "{printed}");
    }
}
