//! What was recorded around the first divergent event.
//!
//! Main function: [`around`]. Only entries of the same execution are shown, in the order of
//! recording across all streams, because that is what an engineer reads from top to bottom. This
//! order between streams is a matter of chance, so it stands under `volatile` in a report.

use crate::evidence::{Entry, Event, Transcript};
use crate::verdict::{Nearby, Surroundings};

/// Events before the divergent one.
const BEFORE: usize = 6;
/// Events after it.
const AFTER: usize = 2;

/// Finds the entry and its neighbours; `None` for an id that the transcript lacks.
pub(super) fn around(transcript: &Transcript, id: &str) -> Option<Surroundings> {
    let entries = transcript.entries();
    let here = entries.iter().find(|entry| entry.id.to_string() == id)?;
    let began = entries.first().map_or(0, |entry| entry.at_ms);
    let lent = entries.iter().any(|entry| matches!(entry.event, Event::ClientLent));
    let told: Vec<(&Entry, String)> = entries
        .iter()
        .filter(|entry| entry.lane == here.lane && !entry.id.stream.is_fence())
        .filter_map(|entry| told(entry, here, lent).map(|what| (entry, what)))
        .collect();
    let at = told.iter().position(|(entry, _)| entry.id == here.id)?;
    let events = told[at.saturating_sub(BEFORE)..].iter().take(at.min(BEFORE) + 1 + AFTER);
    let events = events.map(|(entry, what)| Nearby {
        entry: format!("{}.{}", entry.id.stream.0, entry.id.n),
        after_ms: entry.at_ms.saturating_sub(began),
        what: what.clone(),
        here: entry.id == here.id,
    });
    Some(Surroundings { events: events.collect() })
}

/// The event in words; the divergent one is shown whatever it is.
fn told(entry: &Entry, here: &Entry, lent: bool) -> Option<String> {
    let words = entry.event.in_words_of(lent);
    if entry.id == here.id {
        Some(words.unwrap_or_else(|| "the step ended".to_owned()))
    } else {
        words
    }
}
