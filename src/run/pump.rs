//! The event loop of a case: sockets, the adapter and the clock on one side, roles on the other.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::time::Instant;

use super::desk::Visit;
use super::lent::{self, Asked};
use super::recorder::RecordError;
use super::session::{Misfortune, Session};
use crate::driver::{CallError, Incoming, Params};
use crate::evidence::{Event, Stream, Trouble};
use crate::iut::instruction::UNSEEN;
use crate::net::doubles::Hit;
use crate::net::{ConnId, HttpVersion, NetEvent};
use crate::patience::Patience;
use crate::role::{Input, Output, Record, Role};

/// Why the loop returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something happened and was recorded.
    Happened,
    /// The deadline is there.
    Time,
}

impl Session<'_> {
    /// Handles the next event, or waits until the deadline.
    pub(super) async fn pump(&mut self, until: Instant) -> Result<Turn, RecordError> {
        self.carry_out().await?;
        tokio::select! {
            visit = self.guest.streams.visits.recv() => match visit {
                Some(Visit::Net(event)) => self.net_event(event).await?,
                Some(Visit::TakeOver { conn, sent }) => {
                    self.sent_before.insert(conn, sent);
                }
                Some(Visit::Stray(what)) => self.stray = Some(what),
                Some(Visit::Overheard(request)) => self.meta.overhear(&request),
                // The host lives as long as its guests.
                None => {}
            },
            said = self.guest.streams.incoming.recv(), if !self.gone => match said {
                Some(said) => self.said(said),
                None => self.lost("the driver connection ended".into()),
            },
            Hit { double: stub, method, path } = self.stubs.next() => {
                self.record(Stream::http_in(), None, Event::StubAsked { stub, method, path });
            }
            () = tokio::time::sleep_until(until) => return Ok(Turn::Time),
        }
        self.carry_out().await?;
        Ok(Turn::Happened)
    }

    async fn net_event(&mut self, event: NetEvent) -> Result<(), RecordError> {
        let input = match event {
            NetEvent::Accepted { conn, kind, .. } => {
                self.lines.accepted(conn);
                Input::Accepted { conn, websocket: kind == crate::net::Kind::WebSocket }
            }
            NetEvent::Opened { conn } => Input::Opened { conn },
            NetEvent::OpenFailed { conn, error } => Input::Closed { conn, error: Some(error) },
            NetEvent::Bytes { conn, bytes } => return self.arrived(conn, bytes).await,
            NetEvent::Closed { conn, error } => Input::Closed { conn, error },
            NetEvent::Request { id, listener, request, .. }
                if self.is_proxied(&request.path, listener) =>
            {
                self.proxied(id, request, listener);
                return Ok(());
            }
            NetEvent::Request { id, request, .. } => {
                self.http.asked(&self.shared.profile, id, &request);
                Input::Request { id, request }
            }
            NetEvent::Response { id, result } => match self.fetches.remove(&id) {
                Some(id) => Input::Response { id, result },
                None => return Ok(()),
            },
            NetEvent::Probed { id, result } => {
                if !self.was_given(id, &result) {
                    self.looked(id, result);
                }
                return Ok(());
            }
            NetEvent::Unsecured { error, .. } => {
                self.record(Stream::http_in(), None, Event::TlsRefused { why: error });
                return Ok(());
            }
        };
        self.meta.handle(self.now(), input);
        Ok(())
    }

    /// Carries out what Meta's side wants: what explains bytes is in the log before they go out.
    pub(super) async fn carry_out(&mut self) -> Result<(), RecordError> {
        while let Some(output) = self.meta.poll() {
            if let Output::Record(record) = output {
                let Record { stream, lane, actor, event } = *record;
                self.recorder.record(stream, lane, actor.as_deref(), event);
                continue;
            }
            self.recorder.flush()?;
            match output {
                Output::Send { conn, bytes } => self.outgoing(conn, bytes).await?,
                Output::Close { conn } => self.guest.close(conn),
                Output::Respond { id, response } => self.answer(id, response).await?,
                Output::Lose { id } => self.guest.lose(id),
                Output::Fetch { id, url, request } => self.ask_for(id, &url, request).await?,
                Output::Download { id, url, request, bytes_max, http2 } => {
                    let version = if http2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
                    let exchange = self.guest.download(version, &url, request, bytes_max);
                    self.fetches.insert(exchange, id);
                }
                Output::Deliver { id, response, how } => self.guest.deliver(id, response, how),
                Output::Relay { id, url, request } => self.pass_on(id, &url, request).await?,
                Output::Claim { path } => self.guest.claim(&path),
                Output::Record(_) | Output::WakeAt(_) => {}
            }
        }
        self.carry_out_ends();
        self.recorder.flush()
    }

    /// Sends what the lobby has not sent already; see [`super::desk`].
    pub(super) fn send_on(&mut self, conn: ConnId, bytes: Vec<u8>) {
        let sent = self.sent_before.get_mut(&conn).and_then(VecDeque::pop_front);
        match sent {
            // The same house draws the same for one connection.
            Some(sent) if sent == bytes => {}
            Some(_) => {
                let why = "the lobby answered a connection in another way than the case would have";
                let host = self.host().number;
                self.misfortune = Some(Misfortune { kind: None, why: why.into(), host });
            }
            None => self.guest.send(conn, bytes),
        }
    }

    fn said(&mut self, said: Incoming) {
        match said {
            Incoming::Notification { notification, .. } => {
                let owner = notification.account().and_then(|account| self.owner(account));
                let stream = Stream::user(notification.account().unwrap_or("-"));
                let params = Value::Object(self.completed(notification.params.clone()));
                let seen = self.files.seen(&notification.method, &params, self.sent_files());
                let event = Event::Notified { name: notification.method.clone(), params };
                match owner {
                    Some((lane, actor)) => {
                        self.recorder.record(stream.clone(), lane, Some(&actor), event);
                        if let Some(seen) = seen {
                            self.recorder.record(stream, lane, Some(&actor), seen);
                        }
                    }
                    None => self.record(stream, None, event),
                }
            }
            Incoming::Answered { id, .. } => self.answered.push(id),
            Incoming::Breach { breach, .. } => {
                let why = breach.to_string();
                self.record(Stream::operations(), None, Event::DriverBreach { why });
            }
            Incoming::Closed { error, .. } => {
                self.lost(error.unwrap_or_else(|| "the adapter closed its output".into()));
            }
        }
    }

    /// The files that Meta clients sent: message, and SHA-256 in clear.
    fn sent_files(&self) -> Vec<(String, String)> {
        let entries = self.recorder.transcript.entries().iter();
        entries
            .filter_map(|entry| match &entry.event {
                Event::MediaSent { id, sha256, .. } => Some((id.clone(), sha256.clone())),
                _ => None,
            })
            .collect()
    }

    /// What a person could not see of a message is taken from the wire: its id.
    fn completed(&self, mut params: Params) -> Params {
        let unseen = params.get("id").and_then(Value::as_str) == Some(UNSEEN);
        let text = params.get("content").and_then(|content| content.get("text")?.as_str());
        if unseen && let Some(id) = text.and_then(|text| self.sent_text(text)) {
            params.insert("id".into(), id.into());
        }
        params
    }

    /// The id of the last text of a Meta client that reads so.
    fn sent_text(&self, wanted: &str) -> Option<String> {
        let mut entries = self.recorder.transcript.entries().iter().rev();
        entries.find_map(|entry| match &entry.event {
            Event::Encrypted { id, text, .. } if text == wanted && entry.lane == self.lane => {
                Some(id.clone())
            }
            _ => None,
        })
    }

    pub(super) fn lost(&mut self, why: String) {
        self.gone = true;
        let status = self.host().instance().exit_status();
        let detail = status.map_or(why.clone(), |status| format!("{why}; {status}"));
        self.trouble(Trouble::Died, detail);
    }

    /// Asks the adapter and goes on serving until it answers, or until the time is up.
    pub(super) async fn call(
        &mut self,
        operation: &str,
        params: Params,
        actor: Option<&str>,
    ) -> Result<Result<Value, CallError>, RecordError> {
        let shown = Value::Object(redacted(&params));
        let called = Event::Called { operation: operation.to_owned(), params: shown };
        self.record(Stream::operations(), actor, called);
        self.carry_out().await?;
        let answer = self.ask(operation, params).await?;
        if matches!(answer, Err(CallError::Timeout(_))) {
            self.note_hang(operation).await?;
        }
        let outcome = match &answer {
            Ok(value) => Ok(without_token(value)),
            Err(error) => Err(error.to_string()),
        };
        let answered = Event::Answered { operation: operation.to_owned(), outcome };
        self.record(Stream::operations(), actor, answered);
        self.carry_out().await?;
        Ok(answer)
    }

    /// An operation may take its time; an adapter that does not even say that it is well hangs.
    pub(super) async fn note_hang(&mut self, operation: &str) -> Result<(), RecordError> {
        let health = match operation {
            "health" => Err(CallError::Timeout(self.shared.operation_timeout)),
            _ => self.ask("health", Params::new()).await?,
        };
        if matches!(health, Err(CallError::Timeout(_))) {
            let wait = self.shared.operation_timeout.as_millis();
            let detail =
                format!("neither `{operation}` nor `health` was answered in {wait} ms each");
            self.trouble(Trouble::Hung, detail);
            self.hangs = true;
        }
        Ok(())
    }

    async fn ask(
        &mut self,
        operation: &str,
        params: Params,
    ) -> Result<Result<Value, CallError>, RecordError> {
        let asked = if self.lends { lent::asked(operation) } else { Asked::Subject };
        if asked == Asked::Both {
            // The subject's answer is what counts.
            let _ = self.ask_one(true, operation, params.clone()).await?;
        }
        self.ask_one(asked == Asked::Lent, operation, params).await
    }

    async fn ask_one(
        &mut self,
        lent: bool,
        operation: &str,
        params: Params,
    ) -> Result<Result<Value, CallError>, RecordError> {
        if self.gone || self.hangs {
            return Ok(Err(CallError::Closed));
        }
        let timeout = self.shared.operation_timeout;
        let mut patience = Patience::new(timeout);
        let begun = match lent {
            true => self.guest.begin_lent(operation, params).await,
            false => self.guest.begin(operation, params).await,
        };
        let pending = match begun {
            Ok(pending) => pending,
            Err(error) => return self.unanswered(error, patience).await,
        };
        loop {
            if let Some(at) = self.answered.iter().position(|id| *id == pending.id) {
                self.answered.swap_remove(at);
                return match pending.answer().await {
                    Ok(value) => Ok(Ok(value)),
                    Err(error) => self.unanswered(error, patience).await,
                };
            }
            if self.gone {
                return Ok(Err(CallError::Closed));
            }
            if !self.waits(&mut patience).await? {
                return Ok(Err(CallError::Timeout(timeout)));
            }
        }
    }

    /// A call may hear of the adapter's end before the session does; then that is noted first.
    async fn unanswered(
        &mut self,
        error: CallError,
        mut patience: Patience,
    ) -> Result<Result<Value, CallError>, RecordError> {
        while matches!(error, CallError::Closed) && !self.gone {
            if !self.waits(&mut patience).await? {
                self.lost(error.to_string());
            }
        }
        Ok(Err(error))
    }
}

/// Parameters as a transcript may hold them.
fn redacted(params: &Params) -> Params {
    let mut params = params.clone();
    if params.contains_key("token") {
        params.insert("token".into(), Value::from("(withheld)"));
    }
    // Where the harness puts its files differs from run to run.
    if let Some(path) = params.get("path").and_then(Value::as_str) {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        params.insert("path".into(), name.into());
    }
    params
}

fn without_token(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(jwt) = value.get_mut("jwt") {
        *jwt = Value::from("(withheld)");
    }
    value
}
