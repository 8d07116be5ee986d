//! The parts of a template that match: `${any}`, `${bytes:3}`, `${hex:00ab}`, `${re:…}`,
//! `${one-of:a|b}`.
//!
//! Main type: `Matcher`. Each becomes a piece of one regular expression over bytes, so that they
//! may stand beside each other and beside text.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use regex::bytes::{Regex, RegexBuilder};

use super::template::SyntaxRule;
use crate::limits::TEMPLATE_REGEX_BYTES_MAX;

/// A part of a template that has no value, or a value that is no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Matcher {
    /// `${any}`: anything, also nothing.
    Any,
    /// `${bytes:3}`: this many bytes; `${bytes:32|33}`: as many as one of these numbers says.
    Bytes(Vec<usize>),
    /// `${hex:00ab}`: these bytes; it can be sent too.
    Hex(Vec<u8>),
    /// `${re:[0-9]+}`: what the regular expression matches in full.
    Re(String),
    /// `${one-of:a|b}`: one of these texts.
    OneOf(Vec<String>),
}

/// Cases that run side by side use a few each.
const REGEXES_KEPT: usize = 32;

/// The words before the colon of a matcher.
pub(super) const MATCHERS: &[&str] = &["any", "bytes", "hex", "re", "one-of"];

/// A regular expression over bytes, with a bound on its size. The last ones are kept: a stanza is
/// compared with the same pattern again and again.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    static KEPT: Mutex<VecDeque<(String, Regex)>> = Mutex::new(VecDeque::new());
    // Whoever held the lock left whole entries.
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, regex)) = kept().iter().find(|(of, _)| of == pattern) {
        return Ok(regex.clone());
    }
    let regex = built(pattern)?;
    let mut kept = kept();
    kept.truncate(REGEXES_KEPT - 1);
    kept.push_front((pattern.to_owned(), regex.clone()));
    Ok(regex)
}

fn built(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(TEMPLATE_REGEX_BYTES_MAX).build();
    built.map_err(|error| match error {
        regex::Error::Syntax(text) => {
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    })
}

impl Matcher {
    /// As it stands in the braces.
    pub fn written(&self) -> String {
        match self {
            Self::Any => "any".to_owned(),
            Self::Bytes(counts) => {
                let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
                format!("bytes:{}", counts.join("|"))
            }
            Self::Hex(bytes) => format!("hex:{}", hex::encode(bytes)),
            Self::Re(pattern) => format!("re:{pattern}"),
            Self::OneOf(words) => format!("one-of:{}", words.join("|")),
        }
    }

    /// Whether it alone matches the bytes; `None` where that takes a regular expression.
    pub fn fits_alone(&self, actual: &[u8]) -> Option<bool> {
        match self {
            Self::Any => Some(true),
            Self::Bytes(counts) => Some(counts.contains(&actual.len())),
            Self::Hex(bytes) => Some(actual == bytes),
            Self::OneOf(words) => Some(words.iter().any(|word| word.as_bytes() == actual)),
            Self::Re(_) => None,
        }
    }

    /// The regular expression for it.
    pub fn pattern(&self) -> String {
        match self {
            Self::Any => "(?s-u:.*)".to_owned(),
            Self::Bytes(counts) => {
                let counts = counts.iter().map(|count| format!(".{{{count}}}"));
                format!("(?s-u:{})", counts.collect::<Vec<_>>().join("|"))
            }
            Self::Hex(bytes) => {
                let bytes: String = bytes.iter().map(|byte| format!(r"\x{byte:02x}")).collect();
                format!("(?-u:{bytes})")
            }
            Self::Re(pattern) => format!("(?:{pattern})"),
            Self::OneOf(words) => {
                let words: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
                format!("(?:{})", words.join("|"))
            }
        }
    }

    /// Reads what stands in the braces; `None` where that is a reference.
    pub fn parse(inner: &str) -> Result<Option<Self>, SyntaxRule> {
        if inner == "any" {
            return Ok(Some(Self::Any));
        }
        let Some((name, rest)) = inner.split_once(':') else { return Ok(None) };
        match name {
            "bytes" => {
                let counts = rest.split('|').map(str::parse).collect::<Result<_, _>>();
                let counts = counts.map_err(|_| SyntaxRule::BadCount(rest.to_owned()))?;
                Ok(Some(Self::Bytes(counts)))
            }
            "hex" => hex::decode(rest)
                .map(|bytes| Some(Self::Hex(bytes)))
                .map_err(|_| SyntaxRule::BadHex(rest.to_owned())),
            "re" => {
                compile(rest).map_err(SyntaxRule::BadRegex)?;
                Ok(Some(Self::Re(rest.to_owned())))
            }
            "one-of" => Ok(Some(Self::OneOf(rest.split('|').map(str::to_owned).collect()))),
            other => Err(SyntaxRule::UnknownMatcher(other.to_owned())),
        }
    }
}
