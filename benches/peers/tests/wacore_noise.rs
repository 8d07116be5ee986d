//! wacore-noise as the other end of our handshakes: its client against our responder in all three
//! patterns, and our client against a server of its primitives.
//!
//! It stands here and not among the crate's tests because its features would make everybody compile
//! Meta's protobuf schema a second time. With `RECORD=FOLDER` the first exchange of each pattern is
//! written as vectors; those of `fixtures/vectors/noise` were, and the crate's tests replay them.

use counterpart::noise::certificate::{Authority, Validity};
use counterpart::noise::{
    AwaitingFinish, Dialect, End, Finished, IkAnswer, IkInitiator, Initiator, KeyPair, Opening,
    Responder, Transport,
};
use counterpart::seed::Seed;
use serde_json::{Value, json};
use wacore_libsignal::protocol::KeyPair as WacoreKeys;
use wacore_noise::{
    IkHandshakeState, IkServerHelloOutcome, NoiseCipher, NoiseHandshake, XxFallbackHandshakeState,
    XxHandshakeState,
};

const PROLOGUE: &[u8] = b"WA\x06\x03";
const LOGIN: &[u8] = b"login payload";
const SERVER_STATIC: [u8; 32] = [21; 32];
const SERVER_EPHEMERAL: [u8; 32] = [22; 32];

fn server() -> Responder {
    let [own, ephemeral] = [SERVER_STATIC, SERVER_EPHEMERAL].map(KeyPair::from_private);
    Responder::new(End::new(PROLOGUE, Dialect::Meta, own, ephemeral))
}

/// A chain for a key, of an authority of ours: wacore-noise pins Meta's, so its feature that skips
/// the signatures is on.
fn chain(leaf: &[u8; 32]) -> Vec<u8> {
    let mut rng = Seed(5).rng(&["wacore"]);
    Authority::new(&mut rng).chain(leaf, Validity::TEST, &mut rng).encode()
}

fn public(private: [u8; 32]) -> [u8; 32] {
    KeyPair::from_private(private).public()
}

fn client_keys() -> WacoreKeys {
    WacoreKeys::generate(&mut Seed(5).rng(&["wacore client"]))
}

/// Two frames of the client and one of the server, read by the other.
fn frames_flow(write: &NoiseCipher, read: &NoiseCipher, ours: &mut Transport) -> Value {
    let mut frames = Vec::new();
    for (counter, text) in [(0, b"one".as_slice()), (1, b"two")] {
        let frame = write.encrypt_with_counter(counter, text).unwrap();
        assert_eq!(ours.open(&frame).unwrap(), text);
        frames.push(json!({ "plain": hex::encode(text), "sealed": hex::encode(frame) }));
    }
    let mut back = ours.seal(b"three").unwrap();
    read.decrypt_in_place_with_counter(0, &mut back).unwrap();
    assert_eq!(back, b"three");
    json!(frames)
}

fn record(name: &str, prologue: &[u8], messages: [&[u8]; 3], frames: Value, client: [u8; 32]) {
    let Ok(folder) = std::env::var("RECORD") else { return };
    let vector = json!({
        "source": "recorded from an exchange with the crate wacore-noise 0.7.0 as the client",
        "prologue": hex::encode(prologue),
        "server_static_private": hex::encode(SERVER_STATIC),
        "server_ephemeral_private": hex::encode(SERVER_EPHEMERAL),
        "client_static_public": hex::encode(client),
        "payload": hex::encode(LOGIN),
        "certificate": hex::encode(chain(&public(SERVER_STATIC))),
        "messages": messages.map(hex::encode),
        "frames": frames,
    });
    let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
    std::fs::write(format!("{folder}/{name}.json"), text).unwrap();
}

fn static_of(keys: &WacoreKeys) -> [u8; 32] {
    keys.public_key.public_key_bytes().try_into().unwrap()
}

fn finish(awaiting: AwaitingFinish, message: &[u8], client: [u8; 32]) -> Finished {
    let finished = awaiting.read_client_finish(message).unwrap();
    assert_eq!((finished.payload.as_slice(), finished.client_static), (LOGIN, client));
    finished
}

