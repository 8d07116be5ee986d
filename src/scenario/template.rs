//! Texts with holes: `${m1.id}` refers to a value, `${any}` and its kin match one.
//!
//! Main type: [`Template`]. One form serves both directions: what is sent is rendered, what is
//! received is matched, and a scenario reads the same in both. References are resolved by a
//! [`Scope`]; this file knows nothing of what they mean. Matching goes over bytes, so that a
//! pattern can also speak of content that is no text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use regex::bytes::Regex;

use super::matcher::{MATCHERS, Matcher, compile};
use crate::span::nearest;

/// Where references get their values.
pub trait Scope {
    /// The value under a dotted path, or `None` while there is none.
    fn lookup(&self, path: &str) -> Option<String>;
}

impl Scope for BTreeMap<String, String> {
    fn lookup(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }
}

/// A text with references and matchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Reference(Reference),
    Matcher(Matcher),
}

/// `${path}` with its place in the template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub path: String,
    pub range: Range<usize>,
}

/// A template that cannot be read, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct SyntaxError {
    pub range: Range<usize>,
    pub rule: SyntaxRule,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxRule {
    #[error("`${{` is not closed by `}}`")]
    Unclosed,
    #[error("`{0}` is no reference: letters, digits, `_` and `-`, joined by `.`")]
    BadPath(String),
    #[error("unknown matcher `{0}`")]
    UnknownMatcher(String),
    #[error("`{0}` is no number of bytes")]
    BadCount(String),
    #[error("`{0}` is no even number of hexadecimal digits")]
    BadHex(String),
    #[error("not usable as a regular expression: {0}")]
    BadRegex(String),
}

impl SyntaxRule {
    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownMatcher(word) => Some(match nearest(word, MATCHERS.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("matchers: {}", MATCHERS.join(", ")),
            }),
            Self::Unclosed => Some("a literal `${` is written `$${`".to_owned()),
            _ => None,
        }
    }
}

/// A template that cannot be rendered now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`${{{path}}}` has no value yet")]
    Undefined { path: String },
    #[error("`${{{matcher}}}` matches values and has none of its own")]
    NoValue { matcher: String },
    #[error("`{template}` gives bytes that are no text")]
    NoText { template: String },
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The first part that is not well-formed, with its place.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let parts = parse_parts(text)?;
        let template = Self { text: text.to_owned(), parts };
        if template.has_matchers() {
            let whole = |rule| SyntaxError { range: 0..text.len(), rule };
            template.regex(&Blank).map_err(|fault| whole(SyntaxRule::BadRegex(fault)))?;
        }
        Ok(template)
    }

    /// Reads a template of the program's own.
    ///
    /// # Panics
    /// Where the text is no template.
    pub fn builtin(text: &str) -> Self {
        Self::parse(text).expect("texts of the program are well-formed templates")
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values that it needs.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Literal(_) | Part::Matcher(_) => None,
        })
    }

    /// Whether it can only match, since a part has no value of its own.
    pub fn has_matchers(&self) -> bool {
        let open = |part: &Part| matches!(part, Part::Matcher(m) if !matches!(m, Matcher::Hex(_)));
        self.parts.iter().any(open)
    }

    /// Fills in the values.
    ///
    /// # Errors
    /// A reference without value, a matcher, or bytes that are no UTF-8.
    pub fn render(&self, scope: &dyn Scope) -> Result<String, TemplateError> {
        String::from_utf8(self.render_bytes(scope)?)
            .map_err(|_| TemplateError::NoText { template: self.text.clone() })
    }

    /// Fills in the values; `${hex:…}` stands for its bytes.
    ///
    /// # Errors
    /// A reference without value, or a matcher.
    pub fn render_bytes(&self, scope: &dyn Scope) -> Result<Vec<u8>, TemplateError> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => bytes.extend_from_slice(text.as_bytes()),
                Part::Reference(reference) => {
                    let undefined = || TemplateError::Undefined { path: reference.path.clone() };
                    let value = scope.lookup(&reference.path).ok_or_else(undefined)?;
                    bytes.extend_from_slice(value.as_bytes());
                }
                Part::Matcher(Matcher::Hex(hex)) => bytes.extend_from_slice(hex),
                Part::Matcher(matcher) => {
                    return Err(TemplateError::NoValue { matcher: matcher.written() });
                }
            }
        }
        Ok(bytes)
    }

    /// Compares a text with it.
    ///
    /// # Errors
    /// What was expected and what is there instead.
    pub fn matches(&self, actual: &str, scope: &dyn Scope) -> Result<(), String> {
        self.matches_bytes(actual.as_bytes(), scope)
    }

    /// Compares bytes with it.
    ///
    /// # Errors
    /// What was expected and what is there instead.
    pub fn matches_bytes(&self, actual: &[u8], scope: &dyn Scope) -> Result<(), String> {
        match self.fits(actual, scope) {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("expected {}, got {}", self.shown(scope), show(actual))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether the bytes are what it describes.
    ///
    /// # Errors
    /// A reference without value.
    pub fn fits(&self, actual: &[u8], scope: &dyn Scope) -> Result<bool, TemplateError> {
        if !self.has_matchers() {
            return Ok(self.render_bytes(scope)? == actual);
        }
        // Most patterns are one matcher, and most of these need no regular expression.
        if let [Part::Matcher(matcher)] = &*self.parts
            && let Some(fits) = matcher.fits_alone(actual)
        {
            return Ok(fits);
        }
        let unknown = |reference: &&Reference| scope.lookup(&reference.path).is_none();
        if let Some(reference) = self.references().find(unknown) {
            return Err(TemplateError::Undefined { path: reference.path.clone() });
        }
        // Values of references are longer than the blanks of `parse`; if they make the pattern too
        // large to compile, nothing is known to match.
        Ok(self.regex(scope).is_ok_and(|regex| regex.is_match(actual)))
    }

    /// What it describes, with the values that are known filled in.
    pub fn shown(&self, scope: &dyn Scope) -> String {
        let mut shown = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => shown.push_str(text),
                Part::Reference(reference) => match scope.lookup(&reference.path) {
                    Some(value) => shown.push_str(&value),
                    None => shown.push_str(&self.text[reference.range.clone()]),
                },
                Part::Matcher(matcher) => {
                    write!(shown, "${{{}}}", matcher.written()).expect("a String takes all");
                }
            }
        }
        show(shown.as_bytes())
    }

    fn regex(&self, scope: &dyn Scope) -> Result<Regex, String> {
        let mut pattern = String::from(r"\A");
        for part in &self.parts {
            match part {
                Part::Literal(text) => pattern.push_str(&regex::escape(text)),
                Part::Reference(reference) => {
                    let value = scope.lookup(&reference.path).unwrap_or_default();
                    pattern.push_str(&regex::escape(&value));
                }
                Part::Matcher(matcher) => pattern.push_str(&matcher.pattern()),
            }
        }
        pattern.push_str(r"\z");
        compile(&pattern)
    }
}

