//! `--log FILE`: everything that happened, in the form of a run's `events.jsonl`.
//!
//! Main type: [`Journal`]. It begins like the log of a run of one case without steps, so that
//! `judge` reads it: then the passive checks alone speak. It is bounded, as all that a client can
//! make grow.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::evidence::{Entry, RunHeader, write_entry, write_header};
use crate::limits::JOURNAL_BYTES_MAX;

/// A file that entries go to.
pub struct Journal {
    out: BufWriter<Counted>,
    /// Why nothing more is written.
    over: Option<String>,
}

/// Counts what is written.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Journal {
    /// Creates the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, header: &RunHeader) -> std::io::Result<Self> {
        let mut out = BufWriter::new(Counted { file: File::create(path)?, bytes: 0 });
        write_header(&mut out, header)?;
        Ok(Self { out, over: None })
    }

    /// Appends an entry; gives the reason once, when nothing more can be written.
    pub fn write(&mut self, entry: &Entry) -> Option<String> {
        if self.over.is_some() {
            return None;
        }
        if self.out.get_ref().bytes > JOURNAL_BYTES_MAX {
            self.over = Some(format!("it has grown to {JOURNAL_BYTES_MAX} bytes"));
        } else if let Err(error) = write_entry(&mut self.out, entry) {
            self.over = Some(error.to_string());
        }
        self.over.clone()
    }

    /// Brings what was appended to the file, so that an interrupted session leaves whole lines.
    pub fn flush(&mut self) -> Option<String> {
        if self.over.is_some() {
            return None;
        }
        self.over = self.out.flush().err().map(|error| error.to_string());
        self.over.clone()
    }
}
