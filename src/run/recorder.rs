//! Recorded first, acted on second: the transcript, the progress and the log move together.

use super::log::EventLog;
use super::soak::Tally;
use crate::check::Progress;
use crate::clock::UnixMs;
use crate::evidence::{EntryId, Event, Lane, Stream, Transcript};

/// The log could not be written, or grew past its bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the event log cannot be written any more")]
    LogClosed,
    #[error("the case recorded too many events")]
    TooMany,
}

/// Where the entries of a case go.
pub struct Recorder<'a> {
    pub transcript: Transcript,
    pub progress: Progress<'a>,
    /// So many entries of the transcript are in the log.
    logged: usize,
    log: EventLog,
    overflown: bool,
    /// Takes the traffic of a soak, of which only the tally is kept.
    pub(super) tally: Option<Tally>,
}

impl<'a> Recorder<'a> {
    /// A recorder that hands entries to a log.
    pub fn new(transcript: Transcript, progress: Progress<'a>, log: EventLog) -> Self {
        Self { transcript, progress, logged: 0, log, overflown: false, tally: None }
    }

    /// Appends an event. It reaches the log with the next [`Recorder::flush`], which must come
    /// before the event is acted on.
    pub fn record(
        &mut self,
        stream: Stream,
        lane: Lane,
        actor: Option<&str>,
        event: Event,
    ) -> Option<EntryId> {
        if self.tally.as_mut().is_some_and(|tally| tally.takes(&event)) {
            return None;
        }
        let now = UnixMs::now().0;
        let before = self.transcript.entries().len();
        let id = self.transcript.record(now, stream, lane, actor, event).map(|e| e.id.clone());
        for entry in &self.transcript.entries()[before..] {
            self.progress.observe(entry);
        }
        self.overflown |= id.is_none();
        id
    }

    /// Hands what was recorded to the log.
    ///
    /// # Errors
    /// The log cannot be written, or the case is a runaway.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        let entries = self.transcript.entries();
        if self.logged < entries.len() {
            self.log.append(&entries[self.logged..]).map_err(|_| RecordError::LogClosed)?;
            self.logged = entries.len();
        }
        if self.overflown { Err(RecordError::TooMany) } else { Ok(()) }
    }
}
