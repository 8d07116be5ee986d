//! The connection to the chat server: from opening through the handshake to stanzas, and back.
//!
//! Main types: [`Connection`], what outlives a connection, and [`Link`], one connection. A loss that
//! may pass is repaired with growing pauses (TRN-015); a server that cannot be trusted, or that
//! refuses the login for good, is not tried again until the user asks (NOI-006, TRN-013).

use std::time::Duration;

use rand::Rng as _;

use super::effect::{ConnectionState, Failure, FailureKind, Notification, Output};
use super::handshake::Opened;
use super::misread::{Malformed, inflated_whole, malformed, understood};
use super::miswrite::written;
use super::{Purpose, ThirdPartyClient};
use crate::clock::UnixMs;
use crate::limits::{FRAME_BYTES_MAX, RECONNECT_WAIT_MS_MAX};
use crate::noise::Transport;
use crate::role::ConnId;
use crate::role::quirk::Fault;
use crate::wire::frame::{FrameReader, write_frame};
use crate::wire::{Node, binary};

/// What is true of the connection whether or not there is one.
#[derive(Default)]
pub(super) struct Connection {
    /// The user wants to be online.
    pub wanted: bool,
    pub wants_token: bool,
    pub link: Option<Link>,
    pub retry_at: Option<UnixMs>,
    /// The server's static key, once verified.
    pub known_server: Option<KnownServer>,
    /// What the server asked to be told first at the next connection (`wire.md` §1.1).
    pub routing: Option<Vec<u8>>,
    /// The keys of the last connection; only a fault keeps them.
    pub kept: Option<Box<Transport>>,
    /// Losses since the last login that went through.
    pub losses: u32,
    /// Messages on this connection; only a fault counts them.
    pub messages: u64,
    /// What the mailbox is announced to hold, and what came of it; only a fault looks at it.
    pub mailbox: super::receive::Announced,
    opened: ConnId,
}

impl Connection {
    /// What is left of it once the program was stopped: connections go on being numbered.
    pub fn after(before: Self) -> Self {
        Self { opened: before.opened, ..Self::default() }
    }

    /// True from the second connection on.
    pub fn has_been_open(&self) -> bool {
        self.opened > 1
    }
}

/// A static key that a verified chain vouched for, and until when it does.
#[derive(Clone, Copy)]
pub(super) struct KnownServer {
    pub key: [u8; 32],
    pub until: UnixMs,
}

/// One connection.
pub(super) struct Link {
    pub conn: ConnId,
    pub state: State,
    frames: FrameReader,
    /// Pieces of the frame that is under way.
    pieces: u32,
    /// What was set aside for frames that were announced; only a fault does.
    ahead: Vec<Vec<u8>>,
    pub token: String,
    /// Until when the login must have gone through (NOI-020).
    pub until: UnixMs,
}

pub(super) enum State {
    Opening,
    Hello(Box<Opened>),
    Secure(Box<Transport>, Stage),
    /// A step of the handshake failed.
    Broken,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waits for `<success>`.
    LoggingIn,
    /// Logged in; the stock of prekeys is being looked after.
    Preparing,
    Open,
}

impl ThirdPartyClient {
    /// Starts an attempt unless one is under way.
    pub(super) fn go_online(&mut self) {
        self.connection.wanted = true;
        self.connection.retry_at = None;
        if self.connection.link.is_some() || self.connection.wants_token {
            return;
        }
        self.connection.wants_token = true;
        self.notify(Notification::Connection(ConnectionState::Connecting));
        self.out.push_back(Output::NeedToken);
    }

    pub(super) fn open_link(&mut self, token: String) {
        self.connection.opened += 1;
        self.connection.messages = 0;
        let conn = self.connection.opened;
        let frames = FrameReader::new(self.frame_bytes_max());
        // NOI-020.
        let until = match self.has(Fault::HandshakeWithoutDeadline) {
            true => UnixMs(u64::MAX),
            false => self.now.after(self.settings.handshake_wait),
        };
        let (state, ahead) = (State::Opening, Vec::new());
        self.connection.link = Some(Link { conn, state, frames, pieces: 0, ahead, token, until });
        self.out.push_back(Output::Open { conn });
    }

    /// TRN-018, NOI-019: the profile's limit, whatever the length field can say.
    fn frame_bytes_max(&self) -> usize {
        let max = self.settings.values.size("limits.frame_bytes").min(FRAME_BYTES_MAX);
        match self.fault {
            Some(Fault::FrameLimitIgnored) => FRAME_BYTES_MAX,
            Some(Fault::FramesOf65535) => max.min(usize::from(u16::MAX)),
            _ => max,
        }
    }

