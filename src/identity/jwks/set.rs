//! A key set as a verifier uses it.
//!
//! What cannot serve to verify is skipped and counted, never fatal (JWK-013; RFC 7517 §5).

use serde_json::{Value, json};

use crate::identity::base64url;
use crate::identity::token::Algorithm;
use crate::limits::JWKS_BYTES_MAX;

/// The numbers of a public key, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
}

/// A public key with what its publisher says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub kid: Option<String>,
    pub alg: Option<String>,
    /// The member `use`.
    pub usage: Option<String>,
    pub material: Material,
}

impl PublicKey {
    /// Reads one entry of a set; `None` is a key of another type, or one without its numbers.
    pub(super) fn read(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(base64url::decode_lenient);
        let material = match text("kty")? {
            "RSA" => Material::Rsa { n: number("n")?, e: number("e")? },
            "EC" if text("crv") == Some("P-256") => {
                Material::P256 { x: number("x")?, y: number("y")? }
            }
            _ => return None,
        };
        let owned = |name| text(name).map(str::to_owned);
        Some(Self { kid: owned("kid"), alg: owned("alg"), usage: owned("use"), material })
    }

    /// The key as a JWK: `kty, kid, alg, use` and its public numbers (RFC 7518 §6.2.1, §6.3.1).
    pub fn to_json(&self) -> Value {
        let mut key = match &self.material {
            Material::Rsa { n, e } => json!({
                "kty": "RSA",
                "n": base64url::encode(minimal(n)),
                "e": base64url::encode(minimal(e)),
            }),
            Material::P256 { x, y } => json!({
                "kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y),
            }),
        };
        for (name, value) in [("kid", &self.kid), ("alg", &self.alg), ("use", &self.usage)] {
            if let Some(value) = value {
                key[name] = Value::from(value.as_str());
            }
        }
        key
    }

    /// The size of an RSA modulus in bits.
    pub fn modulus_bits(&self) -> Option<usize> {
        match &self.material {
            Material::Rsa { n, .. } => {
                let n = minimal(n);
                Some(n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize))
            }
            Material::P256 { .. } => None,
        }
    }

    /// Whether the publisher lets the key verify this algorithm's signatures (RFC 7517 §4.2, §4.4).
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == algorithm.as_str())
    }
}

/// Leaves out leading zero bytes.
pub(super) fn minimal(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Why a body is no key set; the publisher's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("the key set has {bytes} bytes, more than 65536")]
    TooLarge { bytes: usize },
    #[error("the key set is no JSON")]
    NotJson,
    #[error("the key set has no array `keys`")]
    NoKeys,
}

/// The public keys of one publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    skipped: usize,
}

impl KeySet {
    pub const EMPTY: Self = Self { keys: Vec::new(), skipped: 0 };

    /// A set of these keys, in this order.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Self {
        Self { keys: keys.into_iter().cloned().collect(), skipped: 0 }
    }

    /// Reads a published set of at most 64 KiB; unknown members and key types are skipped.
    ///
    /// # Errors
    /// The body is too large, no JSON, or without an array `keys` (JWK-002, JWK-014).
    pub fn parse(body: &[u8]) -> Result<Self, KeySetError> {
        let entries = entries(body)?;
        let keys: Vec<_> = entries.iter().filter_map(PublicKey::read).collect();
        Ok(Self { skipped: entries.len() - keys.len(), keys })
    }

    /// The set as it is published, without private members.
    pub fn to_json(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(PublicKey::to_json).collect();
        json!({ "keys": keys })
    }

    /// The keys of this id, in the publisher's order; more than one is against JWK-004.
    pub fn find<'a>(&'a self, kid: &str) -> impl Iterator<Item = &'a PublicKey> {
        self.keys.iter().filter(move |key| key.kid.as_deref() == Some(kid))
    }

    /// All keys that can serve to verify.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// How many entries were of an unknown type or without their numbers.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The ids that more than one key has, each once, in order.
    pub fn repeated_kids(&self) -> Vec<&str> {
        let mut kids: Vec<&str> = self.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        kids.sort_unstable();
        let mut repeated: Vec<&str> =
            kids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        repeated.dedup();
        repeated
    }
}

/// The array `keys` of a body.
pub(super) fn entries(body: &[u8]) -> Result<Vec<Value>, KeySetError> {
    if body.len() > JWKS_BYTES_MAX {
        return Err(KeySetError::TooLarge { bytes: body.len() });
    }
    let mut set: Value = serde_json::from_slice(body).map_err(|_| KeySetError::NotJson)?;
    match set.get_mut("keys").map(Value::take) {
        Some(Value::Array(entries)) => Ok(entries),
        _ => Err(KeySetError::NoKeys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::test_keys;

    #[test]
    fn a_published_set_is_read_back_and_holds_no_private_member() {
        let set = KeySet::of([test_keys::partner().public()]);
        let json = set.to_json();
        assert_eq!(KeySet::parse(json.to_string().as_bytes()), Ok(set));
        let names: Vec<_> = json["keys"][0].as_object().unwrap().keys().collect();
        assert_eq!(names, ["kty", "n", "e", "kid", "alg", "use"]);
        assert_eq!(json["keys"][0]["e"], "AQAB");
    }

    #[test]
    fn unknown_types_and_members_are_skipped() {
        let mut rsa = test_keys::partner().public().to_json();
        rsa["x-own"] = Value::from(1);
        let body = json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": "AA"}, rsa, {"kty": "EC", "crv": "P-521"}, 7, {},
        ], "extra": true});
        let set = KeySet::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!((set.keys().len(), set.skipped()), (1, 4));
        assert_eq!(set.find("partner-1").count(), 1);
        assert_eq!(set.find("meta-1").count(), 0);
    }

    #[test]
    fn repeated_kids_are_reported_once() {
        let key = test_keys::partner().public();
        let other = PublicKey { kid: Some("b".to_owned()), ..key.clone() };
        let nameless = PublicKey { kid: None, ..key.clone() };
        let set = KeySet::of([key, &other, key, &nameless, key, &nameless]);
        assert_eq!(set.repeated_kids(), ["partner-1"]);
        assert_eq!(set.find("partner-1").count(), 3);
    }

    #[test]
    fn other_bodies_are_refused_by_name() {
        let error = |body: &[u8]| KeySet::parse(body).err();
        assert_eq!(error(b"<html>"), Some(KeySetError::NotJson));
        assert_eq!(error(b"[]"), Some(KeySetError::NoKeys));
        assert_eq!(error(br#"{"keys":{}}"#), Some(KeySetError::NoKeys));
        let large = vec![b' '; JWKS_BYTES_MAX + 1];
        assert_eq!(error(&large), Some(KeySetError::TooLarge { bytes: JWKS_BYTES_MAX + 1 }));
    }

    #[test]
    fn a_modulus_is_measured_without_its_leading_zeros() {
        let bits = |n: &[u8]| {
            let material = Material::Rsa { n: n.to_vec(), e: vec![3] };
            PublicKey { kid: None, alg: None, usage: None, material }.modulus_bits()
        };
        assert_eq!(bits(&[0, 0, 0x01, 0xFF]), Some(9));
        assert_eq!(bits(&[0xFF; 256]), Some(2048));
        assert_eq!(bits(&[]), Some(0));
    }
}
