//! Tests of what a hostile, broken or differing peer may send: none of it passes, none panics.

use proptest::prelude::*;
use prost::Message;

use crate::noise::fixture::{CHAIN, LOGIN, PROLOGUE, client, end, key, server, up_to_message_2};
use crate::noise::message::{ClientFinish, ServerHello};
use crate::noise::{
    Dialect, End, Field, IkInitiator, Initiator, KeyPair, Lapse, NoiseError, Opening, Responder,
};
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

/// The u-coordinates whose agreements are all zeros, non-canonical encodings among them: 0, 1, the
/// two of order 8, p - 1, p and p + 1 (RFC 7748 §6.1; cr.yp.to/ecdh.html lists them), each with and
/// without the bit that RFC 7748 §5 masks.
fn small_order_points() -> Vec<[u8; 32]> {
    let listed = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let masked = |mut point: [u8; 32]| {
        point[31] |= 0x80;
        point
    };
    listed.iter().map(|text| key(text)).flat_map(|point| [point, masked(point)]).collect()
}

fn with_ephemeral(end: End, point: [u8; 32]) -> End {
    End { ephemeral: KeyPair::small_order(point), ..end }
}

fn with_static(end: End, point: [u8; 32]) -> End {
    End { static_key: KeyPair::small_order(point), ..end }
}

/// NOI-013: our ends refuse, in every pattern and place, what a lax one goes on with.
#[test]
fn a_small_order_key_is_refused_wherever_it_stands() {
    let ours = |name| end(name, PROLOGUE, Dialect::Meta);
    let refused = |field| Some(NoiseError::SmallOrder(field));
    for point in small_order_points() {
        let answers = |server: End, lapse| {
            let (initiator, hello) = Initiator::start(ours("client").with(lapse));
            let read = Responder::new(server).read_client_hello(&hello).unwrap();
            initiator.read_server_hello(&read.answer(CHAIN).1).err()
        };
        let poser = with_ephemeral(ours("server"), point);
        assert_eq!(answers(poser.clone(), None), refused(Field::ServerHelloEphemeral));
        assert_eq!(answers(poser, Some(Lapse::ZeroAgreementTaken)), None);
        let poser = with_static(ours("server"), point);
        assert_eq!(answers(poser, None), refused(Field::ServerHelloStatic));

        let opens = |client: End| {
            let (_, hello) = Initiator::start(client);
            Responder::new(ours("server")).read_client_hello(&hello).err()
        };
        assert_eq!(
            opens(with_ephemeral(ours("client"), point)),
            refused(Field::ClientHelloEphemeral)
        );
        let known = ours("server").static_key.public();
        let resumes = |client: End| {
            let (_, hello) = IkInitiator::start(client, &known, LOGIN).unwrap();
            match Responder::new(ours("server")).read_opening(&hello).unwrap() {
                Opening::Ik(hello) => hello.read().err(),
                Opening::Xx(_) => panic!("this is IK"),
            }
        };
        assert_eq!(
            resumes(with_ephemeral(ours("client"), point)),
            refused(Field::ClientHelloEphemeral)
        );
        assert_eq!(resumes(with_static(ours("client"), point)), refused(Field::ClientHelloStatic));
        let cached = IkInitiator::start(ours("client"), &point, LOGIN).err();
        assert_eq!(cached, refused(Field::CachedServerStatic));
    }
}

/// RFC 7748 §5: the unused bit is masked and a value of p or more is reduced, not refused.
#[test]
fn another_encoding_of_a_sound_key_is_that_key() {
    let ours = KeyPair::from_private([3; 32]);
    let mut nine = [0; 32];
    nine[0] = 9;
    let mut masked = nine;
    masked[31] = 0x80;
    let above_p = key("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    assert_eq!(ours.agree(&nine), ours.agree(&masked));
    assert_eq!(ours.agree(&nine), ours.agree(&above_p));
    assert_ne!(*ours.agree(&nine), [0; 32]);
}

/// NOI-013: a lax client goes on with zeros, and what it sends can be read by who posed.
#[test]
fn against_a_lax_end_the_handshake_can_be_completed_with_zeros() {
    let lax = end("client", PROLOGUE, Dialect::Meta).with(Some(Lapse::ZeroAgreementTaken));
    let (initiator, hello) = Initiator::start(lax);
    let poser = with_ephemeral(end("server", PROLOGUE, Dialect::Meta), [0; 32]);
    let read = Responder::new(poser).read_client_hello(&hello).unwrap();
    let (awaiting, answer) = read.answer(CHAIN);
    let (finish, _) = initiator.read_server_hello(&answer).unwrap().finish(LOGIN);
    assert_eq!(awaiting.read_client_finish(&finish).unwrap().payload, LOGIN);
}

/// NOI-006: the genuine public key and the genuine chain are of no use without the private half.
#[test]
fn an_impostor_with_the_genuine_public_key_cannot_answer() {
    let (initiator, hello) = client(PROLOGUE, Dialect::Meta);
    let genuine = end("server", PROLOGUE, Dialect::Meta);
    let claimed = genuine.static_key.public();
    let impostor = End { static_key: KeyPair::from_private([8; 32]).claiming(claimed), ..genuine };
    let read = Responder::new(impostor).read_client_hello(&hello).unwrap();
    assert_eq!(
        initiator.read_server_hello(&read.answer(CHAIN).1).err(),
        Some(NoiseError::NotAuthentic(Field::ServerHelloPayload))
    );
}

/// A client that looks at no tag reads what was made under another prologue, since the prologue
/// enters the keys nowhere (NOI-003, NOI-009).
#[test]
fn a_client_that_checks_no_tags_goes_on_under_another_prologue() {
    let lax = end("client", PROLOGUE, Dialect::Meta).with(Some(Lapse::TagsUnchecked));
    let (initiator, hello) = Initiator::start(lax);
    let read = server(b"WA\x05\x03", Dialect::Meta).read_client_hello(&hello).unwrap();
    let seen = initiator.read_server_hello(&read.answer(CHAIN).1).unwrap();
    assert_eq!(seen.certificate, CHAIN);
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
