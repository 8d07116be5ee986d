//! Carries cases out: drives roles over real sockets by a scenario, and records everything.
//!
//! [`run_all`] is the door: it plans the cases, runs them side by side and hands each finished
//! [`CaseResult`](crate::verdict::CaseResult) to an observer. It prints nothing. A [`Session`]
//! is one case against one instance of the implementation under test; what it decides live is
//! decided by [`crate::check::Progress`], so that the log alone gives the same answer later.

mod accounts;
mod fence;
mod instance;
mod log;
mod place;
mod pump;
mod recorder;
mod runner;
mod select;
mod session;
mod steps;

pub use place::{Place, PlaceError};
pub use runner::{Observer, RunError, RunOptions, RunReport, Target, harness_failed, run_all};
pub use select::{Selection, select};
pub use session::Session;
