//! The kill matrix: proof that each check bites (`interfaces.md` §13).
//!
//! A quirk is a deliberate fault of the reference, taken from faults that people really shipped. It
//! is killed when a scenario that names it turns red *for its requirement*; another red does not
//! count. Controls are subjects that do nothing right: they must pass no check at all.

mod markdown;
mod matrix;
pub mod origins;
mod rows;
pub mod twins;

pub use markdown::markdown;
pub use rows::{BrokenRow, rows};

pub use matrix::{Control, KillMatrix, Killed, Status, ZooOptions, hunt};
