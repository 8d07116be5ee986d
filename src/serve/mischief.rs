//! Faults on request: what Meta's side does wrong until it is told to stop.
//!
//! Main type: [`Mischief`]. The words are those of the scenarios' `mutate`, so that what a
//! developer provokes by hand has the name under which a scenario tests it.

use crate::role::meta::Faults;
use crate::scenario::{ChainFault, ContentFault, SignatureFault, TokenFault};
use crate::span::nearest;

/// What is wrong at present.
#[derive(Clone, Debug, Default)]
pub struct Mischief {
    pub faults: Faults,
    pub content: Option<ContentFault>,
    pub push: Option<TokenFault>,
}

/// One kind of fault.
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    /// The values; empty where any number or word will do.
    pub values: fn() -> Vec<&'static str>,
    set: fn(&mut Mischief, &str) -> bool,
}

/// The value behind a word.
fn pick<T: Copy>(all: &[(T, &'static str)], word: &str) -> Option<T> {
    all.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

fn words<T>(all: &'static [(T, &'static str)]) -> Vec<&'static str> {
    all.iter().map(|(_, word)| *word).collect()
}

/// Every kind of fault.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "chain",
        about: "the certificate chain of the next handshakes",
        values: || words(ChainFault::ALL),
        set: |mischief, word| {
            mischief.faults.chain = pick(ChainFault::ALL, word);
            mischief.faults.chain.is_some()
        },
    },
    Kind {
        name: "bundle-signature",
        about: "the signature in all prekey bundles",
        values: || words(SignatureFault::ALL),
        set: |mischief, word| {
            mischief.faults.bundle_signature = pick(SignatureFault::ALL, word);
            mischief.faults.bundle_signature.is_some()
        },
    },
    Kind {
        name: "bundle-error",
        about: "every fetch of keys is answered with this code",
        values: Vec::new,
        set: |mischief, word| {
            mischief.faults.bundle_error = word.parse().ok();
            mischief.faults.bundle_error.is_some()
        },
    },
    Kind {
        name: "enlistment",
        about: "every enlistment fails for this reason",
        values: Vec::new,
        set: |mischief, word| {
            mischief.faults.enlistment_reason = Some(word.to_owned());
            true
        },
    },
    Kind {
        name: "content",
        about: "what stands for the ciphertext in all texts of the test users",
        values: || words(ContentFault::ALL),
        set: |mischief, word| {
            mischief.content = pick(ContentFault::ALL, word);
            mischief.content.is_some()
        },
    },
    Kind {
        name: "push",
        about: "the token of pushes",
        values: || words(TokenFault::ALL),
        set: |mischief, word| {
            mischief.push = pick(TokenFault::ALL, word);
            mischief.push.is_some()
        },
    },
];

impl Mischief {
    /// Adds a fault: `chain=expired`.
    ///
    /// # Errors
    /// What is wrong with the word, and what there is.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once(['=', ' ']).unwrap_or((text, ""));
        let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
            let hint = nearest(name, KINDS.iter().map(|kind| kind.name));
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("there is no fault `{name}`{hint}"));
        };
        let mut next = self.clone();
        if value.is_empty() || !(kind.set)(&mut next, value.trim()) {
            return Err(format!("`{name}` takes {}", kind.choice()));
        }
        *self = next;
        Ok(())
    }

    /// What is wrong at present, in words; empty if nothing is.
    pub fn words(&self) -> Vec<String> {
        let Self { faults, content, push } = self;
        let mut out = Vec::new();
        out.extend(faults.chain.map(|fault| format!("chain={}", fault.word())));
        let signature = faults.bundle_signature;
        out.extend(signature.map(|fault| format!("bundle-signature={}", fault.word())));
        out.extend(faults.bundle_error.map(|code| format!("bundle-error={code}")));
        out.extend(faults.enlistment_reason.as_ref().map(|why| format!("enlistment={why}")));
        out.extend(content.map(|fault| format!("content={}", fault.word())));
        out.extend(push.map(|fault| format!("push={}", fault.word())));
        out
    }
}

impl Kind {
    /// What it takes, in words.
    pub fn choice(&self) -> String {
        let values = (self.values)();
        match self.name {
            "bundle-error" => "a code, e.g. 404".to_owned(),
            _ if values.is_empty() => "a word, e.g. bad_integrator".to_owned(),
            _ => values.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_asked_for_and_is_told_again() {
        for kind in KINDS {
            let values = (kind.values)();
            for value in if values.is_empty() { vec!["404"] } else { values } {
                let mut mischief = Mischief::default();
                let text = format!("{}={value}", kind.name);
                mischief.add(&text).unwrap();
                assert_eq!(mischief.words(), [text]);
            }
        }
    }

    #[test]
    fn a_wrong_word_changes_nothing_and_is_explained() {
        let mut mischief = Mischief::default();
        mischief.add("chain=expired").unwrap();
        let errors = ["chian=expired", "chain=old", "chain", "bundle-error=many"]
            .map(|text| mischief.add(text).unwrap_err());
        insta::assert_snapshot!(errors.join("\n"), @r#"
        there is no fault `chian`; did you mean `chain`?
        `chain` takes foreign-root, random-signature, flipped-signature, signature-absent, signature-empty, signature-short, intermediate-flipped, intermediate-unsigned, unknown-issuer, other-leaf-key, expired, intermediate-expired, not-yet-valid, absent
        `chain` takes foreign-root, random-signature, flipped-signature, signature-absent, signature-empty, signature-short, intermediate-flipped, intermediate-unsigned, unknown-issuer, other-leaf-key, expired, intermediate-expired, not-yet-valid, absent
        `bundle-error` takes a code, e.g. 404
        "#);
        assert_eq!(mischief.words(), ["chain=expired"]);
    }
}
