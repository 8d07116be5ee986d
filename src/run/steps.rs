//! What each kind of step does.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::pump::Turn;
use super::recorder::RecordError;
use super::session::Session;
use crate::driver::{CallError, Params};
use crate::evidence::{Direction, Event, StepEnd};
use crate::iut::instruction::UNSEEN;
use crate::role::meta::{Faults, Push, enlistment_is_skipped};
use crate::scenario::{
    Act, Action, ContentFault, Expect, FrameFault, Mutation, Payload, Plays, Send, Step,
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
            Action::Expect(expect) => self.expect(expect).await,
            Action::ExpectNone(expect) => self.fence(expect).await,
            Action::Fault(fault) => self.fault(fault, step.label.as_deref()).await,
            Action::Advance(advance) => self.advance(advance).await,
        }
    }

    async fn expect(&mut self, expect: &Expect) -> Result<StepEnd, RecordError> {
        let mut until = Instant::now() + expect.within;
        let mut patient = self.shared.debugged;
        loop {
            if self.recorder.progress.board(self.lane).find(expect).is_some() {
                return Ok(StepEnd::Done);
            }
            if self.gone {
                return Ok(StepEnd::TimedOut);
            }
            if self.pump(until).await? == Turn::Time {
                if !std::mem::take(&mut patient) {
                    return Ok(StepEnd::TimedOut);
                }
                // It may stand in a debugger: the time counts from when it runs again.
                let _ = self.health().await?;
                until = Instant::now() + expect.within;
            }
        }
    }

    async fn act(&mut self, act: &Act, label: Option<&str>) -> Result<StepEnd, RecordError> {
        self.meta.set_faults(faults(act.mutate.as_ref()));
        let skips = enlistment_is_skipped(&self.shared.profile);
        let params = match self.params(act).await? {
            Ok(params) => params,
            Err(why) => return Ok(StepEnd::Refused(why)),
        };
        if act.operation == "enlist" && skips {
            return Ok(StepEnd::Done);
        }
        let before = self.recorder.transcript.entries().len();
        let mut answer = self.call(&act.operation, params, Some(&act.on)).await?;
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
        }
        Ok(ended(answer))
    }

    /// The id of the first message that an actor sent since an entry: a person cannot see it.
    async fn sent_id(&mut self, actor: &str, since: usize) -> Result<Option<String>, RecordError> {
        let until = Instant::now() + UPLOAD_WAIT;
        loop {
            let entries = self.recorder.transcript.entries().iter().skip(since);
            let found = entries
                .filter(|entry| entry.lane == self.lane && entry.actor.as_deref() == Some(actor))
                .find_map(|entry| message_id(&entry.event));
            if found.is_some() || self.gone || self.pump(until).await? == Turn::Time {
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
        if let Some(token) = self.token_for(act) {
            params.insert("token".into(), json!(token));
        }
        Ok(Ok(params))
    }

    fn plays(&self, actor: &str, seat: Plays) -> bool {
        let actors = &self.case.scenario.actors;
        actors.iter().any(|(name, a)| name == actor && a.plays == seat)
    }

    async fn send(&mut self, send: &Send, label: Option<&str>) -> Result<StepEnd, RecordError> {
        self.meta.set_faults(Faults::default());
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
                let fault = content_fault(send.mutate.as_ref());
                let sent = text.and_then(|text| {
                    let (lane, from, to) = (self.lane, &send.from, &send.to);
                    match send.hold {
                        true => self.meta.hold_text(lane, from, to, &text),
                        false => self.meta.send_text(lane, from, to, &text, fault),
                    }
                });
                sent.map(|sent| self.bind_id(label, &sent.id))
            }
            Payload::Stanza(pattern) => {
                let board = self.recorder.progress.board(self.lane);
                let node = pattern.build(board).map_err(|error| error.to_string());
                let fault = frame_fault(send.mutate.as_ref());
                node.and_then(|node| self.send_node(&send.to, node, fault, label))
            }
            Payload::Replay { of, same_id } => self.replay(send, of, *same_id, label),
            Payload::Release { of } => self.release(send, of, label),
            Payload::Drain { left } => {
                self.wait_for_keys(&send.to).await?;
                self.meta.drain(self.lane, &send.to, usize::from(*left))
            }
            Payload::Push => self.meta.push(Push {
                lane: self.lane,
                to: send.to.clone(),
                label: label.map(str::to_owned),
                fault: token_fault(send.mutate.as_ref()),
            }),
            Payload::FetchKeys => {
                self.meta.fetch_partner_keys(label.map(str::to_owned));
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

    fn send_node(
        &mut self,
        to: &str,
        node: Node,
        fault: Option<FrameFault>,
        label: Option<&str>,
    ) -> Result<(), String> {
        let id = node.text("id").map(|id| id.into_owned());
        match fault {
            Some(fault) => self.meta.send_in_faulty_frame(self.lane, to, &node, fault)?,
            None => self.meta.send_stanza(self.lane, to, node)?,
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
        let sent = self.meta.replay(self.lane, &send.from, &send.to, &id, same_id)?;
        self.bind_id(label, &sent.id);
        if let Some(label) = label {
            self.bind(&format!("{label}.replay_of"), &id);
        }
        Ok(())
    }

    fn release(&mut self, send: &Send, of: &str, label: Option<&str>) -> Result<(), String> {
        let id = self.recorder.progress.board(self.lane).value(&format!("{of}.id"));
        let id = id.ok_or(format!("`{of}` was not sent"))?;
        self.meta.replay(self.lane, &send.from, &send.to, &id, true)?;
        self.bind_id(label, &id);
        Ok(())
    }

    fn bind_id(&mut self, label: Option<&str>, id: &str) {
        if let Some(label) = label {
            self.bind(&format!("{label}.id"), id);
        }
    }

    /// A first text should find the one-time prekeys that the client uploads after its login.
    async fn wait_for_keys(&mut self, actor: &str) -> Result<(), RecordError> {
        let until = Instant::now() + UPLOAD_WAIT;
        let waits = |session: &Self| {
            let account = session.meta.account(session.lane, actor);
            account.is_some_and(|account| account.is_online() && !account.has_uploaded())
        };
        while waits(self) && self.pump(until).await? == Turn::Happened {}
        Ok(())
    }

    /// The token for a client whose server is not part of the implementation under test.
    fn token_for(&mut self, act: &Act) -> Option<String> {
        let wants = matches!(act.operation.as_str(), "enlist" | "connect");
        if !wants || self.host().has_server() || enlistment_is_skipped(&self.shared.profile) {
            return None;
        }
        let board = self.recorder.progress.board(self.lane);
        let visible_id = board.value(&format!("{}.visible_id", act.on))?;
        Some(self.meta.stand_in_token(&visible_id))
    }
}

/// Parameters are text in a scenario and typed on the wire.
fn typed(operation: &str, name: &str, text: String) -> Value {
    match (operation, name) {
        ("advance_clock", "by_ms") => text.parse::<u64>().map_or(Value::from(text), Value::from),
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
        Some(Mutation::EnlistmentReason(reason)) => {
            faults.enlistment_reason = Some(reason.clone());
        }
        Some(Mutation::Content(_) | Mutation::PushToken(_) | Mutation::Frame(_)) | None => {}
    }
    faults
}

fn frame_fault(mutation: Option<&Mutation>) -> Option<FrameFault> {
    match mutation {
        Some(Mutation::Frame(fault)) => Some(*fault),
        _ => None,
    }
}

fn content_fault(mutation: Option<&Mutation>) -> Option<ContentFault> {
    match mutation {
        Some(Mutation::Content(fault)) => Some(*fault),
        _ => None,
    }
}

fn token_fault(mutation: Option<&Mutation>) -> Option<crate::scenario::TokenFault> {
    match mutation {
        Some(Mutation::PushToken(fault)) => Some(*fault),
        _ => None,
    }
}
