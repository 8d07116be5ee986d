//! ENL-012: an enlistment that failed is repeated by the client itself a bounded number of times.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};

pub struct EnlistmentRetries;

const RETRIES: &str = "enlistment.retries_max";

impl Check for EnlistmentRetries {
    fn id(&self) -> &'static str {
        "enlistment-retries"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENL-012"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let Some(max) = view.profile.int(RETRIES) else { return Vec::new() };
        let mut failed: BTreeMap<(Lane, String), Failed<'_>> = BTreeMap::new();
        for entry in view.entries() {
            let Some(actor) = &entry.actor else { continue };
            let user = (entry.lane, actor.clone());
            match &entry.event {
                Event::Called { operation, .. } if operation == "enlist" => {
                    failed.entry(user).or_default().in_a_row = 0;
                }
                Event::Enlistment { outcome, .. } if outcome != "ok" => {
                    let failed = failed.entry(user).or_default();
                    failed.in_a_row += 1;
                    failed.most = failed.most.max(failed.in_a_row);
                    failed.last = Some(entry);
                }
                _ => {}
            }
        }
        failed.into_values().filter_map(|failed| failed.judged(max)).collect()
    }
}

/// The failed calls of a user.
#[derive(Default)]
struct Failed<'a> {
    /// Since the user asked last.
    in_a_row: i64,
    most: i64,
    last: Option<&'a Entry>,
}

impl Failed<'_> {
    fn judged(&self, max: i64) -> Option<Observed> {
        // The first call is the user's.
        let bounded = self.most - 1 <= max;
        let expected = format!("at most {max} further calls after one that failed");
        let actual = if bounded { "no more than that" } else { "more than that" };
        let observed = Observed::new("ENL-012", bounded, expected, actual, self.last?);
        Some(observed.resting_on(RETRIES))
    }
}
