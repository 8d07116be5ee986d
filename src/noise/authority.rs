//! Issues certificate chains: sound ones and every faulty kind that NOI-006 names.
//!
//! An [`Authority`] is the harness's own root; clients under test have its public key injected
//! instead of the pinned one. Each [`Fault`] breaks exactly one rule of `wire.md` §1.4, so that a
//! client that accepts a chain shows which rule it skips.

use prost::Message;
use rand::Rng as _;

use super::certificate::{Link, ROOT_SERIAL};
use super::keypair::{KEY_BYTES, KeyPair, SIGNATURE_BYTES};
use crate::proto::handshake as wire;
use crate::seed::Rng;

/// Serial number of the only intermediate that an authority has.
const INTERMEDIATE_SERIAL: u32 = 1;
/// Serial number of every leaf: a harness's chains are told apart by their keys.
const LEAF_SERIAL: u32 = 2;
/// The serial number of nobody.
const UNKNOWN_SERIAL: u32 = 77;

/// The time in which a certificate holds, in Unix seconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before_s: u64,
    pub not_after_s: u64,
}

impl Validity {
    /// 1970 to the end of 2099, the window of test certificates whose validity is not the subject.
    pub const TEST: Validity = Validity { not_before_s: 0, not_after_s: 4_102_444_799 };
    /// The first day of 1970: over for every clock.
    pub const OVER: Validity = Validity { not_before_s: 0, not_after_s: 86_400 };
    /// From 2100 on: yet to come for every clock.
    pub const TO_COME: Validity =
        Validity { not_before_s: 4_102_444_800, not_after_s: 4_133_980_800 };
}

/// Names what is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A well-made chain under another root.
    ForeignRoot,
    /// 64 random bytes in place of a signature.
    RandomSignature(Link),
    /// A genuine signature with one flipped bit.
    FlippedSignature(Link),
    /// No signature field.
    NoSignature(Link),
    /// A signature of no bytes.
    EmptySignature(Link),
    /// A genuine signature without its last byte.
    ShortSignature(Link),
    /// An issuer's serial number that nobody has, under a genuine signature.
    UnknownIssuer(Link),
    /// A genuine chain for another leaf key than the server's static key.
    OtherLeafKey,
    /// The certificate's validity is over.
    Expired(Link),
    /// The certificate's validity has not begun.
    NotYetValid(Link),
    /// No bytes at all.
    Absent,
}

impl Fault {
    /// Every fault, in the order of the rules that they break.
    pub const ALL: &'static [Fault] = &[
        Fault::Absent,
        Fault::ForeignRoot,
        Fault::RandomSignature(Link::Intermediate),
        Fault::FlippedSignature(Link::Intermediate),
        Fault::NoSignature(Link::Intermediate),
        Fault::EmptySignature(Link::Intermediate),
        Fault::ShortSignature(Link::Intermediate),
        Fault::UnknownIssuer(Link::Intermediate),
        Fault::RandomSignature(Link::Leaf),
        Fault::FlippedSignature(Link::Leaf),
        Fault::NoSignature(Link::Leaf),
        Fault::EmptySignature(Link::Leaf),
        Fault::ShortSignature(Link::Leaf),
        Fault::UnknownIssuer(Link::Leaf),
        Fault::OtherLeafKey,
        Fault::NotYetValid(Link::Intermediate),
        Fault::Expired(Link::Intermediate),
        Fault::NotYetValid(Link::Leaf),
        Fault::Expired(Link::Leaf),
    ];
}

/// A root and its intermediate (serial 1, issuer serial 0).
#[derive(Debug)]
pub struct Authority {
    root: KeyPair,
    intermediate: KeyPair,
}

impl Authority {
    /// Draws the keys of a new authority.
    pub fn new(rng: &mut Rng) -> Self {
        Self { root: KeyPair::generate(rng), intermediate: KeyPair::generate(rng) }
    }

    /// Returns the key that clients must pin.
    pub fn root_public(&self) -> [u8; KEY_BYTES] {
        self.root.public()
    }

    /// Issues a sound chain whose two certificates share one validity.
    pub fn chain(&self, leaf_key: &[u8; KEY_BYTES], validity: Validity, rng: &mut Rng) -> Chain {
        self.issue(&Plan::sound(*leaf_key, validity), rng)
    }

