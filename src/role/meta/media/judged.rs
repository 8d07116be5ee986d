//! The rules that only whoever has the file can judge: where it lies, how it was encrypted.
//!
//! Main function: [`rules`]. The recorded grades are what checks and scenarios look at later, since
//! a transcript does not keep files.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::download::Pending;
use super::guess;
use super::probe::Stored;
use super::probe_rules::Answer;
use crate::e2ee::media::{MediaKeys, Sidecar, SidecarForm};
use crate::evidence::{RuleFacts, RuleGrade};
use crate::http::HttpResponse;

/// Shorter names stand in anything by chance.
const NAME_CHARS_MIN: usize = 4;
/// Digits of a number that is told apart from one that is drawn.
const DIGITS_MIN: usize = 6;

/// A file that came, or did not.
pub(super) struct Arrived<'a> {
    pub pending: &'a Pending,
    /// The reference, where the path has the form that it must have.
    pub reference: Option<&'a str>,
    /// `None` where the path could not be asked for.
    pub result: Option<Result<HttpResponse, String>>,
    /// The label of the key expansion of its kind.
    pub label: Option<String>,
    /// The plaintext, or what was wrong; `None` where there was no file.
    pub opened: Option<Result<Vec<u8>, String>>,
}

pub(super) fn rule(row: &str, wrong: Option<String>) -> RuleFacts {
    let grade = if wrong.is_some() { RuleGrade::Broken } else { RuleGrade::Holds };
    RuleFacts { requirement: row.to_owned(), grade, why: wrong }
}

/// Nothing can be said of the rule.
pub(super) fn open(row: &str, why: String) -> RuleFacts {
    RuleFacts { requirement: row.to_owned(), grade: RuleGrade::Open, why: Some(why) }
}

/// The rules that a file decides which a server was to store, without any message that names it.
pub(super) fn stored(
    stored: &Stored,
    answer: &Answer,
    earlier: &BTreeSet<String>,
) -> Vec<RuleFacts> {
    let names = stored.name.iter().map(String::as_str);
    let mut rules = vec![rule("MED-012", guessable(&stored.reference, names, earlier))];
    let body = match answer {
        Ok(answer) if answer.status == 200 => &answer.body,
        other => {
            let why = match other {
                Ok(answer) => format!("its reference gives {}", answer.status),
                Err(why) => format!("the file cannot be had: {why}"),
            };
            rules.push(rule("MED-001", Some(why)));
            return rules;
        }
    };
    rules.push(rule("MED-001", None));
    rules.push(match &stored.sha256 {
        None => open("MED-004", "nobody said what the server was to store".to_owned()),
        Some(wanted) => rule("MED-004", hashes_otherwise(body, wanted)),
    });
    rules
}

fn hashes_otherwise(body: &[u8], wanted: &str) -> Option<String> {
    let hash = hex::encode(Sha256::digest(body));
    let why = || format!("{} bytes of SHA-256 {hash}, where {wanted} was stored", body.len());
    (hash != wanted).then(why)
}

/// Every rule that this file decides. `earlier` are references that were issued before.
pub(super) fn rules(arrived: &Arrived<'_>, earlier: &BTreeSet<String>) -> Vec<RuleFacts> {
    let mut rules = vec![rule("MED-003", arrived.wrong_path())];
    rules.push(rule("PRV-001", arrived.shown_key()));
    let Some(reference) = arrived.reference else { return rules };
    rules.push(rule("MED-012", guessable(reference, arrived.pending.names(), earlier)));
    let Some(result) = &arrived.result else { return rules };
    let answer = match result {
        Ok(answer) => answer,
        Err(why) => {
            rules.push(rule("MED-001", Some(format!("the file cannot be had: {why}"))));
            return rules;
        }
    };
    let status = (answer.status != 200).then(|| format!("its reference gives {}", answer.status));
    rules.push(rule("MED-001", status.clone()));
    if status.is_some() {
        rules.push(rule("MED-002", status.map(|why| format!("when the message came, {why}"))));
        return rules;
    }
    rules.push(rule("MED-002", arrived.in_clear(&answer.body)));
    rules.push(rule("MED-004", arrived.other_bytes(&answer.body)));
    rules.extend(arrived.construction());
    rules
}

