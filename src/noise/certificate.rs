//! Verifies the server's certificate chain: root → intermediate → leaf → static key.
//!
//! [`verify`] applies the rules of `wire.md` §1.4 in their order and names the first that fails
//! ([`ChainError`]). [`Rules`] lets a deliberately faulty client leave some out. The chain is
//! parsed once; a key that is absent or of a wrong length is refused whatever the rules, because
//! real faulty clients refuse it too. Issuing is in [`Authority`].

use prost::Message;

use super::keypair::{KEY_BYTES, SIGNATURE_BYTES, signed_by};
use crate::clock::UnixMs;
use crate::proto::handshake as wire;

pub use super::authority::{Authority, Chain, Fault, Validity};

/// The serial number that stands for the root, which has no certificate of its own.
pub(super) const ROOT_SERIAL: u32 = 0;

/// Names one of the two certificates of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// Signed by the root.
    Intermediate,
    /// Signed by the intermediate; holds the server's static key.
    Leaf,
}

/// Names a field of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Certificate,
    Details,
    Key,
    Signature,
}

/// Tells which rule a chain breaks. All are the server's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The payload of message 2 is empty.
    #[error("there is no certificate chain")]
    Absent,
    /// The chain, or a certificate's details, are not protobuf.
    #[error("the certificate chain does not parse: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A part without which no rule can be applied is missing.
    #[error("{link:?}: {part:?} is missing")]
    Missing { link: Link, part: Part },
    /// A key or a signature has an impossible length.
    #[error("{link:?}: {part:?} has {actual} bytes, not {expected}")]
    Length { link: Link, part: Part, expected: usize, actual: usize },
    /// The signature is not that of the root, or of the intermediate's key.
    #[error("{0:?}: the issuer's signature does not verify")]
    Signature(Link),
    /// The issuer's serial is not 0 for the intermediate, or not the intermediate's for the leaf.
    #[error("{link:?}: the issuer's serial is {actual}, not {expected}")]
    Issuer { link: Link, expected: u32, actual: u32 },
    /// The chain is for another key than the static key of this handshake.
    #[error("Leaf: the key is not the static key of the handshake")]
    LeafKey,
    /// The certificate's time has not come.
    #[error("{0:?}: not yet valid")]
    NotYetValid(Link),
    /// The certificate's time is over.
    #[error("{0:?}: expired")]
    Expired(Link),
}

/// What is made of the two XEdDSA signatures; all but the first are faults of real clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// Both verify.
    Verified,
    /// They are there and have 64 bytes; what the verification says is not looked at.
    ResultIgnored,
    /// They are not looked at, so that anything passes, nothing too.
    NotRead,
    /// They are verified where they are not empty.
    OnlyIfPresent,
    /// They are verified where they have 64 bytes; what cannot be verified passes.
    OnlyIfWhole,
    /// The leaf's is verified, and nothing leads from the intermediate to the root.
    LeafOnly,
}

impl Signatures {
    /// Whether this signature of this certificate is verified.
    fn verifies(self, link: Link, signature: &[u8]) -> bool {
        match self {
            Self::Verified => true,
            Self::ResultIgnored | Self::NotRead => false,
            Self::OnlyIfPresent => !signature.is_empty(),
            Self::OnlyIfWhole => signature.len() == SIGNATURE_BYTES,
            Self::LeafOnly => link == Link::Leaf,
        }
    }

    /// Whether a signature that is absent, or has an impossible length, is refused for that.
    fn wants_whole(self) -> bool {
        matches!(self, Self::Verified | Self::ResultIgnored | Self::LeafOnly)
    }
}

/// Says which rules are applied. What is left out are the faults of real clients
/// (`wire.md` §10.1, number 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Both XEdDSA signatures.
    pub signatures: Signatures,
    /// The leaf's key is the static key of the handshake.
    pub leaf_key: bool,
    /// Both validity windows.
    pub validity: bool,
}

impl Rules {
    /// Every rule, as NOI-006 demands.
    pub const ALL: Rules =
        Rules { signatures: Signatures::Verified, leaf_key: true, validity: true };
}

/// Verifies a chain, the payload of message 2, for this handshake's static key (NOI-006).
///
/// # Errors
/// The first rule of `wire.md` §1.4 that the chain breaks.
pub fn verify(
    root: &[u8; KEY_BYTES],
    chain: &[u8],
    server_static: &[u8; KEY_BYTES],
    now: UnixMs,
) -> Result<(), ChainError> {
    verify_with(root, chain, server_static, now, &Rules::ALL)
}

