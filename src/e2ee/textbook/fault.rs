//! What a party of the textbook kind does wrong, if anything: one deliberate fault each.
//!
//! Main type: [`RatchetFault`]. Faults of the key derivation are no part of it: they are the
//! [`Derivation`](crate::e2ee::Derivation)s, which the diagnosis knows too.

/// A fault of a session; the row that it breaks stands behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RatchetFault {
    /// Keeps its first ratchet key for good (RAT-001).
    NeverTurns,
    /// Draws a ratchet key for every message (RAT-001).
    TurnsEachTime,
    /// Numbers the messages of a chain from one (RAT-002).
    CountsFromOne,
    /// Says that its previous chain was empty (RAT-002).
    PreviousCountZero,
    /// Answers a first message with its signed prekey as ratchet key (ENC-008).
    AnswersWithSignedPrekey,
    /// Starts as the responder with a pair of its own in place of the signed prekey (RAT-012).
    RespondsWithRandomPair,
    /// Begins sessions under an identity of its own for each peer (ENC-016).
    SecondIdentity,
    /// Takes the identities in the MAC in either order, or leaves them out (ENC-004).
    IdentitiesNotCompared,
    /// Sends the X3DH header with the first message only (ENC-005).
    HeaderOnce,
    /// Goes on sending the X3DH header after the answer (ENC-005).
    HeaderForEver,
    /// Opens a session only for a message that is the first of its chain (ENC-005).
    OpensForTheFirstOnly,
    /// Refuses the header of a session that it has (ENC-005).
    RepeatedHeaderRefused,
    /// Opens a further session for a first message that it has had (ENC-007).
    ReopensForReplays,
    /// Refuses a first message while its own has no answer (ENC-017).
    CrossedStartRefused,
    /// Takes messages of any version (ENC-018).
    VersionsNotCompared,
    /// Keeps the state of a decryption that failed (RAT-005).
    AdvancesBeforeMac,
    /// Takes a stored key out before it is known to serve (RAT-005).
    SkippedKeyTaken,
    /// Verifies the MAC without the previous chain's length (RAT-009).
    PreviousCountNotCovered,
    /// Refuses a ratchet key of small order (RAT-013): legal.
    SmallOrderRefused,
    /// Compares the first half of the MAC (RAT-011).
    MacComparedInPart,
    /// Compares as many bytes of the MAC as there are (RAT-011).
    MacComparedAsFarAsItGoes,
    /// Steps forward as far as a counter says (RAT-004).
    SkipsWithoutBound,
    /// Bounds the skip of one message and not what all of them leave behind.
    SkipTotalUnbounded,
    /// Counts what is missing for the life of the session (RAT-004).
    SkipLimitForLife,
    /// Takes the next message of a chain and no other (RAT-003).
    SkipsNothing,
    /// Steps forward and keeps no key for what is late (RAT-003).
    LateKeysForgotten,
    /// Forgets a chain when the next one begins (RAT-003).
    OldChainsForgotten,
}
