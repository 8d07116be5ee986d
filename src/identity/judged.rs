//! Rules judged one by one, so that every row of the catalogue gets an outcome of its own.
//!
//! Main type: [`Judged`]. It knows neither tokens nor key sets, only that a rule has a requirement
//! id and that a fault can be said in words. `Undecided` is an outcome, because a rule that could
//! not be looked at (no key, so no signature) has neither held nor been broken.

/// How one rule came out; the fault type says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<F> {
    Holds,
    /// Broken in a part that the catalogue grades as a recommendation.
    Warns(F),
    Broken(F),
    /// Could not be looked at, because the requirement named here is broken.
    Undecided(&'static str),
}

/// One requirement and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<F> {
    pub requirement: &'static str,
    pub outcome: Outcome<F>,
}

impl<F> Judged<F> {
    pub(crate) fn new(requirement: &'static str, outcome: Outcome<F>) -> Self {
        Self { requirement, outcome }
    }

    /// The fault, if the rule is broken outright.
    pub fn broken(&self) -> Option<&F> {
        match &self.outcome {
            Outcome::Broken(fault) => Some(fault),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_that_fails_outright_is_broken() {
        let row = |outcome| Judged::new("JWT-001", outcome);
        assert_eq!(row(Outcome::Broken("bad")).broken(), Some(&"bad"));
        for other in [Outcome::Holds, Outcome::Warns("odd"), Outcome::Undecided("JWT-003")] {
            assert_eq!(row(other).broken(), None);
        }
    }
}
