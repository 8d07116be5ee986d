//! Every rule that a token can break, one variant a rule.
//!
//! Main type: [`TokenError`]. It says what is wrong and never repeats the token. The requirement id
//! belongs to the variant, so that a rule cannot be reported under two names.

use crate::identity::token::compact::{CompactFault, Part};

/// The rule that a token breaks; always the issuer's or the bearer's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// ENL-005: a token has at most 4 KiB (TF §1.2.2).
    #[error("the token has {bytes} bytes, more than 4096")]
    TooLong { bytes: usize },
    /// JWT-003: JWS compact serialization, three base64url parts without padding (RFC 7515 §7.1).
    #[error("the token is no compact JWS: {0}")]
    Compact(CompactFault),
    /// JWT-014: header and claims are UTF-8 JSON objects without repeated names (RFC 7519 §4).
    #[error("{0}")]
    Json(JsonFault),
    /// JWT-015: a critical extension that is not understood refuses the token (RFC 7515 §4.1.11).
    #[error("the header's `crit` names `{0}`, which is not understood")]
    Critical(String),
    /// JWT-004: `alg` is present and allowed, never `none` and never HMAC (RFC 8725 §3.1, §3.2).
    #[error("the header's `alg` {0}")]
    Algorithm(AlgorithmFault),
    /// JWT-016: no key is taken from the token itself (RFC 8725 §3.8, §3.10); only a warning, since
    /// such a member is legal and just never used.
    #[error("the header carries `{0}`, which is ignored")]
    EmbeddedKey(&'static str),
    /// JWT-005: `kid` is present and found in the published set (TF §1.3.1).
    #[error("the header's `kid` {0}")]
    Kid(KidFault),
    /// JWT-017: an RSA modulus has at least 2048 bits (RFC 7518 §3.3, §3.5).
    #[error("the key's modulus has {bits} bits, less than 2048")]
    ModulusShort { bits: usize },
    /// JWT-018: an ES256 signature is 64 raw bytes, the key a point of the curve (RFC 7518 §3.4).
    #[error("the ES256 signature has {bytes} bytes, or its key is no point of P-256")]
    EcSignature { bytes: usize },
    /// JWT-006: the signature verifies with the key that `kid` names (TF §1.1).
    #[error("the signature {0}")]
    Signature(SignatureFault),
    /// JWT-013: dates are JSON numbers (RFC 7519 §2, NumericDate).
    #[error("the claim `{0}` is no number")]
    Date(&'static str),
    /// JWT-007: the claim that the profile names holds the user-visible identifier (TF §1.2).
    #[error("the subject claim {0}")]
    Subject(ClaimFault),
    /// JWT-022: no claims beyond need (RFC 7519 §12); a warning only.
    #[error("the claim `{0}` is none that the token needs")]
    SpareClaim(String),
    /// JWT-023: `sub` has at most 255 ASCII characters (OIDC Core §2).
    #[error("the claim `sub` has more than 255 characters, or one outside ASCII")]
    SubjectForm,
    /// JWT-008: `iss` is present and is the registered issuer (OIDC Core §2; RFC 8725 §3.8).
    #[error("the claim `iss` {0}")]
    Issuer(ClaimFault),
    /// JWT-009: `aud` is present and names the receiver (RFC 7519 §4.1.3; RFC 8725 §3.9).
    #[error("the claim `aud` {0}")]
    Audience(ClaimFault),
    /// JWT-010: `exp` is present and in the future (RFC 7519 §4.1.4); JWT-028: the life is within the
    /// limit.
    #[error("the claim `exp` {0}")]
    Expiry(ExpiryFault),
    /// JWT-011: `iat` is present and not in the future (RFC 7519 §4.1.6); a warning only.
    #[error("the claim `iat` {0}")]
    IssuedAt(IssuedAtFault),
    /// JWT-012: `nbf`, where present, is honoured (RFC 7519 §4.1.5).
    #[error("the claim `nbf` lies in the future")]
    NotBefore,
    /// JWT-021: `typ` is explicit (RFC 8725 §3.11); a warning only.
    #[error("the header has no `typ`")]
    TypMissing,
}

impl TokenError {
    /// The id of the requirement that is broken.
    pub fn requirement(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "ENL-005",
            Self::Compact(_) => "JWT-003",
            Self::Algorithm(_) => "JWT-004",
            Self::Kid(_) => "JWT-005",
            Self::Signature(_) => "JWT-006",
            Self::Subject(_) => "JWT-007",
            Self::Issuer(_) => "JWT-008",
            Self::Audience(_) => "JWT-009",
            Self::Expiry(ExpiryFault::TooLongLived { .. }) => "JWT-028",
            Self::Expiry(_) => "JWT-010",
            Self::IssuedAt(_) => "JWT-011",
            Self::NotBefore => "JWT-012",
            Self::Date(_) => "JWT-013",
            Self::Json(_) => "JWT-014",
            Self::Critical(_) => "JWT-015",
            Self::EmbeddedKey(_) => "JWT-016",
            Self::ModulusShort { .. } => "JWT-017",
            Self::EcSignature { .. } => "JWT-018",
            Self::TypMissing => "JWT-021",
            Self::SpareClaim(_) => "JWT-022",
            Self::SubjectForm => "JWT-023",
        }
    }
}

/// What is wrong with the JSON of a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    #[error("the {0} is no UTF-8 JSON object")]
    NotAnObject(Part),
    #[error("the {part} has `{name}` more than once")]
    Repeated { part: Part, name: String },
}

/// What is wrong with `alg`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmFault {
    #[error("is missing or no string")]
    Missing,
    #[error("is `{0}`, which is not allowed")]
    NotAllowed(String),
}

/// What is wrong with `kid`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KidFault {
    #[error("is missing or no string")]
    Missing,
    #[error("`{0}` is not in the key set")]
    Unknown(String),
}

/// What is wrong with the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("does not verify")]
    Mismatch,
    /// The published key has another type or names another `alg` (RFC 8725 §3.1).
    #[error("cannot be verified, because the key is for another algorithm")]
    KeyUnfit,
}

/// What is wrong with a claim that names somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimFault {
    #[error("is missing")]
    Missing,
    #[error("has the wrong JSON type")]
    WrongType,
    #[error("names somebody else")]
    Other,
}

/// What is wrong with `exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryFault {
    #[error("is missing")]
    Missing,
    #[error("has passed")]
    Past,
    /// A warning only: the limit is the profile's (RFC 6750 §5.3).
    #[error("lies further after `iat` than the {limit_s} s that the profile allows")]
    TooLongLived { limit_s: u64 },
}

/// What is wrong with `iat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuedAtFault {
    #[error("is missing")]
    Missing,
    #[error("lies in the future")]
    Future,
}
