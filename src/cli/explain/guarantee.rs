//! The guarantees of an end-to-end channel in plain words: what each means, and how it is checked here.
//!
//! One table. Rows that no black box decides are told here by the rows that it does decide and that
//! stand for them; scenarios and quirks are looked up, so that the page cannot promise what is not run.

use super::{Known, heading, listed, scenarios_where};
use crate::report::Page;
use crate::role::quirk;

/// A guarantee with the rows behind it.
struct Guarantee {
    /// As people call it; a word of `explain`, with hyphens for spaces.
    name: &'static str,
    /// The rows that state it.
    states: &'static [&'static str],
    means: &'static str,
    checked: &'static str,
    /// The rows that are decided and show it.
    shows: &'static [&'static str],
}

const GUARANTEES: &[Guarantee] = &[
    Guarantee {
        name: "forward secrecy",
        states: &["ENC-009"],
        means: "Who steals a phone's keys today must not be able to read what was said yesterday, even if he recorded every ciphertext. It holds because each message has a key of its own that is deleted once it has served: the chain of keys only runs forwards (each key is a hash of the one before), and a first message also depends on a one-time prekey whose private half is deleted on arrival.",
        checked: "Deletion happens inside a client, so no verdict on it is possible from outside. What shows outside is judged: a ciphertext that was read once opens nothing again (RAT-006), a one-time prekey opens one session (PRE-008), and the one-time prekey really enters the first keys (ENC-003). The step `compromise` counts: the harness copies its own client's keys as a thief would, and the report says how many earlier ciphertexts they open. It must be none.",
        shows: &["ENC-003", "PRE-008", "RAT-006", "RAT-001"],
    },
    Guarantee {
        name: "post-compromise security",
        states: &["ENC-010"],
        means: "Who stole the keys once must lose his sight again without anybody noticing the theft. It holds because both ends keep mixing fresh Diffie-Hellman keys into the conversation: after both have drawn a new one, the stolen state leads nowhere.",
        checked: "The step `compromise` copies the keys and the session of the harness's own client at one moment, and the thief only listens from then on. Which later messages he can read is recomputed from the copy with a key schedule of our own, and the report gives the number of round trips until he reads nothing more. A sound double ratchet heals after one; a client that keeps its ratchet key never does.",
        shows: &["ENC-010", "RAT-001", "ENC-008"],
    },
    Guarantee {
        name: "deniability",
        states: &["ENC-011"],
        means: "Whoever receives a message knows who wrote it, and cannot prove it to anybody else, because he could have written it himself: messages are authenticated by keys that both ends share. A signature over the content by a long-term key would turn every message into a document.",
        checked: "In every case each decrypted message is searched, inside its content and beside its ciphertext, for signatures (XEdDSA and Ed25519) by every long-term key that the client has shown, over the text, the content, the ciphertext and their digests. And with keys that the harness's client holds anyway, it writes a message that verifies as the other's.",
        shows: &["ENC-011"],
    },
    Guarantee {
        name: "confidentiality",
        states: &["ENC-001", "ENC-015", "PRV-008"],
        means: "Nobody but the two users reads what they write: not Meta's servers, not the third party's, and nobody who reads a log.",
        checked: "Every text of a case holds its canary, a word that occurs nowhere else. Any eight bytes of it in a row are searched in every stanza, login payload, URL, header and body of a request, in answers of the server, on standard error and in the logs that are handed over: plain, in hexadecimal, base64 at any offset, URL encoding, UTF-16, JSON and other escapes, lists of numbers, and all of these compressed. What never passes the harness is not seen, so ENC-015 as a whole stays an attestation.",
        shows: &["ENC-001", "PRV-008", "ENC-019"],
    },
    Guarantee {
        name: "authentication",
        states: &["PRE-004", "RAT-009", "RAT-011", "ENC-004"],
        means: "A message comes from whom it says and was changed by nobody. It holds because keys are signed by identities, and each message's header and ciphertext are under a MAC that both identities enter.",
        checked: "Bundles with forged, absent, foreign and flipped signatures must get no message; changed headers and MACs must open nothing, and must leave the session as it was.",
        shows: &["PRE-004", "PRE-005", "ENC-004", "RAT-005", "RAT-009", "RAT-011"],
    },
    Guarantee {
        name: "replay protection",
        states: &["RAT-006", "ENC-007", "MSG-013"],
        means: "A ciphertext that is delivered twice is one message.",
        checked: "Messages are delivered again under their own id and under another one, first messages too, and must be shown once.",
        shows: &["RAT-006", "ENC-007", "MSG-013", "PRE-008"],
    },
    Guarantee {
        name: "equivalence",
        states: &["ENC-020"],
        means: "A partner may use another protocol than Signal's if it gives the same guarantees, and must demonstrate that to Meta.",
        checked: "Whoever declares `other_protocol` is a black box of ciphertexts: rows that rest on Signal's formats do not apply. What cannot be run is stated by the partner in the IUT file, under `attestations`; the report lists it apart, and an attestation is never a pass.",
        shows: &["ENC-001", "ENC-019", "MSG-013"],
    },
];

pub(super) fn explain(word: &str, known: &Known, page: &mut Page) -> bool {
    let is_meant = |guarantee: &&Guarantee| {
        guarantee.name.replace(' ', "-") == word || guarantee.states.contains(&word)
    };
    let mut told = false;
    for guarantee in GUARANTEES.iter().filter(is_meant) {
        tell(guarantee, known, page);
        told = true;
    }
    told
}

/// The words of this page.
pub(super) fn words() -> Vec<String> {
    GUARANTEES.iter().map(|guarantee| guarantee.name.replace(' ', "-")).collect()
}

fn tell(guarantee: &Guarantee, known: &Known, page: &mut Page) {
    heading(page, "guarantee", guarantee.name);
    page.fill(2, guarantee.means);
    page.gap();
    page.field(2, "here", guarantee.checked);
    page.field(2, "rows", &guarantee.shows.join(", "));
    let shows = |id: &String| guarantee.shows.contains(&id.as_str());
    let scenarios = scenarios_where(known, |case| case.scenario.covers.iter().any(shows));
    listed(page, "scenarios", &scenarios, "none in this version");
    let quirks = quirk::all().filter(|quirk| guarantee.shows.contains(&quirk.requirement));
    let quirks: Vec<String> =
        quirks.map(|quirk| format!("{} ({})", quirk.id, quirk.requirement)).collect();
    listed(page, "quirks", &quirks, "none in this version");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Catalogue;

    #[test]
    fn every_guarantee_rests_on_rows_that_exist_and_some_that_are_decided() {
        let catalogue = Catalogue::builtin();
        for guarantee in GUARANTEES {
            for id in guarantee.states.iter().chain(guarantee.shows) {
                assert!(catalogue.get(id).is_some(), "{} names {id}", guarantee.name);
            }
            let broken = quirk::all().any(|quirk| guarantee.shows.contains(&quirk.requirement));
            assert!(broken, "nothing breaks {}", guarantee.name);
        }
    }
}
