//! Opens the encrypted channel: Noise XX, IK and XXfallback, in Meta's dialect and in the standard
//! one, both ends.
//!
//! ```text
//! Initiator ───> ServerHelloRead ──────────────────────> Transport
//! IkInitiator ─> IkAnswer: Resumed, or ServerHelloRead ─> Transport
//! Responder ───> Opening: ClientHelloRead ─> AwaitingFinish ─> Finished
//!                      or IkHello ─> IkHelloRead ───────────> Finished
//! ```
//! Each step consumes its state, so that one out of order does not compile and nothing of a failed
//! handshake can be used again (NOI-009). [`certificate`] issues and verifies the server's chain;
//! who is trusted is the caller's decision, between two steps. This room takes bytes, keys and time
//! and returns bytes: it knows no socket, no frame and no stanza.
//!
//! The handshake is our own and not `snow`'s, because Meta's dialect departs from the Noise
//! specification (`wire.md` §1.2) and deliberate faults need every step. `snow` is the tests' oracle.

mod authority;
pub mod certificate;
mod cipherstate;
mod end;
mod error;
#[cfg(test)]
mod fixture;
mod initiator;
mod keypair;
mod message;
mod pattern;
mod responder;
mod resumption;
mod symmetricstate;
pub mod tamper;
#[cfg(test)]
mod tests;
mod transport;

pub use end::{End, Lapse};
pub use error::{Field, NoiseError};
pub use initiator::{Initiator, ServerHelloRead};
pub use keypair::KeyPair;
pub use pattern::{Dialect, Pattern};
pub use responder::{
    AwaitingFinish, ClientHelloRead, Finished, IkHello, IkHelloRead, Opening, Responder,
};
pub use resumption::{IkAnswer, IkInitiator, Resumed};
pub use transport::{Misuse, Transport};
