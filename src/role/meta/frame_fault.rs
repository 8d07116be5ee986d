//! Frames of an open channel that are wrong on purpose, and what the client makes of them.
//!
//! Behind each goes a sound ping: a client that drops the bad frame answers it, one that gives the
//! channel up closes it, and one that does neither has lost its counter (NOI-010).

use super::Meta;
use super::channel::{Channel, State};
use crate::evidence::{Event, Lane};
use crate::noise::{Misuse, NoiseError, Transport};
use crate::role::ConnId;
use crate::scenario::FrameFault;
use crate::stanza::{iq, notification};
use crate::wire::{Node, binary};

impl Meta {
    /// Sends a stanza in a frame that is not as it should be.
    ///
    /// # Errors
    /// The user is not connected, or the fault needs a frame that has not been there yet.
    pub fn send_in_faulty_frame(
        &mut self,
        lane: Lane,
        actor: &str,
        stanza: &Node,
        fault: FrameFault,
    ) -> Result<(), String> {
        let account = self.account(lane, actor).and_then(|account| account.online);
        let conn = account.ok_or(format!("{actor} is not connected"))?;
        let what = format!("frame: {}", fault.word());
        let frame = match fault {
            FrameFault::Replayed => {
                self.send(conn, stanza);
                let channel = self.channels.get(&conn);
                channel.map(|channel| channel.last_frame.clone()).unwrap_or_default()
            }
            _ => self.faulty_frame(conn, stanza, fault)?,
        };
        self.record_conn(conn, false, Event::Deviated { what });
        self.send_frame(conn, &frame);
        self.watch_channel(conn, fault.word());
        Ok(())
    }

    /// Sends a sound question behind what was wrong, and notes what becomes of the channel.
    pub(super) fn watch_channel(&mut self, conn: ConnId, fault: &'static str) {
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.fault = Some(fault);
        }
        let question = match self.profile.text("liveness.question") {
            Some("notification") => notification::without_meaning(AFTERWARDS, self.now().secs()),
            _ => iq::server_ping(AFTERWARDS),
        };
        self.send(conn, &question);
    }

    fn faulty_frame(
        &mut self,
        conn: ConnId,
        stanza: &Node,
        fault: FrameFault,
    ) -> Result<Vec<u8>, String> {
        let bytes = binary::encode(stanza).map_err(|error| error.to_string())?;
        let Some(Channel { state: State::Open(transport), .. }) = self.channels.get(&conn) else {
            return Err("the channel is not open".into());
        };
        sealed(transport, &binary::pack(&bytes, false), fault).map_err(|error| error.to_string())
    }

    /// The answer to the question behind a bad frame shows that the channel goes on.
    pub(super) fn note_reaction(&mut self, conn: ConnId, node: &Node) {
        if node.text("id").as_deref() == Some(AFTERWARDS) {
            self.channel_settled(conn, "went-on");
        }
    }

    /// A closed connection ends a handshake, or shows that a bad frame was noticed.
    pub(super) fn note_closed(&mut self, conn: ConnId) {
        self.settle(conn, "closed");
        self.channel_settled(conn, "closed");
    }

    fn channel_settled(&mut self, conn: ConnId, end: &str) {
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        let Some(fault) = channel.fault.take() else { return };
        let (pattern, message) = (None, None);
        let fault = Some(fault.to_owned());
        let event = Event::Settled { fault, pattern, message, end: end.to_owned() };
        self.record_conn(conn, true, event);
    }
}

/// Id of the question behind a bad frame; passive checks leave those of this kind out.
const AFTERWARDS: &str = "fence-after-fault";

/// Seals a payload wrongly; the counters stay as they are.
fn sealed(transport: &Transport, plain: &[u8], fault: FrameFault) -> Result<Vec<u8>, NoiseError> {
    match fault {
        FrameFault::NonceReused => transport.seal_misused(plain, Misuse::NonceReused),
        FrameFault::NonceSkipped => transport.seal_misused(plain, Misuse::NonceSkipped),
        FrameFault::OtherDirection => transport.seal_misused(plain, Misuse::OtherDirection),
        FrameFault::FlippedTag | FrameFault::Cut | FrameFault::Replayed => {
            let mut frame = transport.seal_misused(plain, Misuse::NotCounted)?;
            let last = frame.pop().unwrap_or_default();
            if fault == FrameFault::FlippedTag {
                frame.push(last ^ 1);
            }
            Ok(frame)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_behind_a_bad_frame_is_one_of_the_harness() {
        assert!(AFTERWARDS.starts_with(crate::evidence::FENCE_ID));
    }
}
