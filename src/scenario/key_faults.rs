//! The words for what is odd about Signal keys: those in a bundle, and those that somebody has lost.
//!
//! Some of them a right implementation must refuse, others it may take or refuse: the row PRE-013
//! grades them so, and [`BundleFault::is_legal`] says which are which.

use super::words::words;

words! {
    /// What a Meta client may lose.
    Loss {
        /// The session with the user: what comes in it cannot be read any more.
        Session = "session",
        /// Its registration id, as by a new installation from a backup: identity and sessions stay.
        Registration = "registration-id",
        /// All its keys and sessions, as by a new installation.
        Identity = "identity",
    }
}
words! {
    /// What is odd about the keys of a bundle (PRE-006, PRE-013).
    BundleFault {
        IdentityShort = "identity-short",
        IdentityLong = "identity-long",
        /// The identity key is a coordinate of p or more, with a signature that verifies where it is
        /// reduced: XED §3 refuses it, Signal's library takes it.
        IdentityNonCanonical = "identity-non-canonical",
        SignedShort = "signed-prekey-short",
        SignedLong = "signed-prekey-long",
        OneTimeShort = "one-time-prekey-short",
        OneTimeLong = "one-time-prekey-long",
        SignatureLong = "signature-long",
        /// The signature's scalar is 2^253 or more and would verify (XED §3).
        ScalarAboveRange = "scalar-above-range",
        /// It is between the group's order and 2^253: legal, may be refused.
        ScalarUnreduced = "scalar-unreduced",
        /// A point of small order, properly signed: legal, may be refused.
        SignedSmallOrder = "signed-prekey-small-order",
        /// A coordinate of p or more, properly signed: legal, may be refused.
        SignedNonCanonical = "signed-prekey-non-canonical",
        /// A point of small order: legal, may be refused.
        OneTimeSmallOrder = "one-time-prekey-small-order",
        /// A coordinate of p or more: legal, may be refused.
        OneTimeNonCanonical = "one-time-prekey-non-canonical",
        /// There is no one-time prekey: legal.
        NoOneTime = "no-one-time-prekey",
        /// There is no KEM prekey, where the profile has them: a downgrade.
        NoKem = "no-kem-prekey",
        /// The KEM prekey is another one, under the signature of the genuine one.
        KemOfAnother = "kem-prekey-of-another",
        /// Before the server answers, another user does, under the id of the request and with keys of
        /// his own: legal, and no answer at all (RFC 6120 §8.1.2.1).
        AnswerOfAnother = "answer-of-another",
    }
}

impl BundleFault {
    /// True for what shows only where the profile has KEM prekeys.
    pub fn is_about_kem(self) -> bool {
        matches!(self, Self::NoKem | Self::KemOfAnother)
    }

    /// True for what nobody has to refuse.
    pub fn is_legal(self) -> bool {
        match self {
            Self::IdentityShort
            | Self::IdentityLong
            | Self::SignedShort
            | Self::SignedLong
            | Self::OneTimeShort
            | Self::OneTimeLong
            | Self::SignatureLong
            | Self::NoKem
            | Self::KemOfAnother
            | Self::ScalarAboveRange => false,
            Self::ScalarUnreduced
            | Self::IdentityNonCanonical
            | Self::SignedSmallOrder
            | Self::SignedNonCanonical
            | Self::OneTimeSmallOrder
            | Self::OneTimeNonCanonical
            | Self::NoOneTime
            | Self::AnswerOfAnother => true,
        }
    }
}
words! {
    /// With which one-time prekey a Meta client opens a session (PRE-006, PRE-008).
    PrekeyFault {
        /// The one that was handed out last, once more.
        Used = "used",
        /// Without one, as where the stock has run out: legal.
        None = "none",
    }
}
