//! Reading a tree of YAML into types, with all errors at once.
//!
//! Main type: [`Problems`], the errors so far; its readers add one and return `None` where a node
//! is not what it should be, so that a person sees every mistake of a file in one go. Knows only
//! forms (text, number, word, mapping), never what a key means.

use super::yaml::{Entry, Value, Yaml};
use crate::span::{Diagnostic, Source, Span, nearest};

/// Errors found so far in one file.
#[derive(Debug)]
pub struct Problems {
    source: Source,
    list: Vec<Diagnostic>,
}

/// A mapping whose keys were checked.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'y> {
    entries: &'y [Entry],
}

impl<'y> Fields<'y> {
    pub fn get(&self, key: &str) -> Option<&'y Yaml> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub fn entry(&self, key: &str) -> Option<&'y Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub fn iter(&self) -> impl Iterator<Item = &'y Entry> + use<'y> {
        self.entries.iter()
    }
}

impl Problems {
    pub fn new(source: &Source) -> Self {
        Self { source: source.clone(), list: Vec::new() }
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn push(&mut self, problem: Diagnostic) {
        self.list.push(problem);
    }

    pub fn add(&mut self, span: Span, message: impl Into<String>) {
        self.list.push(Diagnostic::new(&self.source, span, message));
    }

    /// Adds an error with what to do about it.
    pub fn advise(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Diagnostic::new(&self.source, span, message).help(help));
    }

    /// Adds "unknown WHAT `word`" with the nearest known word, or all of them.
    pub fn unknown(&mut self, span: Span, what: &str, word: &str, known: &[&str]) {
        let message = format!("unknown {what} `{word}`");
        match suggestion(what, word, known) {
            Some(help) => self.advise(span, message, help),
            None => self.add(span, message),
        }
    }

    /// Reads a mapping: refuses other keys than the known ones, duplicates, and missing ones.
    pub fn fields<'y>(
        &mut self,
        node: &'y Yaml,
        what: &str,
        known: &[&str],
        required: &[&str],
    ) -> Option<Fields<'y>> {
        let fields = self.mapping(node, what)?;
        for entry in fields.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.unknown(entry.key_span, "key", &entry.key, known);
        }
        for key in required.iter().filter(|key| fields.entry(key).is_none()) {
            self.add(node.anchor(), format!("{what} lacks the key `{key}`"));
        }
        Some(fields)
    }

    /// Reads a mapping with free keys: refuses duplicates only.
    pub fn mapping<'y>(&mut self, node: &'y Yaml, what: &str) -> Option<Fields<'y>> {
        let Value::Map(entries) = &node.value else {
            self.add(node.anchor(), format!("{what} is a mapping, this is {}", node.kind()));
            return None;
        };
        for (n, entry) in entries.iter().enumerate() {
            if entries[..n].iter().any(|earlier| earlier.key == entry.key) {
                let twice = format!("the key `{}` stands here twice", entry.key);
                self.advise(entry.key_span, twice, "keep one of the two");
            }
        }
        Some(Fields { entries })
    }

    /// Reads the items of a list.
    pub fn items<'y>(&mut self, node: &'y Yaml, what: &str) -> &'y [Yaml] {
        if let Value::List(items) = &node.value {
            return items;
        }
        self.add(node.anchor(), format!("{what} is a list, this is {}", node.kind()));
        &[]
    }

    /// Reads a text; an empty one only where it is quoted.
    pub fn text<'y>(&mut self, node: &'y Yaml, what: &str) -> Option<&'y str> {
        if let Value::Scalar { text, .. } = &node.value {
            return Some(text);
        }
        self.add(node.anchor(), format!("{what} is a text, this is {}", node.kind()));
        None
    }

    /// Reads a list of texts.
    pub fn texts(&mut self, node: &Yaml, what: &str) -> Vec<String> {
        let item = format!("an item of {what}");
        let items = self.items(node, what).iter();
        items.filter_map(|node| self.text(node, &item).map(str::to_owned)).collect()
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self, node: &Yaml, what: &str) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.add(node.anchor(), format!("{what} is `true` or `false`"));
                None
            }
        }
    }

    /// Reads a whole number in decimal digits.
    pub fn number(&mut self, node: &Yaml, what: &str) -> Option<u64> {
        let number = match &node.value {
            Value::Scalar { text, plain: true } => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.add(node.anchor(), format!("{what} is a whole number, not negative"));
        }
        number
    }

    /// Reads one of some words.
    pub fn word<T: Copy>(&mut self, node: &Yaml, what: &str, all: &[(T, &str)]) -> Option<T> {
        let text = self.text(node, what)?;
        let found = all.iter().find(|(_, word)| *word == text).map(|(value, _)| *value);
        if found.is_none() {
            let known: Vec<&str> = all.iter().map(|(_, word)| *word).collect();
            self.unknown(node.span, what, text, &known);
        }
        found
    }

    /// Gives the errors found, in the order of the file and each once.
    pub fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            (a.span.start, a.span.end, &a.message).cmp(&(b.span.start, b.span.end, &b.message))
        });
        self.list.dedup();
        self.list
    }

    /// Gives the value if nothing was wrong.
    ///
    /// # Errors
    /// The errors found; `None` without an error cannot happen, since readers that return `None`
    /// have added one.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => Err(self.into_list()),
        }
    }
}

/// What to write instead of a word that is not known.
pub fn suggestion(what: &str, word: &str, known: &[&str]) -> Option<String> {
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let few = !known.is_empty() && known.len() <= 16;
    few.then(|| listed(&format!("known here as {what}:"), known))
}

/// Some words after a beginning, in lines of a width that terminals have.
pub fn listed(start: &str, words: &[&str]) -> String {
    wrapped(&format!("{start} {}", words.join(", ")))
}

/// A text in lines of a width that terminals have.
pub fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 72;
    textwrap::fill(text, COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_collect_errors_in_the_order_of_the_file() {
        let source = Source::new("t.yaml", "b: [1, {}]\nflag: yes\nb: 2\nnumbre: x\n");
        let node = Yaml::parse(&source).unwrap();
        let mut problems = Problems::new(&source);
        let fields =
            problems.fields(&node, "a thing", &["b", "flag", "number"], &["number"]).unwrap();
        assert!(problems.flag(fields.get("flag").unwrap(), "flag").is_none());
        assert_eq!(problems.texts(fields.get("b").unwrap(), "b"), ["1"]);
        assert!(problems.number(fields.get("b").unwrap(), "b").is_none());
        let list: Vec<String> = problems.into_list().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(list.join("\n\n"));
    }
}
