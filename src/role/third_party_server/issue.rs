//! Tokens for the own users (TF §1.1 to §1.3).

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::{TOKEN_LIFE_S, ThirdPartyServer};
use crate::clock::UnixMs;
use crate::identity::token::{self, Broken, Claims, SigningKey};
use crate::role::quirk::Fault;

const DAY_S: u64 = 24 * 3600;
/// Longer than a subject may be (OIDC Core §2).
const SUBJECT_CHARS: usize = 300;

impl ThirdPartyServer {
    /// Issues a token for an authenticated client; `None` for who is no user (JWT-025).
    ///
    /// Subject is the user-visible identifier, audience Meta (JWT-007, JWT-009).
    pub fn issue(&self, now: UnixMs, visible_id: &str) -> Option<String> {
        let served = !self.disabled.contains(visible_id) || self.has(Fault::DisabledUserGetsToken);
        if !self.users.contains(visible_id) || !served {
            return None;
        }
        let (key, claims) = (self.signing_key(now), self.claims(now, visible_id));
        if let Some(fault) = self.fault
            && let Some(token) = of_another_making(fault, key, &claims)
        {
            return Some(token);
        }
        let claim = self.settings.values.text("jwt.subject_claim").to_owned();
        let mut all = json!({
            "iss": claims.iss, "aud": claims.aud, claim: claims.sub,
            "iat": claims.iat, "exp": claims.exp,
        });
        if let (Some(all), Some(fault)) = (all.as_object_mut(), self.fault) {
            spoil(fault, now.secs(), all);
        }
        Some(token::issue_with(key, &header(self.fault), &all))
    }

    /// Issues the token by which the user is known to this server itself, of which Meta knows nothing.
    pub fn issue_for_itself(&self, now: UnixMs, visible_id: &str) -> String {
        let mut claims = self.claims(now, visible_id);
        claims.aud.clone_from(&claims.iss);
        token::issue(self.signing_key(now), &claims)
    }

    fn claims(&self, now: UnixMs, visible_id: &str) -> Claims {
        let (values, issuer) = (&self.settings.values, &self.settings.issuer);
        let or = |key: &str, other: &str| match values.text(key) {
            "" => other.to_owned(),
            value => value.to_owned(),
        };
        Claims {
            iss: or("jwt.issuer", issuer),
            aud: or("jwt.audience", values.text("push.iss")),
            sub: Some(self.subject(visible_id)),
            iat: now.secs(),
            exp: now.secs() + TOKEN_LIFE_S,
        }
    }

    fn subject(&self, visible_id: &str) -> String {
        let count = self.issued.fetch_add(1, Ordering::Relaxed);
        match self.fault {
            Some(Fault::JwtNamesAnotherUser) => format!("not-{visible_id}"),
            Some(Fault::IdentifierPerToken) if count > 0 => format!("{visible_id}.{count}"),
            Some(Fault::IdentifiersCutShort) => visible_id.chars().take(3).collect(),
            Some(Fault::JwtSubjectTooLong) => {
                format!("{visible_id}{}", "-".repeat(SUBJECT_CHARS))
            }
            _ => visible_id.to_owned(),
        }
    }
}

/// Deliberate faults of the signature and of the form.
fn of_another_making(fault: Fault, key: &SigningKey, claims: &Claims) -> Option<String> {
    Some(match fault {
        Fault::JwtMadeWithHmac => token::issue_broken(key, claims, Broken::HmacWithPublicKey),
        Fault::JwtMadeWithoutSignature => token::issue_broken(key, claims, Broken::AlgNone),
        Fault::JwtSignedByAnUnlistedKey => token::issue_broken(key, claims, Broken::OtherKey),
        Fault::JwtSignatureCutShort => token::issue_broken(key, claims, Broken::ShortSignature),
        Fault::JwtOfAnUnlistedKid => token::issue_broken(key, claims, Broken::UnknownKid),
        Fault::JwtRepeatsAClaim => token::issue_broken(key, claims, Broken::RepeatedAudience),
        Fault::JwtPadded => {
            let padded = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
            let token = token::issue(key, claims);
            token.split('.').map(padded).collect::<Vec<_>>().join(".")
        }
        _ => return None,
    })
}

/// Header members that a deliberate fault changes; null leaves one out.
fn header(fault: Option<Fault>) -> Map<String, Value> {
    let name = match fault {
        Some(Fault::JwtWithoutKid) => "kid",
        Some(Fault::JwtWithoutTyp) => "typ",
        _ => return Map::new(),
    };
    Map::from_iter([(name.to_owned(), Value::Null)])
}

/// Deliberate faults of the claims.
fn spoil(fault: Fault, now_s: u64, claims: &mut Map<String, Value>) {
    let issuer = claims.get("iss").cloned().unwrap_or_default();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    match fault {
        Fault::JwtAudienceIsTheIssuer => drop(set("aud", issuer)),
        Fault::JwtIssuerIsTheHost => drop(set("iss", json!("https://id.partner.example/"))),
        Fault::JwtWithoutIssuer => drop(claims.remove("iss")),
        Fault::JwtWithoutAudience => drop(claims.remove("aud")),
        Fault::JwtWithoutExpiry => drop(claims.remove("exp")),
        Fault::JwtExpiredWhenIssued => drop(set("exp", json!(now_s - 2 * TOKEN_LIFE_S))),
        Fault::JwtLivesAMonth => drop(set("exp", json!(now_s + 30 * DAY_S))),
        Fault::JwtWithoutIat => drop(claims.remove("iat")),
        Fault::JwtDatesInMilliseconds => {
            set("iat", json!(now_s * 1000));
            set("exp", json!((now_s + TOKEN_LIFE_S) * 1000));
        }
        Fault::JwtNotValidYet => drop(set("nbf", json!(now_s + TOKEN_LIFE_S / 2))),
        Fault::JwtDatesAsText => {
            set("iat", json!(now_s.to_string()));
            set("exp", json!((now_s + TOKEN_LIFE_S).to_string()));
        }
        Fault::JwtTellsNameAndMail => {
            set("name", json!("Alice Example"));
            set("email", json!("alice@partner.example"));
            set("birthdate", json!("1990-01-01"));
        }
        _ => {}
    }
}
