//! The rules about form, header, key and signature.
//!
//! A header is only a claim until the signature has verified, so nothing in it selects more than an
//! entry of the allow-list and an entry of the published set.

use serde_json::Value;

use crate::identity::json::quoted;
use crate::identity::jwks::{Material, PublicKey};
use crate::identity::token::Algorithm;
use crate::identity::token::compact::Part;
use crate::identity::token::fault::{
    AlgorithmFault, JsonFault, KidFault, SignatureFault, TokenError,
};
use crate::identity::token::rules::{Judgement, Stop, View};
use crate::limits::KEY_CANDIDATES_MAX;

impl<'a> View<'a> {
    /// JWT-014; RFC 7519 §4: "The Claim Names within a JWT Claims Set MUST be unique".
    pub(super) fn unique_names(&self) -> Judgement {
        for (part, object) in [(Part::Header, &self.header), (Part::Claims, &self.claims)] {
            let fault = match object {
                None => JsonFault::NotAnObject(part),
                Some(object) => match object.repeated.first() {
                    None => continue,
                    Some(name) => JsonFault::Repeated { part, name: quoted(name) },
                },
            };
            return Err(Stop::Broken(TokenError::Json(fault)));
        }
        Ok(())
    }

    /// JWT-015; RFC 7515 §4.1.11. No extension is understood here, so any `crit` refuses.
    pub(super) fn critical(&self) -> Judgement {
        let crit = self.header()?.member("crit").ok_or(Stop::NotApplicable)?;
        let name = crit.get(0).and_then(Value::as_str).unwrap_or_default();
        Err(Stop::Broken(TokenError::Critical(quoted(name))))
    }

    /// JWT-004; RFC 8725 §3.1: the algorithm must be one that the receiver allows.
    pub(super) fn allowed_algorithm(&self) -> Judgement {
        self.algorithm().map(drop).map_err(|stop| match stop {
            Stop::Undecided("JWT-004") => {
                let fault = match self.header.as_ref().and_then(|header| header.member("alg")) {
                    Some(Value::String(name)) => AlgorithmFault::NotAllowed(quoted(name)),
                    _ => AlgorithmFault::Missing,
                };
                Stop::Broken(TokenError::Algorithm(fault))
            }
            other => other,
        })
    }

    fn algorithm(&self) -> Judgement<Algorithm> {
        let name = self.header()?.member("alg").and_then(Value::as_str);
        name.and_then(Algorithm::parse)
            .filter(|algorithm| self.policy.algorithms.contains(algorithm))
            .ok_or(Stop::Undecided("JWT-004"))
    }

    /// JWT-016; RFC 8725 §3.10: `jku` and `x5u` are not followed, `jwk` and `x5c` not believed.
    pub(super) fn embedded_key(&self) -> Judgement {
        let header = self.header()?;
        match ["jwk", "jku", "x5c", "x5u"].into_iter().find(|name| header.member(name).is_some()) {
            Some(name) => Err(Stop::Warns(TokenError::EmbeddedKey(name))),
            None => Err(Stop::NotApplicable),
        }
    }

    /// JWT-021; RFC 8725 §3.11: explicit typing is recommended.
    pub(super) fn typ(&self) -> Judgement {
        match self.header()?.member("typ") {
            Some(Value::String(_)) => Ok(()),
            _ => Err(Stop::Warns(TokenError::TypMissing)),
        }
    }

    /// JWT-005: without a known `kid` no key is tried, least of all every key in turn.
    pub(super) fn known_key(&self) -> Judgement {
        let fault = match self.header()?.member("kid") {
            Some(Value::String(kid)) if self.keys.find(kid).next().is_some() => return Ok(()),
            Some(Value::String(kid)) => KidFault::Unknown(quoted(kid)),
            _ => KidFault::Missing,
        };
        Err(Stop::Broken(TokenError::Kid(fault)))
    }

