//! ENL-021: the identifier that the third party's server puts into its tokens is one user's, and
//! stays it.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane, TokenFacts};

pub struct Identifiers;

impl Check for Identifiers {
    fn id(&self) -> &'static str {
        "identifiers"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENL-021"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let claim = view.profile.text("jwt.subject_claim").unwrap_or("sub");
        let mut of_user: BTreeMap<(Lane, &str), String> = BTreeMap::new();
        let mut owner_of: BTreeMap<String, (Lane, &str)> = BTreeMap::new();
        let mut out = Vec::new();
        for entry in view.entries() {
            let (Some(actor), Some(token)) = (entry.actor.as_deref(), token(entry)) else {
                continue;
            };
            let Some(named) = token.claims.get(claim).and_then(serde_json::Value::as_str) else {
                continue;
            };
            let user = (entry.lane, actor);
            if let Some(known) = of_user.insert(user, named.to_owned()) {
                out.push(judged(known == named, "the identifier of the user's last token", entry));
            }
            let owner = *owner_of.entry(named.to_owned()).or_insert(user);
            // One user alone shares with nobody.
            if of_user.len() > 1 {
                out.push(judged(owner == user, "an identifier that no other user has", entry));
            }
        }
        out
    }
}

fn judged(right: bool, expected: &str, entry: &Entry) -> Observed {
    let actual = if right { "as required" } else { "another one, or another user's" };
    Observed::new("ENL-021", right, expected, actual, entry).resting_on("jwt.subject_claim")
}

fn token(entry: &Entry) -> Option<&TokenFacts> {
    match &entry.event {
        Event::Enlistment { form, .. } => form.token.as_ref(),
        Event::Login { facts } => facts.token.as_ref(),
        _ => None,
    }
}
