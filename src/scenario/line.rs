//! Faults of the line between the harness and a client, and jumps of the clock, as steps.
//!
//! Main types: [`LineFault`] and [`Advance`]. What a fault does to bytes is `run`'s affair; here
//! stands what may be written and how it is read. A fault has no `checks`: it decides nothing by
//! itself, and what follows it is judged like any other step. One that never took effect leaves
//! the case undecided, so a fault is observed without being named in `must_observe`.

use std::time::Duration;

use super::parse::{fields, read_duration};
use super::shape;
use crate::limits::{CLOCK_STEPS_MAX, FAULT_BYTES_MAX, FAULT_DELAY_MS_MAX, FAULT_WRITES_MAX};
use crate::spec::problems::{Fields, Problems, listed};
use crate::spec::yaml::{Entry, Value, Yaml};

/// Something that the network does to one connection of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The client whose connection it is.
    pub on: String,
    pub kind: FaultKind,
    pub way: Way,
    pub which: Which,
    /// It is about the next HTTP exchange of this kind, and not about a chat connection.
    pub http: Option<Exchange>,
}

/// What happens to the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// So many bytes still pass, then the connection ends.
    Cut { after: Amount, end: End },
    /// Writes pass in pieces of so many bytes.
    Dribble(Amount),
    /// So many writes are held back and pass as one.
    Coalesce(u16),
    /// The next write passes that much later.
    Delay(Duration),
    /// The next write passes twice.
    Duplicate,
    /// Nothing passes any more, and nobody is told.
    Stall,
    /// So many random bytes pass, which belong to no frame.
    Garbage(u16),
    /// The length of a frame passes, and nothing after it.
    Announce(Length),
    /// The connection is reset, at once.
    Reset,
    /// The server has nothing more to say and goes on listening.
    HalfClose,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Exactly(u16),
    /// Drawn from the seed, for each write anew.
    Any,
}

super::words::words! {
    /// How long a frame is that is announced.
    Length {
        /// As the length field can say at most.
        Longest = "longest",
        /// One more than the profile's limit.
        TooLong = "too-long",
    }
}
super::words::words! {
    /// Which bytes a fault is about.
    Way {
        /// What the server sends.
        Sent = "sent",
        /// What the client sends.
        Received = "received",
    }
}
super::words::words! {
    /// Which connection of the client.
    Which {
        Current = "current",
        /// The next that comes about, from its first byte.
        Next = "next",
    }
}
super::words::words! {
    /// How a cut connection ends.
    End {
        /// By FIN, as if it were a clean end.
        Close = "close",
        /// By RST.
        Reset = "reset",
    }
}

super::words::words! {
    /// An HTTP exchange between Meta's side and the implementation under test.
    Exchange {
        /// A client's call of the enlistment API, and Meta's answer.
        Enlistment = "enlistment",
        /// A client's request for a file of Meta's media host, and its answer.
        File = "file",
        /// The third-party server's request for Meta's push keys, and the answer.
        PushKeys = "push-keys",
        /// Meta's request for the third-party server's key set.
        KeySet = "key-set",
        /// Meta's push call.
        Push = "push",
        /// What Meta's media proxy asks the third-party server.
        ProxiedFile = "proxied-file",
    }
}

impl Exchange {
    /// True for a request of Meta's side; the others are answers of it.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::KeySet | Self::Push | Self::ProxiedFile)
    }

    /// True where the other end is a third-party server, and not a client.
    pub fn is_with_server(self) -> bool {
        self.is_ours() || self == Self::PushKeys
    }
}

/// Time passes for both sides at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The actor whose instance moves its clock.
    pub on: String,
    pub by: Duration,
    /// In steps of this length, so that what the subject does in between is seen in its time.
    pub every: Option<Duration>,
}

