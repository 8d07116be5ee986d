//! Exchanges recorded with wacore-noise 0.7.0 as the client: our responder must answer with the same
//! bytes and read what it then sent. `benches/peers` has it as a live opponent.

use serde_json::Value;

use crate::noise::fixture::{bytes, key32, parse};
use crate::noise::{Dialect, End, Finished, KeyPair, Opening, Responder};

struct Recording {
    vector: Value,
    /// The three messages; in IK the third is empty.
    messages: [Vec<u8>; 3],
}

impl Recording {
    fn read(text: &str) -> Self {
        let vector = parse(text);
        let message = |n: usize| hex::decode(vector["messages"][n].as_str().unwrap()).unwrap();
        Self { messages: [0, 1, 2].map(message), vector }
    }

    fn opening(&self) -> Opening {
        let pair = |which: &str| KeyPair::from_private(key32(&self.vector, which));
        let prologue = bytes(&self.vector, "prologue");
        let [own, ephemeral] = ["server_static_private", "server_ephemeral_private"].map(pair);
        let responder = Responder::new(End::new(&prologue, Dialect::Meta, own, ephemeral));
        responder.read_opening(&self.messages[0]).unwrap()
    }

    fn chain(&self) -> Vec<u8> {
        bytes(&self.vector, "certificate")
    }

    fn ends_with(&self, mut finished: Finished) {
        assert_eq!(finished.payload, bytes(&self.vector, "payload"));
        assert_eq!(finished.client_static, key32(&self.vector, "client_static_public"));
        let frames = self.vector["frames"].as_array().unwrap();
        assert_eq!(frames.len(), 2);
        for frame in frames {
            let sealed = bytes(frame, "sealed");
            assert_eq!(finished.transport.open(&sealed).unwrap(), bytes(frame, "plain"));
        }
    }
}

#[test]
fn a_recorded_xx_is_answered_as_it_was() {
    let recording =
        Recording::read(include_str!("../../../fixtures/vectors/noise/xx_meta_wacore.json"));
    let Opening::Xx(read) = recording.opening() else { panic!("this is XX") };
    let (awaiting, second) = read.answer(&recording.chain());
    assert_eq!(second, recording.messages[1]);
    recording.ends_with(awaiting.read_client_finish(&recording.messages[2]).unwrap());
}

#[test]
fn a_recorded_ik_is_answered_as_it_was() {
    let recording =
        Recording::read(include_str!("../../../fixtures/vectors/noise/ik_meta_wacore.json"));
    let Opening::Ik(unread) = recording.opening() else { panic!("this is IK") };
    let (second, finished) = unread.read().unwrap().answer(&recording.chain());
    assert_eq!(second, recording.messages[1]);
    recording.ends_with(finished);
}

#[test]
fn a_recorded_fallback_is_answered_as_it_was() {
    let recording = Recording::read(include_str!(
        "../../../fixtures/vectors/noise/xxfallback_meta_wacore.json"
    ));
    let Opening::Ik(unread) = recording.opening() else { panic!("it began as IK") };
    assert!(unread.read().is_err());
    let (awaiting, second) = unread.fall_back().unwrap().answer(&recording.chain());
    assert_eq!(second, recording.messages[1]);
    recording.ends_with(awaiting.read_client_finish(&recording.messages[2]).unwrap());
}
