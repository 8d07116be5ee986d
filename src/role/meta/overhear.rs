//! Searching what is not recorded as it came for what users wrote (ENC-001), and for what they are
//! called (PRV-001).
//!
//! Tokens and forms are recorded as facts, so a judge cannot search their bytes later; they are
//! searched here, and a sighting is recorded with its place. Where a display name belongs is not
//! searched for names: a login has a field for one (`wire.md` §2), and claims are judged by JWT-022.

use std::sync::{Arc, OnceLock};

use prost::Message as _;

use super::Meta;
use crate::canary::{Canary, Oracle, Sighting};
use crate::evidence::{Channel, Event, Stream};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::SIGHTINGS_MAX;
use crate::proto::login::ClientPayload;

/// What is looked for, and how much was found.
#[derive(Default)]
pub(super) struct Watch {
    content: Wanted,
    names: Wanted,
    sightings: usize,
}

/// Canaries, and all forms of them once somebody asks.
#[derive(Default)]
struct Wanted {
    canaries: Vec<Canary>,
    oracle: OnceLock<Arc<Oracle>>,
}

impl Wanted {
    fn add(&mut self, canary: Canary) {
        self.canaries.push(canary);
        self.oracle = OnceLock::new();
    }

    fn scan(&self, bytes: &[u8]) -> Option<Sighting> {
        self.oracle.get_or_init(|| Oracle::shared(&self.canaries)).scan(bytes)
    }
}

impl Meta {
    /// From here on these must not be seen, beside those that were named before.
    pub fn watch_for(&mut self, canary: Canary) {
        self.watch.content.add(canary);
    }

    /// From here on these display names must not be seen but where the protocol carries one.
    pub fn watch_for_name(&mut self, canary: Canary) {
        if !self.watch.names.canaries.contains(&canary) {
            self.watch.names.add(canary);
        }
    }

    /// What is in bytes that must not be seen in them.
    pub fn sighting(&self, bytes: &[u8]) -> Option<Sighting> {
        self.watch.content.scan(bytes)
    }

    /// Whose display name is in bytes.
    pub fn sighting_of_a_name(&self, bytes: &[u8]) -> Option<Sighting> {
        self.watch.names.scan(bytes)
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
        let canaries = &self.watch.content.canaries;
        canary.is_some_and(|path| canaries.iter().any(|known| known.bytes == path.as_bytes()))
    }

    pub(super) fn overhear_login(&mut self, payload: &[u8]) {
        const PLACE: &str = "the payload of the login";
        self.search_for_content(Channel::Login, PLACE, payload);
        self.search_for_names(Channel::Login, PLACE, &without_push_name(payload));
    }

    /// Searches a push of our own: it says whom to wake, and nothing of why (TF §3.2.2).
    pub(super) fn search_push(&mut self, body: &[u8]) {
        self.search(Channel::Push, "the body of Meta's own push", body);
    }

    pub(super) fn search(&mut self, channel: Channel, place: &str, bytes: &[u8]) {
        self.search_for_content(channel, place, bytes);
        self.search_for_names(channel, place, bytes);
    }

    fn search_for_content(&mut self, channel: Channel, place: &str, bytes: &[u8]) {
        if let Some(found) = self.sighting(bytes) {
            self.sighted(channel, place, found, false);
        }
    }

    fn search_for_names(&mut self, channel: Channel, place: &str, bytes: &[u8]) {
        if let Some(found) = self.sighting_of_a_name(&without_tokens(bytes)) {
            self.sighted(channel, place, found, true);
        }
    }

    fn sighted(&mut self, channel: Channel, place: &str, found: Sighting, name: bool) {
        if self.watch.sightings < SIGHTINGS_MAX {
            self.watch.sightings += 1;
            let (place, what, form) = (place.to_owned(), found.what, found.form);
            let event = Event::Sighted { channel, place, what, form, offset: found.offset, name };
            self.record(Stream::sightings(), None, event);
        }
    }
}

