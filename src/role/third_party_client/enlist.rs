//! Opting in and enlisting: the call of the enlistment API (TF §1.2).
//!
//! Main type: [`Enlistment`]. One call at a time and none by itself: enlisting replaces the user's
//! keys at Meta's side (ENL-017), so it happens when the user asks for it (ENL-002).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::effect::{CallId, Failure, FailureKind, Notification, Output, Reply};
use super::send::address;
use super::{Purpose, ThirdPartyClient, misform};
use crate::clock::UnixMs;
use crate::http::HttpResponse;
use crate::identity::enlistment::{Answer, AnswerFault, Form};
use crate::role::FetchId;
use crate::role::quirk::Fault;
use crate::wire::Jid;

/// Type of Curve25519 keys (ENL-007).
const KEY_TYPE: u8 = 0x05;
/// After what time a faulty client tries again, or enlists its user unasked.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
const INSTALLED_PAUSE: Duration = Duration::from_secs(3600);

/// Where the user stands with Meta.
#[derive(Default)]
pub(super) struct Enlistment {
    pub opted_in: bool,
    pub login: Option<Login>,
    /// A login was refused as unauthenticated since: enlisting again may help (ENL-016).
    pub stale: bool,
    pub wants_token: bool,
    /// When a call is made that the user did not ask for; only a fault makes one.
    pub retry_at: Option<UnixMs>,
    fetch: Option<FetchId>,
    /// Calls so far.
    fetches: FetchId,
}

/// The internal identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Login {
    /// As it came (ENL-013).
    pub text: String,
    pub jid: Jid,
    /// Digits after the first `-` (`login.account_id`).
    pub account_id: u64,
}

impl Enlistment {
    /// Later calls have other names than those of the one before.
    pub fn number_from(&mut self, before: &Self) {
        self.fetches = before.fetches;
    }

    /// As if the user had never enlisted; later calls have names of their own.
    pub fn forget(&mut self) {
        *self = Self { fetches: self.fetches, ..Self::default() };
    }
}

impl Login {
    fn parse(text: String) -> Option<Self> {
        let jid: Jid = text.parse().ok()?;
        let (_, digits) = text.split_once('-')?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let account_id = digits[..end].parse().ok()?;
        Some(Self { text, jid, account_id })
    }

    /// The number that a login payload names: this one, but for a deliberate fault.
    pub fn stated(&self, fault: Option<Fault>) -> u64 {
        match fault {
            Some(Fault::AccountIdCut) => self.account_id & u64::from(u32::MAX),
            // The conversion is the fault.
            Some(Fault::AccountIdRounded) => self.account_id as f64 as u64,
            _ => self.account_id,
        }
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
        self.begin_enlisting();
    }

    /// Asks for a token unless a call is under way; the call follows.
    pub(super) fn begin_enlisting(&mut self) {
        self.enlistment.retry_at = None;
        if self.enlistment.fetch.is_none() && !self.enlistment.wants_token {
            self.enlistment.wants_token = true;
            self.out.push_back(Output::NeedToken);
        }
    }

    /// The client is on a device from now on. ENL-002: that alone enlists nobody.
    pub fn installed(&mut self, now: UnixMs) {
        self.now = now;
        if self.has(Fault::EnlistsWhenInstalled) {
            self.enlistment.retry_at = Some(now.after(INSTALLED_PAUSE));
        }
        self.tick();
    }

    /// ENL-001, ENL-003: the client itself posts a form.
    pub(super) fn post_form(&mut self, token: String) {
        if self.has(Fault::EnlistsNowhere) {
            let login = self.login_whatever_was_said(None);
            return self.enlisted(login);
        }
        let url = self.settings.enlistment_url.clone();
        let path = match self.has(Fault::JwtInTheUrl) {
            true => format!("{}?token={token}", path_of(&url)),
            false => path_of(&url).to_owned(),
        };
        let form = self.form(token);
        let version = self.stated_version();
        let name = self.settings.values.text("version.enlist_argument");
        let version = version.filter(|_| !name.is_empty()).map(|version| (name, version));
        let request = misform::request(self.fault, &path, &form, version);
        let id = self.enlistment.fetches;
        self.enlistment.fetches += 1;
        self.enlistment.fetch = Some(id);
        self.out.push_back(Output::Fetch { id, url: with_path(&url, &request.path), request });
    }

    /// TRN-012: the protocol version that the client says it speaks.
    pub(super) fn stated_version(&self) -> Option<&str> {
        let version = self.settings.values.text("version.value");
        (!version.is_empty() && !self.has(Fault::VersionNotStated)).then_some(version)
    }

