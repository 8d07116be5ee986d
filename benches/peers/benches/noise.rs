//! The encrypted channel beside snow's and wacore-noise's.
//!
//! A frame is sealed at one end and opened at the other, so a row shows both halves. A handshake is
//! that of both ends, with the generation of both ephemeral keys.

use counterpart::noise::{Dialect, End, Initiator, KeyPair, Responder, Transport};
use counterpart_peers::{Contest, Goal, Work, timed};
use wacore_noise::NoiseCipher;

const PROLOGUE: &[u8] = b"WA\x06\x03";
const PROTOCOL: &str = "Noise_XX_25519_AESGCM_SHA256";
/// snow keeps to Noise's 65,535 bytes, tag included.
const LARGE: usize = 64 * 1024 - 64;

fn main() {
    let mut contest = Contest::from_args("Noise");
    for (size, what, goal) in [(256, "frame of 256 B", 2.0), (LARGE, "frame of 64 KiB", 3.0)] {
        contest.row(what, Goal::AtLeast(goal), our_frames(size), "snow", snow_frames(size));
        contest.row(what, Goal::None, our_frames(size), "wacore-noise", wacore_frames(size));
    }
    let ours = timed(our_handshake(1));
    contest.row("XX handshake", Goal::AtLeast(1.0), ours, "snow", timed(snow_handshake));
    contest.print();
}

fn our_frames(size: usize) -> impl Work {
    let plain = vec![7; size];
    let (mut client, mut server) = our_handshake(1)();
    let mut frame = Vec::new();
    timed(move || {
        frame.clear();
        client.seal_into(&plain, &mut frame).expect("counters last");
        server.open_in_place(&mut frame).expect("sound");
        frame.len()
    })
}

fn snow_frames(size: usize) -> impl Work {
    let plain = vec![7; size];
    let (mut client, mut server) = snow_handshake();
    let (mut sealed, mut opened) = (vec![0; size + 16], vec![0; size + 16]);
    timed(move || {
        let length = client.write_message(&plain, &mut sealed).expect("room");
        server.read_message(&sealed[..length], &mut opened).expect("sound")
    })
}

fn wacore_frames(size: usize) -> impl Work {
    let plain = vec![7; size];
    let cipher = NoiseCipher::new(&[5; 32]).expect("a key of 32 bytes");
    let (mut counter, mut frame) = (0, Vec::new());
    timed(move || {
        frame.clear();
        frame.extend_from_slice(&plain);
        cipher.encrypt_in_place_with_counter(counter, &mut frame).expect("sound");
        cipher.decrypt_in_place_with_counter(counter, &mut frame).expect("sound");
        counter = counter.wrapping_add(1);
        frame.len()
    })
}

/// Both ends of our channel, with new ephemeral keys at every call, as snow has them.
fn our_handshake(first: u8) -> impl FnMut() -> (Transport, Transport) {
    let pair = |byte| KeyPair::from_private([byte; 32]);
    let (ours, theirs) = (pair(101), pair(102));
    let mut number = u64::from(first);
    move || {
        number += 2;
        let ephemeral = |number: u64| {
            let mut private = [9; 32];
            private[..8].copy_from_slice(&number.to_le_bytes());
            KeyPair::from_private(private)
        };
        let end = |own: &KeyPair, number| {
            End::new(PROLOGUE, Dialect::Standard, own.clone(), ephemeral(number))
        };
        let (initiator, hello) = Initiator::start(end(&ours, number));
        let responder = Responder::new(end(&theirs, number + 1));
        let read = responder.read_client_hello(&hello).expect("sound");
        let (awaiting, answer) = read.answer(b"payload");
        let seen = initiator.read_server_hello(&answer).expect("sound");
        let (finish, client) = seen.finish(b"payload");
        (client, awaiting.read_client_finish(&finish).expect("sound").transport)
    }
}

/// Both ends of snow's channel.
fn snow_handshake() -> (snow::TransportState, snow::TransportState) {
    let builder = || snow::Builder::new(PROTOCOL.parse().expect("snow knows the name"));
    let (own, other) = ([101; 32], [102; 32]);
    let prepared = |key| {
        builder().prologue(PROLOGUE).and_then(|b| b.local_private_key(key)).expect("fixed input")
    };
    let mut client = prepared(&own).build_initiator().expect("fixed input");
    let mut server = prepared(&other).build_responder().expect("fixed input");
    let (mut sent, mut read) = ([0; 1024], [0; 1024]);
    for turn in 0..3 {
        let (from, to) =
            if turn == 1 { (&mut server, &mut client) } else { (&mut client, &mut server) };
        let length = from.write_message(b"payload", &mut sent).expect("room");
        to.read_message(&sent[..length], &mut read).expect("sound");
    }
    let done = "three messages complete XX";
    (client.into_transport_mode().expect(done), server.into_transport_mode().expect(done))
}
