//! One chat connection: intro header, Noise handshake, then stanzas (`wire.md` §1).

use super::Meta;
use super::handshake::Shaking;
use crate::evidence::{Direction, Event, FENCE_ID, Payload, Stream, shortened};
use crate::limits::{FRAME_BYTES_MAX, HANDSHAKE_BYTES_MAX, READ_BYTES_MAX};
use crate::noise::{AwaitingFinish, Finished, Responder, Transport};
use crate::role::{ConnId, Output};
use crate::seed::Rng;
use crate::wire::frame::{FrameReader, IntroReader, write_frame};
use crate::wire::{Captured, EncodeAs, Node, Style, binary, xml};

pub(super) struct Channel {
    /// Counts accepted connections from 1; names the streams.
    pub number: u64,
    pub state: State,
    frames: FrameReader,
    pub account: Option<usize>,
    /// What this connection draws; see [`Meta::in_house`].
    pub rng: Rng,
    pub shaking: Shaking,
    /// A deliberate fault of the open channel whose effect has not been seen yet.
    pub fault: Option<&'static str>,
    /// The frame that went out last, for a replay.
    pub last_frame: Vec<u8>,
}

pub(super) enum State {
    Intro(IntroReader),
    Hello(Box<Responder>),
    Finish(Box<AwaitingFinish>),
    /// The handshake is done; the login waits for the partner's key set.
    Deciding(Box<Finished>),
    Open(Box<Transport>),
    Dead,
}

impl Meta {
    pub(super) fn accept(&mut self, conn: ConnId, websocket: bool) {
        self.accepted += 1;
        let number = self.accepted;
        let state = State::Intro(IntroReader::new());
        let frames = FrameReader::new(HANDSHAKE_BYTES_MAX);
        let channel = Channel {
            number,
            state,
            frames,
            account: None,
            rng: self.seed.rng(&[&self.house, "connection", &conn.to_string()]),
            shaking: Shaking::default(),
            fault: None,
            last_frame: Vec::new(),
        };
        self.channels.insert(conn, channel);
        self.record(Stream::connection(number, true), None, Event::Accepted { websocket });
    }