impl FaultKind {
    /// The word that stands for it in a scenario.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cut { .. } => "cut",
            Self::Dribble(_) => "dribble",
            Self::Coalesce(_) => "coalesce",
            Self::Delay(_) => "delay",
            Self::Duplicate => "duplicate",
            Self::Stall => "stall",
            Self::Garbage(_) => "garbage",
            Self::Announce(_) => "announce",
            Self::Reset => "reset",
            Self::HalfClose => "half_close",
        }
    }

    /// True for what happens at once and waits for no bytes.
    pub fn is_immediate(self) -> bool {
        matches!(self, Self::Garbage(_) | Self::Announce(_) | Self::Reset | Self::HalfClose)
    }

    /// True for what can be done to an HTTP exchange in this direction.
    pub fn suits_http(self, exchange: Exchange, way: Way) -> bool {
        let suits = match self {
            Self::Cut { .. } | Self::Stall | Self::Dribble(_) => true,
            Self::Delay(_) | Self::Reset => way == Way::Sent,
            _ => false,
        };
        suits && (way == Way::Sent || exchange.is_ours())
    }

    /// True for what can be done to bytes that the client sends.
    pub fn suits_received(self) -> bool {
        matches!(self, Self::Cut { .. } | Self::Stall)
    }
}

const KINDS: &[&str] = &[
    "cut",
    "dribble",
    "coalesce",
    "delay",
    "duplicate",
    "stall",
    "garbage",
    "announce",
    "reset",
    "half_close",
];

pub(super) fn read_fault<'y>(
    problems: &mut Problems,
    node: &'y Yaml,
) -> Option<(LineFault, Fields<'y>)> {
    let fields = fields(problems, node, &shape::FAULT)?;
    let on = fields.get("on").and_then(|node| problems.text(node, "`on`"));
    let kind = read_kind(problems, node, fields);
    let way = fields.get("way").map(|node| problems.word(node, "way", Way::ALL));
    let which = fields.get("connection").map(|n| problems.word(n, "connection", Which::ALL));
    let http = fields.get("http").map(|node| problems.word(node, "exchange", Exchange::ALL));
    let fault = LineFault {
        http: http.map_or(Some(None), |exchange| exchange.map(Some))?,
        on: on?.to_owned(),
        kind: kind?,
        way: way.unwrap_or(Some(Way::Sent))?,
        which: which.unwrap_or(Some(Which::Current))?,
    };
    Some((fault, fields))
}

fn read_kind(problems: &mut Problems, node: &Yaml, fields: Fields<'_>) -> Option<FaultKind> {
    let mut present = fields.iter().filter(|entry| KINDS.contains(&entry.key.as_str()));
    let Some(first) = present.next() else {
        problems.advise(
            node.anchor(),
            "`fault` does not say what happens",
            listed("one of", KINDS),
        );
        return None;
    };
    if let Some(second) = present.next() {
        let message = format!("`fault` already has `{}`, one thing happens at a time", first.key);
        problems.add(second.key_span, message);
    }
    if let (Some(end), true) = (fields.entry("end"), first.key != "cut") {
        problems.add(end.key_span, "`end` belongs to `cut`");
    }
    read_one(problems, first, fields)
}

fn read_one(problems: &mut Problems, entry: &Entry, fields: Fields<'_>) -> Option<FaultKind> {
    let value = &entry.value;
    match entry.key.as_str() {
        "cut" => {
            let end = match fields.get("end") {
                Some(node) => problems.word(node, "end", End::ALL)?,
                None => End::Close,
            };
            read_amount(problems, entry, 0).map(|after| FaultKind::Cut { after, end })
        }
        "dribble" => read_amount(problems, entry, 1).map(FaultKind::Dribble),
        "coalesce" => read_count(problems, entry, 2, FAULT_WRITES_MAX).map(FaultKind::Coalesce),
        "delay" => read_delay(problems, value).map(FaultKind::Delay),
        "announce" => problems.word(value, "length", Length::ALL).map(FaultKind::Announce),
        "garbage" => read_count(problems, entry, 1, FAULT_BYTES_MAX).map(FaultKind::Garbage),
        word => read_flag(problems, value, word),
    }
}

