//! From results to what people and machines read. Pure: a [`Report`] in, text out.
//!
//! [`Report`] is the schema of `report.json` (`interfaces.md` §12); every other format is rendered
//! from it, so no format can say something that another does not know. The formats stand in the
//! registry [`format::ALL`].

pub mod format;
mod junit;
mod model;
mod partly;
mod surface;
mod terminal;
#[cfg(test)]
mod tests;

pub use format::Format;
pub use model::{Report, Summary, assemble};
pub use partly::{PartlySeen, StandsOn};
pub use surface::{Endpoint, surface};
pub use terminal::{Ink, Look, MILESTONES, Page, case_line, render as terminal};
pub(crate) use terminal::{cut, shell_word};
