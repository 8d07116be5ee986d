//! The test users that a developer's client can write to: one manner each.
//!
//! Main type: [`Guest`]. [`GUESTS`] is the list from which greeting, commands and documentation
//! derive. Their addresses never change, so that they can stand in somebody's test code.

use crate::role::meta::{Manners, MetaClient};
use crate::role::signal::Signal;
use crate::scenario::{ContentFault, SignatureFault};
use crate::seed::Seed;
use crate::spec::Profile;
use crate::wire::Jid;

/// What a guest does with a text that reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Answers with a text of its own.
    Answers,
    /// Sends the same text back.
    Echoes,
    /// Nothing.
    Nothing,
    /// Takes it for a command and answers with what came of it.
    Obeys,
    /// Answers, and then sends the answer again under the same id and under another.
    Replays,
    /// Answers with this in place of a sound ciphertext.
    Spoils(ContentFault),
    /// First sends stanzas that nobody knows, then answers.
    Babbles,
}

/// One test user.
pub struct Guest {
    pub name: &'static str,
    pub about: &'static str,
    pub reaction: Reaction,
    pub manners: Manners,
}

const SOUND: Manners = Manners { silent: false, bundle_signature: None, bundle_error: None };

const fn signed(fault: SignatureFault) -> Manners {
    Manners { bundle_signature: Some(fault), ..SOUND }
}

const fn guest(name: &'static str, reaction: Reaction, about: &'static str) -> Guest {
    Guest { name, about, reaction, manners: SOUND }
}

/// Every test user; the place in the list is in the address.
pub static GUESTS: &[Guest] = &[
    guest("answers", Reaction::Answers, "answers every text with a text"),
    guest("echo", Reaction::Echoes, "sends back what it got"),
    Guest {
        manners: Manners { silent: true, ..SOUND },
        ..guest(
            "silent",
            Reaction::Nothing,
            "takes everything and says nothing, not even a receipt",
        )
    },
    guest("control", Reaction::Obeys, "takes commands as texts: write `help` to it"),
    guest("replays", Reaction::Replays, "sends each answer three times: RAT-006, MSG-013"),
    guest(
        "bad-mac",
        Reaction::Spoils(ContentFault::FlippedMac),
        "answers with a wrong MAC: RAT-011",
    ),
    guest(
        "clear-enc",
        Reaction::Spoils(ContentFault::ClearEnc),
        "answers in clear in an <enc>: ENC-019",
    ),
    guest(
        "clear-body",
        Reaction::Spoils(ContentFault::ClearBody),
        "answers in clear in a <body>: ENC-019",
    ),
    guest("babbles", Reaction::Babbles, "sends stanzas that nobody knows, then answers: STZ-013"),
    Guest {
        manners: signed(SignatureFault::Random),
        ..guest("bad-prekey", Reaction::Answers, "its signed prekey is wrongly signed: PRE-004")
    },
    Guest {
        manners: signed(SignatureFault::Absent),
        ..guest("unsigned-prekey", Reaction::Answers, "its signed prekey is not signed: PRE-005")
    },
    Guest {
        manners: Manners { bundle_error: Some(404), ..SOUND },
        ..guest("no-keys", Reaction::Answers, "has no keys: nothing can be sent to it, PRE-003")
    },
];

/// Looks a test user up.
pub fn find(name: &str) -> Option<&'static Guest> {
    GUESTS.iter().find(|guest| guest.name == name)
}

impl Guest {
    /// The address under a profile: telephone numbers 15550000001 and up.
    pub fn jid(&self, profile: &Profile) -> Jid {
        let place = GUESTS.iter().position(|guest| guest.name == self.name).unwrap_or_default();
        let digits = format!("155500000{:02}", place + 1);
        let form = profile.text("meta_user.jid").unwrap_or("{digits}@s.whatsapp.net");
        let text = form.replace("{digits}", &digits);
        text.parse().unwrap_or_else(|_| Jid::new(digits, "s.whatsapp.net"))
    }

    /// The Meta client behind it. `keys` names the stream that its keys are drawn from.
    pub fn client(&self, profile: &Profile, seed: Seed, keys: &str) -> MetaClient {
        let signal = Signal::of(profile);
        let client = MetaClient::new(self.name, self.jid(profile), seed, keys, signal);
        client.with_manners(self.manners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Catalogue;

    #[test]
    fn guests_have_addresses_of_their_own() {
        for profile in ["whatsapp-1.0.3", "consumer"] {
            let profile = Profile::builtin(profile).unwrap();
            let mut jids: Vec<String> =
                GUESTS.iter().map(|g| g.jid(&profile).to_string()).collect();
            assert!(jids[0].starts_with("15550000001@"), "{}", jids[0]);
            jids.sort();
            jids.dedup();
            assert_eq!(jids.len(), GUESTS.len());
        }
    }

    #[test]
    fn the_requirements_that_they_name_exist() {
        for guest in GUESTS {
            let words = guest.about.split([' ', ',', ':']).filter(|word| word.contains("-0"));
            for id in words {
                assert!(Catalogue::builtin().get(id).is_some(), "{}: {id}", guest.name);
            }
        }
    }
}
