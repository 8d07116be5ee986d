//! The third party's server: its key set, its users' tokens, and the push call (TF §1.3, §3.2.2).
//!
//! Main type: [`ThirdPartyServer`]. HTTP messages and time go in, [`Output`]s come out; it owns no
//! socket and never learns what a user writes. A push is judged by Meta's published keys, which are
//! fetched when they are first needed; pushes wait for them, so that none is refused for our delay.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rand::Rng as _;
use serde_json::{Map, Value, json};

use crate::clock::UnixMs;
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::judged::Judged;
use crate::identity::jwks::{KeyCache, KeySet, Lookup};
use crate::identity::token::{self, Algorithm, Policy, TokenError};
use crate::identity::{base64url, test_keys};
use crate::limits::PUSHES_WAITING_MAX;
use crate::role::quirk::Fault;
use crate::role::third_party_client::Values;
use crate::role::{FetchId, Input, RequestId};
use crate::seed::Seed;

/// Life of a token that a client gets (RFC 6750 §5.3).
const TOKEN_LIFE_S: u64 = 3600;
/// Length of an RSA 2048 private exponent.
const EXPONENT_BYTES: usize = 256;

/// What the server wants done, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    Respond {
        id: RequestId,
        response: HttpResponse,
    },
    Fetch {
        id: FetchId,
        url: String,
        request: HttpRequest,
    },
    /// Reach the device of this user.
    Wake {
        visible_id: String,
    },
}

/// Where the server is and whom it knows of Meta's side.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub seed: Seed,
    /// The own origin, which push tokens must be meant for.
    pub base_url: String,
    /// The name under which tokens are issued.
    pub issuer: String,
    /// Meta's published push keys.
    pub push_jwks_url: String,
    pub values: Values,
}

/// The server.
pub struct ThirdPartyServer {
    settings: ServerSettings,
    fault: Option<Fault>,
    users: BTreeSet<String>,
    meta_keys: KeyCache,
    fetch: Option<FetchId>,
    fetches: FetchId,
    /// Pushes that wait for Meta's keys, by the order of their coming.
    waiting: BTreeMap<RequestId, HttpRequest>,
    now: UnixMs,
    out: VecDeque<Output>,
}

/// Why a push is not carried out.
enum Refusal {
    /// Without a token, or with one that does not hold.
    Unauthorised { invalid: bool },
    /// Meta's keys are not to be had at the moment.
    NoKeys,
}

impl ThirdPartyServer {
    /// A server without users.
    pub fn new(settings: ServerSettings, fault: Option<Fault>) -> Self {
        Self {
            settings,
            fault,
            users: BTreeSet::new(),
            meta_keys: KeyCache::default(),
            fetch: None,
            fetches: 0,
            waiting: BTreeMap::new(),
            now: UnixMs::default(),
            out: VecDeque::new(),
        }
    }

    /// Takes in a user.
    pub fn add_user(&mut self, visible_id: &str) {
        self.users.insert(visible_id.to_owned());
    }

    /// Issues a token for an authenticated client; `None` for who is no user (JWT-025).
    ///
    /// Subject is the user-visible identifier, audience Meta (JWT-007, JWT-009).
    pub fn issue(&self, now: UnixMs, visible_id: &str) -> Option<String> {
        if !self.users.contains(visible_id) {
            return None;
        }
        let ServerSettings { values, issuer, .. } = &self.settings;
        let or = |key: &str, other: &str| match values.text(key) {
            "" => other.to_owned(),
            value => value.to_owned(),
        };
        let claims = json!({
            "iss": or("jwt.issuer", issuer),
            "aud": or("jwt.audience", values.text("push.iss")),
            values.text("jwt.subject_claim"): self.subject(visible_id),
            "iat": now.secs(),
            "exp": now.secs() + TOKEN_LIFE_S,
        });
        Some(token::issue_with(test_keys::partner(), &Map::new(), &claims))
    }

    fn subject(&self, visible_id: &str) -> String {
        let stranger = self.has(Fault::JwtNamesAnotherUser);
        if stranger { format!("not-{visible_id}") } else { visible_id.to_owned() }
    }

    /// Takes in a request, or the answer to one of its own.
    pub fn handle(&mut self, now: UnixMs, input: Input) {
        self.now = now;
        match input {
            Input::Request { id, request } => self.serve(id, request),
            Input::Response { id, result } => self.answered(id, result),
            // The server has neither connections nor timers.
            Input::Accepted { .. }
            | Input::Opened { .. }
            | Input::Bytes { .. }
            | Input::Closed { .. }
            | Input::Wake => {}
        }
    }