impl Pending {
    /// By what its user and its file are called.
    fn names(&self) -> impl Iterator<Item = &str> {
        let login = self.from.split(['@', '-']).find(|part| part.len() >= DIGITS_MIN);
        let names = [Some(self.visible_id.as_str()), self.media.file_name.as_deref(), login];
        names.into_iter().flatten()
    }
}

impl Arrived<'_> {
    fn wrong_path(&self) -> Option<String> {
        let path = &self.pending.path;
        let none = self.reference.is_none();
        none.then(|| format!("`{path}` is no path of the proxy under this integrator"))
    }

    /// The key, in any of the ways in which keys are written.
    fn shown_key(&self) -> Option<String> {
        let key = self.pending.media.key.as_deref().filter(|key| key.len() >= 16)?;
        let written = [hex::encode(key), STANDARD.encode(key), URL_SAFE_NO_PAD.encode(key)];
        let shows = |text: &str| {
            let lower = text.to_ascii_lowercase();
            lower.contains(&written[0]) || written[1..].iter().any(|word| text.contains(word))
        };
        let media = &self.pending.media;
        let texts = [Some(&self.pending.path), media.url.as_ref()];
        if texts.into_iter().flatten().any(|text| shows(text)) {
            return Some("the media key stands in the path or URL of its file".to_owned());
        }
        let Some(Ok(answer)) = &self.result else { return None };
        let header = answer.headers.iter().find(|(_, value)| shows(value))?;
        Some(format!("the media key stands in the answer's header `{}`", header.0))
    }

    /// The plaintext as the message hashes it, or what every file of its kind begins with.
    fn in_clear(&self, body: &[u8]) -> Option<String> {
        let hash = Sha256::digest(body).to_vec();
        let clear = self.pending.media.digests.sha256.as_ref() == Some(&hash);
        clear.then(|| "the file lies there in clear".to_owned())
    }

    fn other_bytes(&self, body: &[u8]) -> Option<String> {
        let hash = Sha256::digest(body).to_vec();
        match &self.pending.media.digests.enc_sha256 {
            None => Some("the message has no hash of the encrypted file".to_owned()),
            Some(wanted) if *wanted != hash => {
                Some("the bytes have another hash than the message says".to_owned())
            }
            Some(_) => None,
        }
    }

    /// MED-016: a key of its own, the label of the kind, the tag, both hashes.
    fn construction(&self) -> Option<RuleFacts> {
        let digests = &self.pending.media.digests;
        let wrong = if self.pending.repeated_key {
            Some("the media key was used for another file before".to_owned())
        } else if digests.sha256.is_none() || digests.enc_sha256.is_none() {
            Some("the message lacks a hash".to_owned())
        } else {
            match self.opened.as_ref()? {
                Ok(_) => None,
                Err(why) => Some(format!("the file cannot be opened: {why}")),
            }
        };
        Some(rule("MED-016", wrong))
    }

    /// Which of the two known forms the streaming sidecar has, where there is one (`wire.md` §10.1).
    pub fn sidecar(&self) -> Option<&'static str> {
        let media = &self.pending.media;
        let given = media.sidecar.as_ref()?;
        let (Some(Ok(answer)), Some(Ok(_))) = (&self.result, &self.opened) else { return None };
        let key = <[u8; 32]>::try_from(media.key.as_deref()?).ok()?;
        let keys = MediaKeys::expand(&key, self.label.as_deref()?);
        let made = |form| {
            let mut sidecar = Sidecar::new(&keys, form);
            sidecar.update(&answer.body);
            sidecar.finish()
        };
        let known = [SidecarForm::WithIv, SidecarForm::WithoutIv];
        Some(known.into_iter().find(|form| made(*form) == *given).map_or("unknown", |f| f.word()))
    }
}

