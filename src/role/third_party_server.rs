//! The third party's server: its key set, its users' tokens, and the push call (TF §1.3, §3.2.2).
//!
//! Main type: [`ThirdPartyServer`]. HTTP messages and time go in, [`Output`]s come out; it owns no
//! socket and never learns what a user writes. A push is judged by Meta's published keys, which are
//! fetched when they are first needed; pushes wait for them, so that none is refused for our delay.

mod issue;
mod keys;
mod media;
mod push;
mod upload;
mod verify;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicU64;

use crate::clock::UnixMs;
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::jwks::KeyCache;
use crate::role::quirk::Fault;
use crate::role::third_party_client::Values;
use crate::role::{FetchId, Input, RequestId};
use crate::seed::Seed;

pub use keys::RotationError;
pub use media::Upload;
pub use upload::{CREDENTIAL, UPLOAD_PATH};

/// Life of a token that a client gets (RFC 6750 §5.3).
const TOKEN_LIFE_S: u64 = 3600;

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
    /// What the answer to a user's push tells; only a fault keeps it.
    hints: BTreeMap<String, String>,
    /// Users who get no token and no wake.
    disabled: BTreeSet<String>,
    /// When the change to the next signing key began.
    rotation: Option<UnixMs>,
    meta_keys: KeyCache,
    /// The fetch of Meta's keys that is under way.
    fetch: Option<FetchId>,
    fetches: FetchId,
    /// Pushes that wait for keys, by the order of their coming.
    waiting: BTreeMap<RequestId, push::Waiting>,
    /// When the last pushes and fetches of keys came; only faults look at it.
    busy: VecDeque<UnixMs>,
    /// Files that its users' clients have stored.
    store: media::Store,
    /// Tokens so far; only a fault counts them.
    issued: AtomicU64,
    now: UnixMs,
    out: VecDeque<Output>,
}

impl ThirdPartyServer {
    /// A server without users.
    pub fn new(settings: ServerSettings, fault: Option<Fault>) -> Self {
        let seed = settings.seed;
        Self {
            settings,
            fault,
            users: BTreeSet::new(),
            hints: BTreeMap::new(),
            disabled: BTreeSet::new(),
            rotation: None,
            meta_keys: verify::cache(fault),
            fetch: None,
            fetches: 0,
            waiting: BTreeMap::new(),
            busy: VecDeque::new(),
            store: media::Store::new(seed),
            issued: AtomicU64::new(0),
            now: UnixMs::default(),
            out: VecDeque::new(),
        }
    }

    /// Takes in a user.
    pub fn add_user(&mut self, visible_id: &str) {
        self.users.insert(visible_id.to_owned());
    }

    /// A deliberate fault: from here on the answer to a push of this user tells that.
    pub fn hint(&mut self, visible_id: &str, what: &str) {
        self.hints.insert(visible_id.to_owned(), what.to_owned());
    }

    /// Disables or enables a user; who is disabled gets neither token (JWT-025) nor wake (PSH-011).
    pub fn set_enabled(&mut self, visible_id: &str, enabled: bool) {
        match enabled {
            true => self.disabled.remove(visible_id),
            false => self.disabled.insert(visible_id.to_owned()),
        };
    }

    /// The longest file that the profile allows.
    pub fn file_bytes_max(&self) -> u64 {
        self.settings.values.int("media.bytes_max")
    }

    /// Stores an encrypted file of a user's, and gives the reference under which it lies
    /// (TF §5.1.1).
    ///
    /// # Errors
    /// It is too long, or the store is full.
    pub fn store(&mut self, upload: Upload) -> Result<String, String> {
        let limit = self.settings.values.size("media.bytes_max").saturating_add(64);
        if upload.bytes.len() > limit && !self.has(Fault::MediaLimitUnchecked) {
            return Err("the file is too long".into());
        }
        self.store.put(self.fault, upload)
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
        if self.has(Fault::OddPathFails) && has_broken_encoding(path) {
            return self.respond(id, HttpResponse::new(500));
        }
        if self.has(Fault::MachinesAskedToLogIn) && request.header("authorization").is_none() {
            return self.respond(id, login_page());
        }
        if path == self.settings.values.text("push.path") {
            return match request.method.as_str() {
                "POST" => self.push(id, request),
                _ if self.has(Fault::AnyMethodServed) => self.push(id, request),
                _ => self.respond(id, self.not_allowed("POST")),
            };
        }
        if path == UPLOAD_PATH {
            return self.take_file(id, request);
        }
        if path != self.settings.values.text("jwks.path") {
            return match self.asks_readers() {
                true => self.admit(id, request),
                false => self.give(id, &request),
            };
        }
        if self.has(Fault::JwksElsewhere) {
            return self.respond(id, HttpResponse::new(404));
        }
        let response = match request.method.as_str() {
            _ if self.has(Fault::MachinesRedirected) => {
                HttpResponse::new(308).with_header("location", format!("{path}/"))
            }
            "GET" => self.key_set(&request),
            "HEAD" => self.head_of_key_set(&request),
            _ if self.has(Fault::AnyMethodServed) => self.key_set(&request),
            _ => self.not_allowed("GET, HEAD"),
        };
        self.respond(id, response);
    }

    /// MED-015: whether the profile has Meta's proxy show a token.
    fn asks_readers(&self) -> bool {
        let stated = self.settings.values.text("media.download_auth") == "token";
        (stated || self.has(Fault::MediaAsksWhoReads)) && !self.has(Fault::MediaTokenNotAskedFor)
    }

    /// Gives a file from the store.
    fn give(&mut self, id: RequestId, request: &HttpRequest) {
        let counts = self.has(Fault::MediaRationed);
        let calls = if counts { self.calls_lately() } else { 0 };
        let response = self.store.answer(self.fault, request, calls);
        self.respond(id, response);
    }

    /// RFC 9110 §15.5.6: a 405 says which methods there are.
    fn not_allowed(&self, allow: &str) -> HttpResponse {
        match self.has(Fault::MethodsNotTold) {
            true => HttpResponse::new(405),
            false => HttpResponse::new(405).with_header("allow", allow),
        }
    }

    fn respond(&mut self, id: RequestId, response: HttpResponse) {
        self.out.push_back(Output::Respond { id, response });
    }

    /// A deliberate fault: how many calls there were within the last second, this one included.
    fn calls_lately(&mut self) -> usize {
        let now = self.now;
        self.busy.retain(|at| at.after(SECOND) > now);
        self.busy.push_back(now);
        self.busy.len()
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault.is_some_and(|own| own.includes(fault))
    }
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// A `%` without two hexadecimal digits behind it (RFC 3986 §2.1).
fn has_broken_encoding(path: &str) -> bool {
    let hex = |digit: Option<&u8>| digit.is_some_and(u8::is_ascii_hexdigit);
    let bytes = path.as_bytes();
    let mut percents = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    percents.any(|(at, _)| !(hex(bytes.get(at + 1)) && hex(bytes.get(at + 2))))
}

/// A deliberate fault: what a framework shows to a browser.
fn login_page() -> HttpResponse {
    let body = b"<!doctype html><title>Log in</title><form method=post></form>".to_vec();
    HttpResponse { body, ..HttpResponse::new(401) }
        .with_header("content-type", "text/html")
        .with_header("www-authenticate", "Basic realm=\"acme\"")
}

#[cfg(test)]
mod tests;