    fn candidates(&self) -> Judgement<Vec<&'a PublicKey>> {
        let kid = self.header()?.member("kid").and_then(Value::as_str);
        let keys: Vec<_> =
            kid.into_iter().flat_map(|kid| self.keys.find(kid)).take(KEY_CANDIDATES_MAX).collect();
        if keys.is_empty() { Err(Stop::Undecided("JWT-005")) } else { Ok(keys) }
    }

    /// JWT-017; RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used".
    pub(super) fn modulus(&self) -> Judgement {
        let sizes = self.candidates()?.into_iter().filter_map(PublicKey::modulus_bits);
        match sizes.min().ok_or(Stop::NotApplicable)? {
            bits @ 0..2048 => Err(Stop::Broken(TokenError::ModulusShort { bits })),
            _ => Ok(()),
        }
    }

    /// JWT-018; RFC 7518 §3.4: R and S as 32 bytes each; RFC 8725 §3.4: points are checked.
    pub(super) fn ec_signature(&self) -> Judgement {
        if !matches!(self.algorithm(), Ok(Algorithm::Es256)) {
            return Err(Stop::NotApplicable);
        }
        let bytes = self.compact.signature.len();
        let on_curve = self.candidates()?.into_iter().any(|key| {
            matches!(key.material, Material::P256 { .. })
                && Algorithm::Es256.verifies(&key.material, "", &[]).is_some()
        });
        match bytes {
            64 if on_curve => Ok(()),
            _ => Err(Stop::Broken(TokenError::EcSignature { bytes })),
        }
    }

    /// JWT-006; RFC 8725 §3.1: a key is used with the one algorithm that it is published for.
    pub(super) fn signature(&self) -> Judgement {
        let algorithm = self.algorithm()?;
        let tried: Vec<bool> = self
            .candidates()?
            .into_iter()
            .filter(|key| key.serves(algorithm))
            .filter_map(|key| {
                algorithm.verifies(&key.material, self.compact.input, &self.compact.signature)
            })
            .collect();
        match tried.as_slice() {
            [] => Err(Stop::Broken(TokenError::Signature(SignatureFault::KeyUnfit))),
            tried if tried.contains(&true) => Ok(()),
            _ => Err(Stop::Broken(TokenError::Signature(SignatureFault::Mismatch))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::base64url;
    use crate::identity::judged::Outcome;
    use crate::identity::jwks::KeySet;
    use crate::identity::test_keys;
    use crate::identity::token::rules::tests::{NOW, keys, outcome, outcome_under, policy};
    use crate::identity::token::tests::claims;
    use crate::identity::token::{Policy, examine, issue};
    use serde_json::json;

    fn with_keys(keys: &KeySet, requirement: &str) -> Option<Outcome<TokenError>> {
        let token = issue(test_keys::partner(), &claims());
        let rows = examine(&token, keys, &policy(), NOW);
        rows.into_iter().find(|row| row.requirement == requirement).map(|row| row.outcome)
    }

    fn broken(fault: TokenError) -> Option<Outcome<TokenError>> {
        Some(Outcome::Broken(fault))
    }

    #[test]
    fn the_algorithm_is_one_that_the_policy_names() {
        let fault = |alg: Value| outcome("JWT-004", json!({ "alg": alg }), json!({}));
        let not_allowed =
            |name: &str| broken(TokenError::Algorithm(AlgorithmFault::NotAllowed(name.to_owned())));
        assert_eq!(fault(json!("RS512")), not_allowed("RS512"));
        assert_eq!(fault(json!("NONE")), not_allowed("NONE"));
        assert_eq!(fault(json!(null)), broken(TokenError::Algorithm(AlgorithmFault::Missing)));
        assert_eq!(fault(json!(256)), broken(TokenError::Algorithm(AlgorithmFault::Missing)));
        let both = Policy { algorithms: vec![Algorithm::Rs512, Algorithm::Rs256], ..policy() };
        let header = || json!({ "alg": "RS512" });
        assert_eq!(outcome_under(&both, "JWT-004", header(), json!({})), Some(Outcome::Holds));
    }

    #[test]
    fn a_key_id_is_needed_and_never_guessed() {
        let fault = |kid: Value| outcome("JWT-005", json!({ "kid": kid }), json!({}));
        assert_eq!(fault(json!(null)), broken(TokenError::Kid(KidFault::Missing)));
        assert_eq!(fault(json!(1)), broken(TokenError::Kid(KidFault::Missing)));
        let unknown = TokenError::Kid(KidFault::Unknown("Partner-1".to_owned()));
        assert_eq!(fault(json!("Partner-1")), broken(unknown));
    }

    #[test]
    fn another_key_or_another_purpose_verifies_nothing() {
        let fault = |fault| broken(TokenError::Signature(fault));
        let swapped = outcome("JWT-006", json!({ "kid": "meta-1" }), json!({}));
        assert_eq!(swapped, fault(SignatureFault::Mismatch));
        let key = test_keys::partner().public();
        let other_alg = PublicKey { alg: Some("PS256".to_owned()), ..key.clone() };
        let encrypts = PublicKey { usage: Some("enc".to_owned()), ..key.clone() };
        let silent = PublicKey { usage: None, alg: None, ..key.clone() };
        let unfit = fault(SignatureFault::KeyUnfit);
        assert_eq!(with_keys(&KeySet::of([&other_alg]), "JWT-006"), unfit);
        assert_eq!(with_keys(&KeySet::of([&encrypts]), "JWT-006"), unfit);
        assert_eq!(with_keys(&KeySet::of([&silent]), "JWT-006"), Some(Outcome::Holds));
        let namesake =
            PublicKey { material: test_keys::meta().public().material.clone(), ..silent };
        assert_eq!(with_keys(&KeySet::of([&namesake, key]), "JWT-006"), Some(Outcome::Holds));
    }

    #[test]
    fn a_short_modulus_is_measured() {
        let material = Material::Rsa { n: vec![0xFF; 128], e: vec![1, 0, 1] };
        let short = PublicKey { material, ..test_keys::partner().public().clone() };
        let fault = broken(TokenError::ModulusShort { bits: 1024 });
        assert_eq!(with_keys(&KeySet::of([&short]), "JWT-017"), fault);
        assert_eq!(with_keys(&keys(), "JWT-017"), Some(Outcome::Holds));
    }

    /// The key is that of RFC 7515 Appendix A.3.
    #[test]
    fn an_es256_signature_is_64_bytes_by_a_point_of_the_curve() {
        let judged = |x: &str, bytes: usize| {
            let material = Material::P256 {
                x: base64url::decode(x).unwrap(),
                y: base64url::decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").unwrap(),
            };
            let kid = Some("ec".to_owned());
            let key = PublicKey { kid, alg: None, usage: None, material };
            let header = base64url::encode(r#"{"alg":"ES256","kid":"ec"}"#);
            let token = format!("{header}.e30.{}", base64url::encode(vec![1; bytes]));
            let policy = Policy { algorithms: vec![Algorithm::Es256], ..policy() };
            let rows = examine(&token, &KeySet::of([&key]), &policy, NOW);
            rows.into_iter().find(|row| row.requirement == "JWT-018").unwrap().outcome
        };
        let on_curve = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
        let off_curve = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEE";
        let fault = |bytes| Outcome::Broken(TokenError::EcSignature { bytes });
        assert_eq!(judged(on_curve, 64), Outcome::Holds);
        assert_eq!(judged(on_curve, 71), fault(71));
        assert_eq!(judged(off_curve, 64), fault(64));
    }

    #[test]
    fn keys_in_the_header_are_named_and_ignored() {
        for name in ["jwk", "jku", "x5c", "x5u"] {
            let header = json!({ name: "https://partner.example" });
            let warned = outcome("JWT-016", header.clone(), json!({}));
            assert_eq!(warned, Some(Outcome::Warns(TokenError::EmbeddedKey(name))));
            assert_eq!(outcome("JWT-006", header, json!({})), Some(Outcome::Holds));
        }
        assert_eq!(outcome("JWT-016", json!({}), json!({})), None);
    }

    #[test]
    fn any_crit_refuses_even_a_malformed_one() {
        for (crit, name) in [(json!(["exp"]), "exp"), (json!([]), ""), (json!("b64"), "")] {
            let refused = outcome("JWT-015", json!({ "crit": crit }), json!({}));
            assert_eq!(refused, broken(TokenError::Critical(name.to_owned())));
        }
    }
}
