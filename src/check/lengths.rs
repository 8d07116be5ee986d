//! Whether the length of a ciphertext gives the length of its text away.
//!
//! Main function: [`sentence`]. Padding of 1 to 16 bytes (`wire.md` §5.4) hides little by design, so
//! this is measured and not judged: MSG-020 asks that there is padding and that it differs, and that is
//! judged on the padding itself, since equal lengths of a few ciphertexts may be chance. What the length
//! gives away is told in plain words, yes or not exactly: how many lengths of a text one length of
//! ciphertext leaves open, which are those of a block of the cipher, and as many more as the padding
//! varies by.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Event, Lane, Transcript};

/// As many texts of one length say something of how their ciphertexts differ.
const TEXTS_MIN: usize = 8;
/// AES-256-CBC, which fills the last block up (`wire.md` §5.2).
const BLOCK_BYTES: usize = 16;

/// How many lengths the ciphertexts of texts of one length had, where enough were sent.
pub(super) fn sentence(transcript: &Transcript) -> Option<String> {
    let mut by_text: BTreeMap<(&str, usize), Vec<Sealed>> = BTreeMap::new();
    for entry in transcript.entries().iter().filter(|entry| entry.lane == Lane::Main) {
        if let Event::Decrypted { content, enc, .. } = &entry.event
            && let Some(bytes) = enc.bytes.bytes()
        {
            let padding = enc.plaintext.as_ref().and_then(|plain| plain.bytes()?.last().copied());
            let sealed = Sealed { bytes: bytes.len(), padding };
            by_text.entry((&enc.kind, content.len())).or_default().push(sealed);
        }
    }
    let ((_, text), sealed) = by_text.iter().max_by_key(|(_, sealed)| sealed.len())?;
    if sealed.len() < TEXTS_MIN {
        return None;
    }
    let distinct: BTreeSet<usize> = sealed.iter().map(|one| one.bytes).collect();
    let (shortest, longest) = (distinct.first()?, distinct.last()?);
    let became = match distinct.len() {
        1 => format!("one length, {shortest} bytes"),
        count => format!("{count} lengths, from {shortest} to {longest} bytes"),
    };
    let (count, answer) = (sealed.len(), left_open(sealed).map(answer).unwrap_or_default());
    Some(format!("{answer}{count} texts of {text} bytes became ciphertexts of {became}"))
}

/// Does the length give the text's away?
fn answer(open: usize) -> String {
    match open {
        BLOCK_BYTES => format!(
            "the length of a ciphertext gives that of its text away, but for a block of the cipher \
             ({open} lengths of a text are possible): "
        ),
        _ => format!(
            "the length of a ciphertext does not give that of its text away exactly ({open} lengths \
             of a text are possible): "
        ),
    }
}

/// A text as it went out: bytes of ciphertext, and of padding where that is known.
struct Sealed {
    bytes: usize,
    padding: Option<u8>,
}

/// Lengths of a text that end in one length of ciphertext: a block's, and those that varying padding
/// adds.
fn left_open(sealed: &[Sealed]) -> Option<usize> {
    let padding: Option<Vec<u8>> = sealed.iter().map(|one| one.padding).collect();
    let padding = padding?;
    let varies_by = padding.iter().max()? - padding.iter().min()?;
    Some(BLOCK_BYTES + usize::from(varies_by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{EncFacts, Payload, Stream};

    fn decrypted(text: &str, ciphertext: usize, padding: Option<u8>) -> Event {
        let enc = EncFacts {
            kind: "msg".into(),
            bytes: Payload::of(&vec![0; ciphertext]),
            header: serde_json::Value::Null,
            responder: None,
            plaintext: padding.map(|last| Payload::of(&[7, last])),
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
        let many = (0..8).map(|n| decrypted("equal", if n % 2 == 0 { 80 } else { 96 }, None));
        let expected = "8 texts of 5 bytes became ciphertexts of 2 lengths, from 80 to 96 bytes";
        assert_eq!(told(many).as_deref(), Some(expected));
        assert_eq!(told((0..7).map(|_| decrypted("equal", 80, None))), None);
        assert_eq!(told((0..20).map(|n| decrypted(&"x".repeat(n), 80, None))), None);
    }

    #[test]
    fn padding_that_varies_leaves_more_open_than_padding_that_does_not() {
        let constant = told((0..8).map(|_| decrypted("equal", 80, Some(1)))).unwrap();
        let expected = "the length of a ciphertext gives that of its text away, but for a block of the \
                        cipher (16 lengths of a text are possible): 8 texts of 5 bytes became \
                        ciphertexts of one length, 80 bytes";
        assert_eq!(constant, expected);
        let varying = told((1..=16).map(|n| decrypted("equal", 80, Some(n)))).unwrap();
        let expected = "the length of a ciphertext does not give that of its text away exactly (31 \
                        lengths of a text are possible): 16 texts";
        assert!(varying.starts_with(expected), "{varying}");
    }
}
