//! XML text to elements that remember where they stood.
//!
//! Main function: [`parse_elements`]. The five predefined entities and character references are
//! resolved; document types, processing instructions, declarations and comments are refused, as
//! XMPP does (RFC 6120 §11.1). The tree is built on a stack of its own, so nesting costs no
//! recursion.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::EscapeError;
use quick_xml::events::attributes::{AttrError, Attribute};
use quick_xml::events::{BytesStart, Event};

use super::error::{XmlError, XmlRule};
use super::{is_blank, is_char, is_name};
use crate::limits::{NODE_DEPTH_MAX, NODES_MAX};

type Result<T> = std::result::Result<T, XmlError>;

/// An element with its places in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    /// Name, value without escapes, and where the value stands between its quotes.
    pub attrs: Vec<(String, String, Range<usize>)>,
    pub children: Vec<Element>,
    /// The text, if the element has no children and more than white space.
    pub text: Option<String>,
    /// From `<` to the `>` of the end tag.
    pub span: Range<usize>,
}

/// Parses a text that is one element.
///
/// # Errors
/// The first rule that the text breaks, with its byte offset.
pub fn parse_elements(text: &str) -> Result<Element> {
    // The XML parser skips a byte order mark without counting it, which would move every place.
    if text.starts_with('\u{FEFF}') {
        return Err(XmlError::new(0, XmlRule::Character(0xFEFF)));
    }
    let mut parser = Parser { text, reader: Reader::from_str(text), open: Vec::new(), nodes: 0 };
    let mut root = None;
    loop {
        let start = parser.position();
        match parser.next(start)? {
            Step::End => break,
            Step::Blank => {}
            _ if root.is_some() => return Err(XmlError::new(start, XmlRule::Trailing)),
            Step::Element(element) => root = Some(element),
            Step::More => {}
        }
    }
    root.ok_or(XmlError::new(text.len(), XmlRule::NoElement))
}

struct Parser<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    open: Vec<Open>,
    nodes: usize,
}

/// An element whose end tag has not come yet.
struct Open {
    element: Element,
    text: String,
    /// Where text that is not blank starts.
    text_at: Option<usize>,
}

enum Step {
    /// White space outside of the root element.
    Blank,
    /// The root element is complete.
    Element(Element),
    More,
    End,
}

impl<'a> Parser<'a> {
    fn position(&self) -> usize {
        let position = usize::try_from(self.reader.buffer_position());
        position.map_or(self.text.len(), |at| at.min(self.text.len()))
    }

    fn next(&mut self, start: usize) -> Result<Step> {
        let forbidden = |what| Err(XmlError::new(start, XmlRule::Forbidden(what)));
        match self.reader.read_event() {
            Err(error) => Err(self.markup(start, &error)),
            Ok(Event::Start(tag)) => self.start(&tag, start).map(|()| Step::More),
            Ok(Event::Empty(tag)) => {
                self.start(&tag, start)?;
                self.end()
            }
            Ok(Event::End(_)) => self.end(),
            Ok(Event::Text(text)) => self.add_text(start, &text.xml10_content()),
            Ok(Event::CData(text)) => self.add_text(start, &text.xml10_content()),
            Ok(Event::GeneralRef(name)) => {
                let char = match name.resolve_char_ref() {
                    Ok(Some(char)) => Some(char),
                    Ok(None) => predefined(&name),
                    Err(_) => None,
                };
                let unknown = || XmlError::new(start, XmlRule::Entity(name.to_string()));
                let char = char.ok_or_else(unknown)?;
                self.add_text(start, char.encode_utf8(&mut [0; 4]))
            }
            Ok(Event::DocType(_)) => forbidden("document type"),
            Ok(Event::PI(_)) => forbidden("processing instruction"),
            Ok(Event::Decl(_)) => forbidden("XML declaration"),
            Ok(Event::Comment(_)) => forbidden("comment"),
            Ok(Event::Eof) => match self.open.last() {
                None => Ok(Step::End),
                Some(open) => {
                    let error = IllFormedError::MissingEndTag(open.element.name.clone());
                    let rule = XmlRule::Markup(error.to_string());
                    Err(XmlError::new(open.element.span.start, rule))
                }
            },
        }
    }

