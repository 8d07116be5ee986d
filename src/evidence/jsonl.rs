//! The log on disk: one JSON object a line, a header first (`events.jsonl`).

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use super::{Entry, RunHeader, Transcript};

/// Version of the log format.
pub const SCHEMA: u32 = 1;

/// A log that cannot be read: whose line, and why.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log is empty: its first line must be the header of a run")]
    Empty,
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    #[error("the log has schema {found}; this version reads schema {SCHEMA}")]
    Schema { found: u32 },
    #[error("cannot read the log: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes the header line.
///
/// # Errors
/// The writer's.
pub fn write_header(out: &mut impl Write, header: &RunHeader) -> std::io::Result<()> {
    line(out, header)
}

/// Writes one entry as a line.
///
/// # Errors
/// The writer's.
pub fn write_entry(out: &mut impl Write, entry: &Entry) -> std::io::Result<()> {
    line(out, entry)
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Reads a whole log back: the header and one transcript a case, in order of their ids.
///
/// # Errors
/// A line that is no entry, another schema, or an I/O error.
pub fn read_log(input: impl BufRead) -> Result<(RunHeader, Vec<Transcript>), LogError> {
    let mut lines = input.lines().enumerate();
    let (_, first) = lines.next().ok_or(LogError::Empty)?;
    let header: RunHeader = parse(1, &first?)?;
    if header.schema != SCHEMA {
        return Err(LogError::Schema { found: header.schema });
    }
    let mut cases: BTreeMap<Arc<str>, Transcript> = BTreeMap::new();
    for (index, text) in lines {
        let entry: Entry = parse(index + 1, &text?)?;
        let case = Arc::clone(&entry.id.case);
        cases.entry(case.clone()).or_insert_with(|| Transcript::new(case)).push(entry);
    }
    Ok((header, cases.into_values().collect()))
}

fn parse<T: serde::de::DeserializeOwned>(line: usize, text: &str) -> Result<T, LogError> {
    serde_json::from_str(text).map_err(|error| LogError::Line { line, why: error.to_string() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Event, Lane, Stream};
    use super::*;

    /// The header of a run, for tests of whatever writes or reads one.
    pub(crate) fn header() -> RunHeader {
        RunHeader {
            schema: SCHEMA,
            run_id: "r".into(),
            started_ms: 1,
            harness: "counterpart 0".into(),
            seed: 7,
            jobs: 1,
            profile: serde_json::Value::Null,
            iut_ref: "reference:third-party".into(),
            foreign: false,
            selection: String::new(),
            asked: Vec::new(),
            again: "counterpart run --seed 7".into(),
            iut: serde_json::Value::Null,
        }
    }

    #[test]
    fn a_log_reads_back_as_it_was_recorded() {
        let mut transcript = Transcript::new("m1/a");
        let bound = Event::Bound { name: "alice.jid".into(), value: "1-2@interop".into() };
        transcript.record(5, Stream::steps(), Lane::Twin(3), Some("alice"), bound);
        transcript.record(6, Stream::connection(1, true), Lane::Main, None, Event::CaseEnded);
        let mut bytes = Vec::new();
        write_header(&mut bytes, &header()).unwrap();
        for entry in transcript.entries() {
            write_entry(&mut bytes, entry).unwrap();
        }
        let (read, cases) = read_log(bytes.as_slice()).unwrap();
        assert_eq!(read, header());
        assert_eq!(cases[0].entries(), transcript.entries());
        assert_eq!(cases[0].entries()[1].id.to_string(), "m1/a#c1<.1");
    }

    #[test]
    fn a_damaged_line_is_named() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, &header()).unwrap();
        bytes.extend_from_slice(b"{\"case\":\n");
        let error = read_log(bytes.as_slice()).unwrap_err();
        assert!(error.to_string().starts_with("line 2: "), "{error}");
    }
}
