//! The seat of Meta's media proxy: the reference plays it, so that what is asked of a proxy can be
//! tried.
//!
//! Main type: [`ProxySeat`]. What becomes of a request is the role's affair; here its answers are
//! passed on over sockets, or collected where a fault wants that.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::surface;
use super::third_party::ThirdParty;
use crate::driver::session::Offers;
use crate::driver::{ErrorClass, RpcError};
use crate::http::{HttpRequest, Strain};
use crate::net::{ExchangeId, HttpVersion, Probe, Probed, Reading};
use crate::role::media_proxy::{Collected, MediaProxy, Next, ProxySettings};
use crate::role::quirk::Fault;
use crate::role::third_party_client::Values;

/// Longer than any reader waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The proxy and what it is in the middle of.
pub(super) struct ProxySeat {
    proxy: MediaProxy,
    /// Where its readers ask.
    pub address: SocketAddr,
    /// Readers who wait for an answer that is collected, and from where.
    collecting: BTreeMap<ExchangeId, (ExchangeId, String)>,
}

impl ThirdParty {
    /// Listens for readers.
    pub(super) async fn start_proxy(&mut self, instance: &Value) -> Result<Offers, RpcError> {
        let internal = |why: String| RpcError::failed(ErrorClass::Internal, why);
        let base_url = instance.pointer("/integrator/base_url").and_then(Value::as_str);
        let base_url = base_url
            .ok_or_else(|| RpcError::invalid_params("`instance/integrator/base_url` is missing"))?;
        let integrator = instance.pointer("/integrator/id").and_then(Value::as_u64);
        let values = Values::new(instance.get("profile"));
        let settings = ProxySettings {
            form: values.text("media.download_path").to_owned(),
            integrator: integrator.and_then(|id| u16::try_from(id).ok()).unwrap_or_default(),
            base_url: base_url.to_owned(),
        };
        let (authority, manner) = surface::manner(None).map_err(internal)?;
        let listening = self.net.listen_http_as(0, manner).await;
        let address = listening.map_err(|error| internal(error.to_string()))?;
        let proxy = MediaProxy::new(settings, self.fault());
        self.proxy = Some(ProxySeat { proxy, address, collecting: BTreeMap::new() });
        let media_url = Some(surface::url(None, address.port()));
        Ok(Offers { media_url, tls_ca: Some(authority.pem().to_owned()), ..Offers::default() })
    }

    /// Serves a reader.
    pub(super) fn proxy_input(
        &mut self,
        id: ExchangeId,
        request: &HttpRequest,
        version: HttpVersion,
    ) {
        if let Some(seat) = &self.proxy {
            let next = seat.proxy.asked(request, version == HttpVersion::Http2);
            self.serve_reader(id, next);
        }
    }

    fn serve_reader(&mut self, reader: ExchangeId, next: Next) {
        match next {
            Next::Answer(response) => self.net.respond(reader, response),
            Next::PassOn { url, request, head, alone } => {
                // What is asked for over a slow line is not shared.
                let delay = Duration::from_millis(u64::from(alone));
                let strain = Strain { delay, ..Strain::default() };
                self.net.relay_strained(reader, url, request, head, strain);
            }
            Next::Collect { url, request } => {
                // A fault: who collects does not look at the time.
                let wait = self.fault().filter(|fault| *fault == Fault::ProxyWaitsForEver);
                let wait = wait.map(|_| FOR_EVER);
                let reading = Reading { wait, ..Reading::whole(request) };
                let exchange = self.net.probe(url.as_str(), Probe::Read(reading));
                if let Some(seat) = &mut self.proxy {
                    seat.collecting.insert(exchange, (reader, url));
                }
            }
        }
    }

    /// Takes in what was collected.
    pub(super) fn collected(&mut self, id: ExchangeId, result: Result<Probed, String>) {
        let Some(seat) = &mut self.proxy else { return };
        let Some((reader, url)) = seat.collecting.remove(&id) else { return };
        let result = result.and_then(|probed| {
            let answer = probed.answer.ok_or("no answer")?;
            Ok(Collected { answer, whole: probed.closed })
        });
        let next = seat.proxy.collected(&url, result);
        self.serve_reader(reader, next);
    }
}