    /// Issues a chain, valid from 1970 to 2100, with exactly this fault.
    pub fn faulty_chain(&self, leaf_key: &[u8; KEY_BYTES], fault: Fault, rng: &mut Rng) -> Chain {
        let mut plan = Plan::sound(*leaf_key, Validity::TEST);
        match fault {
            Fault::Absent => return Chain::ABSENT,
            Fault::ForeignRoot => return Authority::new(rng).issue(&plan, rng),
            Fault::OtherLeafKey => plan.leaf_key = KeyPair::generate(rng).public(),
            Fault::UnknownIssuer(link) => plan.entry(link).issuer_serial = UNKNOWN_SERIAL,
            Fault::Expired(link) => plan.entry(link).validity = Validity::OVER,
            Fault::NotYetValid(link) => plan.entry(link).validity = Validity::TO_COME,
            Fault::RandomSignature(_)
            | Fault::FlippedSignature(_)
            | Fault::NoSignature(_)
            | Fault::EmptySignature(_)
            | Fault::ShortSignature(_) => {}
        }
        let chain = self.issue(&plan, rng);
        match fault {
            Fault::RandomSignature(link) => chain.with_random_signature(link, rng),
            Fault::FlippedSignature(link) => chain.with_flipped_signature(link),
            Fault::NoSignature(link) => chain.with_signature(link, |_| None),
            Fault::EmptySignature(link) => chain.with_signature(link, |_| Some(Vec::new())),
            Fault::ShortSignature(link) => chain.with_signature(link, |mut genuine| {
                genuine.pop();
                Some(genuine)
            }),
            _ => chain,
        }
    }

    fn issue(&self, plan: &Plan, rng: &mut Rng) -> Chain {
        let middle = plan.intermediate.details(INTERMEDIATE_SERIAL, &self.intermediate.public());
        let leaf = plan.leaf.details(LEAF_SERIAL, &plan.leaf_key);
        Chain(wire::CertChain {
            intermediate: Some(certify(&self.root, &middle, rng)),
            leaf: Some(certify(&self.intermediate, &leaf, rng)),
        })
    }
}

/// A chain as it will travel, the payload of message 2.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain(wire::CertChain);

impl Chain {
    const ABSENT: Chain = Chain(wire::CertChain { leaf: None, intermediate: None });

    /// Writes the chain as protobuf; the absent one is no bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    fn with_random_signature(mut self, link: Link, rng: &mut Rng) -> Self {
        let mut random = vec![0; SIGNATURE_BYTES];
        rng.fill_bytes(&mut random);
        self.certificate(link).signature = Some(random);
        self
    }

    fn with_flipped_signature(mut self, link: Link) -> Self {
        let signature = self.certificate(link).signature.get_or_insert_default();
        if let Some(first) = signature.first_mut() {
            *first ^= 1;
        }
        self
    }

    fn with_signature(
        mut self,
        link: Link,
        change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>,
    ) -> Self {
        let certificate = self.certificate(link);
        certificate.signature = change(certificate.signature.take().unwrap_or_default());
        self
    }

    fn certificate(&mut self, link: Link) -> &mut wire::NoiseCertificate {
        match link {
            Link::Intermediate => self.0.intermediate.get_or_insert_default(),
            Link::Leaf => self.0.leaf.get_or_insert_default(),
        }
    }
}

/// What will be signed.
struct Plan {
    intermediate: Entry,
    leaf: Entry,
    leaf_key: [u8; KEY_BYTES],
}

struct Entry {
    issuer_serial: u32,
    validity: Validity,
}

impl Plan {
    fn sound(leaf_key: [u8; KEY_BYTES], validity: Validity) -> Self {
        let issued_by = |issuer_serial| Entry { issuer_serial, validity };
        Self {
            intermediate: issued_by(ROOT_SERIAL),
            leaf: issued_by(INTERMEDIATE_SERIAL),
            leaf_key,
        }
    }

    fn entry(&mut self, link: Link) -> &mut Entry {
        match link {
            Link::Intermediate => &mut self.intermediate,
            Link::Leaf => &mut self.leaf,
        }
    }
}

impl Entry {
    fn details(&self, serial: u32, key: &[u8; KEY_BYTES]) -> Vec<u8> {
        wire::CertificateDetails {
            serial: Some(serial),
            issuer_serial: Some(self.issuer_serial),
            key: Some(key.to_vec()),
            not_before: Some(self.validity.not_before_s),
            not_after: Some(self.validity.not_after_s),
        }
        .encode_to_vec()
    }
}

