//! Driving the implementation under test: its file, its process, its driver connection.
//!
//! Main type: [`Instance`], one driver connection (`interfaces.md` §3). The room knows the driver
//! protocol and the operating system, but no scenario, no role and no verdict: a death, a hang or a
//! panic is material that the checks of area ROB judge. Adapters are spawned; to attach to one that
//! runs already, or to prompt a person, is recognised in the file and refused by name.

pub mod file;
mod ics;
pub mod instance;
pub mod log;
pub mod program;
pub mod reference;
pub mod spawn;
pub mod start;
pub mod watch;

pub use file::{Instances, IutFile};
pub use instance::{Instance, Options, Stopped, Timeouts};
pub use log::LogLine;
pub use program::Program;
pub use reference::{Bundled, IutRef};
pub use start::{StartError, StartFault};
pub use watch::{Alarm, Exit};
