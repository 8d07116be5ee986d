//! What happened: the append-only [`Transcript`], the single source of every verdict.
//!
//! An [`Entry`] is recorded first and acted on second. Entries carry no secret: tokens are replaced
//! by [`TokenFacts`] before they get here (`interfaces.md` §11). Whoever wants a verdict reads
//! entries; nobody reads sockets or logs. One vocabulary, [`Event`], serves roles and judges alike,
//! because two that are translated into each other drift apart.

mod entry;
mod event;
mod jsonl;

pub use entry::{Entry, EntryId, Lane, Stream};
pub use event::{
    Direction, EncFacts, Event, FormFacts, LoginFacts, Payload, RuleFacts, RuleGrade, RunHeader,
    Skip, StepEnd, TokenFacts, Trouble,
};
pub use jsonl::{LogError, read_log, write_entry, write_header};

use crate::limits::ENTRIES_MAX;

/// Ids of fence pings begin so.
pub const FENCE_ID: &str = "fence-";

/// Everything that one case left behind, in the order of recording.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    case: String,
    entries: Vec<Entry>,
    counts: std::collections::BTreeMap<Stream, u32>,
}

impl Transcript {
    /// An empty transcript of the case with this id.
    pub fn new(case: impl Into<String>) -> Self {
        Self { case: case.into(), ..Self::default() }
    }

    /// The case's id.
    pub fn case(&self) -> &str {
        &self.case
    }

    /// The entries in the order of recording.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Appends an event and numbers it within its stream; `None` once the bound is reached.
    pub fn record(
        &mut self,
        at_ms: u64,
        stream: Stream,
        lane: Lane,
        actor: Option<&str>,
        event: Event,
    ) -> Option<&Entry> {
        if self.entries.len() >= ENTRIES_MAX {
            return None;
        }
        let n = self.counts.entry(stream.clone()).or_default();
        *n += 1;
        let id = EntryId { case: self.case.clone(), stream, n: *n };
        self.entries.push(Entry { id, lane, actor: actor.map(str::to_owned), at_ms, event });
        self.entries.last()
    }

    /// Takes over an entry that was read from a log.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }
}
