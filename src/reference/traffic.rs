//! The traffic between roles, sockets and the driver's line: inputs in, outputs carried out.

use serde_json::json;

use super::seats::Chat;
use super::third_party::{Fetch, ThirdParty};
use super::translate;
use crate::driver::line::Closed;
use crate::net::{ConnId, HttpVersion, NetEvent};
use crate::role::Input;
use crate::role::quirk::Fault;
use crate::role::third_party_client::{Command, Notification, Output, ThirdPartyClient};
use crate::role::third_party_server::{self as server, ThirdPartyServer, Upload};

/// How often other tasks get their turn before `health` counts the line as quiet.
const HEALTH_TURNS: usize = 8;

impl ThirdParty {
    /// Handles everything that was under way, so that its notifications are written first.
    pub(super) async fn settle(&mut self) -> Result<(), Closed> {
        for _ in 0..HEALTH_TURNS {
            tokio::task::yield_now().await;
            while let Ok(event) = self.events.try_recv() {
                self.net_event(event).await?;
            }
        }
        Ok(())
    }

    /// Hands on what happened on a socket.
    pub(super) async fn net_event(&mut self, event: NetEvent) -> Result<(), Closed> {
        match event {
            NetEvent::Opened { conn } => self.conn_input(conn, |conn| Input::Opened { conn }).await,
            NetEvent::Bytes { conn, bytes } => {
                self.conn_input(conn, |conn| Input::Bytes { conn, bytes }).await
            }
            NetEvent::OpenFailed { conn, error } => {
                let error = Some(error);
                self.conn_input(conn, |conn| Input::Closed { conn, error }).await?;
                self.conns.remove(&conn);
                Ok(())
            }
            NetEvent::Closed { conn, error } => {
                self.conn_input(conn, |conn| Input::Closed { conn, error }).await?;
                self.conns.remove(&conn);
                Ok(())
            }
            NetEvent::Request { id, request, listener, version, .. }
                if self.proxy.as_ref().is_some_and(|proxy| proxy.address == listener) =>
            {
                self.proxy_input(id, &request, version);
                Ok(())
            }
            NetEvent::Request { id, request, version, .. } => {
                if version == HttpVersion::Http2 {
                    self.by_http2.insert(id);
                }
                self.server_input(Input::Request { id, request }).await
            }
            NetEvent::Response { id, result } => match self.fetches.remove(&id) {
                Some(Fetch::Client(account, id)) => {
                    self.client_input(&account, Input::Response { id, result }).await
                }
                Some(Fetch::Server(id)) => self.server_input(Input::Response { id, result }).await,
                None => Ok(()),
            },
            // Nobody connects to a third party's chat port: there is none.
            NetEvent::Accepted { .. } => Ok(()),
            // Whoever does not come to TLS has said nothing.
            NetEvent::Unsecured { .. } => Ok(()),
            NetEvent::Probed { id, result } => {
                self.collected(id, result);
                Ok(())
            }
        }
    }

    async fn conn_input(
        &mut self,
        conn: ConnId,
        input: impl FnOnce(crate::role::ConnId) -> Input,
    ) -> Result<(), Closed> {
        match self.conns.get(&conn).cloned() {
            Some((account, conn)) => self.client_input(&account, input(conn)).await,
            None => Ok(()),
        }
    }

    pub(super) async fn client_input(&mut self, account: &str, input: Input) -> Result<(), Closed> {
        let now = self.now();
        let (mut puzzled, mut stricken, mut doomed) = (false, false, false);
        if let Some(client) = self.client(account) {
            client.handle(now, input);
            puzzled = client.was_puzzled();
            stricken = client.was_stricken();
            doomed = client.is_doomed();
        }
        if doomed {
            super::weakness::die();
        }
        if puzzled {
            self.weakness.suffer(self.fault()).await;
        }
        if stricken {
            self.weakness.collapse(self.fault());
        }
        self.carry_out(account).await
    }

    async fn server_input(&mut self, input: Input) -> Result<(), Closed> {
        let now = self.now();
        if let Some(server) = &mut self.server {
            server.handle(now, input);
        }
        while let Some(output) = self.server.as_mut().and_then(ThirdPartyServer::poll) {
            match output {
                server::Output::Respond { id, response } => {
                    let by_http2 = self.by_http2.remove(&id);
                    self.net.respond(id, self.dressed(response, by_http2));
                }
                server::Output::Fetch { id, url, request } => {
                    let exchange = self.net.fetch(url, request);
                    self.fetches.insert(exchange, Fetch::Server(id));
                }
                server::Output::Wake { visible_id } => self.push(&visible_id).await?,
            }
        }
        Ok(())
    }

