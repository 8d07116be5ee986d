//! Who somebody is: signed tokens, published key sets and the enlistment form.
//!
//! Main types: [`token::SigningKey`], [`token::Policy`], [`jwks::KeySet`] and [`enlistment::Form`].
//! Nothing here knows a socket, a stanza or the system's clock: the time comes in with the call.
//! A fault is judged rule by rule ([`judged`]), because each row of the catalogue needs a verdict
//! of its own; the all-or-nothing answers that a server needs are derived from those.

pub mod base64url;
pub mod enlistment;
pub mod json;
pub mod judged;
pub mod jwks;
pub mod test_keys;
pub mod token;
