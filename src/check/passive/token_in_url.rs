//! Tokens in URLs (JWT-024): whoever sees a URL, in a log or a cache, has the token too.

use super::{Check, Observed, View};
use crate::evidence::{Event, TOKEN_IN_URL};

pub struct TokenInUrl;

impl Check for TokenInUrl {
    fn id(&self) -> &'static str {
        "token-in-url"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["JWT-024"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let calls = view.entries().filter_map(|entry| match &entry.event {
            // Only a call that has a token to show can put it in the wrong place.
            Event::Enlistment { path, form, .. } if form.token.is_some() => Some((entry, path)),
            Event::StrayRequest { path, .. } => Some((entry, path)),
            _ => None,
        });
        let judged = calls.map(|(entry, path)| {
            let right = !path.contains(TOKEN_IN_URL);
            Observed::new("JWT-024", right, "no token in the URL", path, entry)
        });
        judged.collect()
    }
}
