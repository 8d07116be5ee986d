//! YAML as a tree with places, so that every error of a person's file can be shown where it is.
//!
//! Main type: [`Yaml`]. Knows nothing of what the files mean. The language is kept small on purpose: anchors, aliases,
//! merge keys, tags and a second document are refused, and scalars keep the text that was written,
//! so that `id: 0042` or `x: yes` means what it says.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{DuplicateKeyPolicy, Error, MergeKeyPolicy, NonFiniteFloatPolicy, Spanned};

use crate::limits::{YAML_BYTES_MAX, YAML_DEPTH_MAX};
use crate::span::{Diagnostic, Source, Span};

/// A node with the place of its first character to its last (of a block collection: where it starts).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Yaml {
    pub value: Value,
    pub span: Span,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    #[default]
    Null,
    Scalar {
        /// The text as written, or what stands in the quotes or in the block.
        text: String,
        /// Neither quoted nor a block: it may stand for a number or a truth value.
        plain: bool,
    },
    List(Vec<Yaml>),
    /// In the order of the file; duplicates are kept for the reader to refuse.
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Yaml,
}

impl Yaml {
    /// Reads one document.
    ///
    /// # Errors
    /// What is no YAML, is too large or too deep, or uses a part of YAML that is not in use here.
    pub fn parse(source: &Source) -> Result<Self, Diagnostic> {
        if source.text.len() > YAML_BYTES_MAX {
            let message = format!("the file is larger than {YAML_BYTES_MAX} bytes");
            return Err(Diagnostic::new(source, Span::default(), message));
        }
        let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(&source.text, options())
            .map_err(|error| syntax_error(source, &error))?;
        build(source, raw)
    }

    /// The node under a path of keys and list positions, e.g. `steps/3/expect/at`.
    pub fn find(&self, path: &str) -> Option<&Yaml> {
        path.split('/').try_fold(self, |node, step| match &node.value {
            Value::Map(entries) => {
                entries.iter().find(|entry| entry.key == step).map(|entry| &entry.value)
            }
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            Value::Null | Value::Scalar { .. } => None,
        })
    }

    /// The place of the node under a path, or of the nearest node above it that exists.
    pub fn place(&self, path: &str) -> Span {
        let mut path = path;
        loop {
            if let Some(node) = self.find(path) {
                return node.anchor();
            }
            match path.rfind('/') {
                Some(at) => path = &path[..at],
                None => return self.anchor(),
            }
        }
    }

    /// The place of the key at the end of a path, or of what [`Yaml::place`] gives.
    pub fn key_place(&self, path: &str) -> Span {
        let (parent, key) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { Some(self) } else { self.find(parent) };
        let Some(Yaml { value: Value::Map(entries), .. }) = parent else {
            return self.place(path);
        };
        let entry = entries.iter().find(|entry| entry.key == key);
        entry.map_or_else(|| self.place(path), |entry| entry.key_span)
    }

    /// The place to point at: of a collection, its first key or item.
    pub fn anchor(&self) -> Span {
        match &self.value {
            Value::Map(entries) => entries.first().map_or(self.span, |entry| entry.key_span),
            Value::List(items) => items.first().map_or(self.span, Yaml::anchor),
            Value::Null | Value::Scalar { .. } => self.span,
        }
    }

    /// The place from the first character to the last, closing brackets included.
    pub fn extent(&self, source: &Source) -> Span {
        Span::new(self.span.start, self.end(&source.text))
    }

    fn end(&self, text: &str) -> usize {
        let last = match &self.value {
            Value::Null | Value::Scalar { .. } => {
                let written = text.get(self.span.start..self.span.end).unwrap_or_default();
                return self.span.start + written.trim_end().len();
            }
            Value::List(items) => items.last().map(|item| item.end(text)),
            Value::Map(entries) => {
                entries.last().map(|entry| entry.key_span.end.max(entry.value.end(text)))
            }
        };
        let end = last.unwrap_or(self.span.end);
        match text.as_bytes().get(self.span.start) {
            Some(b'[') => closed(text, end, ']'),
            Some(b'{') => closed(text, end, '}'),
            _ => end,
        }
    }

    /// The place of a part of a scalar's text; the whole scalar where escapes or folding make the
    /// file's text differ from the value.
    pub fn within(&self, source: &Source, part: std::ops::Range<usize>) -> Span {
        let Value::Scalar { text, .. } = &self.value else { return self.span };
        let written = source.text.get(self.span.start..self.span.end).unwrap_or_default();
        match written.find(text.as_str()) {
            Some(at) if part.end <= text.len() => {
                let start = self.span.start + at;
                Span::new(start + part.start, start + part.end)
            }
            _ => self.span,
        }
    }

    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a plain value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Nodes as the YAML library gives them; numbers only note that they were plain.
enum Raw {
    Null,
    Text(String),
    Number,
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: YAML_DEPTH_MAX,
            flow_nesting_limit: YAML_DEPTH_MAX,
            max_aliases: 0,
            max_anchors: 0,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        emit_comments: false,
        with_snippet: false,
    }
}

fn syntax_error(source: &Source, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let at = error.location().map_or(0, |location| {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        source.offset(number(location.line()), number(location.column()))
    });
    let end = source.text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    Diagnostic::new(source, Span::new(at, end), syntax_message(error))
}