/// `true` behind the faults that have no measure.
fn read_flag(problems: &mut Problems, node: &Yaml, word: &str) -> Option<FaultKind> {
    if !problems.flag(node, &format!("`{word}`"))? {
        problems.add(node.span, format!("`{word}: false` does nothing"));
        return None;
    }
    Some(match word {
        "duplicate" => FaultKind::Duplicate,
        "stall" => FaultKind::Stall,
        "reset" => FaultKind::Reset,
        _ => FaultKind::HalfClose,
    })
}

fn read_amount(problems: &mut Problems, entry: &Entry, least: u16) -> Option<Amount> {
    if matches!(&entry.value.value, Value::Scalar { text, .. } if text == shape::ANY) {
        return Some(Amount::Any);
    }
    read_count(problems, entry, least, FAULT_BYTES_MAX).map(Amount::Exactly)
}

fn read_count(problems: &mut Problems, entry: &Entry, least: u16, most: u16) -> Option<u16> {
    let what = format!("`{}`", entry.key);
    let number = problems.number(&entry.value, &what)?;
    let count = u16::try_from(number).ok().filter(|count| (least..=most).contains(count));
    if count.is_none() {
        problems.add(entry.value.span, format!("{what} is a number from {least} to {most}"));
    }
    count
}

fn read_delay(problems: &mut Problems, node: &Yaml) -> Option<Duration> {
    let delay = read_duration(problems, node)?;
    if delay > Duration::from_millis(FAULT_DELAY_MS_MAX) {
        let help = "a longer silence is a `stall`, and long waits are an `advance`";
        problems.advise(node.span, format!("a delay is at most {FAULT_DELAY_MS_MAX} ms"), help);
        return None;
    }
    Some(delay)
}

pub(super) fn read_advance<'y>(
    problems: &mut Problems,
    node: &'y Yaml,
) -> Option<(Advance, Fields<'y>)> {
    let fields = fields(problems, node, &shape::ADVANCE)?;
    let on = fields.get("on").and_then(|node| problems.text(node, "`on`"));
    let by = fields.get("by").and_then(|node| read_duration(problems, node));
    let every = match fields.get("every") {
        Some(node) => Some(read_pace(problems, node, by)?),
        None => None,
    };
    Some((Advance { on: on?.to_owned(), by: by?, every }, fields))
}

/// The length of the single steps of a jump.
fn read_pace(problems: &mut Problems, node: &Yaml, by: Option<Duration>) -> Option<Duration> {
    let every = read_duration(problems, node)?;
    let steps = by.unwrap_or_default().as_millis() / every.as_millis().max(1);
    if steps > u128::from(CLOCK_STEPS_MAX) {
        problems.add(node.span, format!("that are more than {CLOCK_STEPS_MAX} steps"));
        return None;
    }
    Some(every)
}

#[cfg(test)]
mod tests {
    use super::super::{Action, lint, parse};
    use super::*;
    use crate::span::Source;

    fn scenario(steps: &str) -> String {
        format!(
            "schema: 1\ntitle: t\nwhy: w\nmilestone: M2\ncovers: [TRN-011]\nproves: [q]\n\
             actors:\n  alice: {{ plays: third-party-client, iut: true }}\n  \
             acme: {{ plays: third-party-server, iut: true }}\n  bob: {{ plays: meta-client }}\n\
             steps:\n{steps}  - send: {{ from: bob, to: alice, text: hi }}\n  - expect: {{ at: meta, login: {{ accepted: \"true\" }}, \
             checks: [TRN-011], as: l }}\n\
             must_observe: [l.received]\n"
        )
    }

    fn read(step: &str) -> Action {
        let source = Source::new("x.yaml", scenario(&format!("  - {step}\n")));
        let scenario = parse("m2/x", &source).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(lint(&scenario, &["q"]), [], "{step}");
        scenario.steps[0].action.clone()
    }

    fn errors(steps: &str) -> String {
        let source = Source::new("x.yaml", scenario(steps));
        let errors = match parse("m2/x", &source) {
            Ok(scenario) => lint(&scenario, &["q"]),
            Err(errors) => errors,
        };
        crate::spec::joined(&errors)
    }

