//! Searching what is not recorded as it came for what users wrote (ENC-001).
//!
//! Tokens and forms are recorded as facts, so a judge cannot search their bytes later; they are
//! searched here, and a sighting is recorded with its place.

use std::sync::Arc;

use super::Meta;
use crate::canary::{Canary, Oracle, Sighting};
use crate::evidence::{Channel, Event, Stream};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::SIGHTINGS_MAX;

/// What is looked for, and how much was found.
#[derive(Default)]
pub(super) struct Watch {
    canaries: Vec<Canary>,
    oracle: Option<Arc<Oracle>>,
    sightings: usize,
}

impl Meta {
    /// From here on these must not be seen, beside those that were named before.
    pub fn watch_for(&mut self, canary: Canary) {
        self.watch.canaries.push(canary);
        self.watch.oracle = Some(Oracle::shared(&self.watch.canaries));
    }

    /// What bytes are searched with, if there is something to search for.
    pub fn oracle(&self) -> Option<Arc<Oracle>> {
        self.watch.oracle.clone()
    }

    /// What is in bytes that must not be seen in them.
    pub fn sighting(&self, bytes: &[u8]) -> Option<Sighting> {
        self.watch.oracle.as_ref()?.scan(bytes)
    }

    /// Searches a request that somebody made: its URL, its headers and its body.
    pub fn overhear(&mut self, request: &HttpRequest) {
        // The honeypot's own URL tells nothing that its writer did not put there: that somebody calls
        // it is the business of the rows about links and hosts.
        if !self.is_honeypot(&request.path) {
            self.search(Channel::Http, "the URL", request.path.as_bytes());
        }
        for (name, value) in &request.headers {
            self.search(Channel::Http, &format!("the header {name}"), value.as_bytes());
        }
        self.search(Channel::Http, "the body of a request", &request.body);
    }

    /// Searches what the third party's server gives out for a file: who hosts it, and every reader's
    /// proxy, sees it.
    pub(super) fn search_answer(&mut self, answer: &HttpResponse) {
        for (name, value) in &answer.headers {
            let place = format!("the header {name} of a file at the third party's server");
            self.search(Channel::Http, &place, value.as_bytes());
        }
        self.search(Channel::Http, "a file at the third party's server", &answer.body);
    }

    fn is_honeypot(&self, path: &str) -> bool {
        let canary = path.strip_prefix('/').and_then(|path| path.strip_suffix("/look"));
        let canaries = &self.watch.canaries;
        canary.is_some_and(|path| canaries.iter().any(|known| known.bytes == path.as_bytes()))
    }

    pub(super) fn overhear_login(&mut self, payload: &[u8]) {
        self.search(Channel::Login, "the payload of the login", payload);
    }

    pub(super) fn search(&mut self, channel: Channel, place: &str, bytes: &[u8]) {
        let Some(found) = self.sighting(bytes) else { return };
        if self.watch.sightings < SIGHTINGS_MAX {
            self.watch.sightings += 1;
            let (place, what, form) = (place.to_owned(), found.what, found.form);
            let event = Event::Sighted { channel, place, what, form, offset: found.offset };
            self.record(Stream::sightings(), None, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::meta::Integrator;
    use crate::seed::Seed;
    use crate::spec::Profile;

    #[test]
    fn the_honeypots_own_url_is_no_leak_and_any_other_is() {
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: None };
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let mut meta = Meta::new(profile, integrator, Seed(7), "case");
        meta.watch_for(Canary::new("the text", b"cnry0123456789abcdef"));
        assert!(meta.is_honeypot("/cnry0123456789abcdef/look"));
        for path in ["/cnry0123456789abcdef", "/push?text=cnry0123456789abcdef", "/look", "/x/look"]
        {
            assert!(!meta.is_honeypot(path), "{path}");
        }
    }
}
