//! A media proxy under test: its readers' requests go out, its own come in, and what it takes of memory
//! is read off its process.
//!
//! What is asked and what it means is [`ProxyEnds`]' business; here are the sockets. The third party's
//! host behind the proxy has a listener of its own, so that another host can be told from it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::instance::Host;
use super::session::Session;
use crate::evidence::Stream;
use crate::http::HttpRequest;
use crate::iut::vitals::Usage;
use crate::net::{ExchangeId, Probe, Probed, Reading};
use crate::role::RequestId;
use crate::role::proxy_ends::{Got, Output, ProxyEnds, Setting};
use crate::scenario::{Action, Case, Payload, ProxyProbe, Send};
use crate::seed::Seed;
use crate::spec::Profile;

/// The path below which the third party's files lie where the harness may say it.
pub(super) const BASE_PATH: &str = "/stored";

/// The proxy of a case.
pub(super) struct Proxied {
    ends: ProxyEnds,
    /// The number of the reader behind each exchange.
    readers: BTreeMap<ExchangeId, u64>,
    /// What the process held when the probe began.
    held: Option<Usage>,
    /// The readers offer HTTP/2 too.
    http2: bool,
}

impl Proxied {
    /// The ends for a case; nothing where no proxy is under test.
    pub fn of(case: &Case, host: &Host, profile: &Profile, seed: Seed) -> Option<Self> {
        let behind = host.behind.as_ref()?;
        let word = word(seed, &case.id());
        let most = profile.int("media.proxy_memory_mib_max");
        let wait = profile.int("media.proxy_wait_s");
        let setting = Setting {
            proxy_url: host.media_url(),
            form: profile.text("media.download_path").unwrap_or_default().to_owned(),
            integrator: super::INTEGRATOR_ID,
            base_path: behind.path.clone(),
            stranger_url: host.http_url.clone(),
            word,
            memory_mib_max: most.and_then(|mib| u64::try_from(mib).ok()),
            wait: wait.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        };
        let ends = ProxyEnds::new(setting, seed.rng(&[&case.id(), "proxy", "files"]));
        Some(Self { ends, readers: BTreeMap::new(), held: None, http2: false })
    }
}

/// What all names of a case hold that a proxy is asked for.
pub(super) fn word(seed: Seed, case: &str) -> String {
    use rand::Rng as _;
    let mut bytes = [0; 8];
    seed.rng(&[case, "proxy", "word"]).fill_bytes(&mut bytes);
    format!("file-{}", hex::encode(bytes))
}

/// Why a case shows nothing of this proxy, if it does not: what a process takes is only seen of one that
/// was started here.
pub(super) fn ruled_out(case: &Case, host: &Host) -> Option<String> {
    let weighs = case.scenario.steps.iter().any(|step| {
        matches!(
            &step.action,
            Action::Send(Send {
                payload: Payload::ProbeProxy { probe: ProxyProbe::Volume, .. },
                ..
            })
        )
    });
    (weighs && host.instance().usage().is_none())
        .then(|| "the memory of the proxy's process cannot be read".to_owned())
}

impl Session<'_> {
    /// Begins a probe of the proxy.
    ///
    /// # Errors
    /// No proxy is under test, or it says nowhere where it listens.
    pub(super) fn probe_proxy(
        &mut self,
        probe: ProxyProbe,
        http2: bool,
        label: Option<&str>,
    ) -> Result<(), String> {
        let held = self.host().instance().usage();
        let proxied = self.proxied.as_mut().ok_or("no media proxy is under test")?;
        (proxied.held, proxied.http2) = (held, http2);
        proxied.ends.begin(probe, label.map(str::to_owned))
    }

    /// True if a request that came in was made by the proxy for a reader of this case.
    pub(super) fn is_proxied(&self, path: &str, listener: std::net::SocketAddr) -> bool {
        let behind = self.host().behind.as_ref().is_some_and(|behind| behind.address == listener);
        behind || self.proxied.as_ref().is_some_and(|proxied| proxied.ends.is_about(path))
    }

    /// Takes in a request of the proxy's.
    pub(super) fn proxied(
        &mut self,
        id: RequestId,
        request: HttpRequest,
        listener: std::net::SocketAddr,
    ) {
        let registered =
            self.host().behind.as_ref().is_some_and(|behind| behind.address == listener);
        if let Some(proxied) = &mut self.proxied {
            proxied.ends.asked(id, request, registered);
        }
    }

    /// Takes what a reader was given; false if the exchange was no reader's.
    pub(super) fn was_given(&mut self, id: ExchangeId, result: &Result<Probed, String>) -> bool {
        let Some(proxied) = &mut self.proxied else { return false };
        let Some(number) = proxied.readers.remove(&id) else { return false };
        let got = result.as_ref().map_err(String::clone).and_then(|probed| {
            let answer = probed.answer.clone().ok_or("no answer")?;
            Ok(Got { answer, bytes: probed.read, whole: probed.closed })
        });
        proxied.ends.read(number, got);
        true
    }

    /// Carries out what the two ends want.
    pub(super) fn carry_out_ends(&mut self) {
        while let Some(output) = self.proxied.as_mut().and_then(|proxied| proxied.ends.poll()) {
            match output {
                Output::Event(event) => self.record(Stream::http_out(), None, *event),
                Output::Read { number, url, request, bytes, wait } => {
                    let http2 = self.proxied.as_ref().is_some_and(|proxied| proxied.http2);
                    let reading = Reading { request, bytes, http2, wait };
                    let exchange = self.guest.probe(&url, Probe::Read(reading));
                    if let Some(proxied) = &mut self.proxied {
                        proxied.readers.insert(exchange, number);
                    }
                }
                Output::Respond { id, response } => self.guest.respond(id, response),
                Output::Deliver { id, response, how } => self.guest.deliver(id, response, how),
                Output::Weigh => {
                    let now = self.host().instance().usage();
                    if let Some(proxied) = &mut self.proxied {
                        let taken = now.zip(proxied.held);
                        let mib = taken.map(|(now, held)| now.at_most_since(held) / 1024);
                        proxied.ends.weighed(mib);
                    }
                }
            }
        }
    }
}
