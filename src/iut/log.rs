//! An adapter's log: the newest lines of its standard error, and every report of a crash.
//!
//! Main type: [`Log`]. A shared adapter writes one log for many cases, so a case takes a mark when
//! it starts and reads from there. Reports of a crash are kept apart from the ring, because a
//! flood of lines after a panic must not wash it away.

use std::collections::VecDeque;

use super::watch::{Alarm, scan};
use crate::clock::UnixMs;
use crate::limits::{ALARMS_MAX, LOG_LINES_MAX};

/// One line of a log, at most `LOG_LINE_BYTES_MAX` of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Counted from 0 since the process started.
    pub n: u64,
    /// When the harness read it.
    pub at: UnixMs,
    pub text: String,
}

/// The newest lines.
#[derive(Debug, Default)]
pub struct Log {
    next: u64,
    lines: VecDeque<LogLine>,
    alarms: Vec<Alarm>,
}

impl Log {
    /// Appends a line; the oldest gives way.
    pub fn push(&mut self, at: UnixMs, text: String) {
        if let Some(kind) = scan(&text)
            && self.alarms.len() < ALARMS_MAX
        {
            self.alarms.push(Alarm { line: self.next, kind, text: text.clone() });
        }
        if self.lines.len() == LOG_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(LogLine { n: self.next, at, text });
        self.next += 1;
    }

    /// The number that the next line will have.
    pub fn mark(&self) -> u64 {
        self.next
    }

    /// Copies the lines from a mark on, as far as they are kept.
    pub fn since(&self, mark: u64) -> Vec<LogLine> {
        self.lines.iter().filter(|line| line.n >= mark).cloned().collect()
    }

    /// Copies the last lines, at most `count`.
    pub fn tail(&self, count: usize) -> Vec<LogLine> {
        let skipped = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skipped).cloned().collect()
    }

    /// Copies the reports of crashes from a mark on.
    pub fn alarms(&self, mark: u64) -> Vec<Alarm> {
        self.alarms.iter().filter(|alarm| alarm.line >= mark).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_and_every_early_report_stay() {
        let mut log = Log::default();
        log.push(UnixMs(5), "thread 'main' panicked at a.rs:1:1:".to_owned());
        for n in 0..LOG_LINES_MAX as u64 + 10 {
            log.push(UnixMs(n), format!("line {n}"));
        }
        assert_eq!(log.since(0).len(), LOG_LINES_MAX);
        assert_eq!(log.tail(1)[0].text, format!("line {}", LOG_LINES_MAX + 9));
        assert_eq!(log.alarms(0).len(), 1);
        assert_eq!(log.alarms(1), []);
    }

    #[test]
    fn a_case_reads_from_its_mark() {
        let mut log = Log::default();
        log.push(UnixMs(1), "before".to_owned());
        let mark = log.mark();
        assert_eq!(log.since(mark), []);
        log.push(UnixMs(2), "after".to_owned());
        let expected = LogLine { n: 1, at: UnixMs(2), text: "after".to_owned() };
        assert_eq!(log.since(mark), [expected]);
    }

    #[test]
    fn a_flood_of_reports_is_bounded() {
        let mut log = Log::default();
        for _ in 0..ALARMS_MAX + 5 {
            log.push(UnixMs(0), "panic: again".to_owned());
        }
        assert_eq!(log.alarms(0).len(), ALARMS_MAX);
    }
}
