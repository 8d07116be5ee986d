//! Elements to nodes.
//!
//! Main function: [`parse`]. An attribute whose text is unmistakably an address becomes one;
//! `cp:jid` overrules that, so that a scenario can send an address as a plain string.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::PREFIX;
use super::element::{Element, parse_elements};
use super::error::{XmlError, XmlRule};
use crate::wire::jid::Jid;
use crate::wire::node::{AttrValue, Content, Node};
use crate::wire::word::Word;

type Result<T> = std::result::Result<T, XmlError>;

/// Parses the XML form of a node.
///
/// # Errors
/// Those of [`parse_elements`], and `cp:` attributes other than the four of this form.
pub fn parse(text: &str) -> Result<Node> {
    node(parse_elements(text)?)
}

/// What the `cp:` attributes of an element say.
#[derive(Default)]
struct Directives {
    tag: Option<Word>,
    content: Option<Vec<u8>>,
    attrs: Vec<(Word, AttrValue)>,
    /// Whether the attribute of this key is an address.
    kinds: Vec<(String, bool)>,
}

fn node(element: Element) -> Result<Node> {
    let mut said = Directives::default();
    for (name, value, range) in &element.attrs {
        if let Some(name) = name.strip_prefix(PREFIX) {
            said.read(name, value, range.start, &element)?;
        }
    }
    if said.content.is_some() && (element.text.is_some() || !element.children.is_empty()) {
        return Err(XmlError::new(element.span.start, XmlRule::MixedContent));
    }
    let mut attrs = Vec::with_capacity(element.attrs.len());
    for (name, value, range) in &element.attrs {
        if !name.starts_with(PREFIX) {
            attrs.push((Word::from(name), said.value(name, value, range.start)?));
        }
    }
    for (key, value) in said.attrs {
        if attrs.iter().any(|(present, _)| *present == key) {
            let rule = XmlRule::DuplicateAttribute(key.into_string());
            return Err(XmlError::new(element.span.start, rule));
        }
        attrs.push((key, value));
    }
    let content = match (said.content, element.text) {
        (Some(bytes), _) => Content::Bytes(bytes),
        (None, Some(text)) => Content::Bytes(text.into_bytes()),
        (None, None) if element.children.is_empty() => Content::None,
        (None, None) => {
            let children = element.children.into_iter().map(node).collect::<Result<_>>()?;
            Content::Children(children)
        }
    };
    Ok(Node { tag: said.tag.unwrap_or_else(|| element.name.into()), attrs, content })
}

impl Directives {
    fn read(&mut self, name: &str, value: &str, at: usize, element: &Element) -> Result<()> {
        match name {
            "b64" => self.content = Some(base64(value, at)?),
            "tag" => self.tag = Some(base64_text(value, at)?),
            "attrs" => {
                for part in value.split_ascii_whitespace() {
                    self.attrs.push(escaped(part, at)?);
                }
            }
            "jid" => {
                for part in value.split_ascii_whitespace() {
                    self.kinds.push(kind(part, element, at)?);
                }
            }
            _ => {
                let rule = XmlRule::Directive(format!("{PREFIX}{name}"));
                return Err(XmlError::new(at, rule));
            }
        }
        Ok(())
    }

    fn value(&self, name: &str, value: &str, at: usize) -> Result<AttrValue> {
        match self.kinds.iter().find(|(key, _)| key == name) {
            None => Ok(AttrValue::recognise(value)),
            Some((_, true)) => address(value, at).map(AttrValue::Jid),
            Some((_, false)) => Ok(AttrValue::Text(value.into())),
        }
    }
}

/// Reads one part of `cp:jid`.
fn kind(part: &str, element: &Element, at: usize) -> Result<(String, bool)> {
    let known = |key: &str| element.attrs.iter().any(|(name, ..)| name == key);
    match part.rsplit_once('=') {
        Some((key, "jid")) if known(key) => Ok((key.to_owned(), true)),
        Some((key, "text")) if known(key) => Ok((key.to_owned(), false)),
        _ => Err(XmlError::new(at, XmlRule::JidKinds)),
    }
}

