//! The connection to the chat server: from opening through the handshake to stanzas, and back.
//!
//! Main types: [`Connection`], what outlives a connection, and [`Link`], one connection. A loss that
//! may pass is repaired with growing pauses (TRN-015); a server that cannot be trusted, or that
//! refuses the login for good, is not tried again until the user asks (NOI-006, TRN-013).

use std::time::Duration;

use rand::Rng as _;

use super::effect::{ConnectionState, Failure, FailureKind, Notification, Output};
use super::handshake::Opened;
use super::misread::understood;
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
    /// Losses since the last login that went through.
    pub losses: u32,
    opened: ConnId,
}

impl Connection {
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
        let conn = self.connection.opened;
        let max = self.settings.values.size("limits.frame_bytes").min(FRAME_BYTES_MAX);
        let until = self.now.after(self.settings.handshake_wait);
        let frames = FrameReader::new(max);
        self.connection.link =
            Some(Link { conn, state: State::Opening, frames, pieces: 0, token, until });
        self.out.push_back(Output::Open { conn });
    }

    pub(super) fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let loses = self.has(Fault::ThirdChunkLost);
        if let Some(link) = self.link(conn) {
            link.pieces += 1;
            if !loses || link.pieces < 3 {
                link.frames.push(bytes);
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
                    if taken == 2 && self.has(Fault::JoinedFramesDropped) {
                        self.drop_joined(conn);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.break_link(&error.to_string()),
            }
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
                let captured = binary::decode(&unpacked.bytes).ok();
                let node = captured.and_then(|it| understood(self.fault, &unpacked.bytes, it));
                if let Some(node) = node {
                    self.stanza(&node);
                }
            }
            Err(error) => self.break_link(&error.to_string()),
        }
    }

    /// Sends a stanza; without a session it is dropped, as on a line that is just gone.
    pub(super) fn send(&mut self, node: &Node) {
        let Ok(bytes) = binary::encode(node) else { return };
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
        if self.is_current(conn) {
            let link = self.connection.link.take();
            if link.is_some_and(|link| matches!(link.state, State::Hello(_))) {
                // It may have been a key that the server no longer has.
                self.connection.known_server = None;
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
        let Connection { opened, known_server, routing, .. } = std::mem::take(&mut self.connection);
        self.connection = Connection { opened, known_server, routing, ..Connection::default() };
        if was_online {
            self.notify(Notification::Connection(ConnectionState::Closed));
        }
        self.abandon(&Failure::new(FailureKind::Unavailable, "the user went offline"));
    }

    fn drop_link(&mut self) {
        if let Some(link) = self.connection.link.take() {
            self.out.push_back(Output::Close { conn: link.conn });
        }
    }

    fn repair(&mut self, why: &str) {
        self.notify(Notification::Connection(ConnectionState::Closed));
        if self.connection.wanted {
            self.connection.retry_at = Some(self.now.after(self.pause()));
            self.connection.losses += 1;
        }
        self.abandon(&Failure::new(FailureKind::Unavailable, why));
    }

    /// TRN-015: 1 s, 2 s, 4 s, …, and up to a quarter more, so that clients do not move in step.
    fn pause(&mut self) -> Duration {
        let pause = 1000_u64.checked_shl(self.connection.losses).unwrap_or(u64::MAX);
        let pause = pause.clamp(1000, RECONNECT_WAIT_MS_MAX);
        Duration::from_millis(pause + u64::from(self.jitter.next_u32()) % (pause / 4))
    }

    /// What waited for the connection fails with it.
    fn abandon(&mut self, failure: &Failure) {
        self.requests.clear();
        self.settle(Purpose::Connect, &Err(failure.clone()));
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
