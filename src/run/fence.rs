//! The end of an absence: the point after which nothing that was caused earlier can still come.
//!
//! A client shows that it has read its line by the answer to a ping. It may have put what it read into
//! a queue, so `health` is asked next, which is answered when that is handled; and what it then wrote
//! comes before the answer to a second ping. One that leaves pings unanswered, as some native clients
//! do, is sent a notification, which it has to acknowledge (STZ-019): its missing answer is a matter of
//! TRN-014 and must not leave every absence open. Where the profile asks by notifications, no ping is
//! tried first.

use std::time::Duration;

use serde_json::Map;

use super::pump::Turn;
use super::recorder::RecordError;
use super::session::Session;
use crate::evidence::{Event, FENCE_ID, StepEnd};
use crate::patience::Patience;
use crate::scenario::{Expect, Kind, Matching, Pattern, Plays};
use crate::stanza::{iq, notification};

/// How often a settling client may have something more to say.
const SETTLE_ROUNDS_MAX: usize = 10;
/// How long a client may take to show that it has read its line, on a busy machine too.
const FENCE_WAIT: Duration = Duration::from_secs(10);
/// How long a client may take to answer a fence before it counts as one that does not.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// What makes a client show that it has read its line.
#[derive(Clone, Copy)]
enum Fence {
    Ping,
    Notification,
}

