//! A network in memory, for roles that own no socket: it loses, delays, reorders and cuts.
//!
//! Main type: [`Memory`]. It moves bytes and whole messages between two ends on a clock of its own;
//! all weather comes from the seed, so that a schedule repeats. Bytes of one direction of one
//! connection keep their order, as a stream does; two connections overtake each other, and so do
//! messages, each of which stands for an HTTP exchange on a connection of its own.

use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use rand::RngExt as _;

use crate::clock::UnixMs;
use crate::net::ConnId;
use crate::seed::Rng;

/// An end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Who opened it.
    Near,
    /// Who accepted it.
    Far,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

/// How the network behaves. The default is calm: everything arrives whole and at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Of a thousand writes so many lose their connection, somewhere within their bytes.
    pub losses_per_mille: u32,
    /// Of a thousand messages so many never arrive.
    pub lost_messages_per_mille: u32,
    /// Longest time under way.
    pub delay_ms_max: u64,
    /// Longest piece in which bytes arrive; 0 leaves writes whole.
    pub piece_bytes_max: usize,
}

/// What arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arrival {
    Bytes {
        conn: ConnId,
        at: Side,
        bytes: Vec<u8>,
    },
    /// The other end closed it, or (with an error) it is lost; nothing comes after it.
    Closed {
        conn: ConnId,
        at: Side,
        error: Option<String>,
    },
    /// A message, under the number that [`Memory::post`] was given.
    Message(u64),
    /// A message was lost; its sender notices.
    Lost(u64),
}

/// Something under way; the earliest first, and of one moment the first that was sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay(std::cmp::Reverse<(UnixMs, u64)>, Arrival);

/// One direction: when its last byte arrives.
#[derive(Default)]
struct Line {
    last: [UnixMs; 2],
    /// Nothing more is taken from this side.
    ended: [bool; 2],
}

/// The network.
pub struct Memory {
    rng: Rng,
    weather: Weather,
    now: UnixMs,
    lines: BTreeMap<ConnId, Line>,
    under_way: BinaryHeap<UnderWay>,
    sent: u64,
}

impl Memory {
    /// A calm network at this moment.
    pub fn new(rng: Rng, now: UnixMs) -> Self {
        let (lines, under_way) = (BTreeMap::new(), BinaryHeap::new());
        Self { rng, weather: Weather::default(), now, lines, under_way, sent: 0 }
    }

    /// Changes the weather for what is sent from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Opens a connection; the caller names it, and tells both ends.
    pub fn open(&mut self, conn: ConnId) {
        self.lines.insert(conn, Line { last: [self.now; 2], ..Line::default() });
    }

    /// Connections on which one side at least may still send.
    pub fn open_lines(&self) -> usize {
        self.lines.values().filter(|line| line.ended != [true; 2]).count()
    }

    /// Sends bytes from one side. On a connection that is gone they are dropped.
    pub fn send(&mut self, conn: ConnId, from: Side, bytes: &[u8]) {
        if bytes.is_empty() || !self.may_send(conn, from) {
            return;
        }
        if self.chance(self.weather.losses_per_mille) {
            let keep = self.rng.random_range(0..bytes.len());
            self.pieces(conn, from, &bytes[..keep]);
            return self.lose(conn);
        }
        self.pieces(conn, from, bytes);
    }

    /// One side is finished; the other hears of it once all bytes have arrived.
    pub fn close(&mut self, conn: ConnId, from: Side) {
        if !self.may_send(conn, from) {
            return;
        }
        let at = self.arrival(conn, from);
        self.end(conn, from);
        self.end(conn, from.other());
        self.put(at, Arrival::Closed { conn, at: from.other(), error: None });
    }

    /// Sends a message as a whole.
    pub fn post(&mut self, number: u64) {
        let at = self.now.after(self.delay());
        let lost = self.chance(self.weather.lost_messages_per_mille);
        self.put(at, if lost { Arrival::Lost(number) } else { Arrival::Message(number) });
    }

    /// When the next thing arrives.
    pub fn next_at(&self) -> Option<UnixMs> {
        self.under_way.peek().map(|UnderWay(std::cmp::Reverse((at, _)), _)| *at)
    }

    /// Takes what arrives next, no later than `now`.
    pub fn next(&mut self, now: UnixMs) -> Option<Arrival> {
        self.now = self.now.max(now);
        if self.next_at()? > now {
            return None;
        }
        self.under_way.pop().map(|UnderWay(_, arrival)| arrival)
    }

    fn may_send(&self, conn: ConnId, from: Side) -> bool {
        self.lines.get(&conn).is_some_and(|line| !line.ended[from as usize])
    }

    fn end(&mut self, conn: ConnId, side: Side) {
        if let Some(line) = self.lines.get_mut(&conn) {
            line.ended[side as usize] = true;
        }
    }

    /// The connection is gone for both; each notices in its own time, after what still arrives.
    fn lose(&mut self, conn: ConnId) {
        for side in [Side::Near, Side::Far] {
            let at = self.arrival(conn, side.other());
            self.end(conn, side);
            let error = Some("the connection was lost".to_owned());
            self.put(at, Arrival::Closed { conn, at: side, error });
        }
    }

