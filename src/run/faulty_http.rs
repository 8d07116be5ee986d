//! Faults of the network on single HTTP exchanges.
//!
//! Main type: [`HttpLines`], the faults that wait for their exchange. Each meets the next exchange of its
//! kind and is then spent. What passes of a body is drawn from the case's seed where a scenario leaves it
//! open, and what became of the fault is recorded before a byte moves. An exchange of Meta's side that
//! breaks off by such a fault is the network's affair: nobody hears how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use tokio::time::timeout;

use super::line::{Armed, Took};
use super::recorder::RecordError;
use super::session::Session;
use crate::evidence::{Event, Stream};
use crate::http::{Delivery, Ending, Flow, HttpRequest, HttpResponse, Stop, Strain};
use crate::role::{FetchId, RequestId};
use crate::scenario::{Amount, End, Exchange, FaultKind, Way};
use crate::spec::Profile;

/// Between two pieces of a body: long enough for a peer to read what is there.
const PIECE_PAUSE: Duration = Duration::from_millis(1);
/// How long a request may take to the point where it breaks off.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// Longest piece where the seed decides.
const ANY_PIECE_MAX: usize = 9;
/// So many are enough to split every part of a request, and a busy machine writes them in time.
const ANY_PIECES_MAX: usize = 48;
/// Of an answer, what is read at most before a cut where the seed decides: a status line and more.
const ANY_READ_MAX: usize = 64;

/// The faults of a session that wait for their exchange, and which requests are of which kind.
#[derive(Default)]
pub struct HttpLines {
    armed: Vec<(Exchange, Way, Armed)>,
    asked: BTreeMap<RequestId, Exchange>,
    /// Paths of readers' requests, while a fault waits.
    read: BTreeMap<RequestId, String>,
}

impl HttpLines {
    /// Has a fault meet the next exchange of a kind.
    pub fn arm(&mut self, exchange: Exchange, way: Way, fault: Armed) {
        self.armed.push((exchange, way, fault));
    }

    /// Notes what a request is about, where faults wait for such.
    pub fn asked(&mut self, profile: &Profile, id: RequestId, request: &HttpRequest) {
        let path = request.path.split('?').next().unwrap_or_default();
        let is = |key: &str| profile.text(key) == Some(path);
        let exchange = match () {
            () if self.armed.is_empty() => return,
            () if is("enlistment.path") => Exchange::Enlistment,
            () if is("jwks.path") => Exchange::PushKeys,
            // Whatever else Meta answers in full is a file of its media host.
            () => Exchange::File,
        };
        self.asked.insert(id, exchange);
        self.read.insert(id, request.path.clone());
    }

    fn take(&mut self, exchange: Exchange) -> Option<(Way, Armed)> {
        let at = self.armed.iter().position(|(of, ..)| *of == exchange)?;
        let (_, way, fault) = self.armed.remove(at);
        Some((way, fault))
    }

    fn take_for(&mut self, id: RequestId) -> Option<(Exchange, Way, Armed)> {
        self.read.remove(&id);
        let exchange = self.asked.remove(&id)?;
        self.take(exchange).map(|(way, fault)| (exchange, way, fault))
    }
}

/// What becomes of an answer.
enum Answered {
    By(Delivery, usize, String),
    /// It never comes.
    Never(String),
    /// The fault fits no answer as short as this one.
    Unmet,
}

