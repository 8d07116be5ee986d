//! What faults make of the bytes on a line: one write in, what really passes out.
//!
//! Main type: [`Line`], one direction of one connection. It owns no socket and no clock; pauses are
//! values. Faults take their turn in the order in which they were armed, each until it is spent, so
//! that a scenario can lay several on one connection. Whatever is drawn comes from the seed.

use std::collections::VecDeque;
use std::time::Duration;

use rand::{Rng as _, RngExt as _};

use crate::limits::{FAULT_PAUSES_MAX, FRAME_BYTES_MAX};
use crate::scenario::{Amount, End, FaultKind, Length};
use crate::seed::Rng;

/// Between two pieces of a dribbled write: long enough for a peer to read what is there.
const PIECE_PAUSE: Duration = Duration::from_millis(1);
/// Longest piece where the seed decides.
const ANY_PIECE_MAX: usize = 9;

/// A fault with what it is called in the transcript.
#[derive(Clone, Debug)]
pub struct Armed {
    pub number: u32,
    pub label: Option<String>,
    pub kind: FaultKind,
    pub rng: Rng,
}

/// What really passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pass {
    Bytes(Vec<u8>),
    Pause(Duration),
    HalfClose,
    /// The connection ends.
    End(End),
}

/// A fault that took effect, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Took {
    pub number: u32,
    pub label: Option<String>,
    pub what: String,
}

/// One direction of one connection.
#[derive(Default)]
pub struct Line {
    armed: VecDeque<Armed>,
    /// Bytes that a cut has let pass so far.
    passed: usize,
    /// Writes that wait to be joined.
    held: Vec<Vec<u8>>,
    /// Nothing passes any more.
    dead: bool,
}

impl Line {
    /// Lays a fault on the line. It ends a dribble, which has no end of its own.
    pub fn arm(&mut self, fault: Armed) {
        self.armed.retain(|earlier| !matches!(earlier.kind, FaultKind::Dribble(_)));
        self.armed.push_back(fault);
    }

    /// Lets nothing pass any more: what follows would belong to a frame that never comes.
    pub fn stop(&mut self) {
        self.dead = true;
    }

    /// True while something that was written has not passed: what is written now must not overtake
    /// it.
    pub fn holds(&self) -> bool {
        self.dead || !self.held.is_empty()
    }

    /// Takes a write and says what passes, and which fault took effect.
    pub fn write(&mut self, bytes: Vec<u8>) -> (Vec<Pass>, Option<Took>) {
        if self.dead {
            return (Vec::new(), None);
        }
        let Some(mut fault) = self.armed.pop_front() else {
            return (vec![Pass::Bytes(bytes)], None);
        };
        let (passes, what, spent) = self.meet(&mut fault, bytes);
        let took = what.map(|what| Took { number: fault.number, label: fault.label.clone(), what });
        if !spent {
            self.armed.push_front(fault);
        }
        (passes, took)
    }

    /// What passes, what it is called if it is out of the ordinary, and whether the fault is spent.
    fn meet(&mut self, fault: &mut Armed, bytes: Vec<u8>) -> (Vec<Pass>, Option<String>, bool) {
        match fault.kind {
            FaultKind::Cut { after, end } => self.cut(bytes, after, end, &mut fault.rng),
            FaultKind::Dribble(piece) => dribble(bytes, piece, &mut fault.rng),
            FaultKind::Coalesce(count) => self.coalesce(bytes, usize::from(count)),
            FaultKind::Delay(wait) => {
                let what = format!("{} bytes passed {} ms later", bytes.len(), wait.as_millis());
                (vec![Pass::Pause(wait), Pass::Bytes(bytes)], Some(what), true)
            }
            FaultKind::Duplicate => {
                let what = format!("{} bytes passed twice", bytes.len());
                (vec![Pass::Bytes(bytes.clone()), Pass::Bytes(bytes)], Some(what), true)
            }
            FaultKind::Stall => {
                self.dead = true;
                let what = format!("{} bytes did not pass, nor does anything after", bytes.len());
                (Vec::new(), Some(what), true)
            }
            // These happen at once and are never armed.
            FaultKind::Garbage(_)
            | FaultKind::Announce(_)
            | FaultKind::Reset
            | FaultKind::HalfClose => (vec![Pass::Bytes(bytes)], None, true),
        }
    }

