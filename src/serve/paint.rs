//! Lines of text on a terminal: ink, indents, and where a line breaks.
//!
//! Main types: [`Line`] and [`Paper`]. Whatever came from outside passes through [`clean`], because
//! a name in a stanza must not move somebody's cursor. Nothing here knows what a line says.

/// What a piece of text looks like where colours are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    #[default]
    Plain,
    Faint,
    Strong,
    Good,
    Care,
    Bad,
    Name,
}

impl Ink {
    /// The number of SGR (ECMA-48 §8.3.117).
    fn code(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Strong => Some(1),
            Self::Faint => Some(2),
            Self::Bad => Some(31),
            Self::Good => Some(32),
            Self::Care => Some(33),
            Self::Name => Some(36),
        }
    }
}

/// One line before it is broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Columns before the first word.
    indent: usize,
    /// Columns before the first word of what is carried over.
    hang: usize,
    /// It is one line however long it is, to be copied.
    unbroken: bool,
    pieces: Vec<(Ink, String)>,
}

impl Line {
    /// An empty line.
    pub fn new(indent: usize, hang: usize) -> Self {
        Self { indent, hang, unbroken: false, pieces: Vec::new() }
    }

    /// Adds text; what no terminal should see is escaped.
    pub fn with(mut self, ink: Ink, text: impl AsRef<str>) -> Self {
        self.pieces.push((ink, clean(text.as_ref())));
        self
    }

    /// Stays one line, so that it can be copied.
    pub fn unbroken(self) -> Self {
        Self { unbroken: true, ..self }
    }

    /// Adds plain text.
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.with(Ink::Plain, text)
    }
}

/// Shows every control character as Rust writes it.
pub fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(hidden) {
        return text.to_owned();
    }
    let escape = |c: char| if hidden(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// The beginning of a text, and how long it was if that is not all.
pub fn shortened(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max).collect();
    format!("{kept}… ({count} characters)")
}

/// What lines are written on.
#[derive(Clone, Copy, Debug)]
pub struct Paper {
    pub colour: bool,
    /// Columns.
    pub width: usize,
}

impl Paper {
    /// Writes lines, broken between words and, where a word is too long, inside of it.
    pub fn write(&self, lines: &[Line]) -> String {
        let mut out = String::new();
        for line in lines {
            self.line(&mut out, line);
        }
        out
    }

    fn line(&self, out: &mut String, line: &Line) {
        out.push_str(&" ".repeat(line.indent));
        let mut column = line.indent;
        for atom in atoms(&line.pieces) {
            let len: usize = atom.iter().map(|(_, text)| columns(text.trim_end_matches(' '))).sum();
            if !line.unbroken && column > line.hang && column + len > self.width {
                column = carry_over(out, line.hang);
            }
            for (ink, text) in atom {
                column = self.part(out, line, column, ink, text);
            }
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }

    /// Writes a part of an atom, cut where it is wider than the paper, and gives the column after it.
    fn part(&self, out: &mut String, line: &Line, at: usize, ink: Ink, text: &str) -> usize {
        let (mut column, mut rest) = (at, text);
        while !line.unbroken && column + columns(rest.trim_end_matches(' ')) > self.width {
            let room = self.width.saturating_sub(column).max(usize::from(column <= line.hang));
            let end = rest.char_indices().nth(room).map_or(rest.len(), |(at, _)| at);
            self.ink(out, ink, &rest[..end]);
            rest = &rest[end..];
            column = carry_over(out, line.hang);
        }
        self.ink(out, ink, rest);
        column + columns(rest)
    }

    fn ink(&self, out: &mut String, ink: Ink, text: &str) {
        match ink.code().filter(|_| self.colour && !text.trim().is_empty()) {
            Some(code) => out.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
            None => out.push_str(text),
        }
    }
}

/// Runs of pieces without a space between them, which belong on one line.
fn atoms(pieces: &[(Ink, String)]) -> Vec<Vec<(Ink, &str)>> {
    let words = pieces
        .iter()
        .flat_map(|(ink, text)| text.split_inclusive(' ').map(move |word| (*ink, word)));
    let mut atoms: Vec<Vec<(Ink, &str)>> = vec![Vec::new()];
    for (ink, word) in words {
        let last = atoms.last_mut().expect("it begins with one");
        last.push((ink, word));
        if word.ends_with(' ') {
            atoms.push(Vec::new());
        }
    }
    atoms
}

fn carry_over(out: &mut String, hang: usize) -> usize {
    while out.ends_with(' ') {
        out.pop();
    }
    out.push('\n');
    out.push_str(&" ".repeat(hang));
    hang
}

fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NARROW: Paper = Paper { colour: false, width: 20 };

    #[test]
    fn lines_break_between_words_and_long_words_inside() {
        let line = Line::new(2, 4).text("one two three four five").text(" 0123456789012345678");
        assert_eq!(
            NARROW.write(&[line]),
            "  one two three four\n    five\n    0123456789012345\n    678\n"
        );
    }

    #[test]
    fn what_belongs_together_stays_together_and_what_is_copied_whole() {
        let line =
            Line::new(0, 2).text("<enc ").text("type").with(Ink::Faint, "=").text("\"pkmsg\">");
        assert_eq!(NARROW.write(&[line]), "<enc type=\"pkmsg\">\n");
        let line = Line::new(0, 2).text("<message ").text("type").text("=").text("\"text\">");
        assert_eq!(NARROW.write(&[line]), "<message\n  type=\"text\">\n");
        let line = Line::new(0, 2).text("token ").text("0123456789".repeat(3)).unbroken();
        assert_eq!(NARROW.write(&[line]).lines().count(), 1);
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        let line = Line::new(0, 0).with(Ink::Bad, "a\x1b[2Jb\n\u{202E}c");
        let plain = Paper { colour: false, width: 80 }.write(std::slice::from_ref(&line));
        assert_eq!(plain, "a\\u{1b}[2Jb\\n\\u{202e}c\n");
        let colour = Paper { colour: true, width: 80 }.write(&[line]);
        assert_eq!(colour, "\x1b[31ma\\u{1b}[2Jb\\n\\u{202e}c\x1b[0m\n");
    }

    #[test]
    fn a_long_text_says_how_long_it_was() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("äbcd", 3), "äbc… (4 characters)");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_paper(text: String, indent in 0_usize..8) {
            let written = NARROW.write(&[Line::new(indent, 4).text(text)]);
            for line in written.lines() {
                prop_assert!(line.chars().count() <= NARROW.width, "{line:?}");
            }
        }
    }
}