/// The payload of a login without its `pushName`, the one field of it that is for a display name.
fn without_push_name(payload: &[u8]) -> Vec<u8> {
    let stated = ClientPayload::decode(payload).ok().and_then(|payload| payload.push_name);
    let Some(push_name) = stated else { return payload.to_vec() };
    let field = ClientPayload { push_name: Some(push_name), ..ClientPayload::default() };
    let field = field.encode_to_vec();
    let mut windows = payload.windows(field.len());
    match windows.position(|window| window == field) {
        Some(at) => [&payload[..at], &payload[at + field.len()..]].concat(),
        None => payload.to_vec(),
    }
}

/// The bytes without what is a JWT by its form: three parts with dots between, the first of which is
/// a JSON object in base64url (RFC 7515 §7.1).
fn without_tokens(bytes: &[u8]) -> Vec<u8> {
    const OBJECT: &[u8] = b"eyJ";
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let words = bytes.split_inclusive(|byte| !part(byte));
    let is_token = |word: &&[u8]| {
        word.starts_with(OBJECT) && word.iter().filter(|byte| **byte == b'.').count() == 2
    };
    words.filter(|word| !is_token(word)).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::meta::Integrator;
    use crate::role::{Output, Role as _};
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

    fn named() -> Meta {
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: None };
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let mut meta = Meta::new(profile, integrator, Seed(7), "case");
        meta.watch_for_name(Canary::of_name("alice", NAME));
        meta
    }

    const NAME: &str = "alice nmcy0123456789abcdef0123";

    fn sightings(meta: &mut Meta) -> Vec<(String, bool)> {
        let drained = std::iter::from_fn(|| meta.poll());
        let told = drained.filter_map(|output| match output {
            Output::Record(record) => match record.event {
                Event::Sighted { what, name, .. } => Some((what, name)),
                _ => None,
            },
            _ => None,
        });
        told.collect()
    }

    #[test]
    fn a_display_name_belongs_into_its_field_of_a_login_and_into_no_other() {
        let login = |push_name: Option<&str>, username_hint: &str| {
            let push_name = push_name.map(str::to_owned);
            let mut payload =
                ClientPayload { push_name, ..ClientPayload::default() }.encode_to_vec();
            // A field that nobody knows.
            payload.extend([0xFA, 0x3F, username_hint.len() as u8]);
            payload.extend(username_hint.as_bytes());
            payload
        };
        let mut meta = named();
        meta.overhear_login(&login(Some(NAME), "nothing"));
        meta.overhear_login(&login(None, "nothing"));
        assert_eq!(sightings(&mut meta), []);
        let expected = [("alice's display name".to_owned(), true)];
        meta.overhear_login(&login(Some("somebody"), NAME));
        assert_eq!(sightings(&mut meta), expected);
        meta.overhear_login(&login(Some(NAME), NAME));
        assert_eq!(sightings(&mut meta), expected);
    }

    #[test]
    fn a_name_in_the_claims_of_a_token_is_another_rows_business() {
        use base64::Engine as _;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(NAME);
        let token = format!("token=eyJhbGciOiJSUzI1NiJ9.{claims}.c2ln");
        let mut meta = named();
        meta.search(Channel::Http, "the body of a request", token.as_bytes());
        assert_eq!(sightings(&mut meta), []);
        meta.search(
            Channel::Http,
            "the body of a request",
            format!("{token}&n={claims}").as_bytes(),
        );
        assert_eq!(sightings(&mut meta).len(), 1);
    }

    #[test]
    fn what_our_own_push_must_not_hold_would_be_seen() {
        let mut meta = named();
        meta.watch_for(Canary::new("the text", b"cnry0123456789abcdef"));
        meta.search_push(br#"{"to":"alice-975310864"}"#);
        assert_eq!(sightings(&mut meta), []);
        let told = format!(r#"{{"to":"alice-1","alert":"cnry0123456789abcdef","of":"{NAME}"}}"#);
        meta.search_push(told.as_bytes());
        let seen: Vec<bool> = sightings(&mut meta).into_iter().map(|(_, name)| name).collect();
        assert_eq!(seen, [false, true]);
    }
}
