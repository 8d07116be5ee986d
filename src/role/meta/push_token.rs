//! The token of a push call: as Meta signs it, or wrong in one way (TF §3.2.2).

use rand::Rng as _;
use serde_json::{Map, Value, json};

use super::Meta;
use super::published::{CANARY_CERTIFICATE, CANARY_KEYS};
use crate::identity::token::{self, Broken, Claims, SigningKey};
use crate::identity::{base64url, test_keys};
use crate::scenario::TokenFault;

/// How far the clocks of two honest parties may be apart.
const SLIGHTLY_S: u64 = 5;
const DAY_S: u64 = 24 * 3600;
/// Length of an RSA 2048 signature.
const SIGNATURE_BYTES: usize = 256;

impl Meta {
    /// What stands behind `Bearer `; `None` is no header at all.
    pub(super) fn push_token(
        &mut self,
        audience: &str,
        fault: Option<TokenFault>,
    ) -> Option<String> {
        let claims = self.push_claims(audience);
        let key = self.push_key();
        let Some(fault) = fault else { return Some(token::issue(key, &claims)) };
        if let Some(broken) = broken(fault) {
            return Some(token::issue_broken(key, &claims, broken));
        }
        Some(match fault {
            TokenFault::Absent => return None,
            TokenFault::ZeroSignature => resigned(key, &claims, |_| vec![0; 64]),
            TokenFault::ZeroSignatureInDer => {
                resigned(key, &claims, |_| vec![0x30, 6, 2, 1, 0, 2, 1, 0])
            }
            TokenFault::SignatureInDer => resigned(key, &claims, in_der),
            TokenFault::Empty => String::new(),
            TokenFault::UnknownKid => self.of_nobodys_key(&claims),
            TokenFault::FormerKey => token::issue(self.first_push_key(), &claims),
            TokenFault::KeyAtUrl => self.of_a_stranger(&claims, "jku", CANARY_KEYS),
            TokenFault::CertificateAtUrl => self.of_a_stranger(&claims, "x5u", CANARY_CERTIFICATE),
            TokenFault::OtherType => signed(key, json!({ "typ": "at+jwt" }), &claims, json!({})),
            TokenFault::EmbeddedCertificate => {
                let certificate = json!([test_keys::stranger_certificate()]);
                signed(test_keys::stranger(), json!({ "x5c": certificate }), &claims, json!({}))
            }
            other => signed(key, json!({}), &claims, claims_of(other, &claims)),
        })
    }

    fn push_claims(&self, audience: &str) -> Claims {
        let now = self.now.secs();
        let life = self.profile.int("push.lifetime_s").unwrap_or(3600).unsigned_abs();
        Claims {
            iss: self.profile.text("push.iss").unwrap_or("WHATSAPP").to_owned(),
            aud: audience.to_owned(),
            sub: None,
            iat: now,
            exp: now + life,
        }
    }

    /// A key id that nobody has, another one at each call. No key could have signed it, so the
    /// signature is not computed.
    fn of_nobodys_key(&mut self, claims: &Claims) -> String {
        let kid = format!("nobody-{:08x}", self.rng.next_u32());
        let mut signature = [0; SIGNATURE_BYTES];
        self.rng.fill_bytes(&mut signature);
        let header = json!({ "alg": "RS256", "kid": kid, "typ": "JWT" }).to_string();
        let part = |text: &str| base64url::encode(text);
        let claims = claims.to_json().to_string();
        format!("{}.{}.{}", part(&header), part(&claims), base64url::encode(signature))
    }

    /// A token that says where its key is to be had: at an address of ours, where a call is seen.
    fn of_a_stranger(&self, claims: &Claims, member: &str, path: &str) -> String {
        let url = format!("{}{path}", self.own_url);
        signed(test_keys::stranger(), json!({ member: url }), claims, json!({}))
    }
}

/// The faults that the token room knows by itself.
fn broken(fault: TokenFault) -> Option<Broken> {
    let named = |known: &Broken| known.as_str() == fault.word();
    // It draws a new key id at each call here.
    Broken::ALL.into_iter().find(named).filter(|known| *known != Broken::UnknownKid)
}

/// The claims that a fault changes; null leaves one out.
fn claims_of(fault: TokenFault, claims: &Claims) -> Value {
    match fault {
        TokenFault::IssuerPart => {
            let half = claims.iss.chars().count() / 2;
            json!({ "iss": claims.iss.chars().take(half).collect::<String>() })
        }
        TokenFault::NoIssuer => json!({ "iss": null }),
        TokenFault::OtherAudiences => json!({ "aud": ["https://somebody-else.example"] }),
        TokenFault::DatesAsText => {
            json!({ "iat": claims.iat.to_string(), "exp": claims.exp.to_string() })
        }
        TokenFault::IssuedTomorrow => {
            json!({ "iat": claims.iat + DAY_S, "exp": claims.exp + DAY_S })
        }
        TokenFault::SlightlyAhead => {
            json!({ "iat": claims.iat + SLIGHTLY_S, "nbf": claims.iat + SLIGHTLY_S })
        }
        // All others are made elsewhere.
        _ => json!({}),
    }
}

/// A sound token with another signature made of its own.
fn resigned(key: &SigningKey, claims: &Claims, change: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let token = token::issue(key, claims);
    let (input, signature) = token.rsplit_once('.').unwrap_or((&token, ""));
    let signature = base64url::decode(signature).unwrap_or_default();
    format!("{input}.{}", base64url::encode(change(&signature)))
}

/// r and s as X.690 writes two integers: what libraries of signatures give, and no JWS has.
fn in_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let number = &number[zeros.min(number.len().saturating_sub(1))..];
        let sign: &[u8] =
            if number.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
        let length = (sign.len() + number.len()) as u8;
        [&[2, length][..], sign, number].concat()
    };
    let both = [integer(r), integer(s)].concat();
    [&[0x30, both.len() as u8][..], &both].concat()
}

fn signed(key: &SigningKey, header: Value, claims: &Claims, changed: Value) -> String {
    let members = |value: Value| match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    let mut all = members(claims.to_json());
    all.extend(members(changed));
    all.retain(|_, value| !value.is_null());
    token::issue_with(key, &members(header), &Value::Object(all))
}
