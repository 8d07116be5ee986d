//! Faults of the network and jumps of the clock, carried out on a session's connections.
//!
//! Main type: [`Lines`], the faulty lines of a session. Pings of the harness's own pass untouched,
//! so that a fault meets what the scenario sends and not what the harness asks in between; while a
//! line holds something back, nobody pings over it, since frames must keep their order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, json};
use tokio::time::Instant;

use super::line::{Armed, Line, Pass, Took, at_once};
use super::pump::Turn;
use super::recorder::RecordError;
use super::session::Session;
use super::steps::ended;
use crate::clock::UnixMs;
use crate::evidence::{Event, StepEnd, Stream};
use crate::iut::vitals::Usage;
use crate::limits::FRAME_BYTES_MAX;
use crate::net::ConnId;
use crate::role::{Input, Role as _};
use crate::scenario::{Advance, End, FaultKind, LineFault, Plays, Way, Which};
use crate::spec::Profile;

/// The faulty lines of a session, and how far its clock is ahead.
#[derive(Default)]
pub struct Lines {
    sent: BTreeMap<ConnId, Line>,
    received: BTreeMap<ConnId, Line>,
    /// Faults that wait for the next connection.
    next: Vec<(Way, Armed)>,
    /// Counts the faults of the case.
    count: u32,
    /// Faults that were recorded as met.
    met: BTreeSet<u32>,
    /// A ping of the harness's own is on its way out.
    pub plain: bool,
    /// How far the case's clock is ahead of the real one.
    pub ahead: Duration,
}

impl Lines {
    /// True while a ping over this connection could not be answered in its turn.
    pub fn hold(&self, conn: ConnId) -> bool {
        let holds = |lines: &BTreeMap<ConnId, Line>| lines.get(&conn).is_some_and(Line::holds);
        holds(&self.sent) || holds(&self.received)
    }

    /// Lays the faults that waited for it on a new connection.
    pub fn accepted(&mut self, conn: ConnId) {
        for (way, fault) in std::mem::take(&mut self.next) {
            self.arm(conn, way, fault);
        }
    }

    fn arm(&mut self, conn: ConnId, way: Way, fault: Armed) {
        let lines = match way {
            Way::Sent => &mut self.sent,
            Way::Received => &mut self.received,
        };
        lines.entry(conn).or_default().arm(fault);
    }
}

/// After each step of a jump of the clock: long enough for a client to reconnect on this machine.
const STEP_WAIT: Duration = Duration::from_millis(10);

/// The profile's limit on frames.
pub(super) fn frame_bytes_max(profile: &Profile) -> usize {
    let max = profile.int("limits.frame_bytes").and_then(|max| usize::try_from(max).ok());
    max.unwrap_or(FRAME_BYTES_MAX)
}

