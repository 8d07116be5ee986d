//! The seats that an implementation may take (`interfaces.md` §4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part in the exchange that an implementation under test can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seat {
    ThirdPartyClient,
    ThirdPartyServer,
    Intermediary,
    Meta,
    /// Meta's proxy to the media that third parties host.
    MediaProxy,
}

impl Seat {
    pub const ALL: [Self; 5] = [
        Self::ThirdPartyClient,
        Self::ThirdPartyServer,
        Self::Intermediary,
        Self::Meta,
        Self::MediaProxy,
    ];

    /// The words, in the order of [`Seat::ALL`].
    pub const WORDS: &[&str] =
        &["third-party-client", "third-party-server", "intermediary", "meta", "media-proxy"];

    /// Gives the word that stands on the wire and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThirdPartyClient => "third-party-client",
            Self::ThirdPartyServer => "third-party-server",
            Self::Intermediary => "intermediary",
            Self::Meta => "meta",
            Self::MediaProxy => "media-proxy",
        }
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no seat.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no seat; the seats are {list}", list = Seat::WORDS.join(", "))]
pub struct UnknownSeat(pub String);

impl FromStr for Seat {
    type Err = UnknownSeat;

    fn from_str(word: &str) -> Result<Self, UnknownSeat> {
        Self::ALL
            .into_iter()
            .find(|seat| seat.as_str() == word)
            .ok_or_else(|| UnknownSeat(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seat_has_one_word_in_all_its_forms() {
        for (seat, word) in Seat::ALL.into_iter().zip(Seat::WORDS) {
            assert_eq!(word.parse(), Ok(seat));
            assert_eq!(seat.to_string(), *word);
            assert_eq!(serde_json::to_value(seat).unwrap(), *word);
        }
        assert_eq!(Seat::ALL.len(), Seat::WORDS.len());
        assert_eq!("Meta".parse::<Seat>(), Err(UnknownSeat("Meta".to_owned())));
    }
}
