//! The handshake of one connection, from the intro header to the login payload (`wire.md` §1.1–1.4).
//!
//! The profile says which patterns are served and in which dialect; a deliberate fault changes one
//! thing about message 2. Behind a message that was tampered with the sound one follows, so that a
//! client that drops nothing of a failed handshake shows itself (NOI-009).

use super::Meta;
use super::channel::State;
use crate::evidence::{Direction, Event};
use crate::noise::certificate::{Fault, Link, Validity};
use crate::noise::tamper::Tamper;
use crate::noise::{
    AwaitingFinish, ClientHelloRead, Dialect, End, Finished, IkHello, KeyPair, Opening, Pattern,
    Responder,
};
use crate::role::ConnId;
use crate::scenario::{ChainFault, HelloFault};
use crate::wire::{Node, binary};

/// What is known of a handshake while it lasts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shaking {
    pattern: Option<Pattern>,
    /// The fault that was in force when it began.
    fault: Option<HelloFault>,
    /// The last message that was received.
    message: u8,
    settled: bool,
}

impl Meta {
    pub(super) fn intro(&mut self, conn: ConnId, header: &[u8; 4], routing: Option<&[u8]>) {
        let routing_bytes = routing.map_or(0, <[u8]>::len);
        let event = Event::Intro { header: hex::encode(header), routing_bytes };
        let stream = self.stream(conn, true);
        self.record(stream, None, event);
        let wanted = self.profile.text("noise.prologue_hex").unwrap_or_default().to_owned();
        if hex::encode(header) != wanted {
            let why = format!("intro header {}, where {wanted} belongs", hex::encode(header));
            return self.break_channel(conn, &why);
        }
        let fault = self.faults.hello;
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        channel.shaking.fault = fault;
        let ephemeral = KeyPair::generate(&mut channel.rng);
        let responder = Responder::new(self.end(header, ephemeral, fault));
        self.set_state(conn, State::Hello(Box::new(responder)));
    }

    /// Our end, with what a declared fault does to it.
    fn end(&mut self, header: &[u8; 4], ephemeral: KeyPair, fault: Option<HelloFault>) -> End {
        if fault == Some(HelloFault::RotatedStatic) {
            self.static_key = KeyPair::generate(&mut self.rng);
        }
        let dialect = Dialect::named(self.profile.text("noise.dialect").unwrap_or_default());
        let mut end = End::new(header, dialect, self.static_key.clone(), ephemeral);
        match fault {
            Some(HelloFault::OtherPrologue) => end.prologue[3] ^= 1,
            Some(HelloFault::ClaimedStatic) => {
                let genuine = self.static_key.public();
                end.static_key = KeyPair::generate(&mut self.rng).claiming(genuine);
            }
            Some(HelloFault::SmallOrderEphemeral) => {
                end.ephemeral = KeyPair::small_order(SMALL_ORDER);
            }
            Some(HelloFault::SmallOrderStatic) => {
                end.static_key = KeyPair::small_order(SMALL_ORDER);
            }
            _ => {}
        }
        end
    }

    pub(super) fn hello(&mut self, conn: ConnId, responder: Responder, frame: &[u8]) {
        match responder.read_opening(frame) {
            Ok(Opening::Xx(read)) if self.serves(Pattern::Xx) => {
                self.first_message(conn, Pattern::Xx, frame, read.client_ephemeral);
                self.answer(conn, *read);
            }
            Ok(Opening::Ik(hello)) if self.serves(Pattern::Ik) => {
                self.first_message(conn, Pattern::Ik, frame, hello.client_ephemeral());
                self.resumption(conn, *hello);
            }
            Ok(Opening::Xx(read)) => {
                self.first_message(conn, Pattern::Xx, frame, read.client_ephemeral);
                self.unlisted(conn, Pattern::Xx);
            }
            Ok(Opening::Ik(hello)) => {
                self.first_message(conn, Pattern::Ik, frame, hello.client_ephemeral());
                self.unlisted(conn, Pattern::Ik);
            }
            Err(error) => self.unreadable(conn, &error.to_string()),
        }
    }

    fn serves(&self, pattern: Pattern) -> bool {
        let listed = &self.profile.value("noise.patterns").value;
        listed.as_array().is_some_and(|listed| listed.iter().any(|word| word == pattern.word()))
    }

    fn unlisted(&mut self, conn: ConnId, pattern: Pattern) {
        let why = format!("the profile's `noise.patterns` does not list {}", pattern.word());
        self.unreadable(conn, &why);
    }

    fn first_message(&mut self, conn: ConnId, pattern: Pattern, frame: &[u8], ephemeral: [u8; 32]) {
        let in_clear = self.in_clear(frame);
        self.note_message(conn, pattern, 1);
        let event = Event::Handshake {
            message: 1,
            direction: Direction::Received,
            len: frame.len(),
            ephemeral: Some(hex::encode(ephemeral)),
            pattern: Some(pattern.word().to_owned()),
            in_clear,
        };
        self.record_conn(conn, true, event);
    }