    /// Gives the next thing to do, if there is one.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn serve(&mut self, id: RequestId, request: HttpRequest) {
        let path = request.path.split('?').next().unwrap_or_default();
        if path == self.settings.values.text("push.path") {
            return match request.method.as_str() {
                "POST" => self.push(id, request),
                _ => self.respond(id, not_allowed("POST")),
            };
        }
        if path != self.settings.values.text("jwks.path") {
            return self.respond(id, HttpResponse::new(404));
        }
        let response = match request.method.as_str() {
            "GET" => self.key_set(),
            "HEAD" => HttpResponse { body: Vec::new(), ..self.key_set() },
            _ => not_allowed("GET, HEAD"),
        };
        self.respond(id, response);
    }

    /// JWK-001, JWK-009: public keys for everybody, with a declared life.
    fn key_set(&self) -> HttpResponse {
        let mut key = test_keys::partner().public().to_json();
        if self.has(Fault::JwksHasPrivateKey) {
            // As long as a real exponent; the real one never leaves its type.
            let mut exponent = [0; EXPONENT_BYTES];
            self.settings.seed.rng(&["third-party-server", "d"]).fill_bytes(&mut exponent);
            key["d"] = Value::from(base64url::encode(exponent));
        }
        let age = format!("public, max-age={TOKEN_LIFE_S}");
        HttpResponse::json(200, &json!({ "keys": [key] })).with_header("cache-control", age)
    }

    fn push(&mut self, id: RequestId, request: HttpRequest) {
        let token = bearer(&request).map(str::to_owned);
        let decision = match &token {
            None if self.has(Fault::PushMissingAuthAccepted) => Some(Ok(())),
            None => Some(Err(Refusal::Unauthorised { invalid: false })),
            Some(token) => self.judge(token),
        };
        match decision {
            Some(Ok(())) => self.carry_out(id, &request),
            Some(Err(refusal)) => self.respond(id, refused(&refusal)),
            None if self.waiting.len() >= PUSHES_WAITING_MAX => {
                self.respond(id, refused(&Refusal::NoKeys));
            }
            None => {
                self.waiting.insert(id, request);
            }
        }
    }

    /// PSH-004, PSH-005: Meta's signature, its name, our origin, the expiry. `None` while the keys
    /// are on their way.
    fn judge(&mut self, token: &str) -> Option<Result<(), Refusal>> {
        let header = token::inspect(token).header;
        let kid = header.get("kid").and_then(Value::as_str);
        let policy = self.policy();
        let keys = match self.meta_keys.lookup(kid, self.now) {
            Lookup::Ready(keys) => keys.clone(),
            Lookup::Unavailable => return Some(Err(Refusal::NoKeys)),
            Lookup::Wait => return None,
            Lookup::Fetch => {
                self.fetch_keys();
                return None;
            }
        };
        let holds = self.holds(token, &keys, &policy);
        Some(if holds { Ok(()) } else { Err(Refusal::Unauthorised { invalid: true }) })
    }

    fn holds(&self, token: &str, keys: &KeySet, policy: &Policy) -> bool {
        let judged = token::examine(token, keys, policy, self.now);
        let counts = |row: &Judged<TokenError>| match row.requirement {
            // A push is Meta's own and names no user.
            "JWT-007" | "JWT-023" => false,
            "JWT-005" | "JWT-006" => !self.has(Fault::PushAnySignatureAccepted),
            _ => true,
        };
        !judged.iter().any(|row| counts(row) && row.broken().is_some())
    }

    fn policy(&self) -> Policy {
        let values = &self.settings.values;
        Policy {
            algorithms: Algorithm::parse(values.text("push.algorithm")).into_iter().collect(),
            issuer: Some(values.text("push.iss").to_owned()),
            audience: Some(self.settings.base_url.clone()),
            leeway_s: values.int("jwt.leeway_s"),
            ..Policy::default()
        }
    }

    fn fetch_keys(&mut self) {
        let id = self.fetches;
        self.fetches += 1;
        self.fetch = Some(id);
        let url = self.settings.push_jwks_url.clone();
        self.out.push_back(Output::Fetch { id, url, request: HttpRequest::new("GET", "/") });
    }

    fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        if self.fetch != Some(id) {
            return;
        }
        self.fetch = None;
        let response = result.ok().filter(|response| response.status == 200);
        let keys = response.as_ref().and_then(|response| KeySet::parse(&response.body).ok());
        match keys {
            Some(keys) => {
                let life = response.as_ref().and_then(|response| response.header("cache-control"));
                self.meta_keys.store(keys, life, self.now);
            }
            None => self.meta_keys.failed(self.now),
        }
        for (id, request) in std::mem::take(&mut self.waiting) {
            self.push(id, request);
        }
    }

    /// PSH-002, PSH-003, PSH-011: the same answer whether or not the user is known.
    fn carry_out(&mut self, id: RequestId, request: &HttpRequest) {
        let body: Option<Value> = serde_json::from_slice(&request.body).ok();
        let to = body.as_ref().and_then(|body| body.get("to")?.as_str());
        let Some(to) = to else { return self.respond(id, HttpResponse::new(400)) };
        if self.users.contains(to) && !self.has(Fault::PushNeverWakes) {
            self.out.push_back(Output::Wake { visible_id: to.to_owned() });
        }
        self.respond(id, HttpResponse::new(200));
    }

    fn respond(&mut self, id: RequestId, response: HttpResponse) {
        self.out.push_back(Output::Respond { id, response });
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1); the scheme has no case.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// PSH-006: 401 with the scheme (RFC 6750 §3); 503 where we are at fault (PSH-013).
fn refused(refusal: &Refusal) -> HttpResponse {
    let challenge = |value: &str| HttpResponse::new(401).with_header("www-authenticate", value);
    match refusal {
        Refusal::Unauthorised { invalid: false } => challenge("Bearer"),
        Refusal::Unauthorised { invalid: true } => challenge("Bearer error=\"invalid_token\""),
        Refusal::NoKeys => {
            let wait = KEYS_RETRY.as_secs().to_string();
            HttpResponse::new(503).with_header("retry-after", wait)
        }
    }
}

/// After this time Meta's keys are tried again.
const KEYS_RETRY: Duration = Duration::from_secs(30);

fn not_allowed(allow: &str) -> HttpResponse {
    HttpResponse::new(405).with_header("allow", allow)
}

#[cfg(test)]
mod tests;
