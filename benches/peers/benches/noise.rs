//! The encrypted channel beside snow's.
//!
//! A frame is sealed at one end and opened at the other, so a row shows both halves.

use counterpart::noise::{Dialect, Initiator, KeyPair, Responder, Transport};
use counterpart_peers::{Contest, Goal, timed};

const PROLOGUE: &[u8] = b"WA\x06\x03";
const PROTOCOL: &str = "Noise_XX_25519_AESGCM_SHA256";

fn main() {
    let mut contest = Contest::from_args("Noise");
    for (size, what, goal) in
        [(256, "frame of 256 B", 2.0), (64 * 1024 - 64, "frame of 64 KiB", 3.0)]
    {
        let plain = vec![7; size];
        let (mut client, mut server) = ours();
        let own = timed(|| server.open(&client.seal(&plain).expect("room")).expect("sound"));
        let (mut first, mut second) = snow_ends();
        let (mut sealed, mut opened) = (vec![0; size + 16], vec![0; size + 16]);
        let other = timed(|| {
            let length = first.write_message(&plain, &mut sealed).expect("room");
            second.read_message(&sealed[..length], &mut opened).expect("sound")
        });
        contest.row(what, Goal::AtLeast(goal), own, "snow", other);
    }
    contest.print();
}

/// Both ends of our channel.
fn ours() -> (Transport, Transport) {
    let pair = |byte| KeyPair::from_private([byte; 32]);
    let (initiator, hello) = Initiator::start(PROLOGUE, Dialect::Standard, pair(1), pair(2));
    let responder = Responder::new(PROLOGUE, Dialect::Standard, pair(3), pair(4));
    let (awaiting, answer) = responder.read_client_hello(&hello).expect("sound").answer(b"chain");
    let (finish, client) = initiator.read_server_hello(&answer).expect("sound").finish(b"login");
    (client, awaiting.read_client_finish(&finish).expect("sound").transport)
}

/// Both ends of snow's channel.
fn snow_ends() -> (snow::TransportState, snow::TransportState) {
    let builder = || snow::Builder::new(PROTOCOL.parse().expect("snow knows the name"));
    let (own, other) = ([1; 32], [3; 32]);
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
