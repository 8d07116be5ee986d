//! Tests of what a hostile, broken or differing peer may send: none of it passes, none panics.

use proptest::prelude::*;
use prost::Message;

use super::fixture::{CHAIN, LOGIN, PROLOGUE, client, pair, server, up_to_message_2};
use super::message::{ClientFinish, ServerHello};
use super::{Dialect, Field, KeyPair, NoiseError, Responder};
use crate::proto::handshake as wire;

#[test]
fn ends_that_speak_different_dialects_or_prologues_fail_at_message_2() {
    let outcome = |ours: (&[u8], Dialect), theirs: (&[u8], Dialect)| {
        let (initiator, hello) = client(ours.0, ours.1);
        let read = server(theirs.0, theirs.1).read_client_hello(&hello).unwrap();
        let (_, answer) = read.answer(CHAIN);
        initiator.read_server_hello(&answer).err()
    };
    let refused = Some(NoiseError::NotAuthentic(Field::ServerHelloStatic));
    let (meta, standard) = (Dialect::Meta, Dialect::Standard);
    assert_eq!(outcome((PROLOGUE, meta), (PROLOGUE, meta)), None);
    assert_eq!(outcome((PROLOGUE, meta), (PROLOGUE, standard)), refused);
    assert_eq!(outcome((PROLOGUE, standard), (PROLOGUE, meta)), refused);
    assert_eq!(outcome((PROLOGUE, meta), (b"WA\x05\x03", meta)), refused);
    assert_eq!(outcome((PROLOGUE, standard), (b"", standard)), refused);
}

#[test]
fn a_flipped_bit_in_any_byte_of_message_2_ends_the_handshake() {
    let (_, _, answer) = up_to_message_2();
    for at in 0..answer.len() {
        let (initiator, _) = client(PROLOGUE, Dialect::Meta);
        assert!(initiator.read_server_hello(&flipped(&answer, at)).is_err(), "byte {at}");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_message_3_ends_the_handshake() {
    let (initiator, _, answer) = up_to_message_2();
    let (finish, _) = initiator.read_server_hello(&answer).unwrap().finish(LOGIN);
    for at in 0..finish.len() {
        let (_, awaiting, _) = up_to_message_2();
        assert!(awaiting.read_client_finish(&flipped(&finish, at)).is_err(), "byte {at}");
    }
}

#[test]
fn what_does_not_decrypt_is_named() {
    let (initiator, awaiting, answer) = up_to_message_2();
    let mut hello = ServerHello::parse(&answer).unwrap();
    hello.sealed_payload[0] ^= 1;
    assert_eq!(
        initiator.read_server_hello(&hello.encode()).err(),
        Some(NoiseError::NotAuthentic(Field::ServerHelloPayload))
    );
    let finish = ClientFinish { sealed_static: vec![0; 48], sealed_payload: vec![0; 16] };
    assert_eq!(
        awaiting.read_client_finish(&finish.encode()).err(),
        Some(NoiseError::NotAuthentic(Field::ClientFinishStatic))
    );
}

/// NOI-013: a peer may go on with the all-zero output; ours does, and never crashes.
#[test]
fn a_small_order_ephemeral_key_does_not_stop_the_handshake() {
    let (initiator, hello) = client(PROLOGUE, Dialect::Meta);
    let poser = KeyPair::small_order([0; 32]);
    let responder = Responder::new(PROLOGUE, Dialect::Meta, pair("server static"), poser);
    let (awaiting, answer) = responder.read_client_hello(&hello).unwrap().answer(CHAIN);
    let (finish, _) = initiator.read_server_hello(&answer).unwrap().finish(LOGIN);
    assert_eq!(awaiting.read_client_finish(&finish).unwrap().payload, LOGIN);
}

#[test]
fn unknown_fields_in_messages_2_and_3_are_ignored() {
    let (initiator, awaiting, mut answer) = up_to_message_2();
    answer.extend([0x78, 1]);
    let (mut finish, _) = initiator.read_server_hello(&answer).unwrap().finish(LOGIN);
    finish.extend([0xA2, 0x06, 3, 1, 2, 3]);
    assert_eq!(awaiting.read_client_finish(&finish).unwrap().payload, LOGIN);
}

fn flipped(message: &[u8], at: usize) -> Vec<u8> {
    let mut changed = message.to_vec();
    changed[at] ^= 1 << (at % 8);
    changed
}

/// Arbitrary bytes, and arbitrary fields in a well-formed message.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let length = || prop_oneof![Just(32_usize), Just(48), 0..70_usize];
    let bytes = move || length().prop_flat_map(|n| prop::collection::vec(any::<u8>(), n));
    let field = move || prop::option::weighted(0.9, bytes());
    let fields = (field(), field(), field()).prop_map(|(ephemeral, r#static, payload)| {
        let client = wire::ClientHello {
            ephemeral: ephemeral.clone(),
            r#static: r#static.clone(),
            payload: payload.clone(),
        };
        let server =
            wire::ServerHello { ephemeral, r#static: r#static.clone(), payload: payload.clone() };
        wire::HandshakeMessage {
            client_hello: Some(client),
            server_hello: Some(server),
            client_finish: Some(wire::ClientFinish { r#static, payload }),
        }
        .encode_to_vec()
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..300), fields]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_a_step_panic(message in hostile()) {
        let (initiator, awaiting, _) = up_to_message_2();
        prop_assert!(initiator.read_server_hello(&message).is_err());
        prop_assert!(awaiting.read_client_finish(&message).is_err());
        let _ = server(PROLOGUE, Dialect::Meta).read_client_hello(&message);
    }
}
