//! A key that signs tokens: RSA, or P-256 where a profile has ES256.
//!
//! Main type: [`SigningKey`]. The private half has no `Debug` and no way out. PEM is read here in a
//! few lines; the key in it, PKCS#8 (RFC 5208 §5), is `ring`'s to read and check.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};

use crate::identity::jwks::{Material, PublicKey};
use crate::identity::token::Algorithm;

/// How many signatures a key remembers.
const SIGNATURES_KEPT: usize = 16;

/// Why a text is no signing key; the text itself is never repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("not a PEM block `PRIVATE KEY`")]
    Pem,
    #[error("not a PKCS#8 RSA private key of 2048 to 4096 bits")]
    Rsa,
    #[error("not a PKCS#8 private key of P-256")]
    P256,
}

/// A private key, RSA of 2048 to 4096 bits or P-256, with the key id under which its public half is
/// published.
pub struct SigningKey {
    private: Private,
    public: PublicKey,
    kid: String,
    /// The last signatures and what they are over.
    made: Mutex<VecDeque<(Vec<u8>, Vec<u8>)>>,
}

enum Private {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// Reads a PKCS#8 PEM file with a P-256 key, for ES256.
    ///
    /// # Errors
    /// Says which layer cannot be read: PEM, or the key in it.
    pub fn from_ec_pem(kid: impl Into<String>, pem: &str) -> Result<Self, KeyError> {
        let der = pem_block(pem).ok_or(KeyError::Pem)?;
        let rng = SystemRandom::new();
        let private = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &rng);
        let private = private.map_err(|_| KeyError::P256)?;
        // SEC 1 §2.3.3: an uncompressed point.
        let point = private.public_key().as_ref();
        let (x, y) = point.split_at(point.len().min(33));
        let material = Material::P256 { x: x[1..].to_vec(), y: y.to_vec() };
        Ok(Self::of(kid.into(), Private::P256(Box::new(private)), Algorithm::Es256, material))
    }

    fn of(kid: String, private: Private, algorithm: Algorithm, material: Material) -> Self {
        let public = PublicKey {
            kid: Some(kid.clone()),
            alg: Some(algorithm.as_str().to_owned()),
            usage: Some("sig".to_owned()),
            material,
        };
        Self { private, public, kid, made: Mutex::default() }
    }

    /// The algorithm that it signs by.
    pub fn algorithm(&self) -> Algorithm {
        match self.private {
            Private::Rsa(_) => Algorithm::Rs256,
            Private::P256(_) => Algorithm::Es256,
        }
    }

    /// Reads a PKCS#8 PEM file.
    ///
    /// # Errors
    /// Says which layer cannot be read: PEM, or the RSA key in it.
    pub fn from_pem(kid: impl Into<String>, pem: &str) -> Result<Self, KeyError> {
        let der = pem_block(pem).ok_or(KeyError::Pem)?;
        let private = RsaKeyPair::from_pkcs8(&der).map_err(|_| KeyError::Rsa)?;
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::from(private.public());
        let (private, material) = (Private::Rsa(Box::new(private)), Material::Rsa { n, e });
        Ok(Self::of(kid.into(), private, Algorithm::Rs256, material))
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, as it is published.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256, which is deterministic, or with ECDSA, which is not.
    ///
    /// A user who enlists and logs in within a second asks for the same token twice; what RSA gives
    /// for the same input, three quarters of a millisecond of work, is not worked out again.
    pub(super) fn sign(&self, input: &[u8]) -> Vec<u8> {
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signature)) = made().iter().find(|(of, _)| of == input) {
            return signature.clone();
        }
        let signature = self.sign_anew(input);
        if matches!(self.private, Private::Rsa(_)) {
            let mut made = made();
            made.truncate(SIGNATURES_KEPT - 1);
            made.push_front((input.to_vec(), signature.clone()));
        }
        signature
    }

    fn sign_anew(&self, input: &[u8]) -> Vec<u8> {
        // RSA's scheme draws nothing; the generator is part of the call's form only.
        let rng = SystemRandom::new();
        let private = match &self.private {
            Private::Rsa(private) => private,
            Private::P256(private) => {
                let signed = private.sign(&rng, input);
                return signed.expect("the system gives randomness").as_ref().to_vec();
            }
        };
        let mut signature = vec![0; private.public().modulus_len()];
        let signed = private.sign(&RSA_PKCS1_SHA256, &rng, input, &mut signature);
        signed.expect("the key was checked when it was read, and the buffer has its length");
        signature
    }

    /// The public half as SubjectPublicKeyInfo PEM (RFC 5280 §4.1), as servers keep it in files.
    pub(super) fn public_pem(&self) -> String {
        let Material::Rsa { n, e } = &self.public.material else {
            return String::new();
        };
        let key = tlv(0x30, &[unsigned(n), unsigned(e)].concat());
        let algorithm = tlv(0x30, &[tlv(0x06, RSA_ENCRYPTION), tlv(0x05, &[])].concat());
        let bits = tlv(0x03, &[&[0][..], &key].concat());
        let body = STANDARD.encode(tlv(0x30, &[algorithm, bits].concat()));
        let lines: Vec<&str> =
            (0..body.len()).step_by(64).map(|at| &body[at..body.len().min(at + 64)]).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Object identifier 1.2.840.113549.1.1.1.
const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

fn pem_block(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// Writes one DER element.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        content.len().to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let length = match content.len() {
        short @ 0..=0x7F => vec![u8::try_from(short).expect("one digit below 0x80")],
        _ => [&[0x80 | u8::try_from(digits.len()).expect("at most eight")][..], &digits].concat(),
    };
    [&[tag][..], &length, content].concat()
}

