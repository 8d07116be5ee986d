//! The event log on disk: one task writes, everybody else hands over.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::evidence::{Entry, RunHeader, write_entry, write_header};
use crate::limits::QUEUE_EVENTS_MAX;

/// The writing end of `events.jsonl`.
pub struct EventLog {
    pub entries: mpsc::Sender<Entry>,
    writer: JoinHandle<std::io::Result<()>>,
}

impl EventLog {
    /// Creates the file, writes the header and starts the writer.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, header: &RunHeader) -> std::io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        write_header(&mut file, header)?;
        let (entries, incoming) = mpsc::channel(QUEUE_EVENTS_MAX);
        let writer = tokio::task::spawn_blocking(move || write(file, incoming));
        Ok(Self { entries, writer })
    }

    /// Waits until everything is on disk.
    ///
    /// # Errors
    /// A write failed, e.g. because the disk is full.
    pub async fn close(self) -> std::io::Result<()> {
        drop(self.entries);
        self.writer.await.map_err(std::io::Error::other)?
    }
}

/// Writes until all senders are gone; flushes whenever nothing is waiting, so that an interrupted
/// run leaves whole lines behind.
fn write(mut file: BufWriter<File>, mut incoming: mpsc::Receiver<Entry>) -> std::io::Result<()> {
    while let Some(entry) = incoming.blocking_recv() {
        write_entry(&mut file, &entry)?;
        if incoming.is_empty() {
            file.flush()?;
        }
    }
    file.flush()
}
