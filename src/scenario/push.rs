//! The words for what a push call, its token and Meta's published push keys can be.
//!
//! Main types: [`TokenFault`], [`BodyFault`] and [`PushKeys`]. They are names only; the tokens and
//! bodies behind them are made by Meta's side, so that no word can mean two things.

use super::words::words;

words! {
    /// What is odd about a push token (PSH-004, PSH-005).
    TokenFault {
        /// No `Authorization` at all.
        Absent = "absent",
        /// `Bearer` and nothing behind it.
        Empty = "empty",
        AlgNone = "alg-none",
        /// HS256 under the PEM text of the public key (JWT-004).
        HmacWithPublicKey = "hmac-with-public-key",
        /// HS256 under the published JWK as JSON text (JWT-004).
        HmacWithJwk = "hmac-with-jwk",
        /// One bit of the signature flipped.
        BadSignature = "bad-signature",
        /// The signature is empty, the algorithm is not.
        NoSignature = "no-signature",
        /// The signature lacks its last byte.
        ShortSignature = "short-signature",
        /// 64 zero bytes, where ES256 has r and s (JWT-018).
        ZeroSignature = "zero-signature",
        /// r = 0 and s = 0 in DER (JWT-018).
        ZeroSignatureInDer = "zero-signature-in-der",
        /// The right r and s in DER, where 64 bytes belong (JWT-018).
        SignatureInDer = "signature-in-der",
        /// Signed by a stranger under the published `kid`.
        OtherKey = "other-key",
        /// A `kid` that no set has, another one in every call (JWT-005).
        UnknownKid = "unknown-kid",
        /// Signed by the first key, whatever is published now (JWK-009).
        FormerKey = "former-key",
        /// Carries the stranger's key as `jwk` (JWT-016).
        EmbeddedKey = "embedded-key",
        /// Carries the stranger's certificate as `x5c` (JWT-016).
        EmbeddedCertificate = "embedded-certificate",
        /// Says by `jku` where the stranger's key set is (JWT-016).
        KeyAtUrl = "key-at-url",
        /// Says by `x5u` where the stranger's certificate is (JWT-016).
        CertificateAtUrl = "certificate-at-url",
        /// `crit` names an extension that nobody knows (JWT-015).
        UnknownCritical = "unknown-critical",
        OtherIssuer = "other-issuer",
        /// The first half of the issuer's name (JWT-008).
        IssuerPart = "issuer-part",
        NoIssuer = "no-issuer",
        OtherAudience = "other-audience",
        /// `aud` is a list without the receiver (JWT-009).
        OtherAudiences = "other-audiences",
        /// `aud` twice: the receiver first, somebody else last (JWT-014).
        RepeatedAudience = "repeated-audience",
        NoAudience = "no-audience",
        Expired = "expired",
        NoExpiry = "no-expiry",
        /// `typ` of another kind of token, signed by the same key (JWT-021).
        OtherType = "other-type",
        /// The dates are texts, and would hold as numbers (JWT-013).
        DatesAsText = "dates-as-text",
        /// `nbf` in the middle of the token's life (JWT-012).
        NotYetValid = "not-yet-valid",
        /// `iat` a day ahead, and `exp` an hour later (PSH-017).
        IssuedTomorrow = "issued-tomorrow",
        /// `iat` and `nbf` a few seconds ahead, as clocks differ: legal (JWT-011).
        SlightlyAhead = "slightly-ahead",
    }
}
words! {
    /// What is odd about a push call's body (PSH-002, PSH-011, PSH-014).
    BodyFault {
        /// Members that nobody knows beside `to`: legal.
        FurtherMembers = "further-members",
        /// `to` names nobody, in the form of a real name.
        UnknownUser = "unknown-user",
        /// No body at all.
        Empty = "empty",
        NotJson = "not-json",
        /// JSON that ends in the middle.
        CutOff = "cut-off",
        /// A byte that is no UTF-8 within the name.
        NotUtf8 = "not-utf8",
        /// A list in place of the object.
        List = "list",
        NoUser = "no-user",
        NumberForUser = "number-for-user",
        NullForUser = "null-for-user",
        /// Lists within lists, deeper than a stack.
        Deep = "deep",
        /// One and a half megabytes.
        Large = "large",
    }
}
words! {
    /// What Meta publishes as its push keys, and which of them signs.
    PushKeys {
        /// One key, which signs.
        First = "first",
        /// The next key beside the first; the next one signs.
        Rotated = "rotated",
        /// The next key alone, which signs; the first is withdrawn.
        Withdrawn = "withdrawn",
        /// Keys of types that nobody knows around the first (JWK-013).
        UnknownTypes = "unknown-types",
        /// Members that nobody knows, in the set and in its key (JWK-017).
        UnknownMembers = "unknown-members",
    }
}
