//! The signed token that proves an identity: issuing, judging and showing it.
//!
//! Main types: [`SigningKey`], [`Claims`], [`Policy`] and [`TokenError`]. A token is a JWS in
//! compact form (RFC 7515 §7.1) over JSON claims (RFC 7519). The partner's server signs it and the
//! client shows it at enlistment and at every login (TF §1.1); Meta's push requests carry one as well
//! (TF §3.2.2). `ring` computes signatures; the form is read here, because ready-made decoders stop
//! at the first fault and keep the last of repeated names, and the harness must name every fault.

mod algorithm;
mod broken;
mod claim_rules;
mod compact;
mod fault;
mod header_rules;
mod rules;
mod signing_key;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::identity::json::Object;
use crate::limits::PAYLOAD_BYTES_MAX;

pub use algorithm::Algorithm;
pub use broken::{Broken, issue_broken};
pub use compact::{CompactFault, Part};
pub use fault::{
    AlgorithmFault, ClaimFault, ExpiryFault, IssuedAtFault, JsonFault, KidFault, SignatureFault,
    TokenError,
};
pub use rules::{Policy, Verified, examine, verify};
pub use signing_key::{KeyError, SigningKey};

/// The claims of an ordinary token; times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// The user-visible identifier; Meta's push tokens have none.
    pub sub: Option<String>,
    pub iat: u64,
    pub exp: u64,
}

impl Claims {
    /// The claims as the JSON object that is signed.
    pub fn to_json(&self) -> Value {
        let mut claims = json!({ "iss": self.iss, "aud": self.aud });
        if let Some(subject) = &self.sub {
            claims["sub"] = Value::from(subject.as_str());
        }
        claims["iat"] = Value::from(self.iat);
        claims["exp"] = Value::from(self.exp);
        claims
    }
}

/// Issues a token with header `{alg, kid, typ: JWT}` (TF §1.3.1; RFC 8725 §3.11).
pub fn issue(key: &SigningKey, claims: &Claims) -> String {
    issue_with(key, &Map::new(), &claims.to_json())
}

/// Issues a token with further or replaced header members and any claims, properly signed.
///
/// A member that is `null` removes the one of that name from the usual header.
pub fn issue_with(key: &SigningKey, header: &Map<String, Value>, claims: &Value) -> String {
    let mut members = usual_header(key);
    for (name, value) in header {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    compact::signed(key, &Value::Object(members).to_string(), &claims.to_string())
}

fn usual_header(key: &SigningKey) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("alg".to_owned(), Value::from(key.algorithm().as_str()));
    members.insert("kid".to_owned(), Value::from(key.kid()));
    members.insert("typ".to_owned(), Value::from("JWT"));
    members
}

/// What a transcript may hold of a token: enough to judge it, too little to use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// Bytes of the compact form.
    pub len: usize,
    /// Lower-case hexadecimal SHA-256 of the compact form.
    pub sha256: String,
    /// The header, or null where it cannot be read.
    pub header: Value,
    /// The claims, or null where they cannot be read.
    pub claims: Value,
}

/// Describes a token for a transcript (`interfaces.md` §11); the signature is never kept.
///
/// A token over 64 KiB is described by length and digest only.
pub fn inspect(token: &str) -> Inspected {
    let parts = match token.len() {
        0..=PAYLOAD_BYTES_MAX => compact::split(token).ok(),
        _ => None,
    };
    let (header, claims) = match parts {
        Some(parts) => (readable(&parts.header), readable(&parts.claims)),
        None => (Value::Null, Value::Null),
    };
    Inspected { len: token.len(), sha256: hex::encode(Sha256::digest(token)), header, claims }
}

/// Replaces what looks like a token in a URL (JWT-024): three parts in base64url, the first of
/// them a JSON object.
pub fn without_tokens(url: &str, instead: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = url.match_indices(|c: char| !part(c)).map(|(at, _)| at).chain([url.len()]);
    let (mut out, mut from) = (String::new(), 0);
    for end in ends {
        let word = &url[from..end];
        let token = word.starts_with("eyJ") && word.matches('.').count() == 2;
        out.push_str(if token { instead } else { word });
        let next = url[end..].chars().next();
        out.extend(next);
        from = end + next.map_or(0, char::len_utf8);
    }
    out
}

fn readable(json: &[u8]) -> Value {
    Object::read(json).map_or(Value::Null, |object| Value::Object(object.members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::base64url;
    use crate::identity::test_keys;

    pub(in crate::identity::token) fn claims() -> Claims {
        Claims {
            iss: "https://partner.example".to_owned(),
            aud: "WHATSAPP".to_owned(),
            sub: Some("alice@partner.example".to_owned()),
            iat: 1_800_000_000,
            exp: 1_800_003_600,
        }
    }

    #[test]
    fn an_issued_token_repeats_and_has_the_usual_header() {
        let token = issue(test_keys::partner(), &claims());
        assert_eq!(token, issue(test_keys::partner(), &claims()));
        let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(header, br#"{"alg":"RS256","kid":"partner-1","typ":"JWT"}"#);
    }

    #[test]
    fn header_members_can_be_added_and_removed() {
        let mut header = Map::new();
        header.insert("typ".to_owned(), Value::Null);
        header.insert("kid".to_owned(), Value::from("other"));
        let token = issue_with(test_keys::partner(), &header, &json!({}));
        let shown = inspect(&token);
        assert_eq!(shown.header, json!({"alg": "RS256", "kid": "other"}));
        assert_eq!(shown.claims, json!({}));
    }

    #[test]
    fn an_inspected_token_shows_no_signature_and_no_compact_form() {
        let token = issue(test_keys::partner(), &claims());
        let shown = inspect(&token);
        assert_eq!(shown.len, token.len());
        assert_eq!(shown.claims["sub"], "alice@partner.example");
        let text = serde_json::to_string(&shown).unwrap();
        for part in token.split('.') {
            assert!(!text.contains(part), "{part} is in {text}");
        }
        assert_eq!(serde_json::from_str::<Inspected>(&text).unwrap(), shown);
    }

    #[test]
    fn a_url_is_shown_without_its_tokens() {
        let token = issue(test_keys::partner(), &claims());
        for (before, after) in [("/reg?token=", ""), ("/reg/", "/x?y=1.2.3"), ("/é?a=b&t=", "&c=é")]
        {
            let shown = without_tokens(&format!("{before}{token}{after}"), "*");
            assert_eq!(shown, format!("{before}*{after}"));
        }
        assert_eq!(without_tokens("/3p/interop_reg?x=1.2.3", "*"), "/3p/interop_reg?x=1.2.3");
        assert_eq!(without_tokens("", "*"), "");
    }

    #[test]
    fn what_is_no_token_is_described_by_its_digest() {
        let shown = inspect("not a token");
        assert_eq!((shown.len, shown.header, shown.claims), (11, Value::Null, Value::Null));
        assert_eq!(shown.sha256, hex::encode(Sha256::digest("not a token")));
        let long = format!("e30.e30.{}", "A".repeat(PAYLOAD_BYTES_MAX));
        assert_eq!(inspect(&long).header, Value::Null);
        assert_eq!(inspect("e30.e30.").header, json!({}));
    }
}
