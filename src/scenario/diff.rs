//! A stanza beside a pattern, element by element and attribute by attribute, for people.
//!
//! Main functions: [`Pattern::diff`] and [`Pattern::expected`]. What fits stands once; where an
//! element's head does not fit, it stands twice, with the attributes marked that make the
//! difference. Whether a stanza fits is decided in `compare` alone.

use super::compare::{compare, compare_absent, compare_attr};
use super::pattern::{Body, Part, Pattern};
use super::question::resolved;
use super::template::{Scope, Template, show};
use crate::diff::{Diff, Line, Piece, Side};
use crate::limits::DIFF_LINES_MAX;
use crate::wire::{Content, Node};

/// Longest value that is shown whole: longer ones are ciphertext or tokens.
const VALUE_CHARS_MAX: usize = 64;
/// Children that are named where they do not matter.
const OTHERS_MAX: usize = 6;

impl Pattern {
    /// Compares a stanza with the pattern and shows all of it.
    pub fn diff(&self, node: &Node, scope: &dyn Scope) -> Diff {
        let mut writer = Writer { scope, lines: Vec::new() };
        writer.element(&resolved(&self.root, scope), node, 0);
        writer.finish()
    }

    /// Shows what the pattern asks for, where nothing came.
    pub fn expected(&self, scope: &dyn Scope) -> Diff {
        let mut writer = Writer { scope, lines: Vec::new() };
        writer.expected(&resolved(&self.root, scope), 0);
        writer.finish()
    }
}

/// Shows a stanza that should not have come.
pub fn unexpected(node: &Node) -> Diff {
    let mut writer = Writer { scope: &Nothing, lines: Vec::new() };
    writer.actual(node, 0);
    writer.finish()
}

struct Nothing;

impl Scope for Nothing {
    fn lookup(&self, _: &str) -> Option<String> {
        None
    }
}

struct Writer<'a> {
    scope: &'a dyn Scope,
    lines: Vec<Line>,
}