    fn markup(&self, start: usize, error: &Error) -> XmlError {
        let at = usize::try_from(self.reader.error_position()).unwrap_or(start);
        XmlError::new(at.clamp(start, self.text.len()), XmlRule::Markup(error.to_string()))
    }

    fn start(&mut self, tag: &BytesStart<'a>, start: usize) -> Result<()> {
        if self.open.len() == NODE_DEPTH_MAX {
            return Err(XmlError::new(start, XmlRule::Depth));
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(XmlError::new(start, XmlRule::Nodes));
        }
        let name = tag.name().as_ref().to_owned();
        // The `<` stands before the name.
        let inside = start + 1;
        check_name(&name, inside)?;
        let attrs = tag.attributes().map(|attribute| match attribute {
            Ok(attribute) => read_attribute(tag, &attribute, inside),
            Err(error) => Err(attribute_error(tag, &error, inside)),
        });
        let attrs = attrs.collect::<Result<_>>()?;
        let element = Element { name, attrs, span: start..start, ..Element::default() };
        self.open.push(Open { element, text: String::new(), text_at: None });
        Ok(())
    }

    fn end(&mut self) -> Result<Step> {
        let end = self.position();
        let Some(Open { mut element, text, text_at }) = self.open.pop() else {
            let rule = XmlRule::Markup("an end tag closes no element".into());
            return Err(XmlError::new(end, rule));
        };
        element.span.end = end;
        match text_at {
            Some(at) if !element.children.is_empty() => {
                return Err(XmlError::new(at, XmlRule::MixedContent));
            }
            Some(_) => element.text = Some(text),
            None => {}
        }
        match self.open.last_mut() {
            None => Ok(Step::Element(element)),
            Some(parent) => {
                parent.element.children.push(element);
                Ok(Step::More)
            }
        }
    }

