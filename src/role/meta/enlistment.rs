//! The enlistment API and Meta's published push keys: all HTTP that comes in (TF §1.2, §1.3).

use super::misanswer::misanswer;
use super::{Meta, Waiting};
use crate::evidence::{Event, FormFacts, RuleFacts, RuleGrade, Stream, TOKEN_IN_URL};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::enlistment::{Answer, Form, FormFault};
use crate::identity::judged::{Judged, Outcome};
use crate::identity::token;
use crate::role::{Output, RequestId};
use crate::scenario::AnswerFault;
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
        if self.give_file(id, request) || self.pass_on(id, request) {
            return;
        }
        let whole = token::without_tokens(&request.path, TOKEN_IN_URL);
        // A query says nothing here, unless there is a token in it (JWT-024).
        let path = if whole.contains(TOKEN_IN_URL) { whole } else { path.to_owned() };
        let method = request.method.clone();
        let response = self.public_answer(request);
        let served = response.status < 400;
        self.record(Stream::http_in(), None, Event::StrayRequest { method, path, served });
        self.out.push_back(Output::Respond { id, response });
    }

    pub(super) fn enlist(&mut self, pending: Pending) {
        let body = String::from_utf8_lossy(&pending.request.body).into_owned();
        let token = token_of(&body);
        if token.as_deref().is_some_and(|token| self.partner_keys_missing(token)) {
            return self.waiting.push(Waiting::Enlistment(pending));
        }
        let parsed = Form::parse_strict(&body);
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
        let argument = self.profile.text("version.enlist_argument");
        let form = FormFacts {
            version: argument.and_then(|name| argument_of(&body, name)),
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
        let odd = self.faults.enlistment_answer.filter(|fault| *fault != AnswerFault::Lost);
        let odd = odd.map(|fault| fault.word().to_owned());
        if let Some(reason) = self.faults.enlistment_reason.clone().or(odd) {
            return Answer::Fail { reason };
        }
        let post = request.method == "POST";
        let sound = parsed.as_ref().is_ok_and(signature_verifies);
        match user {
            Some(at) if post && sound && token_valid => {
                Answer::Ok { login: self.accounts[at].jid.to_string() }
            }
            _ => {
                let known = self.profile.list("enlistment.failure_reasons");
                Answer::Fail { reason: (*known.first().unwrap_or(&"bad_integrator")).into() }
            }
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
            account.elsewhere = false;
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
        let path = token::without_tokens(&path, TOKEN_IN_URL);
        let event = Event::Enlistment { method, path, form: facts, outcome, login };
        match user {
            Some(at) => self.record_for(at, Stream::http_in(), event),
            None => self.record(Stream::http_in(), None, event),
        }
        let id = pending.id;
        let login = user.map(|at| self.accounts[at].jid.to_string()).unwrap_or_default();
        self.out.push_back(match self.faults.enlistment_answer {
            None => Output::Respond { id, response: HttpResponse::json(200, &answer.to_json()) },
            Some(fault) => match misanswer(fault, &login) {
                Some(response) => Output::Respond { id, response },
                None => Output::Lose { id },
            },
        });
    }

    /// The user who enlists: the one whom the token names, or who was asked to, or the only one who
    /// can be meant.
    fn user_of(&self, text: &str) -> Option<usize> {
        let claim = self.profile.text("jwt.subject_claim").unwrap_or("sub");
        let claims = token::inspect(text).claims;
        let subject = claims.get(claim).and_then(serde_json::Value::as_str);
        let named = self.accounts.iter().position(|a| Some(a.user.visible_id.as_str()) == subject);
        let asked =
            self.enlists.as_ref().and_then(|(lane, actor)| self.account_index(*lane, actor));
        named.or(asked).or_else(|| {
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
            claims: profile.list("jwt.claims").into_iter().map(str::to_owned).collect(),
            leeway_s: profile.int("jwt.leeway_s").unwrap_or(60).unsigned_abs(),
            lifetime_s_max: profile.int("jwt.lifetime_s_max").unwrap_or(3600).unsigned_abs(),
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
    argument_of(body, "token")
}

fn argument_of(body: &str, wanted: &str) -> Option<String> {
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
}

/// ENL-008: XEdDSA over the type byte and the key.
fn signature_verifies(form: &Form) -> bool {
    let mut signed = [0x05; 33];
    signed[1..].copy_from_slice(&form.e_skey_val);
    PublicKey::from_djb_public_key_bytes(&form.e_ident)
        .is_ok_and(|key| key.verify_signature(&signed, &form.e_skey_sig))
}
