//! Nodes to XML text.
//!
//! Main function: [`print`]. Escapes for what XML cannot hold are written only where they are
//! needed, so that an ordinary stanza reads like the one in the specification.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use super::{PREFIX, is_blank, is_char, is_name};
use crate::wire::jid::Jid;
use crate::wire::node::{AttrValue, Content, Node};
use crate::wire::word::Word;

/// Prints a node on one line.
pub fn print(node: &Node) -> String {
    run(node, Writer::new(Vec::new()))
}

/// Prints a node with one element a line.
pub fn print_pretty(node: &Node) -> String {
    run(node, Writer::new_with_indent(Vec::new(), b' ', 2))
}

fn run(node: &Node, mut writer: Writer<Vec<u8>>) -> String {
    write(node, &mut writer);
    String::from_utf8(writer.into_inner()).expect("the writer was given only text")
}

fn write(node: &Node, writer: &mut Writer<Vec<u8>>) {
    let start = start(node);
    match &node.content {
        Content::Children(children) if !children.is_empty() => {
            put(writer, Event::Start(start.borrow()));
            children.iter().for_each(|child| write(child, writer));
            put(writer, Event::End(start.to_end()));
        }
        Content::Bytes(bytes) => match printable(bytes) {
            Some(text) => {
                put(writer, Event::Start(start.borrow()));
                put(writer, Event::Text(BytesText::from_escaped(escape(text))));
                put(writer, Event::End(BytesEnd::new(start.name().as_ref())));
            }
            None => put(writer, Event::Empty(start)),
        },
        Content::None | Content::Children(_) => put(writer, Event::Empty(start)),
    }
}

fn put(writer: &mut Writer<Vec<u8>>, event: Event<'_>) {
    writer.write_event(event).expect("a Vec takes all bytes");
}

/// Line breaks are escaped, so that one line stays one line.
fn escape(text: &str) -> Cow<'_, str> {
    let escaped = partial_escape(text);
    if escaped.contains('\n') { escaped.replace('\n', "&#10;").into() } else { escaped }
}

/// Gives the text of a content that XML can hold.
fn printable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!is_blank(text) && text.chars().all(is_char)).then_some(text)
}

/// The start tag with all attributes, those with the prefix `cp:` last.
fn start(node: &Node) -> BytesStart<'_> {
    let plain_tag = is_plain(&node.tag);
    let mut start = BytesStart::new(if plain_tag { node.tag.as_str() } else { "node" });
    let (mut kinds, mut escaped) = (Vec::new(), Vec::new());
    for (key, value) in &node.attrs {
        let text = value.text();
        if !is_plain(key) || !text.chars().all(is_char) {
            escaped.push(escaped_attr(key, value, &text));
            continue;
        }
        start.push_attribute((key.as_str(), &*text));
        kinds.extend(kind(key, value, &text));
    }
    if !plain_tag {
        start.push_attribute(("cp:tag", &*STANDARD.encode(&*node.tag)));
    }
    if !kinds.is_empty() {
        start.push_attribute(("cp:jid", &*kinds.join(" ")));
    }
    if !escaped.is_empty() {
        start.push_attribute(("cp:attrs", &*escaped.join(" ")));
    }
    if let Some(bytes) = node.body().filter(|bytes| printable(bytes).is_none()) {
        start.push_attribute(("cp:b64", &*STANDARD.encode(bytes)));
    }
    start
}

fn is_plain(name: &str) -> bool {
    is_name(name) && !name.starts_with(PREFIX)
}

fn escaped_attr(key: &Word, value: &AttrValue, text: &str) -> String {
    let suffix = if matches!(value, AttrValue::Jid(_)) { ":jid" } else { "" };
    format!("{}:{}{suffix}", STANDARD.encode(&**key), STANDARD.encode(text))
}

