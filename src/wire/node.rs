//! The stanza tree that everything above the wire works on.
//!
//! Main type: [`Node`]. It knows neither bytes nor XML; `binary` and `xml` make and write it.
//! Nodes compare by meaning (`interfaces.md` §9): the order of attributes does not count, an
//! attribute is equal by its text form whether it travelled as a text or as an address, and an
//! empty list of children is no content. So one expectation fits every encoding.

use std::borrow::Cow;
use std::fmt;

use super::jid::{Jid, canonical_text};
use super::word::Word;

/// An element: tag, attributes, content.
#[derive(Clone, Debug, Default, Eq)]
pub struct Node {
    pub tag: Word,
    /// In the order of the wire; keys are unique in what was decoded.
    pub attrs: Vec<(Word, AttrValue)>,
    pub content: Content,
}

/// The value of an attribute.
#[derive(Clone, Debug, Eq)]
pub enum AttrValue {
    /// Stays a text on the wire, even if it looks like an address.
    Text(Word),
    /// Is encoded as an address.
    Jid(Jid),
}

/// What a node holds.
#[derive(Clone, Debug, Default, Eq)]
pub enum Content {
    #[default]
    None,
    Children(Vec<Node>),
    /// Raw bytes, or the UTF-8 text of a string or of an address.
    Bytes(Vec<u8>),
}

impl Node {
    /// Makes a node without attributes and content.
    pub fn new(tag: impl Into<Word>) -> Self {
        Self { tag: tag.into(), attrs: Vec::new(), content: Content::None }
    }

    /// Adds an attribute. Keys are not checked for uniqueness.
    pub fn attr(mut self, key: impl Into<Word>, value: impl Into<AttrValue>) -> Self {
        self.attrs.push((key.into(), value.into()));
        self
    }

    /// Adds an attribute if there is a value for it.
    pub fn maybe_attr(self, key: impl Into<Word>, value: Option<impl Into<AttrValue>>) -> Self {
        match value {
            Some(value) => self.attr(key, value),
            None => self,
        }
    }

    /// Adds a child; bytes that the node held are dropped.
    pub fn child(self, child: Node) -> Self {
        self.children([child])
    }

    /// Adds children; bytes that the node held are dropped.
    pub fn children(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        match &mut self.content {
            Content::Children(present) => present.extend(children),
            content => *content = Content::Children(children.into_iter().collect()),
        }
        self
    }

    /// Sets the content to bytes.
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// Reads an attribute.
    pub fn value(&self, key: &str) -> Option<&AttrValue> {
        self.attrs.iter().find(|(present, _)| *present == key).map(|(_, value)| value)
    }

    /// Reads an attribute as text; an address gives its text form.
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.value(key).map(AttrValue::text)
    }

    /// Reads an attribute as address; a text that is no address gives nothing.
    pub fn jid(&self, key: &str) -> Option<Jid> {
        match self.value(key)? {
            AttrValue::Jid(jid) => Some(jid.clone()),
            AttrValue::Text(text) => text.parse().ok(),
        }
    }

    /// Finds the first child with a tag.
    pub fn find(&self, tag: &str) -> Option<&Node> {
        self.kids().iter().find(|child| child.tag == tag)
    }

    /// Gives the children, none if the content is something else.
    pub fn kids(&self) -> &[Node] {
        match &self.content {
            Content::Children(children) => children,
            Content::None | Content::Bytes(_) => &[],
        }
    }

    /// Gives the content if it is bytes.
    pub fn body(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::None | Content::Children(_) => None,
        }
    }
}

impl AttrValue {
    /// Gives the text form.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Jid(jid) => Cow::Owned(jid.to_string()),
        }
    }

    /// Makes an address of a text that is unmistakably one, and a text of all others.
    pub fn recognise(text: &str) -> Self {
        Jid::recognise(text).map_or_else(|| Self::Text(text.into()), Self::Jid)
    }

    fn canonical(text: &str) -> impl Iterator<Item = u8> {
        let (user, server) = canonical_text(text);
        user.bytes().chain(server.bytes())
    }
}

