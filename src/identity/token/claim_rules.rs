//! The rules about the claims: who speaks of whom to whom, and when.
//!
//! Where OIDC Core demands a claim and RFC 7519 does not, the profile decides: it names the value
//! that must be there, or the claim's absence is only warned about.

use serde_json::Value;

use crate::identity::json::quoted;
use crate::identity::token::fault::{ClaimFault, ExpiryFault, IssuedAtFault, TokenError};
use crate::identity::token::rules::{Judgement, Stop, View};

impl View<'_> {
    /// JWT-007; TF §1.2: the token contains the user-visible identifier.
    pub(super) fn subject(&self) -> Judgement {
        let fault = match self.claims()?.member(&self.policy.subject_claim) {
            None => ClaimFault::Missing,
            Some(Value::String(subject)) => match &self.policy.subject {
                Some(expected) if expected != subject => ClaimFault::Other,
                _ => return Ok(()),
            },
            Some(_) => ClaimFault::WrongType,
        };
        Err(Stop::Broken(TokenError::Subject(fault)))
    }

    /// JWT-023; OIDC Core §2: "MUST NOT exceed 255 ASCII characters in length".
    pub(super) fn subject_form(&self) -> Judgement {
        match self.claims()?.member("sub").and_then(Value::as_str) {
            None => Err(Stop::NotApplicable),
            Some(subject) if subject.is_ascii() && subject.len() <= 255 => Ok(()),
            Some(_) => Err(Stop::Broken(TokenError::SubjectForm)),
        }
    }

    /// JWT-022; GDPR 5(1)(c), RFC 7519 §12: a recommendation, so it never refuses a token.
    pub(super) fn only_needed_claims(&self) -> Judgement {
        let policy = self.policy;
        if policy.claims.is_empty() {
            return Err(Stop::NotApplicable);
        }
        let needed = |name: &String| policy.claims.contains(name) || *name == policy.subject_claim;
        let spare = self.claims()?.members.keys().find(|name| !needed(name));
        match spare {
            Some(name) => Err(Stop::Warns(TokenError::SpareClaim(quoted(name)))),
            None => Ok(()),
        }
    }

    /// JWT-008; OIDC Core §2 requires `iss`, RFC 7519 §4.1.1 does not: hence the warning.
    pub(super) fn issuer(&self) -> Judgement {
        let fault = match (self.claims()?.member("iss"), &self.policy.issuer) {
            (None, None) => {
                return Err(Stop::Warns(TokenError::Issuer(ClaimFault::Missing)));
            }
            (None, Some(_)) => ClaimFault::Missing,
            (Some(Value::String(issuer)), Some(expected)) if issuer != expected => {
                ClaimFault::Other
            }
            (Some(Value::String(_)), _) => return Ok(()),
            (Some(_), _) => ClaimFault::WrongType,
        };
        Err(Stop::Broken(TokenError::Issuer(fault)))
    }

    /// JWT-009; RFC 7519 §4.1.3: a string or an array of strings, one of which is the receiver.
    pub(super) fn audience(&self) -> Judgement {
        let claim = self.claims()?.member("aud");
        let names: Option<Vec<&str>> = match claim {
            Some(Value::String(name)) => Some(vec![name]),
            Some(Value::Array(names)) => names.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let fault = match (claim, names, &self.policy.audience) {
            (None, _, None) => {
                return Err(Stop::Warns(TokenError::Audience(ClaimFault::Missing)));
            }
            (None, _, Some(_)) => ClaimFault::Missing,
            (Some(_), None, _) => ClaimFault::WrongType,
            (Some(_), Some(names), Some(own)) if !names.contains(&own.as_str()) => {
                ClaimFault::Other
            }
            // Whom Meta is called by is not public, but it is not by the issuer's name.
            (Some(_), Some(names), None) if names.iter().all(|name| self.is_issuer(name)) => {
                return Err(Stop::Warns(TokenError::Audience(ClaimFault::Other)));
            }
            (Some(_), Some(_), _) => return Ok(()),
        };
        Err(Stop::Broken(TokenError::Audience(fault)))
    }

    fn is_issuer(&self, name: &str) -> bool {
        self.claims.as_ref().and_then(|claims| claims.member("iss")?.as_str()) == Some(name)
    }

    /// JWT-013; RFC 7519 §2: a NumericDate is a JSON number, whole or not.
    pub(super) fn dates(&self) -> Judgement {
        let claims = self.claims()?;
        let present = ["exp", "iat", "nbf"].map(|name| (name, claims.member(name)));
        match present.iter().find(|(_, value)| value.is_some_and(|value| !value.is_number())) {
            Some((name, _)) => Err(Stop::Broken(TokenError::Date(name))),
            None if present.iter().all(|(_, value)| value.is_none()) => Err(Stop::NotApplicable),
            None => Ok(()),
        }
    }

    /// A date in seconds; one that is no number is JWT-013's matter alone.
    fn date(&self, name: &str) -> Judgement<Option<f64>> {
        match self.claims()?.member(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(Stop::Undecided("JWT-013")),
        }
    }

    /// JWT-010; RFC 7519 §4.1.4: "on or after" `exp` the token "MUST NOT be accepted".
    pub(super) fn expiry(&self) -> Judgement {
        let broken = |fault| Err(Stop::Broken(TokenError::Expiry(fault)));
        let Some(exp) = self.date("exp")? else {
            return broken(ExpiryFault::Missing);
        };
        if self.now_s >= exp + self.policy.leeway_s as f64 {
            return broken(ExpiryFault::Past);
        }
        Ok(())
    }

    /// JWT-028, a SHOULD of RFC 6750 §5.3: a long life warns and refuses nothing.
    pub(super) fn lifetime(&self) -> Judgement {
        let Some(exp) = self.date("exp")? else { return Err(Stop::Undecided("JWT-010")) };
        let start = self.date("iat").ok().flatten().unwrap_or(self.now_s);
        let limit_s = self.policy.lifetime_s_max;
        if exp - start > limit_s as f64 {
            return Err(Stop::Warns(TokenError::Expiry(ExpiryFault::TooLongLived { limit_s })));
        }
        Ok(())
    }

    /// JWT-011, a SHOULD: Meta's changes to OIDC are not public, so `iat` never refuses a token.
    pub(super) fn issued_at(&self) -> Judgement {
        match self.date("iat")? {
            None => Err(Stop::Warns(TokenError::IssuedAt(IssuedAtFault::Missing))),
            Some(iat) if iat > self.now_s + self.policy.leeway_s as f64 => {
                Err(Stop::Warns(TokenError::IssuedAt(IssuedAtFault::Future)))
            }
            Some(_) => Ok(()),
        }
    }

    /// JWT-012; RFC 7519 §4.1.5: before `nbf` the token "MUST NOT be accepted".
    pub(super) fn not_before(&self) -> Judgement {
        let nbf = self.date("nbf")?.ok_or(Stop::NotApplicable)?;
        if nbf > self.now_s + self.policy.leeway_s as f64 {
            return Err(Stop::Broken(TokenError::NotBefore));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::judged::Outcome;
    use crate::identity::token::Policy;
    use crate::identity::token::rules::tests::{outcome, outcome_under, policy};
    use serde_json::json;

    const NOW_S: u64 = 1_800_000_100;

    fn judged(requirement: &str, claims: Value) -> Option<Outcome<TokenError>> {
        outcome(requirement, json!({}), claims)
    }

    fn lenient(requirement: &str, claims: Value) -> Option<Outcome<TokenError>> {
        outcome_under(&Policy::default(), requirement, json!({}), claims)
    }

    fn broken(fault: TokenError) -> Option<Outcome<TokenError>> {
        Some(Outcome::Broken(fault))
    }

    const HOLDS: Option<Outcome<TokenError>> = Some(Outcome::Holds);

    #[test]
    fn the_subject_is_the_expected_one_byte_for_byte() {
        let fault = |fault| broken(TokenError::Subject(fault));
        assert_eq!(judged("JWT-007", json!({ "sub": null })), fault(ClaimFault::Missing));
        assert_eq!(judged("JWT-007", json!({ "sub": 7 })), fault(ClaimFault::WrongType));
        let expecting = |subject: &str| {
            let policy = Policy { subject: Some(subject.to_owned()), ..policy() };
            outcome_under(&policy, "JWT-007", json!({}), json!({}))
        };
        assert_eq!(expecting("alice@partner.example"), HOLDS);
        assert_eq!(expecting("Alice@partner.example"), fault(ClaimFault::Other));
        let named = Policy { subject_claim: "phone".to_owned(), ..policy() };
        let phone = json!({ "phone": "+1", "sub": null });
        assert_eq!(outcome_under(&named, "JWT-007", json!({}), phone.clone()), HOLDS);
        assert_eq!(outcome_under(&named, "JWT-023", json!({}), phone), None);
    }

    #[test]
    fn sub_is_at_most_255_ascii_characters() {
        let fault = broken(TokenError::SubjectForm);
        assert_eq!(judged("JWT-023", json!({ "sub": "a".repeat(255) })), HOLDS);
        assert_eq!(judged("JWT-023", json!({ "sub": "a".repeat(256) })), fault);
        assert_eq!(judged("JWT-023", json!({ "sub": "jürgen" })), fault);
    }

    #[test]
    fn the_issuer_is_the_registered_one() {
        let fault = |fault| broken(TokenError::Issuer(fault));
        assert_eq!(judged("JWT-008", json!({ "iss": null })), fault(ClaimFault::Missing));
        assert_eq!(judged("JWT-008", json!({ "iss": [] })), fault(ClaimFault::WrongType));
        let slash = json!({ "iss": "https://partner.example/" });
        assert_eq!(judged("JWT-008", slash), fault(ClaimFault::Other));
        let warning = Some(Outcome::Warns(TokenError::Issuer(ClaimFault::Missing)));
        assert_eq!(lenient("JWT-008", json!({ "iss": null })), warning);
        assert_eq!(lenient("JWT-008", json!({ "iss": "anybody" })), HOLDS);
    }

    #[test]
    fn the_audience_is_a_string_or_a_list_that_names_the_receiver() {
        let fault = |fault| broken(TokenError::Audience(fault));
        assert_eq!(judged("JWT-009", json!({ "aud": ["other", "WHATSAPP"] })), HOLDS);
        assert_eq!(judged("JWT-009", json!({ "aud": ["other"] })), fault(ClaimFault::Other));
        assert_eq!(judged("JWT-009", json!({ "aud": [] })), fault(ClaimFault::Other));
        assert_eq!(judged("JWT-009", json!({ "aud": "whatsapp" })), fault(ClaimFault::Other));
        assert_eq!(judged("JWT-009", json!({ "aud": null })), fault(ClaimFault::Missing));
        let mixed = json!({ "aud": ["WHATSAPP", 1] });
        assert_eq!(judged("JWT-009", mixed), fault(ClaimFault::WrongType));
        assert_eq!(judged("JWT-009", json!({ "aud": {} })), fault(ClaimFault::WrongType));
        let warning = Some(Outcome::Warns(TokenError::Audience(ClaimFault::Missing)));
        assert_eq!(lenient("JWT-009", json!({ "aud": null })), warning);
        let own = Some(Outcome::Warns(TokenError::Audience(ClaimFault::Other)));
        assert_eq!(lenient("JWT-009", json!({ "iss": "acme", "aud": ["acme"] })), own);
        assert_eq!(lenient("JWT-009", json!({ "iss": "acme", "aud": ["acme", "x"] })), HOLDS);
    }

    #[test]
    fn a_token_ends_exactly_at_exp_plus_leeway() {
        let past = broken(TokenError::Expiry(ExpiryFault::Past));
        let exp = |exp: u64| judged("JWT-010", json!({ "exp": exp }));
        assert_eq!(exp(NOW_S - 60), past);
        assert_eq!(exp(NOW_S - 59), HOLDS);
        assert_eq!(judged("JWT-010", json!({ "exp": -1 })), past);
        let missing = broken(TokenError::Expiry(ExpiryFault::Missing));
        assert_eq!(judged("JWT-010", json!({ "exp": null })), missing);
    }

    #[test]
    fn a_long_life_is_warned_about() {
        let long = TokenError::Expiry(ExpiryFault::TooLongLived { limit_s: 3600 });
        let warning = Some(Outcome::Warns(long));
        assert_eq!(judged("JWT-028", json!({ "exp": 1_800_003_600_u64 })), HOLDS);
        assert_eq!(judged("JWT-028", json!({ "exp": 1_800_003_601_u64 })), warning);
        let without_start = json!({ "exp": NOW_S + 3601, "iat": null });
        assert_eq!(judged("JWT-028", without_start), warning);
    }

    #[test]
    fn dates_are_numbers_and_a_text_is_judged_once() {
        assert_eq!(judged("JWT-013", json!({ "nbf": "1" })), broken(TokenError::Date("nbf")));
        assert_eq!(judged("JWT-012", json!({ "nbf": "1" })), Some(Outcome::Undecided("JWT-013")));
        assert_eq!(judged("JWT-013", json!({ "exp": 1_800_000_200.5 })), HOLDS);
        assert_eq!(judged("JWT-010", json!({ "exp": 1_800_000_200.5 })), HOLDS);
        assert_eq!(judged("JWT-013", json!({ "exp": null, "iat": null })), None);
    }

    #[test]
    fn an_odd_iat_warns_and_a_future_nbf_refuses() {
        let iat = |iat: Value| judged("JWT-011", json!({ "iat": iat }));
        let warning = |fault| Some(Outcome::Warns(TokenError::IssuedAt(fault)));
        assert_eq!(iat(json!(NOW_S + 60)), HOLDS);
        assert_eq!(iat(json!(NOW_S + 61)), warning(IssuedAtFault::Future));
        assert_eq!(iat(json!(null)), warning(IssuedAtFault::Missing));
        let nbf = |nbf: Value| judged("JWT-012", json!({ "nbf": nbf }));
        assert_eq!(nbf(json!(NOW_S + 60)), HOLDS);
        assert_eq!(nbf(json!(NOW_S + 61)), broken(TokenError::NotBefore));
        assert_eq!(nbf(json!(null)), None);
    }
}
