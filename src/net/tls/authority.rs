//! A test CA and the certificates that it signs, sound or with one fault.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::{H1, H2, provider};

/// What is wrong with a certificate, all else being right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Signed by an authority that nobody knows.
    ForeignAuthority,
    /// Signed by itself.
    SelfSigned,
    /// For another host.
    OtherName,
    Expired,
    NotYetValid,
}

/// A CA with one server certificate for some names.
pub struct Authority {
    pem: String,
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    issuer: CertifiedIssuer<'static, KeyPair>,
    names: Vec<String>,
}

/// The certificate that is shown at the moment.
#[derive(Debug)]
struct Shown(Mutex<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Authority {
    /// A new CA, and a certificate of it for these hosts: names, or addresses as text.
    ///
    /// # Errors
    /// A host is none, or the operating system gives no randomness.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let names: Vec<String> = hosts.into_iter().map(str::to_owned).collect();
        let issuer = issuer("counterpart test CA").map_err(|error| error.to_string())?;
        let key = certified(&names, Signer::Ca(&issuer), |_| {})?;
        let shown = Arc::new(Shown(Mutex::new(Arc::new(key))));
        let config = server(&shown, rustls::DEFAULT_VERSIONS, &[H2, H1])?;
        Ok(Self { pem: issuer.pem(), config, shown, issuer, names })
    }

    /// The CA's certificate, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(in crate::net) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The same server with other versions and protocols; only a fault wants that.
    pub(in crate::net) fn config_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> Arc<ServerConfig> {
        server(&self.shown, versions, alpn).unwrap_or_else(|_| self.config())
    }

    /// Shows another certificate from now on, or with `None` the right one again.
    ///
    /// # Errors
    /// The operating system gives no randomness.
    pub fn show(&self, fault: Option<CertificateFault>) -> Result<(), String> {
        let key = match fault {
            Some(CertificateFault::ForeignAuthority) => {
                let foreign = issuer("somebody's CA").map_err(|error| error.to_string())?;
                certified(&self.names, Signer::Ca(&foreign), |_| {})?
            }
            Some(CertificateFault::SelfSigned) => certified(&self.names, Signer::Itself, |_| {})?,
            Some(CertificateFault::OtherName) => {
                certified(&["elsewhere.test".to_owned()], Signer::Ca(&self.issuer), |_| {})?
            }
            Some(CertificateFault::Expired) => {
                certified(&self.names, Signer::Ca(&self.issuer), |params| {
                    params.not_after = date_time_ymd(2020, 1, 1);
                })?
            }
            Some(CertificateFault::NotYetValid) => {
                certified(&self.names, Signer::Ca(&self.issuer), |params| {
                    params.not_before = date_time_ymd(2099, 1, 1);
                })?
            }
            None => certified(&self.names, Signer::Ca(&self.issuer), |_| {})?,
        };
        *self.shown.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        Ok(())
    }
}

fn server(
    shown: &Arc<Shown>,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, String> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::clone(shown) as Arc<dyn ResolvesServerCert>);
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    // A resumed session shows no certificate, and which call resumes depends on timing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

enum Signer<'a> {
    Ca(&'a CertifiedIssuer<'static, KeyPair>),
    Itself,
}

fn issuer(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = valid_always(CertificateParams::default());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// Test certificates hold whatever the clock says, unless that is the subject.
fn valid_always(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn certified(
    names: &[String],
    signer: Signer<'_>,
    change: impl FnOnce(&mut CertificateParams),
) -> Result<CertifiedKey, String> {
    let text = |error: rcgen::Error| error.to_string();
    let mut params = valid_always(CertificateParams::new(names.to_vec()).map_err(text)?);
    params.distinguished_name.push(DnType::CommonName, names[0].as_str());
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    let key = KeyPair::generate().map_err(text)?;
    let certificate = match signer {
        Signer::Ca(issuer) => params.signed_by(&key, issuer),
        Signer::Itself => params.self_signed(&key),
    };
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![certificate.map_err(text)?.der().clone()];
    CertifiedKey::from_der(chain, der, &provider()).map_err(|error| error.to_string())
}

/// The hosts for which a server on this machine is asked: by name, and by the address it listens on.
pub fn local_hosts(bind: IpAddr) -> Vec<String> {
    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !hosts.contains(&bind.to_string()) && !bind.is_unspecified() {
        hosts.push(bind.to_string());
    }
    hosts
}
