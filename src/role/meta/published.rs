//! What Meta publishes over HTTP: its push keys, and canaries that nobody has a reason to fetch.

use serde_json::{Value, json};

use super::Meta;
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::jwks::KeySet;
use crate::identity::test_keys;
use crate::identity::token::SigningKey;
use crate::scenario::PushKeys;

/// Where a push token that lies about its key sends a verifier (`jku`).
pub(super) const CANARY_KEYS: &str = "/canary/keys.json";
/// The same for `x5u`.
pub(super) const CANARY_CERTIFICATE: &str = "/canary/certificate.pem";

impl Meta {
    /// Publishes other push keys from here on, and signs accordingly (TF §3.2.2).
    pub fn publish(&mut self, keys: PushKeys) {
        self.push_keys = keys;
    }

    /// Says under which address Meta's HTTP services are reached.
    pub fn set_own_url(&mut self, url: String) {
        self.own_url = url;
    }

    /// The key that signs push tokens at present.
    pub(super) fn push_key(&self) -> &'static SigningKey {
        match self.push_keys {
            PushKeys::Rotated | PushKeys::Withdrawn => test_keys::meta_next(),
            PushKeys::First => self.first_push_key(),
            PushKeys::UnknownTypes | PushKeys::UnknownMembers => test_keys::meta(),
        }
    }

    fn first_push_key(&self) -> &'static SigningKey {
        match self.profile.text("push.algorithm") {
            Some("ES256") => test_keys::meta_ec(),
            _ => test_keys::meta(),
        }
    }

    /// The answer to a request for something public.
    pub(super) fn public_answer(&self, request: &HttpRequest) -> HttpResponse {
        let path = request.path.split('?').next().unwrap_or_default();
        let response = match path {
            CANARY_KEYS => HttpResponse::json(200, &one(test_keys::stranger())),
            CANARY_CERTIFICATE => {
                let body = test_keys::STRANGER_CERTIFICATE.as_bytes().to_vec();
                HttpResponse { body, ..HttpResponse::new(200) }
            }
            _ if path == self.profile.text("jwks.path").unwrap_or_default() => self.push_key_set(),
            _ => return HttpResponse::new(404),
        };
        match request.method.as_str() {
            "GET" => response,
            "HEAD" => HttpResponse { body: Vec::new(), ..response },
            _ => HttpResponse::new(405).with_header("allow", "GET, HEAD"),
        }
    }

    fn push_key_set(&self) -> HttpResponse {
        let life = self.profile.int("push.keys_max_age_s").unwrap_or(3600);
        let set = match self.push_keys {
            PushKeys::First => one(self.first_push_key()),
            PushKeys::Rotated => {
                let both = [test_keys::meta(), test_keys::meta_next()];
                KeySet::of(both.map(SigningKey::public)).to_json()
            }
            PushKeys::Withdrawn => one(test_keys::meta_next()),
            PushKeys::UnknownTypes => among_strange_keys(test_keys::meta()),
            PushKeys::UnknownMembers => with_strange_members(test_keys::meta()),
        };
        let age = format!("public, max-age={life}");
        HttpResponse::json(200, &set).with_header("cache-control", age)
    }
}

fn one(key: &SigningKey) -> Value {
    KeySet::of([key.public()]).to_json()
}

/// JWK-013: a type of the future, a registered one that few verify with, and one that does not
/// exist, before and behind the good key.
fn among_strange_keys(key: &SigningKey) -> Value {
    json!({ "keys": [
        { "kty": "AKP", "alg": "ML-DSA-44", "kid": "later", "use": "sig", "pub": "AAEC" },
        { "kty": "OKP", "crv": "Ed25519", "kid": "edwards", "use": "sig",
          "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
        key.public().to_json(),
        { "kty": "x-unheard-of", "kid": "odd" },
    ] })
}

/// JWK-017: RFC 7517 §4 and §5, "members in the JWK that are not understood … MUST be ignored".
fn with_strange_members(key: &SigningKey) -> Value {
    let mut entry = key.public().to_json();
    entry["x-region"] = json!({ "of": ["eu", 1] });
    entry["nbf"] = Value::from("soon");
    json!({ "keys": [entry], "x-next": "2027", "version": 3 })
}
