//! The handshake as this client makes it: which pattern it opens with, and what it makes of the
//! server's answer.
//!
//! Main type: [`Opened`]. A server whose chain was verified is remembered for as long as the chain
//! holds, and the next connection resumes with IK where the profile lists it; one failure of an IK
//! and the key is forgotten (`wire.md` §1.2).

use prost::Message as _;

use super::ThirdPartyClient;
use super::effect::{Failure, FailureKind, Output};
use super::link::{KnownServer, Stage, State};
use crate::limits::ROUTING_BYTES_MAX;
use crate::noise::certificate;
use crate::noise::{
    End, IkAnswer, IkInitiator, Initiator, KeyPair, Lapse, NoiseError, Pattern, Resumed,
    ServerHelloRead, Transport,
};
use crate::proto::handshake as wire;
use crate::role::ConnId;
use crate::role::quirk::Fault;
use crate::wire::Node;

/// A handshake of which message 1 is on its way.
pub(super) struct Opened {
    state: Waiting,
    /// The same again, for a client that goes on with a handshake that failed.
    again: Option<End>,
}

enum Waiting {
    Xx(Initiator),
    Ik(IkInitiator),
}

/// What the server's answer made of it.
enum Answered {
    Read(Box<ServerHelloRead>),
    Resumed(Box<Resumed>),
}

/// "ED", 0, 1, and then a length of three bytes (`wire.md` §1.1).
const ROUTING_MARK: [u8; 4] = [0x45, 0x44, 0, 1];

impl ThirdPartyClient {
    /// Sends the header and message 1 (`wire.md` §1.1, §1.2).
    pub(super) fn opened(&mut self, conn: ConnId) {
        if !self.is_current(conn) {
            return;
        }
        let end = self.end();
        let again = self.has(Fault::FailedHandshakeGoesOn).then(|| end.clone());
        let intro = match self.has(Fault::IntroLeftOut) {
            true => Vec::new(),
            false => [self.routing_prefix(), self.settings.prologue.to_vec()].concat(),
        };
        self.out.push_back(Output::Send { conn, bytes: intro });
        if let Some(transport) = self.connection.kept.take() {
            self.set_state(State::Secure(transport, Stage::LoggingIn));
            return self.ask_for_count();
        }
        let (state, hello) = self.first_message(end);
        self.send_frame(conn, &hello);
        self.set_state(State::Hello(Box::new(Opened { state, again })));
    }

    /// `<ib>` with the routing that the next connection begins with (`wire.md` §1.1).
    pub(super) fn routing_info(&mut self, node: &Node) {
        let info = node.find("edge_routing").and_then(|routing| routing.find("routing_info"));
        let info = info.and_then(Node::body).filter(|info| info.len() <= ROUTING_BYTES_MAX);
        if let Some(info) = info {
            self.connection.routing = Some(info.to_vec());
        }
    }

    fn end(&mut self) -> End {
        let ephemeral = if self.has(Fault::EphemeralReused) {
            KeyPair::generate(&mut self.ephemerals.clone())
        } else {
            KeyPair::generate(&mut self.ephemerals)
        };
        let mut prologue = self.settings.prologue.to_vec();
        if self.has(Fault::RoutingInPrologue) {
            prologue.splice(..0, self.routing_prefix());
        }
        if self.has(Fault::PrologueNotMixed) {
            prologue.clear();
        }
        let own = self.login_key();
        End::new(&prologue, self.settings.dialect, own, ephemeral).with(self.lapse())
    }

    fn lapse(&self) -> Option<Lapse> {
        match self.fault? {
            Fault::TagsNotChecked => Some(Lapse::TagsUnchecked),
            Fault::NonceStepsOnBadFrame => Some(Lapse::CounterStepsOnFailure),
            Fault::NearbyCountersTried => Some(Lapse::NearbyCountersTried),
            Fault::OwnFramesTaken => Some(Lapse::OwnFramesTaken),
            Fault::SmallOrderTaken => Some(Lapse::ZeroAgreementTaken),
            _ => None,
        }
    }

    /// What the server asked for, before the header and no part of the prologue (NOI-003).
    fn routing_prefix(&self) -> Vec<u8> {
        let Some(routing) = &self.connection.routing else { return Vec::new() };
        let Ok(length) = u32::try_from(routing.len()) else { return Vec::new() };
        [&ROUTING_MARK, &length.to_be_bytes()[1..], routing].concat()
    }

    fn first_message(&mut self, end: End) -> (Waiting, Vec<u8>) {
        if let Some(server) = self.resumable() {
            let payload = self.login_payload();
            if let Ok((initiator, hello)) = IkInitiator::start(end.clone(), &server, &payload) {
                return (Waiting::Ik(initiator), hello);
            }
        }
        let early = self.has(Fault::TokenInFirstMessage).then(|| self.login_payload());
        let (initiator, hello) =
            Initiator::start_with_payload(end, early.as_deref().unwrap_or_default());
        (Waiting::Xx(initiator), hello)
    }