impl Session<'_> {
    /// Answers a request as the network lets it.
    pub(super) async fn answer(
        &mut self,
        id: RequestId,
        mut response: HttpResponse,
    ) -> Result<(), RecordError> {
        let Some((exchange, way, mut fault)) = self.http.take_for(id) else {
            self.guest.respond(id, response);
            return Ok(());
        };
        match delivery(&mut fault, response.body.len()) {
            Answered::By(how, passes, what) => {
                self.fault_took(fault, what).await?;
                response.body.truncate(passes);
                self.guest.deliver(id, response, how);
            }
            Answered::Never(what) => self.fault_took(fault, what).await?,
            Answered::Unmet => {
                self.http.arm(exchange, way, fault);
                self.guest.respond(id, response);
            }
        }
        Ok(())
    }

    /// Sends a request of Meta's side as the network lets it.
    pub(super) async fn ask_for(
        &mut self,
        id: FetchId,
        url: &str,
        request: HttpRequest,
    ) -> Result<(), RecordError> {
        let exchange = self.exchange_of(&request);
        let met = match exchange.and_then(|exchange| self.http.take(exchange)) {
            Some((way, fault)) => Some(self.strained(way, fault, &request).await?),
            None => None,
        };
        let (strain, ends) = met.unwrap_or_default();
        let (sent, stopped) = self.guest.fetch(url, request, strain);
        if !ends {
            self.fetches.insert(sent, id);
        }
        if strain.sent.stop.is_some() {
            // What follows is to find the server with the broken request before it. A server that does
            // not even take the connection is waited for no longer than this.
            let _ = timeout(STOP_WAIT, stopped).await;
        }
        Ok(())
    }

    /// Has the media proxy ask, as the network lets it.
    pub(super) async fn pass_on(
        &mut self,
        id: RequestId,
        url: &str,
        request: HttpRequest,
    ) -> Result<(), RecordError> {
        let reader = self.http.read.remove(&id);
        self.http.asked.remove(&id);
        let met = match self.http.take(Exchange::ProxiedFile) {
            Some((way, fault)) => Some(self.strained(way, fault, &request).await?),
            None => None,
        };
        let (strain, ends) = met.unwrap_or_default();
        if let (true, Some(path)) = (ends, reader) {
            self.meta.forget_read(&path);
        }
        self.guest.relay(id, url, request, strain);
        Ok(())
    }

    fn exchange_of(&self, request: &HttpRequest) -> Option<Exchange> {
        let is = |key: &str| self.shared.profile.text(key) == Some(request.path.as_str());
        match () {
            () if is("jwks.path") => Some(Exchange::KeySet),
            () if is("push.path") => Some(Exchange::Push),
            () => None,
        }
    }

    async fn strained(
        &mut self,
        way: Way,
        mut fault: Armed,
        request: &HttpRequest,
    ) -> Result<(Strain, bool), RecordError> {
        let (strain, what) = strain(&mut fault, way, length(request));
        self.fault_took(fault, what).await?;
        Ok((strain, strain.sent.stop.or(strain.received.stop).is_some()))
    }

    async fn fault_took(&mut self, fault: Armed, what: String) -> Result<(), RecordError> {
        let Took { number, label, what } = Took { number: fault.number, label: fault.label, what };
        self.record(Stream::faults(), None, Event::FaultTook { fault: number, label, what });
        self.recorder.flush()
    }
}

/// Bytes of a request, at least: the framing is not written yet.
fn length(request: &HttpRequest) -> usize {
    let headers = request.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
    let line = request.method.len() + request.path.len() + " HTTP/1.1\r\n ".len();
    line + headers.sum::<usize>() + request.body.len()
}

fn delivery(fault: &mut Armed, length: usize) -> Answered {
    let whole = Delivery { announced: Some(length as u64), ..Delivery::default() };
    match fault.kind {
        FaultKind::Delay(delay) => {
            let what = format!("an answer is held back for {} ms", delay.as_millis());
            Answered::By(Delivery { delay, ..whole }, length, what)
        }
        FaultKind::Dribble(amount) if length > 1 => {
            let piece_bytes = piece(fault, amount, 0);
            let what = format!("an answer of {length} bytes leaves in pieces of {piece_bytes}");
            Answered::By(Delivery { piece_bytes, pause: PIECE_PAUSE, ..whole }, length, what)
        }
        FaultKind::Cut { after, end } => {
            let passes = match after {
                Amount::Exactly(bytes) => usize::from(bytes),
                Amount::Any => fault.rng.random_range(0..length.max(1)),
            };
            if passes >= length {
                return Answered::Unmet;
            }
            let (end, how) = match end {
                End::Close => (Ending::Broken, "ends"),
                End::Reset => (Ending::Reset, "is reset"),
            };
            let what = format!("an answer of {length} bytes {how} after {passes}");
            Answered::By(Delivery { end, ..whole }, passes, what)
        }
        FaultKind::Reset => {
            let how = Delivery { end: Ending::Reset, ..whole };
            Answered::By(how, 0, "a connection is reset before its answer".to_owned())
        }
        FaultKind::Stall => Answered::Never("an answer never comes".to_owned()),
        _ => Answered::Unmet,
    }
}

fn strain(fault: &mut Armed, way: Way, length: usize) -> (Strain, String) {
    let half = length / 2;
    let (delay, flow, what) = match (fault.kind, way) {
        (FaultKind::Delay(delay), _) => {
            let what = format!("a request is held back for {} ms", delay.as_millis());
            (delay, Flow::default(), what)
        }
        (FaultKind::Dribble(amount), way) => {
            // How long an answer is, nobody knows yet.
            let piece = piece(fault, amount, if way == Way::Sent { length } else { 0 });
            let what = match way {
                Way::Sent => format!("a request leaves in pieces of {piece} bytes"),
                Way::Received => format!("an answer is read in pieces of {piece} bytes"),
            };
            (Duration::ZERO, Flow { piece_bytes: Some(piece), stop: None }, what)
        }
        (FaultKind::Cut { after, end }, way) => {
            let most = if way == Way::Sent { length } else { ANY_READ_MAX };
            let at = match after {
                Amount::Exactly(bytes) => usize::from(bytes),
                Amount::Any => fault.rng.random_range(1..most.max(2)),
            };
            let stop = match end {
                End::Close => Stop::Closed,
                End::Reset => Stop::Reset,
            };
            let side = if way == Way::Sent { "of a request" } else { "read of an answer" };
            (Duration::ZERO, stopped(at, stop), format!("{stop:?} after {at} bytes {side}"))
        }
        (FaultKind::Stall, Way::Received) => {
            let what = "nothing of an answer is read".to_owned();
            (Duration::ZERO, stopped(0, Stop::Stalled), what)
        }
        (FaultKind::Stall, Way::Sent) => {
            let what = format!("{half} bytes of a request leave, and no more");
            (Duration::ZERO, stopped(half, Stop::Stalled), what)
        }
        _ => {
            let what = format!("a connection is reset after {half} bytes of a request");
            (Duration::ZERO, stopped(half, Stop::Reset), what)
        }
    };
    let strain = match way {
        Way::Sent => Strain { delay, sent: flow, ..Strain::default() },
        Way::Received => Strain { delay, received: flow, ..Strain::default() },
    };
    (strain, what)
}

