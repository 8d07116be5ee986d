//! Whether the length of a ciphertext gives the length of its text away.
//!
//! Main function: [`sentence`]. Padding of 1 to 16 bytes (`wire.md` §5.4) hides little by design, so
//! this is measured and not judged: MSG-020 asks that there is padding and that it differs.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Event, Lane, Transcript};

/// As many texts of one length say something of how their ciphertexts differ.
const TEXTS_MIN: usize = 8;

/// How many lengths the ciphertexts of texts of one length had, where enough were sent.
pub(super) fn sentence(transcript: &Transcript) -> Option<String> {
    let mut by_text: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for entry in transcript.entries().iter().filter(|entry| entry.lane == Lane::Main) {
        if let Event::Decrypted { content, enc, .. } = &entry.event
            && let Some(bytes) = enc.bytes.bytes()
        {
            by_text.entry((&enc.kind, content.len())).or_default().push(bytes.len());
        }
    }
    let ((_, text), lengths) = by_text.iter().max_by_key(|(_, lengths)| lengths.len())?;
    if lengths.len() < TEXTS_MIN {
        return None;
    }
    let distinct: BTreeSet<&usize> = lengths.iter().collect();
    let (shortest, longest) = (distinct.first()?, distinct.last()?);
    Some(format!(
        "{} texts of {text} bytes became ciphertexts of {} lengths, from {shortest} to {longest} bytes",
        lengths.len(),
        distinct.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{EncFacts, Payload, Stream};

    fn decrypted(text: &str, ciphertext: usize) -> Event {
        let enc = EncFacts {
            kind: "msg".into(),
            bytes: Payload::of(&vec![0; ciphertext]),
            header: serde_json::Value::Null,
            responder: None,
            plaintext: None,
            session: None,
            before: None,
        };
        Event::Decrypted { id: "m".into(), from: "a".into(), content: text.into(), enc }
    }

    fn told(events: impl IntoIterator<Item = Event>) -> Option<String> {
        let mut transcript = Transcript::new("x".to_owned());
        for event in events {
            let (stream, actor) = (Stream::client("bob"), Some("bob".to_owned()));
            transcript.record(0, stream, Lane::Main, actor.as_deref(), event);
        }
        sentence(&transcript)
    }

    #[test]
    fn lengths_are_told_of_many_texts_of_one_length() {
        let many = (0..8).map(|n| decrypted("equal", if n % 2 == 0 { 80 } else { 96 }));
        let expected = "8 texts of 5 bytes became ciphertexts of 2 lengths, from 80 to 96 bytes";
        assert_eq!(told(many).as_deref(), Some(expected));
        assert_eq!(told((0..7).map(|_| decrypted("equal", 80))), None);
        assert_eq!(told((0..20).map(|n| decrypted(&"x".repeat(n), 80))), None);
    }
}
