//! The enlistment API and Meta's published push keys: all HTTP that comes in (TF §1.2, §1.3).

use super::{Fetch, Meta, Waiting};
use crate::evidence::{Event, FormFacts, RuleFacts, RuleGrade, Stream};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::enlistment::{Answer, Form, FormFault};
use crate::identity::judged::{Judged, Outcome};
use crate::identity::{jwks, test_keys, token};
use crate::role::{FetchId, Output, RequestId};
use crate::spec::Profile;
use crate::stanza::prekeys::SignedKey;
use wacore_libsignal::core::curve::PublicKey;

/// A call that waits for the partner's key set.
pub(super) struct Pending {
    id: RequestId,
    request: HttpRequest,
}

impl Meta {
    pub(super) fn serve(&mut self, id: RequestId, request: &HttpRequest) {
        let path = request.path.split('?').next().unwrap_or_default();
        if path == self.profile.text("enlistment.path").unwrap_or_default() {
            return self.enlist(Pending { id, request: request.clone() });
        }
        let (method, path) = (request.method.clone(), path.to_owned());
        let response = if path == self.profile.text("jwks.path").unwrap_or_default() {
            HttpResponse::json(200, &push_keys())
        } else {
            HttpResponse::new(404)
        };
        self.record(Stream::http_in(), None, Event::StrayRequest { method, path });
        self.out.push_back(Output::Respond { id, response });
    }

    fn enlist(&mut self, pending: Pending) {
        let body = String::from_utf8_lossy(&pending.request.body).into_owned();
        let has_token = body.contains("token=");
        if has_token && self.keys_are_missing() {
            return self.wait_for_keys(Waiting::Enlistment(pending));
        }
        let parsed = Form::parse_strict(&body);
        let token = token_of(&body);
        let user = token.as_deref().and_then(|token| self.user_of(token));
        let user = user.or_else(|| self.stranger(token.as_deref()?));
        let (facts, valid) = match &token {
            Some(token) => {
                let visible = user.map(|at| self.accounts[at].user.visible_id.clone());
                let (facts, valid) = self.examine_token(token, visible.as_deref());
                (Some(facts), valid)
            }
            None => (None, false),
        };
        let answer = self.enlistment_answer(&parsed, &pending.request, user, valid);
        let form = FormFacts {
            content_type: pending.request.header("content-type").map(str::to_owned),
            faults: parsed
                .as_ref()
                .err()
                .map(|faults| faults.iter().map(fault).collect())
                .unwrap_or_default(),
            arguments: arguments(&body),
            token: facts,
            signature_verifies: parsed.as_ref().ok().map(signature_verifies),
        };
        self.conclude_enlistment(pending, parsed.ok(), form, user, answer);
    }

    fn enlistment_answer(
        &self,
        parsed: &Result<Form, Vec<FormFault>>,
        request: &HttpRequest,
        user: Option<usize>,
        token_valid: bool,
    ) -> Answer {
        if let Some(reason) = &self.faults.enlistment_reason {
            return Answer::Fail { reason: reason.clone() };
        }
        let post = request.method == "POST";
        let sound = parsed.as_ref().is_ok_and(signature_verifies);
        match user {
            Some(at) if post && sound && token_valid => {
                Answer::Ok { login: self.accounts[at].jid.to_string() }
            }
            _ => Answer::Fail { reason: "bad_integrator".into() },
        }
    }