    pub(super) fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let loses = self.has(Fault::ThirdChunkLost);
        let hoards = self.has(Fault::FrameAllocatedAhead);
        if let Some(link) = self.link(conn) {
            link.pieces += 1;
            if !loses || link.pieces < 3 {
                link.frames.push(bytes);
            }
            if hoards && let Some(announced) = link.frames.announced() {
                link.ahead.push(vec![1; announced]);
            }
        }
        let mut taken = 0;
        // A frame may end the connection.
        while let Some(link) = self.link(conn) {
            match link.frames.next_frame() {
                Ok(Some(frame)) => {
                    link.pieces = 0;
                    self.frame(conn, frame);
                    taken += 1;
                    if taken == 3 && self.has(Fault::JoinedFramesDropped) {
                        self.drop_joined(conn);
                    }
                }
                Ok(None) => return self.handle_batch(),
                Err(error) => return self.break_link(&error.to_string()),
            }
        }
    }

    /// A deliberate fault: what came together is handled from the last to the first, or one of two
    /// workers is ahead of the other.
    fn handle_batch(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        match self.has(Fault::NewestFirst) {
            true => batch.reverse(),
            false => batch.chunks_mut(2).for_each(<[Node]>::reverse),
        }
        for node in &batch {
            self.stanza(node);
        }
    }

    /// A deliberate fault: what was read behind two frames is dropped, once the user is online.
    fn drop_joined(&mut self, conn: ConnId) {
        if self.stage() == Some(Stage::Open)
            && let Some(link) = self.link(conn)
        {
            link.frames = FrameReader::new(FRAME_BYTES_MAX);
        }
    }

    fn frame(&mut self, conn: ConnId, mut frame: Vec<u8>) {
        let Some(link) = self.link(conn) else { return };
        match std::mem::replace(&mut link.state, State::Broken) {
            State::Hello(opened) => self.server_hello(conn, *opened, &frame),
            State::Secure(mut transport, stage) => {
                let opened = transport.open_in_place(&mut frame);
                self.set_state(State::Secure(transport, stage));
                match opened {
                    Ok(()) => self.payload(&frame),
                    Err(_) if self.has(Fault::NonceStepsOnBadFrame) => {}
                    Err(error) => self.break_link(&error.to_string()),
                }
            }
            State::Opening | State::Broken => self.break_link("the server spoke out of turn"),
        }
    }

    /// STZ-007: what inflates without end closes the channel. STZ-008: a stanza that does not
    /// decode is passed over, since the channel itself is sound.
    fn payload(&mut self, payload: &[u8]) {
        match binary::unpack(payload) {
            Ok(unpacked) if unpacked.compressed && self.has(Fault::CompressedDropped) => {}
            Ok(unpacked) => {
                if let Some(node) = self.read(&unpacked.bytes) {
                    self.take(node);
                }
            }
            Err(_) if self.has(Fault::InflatedWithoutBound) => {
                if let Some(node) = inflated_whole(payload) {
                    self.take(node);
                }
            }
            Err(error) => self.break_link(&error.to_string()),
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Option<Node> {
        match binary::decode(bytes) {
            Ok(captured) => understood(self.fault, bytes, captured),
            Err(error) => match malformed(self.fault, bytes, error) {
                Malformed::PassedOver => None,
                Malformed::Taken(node) => Some(node),
                Malformed::Deadly => {
                    self.doomed = true;
                    None
                }
            },
        }
    }

    /// STZ-018: one stanza after the other, but for a deliberate fault.
    fn take(&mut self, node: Node) {
        let batched = self.has(Fault::NewestFirst) || self.has(Fault::ParallelDecrypt);
        if batched && self.stage() == Some(Stage::Open) {
            self.batch.push(node);
        } else {
            self.stanza(&node);
        }
    }

    /// Sends a stanza; without a session it is dropped, as on a line that is just gone.
    pub(super) fn send(&mut self, node: &Node) {
        let Ok(bytes) = written(self.fault, node) else { return };
        let Some(link) = &mut self.connection.link else { return };
        let State::Secure(transport, _) = &mut link.state else { return };
        let conn = link.conn;
        match transport.seal(&binary::pack(&bytes, false)) {
            Ok(sealed) => self.send_frame(conn, &sealed),
            Err(error) => self.break_link(&error.to_string()),
        }
    }

    pub(super) fn send_frame(&mut self, conn: ConnId, payload: &[u8]) {
        if let Ok(bytes) = write_frame(payload) {
            self.out.push_back(Output::Send { conn, bytes });
        }
    }

    /// The other end closed the connection, or it never came about.
    pub(super) fn lost(&mut self, conn: ConnId, error: Option<String>) {
        let ignored = error.is_none() && self.has(Fault::HalfCloseIgnored);
        if self.is_current(conn) && !ignored {
            if let Some(link) = self.connection.link.take() {
                if matches!(link.state, State::Hello(_)) {
                    // It may have been a key that the server no longer has.
                    self.connection.known_server = None;
                }
                self.keep_keys(link);
            }
            let last = if error.is_some() { Fault::ResetIsFinal } else { Fault::CleanEndIsFinal };
            self.connection.wanted &= !self.has(last);
            self.repair(&error.unwrap_or_else(|| "the server closed the connection".to_owned()));
        }
    }

    /// Closes a connection that is of no more use, and tries again later.
    pub(super) fn break_link(&mut self, why: &str) {
        self.drop_link();
        self.repair(why);
    }

    /// Closes for good: trying again by itself would not help.
    pub(super) fn refuse(&mut self, failure: Failure) {
        self.drop_link();
        self.connection.wanted = false;
        self.notify(Notification::Connection(ConnectionState::Refused));
        self.notify(Notification::ErrorShown(failure.kind));
        self.abandon(&failure);
    }

    /// The user goes offline.
    pub(super) fn disconnect(&mut self) {
        let was_online = self.connection.wanted || self.connection.link.is_some();
        self.drop_link();
        let Connection { opened, known_server, routing, kept, .. } =
            std::mem::take(&mut self.connection);
        self.connection =
            Connection { opened, known_server, routing, kept, ..Connection::default() };
        if was_online {
            self.notify(Notification::Connection(ConnectionState::Closed));
        }
        self.abandon(&Failure::new(FailureKind::Unavailable, "the user went offline"));
    }

    pub(super) fn drop_link(&mut self) {
        if let Some(link) = self.connection.link.take() {
            self.out.push_back(Output::Close { conn: link.conn });
            self.keep_keys(link);
        }
    }

    /// NOI-001: the keys of a connection end with it, but for a deliberate fault.
    fn keep_keys(&mut self, link: Link) {
        if let State::Secure(transport, _) = link.state
            && self.has(Fault::HandshakeSkipped)
        {
            self.connection.kept = Some(transport);
        }
    }

    fn repair(&mut self, why: &str) {
        self.roll_back();
        self.notify(Notification::Connection(ConnectionState::Closed));
        if self.connection.wanted {
            self.connection.retry_at = Some(self.now.after(self.pause()));
            self.connection.losses += 1;
        }
        self.abandon(&Failure::new(FailureKind::Unavailable, why));
    }

    /// TRN-015: 1 s, 2 s, 4 s, …, and up to a quarter more, so that clients do not move in step.
    fn pause(&mut self) -> Duration {
        let losses = if self.has(Fault::NoBackOff) { 0 } else { self.connection.losses };
        let pause = 1000_u64.checked_shl(losses).unwrap_or(u64::MAX);
        let pause = pause.clamp(1000, RECONNECT_WAIT_MS_MAX);
        let jitter = match self.has(Fault::NoJitter) {
            true => 0,
            false => u64::from(self.jitter.next_u32()) % (pause / 4),
        };
        Duration::from_millis(pause + jitter)
    }

    /// What waited for the connection fails with it.
    fn abandon(&mut self, failure: &Failure) {
        self.requests.clear();
        self.settle(Purpose::Connect, &Err(failure.clone()));
        self.abandon_services(failure);
        self.fail_drafts(|_| true, failure);
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        match &self.connection.link.as_ref()?.state {
            State::Secure(_, stage) => Some(*stage),
            _ => None,
        }
    }

    pub(super) fn set_stage(&mut self, to: Stage) {
        if let Some(Link { state: State::Secure(_, stage), .. }) = &mut self.connection.link {
            *stage = to;
        }
    }

    pub(super) fn set_state(&mut self, state: State) {
        if let Some(link) = &mut self.connection.link {
            link.state = state;
        }
    }

    pub(super) fn is_current(&self, conn: ConnId) -> bool {
        self.connection.link.as_ref().is_some_and(|link| link.conn == conn)
    }

    fn link(&mut self, conn: ConnId) -> Option<&mut Link> {
        self.connection.link.as_mut().filter(|link| link.conn == conn)
    }
}
