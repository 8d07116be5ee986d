//! Stanza patterns: XML in which values are templates and what is not named does not matter.
//!
//! Main type: [`Pattern`]. The same text describes what is expected and what is sent. Names are
//! QNames without namespace processing, so `xmlns` is an ordinary attribute; attributes that begin
//! with `cp:` are directives of ours, and of elements those of `question`. Comparison stands in
//! `compare`.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::question::{self, ANSWER, QUESTION, TAKEN};
use super::template::{Reference, Scope, SyntaxRule, Template, TemplateError};
use crate::spec::problems::suggestion;
use crate::wire::xml::{self, Element};
use crate::wire::{AttrValue, Jid, Node};

/// A stanza with holes.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    pub(super) root: Part,
}

/// One element of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub tag: String,
    pub attrs: Vec<Attr>,
    /// `cp:absent`: attributes that must not be there.
    pub absent: Vec<String>,
    /// `cp:exact`: nothing beyond what is named.
    pub exact: bool,
    /// `cp:ordered`: the children come in this order, others may stand between.
    pub ordered: bool,
    pub content: Body,
    pub range: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Attr {
    pub name: String,
    pub value: Template,
    /// Of the value in the text.
    range: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing is said.
    Unnamed,
    Text(Template),
    /// `cp:b64`: these bytes.
    Bytes(Vec<u8>),
    Parts(Vec<Part>),
}

/// Elements of ours.
const OURS: [&str; 3] = [QUESTION, ANSWER, TAKEN];

const DIRECTIVES: &[&str] = &["cp:exact", "cp:absent", "cp:ordered", "cp:b64"];

/// Attributes that hold an address where their text is one.
const ADDRESSES: &[&str] = &["to", "from", "jid", "participant"];

/// A pattern that cannot be read, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct PatternError {
    pub range: Range<usize>,
    pub rule: PatternRule,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternRule {
    #[error("no XML: {0}")]
    Xml(String),
    #[error("unknown directive `{0}`")]
    Directive(String),
    #[error("unknown element `{0}`")]
    Element(String),
    #[error("`{0}` is switched on by \"true\" and off by leaving it out")]
    Switch(String),
    #[error("`{0}` is no base64")]
    Base64(String),
    #[error("an element holds a text, `cp:b64` or elements, not several of them")]
    Mixed,
    #[error("the attribute `{0}` is both named and absent")]
    Contradiction(String),
    #[error("{0}")]
    Template(SyntaxRule),
}

impl PatternRule {
    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Directive(word) => suggestion("directive", word, DIRECTIVES),
            Self::Element(word) => suggestion("element", word, &OURS),
            Self::Template(rule) => rule.help(),
            _ => None,
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let element = xml::parse_elements(text).map_err(|error| PatternError {
            range: error.offset..error.offset + 1,
            rule: PatternRule::Xml(error.rule.to_string()),
        })?;
        Ok(Self { text: text.to_owned(), root: read_part(text, element)? })
    }

    /// Reads a pattern of the program's own.
    ///
    /// # Panics
    /// Where the text is no pattern.
    pub fn builtin(text: &str) -> Self {
        Self::parse(text).expect("texts of the program are well-formed patterns")
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True for what says that a message was taken, in whichever form.
    pub fn is_taking(&self) -> bool {
        self.root.tag == TAKEN
    }

    /// The tag of the stanza.
    pub fn tag(&self) -> &str {
        &self.root.tag
    }

    /// The values that it needs, with their places in the text.
    pub fn references(&self) -> Vec<Reference> {
        let mut references = Vec::new();
        self.root.visit(&mut |template, range| {
            references.extend(template.references().map(|reference| Reference {
                path: reference.path.clone(),
                range: within(&self.text, template, &range, reference.range.clone()),
            }));
        });
        references
    }

    /// Why it cannot be sent, with the place: it has matchers or directives of comparison.
    pub fn unsendable(&self) -> Option<(Range<usize>, &'static str)> {
        let mut found = None;
        self.root.visit(&mut |template, range| {
            if template.has_matchers() && found.is_none() {
                found = Some((range, "a matcher has no value that could be sent"));
            }
        });
        found.or_else(|| self.root.directed()).or_else(|| {
            let answer = [ANSWER, TAKEN].contains(&self.tag());
            answer.then(|| (self.root.range.clone(), "an answer is expected, this stanza is sent"))
        })
    }

    /// Makes the stanza to send. Values of `to`, `from`, `jid` and `participant` become addresses
    /// where their text is one.
    ///
    /// # Errors
    /// A reference without value, or a matcher.
    pub fn build(&self, scope: &dyn Scope) -> Result<Node, TemplateError> {
        question::resolved(&self.root, scope).build(scope)
    }
}