/// Verifies a chain by some of the rules only. The issuers' serials are always compared.
///
/// # Errors
/// The first rule, of those applied, that the chain breaks.
pub fn verify_with(
    root: &[u8; KEY_BYTES],
    chain: &[u8],
    server_static: &[u8; KEY_BYTES],
    now: UnixMs,
    rules: &Rules,
) -> Result<(), ChainError> {
    let (intermediate, leaf) = parse(chain, rules.signatures)?;
    intermediate.check_signature(root, rules.signatures)?;
    intermediate.check_issuer(ROOT_SERIAL)?;
    leaf.check_signature(&intermediate.key, rules.signatures)?;
    leaf.check_issuer(intermediate.serial)?;
    if rules.leaf_key && leaf.key != *server_static {
        return Err(ChainError::LeafKey);
    }
    if rules.validity {
        intermediate.check_validity(now)?;
        leaf.check_validity(now)?;
    }
    Ok(())
}

/// The last moment at which both certificates of a chain hold: as long may a client that has verified
/// it remember the server's key (`wire.md` §1.2). `None` for what is no chain.
pub fn valid_until(chain: &[u8]) -> Option<UnixMs> {
    let (intermediate, leaf) = parse(chain, Signatures::NotRead).ok()?;
    Some(UnixMs(intermediate.not_after_s.min(leaf.not_after_s).saturating_mul(1000)))
}

/// One certificate, parsed.
struct Certificate {
    link: Link,
    details: Vec<u8>,
    /// Of the right length, unless the rules let another pass.
    signature: Vec<u8>,
    serial: u32,
    issuer_serial: u32,
    key: [u8; KEY_BYTES],
    not_before_s: u64,
    not_after_s: u64,
}

fn parse(chain: &[u8], signatures: Signatures) -> Result<(Certificate, Certificate), ChainError> {
    if chain.is_empty() {
        return Err(ChainError::Absent);
    }
    let chain = wire::CertChain::decode(chain)?;
    let intermediate = Certificate::parse(Link::Intermediate, chain.intermediate, signatures)?;
    Ok((intermediate, Certificate::parse(Link::Leaf, chain.leaf, signatures)?))
}

impl Certificate {
    /// Numbers that are absent are 0, as everywhere in proto2: an absent end is long past.
    fn parse(
        link: Link,
        wire: Option<wire::NoiseCertificate>,
        signatures: Signatures,
    ) -> Result<Self, ChainError> {
        let wire = present(wire, link, Part::Certificate)?;
        let bytes = present(wire.details, link, Part::Details)?;
        let details = wire::CertificateDetails::decode(bytes.as_slice())?;
        Ok(Self {
            link,
            signature: if signatures.wants_whole() {
                sized::<SIGNATURE_BYTES>(wire.signature, link, Part::Signature)?.to_vec()
            } else {
                wire.signature.unwrap_or_default()
            },
            serial: details.serial(),
            issuer_serial: details.issuer_serial(),
            not_before_s: details.not_before(),
            not_after_s: details.not_after(),
            key: sized(details.key, link, Part::Key)?,
            details: bytes,
        })
    }

    fn check_signature(
        &self,
        issuer: &[u8; KEY_BYTES],
        rule: Signatures,
    ) -> Result<(), ChainError> {
        let signature = self.signature.as_slice().try_into();
        let good = |signature: &[u8; SIGNATURE_BYTES]| signed_by(issuer, &self.details, signature);
        if !rule.verifies(self.link, &self.signature) || signature.is_ok_and(good) {
            return Ok(());
        }
        Err(ChainError::Signature(self.link))
    }

    fn check_issuer(&self, expected: u32) -> Result<(), ChainError> {
        if self.issuer_serial == expected {
            return Ok(());
        }
        Err(ChainError::Issuer { link: self.link, expected, actual: self.issuer_serial })
    }

    /// Both ends of the window belong to it.
    fn check_validity(&self, now: UnixMs) -> Result<(), ChainError> {
        if now.0 < self.not_before_s.saturating_mul(1000) {
            return Err(ChainError::NotYetValid(self.link));
        }
        if now.0 > self.not_after_s.saturating_mul(1000) {
            return Err(ChainError::Expired(self.link));
        }
        Ok(())
    }
}