    fn conclude_enlistment(
        &mut self,
        pending: Pending,
        form: Option<Form>,
        facts: FormFacts,
        user: Option<usize>,
        answer: Answer,
    ) {
        let (outcome, login) = match &answer {
            Answer::Ok { login } => ("ok".to_owned(), Some(login.clone())),
            Answer::Fail { reason } => (reason.clone(), None),
        };
        if let (Some(at), Some(form), Answer::Ok { .. }) = (user, form, &answer) {
            let account = &mut self.accounts[at];
            account.enlisted = true;
            account.last_seen = self.now;
            account.authkey = Some(form.authkey);
            // One encryption identity per account: a new enlistment replaces the old one (ENL-017).
            account.keys = Some(super::account::Keys {
                registration_id: form.e_regid,
                identity: form.e_ident,
                signed: SignedKey {
                    id: form.e_skey_id,
                    value: form.e_skey_val,
                    signature: Some(form.e_skey_sig.to_vec()),
                },
                one_time: std::collections::VecDeque::new(),
                kem: None,
            });
        }
        let HttpRequest { method, path, .. } = pending.request;
        let event = Event::Enlistment { method, path, form: facts, outcome, login };
        match user {
            Some(at) => self.record_for(at, Stream::http_in(), event),
            None => self.record(Stream::http_in(), None, event),
        }
        let response = HttpResponse::json(200, &answer.to_json());
        self.out.push_back(Output::Respond { id: pending.id, response });
    }

    /// The user who enlists: the one whom the token names, or the only one who can be meant.
    fn user_of(&self, text: &str) -> Option<usize> {
        let claim = self.profile.text("jwt.subject_claim").unwrap_or("sub");
        let claims = token::inspect(text).claims;
        let subject = claims.get(claim).and_then(serde_json::Value::as_str);
        let named = self.accounts.iter().position(|a| Some(a.user.visible_id.as_str()) == subject);
        named.or_else(|| {
            if self.users_max.is_some() {
                return None;
            }
            let mut waiting = self.accounts.iter().enumerate();
            let mut waiting =
                waiting.by_ref().filter(|(_, a)| a.user.lane == self.lane && !a.enlisted);
            let only = waiting.next().map(|(at, _)| at);
            if waiting.next().is_some() { None } else { only }
        })
    }

    /// The user that a valid token for nobody known makes, where strangers are welcome.
    fn stranger(&mut self, text: &str) -> Option<usize> {
        let (facts, valid) = self.examine_token(text, None);
        let claim = self.profile.text("jwt.subject_claim").unwrap_or("sub");
        let subject = facts.claims.get(claim).and_then(serde_json::Value::as_str)?.to_owned();
        if valid { self.newcomer(&subject) } else { None }
    }

    pub(super) fn token_policy(&self, user: Option<&str>) -> token::Policy {
        let profile = &self.profile;
        let algorithms = profile.list("jwt.algorithms");
        token::Policy {
            algorithms: algorithms.into_iter().filter_map(token::Algorithm::parse).collect(),
            issuer: Some(self.integrator.iss.clone()),
            audience: profile.text("jwt.audience").map(str::to_owned),
            subject: user.map(str::to_owned),
            subject_claim: profile.text("jwt.subject_claim").unwrap_or("sub").to_owned(),
            leeway_s: profile.int("jwt.leeway_s").unwrap_or(60).unsigned_abs(),
            lifetime_s_max: profile.int("jwt.lifetime_s_max").unwrap_or(3600).unsigned_abs(),
        }
    }

    fn keys_are_missing(&self) -> bool {
        self.partner_keys.is_empty() && self.integrator.base_url.is_some()
    }

    /// Starts a fetch if the partner's keys are not known; true if the caller must wait.
    pub(super) fn partner_keys_missing(&mut self, waiting: Waiting) -> bool {
        let missing = self.keys_are_missing();
        if missing {
            self.wait_for_keys(waiting);
        }
        missing
    }

    fn wait_for_keys(&mut self, waiting: Waiting) {
        let first = self.waiting.is_empty();
        self.waiting.push(waiting);
        if first {
            self.fetch_partner_keys(None);
        }
    }

    /// Fetches the partner's key set, as Meta does periodically (TF §1.1).
    pub fn fetch_partner_keys(&mut self, label: Option<String>) {
        let path = self.profile.text("jwks.path").unwrap_or_default().to_owned();
        let Some(base) = self.integrator.base_url.clone() else { return };
        let event =
            Event::Requested { label: label.clone(), method: "GET".into(), path: path.clone() };
        self.record(Stream::http_out(), None, event);
        let request = HttpRequest::new("GET", &path);
        self.fetch(Fetch::PartnerKeys { label }, format!("{base}{path}"), request);
    }