impl Part {
    fn visit(&self, see: &mut dyn FnMut(&Template, Range<usize>)) {
        for attr in &self.attrs {
            see(&attr.value, attr.range.clone());
        }
        match &self.content {
            Body::Text(template) => see(template, self.range.clone()),
            Body::Parts(parts) => parts.iter().for_each(|part| part.visit(see)),
            Body::Unnamed | Body::Bytes(_) => {}
        }
    }

    fn directed(&self) -> Option<(Range<usize>, &'static str)> {
        if self.exact || self.ordered || !self.absent.is_empty() {
            return Some((self.range.clone(), "`cp:` directives compare, this stanza is sent"));
        }
        match &self.content {
            Body::Parts(parts) => parts.iter().find_map(Part::directed),
            Body::Unnamed | Body::Text(_) | Body::Bytes(_) => None,
        }
    }

    fn build(&self, scope: &dyn Scope) -> Result<Node, TemplateError> {
        let mut node = Node::new(self.tag.as_str());
        for attr in &self.attrs {
            let value = attr.value.render(scope)?;
            node = node.attr(attr.name.as_str(), attr_value(&attr.name, value));
        }
        Ok(match &self.content {
            Body::Unnamed => node,
            Body::Text(template) => node.bytes(template.render_bytes(scope)?),
            Body::Bytes(bytes) => node.bytes(bytes.clone()),
            Body::Parts(parts) => {
                let children = parts.iter().map(|part| part.build(scope));
                node.children(children.collect::<Result<Vec<Node>, _>>()?)
            }
        })
    }
}

fn attr_value(name: &str, text: String) -> AttrValue {
    match text.parse::<Jid>() {
        Ok(jid) if ADDRESSES.contains(&name) => jid.into(),
        _ => text.into(),
    }
}

/// The place of a part of a template's text in the pattern; all of `range` where escapes differ.
fn within(
    text: &str,
    template: &Template,
    range: &Range<usize>,
    part: Range<usize>,
) -> Range<usize> {
    let written = text.get(range.clone()).unwrap_or_default();
    match written.find(template.text()) {
        Some(at) => range.start + at + part.start..range.start + at + part.end,
        None => range.clone(),
    }
}

fn read_part(text: &str, element: Element) -> Result<Part, PatternError> {
    let range = element.span;
    if element.name.starts_with("cp:") && !OURS.contains(&element.name.as_str()) {
        return Err(PatternError { range, rule: PatternRule::Element(element.name) });
    }
    let mut part = Part {
        tag: element.name,
        attrs: Vec::new(),
        absent: Vec::new(),
        exact: false,
        ordered: false,
        content: Body::Unnamed,
        range: range.clone(),
    };
    let mut bodies = Vec::new();
    for (name, value, range) in element.attrs {
        if name.starts_with("cp:") {
            let name_at = text.get(..range.start).and_then(|before| before.rfind(name.as_str()));
            let known = DIRECTIVES.contains(&name.as_str());
            let range = match name_at {
                Some(at) if !known => at..at + name.len(),
                _ => range,
            };
            bodies.extend(read_directive(&mut part, &name, &value, range)?);
        } else {
            let value = read_value(&value, &range)?;
            part.attrs.push(Attr { name, value, range });
        }
    }
    if let Some(text) = &element.text {
        bodies.push(Body::Text(read_value(text, &range)?));
    }
    if !element.children.is_empty() {
        let parts = element.children.into_iter().map(|child| read_part(text, child));
        bodies.push(Body::Parts(parts.collect::<Result<_, _>>()?));
    }
    if bodies.len() > 1 {
        return Err(PatternError { range, rule: PatternRule::Mixed });
    }
    part.content = bodies.pop().unwrap_or(Body::Unnamed);
    refuse_contradiction(&part)?;
    Ok(part)
}

fn read_value(value: &str, range: &Range<usize>) -> Result<Template, PatternError> {
    Template::parse(value).map_err(|error| PatternError {
        range: range.clone(),
        rule: PatternRule::Template(error.rule),
    })
}