/// Says of which kind a value is, if its text would be taken for the other kind.
fn kind(key: &Word, value: &AttrValue, text: &str) -> Option<String> {
    let recognised = Jid::recognise(text).is_some();
    match value {
        AttrValue::Jid(_) if !recognised => Some(format!("{key}=jid")),
        AttrValue::Text(_) if recognised => Some(format!("{key}=text")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::arbitrary;
    use crate::wire::xml::parse;

    #[test]
    fn an_ordinary_stanza_reads_like_one() {
        let node = Node::new("message")
            .attr("to", Jid::interop(12, "105"))
            .attr("type", "text")
            .child(Node::new("enc").attr("v", "2").bytes([0x33, 8, 1]))
            .child(Node::new("body").bytes("a < b\n"))
            .child(Node::new("meta"));
        assert_eq!(
            print(&node),
            "<message to=\"12-105@interop\" type=\"text\"><enc v=\"2\" cp:b64=\"MwgB\"/>\
             <body>a &lt; b&#10;</body><meta/></message>"
        );
        insta::assert_snapshot!(print_pretty(&node), @r#"
        <message to="12-105@interop" type="text">
          <enc v="2" cp:b64="MwgB"/>
          <body>a &lt; b&#10;</body>
          <meta/>
        </message>
        "#);
    }

    #[test]
    fn only_ambiguous_kinds_are_named() {
        let node = Node::new("a")
            .attr("to", Jid::server())
            .attr("from", "1@lid")
            .attr("by", Jid::new("", "x"))
            .attr("n", "@ann");
        assert_eq!(
            print(&node),
            r#"<a to="s.whatsapp.net" from="1@lid" by="x" n="@ann" cp:jid="from=text by=jid"/>"#
        );
    }

    #[test]
    fn what_xml_lacks_is_escaped() {
        let node =
            Node::new("0").attr("cp:b64", "x").attr("k", "\0").attr("l", "\t\r\"").bytes(" ");
        assert_eq!(
            print(&node),
            "<node l=\"&#9;&#13;&quot;\" cp:tag=\"MA==\" cp:attrs=\"Y3A6YjY0:eA== aw==:AA==\" \
             cp:b64=\"IA==\"/>"
        );
    }

    proptest! {
        #[test]
        fn every_node_comes_back_with_the_kinds_of_its_attributes(node in arbitrary::node()) {
            for text in [print(&node), print_pretty(&node)] {
                let again = parse(&text).unwrap();
                prop_assert_eq!(&again, &node, "{}", text);
                prop_assert_eq!(kinds(&again), kinds(&node), "{}", text);
                prop_assert_eq!(texts(&again), texts(&node), "{}", text);
            }
            prop_assert!(!print(&node).contains('\n'));
        }

        #[test]
        fn any_text_is_parsed_or_refused_inside_of_it(
            text in "([<>/&;!?'\"= ]|[a-c]|&lt;|<a|</a>|b='c'|cp:b64|cp:jid|\\[CDATA\\[|\\PC){0,30}",
        ) {
            if let Err(error) = parse(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }

    /// Keys of addresses, node by node.
    fn kinds(node: &Node) -> Vec<(&str, bool)> {
        let mut own: Vec<_> = node
            .attrs
            .iter()
            .map(|(key, value)| (key.as_str(), matches!(value, AttrValue::Jid(_))))
            .collect();
        own.sort_unstable();
        own.into_iter().chain(node.kids().iter().flat_map(kinds)).collect()
    }

    /// Tags and the exact text of attributes that are no addresses, and contents, node by node:
    /// equality by meaning would take `1:0@lid` for `1@lid`.
    fn texts(node: &Node) -> Vec<String> {
        let attrs = node.attrs.iter().filter_map(|(key, value)| match value {
            AttrValue::Text(text) => Some(format!("{key:?}={text:?}")),
            AttrValue::Jid(_) => None,
        });
        let mut own: Vec<_> = attrs.collect();
        own.sort_unstable();
        own.push(format!("{:?} {:?}", node.tag, node.body()));
        own.into_iter().chain(node.kids().iter().flat_map(texts)).collect()
    }
}
