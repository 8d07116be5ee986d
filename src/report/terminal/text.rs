//! Lines of a certain width, in colours where they are wanted.
//!
//! Main type: [`Page`], which everything in this folder writes to. Words are never taken apart at
//! hyphens: ids, addresses and options must be found and copied whole.

use textwrap::{Options, WordSplitter};

/// How a text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width in characters; what is below 40 or above 120 is no reader's wish.
    pub columns: usize,
    pub colour: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { columns: 80, colour: false }
    }
}

/// What a piece of text is, for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Plain,
    Dim,
    Bold,
    Good,
    Bad,
    Odd,
}

/// A text in the making.
pub struct Page {
    look: Look,
    text: String,
}

impl Page {
    pub fn new(look: Look) -> Self {
        Self { look, text: String::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// Characters of a line, one less than the terminal has, since some wrap at the last.
    pub fn width(&self) -> usize {
        self.look.columns.clamp(40, 120) - 1
    }

    pub fn has_colour(&self) -> bool {
        self.look.colour
    }

    /// Ends a line as it is.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(text.as_ref().trim_end());
        self.text.push('\n');
    }

    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Fills lines, all indented.
    pub fn fill(&mut self, indent: usize, text: &str) {
        self.hang(&" ".repeat(indent), indent, text);
    }

    /// Fills lines after a first beginning; the others are indented by `indent`.
    pub fn hang(&mut self, first: &str, indent: usize, text: &str) {
        let indent = " ".repeat(indent);
        let options = Options::new(self.width())
            .initial_indent(first)
            .subsequent_indent(&indent)
            .word_splitter(WordSplitter::NoHyphenation);
        let text = clean(text);
        let filled = textwrap::fill(&text, options);
        self.line(filled);
    }

    /// Fills lines beside a name in a column of its own.
    pub fn field(&mut self, indent: usize, name: &str, text: &str) {
        let head = format!("{}{} ", " ".repeat(indent), self.ink(Ink::Dim, &format!("{name:<9}")));
        self.hang(&head, indent + 10, text);
    }

    /// Prints a command beside a name, in lines that a shell takes as one.
    pub fn command(&mut self, indent: usize, name: &str, command: &str) {
        let column = indent + 10;
        let room = self.width().saturating_sub(column + 2);
        let mut lines: Vec<String> = Vec::new();
        for word in shell_words(command) {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                    line.push(' ');
                    line.push_str(&word);
                }
                _ => lines.push(word),
            }
        }
        let last = lines.len().saturating_sub(1);
        for (n, line) in lines.iter().enumerate() {
            let head = match n {
                0 => {
                    format!("{}{} ", " ".repeat(indent), self.ink(Ink::Dim, &format!("{name:<9}")))
                }
                _ => " ".repeat(indent + 4),
            };
            let end = if n < last { " \\" } else { "" };
            self.line(format!("{head}{line}{end}"));
        }
    }

    /// Dyes a text, where colours are wanted.
    pub fn ink(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => return text.to_owned(),
            Ink::Dim => "2",
            Ink::Bold => "1",
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Odd => "33",
        };
        if self.look.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The words of a command with their quotes; an option keeps its value.
fn shell_words(command: &str) -> Vec<String> {
    let mut quoted = false;
    let words = command.split(move |c: char| {
        if c == '\'' {
            quoted = !quoted;
        }
        c == ' ' && !quoted
    });
    let mut units: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        match units.last_mut() {
            Some(unit) if unit.starts_with("--") && !unit.contains(' ') => {
                unit.push(' ');
                unit.push_str(word);
            }
            _ => units.push(word.to_owned()),
        }
    }
    units
}

/// Foreign text must not move the cursor.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The beginning of a text that fits, with a sign where it is cut.
pub fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.to_owned(),
        Some(_) => {
            let start: String = text.chars().take(chars.saturating_sub(1)).collect();
            format!("{}…", start.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_and_control_characters_are_not_passed_on() {
        let mut page = Page::new(Look { columns: 40, colour: false });
        page.field(2, "again", "counterpart run m3.2/first-text-decrypts \u{1b}[31m x");
        let text = page.finish();
        assert!(text.contains("m3.2/first-text-decrypts"), "{text}");
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() < 40));
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".into(), "ab…".into()));
    }

    #[test]
    fn a_long_command_is_broken_where_a_shell_goes_on() {
        let mut page = Page::new(Look::default());
        let id = "'m2/unproven-server-gets-no-login[fault=foreign-root]'";
        let iut = "--iut 'reference:third-party?quirk=a b'";
        page.command(2, "again", &format!("counterpart run {iut} --seed 7 {id}"));
        insta::assert_snapshot!(page.finish());
    }

    #[test]
    fn colours_are_only_there_where_they_are_wanted() {
        let page = |colour| Page::new(Look { columns: 80, colour }).ink(Ink::Bad, "x");
        assert_eq!((page(false).as_str(), page(true).as_str()), ("x", "\x1b[31mx\x1b[0m"));
    }
}
