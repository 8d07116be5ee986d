//! The third party's process: users and server between the driver's line and the sockets.
//!
//! Main type: [`ThirdParty`], one loop over what comes from sockets, timers and the harness, in this
//! order of urgency, so that `health` and later operations see all that happened before. A push to
//! the server wakes the user's client directly; no vendor's push service stands between.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::files::{self, Files};
use super::operation::Operation;
use super::proxy::ProxySeat;
use super::seats::ClientSeat;
use super::state::StateDir;
use super::weakness::Weakness;
use super::{Part, Transport, stdio, translate};
use crate::clock::UnixMs;
use crate::driver::line::Closed;
use crate::driver::{ErrorClass, Params, RpcError, Server, ServerEvent};
use crate::net::{ConnId, ExchangeId, Net, NetEvent};
use crate::role::quirk::{Fault, Quirk};
use crate::role::third_party_client::{Command, FileToSend, MediaKind, ThirdPartyClient};
use crate::role::third_party_server::{ThirdPartyServer, Upload};
use crate::role::{FetchId, Input};
use crate::verdict::Exit;
use crate::wire::Jid;

/// Rounds of timers within one jump of the clock: one timer may set another that is due as well.
const TIMER_ROUNDS_MAX: usize = 16;

/// How many states a deliberate fault holds back: more than can come in while a message is sent.
const WRITTEN_BEHIND: usize = 4;

/// What a proxy, which has no users, is asked.
const OF_EVERY_SEAT: &[&str] = &["hello", "configure", "account", "health", "stop"];

/// How the reference is to behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub part: Part,
    pub quirk: Option<&'static Quirk>,
    pub transport: Transport,
}

/// Plays the third party over stdin and stdout until `stop` or the end of the input.
pub async fn run(options: Options) -> Exit {
    let (reader, writer) = stdio::streams();
    serve(reader, writer, options).await;
    Exit::Good
}

/// Plays the third party over any two streams.
pub async fn serve<R, W>(reader: R, writer: W, options: Options)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (driver, requests) = Server::new(reader, writer);
    ThirdParty::new(driver, options).run(requests).await;
}

/// The process.
pub(super) struct ThirdParty {
    pub options: Options,
    pub driver: Server,
    pub net: Net,
    pub events: mpsc::Receiver<NetEvent>,
    pub clients: Option<ClientSeat>,
    pub server: Option<ThirdPartyServer>,
    pub proxy: Option<ProxySeat>,
    pub accounts: BTreeMap<String, Account>,
    /// Account and the client's own name of each connection.
    pub conns: BTreeMap<ConnId, (String, crate::role::ConnId)>,
    pub fetches: BTreeMap<ExchangeId, Fetch>,
    /// Requests that came by HTTP/2; only a fault looks at it.
    pub by_http2: BTreeSet<ExchangeId>,
    /// How far the clock of this process is ahead of the real one.
    pub ahead: Duration,
    pub weakness: Weakness,
    pub files: Files,
    /// Where the clients' states lie, if the harness has named a place.
    pub states: Option<StateDir>,
    /// The last states of each user that a faulty program has not written yet.
    pub unwritten: BTreeMap<String, VecDeque<Vec<u8>>>,
    /// The first token that was given; only a fault keeps it.
    pub first_token: Option<String>,
}

/// A user of this process.
pub(super) struct Account {
    pub visible_id: String,
    /// `None` where only the server's seat is taken.
    pub client: Option<ThirdPartyClient>,
    /// What the harness gave; used where the server is somebody else.
    pub token: Option<String>,
    pub wake_at: Option<UnixMs>,
}

/// Who sent an HTTP request.
pub(super) enum Fetch {
    Client(String, FetchId),
    Server(FetchId),
}

