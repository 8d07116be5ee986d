//! An instance of the implementation under test with the sockets that serve it.
//!
//! Main type: [`Host`]: one driver connection, configured once, and Meta's addresses. Cases are its
//! guests ([`Host::admit`]): all at once, or one after another where it is `sole`. A task of the host
//! hands on what comes in, by the decisions of the [`Desk`].

mod guest;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub use self::guest::Guest;
use super::accounts::INTEGRATOR_ID;
use super::desk::{Desk, Move, Streams};
use super::lent;
use super::life::{End, Life, Word};
use super::session::Shared;
use super::state::StateFolder;
use super::target::Target;
use crate::clock::UnixMs;
use crate::driver::session::UploadOffer;
use crate::driver::{CallError, Incoming, Params, RpcError, Seat};
use crate::iut::vitals::Usage;
use crate::iut::{Instance, StartError};
use crate::limits::{EXIT_WAIT_MS_MAX, QUEUE_EVENTS_MAX};
use crate::net::{Authority, Manner, Net, NetEvent, Trust};
use crate::role::meta::{Integrator, Meta};
use crate::spec::Ics;

/// Where Meta's side listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub chat: SocketAddr,
    pub http: SocketAddr,
}

/// A started and configured instance.
pub struct Host {
    /// Counts the instances of this process, to tell them apart.
    pub number: u64,
    /// Names the random streams that its cases share.
    pub house: String,
    life: Life,
    pub seats: Vec<Seat>,
    /// What `configure` came to, seat by seat.
    pub configured: Vec<Configured>,
    /// Where Meta's HTTP services are.
    pub http_url: String,
    /// Where Meta's own clients reach the media proxy.
    pub proxy_url: String,
    /// The third party's host behind a media proxy that is under test.
    pub behind: Option<Behind>,
    /// Others may be served at the same time, or were before.
    pub shared: bool,
    /// Cases that came so far, and those that have not left.
    came: AtomicU64,
    there: AtomicU64,
    /// Who signs the certificate of Meta's HTTP services, where the subject speaks TLS.
    pub authority: Option<Arc<Authority>>,
    /// The client that is lent to a server without one.
    lent: Option<Arc<Instance>>,
    /// Where it keeps its state, if its case stops the program.
    state: Option<StateFolder>,
    net: Arc<Net>,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

/// Where a media proxy under test finds the files of the registered third party.
pub struct Behind {
    pub address: SocketAddr,
    pub url: String,
    /// Of the URL, without a slash at its end.
    pub path: String,
}

/// A seat that was told where Meta's side is.
pub struct Configured {
    pub params: Params,
    /// Without the credentials in it, which [`Configured::upload`] alone has.
    pub outcome: Result<Value, CallError>,
    pub upload: Option<UploadOffer>,
}

/// Whom an instance serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// One case, and then it ends.
    Own,
    /// The same, and the case stops the program on its way: what must outlive that has a folder.
    Stopped,
    /// One case after another.
    Turns,
    Many,
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Start(#[from] StartError),
    /// One start too many failed in a row.
    #[error("{0}")]
    Broken(StartError),
    /// Ours, not the subject's.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

/// What an instance can do, as far as its file does not narrow it.
fn effective(instance: &Instance, target: &Target) -> Ics {
    let stated = instance.ics().clone();
    stated.clone().narrowed(&target.ics).unwrap_or(stated)
}

/// This machine, as it calls itself.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The name under which the third party's tokens are issued in test runs.
pub const ISSUER: &str = "counterpart-partner";

/// The third party as it is registered with Meta.
pub(super) fn integrator(base_url: Option<String>) -> Integrator {
    Integrator { id: INTEGRATOR_ID, iss: ISSUER.into(), base_url }
}

impl Host {
    /// Opens the listeners, starts the subject, greets it and tells each seat where Meta's side is.
    ///
    /// # Errors
    /// A port cannot be had, or the subject did not start. A refused `configure` is no error here.
    pub async fn start(
        target: &Target,
        shared: &Shared,
        company: Company,
        house: &str,
    ) -> Result<Self, NotReady> {
        let started = target.start(shared.seed).await?;
        Ok(Self::furnish(started, target, shared, company, house).await?)
    }

    /// Does the same with an instance that was greeted already.
    ///
    /// # Errors
    /// A port cannot be had.
    pub async fn furnish(
        (instance, incoming): (Instance, mpsc::Receiver<Incoming>),
        target: &Target,
        shared: &Shared,
        company: Company,
        house: &str,
    ) -> std::io::Result<Self> {
        let (net, events) = Net::bound_to(shared.place.bind());
        let secure = effective(&instance, target).has("tls");
        let authority = secure.then(|| shared.place.authority_for_tls()).transpose()?.map(Arc::new);
        let manner = Manner { authority: authority.clone(), fault: None };
        let seats = target.played(instance.hello());
        let proxied = seats.contains(&Seat::MediaProxy);
        let behind = match proxied {
            true => Some(behind(&net, target, shared, &manner).await?),
            false => None,
        };
        let addresses = Addresses {
            chat: net.listen_chat().await?,
            http: net.listen_http_as(0, manner).await?,
        };
        // Meta's own clients reach Meta's proxy inside Meta: no subject ever calls here.
        let proxy = net.listen_http().await?;
        let within = if proxy.ip().is_unspecified() { LOOPBACK } else { proxy.ip() };
        let proxy_url = format!("http://{}", SocketAddr::new(within, proxy.port()));
        let profile = shared.profile.clone();
        let house = shared.place.key_stream(house);
        let lobby = Meta::in_house(profile, integrator(None), shared.seed, &house, "lobby");
        let desk = Arc::new(Mutex::new(Desk::new(company != Company::Many, lobby)));
        let net = Arc::new(net);
        let (tell, words) = mpsc::channel(1);
        let (lent_said, of_lent) = mpsc::channel(QUEUE_EVENTS_MAX);
        let said = Said { incoming, words, of_lent };
        let task = serve(Arc::clone(&net), Arc::clone(&desk), events, said);
        let mortal = company == Company::Stopped
            && target.adapter.is_spawned()
            && effective(&instance, target).has("state_dir");
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let mut host = Self {
            number: STARTED.fetch_add(1, Ordering::Relaxed),
            house,
            seats,
            life: Life::new(instance, mortal.then(|| target.clone()), tell),
            configured: Vec::new(),
            http_url: shared.place.http_url(secure, addresses.http.port()),
            proxy_url,
            authority,
            behind,
            shared: !matches!(company, Company::Own | Company::Stopped),
            came: AtomicU64::new(0),
            there: AtomicU64::new(0),
            lent: None,
            state: (company == Company::Stopped).then(StateFolder::new).transpose()?,
            net,
            desk,
            task,
        };
        host.configured = host.configure(host.configurations(shared, addresses)).await;
        if lent::is_wanted(target, &host.seats) && host.is_configured() {
            let told = host.configuration(Seat::ThirdPartyClient, shared, addresses);
            if let Some((instance, incoming)) = lent::start(target, shared, told).await {
                lent::hand_on(incoming, lent_said);
                host.lent = Some(instance);
            }
        }
        Ok(host)
    }

    /// The instance as it is now.
    pub fn instance(&self) -> Arc<Instance> {
        self.life.instance()
    }

    /// What became of its processes, and what they wrote.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// Ends the program and starts it anew in the same surroundings; says how it ended, and what each
    /// seat answered.
    ///
    /// # Errors
    /// It did not come up again.
    pub async fn end_and_start(
        &self,
        how: End,
        shared: &Shared,
    ) -> Result<(String, Vec<Configured>), StartError> {
        let exit = self.life.end_and_start(how, shared.seed).await?;
        let params = self.configured.iter().map(|seat| seat.params.clone()).collect();
        Ok((exit, self.configure(params).await))
    }

    /// Servers first, since clients need their addresses.
    fn configurations(&self, shared: &Shared, addresses: Addresses) -> Vec<Params> {
        let mut seats = self.seats.clone();
        seats.sort_by_key(|seat| *seat != Seat::ThirdPartyServer);
        seats.into_iter().map(|seat| self.configuration(seat, shared, addresses)).collect()
    }

    /// The first refusal ends it.
    async fn configure(&self, seats: Vec<Params>) -> Vec<Configured> {
        let (instance, mut configured) = (self.instance(), Vec::new());
        for params in seats {
            let mut outcome = instance.call("configure", params.clone()).await;
            let upload = outcome.as_mut().ok().and_then(take_upload);
            let refused = outcome.is_err();
            // Readers of a proxy trust anybody: their trust is not what is looked at.
            let of_proxy = is_of(&params, Seat::MediaProxy);
            let asked = outcome.as_ref().ok().filter(|_| !of_proxy);
            let tls_ca = asked.and_then(|result| result.pointer("/offers/tls_ca")?.as_str());
            if let Some(Ok(trust)) = tls_ca.map(Trust::in_pem) {
                self.net.trust(trust);
            }
            configured.push(Configured { params, outcome, upload });
            if refused {
                break;
            }
        }
        configured
    }

    fn configuration(&self, seat: Seat, shared: &Shared, addresses: Addresses) -> Params {
        let place = &shared.place;
        let chat = place.authority(addresses.chat.port());
        let http = &self.http_url;
        let profile = &shared.profile;
        let path = |key: &str| profile.text(key).unwrap_or_default().to_owned();
        let mut params = Map::new();
        params.insert("seat".into(), json!(seat.as_str()));
        params.insert("seed".into(), json!(shared.seed.0));
        let mut instance = json!({
            "chat": { "tcp": chat, "ws": format!("ws://{chat}/ws/chat") },
            "noise_root": hex::encode(lock(&self.desk).root_public()),
            "enlistment_url": format!("{http}{}", path("enlistment.path")),
            "media_url": http,
            "push_jwks_url": format!("{http}{}", path("jwks.path")),
            "integrator": { "id": INTEGRATOR_ID, "iss": ISSUER },
            "profile": profile.client_visible(),
        });
        if let (Seat::MediaProxy, Some(behind)) = (seat, &self.behind) {
            instance["integrator"]["base_url"] = json!(behind.url);
        }
        if let Some(authority) = &self.authority {
            instance["tls_ca"] = json!(authority.pem());
        }
        if let Some(state) = &self.state {
            instance["state_dir"] = json!(state.path());
        }
        params.insert("instance".into(), instance);
        params
    }

    /// True if all seats accepted their configuration.
    pub fn is_configured(&self) -> bool {
        self.configured.iter().all(|seat| seat.outcome.is_ok())
    }

    /// What a seat answered in place of accepting its configuration, in the protocol's words.
    pub fn refusal(&self) -> Option<&RpcError> {
        self.configured.iter().find_map(|seat| match &seat.outcome {
            Err(CallError::Rpc(error)) => Some(error),
            _ => None,
        })
    }

    /// Where the subject's server is, if it brings one.
    pub fn base_url(&self) -> Option<String> {
        base_url(&self.configured)
    }

    /// Where the users of the subject's server store files, if it says so.
    pub fn upload(&self) -> Option<&UploadOffer> {
        self.configured.iter().find_map(|seat| seat.upload.as_ref())
    }

    /// Where the subject's media proxy is, if it brings one.
    pub fn media_url(&self) -> Option<String> {
        let proxy = self.configured.iter().find_map(|seat| {
            let of_proxy = is_of(&seat.params, Seat::MediaProxy);
            let result = seat.outcome.as_ref().ok().filter(|_| of_proxy)?;
            result.pointer("/offers/media_url")?.as_str()
        });
        proxy.map(str::to_owned)
    }

    /// True if the subject brings the third party's server.
    pub fn has_server(&self) -> bool {
        self.seats.contains(&Seat::ThirdPartyServer)
    }

    /// True if a client is lent to it.
    pub fn has_lent_client(&self) -> bool {
        self.lent.is_some()
    }

    /// True once the adapter is gone.
    pub fn has_ended(&self) -> bool {
        lock(&self.desk).has_ended()
    }

    /// Lets a case in.
    pub fn admit(self: &Arc<Self>) -> Guest {
        self.came.fetch_add(1, Ordering::Relaxed);
        self.there.fetch_add(1, Ordering::Relaxed);
        let (owner, streams) = lock(&self.desk).enter();
        Guest { host: Arc::clone(self), owner, streams }
    }
}

/// True if this configures the seat.
fn is_of(params: &Params, seat: Seat) -> bool {
    params.get("seat").and_then(Value::as_str) == Some(seat.as_str())
}

/// Takes the offer to upload out of an answer to `configure`, and leaves no credential there.
fn take_upload(result: &mut Value) -> Option<UploadOffer> {
    let offer = result.pointer_mut("/offers/upload")?;
    let taken = serde_json::from_value(offer.clone()).ok();
    for (_, credential) in offer.get_mut("credentials")?.as_object_mut()? {
        *credential = Value::from("(withheld)");
    }
    taken
}

/// Where the subject's server is, by what its seats answered.
pub fn base_url(configured: &[Configured]) -> Option<String> {
    let server = configured.iter().find_map(|seat| {
        let result = seat.outcome.as_ref().ok()?;
        result.pointer("/offers/base_url")?.as_str()
    });
    server.map(str::to_owned)
}

/// Listens as the third party behind a proxy: where the proxy was told to ask, or else anywhere.
async fn behind(
    net: &Net,
    target: &Target,
    shared: &Shared,
    manner: &Manner,
) -> std::io::Result<Behind> {
    if let Some(told) = target.adapter.upstream() {
        let address = net.listen_http_at(told.port).await?;
        let (url, path) = (format!("http://{address}{}", told.path), told.path.clone());
        return Ok(Behind { address, url, path });
    }
    let address = net.listen_http_as(0, manner.clone()).await?;
    let origin = shared.place.http_url(manner.authority.is_some(), address.port());
    let path = super::proxy::BASE_PATH.to_owned();
    Ok(Behind { address, url: format!("{origin}{path}"), path })
}

impl Host {
    /// What the process holds, and how many cases came and are there.
    pub fn burden(&self) -> Option<Burden> {
        let usage = self.instance().usage()?;
        let (came, there) = (self.came.load(Ordering::Relaxed), self.there.load(Ordering::Relaxed));
        Some(Burden { usage, came, there })
    }
}

/// What an instance bears at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Burden {
    pub usage: Usage,
    pub came: u64,
    pub there: u64,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where an instance's voices come in.
struct Said {
    incoming: mpsc::Receiver<Incoming>,
    words: mpsc::Receiver<Word>,
    /// Of the client that is lent to it.
    of_lent: mpsc::Receiver<Incoming>,
}

/// Hands on what comes in, until the host is dropped.
fn serve(
    net: Arc<Net>,
    desk: Arc<Mutex<Desk>>,
    mut events: mpsc::Receiver<NetEvent>,
    Said { mut incoming, mut words, mut of_lent }: Said,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        // The end of a process that is killed on purpose is nobody's misfortune.
        let mut dying = false;
        loop {
            let moves = tokio::select! {
                Some(event) = events.recv() => lock(&desk).happened(UnixMs::now(), event),
                Some(said) = incoming.recv() => match said {
                    Incoming::Closed { .. } if dying => continue,
                    said => lock(&desk).said(said),
                },
                Some(said) = of_lent.recv() => lock(&desk).said(said),
                Some(word) = words.recv() => match word {
                    Word::Ends(heard) => {
                        dying = true;
                        // Who asked for it may be gone.
                        let _ = heard.send(());
                        continue;
                    }
                    Word::GoesOn(next) => {
                        let last = last_words(&mut incoming).await;
                        (dying, incoming) = (false, next);
                        last.into_iter().flat_map(|said| lock(&desk).said(said)).collect()
                    }
                },
                else => break,
            };
            for next in moves {
                carry_out(&net, next).await;
            }
        }
    })
}