    fn cut(
        &mut self,
        mut bytes: Vec<u8>,
        after: Amount,
        end: End,
        rng: &mut Rng,
    ) -> (Vec<Pass>, Option<String>, bool) {
        let keep = match after {
            Amount::Exactly(after) => usize::from(after).saturating_sub(self.passed),
            // Strictly inside, so that something is cut off.
            Amount::Any => rng.random_range(0..bytes.len().max(1)),
        };
        if keep >= bytes.len() {
            self.passed += bytes.len();
            return (vec![Pass::Bytes(bytes)], None, false);
        }
        let what = format!("{keep} of {} bytes passed, then {}", bytes.len(), word(end));
        bytes.truncate(keep);
        self.dead = true;
        let head = (!bytes.is_empty()).then_some(Pass::Bytes(bytes));
        (head.into_iter().chain([Pass::End(end)]).collect(), Some(what), true)
    }

    fn coalesce(&mut self, bytes: Vec<u8>, count: usize) -> (Vec<Pass>, Option<String>, bool) {
        self.held.push(bytes);
        if self.held.len() < count {
            return (Vec::new(), None, false);
        }
        let joined = std::mem::take(&mut self.held).concat();
        let what = format!("{count} writes passed as one of {} bytes", joined.len());
        (vec![Pass::Bytes(joined)], Some(what), true)
    }
}

/// What a fault does that waits for no bytes; `frame_max` is the profile's limit.
pub fn at_once(kind: FaultKind, rng: &mut Rng, frame_max: usize) -> Option<(Pass, String)> {
    match kind {
        FaultKind::Announce(length) => {
            let length = match length {
                Length::Longest => FRAME_BYTES_MAX,
                Length::TooLong => (frame_max + 1).min(FRAME_BYTES_MAX),
            };
            let header = length.to_be_bytes()[size_of::<usize>() - 3..].to_vec();
            Some((Pass::Bytes(header), format!("a frame of {length} bytes was announced")))
        }
        FaultKind::Garbage(count) => {
            let mut bytes = vec![0; usize::from(count)];
            rng.fill_bytes(&mut bytes);
            Some((Pass::Bytes(bytes), format!("{count} random bytes passed")))
        }
        FaultKind::Reset => Some((Pass::End(End::Reset), word(End::Reset).to_owned())),
        FaultKind::HalfClose => {
            Some((Pass::HalfClose, "the server said that it has finished".into()))
        }
        _ => None,
    }
}

fn word(end: End) -> &'static str {
    match end {
        End::Close => "the connection was closed",
        End::Reset => "the connection was reset",
    }
}

