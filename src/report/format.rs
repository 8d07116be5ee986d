//! The formats of a report: one value each, in one list.
//!
//! Main type: [`Format`] (the registry [`ALL`]). A format is a pure function of the [`Report`];
//! one that cannot be made from it alone does not belong here. To add one, write a file and a line.

use std::io::{self, Write};

use super::{Report, junit, terminal};

/// A way to write a report.
pub trait Format: Sync {
    /// The word before `=` in `--report FORMAT=PATH`.
    fn id(&self) -> &'static str;
    /// What it is for, in a few words.
    fn doc(&self) -> &'static str;
    /// The whole file.
    fn render(&self, report: &Report) -> String;
    /// Writes the whole file; what is large need not be in memory as text.
    ///
    /// # Errors
    /// As the writer has them.
    fn write(&self, report: &Report, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(self.render(report).as_bytes())
    }
}

/// Every format.
pub static ALL: &[&dyn Format] = &[&Json, &junit::Junit, &Text];

/// The format of this name.
pub fn find(id: &str) -> Option<&'static dyn Format> {
    ALL.iter().copied().find(|format| format.id() == id)
}

/// The names, for suggestions and lists.
pub fn ids() -> Vec<&'static str> {
    ALL.iter().map(|format| format.id()).collect()
}

struct Json;

impl Format for Json {
    fn id(&self) -> &'static str {
        "json"
    }

    fn doc(&self) -> &'static str {
        "everything, as `report.json`"
    }

    fn render(&self, report: &Report) -> String {
        // Serialising plain data cannot fail: maps have text keys only.
        let mut text = serde_json::to_string_pretty(report).expect("a report is plain data");
        text.push('\n');
        text
    }

    fn write(&self, report: &Report, to: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *to, report)?;
        to.write_all(b"\n")
    }
}

struct Text;

impl Format for Text {
    fn id(&self) -> &'static str {
        "text"
    }

    fn doc(&self) -> &'static str {
        "what the terminal shows, in 80 columns"
    }

    fn render(&self, report: &Report) -> String {
        terminal::render(report, terminal::Look::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let ids: std::collections::BTreeSet<_> = ids().into_iter().collect();
        assert_eq!(ids.len(), ALL.len());
        assert!(ALL.iter().all(|format| find(format.id()).is_some()));
        assert!(find("xml").is_none());
    }
}