impl Session<'_> {
    /// The time of the case.
    pub(super) fn now(&self) -> UnixMs {
        UnixMs::now().after(self.lines.ahead)
    }

    /// What logging in took is not what an announced frame takes (TRN-018): it counts from the most
    /// that was held until now.
    fn measure_from_here(&mut self) {
        let now = self.held.and_then(|_| self.host().instance().usage());
        let most =
            |usage: Usage| Usage { memory_kib: usage.peak_kib.max(usage.memory_kib), ..usage };
        self.held = now.map(most).or(self.held);
    }

    /// Lays a fault on a line, or lets it happen.
    pub(super) async fn fault(
        &mut self,
        fault: &LineFault,
        label: Option<&str>,
    ) -> Result<StepEnd, RecordError> {
        self.lines.count += 1;
        let number = self.lines.count;
        let lane = format!("{:?}", self.lane);
        let name = number.to_string();
        let mut armed = Armed {
            number,
            label: label.map(str::to_owned),
            kind: fault.kind,
            rng: self.shared.seed.rng(&[&self.case.id(), &lane, "fault", &name]),
        };
        if number == 1 && matches!(fault.kind, FaultKind::Announce(_)) {
            self.measure_from_here();
        }
        let place = fault.http.map_or(String::new(), |http| format!("{} with ", http.word()));
        let what = format!("{} on {place}{}", fault.kind.word(), fault.on);
        let event = Event::FaultArmed { fault: number, label: armed.label.clone(), what };
        self.record(Stream::faults(), Some(&fault.on), event);
        if let Some(exchange) = fault.http {
            self.http.arm(exchange, fault.way, armed);
            return Ok(StepEnd::Done);
        }
        if fault.which == Which::Next {
            self.lines.next.push((fault.way, armed));
            return Ok(StepEnd::Done);
        }
        let account = self.meta.account(self.lane, &fault.on);
        let Some(conn) = account.and_then(|account| account.connection()) else {
            return Ok(StepEnd::Refused(format!("{} is not connected", fault.on)));
        };
        let frame_max = frame_bytes_max(&self.shared.profile);
        match at_once(fault.kind, &mut armed.rng, frame_max) {
            Some((pass, what)) => {
                let took = Took { number, label: armed.label, what };
                self.pass(conn, vec![pass], Some(took)).await?;
                self.carry_out().await?;
                if matches!(fault.kind, FaultKind::Announce(_)) {
                    self.lines.sent.entry(conn).or_default().stop();
                }
            }
            None => self.lines.arm(conn, fault.way, armed),
        }
        Ok(StepEnd::Done)
    }

    /// Sends what a role wants sent, as the line lets it pass.
    pub(super) async fn outgoing(
        &mut self,
        conn: ConnId,
        bytes: Vec<u8>,
    ) -> Result<(), RecordError> {
        match self.lines.sent.get_mut(&conn).filter(|_| !self.lines.plain) {
            Some(line) => {
                let (passes, took) = line.write(bytes);
                self.pass(conn, passes, took).await
            }
            None => {
                self.send_on(conn, bytes);
                Ok(())
            }
        }
    }

    /// Takes in what arrived, as the line lets it pass.
    pub(super) async fn arrived(
        &mut self,
        conn: ConnId,
        bytes: Vec<u8>,
    ) -> Result<(), RecordError> {
        let Some(line) = self.lines.received.get_mut(&conn) else {
            self.meta.handle(self.now(), Input::Bytes { conn, bytes });
            return Ok(());
        };
        let (passes, took) = line.write(bytes);
        let (heard, rest): (Vec<Pass>, Vec<Pass>) =
            passes.into_iter().partition(|pass| matches!(pass, Pass::Bytes(_)));
        for pass in heard {
            if let Pass::Bytes(bytes) = pass {
                self.meta.handle(self.now(), Input::Bytes { conn, bytes });
            }
        }
        self.pass(conn, rest, took).await
    }

    /// Records that a fault took effect, then lets happen what it does.
    async fn pass(
        &mut self,
        conn: ConnId,
        passes: Vec<Pass>,
        took: Option<Took>,
    ) -> Result<(), RecordError> {
        if let Some(Took { number, label, what }) = took
            && self.lines.met.insert(number)
        {
            self.record(Stream::faults(), None, Event::FaultTook { fault: number, label, what });
            self.recorder.flush()?;
        }
        for pass in passes {
            match pass {
                Pass::Bytes(bytes) => self.guest.send(conn, bytes),
                Pass::Pause(wait) => self.guest.pause(conn, wait),
                Pass::HalfClose => self.guest.half_close(conn),
                Pass::End(end) => {
                    match end {
                        End::Close => self.guest.close(conn),
                        End::Reset => self.guest.reset(conn),
                    }
                    self.meta.lose(conn, "a fault of the line ended it");
                }
            }
        }
        Ok(())
    }

    /// Lets time pass: first for Meta's side, so that whatever the subject does when its timers
    /// fire is judged by the new time, then for the subject.
    pub(super) async fn advance(&mut self, advance: &Advance) -> Result<StepEnd, RecordError> {
        // A limit on how often something may be asked for is over by then.
        self.meta.lift_limits();
        let Some(every) = advance.every else { return self.jump(&advance.on, advance.by).await };
        let mut left = advance.by;
        while !left.is_zero() {
            let step = every.min(left);
            left -= step;
            let end = self.jump(&advance.on, step).await?;
            if end != StepEnd::Done {
                return Ok(end);
            }
            // What the timers caused takes its way over real sockets.
            let until = Instant::now() + STEP_WAIT;
            while self.pump(until).await? == Turn::Happened {}
            // So does a file, whose client gives it up after a time of its own clock.
            if self.has_sent_a_file() {
                self.settle().await?;
            }
        }
        Ok(StepEnd::Done)
    }

    async fn jump(&mut self, on: &str, by: Duration) -> Result<StepEnd, RecordError> {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        // Time passes for a user who is on the device, whether or not anything was asked of it.
        if self.plays(on, Plays::ThirdPartyClient) {
            self.account(on).await?;
        }
        // A client that waits for an answer which is on its way would wait in vain by its own clock.
        self.settle().await?;
        self.lines.ahead = self.lines.ahead.saturating_add(by);
        self.note(Event::ClockAdvanced { by_ms });
        self.meta.handle(self.now(), Input::Wake);
        self.carry_out().await?;
        let mut params = Map::new();
        params.insert("by_ms".into(), json!(by_ms));
        Ok(ended(self.call("advance_clock", params, Some(on)).await?))
    }
}
