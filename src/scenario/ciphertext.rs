//! The words for what is changed in a ciphertext that is sent again, forged.
//!
//! Main type: [`CiphertextFault`]. What each word does to the bytes is the role's affair; here stands
//! only what may be said. None of them is legal: the genuine message is the twin.

use super::words::words;

words! {
    /// The one thing that is changed in a ciphertext (RAT-004, RAT-009, RAT-011, RAT-013, ENC-004,
    /// ENC-018).
    CiphertextFault {
        /// The last bit of the MAC.
        Mac = "mac-flipped",
        /// There is no MAC. It has no field of its own, so that an empty one is the same.
        MacAbsent = "mac-absent",
        /// The MAC lacks its last byte.
        MacShort = "mac-short",
        /// A bit of the encrypted content.
        Body = "body-flipped",
        /// The number of the message is the next one.
        Counter = "counter-changed",
        /// The number of the message is 2^31 further on.
        CounterFar = "counter-far-ahead",
        /// The length of the previous chain is another one.
        PreviousCounter = "previous-counter-changed",
        /// A bit of the ratchet key.
        RatchetKey = "ratchet-key-changed",
        /// The ratchet key is a point of small order.
        SmallOrderRatchetKey = "ratchet-key-small-order",
        /// The padding of the cipher is broken, under a MAC that fits.
        Padding = "padding-broken",
        /// The MAC covers the receiver's identity key before the sender's.
        IdentitiesSwapped = "identities-swapped",
        /// The MAC covers no identity keys.
        IdentitiesAbsent = "identities-absent",
        /// An older version, under a MAC that fits.
        VersionOlder = "version-older",
        /// A newer version, under a MAC that fits.
        VersionNewer = "version-newer",
    }
}