#[test]
fn its_xx_client_logs_in_at_our_responder() {
    let keys = client_keys();
    let client = static_of(&keys);
    let mut wacore = XxHandshakeState::new(keys, LOGIN.to_vec(), PROLOGUE).unwrap();
    let first = wacore.build_client_hello().unwrap();
    let read = server().read_client_hello(&first).unwrap();
    let (awaiting, second) = read.answer(&chain(&public(SERVER_STATIC)));
    let third = wacore.read_server_hello_and_build_client_finish(&second).unwrap();
    let mut ours = finish(awaiting, &third, client).transport;
    let done = wacore.finish().unwrap();
    let frames = frames_flow(&done.write_cipher, &done.read_cipher, &mut ours);
    record("xx_meta_wacore", PROLOGUE, [&first, &second, &third], frames, client);
}

#[test]
fn its_ik_client_resumes_at_our_responder() {
    let keys = client_keys();
    let client = static_of(&keys);
    let known = public(SERVER_STATIC);
    let mut wacore = IkHandshakeState::new(keys, known, LOGIN.to_vec(), PROLOGUE).unwrap();
    let first = wacore.build_client_hello().unwrap();
    let Opening::Ik(unread) = server().read_opening(&first).unwrap() else { panic!("IK") };
    let read = unread.read().unwrap();
    assert_eq!((read.payload.as_slice(), read.client_static), (LOGIN, client));
    let (second, mut finished) = read.answer(&chain(&known));
    let IkServerHelloOutcome::Continue(done) = wacore.read_server_hello(&second).unwrap() else {
        panic!("it was accepted");
    };
    let ours = &mut finished.transport;
    let frames = frames_flow(&done.write_cipher, &done.read_cipher, ours);
    record("ik_meta_wacore", PROLOGUE, [&first, &second, b""], frames, client);
}

#[test]
fn its_ik_client_falls_back_at_our_responder_where_its_key_is_stale() {
    let keys = client_keys();
    let client = static_of(&keys);
    let stale = public([23; 32]);
    let mut wacore = IkHandshakeState::new(keys, stale, LOGIN.to_vec(), PROLOGUE).unwrap();
    let first = wacore.build_client_hello().unwrap();
    let Opening::Ik(unread) = server().read_opening(&first).unwrap() else { panic!("IK") };
    assert!(unread.read().is_err());
    let read = unread.fall_back().unwrap();
    let (awaiting, second) = read.answer(&chain(&public(SERVER_STATIC)));
    let IkServerHelloOutcome::Fallback(inputs) = wacore.read_server_hello(&second).unwrap() else {
        panic!("it was refused");
    };
    let mut wacore = XxFallbackHandshakeState::from_ik_failure(*inputs, PROLOGUE).unwrap();
    let third = wacore.build_client_finish().unwrap();
    let mut ours = finish(awaiting, &third, client).transport;
    let done = wacore.finish().unwrap();
    let frames = frames_flow(&done.write_cipher, &done.read_cipher, &mut ours);
    record("xxfallback_meta_wacore", PROLOGUE, [&first, &second, &third], frames, client);
}

fn our_end() -> End {
    let [own, ephemeral] = [[31; 32], [32; 32]].map(KeyPair::from_private);
    End::new(PROLOGUE, Dialect::Meta, own, ephemeral)
}

/// A field of a handshake message by its number, within the message of this number.
fn field(message: &[u8], within: u8, number: u8) -> Option<Vec<u8>> {
    let inner = bytes_of(message, within)?;
    bytes_of(&inner, number)
}