/// Writes a positive DER INTEGER from its big-endian bytes.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv(0x02, &[sign, bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::test_keys;

    #[test]
    fn other_texts_are_refused_by_layer() {
        let error = |pem: &str| SigningKey::from_pem("k", pem).err();
        let wrapped = |der: &[u8]| {
            let body = STANDARD.encode(der);
            format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
        };
        assert_eq!(error(""), Some(KeyError::Pem));
        assert_eq!(error("-----BEGIN RSA PRIVATE KEY-----\n-----END"), Some(KeyError::Pem));
        assert_eq!(error(&wrapped(b"\x30\x83\xFF\xFF\xFF")), Some(KeyError::Rsa));
        let algorithm = tlv(0x30, &tlv(0x06, RSA_ENCRYPTION));
        let empty = tlv(0x30, &[tlv(0x02, &[0]), algorithm, tlv(0x04, &[])].concat());
        assert_eq!(error(&wrapped(&empty)), Some(KeyError::Rsa));
    }

    #[test]
    fn the_private_half_is_not_printed() {
        assert_eq!(format!("{:?}", test_keys::meta()), r#"SigningKey { kid: "meta-1", .. }"#);
    }

    /// Splits off one DER element of this tag: its content and what follows it.
    fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
        let (&[found, first], rest) = der.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            _ => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
                (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
            }
        };
        (found == tag).then(|| rest.split_at_checked(length)).flatten()
    }

    #[test]
    fn the_public_pem_holds_the_published_numbers() {
        let pem = test_keys::partner().public_pem();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).unwrap();
        let (info, rest) = element(&der, 0x30).unwrap();
        assert!(rest.is_empty());
        let (_, bits) = element(info, 0x30).unwrap();
        let (key, _) = element(bits, 0x03).unwrap();
        let (numbers, _) = element(&key[1..], 0x30).unwrap();
        let (n, rest) = element(numbers, 0x02).unwrap();
        let (e, _) = element(rest, 0x02).unwrap();
        let Material::Rsa { n: published, e: exponent } = &test_keys::partner().public().material
        else {
            panic!("an RSA key");
        };
        assert_eq!((&n[1..], e), (&published[..], &exponent[..]));
    }
}