fn syntax_message(error: &Error) -> String {
    match error {
        Error::Budget {
            breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. },
            ..
        } => "anchors and aliases are not in use here".to_owned(),
        Error::MergeKeyNotAllowed { .. } => "merge keys are not in use here".to_owned(),
        Error::MultipleDocuments { .. } => "a file holds one document".to_owned(),
        other => {
            // The place is shown by the caret; the library repeats it in words.
            let text = other.to_string();
            let cut = text.rfind(" at line ").unwrap_or(text.len());
            format!("not readable as YAML: {}", &text[..cut])
        }
    }
}

fn place(raw: &Spanned<Raw>) -> Span {
    let span = raw.referenced.span();
    let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = number(span.byte_offset());
    Span::new(start, start + number(span.byte_len()))
}

fn build(source: &Source, raw: Spanned<Raw>) -> Result<Yaml, Diagnostic> {
    let span = place(&raw);
    let written = || source.text.get(span.start..span.end).unwrap_or_default();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Number => Value::Scalar { text: written().trim().to_owned(), plain: true },
        Raw::Text(text) => Value::Scalar { plain: written() == text, text },
        Raw::List(items) => Value::List(
            items.into_iter().map(|item| build(source, item)).collect::<Result<_, _>>()?,
        ),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| build_entry(source, key, value))
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Yaml { value, span })
}

/// The end of a collection in brackets, of which the last item ends at `end`.
fn closed(text: &str, end: usize, bracket: char) -> usize {
    let mut rest = text.get(end..).unwrap_or_default();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',']);
        match rest.strip_prefix('#') {
            Some(comment) => rest = &comment[comment.find('\n').unwrap_or(comment.len())..],
            None => break,
        }
    }
    match rest.strip_prefix(bracket) {
        Some(after) => text.len() - after.len(),
        None => end,
    }
}

fn build_entry(
    source: &Source,
    key: Spanned<Raw>,
    value: Spanned<Raw>,
) -> Result<Entry, Diagnostic> {
    let key = build(source, key)?;
    let Value::Scalar { text, .. } = key.value else {
        return Err(Diagnostic::new(source, key.span, format!("a key cannot be {}", key.kind())));
    };
    Ok(Entry { key: text, key_span: key.span, value: build(source, value)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Yaml {
        Yaml::parse(&Source::new("t.yaml", text)).unwrap()
    }

    fn scalar(node: &Yaml) -> (&str, bool) {
        match &node.value {
            Value::Scalar { text, plain } => (text, *plain),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scalars_keep_what_was_written() {
        let node = tree("a: 007\nb: 0x1f\nc: 'it''s'\nd: yes\ne: \"1\"\nf: .inf\ng: 1e400\n");
        assert_eq!(scalar(node.find("a").unwrap()), ("007", true));
        assert_eq!(scalar(node.find("b").unwrap()), ("0x1f", true));
        assert_eq!(scalar(node.find("c").unwrap()), ("it's", false));
        assert_eq!(scalar(node.find("d").unwrap()), ("yes", true));
        assert_eq!(scalar(node.find("e").unwrap()), ("1", false));
        assert_eq!(scalar(node.find("f").unwrap()), (".inf", true));
        assert_eq!(node.find("c/x"), None);
    }

    #[test]
    fn parts_of_a_scalar_have_places() {
        let source = Source::new("t.yaml", "a: 'x ${y} z'\nb: \"\\x41b\"\n");
        let node = Yaml::parse(&source).unwrap();
        let span = node.find("a").unwrap().within(&source, 2..6);
        assert_eq!(&source.text[span.start..span.end], "${y}");
        let escaped = node.find("b").unwrap();
        assert_eq!(escaped.within(&source, 0..1), escaped.span);
        assert_eq!(node.place("a/nothing/there"), node.find("a").unwrap().span);
    }

    #[test]
    fn an_extent_reaches_to_the_last_bracket() {
        let text = "- {a: [1, 'x'] , # }\n   }\n- b: [{}]\n  c: |\n    y\n\n- {d}\n- []\n- e: []\n";
        let source = Source::new("t.yaml", text);
        let node = Yaml::parse(&source).unwrap();
        let Value::List(items) = &node.value else { panic!() };
        let extents: Vec<&str> = items
            .iter()
            .map(|item| item.extent(&source))
            .map(|span| &text[span.start..span.end])
            .collect();
        let expected = ["{a: [1, 'x'] , # }\n   }", "b: [{}]\n  c: |\n    y", "{d}", "[]", "e: []"];
        assert_eq!(extents, expected);
    }

    #[test]
    fn what_is_not_in_use_is_refused() {
        let texts = [
            "a: &x 1\nb: *x\n",
            "<<: {a: 1}\n",
            "a: !include b.yaml\n",
            "a: 1\n---\nb: 1\n",
            "? [1, 2]\n: 3\n",
            "a: [1\n",
            "é: {a: b: c}\n",
            "\"\\ud800\": 1",
        ];
        let errors = texts.map(|text| {
            let error = Yaml::parse(&Source::new("t.yaml", text)).unwrap_err();
            let (line, column) = error.source.position(error.span.start);
            format!("{text:?}\n  {line}:{column} {}", error.message)
        });
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_overflow() {
        for text in ["[".repeat(100_000), "- ".repeat(100_000), "a: {".repeat(50_000)] {
            assert!(Yaml::parse(&Source::new("t.yaml", text)).is_err());
        }
        let large = " ".repeat(YAML_BYTES_MAX + 1);
        assert!(Yaml::parse(&Source::new("t.yaml", large)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", noise in "[-:{}\\[\\]\n &*!|>'\"#?a,]{0,60}") {
            let _ = Yaml::parse(&Source::new("t.yaml", text));
            let _ = Yaml::parse(&Source::new("t.yaml", noise));
        }
    }
}
