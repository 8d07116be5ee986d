//! The rounds of a comparison and the table that comes of them.

use std::fmt;
use std::time::Duration;

use crate::work::{Work, fitting};

/// What is wanted of a ratio; 2 is "twice as fast as the peer".
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    /// Shown for comparison only.
    None,
}

/// Collects rows and prints them as a table.
#[derive(Debug)]
pub struct Contest {
    title: &'static str,
    rounds: usize,
    round: Duration,
    /// How often a work is done in a round at the least.
    times_min: u32,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    what: String,
    peer: String,
    goal: Goal,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Raced(Medians),
    /// The peer could not take part, and why; ours in seconds, where it ran without.
    Absent {
        ours: Option<f64>,
        why: String,
    },
    /// A figure beside a limit and not beside a peer.
    Limited {
        figure: f64,
        limit: f64,
        unit: &'static str,
    },
}

/// Medians over all rounds, in seconds, and the median of the rounds' ratios.
#[derive(Debug)]
struct Medians {
    ours: f64,
    theirs: f64,
    ratio: f64,
}

impl Contest {
    /// Reads `--quick` from the arguments: fewer and shorter rounds, for a look and for CI.
    pub fn from_args(title: &'static str) -> Self {
        Self::with_rounds(title, if quick() { (9, 5) } else { (41, 25) })
    }

    /// As [`Contest::from_args`], with rounds so long that a clock which ticks a hundred times a
    /// second will do: it is the one that tells what other processes took.
    pub fn of_programs(title: &'static str) -> Self {
        Self::with_rounds(title, if quick() { (5, 500) } else { (9, 2000) })
    }

    /// Does a work at least so often in a round, where a round has costs of its own that would
    /// otherwise be most of it.
    #[must_use]
    pub fn with_times_min(self, times_min: u32) -> Self {
        Self { times_min, ..self }
    }

    fn with_rounds(title: &'static str, (rounds, round_ms): (usize, u64)) -> Self {
        let round = Duration::from_millis(round_ms);
        Self { title, rounds, round, times_min: 1, rows: Vec::new() }
    }

    /// Measures ours and one peer in turn.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        goal: Goal,
        mut ours: impl Work,
        peer: impl Into<String>,
        mut theirs: impl Work,
    ) {
        let (what, peer) = (what.into(), peer.into());
        eprintln!("{what} beside {peer} …");
        let times = (self.fitting(&mut ours), self.fitting(&mut theirs));
        let medians = measure((&mut ours, times.0), (&mut theirs, times.1), self.rounds);
        self.rows.push(Row { what, peer, goal, outcome: Outcome::Raced(medians) });
    }

    /// Measures ours, and says of the peer that it could not take part, and why.
    pub fn alone(
        &mut self,
        what: impl Into<String>,
        mut ours: impl Work,
        peer: impl Into<String>,
        why: impl Into<String>,
    ) {
        let what = what.into();
        eprintln!("{what} …");
        let times = self.fitting(&mut ours);
        let samples = (0..self.rounds).map(|_| one(ours(times), times));
        let outcome = Outcome::Absent { ours: Some(median(samples)), why: why.into() };
        self.rows.push(Row { what, peer: peer.into(), goal: Goal::None, outcome });
    }

    /// Shows a figure that was measured elsewhere beside the most that it may be.
    pub fn at_most(
        &mut self,
        what: impl Into<String>,
        figure: f64,
        limit: f64,
        unit: &'static str,
    ) {
        let outcome = Outcome::Limited { figure, limit, unit };
        self.rows.push(Row { what: what.into(), peer: "–".into(), goal: Goal::None, outcome });
    }

    /// Says of a peer that it could not take part, and why.
    pub fn absent(
        &mut self,
        what: impl Into<String>,
        peer: impl Into<String>,
        why: impl Into<String>,
    ) {
        let outcome = Outcome::Absent { ours: None, why: why.into() };
        self.rows.push(Row { what: what.into(), peer: peer.into(), goal: Goal::None, outcome });
    }

    fn fitting(&self, work: &mut impl Work) -> u32 {
        fitting(work, self.round).max(self.times_min)
    }

    /// Prints the table.
    pub fn print(&self) {
        print!("{self}");
    }
}