/// A field of wire type 2 in a message that has no other kind.
fn bytes_of(mut message: &[u8], number: u8) -> Option<Vec<u8>> {
    while let Some((tag, rest)) = message.split_first() {
        let mut length = 0_usize;
        let mut used = 0;
        for byte in rest {
            length |= usize::from(byte & 0x7F) << (7 * used);
            used += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (value, after) = rest[used..].split_at(length);
        if *tag == number << 3 | 2 {
            return Some(value.to_vec());
        }
        message = after;
    }
    None
}

fn written(number: u8, value: &[u8]) -> Vec<u8> {
    let mut length = value.len();
    let mut out = vec![number << 3 | 2];
    while length > 0x7F {
        out.push((length & 0x7F) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(value);
    out
}

/// Message 2 of a server that is made of wacore's primitives, with its handshake for message 3.
fn answer_xx(pattern: &str, client_ephemeral: &[u8]) -> (Vec<u8>, NoiseHandshake) {
    let mut noise = NoiseHandshake::new(pattern, PROLOGUE).unwrap();
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public(SERVER_EPHEMERAL));
    noise.mix_shared_secret(&SERVER_EPHEMERAL, client_ephemeral).unwrap();
    let sealed_static = noise.encrypt(&public(SERVER_STATIC)).unwrap();
    noise.mix_shared_secret(&SERVER_STATIC, client_ephemeral).unwrap();
    let sealed_chain = noise.encrypt(&chain(&public(SERVER_STATIC))).unwrap();
    let hello = [
        written(1, &public(SERVER_EPHEMERAL)),
        written(2, &sealed_static),
        written(3, &sealed_chain),
    ];
    (written(3, &hello.concat()), noise)
}

fn read_finish(mut noise: NoiseHandshake, third: &[u8]) -> (NoiseCipher, NoiseCipher) {
    let client = noise.decrypt(&field(third, 4, 1).unwrap()).unwrap();
    assert_eq!(client, public([31; 32]));
    noise.mix_shared_secret(&SERVER_EPHEMERAL, &client).unwrap();
    assert_eq!(noise.decrypt(&field(third, 4, 2).unwrap()).unwrap(), LOGIN);
    noise.finish().unwrap()
}

/// The ciphers are named from the client's point of view.
fn served(ciphers: &(NoiseCipher, NoiseCipher), client: &mut Transport) {
    let (from_client, to_client) = ciphers;
    let mut frame = client.seal(b"one").unwrap();
    from_client.decrypt_in_place_with_counter(0, &mut frame).unwrap();
    assert_eq!(frame, b"one");
    let back = to_client.encrypt_with_counter(0, b"two").unwrap();
    assert_eq!(client.open(&back).unwrap(), b"two");
}

#[test]
fn our_xx_client_logs_in_at_a_server_of_its_primitives() {
    let (initiator, first) = Initiator::start(our_end());
    let ephemeral = field(&first, 2, 1).unwrap();
    let (second, noise) = answer_xx("Noise_XX_25519_AESGCM_SHA256", &ephemeral);
    let (third, mut client) = initiator.read_server_hello(&second).unwrap().finish(LOGIN);
    served(&read_finish(noise, &third), &mut client);
}

#[test]
fn our_ik_client_resumes_at_a_server_of_its_primitives() {
    let known = public(SERVER_STATIC);
    let (initiator, first) = IkInitiator::start(our_end(), &known, LOGIN).unwrap();
    let ephemeral = field(&first, 2, 1).unwrap();
    let mut noise = NoiseHandshake::new("Noise_IK_25519_AESGCM_SHA256", PROLOGUE).unwrap();
    noise.authenticate(&known);
    noise.authenticate(&ephemeral);
    noise.mix_shared_secret(&SERVER_STATIC, &ephemeral).unwrap();
    let client_static = noise.decrypt(&field(&first, 2, 2).unwrap()).unwrap();
    noise.mix_shared_secret(&SERVER_STATIC, &client_static).unwrap();
    assert_eq!(noise.decrypt(&field(&first, 2, 3).unwrap()).unwrap(), LOGIN);
    noise.authenticate(&public(SERVER_EPHEMERAL));
    noise.mix_shared_secret(&SERVER_EPHEMERAL, &ephemeral).unwrap();
    noise.mix_shared_secret(&SERVER_EPHEMERAL, &client_static).unwrap();
    let sealed = noise.encrypt(&chain(&known)).unwrap();
    let hello = [written(1, &public(SERVER_EPHEMERAL)), written(3, &sealed)].concat();
    let IkAnswer::Resumed(mut resumed) = initiator.read_server_hello(&written(3, &hello)).unwrap()
    else {
        panic!("it was accepted");
    };
    served(&noise.finish().unwrap(), &mut resumed.transport);
}

#[test]
fn our_ik_client_falls_back_at_a_server_of_its_primitives() {
    let (initiator, first) = IkInitiator::start(our_end(), &public([23; 32]), LOGIN).unwrap();
    let ephemeral = field(&first, 2, 1).unwrap();
    let (second, noise) = answer_xx("Noise_XXfallback_25519_AESGCM_SHA256", &ephemeral);
    let IkAnswer::FallenBack(read) = initiator.read_server_hello(&second).unwrap() else {
        panic!("it was refused");
    };
    let (third, mut client) = read.finish(LOGIN);
    served(&read_finish(noise, &third), &mut client);
}
