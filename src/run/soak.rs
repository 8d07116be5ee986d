//! A soak: thousands of texts both ways, of which only the tally is kept.
//!
//! Main type: [`Tally`]. To record every message would take memory without end and show nothing more
//! than that none was lost; so the recorder passes the traffic of a soak to the tally, and what came
//! out of it is one event, from which a judge decides (RAT-015).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, json};

use super::recorder::RecordError;
use super::session::Session;
use crate::evidence::{Event, Stream};
use crate::patience::Patience;
use crate::scenario::Send;

/// How long a message of a soak may take.
const EACH_WAIT: Duration = Duration::from_secs(5);
/// After so many lost messages the answer is known, and waiting for more costs time.
const LOST_MAX: usize = 1;

/// What became of the messages so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sent: u32,
    shown: u32,
    written: u32,
    decrypted: u32,
    /// Ids that are on their way.
    awaited: BTreeSet<String>,
    /// The last that arrived before the subject had said its id.
    early: Option<String>,
    lost: Vec<String>,
}

impl Tally {
    /// Takes in an event of the soak; false for one that must be recorded all the same.
    pub fn takes(&mut self, event: &Event) -> bool {
        match event {
            Event::Notified { name, params } if name == "message" => {
                let id = params.get("id").and_then(|id| id.as_str()).unwrap_or_default();
                self.shown += u32::from(self.awaited.remove(id));
            }
            Event::Decrypted { id, .. } => {
                self.decrypted += 1;
                if !self.awaited.remove(id) {
                    self.early = Some(id.clone());
                }
            }
            Event::Notified { name, .. } => return name == "receipt",
            Event::Called { operation, .. } | Event::Answered { operation, outcome: Ok(_) } => {
                return operation == "send_text";
            }
            Event::Stanza { .. } | Event::Encrypted { .. } => {}
            _ => return false,
        }
        true
    }

    fn event(self, rounds: u16) -> Event {
        let Self { sent, shown, written, decrypted, lost, .. } = self;
        Event::Soaked { rounds: u32::from(rounds), sent, shown, written, decrypted, lost }
    }
}

impl Session<'_> {
    /// Sends so many texts each way, one after the other.
    pub(super) async fn soak(
        &mut self,
        send: &Send,
        rounds: u16,
    ) -> Result<Result<(), String>, RecordError> {
        self.recorder.tally = Some(Tally::default());
        let mut outcome = Ok(());
        for round in 0..rounds {
            outcome = self.soak_once(send, round).await?;
            let lost = self.recorder.tally.as_ref().map_or(0, |tally| tally.lost.len());
            if outcome.is_err() || lost >= LOST_MAX || self.gone {
                break;
            }
        }
        if let Some(tally) = self.recorder.tally.take() {
            self.record(Stream::steps(), Some(&send.to), tally.event(rounds));
        }
        Ok(outcome)
    }

    async fn soak_once(
        &mut self,
        send: &Send,
        round: u16,
    ) -> Result<Result<(), String>, RecordError> {
        let (lane, text) = (self.lane, format!("round {round} {}", self.canary));
        let sent = match self.meta.send_text(lane, &send.from, &send.to, &text, None) {
            Ok(sent) => sent.id,
            Err(why) => return Ok(Err(why)),
        };
        self.await_soaked(&sent, |tally| tally.sent += 1).await?;
        let board = self.recorder.progress.board(lane);
        let to = board.value(&format!("{}.jid", send.from)).unwrap_or_default();
        let mut params = Map::new();
        params.insert("account".into(), json!(self.account(&send.to).await?));
        params.insert("to".into(), json!(to));
        params.insert("text".into(), json!(text));
        let answer = match self.call("send_text", params, Some(&send.to)).await? {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let id = answer.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
        self.await_soaked(&id, |tally| tally.written += 1).await?;
        Ok(Ok(()))
    }

    /// Waits until a message has arrived, or counts it as lost.
    async fn await_soaked(
        &mut self,
        id: &str,
        count: impl FnOnce(&mut Tally),
    ) -> Result<(), RecordError> {
        let mut patience = Patience::new(EACH_WAIT);
        let Some(tally) = &mut self.recorder.tally else { return Ok(()) };
        count(tally);
        if tally.early.take().as_deref() == Some(id) {
            return Ok(());
        }
        tally.awaited.insert(id.to_owned());
        loop {
            let Some(tally) = &mut self.recorder.tally else { return Ok(()) };
            if !tally.awaited.contains(id) {
                return Ok(());
            }
            if self.gone || !self.waits(&mut patience).await? {
                if let Some(tally) = &mut self.recorder.tally
                    && tally.awaited.remove(id)
                {
                    tally.lost.push(id.to_owned());
                }
                return Ok(());
            }
        }
    }
}
