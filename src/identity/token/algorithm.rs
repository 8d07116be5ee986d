//! The signature algorithms that a profile may allow (JWT-004; RFC 7518 §3.1).
//!
//! Main type: [`Algorithm`], a closed list without `none` and without HMAC, so that neither can be
//! configured by mistake (RFC 8725 §3.1, §3.2).

use ring::agreement::{self, EphemeralPrivateKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, EcdsaVerificationAlgorithm,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_2048_8192_SHA384, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::identity::jwks::Material;

/// A public-key signature algorithm by its registered name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
}

impl Algorithm {
    pub const ALL: [Self; 7] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Es256];

    /// The name in a header's `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
        }
    }

    /// Finds an algorithm by its name, which is case-sensitive (RFC 7515 §4.1.1).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Verifies a signature; `None` says that the key is of another kind or no key. Moduli of 1024 to 8192
    /// bits serve RS256 and RS512, of 2048 to 8192 the others: a key that is too short is judged
    /// by a rule of its own (JWT-017), which should not hide whether the signature is right.
    pub(super) fn verifies(self, key: &Material, input: &str, signature: &[u8]) -> Option<bool> {
        let input = input.as_bytes();
        let verified = match (self.primitive(), key) {
            (Primitive::Rsa(parameters), Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, input, signature)
            }
            (Primitive::Ec(parameters), Material::P256 { x, y }) => {
                // SEC 1 §2.3.3: an uncompressed point.
                let point = [&[4][..], x, y].concat();
                if !is_on_curve(&point) {
                    return None;
                }
                UnparsedPublicKey::new(parameters, point).verify(input, signature)
            }
            (Primitive::Ec(_), Material::Rsa { .. })
            | (Primitive::Rsa(_), Material::P256 { .. }) => return None,
        };
        Some(verified.is_ok())
    }

    fn primitive(self) -> Primitive {
        match self {
            Self::Rs256 => Primitive::Rsa(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
            Self::Rs384 => Primitive::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Primitive::Rsa(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
            Self::Ps256 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Primitive::Ec(&ECDSA_P256_SHA256_FIXED),
        }
    }
}

/// What verifies, by the kind of key that it takes.
enum Primitive {
    Rsa(&'static RsaParameters),
    Ec(&'static EcdsaVerificationAlgorithm),
}

/// True for a point of P-256. Only a key agreement says so apart from other failures; what it draws
/// and agrees on is thrown away.
fn is_on_curve(point: &[u8]) -> bool {
    let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, point);
    EphemeralPrivateKey::generate(&agreement::ECDH_P256, &SystemRandom::new())
        .and_then(|own| agreement::agree_ephemeral(own, &peer, |_| ()))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::base64url;

    #[test]
    fn names_come_back_and_the_dangerous_ones_do_not_exist() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        for name in ["none", "None", "HS256", "rs256", "EdDSA", ""] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }

    /// RFC 7515 Appendix A.2 (RS256) and A.3 (ES256).
    #[test]
    fn the_signatures_of_the_rfc_verify() {
        let input = |header: &str| format!("{header}.{RFC_CLAIMS}");
        let bytes = |text: &str| base64url::decode(text).unwrap();
        let rsa = Material::Rsa { n: bytes(RFC_RSA_N), e: bytes("AQAB") };
        let ec = Material::P256 { x: bytes(RFC_EC_X), y: bytes(RFC_EC_Y) };
        let rs256 = input("eyJhbGciOiJSUzI1NiJ9");
        let es256 = input("eyJhbGciOiJFUzI1NiJ9");
        let verify = Algorithm::verifies;
        assert_eq!(verify(Algorithm::Rs256, &rsa, &rs256, &bytes(RFC_RSA_SIGNATURE)), Some(true));
        assert_eq!(verify(Algorithm::Rs256, &rsa, &es256, &bytes(RFC_RSA_SIGNATURE)), Some(false));
        assert_eq!(verify(Algorithm::Ps256, &rsa, &rs256, &bytes(RFC_RSA_SIGNATURE)), Some(false));
        assert_eq!(verify(Algorithm::Es256, &ec, &es256, &bytes(RFC_EC_SIGNATURE)), Some(true));
        assert_eq!(verify(Algorithm::Es256, &ec, &rs256, &bytes(RFC_EC_SIGNATURE)), Some(false));
        assert_eq!(verify(Algorithm::Es256, &rsa, &es256, &bytes(RFC_EC_SIGNATURE)), None);
        assert_eq!(verify(Algorithm::Rs256, &ec, &rs256, &bytes(RFC_RSA_SIGNATURE)), None);
    }

    #[test]
    fn absurd_keys_verify_nothing_and_do_not_panic() {
        for n in [&[][..], &[0], &[1], &[2; 256], &[0xFF; 256], &[0xFF; 2048]] {
            for e in [&[][..], &[0], &[1], &[2], &[1, 0, 1], &[0xFF; 300]] {
                let key = Material::Rsa { n: n.to_vec(), e: e.to_vec() };
                for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
                    for signature in [&[][..], &[1], &[1; 256], &[0xFF; 2048]] {
                        assert_ne!(algorithm.verifies(&key, "a.b", signature), Some(true));
                    }
                }
            }
        }
        let off_curve = Material::P256 { x: vec![1; 32], y: vec![1; 32] };
        assert_eq!(Algorithm::Es256.verifies(&off_curve, "a.b", &[1; 64]), None);
    }

    const RFC_CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const RFC_RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const RFC_RSA_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const RFC_EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const RFC_EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const RFC_EC_SIGNATURE: &str =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
}
