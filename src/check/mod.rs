//! Judging: pure functions from a transcript to findings.
//!
//! [`judge`] replays a case's transcript through the same [`Progress`] that the runner consulted
//! live, so a verdict can be reached again from the log alone. Scenario steps decide the rows that
//! they name; the passive checks of [`ALL`] look at every transcript. Neither knows of sockets,
//! files or the clock.

mod around;
mod board;
mod cause;
mod decrypted;
mod fields;
mod http;
mod judge;
mod lengths;
mod media;
mod observation;
mod passive;
mod progress;
mod published;
mod resting;
mod run_level;
mod signatures;
mod thief;
mod wakes;

#[cfg(test)]
mod tests;

pub use board::{Board, Near};
pub use judge::{Setting, judge, refusals, watch};
pub use passive::forms::forms;
pub use passive::{ALL, Check, Grade, Observed, View};
pub use progress::{Progress, StepOutcome, lane};
pub use run_level::{RUN_CASE, judge_run};
