//! What goes wrong, told on standard error in lines of the terminal's width.
//!
//! A sentence is broken between words; excerpts of a source with their carets, and words that are
//! longer than a line, stay whole, since they are to be copied or lie below one another.

use std::io::Write as _;
use std::sync::OnceLock;

use crate::report::Look;

/// Set once, before anything can go wrong; a terminal's width does not belong to a command.
static COLUMNS: OnceLock<usize> = OnceLock::new();

/// Lines are this long from now on.
pub fn fit(columns: usize) {
    // A second call is another command of the same process, which has the same terminal.
    let _ = COLUMNS.set(columns);
}

/// Tells it, in lines that fit.
pub fn tell(text: &str) {
    let columns = *COLUMNS.get_or_init(|| Look::default().columns);
    line(&fitted(text, columns));
}

/// Writes a line to standard error as it is. A reader that goes away early is no failure.
pub fn line(text: &str) {
    // There is nobody left to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The text in lines of at most so many columns, where it may be broken.
pub fn fitted(text: &str, columns: usize) -> String {
    let lines = text.lines().map(|line| match is_excerpt(line) {
        true => line.to_owned(),
        false => sentence(line, columns),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The place of an excerpt, a line of it, or the carets below one.
fn is_excerpt(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    line.starts_with('|') || line.starts_with("-->")
}

fn sentence(line: &str, columns: usize) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let options = textwrap::Options::new(columns)
        .initial_indent(&indent)
        .subsequent_indent(if indent.is_empty() { "  " } else { &indent })
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(line.trim_start(), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_and_excerpts_are_not() {
        let long = "error: the adapter at tcp:127.0.0.1:1 cannot be reached: refused; it must \
            listen before\n --> /a/file/that/lies/deep/in/its/folder/iut.yaml:12:9\n   |\n12 | seats: [third-party-client, third-party-server]\n   |         \
            ^^^^^^^^^^^^^^^^^^\nhelp: /a/path/that/is/longer/than/a/line/has/columns";
        insta::assert_snapshot!(fitted(long, 40), @r"
        error: the adapter at tcp:127.0.0.1:1
          cannot be reached: refused; it must
          listen before
         --> /a/file/that/lies/deep/in/its/folder/iut.yaml:12:9
           |
        12 | seats: [third-party-client, third-party-server]
           |         ^^^^^^^^^^^^^^^^^^
        help:
          /a/path/that/is/longer/than/a/line/has/columns
        ");
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let text = "error: nothing matches `m9/x`\n\n  --> here";
        assert_eq!(fitted(text, 80), text);
    }
}
