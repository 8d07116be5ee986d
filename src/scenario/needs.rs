//! Under which capabilities a scenario applies: `!other_protocol && (groups || media.send)`.
//!
//! Main type: [`Needs`]. An operand is a capability of the closed set, or `name=item` for one that
//! is a list or a choice. Names are checked when it is read, so that evaluation cannot fail; it
//! says which operand is missing, because every `not_applicable` names its capability.

use std::fmt;
use std::ops::Range;

use crate::limits::NEEDS_OPERANDS_MAX;
use crate::spec::Ics;
use crate::spec::capability::{self, Form};
use crate::spec::problems::suggestion;

/// A condition over capabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    Has(&'static str),
    Includes(&'static str, String),
    Not(Box<Needs>),
    All(Box<Needs>, Box<Needs>),
    Any(Box<Needs>, Box<Needs>),
}

/// A condition that cannot be read, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct NeedsError {
    pub range: Range<usize>,
    pub rule: NeedsRule,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedsRule {
    #[error("unknown capability `{0}`")]
    Unknown(String),
    #[error("`{name}` is no value of the capability `{capability}`")]
    UnknownItem { capability: &'static str, name: String },
    #[error("here a capability, `!` or `(` is missing")]
    OperandMissing,
    #[error("here `{0}` is missing")]
    Missing(&'static str),
    #[error("here `&&`, `||` or the end is missing")]
    OperatorMissing,
    #[error("more than {NEEDS_OPERANDS_MAX} operands")]
    TooLong,
}

impl NeedsRule {
    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown(name) => suggestion("capability", name, &capability::names()),
            _ => None,
        }
    }
}

impl Needs {
    /// Whether the condition asks for a capability, in whatever sense.
    pub fn names(&self, capability: &str) -> bool {
        match self {
            Self::Has(name) | Self::Includes(name, _) => *name == capability,
            Self::Not(one) => one.names(capability),
            Self::All(one, other) | Self::Any(one, other) => {
                one.names(capability) || other.names(capability)
            }
        }
    }

    /// Reads a condition.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, NeedsError> {
        let mut parser = Parser { text, at: 0, operands: 0 };
        let needs = parser.any()?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.error(NeedsRule::OperatorMissing));
        }
        Ok(needs)
    }

    /// Whether the implementation states what is needed.
    ///
    /// # Errors
    /// The operand, with `!` where it stood, that is not met.
    pub fn eval(&self, ics: &Ics) -> Result<(), String> {
        let met = match self {
            Self::Has(name) => ics.has(name),
            Self::Includes(name, item) => ics.includes(name, item),
            Self::Not(inner) => inner.eval(ics).is_err(),
            Self::All(left, right) => return left.eval(ics).and_then(|()| right.eval(ics)),
            Self::Any(left, right) => left.eval(ics).is_ok() || right.eval(ics).is_ok(),
        };
        if met { Ok(()) } else { Err(self.to_string()) }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Has(name) => f.write_str(name),
            Self::Includes(name, item) => write!(f, "{name}={item}"),
            Self::Not(inner) => write!(f, "!{inner}"),
            Self::All(left, right) => write!(f, "({left} && {right})"),
            Self::Any(left, right) => write!(f, "({left} || {right})"),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    operands: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Needs, NeedsError> {
        let mut needs = self.all()?;
        while self.takes("||") {
            needs = Needs::Any(Box::new(needs), Box::new(self.all()?));
        }
        Ok(needs)
    }

    fn all(&mut self) -> Result<Needs, NeedsError> {
        let mut needs = self.operand()?;
        while self.takes("&&") {
            needs = Needs::All(Box::new(needs), Box::new(self.operand()?));
        }
        Ok(needs)
    }

    fn operand(&mut self) -> Result<Needs, NeedsError> {
        self.operands += 1;
        if self.operands > NEEDS_OPERANDS_MAX {
            return Err(self.error(NeedsRule::TooLong));
        }
        if self.takes("!") {
            return Ok(Needs::Not(Box::new(self.operand()?)));
        }
        if !self.takes("(") {
            return self.name();
        }
        let inner = self.any()?;
        match self.takes(")") {
            true => Ok(inner),
            false => Err(self.error(NeedsRule::Missing(")"))),
        }
    }

    fn name(&mut self) -> Result<Needs, NeedsError> {
        let (start, word) = self.word();
        if word.is_empty() {
            return Err(self.error(NeedsRule::OperandMissing));
        }
        let range = start..start + word.len();
        let Some(found) = capability::find(word) else {
            let rule = NeedsRule::Unknown(word.to_owned());
            return Err(NeedsError { range, rule });
        };
        if !self.takes("=") {
            return Ok(Needs::Has(found.name));
        }
        let (start, item) = self.word();
        if !may_be(found.form, item) {
            let range = start..start + item.len();
            let rule = NeedsRule::UnknownItem { capability: found.name, name: item.to_owned() };
            return Err(NeedsError { range, rule });
        }
        Ok(Needs::Includes(found.name, item.to_owned()))
    }

    fn word(&mut self) -> (usize, &str) {
        self.skip_space();
        let start = self.at;
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let rest = &self.text[start..];
        let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
        self.at += length;
        (start, &rest[..length])
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, rule: NeedsRule) -> NeedsError {
        let next = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        NeedsError { range: self.at..self.at + next, rule }
    }
}

fn may_be(form: Form, item: &str) -> bool {
    match form {
        Form::Flag => false,
        Form::Numbers => item.parse::<u64>().is_ok(),
        Form::Words(known) | Form::Choice(known) => known.contains(&item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operators_bind_as_usual() {
        let shown = |text| Needs::parse(text).unwrap().to_string();
        assert_eq!(shown("groups || tls && !clock"), "(groups || (tls && !clock))");
        assert_eq!(shown(" ( groups||tls )&& clock "), "((groups || tls) && clock)");
        assert_eq!(shown("!!noise.patterns=IK"), "!!noise.patterns=IK");
    }

    #[test]
    fn what_is_not_met_is_named() {
        let ics = Ics::from_hello(&json!({"groups": true, "signal.versions": [3, 4]})).unwrap();
        let eval = |text| Needs::parse(text).unwrap().eval(&ics);
        assert_eq!(eval("groups && !other_protocol && signal.versions=4"), Ok(()));
        assert_eq!(eval("groups && clock"), Err("clock".to_owned()));
        assert_eq!(eval("!groups"), Err("!groups".to_owned()));
        assert_eq!(eval("clock || kill"), Err("(clock || kill)".to_owned()));
        assert_eq!(eval("noise.patterns=IK"), Err("noise.patterns=IK".to_owned()));
        assert_eq!(eval("clock || intermediary.noise=passthrough"), Ok(()));
    }

    #[test]
    fn mistakes_have_places() {
        let deep = "!".repeat(100) + "groups";
        let long = "groups && ".repeat(100_000) + "groups";
        let errors = [
            "",
            "grups",
            "groups &&",
            "groups & tls",
            "(groups",
            "groups tls",
            "groups)",
            "é",
            "noise.patterns=NN",
            "groups=true",
            "signal.versions=x",
            &deep,
            &long,
        ]
        .map(|text| {
            let error = Needs::parse(text).unwrap_err();
            let help = error.rule.help().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{:.20}\n  {:?} {error}{help}", text, error.range)
        });
        insta::assert_snapshot!(errors.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", noise in "[!&|()=a-z .]{0,80}") {
            let _ = Needs::parse(&text);
            let _ = Needs::parse(&noise);
        }
    }
}
