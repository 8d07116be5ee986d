//! The partner's key set as Meta has it (TF §1.1), and what its rotations look like from here.
//!
//! Main type: [`Signers`]. The set is fetched when a token comes and the last fetch is a period
//! ago. For a key that it lacks it is fetched once more, as OIDC Core §10.1.1 says: Meta has not
//! said whether it does, so that a key which was listed too late is a warning (JWK-010), and one
//! that is not listed at all a failure (JWT-005).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{Fetch, Meta, Waiting};
use crate::evidence::{Event, RuleFacts, RuleGrade, Stream};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::jwks::{self, CachePolicy, KeySet, Lookup};
use crate::identity::token::{self, Inspected};
use crate::limits::SIGNERS_REMEMBERED_MAX;
use crate::role::FetchId;
use crate::spec::Profile;

/// The keys that signed valid tokens.
#[derive(Default)]
pub(super) struct Signers {
    /// When the last token of each key expires, in seconds since the epoch.
    expiry: BTreeMap<String, u64>,
    /// The one that signed last.
    last: Option<String>,
    /// Keys that a set lacked which was fetched less than a period before.
    late: BTreeSet<String>,
}

/// How long a fetched set is used: a period, and never shorter than its publisher says.
pub(super) fn period(profile: &Profile) -> CachePolicy {
    let period = profile.int("jwks.fetch_period_s").unwrap_or(3600).unsigned_abs();
    let period = Duration::from_secs(period);
    CachePolicy { period, life_min: period, ..CachePolicy::default() }
}

impl Meta {
    /// Starts a fetch if the set is needed anew for this token; true if the caller must wait.
    pub(super) fn partner_keys_missing(&mut self, token: &str) -> bool {
        if self.integrator.base_url.is_none() {
            return false;
        }
        let header = token::inspect(token).header;
        let kid = header.get("kid").and_then(Value::as_str);
        let unknown = kid.filter(|kid| self.partner_keys.keys().find(kid).next().is_none());
        let first = self.partner_keys.is_empty();
        match self.partner_keys.lookup(None, self.now) {
            Lookup::Ready(_) => {}
            Lookup::Unavailable => return false,
            Lookup::Wait => return true,
            Lookup::Fetch => {
                self.fetch_partner_keys(None);
                return true;
            }
        }
        if let Some(kid) = unknown.filter(|_| !first)
            && self.signers.late.len() < SIGNERS_REMEMBERED_MAX
        {
            self.signers.late.insert(kid.to_owned());
        }
        let again = matches!(self.partner_keys.lookup(kid, self.now), Lookup::Fetch);
        if again {
            self.fetch_partner_keys(None);
        }
        again
    }

    /// JWK-010: a token of a new key shows whether the key was listed in time.
    pub(super) fn note_signer(&mut self, token: &Inspected, valid: bool) -> Option<RuleFacts> {
        let kid = token.header.get("kid").and_then(Value::as_str).filter(|_| valid)?;
        let new = self.signers.last.as_deref().is_some_and(|last| last != kid);
        let exp = token.claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
        let known = self.signers.expiry.contains_key(kid);
        if known || self.signers.expiry.len() < SIGNERS_REMEMBERED_MAX {
            let last = self.signers.expiry.entry(kid.to_owned()).or_default();
            *last = exp.max(*last);
        }
        self.signers.last = Some(kid.to_owned());
        let why = self.signers.late.remove(kid).then(|| {
            format!("the key `{kid}` signed before it was in the set of the last periodic fetch")
        });
        (new || why.is_some()).then(|| decided("JWK-010", why))
    }

    /// JWK-011: whether the keys of tokens that still hold are listed. Says nothing before a
    /// rotation.
    fn retired_keys(&self, keys: &KeySet) -> Option<RuleFacts> {
        let holds = self.signers.expiry.iter().filter(|(_, exp)| **exp > self.now.secs());
        let gone = |kid: &&str| keys.find(kid).next().is_none();
        let living: Vec<&str> = holds.map(|(kid, _)| kid.as_str()).collect();
        let why =
            living.iter().copied().find(gone).map(|kid| {
                format!("the key `{kid}` has left the set while a token of it still holds")
            });
        let retired = |kid: &&str| self.signers.last.as_deref() != Some(kid);
        let rotated = living.iter().any(retired);
        (rotated || why.is_some()).then(|| decided("JWK-011", why))
    }

    /// Fetches the partner's key set, as Meta does periodically (TF §1.1).
    pub fn fetch_partner_keys(&mut self, label: Option<String>) {
        self.ask_for_partner_keys(label, false);
    }