/// Takes a write apart. The fault stays: every later write meets it too.
fn dribble(bytes: Vec<u8>, piece: Amount, rng: &mut Rng) -> (Vec<Pass>, Option<String>, bool) {
    let mut passes = Vec::new();
    let (mut rest, len, mut pieces) = (bytes.as_slice(), bytes.len(), 0);
    while !rest.is_empty() {
        let size = match piece {
            Amount::Exactly(size) => usize::from(size),
            Amount::Any => rng.random_range(1..=ANY_PIECE_MAX),
        };
        let (head, tail) = rest.split_at(size.clamp(1, rest.len()));
        if (1..=FAULT_PAUSES_MAX).contains(&pieces) {
            passes.push(Pass::Pause(PIECE_PAUSE));
        }
        passes.push(Pass::Bytes(head.to_vec()));
        pieces += 1;
        rest = tail;
    }
    let what = (pieces > 1).then(|| format!("{len} bytes passed in {pieces} pieces"));
    (passes, what, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn armed(kind: FaultKind) -> Armed {
        let rng = Seed(1).rng(&["line"]);
        Armed { number: 1, label: Some("f".into()), kind, rng }
    }

    fn line(kind: FaultKind) -> Line {
        let mut line = Line::default();
        line.arm(armed(kind));
        line
    }

    fn bytes(passes: &[Pass]) -> Vec<u8> {
        let pieces = passes.iter().filter_map(|pass| match pass {
            Pass::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_cut_counts_over_writes_and_nothing_passes_after_it() {
        let mut line = line(FaultKind::Cut { after: Amount::Exactly(5), end: End::Reset });
        assert_eq!(line.write(b"abc".to_vec()), (vec![Pass::Bytes(b"abc".to_vec())], None));
        let (passes, took) = line.write(b"defg".to_vec());
        assert_eq!(passes, [Pass::Bytes(b"de".to_vec()), Pass::End(End::Reset)]);
        let what = "2 of 4 bytes passed, then the connection was reset";
        assert_eq!(took.unwrap().what, what);
        assert_eq!(line.write(b"h".to_vec()), (vec![], None));
        assert!(line.holds());
    }

    #[test]
    fn a_cut_of_nothing_lets_nothing_pass() {
        let mut line = line(FaultKind::Cut { after: Amount::Exactly(0), end: End::Close });
        assert_eq!(line.write(b"abc".to_vec()).0, [Pass::End(End::Close)]);
    }

    #[test]
    fn joined_writes_are_held_until_the_last_and_then_pass_as_one() {
        let mut line = line(FaultKind::Coalesce(3));
        assert_eq!(line.write(b"a".to_vec()), (vec![], None));
        assert!(line.holds());
        assert_eq!(line.write(b"b".to_vec()), (vec![], None));
        let (passes, took) = line.write(b"c".to_vec());
        assert_eq!((passes, took.is_some()), (vec![Pass::Bytes(b"abc".to_vec())], true));
        assert!(!line.holds());
        assert_eq!(line.write(b"d".to_vec()), (vec![Pass::Bytes(b"d".to_vec())], None));
    }

    #[test]
    fn one_thing_at_a_time_and_the_next_ends_a_dribble() {
        let mut line = line(FaultKind::Dribble(Amount::Exactly(1)));
        assert_eq!(line.write(b"ab".to_vec()).0.len(), 3);
        line.arm(armed(FaultKind::Duplicate));
        line.arm(armed(FaultKind::Delay(Duration::from_millis(5))));
        assert_eq!(bytes(&line.write(b"ab".to_vec()).0), b"abab");
        let (passes, _) = line.write(b"c".to_vec());
        let pause = Pass::Pause(Duration::from_millis(5));
        assert_eq!(passes, [pause, Pass::Bytes(b"c".to_vec())]);
    }

    #[test]
    fn a_stalled_line_swallows_everything() {
        let mut line = line(FaultKind::Stall);
        assert!(!line.holds(), "nothing was swallowed yet");
        let (passes, took) = line.write(b"ab".to_vec());
        assert!(passes.is_empty() && took.is_some() && line.holds());
        assert_eq!(line.write(b"c".to_vec()), (vec![], None));
    }

    #[test]
    fn what_happens_at_once_is_never_armed() {
        let mut rng = Seed(1).rng(&["line"]);
        let (pass, _) = at_once(FaultKind::Garbage(7), &mut rng, 1000).unwrap();
        assert_eq!(bytes(&[pass]).len(), 7);
        assert_eq!(at_once(FaultKind::Reset, &mut rng, 1000).unwrap().0, Pass::End(End::Reset));
        assert_eq!(at_once(FaultKind::HalfClose, &mut rng, 1000).unwrap().0, Pass::HalfClose);
        assert_eq!(at_once(FaultKind::Stall, &mut rng, 1000), None);
        let mut announce = |length| at_once(FaultKind::Announce(length), &mut rng, 1000);
        let (pass, _) = announce(Length::Longest).unwrap();
        assert_eq!(pass, Pass::Bytes(vec![0xFF; 3]));
        let (pass, _) = announce(Length::TooLong).unwrap();
        assert_eq!(pass, Pass::Bytes(vec![0, 3, 0xE9]));
    }

    proptest! {
        #[test]
        fn a_dribble_changes_no_byte_and_a_cut_passes_a_true_beginning(
            write in proptest::collection::vec(any::<u8>(), 1..400),
            size in prop_oneof![Just(Amount::Any), (1_u16..9).prop_map(Amount::Exactly)],
        ) {
            let (passes, took) = line(FaultKind::Dribble(size)).write(write.clone());
            prop_assert_eq!(bytes(&passes), write.as_slice());
            let pieces = passes.iter().filter(|pass| matches!(pass, Pass::Bytes(_))).count();
            prop_assert_eq!(took.is_some(), pieces > 1);
            let pauses = passes.iter().filter(|pass| matches!(pass, Pass::Pause(_))).count();
            prop_assert!(pauses <= FAULT_PAUSES_MAX);
            let cut = FaultKind::Cut { after: Amount::Any, end: End::Close };
            let (passes, took) = line(cut).write(write.clone());
            let passed = bytes(&passes);
            prop_assert!(passed.len() < write.len() && write.starts_with(&passed));
            prop_assert!(took.is_some());
        }
    }
}
