//! Driving the implementation under test: its file, its process, its driver connection.
//!
//! Main type: [`Instance`], one driver connection (`interfaces.md` §3). The room knows the driver
//! protocol and the operating system, but no scenario, no role and no verdict: a death, a hang or a
//! panic is material that the checks of area ROB judge. An adapter is spawned, attached to, played by
//! a person, or absent; whichever it is, the rest of the harness talks to an [`Instance`].

pub mod adapter;
mod attestation;
pub mod file;
mod ics;
pub mod instance;
pub mod instruction;
pub mod log;
pub mod logfiles;
pub mod manual;
pub mod program;
mod question;
pub mod reference;
mod schema;
mod silent;
pub mod spawn;
pub mod start;
pub mod vitals;
pub mod watch;

pub use adapter::{Adapter, Address, Played, Prepared, Server, Spawn, Upstream};
pub use attestation::Attestation;
pub use file::{Instances, IutFile};
pub use instance::{Instance, Options, Pause, Stopped, Timeouts};
pub use log::LogLine;
pub use program::Program;
pub use reference::{Bundled, IutRef};
pub use schema::schema;
pub use start::{StartError, StartFault};
pub use watch::{Alarm, Exit};