    /// Asks for the partner's key set by GET, or by HEAD.
    pub fn ask_for_partner_keys(&mut self, label: Option<String>, head: bool) {
        let path = self.profile.text("jwks.path").unwrap_or_default().to_owned();
        let Some(base) = self.integrator.base_url.clone() else { return };
        let method = if head { "HEAD" } else { "GET" };
        let event = Event::requested(label.clone(), method, &path);
        self.record(Stream::http_out(), None, event);
        let request = HttpRequest::new(method, &path);
        self.fetch(Fetch::PartnerKeys { label, head }, format!("{base}{path}"), request);
    }

    /// A sound request for the partner's key set, with its URL.
    pub fn key_set_request(&self) -> Option<(String, HttpRequest)> {
        let path = self.profile.text("jwks.path").unwrap_or_default();
        let base = self.integrator.base_url.as_ref()?;
        Some((format!("{base}{path}"), HttpRequest::new("GET", path)))
    }

    pub(super) fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        let Some(fetch) = self.fetches.remove(&id) else { return };
        let (label, keys) = match fetch {
            Fetch::PartnerKeys { label, head } => (label, !head),
            Fetch::Push { label } => (label, false),
            Fetch::Media(pending) => return self.conclude_media(*pending, Some(result)),
            Fetch::Probe { number, at } => return self.probed(number, at, result),
        };
        let shown = if keys { result.clone().map(without_private_members) } else { result.clone() };
        self.record_answer(label, &shown);
        if keys {
            self.take_keys(&result);
        }
    }

    fn record_answer(&mut self, label: Option<String>, result: &Result<HttpResponse, String>) {
        let event = match result {
            Ok(response) => Event::Responded {
                label,
                status: response.status,
                headers: response.headers.clone(),
                body: crate::evidence::Payload::of(&response.body),
            },
            Err(why) => Event::RequestFailed { label, why: why.clone() },
        };
        self.record(Stream::http_out(), None, event);
    }

    fn take_keys(&mut self, result: &Result<HttpResponse, String>) {
        let keys = result.as_ref().ok().and_then(|response| self.judge_keys(response));
        match (keys, result) {
            (Some(keys), Ok(response)) => {
                let caching = response.header("cache-control");
                self.partner_keys.store(keys, caching, self.now);
            }
            _ => self.partner_keys.failed(self.now),
        }
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Enlistment(pending) => self.enlist(pending),
                Waiting::Login(conn) => self.decide_login(conn),
            }
        }
    }

    /// Records how the answer's rules came out; what can be read of it is used.
    fn judge_keys(&mut self, response: &HttpResponse) -> Option<KeySet> {
        let kind = response.header("content-type");
        let judged = jwks::examine(response.status, kind, &response.body);
        let said = |faults: &Vec<jwks::KeyFault>| {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let mut checked = exposing(super::enlistment::checked(&judged, said));
        let keys = KeySet::parse(&response.body).ok();
        if let Some(keys) = keys.as_ref().filter(|_| response.status == 200) {
            let age = response.header("cache-control").and_then(jwks::max_age);
            let none = age.is_none_or(|age| age.is_zero());
            let why = none.then(|| "the answer declares no `max-age`".to_owned());
            checked.push(decided("JWK-009", why));
            checked.extend(self.retired_keys(keys));
        }
        self.record(Stream::http_out(), None, Event::KeySet { checked });
        keys.filter(|_| response.status == 200)
    }
}

fn decided(requirement: &str, why: Option<String>) -> RuleFacts {
    let grade = if why.is_some() { RuleGrade::Broken } else { RuleGrade::Holds };
    RuleFacts { requirement: requirement.to_owned(), grade, why }
}

/// A key set that gives private halves away must not give them to the transcript too.
fn without_private_members(mut response: HttpResponse) -> HttpResponse {
    let Ok(mut set) = serde_json::from_slice::<serde_json::Value>(&response.body) else {
        return response;
    };
    let keys = set.get_mut("keys").and_then(serde_json::Value::as_array_mut);
    for key in keys.into_iter().flatten().filter_map(serde_json::Value::as_object_mut) {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            if let Some(value) = key.get_mut(name) {
                *value = "(withheld)".into();
            }
        }
    }
    response.body = set.to_string().into_bytes();
    response
}

/// What is no key set exposes no keys, so no rule about its form says anything then.
fn exposing(checked: Vec<RuleFacts>) -> Vec<RuleFacts> {
    let no_set =
        |rule: &RuleFacts| rule.requirement == "JWK-002" && rule.grade == RuleGrade::Broken;
    match checked.iter().find(|rule| no_set(rule)) {
        Some(rule) => vec![rule.clone()],
        None => checked,
    }
}