fn present<T>(value: Option<T>, link: Link, part: Part) -> Result<T, ChainError> {
    value.ok_or(ChainError::Missing { link, part })
}

fn sized<const N: usize>(
    value: Option<Vec<u8>>,
    link: Link,
    part: Part,
) -> Result<[u8; N], ChainError> {
    let bytes = present(value, link, part)?;
    let actual = bytes.len();
    bytes.try_into().map_err(|_| ChainError::Length { link, part, expected: N, actual })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::noise::fixture::{bytes, key, key32, parse as vector};

    /// The key that consumer clients pin (`wire.md` §1.4).
    fn real_root() -> [u8; 32] {
        key("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
    }

    fn real_chain() -> (Vec<u8>, [u8; 32]) {
        let vector = vector(include_str!("../../fixtures/vectors/noise/xx_meta_initiator.json"));
        (bytes(&vector, "certificate"), key32(&vector, "server_static"))
    }

    const LEAF_FROM_S: u64 = 1_742_850_000;
    const LEAF_UNTIL_S: u64 = 1_753_736_400;

    #[test]
    fn a_real_chain_verifies_within_its_validity_and_not_outside() {
        let (chain, server) = real_chain();
        let at = |ms| verify(&real_root(), &chain, &server, UnixMs(ms));
        assert_eq!(at(LEAF_FROM_S * 1000), Ok(()));
        assert_eq!(at(1_748_000_000_000), Ok(()));
        assert_eq!(at(LEAF_UNTIL_S * 1000), Ok(()));
        assert_eq!(at(LEAF_FROM_S * 1000 - 1), Err(ChainError::NotYetValid(Link::Leaf)));
        assert_eq!(at(LEAF_UNTIL_S * 1000 + 1), Err(ChainError::Expired(Link::Leaf)));
        assert_eq!(at(1_700_000_000_000), Err(ChainError::NotYetValid(Link::Intermediate)));
        assert_eq!(at(1_900_000_000_000), Err(ChainError::Expired(Link::Intermediate)));
    }

    #[test]
    fn a_chain_holds_until_the_first_of_its_certificates_is_over() {
        assert_eq!(valid_until(&real_chain().0), Some(UnixMs(LEAF_UNTIL_S * 1000)));
        assert_eq!(valid_until(b""), None);
    }

    #[test]
    fn a_real_chain_holds_the_known_values() {
        let (chain, server) = real_chain();
        let (intermediate, leaf) = parse(&chain, Signatures::Verified).unwrap();
        assert_eq!((intermediate.serial, intermediate.issuer_serial), (3, 0));
        assert_eq!(
            (intermediate.not_before_s, intermediate.not_after_s),
            (1_741_392_000, 1_804_463_999)
        );
        assert_eq!((leaf.serial, leaf.issuer_serial), (329, 3));
        assert_eq!((leaf.not_before_s, leaf.not_after_s), (LEAF_FROM_S, LEAF_UNTIL_S));
        assert_eq!(leaf.key, server);
    }

    #[test]
    fn a_real_chain_fails_for_another_root_or_another_static_key() {
        let (chain, server) = real_chain();
        let now = UnixMs(1_748_000_000_000);
        let other = verify(&server, &chain, &server, now);
        assert_eq!(other, Err(ChainError::Signature(Link::Intermediate)));
        assert_eq!(verify(&real_root(), &chain, &real_root(), now), Err(ChainError::LeafKey));
    }

    #[test]
    fn a_flipped_bit_in_any_byte_of_a_real_chain_is_refused() {
        let (chain, server) = real_chain();
        let now = UnixMs(1_748_000_000_000);
        for at in 0..chain.len() {
            let mut changed = chain.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(verify(&real_root(), &changed, &server, now).is_err(), "byte {at}");
        }
    }

    #[test]
    fn each_rule_that_is_left_out_lets_its_own_fault_through_and_no_other() {
        let (chain, server) = real_chain();
        let now = UnixMs(1_748_000_000_000);
        let late = UnixMs(1_900_000_000_000);
        let (root, other) = (real_root(), [9; 32]);
        let check = |rules: Rules| {
            [
                verify_with(&other, &chain, &server, now, &rules).is_ok(),
                verify_with(&root, &chain, &other, now, &rules).is_ok(),
                verify_with(&root, &chain, &server, late, &rules).is_ok(),
            ]
        };
        assert_eq!(check(Rules::ALL), [false, false, false]);
        let lax = Rules { signatures: Signatures::ResultIgnored, ..Rules::ALL };
        assert_eq!(check(lax), [true, false, false]);
        assert_eq!(check(Rules { leaf_key: false, ..Rules::ALL }), [false, true, false]);
        assert_eq!(check(Rules { validity: false, ..Rules::ALL }), [false, false, true]);
    }

    const NONE: Rules =
        Rules { signatures: Signatures::ResultIgnored, leaf_key: false, validity: false };

    fn lax(chain: &[u8]) -> Result<(), ChainError> {
        verify_with(&[0; 32], chain, &[0; 32], UnixMs(0), &NONE)
    }

    fn certificate(key: Option<usize>, signature: Option<usize>) -> wire::NoiseCertificate {
        let key = key.map(|n| vec![5; n]);
        let details = wire::CertificateDetails { key, ..Default::default() }.encode_to_vec();
        wire::NoiseCertificate { details: Some(details), signature: signature.map(|n| vec![6; n]) }
    }

    fn with_leaf(leaf: Option<wire::NoiseCertificate>) -> Vec<u8> {
        wire::CertChain { leaf, intermediate: Some(certificate(Some(32), Some(64))) }
            .encode_to_vec()
    }

    #[test]
    fn each_laxness_about_signatures_lets_its_own_faults_through() {
        let passes = |signatures: Signatures, signature: Option<usize>| {
            let chain = with_leaf(Some(certificate(Some(32), signature)));
            let rules = Rules { signatures, ..NONE };
            verify_with(&[0; 32], &chain, &[0; 32], UnixMs(0), &rules).is_ok()
        };
        // The intermediate of this chain has 64 wrong bytes.
        let lengths = [Some(64), None, Some(0), Some(63)];
        let row = |signatures| lengths.map(|length| passes(signatures, length));
        assert_eq!(row(Signatures::Verified), [false; 4]);
        assert_eq!(row(Signatures::ResultIgnored), [true, false, false, false]);
        assert_eq!(row(Signatures::NotRead), [true; 4]);
        assert_eq!(row(Signatures::OnlyIfPresent), [false; 4]);
        assert_eq!(row(Signatures::OnlyIfWhole), [false; 4]);
        assert_eq!(row(Signatures::LeafOnly), [false; 4]);
        let rule = |rule: Signatures, length: usize| rule.verifies(Link::Leaf, &vec![0; length]);
        assert_eq!([0, 63, 64].map(|n| rule(Signatures::OnlyIfPresent, n)), [false, true, true]);
        assert_eq!([0, 63, 64].map(|n| rule(Signatures::OnlyIfWhole, n)), [false, false, true]);
        assert!(!Signatures::LeafOnly.verifies(Link::Intermediate, &[0; 64]));
    }

    #[test]
    fn missing_and_wrongly_sized_parts_are_refused_whatever_the_rules() {
        let link = Link::Leaf;
        let missing = |part| Err(ChainError::Missing { link, part });
        let leaf = |key, signature| lax(&with_leaf(Some(certificate(key, signature))));
        assert_eq!(leaf(Some(32), Some(64)), Ok(()));
        assert_eq!(lax(&[]), Err(ChainError::Absent));
        assert_eq!(lax(&with_leaf(None)), missing(Part::Certificate));
        assert_eq!(lax(&with_leaf(Some(Default::default()))), missing(Part::Details));
        assert_eq!(leaf(None, Some(64)), missing(Part::Key));
        assert_eq!(leaf(Some(32), None), missing(Part::Signature));
        let short = ChainError::Length { link, part: Part::Signature, expected: 64, actual: 63 };
        assert_eq!(leaf(Some(32), Some(63)), Err(short));
        let long = ChainError::Length { link, part: Part::Key, expected: 32, actual: 33 };
        assert_eq!(leaf(Some(33), Some(64)), Err(long));
        assert!(matches!(lax(b"\x0A\xFF"), Err(ChainError::Malformed(_))));
    }

    #[test]
    fn unknown_fields_of_a_chain_are_ignored() {
        let (mut chain, server) = real_chain();
        chain.extend([0x78, 1]);
        assert_eq!(verify(&real_root(), &chain, &server, UnixMs(1_748_000_000_000)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_verification_panic(chain in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(verify(&real_root(), &chain, &[1; 32], UnixMs(0)).is_err());
            let _ = lax(&chain);
        }
    }
}