    #[test]
    fn every_fault_can_be_written() {
        let end = End::Close;
        for (text, kind) in [
            ("cut: 0", FaultKind::Cut { after: Amount::Exactly(0), end }),
            ("cut: any, end: reset", FaultKind::Cut { after: Amount::Any, end: End::Reset }),
            ("dribble: 1", FaultKind::Dribble(Amount::Exactly(1))),
            ("dribble: any", FaultKind::Dribble(Amount::Any)),
            ("coalesce: 20", FaultKind::Coalesce(20)),
            ("delay: 500ms", FaultKind::Delay(Duration::from_millis(500))),
            ("duplicate: true", FaultKind::Duplicate),
            ("stall: true", FaultKind::Stall),
            ("garbage: 64", FaultKind::Garbage(64)),
            ("reset: true", FaultKind::Reset),
            ("half_close: true", FaultKind::HalfClose),
        ] {
            let action = read(&format!("fault: {{ on: alice, {text}, as: f }}"));
            let Action::Fault(fault) = action else { panic!("{text}") };
            assert_eq!((fault.kind, fault.way, fault.which), (kind, Way::Sent, Which::Current));
            assert!(KINDS.contains(&kind.word()), "{text}");
        }
        let Action::Fault(fault) = read("fault: { on: alice, stall: true, way: received }") else {
            panic!("a fault")
        };
        assert_eq!((fault.way, fault.http), (Way::Received, None));
        for (text, exchange, way) in [
            ("on: alice, http: file, cut: any, end: reset", Exchange::File, Way::Sent),
            ("on: alice, http: enlistment, delay: 20ms", Exchange::Enlistment, Way::Sent),
            ("on: acme, http: push-keys, stall: true", Exchange::PushKeys, Way::Sent),
            ("on: acme, http: push, reset: true", Exchange::Push, Way::Sent),
            ("on: acme, http: key-set, cut: 3, way: received", Exchange::KeySet, Way::Received),
            (
                "on: acme, http: proxied-file, dribble: 9, way: received",
                Exchange::ProxiedFile,
                Way::Received,
            ),
        ] {
            let Action::Fault(fault) = read(&format!("fault: {{ {text}, as: f }}")) else {
                panic!("{text}")
            };
            assert_eq!((fault.http, fault.way), (Some(exchange), way), "{text}");
        }
        let Action::Advance(advance) = read("advance: { on: alice, by: 30d }") else {
            panic!("an advance")
        };
        assert_eq!(advance.by, Duration::from_secs(30 * 24 * 3600));
    }

    #[test]
    fn what_cannot_happen_is_shown_with_its_place() {
        insta::assert_snapshot!(errors(
            "  - fault: { on: alice }\n\
             \x20 - fault: { on: alice, cut: 5, reset: true }\n\
             \x20 - fault: { on: alice, dribble: 0 }\n\
             \x20 - fault: { on: alice, coalesce: 1 }\n\
             \x20 - fault: { on: alice, delay: 1h }\n\
             \x20 - fault: { on: alice, stall: false }\n\
             \x20 - fault: { on: alice, dribble: 1, end: reset }\n\
             \x20 - fault: { on: alice, cut: 1, way: sideways }\n\
             \x20 - fault: { on: alice, reset: true, checks: [TRN-011] }\n\
             \x20 - advance: { on: alice, by: 30 }\n"
        ));
        insta::assert_snapshot!(errors(
            "  - fault: { on: bob, cut: 5 }\n\
             \x20 - fault: { on: acme, cut: 5 }\n\
             \x20 - fault: { on: carol, cut: 5 }\n\
             \x20 - fault: { on: alice, dribble: 1, way: received }\n\
             \x20 - fault: { on: alice, garbage: 9, connection: next }\n\
             \x20 - fault: { on: acme, http: file, cut: 5 }\n\
             \x20 - fault: { on: alice, http: push, cut: 5 }\n\
             \x20 - fault: { on: alice, http: file, cut: 5, way: received }\n\
             \x20 - fault: { on: acme, http: push, coalesce: 2 }\n\
             \x20 - fault: { on: acme, http: push, cut: 5, connection: next }\n\
             \x20 - advance: { on: bob, by: 30d }\n"
        ));
    }
}