impl Writer<'_> {
    fn finish(mut self) -> Diff {
        if self.lines.len() > DIFF_LINES_MAX {
            let more = format!("… {} more lines", self.lines.len() - DIFF_LINES_MAX);
            self.lines.truncate(DIFF_LINES_MAX);
            self.lines.push(Line::new(Side::Both, 0, vec![Piece::same(more)]));
        }
        Diff { lines: self.lines }
    }

    fn push(&mut self, side: Side, depth: usize, pieces: Vec<Piece>) {
        // A hostile stanza may have more nodes than anybody reads; those beyond are only counted.
        let pieces = if self.lines.len() > DIFF_LINES_MAX { Vec::new() } else { pieces };
        self.lines.push(Line::new(side, depth, pieces));
    }

    fn element(&mut self, part: &Part, node: &Node, depth: usize) {
        if node.tag != *part.tag {
            self.expected(part, depth);
            self.actual(node, depth);
            return;
        }
        let end = self.end(part, node);
        let fits = self.head_fits(part, node) && !end.differs();
        if fits {
            let pieces = joined(self.actual_head(part, node), end.actual);
            self.push(Side::Both, depth, pieces);
        } else {
            let pieces = joined(self.expected_head(part, Some(node)), end.expected);
            self.push(Side::Expected, depth, pieces);
            let pieces = joined(self.actual_head(part, node), end.actual);
            self.push(Side::Actual, depth, pieces);
        }
        if let Body::Parts(parts) = &part.content {
            self.children(part.exact, parts, node, depth + 1);
            self.push(Side::Both, depth, vec![Piece::same(format!("</{}>", part.tag))]);
        }
    }

    fn head_fits(&self, part: &Part, node: &Node) -> bool {
        let attrs = part.attrs.iter().all(|attr| compare_attr(attr, node, "", self.scope).is_ok());
        let absent = part.absent.iter().all(|name| compare_absent(name, node, "").is_ok());
        let named = |key: &str| part.attrs.iter().any(|attr| attr.name == key);
        let extra = part.exact && node.attrs.iter().any(|(key, _)| !named(key));
        attrs && absent && !extra
    }

    /// The tag and the attributes of the pattern; those marked that the node has otherwise.
    fn expected_head(&self, part: &Part, node: Option<&Node>) -> Vec<Piece> {
        let mut pieces = vec![Piece { text: format!("<{}", part.tag), differs: node.is_none() }];
        for attr in &part.attrs {
            let fits = node.is_some_and(|node| compare_attr(attr, node, "", self.scope).is_ok());
            let text = format!("{}=\"{}\"", attr.name, bare(&attr.value, self.scope));
            pieces.push(Piece { text, differs: !fits });
        }
        let present = |name: &&String| node.is_some_and(|node| node.value(name).is_some());
        for name in part.absent.iter().filter(present) {
            pieces.push(Piece::other(format!("(no {name})")));
        }
        pieces
    }

    /// The tag and the attributes of the node; those marked that the pattern has otherwise.
    fn actual_head(&self, part: &Part, node: &Node) -> Vec<Piece> {
        let mut pieces = vec![Piece::same(format!("<{}", &*node.tag))];
        for (key, value) in &node.attrs {
            let wanted = part.attrs.iter().find(|attr| attr.name == **key);
            let differs = match wanted {
                Some(attr) => compare_attr(attr, node, "", self.scope).is_err(),
                None => part.exact || part.absent.iter().any(|name| **name == **key),
            };
            pieces.push(Piece { text: attribute(key, &value.text()), differs });
        }
        pieces
    }

    fn end(&self, part: &Part, node: &Node) -> End {
        let tag = &part.tag;
        let actual = elided(node);
        match &part.content {
            Body::Parts(_) => End { expected: Piece::same(">"), actual: Piece::same(">") },
            Body::Unnamed if part.exact && node.content != Content::None => {
                End { expected: Piece::other("/>"), actual: Piece::other(actual) }
            }
            Body::Unnamed => End { expected: Piece::same("/>"), actual: Piece::same(actual) },
            Body::Text(template) => {
                let body = match &node.content {
                    Content::Bytes(bytes) => Some(bytes.as_slice()),
                    Content::None => Some(&[][..]),
                    Content::Children(_) => None,
                };
                let fits = body.is_some_and(|b| template.fits(b, self.scope).unwrap_or(false));
                let expected = format!(">{}</{tag}>", bare(template, self.scope));
                let text = |text| Piece { text, differs: !fits };
                End { expected: text(expected), actual: text(actual) }
            }
            Body::Bytes(bytes) => {
                let fits = node.body() == Some(bytes);
                let expected = format!(">{}</{tag}>", cut(&show(bytes)));
                let text = |text| Piece { text, differs: !fits };
                End { expected: text(expected), actual: text(actual) }
            }
        }
    }

    fn children(&mut self, exact: bool, parts: &[Part], node: &Node, depth: usize) {
        let kids = node.kids();
        let mut free: Vec<bool> = vec![true; kids.len()];
        let pairs: Vec<Option<usize>> =
            parts.iter().map(|part| self.partner(part, kids, &mut free)).collect();
        for (part, partner) in parts.iter().zip(pairs) {
            match partner {
                Some(at) => self.element(part, &kids[at], depth),
                None => self.expected(part, depth),
            }
        }
        let left = || kids.iter().zip(&free).filter(|(_, free)| **free).map(|(kid, _)| kid);
        if exact {
            left().for_each(|kid| self.actual(kid, depth));
        } else if left().next().is_some() {
            let named: Vec<String> =
                left().take(OTHERS_MAX).map(|kid| format!("<{}>", &*kid.tag)).collect();
            let dots = if left().count() > OTHERS_MAX { " …" } else { "" };
            let text = format!("… also {}{dots}", named.join(" "));
            self.push(Side::Both, depth, vec![Piece::same(text)]);
        }
        if let Content::Bytes(bytes) = &node.content {
            self.push(Side::Actual, depth, vec![Piece::other(cut(&show(bytes)))]);
        }
    }

    /// The free child that fits a part, or comes closest to it.
    fn partner(&self, part: &Part, kids: &[Node], free: &mut [bool]) -> Option<usize> {
        let mut best: Option<(bool, usize, usize)> = None;
        for (at, kid) in kids.iter().enumerate().filter(|(at, _)| free[*at]) {
            if kid.tag != *part.tag {
                continue;
            }
            let comparison = compare(part, kid, "", self.scope);
            let rank = (comparison.fits(), comparison.satisfied);
            if best.is_none_or(|(fits, satisfied, _)| rank > (fits, satisfied)) {
                best = Some((rank.0, rank.1, at));
            }
            if rank.0 {
                break;
            }
        }
        let (_, _, at) = best?;
        free[at] = false;
        Some(at)
    }

    fn expected(&mut self, part: &Part, depth: usize) {
        let mut pieces = self.expected_head(part, None);
        pieces.iter_mut().for_each(|piece| piece.differs = true);
        let end = match &part.content {
            Body::Unnamed => "/>".to_owned(),
            Body::Parts(_) => ">".to_owned(),
            Body::Text(template) => format!(">{}</{}>", bare(template, self.scope), part.tag),
            Body::Bytes(bytes) => format!(">{}</{}>", cut(&show(bytes)), part.tag),
        };
        self.push(Side::Expected, depth, joined(pieces, Piece::other(end)));
        if let Body::Parts(parts) = &part.content {
            parts.iter().for_each(|part| self.expected(part, depth + 1));
            self.push(Side::Expected, depth, vec![Piece::other(format!("</{}>", part.tag))]);
        }
    }

    fn actual(&mut self, node: &Node, depth: usize) {
        let head = std::iter::once(format!("<{}", &*node.tag));
        let attrs = node.attrs.iter().map(|(key, value)| attribute(key, &value.text()));
        let pieces = head.chain(attrs).map(Piece::other).collect();
        let kids = node.kids();
        let end = if kids.is_empty() { elided(node) } else { ">".to_owned() };
        self.push(Side::Actual, depth, joined(pieces, Piece::other(end)));
        if !kids.is_empty() {
            kids.iter().for_each(|kid| self.actual(kid, depth + 1));
            self.push(Side::Actual, depth, vec![Piece::other(format!("</{}>", &*node.tag))]);
        }
    }
}

