//! Measures ours beside its peers and prints the ratios.
//!
//! Main type: [`Contest`]; a bench is a `main` that adds rows to one and prints it. It knows nothing
//! of what is measured. Ours and the peer take turns in short rounds and the medians are compared,
//! because a machine under load spoils an absolute figure and hardly a ratio.

pub mod baileys;
mod contest;
mod cpu;
pub mod folder;
pub mod process;
pub mod relay;
pub mod stanzas;
mod work;

pub use contest::{Contest, Goal};
pub use cpu::timed_on_cpu;
pub use work::{Work, timed};