    fn form(&self, token: String) -> Form {
        let stray = || self.settings.signal.party(self.rng("another-identity"));
        let again = self.enlistment.fetches > 0 && self.enlistment.login.is_none();
        let others = (again && self.has(Fault::RetryUploadsOtherKeys)).then(stray);
        let party = others.as_ref().unwrap_or(&self.party);
        let signed = party.signed_prekey();
        let identity = match self.has(Fault::IdentityIsNotTheSigner) {
            true => stray().identity(),
            false => party.identity(),
        };
        Form {
            authkey: self.static_key("noise-static").public(),
            e_keytype: KEY_TYPE,
            e_regid: self.registration_id(),
            e_ident: identity,
            e_skey_id: signed.id,
            e_skey_val: signed.value,
            e_skey_sig: signed.signature.try_into().expect("own signatures have 64 bytes"),
            token,
        }
    }

    /// ENL-009: that of the installation, but for a deliberate fault.
    fn registration_id(&self) -> u32 {
        let kept = self.party.registration_id();
        match self.fault {
            Some(Fault::RegistrationIdZero) => 0,
            Some(Fault::RegistrationIdOfTheSession) => kept % 16_380 + 1,
            Some(Fault::RegistrationIdWide) => kept | 1 << 31,
            Some(Fault::RegistrationIdChanges) if self.enlistment.fetches > 0 => kept % 16_380 + 1,
            _ => kept,
        }
    }

    pub(super) fn answered(&mut self, id: FetchId, result: Result<HttpResponse, String>) {
        if self.enlistment.fetch != Some(id) {
            return;
        }
        self.enlistment.fetch = None;
        if result.is_err() && self.has(Fault::CutAnswerIsSuccess) {
            let login = self.login_whatever_was_said(None);
            return self.enlisted(login);
        }
        let unreachable = |why| Failure::new(FailureKind::Unavailable, why);
        match result.map_err(unreachable).and_then(|response| self.read_answer(&response)) {
            Ok(login) => self.enlisted(login),
            Err(failure) => self.enlistment_failed(failure),
        }
    }

    fn enlisted(&mut self, login: Login) {
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

    pub(super) fn enlistment_failed(&mut self, failure: Failure) {
        if !self.has(Fault::EnlistmentErrorHidden) {
            self.notify(Notification::ErrorShown(failure.kind));
        }
        // ENL-012: trying again is left to the user.
        if self.has(Fault::EnlistmentRetriedForEver) {
            self.enlistment.retry_at = Some(self.now.after(RETRY_PAUSE));
        }
        self.settle(Purpose::Enlist, &Err(failure));
    }

    /// ENL-011: failures come with HTTP 200 too, so `status` decides.
    fn read_answer(&self, response: &HttpResponse) -> Result<Login, Failure> {
        let read = Answer::read(response.status, &response.body);
        if self.has(Fault::Http200IsSuccess) && response.status == 200 {
            return Ok(self.login_whatever_was_said(read.ok()));
        }
        if self.has(Fault::MissingStatusIsSuccess) && read == Err(AnswerFault::Status) {
            return Ok(self.login_whatever_was_said(None));
        }
        let text = match read.map_err(unreadable)? {
            Answer::Ok { login } => login,
            Answer::Fail { reason } => {
                let why = format!("Meta refuses the enlistment: {reason}");
                return Err(Failure::new(FailureKind::Forbidden, why));
            }
        };
        let malformed = || Failure::new(FailureKind::Malformed, "the login is no address");
        let login = Login::parse(text).ok_or_else(malformed)?;
        let fits = i64::try_from(login.account_id).is_ok() || !self.has(Fault::AccountIdSigned);
        if fits { Ok(login) } else { Err(malformed()) }
    }

    /// A missing identifier reads as zero, as in decoders that fill gaps.
    pub(super) fn login_whatever_was_said(&self, answer: Option<Answer>) -> Login {
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

/// An absolute URL with another path.
fn with_path(url: &str, path: &str) -> String {
    let origin = url.len() - path_of(url).len();
    match path_of(url) == path || !url[origin..].starts_with('/') {
        true => url.to_owned(),
        false => format!("{}{path}", &url[..origin]),
    }
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
        assert_eq!(with_path("http://h:1/a", "/a"), "http://h:1/a");
        assert_eq!(with_path("http://h:1/a", "/a?b=c"), "http://h:1/a?b=c");
    }
}