/// How an element's first line ends, on both sides.
struct End {
    expected: Piece,
    actual: Piece,
}

impl End {
    fn differs(&self) -> bool {
        self.expected.differs || self.actual.differs
    }
}

fn joined(mut pieces: Vec<Piece>, end: Piece) -> Vec<Piece> {
    pieces.push(end);
    pieces
}

/// Moments are left out, so that one seed gives one report.
fn attribute(key: &str, text: &str) -> String {
    let text = if key == "t" { "(time)".to_owned() } else { cut(text) };
    format!("{key}=\"{text}\"")
}

/// The end of an element whose content does not matter, or is told in short.
fn elided(node: &Node) -> String {
    match &node.content {
        Content::None => "/>".to_owned(),
        Content::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => {
                format!(">{}</{}>", cut(text), &*node.tag)
            }
            _ => format!(">({} bytes)</{}>", bytes.len(), &*node.tag),
        },
        Content::Children(kids) if kids.is_empty() => "/>".to_owned(),
        Content::Children(_) => format!(">…</{}>", &*node.tag),
    }
}

fn bare(template: &Template, scope: &dyn Scope) -> String {
    let shown = template.shown(scope);
    let text = shown.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
    cut(text.unwrap_or(&shown))
}

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(VALUE_CHARS_MAX / 2).collect();
    format!("{start}… ({} bytes)", text.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire::Jid;

    fn receipt() -> Node {
        let item = |id: &str| Node::new("item").attr("id", id);
        Node::new("receipt")
            .attr("id", "7")
            .attr("to", Jid::interop(12, "105"))
            .attr("t", "1700000000")
            .attr("type", "read")
            .child(Node::new("list").children(["1", "2", "3"].map(item)))
            .child(Node::new("enc").attr("v", "2").bytes([0, 159, 146]))
            .child(Node::new("body").bytes("abc"))
    }

    fn scope() -> BTreeMap<String, String> {
        [("m.id".to_owned(), "7".to_owned())].into()
    }

    #[test]
    fn what_differs_stands_twice_and_what_fits_once() {
        let shown: Vec<String> = [
            "<receipt id='${m.id}'/>",
            "<receipt id='${m.id}' type='retry'/>",
            "<receipt id='${m.id}' participant='${any}'/>",
            "<receipt cp:absent='type'/>",
            "<receipt id='7' cp:exact='true'/>",
            "<receipt><body>abd</body></receipt>",
            "<receipt><enc v='3'/><body>abc</body></receipt>",
            "<receipt><enc cp:b64='AP8='/></receipt>",
            "<receipt><list><item id='2'/><item id='9'/></list></receipt>",
            "<receipt><retry><count>${any}</count></retry></receipt>",
            "<ack id='7' class='message'/>",
        ]
        .iter()
        .map(|text| {
            let pattern = Pattern::parse(text).unwrap();
            let diff = pattern.diff(&receipt(), &scope());
            let fits = pattern.matches(&receipt(), &scope()).is_ok();
            let differs = diff.lines.iter().any(|line| line.side != Side::Both);
            assert_eq!(fits, !differs, "{text}");
            format!("{text}\n{}", diff.plain())
        })
        .collect();
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn one_side_alone_is_shown_too() {
        let pattern =
            Pattern::parse("<iq type='get'><key><user jid='${any}'/></key></iq>").unwrap();
        let (expected, unexpected) = (pattern.expected(&scope()), unexpected(&receipt()));
        insta::assert_snapshot!(format!("{}\n\n{}", expected.plain(), unexpected.plain()));
        assert!(expected.lines.iter().all(|line| line.side == Side::Expected));
    }

    #[test]
    fn the_attribute_that_differs_is_marked() {
        let pattern = Pattern::parse("<receipt id='7' type='retry'/>").unwrap();
        let diff = pattern.diff(&receipt(), &scope());
        let marked = |side| {
            let line = diff.lines.iter().find(|line| line.side == side).unwrap();
            let marked = line.pieces.iter().filter(|piece| piece.differs);
            marked.map(|piece| piece.text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(marked(Side::Expected), ["type=\"retry\""]);
        assert_eq!(marked(Side::Actual), ["type=\"read\""]);
    }

    #[test]
    fn a_hostile_stanza_makes_no_long_diff() {
        let kids = (0..30_000).map(|n| Node::new("item").attr("id", "x".repeat(n % 99)));
        let diff = unexpected(&Node::new("list").children(kids));
        assert_eq!(diff.lines.len(), DIFF_LINES_MAX + 1);
        assert!(diff.plain().len() < 200 * DIFF_LINES_MAX);
    }
}