    fn add_text(&mut self, start: usize, text: &str) -> Result<Step> {
        check_chars(text, start)?;
        match self.open.last_mut() {
            None if is_blank(text) => Ok(Step::Blank),
            None => Err(XmlError::new(start, XmlRule::Trailing)),
            Some(open) => {
                open.text.push_str(text);
                if open.text_at.is_none() && !is_blank(text) {
                    open.text_at = Some(start);
                }
                Ok(Step::More)
            }
        }
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// Tells where a part of a tag stands in the text; `inside` is where the tag's name stands.
fn place(tag: &str, part: &str, inside: usize) -> Range<usize> {
    let start = inside + (part.as_ptr() as usize).saturating_sub(tag.as_ptr() as usize);
    start..start + part.len()
}

fn read_attribute(
    tag: &BytesStart<'_>,
    attribute: &Attribute<'_>,
    inside: usize,
) -> Result<(String, String, Range<usize>)> {
    let key = attribute.key.as_ref();
    check_name(key, place(tag, key, inside).start)?;
    let range = place(tag, &attribute.value, inside);
    if let Some(at) = attribute.value.find('<') {
        let rule = XmlRule::Markup("`<` must be written as `&lt;`".into());
        return Err(XmlError::new(range.start + at, rule));
    }
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| {
        let rule = match error {
            Error::Escape(EscapeError::UnrecognizedEntity(_, name)) => XmlRule::Entity(name),
            error => XmlRule::Markup(error.to_string()),
        };
        XmlError::new(range.start, rule)
    })?;
    check_chars(&value, range.start)?;
    Ok((key.to_owned(), value.into_owned(), range))
}

fn attribute_error(tag: &str, error: &AttrError, inside: usize) -> XmlError {
    match *error {
        AttrError::Duplicated(at, _) => {
            let rest = tag.get(at..).unwrap_or_default();
            let key = rest.split(['=', ' ', '\t', '\n', '\r']).next();
            let rule = XmlRule::DuplicateAttribute(key.unwrap_or_default().to_owned());
            XmlError::new(inside + at, rule)
        }
        AttrError::ExpectedEq(at)
        | AttrError::ExpectedValue(at)
        | AttrError::UnquotedValue(at)
        | AttrError::ExpectedQuote(at, _) => {
            let rule = XmlRule::Markup("an attribute is written `name=\"value\"`".into());
            XmlError::new(inside + at, rule)
        }
    }
}

fn check_name(name: &str, at: usize) -> Result<()> {
    match is_name(name) {
        true => Ok(()),
        false => Err(XmlError::new(at, XmlRule::Name(name.to_owned()))),
    }
}

fn check_chars(text: &str, at: usize) -> Result<()> {
    match text.chars().find(|char| !is_char(*char)) {
        Some(char) => Err(XmlError::new(at, XmlRule::Character(char.into()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_know_their_places() {
        let text = "\n<iq id='a&amp;b'>\n  <ping  to = \"${x}\" />\n</iq> ";
        let iq = parse_elements(text).unwrap();
        assert_eq!((&*iq.name, &iq.text), ("iq", &None));
        assert_eq!(&text[iq.span.clone()], text.trim());
        let (name, value, range) = &iq.attrs[0];
        assert_eq!((&**name, &**value, &text[range.clone()]), ("id", "a&b", "a&amp;b"));
        let ping = &iq.children[0];
        assert_eq!(&text[ping.span.clone()], "<ping  to = \"${x}\" />");
        let (_, value, range) = &ping.attrs[0];
        assert_eq!((&**value, &text[range.clone()]), ("${x}", "${x}"));
    }

    #[test]
    fn text_is_kept_unless_it_is_blank() {
        let text = |xml: &str| parse_elements(xml).unwrap().text;
        assert_eq!(text("<a> x &lt;&#x41;&#10; </a>").as_deref(), Some(" x <A\n "));
        assert_eq!(text("<a><![CDATA[<&]]>x</a>").as_deref(), Some("<&x"));
        assert_eq!(text("<a>\r\n \t</a>"), None);
        assert_eq!(text("<a>\r\nx</a>").as_deref(), Some("\nx"));
        assert_eq!(text("<a/>"), None);
    }

    #[test]
    fn what_no_stanza_has_is_refused_where_it_stands() {
        use XmlRule::{Character, DuplicateAttribute, Entity, Forbidden, MixedContent, Name};
        use XmlRule::{NoElement, Trailing};
        for (text, offset, rule) in [
            ("<!DOCTYPE a><a/>", 0, Forbidden("document type")),
            ("<?xml version='1.0'?><a/>", 0, Forbidden("XML declaration")),
            ("<a><?php x?></a>", 3, Forbidden("processing instruction")),
            ("<a><!-- x --></a>", 3, Forbidden("comment")),
            ("<a>x&nbsp;</a>", 4, Entity("nbsp".into())),
            ("<a>&#0;</a>", 3, Entity("#0".into())),
            ("<a b='&nbsp;'/>", 6, Entity("nbsp".into())),
            ("<a>&#1;</a>", 3, Character(1)),
            ("<a b='\u{1}'/>", 6, Character(1)),
            ("<a b='1' c='2'  b='3'/>", 16, DuplicateAttribute("b".into())),
            ("<a>x<b/></a>", 3, MixedContent),
            ("<a><b/>x</a>", 7, MixedContent),
            ("<1/>", 1, Name("1".into())),
            ("<a 1='x'/>", 3, Name("1".into())),
            ("<a/><b/>", 4, Trailing),
            ("x<a/>", 0, Trailing),
            ("<a/>x", 4, Trailing),
            ("\u{FEFF}<a/>", 0, Character(0xFEFF)),
            ("", 0, NoElement),
            ("  ", 2, NoElement),
        ] {
            assert_eq!(parse_elements(text), Err(XmlError::new(offset, rule)), "{text}");
        }
    }

    #[test]
    fn broken_markup_is_refused() {
        for text in [
            "<a",
            "<a>",
            "<a><b></a>",
            "</a>",
            "<a b/>",
            "<a b=/>",
            "<a b=c/>",
            "<a b='c/>",
            "<>",
            "<a b='<'/>",
            "<a b='&'/>",
            "<a>&</a>",
            "<a>&lt</a>",
            "< a/>",
            "<a></b>",
            "<a/",
            "<!",
        ] {
            let error = parse_elements(text).unwrap_err();
            assert!(error.offset <= text.len(), "{text}: {error}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(parse_elements(&nested(NODE_DEPTH_MAX)).is_ok());
        let error = XmlError::new(3 * NODE_DEPTH_MAX, XmlRule::Depth);
        assert_eq!(parse_elements(&nested(NODE_DEPTH_MAX + 1)), Err(error.clone()));
        assert_eq!(parse_elements(&nested(100_000)), Err(error));
    }
}
