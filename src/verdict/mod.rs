//! What it means: verdicts, findings, outcome and exit codes (`interfaces.md` §1).
//!
//! Pure values and their arithmetic. A verdict only rises; none exists without a requirement.

pub mod baseline;
mod coverage;
mod date;
mod exit;
mod repeats;
mod result;
mod texts;

pub use baseline::{Accepted, Baseline};
pub use coverage::{Coverage, CoverageRow, Standing, coverage};
pub use date::{Date, NoDate};
pub use exit::Exit;
pub use repeats::{FORMS, Flaky, Repeats};
pub use result::{
    CaseResult, CheckResult, Finding, Nearby, NotDecided, Outcome, RUN_CASE, Surroundings, Theft,
    Times, Verdict, Witness,
};
pub use texts::{Text, Texts};