fn stopped(at: usize, stop: Stop) -> Flow {
    Flow { piece_bytes: None, stop: Some((at, stop)) }
}

fn piece(fault: &mut Armed, amount: Amount, of: usize) -> usize {
    match amount {
        Amount::Exactly(bytes) => usize::from(bytes),
        Amount::Any => fault.rng.random_range(1..=ANY_PIECE_MAX).max(of / ANY_PIECES_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn armed(kind: FaultKind) -> Armed {
        Armed { number: 1, label: None, kind, rng: Seed(7).rng(&["http"]) }
    }

    fn cut(after: Amount, end: End) -> FaultKind {
        FaultKind::Cut { after, end }
    }

    #[test]
    fn an_answer_is_cut_within_its_body_or_not_at_all() {
        let by = |kind, length| match delivery(&mut armed(kind), length) {
            Answered::By(how, passes, _) => Some((how.announced, how.end, passes)),
            _ => None,
        };
        let exactly = |bytes| cut(Amount::Exactly(bytes), End::Close);
        assert_eq!(by(exactly(4), 10), Some((Some(10), Ending::Broken, 4)));
        assert_eq!(by(exactly(10), 10), None);
        let any = by(cut(Amount::Any, End::Reset), 10).unwrap();
        assert!(any.1 == Ending::Reset && any.2 < 10);
        assert_eq!(by(cut(Amount::Any, End::Reset), 10), Some(any), "the seed decides");
        assert_eq!(by(cut(Amount::Any, End::Close), 0), None);
        assert_eq!(by(FaultKind::Dribble(Amount::Exactly(3)), 1), None);
        let stalled = delivery(&mut armed(FaultKind::Stall), 10);
        assert!(matches!(stalled, Answered::Never(_)));
    }

    #[test]
    fn a_request_of_ours_is_broken_before_its_end() {
        let request = HttpRequest { body: vec![0; 20], ..HttpRequest::new("POST", "/push") };
        let length = length(&request);
        for (kind, stop) in [
            (cut(Amount::Any, End::Close), Stop::Closed),
            (FaultKind::Stall, Stop::Stalled),
            (FaultKind::Reset, Stop::Reset),
        ] {
            let (strain, _) = strain(&mut armed(kind), Way::Sent, length);
            let (at, how) = strain.sent.stop.unwrap();
            assert!(how == stop && (1..length).contains(&at), "{kind:?} {at}");
            assert_eq!(strain.received, Flow::default());
        }
        let (slow, _) =
            strain(&mut armed(FaultKind::Dribble(Amount::Exactly(3))), Way::Received, length);
        assert_eq!(slow.received, Flow { piece_bytes: Some(3), stop: None });
        assert_eq!(slow.sent, Flow::default());
    }

    #[test]
    fn a_fault_meets_the_next_exchange_of_its_kind_and_no_other() {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let mut lines = HttpLines::default();
        lines.arm(Exchange::Enlistment, Way::Sent, armed(FaultKind::Stall));
        let keys = profile.text("jwks.path").unwrap();
        lines.asked(&profile, 1, &HttpRequest::new("GET", keys));
        let form = profile.text("enlistment.path").unwrap();
        lines.asked(&profile, 2, &HttpRequest::new("POST", &format!("{form}?x=1")));
        assert!(lines.take_for(1).is_none());
        assert!(lines.take_for(2).is_some());
        assert!(lines.take_for(2).is_none());
    }

    #[test]
    fn a_long_request_leaves_in_a_bounded_number_of_pieces() {
        let mut fault = armed(FaultKind::Dribble(Amount::Any));
        let (strain, _) = strain(&mut fault, Way::Sent, 4800);
        assert_eq!(strain.sent.piece_bytes, Some(4800 / ANY_PIECES_MAX));
        let (short, _) = super::strain(&mut fault, Way::Sent, 40);
        assert!(short.sent.piece_bytes.is_some_and(|bytes| bytes <= ANY_PIECE_MAX));
        let (exact, _) =
            super::strain(&mut armed(FaultKind::Dribble(Amount::Exactly(1))), Way::Sent, 4800);
        assert_eq!(exact.sent.piece_bytes, Some(1));
    }
}
