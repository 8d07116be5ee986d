//! The push call (TF §3.2.2): who may wake whom, and what the caller is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::verify::Verdict;
use super::{Output, ThirdPartyServer};
use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{PUSH_BODY_BYTES_MAX, PUSHES_WAITING_MAX};
use crate::role::quirk::Fault;
use crate::role::{FetchId, RequestId};

/// After this time Meta's keys are tried again.
const KEYS_RETRY: Duration = Duration::from_secs(30);
/// Pushes within a second that a server without a plan for more still answers.
const PUSHES_PER_S: usize = 20;

/// A push that waits for keys.
pub(super) struct Waiting {
    request: HttpRequest,
    fetch: FetchId,
}

/// Why a push is not carried out.
pub(super) enum Refusal {
    /// Without a token, or with one that does not hold.
    Unauthorised { invalid: bool },
    /// Meta's keys are not to be had at the moment.
    NoKeys,
}

impl ThirdPartyServer {
    pub(super) fn push(&mut self, id: RequestId, request: HttpRequest) {
        if self.has(Fault::PushOverloadFails) && self.calls_lately() > PUSHES_PER_S {
            return self.respond(id, HttpResponse::new(500));
        }
        self.admit(id, request);
    }

    /// Carries a request out if its token is Meta's: a push, or the proxy's for a file.
    pub(super) fn admit(&mut self, id: RequestId, request: HttpRequest) {
        let token = bearer(&request).map(str::to_owned);
        match token.as_deref() {
            None if self.has(Fault::PushMissingAuthAccepted) => self.carry_out(id, &request),
            Some("") if self.has(Fault::PushEmptyTokenAccepted) => self.carry_out(id, &request),
            None | Some("") => self.refuse(id, &Refusal::Unauthorised { invalid: false }),
            Some(token) => {
                let verdict = self.judge(token);
                self.conclude(id, request, verdict);
            }
        }
    }

    fn conclude(&mut self, id: RequestId, request: HttpRequest, verdict: Verdict) {
        match verdict {
            Verdict::Holds if self.has(Fault::MediaTokenRefused) && !self.is_push(&request) => {
                self.refuse(id, &Refusal::Unauthorised { invalid: true });
            }
            Verdict::Holds => self.carry_out(id, &request),
            Verdict::Refused => self.refuse(id, &Refusal::Unauthorised { invalid: true }),
            Verdict::NoKeys => self.refuse(id, &Refusal::NoKeys),
            Verdict::Wait(_) if self.waiting.len() >= PUSHES_WAITING_MAX => {
                self.refuse(id, &Refusal::NoKeys);
            }
            Verdict::Wait(fetch) => {
                self.waiting.insert(id, Waiting { request, fetch });
            }
        }
    }

    /// Files too are asked for with a token, where the profile says so (`media.download_auth`).
    fn is_push(&self, request: &HttpRequest) -> bool {
        let path = request.path.split('?').next().unwrap_or_default();
        path == self.settings.values.text("push.path")
    }

    /// Takes the answer to a fetch of keys, and judges what waited for it.
    pub(super) fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        let response = result.ok().filter(|response| response.status == 200);
        let of_meta = self.fetch == Some(id);
        if of_meta {
            self.fetch = None;
            self.take_keys(response.as_ref());
        }
        let ready: Vec<RequestId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.fetch == id)
            .map(|(request, _)| *request)
            .collect();
        for request in ready {
            let Some(Waiting { request: push, .. }) = self.waiting.remove(&request) else {
                continue;
            };
            let token = bearer(&push).unwrap_or_default().to_owned();
            let verdict = match of_meta {
                true => self.judge(&token),
                false => self.judge_at_last(&token, response.as_ref()),
            };
            self.conclude(request, push, verdict);
        }
    }

    /// PSH-002, PSH-003, PSH-011: the same answer whether or not the user is known.
    fn carry_out(&mut self, id: RequestId, request: &HttpRequest) {
        let path = request.path.split('?').next().unwrap_or_default();
        if path != self.settings.values.text("push.path") {
            return self.give(id, request);
        }
        let to = match self.read(request) {
            Ok(to) => to,
            Err(_) if self.has(Fault::PushBadBodyFails) => {
                return self.respond(id, HttpResponse::new(500));
            }
            Err(status) => return self.respond(id, HttpResponse::new(status)),
        };
        let known = self.users.contains(&to);
        if !known && self.has(Fault::PushTellsWhoIsUnknown) {
            return self.respond(id, HttpResponse::new(404));
        }
        let wanted = !self.disabled.contains(&to) || self.has(Fault::PushWakesDisabledUser);
        let hint = self.hints.get(&to).map(|hint| json!({ "woken": hint }));
        if known && wanted && !self.has(Fault::PushNeverWakes) {
            self.out.push_back(Output::Wake { visible_id: to });
        }
        let status = if self.has(Fault::PushAnswers202) { 202 } else { 200 };
        let response = match hint {
            Some(hint) => HttpResponse::json(status, &hint),
            None => HttpResponse::new(status),
        };
        self.respond(id, response);
    }

    /// PSH-014: whom to wake, or the status of the refusal.
    fn read(&self, request: &HttpRequest) -> Result<String, u16> {
        if !is_json(request) && !self.has(Fault::MediaTypeIgnored) {
            return Err(415);
        }
        if request.body.len() > PUSH_BODY_BYTES_MAX {
            return Err(413);
        }
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| 400_u16)?;
        let members = body.as_object().map_or(0, serde_json::Map::len);
        if self.has(Fault::PushRefusesFurtherMembers) && members != 1 {
            return Err(400);
        }
        body.get("to").and_then(Value::as_str).map(str::to_owned).ok_or(400)
    }

    /// PSH-006: 401 with the scheme (RFC 6750 §3); 503 where we are at fault (PSH-013).
    fn refuse(&mut self, id: RequestId, refusal: &Refusal) {
        let challenge = match refusal {
            Refusal::Unauthorised { invalid: false } => "Bearer",
            Refusal::Unauthorised { invalid: true } => "Bearer error=\"invalid_token\"",
            Refusal::NoKeys => {
                let wait = KEYS_RETRY.as_secs().to_string();
                let response = HttpResponse::new(503).with_header("retry-after", wait);
                return self.respond(id, response);
            }
        };
        let response = match self.fault {
            Some(Fault::PushRefusalIs403) => HttpResponse::new(403),
            Some(Fault::PushRefusalWithoutChallenge) => HttpResponse::new(401),
            Some(Fault::PushRefusalIs200) => HttpResponse::new(200),
            _ => HttpResponse::new(401).with_header("www-authenticate", challenge),
        };
        self.respond(id, response);
    }
}

/// TRN-009: whether the body is said to be JSON; parameters of the media type change nothing.
fn is_json(request: &HttpRequest) -> bool {
    let kind = request.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// The token of an `Authorization: Bearer` header (RFC 6750 §2.1); the scheme has no case.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.header("authorization")?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
