//! Whom our own HTTPS calls trust: the authorities that a run was told of, or this machine's.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::provider;

/// A trust store.
#[derive(Clone, Debug)]
pub struct Trust(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Roots(Arc<RootCertStore>),
    /// A deliberate fault of a client, and how a probe looks at what it will not trust.
    Anybody,
    /// A deliberate fault of a client: the chain counts, the name does not.
    AnyName(Arc<RootCertStore>),
}

/// Text in which no certificate stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("there is no PEM certificate in it")]
    Nothing,
    #[error("it is no PEM: {0}")]
    Pem(String),
}

impl Trust {
    /// Trusts these authorities alone: one or more certificates in PEM.
    ///
    /// # Errors
    /// See [`TrustError`].
    pub fn in_pem(pem: &str) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| TrustError::Pem(error.to_string()))?;
            roots.add(certificate).map_err(|error| TrustError::Pem(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(TrustError::Nothing);
        }
        Ok(Self(Kind::Roots(Arc::new(roots))))
    }

    /// Trusts whom this machine trusts; nobody, where it names nobody.
    pub fn of_this_machine() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self(Kind::Roots(Arc::new(roots)))
    }

    /// How many authorities are trusted.
    pub fn authorities(&self) -> usize {
        match &self.0 {
            Kind::Roots(roots) => roots.len(),
            _ => 0,
        }
    }

    /// Trusts anybody.
    pub fn anybody() -> Self {
        Self(Kind::Anybody)
    }

    /// The same authorities, whomever they certify.
    pub fn any_name(self) -> Self {
        match self.0 {
            Kind::Roots(roots) => Self(Kind::AnyName(roots)),
            other => Self(other),
        }
    }

    /// What a client needs that speaks these versions of TLS and names these protocols.
    pub(in crate::net) fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> Result<Arc<ClientConfig>, String> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(|error| error.to_string())?;
        let mut config = match &self.0 {
            Kind::Roots(roots) => {
                builder.with_root_certificates(Arc::clone(roots)).with_no_client_auth()
            }
            Kind::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Lax(None)))
                .with_no_client_auth(),
            Kind::AnyName(roots) => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(Arc::clone(roots), provider());
                let verifier = verifier.build().map_err(|error| error.to_string())?;
                let lax = Arc::new(Lax(Some(verifier)));
                builder.dangerous().with_custom_certificate_verifier(lax).with_no_client_auth()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        // Each call is to show by itself what a server does.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// Takes any certificate, or any whose chain holds.
#[derive(Debug)]
struct Lax(Option<Arc<WebPkiServerVerifier>>);

impl ServerCertVerifier for Lax {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .0
            .as_ref()
            .map(|verifier| verifier.verify_server_cert(certificate, chain, name, ocsp, now));
        match verdict {
            None
            | Some(Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ))) => Ok(ServerCertVerified::assertion()),
            Some(verdict) => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
