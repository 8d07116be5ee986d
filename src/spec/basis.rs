//! What a rule or a value rests on, from the law down to our own assumption.
//!
//! Main type: [`Basis`]. A verdict is never stronger than the weaker of its requirement's basis
//! and that of the profile value that decided it (`interfaces.md` §12), which is `min` here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ordered by strength: `Law` is the greatest (`interfaces.md` §7).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Nobody outside Meta knows; our guess, with which nobody is failed.
    Assumed,
    /// Our own decision.
    Profile,
    /// Seen in open clients of the same protocol.
    Observed,
    /// Only shown in one of Meta's public examples.
    Example,
    /// Said by a standard that the design uses.
    Standard,
    /// Said by Meta in public.
    Stated,
    /// The text of the DMA or the GDPR.
    Law,
}

impl Basis {
    /// Every basis with its word, strongest first.
    pub const ALL: &'static [(Basis, &'static str)] = &[
        (Basis::Law, "law"),
        (Basis::Stated, "stated"),
        (Basis::Standard, "standard"),
        (Basis::Example, "example"),
        (Basis::Observed, "observed"),
        (Basis::Profile, "profile"),
        (Basis::Assumed, "assumed"),
    ];

    /// The word that stands for it in files and reports.
    pub fn word(self) -> &'static str {
        match self {
            Basis::Law => "law",
            Basis::Stated => "stated",
            Basis::Standard => "standard",
            Basis::Example => "example",
            Basis::Observed => "observed",
            Basis::Profile => "profile",
            Basis::Assumed => "assumed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_strength() {
        assert!(Basis::ALL.is_sorted_by(|a, b| a.0 > b.0));
        assert!(Basis::ALL.iter().all(|(basis, word)| basis.word() == *word));
        assert_eq!(Basis::Stated.min(Basis::Assumed), Basis::Assumed);
    }
}
