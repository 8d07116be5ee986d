//! Opting in and enlisting: the call of the enlistment API (TF §1.2).
//!
//! Main type: [`Enlistment`]. One call at a time and none by itself: enlisting replaces the user's
//! keys at Meta's side (ENL-017), so it happens when the user asks for it (ENL-002).

use super::effect::{CallId, Failure, FailureKind, Notification, Output, Reply};
use super::send::address;
use super::{Purpose, ThirdPartyClient};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::enlistment::{Answer, AnswerFault, Form};
use crate::role::FetchId;
use crate::role::quirk::Fault;
use crate::wire::Jid;

/// Type of Curve25519 keys (ENL-007).
const KEY_TYPE: u8 = 0x05;

/// Where the user stands with Meta.
#[derive(Default)]
pub(super) struct Enlistment {
    pub opted_in: bool,
    pub login: Option<Login>,
    /// A login was refused as unauthenticated since: enlisting again may help (ENL-016).
    pub stale: bool,
    pub wants_token: bool,
    fetch: Option<FetchId>,
    fetches: FetchId,
}

/// The internal identifier.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Login {
    /// As it came (ENL-013).
    pub text: String,
    pub jid: Jid,
    /// Digits after the first `-` (`login.account_id`).
    pub account_id: u64,
}

impl Login {
    fn parse(text: String) -> Option<Self> {
        let jid: Jid = text.parse().ok()?;
        let (_, digits) = text.split_once('-')?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let account_id = digits[..end].parse().ok()?;
        Some(Self { text, jid, account_id })
    }
}

impl ThirdPartyClient {
    pub(super) fn enlist(&mut self, call: CallId) {
        self.enlistment.opted_in = true;
        let stale = self.enlistment.stale && !self.has(Fault::StaleEnlistmentKept);
        if let (Some(login), false) = (&self.enlistment.login, stale) {
            let reply = Reply::Login(login.text.clone());
            return self.done(call, Ok(reply));
        }
        self.wait(call, Purpose::Enlist);
        if self.enlistment.fetch.is_none() && !self.enlistment.wants_token {
            self.enlistment.wants_token = true;
            self.out.push_back(Output::NeedToken);
        }
    }

    /// ENL-001, ENL-003: the client itself posts a form.
    pub(super) fn post_form(&mut self, token: String) {
        let url = self.settings.enlistment_url.clone();
        let kind = "application/x-www-form-urlencoded";
        let request = HttpRequest::new("POST", path_of(&url)).with_header("content-type", kind);
        let body = self.form(token).encode().into_bytes();
        let id = self.enlistment.fetches;
        self.enlistment.fetches += 1;
        self.enlistment.fetch = Some(id);
        self.out.push_back(Output::Fetch { id, url, request: HttpRequest { body, ..request } });
    }

    fn form(&self, token: String) -> Form {
        let signed = self.party.signed_prekey();
        let stray = || self.settings.signal.party(self.rng("another-identity")).identity();
        let identity = self.party.identity();
        Form {
            authkey: self.static_key("noise-static").public(),
            e_keytype: KEY_TYPE,
            e_regid: self.party.registration_id(),
            e_ident: if self.has(Fault::IdentityIsNotTheSigner) { stray() } else { identity },
            e_skey_id: signed.id,
            e_skey_val: signed.value,
            e_skey_sig: signed.signature.try_into().expect("own signatures have 64 bytes"),
            token,
        }
    }

    pub(super) fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        if self.enlistment.fetch != Some(id) {
            return;
        }
        self.enlistment.fetch = None;
        let unreachable = |why| Failure::new(FailureKind::Unavailable, why);
        match result.map_err(unreachable).and_then(|response| self.read_answer(&response)) {
            Ok(login) => {
                let reply = Reply::Login(login.text.clone());
                self.enlistment.login = Some(login);
                let again = std::mem::take(&mut self.enlistment.stale);
                if again && self.has(Fault::ReenlistingForgetsSessions) {
                    for peer in self.threads.peers() {
                        self.party.drop_session(&address(&peer));
                    }
                }
                self.settle(Purpose::Enlist, &Ok(reply));
            }
            Err(failure) => self.enlistment_failed(failure),
        }
    }

    pub(super) fn enlistment_failed(&mut self, failure: Failure) {
        self.notify(Notification::ErrorShown(failure.kind));
        self.settle(Purpose::Enlist, &Err(failure));
    }

    /// ENL-011: failures come with HTTP 200 too, so `status` decides.
    fn read_answer(&self, response: &HttpResponse) -> Result<Login, Failure> {
        let read = Answer::read(response.status, &response.body);
        if self.has(Fault::Http200IsSuccess) && response.status == 200 {
            return Ok(self.login_whatever_was_said(read.ok()));
        }
        let text = match read.map_err(unreadable)? {
            Answer::Ok { login } => login,
            Answer::Fail { reason } => {
                let why = format!("Meta refuses the enlistment: {reason}");
                return Err(Failure::new(FailureKind::Forbidden, why));
            }
        };
        let malformed = || Failure::new(FailureKind::Malformed, "the login is no address");
        Login::parse(text).ok_or_else(malformed)
    }

    /// A missing identifier reads as zero, as in decoders that fill gaps.
    fn login_whatever_was_said(&self, answer: Option<Answer>) -> Login {
        let said = match answer {
            Some(Answer::Ok { login }) => Login::parse(login),
            _ => None,
        };
        let jid = Jid::interop(self.settings.integrator, "0");
        said.unwrap_or_else(|| Login { text: jid.to_string(), jid, account_id: 0 })
    }
}

fn unreadable(fault: AnswerFault) -> Failure {
    let kind = match fault {
        AnswerFault::HttpStatus(429) => FailureKind::Limit,
        AnswerFault::HttpStatus(500..) => FailureKind::Unavailable,
        _ => FailureKind::Malformed,
    };
    Failure::new(kind, fault.to_string())
}

/// The path of an absolute URL, with its query.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |start| &rest[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_kept_verbatim_and_gives_its_digits() {
        let login = Login::parse("1-10853634039893@interop".to_owned()).unwrap();
        assert_eq!(login.text, "1-10853634039893@interop");
        assert_eq!(login.account_id, 10_853_634_039_893);
        let large = Login::parse("999-18446744073709551615@interop".to_owned()).unwrap();
        assert_eq!(large.account_id, u64::MAX);
        for text in ["", "1@interop", "1-@interop", "1-x@interop", "1-18446744073709551616@interop"]
        {
            assert_eq!(Login::parse(text.to_owned()), None, "{text}");
        }
    }

    #[test]
    fn a_path_is_what_follows_the_host() {
        assert_eq!(path_of("http://127.0.0.1:1/3p/interop_reg?x=1"), "/3p/interop_reg?x=1");
        assert_eq!(path_of("http://localhost"), "/");
    }
}
