//! What it means: verdicts, findings, outcome and exit codes (`interfaces.md` §1).
//!
//! Pure values and their arithmetic. A verdict only rises; none exists without a requirement.

mod coverage;
mod exit;
mod result;

pub use coverage::{Coverage, CoverageRow, Standing, coverage};
pub use exit::Exit;
pub use result::{
    CaseResult, CheckResult, Finding, Nearby, NotDecided, Outcome, Surroundings, Verdict, Witness,
};
