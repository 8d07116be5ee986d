//! Two parties for tests.

use prost::Message as _;

use super::*;
use crate::proto::signal::PreKeySignalMessage;
use crate::seed::Seed;

pub(super) struct Pair {
    pub alice: X3dhParty,
    pub bob: X3dhParty,
}

pub(super) fn party(name: &str) -> X3dhParty {
    X3dhParty::new(Seed(7).rng(&["pair", name]))
}

pub(super) fn address(name: &str) -> Address {
    Address::new(name, 0)
}

/// What a server would hand out for this party.
pub(super) fn bundle(party: &mut dyn Party, one_time: bool) -> Bundle {
    Bundle {
        registration_id: party.registration_id(),
        identity: party.identity(),
        signed_prekey: party.signed_prekey(),
        one_time: party.new_one_time_prekeys(usize::from(one_time)).pop(),
        kem: party.kem_prekey(),
    }
}

impl Pair {
    /// Alice has opened a session with Bob and has sent nothing yet.
    pub(super) fn new(one_time: bool) -> Self {
        Self::with_faults(one_time, KdfInput::Sound, KdfInput::Sound)
    }

    pub(super) fn with_faults(one_time: bool, alices: KdfInput, bobs: KdfInput) -> Self {
        let mut pair = Self { alice: party("alice"), bob: party("bob") };
        pair.alice.derive_from(alices);
        pair.bob.derive_from(bobs);
        let bundle = bundle(&mut pair.bob, one_time);
        pair.alice.process(&address("bob"), &bundle, SignatureCheck::Always).unwrap();
        pair
    }

    /// Both have sent and received.
    pub(super) fn settled(one_time: bool) -> Self {
        let mut pair = Self::new(one_time);
        let opening = pair.alice_writes("opening");
        assert_eq!(pair.bob_reads(&opening).unwrap(), "opening");
        let reply = pair.bob_writes("reply");
        assert_eq!(pair.alice_reads(&reply).unwrap(), "reply");
        pair
    }

    pub(super) fn alice_writes(&mut self, text: &str) -> Ciphertext {
        self.alice.encrypt(&address("bob"), text.as_bytes()).unwrap()
    }

    pub(super) fn bob_writes(&mut self, text: &str) -> Ciphertext {
        self.bob.encrypt(&address("alice"), text.as_bytes()).unwrap()
    }

    pub(super) fn alice_reads(&mut self, message: &Ciphertext) -> Result<String, E2eeError> {
        read(&mut self.alice, "bob", message)
    }

    pub(super) fn bob_reads(&mut self, message: &Ciphertext) -> Result<String, E2eeError> {
        read(&mut self.bob, "alice", message)
    }
}

pub(super) fn read(
    party: &mut dyn Party,
    from: &str,
    message: &Ciphertext,
) -> Result<String, E2eeError> {
    let plaintext = party.decrypt(&address(from), message)?;
    Ok(String::from_utf8(plaintext).unwrap())
}

/// The `pkmsg` with its outer fields changed, which no MAC covers.
pub(super) fn rewrite(
    message: &Ciphertext,
    change: impl Fn(&mut PreKeySignalMessage),
) -> Ciphertext {
    let mut outer = PreKeySignalMessage::decode(&message.bytes[1..]).unwrap();
    change(&mut outer);
    let bytes = [&message.bytes[..1], &outer.encode_to_vec()].concat();
    Ciphertext { kind: EncType::PkMsg, bytes }
}
