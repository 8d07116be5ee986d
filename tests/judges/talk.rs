//! The conversation that every judge has with us: both openings, turns, loss, reordering, forgery.

use counterpart::e2ee::{Address, Ciphertext, EncType, Party, SignatureCheck};
use serde::{Deserialize, Serialize};

use super::node::Node;
use super::tape::{Step, Tape, WireBundle, WireMessage};

/// Who sends the first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Begins {
    We,
    They,
}

/// Turns after the opening; each changes the direction.
const TURNS: usize = 10;

pub struct Talk {
    us: Box<dyn Party>,
    them: Node,
    tape: Tape,
    /// How many of our messages they decrypted.
    understood: usize,
}

fn judge() -> Address {
    Address::new("judge", 0)
}

impl Talk {
    pub fn live(tape: Tape, them: Node) -> Self {
        Self { us: tape.party(), them, tape, understood: 0 }
    }

    /// Carries the conversation out and gives the recording of it, and how many of our messages were
    /// understood.
    pub fn converse(mut self) -> (Tape, usize) {
        self.open();
        // What was held back in one turn arrives two changes of direction later.
        let mut late: Vec<(bool, String, Ciphertext)> = Vec::new();
        for turn in 0..TURNS {
            let ours = (turn % 2 == 0) == (self.tape.begins == Begins::We);
            let texts = ["one", "two", "late", "lost"].map(|word| format!("{word} of turn {turn}"));
            let [one, two, held, _lost] = texts.clone().map(|text| self.send(ours, &text));
            self.forge(ours, &two);
            self.deliver(ours, &texts[1], &two);
            self.deliver(ours, &texts[0], &one);
            self.refuse(ours, "it was read before", &one);
            late.push((ours, texts[2].clone(), held));
            if turn >= 2 {
                let (ours, text, message) = late.remove(0);
                self.deliver(ours, &text, &message);
            }
        }
        (self.tape, self.understood)
    }

    fn open(&mut self) {
        if self.tape.begins == Begins::We {
            let bundle = self.them.bundle(self.tape.one_time);
            let checked = self.us.process(&judge(), &bundle.bundle(), SignatureCheck::Always);
            checked.unwrap();
            self.tape.steps.push(Step::Processed { bundle });
        } else {
            let bundle = WireBundle::of(&mut *self.us, self.tape.one_time);
            self.them.process(&bundle);
            self.tape.steps.push(Step::Published { bundle });
        }
    }

    fn send(&mut self, ours: bool, text: &str) -> Ciphertext {
        if !ours {
            return self.them.encrypt(text);
        }
        let message = self.us.encrypt(&judge(), text.as_bytes()).unwrap();
        let step = Step::Sent { text: text.to_owned(), message: WireMessage::of(&message) };
        self.tape.steps.push(step);
        message
    }

    fn deliver(&mut self, ours: bool, text: &str, message: &Ciphertext) {
        if ours {
            assert_eq!(self.them.decrypt(message), Ok(text.to_owned()), "{}", self.tape.name());
            self.understood += 1;
            return;
        }
        let plaintext = self.us.decrypt(&judge(), message).unwrap();
        assert_eq!(plaintext, text.as_bytes(), "{}", self.tape.name());
        let step = Step::Read { text: text.to_owned(), message: WireMessage::of(message) };
        self.tape.steps.push(step);
    }

    fn refuse(&mut self, ours: bool, why: &str, message: &Ciphertext) {
        if ours {
            assert!(self.them.decrypt(message).is_err(), "{}: {why}", self.tape.name());
            return;
        }
        assert!(self.us.decrypt(&judge(), message).is_err(), "{}: {why}", self.tape.name());
        let step = Step::Refused { why: why.to_owned(), message: WireMessage::of(message) };
        self.tape.steps.push(step);
    }

    /// The genuine message is delivered afterwards, so a refusal must have done no harm.
    fn forge(&mut self, ours: bool, genuine: &Ciphertext) {
        let mut forged = genuine.clone();
        let at = match genuine.kind {
            EncType::Msg => forged.bytes.len() - 1,
            EncType::PkMsg => end_of_inner(&genuine.bytes),
        };
        forged.bytes[at] ^= 1;
        self.refuse(ours, "the last byte of its MAC is another", &forged);
    }

    /// Replays a recording on our end alone: what we read is read again, what we refused is refused
    /// again, and what we send is the same to the last byte.
    pub fn replay(setting: Tape, tape: Tape) {
        let mut us = setting.party();
        let name = tape.name();
        assert_eq!(Tape { steps: Vec::new(), ..tape.clone() }, setting);
        for (at, step) in tape.steps.iter().enumerate() {
            match step {
                Step::Published { bundle } => {
                    assert_eq!(&WireBundle::of(&mut *us, tape.one_time), bundle, "{name} {at}");
                }
                Step::Processed { bundle } => {
                    us.process(&judge(), &bundle.bundle(), SignatureCheck::Always).unwrap();
                }
                Step::Sent { text, message } => {
                    let sent = us.encrypt(&judge(), text.as_bytes()).unwrap();
                    assert_eq!(&WireMessage::of(&sent), message, "{name} {at}");
                }
                Step::Read { text, message } => {
                    let read = us.decrypt(&judge(), &message.sealed());
                    assert_eq!(read.unwrap(), text.as_bytes(), "{name} {at}");
                }
                Step::Refused { why, message } => {
                    let refused = us.decrypt(&judge(), &message.sealed());
                    assert!(refused.is_err(), "{name} {at}: {why}");
                }
            }
        }
    }
}

/// The last byte of the message inside a `pkmsg`: its MAC's.
fn end_of_inner(bytes: &[u8]) -> usize {
    let inner = counterpart::e2ee::envelope::PreKeyEnvelope::parse(bytes).unwrap().message_bytes;
    let start = bytes.windows(inner.len()).position(|window| window == inner).unwrap();
    start + inner.len() - 1
}
