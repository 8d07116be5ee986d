//! Published key sets: reading, writing, judging and caching them (RFC 7517).
//!
//! Main types: [`KeySet`] and [`PublicKey`]. There is no type for a private or symmetric key here,
//! so that none can be published (JWK-005). Reading is lenient and judging is strict, because each
//! row of the catalogue must stand or fall alone.

mod cache;
mod rules;
mod set;

pub use cache::{CachePolicy, KeyCache, Lookup, max_age};
pub use rules::{KeyFault, KeyProblem, examine};
pub use set::{KeySet, KeySetError, Material, PublicKey};
