//! The driver's self-check: does an adapter speak the driver protocol, before any scenario is run?
//!
//! [`self_check`] greets it, configures it, tries each operation that its seats owe and each hook
//! that it states, and stops it. Nothing of Meta's is behind it: an operation that is refused, in
//! the protocol's words, is as good here as one that is done. Whether it does what it says is the
//! scenarios' business. Where a server or a proxy says that it listens, somebody must be there; of
//! one without a driver nothing else is looked at.

use std::sync::Arc;

use serde_json::{Value, json};

use super::instance::{Company, Guest, Host, NotReady, integrator};
use super::probe::{ACCOUNT, Tried, VISIBLE_ID, announce, attempt};
use super::reach::{key_set, listener};
use super::session::Shared;
use super::state::StateFolder;
use super::target::Target;
use crate::clock::UnixMs;
use crate::driver::operation::{self, Kind, Operation, Scope};
use crate::driver::{ErrorClass, Incoming, Params, Seat};
use crate::evidence::ProbeAnswer;
use crate::iut::{Adapter, StartError};
use crate::net::Net;
use crate::net::dial::{Place, dial};
use crate::role::meta::{Meta, enlistment_is_skipped};
use crate::seed::Seed;
use crate::spec::Ics;

/// How a part of the protocol stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// It answers in order and does nothing yet, or is declared absent.
    Open,
    Bad,
}

/// One part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub what: String,
    pub standing: Standing,
    pub said: String,
}

/// Checks an adapter.
///
/// # Errors
/// It did not start, or its driver lies.
pub async fn self_check(target: &Target, shared: &Shared) -> Result<Vec<Row>, NotReady> {
    let host = Arc::new(Host::start(target, shared, Company::Own, "driver-check").await?);
    let mut check = Check { host: &host, rows: Vec::new() };
    if matches!(target.adapter, Adapter::None(_)) {
        check.row("driver", Standing::Good, "there is none, so nothing is asked of it");
        check.reached(&mut host.admit(), shared).await;
        return Ok(check.rows);
    }
    if check.opening(shared).await {
        check.operations(target, shared).await;
        check.health().await;
        // A guest hears first what nobody was there to hear.
        let mut guest = host.admit();
        check.unasked(&mut guest);
        check.reached(&mut guest, shared).await;
    }
    check.stop().await;
    Ok(check.rows)
}

/// Starts an adapter, hears who it is, and stops it.
///
/// # Errors
/// It did not start, or its driver lies.
pub async fn greet(target: &Target, seed: Seed) -> Result<String, StartError> {
    let (instance, _incoming) = target.start(seed).await?;
    let who = instance.hello().iut.clone();
    instance.stop().await;
    Ok(format!("{} {}", who.name, who.version))
}

/// How many certificate authorities this machine trusts.
pub fn trusted_authorities() -> usize {
    crate::net::Trust::of_this_machine().authorities()
}

/// Sees that ports of this machine can be listened on and reached.
///
/// # Errors
/// The operating system's.
pub async fn free_ports() -> std::io::Result<()> {
    let (net, _events) = Net::new();
    let (chat, _) = (net.listen_chat().await?, net.listen_http().await?);
    dial(Place::Tcp(&chat.to_string())).await.map(|_| ())
}

struct Check<'a> {
    host: &'a Host,
    rows: Vec<Row>,
}