impl PartialEq for AttrValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Jid(left), Self::Jid(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => {
                left == right || Self::canonical(left).eq(Self::canonical(right))
            }
            (Self::Jid(jid), Self::Text(text)) | (Self::Text(text), Self::Jid(jid)) => {
                jid.canonical().eq(Self::canonical(text))
            }
        }
    }
}

impl fmt::Display for AttrValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Jid(jid) => jid.fmt(f),
        }
    }
}

impl From<&str> for AttrValue {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for AttrValue {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for AttrValue {
    fn from(text: &String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Cow<'_, str>> for AttrValue {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Word> for AttrValue {
    fn from(text: Word) -> Self {
        Self::Text(text)
    }
}

impl From<Jid> for AttrValue {
    fn from(jid: Jid) -> Self {
        Self::Jid(jid)
    }
}

impl From<&Jid> for AttrValue {
    fn from(jid: &Jid) -> Self {
        Self::Jid(jid.clone())
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::Children(left), Self::Children(right)) => left == right,
            (Self::None, Self::None) => true,
            (Self::None, Self::Children(children)) | (Self::Children(children), Self::None) => {
                children.is_empty()
            }
            (Self::Bytes(_), _) | (_, Self::Bytes(_)) => false,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag && same(&self.attrs, &other.attrs) && self.content == other.content
    }
}

/// Compares attributes regardless of their order.
fn same(left: &[(Word, AttrValue)], right: &[(Word, AttrValue)]) -> bool {
    left.len() == right.len() && (left == right || sorted(left) == sorted(right))
}

/// Sorted by key, so that hostile numbers of attributes cost no quadratic time.
fn sorted(attrs: &[(Word, AttrValue)]) -> Vec<&(Word, AttrValue)> {
    let mut sorted: Vec<_> = attrs.iter().collect();
    sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_give_back_what_builders_took() {
        let jid = Jid::interop(12, "105");
        let node = Node::new("message")
            .attr("id", "7")
            .attr("to", &jid)
            .maybe_attr("type", None::<&str>)
            .child(Node::new("enc").bytes([1, 2]))
            .children([Node::new("meta")]);
        assert_eq!(node.text("id").as_deref(), Some("7"));
        assert_eq!(node.text("to").as_deref(), Some("12-105@interop"));
        assert_eq!(node.jid("to"), Some(jid));
        assert_eq!((node.jid("id"), node.text("type")), (None, None));
        assert_eq!(node.kids().len(), 2);
        assert_eq!(node.find("enc").and_then(Node::body), Some(&[1, 2][..]));
        assert_eq!(node.find("enc").unwrap().kids(), []);
        assert_eq!(node.body(), None);
    }

    #[test]
    fn attributes_are_equal_by_text_form() {
        let with = |value: AttrValue| Node::new("iq").attr("to", value);
        let server = with(Jid::server().into());
        assert_eq!(server, with("s.whatsapp.net".into()));
        assert_eq!(with(Jid::interop(12, "105").into()), with("12-105:0@interop".into()));
        assert_eq!(with("12-105@interop".into()), with("12-105:0@interop".into()));
        assert_ne!(with("a:0@x".into()), with("a@x".into()));
        assert_ne!(server, Node::new("iq"));
        assert_ne!(server, server.clone().attr("id", ""));
    }

    #[test]
    fn the_order_of_attributes_does_not_count_and_that_of_children_does() {
        let (a, b) = (Node::new("a"), Node::new("b"));
        assert_eq!(
            Node::new("x").attr("k", "1").attr("l", "2"),
            Node::new("x").attr("l", "2").attr("k", "1")
        );
        assert_ne!(
            Node::new("x").attr("k", "1").attr("l", "2"),
            Node::new("x").attr("l", "1").attr("k", "2")
        );
        assert_ne!(
            Node::new("x").children([a.clone(), b.clone()]),
            Node::new("x").children([b, a])
        );
    }

    #[test]
    fn no_children_are_no_content_but_no_bytes_are() {
        assert_eq!(Node::new("a"), Node::new("a").children([]));
        assert_ne!(Node::new("a"), Node::new("a").bytes([]));
    }
}