    fn note_message(&mut self, conn: ConnId, pattern: Pattern, message: u8) {
        if let Some(channel) = self.channels.get_mut(&conn) {
            (channel.shaking.pattern, channel.shaking.message) = (Some(pattern), message);
        }
    }

    /// An IK is accepted if it can be read; else, and where a fault needs a full handshake to be
    /// seen, it becomes XXfallback.
    fn resumption(&mut self, conn: ConnId, hello: IkHello) {
        let deviates = self.faults.hello.is_some() || self.faults.chain.is_some();
        match hello.read() {
            Ok(read) if !deviates => {
                let chain = self.chain(conn, self.static_key.public());
                let (answer, finished) = read.answer(&chain);
                self.message_2(conn, &answer);
                self.finished(conn, finished);
            }
            _ if self.serves(Pattern::XxFallback) => match hello.fall_back() {
                Ok(read) => {
                    self.note_message(conn, Pattern::XxFallback, 1);
                    self.answer(conn, read);
                }
                Err(error) => self.unreadable(conn, &error.to_string()),
            },
            Err(error) => self.unreadable(conn, &error.to_string()),
            Ok(_) => self.unlisted(conn, Pattern::XxFallback),
        }
    }

    /// Message 2 of XX and XXfallback, and before it what a declared fault makes of it.
    fn answer(&mut self, conn: ConnId, read: ClientHelloRead) {
        let fault = self.shaking(conn).fault;
        let leaf = match fault {
            Some(HelloFault::SmallOrderStatic) => SMALL_ORDER,
            _ => self.static_key.public(),
        };
        let chain = self.chain(conn, leaf);
        let (awaiting, answer) = read.answer(&chain);
        if let Some(fault) = fault {
            let what = format!("server_hello: {}", fault.word());
            self.record_conn(conn, false, Event::Deviated { what });
        }
        match fault.map(|fault| tampered(fault, &answer)) {
            Some(Instead::Alone(bytes)) => self.message_2(conn, &bytes),
            Some(Instead::Before(bytes)) => {
                self.message_2(conn, &bytes);
                self.message_2(conn, &answer);
            }
            Some(Instead::Nothing) | None => self.message_2(conn, &answer),
        }
        self.set_state(conn, State::Finish(Box::new(awaiting)));
    }

    fn message_2(&mut self, conn: ConnId, answer: &[u8]) {
        self.note_handshake(conn, 2, Direction::Sent, answer.len());
        self.send_frame(conn, answer);
    }

    fn note_handshake(&mut self, conn: ConnId, message: u8, direction: Direction, len: usize) {
        let pattern = self.shaking(conn).pattern.map(|pattern| pattern.word().to_owned());
        let (ephemeral, in_clear) = (None, Vec::new());
        let event = Event::Handshake { message, direction, len, ephemeral, pattern, in_clear };
        self.record_conn(conn, direction == Direction::Received, event);
    }

    /// The certificate chain for a key, or the declared fault in its place.
    fn chain(&mut self, conn: ConnId, leaf: [u8; 32]) -> Vec<u8> {
        let channel = self.channels.get_mut(&conn);
        let rng = channel.map_or(&mut self.rng, |channel| &mut channel.rng);
        match self.faults.chain {
            None => self.authority.chain(&leaf, Validity::TEST, rng).encode(),
            Some(fault) => self.authority.faulty_chain(&leaf, named(fault), rng).encode(),
        }
    }

    pub(super) fn finish(&mut self, conn: ConnId, awaiting: AwaitingFinish, frame: &[u8]) {
        if let Some(channel) = self.channels.get_mut(&conn) {
            channel.shaking.message = 3;
        }
        self.note_handshake(conn, 3, Direction::Received, frame.len());
        match awaiting.read_client_finish(frame) {
            Ok(finished) => self.finished(conn, finished),
            Err(error) => self.unreadable(conn, &error.to_string()),
        }
    }

    fn finished(&mut self, conn: ConnId, finished: Finished) {
        self.settle(conn, "finished");
        self.set_state(conn, State::Deciding(Box::new(finished)));
        self.decide_login(conn);
    }

    fn unreadable(&mut self, conn: ConnId, why: &str) {
        self.settle(conn, "unreadable");
        self.break_channel(conn, why);
    }

    fn shaking(&self, conn: ConnId) -> Shaking {
        self.channels.get(&conn).map(|channel| channel.shaking).unwrap_or_default()
    }

    /// Says once what became of a handshake of which message 1 was received.
    pub(super) fn settle(&mut self, conn: ConnId, end: &str) {
        let Some(channel) = self.channels.get_mut(&conn) else { return };
        let Shaking { pattern, fault, message, settled } = channel.shaking;
        channel.shaking.settled = true;
        if settled || message == 0 {
            return;
        }
        let event = Event::Settled {
            fault: fault.map(|fault| fault.word().to_owned()),
            pattern: pattern.map(|pattern| pattern.word().to_owned()),
            message: Some(message),
            end: end.to_owned(),
        };
        self.record_conn(conn, true, event);
    }

