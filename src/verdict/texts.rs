//! Texts of findings, each kept once.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CaseResult;

/// A text of a result. A run keeps tens of thousands of results, and they say the same few thousand
/// things: [`Texts`] keeps each once.
#[derive(
    Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Text(Arc<str>);

impl Text {
    /// The text as a slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl PartialEq<String> for Text {
    fn eq(&self, other: &String) -> bool {
        *self.0 == **other
    }
}

/// The texts that the results of a run hold so far.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashSet<Text>,
}

impl Texts {
    /// Lets a result share its texts with those before it, and takes away spare room: it is kept until
    /// the run ends.
    pub fn share(&mut self, result: &mut CaseResult) {
        // Entry ids are a case's own.
        let mut ids = HashSet::new();
        for check in &mut result.checks {
            kept_once(&mut self.known, &mut check.id);
            kept_once(&mut self.known, &mut check.requirement);
            for finding in &mut check.findings {
                kept_once(&mut self.known, &mut finding.expected);
                kept_once(&mut self.known, &mut finding.actual);
                finding.evidence.iter_mut().for_each(|id| kept_once(&mut ids, id));
                finding.evidence.shrink_to_fit();
            }
            check.findings.shrink_to_fit();
        }
        result.checks.shrink_to_fit();
    }
}

fn kept_once(known: &mut HashSet<Text>, text: &mut Text) {
    match known.get(text) {
        Some(known) => *text = known.clone(),
        None => {
            known.insert(text.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Basis;
    use crate::verdict::{CheckResult, Finding, Verdict, Witness};

    fn result(id: &str) -> CaseResult {
        let finding = Finding::new("a POST", "POST", [format!("{id}#http-in.1"), "x".to_owned()]);
        let check = CheckResult {
            id: "enlistment-form".into(),
            requirement: "ENL-001".into(),
            verdict: Verdict::Pass,
            basis: Basis::Stated,
            profile_key: None,
            witness: Witness::Wire,
            known: false,
            behind: None,
            not_decided: None,
            findings: vec![finding],
        };
        CaseResult::of(id, "M1", vec![check.clone(), check])
    }

    #[test]
    fn equal_texts_are_kept_once_and_say_the_same() {
        let (mut texts, mut one, mut other) = (Texts::default(), result("m1/a"), result("m1/b"));
        for shared in [&mut one, &mut other] {
            let before = shared.clone();
            texts.share(shared);
            assert_eq!(*shared, before);
        }
        let finding = |of: &CaseResult| of.checks[1].findings[0].clone();
        let first = one.checks[0].findings[0].clone();
        assert!(Arc::ptr_eq(&first.evidence[0].0, &finding(&one).evidence[0].0));
        let (one, other) = (finding(&one), finding(&other));
        assert!(Arc::ptr_eq(&one.expected.0, &other.expected.0));
        // "enlistment-form", "ENL-001", "a POST" and "POST".
        assert_eq!(texts.known.len(), 4);
    }
}