    /// The last leg of a push, from the server to the user's device.
    async fn push(&mut self, visible_id: &str) -> Result<(), Closed> {
        let of_user = self.accounts.iter().filter(|(_, account)| account.visible_id == visible_id);
        for name in of_user.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            let (now, fault) = (self.now(), self.fault());
            if let Some(client) = self.client(&name) {
                let payload = own_push(fault, client);
                client.wake(now, Some(payload));
            }
            self.carry_out(&name).await?;
        }
        Ok(())
    }

    /// A deliberate fault: a user's client tells its server what it sends, for the sake of previews.
    pub(super) fn hint(&mut self, account: &str, command: &Command) {
        if let (Some(Fault::PushAnswerHoldsText), Command::SendText { text, .. }) =
            (self.fault(), command)
            && let Some(account) = self.accounts.get(account)
            && let Some(server) = &mut self.server
        {
            server.hint(&account.visible_id, text);
        }
    }

    /// Carries out what a client wants.
    pub(super) async fn carry_out(&mut self, account: &str) -> Result<(), Closed> {
        let lines = self.client(account).map(ThirdPartyClient::take_log_lines);
        lines.into_iter().flatten().for_each(|line| eprintln!("{line}"));
        while let Some(output) = self.client(account).and_then(ThirdPartyClient::poll) {
            match output {
                Output::Open { conn } => self.open(account, conn),
                Output::Send { conn, bytes } => {
                    if let Some(conn) = self.socket(account, conn) {
                        self.net.send(conn, bytes);
                    }
                }
                Output::Close { conn } => {
                    if let Some(conn) = self.socket(account, conn) {
                        self.net.close(conn);
                    }
                }
                Output::Fetch { id, url, request } => {
                    let exchange = self.net.fetch(url, request);
                    self.fetches.insert(exchange, Fetch::Client(account.to_owned(), id));
                }
                Output::Download { id, url, request, bytes_max } => {
                    let exchange = self.net.download(url, request, bytes_max);
                    self.fetches.insert(exchange, Fetch::Client(account.to_owned(), id));
                }
                Output::Upload { call, bytes, mimetype, name } => {
                    let stored = self.store(account, bytes, mimetype, name);
                    let now = self.now();
                    if let Some(client) = self.client(account) {
                        client.uploaded(now, call, stored);
                    }
                }
                Output::Keep(state) => {
                    let kept = self.write_down(account, state);
                    // What follows rests on it, so a client that cannot write does nothing more.
                    if let Some(Err(error)) = kept {
                        eprintln!("the state cannot be written: {error}");
                        super::weakness::die();
                    }
                }
                Output::Save { name, bytes } => {
                    // Without the file its user sees that it is not there.
                    if let Err(error) = self.files.save(account, &name, &bytes) {
                        eprintln!("a received file cannot be written: {error}");
                    }
                }
                Output::NeedToken => self.give_token(account),
                Output::WakeAt(at) => {
                    if let Some(account) = self.accounts.get_mut(account) {
                        account.wake_at = Some(at);
                    }
                }
                Output::Notify(notification) => {
                    if matches!(notification, Notification::Message { .. }) {
                        self.weakness.burden(self.options.quirk.map(|quirk| quirk.fault));
                    }
                    let (name, params) =
                        translate::notification(account, notification, &mut self.files);
                    self.driver.notify(name, params).await?;
                }
                Output::Done { call, outcome } => {
                    self.driver.respond(call, translate::outcome(outcome)).await?;
                }
            }
        }
        Ok(())
    }

    /// The own server takes a user's file; where it is somebody else's, there is nowhere to store it.
    fn store(
        &mut self,
        account: &str,
        bytes: Vec<u8>,
        mimetype: String,
        name: String,
    ) -> Result<String, String> {
        let user = self.accounts.get(account).map(|account| account.visible_id.clone());
        let server = self.server.as_mut().ok_or("there is no server to store files")?;
        server.store(Upload { user: user.unwrap_or_default(), bytes, mimetype, name })
    }

    fn open(&mut self, account: &str, conn: crate::role::ConnId) {
        let Some(seat) = &self.clients else { return };
        let socket = match &seat.chat {
            Chat::Tcp(address) => self.net.open_tcp(*address),
            Chat::WebSocket(url) => self.net.open_websocket(url.as_str()),
        };
        self.conns.insert(socket, (account.to_owned(), conn));
    }

    fn socket(&self, account: &str, conn: crate::role::ConnId) -> Option<ConnId> {
        let named = |(owner, own): &(String, crate::role::ConnId)| owner == account && *own == conn;
        self.conns.iter().find(|(_, name)| named(name)).map(|(socket, _)| *socket)
    }

    /// The own server's token, or else what the harness gave.
    fn give_token(&mut self, account: &str) {
        let now = self.now();
        let fault = self.fault();
        let Some(user) = self.accounts.get_mut(account) else { return };
        let token = match &self.server {
            Some(server) => server.issue(now, &user.visible_id),
            None => user.token.clone(),
        };
        let token = match fault {
            Some(Fault::OneTokenForAll) => {
                self.first_token = self.first_token.take().or(token);
                self.first_token.clone()
            }
            Some(Fault::LoginTokenOfAnotherKind)
                if user.client.as_ref().is_some_and(ThirdPartyClient::is_enlisted) =>
            {
                self.server.as_ref().map(|server| server.issue_for_itself(now, &user.visible_id))
            }
            _ => token,
        };
        if let Some(client) = &mut user.client {
            client.take_token(now, token);
        }
    }
}

/// What the push to the user's device carries: a silent one, that wakes and tells nothing (PSH-009).
fn own_push(fault: Option<Fault>, client: &ThirdPartyClient) -> String {
    let alert = match fault {
        Some(Fault::OwnPushNamesPeer) => client.last_peer(),
        Some(Fault::OwnPushShowsText) => client.last_shown(),
        _ => None,
    };
    let aps = match alert {
        Some(alert) => json!({ "content-available": 1, "alert": alert }),
        None => json!({ "content-available": 1 }),
    };
    json!({ "aps": aps }).to_string()
}