impl Check<'_> {
    fn row(&mut self, what: impl Into<String>, standing: Standing, said: impl Into<String>) {
        self.rows.push(Row { what: what.into(), standing, said: said.into() });
    }

    /// Everything before the first operation of a user; true if it is worth going on.
    async fn opening(&mut self, shared: &Shared) -> bool {
        let host = self.host;
        let instance = host.instance();
        let hello = instance.hello();
        let seats: Vec<&str> = hello.seats.iter().map(|seat| seat.as_str()).collect();
        let said = format!("{} {}, {}", hello.iut.name, hello.iut.version, seats.join(" and "));
        self.row("hello", Standing::Good, said);
        self.row("no-such-operation", Standing::Good, "method not found, as it must be");
        for seat in &host.configured {
            let name = seat.params.get("seat").and_then(|seat| seat.as_str()).unwrap_or("?");
            match &seat.outcome {
                Ok(result) => {
                    let offers = result.get("offers").cloned().map(short);
                    let offers = offers.map(|offers| format!("offers {offers}"));
                    let said = offers.unwrap_or_else(|| "accepted".to_owned());
                    self.row(format!("configure {name}"), Standing::Good, without_port(&said));
                }
                Err(error) => {
                    self.row(format!("configure {name}"), Standing::Bad, error.to_string());
                }
            }
        }
        if host.has_server() && host.base_url().is_none() && host.is_configured() {
            let said = "a server's answer lacks `offers.base_url`: nobody can reach it";
            self.row("offers", Standing::Bad, said);
        }
        let plays_proxy = host.seats.contains(&Seat::MediaProxy);
        if plays_proxy && host.media_url().is_none() && host.is_configured() {
            let said = "a proxy's answer lacks `offers.media_url`: nobody can reach it";
            self.row("offers", Standing::Bad, said);
        }
        if !host.is_configured() {
            return false;
        }
        let announced = announce(host, &shared.profile).await;
        match &announced {
            Ok(_) => self.row("account", Standing::Good, "accepted"),
            Err(error) => self.row("account", Standing::Bad, error.to_string()),
        }
        announced.is_ok()
    }

    async fn operations(&mut self, target: &Target, shared: &Shared) {
        let ics = self.host.instance().ics().clone().narrowed(&target.ics);
        let ics = match ics {
            Ok(ics) => ics,
            Err(error) => return self.row("ics", Standing::Bad, error.to_string()),
        };
        let host = self.host;
        // As in a run: a client that brings no server is given its tokens.
        let token = (!host.has_server() && !enlistment_is_skipped(&shared.profile)).then(|| {
            let profile = shared.profile.clone();
            let mut meta = Meta::new(profile, integrator(None), shared.seed, "driver-check");
            meta.tell_time(UnixMs::now());
            meta.stand_in_token(VISIBLE_ID)
        });
        let file = Sample::new();
        for operation in operation::all().filter(|operation| is_owed(host, operation)) {
            let params = params(host, operation, &file, token.as_deref());
            let tried = attempt(self.host, operation, params).await;
            let absent = tried.answer == ProbeAnswer::MethodNotFound;
            let (standing, said) = judge(operation, tried, &ics);
            // Most lack most hooks, and say so.
            if operation.kind != Kind::Hook || standing != Standing::Open || !absent {
                self.row(operation.name, standing, said);
            }
            if self.host.has_ended() {
                return self.row("process", Standing::Bad, self.end());
            }
        }
    }

    /// What the adapter said and nobody had asked for.
    fn unasked(&mut self, guest: &mut Guest) {
        while let Ok(said) = guest.streams.incoming.try_recv() {
            if let Incoming::Breach { breach, .. } = said {
                self.row("unasked", Standing::Bad, breach.to_string());
            }
        }
    }

    /// Looks whether somebody is where the subject says that it listens.
    async fn reached(&mut self, guest: &mut Guest, shared: &Shared) {
        if self.host.has_ended() {
            return;
        }
        if let Some(base_url) = self.host.base_url() {
            let path = shared.profile.text("jwks.path").unwrap_or_default();
            let (standing, said) = match key_set(guest, &base_url, path).await {
                Ok(200) => (Standing::Good, format!("GET {path}: 200")),
                Ok(status) => (Standing::Open, format!("answers: GET {path}: {status}")),
                Err(why) => (Standing::Bad, format!("GET {base_url}{path}: {why}")),
            };
            self.row("reach key set", standing, said);
        }
        if let Some(media_url) = self.host.media_url() {
            let (standing, said) = match listener(&media_url).await {
                Ok(()) => (Standing::Good, "somebody listens there".to_owned()),
                Err(why) => (Standing::Bad, format!("{media_url}: {why}")),
            };
            self.row("reach media proxy", standing, said);
        }
    }

    async fn health(&mut self) {
        if self.host.has_ended() {
            return;
        }
        match self.host.instance().health().await {
            Ok(_) => self.row("health", Standing::Good, "well"),
            Err(error) => self.row("health", Standing::Bad, error.to_string()),
        }
    }

    async fn stop(&mut self) {
        if self.host.has_ended() {
            return;
        }
        let stopped = self.host.instance().stop().await;
        let (standing, said) = match (&stopped.answer, &stopped.exit, stopped.killed) {
            (Err(error), ..) => (Standing::Bad, error.to_string()),
            (_, _, true) => {
                (Standing::Bad, "answered, but the process did not end and was killed".to_owned())
            }
            (_, Some(exit), _) if !exit.is_success() => (Standing::Bad, exit.to_string()),
            _ => (Standing::Good, "answered and ended".to_owned()),
        };
        self.row("stop", standing, said);
    }

    fn end(&self) -> String {
        let exit = self.host.instance().exit_status();
        exit.map_or("it closed the connection".to_owned(), |exit| format!("it ended: {exit}"))
    }
}

/// Session operations are tried in their order, and what ends the process is not tried.
fn is_owed(host: &Host, operation: &Operation) -> bool {
    let seats = &host.seats;
    match (operation.kind, operation.scope) {
        (Kind::Session, _) => false,
        (Kind::Product, Scope::Seat) => seats.contains(&Seat::ThirdPartyServer),
        (Kind::Product, _) => seats.contains(&Seat::ThirdPartyClient),
        (Kind::Hook, _) => !matches!(operation.name, "kill" | "reset" | "restart"),
    }
}

