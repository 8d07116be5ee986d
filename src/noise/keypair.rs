//! X25519 key pairs: agreement for the handshake, XEdDSA signatures for certificates.
//!
//! The private half is wiped on drop and never printed. It is kept as bytes and not as the curve
//! crate's type, because that type derives serialisation and does not wipe itself.

use std::fmt;

use rand::Rng as _;
use wacore_libsignal::core::curve;
use zeroize::Zeroizing;

use crate::seed::Rng;

/// Length of keys, agreements and hashes in bytes: the Noise specification's DHLEN and HASHLEN.
pub(super) const KEY_BYTES: usize = 32;
/// Length of an XEdDSA signature in bytes.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// Holds an X25519 key pair, static or ephemeral.
#[derive(Clone)]
pub struct KeyPair {
    public: [u8; KEY_BYTES],
    half: Half,
}

#[derive(Clone)]
enum Half {
    Private(Zeroizing<[u8; KEY_BYTES]>),
    /// That of a small-order point, where every agreement is zero whatever the scalar.
    Zero,
}

impl KeyPair {
    /// Draws a pair from this stream of randomness.
    pub fn generate(rng: &mut Rng) -> Self {
        let mut private = Zeroizing::new([0; KEY_BYTES]);
        rng.fill_bytes(&mut *private);
        Self::from_private(*private)
    }

    /// Derives the pair of a private key, which is clamped as RFC 7748 §5 says.
    pub fn from_private(private: [u8; KEY_BYTES]) -> Self {
        let private = Zeroizing::new(private);
        let public = curve_private(&private).public_key().expect("every 32 bytes are a scalar");
        Self { public: raw(&public), half: Half::Private(private) }
    }

    /// Poses as the owner of a small-order point, to probe a peer (NOI-013).
    ///
    /// Every agreement with such a point is zero, whatever the other key (RFC 7748 §6.1). So a
    /// peer that goes on computes zeros too, and the handshake can be completed against it.
    /// The caller must give such a point; with any other the peer's first decryption fails.
    pub fn small_order(point: [u8; KEY_BYTES]) -> Self {
        Self { public: point, half: Half::Zero }
    }

    /// Returns the public half: 32 bytes, little-endian u-coordinate.
    pub fn public(&self) -> [u8; KEY_BYTES] {
        self.public
    }

    /// Claims a public key whose private half it does not have: an impostor who has somebody's
    /// genuine certificates and nothing else (NOI-006).
    pub fn claiming(self, public: [u8; KEY_BYTES]) -> Self {
        Self { public, ..self }
    }

    /// True for a pair made by [`KeyPair::small_order`].
    pub(super) fn poses(&self) -> bool {
        matches!(self.half, Half::Zero)
    }

    /// Computes DH(self, their key): zeros, and no error, for a small-order key. Who takes that is
    /// decided where it is mixed.
    pub(super) fn agree(&self, theirs: &[u8; KEY_BYTES]) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(match &self.half {
            Half::Zero => [0; KEY_BYTES],
            Half::Private(private) => curve_private(private)
                .calculate_agreement(&curve_public(theirs))
                .expect("only a substituted provider can fail, and none is installed"),
        })
    }

    /// Signs with XEdDSA. A poser has nothing to sign with: its signature is zeros.
    pub(super) fn sign(&self, message: &[u8], rng: &mut Rng) -> [u8; SIGNATURE_BYTES] {
        match &self.half {
            Half::Zero => [0; SIGNATURE_BYTES],
            Half::Private(private) => curve_private(private)
                .calculate_signature(message, rng)
                .expect("XEdDSA signs any message"),
        }
    }
}

/// Tells whether this is the key's XEdDSA signature of the message.
pub(super) fn signed_by(
    key: &[u8; KEY_BYTES],
    message: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> bool {
    curve_public(key).verify_signature(message, signature)
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &hex::encode(self.public)).finish_non_exhaustive()
    }
}

fn curve_private(bytes: &[u8; KEY_BYTES]) -> curve::PrivateKey {
    curve::PrivateKey::deserialize(bytes).expect("32 bytes are a private key")
}

fn curve_public(bytes: &[u8; KEY_BYTES]) -> curve::PublicKey {
    curve::PublicKey::from_djb_public_key_bytes(bytes).expect("32 bytes are a public key")
}

fn raw(key: &curve::PublicKey) -> [u8; KEY_BYTES] {
    key.public_key_bytes().try_into().expect("a public key has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::fixture::key;
    use crate::seed::Seed;

    /// The vector of RFC 7748 §6.1.
    #[test]
    fn agreement_follows_rfc_7748() {
        let alice = KeyPair::from_private(key(
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        ));
        let bob = KeyPair::from_private(key(
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        ));
        let shared = key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(
            alice.public(),
            key("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        );
        assert_eq!(*alice.agree(&bob.public()), shared);
        assert_eq!(*bob.agree(&alice.public()), shared);
    }

    #[test]
    fn a_signature_verifies_only_for_its_key_and_message() {
        let mut rng = Seed(1).rng(&["keypair"]);
        let (signer, other) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let signature = signer.sign(b"details", &mut rng);
        assert!(signed_by(&signer.public(), b"details", &signature));
        assert!(!signed_by(&other.public(), b"details", &signature));
        assert!(!signed_by(&signer.public(), b"detailt", &signature));
    }

    #[test]
    fn agreement_with_a_small_order_point_is_zero_on_both_sides() {
        let pair = KeyPair::generate(&mut Seed(1).rng(&["keypair"]));
        for point in [[0; 32], small_order_one()] {
            let poser = KeyPair::small_order(point);
            assert_eq!(poser.public(), point);
            assert_eq!(*pair.agree(&point), [0; 32]);
            assert_eq!(*poser.agree(&pair.public()), [0; 32]);
        }
    }

    fn small_order_one() -> [u8; 32] {
        let mut point = [0; 32];
        point[0] = 1;
        point
    }

    #[test]
    fn the_private_half_is_not_printed() {
        let pair = KeyPair::from_private([0xAB; 32]);
        let printed = format!("{pair:?}");
        assert_eq!(
            printed,
            format!("KeyPair {{ public: \"{}\", .. }}", hex::encode(pair.public()))
        );
        assert!(!printed.contains("abab"), "{printed}");
    }
}