/// A scope in which everything is empty: enough to see whether a pattern compiles.
struct Blank;

impl Scope for Blank {
    fn lookup(&self, _: &str) -> Option<String> {
        Some(String::new())
    }
}

fn parse_parts(text: &str) -> Result<Vec<Part>, SyntaxError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let start = at + found;
        if text[at..start].ends_with('$') {
            // `$${` stands for a literal `${`.
            literal.push_str(&text[at..start]);
            literal.push('{');
            at = start + 2;
            continue;
        }
        literal.push_str(&text[at..start]);
        let end = closing(text, start + 2)
            .ok_or(SyntaxError { range: start..start + 2, rule: SyntaxRule::Unclosed })?;
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(parse_hole(text, start..end + 1)?);
        at = end + 1;
    }
    literal.push_str(&text[at..]);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

fn parse_hole(text: &str, range: Range<usize>) -> Result<Part, SyntaxError> {
    let inner = &text[range.start + 2..range.end - 1];
    let matcher = Matcher::parse(inner);
    match matcher.map_err(|rule| SyntaxError { range: range.clone(), rule })? {
        Some(matcher) => Ok(Part::Matcher(matcher)),
        None if is_path(inner) => Ok(Part::Reference(Reference { path: inner.to_owned(), range })),
        None => Err(SyntaxError { range, rule: SyntaxRule::BadPath(inner.to_owned()) }),
    }
}

