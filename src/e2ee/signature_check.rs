//! To which degree an initiator checks the signature of a signed prekey.
//!
//! Main type: [`SignatureCheck`]. All but `Always` are deliberate faults, after real ones: they say
//! what a faulty client lets pass, so that the session is opened by the same path as any other.

/// Bytes of an XEdDSA signature.
const BYTES: usize = 64;
/// The order of the base point, little-endian (XED §2.3).
const ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// How an initiator treats the signature of a signed prekey. Only `Always` is sound (X3DH §3.3);
/// the others are faults (PRE-004, PRE-005, PRE-013).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SignatureCheck {
    #[default]
    Always,
    /// Verifies only a signature that is not empty.
    IfPresent,
    /// Verifies only a signature of 64 bytes; an empty one is refused.
    IfLengthFits,
    /// Verifies, and ignores the outcome; another length than 64 bytes cannot be verified.
    OutcomeIgnored,
    /// Verifies with the scalar reduced modulo the group's order (PRE-013).
    ScalarReduced,
    /// Takes a signature by the prekey itself for one by the identity (PRE-004).
    OrByThePrekey,
    /// Takes an identity key of p or more for what it is modulo p (PRE-013).
    IdentityReduced,
    /// Verifies the signed prekey, and not the KEM prekey beside it (PQX §3.3).
    KemIgnored,
    /// Verifies both, and goes on without the peer's KEM prekey where there is none (ENC-021).
    KemOptional,
    Never,
}

impl SignatureCheck {
    /// True if a signature that does not verify is let through.
    pub(super) fn excuses(self, signature: &[u8]) -> bool {
        match self {
            Self::Always
            | Self::ScalarReduced
            | Self::OrByThePrekey
            | Self::IdentityReduced
            | Self::KemIgnored
            | Self::KemOptional => false,
            Self::IfPresent => signature.is_empty(),
            Self::IfLengthFits => !signature.is_empty() && signature.len() != BYTES,
            Self::OutcomeIgnored => signature.len() == BYTES,
            Self::Never => true,
        }
    }

    /// The same of a KEM prekey; one that stands in for the peer's has an empty signature.
    pub(super) fn excuses_kem(self, signature: &[u8]) -> bool {
        match self {
            Self::KemIgnored => true,
            Self::KemOptional => signature.is_empty(),
            other => other.excuses(signature),
        }
    }

    /// The signature as it is verified.
    pub(super) fn read(self, signature: &[u8]) -> Vec<u8> {
        let mut read = signature.to_vec();
        if self == Self::ScalarReduced && read.len() == BYTES {
            reduce(&mut read[BYTES / 2..]);
        }
        read
    }
}

/// True for a u-coordinate below p = 2^255 - 19; XEdDSA refuses any other as a public key (XED §3).
pub(super) fn is_canonical(key: &[u8; 32]) -> bool {
    let high = key[31] == 0x7F && key[1..31].iter().all(|byte| *byte == 0xFF);
    key[31] < 0x80 && !(high && key[0] >= 0xED)
}

/// The private key whose public half is 9, the base point: five times the group's order, less one.
/// Only so is a signature at hand that verifies under a coordinate of p or more where that is
/// reduced (PRE-013).
pub const BASE_POINT_PRIVATE: [u8; 32] = [
    0xA0, 0x23, 0xCD, 0xD0, 0x83, 0xEF, 0x5B, 0xB8, 0x2F, 0x10, 0xD6, 0x2E, 0x59, 0xE1, 0x5A, 0x68,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,
];

/// Adds the group's order to the scalar of a signature so many times: it verifies as before, where
/// the range of the scalar is not checked. The sign bit on top of it stays (XED §3).
pub fn add_orders(signature: &mut [u8], times: u8) {
    let Some(scalar) = signature.get_mut(BYTES / 2..BYTES) else { return };
    let sign = scalar[31] & 0x80;
    scalar[31] &= 0x7F;
    for _ in 0..times {
        let mut carry = 0;
        for (byte, order) in scalar.iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
    }
    scalar[31] |= sign;
}

fn reduce(scalar: &mut [u8]) {
    let sign = scalar[31] & 0x80;
    scalar[31] &= 0x7F;
    while scalar.iter().rev().cmp(ORDER.iter().rev()).is_ge() {
        let mut borrow = 0;
        for (byte, order) in scalar.iter_mut().zip(ORDER) {
            let difference = i16::from(*byte) - i16::from(order) - borrow;
            (*byte, borrow) = (difference as u8, i16::from(difference < 0));
        }
    }
    scalar[31] |= sign;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_degree_lets_through_what_it_says() {
        let lengths = [0, 63, 64, 65].map(|len| vec![7; len]);
        let excused = |check: SignatureCheck| lengths.each_ref().map(|sig| check.excuses(sig));
        assert_eq!(excused(SignatureCheck::Always), [false; 4]);
        assert_eq!(excused(SignatureCheck::IfPresent), [true, false, false, false]);
        assert_eq!(excused(SignatureCheck::IfLengthFits), [false, true, false, true]);
        assert_eq!(excused(SignatureCheck::OutcomeIgnored), [false, false, true, false]);
        assert_eq!(excused(SignatureCheck::ScalarReduced), [false; 4]);
        assert_eq!(excused(SignatureCheck::Never), [true; 4]);
        let kem = |check: SignatureCheck| lengths.each_ref().map(|sig| check.excuses_kem(sig));
        for (check, of_kem) in [
            (SignatureCheck::KemIgnored, [true; 4]),
            (SignatureCheck::KemOptional, [true, false, false, false]),
        ] {
            assert_eq!((excused(check), kem(check)), ([false; 4], of_kem));
        }
        assert_eq!(kem(SignatureCheck::Always), [false; 4]);
    }

    #[test]
    fn a_scalar_is_reduced_to_what_it_was() {
        let mut genuine = [5; BYTES];
        genuine[BYTES - 1] = 0x8A;
        for (times, above) in [(1, false), (2, true), (5, true)] {
            let mut odd = genuine;
            add_orders(&mut odd, times);
            assert_ne!(odd, genuine);
            assert_eq!(odd[BYTES - 1] & 0x60 != 0, above, "2^253 is where refusing begins");
            assert_eq!(SignatureCheck::ScalarReduced.read(&odd), genuine);
            assert_eq!(SignatureCheck::Always.read(&odd), odd);
        }
    }
}
