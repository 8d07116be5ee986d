//! Decides a login by the payload of the last handshake message (TF Part 2; `wire.md` §2).

use std::time::Duration;

use prost::Message as _;

use super::account::{self, enlistment_is_skipped};
use super::channel::State;
use super::{Meta, Waiting};
use crate::evidence::{Event, LoginFacts, RuleGrade, TokenFacts};
use crate::identity::token;
use crate::proto::login::ClientPayload;
use crate::proto::login::client_payload::user_agent::AppVersion;
use crate::role::ConnId;
use crate::scenario::LoginFault;
use crate::spec::Profile;
use crate::stanza::{ib, login};
use crate::wire::{Jid, Node};

/// The decision with all that a transcript may hold of it.
struct Decided {
    account: Option<usize>,
    facts: LoginFacts,
}

impl Meta {
    /// Decides the login of a finished handshake, or waits for the partner's key set.
    pub(super) fn decide_login(&mut self, conn: ConnId) {
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        let State::Deciding(finished) = &channel.state else { return };
        let (static_key, payload) = (finished.client_static, finished.payload.clone());
        self.overhear_login(&payload);
        let decided = match ClientPayload::decode(payload.as_slice()) {
            Ok(payload) if enlistment_is_skipped(&self.profile) => {
                self.companion(&payload, &static_key)
            }
            Ok(payload) => match self.interop(conn, &payload, &static_key) {
                Some(decided) => decided,
                None => return,
            },
            Err(_) => refused(&static_key, "the payload is no ClientPayload"),
        };
        self.conclude(conn, decided);
    }

    /// A third party's login; `None` while the partner's keys are being fetched.
    fn interop(
        &mut self,
        conn: ConnId,
        payload: &ClientPayload,
        static_key: &[u8; 32],
    ) -> Option<Decided> {
        let token = payload.interop_data.as_ref().and_then(|data| data.token.clone());
        let token = token.and_then(|bytes| token_in(&self.profile, bytes));
        if token.as_deref().is_some_and(|token| self.partner_keys_missing(token)) {
            self.waiting.push(Waiting::Login(conn));
            return None;
        }
        let account_id = payload.interop_data.as_ref().and_then(|data| data.account_id);
        let named = account_id.and_then(|id| self.account_by_digits(&id.to_string()));
        let account = named.or_else(|| self.account_by_key(static_key));
        let user = account.map(|at| self.accounts[at].user.visible_id.clone());
        let token = token.map(|token| self.examine_token(&token, user.as_deref()));
        let authkey = account.map(|at| &self.accounts[at]);
        let authkey = authkey.filter(|account| !account.elsewhere).and_then(|a| a.authkey);
        let product = payload
            .product
            .and_then(|number| crate::proto::login::client_payload::Product::try_from(number).ok());
        let product = product.map(|product| product.as_str_name().to_owned());
        let wanted = self.profile.text("login.product").unwrap_or_default();
        let refused = if product.as_deref() != Some(wanted) {
            Some(format!("product is not {wanted}"))
        } else if named.is_none() && account.is_some() {
            Some("accountId is not that of the login".to_owned())
        } else if account.is_some_and(|at| self.accounts[at].elsewhere) {
            Some("another device of the user has enlisted since".to_owned())
        } else if account.is_none_or(|at| !self.is_enlisted(at)) {
            Some("the account is not enlisted".to_owned())
        } else if token.as_ref().is_none_or(|(_, valid)| !valid) {
            Some("no valid token for this account".to_owned())
        } else if authkey != Some(*static_key) {
            Some("the static key is not the authkey of the enlistment".to_owned())
        } else {
            None
        };
        let facts = LoginFacts {
            product,
            account_id,
            username: payload.username,
            device: payload.device,
            passive: payload.passive,
            token: token.map(|(facts, _)| facts),
            version: self.version_in(payload),
            static_key: hex::encode(static_key),
            authkey: authkey.map(hex::encode),
            login: account.map(|at| self.accounts[at].jid.to_string()),
            refused,
        };
        Some(Decided { account, facts })
    }

    /// TRN-012: the version in the field that the profile names.
    fn version_in(&self, payload: &ClientPayload) -> Option<String> {
        self.profile
            .text("version.login_field")
            .filter(|field| *field == "userAgent.appVersion")?;
        let AppVersion { primary, secondary, tertiary, quaternary, quinary } =
            payload.user_agent.as_ref()?.app_version?;
        let numbers =
            [primary, secondary, tertiary, quaternary, quinary].into_iter().map_while(|n| n);
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        (!numbers.is_empty()).then(|| numbers.join("."))
    }

    /// ENL-016: who was away for too long is enlisted no more.
    fn is_enlisted(&mut self, account: usize) -> bool {
        let days = self.profile.int("enlistment.lifetime_days").unwrap_or(i64::MAX);
        let life = Duration::from_secs(days.unsigned_abs().saturating_mul(24 * 3600));
        let account = &mut self.accounts[account];
        if account.last_seen.after(life) <= self.now {
            account.enlisted = false;
        }
        account.enlisted
    }

    /// A companion's login, as native clients make it: by number and device, without a token.
    fn companion(&mut self, payload: &ClientPayload, static_key: &[u8; 32]) -> Decided {
        let username = payload.username.unwrap_or_default().to_string();
        let account = self
            .account_by_digits(&username)
            .or_else(|| payload.username.and_then(|_| self.newcomer(&username)));
        let known = account.and_then(|at| self.accounts[at].authkey);
        let refused = match (account, known) {
            (None, _) => Some("no such account".to_owned()),
            (Some(_), Some(key)) if key != *static_key => {
                Some("the static key is not that of the first login".to_owned())
            }
            _ => None,
        };
        if let (Some(at), None) = (account, &refused) {
            let account = &mut self.accounts[at];
            account.authkey = Some(*static_key);
            account.jid = with_device(&account.user.login, payload.device);
        }
        let facts = LoginFacts {
            // Native clients leave out what is the schema's default.
            product: Some(payload.product().as_str_name().to_owned()),
            username: payload.username,
            device: payload.device,
            passive: payload.passive,
            static_key: hex::encode(static_key),
            login: account.map(|at| self.accounts[at].jid.to_string()),
            refused,
            ..LoginFacts::default()
        };
        Decided { account, facts }
    }