    pub(super) fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        let Some(fetch) = self.fetches.remove(&id) else { return };
        let (label, keys) = match fetch {
            Fetch::PartnerKeys { label } => (label, true),
            Fetch::Push { label } => (label, false),
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
        if let Ok(response) = result {
            let judged =
                jwks::examine(response.status, response.header("content-type"), &response.body);
            let checked = checked(&judged, |faults| {
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            });
            let checked = exposing(checked);
            self.record(Stream::http_out(), None, Event::KeySet { checked });
            if let Ok(keys) = jwks::KeySet::parse(&response.body) {
                let caching = response.header("cache-control");
                self.partner_keys.store(keys, caching, self.now);
            }
        }
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Enlistment(pending) => self.enlist_with_what_there_is(pending),
                Waiting::Login(conn) => self.decide_login_with_what_there_is(conn),
            }
        }
    }

    /// A second fetch in a row would loop: without keys every token is invalid.
    fn enlist_with_what_there_is(&mut self, pending: Pending) {
        let base = self.hide_base_url();
        self.enlist(pending);
        self.integrator.base_url = base;
    }

    fn decide_login_with_what_there_is(&mut self, conn: crate::role::ConnId) {
        let base = self.hide_base_url();
        self.decide_login(conn);
        self.integrator.base_url = base;
    }

    fn hide_base_url(&mut self) -> Option<String> {
        if self.partner_keys.is_empty() {
            self.integrator.base_url.take()
        } else {
            self.integrator.base_url.clone()
        }
    }
}

/// The visible id that an enlistment's token claims, before anything of it is verified: whose call
/// it is, where several Meta sides stand behind one address.
pub fn claimed_user(profile: &Profile, request: &HttpRequest) -> Option<String> {
    let path = request.path.split('?').next().unwrap_or_default();
    if path != profile.text("enlistment.path")? {
        return None;
    }
    let token = token_of(&String::from_utf8_lossy(&request.body))?;
    let claim = profile.text("jwt.subject_claim").unwrap_or("sub");
    token::inspect(&token).claims.get(claim)?.as_str().map(str::to_owned)
}

/// Meta's published push keys.
fn push_keys() -> serde_json::Value {
    jwks::KeySet::of([test_keys::meta().public()]).to_json()
}

/// Rule and what is wrong with it, for what was judged at all.
pub(super) fn checked<F>(judged: &[Judged<F>], say: impl Fn(&F) -> String) -> Vec<RuleFacts> {
    let decided = judged.iter().filter_map(|judged| {
        let (grade, why) = match &judged.outcome {
            Outcome::Holds => (RuleGrade::Holds, None),
            Outcome::Warns(fault) => (RuleGrade::Warns, Some(say(fault))),
            Outcome::Broken(fault) => (RuleGrade::Broken, Some(say(fault))),
            Outcome::Undecided(_) => return None,
        };
        Some(RuleFacts { requirement: judged.requirement.to_owned(), grade, why })
    });
    decided.collect()
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

fn fault(fault: &FormFault) -> RuleFacts {
    RuleFacts {
        requirement: fault.rule.requirement().to_owned(),
        grade: RuleGrade::Broken,
        why: Some(format!("{} {}", fault.argument.as_str(), fault.rule)),
    }
}

/// All arguments but the token, as they were sent.
fn arguments(body: &str) -> Vec<(String, String)> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| *name != "token")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn token_of(body: &str) -> Option<String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(name, _)| *name == "token").map(|(_, value)| value.to_owned())
}

/// ENL-008: XEdDSA over the type byte and the key.
fn signature_verifies(form: &Form) -> bool {
    let mut signed = [0x05; 33];
    signed[1..].copy_from_slice(&form.e_skey_val);
    PublicKey::from_djb_public_key_bytes(&form.e_ident)
        .is_ok_and(|key| key.verify_signature(&signed, &form.e_skey_sig))
}