/// A small file that an adapter can read, as long as the check lasts.
struct Sample {
    /// Where there is no room for one, the operations say so.
    path: String,
    _folder: Option<StateFolder>,
}

impl Sample {
    fn new() -> Self {
        let folder = StateFolder::new().ok();
        let file = folder.as_ref().map(|folder| folder.path().join("sample.bin"));
        let written = file.filter(|file| std::fs::write(file, [0x5a; 1000]).is_ok());
        let path = written.map_or("sample".to_owned(), |file| file.display().to_string());
        Self { path, _folder: folder }
    }
}

/// Parameters that mean something: the user that was announced, a file that is there, a phase and
/// states that exist. `token` goes to those that take one.
fn params(host: &Host, operation: &Operation, file: &Sample, token: Option<&str>) -> Params {
    let mut params = operation.sample_params(ACCOUNT, Seat::ThirdPartyServer);
    let of_the_server =
        operation.name == "rotate_keys" || !host.seats.contains(&Seat::ThirdPartyClient);
    if operation.scope == Scope::AccountOrSeat && host.has_server() && of_the_server {
        params.remove("account");
        params.insert("seat".to_owned(), json!(Seat::ThirdPartyServer.as_str()));
    }
    let known: &[(&str, &str)] = match operation.name {
        "token" => &[("user", VISIBLE_ID)],
        "upload_media" => &[("path", &file.path)],
        "send_media" => &[("path", &file.path), ("kind", "document")],
        "rotate_keys" => &[("phase", "begin")],
        "set_account_state" => &[("state", "enabled")],
        "set_app_state" => &[("state", "foreground")],
        _ => &[],
    };
    params.extend(known.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    if let Some(token) = token.filter(|_| matches!(operation.name, "enlist" | "connect")) {
        params.insert("token".to_owned(), json!(token));
    }
    params
}

fn judge(operation: &Operation, tried: Tried, ics: &Ics) -> (Standing, String) {
    let Tried { answer, said, class } = tried;
    let declared = operation.capability.map(|capability| (capability, ics.has(capability)));
    let unstated = |capability: &str| undeclared(operation, capability);
    match (answer, declared, operation.kind) {
        (ProbeAnswer::MethodNotFound, Some((_, false)), _) => {
            (Standing::Open, "not there, as declared".to_owned())
        }
        (ProbeAnswer::MethodNotFound, Some((capability, true)), _) => {
            (Standing::Bad, format!("method not found, though `{capability}` is declared"))
        }
        (ProbeAnswer::MethodNotFound, None, _) => {
            (Standing::Bad, "method not found; every user has this operation".to_owned())
        }
        (ProbeAnswer::Done, Some((capability, false)), _) if ics.is_left_out(capability) => {
            (Standing::Open, format!("it works; the file leaves `{capability}` out"))
        }
        (ProbeAnswer::Done, Some((capability, false)), _) => {
            (Standing::Bad, format!("it works, though {}", unstated(capability)))
        }
        (ProbeAnswer::Done, ..) => (Standing::Good, said),
        (ProbeAnswer::Refused, _, Kind::Hook) if class != Some(ErrorClass::Unavailable) => {
            (Standing::Good, format!("answers: {said}"))
        }
        (ProbeAnswer::Refused, Some((capability, false)), _)
            if operation.name == "upload_media" && !ics.is_left_out(capability) =>
        {
            (Standing::Open, format!("answers: {said}; and {}", unstated(capability)))
        }
        (ProbeAnswer::Refused, ..) => (Standing::Open, format!("answers: {said}")),
        (ProbeAnswer::Malformed | ProbeAnswer::Nothing, ..) => (Standing::Bad, said),
    }
}

/// That something is there of which `hello` says nothing, and what follows from that where its name
/// does not tell.
fn undeclared(operation: &Operation, capability: &str) -> String {
    let why = match operation.name {
        "upload_media" => {
            "; a server says by it that it stores files, and is judged by them only then"
        }
        _ => "",
    };
    format!("`{capability}` is not declared{why}")
}

/// Offers without the text of certificates, which no row has room for.
fn short(mut offers: Value) -> Value {
    if let Some(tls_ca) = offers.get_mut("tls_ca") {
        let count = tls_ca.as_str().map_or(0, |pem| pem.matches("-----BEGIN CERTIFICATE").count());
        let certificates = if count == 1 { "certificate" } else { "certificates" };
        *tls_ca = json!(format!("(PEM, {count} {certificates})"));
    }
    offers
}

/// Ports differ from run to run, and the table should not.
fn without_port(text: &str) -> String {
    let pattern = regex::Regex::new(r":\d{4,5}\b");
    pattern.map_or_else(|_| text.to_owned(), |port| port.replace_all(text, ":PORT").into_owned())
}