/// Whether the loop goes on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl ThirdParty {
    fn new(driver: Server, options: Options) -> Self {
        let (net, events) = Net::new();
        Self {
            options,
            driver,
            net,
            events,
            clients: None,
            server: None,
            proxy: None,
            accounts: BTreeMap::new(),
            conns: BTreeMap::new(),
            fetches: BTreeMap::new(),
            by_http2: BTreeSet::new(),
            ahead: Duration::ZERO,
            weakness: Weakness::default(),
            files: Files::default(),
            states: None,
            unwritten: BTreeMap::new(),
            first_token: None,
        }
    }

    /// The time of this process.
    pub(super) fn now(&self) -> UnixMs {
        UnixMs::now().after(self.ahead)
    }

    /// Lets time pass, until every timer that became due has fired.
    async fn advance(&mut self, by: Duration) -> Result<(), Closed> {
        self.ahead = self.ahead.saturating_add(by);
        for _ in 0..TIMER_ROUNDS_MAX {
            if self.until_next_wake() != Some(Duration::ZERO) {
                break;
            }
            self.wake().await?;
            self.settle().await?;
        }
        Ok(())
    }

    /// Serves until `stop`, or until the harness is gone.
    async fn run(mut self, mut requests: mpsc::Receiver<ServerEvent>) {
        while matches!(self.turn(&mut requests).await, Ok(Next::GoOn)) {}
        // A harness that is gone reads no more, and that is all the same now.
        let _ = self.driver.flush().await;
    }

    async fn turn(&mut self, requests: &mut mpsc::Receiver<ServerEvent>) -> Result<Next, Closed> {
        let wait = self.until_next_wake();
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => self.net_event(event).await?,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => self.wake().await?,
            request = requests.recv() => match request {
                Some(ServerEvent::Request { id, method, params }) => {
                    return self.request(id, &method, params).await;
                }
                Some(ServerEvent::Eof) | None => return Ok(Next::Stop),
            },
        }
        Ok(Next::GoOn)
    }

    fn until_next_wake(&self) -> Option<Duration> {
        let next = self.accounts.values().filter_map(|account| account.wake_at).min()?;
        Some(Duration::from_millis(next.0.saturating_sub(self.now().0)))
    }

    async fn wake(&mut self) -> Result<(), Closed> {
        let now = self.now();
        let due = |account: &Account| account.wake_at.is_some_and(|at| at <= now);
        let due = self.accounts.iter().filter(|(_, account)| due(account));
        for name in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            if let Some(account) = self.accounts.get_mut(&name) {
                account.wake_at = None;
            }
            self.client_input(&name, Input::Wake).await?;
        }
        Ok(())
    }

    async fn request(&mut self, id: u64, method: &str, params: Params) -> Result<Next, Closed> {
        if self.options.part == Part::MediaProxy && !OF_EVERY_SEAT.contains(&method) {
            return self.answer(id, Err(RpcError::method_not_found())).await;
        }
        let operation = match Operation::read(method, params) {
            Ok(operation) => operation,
            Err(error) => return self.answer(id, Err(error)).await,
        };
        match operation {
            Operation::Hello => self.answer(id, Ok(self.hello())).await,
            Operation::Configure(params) => {
                let outcome = self.configure(&params).await;
                self.answer(id, outcome).await
            }
            Operation::Account { account, visible_id, name } => {
                let outcome = self.add_account(account.clone(), visible_id, &name);
                self.carry_out(&account).await?;
                self.answer(id, outcome).await
            }
            Operation::Do { account, command, token } => {
                self.hint(&account, &command);
                let now = self.now();
                let Some(client) = self.client(&account) else { return self.unknown(id).await };
                client.command(now, id, command);
                if let (Some(account), Some(_)) = (self.accounts.get_mut(&account), &token) {
                    account.token = token;
                }
                self.carry_out(&account).await?;
                Ok(Next::GoOn)
            }
            Operation::SendMedia { account, to, kind, path, caption } => {
                self.send_media(id, &account, (to, kind, path, caption)).await
            }
            Operation::UploadMedia { path } => {
                let outcome = self.upload_media(&path);
                self.answer(id, outcome).await
            }
            Operation::Wake { account } => {
                let now = self.now();
                let Some(client) = self.client(&account) else { return self.unknown(id).await };
                client.wake(now, None);
                self.carry_out(&account).await?;
                self.answer(id, Ok(json!({}))).await
            }
            Operation::Thread { account, with } => {
                let Some(client) = self.client(&account) else { return self.unknown(id).await };
                let thread = translate::thread(client.thread(&with));
                self.answer(id, Ok(thread)).await
            }
            Operation::Token { user } => {
                let outcome = self.token(&user);
                self.answer(id, outcome).await
            }
            Operation::RotateKeys { phase } => {
                let outcome = self.rotate_keys(&phase);
                self.answer(id, outcome).await
            }
            Operation::SetAccountState { account, state } => {
                let outcome = self.set_account_state(&account, &state);
                self.answer(id, outcome).await
            }
            Operation::Advance { by } => {
                self.advance(by).await?;
                self.answer(id, Ok(json!({}))).await
            }
            Operation::Restart { account, killed } => self.restart(id, &account, killed).await,
            Operation::Health => {
                self.settle().await?;
                self.empty_queues().await?;
                self.answer(id, Ok(json!({}))).await
            }
            Operation::Stop => {
                self.answer(id, Ok(json!({}))).await?;
                Ok(Next::Stop)
            }
        }
    }

    /// Only a program that is faulty on purpose has a queue.
    async fn empty_queues(&mut self) -> Result<(), Closed> {
        let now = self.now();
        if self.fault() != Some(Fault::AsksFromAQueue) {
            return Ok(());
        }
        for name in self.accounts.keys().cloned().collect::<Vec<_>>() {
            if let Some(client) = self.client(&name) {
                client.empty_queue(now);
            }
            self.carry_out(&name).await?;
        }
        Ok(())
    }

    /// Ends a client and starts another one with what lies on the disk. One that is killed finishes
    /// nothing: what it had not written down by now is gone.
    async fn restart(&mut self, id: u64, account: &str, killed: bool) -> Result<Next, Closed> {
        let now = self.now();
        let Some(client) = self.client(account) else { return self.unknown(id).await };
        if !killed {
            client.settle_down(now);
            self.carry_out(account).await?;
            self.write_the_rest(account);
        }
        let kept = match self.states.as_ref().map(|states| states.kept(account)).transpose() {
            Ok(kept) => kept.flatten(),
            Err(error) => {
                let failed = RpcError::failed(ErrorClass::Internal, error.to_string());
                return self.answer(id, Err(failed)).await;
            }
        };
        if let Some(client) = self.client(account) {
            client.command(now, id, Command::Restart { kept });
        }
        self.carry_out(account).await?;
        Ok(Next::GoOn)
    }

    /// Puts a user's state onto the disk; a deliberate fault holds the last few back.
    pub(super) fn write_down(
        &mut self,
        account: &str,
        state: Vec<u8>,
    ) -> Option<std::io::Result<()>> {
        let due = match self.fault() {
            Some(Fault::StateWrittenBehind) => {
                let queue = self.unwritten.entry(account.to_owned()).or_default();
                queue.push_back(state);
                if queue.len() <= WRITTEN_BEHIND {
                    return None;
                }
                queue.pop_front()?
            }
            _ => state,
        };
        Some(self.states.as_ref()?.keep(account, &due))
    }

    fn write_the_rest(&mut self, account: &str) {
        let last = self.unwritten.remove(account).and_then(|mut queue| queue.pop_back());
        if let (Some(state), Some(states)) = (last, &self.states) {
            // Only a program that is faulty on purpose has something left.
            let _ = states.keep(account, &state);
        }
    }

    /// Reads the file here, since a client owns no disk; the rest is the client's.
    async fn send_media(
        &mut self,
        id: u64,
        account: &str,
        (to, kind, path, caption): (Jid, MediaKind, String, Option<String>),
    ) -> Result<Next, Closed> {
        let limit = self.clients.as_ref().map(|seat| seat.settings.values.int("media.bytes_max"));
        let now = self.now();
        let Some(client) = self.client(account) else { return self.unknown(id).await };
        let (bytes, name) = match files::read(&path, limit.unwrap_or_default()) {
            Ok(read) => read,
            Err(error) => {
                let failed = RpcError::failed(ErrorClass::NotFound, error.to_string());
                return self.answer(id, Err(failed)).await;
            }
        };
        let file = Box::new(FileToSend { kind, bytes, name, caption });
        client.command(now, id, Command::SendMedia { to, file });
        self.carry_out(account).await?;
        Ok(Next::GoOn)
    }

    fn upload_media(&mut self, path: &str) -> Result<Value, RpcError> {
        let failed = |class, why: String| Err(RpcError::failed(class, why));
        let Some(server) = &mut self.server else {
            return failed(ErrorClass::NotFound, "there is no server here".into());
        };
        let (bytes, name) = match files::read(path, server.file_bytes_max()) {
            Ok(read) => read,
            Err(error) => return failed(ErrorClass::NotFound, error.to_string()),
        };
        let mimetype = FileToSend::mimetype(MediaKind::Document, &name).to_owned();
        match server.store(Upload { user: "-".into(), bytes, mimetype, name }) {
            Ok(reference) => Ok(json!({ "reference": reference })),
            Err(why) => failed(ErrorClass::Limit, why),
        }
    }

    async fn answer(&self, id: u64, outcome: Result<Value, RpcError>) -> Result<Next, Closed> {
        self.driver.respond(id, outcome).await?;
        Ok(Next::GoOn)
    }

    async fn unknown(&self, id: u64) -> Result<Next, Closed> {
        let why = "there is no client for this account";
        self.answer(id, Err(RpcError::failed(ErrorClass::NotFound, why))).await
    }

    fn hello(&self) -> Value {
        let quirk = self.options.quirk.map(|quirk| format!("?quirk={}", quirk.id));
        let part = self.options.part;
        let name = format!("reference:{}{}", part.word(), quirk.unwrap_or_default());
        if part == Part::MediaProxy {
            let tls = serde_json::Map::from_iter([("tls".to_owned(), Value::from(true))]);
            return super::hello(name, part, tls);
        }
        let capabilities = json!({
            "tls": true, "signal.versions": [3, 4], "inject_wake": true, "clock": true,
            "set_read_receipts": true, "set_app_state": true,
            "rotate_keys": true, "set_account_state": true, "media.send": true,
            "restart": true, "kill": true, "state_dir": true, "preset": true, "fingerprint": true,
            "noise.patterns": ["XX", "IK", "XXfallback"],
        });
        let mut capabilities = capabilities.as_object().cloned().unwrap_or_default();
        match self.fault() {
            Some(Fault::MissingHookDeclared) => {
                capabilities.insert("decode".to_owned(), Value::from(true));
            }
            Some(Fault::OtherVersionStated) => {
                capabilities.insert("signal.versions".to_owned(), json!([4]));
            }
            Some(Fault::ResumingNotStated) => {
                capabilities.insert("noise.patterns".to_owned(), json!(["XX"]));
            }
            Some(Fault::OtherProtocol(_)) => {
                capabilities.insert("other_protocol".to_owned(), Value::from(true));
            }
            Some(Fault::WorkingHookHidden) => {
                capabilities.insert("inject_wake".to_owned(), Value::from(false));
            }
            _ => {}
        }
        super::hello(name, part, capabilities)
    }

    fn token(&self, user: &str) -> Result<Value, RpcError> {
        let jwt = self.server.as_ref().and_then(|server| server.issue(self.now(), user));
        let unknown = || RpcError::failed(ErrorClass::NotFound, "there is no such user");
        jwt.map(|jwt| json!({ "jwt": jwt })).ok_or_else(unknown)
    }

    pub(super) fn client(&mut self, account: &str) -> Option<&mut ThirdPartyClient> {
        self.accounts.get_mut(account)?.client.as_mut()
    }

    /// The fault of this process, if it is to have one.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.options.quirk.map(|quirk| quirk.fault)
    }
}