/// What a process had said before its end and nobody has heard yet; a child of it that holds its output
/// open is not waited for.
async fn last_words(incoming: &mut mpsc::Receiver<Incoming>) -> Vec<Incoming> {
    let limit = Duration::from_millis(EXIT_WAIT_MS_MAX);
    let mut words = Vec::new();
    while let Ok(Some(said)) = tokio::time::timeout(limit, incoming.recv()).await {
        if !matches!(said, Incoming::Closed { .. }) {
            words.push(said);
        }
    }
    words
}

async fn carry_out(net: &Net, next: Move) {
    match next {
        // Who has left hears nothing any more.
        Move::Tell(guest, visit) => drop(guest.send(visit).await),
        Move::Pass(guest, said) => drop(guest.send(said).await),
        Move::Send(conn, bytes) => net.send(conn, bytes),
        Move::Close(conn) => net.close(conn),
        Move::Respond(id, response) => net.respond(id, response),
    }
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    // No code panics while it holds the lock; if some ever does, the books are still whole.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_kept_and_not_shown() {
        let credentials = json!({"authorization": "Bearer s3cret"});
        let upload = json!({"url": "https://localhost/up", "credentials": credentials});
        let mut result = json!({"offers": {"base_url": "https://localhost", "upload": upload}});
        let offer = take_upload(&mut result).unwrap();
        assert_eq!(offer.credentials["authorization"], "Bearer s3cret");
        assert!(!result.to_string().contains("s3cret"), "{result}");
        assert!(take_upload(&mut json!({"offers": {"base_url": "a"}})).is_none());
    }
}