/// The `}` that closes a hole; braces inside may be balanced or escaped.
fn closing(text: &str, from: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, character) in text[from..].char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' if depth == 0 => return Some(from + at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether a text may stand in `${…}` as a reference.
pub fn is_path(text: &str) -> bool {
    text.split('.').all(|segment| {
        let mut bytes = segment.bytes();
        !segment.is_empty()
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}

/// A value as an error shows it: text in backticks, other bytes in hexadecimal, both cut short.
pub fn show(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().count() <= SHOWN_MAX => format!("`{text}`"),
        Ok(text) => {
            let start: String = text.chars().take(SHOWN_MAX).collect();
            format!("`{start}…` ({} bytes)", bytes.len())
        }
        Err(_) if bytes.len() <= SHOWN_MAX / 2 => format!("bytes {}", hex::encode(bytes)),
        Err(_) => format!("bytes {}… ({})", hex::encode(&bytes[..SHOWN_MAX / 2]), bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> BTreeMap<String, String> {
        [("m1.id", "3EB0.1"), ("text", "hi (x)")]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into()
    }

    fn template(text: &str) -> Template {
        Template::parse(text).unwrap()
    }

    fn matches(text: &str, actual: &str) -> bool {
        template(text).matches(actual, &scope()).is_ok()
    }

    #[test]
    fn references_are_filled_in() {
        assert_eq!(template("<${m1.id}>").render(&scope()).unwrap(), "<3EB0.1>");
        assert_eq!(template("$5 $${x} ${text}").render(&scope()).unwrap(), "$5 ${x} hi (x)");
        assert_eq!(template("").render(&scope()).unwrap(), "");
        assert_eq!(template("${hex:c3a9}").render(&scope()).unwrap(), "é");
        assert_eq!(template("a${hex:ff}").render_bytes(&scope()).unwrap(), [b'a', 0xff]);
        let places: Vec<_> = template("a ${m1.id}").references().cloned().collect();
        assert_eq!(places, [Reference { path: "m1.id".to_owned(), range: 2..10 }]);
    }

    #[test]
    fn what_has_no_value_is_not_rendered() {
        let error = |text| template(text).render(&scope()).unwrap_err().to_string();
        assert_eq!(error("${m2.id}"), "`${m2.id}` has no value yet");
        assert_eq!(error("${any}"), "`${any}` matches values and has none of its own");
        assert_eq!(error("${hex:ff}"), "`${hex:ff}` gives bytes that are no text");
    }

    #[test]
    fn matchers_match_the_whole_value() {
        assert!(matches("${any}", "") && matches("${any}", "a\nb"));
        assert!(matches("${re:[0-9]{3}}", "123") && !matches("${re:[0-9]{3}}", "1234"));
        assert!(matches("${one-of:a|b.c}", "b.c") && !matches("${one-of:a|b.c}", "bxc"));
        assert!(matches("${one-of:|a}", ""));
        assert!(matches("${bytes:2}", "é") && !matches("${bytes:1}", "é"));
        assert!(
            matches("<${m1.id}>${any}", "<3EB0.1>x") && !matches("<${m1.id}>${any}", "<3EB0x1>")
        );
        assert!(matches("${text}", "hi (x)") && matches("${text}${re:!?}", "hi (x)!"));
        assert!(matches("${re:a|b}c", "bc") && !matches("${re:a|b}c", "a"));
        assert!(template("${hex:00ff}${bytes:1}").matches_bytes(&[0, 255, 7], &scope()).is_ok());
    }

    #[test]
    fn a_mismatch_says_what_was_expected() {
        let error =
            |text: &str, actual: &[u8]| template(text).matches_bytes(actual, &scope()).unwrap_err();
        assert_eq!(error("${text}", b"ho"), "expected `hi (x)`, got `ho`");
        assert_eq!(
            error("${m1.id}-${bytes:2}", &[255]),
            "expected `3EB0.1-${bytes:2}`, got bytes ff"
        );
        assert_eq!(error("${gone}${any}", b""), "`${gone}` has no value yet");
        assert!(error("a", &[b'x'; 500]).ends_with("x…` (500 bytes)"));
    }

    #[test]
    fn malformed_templates_say_where() {
        let errors = [
            "a ${m1.id",
            "${}",
            "${a b}",
            "${a..b}",
            "x ${regex:a}",
            "${bites:3}",
            "${bytes:x}",
            "${hex:0}",
            "${hex:zz}",
            "${re:(}",
            "${re:a)(b}",
            "${bytes:99999999}",
            "${foo:1}",
        ]
        .map(|text| {
            let error = Template::parse(text).unwrap_err();
            let help = error.rule.help().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{text}\n  {:?} {error}{help}", error.range)
        });
        insta::assert_snapshot!(errors.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", holes in "[${}a:.|\\\\é]{0,40}", re in "\\PC{0,20}") {
            for text in [text, holes, format!("${{re:{re}}}")] {
                if let Ok(template) = Template::parse(&text) {
                    let _ = template.matches(&text, &scope());
                    let _ = template.shown(&scope());
                }
            }
        }

        #[test]
        fn a_text_without_holes_means_itself(text in "[^$]*") {
            proptest::prop_assert_eq!(template(&text).render(&scope()).unwrap(), text.clone());
            proptest::prop_assert!(matches(&text, &text));
        }
    }
}