    /// What a first message shows to anybody on the path (NOI-007).
    fn in_clear(&self, message: &[u8]) -> Vec<String> {
        let token = message.windows(TOKEN_CHARS).position(looks_like_a_token);
        let mut found: Vec<String> =
            token.map(|at| format!("what looks like a token at byte {at}")).into_iter().collect();
        // What is shorter is also found where it is not.
        let mut look = |what: &str, bytes: &[u8]| {
            let long_enough = bytes.len() >= IDENTIFIER_BYTES_MIN;
            let at = message.windows(bytes.len().max(1)).position(|window| window == bytes);
            found.extend(at.filter(|_| long_enough).map(|at| format!("{what} at byte {at}")));
        };
        for account in &self.accounts {
            let user = &account.user;
            look("the user-visible identifier", user.visible_id.as_bytes());
            look("the internal identifier", user.login.user.as_bytes());
            let digits = user.login.user.rsplit('-').next().unwrap_or_default();
            if let Ok(id) = digits.parse::<u64>() {
                let mut varint = Vec::new();
                prost::encoding::encode_varint(id, &mut varint);
                look("the account id", &varint);
            }
        }
        found
    }
}

/// A point of order 8 (RFC 7748 §6.1; cr.yp.to/ecdh.html).
const SMALL_ORDER: [u8; 32] = [
    0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4, 0x6A,
    0xDA, 0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49, 0xB8, 0x00,
];

/// How every compact JWT begins: base64url of `{"` and the rest of its header's first member.
const TOKEN_BEGINS: &[u8] = b"eyJ";
/// Characters after which random bytes are no token any more.
const TOKEN_CHARS: usize = 20;
/// Shortest identifier that is looked for among random bytes.
const IDENTIFIER_BYTES_MIN: usize = 4;

fn looks_like_a_token(window: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    window.starts_with(TOKEN_BEGINS) && window.iter().all(word)
}

/// What goes out for message 2.
enum Instead {
    Alone(Vec<u8>),
    /// The sound message 2 follows.
    Before(Vec<u8>),
    /// The fault is in the keys: message 2 is as it was made.
    Nothing,
}

fn tampered(fault: HelloFault, answer: &[u8]) -> Instead {
    let tamper = match fault {
        HelloFault::StaticTag => Tamper::StaticTag,
        HelloFault::PayloadTag => Tamper::PayloadTag,
        HelloFault::PayloadCut => Tamper::PayloadCut,
        HelloFault::MessageCut => Tamper::MessageCut,
        HelloFault::StaticLeftOut => Tamper::StaticLeftOut,
        HelloFault::ClientHello => Tamper::ClientHello,
        HelloFault::UnknownFields => Tamper::UnknownFields,
        HelloFault::PlainStanza => return Instead::Before(plain_success()),
        HelloFault::OtherPrologue
        | HelloFault::ClaimedStatic
        | HelloFault::SmallOrderEphemeral
        | HelloFault::SmallOrderStatic
        | HelloFault::RotatedStatic => return Instead::Nothing,
    };
    let bytes = tamper.apply(answer).expect("our own message 2 parses");
    if fault == HelloFault::UnknownFields { Instead::Alone(bytes) } else { Instead::Before(bytes) }
}

/// The login's success, as if there were no encryption.
fn plain_success() -> Vec<u8> {
    let bytes = binary::encode(&Node::new("success")).expect("a node without content encodes");
    binary::pack(&bytes, false)
}

fn named(fault: ChainFault) -> Fault {
    match fault {
        ChainFault::ForeignRoot => Fault::ForeignRoot,
        ChainFault::RandomSignature => Fault::RandomSignature(Link::Leaf),
        ChainFault::FlippedSignature => Fault::FlippedSignature(Link::Leaf),
        ChainFault::SignatureAbsent => Fault::NoSignature(Link::Leaf),
        ChainFault::SignatureEmpty => Fault::EmptySignature(Link::Leaf),
        ChainFault::SignatureShort => Fault::ShortSignature(Link::Leaf),
        ChainFault::IntermediateFlipped => Fault::FlippedSignature(Link::Intermediate),
        ChainFault::IntermediateUnsigned => Fault::NoSignature(Link::Intermediate),
        ChainFault::UnknownIssuer => Fault::UnknownIssuer(Link::Intermediate),
        ChainFault::OtherLeafKey => Fault::OtherLeafKey,
        ChainFault::Expired => Fault::Expired(Link::Leaf),
        ChainFault::IntermediateExpired => Fault::Expired(Link::Intermediate),
        ChainFault::NotYetValid => Fault::NotYetValid(Link::Leaf),
        ChainFault::Absent => Fault::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_from_bytes_that_begin_like_one() {
        assert!(looks_like_a_token(b"eyJhbGciOiJSUzI1NiIs"));
        assert!(!looks_like_a_token(b"eyJhbGciOiJSUzI1Ni\x00s"));
        assert!(!looks_like_a_token(b"xyJhbGciOiJSUzI1NiIs"));
    }
}