fn read_directive(
    part: &mut Part,
    name: &str,
    value: &str,
    range: Range<usize>,
) -> Result<Option<Body>, PatternError> {
    let switch = || match value {
        "true" => Ok(true),
        _ => Err(PatternRule::Switch(name.to_owned())),
    };
    let read = match name {
        "cp:exact" => switch().map(|on| part.exact = on),
        "cp:ordered" => switch().map(|on| part.ordered = on),
        "cp:absent" => {
            part.absent = value.split_whitespace().map(str::to_owned).collect();
            Ok(())
        }
        "cp:b64" => {
            return STANDARD
                .decode(value)
                .map(|bytes| Some(Body::Bytes(bytes)))
                .map_err(|_| PatternError { range, rule: PatternRule::Base64(value.to_owned()) });
        }
        _ => Err(PatternRule::Directive(name.to_owned())),
    };
    read.map(|()| None).map_err(|rule| PatternError { range, rule })
}

fn refuse_contradiction(part: &Part) -> Result<(), PatternError> {
    let named: BTreeMap<&str, &Attr> =
        part.attrs.iter().map(|attr| (attr.name.as_str(), attr)).collect();
    match part.absent.iter().find_map(|name| named.get(name.as_str())) {
        Some(attr) => Err(PatternError {
            range: attr.range.clone(),
            rule: PatternRule::Contradiction(attr.name.clone()),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> BTreeMap<String, String> {
        [("m1.id", "7"), ("bob.jid", "15550001@s.whatsapp.net"), ("text", "a<b")]
            .map(|(path, value)| (path.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn a_stanza_is_built_with_addresses() {
        let text = r#"<message id="${m1.id}" from="${bob.jid}" to="12-105@interop" type="text"
            notify="a@b"><body>${text}</body><enc cp:b64="AAE="/></message>"#;
        let node = Pattern::parse(text).unwrap().build(&scope()).unwrap();
        let expected = Node::new("message")
            .attr("id", "7")
            .attr("from", Jid::new("15550001", "s.whatsapp.net"))
            .attr("to", Jid::interop(12, "105"))
            .attr("type", "text")
            .attr("notify", "a@b")
            .child(Node::new("body").bytes("a<b"))
            .child(Node::new("enc").bytes([0, 1]));
        assert_eq!(node, expected);
        assert!(matches!(node.value("to"), Some(AttrValue::Jid(_))));
        assert!(matches!(node.value("notify"), Some(AttrValue::Text(_))));
    }

    #[test]
    fn references_have_places_in_the_text() {
        let text = r#"<a x="${m1.id}"><b>${text}</b><c y="&lt;${bob.jid}"/></a>"#;
        let places = Pattern::parse(text).unwrap().references();
        let shown: Vec<(&str, &str)> =
            places.iter().map(|place| (place.path.as_str(), &text[place.range.clone()])).collect();
        assert_eq!(shown[0], ("m1.id", "${m1.id}"));
        assert_eq!(shown[1], ("text", "${text}"));
        assert_eq!(shown[2].0, "bob.jid");
        assert!(shown[2].1.contains("&lt;${bob.jid}"));
    }

    #[test]
    fn what_only_compares_is_not_sent() {
        let why = |text| Pattern::parse(text).unwrap().unsendable().map(|(_, why)| why);
        assert_eq!(why("<a x=\"1\"/>"), None);
        assert!(why("<a><b x=\"${any}\"/></a>").unwrap().contains("matcher"));
        assert!(why("<a><b cp:exact=\"true\"/></a>").unwrap().contains("directives"));
        let pattern = Pattern::parse("<a x=\"${gone}\"/>").unwrap();
        let undefined = TemplateError::Undefined { path: "gone".to_owned() };
        assert_eq!(pattern.build(&scope()), Err(undefined));
    }

    #[test]
    fn malformed_patterns_say_where() {
        let errors = [
            "",
            "<a>",
            "<a",
            "<a/><b/>",
            "text",
            "<a x=\"1\" x=\"2\"/>",
            "<!DOCTYPE a><a/>",
            "<a cp:exakt=\"true\"/>",
            "<a cp:exact=\"yes\"/>",
            "<a cp:b64=\"?\"/>",
            "<a>t<b/></a>",
            "<a cp:b64=\"\">t</a>",
            "<a x=\"1\" cp:absent=\"y x\"/>",
            "<a x=\"${re:(}\"/>",
            "<a>${one of}</a>",
        ]
        .map(|text| {
            let error = Pattern::parse(text).unwrap_err();
            let help = error.rule.help().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{text}\n  {:?} {error}{help}", error.range)
        });
        insta::assert_snapshot!(errors.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", noise in "[<>/a=\" ${}:cp&;!]{0,60}") {
            for text in [text, noise] {
                if let Ok(pattern) = Pattern::parse(&text) {
                    let _ = (pattern.references(), pattern.build(&scope()));
                }
            }
        }
    }
}
