//! The three signing keys that are part of the harness, and public (`fixtures/keys/README.md`).
//!
//! They are embedded, so that a transcript's tokens can be judged again anywhere. A key that the
//! harness did not make never comes through here.

use std::sync::LazyLock;

use crate::identity::token::SigningKey;

/// Key of the third-party server that the harness plays.
pub fn partner() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| embedded("partner-1", include_str!("../../fixtures/keys/partner.pem")));
    &KEY
}

/// Key of the Meta side that the harness plays; it signs push tokens.
pub fn meta() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| embedded("meta-1", include_str!("../../fixtures/keys/meta.pem")));
    &KEY
}

/// Meta's key where the profile has ES256 for push tokens.
pub fn meta_ec() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
        let pem = include_str!("../../fixtures/keys/meta-ec.pem");
        SigningKey::from_ec_pem("meta-ec-1", pem).expect("the embedded keys are read by a test")
    });
    &KEY
}

/// The key that follows Meta's in a rotation: the stranger's, under a name of Meta's.
pub fn meta_next() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| embedded("meta-2", include_str!("../../fixtures/keys/stranger.pem")));
    &KEY
}

/// The key that follows the partner's in a rotation.
pub fn partner_next() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| embedded("partner-2", include_str!("../../fixtures/keys/stranger.pem")));
    &KEY
}

/// A certificate of the stranger's key, base64 of its DER as `x5c` holds it (RFC 7515 §4.1.6).
pub fn stranger_certificate() -> String {
    let lines = STRANGER_CERTIFICATE.lines();
    lines.filter(|line| !line.starts_with('-')).collect()
}

/// The same in PEM, as `x5u` leads to it (RFC 7515 §4.1.5).
pub const STRANGER_CERTIFICATE: &str = include_str!("../../fixtures/keys/stranger-certificate.pem");

/// Key of nobody: its tokens must be refused until a rotation publishes it.
pub fn stranger() -> &'static SigningKey {
    static KEY: LazyLock<SigningKey> =
        LazyLock::new(|| embedded("stranger-1", include_str!("../../fixtures/keys/stranger.pem")));
    &KEY
}

fn embedded(kid: &str, pem: &str) -> SigningKey {
    SigningKey::from_pem(kid, pem).expect("the embedded keys are read by a test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_keys_are_different_2048_bit_keys() {
        assert_eq!(meta_ec().algorithm(), crate::identity::token::Algorithm::Es256);
        let keys = [partner(), meta(), stranger()];
        for key in keys {
            assert_eq!(key.public().modulus_bits(), Some(2048), "{}", key.kid());
        }
        let ids: std::collections::BTreeSet<_> = keys.iter().map(|key| key.kid()).collect();
        assert_eq!(ids.len(), 3);
        assert_ne!(partner().public().material, stranger().public().material);
        assert_ne!(partner().public().material, meta().public().material);
    }
}