fn quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

fn one(took: Duration, times: u32) -> f64 {
    took.as_secs_f64() / f64::from(times)
}

fn measure(
    (ours, our_times): (&mut impl Work, u32),
    (theirs, their_times): (&mut impl Work, u32),
    rounds: usize,
) -> Medians {
    let mut samples = Vec::with_capacity(rounds);
    for number in 0..rounds {
        // Who begins changes, so that neither always runs on the warmer cache.
        let sample = if number % 2 == 0 {
            let own = one(ours(our_times), our_times);
            (own, one(theirs(their_times), their_times))
        } else {
            let other = one(theirs(their_times), their_times);
            (one(ours(our_times), our_times), other)
        };
        samples.push(sample);
    }
    Medians {
        ours: median(samples.iter().map(|(own, _)| *own)),
        theirs: median(samples.iter().map(|(_, other)| *other)),
        ratio: median(samples.iter().map(|(own, other)| other / own)),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["what", "ours", "peer", "ratio", "goal"].map(str::to_owned);
        let table: Vec<[String; 5]> =
            std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| {
            table.iter().map(|cells| cells[column].chars().count()).max().unwrap_or_default()
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        writeln!(f, "{}", self.title)?;
        for cells in &table {
            let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", padded.collect::<Vec<_>>().join(" | ").trim_end())?;
        }
        Ok(())
    }
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let what = self.what.clone();
        match &self.outcome {
            Outcome::Absent { ours, why } => {
                let ours = ours.map_or_else(|| "–".into(), time);
                let absent = format!("{} absent: {why}", self.peer);
                [what, ours, absent, "–".into(), "–".into()]
            }
            Outcome::Limited { figure, limit, unit } => {
                let verdict = if figure <= limit { "met" } else { "MISSED" };
                let goal = format!("≤ {limit} {unit}, {verdict}");
                [what, format!("{figure:.1} {unit}"), self.peer.clone(), "–".into(), goal]
            }
            Outcome::Raced(Medians { ours, theirs, ratio }) => [
                what,
                time(*ours),
                format!("{} {}", self.peer, time(*theirs)),
                format!("{ratio:.2} ×"),
                self.goal.beside(*ratio),
            ],
        }
    }
}

impl Goal {
    fn beside(self, ratio: f64) -> String {
        match self {
            Self::None => "–".into(),
            Self::AtLeast(goal) if ratio >= goal => format!("≥ {goal} ×, met"),
            Self::AtLeast(goal) => format!("≥ {goal} ×, MISSED"),
        }
    }
}

/// A time with three figures and a unit that suits it.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s if s >= 1e-6 => (s * 1e6, "µs"),
        s => (s * 1e9, "ns"),
    };
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contest() -> Contest {
        Contest::with_rounds("title", (3, 1))
    }

    fn takes(micros: u64) -> impl Work {
        move |times| Duration::from_micros(micros) * times
    }

    #[test]
    fn a_table_has_ratios_goals_and_who_is_absent() {
        let mut contest = contest();
        contest.row("frame", Goal::AtLeast(2.0), takes(10), "snow", takes(25));
        contest.row("handshake", Goal::AtLeast(1.5), takes(1000), "snow", takes(500));
        contest.absent("frame", "OpenSSL", "not on PATH");
        contest.alone("start", takes(3000), "hurl", "not on PATH");
        contest.at_most("peak", 65.04, 64.0, "MiB");
        assert_eq!(
            contest.to_string(),
            "title\n\
             what      | ours     | peer                        | ratio  | goal\n\
             frame     | 10.0 µs  | snow 25.0 µs                | 2.50 × | ≥ 2 ×, met\n\
             handshake | 1.00 ms  | snow 500 µs                 | 0.50 × | ≥ 1.5 ×, MISSED\n\
             frame     | –        | OpenSSL absent: not on PATH | –      | –\n\
             start     | 3.00 ms  | hurl absent: not on PATH    | –      | –\n\
             peak      | 65.0 MiB | –                           | –      | ≤ 64 MiB, MISSED\n"
        );
    }

    #[test]
    fn the_median_is_that_of_the_rounds() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median(std::iter::empty()).is_nan());
    }
}
