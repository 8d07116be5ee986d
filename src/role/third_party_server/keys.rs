//! The published key set, and the change from one signing key to the next (TF §1.3).
//!
//! A new key is listed at once and signs only when everybody who fetches by the declared age has
//! it; the old one leaves when its last token has expired (JWK-010, JWK-011). All of it follows
//! from the time at which the change began, so there is no timer that could be late.

use std::time::Duration;

use rand::Rng as _;
use serde_json::{Value, json};

use super::{TOKEN_LIFE_S, ThirdPartyServer};
use crate::clock::UnixMs;
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::token::SigningKey;
use crate::identity::{base64url, test_keys};
use crate::role::quirk::Fault;

/// How long the set may be kept, as its answer says.
const MAX_AGE_S: u64 = 3600;
/// Length of an RSA 2048 private exponent.
const EXPONENT_BYTES: usize = 256;
/// Length of an RSA 1024 modulus, half of what is allowed.
const SHORT_MODULUS_BYTES: usize = 128;
/// More than a fetcher must take.
const LARGE_BYTES: usize = 80 * 1024;
/// Fetches within a second that a server with a misplaced limit still answers.
const FETCHES_PER_S: usize = 10;

/// A change of keys that cannot be begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    #[error("`{0}` is no phase of a rotation here; `begin` is")]
    Phase(String),
    #[error("a rotation is under way, or has been; there are two keys")]
    Begun,
}

impl ThirdPartyServer {
    /// Begins the change to the next signing key; the rest happens by the clock.
    ///
    /// # Errors
    /// The phase is unknown, or there is no further key.
    pub fn rotate_keys(&mut self, now: UnixMs, phase: &str) -> Result<(), RotationError> {
        match (phase, self.rotation) {
            ("begin", None) => {
                self.rotation = Some(now);
                Ok(())
            }
            ("begin", Some(_)) => Err(RotationError::Begun),
            _ => Err(RotationError::Phase(phase.to_owned())),
        }
    }

    /// The key that signs at this time.
    pub(super) fn signing_key(&self, now: UnixMs) -> &'static SigningKey {
        let next = self.rotation.is_some_and(|began| now >= began.after(self.lead()));
        if next { test_keys::partner_next() } else { test_keys::partner() }
    }

    /// From the listing of a key to its first signature: everybody's next fetch, and what a cache
    /// on the way may keep meanwhile.
    fn lead(&self) -> Duration {
        if self.has(Fault::JwksSwapped) || self.has(Fault::JwksSignsBeforeListed) {
            return Duration::ZERO;
        }
        let period = self.settings.values.int("jwks.fetch_period_s");
        Duration::from_secs(period.saturating_add(MAX_AGE_S))
    }

    pub(super) fn listed_keys(&self) -> Vec<&'static SigningKey> {
        let Some(began) = self.rotation else { return vec![test_keys::partner()] };
        let leeway = self.settings.values.int("jwt.leeway_s");
        let last_token = Duration::from_secs(TOKEN_LIFE_S.saturating_add(leeway));
        let gone = self.now >= began.after(self.lead()).after(last_token);
        match gone || self.has(Fault::JwksSwapped) {
            true => vec![test_keys::partner_next()],
            false => vec![test_keys::partner(), test_keys::partner_next()],
        }
    }

    /// JWK-001, JWK-009: public keys for everybody, with a declared life.
    pub(super) fn key_set(&mut self, request: &HttpRequest) -> HttpResponse {
        let locked = self.has(Fault::JwksBehindALogin) && request.header("authorization").is_none();
        if locked {
            return HttpResponse::new(401).with_header("www-authenticate", "Bearer");
        }
        if self.has(Fault::JwksRationed) && self.calls_lately() > FETCHES_PER_S {
            return HttpResponse::new(429).with_header("retry-after", "1");
        }
        let keys: Vec<Value> =
            self.listed_keys().into_iter().map(|key| key.public().to_json()).collect();
        let mut set = json!({ "keys": keys });
        self.spoil(&mut set);
        let mut response = HttpResponse::json(200, &set);
        if self.has(Fault::JwksAsText) {
            response.headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        }
        if self.has(Fault::JwksWithoutMaxAge) {
            return response;
        }
        response.with_header("cache-control", format!("public, max-age={MAX_AGE_S}"))
    }

    /// JWK-016: the same header fields, and no content (RFC 9110 §9.3.2).
    pub(super) fn head_of_key_set(&mut self, request: &HttpRequest) -> HttpResponse {
        if self.has(Fault::JwksHeadFails) {
            return HttpResponse::new(500);
        }
        HttpResponse { body: Vec::new(), ..self.key_set(request) }
    }

    /// Deliberate faults of the set.
    fn spoil(&self, set: &mut Value) {
        let mut random = self.settings.seed.rng(&["third-party-server", "keys"]);
        let key = &mut set["keys"][0];
        match self.fault {
            Some(Fault::JwksHasPrivateKey) => {
                // As long as a real exponent; the real one never leaves its type.
                let mut exponent = [0; EXPONENT_BYTES];
                random.fill_bytes(&mut exponent);
                key["d"] = Value::from(base64url::encode(exponent));
            }
            Some(Fault::JwksModulusLeadingZero) => {
                let modulus = key["n"].as_str().and_then(|n| base64url::decode(n).ok());
                let signed = [&[0][..], &modulus.unwrap_or_default()].concat();
                key["n"] = Value::from(base64url::encode(signed));
            }
            Some(Fault::JwksWithoutExponent) => {
                key.as_object_mut().map(|key| key.remove("e"));
            }
            Some(Fault::JwksWithoutUse) => {
                key.as_object_mut().map(|key| key.remove("use"));
            }
            Some(Fault::JwksHasShortKey) => {
                let mut modulus = [0; SHORT_MODULUS_BYTES];
                random.fill_bytes(&mut modulus);
                (modulus[0], modulus[SHORT_MODULUS_BYTES - 1]) = (0xC1, 0x01);
                let short = json!({
                    "kty": "RSA", "kid": "legacy", "alg": "RS256", "use": "sig",
                    "n": base64url::encode(modulus), "e": "AQAB",
                });
                set["keys"].as_array_mut().map(|keys| keys.push(short)).unwrap_or_default();
            }
            Some(Fault::JwksRepeatsAKid) => {
                let mut other = test_keys::stranger().public().to_json();
                other["kid"] = key["kid"].clone();
                set["keys"].as_array_mut().map(|keys| keys.push(other)).unwrap_or_default();
            }
            Some(Fault::JwksTooLarge) => key["x-history"] = Value::from("x".repeat(LARGE_BYTES)),
            Some(Fault::JwksIsABareList) => *set = set["keys"].take(),
            _ => {}
        }
    }
}
