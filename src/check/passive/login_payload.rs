//! The last handshake message's payload and the key that it comes with.

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, LoginFacts};
use crate::spec::Profile;

pub struct LoginPayload;

const ACCOUNT_ID: &str = "login.account_id";
/// The largest number up to which a double has every one.
const DOUBLE_MAX: u64 = 1 << 53;

impl Check for LoginPayload {
    fn id(&self) -> &'static str {
        "login-payload"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["NOI-005", "NOI-008", "ENL-013", "ENL-014"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let logins = view.transcript.entries().iter().filter_map(|entry| match &entry.event {
            Event::Login { facts } => Some((entry, facts)),
            _ => None,
        });
        logins.flat_map(|(entry, facts)| examine(entry, facts, view.profile)).collect()
    }
}

fn examine(entry: &Entry, facts: &LoginFacts, profile: &Profile) -> Vec<Observed> {
    let mut out = Vec::new();
    if let Some(authkey) = &facts.authkey {
        let same = *authkey == facts.static_key;
        let expected = format!("static key {authkey}, the authkey of the enlistment");
        let actual = format!("static key {}", facts.static_key);
        out.push(Observed::new("NOI-005", same, expected, actual, entry));
    }
    let expected = "interopData with a token";
    let actual = if facts.token.is_some() { "a token is there" } else { "no token" };
    out.push(Observed::new("NOI-008", facts.token.is_some(), expected, actual, entry));
    let digits = facts.login.as_deref().and_then(|login| account_id(login, profile));
    if let Some(digits) = digits {
        let actual = facts.account_id.map_or("none".to_owned(), |id| id.to_string());
        let expected = format!("accountId {digits}");
        let right = actual == digits;
        let observed = |row| Observed::new(row, right, expected.clone(), actual.clone(), entry);
        out.push(observed("ENL-013").resting_on(ACCOUNT_ID));
        // ENL-014: numbers that only 64 bits hold exactly.
        if digits.parse::<u64>().is_ok_and(|number| number > DOUBLE_MAX) {
            out.push(observed("ENL-014").resting_on(ACCOUNT_ID));
        }
    }
    out
}

/// The digits after the first `-` of the login, as the profile has it.
fn account_id(login: &str, profile: &Profile) -> Option<String> {
    profile.text(ACCOUNT_ID)?;
    let (_, user) = login.split('@').next()?.split_once('-')?;
    Some(user.to_owned())
}
