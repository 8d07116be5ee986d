//! What one end brings into a handshake, and in which one way it may be lax.
//!
//! Main type: [`End`]. A [`Lapse`] is a deliberate fault of the reference (`interfaces.md` §13); it
//! is carried here, down to the cipher, because a fault must sit at the one line where a right
//! implementation differs.

use super::keypair::KeyPair;
use super::pattern::Dialect;

/// One end of a handshake, before its first message.
#[derive(Clone, Debug)]
pub struct End {
    /// The intro header, without a routing prefix (NOI-003).
    pub prologue: Vec<u8>,
    pub dialect: Dialect,
    pub static_key: KeyPair,
    /// Must be fresh (NOI-004).
    pub ephemeral: KeyPair,
    /// `None` for every end that means well.
    pub lapse: Option<Lapse>,
}

impl End {
    /// An end that follows all rules.
    pub fn new(prologue: &[u8], dialect: Dialect, static_key: KeyPair, ephemeral: KeyPair) -> Self {
        Self { prologue: prologue.to_vec(), dialect, static_key, ephemeral, lapse: None }
    }

    /// The same end with one deliberate fault.
    pub fn with(self, lapse: Option<Lapse>) -> Self {
        Self { lapse, ..self }
    }
}

/// A rule of the channel that an end does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lapse {
    /// Decrypts without looking at the tags (NOI-009).
    TagsUnchecked,
    /// Goes on with an agreement that is all zeros; allowed, if unwise (NOI-013).
    ZeroAgreementTaken,
    /// Tries the counters around the expected one, as datagram protocols do (NOI-011).
    NearbyCountersTried,
    /// Steps its counter on a frame that did not decrypt and goes on (NOI-010).
    CounterStepsOnFailure,
    /// Tries its own sending key on what it receives (NOI-015).
    OwnFramesTaken,
}
