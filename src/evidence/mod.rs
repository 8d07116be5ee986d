//! What happened: the append-only [`Transcript`], the single source of every verdict.
//!
//! An [`Entry`] is recorded first and acted on second. Entries carry no secret: tokens are replaced
//! by [`TokenFacts`] before they get here (`interfaces.md` §11). Whoever wants a verdict reads
//! entries; nobody reads sockets or logs. One vocabulary, [`Event`], serves roles and judges alike,
//! because two that are translated into each other drift apart.

mod entry;
mod event;
mod facts;
mod jsonl;
mod process;
mod schema;
mod words;

use std::sync::Arc;

pub use entry::{Entry, EntryId, Lane, Stream};
pub use event::{
    Channel, Direction, EXIF_DESCRIPTION, Event, FORGED, Payload, RunHeader, Skip, StepEnd,
    TOKEN_IN_URL, shortened,
};
pub use facts::{
    EncFacts, Exchanged, FormFacts, HttpAnswer, LoginFacts, Look, MediaFacts, RuleFacts, RuleGrade,
    TokenFacts,
};
#[cfg(test)]
pub(crate) use jsonl::tests::header as test_header;
pub use jsonl::{LogError, read_log, write_entry, write_header};
pub use process::{Growth, ProbeAnswer, Trouble};
pub use schema::{schema, written};

use crate::limits::{ENTRIES_MAX, TRANSCRIPT_BYTES_MAX};

/// Ids of fence pings begin so.
pub const FENCE_ID: &str = "fence-";

/// Everything that one case left behind, in the order of recording.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    case: Arc<str>,
    entries: Vec<Entry>,
    counts: std::collections::BTreeMap<Stream, u32>,
    /// Roughly how large the entries are.
    bytes: usize,
}

impl Transcript {
    /// An empty transcript of the case with this id.
    pub fn new(case: impl Into<Arc<str>>) -> Self {
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

    /// Appends an event and numbers it within its stream; `None` once a bound is reached, which the
    /// last entry then says.
    pub fn record(
        &mut self,
        at_ms: u64,
        stream: Stream,
        lane: Lane,
        actor: Option<&str>,
        event: Event,
    ) -> Option<&Entry> {
        self.bytes += event.size();
        let full = self.entries.len() >= ENTRIES_MAX || self.bytes > TRANSCRIPT_BYTES_MAX;
        let flood = || Event::ProcessTrouble {
            kind: Trouble::Flooded,
            detail: format!("{} events, some {} bytes", self.entries.len(), self.bytes),
            shared: false,
        };
        match self.entries.last() {
            Some(last) if full && last.event.is_flood() => return None,
            _ if full => {
                let flood = flood();
                self.append(at_ms, Stream::process(), lane, None, flood);
            }
            _ => self.append(at_ms, stream, lane, actor, event),
        }
        self.entries.last().filter(|_| !full)
    }

    fn append(
        &mut self,
        at_ms: u64,
        stream: Stream,
        lane: Lane,
        actor: Option<&str>,
        event: Event,
    ) {
        let known = self.counts.get_key_value(&stream).map(|(known, _)| known.clone());
        let stream = known.unwrap_or(stream);
        let n = self.counts.entry(stream.clone()).or_default();
        *n += 1;
        let id = EntryId { case: Arc::clone(&self.case), stream, n: *n };
        self.entries.push(Entry { id, lane, actor: actor.map(str::to_owned), at_ms, event });
    }

    /// Takes over an entry that was read from a log. A case that was carried out again begins anew.
    pub fn push(&mut self, entry: Entry) {
        if matches!(entry.event, Event::Isolated { .. }) {
            self.entries.clear();
        }
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_that_grows_too_large_ends_with_a_word_about_it() {
        let mut transcript = Transcript::new("case");
        let params = serde_json::Value::from("x".repeat(1024 * 1024));
        let said = Event::Notified { name: "notice".into(), params };
        let mut record = || {
            let stream = Stream::user("a1");
            transcript.record(0, stream, Lane::Main, None, said.clone()).is_some()
        };
        let kept = (0..100).filter(|_| record()).count();
        assert!((60..=64).contains(&kept), "{kept}");
        assert_eq!(transcript.entries().len(), kept + 1);
        assert!(transcript.entries().last().unwrap().event.is_flood());
    }

    #[test]
    fn long_payloads_are_digested_and_long_stanzas_cut() {
        assert_eq!(Payload::of(&[7; 10]).bytes(), Some(vec![7; 10]));
        assert_eq!(Payload::of(&[7; 70_000]).bytes(), None);
        let cut = shortened("é".repeat(70_000));
        assert!(cut.len() < 70_000 && cut.ends_with('…'));
    }
}