fn certify(issuer: &KeyPair, details: &[u8], rng: &mut Rng) -> wire::NoiseCertificate {
    let signature = issuer.sign(details, rng).to_vec();
    wire::NoiseCertificate { details: Some(details.to_vec()), signature: Some(signature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMs;
    use crate::noise::certificate::{ChainError, Part, Rules, Signatures, verify, verify_with};
    use crate::seed::Seed;

    const NOW: UnixMs = UnixMs(1_790_000_000_000);

    fn scene() -> (Authority, [u8; 32], Rng) {
        let mut rng = Seed(3).rng(&["authority"]);
        (Authority::new(&mut rng), KeyPair::generate(&mut rng).public(), rng)
    }

    fn broken_rule(fault: Fault) -> ChainError {
        let issuer = |link, expected| ChainError::Issuer { link, expected, actual: UNKNOWN_SERIAL };
        let length = |link, actual| ChainError::Length {
            link,
            part: Part::Signature,
            expected: SIGNATURE_BYTES,
            actual,
        };
        match fault {
            Fault::Absent => ChainError::Absent,
            Fault::ForeignRoot => ChainError::Signature(Link::Intermediate),
            Fault::RandomSignature(link) | Fault::FlippedSignature(link) => {
                ChainError::Signature(link)
            }
            Fault::NoSignature(link) => ChainError::Missing { link, part: Part::Signature },
            Fault::EmptySignature(link) => length(link, 0),
            Fault::ShortSignature(link) => length(link, 63),
            Fault::UnknownIssuer(Link::Intermediate) => issuer(Link::Intermediate, 0),
            Fault::UnknownIssuer(Link::Leaf) => issuer(Link::Leaf, 1),
            Fault::OtherLeafKey => ChainError::LeafKey,
            Fault::Expired(link) => ChainError::Expired(link),
            Fault::NotYetValid(link) => ChainError::NotYetValid(link),
        }
    }

    #[test]
    fn a_sound_chain_verifies_under_its_own_root_only() {
        let (authority, leaf, mut rng) = scene();
        let chain = authority.chain(&leaf, Validity::TEST, &mut rng).encode();
        assert_eq!(verify(&authority.root_public(), &chain, &leaf, NOW), Ok(()));
        let other = Authority::new(&mut rng).root_public();
        let error = ChainError::Signature(Link::Intermediate);
        assert_eq!(verify(&other, &chain, &leaf, NOW), Err(error));
    }

    #[test]
    fn a_chain_holds_the_serials_and_the_window_that_were_asked_for() {
        let (authority, leaf, mut rng) = scene();
        let window = Validity { not_before_s: 10, not_after_s: 20 };
        let chain = authority.chain(&leaf, window, &mut rng).encode();
        let at = |ms| verify(&authority.root_public(), &chain, &leaf, UnixMs(ms));
        assert_eq!(at(9_999), Err(ChainError::NotYetValid(Link::Intermediate)));
        assert_eq!((at(10_000), at(20_000)), (Ok(()), Ok(())));
        assert_eq!(at(20_001), Err(ChainError::Expired(Link::Intermediate)));
        let chain = wire::CertChain::decode(chain.as_slice()).unwrap();
        let serials = |certificate: Option<wire::NoiseCertificate>| {
            let bytes = certificate.unwrap().details.unwrap();
            let details = wire::CertificateDetails::decode(bytes.as_slice()).unwrap();
            (details.serial(), details.issuer_serial())
        };
        assert_eq!((serials(chain.intermediate), serials(chain.leaf)), ((1, 0), (2, 1)));
    }

    #[test]
    fn each_fault_is_refused_by_the_rule_that_it_breaks() {
        let (authority, leaf, mut rng) = scene();
        for fault in Fault::ALL {
            let chain = authority.faulty_chain(&leaf, *fault, &mut rng).encode();
            let verdict = verify(&authority.root_public(), &chain, &leaf, NOW);
            assert_eq!(verdict, Err(broken_rule(*fault)), "{fault:?}");
        }
    }

    #[test]
    fn each_fault_breaks_no_other_rule() {
        let (authority, leaf, mut rng) = scene();
        for fault in Fault::ALL {
            let rules = match broken_rule(*fault) {
                ChainError::Signature(_) => {
                    Rules { signatures: Signatures::ResultIgnored, ..Rules::ALL }
                }
                ChainError::Missing { .. } | ChainError::Length { .. } => {
                    Rules { signatures: Signatures::NotRead, ..Rules::ALL }
                }
                ChainError::LeafKey => Rules { leaf_key: false, ..Rules::ALL },
                ChainError::Expired(_) | ChainError::NotYetValid(_) => {
                    Rules { validity: false, ..Rules::ALL }
                }
                _ => continue,
            };
            let chain = authority.faulty_chain(&leaf, *fault, &mut rng).encode();
            let verdict = verify_with(&authority.root_public(), &chain, &leaf, NOW, &rules);
            assert_eq!(verdict, Ok(()), "{fault:?}");
        }
    }

    #[test]
    fn the_absent_chain_is_no_bytes_and_the_others_are_as_long_as_a_sound_one() {
        let (authority, leaf, mut rng) = scene();
        let sound = authority.chain(&leaf, Validity::TEST, &mut rng).encode();
        assert!(authority.faulty_chain(&leaf, Fault::Absent, &mut rng).encode().is_empty());
        for fault in [Fault::ForeignRoot, Fault::RandomSignature(Link::Leaf), Fault::OtherLeafKey] {
            let chain = authority.faulty_chain(&leaf, fault, &mut rng).encode();
            assert_eq!(chain.len(), sound.len(), "{fault:?}");
            assert_ne!(chain, sound);
        }
    }

    #[test]
    fn one_seed_gives_one_chain() {
        let chain = || {
            let (authority, leaf, mut rng) = scene();
            authority.chain(&leaf, Validity::TEST, &mut rng).encode()
        };
        assert_eq!(chain(), chain());
    }
}