    /// The known key of the server, where the profile lists IK and the chain still holds.
    fn resumable(&self) -> Option<[u8; 32]> {
        let listed = self.settings.patterns.contains(&Pattern::Ik);
        let resumes = listed || self.has(Fault::IkThoughUnlisted);
        let known = self.connection.known_server.filter(|known| self.now <= known.until)?;
        resumes.then_some(known.key)
    }

    pub(super) fn server_hello(&mut self, conn: ConnId, opened: Opened, frame: &[u8]) {
        if self.has(Fault::UnknownFieldsRefused) && has_unknown_fields(frame) {
            return self.break_link("a handshake message holds unknown fields");
        }
        let Opened { state, again } = opened;
        let resumes = matches!(state, Waiting::Ik(_));
        match state.read(frame) {
            Ok(Answered::Read(_)) if resumes && self.has(Fault::NeverFallsBack) => {
                self.break_link("the server does not resume");
            }
            Ok(Answered::Read(read)) => self.decide(conn, *read),
            // The key was verified when it was remembered (NOI-021).
            Ok(Answered::Resumed(resumed)) => self.logging_in(resumed.transport),
            Err(error) => self.handshake_failed(conn, again, &error),
        }
    }

    /// NOI-006: the last message, with the token in it, goes to an authenticated server only.
    fn decide(&mut self, conn: ConnId, read: ServerHelloRead) {
        if let Err(error) = self.verify(&read) {
            if self.has(Fault::UnprovenKeyResumed) {
                self.remember(&read);
            }
            let why = format!("the server cannot be trusted: {error}");
            return self.refuse(Failure::new(FailureKind::Unauthenticated, why));
        }
        self.remember(&read);
        let (finish, transport) = read.finish(&self.login_payload());
        self.send_frame(conn, &finish);
        self.logging_in(transport);
    }

    fn remember(&mut self, read: &ServerHelloRead) {
        let until = certificate::valid_until(&read.certificate);
        let key = read.server_static;
        self.connection.known_server = until.map(|until| KnownServer { key, until });
    }

    fn logging_in(&mut self, transport: Transport) {
        self.set_state(State::Secure(Box::new(transport), Stage::LoggingIn));
    }

    /// NOI-009: what failed is dropped; the next attempt begins anew, and without a key that may be
    /// to blame.
    fn handshake_failed(&mut self, conn: ConnId, again: Option<End>, error: &NoiseError) {
        self.connection.known_server = None;
        if let Some(end) = again {
            let (initiator, _) = Initiator::start(end);
            let opened = Opened { state: Waiting::Xx(initiator), again: None };
            return self.set_state(State::Hello(Box::new(opened)));
        }
        let other_kind = matches!(error, NoiseError::Missing(_) | NoiseError::Malformed(_));
        if self.has(Fault::DowngradeTaken) && other_kind {
            let finish = self.finish_in_clear();
            return self.send_frame(conn, &finish);
        }
        if self.has(Fault::SmallOrderHangs) && matches!(error, NoiseError::SmallOrder(_)) {
            return self.hang();
        }
        self.break_link(&error.to_string());
    }

    /// The connection stays as it is, for ever.
    fn hang(&mut self) {
        if let Some(link) = &mut self.connection.link {
            link.until = crate::clock::UnixMs(u64::MAX);
        }
    }

    fn finish_in_clear(&self) -> Vec<u8> {
        let finish = wire::ClientFinish {
            r#static: Some(self.login_key().public().to_vec()),
            payload: Some(self.login_payload()),
        };
        wire::HandshakeMessage { client_finish: Some(finish), ..Default::default() }.encode_to_vec()
    }
}

impl Waiting {
    fn read(self, frame: &[u8]) -> Result<Answered, NoiseError> {
        match self {
            Waiting::Xx(initiator) => {
                let read = initiator.read_server_hello(frame)?;
                Ok(Answered::Read(Box::new(read)))
            }
            Waiting::Ik(initiator) => match initiator.read_server_hello(frame)? {
                IkAnswer::Resumed(resumed) => Ok(Answered::Resumed(resumed)),
                IkAnswer::FallenBack(read) => Ok(Answered::Read(read)),
            },
        }
    }
}

/// True if writing the message again gives other bytes: the difference is what was not understood.
fn has_unknown_fields(message: &[u8]) -> bool {
    let decoded = wire::HandshakeMessage::decode(message);
    decoded.is_ok_and(|decoded| decoded.encode_to_vec() != message)
}