    fn pieces(&mut self, conn: ConnId, from: Side, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let size = match self.weather.piece_bytes_max {
                0 => rest.len(),
                most => self.rng.random_range(1..=most.min(rest.len())),
            };
            let (piece, tail) = rest.split_at(size);
            let at = self.arrival(conn, from);
            self.put(at, Arrival::Bytes { conn, at: from.other(), bytes: piece.to_vec() });
            rest = tail;
        }
    }

    /// When what is sent now arrives: never before what was sent earlier in the same direction.
    fn arrival(&mut self, conn: ConnId, from: Side) -> UnixMs {
        let at = self.now.after(self.delay());
        let Some(line) = self.lines.get_mut(&conn) else { return at };
        let last = &mut line.last[from as usize];
        *last = at.max(*last);
        *last
    }

    fn delay(&mut self) -> Duration {
        match self.weather.delay_ms_max {
            0 => Duration::ZERO,
            most => Duration::from_millis(self.rng.random_range(0..=most)),
        }
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.random_range(0..1000) < per_mille
    }

    fn put(&mut self, at: UnixMs, arrival: Arrival) {
        self.sent += 1;
        self.under_way.push(UnderWay(std::cmp::Reverse((at, self.sent)), arrival));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn network(seed: u64, weather: Weather) -> Memory {
        let mut memory = Memory::new(Seed(seed).rng(&["memory"]), UnixMs(0));
        memory.set_weather(weather);
        memory
    }

    /// Everything that arrives, in its order, up to the end of time.
    fn all(memory: &mut Memory) -> Vec<Arrival> {
        std::iter::from_fn(|| memory.next(UnixMs(u64::MAX))).collect()
    }

    fn heard(arrivals: &[Arrival], wanted: Side) -> Vec<u8> {
        let pieces = arrivals.iter().filter_map(|arrival| match arrival {
            Arrival::Bytes { at, bytes, .. } if *at == wanted => Some(bytes.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }

    #[test]
    fn in_calm_weather_everything_arrives_whole_and_at_once() {
        let mut memory = network(1, Weather::default());
        memory.open(1);
        memory.send(1, Side::Near, b"ab");
        memory.send(1, Side::Near, b"c");
        memory.post(7);
        memory.close(1, Side::Near);
        memory.send(1, Side::Near, b"never");
        let bytes = |bytes: &[u8]| Arrival::Bytes { conn: 1, at: Side::Far, bytes: bytes.to_vec() };
        let closed = Arrival::Closed { conn: 1, at: Side::Far, error: None };
        assert_eq!(memory.next_at(), Some(UnixMs(0)));
        let expected = [bytes(b"ab"), bytes(b"c"), Arrival::Message(7), closed];
        assert_eq!(all(&mut memory), expected);
        assert_eq!(memory.open_lines(), 0);
    }

    #[test]
    fn what_is_under_way_arrives_in_its_time() {
        let mut memory = network(1, Weather { delay_ms_max: 1000, ..Weather::default() });
        memory.open(1);
        memory.send(1, Side::Far, b"a");
        let at = memory.next_at().unwrap();
        assert!(at > UnixMs(0) && at <= UnixMs(1000));
        assert_eq!(memory.next(UnixMs(at.0 - 1)), None);
        assert!(memory.next(at).is_some() && memory.next(UnixMs(u64::MAX)).is_none());
    }

    #[test]
    fn one_seed_makes_one_schedule_and_another_makes_another() {
        let rough = Weather {
            losses_per_mille: 100,
            lost_messages_per_mille: 300,
            delay_ms_max: 500,
            piece_bytes_max: 3,
        };
        let run = |seed| {
            let mut memory = network(seed, rough);
            for conn in 1..5 {
                memory.open(conn);
                memory.send(conn, Side::Near, b"some bytes");
                memory.post(conn);
            }
            all(&mut memory)
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        let orders = (0..20).map(run).filter(|arrivals| {
            let mut messages = arrivals.iter().filter_map(|arrival| match arrival {
                Arrival::Message(number) | Arrival::Lost(number) => Some(number),
                _ => None,
            });
            !messages.by_ref().is_sorted()
        });
        assert!(orders.count() > 0, "messages overtake each other");
    }

    proptest! {
        #[test]
        fn a_stream_keeps_its_order_and_a_loss_leaves_a_true_beginning(
            seed: u64,
            writes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..12),
            losses in prop_oneof![Just(0), Just(200)],
        ) {
            let weather = Weather {
                losses_per_mille: losses,
                delay_ms_max: 50,
                piece_bytes_max: 5,
                ..Weather::default()
            };
            let mut memory = network(seed, weather);
            memory.open(1);
            for write in &writes {
                memory.send(1, Side::Near, write);
            }
            let arrivals = all(&mut memory);
            let (sent, heard) = (writes.concat(), heard(&arrivals, Side::Far));
            prop_assert!(sent.starts_with(&heard));
            let ends = arrivals.iter().filter(|a| matches!(a, Arrival::Closed { .. })).count();
            prop_assert_eq!(heard.len() == sent.len(), ends == 0);
            prop_assert!(ends == 0 || ends == 2, "both ends notice a loss, once");
        }
    }
}
