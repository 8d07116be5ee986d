//! The event log on disk: whole lines of many cases at once.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::evidence::{Entry, RunHeader, write_entry, write_header};
use crate::limits::LOG_HELD_BYTES_MAX;

/// `events.jsonl`; clones write to the same file.
#[derive(Clone, Debug)]
pub struct EventLog {
    file: Arc<Mutex<Held>>,
}

/// What is written at once, so that entries need no call each; always whole lines.
#[derive(Debug)]
struct Held {
    /// `None` where nobody keeps a log.
    file: Option<File>,
    lines: Vec<u8>,
}

impl EventLog {
    /// Creates the file and writes the header.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, header: &RunHeader) -> std::io::Result<Self> {
        let mut file = File::create(path)?;
        write_header(&mut file, header)?;
        Ok(Self::of(Some(file)))
    }

    /// A log that forgets.
    pub fn nowhere() -> Self {
        Self::of(None)
    }

    fn of(file: Option<File>) -> Self {
        Self { file: Arc::new(Mutex::new(Held { file, lines: Vec::new() })) }
    }

    /// Appends entries, which reach the disk together with others, and at the latest with the next
    /// [`EventLog::flush`].
    ///
    /// # Errors
    /// A write failed, e.g. because the disk is full.
    pub fn append<'a>(&self, entries: impl IntoIterator<Item = &'a Entry>) -> std::io::Result<()> {
        let mut held = self.held();
        if held.file.is_none() {
            return Ok(());
        }
        for entry in entries {
            write_entry(&mut held.lines, entry)?;
        }
        if held.lines.len() >= LOG_HELD_BYTES_MAX { held.write() } else { Ok(()) }
    }

    /// Puts on disk what is held: after each case, so that an interrupted run leaves its cases behind.
    ///
    /// # Errors
    /// A write failed.
    pub fn flush(&self) -> std::io::Result<()> {
        self.held().write()
    }

    /// Lines are whole whoever held the lock: a failed write ends the run.
    fn held(&self) -> MutexGuard<'_, Held> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn write(&mut self) -> std::io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        if let Some(file) = &mut self.file {
            file.write_all(&lines)?;
        }
        // The room is used again.
        self.lines = lines;
        self.lines.clear();
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Of a run that was interrupted; nobody is left to tell.
        let _ = self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Event, Lane, Stream, Transcript, read_log, test_header};

    #[test]
    fn what_is_on_disk_is_whole_lines_and_all_of_it_after_a_flush() {
        let path = std::env::temp_dir().join(format!("counterpart-log-{}", std::process::id()));
        let log = EventLog::create(&path, &test_header()).unwrap();
        let mut transcript = Transcript::new("m1/a");
        let text = "x".repeat(100);
        let one_line = 100 + text.len();
        let count = 3 * LOG_HELD_BYTES_MAX / one_line;
        for _ in 0..count {
            let bound = Event::Bound { name: "n".into(), value: text.clone() };
            transcript.record(5, Stream::steps(), Lane::Main, None, bound);
        }
        for entry in transcript.entries() {
            log.append([entry]).unwrap();
        }
        let read = || read_log(std::fs::read(&path).unwrap().as_slice()).unwrap().1;
        let early = read()[0].entries().len();
        assert!(early > 0 && early < count, "{early} of {count}");
        log.flush().unwrap();
        assert_eq!(read()[0].entries(), transcript.entries());
        std::fs::remove_file(&path).unwrap();
    }
}
