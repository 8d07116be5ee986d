//! An instance of the implementation under test with the Meta side that serves it.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::accounts::INTEGRATOR_ID;
use super::recorder::RecordError;
use super::session::{Session, Shared};
use crate::clock::UnixMs;
use crate::driver::{Incoming, Seat};
use crate::iut::{Instance, StartError};
use crate::net::{Net, NetEvent};
use crate::role::meta::{Integrator, Meta};

/// Where Meta's side listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub chat: SocketAddr,
    pub http: SocketAddr,
}

/// A started instance, not yet configured.
pub struct Ready {
    pub meta: Meta,
    pub net: Net,
    pub events: mpsc::Receiver<NetEvent>,
    pub instance: Instance,
    pub incoming: mpsc::Receiver<Incoming>,
    pub addresses: Addresses,
    pub seats: Vec<Seat>,
}

/// Why there is no instance.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Start(#[from] StartError),
    /// Ours, not the subject's.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

/// The name under which the third party's tokens are issued in test runs.
pub const ISSUER: &str = "counterpart-partner";

impl Ready {
    /// Opens the listeners, starts the subject and lets it say hello.
    ///
    /// # Errors
    /// A port cannot be had, or the subject did not start.
    pub async fn start(
        target: &super::Target,
        shared: &Shared,
        case: &str,
    ) -> Result<Self, NotReady> {
        let (net, events) = Net::bound_to(shared.place.bind());
        let chat = net.listen_chat().await?;
        let http = net.listen_http().await?;
        let (instance, incoming) = target.start(shared).await?;
        let seats = target.played(instance.hello());
        let integrator = Integrator { id: INTEGRATOR_ID, iss: ISSUER.into(), base_url: None };
        let keys = shared.place.key_stream(case);
        let meta = Meta::new(shared.profile.clone(), integrator, shared.seed, &keys);
        let addresses = Addresses { chat, http };
        Ok(Self { meta, net, events, instance, incoming, addresses, seats })
    }
}

impl Session<'_> {
    /// Tells each seat where Meta's side is; servers first, since clients need their addresses.
    /// True if all seats accepted.
    pub(super) async fn configure(&mut self) -> Result<bool, RecordError> {
        let mut seats = self.seats.clone();
        seats.sort_by_key(|seat| *seat != Seat::ThirdPartyServer);
        for seat in seats {
            let params = self.configuration(seat);
            match self.call("configure", params, None).await? {
                Ok(result) => {
                    let base_url = result.pointer("/offers/base_url").and_then(Value::as_str);
                    if seat == Seat::ThirdPartyServer {
                        self.meta.set_base_url(base_url.map(str::to_owned));
                    }
                }
                Err(_) => return Ok(false),
            }
        }
        self.meta.tell_time(UnixMs::now());
        if !self.has_server() {
            self.meta.stand_in_for_the_server();
        }
        Ok(true)
    }

    /// True if the subject brings the third party's server.
    pub(super) fn has_server(&self) -> bool {
        self.seats.contains(&Seat::ThirdPartyServer)
    }

    fn configuration(&self, seat: Seat) -> Map<String, Value> {
        let place = &self.shared.place;
        let chat = place.authority(self.addresses.chat.port());
        let http = place.authority(self.addresses.http.port());
        let profile = &self.shared.profile;
        let path = |key: &str| profile.text(key).unwrap_or_default().to_owned();
        let mut params = Map::new();
        params.insert("seat".into(), json!(seat.as_str()));
        params.insert("seed".into(), json!(self.shared.seed.0));
        let instance = json!({
            "chat": { "tcp": chat, "ws": format!("ws://{chat}/ws/chat") },
            "noise_root": hex::encode(self.meta.root_public()),
            "enlistment_url": format!("http://{http}{}", path("enlistment.path")),
            "push_jwks_url": format!("http://{http}{}", path("jwks.path")),
            "integrator": { "id": INTEGRATOR_ID, "iss": ISSUER },
            "profile": profile.client_visible(),
        });
        params.insert("instance".into(), instance);
        params
    }
}
