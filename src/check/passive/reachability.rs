//! MSG-016: one user is told of another's reachability so often and no more.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};

pub struct Reachability;

/// The profile value with the number.
const MOST: &str = "reachability.per_user_max";

impl Check for Reachability {
    fn id(&self) -> &'static str {
        "reachability"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["MSG-016"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let Some(most) = view.profile.int(MOST).map(i64::unsigned_abs) else { return Vec::new() };
        let mut told: BTreeMap<(Lane, Option<&str>, &str), u64> = BTreeMap::new();
        let mut found = Vec::new();
        for (entry, about) in view.entries().filter_map(announced) {
            let times = told.entry((entry.lane, entry.actor.as_deref(), about)).or_default();
            *times += 1;
            let expected = format!("at most {most} announcements to one user");
            let actual = format!("this is number {times}");
            let observed = Observed::new("MSG-016", *times <= most, expected, actual, entry);
            found.push(observed.resting_on(MOST));
        }
        found
    }
}

fn announced(entry: &Entry) -> Option<(&Entry, &str)> {
    match &entry.event {
        Event::Asked { what, about: Some(about) } if what == "reachability" => Some((entry, about)),
        _ => None,
    }
}
