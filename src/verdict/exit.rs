//! Exit codes of every verb.

use std::process::ExitCode;

use super::Outcome;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: good.
    Good,
    /// 3: incomplete.
    Incomplete,
    /// 1: nonconformant, a finding, or a mismatch.
    Found,
    /// 4: invalid: the driver lies, the implementation under test never started, nothing was executed.
    Invalid,
    /// 2: a usage or harness error.
    Usage,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::Invalid => 4,
            Self::Interrupted => 130,
        }
    }

    /// The code for a run's outcome; a harness error is 2 although the outcome is invalid.
    pub fn of(outcome: Outcome, harness_error: bool) -> Self {
        match outcome {
            _ if harness_error => Self::Usage,
            Outcome::Conformant | Outcome::ConformantWithWarnings => Self::Good,
            Outcome::Nonconformant => Self::Found,
            Outcome::Incomplete => Self::Incomplete,
            Outcome::Invalid => Self::Invalid,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_hold_the_order_is_2_4_1_3_0() {
        let mut all = [Exit::Good, Exit::Found, Exit::Usage, Exit::Incomplete, Exit::Invalid];
        all.sort();
        assert_eq!(all.map(Exit::code), [0, 3, 1, 4, 2]);
    }

    #[test]
    fn a_harness_error_is_never_blamed_on_the_driver() {
        assert_eq!(Exit::of(Outcome::Invalid, true), Exit::Usage);
        assert_eq!(Exit::of(Outcome::Invalid, false), Exit::Invalid);
    }
}
