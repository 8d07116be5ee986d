//! The patterns and the dialects of the handshake, as `wire.md` §1.2 lists them.
//!
//! Main types: [`Pattern`] and [`Dialect`]. They are names and no more: what a pattern's messages do
//! stands in the states of either end.

/// Says how a payload that is sent before any key is set enters the transcript hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Meta's: an empty payload is not mixed while no key is set (`wire.md` §1.2).
    Meta,
    /// The specification's: every payload is mixed, the empty one too (§5.2).
    Standard,
}

impl Dialect {
    /// Reads the profile's word; Meta's dialect is what everything but `standard` means.
    pub fn named(word: &str) -> Self {
        if word == "standard" { Self::Standard } else { Self::Meta }
    }
}

/// Names a handshake pattern of the protocol (`wire.md` §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The first contact, and the only pattern of the interop profile.
    Xx,
    /// The reconnection to a server whose static key is known.
    Ik,
    /// What follows an IK that the server could not read.
    XxFallback,
}

impl Pattern {
    /// Every pattern, with the word that stands for it in a profile and in a transcript.
    pub const ALL: &'static [(Pattern, &'static str)] =
        &[(Pattern::Xx, "XX"), (Pattern::Ik, "IK"), (Pattern::XxFallback, "XXfallback")];

    /// Returns the full protocol name, which both ends hash first.
    pub fn protocol_name(self) -> &'static str {
        match self {
            Pattern::Xx => "Noise_XX_25519_AESGCM_SHA256",
            Pattern::Ik => "Noise_IK_25519_AESGCM_SHA256",
            Pattern::XxFallback => "Noise_XXfallback_25519_AESGCM_SHA256",
        }
    }

    /// Returns the word that stands for it.
    pub fn word(self) -> &'static str {
        match self {
            Pattern::Xx => "XX",
            Pattern::Ik => "IK",
            Pattern::XxFallback => "XXfallback",
        }
    }

    /// Reads a profile's word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(pattern, _)| *pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_patterns_and_dialects() {
        for (pattern, word) in Pattern::ALL {
            assert_eq!((pattern.word(), Pattern::named(word)), (*word, Some(*pattern)));
            assert!(pattern.protocol_name().starts_with(&format!("Noise_{word}_")));
        }
        assert_eq!(Pattern::named("IX"), None);
        assert_eq!(Dialect::named("standard"), Dialect::Standard);
        assert_eq!(Dialect::named("meta"), Dialect::Meta);
    }
}
