//! What a verb is asked for, on standard output.
//!
//! A reader that goes away early (`counterpart list | head`) is no failure: what it no longer reads
//! is not written, and the exit code stays that of the verb.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a line.
pub fn line(what: impl Display) {
    text(format_args!("{what}\n"));
}

/// Writes a text that brings its own line ends.
pub fn text(what: impl Display) {
    let mut stdout = std::io::stdout().lock();
    // There is nobody left to tell.
    let _ = write!(stdout, "{what}").and_then(|()| stdout.flush());
}
