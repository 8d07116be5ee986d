//! TLS under the HTTP side: certificates for servers of ours, and whom our own calls trust.
//!
//! Main types: [`Authority`], a test CA that lives as long as its owner, and [`Trust`]. Keys come
//! from the operating system and not from the seed: they are in no report, and a process that
//! listens for others too must not have keys that anybody can derive. P-256, because phones know it.

mod authority;
pub(super) mod old;
pub(super) mod stream;
mod trust;

pub use authority::{Authority, CertificateFault, local_hosts};
pub use trust::{Trust, TrustError};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// ALPN of the two versions of HTTP (RFC 7301 §6, RFC 9113 §3.3).
pub(super) const H1: &[u8] = b"http/1.1";
pub(super) const H2: &[u8] = b"h2";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
