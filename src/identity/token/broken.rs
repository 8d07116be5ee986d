//! Tokens that a verifier must refuse, each wrong in one way (PSH-004, PSH-005, JWT-015, JWT-016).
//!
//! Main type: [`Broken`]. Everything but the one fault is as in a good token, so that the refusal
//! can only be due to it. They are assembled by hand: no token crate writes them.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::identity::base64url;
use crate::identity::test_keys;
use crate::identity::token::{Claims, SigningKey, compact, issue, issue_with, usual_header};

/// The one thing that is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// `alg: none` and an empty signature.
    AlgNone,
    /// `alg: HS256` keyed with the text of the public key, which everybody has.
    HmacWithPublicKey,
    /// The same, keyed with the JSON text of the published key.
    HmacWithJwk,
    /// One bit of the signature flipped.
    BadSignature,
    /// An empty signature under an algorithm that has one.
    NoSignature,
    /// The signature without its last byte.
    ShortSignature,
    /// Signed by a stranger under the published `kid`.
    OtherKey,
    /// A `kid` that no set has.
    UnknownKid,
    /// Signed by a stranger whose public key the header carries as `jwk`.
    EmbeddedKey,
    /// `crit` names an extension that nobody knows.
    UnknownCritical,
    OtherIssuer,
    OtherAudience,
    /// `aud` twice: the receiver first, somebody else last.
    RepeatedAudience,
    NoAudience,
    NoExpiry,
    /// `exp` a day before the claims' `iat`.
    Expired,
    /// `nbf` in the middle of the token's life.
    NotYetValid,
}

impl Broken {
    pub const ALL: [Self; 17] = [
        Self::AlgNone,
        Self::HmacWithPublicKey,
        Self::HmacWithJwk,
        Self::BadSignature,
        Self::NoSignature,
        Self::ShortSignature,
        Self::OtherKey,
        Self::UnknownKid,
        Self::EmbeddedKey,
        Self::UnknownCritical,
        Self::OtherIssuer,
        Self::OtherAudience,
        Self::RepeatedAudience,
        Self::NoAudience,
        Self::NoExpiry,
        Self::Expired,
        Self::NotYetValid,
    ];

    /// The name that scenarios use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlgNone => "alg-none",
            Self::HmacWithPublicKey => "hmac-with-public-key",
            Self::HmacWithJwk => "hmac-with-jwk",
            Self::BadSignature => "bad-signature",
            Self::NoSignature => "no-signature",
            Self::ShortSignature => "short-signature",
            Self::OtherKey => "other-key",
            Self::UnknownKid => "unknown-kid",
            Self::EmbeddedKey => "embedded-key",
            Self::UnknownCritical => "unknown-critical",
            Self::OtherIssuer => "other-issuer",
            Self::OtherAudience => "other-audience",
            Self::RepeatedAudience => "repeated-audience",
            Self::NoAudience => "no-audience",
            Self::NoExpiry => "no-expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
        }
    }

    /// Finds a kind by its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Issues a token that is wrong in one way and otherwise good.
pub fn issue_broken(key: &SigningKey, claims: &Claims, kind: Broken) -> String {
    match kind {
        Broken::AlgNone => alg_none(key, claims),
        Broken::HmacWithPublicKey => hmac(key, claims, &key.public_pem()),
        Broken::HmacWithJwk => hmac(key, claims, &key.public().to_json().to_string()),
        Broken::BadSignature => signed_badly(key, claims, |signature| {
            if let Some(last) = signature.last_mut() {
                *last ^= 1;
            }
        }),
        Broken::NoSignature => signed_badly(key, claims, Vec::clear),
        Broken::ShortSignature => signed_badly(key, claims, |signature| {
            signature.pop();
        }),
        Broken::OtherKey => with_header(test_keys::stranger(), claims, json!({"kid": key.kid()})),
        Broken::UnknownKid => with_header(key, claims, json!({"kid": "nobody"})),
        Broken::EmbeddedKey => embedded_key(claims),
        Broken::UnknownCritical => {
            with_header(key, claims, json!({"crit": ["x-nobody"], "x-nobody": true}))
        }
        Broken::OtherIssuer => with_claims(key, claims, json!({"iss": OTHER})),
        Broken::OtherAudience => with_claims(key, claims, json!({"aud": OTHER})),
        Broken::RepeatedAudience => repeated_audience(key, claims),
        Broken::NoAudience => with_claims(key, claims, json!({"aud": null})),
        Broken::NoExpiry => with_claims(key, claims, json!({"exp": null})),
        Broken::Expired => expired(key, claims),
        Broken::NotYetValid => {
            with_claims(key, claims, json!({"nbf": claims.iat.midpoint(claims.exp)}))
        }
    }
}

/// A name under the reserved domain, so that it is nobody's.
const OTHER: &str = "https://somebody-else.example";

fn alg_none(key: &SigningKey, claims: &Claims) -> String {
    let input = compact::input(&header_naming("none", key), &claims.to_json().to_string());
    format!("{input}.")
}

fn hmac(key: &SigningKey, claims: &Claims, secret: &str) -> String {
    let input = compact::input(&header_naming("HS256", key), &claims.to_json().to_string());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(input.as_bytes());
    let tag = mac.finalize().into_bytes();
    format!("{input}.{}", base64url::encode(tag))
}

fn header_naming(alg: &str, key: &SigningKey) -> String {
    let mut header = usual_header(key);
    header.insert("alg".to_owned(), Value::from(alg));
    Value::Object(header).to_string()
}

fn signed_badly(key: &SigningKey, claims: &Claims, spoil: impl FnOnce(&mut Vec<u8>)) -> String {
    let input = compact::input(
        &Value::Object(usual_header(key)).to_string(),
        &claims.to_json().to_string(),
    );
    let mut signature = key.sign(input.as_bytes());
    spoil(&mut signature);
    format!("{input}.{}", base64url::encode(signature))
}

fn embedded_key(claims: &Claims) -> String {
    let stranger = test_keys::stranger();
    with_header(stranger, claims, json!({"jwk": stranger.public().to_json()}))
}

fn repeated_audience(key: &SigningKey, claims: &Claims) -> String {
    let once = claims.to_json().to_string();
    let open = once.strip_suffix('}').unwrap_or(&once);
    let twice = format!("{open},\"aud\":{}}}", Value::from(OTHER));
    compact::signed(key, &Value::Object(usual_header(key)).to_string(), &twice)
}

fn expired(key: &SigningKey, claims: &Claims) -> String {
    let exp = claims.iat.saturating_sub(24 * 3600);
    let iat = exp.saturating_sub(claims.exp.saturating_sub(claims.iat));
    issue(key, &Claims { iat, exp, ..claims.clone() })
}

fn with_header(key: &SigningKey, claims: &Claims, members: Value) -> String {
    issue_with(key, &object(members), &claims.to_json())
}

/// Replaces claims; `null` leaves one out.
fn with_claims(key: &SigningKey, claims: &Claims, members: Value) -> String {
    let mut all = object(claims.to_json());
    all.extend(object(members));
    all.retain(|_, value| !value.is_null());
    issue_with(key, &Map::new(), &Value::Object(all))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
