//! What `--iut` names: a file, or one of the bundled implementations (`interfaces.md` §5).
//!
//! Main type: [`IutRef`]. It reads the argument and opens nothing. Text before an equals sign is
//! taken for seats only where it looks like words, so that paths and queries may hold the sign; a
//! file whose name does is written as `./a=b.yaml`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::driver::Seat;
use crate::span::nearest;

/// An implementation under test, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IutRef {
    /// The seats that it takes in this run; empty where the user leaves that to it.
    pub seats: Vec<Seat>,
    pub target: Target,
}

/// Where an implementation comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    File(PathBuf),
    /// A bundled implementation, with a deliberate fault where one is named.
    Bundled {
        which: Bundled,
        quirk: Option<String>,
    },
}

/// The bundled implementations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bundled {
    ThirdParty,
    Meta,
    Intermediary,
    MediaProxy,
}

impl Bundled {
    pub const ALL: [Self; 4] = [Self::ThirdParty, Self::Meta, Self::Intermediary, Self::MediaProxy];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThirdParty => "third-party",
            Self::Meta => "meta",
            Self::Intermediary => "intermediary",
            Self::MediaProxy => "media-proxy",
        }
    }
}

/// A value of `--iut` that names nothing: the user's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IutRefError {
    #[error("`--iut` needs a file or `reference:NAME`")]
    Empty,
    #[error("unknown seat `{word}`{}", hint(word, Seat::WORDS))]
    Seat { word: String },
    #[error("the seat `{0}` stands there twice")]
    Twice(Seat),
    #[error("there is no bundled implementation `{name}`{}", hint(name, BUNDLED_WORDS))]
    Bundled { name: String },
    #[error("unknown option `{option}`; a bundled implementation takes `?quirk=ID`")]
    Option { option: String },
}

const BUNDLED_WORDS: &[&str] = &["third-party", "media-proxy"];

fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

impl IutRef {
    /// Reads `[SEAT[+SEAT]=]REF`.
    ///
    /// # Errors
    /// [`IutRefError`].
    pub fn parse(text: &str) -> Result<Self, IutRefError> {
        match text.split_once('=') {
            Some((seats, target)) if looks_like_words(seats) => {
                Ok(Self { seats: parse_seats(seats)?, target: parse_target(target)? })
            }
            _ => Ok(Self { seats: Vec::new(), target: parse_target(text)? }),
        }
    }
}

impl FromStr for IutRef {
    type Err = IutRefError;

    fn from_str(text: &str) -> Result<Self, IutRefError> {
        Self::parse(text)
    }
}

impl fmt::Display for IutRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seats: Vec<&str> = self.seats.iter().map(|seat| seat.as_str()).collect();
        if !seats.is_empty() {
            write!(f, "{}=", seats.join("+"))?;
        }
        match &self.target {
            Target::File(path) => write!(f, "{}", path.display()),
            Target::Bundled { which, quirk: None } => write!(f, "reference:{}", which.as_str()),
            Target::Bundled { which, quirk: Some(quirk) } => {
                write!(f, "reference:{}?quirk={quirk}", which.as_str())
            }
        }
    }
}

fn looks_like_words(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+'))
}

fn parse_seats(text: &str) -> Result<Vec<Seat>, IutRefError> {
    let mut seats = Vec::new();
    for word in text.split('+') {
        let seat = word.parse().map_err(|_| IutRefError::Seat { word: word.to_owned() })?;
        if seats.contains(&seat) {
            return Err(IutRefError::Twice(seat));
        }
        seats.push(seat);
    }
    Ok(seats)
}

fn parse_target(text: &str) -> Result<Target, IutRefError> {
    match text.strip_prefix("reference:") {
        Some(rest) => parse_bundled(rest),
        None if text.is_empty() => Err(IutRefError::Empty),
        None => Ok(Target::File(PathBuf::from(text))),
    }
}

fn parse_bundled(text: &str) -> Result<Target, IutRefError> {
    let (name, query) = match text.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (text, None),
    };
    let found = Bundled::ALL.into_iter().find(|bundled| bundled.as_str() == name);
    let which = found.ok_or_else(|| IutRefError::Bundled { name: name.to_owned() })?;
    Ok(Target::Bundled { which, quirk: query.map(parse_quirk).transpose()? })
}

fn parse_quirk(query: &str) -> Result<String, IutRefError> {
    match query.strip_prefix("quirk=") {
        Some(id) if !id.is_empty() && !id.contains('&') => Ok(id.to_owned()),
        _ => Err(IutRefError::Option { option: query.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(quirk: Option<&str>) -> Target {
        Target::Bundled { which: Bundled::ThirdParty, quirk: quirk.map(str::to_owned) }
    }

    #[test]
    fn every_form_is_read_and_written() {
        let both = vec![Seat::ThirdPartyClient, Seat::ThirdPartyServer];
        let file = |path: &str| Target::File(path.into());
        for (text, seats, target) in [
            ("reference:third-party", vec![], bundled(None)),
            ("reference:third-party?quirk=key-kept", vec![], bundled(Some("key-kept"))),
            ("third-party-client+third-party-server=acme.yaml", both, file("acme.yaml")),
            ("meta=reference:third-party", vec![Seat::Meta], bundled(None)),
            ("./a=b.yaml", vec![], file("./a=b.yaml")),
            ("iut/acme.yaml", vec![], file("iut/acme.yaml")),
        ] {
            let expected = IutRef { seats, target };
            assert_eq!(IutRef::parse(text), Ok(expected.clone()));
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn mistakes_are_told_in_words() {
        let wrong = [
            "",
            "meta=",
            "third-party-clent=a.yaml",
            "phone=a.yaml",
            "meta+meta=a.yaml",
            "+meta=a.yaml",
            "reference:third-patry",
            "reference:",
            "reference:meta?quirk=",
            "reference:meta?fault=x",
            "reference:meta?quirk=a&quirk=b",
        ];
        let told: Vec<String> = wrong
            .iter()
            .map(|text| format!("{text:?}: {}", IutRef::parse(text).unwrap_err()))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_back(text in "[a-z+=:?./-]{0,40}") {
            if let Ok(iut) = IutRef::parse(&text) {
                proptest::prop_assert_eq!(iut.to_string(), text);
            }
        }
    }
}
