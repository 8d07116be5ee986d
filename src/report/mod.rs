//! From results to what people and machines read. Pure: a [`Report`] in, text out.
//!
//! [`Report`] is the schema of `report.json` (`interfaces.md` §12); every other format is rendered
//! from it, so no format can say something that another does not know.

mod model;
mod terminal;

pub use model::{Report, Summary, assemble};
pub use terminal::{case_line, render as terminal};

/// Renders the machine-readable form.
pub fn json(report: &Report) -> String {
    // Serialising plain data cannot fail: maps have text keys only.
    let mut text = serde_json::to_string_pretty(report).expect("a report is plain data");
    text.push('\n');
    text
}
