//! The HTTP side of the reference's server as a process has it: certificate, versions, manners; and
//! what its faults change there. What an endpoint answers is the role's affair.

use std::sync::Arc;

use serde_json::Value;

use super::third_party::ThirdParty;
use crate::http::HttpResponse;
use crate::net::tls::CertificateFault;
use crate::net::{Authority, Manner, ServerFault, Trust};
use crate::role::quirk::Fault;

/// The one host that the server is asked for.
const HOST: &str = "localhost";

/// A certificate for the server, and how it is to listen.
///
/// # Errors
/// The operating system gives no randomness.
pub(super) fn manner(fault: Option<Fault>) -> Result<(Arc<Authority>, Manner), String> {
    if fault == Some(Fault::PlainHttp) {
        return Ok((Arc::new(Authority::new([HOST])?), Manner::default()));
    }
    let authority = Arc::new(Authority::new([HOST])?);
    if let Some(fault) = fault.and_then(of_certificate) {
        authority.show(Some(fault))?;
    }
    let manner = Manner { authority: Some(Arc::clone(&authority)), fault: fault.and_then(of_http) };
    Ok((authority, manner))
}

/// Where a server is that listens on this port.
pub(super) fn url(fault: Option<Fault>, port: u16) -> String {
    let scheme = if fault == Some(Fault::PlainHttp) { "http" } else { "https" };
    format!("{scheme}://{HOST}:{port}")
}

fn of_certificate(fault: Fault) -> Option<CertificateFault> {
    Some(match fault {
        Fault::CertificateExpired => CertificateFault::Expired,
        Fault::CertificateNotYetValid => CertificateFault::NotYetValid,
        Fault::CertificateOfAnotherHost => CertificateFault::OtherName,
        Fault::CertificateSelfSigned => CertificateFault::SelfSigned,
        Fault::CertificateOfUnknownAuthority => CertificateFault::ForeignAuthority,
        _ => return None,
    })
}

fn of_http(fault: Fault) -> Option<ServerFault> {
    Some(match fault {
        Fault::NoHttp2 => ServerFault::NoHttp2,
        Fault::OneCallerAtATime | Fault::OneReaderAtATime => ServerFault::OneAtATime,
        Fault::BodyInOneRead => ServerFault::BodyInOneRead,
        Fault::NoHttp1 => ServerFault::NoHttp1,
        Fault::NoTls13 => ServerFault::NoTls13,
        Fault::NoTls12 => ServerFault::NoTls12,
        Fault::OldTls => ServerFault::OldTls,
        Fault::NoHostServed => ServerFault::NoHostServed,
        Fault::TwoHostsServed => ServerFault::TwoHostsServed,
        Fault::BothFramingsKept => ServerFault::BothFramingsKept,
        Fault::LengthWins => ServerFault::LengthWins,
        Fault::FirstLengthWins => ServerFault::FirstLengthWins,
        Fault::OddLengthIsNone => ServerFault::OddLengthIsNone,
        Fault::LargeBodyFails => ServerFault::LargeBodyFails,
        _ => return None,
    })
}

impl ThirdParty {
    /// Trusts the authority that the harness names for Meta's HTTP services.
    pub(super) fn trust(&self, instance: &Value) {
        let named = instance.get("tls_ca").and_then(Value::as_str).map(Trust::in_pem);
        let trust = match (named, self.fault()) {
            (_, Some(Fault::TlsNotVerified)) => Trust::anybody(),
            (Some(Ok(trust)), Some(Fault::TlsNameNotVerified)) => trust.any_name(),
            (Some(Ok(trust)), _) => trust,
            _ => return,
        };
        self.net.trust(trust);
    }

    /// An answer as it leaves the process.
    pub(super) fn dressed(&self, mut response: HttpResponse, by_http2: bool) -> HttpResponse {
        match self.fault() {
            Some(Fault::AnswersDifferByVersion) if by_http2 => {
                response.headers.retain(|(name, _)| name != "content-type");
                response
            }
            Some(Fault::MachinesGetCookies) => {
                response.with_header("set-cookie", "session=5f2a; Path=/; HttpOnly")
            }
            _ => response,
        }
    }
}