    fn account_by_digits(&self, digits: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.user.login.user == digits)
    }

    /// The user who enlisted with this static key.
    fn account_by_key(&self, static_key: &[u8; 32]) -> Option<usize> {
        self.accounts.iter().position(|account| account.authkey == Some(*static_key))
    }

    /// Judges a token for a user and says what may be recorded of it, and whether it is valid.
    pub(super) fn examine_token(&mut self, text: &str, user: Option<&str>) -> (TokenFacts, bool) {
        let policy = self.token_policy(user);
        let inspected = token::inspect(text);
        let judged = token::examine(text, self.partner_keys.keys(), &policy, self.now);
        let valid = token::verify(text, self.partner_keys.keys(), &policy, self.now).is_ok();
        let mut checked = super::enlistment::checked(&judged, ToString::to_string);
        if self.partner_keys.is_empty() {
            // Whether a key is listed shows only where there is a list.
            for rule in checked.iter_mut().filter(|rule| rule.requirement == "JWT-005") {
                rule.grade = RuleGrade::Open;
                rule.why = Some("the key set was not to be had".to_owned());
            }
        }
        checked.extend(self.note_signer(&inspected, valid));
        let facts = TokenFacts {
            len: inspected.len,
            sha256: inspected.sha256,
            header: inspected.header,
            claims: inspected.claims,
            checked,
        };
        (facts, valid)
    }

    fn conclude(&mut self, conn: ConnId, decided: Decided) {
        let Decided { account, facts } = decided;
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        let State::Deciding(finished) = std::mem::replace(&mut channel.state, State::Dead) else {
            return;
        };
        channel.account = account;
        let mut facts = facts;
        let fault = self.faults.login.filter(|_| facts.refused.is_none());
        facts.refused = facts
            .refused
            .or(fault.map(|fault| format!("{}: {}", LoginFacts::ON_PURPOSE, fault.word())));
        let refused = facts.refused.is_some();
        self.record_conn(conn, true, Event::Login { facts });
        let transport = finished.transport;
        match (account, fault) {
            (_, Some(LoginFault::Dropped)) => return self.close(conn),
            (Some(account), None) if !refused => {
                self.open(conn, transport, account);
                self.welcome(conn, account);
            }
            (account, Some(LoginFault::UnsupportedVersion)) => {
                self.refuse(conn, transport, account, "failure.unsupported_version");
            }
            (account, Some(LoginFault::Banned)) => {
                self.refuse(conn, transport, account, "failure.banned");
            }
            (account, None) => self.refuse(conn, transport, account, "failure.unauthenticated"),
        }
        self.resume(conn);
    }

    fn welcome(&mut self, conn: ConnId, account: usize) {
        if let Some(old) = self.accounts[account].online.replace(conn) {
            // Without a reason the older client would take it for a loss and come back.
            let replaced = self.profile.text("failure.replaced").unwrap_or("replaced").to_owned();
            let conflict = Node::new("conflict").attr("type", replaced);
            self.send(old, &Node::new("stream:error").child(conflict));
            self.close(old);
            self.accounts[account].online = Some(conn);
        }
        self.accounts[account].last_seen = self.now;
        let lid = account::lid(&self.accounts[account].jid).to_string();
        let native = [("props", "27"), ("lid", lid.as_str())];
        let skipped = enlistment_is_skipped(&self.profile);
        let extra: &[(&str, &str)] = if skipped { &native } else { &[] };
        self.send(conn, &login::success(self.now.secs(), extra));
        let waiting: Vec<_> =
            self.accounts[account].mailbox.iter().map(|w| w.stanza.clone()).collect();
        let announced = self.faults.offline_count.map_or(waiting.len(), usize::from);
        if announced != waiting.len() {
            let what = format!("offline: {announced} announced");
            self.record_conn(conn, false, Event::Deviated { what });
        }
        self.send(conn, &ib::offline(announced));
        for stanza in waiting {
            self.send(conn, &stanza);
        }
    }

    /// Refuses with the reason that stands under a key of the profile.
    fn refuse(
        &mut self,
        conn: ConnId,
        transport: crate::noise::Transport,
        account: Option<usize>,
        key: &str,
    ) {
        let code = self.profile.text(key).unwrap_or("401").to_owned();
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.state = State::Open(Box::new(transport));
            channel.account = account;
        }
        self.send(conn, &login::failure(&code));
        self.close(conn);
    }
}

/// The token as the profile has it in its field (`login.token`); nothing where it is not known.
fn token_in(profile: &Profile, field: Vec<u8>) -> Option<String> {
    match profile.text("login.token")? {
        "compact-utf8" => String::from_utf8(field).ok(),
        _ => None,
    }
}

fn refused(static_key: &[u8; 32], why: &str) -> Decided {
    let facts = LoginFacts {
        static_key: hex::encode(static_key),
        refused: Some(why.to_owned()),
        ..LoginFacts::default()
    };
    Decided { account: None, facts }
}

fn with_device(jid: &Jid, device: Option<u32>) -> Jid {
    let mut jid = jid.clone();
    jid.device = device.and_then(|device| u16::try_from(device).ok()).unwrap_or_default();
    jid
}
