//! Carries cases out: drives roles over real sockets by a scenario, and records everything.
//!
//! [`run_all`] is the door: it plans the cases, runs them side by side and hands each finished
//! [`CaseResult`](crate::verdict::CaseResult) to an observer. It prints nothing. A [`Session`]
//! is one case, a guest of an instance of the implementation under test that others may share; what
//! it decides live is decided by [`crate::check::Progress`], so that the log alone gives the same
//! answer later. Each case has a Meta side of its own, also behind a shared address: its verdict
//! must not depend on who else was there.

mod accounts;
mod desk;
mod faulty;
mod faulty_http;
mod fence;
mod files;
mod instance;
mod isolation;
mod killing;
mod lent;
mod life;
mod line;
mod log;
mod look;
mod media;
mod order;
mod place;
mod pool;
mod prerequisite;
mod probe;
mod proxy;
mod pump;
mod reach;
mod recorder;
mod retries;
mod runner;
mod select;
mod selfcheck;
mod session;
mod shown;
mod sight;
mod soak;
mod state;
mod steps;
mod stubs;
mod target;
mod whole;

pub use accounts::INTEGRATOR_ID;
pub use instance::{ISSUER, NotReady};
pub use place::{Place, PlaceError};
pub use runner::{Observer, RunError, RunOptions, RunReport, harness_failed, run_all};
pub use select::{SelectError, Selection, select};
pub use selfcheck::{Row, Standing, free_ports, greet, self_check, trusted_authorities};
pub use session::{Session, Shared};
pub use target::Target;

/// As the harness presents itself.
const HARNESS: &str = concat!("counterpart ", env!("CARGO_PKG_VERSION"));
