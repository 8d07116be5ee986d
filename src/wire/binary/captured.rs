//! A decoded stanza together with how and where each of its values was written.
//!
//! Main type: [`Captured`]. `encode_as` gives the inflated bytes back exactly, and a changed node
//! keeps the forms that still fit, which is how a fuzzer edits a stanza without normalising it.
//! Spans are derived from the starts of the values when a report asks for them; decoding pays
//! nothing for them.

use std::iter::Peekable;
use std::ops::Range;
use std::slice;

use super::encode::encode_as;
use super::form::{Forms, Piece};
use super::variant::{self, Variant};
use crate::wire::error::WireError;
use crate::wire::node::{Content, Node};

/// A stanza and its encoding.
#[derive(Clone, Debug)]
pub struct Captured {
    pub node: Node,
    pub forms: Forms,
}

/// Where the elements of a node stand, in bytes of the inflated stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpan {
    /// The node with all that it holds.
    pub whole: Range<usize>,
    pub tag: Range<usize>,
    /// Key and value of each attribute.
    pub attrs: Vec<(Range<usize>, Range<usize>)>,
    /// The content with its header.
    pub content: Option<Range<usize>>,
    pub children: Vec<NodeSpan>,
}

impl Captured {
    /// Encodes the node in the forms in which it was written.
    ///
    /// An unchanged node gives exactly the bytes that were decoded. In a changed one, forms that
    /// do not fit the new values give way to those that open clients choose.
    ///
    /// # Errors
    /// None for an unchanged node; else as [`super::encode`].
    pub fn encode_as(&self) -> Result<Vec<u8>, WireError> {
        encode_as(&self.node, &self.forms)
    }

    /// Names the legal and observed variants that the stanza shows, each once (`wire.md` §3, §10.1).
    ///
    /// Costs as much as encoding the stanza.
    pub fn variants(&self) -> Vec<Variant> {
        let found = variant::audit(&self.node, &self.forms);
        let mut variants: Vec<_> = found.into_iter().map(|found| found.variant).collect();
        variants.sort_unstable();
        variants.dedup();
        variants
    }

    /// Locates the elements of the node; nothing if the node was changed in shape.
    pub fn spans(&self) -> Option<NodeSpan> {
        let mut walk = Walk { pieces: self.forms.pieces.iter().peekable(), len: self.forms.len };
        let span = walk.node(&self.node)?;
        walk.pieces.next().is_none().then_some(span)
    }
}

/// Goes through the values in step with the node that they make up.
struct Walk<'a> {
    pieces: Peekable<slice::Iter<'a, Piece>>,
    len: usize,
}

impl Walk<'_> {
    /// Where the next value starts, which is where the one before it ends.
    fn at(&mut self) -> usize {
        self.pieces.peek().map_or(self.len, |piece| piece.start as usize)
    }

    fn node(&mut self, node: &Node) -> Option<NodeSpan> {
        let start = self.at();
        self.pieces.next()?;
        let tag = self.value()?;
        let attr = |_: &_| Some((self.value()?, self.value()?));
        let attrs = node.attrs.iter().map(attr).collect::<Option<_>>()?;
        let first = self.at();
        let children = self.content(&node.content)?;
        let last = self.at();
        let content = (!matches!(node.content, Content::None)).then_some(first..last);
        Some(NodeSpan { whole: start..last, tag, attrs, content, children })
    }

    fn content(&mut self, content: &Content) -> Option<Vec<NodeSpan>> {
        match content {
            Content::None => Some(Vec::new()),
            Content::Bytes(_) => self.value().map(|_| Vec::new()),
            Content::Children(children) => {
                self.pieces.next()?;
                children.iter().map(|child| self.node(child)).collect()
            }
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at();
        let parts = self.pieces.next()?.form.jid_parts();
        for _ in 0..parts {
            self.pieces.next()?;
        }
        Some(start..self.at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::binary::decode;

    /// `<iq to="12-105@interop" id="7"><a>xy</a><b/></iq>`, its address with server.
    const IQ: &str =
        "f80619 11 f5ff82105f0000000cfc07696e7465726f70 08 35 f802 f802fc0161fc027879 f801fc0162";

    fn iq() -> Captured {
        decode(&hex::decode(IQ.replace(' ', "")).unwrap()).unwrap()
    }

    #[test]
    fn spans_locate_every_element() {
        let span = iq().spans().unwrap();
        assert_eq!((span.whole, span.tag), (0..40, 2..3));
        assert_eq!(span.attrs, [(3..4, 4..22), (22..23, 23..24)]);
        assert_eq!(span.content, Some(24..40));
        let [a, b] = &span.children[..] else { panic!("two children") };
        assert_eq!((&a.whole, &a.tag, &a.content), (&(26..35), &(28..31), &Some(31..35)));
        assert_eq!((&b.whole, &b.tag, &b.content), (&(35..40), &(37..40), &None));
    }

    #[test]
    fn a_node_of_another_shape_has_no_spans() {
        let mut captured = iq();
        captured.node.attrs.pop();
        assert_eq!(captured.spans(), None);
    }

    #[test]
    fn a_changed_value_keeps_the_forms_of_the_others() {
        let mut captured = iq();
        captured.node.attrs[1].1 = "12".into();
        captured.node.attrs[0].1 = "12-105@interop".into();
        let old = "f5ff82105f0000000cfc07696e7465726f70 08 35";
        let expected = IQ.replace(old, "fc0e31322d31303540696e7465726f70 08 cf");
        assert_eq!(hex::encode(captured.encode_as().unwrap()), expected.replace(' ', ""));
    }
}
