//! What an ending process says of itself: its exit, and reports of a crash in its log.
//!
//! Main types: [`Exit`] and [`Alarm`]; [`scan`] finds the latter. Material for ROB-001 and ROB-004,
//! without a verdict. The patterns are what runtimes print by their own account of a defect; they
//! are matched as they stand, since a looser match would find them in harmless prose.

use std::fmt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The operating system did not tell.
    Unknown(String),
}

impl Exit {
    /// Whether it ended by itself and content.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }

    pub(super) fn of(status: std::io::Result<ExitStatus>) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Self::Code(code),
                (None, Some(signal)) => Self::Signal(signal),
                (None, None) => Self::Unknown(status.to_string()),
            },
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "signal {signal} ({name})"),
                None => write!(f, "signal {signal}"),
            },
            Self::Unknown(why) => write!(f, "an end that is not known ({why})"),
        }
    }
}

/// Signals that have one number on all Unix systems and end a process that has a defect.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return None,
    })
}

/// A line that reports a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The number of the line in its log, from 0.
    pub line: u64,
    pub kind: AlarmKind,
    pub text: String,
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// The language's own end of a program: panic, uncaught exception.
    Panic,
    Assertion,
    Sanitizer,
    /// A fault of memory, or a signal.
    Crash,
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panic => "panic",
            Self::Assertion => "assertion",
            Self::Sanitizer => "sanitizer report",
            Self::Crash => "crash",
        })
    }
}

/// Where in a line a pattern stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    Start,
}

/// The table of [`scan`]: the first row that matches gives the kind, so the narrower stand first.
const PATTERNS: &[(&str, Place, AlarmKind)] = &[
    ("AddressSanitizer", Place::Anywhere, AlarmKind::Sanitizer),
    ("LeakSanitizer", Place::Anywhere, AlarmKind::Sanitizer),
    ("MemorySanitizer", Place::Anywhere, AlarmKind::Sanitizer),
    ("ThreadSanitizer", Place::Anywhere, AlarmKind::Sanitizer),
    ("UndefinedBehaviorSanitizer", Place::Anywhere, AlarmKind::Sanitizer),
    // Rust.
    ("panicked at", Place::Anywhere, AlarmKind::Panic),
    ("has overflowed its stack", Place::Anywhere, AlarmKind::Crash),
    ("memory allocation of ", Place::Start, AlarmKind::Crash),
    // Go; its panics may also say "runtime error:".
    ("panic: ", Place::Start, AlarmKind::Panic),
    ("fatal error: ", Place::Start, AlarmKind::Panic),
    ("WARNING: DATA RACE", Place::Start, AlarmKind::Sanitizer),
    // Undefined behaviour in C and C++, whose report has no name in it.
    ("runtime error: ", Place::Anywhere, AlarmKind::Sanitizer),
    // Python, JavaScript, Java, .NET, Swift, C++.
    ("Traceback (most recent call last)", Place::Anywhere, AlarmKind::Panic),
    ("Fatal Python error: ", Place::Anywhere, AlarmKind::Crash),
    ("UnhandledPromiseRejection", Place::Anywhere, AlarmKind::Panic),
    ("triggerUncaughtException", Place::Anywhere, AlarmKind::Panic),
    ("FATAL ERROR: ", Place::Anywhere, AlarmKind::Crash),
    ("Exception in thread ", Place::Anywhere, AlarmKind::Panic),
    ("Unhandled exception", Place::Anywhere, AlarmKind::Panic),
    ("Fatal error: ", Place::Anywhere, AlarmKind::Panic),
    ("terminate called after throwing", Place::Anywhere, AlarmKind::Panic),
    // The C library and the shell.
    ("Assertion `", Place::Anywhere, AlarmKind::Assertion),
    ("Assertion failed: ", Place::Start, AlarmKind::Assertion),
    ("*** stack smashing detected ***", Place::Anywhere, AlarmKind::Crash),
    ("double free or corruption", Place::Anywhere, AlarmKind::Crash),
    ("free(): invalid ", Place::Anywhere, AlarmKind::Crash),
    ("corrupted size vs. prev_size", Place::Anywhere, AlarmKind::Crash),
    ("Segmentation fault", Place::Anywhere, AlarmKind::Crash),
    ("(core dumped)", Place::Anywhere, AlarmKind::Crash),
];

/// Finds the report of a crash in a line of a log.
pub fn scan(line: &str) -> Option<AlarmKind> {
    let stands = |(pattern, place, _): &&(&str, Place, AlarmKind)| match place {
        Place::Anywhere => line.contains(pattern),
        Place::Start => line.starts_with(pattern),
    };
    PATTERNS.iter().find(stands).map(|(_, _, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runtimes_print_when_they_give_up_is_found() {
        let reports = [
            ("thread 'main' (1) panicked at src/main.rs:2:5:", AlarmKind::Panic),
            ("==12==ERROR: AddressSanitizer: heap-use-after-free", AlarmKind::Sanitizer),
            ("a.c:3:7: runtime error: signed integer overflow", AlarmKind::Sanitizer),
            ("panic: runtime error: index out of range [3]", AlarmKind::Panic),
            ("fatal error: all goroutines are asleep - deadlock!", AlarmKind::Panic),
            ("Traceback (most recent call last):", AlarmKind::Panic),
            ("Exception in thread \"main\" java.lang.Error", AlarmKind::Panic),
            ("a: a.c:3: main: Assertion `x' failed.", AlarmKind::Assertion),
            ("sh: line 1: 77 Segmentation fault", AlarmKind::Crash),
            ("FATAL ERROR: Reached heap limit - JavaScript heap out of memory", AlarmKind::Crash),
        ];
        for (line, kind) in reports {
            assert_eq!(scan(line), Some(kind), "{line}");
        }
    }

    #[test]
    fn an_ordinary_log_is_quiet() {
        for line in [
            "",
            "error: connection refused",
            "retrying after a fatal error: 3 attempts left",
            "don't panic: this is only a log line",
            "the assertion was verified",
        ] {
            assert_eq!(scan(line), None, "{line}");
        }
    }

    #[test]
    fn every_pattern_is_reached() {
        for (pattern, _, kind) in PATTERNS {
            assert_eq!(scan(pattern), Some(*kind), "{pattern}");
        }
    }

    #[test]
    fn an_end_is_told_in_words() {
        assert_eq!(Exit::Code(3).to_string(), "exit status 3");
        assert_eq!(Exit::Signal(11).to_string(), "signal 11 (SIGSEGV)");
        assert_eq!(Exit::Signal(40).to_string(), "signal 40");
        assert!(Exit::Code(0).is_success() && !Exit::Signal(9).is_success());
    }
}