/// MED-012: an estimate from what can be seen, so an upper bound.
fn guessable<'a>(
    reference: &str,
    mut names: impl Iterator<Item = &'a str>,
    earlier: &BTreeSet<String>,
) -> Option<String> {
    let lower = reference.to_ascii_lowercase();
    if names.any(|name| name.len() >= NAME_CHARS_MIN && lower.contains(&name.to_ascii_lowercase()))
    {
        return Some("the reference names its user or its file".to_owned());
    }
    guess::too_few_bits(reference, earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::media::Media;
    use crate::evidence::Lane;

    fn pending(file_name: &str) -> Pending {
        Pending {
            lane: Lane::Main,
            client: "bob".into(),
            id: "A".into(),
            from: "1-10853634039893@interop".into(),
            visible_id: "alice-17".into(),
            media: Media { file_name: Some(file_name.into()), ..Media::default() },
            path: "/x".into(),
            repeated_key: false,
        }
    }

    #[test]
    fn a_reference_that_can_be_guessed_or_names_somebody_is_found() {
        let judged = |reference: &str, earlier: &[&str]| {
            let earlier = earlier.iter().map(|word| (*word).to_owned()).collect();
            guessable(reference, pending("plan.pdf").names(), &earlier).is_none()
        };
        assert!(judged("b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3", &[]));
        assert!(!judged("8a6e0804-2bd0-4672-b79d-d97027f9071a", &[]), "122 bits");
        assert!(judged("kJx9_2mQ-LpA7dWv0ZsTyE", &[]));
        assert!(!judged("00000017", &[]));
        assert!(!judged("alice-17-b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3", &[]));
        assert!(!judged("10853634039893-b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3", &[]));
        assert!(!judged("b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3-plan.pdf", &[]));
        let one = "b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3";
        assert!(!judged("b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a4", &[one]), "it counts");
        assert!(!judged("a7ff2f7e0d4c4a83a1c6b3c5f0d1e2a3", &[one]), "it counts at the front");
    }

    #[test]
    fn what_a_server_stored_is_compared_with_what_it_gives() {
        let bytes = b"stored".to_vec();
        let known = Stored {
            reference: "b1ff2f7e0d4c4a83a1c6b3c5f0d1e2a3".into(),
            sha256: Some(hex::encode(Sha256::digest(&bytes))),
            name: Some("plan.pdf".into()),
        };
        let grades = |of: &Stored, answer: Answer| {
            let rules = stored(of, &answer, &BTreeSet::new());
            let rules = rules.into_iter().map(|rule| (rule.requirement, rule.grade));
            rules.collect::<Vec<_>>()
        };
        let gives = |body: Vec<u8>| Ok(HttpResponse { body, ..HttpResponse::new(200) });
        let expected = |rows: &[(&str, RuleGrade)]| {
            rows.iter().map(|(row, grade)| ((*row).to_owned(), *grade)).collect::<Vec<_>>()
        };
        use RuleGrade::{Broken, Holds, Open};
        let all = |last| expected(&[("MED-012", Holds), ("MED-001", Holds), ("MED-004", last)]);
        assert_eq!(grades(&known, gives(bytes.clone())), all(Holds));
        assert_eq!(grades(&known, gives(b"stored\n".to_vec())), all(Broken));
        let unknown = Stored { sha256: None, name: None, ..known.clone() };
        assert_eq!(grades(&unknown, gives(bytes.clone())), all(Open));
        let none = expected(&[("MED-012", Holds), ("MED-001", Broken)]);
        assert_eq!(grades(&known, Ok(HttpResponse::new(404))), none);
        assert_eq!(grades(&known, Err("cannot connect: refused".into())), none);
        let named = Stored { reference: "plan.pdf".into(), ..known };
        assert_eq!(grades(&named, gives(bytes))[0], ("MED-012".to_owned(), Broken));
    }
}
