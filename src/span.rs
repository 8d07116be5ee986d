//! Places in files that people write, and errors that point at them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A text with the name it is shown under.
/// Excerpts of a source are cut to the width of a small terminal.
const COLUMNS: usize = 80;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub name: Arc<str>,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
    }

    /// Byte offset of a line and column, both from 1; past the end it is the end.
    pub fn offset(&self, line: usize, column: usize) -> usize {
        let start: usize =
            self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &self.text[start.min(self.text.len())..];
        let chars = rest.char_indices().nth(column.saturating_sub(1));
        start + chars.map_or(rest.len(), |(at, _)| at)
    }
}

/// A range of bytes in a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    fn range(self, text: &str) -> Range<usize> {
        let start = self.start.min(text.len());
        start..self.end.clamp(start, text.len())
    }
}

/// An error of the user's making: where it is, what is wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub source: Source,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(source: &Source, span: Span, message: impl Into<String>) -> Self {
        Self { source: source.clone(), span, message: message.into(), help: None }
    }

    /// Adds what the user should do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snippet = Snippet::source(&*self.source.text)
            .path(&*self.source.name)
            .annotation(AnnotationKind::Primary.span(self.span.range(&self.source.text)));
        let error = Level::ERROR.primary_title(self.message.as_str()).element(snippet);
        let mut groups: Vec<Group<'_>> = vec![error];
        if let Some(help) = &self.help {
            groups.push(Group::with_title(Level::HELP.secondary_title(help.as_str())));
        }
        f.write_str(&Renderer::plain().term_width(COLUMNS).render(&groups))
    }
}

impl std::error::Error for Diagnostic {}

/// The candidate that a misspelt word most probably means, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_its_place_with_a_caret() {
        let source = Source::new("a.yaml", "schema: 1\ntitel: x\n");
        let error = Diagnostic::new(&source, Span::new(10, 15), "unknown key `titel`")
            .help("did you mean `title`?");
        insta::assert_snapshot!(error.to_string());
        assert_eq!(source.position(10), (2, 1));
        assert_eq!(source.offset(2, 1), 10);
    }

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(nearest("exepct", ["expect", "send"]), Some("expect"));
        assert_eq!(nearest("zzz", ["expect", "send"]), None);
    }
}
