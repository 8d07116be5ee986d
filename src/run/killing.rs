//! `kill` and `restart`, where the harness does them itself: the program ends, by SIGKILL or when asked,
//! and another one takes its place.
//!
//! The new process is told the same as the first one was: its seats, the users that the case has
//! announced, and how far the clock is ahead. What it knows of their keys and sessions lies in the
//! folder that `configure` names, or is lost.

use serde_json::{Map, Value, json};

use super::instance::{Configured, base_url};
use super::life::End;
use super::recorder::RecordError;
use super::session::Session;
use crate::driver::{CallError, Params};
use crate::evidence::{Event, Stream};

impl Session<'_> {
    /// How the program is ended from outside for an operation, if it is: always where SIGKILL is meant,
    /// else where it has no hook of its own.
    pub(super) fn ends_from_outside(&self, operation: &str) -> Option<End> {
        let life = self.host().life();
        let end = match operation {
            "kill" => End::Killed,
            "restart" if !life.instance().ics().has("restart") => End::InOrder,
            _ => return None,
        };
        life.is_mortal().then_some(end)
    }

    /// Ends the program and starts it anew, and says to the new one what the first one was told.
    pub(super) async fn end_and_start(
        &mut self,
        (operation, end): (&str, End),
        params: Params,
        actor: &str,
    ) -> Result<Result<Value, CallError>, RecordError> {
        let called = Event::Called { operation: operation.into(), params: Value::Object(params) };
        self.record(Stream::operations(), Some(actor), called);
        self.carry_out().await?;
        let host = std::sync::Arc::clone(&self.guest.host);
        let (exit, configured) = match host.end_and_start(end, self.shared).await {
            Ok(reborn) => reborn,
            Err(error) => {
                let outcome = Err(error.to_string());
                let answered = Event::Answered { operation: operation.into(), outcome };
                self.record(Stream::operations(), Some(actor), answered);
                self.lost(format!("it was ended and did not start again: {error}"));
                return Ok(Err(CallError::Closed));
            }
        };
        // Answers of the one before come no more, and the next one counts from the start.
        self.answered.clear();
        let result = json!({ "process": format!("{exit}; another one was started") });
        let answered = Event::Answered { operation: operation.into(), outcome: Ok(result.clone()) };
        self.record(Stream::operations(), Some(actor), answered);
        self.note_configured(&configured).await?;
        self.meta.set_base_url(base_url(&configured));
        self.tell_again().await?;
        Ok(Ok(result))
    }

    /// Notes what an instance was told, seat by seat.
    pub(super) async fn note_configured(
        &mut self,
        seats: &[Configured],
    ) -> Result<(), RecordError> {
        for seat in seats {
            let params = Value::Object(seat.params.clone());
            let called = Event::Called { operation: "configure".into(), params };
            self.record(Stream::operations(), None, called);
            let outcome = seat.outcome.clone().map_err(|error| error.to_string());
            let answered = Event::Answered { operation: "configure".into(), outcome };
            self.record(Stream::operations(), None, answered);
            match &seat.outcome {
                Err(CallError::Timeout(_)) => self.note_hang("configure").await?,
                // No case had asked, so that the stream told none of it.
                Err(CallError::Breach(breach)) => {
                    let why = breach.to_string();
                    self.record(Stream::operations(), None, Event::DriverBreach { why });
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn tell_again(&mut self) -> Result<(), RecordError> {
        let lane = self.lane;
        for ((of, actor), name) in self.accounts.clone() {
            self.lane = of;
            // A refusal shows in the operation that needs the account.
            self.announce(&name, &actor).await?;
        }
        self.lane = lane;
        if !self.lines.ahead.is_zero() {
            let by_ms = u64::try_from(self.lines.ahead.as_millis()).unwrap_or(u64::MAX);
            let mut params = Map::new();
            params.insert("by_ms".into(), json!(by_ms));
            let _ = self.call("advance_clock", params, None).await?;
        }
        Ok(())
    }
}
