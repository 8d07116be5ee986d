//! What each kind of step does.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::recorder::RecordError;
use super::session::Session;
use crate::driver::{CallError, Params};
use crate::evidence::{Direction, Event, FORGED, StepEnd};
use crate::iut::instruction::UNSEEN;
use crate::patience::Patience;
use crate::role::meta::{Faults, Letter, Push, enlistment_is_skipped};
use crate::scenario::{
    Act, Action, BytesFault, Compromise, Expect, FrameFault, Kind, Matching, Mutation, Payload,
    Plays, Relaying, Said, Send, Step,
};
use crate::wire::{EncodeAs, Node, binary};

/// Why a step with an encoding of its own shows nothing.
const NOT_STYLED: &str =
    "`encode` changed nothing: no stanza went out that it writes in another way";
/// How long a first text waits for the user's one-time prekeys.
const UPLOAD_WAIT: Duration = Duration::from_secs(3);

impl Session<'_> {
    /// Carries out one step.
    pub(super) async fn perform(&mut self, step: &Step) -> Result<StepEnd, RecordError> {
        match &step.action {
            Action::Act(act) => self.act(act, step.label.as_deref()).await,
            Action::Send(send) => self.send(send, step.label.as_deref()).await,
            Action::Expect(expect) | Action::ExpectNone(expect)
                if self.is_out_of_sight(expect.kind) =>
            {
                Ok(StepEnd::OutOfSight)
            }
            Action::Expect(expect) => self.expect(expect).await,
            Action::ExpectNone(expect) => self.fence(expect).await,
            Action::Fault(fault) => self.fault(fault, step.label.as_deref()).await,
            Action::Advance(advance) => self.advance(advance).await,
            Action::Compromise(theft) => self.steal(theft, step.label.as_deref()).await,
        }
    }

    /// True where nothing more will come: a request that was made once was answered otherwise, or a probe
    /// has come to another grade than the one that is expected.
    fn is_decided_otherwise(&mut self, expect: &Expect) -> bool {
        let (Some(of), Matching::Fields(fields)) = (expect.of(), &expect.matching) else {
            return false;
        };
        let mut asked =
            self.case.scenario.steps.iter().filter(|step| step.label.as_deref() == Some(of));
        let (Some(request), None) = (asked.next(), asked.next()) else { return false };
        let Action::Send(send) = &request.action else { return false };
        let told: fn(&str) -> bool = match (expect.kind, &send.payload) {
            (
                Kind::Response,
                Payload::Push { times: 1 }
                | Payload::FetchKeys { times: 1, .. }
                | Payload::Probe { .. },
            ) => |name| name == "of",
            (Kind::Rule, Payload::ProbeProxy { .. } | Payload::ProbeFile { .. }) => {
                |name| name != "grade"
            }
            _ => return false,
        };
        let fields = fields.iter().filter(|(name, _)| told(name)).cloned().collect();
        let any = Expect { matching: Matching::Fields(fields), ..expect.clone() };
        self.recorder.progress.board(self.lane).find(&any).is_some()
    }

    async fn expect(&mut self, expect: &Expect) -> Result<StepEnd, RecordError> {
        let mut patience = Patience::new(expect.patience(&self.shared.profile));
        let mut patient = self.shared.debugged;
        loop {
            if self.recorder.progress.board(self.lane).find(expect).is_some() {
                return Ok(StepEnd::Done);
            }
            if self.gone || self.is_decided_otherwise(expect) {
                return Ok(StepEnd::TimedOut);
            }
            if !self.waits(&mut patience).await? {
                if !std::mem::take(&mut patient) {
                    return Ok(StepEnd::TimedOut);
                }
                // It may stand in a debugger: the time counts from when it runs again.
                self.ask_whether(expect).await?;
                patience = Patience::new(expect.patience(&self.shared.profile));
            }
        }
    }

    async fn act(&mut self, act: &Act, label: Option<&str>) -> Result<StepEnd, RecordError> {
        self.meta.set_faults(faults(act.mutate.as_ref()));
        if let Some(Mutation::LoginDigits(digits)) = act.mutate
            && let Err(why) = self.renumber(&act.on, digits)
        {
            return Ok(StepEnd::Refused(why));
        }
        if let Some(Mutation::Tls(word)) = act.mutate
            && let Err(why) = self.show_certificate(Some(word))
        {
            return Ok(StepEnd::Refused(why));
        }
        if act.operation == "enlist" {
            self.meta.expect_enlistment_of(self.lane, &act.on);
        }
        if act.operation == "disconnect" {
            // What a login that no act asked for leads to is still on its way.
            self.settle().await?;
        }
        let skips = enlistment_is_skipped(&self.shared.profile);
        let mut params = match self.params(act).await? {
            Ok(params) => params,
            Err(why) => return Ok(StepEnd::Refused(why)),
        };
        if act.operation == "connect" {
            self.pushed.remove(&self.lane);
        }
        if self.lends && takes_a_token(&act.operation) {
            match self.token_of_the_subject(&act.on).await? {
                Ok(token) => drop(params.insert("token".into(), token)),
                Err(error) => return Ok(ended(Err(error))),
            }
        }
        if act.operation == "enlist" && skips {
            return Ok(StepEnd::Done);
        }
        let before = self.recorder.transcript.entries().len();
        // The session takes it back once what the operation led to has settled.
        self.meta.set_encoding(act.encode.unwrap_or(self.encoding()));
        let styled = self.meta.styled();
        let path = params.get("path").and_then(Value::as_str).map(PathBuf::from);
        let mut answer = match self.ends_from_outside(&act.operation) {
            Some(end) => self.end_and_start((&act.operation, end), params, &act.on).await?,
            None => self.call(&act.operation, params, Some(&act.on)).await?,
        };
        let wanted = act.encode.is_some_and(|encode| encode != EncodeAs::CANONICAL);
        if wanted && answer.is_ok() && !self.is_styled_since(styled).await? {
            return Ok(StepEnd::Refused(NOT_STYLED.to_owned()));
        }
        if let Ok(result) = &mut answer
            && result.get("id").and_then(Value::as_str) == Some(UNSEEN)
            && let Some(id) = self.sent_id(&act.on, before).await?
        {
            result["id"] = id.into();
        }
        if let (Some(label), Ok(result)) = (label, &answer) {
            for (field, value) in result.as_object().into_iter().flatten() {
                if let Some(text) = value.as_str() {
                    self.bind(&format!("{label}.{field}"), text);
                }
            }
            if act.operation == "upload_media" {
                self.is_stored(label, path);
            }
        }
        Ok(ended(answer))
    }

    /// Whether something went out in the wanted form; an operation is done when it was accepted, and
    /// what it leads to may come later.
    async fn is_styled_since(&mut self, before: u64) -> Result<bool, RecordError> {
        let mut patience = Patience::new(UPLOAD_WAIT);
        while self.meta.styled() == before {
            if self.gone || !self.waits(&mut patience).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The id of the first message that an actor sent since an entry: a person cannot see it.
    async fn sent_id(&mut self, actor: &str, since: usize) -> Result<Option<String>, RecordError> {
        let mut patience = Patience::new(UPLOAD_WAIT);
        loop {
            let entries = self.recorder.transcript.entries().iter().skip(since);
            let found = entries
                .filter(|entry| entry.lane == self.lane && entry.actor.as_deref() == Some(actor))
                .find_map(|entry| message_id(&entry.event));
            if found.is_some() || self.gone || !self.waits(&mut patience).await? {
                return Ok(found);
            }
        }
    }

    async fn params(&mut self, act: &Act) -> Result<Result<Params, String>, RecordError> {
        let mut params = Map::new();
        if self.plays(&act.on, Plays::ThirdPartyClient) {
            params.insert("account".into(), json!(self.account(&act.on).await?));
        } else {
            params.insert("seat".into(), json!("third-party-server"));
        }
        let board = self.recorder.progress.board(self.lane);
        for (name, template) in &act.params {
            match template.render(board) {
                Ok(text) => params.insert(name.clone(), typed(&act.operation, name, text)),
                Err(error) => return Ok(Err(error.to_string())),
            };
        }
        if takes_a_file(&act.operation)
            && let Some(named) = params.get("path").and_then(Value::as_str).map(str::to_owned)
        {
            match self.file_for(act, &named) {
                Ok(path) => params.insert("path".into(), json!(path)),
                Err(why) => return Ok(Err(why)),
            };
        }
        if let Some(token) = self.token_for(act) {
            params.insert("token".into(), json!(token));
        }
        Ok(Ok(params))
    }

    pub(super) fn plays(&self, actor: &str, seat: Plays) -> bool {
        let actors = &self.case.scenario.actors;
        actors.iter().any(|(name, a)| name == actor && a.plays == seat)
    }

    async fn send(&mut self, send: &Send, label: Option<&str>) -> Result<StepEnd, RecordError> {
        let board = self.recorder.progress.board(self.lane);
        let with = match send.with.as_ref().map(|with| with.build(board)).transpose() {
            Ok(with) => with,
            Err(error) => return Ok(StepEnd::Refused(error.to_string())),
        };
        self.meta.set_faults(Faults { with, ..faults(send.mutate.as_ref()) });
        let encoding = send.encode.unwrap_or(self.encoding());
        self.meta.set_encoding(encoding);
        let styled = self.meta.styled();
        if self.plays(&send.to, Plays::ThirdPartyClient) {
            self.account(&send.to).await?;
        }
        let done = match &send.payload {
            Payload::Text(text) => {
                let board = self.recorder.progress.board(self.lane);
                let text = text.render(board).map_err(|error| error.to_string());
                self.wait_for_keys(&send.to).await?;
                let letter = text.map(|text| addressed(Letter::text(&text), send.mutate.as_ref()));
                let sent = letter.and_then(|letter| {
                    let (lane, from, to) = (self.lane, &send.from, &send.to);
                    match send.hold {
                        true => self.meta.hold_text(lane, from, to, &letter.text),
                        false => self.meta.send_letter(lane, from, to, letter),
                    }
                });
                sent.map(|sent| self.bind_id(label, &sent.id))
            }
            Payload::Typing(on) => self.meta.send_typing(self.lane, &send.from, &send.to, *on),
            Payload::Blocks(jid) => {
                let board = self.recorder.progress.board(self.lane);
                let jid = jid.render(board).map_err(|error| error.to_string());
                jid.and_then(|jid| self.meta.block_beforehand(self.lane, &send.to, &jid))
            }
            Payload::Content(said) => {
                self.wait_for_keys(&send.to).await?;
                self.send_content(send, said, label)
            }
            Payload::Media(said) => {
                self.wait_for_keys(&send.to).await?;
                self.send_file(send, said, label)
            }
            Payload::ProbeFile { probe, of, http2 } => self.probe_media(*probe, *http2, of, label),
            Payload::ProbeProxy { probe, http2 } => self.probe_proxy(*probe, *http2, label),
            Payload::Stanza(pattern) => {
                let board = self.recorder.progress.board(self.lane);
                let node = pattern.build(board).map_err(|error| error.to_string());
                let mutation = send.mutate.as_ref();
                node.and_then(|node| self.send_node(&send.to, node, mutation, label))
            }
            Payload::Replay { of, same_id } => self.replay(send, of, *same_id, label),
            Payload::Relay { of, how } => self.relay(send, of, *how, label),
            Payload::Release { of } => self.release(send, of, label),
            Payload::AskAgain { .. }
            | Payload::Resend { .. }
            | Payload::Lose(_)
            | Payload::Unsent(_) => self.send_about_earlier(send, label),
            Payload::Soak(rounds) => self.soak(send, *rounds).await?,
            Payload::Drain { left } => {
                self.wait_for_keys(&send.to).await?;
                self.meta.drain(self.lane, &send.to, usize::from(*left))
            }
            Payload::EnlistElsewhere => self.meta.enlist_elsewhere(self.lane, &send.to),
            Payload::Push { times } if !self.host().has_server() => {
                self.wake(send, *times, label).await?
            }
            Payload::Push { times } => (0..*times).try_for_each(|_| self.push(send, label)),
            Payload::FetchKeys { times, head } => {
                let label = label.map(str::to_owned);
                (0..*times).for_each(|_| self.meta.ask_for_partner_keys(label.clone(), *head));
                Ok(())
            }
            Payload::Probe { kind, at, of } => self.look(*kind, *at, of.as_deref(), label),
            Payload::Publish(keys) => {
                self.meta.publish(*keys);
                Ok(())
            }
        };
        self.carry_out().await?;
        self.meta.set_encoding(self.encoding());
        let wanted = send.encode.is_some_and(|encode| encode != EncodeAs::CANONICAL);
        let done = match done {
            Ok(()) if wanted && self.meta.styled() == styled => Err(NOT_STYLED.to_owned()),
            done => done,
        };
        Ok(done.map_or_else(StepEnd::Refused, |()| StepEnd::Done))
    }

    /// What is on its way arrives first: a thief takes a client at rest.
    async fn steal(
        &mut self,
        theft: &Compromise,
        label: Option<&str>,
    ) -> Result<StepEnd, RecordError> {
        let label = label.unwrap_or_default();
        let stolen = self.meta.steal(self.lane, &theft.of, &theft.with, label);
        self.carry_out().await?;
        Ok(stolen.map_or_else(StepEnd::Refused, |()| StepEnd::Done))
    }

    fn push(&mut self, send: &Send, label: Option<&str>) -> Result<(), String> {
        let (fault, body) = match &send.mutate {
            Some(Mutation::PushToken(fault)) => (Some(*fault), None),
            Some(Mutation::PushBody(body)) => (None, Some(*body)),
            _ => (None, None),
        };
        if self.lends {
            self.pushed.insert(self.lane);
        }
        let (to, label) = (send.to.clone(), label.map(str::to_owned));
        self.meta.push(Push { lane: self.lane, to, label, fault, body })
    }

    fn send_content(
        &mut self,
        send: &Send,
        said: &Said,
        label: Option<&str>,
    ) -> Result<(), String> {
        let board = self.recorder.progress.board(self.lane);
        let fields = said.render(board).map_err(|error| error.to_string())?;
        let chat = board.value(&format!("{}.jid", send.to)).unwrap_or_default();
        let letter = Letter::said(said.kind, &fields, &chat, self.now().0)?;
        let letter = addressed(letter, send.mutate.as_ref());
        let sent = self.meta.send_letter(self.lane, &send.from, &send.to, letter)?;
        self.bind_id(label, &sent.id);
        Ok(())
    }

    fn send_node(
        &mut self,
        to: &str,
        node: Node,
        mutation: Option<&Mutation>,
        label: Option<&str>,
    ) -> Result<(), String> {
        let id = node.text("id").map(|id| id.into_owned());
        match (frame_fault(mutation), bytes_fault(mutation)) {
            (Some(fault), _) => self.meta.send_in_faulty_frame(self.lane, to, &node, fault)?,
            (None, Some(fault)) => self.meta.send_malformed(self.lane, to, &node, fault)?,
            (None, None) => self.meta.send_stanza(self.lane, to, node)?,
        }
        if let Some(id) = id {
            self.bind_id(label, &id);
        }
        Ok(())
    }

    fn replay(
        &mut self,
        send: &Send,
        of: &str,
        same_id: bool,
        label: Option<&str>,
    ) -> Result<(), String> {
        let id = self.recorder.progress.board(self.lane).value(&format!("{of}.id"));
        let id = id.ok_or(format!("`{of}` was not sent"))?;
        let forgery = match send.mutate {
            Some(Mutation::Ciphertext(fault)) => Some(fault),
            _ => None,
        };
        let sent = self.meta.replay(self.lane, &send.from, &send.to, &id, same_id, forgery)?;
        self.bind_id(label, &sent.id);
        if let Some(label) = label {
            self.bind(&format!("{label}.replay_of"), &id);
            if let Some(fault) = forgery {
                self.bind(&format!("{label}.{FORGED}"), fault.word());
            }
        }
        Ok(())
    }

    fn relay(
        &mut self,
        send: &Send,
        of: &str,
        how: Relaying,
        label: Option<&str>,
    ) -> Result<(), String> {
        let id = self.recorder.progress.board(self.lane).value(&format!("{of}.id"));
        let id = id.ok_or(format!("`{of}` was not sent"))?;
        let id = self.meta.relay(self.lane, &send.to, &id, how)?;
        self.bind_id(label, &id);
        Ok(())
    }

    fn release(&mut self, send: &Send, of: &str, label: Option<&str>) -> Result<(), String> {
        let id = self.recorder.progress.board(self.lane).value(&format!("{of}.id"));
        let id = id.ok_or(format!("`{of}` was not sent"))?;
        self.meta.replay(self.lane, &send.from, &send.to, &id, true, None)?;
        self.bind_id(label, &id);
        Ok(())
    }

    pub(super) fn bind_id(&mut self, label: Option<&str>, id: &str) {
        if let Some(label) = label {
            self.bind(&format!("{label}.id"), id);
        }
    }

    /// A first text should find the one-time prekeys that the client uploads after its login.
    async fn wait_for_keys(&mut self, actor: &str) -> Result<(), RecordError> {
        let mut patience = Patience::new(UPLOAD_WAIT);
        let lacks = |session: &Self| {
            let account = session.meta.account(session.lane, actor);
            account.is_some_and(|account| account.is_online() && !account.has_uploaded())
        };
        while lacks(self) && self.waits(&mut patience).await? {}
        Ok(())
    }

    /// Asks the subject's server for a token for a user of the lent client.
    async fn token_of_the_subject(
        &mut self,
        actor: &str,
    ) -> Result<Result<Value, CallError>, RecordError> {
        let board = self.recorder.progress.board(self.lane);
        let user = board.value(&format!("{actor}.visible_id")).unwrap_or_default();
        let mut params = Map::new();
        params.insert("seat".into(), json!("third-party-server"));
        params.insert("user".into(), json!(user));
        let answer = self.call("token", params, Some(actor)).await?;
        Ok(answer.map(|mut result| result["jwt"].take()))
    }

    /// The token for a client whose server is not part of the implementation under test.
    fn token_for(&mut self, act: &Act) -> Option<String> {
        if !takes_a_token(&act.operation)
            || self.host().has_server()
            || enlistment_is_skipped(&self.shared.profile)
        {
            return None;
        }
        let board = self.recorder.progress.board(self.lane);
        let visible_id = board.value(&format!("{}.visible_id", act.on))?;
        Some(self.meta.stand_in_token(&visible_id))
    }
}

/// Operations with which a user's token is shown.
fn takes_a_token(operation: &str) -> bool {
    matches!(operation, "enlist" | "connect")
}

/// Operations whose `path` names a file that the harness makes.
fn takes_a_file(operation: &str) -> bool {
    matches!(operation, "send_media" | "upload_media")
}

/// Parameters are text in a scenario and typed on the wire.
fn typed(operation: &str, name: &str, text: String) -> Value {
    match (operation, name) {
        ("advance_clock", "by_ms") | ("preset", _) => {
            text.parse::<u64>().map_or(Value::from(text), Value::from)
        }
        ("set_typing", "on") | ("set_read_receipts", "on") => Value::from(text == "true"),
        _ => Value::from(text),
    }
}

/// The id of a message that arrived.
fn message_id(event: &Event) -> Option<String> {
    let Event::Stanza { direction: Direction::Received, bytes, .. } = event else {
        return None;
    };
    let node = binary::decode(&bytes.bytes()?).ok()?.node;
    (node.tag == "message").then(|| node.text("id").map(|id| id.into_owned()))?
}

pub(super) fn ended(answer: Result<Value, CallError>) -> StepEnd {
    match answer {
        Ok(_) => StepEnd::Done,
        Err(CallError::Rpc(error)) if error.is_method_not_found() => StepEnd::Unsupported,
        Err(CallError::Timeout(_)) => StepEnd::TimedOut,
        Err(error) => StepEnd::Refused(error.to_string()),
    }
}

fn faults(mutation: Option<&Mutation>) -> Faults {
    let mut faults = Faults::default();
    match mutation {
        Some(Mutation::ServerChain(fault)) => faults.chain = Some(*fault),
        Some(Mutation::ServerHello(fault)) => faults.hello = Some(*fault),
        Some(Mutation::BundleSignature(fault)) => faults.bundle_signature = Some(*fault),
        Some(Mutation::BundleError(code)) => faults.bundle_error = Some(*code),
        Some(Mutation::Bundle(fault)) => faults.bundle = Some(*fault),
        Some(Mutation::Prekey(fault)) => faults.prekey = Some(*fault),
        Some(Mutation::EnlistmentReason(reason)) => {
            faults.enlistment_reason = Some(reason.clone());
        }
        Some(Mutation::OfflineCount(count)) => faults.offline_count = Some(*count),
        Some(Mutation::EnlistmentAnswer(fault)) => faults.enlistment_answer = Some(*fault),
        Some(Mutation::ServerLogin(fault)) => faults.login = Some(*fault),
        Some(
            Mutation::Content(_)
            | Mutation::PushToken(_)
            | Mutation::PushBody(_)
            | Mutation::Frame(_)
            | Mutation::Bytes(_)
            | Mutation::Media(_)
            | Mutation::Host(_)
            | Mutation::Ciphertext(_)
            | Mutation::Sender(_)
            | Mutation::Time(_)
            | Mutation::Device(_)
            | Mutation::LoginDigits(_)
            | Mutation::Tls(_),
        )
        | None => {}
    }
    faults
}

fn bytes_fault(mutation: Option<&Mutation>) -> Option<BytesFault> {
    match mutation {
        Some(Mutation::Bytes(fault)) => Some(*fault),
        _ => None,
    }
}

fn frame_fault(mutation: Option<&Mutation>) -> Option<FrameFault> {
    match mutation {
        Some(Mutation::Frame(fault)) => Some(*fault),
        _ => None,
    }
}

/// The letter with the step's difference in it.
fn addressed(letter: Letter, mutation: Option<&Mutation>) -> Letter {
    match mutation {
        Some(Mutation::Content(fault)) => Letter { fault: Some(*fault), ..letter },
        Some(Mutation::Time(fault)) => Letter { time: Some(*fault), ..letter },
        Some(Mutation::Device(device)) => Letter { device: *device, ..letter },
        Some(Mutation::Sender(name)) => Letter { claims: Some(name.clone()), ..letter },
        _ => letter,
    }
}