/// Reads one part of `cp:attrs`.
fn escaped(part: &str, at: usize) -> Result<(Word, AttrValue)> {
    let (key, value) = part.split_once(':').ok_or(XmlError::new(at, XmlRule::Base64))?;
    let key = base64_text(key, at)?;
    Ok(match value.strip_suffix(":jid") {
        Some(value) => (key, AttrValue::Jid(address(&base64_text(value, at)?, at)?)),
        None => (key, AttrValue::Text(base64_text(value, at)?)),
    })
}

/// Reads an address, also one of a server that is not known.
fn address(text: &str, at: usize) -> Result<Jid> {
    match text.parse() {
        Ok(jid) => Ok(jid),
        Err(_) if !text.is_empty() && !text.contains('@') => Ok(Jid::new("", text)),
        Err(_) => Err(XmlError::new(at, XmlRule::Jid(text.to_owned()))),
    }
}

fn base64(text: &str, at: usize) -> Result<Vec<u8>> {
    STANDARD.decode(text).map_err(|_| XmlError::new(at, XmlRule::Base64))
}

fn base64_text(text: &str, at: usize) -> Result<Word> {
    let bytes = base64(text, at)?;
    String::from_utf8(bytes).map(Word::from).map_err(|_| XmlError::new(at, XmlRule::Base64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> XmlRule {
        parse(text).unwrap_err().rule
    }

    #[test]
    fn addresses_are_recognised_unless_told_otherwise() {
        let node = parse("<m to='12-105@interop' notify='@ann' type='call'/>").unwrap();
        assert!(matches!(node.value("to"), Some(AttrValue::Jid(jid)) if jid.integrator == 12));
        assert!(matches!(node.value("notify"), Some(AttrValue::Text(_))));
        assert!(matches!(node.value("type"), Some(AttrValue::Text(_))));
        let node = parse("<m to='1@lid' by='x' cp:jid='to=text by=jid'/>").unwrap();
        assert!(matches!(node.value("to"), Some(AttrValue::Text(_))));
        assert!(matches!(node.value("by"), Some(AttrValue::Jid(jid)) if jid.server == "x"));
    }

    #[test]
    fn content_is_text_base64_or_children() {
        assert_eq!(parse("<a>hi</a>").unwrap(), Node::new("a").bytes("hi"));
        assert_eq!(parse("<a cp:b64='AQI='/>").unwrap(), Node::new("a").bytes([1, 2]));
        assert_eq!(parse("<a cp:b64=''/>").unwrap(), Node::new("a").bytes([]));
        assert_eq!(parse("<a> <b/> </a>").unwrap(), Node::new("a").child(Node::new("b")));
        assert_eq!(parse("<a cp:b64=''> </a>").unwrap(), Node::new("a").bytes([]));
        assert_eq!(rule("<a cp:b64=''>x</a>"), XmlRule::MixedContent);
        assert_eq!(rule("<a cp:b64=''><b/></a>"), XmlRule::MixedContent);
    }

    #[test]
    fn names_that_xml_lacks_are_escaped() {
        let node = parse("<node cp:tag='MA==' cp:attrs='MQ==:AQ== Mg==:MUBsaWQ=:jid'/>").unwrap();
        let expected = Node::new("0").attr("1", "\u{1}").attr("2", Jid::new("1", "lid"));
        assert_eq!(node, expected);
        assert!(matches!(node.value("2"), Some(AttrValue::Jid(_))));
    }

    #[test]
    fn wrong_directives_are_refused_where_they_stand() {
        for (text, offset, rule) in [
            ("<a cp:x='1'/>", 9, XmlRule::Directive("cp:x".into())),
            ("<a cp:absent='b'/>", 14, XmlRule::Directive("cp:absent".into())),
            ("<a cp:b64='A'/>", 11, XmlRule::Base64),
            ("<a cp:tag='/w=='/>", 11, XmlRule::Base64),
            ("<a cp:attrs='MQ=='/>", 13, XmlRule::Base64),
            ("<a cp:jid='b=jid'/>", 11, XmlRule::JidKinds),
            ("<a b='1@lid' cp:jid='b'/>", 21, XmlRule::JidKinds),
            ("<a b='@' cp:jid='b=jid'/>", 6, XmlRule::Jid("@".into())),
            ("<a b='1' cp:attrs='Yg==:MQ=='/>", 0, XmlRule::DuplicateAttribute("b".into())),
        ] {
            assert_eq!(parse(text), Err(XmlError::new(offset, rule)), "{text}");
        }
    }
}