    pub(super) fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        if let State::Intro(reader) = &mut channel.state {
            match reader.push(bytes) {
                Ok(None) => return,
                Ok(Some(intro)) => {
                    channel.frames.push(&intro.rest);
                    self.intro(conn, &intro.header, intro.routing.as_deref());
                }
                Err(error) => return self.break_channel(conn, &error.to_string()),
            }
        } else {
            channel.frames.push(bytes);
            // A login that is being decided takes no frames.
            if channel.frames.buffered() > FRAME_BYTES_MAX + READ_BYTES_MAX {
                return self.break_channel(conn, "too much was sent before the login was decided");
            }
        }
        self.read_frames(conn);
    }

    fn read_frames(&mut self, conn: ConnId) {
        while let Some(channel) = self.channels.get_mut(&conn) {
            if matches!(channel.state, State::Deciding(_) | State::Dead) {
                return;
            }
            match channel.frames.next_frame() {
                Ok(Some(frame)) => self.frame(conn, frame),
                Ok(None) => return,
                Err(error) => return self.break_channel(conn, &error.to_string()),
            }
        }
    }

    fn frame(&mut self, conn: ConnId, mut frame: Vec<u8>) {
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        match std::mem::replace(&mut channel.state, State::Dead) {
            State::Hello(responder) => self.hello(conn, *responder, &frame),
            State::Finish(awaiting) => self.finish(conn, *awaiting, &frame),
            State::Open(mut transport) => {
                let opened = transport.open_in_place(&mut frame);
                self.set_state(conn, State::Open(transport));
                match opened {
                    Ok(()) => self.payload(conn, &frame),
                    Err(error) => self.break_channel(conn, &error.to_string()),
                }
            }
            // Not reached: `read_frames` stops before these.
            State::Intro(_) | State::Deciding(_) | State::Dead => {}
        }
    }

    /// Goes on with an accepted login: stanzas may have arrived behind the handshake.
    pub(super) fn open(&mut self, conn: ConnId, transport: Transport, account: usize) {
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.state = State::Open(Box::new(transport));
            channel.account = Some(account);
            channel.frames.set_max(FRAME_BYTES_MAX);
        }
    }

    /// Handles what arrived while a login was being decided.
    pub(super) fn resume(&mut self, conn: ConnId) {
        self.read_frames(conn);
    }

    fn payload(&mut self, conn: ConnId, payload: &[u8]) {
        let decoded = binary::unpack(payload).and_then(|unpacked| {
            let captured = binary::decode(&unpacked.bytes)?;
            Ok((unpacked, captured))
        });
        match decoded {
            Ok((unpacked, captured)) => {
                let event = Event::Stanza {
                    direction: Direction::Received,
                    xml: shortened(xml::print(&captured.node)),
                    bytes: Payload::of(&unpacked.bytes),
                    compressed: unpacked.compressed,
                    variants: names(&captured),
                };
                self.record_stanza(conn, true, &captured.node, event);
                self.note_reaction(conn, &captured.node);
                self.stanza(conn, &captured.node);
            }
            Err(error) => {
                let bytes = Payload::of(payload);
                let rule = error.rule.to_string();
                let event = Event::Undecodable { bytes, offset: error.offset, rule };
                self.record_conn(conn, true, event);
                let not_well_formed = Node::new("xml-not-well-formed");
                self.send(conn, &Node::new("stream:error").child(not_well_formed));
                self.close(conn);
            }
        }
    }

    /// Sends a stanza over an open channel; without one it is dropped.
    pub(super) fn send(&mut self, conn: ConnId, node: &Node) {
        let EncodeAs { style, compressed } = match is_fence(node) {
            true => EncodeAs::CANONICAL,
            false => self.encoding,
        };
        let Ok(bytes) = binary::encode_with(node, style) else { return };
        let Some(Channel { state: State::Open(transport), .. }) = self.channels.get_mut(&conn)
        else {
            return;
        };
        let Ok(sealed) = transport.seal(&binary::pack(&bytes, compressed)) else { return };
        let canonical = style == Style::Canonical || binary::encode(node).is_ok_and(|b| b == bytes);
        let variants = if canonical { Vec::new() } else { variants_of(&bytes) };
        self.styled += u64::from(compressed || !canonical);
        let event = Event::Stanza {
            direction: Direction::Sent,
            xml: shortened(xml::print(node)),
            bytes: Payload::of(&bytes),
            compressed,
            variants,
        };
        self.record_stanza(conn, false, node, event);
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.last_frame.clone_from(&sealed);
        }
        self.send_frame(conn, &sealed);
    }

    pub(super) fn close(&mut self, conn: ConnId) {
        let event = Event::Closed { by_iut: false, error: None };
        self.record_conn(conn, false, event);
        self.forget(conn);
        self.out.push_back(Output::Close { conn });
    }

    /// The network has ended a connection: whoever was on it is offline.
    pub fn lose(&mut self, conn: ConnId, why: &str) {
        if self.channels.contains_key(&conn) {
            let event = Event::Closed { by_iut: false, error: Some(why.to_owned()) };
            self.record_conn(conn, false, event);
            self.forget(conn);
        }
    }

    pub(super) fn break_channel(&mut self, conn: ConnId, why: &str) {
        self.record_conn(conn, true, Event::ChannelBroken { why: why.to_owned() });
        self.close(conn);
    }

    pub(super) fn closed(&mut self, conn: ConnId, error: Option<String>) {
        if self.channels.contains_key(&conn) {
            self.note_closed(conn);
            self.record_conn(conn, true, Event::Closed { by_iut: true, error });
            self.forget(conn);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        self.channels.remove(&conn);
        for account in &mut self.accounts {
            if account.online == Some(conn) {
                account.online = None;
                account.last_seen = self.now;
            }
        }
    }

    pub(super) fn set_state(&mut self, conn: ConnId, state: State) {
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.state = state;
        }
    }

    pub(super) fn send_frame(&mut self, conn: ConnId, payload: &[u8]) {
        if let Ok(bytes) = write_frame(payload) {
            self.out.push_back(Output::Send { conn, bytes });
        }
    }

    pub(super) fn stream(&self, conn: ConnId, received: bool) -> Stream {
        Stream::connection(self.channels.get(&conn).map_or(0, |c| c.number), received)
    }

    pub(super) fn record_stanza(
        &mut self,
        conn: ConnId,
        received: bool,
        node: &Node,
        event: Event,
    ) {
        let stream = match self.channels.get(&conn) {
            Some(channel) if is_fence(node) => Stream::fence(channel.number),
            _ => self.stream(conn, received),
        };
        self.record_on(conn, stream, event);
    }

    /// Records on a connection, in the lane of its account where that is known.
    pub(super) fn record_conn(&mut self, conn: ConnId, received: bool, event: Event) {
        let stream = self.stream(conn, received);
        self.record_on(conn, stream, event);
    }

    fn record_on(&mut self, conn: ConnId, stream: Stream, event: Event) {
        match self.channels.get(&conn).and_then(|channel| channel.account) {
            Some(account) => self.record_for(account, stream, event),
            None => self.record(stream, None, event),
        }
    }
}

fn is_fence(node: &Node) -> bool {
    node.text("id").is_some_and(|id| id.starts_with(FENCE_ID))
}

/// What a transcript calls the variants of a stanza.
fn names(captured: &Captured) -> Vec<String> {
    captured.variants().iter().map(ToString::to_string).collect()
}

/// How a stanza of ours departs from the canonical encoding.
fn variants_of(bytes: &[u8]) -> Vec<String> {
    binary::decode(bytes).map(|captured| names(&captured)).unwrap_or_default()
}
