//! END TO END: one Signal identity, its sessions, and what travels inside them.
//!
//! [`Party`] is the seam: X3DH with message version 3 is behind it today ([`X3dhParty`]), PQXDH
//! with version 4 fits behind it later. [`envelope`] reads messages without keys, [`diagnose`] says
//! from a responder's test keys which key derivation a first message was made with. Nothing here
//! knows stanzas, sockets or the clock; randomness comes from the seed. The sessions run on a
//! public crate, the diagnosis on a key schedule of our own (`schedule`), so that neither can hide
//! the other's fault.

mod before;
pub mod content;
pub mod derivation;
mod diagnosis;
pub mod envelope;
mod error;
mod identity_change;
mod initiator;
mod kdf_fault;
pub mod padding;
#[cfg(test)]
mod pair;
mod party;
mod responder;
mod schedule;
mod session_view;
mod stores;
#[cfg(test)]
mod vectors;
mod x3dh_v3;

pub use derivation::Derivation;
pub use diagnosis::{Diagnosis, Obstacle, ResponderKeys, diagnose};
pub use error::{E2eeError, Whose};
pub use kdf_fault::KdfInput;
pub use party::{
    Address, Bundle, Ciphertext, EncType, OneTimePrekey, Party, SignatureCheck, SignedPrekey,
};
pub use session_view::{ReceivingView, SendingView, SessionView};
pub use x3dh_v3::X3dhParty;
