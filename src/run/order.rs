//! In which order cases are begun.
//!
//! Main type: [`Queue`]. A case that waits for time to pass (an absence without a fence, a client that
//! backs off) needs no processor meanwhile. Such cases are begun as early as may be, so that none of
//! them is what everybody waits for at the end, but they never take all places: others work while they
//! wait. What is long is begun before what is short. Verdicts do not depend on any of it.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use crate::scenario::{Action, Case, Expect, Kind, Mutation, Payload, Scenario};

/// What a client usually takes before it tries again.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The cases that have not begun.
pub struct Queue {
    waiting: VecDeque<Case>,
    busy: VecDeque<Case>,
    /// At most so many of `waiting` are under way at once.
    waiting_max: usize,
}

/// What a case does with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    Waits,
    Works,
}

impl Queue {
    /// Orders the cases for a run of so many side by side.
    pub fn new(cases: Vec<Case>, jobs: usize) -> Self {
        let (mut waiting, mut busy): (Vec<Case>, Vec<Case>) =
            cases.into_iter().partition(|case| !waits(&case.scenario).is_zero());
        // Stable: what is as long stays in the order of the suite.
        waiting.sort_by_key(|case| Reverse(waits(&case.scenario)));
        busy.sort_by_key(|case| Reverse(case.scenario.steps.len()));
        let waiting_max = (jobs * 3 / 4).max(1);
        Self { waiting: waiting.into(), busy: busy.into(), waiting_max }
    }

    /// The next case to begin, when so many of those that wait are under way.
    pub fn next(&mut self, under_way: usize) -> Option<(Case, Pace)> {
        let of = |queue: &mut VecDeque<Case>, pace| queue.pop_front().map(|case| (case, pace));
        if under_way < self.waiting_max
            && let Some(next) = of(&mut self.waiting, Pace::Waits)
        {
            return Some(next);
        }
        of(&mut self.busy, Pace::Works).or_else(|| of(&mut self.waiting, Pace::Waits))
    }
}

/// How long a case is likely to wait, roughly; zero if it works most of its time.
fn waits(scenario: &Scenario) -> Duration {
    let mut sum = Duration::ZERO;
    let (mut asked, mut cut_off) = (false, false);
    for step in &scenario.steps {
        sum += match &step.action {
            Action::Fault(_) => BACK_OFF,
            Action::Act(act) => {
                asked |= act.operation == "connect";
                Duration::ZERO
            }
            // Nobody has asked the client to come back: it waits before it does.
            Action::Expect(Expect { kind: Kind::Login, .. }) if !std::mem::take(&mut asked) => {
                BACK_OFF
            }
            Action::ExpectNone(expect) => {
                use Kind::{Closed, Enlistment, Fetched, Login};
                match expect.kind {
                    Closed | Enlistment | Fetched | Login => expect.within,
                    // A fence ends these, where somebody is there to answer it (`run::fence`).
                    _ if cut_off => expect.within,
                    _ => Duration::ZERO,
                }
            }
            Action::Send(send) => {
                cut_off |= matches!(send.mutate, Some(Mutation::Frame(_)));
                // A download that goes wrong, which its client tries again.
                match (&send.payload, &send.mutate) {
                    (Payload::Media(_), Some(_)) => BACK_OFF,
                    _ => Duration::ZERO,
                }
            }
            _ => Duration::ZERO,
        };
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::Library;
    use crate::scenario::{expand, parse};

    fn cases(wanted: &str) -> Vec<Case> {
        let library = Library::builtin();
        let (id, source) = library.iter().find(|(id, _)| *id == wanted).unwrap();
        expand(&parse(id, source).unwrap()).unwrap()
    }

    #[test]
    fn what_waits_is_begun_early_and_beside_what_does_not() {
        let lost = cases("m2/comes-back-after-a-lost-connection");
        let unproven = cases("m2/unproven-server-gets-no-login");
        let plain = cases("m3.3/clear-text-is-not-shown");
        let long = cases("m3.3/restart-keeps-sessions-and-reuses-no-key");
        assert!(waits(&lost[0].scenario) > BACK_OFF);
        assert_eq!(waits(&unproven[0].scenario), Duration::from_secs(1));
        assert_eq!(waits(&plain[0].scenario), Duration::ZERO);
        let all: Vec<Case> = plain.iter().chain(&unproven).chain(&long).cloned().collect();
        let mut queue = Queue::new(all.clone(), 3);
        let mut begun = Vec::new();
        // Of three places two may wait.
        for under_way in [0, 1, 2] {
            begun.push(queue.next(under_way).unwrap());
        }
        let paces: Vec<Pace> = begun.iter().map(|(_, pace)| *pace).collect();
        assert_eq!(paces[..2], [Pace::Waits, Pace::Waits]);
        begun.extend(std::iter::from_fn(|| queue.next(2)));
        let ids: Vec<String> = begun.iter().map(|(case, _)| case.id()).collect();
        assert_eq!(ids.len(), all.len());
        assert!(all.iter().all(|case| ids.contains(&case.id())));
        let working: Vec<usize> = begun
            .iter()
            .filter(|(_, pace)| *pace == Pace::Works)
            .map(|(case, _)| case.scenario.steps.len())
            .collect();
        assert!(working.is_sorted_by(|one, next| one >= next), "{working:?}");
    }

    #[test]
    fn nothing_is_held_back_where_only_waiting_is_left() {
        let unproven = cases("m2/unproven-server-gets-no-login");
        let mut queue = Queue::new(unproven.clone(), 1);
        let begun = std::iter::from_fn(|| queue.next(usize::MAX)).count();
        assert_eq!(begun, unproven.len());
    }
}
