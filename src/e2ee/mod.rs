//! END TO END: one Signal identity, its sessions, and what travels inside them.
//!
//! [`Party`] is the seam: X3DH with message version 3 ([`X3dhParty`]) and PQXDH with version 4
//! ([`PqxdhParty`]) are behind it. [`envelope`] and [`sender_key`] read messages without keys,
//! [`diagnose`] says from a responder's test keys which key derivation a first message was made
//! with. Nothing here knows stanzas, sockets or the clock; randomness comes from the seed. The
//! sessions run on public crates, the diagnosis on a key schedule of our own (`schedule`), so that
//! neither can hide the other's fault.

mod before;
mod compromise;
pub mod content;
pub mod derivation;
mod diagnosis;
pub mod envelope;
mod error;
pub mod fingerprint;
pub mod forgery;
mod identity_change;
mod initiator;
mod kdf_fault;
mod kept;
mod letters;
pub mod media;
pub mod oddity;
pub mod padding;
#[cfg(test)]
mod pair;
mod party;
mod pqxdh_v4;
mod prekey_ids;
mod ratchet_fault;
mod responder;
mod schedule;
pub mod sender_key;
mod session_view;
mod signature_check;
pub mod signed_content;
mod stores;
mod textbook;
#[cfg(test)]
mod vectors;
mod x3dh_kept;
mod x3dh_v3;

pub use compromise::{SessionSecrets, SessionSnapshot};
pub use derivation::Derivation;
pub use diagnosis::{Diagnosis, Obstacle, ResponderKeys, diagnose, diagnose_reply};
pub use error::{E2eeError, Whose};
pub use kdf_fault::KdfInput;
pub(crate) use kept::Hex;
pub use letters::{LettersParty, Slip};
pub use party::{
    Address, Bundle, Ciphertext, EncType, KemPrekey, OneTimePrekey, Party, SignedPrekey,
};
pub use pqxdh_v4::PqxdhParty;
pub use session_view::{ReceivingView, SendingView, SessionView};
pub use signature_check::{BASE_POINT_PRIVATE, SignatureCheck, add_orders};
pub use textbook::{RatchetFault, TextbookParty};
pub use x3dh_v3::X3dhParty;
