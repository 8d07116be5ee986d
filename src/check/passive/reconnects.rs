//! TRN-015: the pauses before a client comes back grow, and clients do not come back in step.
//!
//! Attempts are told apart by the login that Meta's side drops each time, and their times are those
//! of the case: the real ones, and what the clock was advanced by. The figures differ between runs,
//! so the words have none; the log has them.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};

pub struct Reconnects;

/// Attempts of one client that show whether its pauses grow.
const ATTEMPTS_MIN: usize = 5;
/// How much longer the last third of the pauses must be than the first, on average.
const GROWTH: u64 = 2;
/// Clients whose pauses are compared.
const CLIENTS_MIN: usize = 3;
/// Pauses that are long enough for chance to show in them.
const LONG_MS: u64 = 7_000;
/// Pauses that differ by no more are equal, since the clock is moved in steps of half a second.
const RESOLUTION_MS: u64 = 1_250;

impl Check for Reconnects {
    fn id(&self) -> &'static str {
        "reconnects"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["TRN-015"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let attempts = attempts(view);
        let enough = || attempts.values().filter(|attempts| attempts.len() >= ATTEMPTS_MIN);
        let mut out: Vec<Observed> = enough().map(|attempts| grow(attempts)).collect();
        if enough().count() >= CLIENTS_MIN {
            let all: Vec<&Vec<Attempt<'_>>> = enough().collect();
            out.extend(apart(&all));
        }
        out
    }
}

/// A login that was dropped, and when in the time of the case.
struct Attempt<'a> {
    at_ms: u64,
    entry: &'a Entry,
}

fn attempts<'a>(view: &View<'a>) -> BTreeMap<(Lane, &'a str), Vec<Attempt<'a>>> {
    let mut ahead_ms = 0;
    let mut attempts: BTreeMap<_, Vec<Attempt<'a>>> = BTreeMap::new();
    for entry in view.transcript.entries() {
        match (&entry.event, entry.actor.as_deref()) {
            (Event::ClockAdvanced { by_ms }, _) => ahead_ms += by_ms,
            (Event::Login { facts }, Some(actor)) if is_dropped(facts.refused.as_deref()) => {
                let attempt = Attempt { at_ms: entry.at_ms + ahead_ms, entry };
                attempts.entry((entry.lane, actor)).or_default().push(attempt);
            }
            _ => {}
        }
    }
    attempts
}

fn is_dropped(refused: Option<&str>) -> bool {
    refused.is_some_and(|why| why.ends_with(crate::scenario::LoginFault::Dropped.word()))
}

fn grow(attempts: &[Attempt<'_>]) -> Observed {
    // A first attempt at once is as good as any.
    let pauses = &pauses(attempts)[1..];
    let third = (pauses.len() / 3).max(1);
    let mean = |pauses: &[u64]| pauses.iter().sum::<u64>() / pauses.len().max(1) as u64;
    let (first, last) = (mean(&pauses[..third]), mean(&pauses[pauses.len() - third..]));
    let right = last >= first.saturating_mul(GROWTH);
    let actual = if right { "they grow" } else { "they do not grow" };
    observed(right, "the pauses between attempts grow", actual, attempts)
}

fn pauses(attempts: &[Attempt<'_>]) -> Vec<u64> {
    attempts.windows(2).map(|two| two[1].at_ms.saturating_sub(two[0].at_ms)).collect()
}

/// Compares the long pauses of all clients, the first with the first and so on; nothing where none
/// is long.
fn apart(all: &[&Vec<Attempt<'_>>]) -> Option<Observed> {
    let pauses: Vec<Vec<u64>> = all.iter().map(|attempts| pauses(attempts)).collect();
    let shortest = pauses.iter().map(Vec::len).min().unwrap_or_default();
    let of_all = |n: usize| pauses.iter().map(move |pauses| pauses[n]);
    let mut long = (0..shortest).filter(|n| of_all(*n).min() >= Some(LONG_MS)).peekable();
    long.peek()?;
    let spread = |n| of_all(n).max().unwrap_or_default() - of_all(n).min().unwrap_or_default();
    let right = long.any(|n| spread(n) > RESOLUTION_MS);
    let actual = if right { "they do not" } else { "they do" };
    Some(observed(right, "several clients do not come back in step", actual, all[0]))
}

fn observed(right: bool, expected: &str, actual: &str, attempts: &[Attempt<'_>]) -> Observed {
    let last = attempts.last().map_or(attempts[0].entry, |attempt| attempt.entry);
    Observed::new("TRN-015", right, expected, actual, last)
}
