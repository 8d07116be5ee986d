//! Taking the seats: what `configure` and `account` say.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::state::StateDir;
use super::third_party::{Account, ThirdParty};
use super::{Transport, surface};
use crate::driver::session::{Offers, UploadOffer};
use crate::driver::{ErrorClass, Params, RpcError, Seat};
use crate::role::quirk::Fault;
use crate::role::third_party_client::{Settings, ThirdPartyClient, Values};
use crate::role::third_party_server::{CREDENTIAL, ServerSettings, ThirdPartyServer, UPLOAD_PATH};
use crate::seed::Seed;

/// The user as whom the harness may store files.
const UPLOADER: &str = "uploader";

/// What the clients of this process have in common.
pub(super) struct ClientSeat {
    pub settings: Arc<Settings>,
    pub chat: Chat,
}

/// Where the chat server is, by the transport that this process uses.
pub(super) enum Chat {
    Tcp(SocketAddr),
    WebSocket(String),
}

impl ThirdParty {
    /// Takes a seat, once.
    pub(super) async fn configure(&mut self, params: &Params) -> Result<Value, RpcError> {
        let seat = params.get("seat").and_then(Value::as_str).and_then(|word| word.parse().ok());
        let seed = Seed(params.get("seed").and_then(Value::as_u64).unwrap_or_default());
        let instance = params.get("instance").unwrap_or(&Value::Null);
        self.trust(instance);
        match seat {
            Some(Seat::ThirdPartyClient) if self.clients.is_none() => {
                let folder = instance.get("state_dir").and_then(Value::as_str);
                self.states = folder.map(StateDir::new);
                self.clients = Some(client_seat(seed, instance, self.options.transport)?);
                Ok(json!({}))
            }
            Some(Seat::ThirdPartyServer) if self.server.is_none() => {
                let offers = self.start_server(seed, instance).await?;
                Ok(json!({ "offers": offers }))
            }
            Some(Seat::MediaProxy) if self.proxy.is_none() => {
                let offers = self.start_proxy(instance).await?;
                Ok(json!({ "offers": offers }))
            }
            _ => Err(RpcError::invalid_params("the seat is not offered, or was configured before")),
        }
    }

    async fn start_server(&mut self, seed: Seed, instance: &Value) -> Result<Offers, RpcError> {
        let text = |path: &str| instance.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let internal = |why: String| RpcError::failed(ErrorClass::Internal, why);
        let (authority, manner) = surface::manner(self.fault()).map_err(internal)?;
        let listening = self.net.listen_http_as(0, manner).await;
        let address = listening.map_err(|error| internal(error.to_string()))?;
        let settings = ServerSettings {
            seed,
            base_url: surface::url(self.fault(), address.port()),
            issuer: text("/integrator/iss").unwrap_or_default(),
            push_jwks_url: text("/push_jwks_url").unwrap_or_default(),
            values: Values::new(instance.get("profile")),
        };
        let (base_url, tls_ca) = (settings.base_url.clone(), authority.pem().to_owned());
        let mut server = ThirdPartyServer::new(settings, self.fault());
        for account in self.accounts.values() {
            server.add_user(&account.visible_id);
        }
        server.add_user(UPLOADER);
        let upload = UploadOffer {
            url: format!("{base_url}{UPLOAD_PATH}"),
            method: "POST".to_owned(),
            credentials: [(CREDENTIAL.to_owned(), server.upload_credential(UPLOADER))].into(),
        };
        self.server = Some(server);
        let (base_url, tls_ca) = (Some(base_url), Some(tls_ca));
        Ok(Offers { base_url, tls_ca, upload: Some(upload), ..Offers::default() })
    }

    /// Takes in a user.
    pub(super) fn add_account(
        &mut self,
        account: String,
        visible_id: String,
        name: &str,
    ) -> Result<Value, RpcError> {
        if self.accounts.contains_key(&account) {
            return Err(RpcError::invalid_params("the account exists already"));
        }
        let mut client = self.started_client(&account, &visible_id)?;
        if let Some(client) = &mut client {
            client.set_name(name);
        }
        if let Some(server) = &mut self.server {
            server.add_user(&visible_id);
            if self.options.quirk.is_some_and(|quirk| quirk.fault == Fault::PushAnswerHoldsName) {
                server.hint(&visible_id, name);
            }
        }
        let user = Account { visible_id, client, token: None, wake_at: None };
        self.accounts.insert(account, user);
        Ok(json!({}))
    }

    /// A client with what another process of this program has written down of the user, or a new one.
    fn started_client(
        &self,
        account: &str,
        visible_id: &str,
    ) -> Result<Option<ThirdPartyClient>, RpcError> {
        let Some(seat) = &self.clients else { return Ok(None) };
        let internal = |why: String| RpcError::failed(ErrorClass::Internal, why);
        let kept = self.states.as_ref().map(|states| states.kept(account)).transpose();
        let kept = kept.map_err(|error| internal(error.to_string()))?.flatten();
        let (settings, fault, now) = (seat.settings.clone(), self.fault(), self.now());
        let mut client = ThirdPartyClient::new(settings, visible_id, fault);
        match kept {
            Some(kept) => client.go_on_with(now, &kept).map_err(internal)?,
            None => client.installed(now),
        }
        Ok(Some(client))
    }

    /// Begins a change of the server's signing key.
    pub(super) fn rotate_keys(&mut self, phase: &str) -> Result<Value, RpcError> {
        let now = self.now();
        let server = self.server.as_mut().ok_or_else(no_server)?;
        let begun = server.rotate_keys(now, phase);
        begun.map(|()| json!({})).map_err(RpcError::invalid_params)
    }

    /// Disables or enables a user at the server.
    pub(super) fn set_account_state(
        &mut self,
        account: &str,
        state: &str,
    ) -> Result<Value, RpcError> {
        let enabled = match state {
            "enabled" => true,
            "disabled" => false,
            other => {
                let why = format!("`{other}` is no state; `enabled` and `disabled` are");
                return Err(RpcError::invalid_params(why));
            }
        };
        let user = self.accounts.get(account).map(|account| account.visible_id.clone());
        let unknown = || RpcError::failed(ErrorClass::NotFound, "there is no such account");
        let user = user.ok_or_else(unknown)?;
        let server = self.server.as_mut().ok_or_else(no_server)?;
        server.set_enabled(&user, enabled);
        Ok(json!({}))
    }
}

/// One-time prekeys in one upload of the reference's: its users live for a second, and to draw and to
/// check what the profile holds to be usual for each of them was a twentieth of a run's time.
const UPLOAD_BATCH: usize = 20;

fn no_server() -> RpcError {
    RpcError::failed(ErrorClass::NotFound, "the server's seat is not configured")
}

fn client_seat(seed: Seed, instance: &Value, by: Transport) -> Result<ClientSeat, RpcError> {
    let mut settings = Settings::read(seed, instance).map_err(RpcError::invalid_params)?;
    settings.upload_batch = settings.upload_batch.min(UPLOAD_BATCH);
    let text = |path: &str| {
        let text = instance.pointer(path).and_then(Value::as_str);
        text.ok_or_else(|| RpcError::invalid_params(format!("`instance{path}` is missing")))
    };
    let chat = match by {
        Transport::Tcp => Chat::Tcp(text("/chat/tcp")?.parse().map_err(RpcError::invalid_params)?),
        Transport::WebSocket => Chat::WebSocket(text("/chat/ws")?.to_owned()),
    };
    Ok(ClientSeat { settings: Arc::new(settings), chat })
}