impl Session<'_> {
    /// Waits for the fence; a match on the way ends the wait at once.
    pub(super) async fn fence(&mut self, expect: &Expect) -> Result<StepEnd, RecordError> {
        if self.shared.debugged {
            // It may stand in a debugger: the time counts from when it runs.
            let _ = self.health().await?;
        }
        let mut declared = Patience::new(expect.patience(&self.shared.profile));
        while self.shared.patient && !self.found(expect) && self.waits(&mut declared).await? {}
        let mut patience = Patience::new(expect.patience(&self.shared.profile));
        if matches!(expect.kind, Kind::Fetched | Kind::Stubbed) {
            // It comes on a line of its own, which no ping overtakes.
            while !self.found(expect) && self.waits(&mut patience).await? {}
            patience = Patience::new(expect.patience(&self.shared.profile));
        }
        // What a server was asked for, such as a push, travels on a line of its own too.
        while !self.fetches.is_empty() && !self.found(expect) && self.waits(&mut patience).await? {}
        let online = self.online_actors();
        if online.is_empty() {
            if let Err(why) = self.health().await? {
                return Ok(StepEnd::NotFenced(why));
            }
            while !self.found(expect) && self.waits(&mut patience).await? {}
        }
        // Whoever reads on is heard however long it takes; only who never answers is waited for in vain.
        let mut patience = Patience::new(expect.patience(&self.shared.profile).max(FENCE_WAIT));
        if let Some(why) = self.unread(&online, expect, &mut patience).await? {
            return Ok(StepEnd::NotFenced(why));
        }
        if self.found(expect) {
            return Ok(StepEnd::Fenced);
        }
        if let Err(why) = self.health().await? {
            return Ok(StepEnd::NotFenced(why));
        }
        Ok(match self.unread(&online, expect, &mut patience).await? {
            Some(why) => StepEnd::NotFenced(why),
            None => StepEnd::Fenced,
        })
    }

    /// Why it is not known that these have read all that was sent to them; none where it is, or where
    /// a match was found.
    async fn unread(
        &mut self,
        actors: &[String],
        absent: &Expect,
        patience: &mut Patience,
    ) -> Result<Option<String>, RecordError> {
        for actor in actors {
            if self.is_held(actor) {
                return Ok(Some(format!("a fault keeps something on {actor}'s line back")));
            }
            if !self.reads_its_line(actor, absent, patience).await? {
                let why = format!("{actor} answered neither ping nor notification in time");
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// True once the actor has shown that it read all that was sent to it, or has closed its
    /// connection, or a match was found.
    async fn reads_its_line(
        &mut self,
        actor: &str,
        absent: &Expect,
        patience: &mut Patience,
    ) -> Result<bool, RecordError> {
        if !self.is_deaf(actor) {
            let pinged = self.send_fence(actor, Fence::Ping).await?;
            let mut brief = Patience::new(SETTLE_WAIT.min(patience.left()));
            if self.wait_for_answer(actor, &pinged, absent, &mut brief).await? {
                return Ok(true);
            }
            self.deaf.insert((self.lane, actor.to_owned()));
        }
        let notified = self.send_fence(actor, Fence::Notification).await?;
        self.wait_for_answer(actor, &notified, absent, patience).await
    }

    /// Waits until nothing is on its way between the lane's clients and Meta's side: what was read is
    /// handled, a fence is answered, and nothing else came before the answer. A client that answers no
    /// fence is not waited for again.
    pub(super) async fn settle(&mut self) -> Result<(), RecordError> {
        for actor in self.online_actors() {
            for round in 0..SETTLE_ROUNDS_MAX {
                let before = self.stanzas();
                if self.restless || self.is_held(&actor) || !self.fence_once(&actor).await? {
                    break;
                }
                // Once, so that one seed gives one number of operations whatever came when.
                let over = match round {
                    0 => self.health().await?.is_err(),
                    _ => self.stanzas() == before,
                };
                if over {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends a fence and waits; false if the client answered none.
    async fn fence_once(&mut self, actor: &str) -> Result<bool, RecordError> {
        if !self.is_deaf(actor) {
            match self.fence_of(actor, Fence::Ping).await? {
                Some(answered) => return Ok(answered),
                None => self.deaf.insert((self.lane, actor.to_owned())),
            };
        }
        let answered = self.fence_of(actor, Fence::Notification).await?;
        self.restless |= answered.is_none();
        Ok(answered == Some(true))
    }

    /// True if it was answered, false if the connection ended, none if nothing came in time.
    async fn fence_of(&mut self, actor: &str, fence: Fence) -> Result<Option<bool>, RecordError> {
        let answer = self.send_fence(actor, fence).await?;
        let mut patience = Patience::new(SETTLE_WAIT);
        loop {
            if self.recorder.progress.board(self.lane).find(&answer).is_some() {
                return Ok(Some(true));
            }
            if !self.meta.account(self.lane, actor).is_some_and(|a| a.is_online()) {
                return Ok(Some(false));
            }
            if !self.waits(&mut patience).await? {
                return Ok(None);
            }
        }
    }

    fn is_deaf(&self, actor: &str) -> bool {
        self.shared.profile.text("liveness.question") == Some("notification")
            || self.deaf.contains(&(self.lane, actor.to_owned()))
    }

    /// How much was received and shown, but for answers to fence pings.
    fn stanzas(&self) -> usize {
        let entries = self.recorder.transcript.entries().iter();
        let other = entries.filter(|entry| {
            !entry.id.stream.is_fence()
                && matches!(entry.event, Event::Stanza { .. } | Event::Notified { .. })
        });
        other.count()
    }

    /// True while a fence to this actor could not be answered in its turn.
    fn is_held(&self, actor: &str) -> bool {
        let account = self.meta.account(self.lane, actor);
        account.and_then(|a| a.connection()).is_some_and(|conn| self.lines.hold(conn))
    }

    fn found(&mut self, expect: &Expect) -> bool {
        self.recorder.progress.board(self.lane).find_since_mark(expect).is_some()
    }

    fn online_actors(&self) -> Vec<String> {
        let clients = self.case.scenario.actors.iter();
        let clients =
            clients.filter(|(_, actor)| actor.iut && actor.plays == Plays::ThirdPartyClient);
        clients
            .map(|(name, _)| name.clone())
            .filter(|name| self.meta.account(self.lane, name).is_some_and(|a| a.is_online()))
            .collect()
    }

    /// Sends a fence and returns the pattern of its answer.
    async fn send_fence(&mut self, actor: &str, fence: Fence) -> Result<Expect, RecordError> {
        self.fences += 1;
        let id = format!("{FENCE_ID}{}", self.fences);
        self.carry_out().await?;
        self.lines.plain = true;
        let (stanza, answer) = match fence {
            Fence::Ping => (iq::server_ping(&id), format!("<iq id=\"{id}\" type=\"result\"/>")),
            Fence::Notification => (
                notification::without_meaning(&id, self.meta.now().secs()),
                format!("<ack id=\"{id}\" class=\"notification\"/>"),
            ),
        };
        // The actor is online: nothing can be wrong with sending.
        let _ = self.meta.send_stanza(self.lane, actor, stanza);
        let sent = self.carry_out().await;
        self.lines.plain = false;
        sent?;
        Ok(Expect {
            at: "meta".into(),
            kind: Kind::Stanza,
            matching: Matching::Stanza(Pattern::builtin(&answer)),
            within: self.shared.operation_timeout,
            within_key: None,
        })
    }

    /// True once the fence is answered, the connection is closed, or a match was found.
    async fn wait_for_answer(
        &mut self,
        actor: &str,
        answer: &Expect,
        absent: &Expect,
        patience: &mut Patience,
    ) -> Result<bool, RecordError> {
        loop {
            let board = self.recorder.progress.board(self.lane);
            let answered = board.find(answer).is_some();
            let closed = !self.meta.account(self.lane, actor).is_some_and(|a| a.is_online());
            if answered || closed || self.found(absent) {
                return Ok(true);
            }
            if !self.waits(patience).await? {
                return Ok(false);
            }
        }
    }

    /// Handles the next event, or waits for a while; false once nothing is left of the wait.
    pub(super) async fn waits(&mut self, patience: &mut Patience) -> Result<bool, RecordError> {
        let turn = self.pump(patience.until()).await?;
        Ok(!patience.is_over() || turn == Turn::Happened)
    }

    /// Asks for `health`, which is answered after all notifications of earlier input.
    pub(super) async fn health(&mut self) -> Result<Result<(), String>, RecordError> {
        let answer = self.call("health", Map::new(), None).await?;
        Ok(answer.map(|_| ()).map_err(|error| format!("`health`: {error}")))
    }
}
