//! ENC-011: nothing that a user writes is signed by a long-term key.
//!
//! A signature proves to anybody who said what; a MAC under shared keys proves it to the receiver
//! alone, who could have made it. Every decrypted message is searched, inside and beside the
//! ciphertext.

use super::{Check, Observed, View};
use crate::check::signatures::{Scanned, Signatures};
use crate::evidence::Entry;

pub struct Deniability;

impl Check for Deniability {
    fn id(&self) -> &'static str {
        "deniability"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-011"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut signatures = Signatures::default();
        let entries = view.transcript.entries().iter();
        entries
            .filter_map(|entry| Some(observed(entry, signatures.observe(entry)?)))
            .flatten()
            .collect()
    }
}

fn observed(entry: &Entry, scanned: Scanned) -> Option<Observed> {
    let expected = "no signature by a long-term key over what the user wrote";
    match scanned.signature {
        Some(found) => {
            let actual =
                format!("{} holds a signature by `{}` over {}", found.place, found.key, found.over);
            Some(Observed::new("ENC-011", false, expected, actual, entry))
        }
        // Without a key to verify with, nothing was shown.
        None if scanned.keys == 0 => None,
        None => Some(Observed::new("ENC-011", true, expected, "none was found", entry)),
    }
}
