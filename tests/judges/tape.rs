//! What was said in a conversation, step by step: the form in which it is recorded.

use std::path::PathBuf;

use counterpart::e2ee::{
    Bundle, Ciphertext, EncType, KemPrekey, OneTimePrekey, Party, PqxdhParty, SignedPrekey,
    X3dhParty,
};
use counterpart::seed::Seed;
use serde::{Deserialize, Serialize};

use super::talk::Begins;

/// Which release of the library judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judge {
    X3dh,
    Pqxdh,
}

impl Judge {
    pub fn word(self) -> &'static str {
        match self {
            Self::X3dh => "x3dh",
            Self::Pqxdh => "pqxdh",
        }
    }

    fn library(self) -> &'static str {
        match self {
            Self::X3dh => "@signalapp/libsignal-client 0.72.1",
            Self::Pqxdh => "@signalapp/libsignal-client 0.103.0",
        }
    }
}

/// A conversation with its setting. Our identity, prekeys and ratchet keys all follow from the seed,
/// which is printed here so that everything can be computed again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tape {
    pub library: String,
    pub judge: Judge,
    pub begins: Begins,
    pub one_time: bool,
    pub seed: u64,
    pub steps: Vec<Step>,
}

/// One thing that happened, as seen from our side. Bytes are hex.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// We published these keys.
    Published {
        bundle: WireBundle,
    },
    /// We opened a session from these keys.
    Processed {
        bundle: WireBundle,
    },
    Sent {
        text: String,
        message: WireMessage,
    },
    /// A message of theirs that we decrypted to this text, in the order of delivery.
    Read {
        text: String,
        message: WireMessage,
    },
    /// A message that we must refuse.
    Refused {
        why: String,
        message: WireMessage,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireMessage {
    #[serde(rename = "type")]
    pub kind: EncType,
    pub bytes: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireBundle {
    pub registration_id: u32,
    pub identity: String,
    pub signed: WireSigned,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time: Option<WireKey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kem: Option<WireSigned>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireSigned {
    pub id: u32,
    pub value: String,
    pub signature: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireKey {
    pub id: u32,
    pub value: String,
}

impl Tape {
    pub fn new(judge: Judge, begins: Begins, one_time: bool) -> Self {
        let (library, steps) = (judge.library().to_owned(), Vec::new());
        Self { library, judge, begins, one_time, seed: 20_260_101, steps }
    }

    pub fn name(&self) -> String {
        let begins = if self.begins == Begins::We { "we-begin" } else { "they-begin" };
        let prekey = if self.one_time { "one-time-prekey" } else { "no-one-time-prekey" };
        format!("{}-{begins}-{prekey}", self.judge.word())
    }

    /// Our end, from the seed.
    pub fn party(&self) -> Box<dyn Party> {
        let rng = Seed(self.seed).rng(&["judge", &self.name()]);
        match self.judge {
            Judge::X3dh => Box::new(X3dhParty::new(rng)),
            Judge::Pqxdh => Box::new(PqxdhParty::new(rng)),
        }
    }

    fn path(name: &str) -> PathBuf {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vectors/signal");
        PathBuf::from(folder).join(format!("{name}.json"))
    }

    pub fn save(&self) {
        let text = serde_json::to_string_pretty(self).unwrap() + "\n";
        std::fs::write(Self::path(&self.name()), text).unwrap();
    }

    pub fn load(name: &str) -> Self {
        let text = std::fs::read_to_string(Self::path(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    pub fn read_by_us(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Read { .. })).count()
    }

    pub fn refused_by_us(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Refused { .. })).count()
    }

    /// How often the one who speaks changes.
    pub fn direction_changes(&self) -> usize {
        let speakers = self.steps.iter().filter_map(|step| match step {
            Step::Sent { .. } => Some(true),
            Step::Read { .. } => Some(false),
            _ => None,
        });
        let speakers: Vec<bool> = speakers.collect();
        speakers.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

impl WireMessage {
    pub fn of(message: &Ciphertext) -> Self {
        Self { kind: message.kind, bytes: hex::encode(&message.bytes) }
    }

    pub fn sealed(&self) -> Ciphertext {
        Ciphertext { kind: self.kind, bytes: hex::decode(&self.bytes).unwrap() }
    }
}

impl WireBundle {
    /// What we publish.
    pub fn of(party: &mut dyn Party, one_time: bool) -> Self {
        let one_time = party.new_one_time_prekeys(usize::from(one_time)).pop();
        let SignedPrekey { id, value, signature } = party.signed_prekey();
        let signed =
            WireSigned { id, value: hex::encode(value), signature: hex::encode(signature) };
        Self {
            registration_id: party.registration_id(),
            identity: hex::encode(party.identity()),
            signed,
            one_time: one_time.map(|key| WireKey { id: key.id, value: hex::encode(key.value) }),
            kem: party.kem_prekey().map(|key| WireSigned {
                id: key.id,
                value: hex::encode(key.value),
                signature: hex::encode(key.signature),
            }),
        }
    }

    pub fn bundle(&self) -> Bundle {
        Bundle {
            registration_id: self.registration_id,
            identity: key(&self.identity),
            signed_prekey: SignedPrekey {
                id: self.signed.id,
                value: key(&self.signed.value),
                signature: hex::decode(&self.signed.signature).unwrap(),
            },
            one_time: self
                .one_time
                .as_ref()
                .map(|it| OneTimePrekey { id: it.id, value: key(&it.value) }),
            kem: self.kem.as_ref().map(|it| KemPrekey {
                id: it.id,
                value: hex::decode(&it.value).unwrap(),
                signature: hex::decode(&it.signature).unwrap(),
            }),
        }
    }
}

fn key(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}
