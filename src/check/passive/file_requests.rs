//! MED-020: one file is asked for a bounded number of times, whatever becomes of it.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};

pub struct FileRequests;

const TRIES: &str = "media.tries_max";
/// A part that was asked for is no failure.
const PARTIAL_CONTENT: u16 = 206;

impl Check for FileRequests {
    fn id(&self) -> &'static str {
        "file-requests"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["MED-020"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let Some(max) = view.profile.int(TRIES).map(i64::unsigned_abs) else { return Vec::new() };
        let mut asked: BTreeMap<(Lane, &str), (u64, &Entry)> = BTreeMap::new();
        for entry in view.transcript.entries() {
            if let Event::FileAsked { method, path, status, .. } = &entry.event
                && method == "GET"
                && *status != PARTIAL_CONTENT
            {
                let of_file = asked.entry((entry.lane, path.as_str())).or_insert((0, entry));
                *of_file = (of_file.0 + 1, entry);
            }
        }
        let again = asked.into_values().filter(|(times, _)| *times > 1);
        again.map(|(times, last)| judged(times <= max, max, last)).collect()
    }
}

fn judged(bounded: bool, max: u64, last: &Entry) -> Observed {
    let expected = format!("at most {max} requests for one file");
    let actual = if bounded { "no more than that" } else { "more than that" };
    Observed::new("MED-020", bounded, expected, actual, last).resting_on(TRIES)
}
