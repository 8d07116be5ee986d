//! A stanza as a person reads it: one element a line, long bytes as their length and beginning.
//!
//! Main function: [`lines`]. The transcript keeps the lossless form; here brevity counts, so runs
//! of like children are cut and bytes are shown in hex.

use super::paint::{Ink, Line, shortened};
use crate::wire::{Content, Node};

/// Characters of an attribute or of a text that are shown.
const TEXT_CHARS: usize = 120;
/// Bytes that are shown of what is no text.
const BYTES_SHOWN: usize = 16;
/// Children of one name that are shown of a run.
const RUN_SHOWN: usize = 3;
/// Levels that are shown.
const DEPTH_SHOWN: usize = 12;

/// Shows a stanza.
pub fn lines(node: &Node, indent: usize) -> Vec<Line> {
    let mut out = Vec::new();
    element(&mut out, node, indent, 0);
    out
}

fn element(out: &mut Vec<Line>, node: &Node, indent: usize, depth: usize) {
    let start = start(node, indent);
    match &node.content {
        Content::None => out.push(start.with(Ink::Name, "/>")),
        Content::Bytes(bytes) => {
            let start = bytes_of(start.with(Ink::Name, ">"), bytes);
            out.push(start.with(Ink::Name, format!("</{}>", tag(node))));
        }
        Content::Children(children) if depth + 1 < DEPTH_SHOWN && !children.is_empty() => {
            out.push(start.with(Ink::Name, ">"));
            kids(out, children, indent + 2, depth + 1);
            let end = Line::new(indent, indent).with(Ink::Name, format!("</{}>", tag(node)));
            out.push(end);
        }
        Content::Children(children) if children.is_empty() => out.push(start.with(Ink::Name, "/>")),
        Content::Children(children) => {
            let hidden = format!("… {} more children", children.len());
            let start = start.with(Ink::Name, ">").with(Ink::Faint, hidden);
            out.push(start.with(Ink::Name, format!("</{}>", tag(node))));
        }
    }
}

fn kids(out: &mut Vec<Line>, children: &[Node], indent: usize, depth: usize) {
    for run in children.chunk_by(|a, b| a.tag == b.tag) {
        let shown = if run.len() > RUN_SHOWN + 1 { RUN_SHOWN } else { run.len() };
        run[..shown].iter().for_each(|child| element(out, child, indent, depth));
        if shown < run.len() {
            let text = format!("… {} more <{}>", run.len() - shown, tag(&run[0]));
            out.push(Line::new(indent, indent).with(Ink::Faint, text));
        }
    }
}

fn start(node: &Node, indent: usize) -> Line {
    let mut line = Line::new(indent, indent + 4).with(Ink::Name, format!("<{}", tag(node)));
    for (key, value) in &node.attrs {
        let value = shortened(&value.text(), TEXT_CHARS).replace('"', "&quot;");
        line = line.text(" ").text(shortened(key, TEXT_CHARS));
        line = line.with(Ink::Faint, "=").text(format!("\"{value}\""));
    }
    line
}

fn tag(node: &Node) -> String {
    shortened(&node.tag, TEXT_CHARS)
}

fn bytes_of(line: Line, bytes: &[u8]) -> Line {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(|c| !c.is_control() || c == '\n') => {
            line.text(shortened(text, TEXT_CHARS))
        }
        _ => line.with(Ink::Faint, bytes_in_words(bytes)),
    }
}

/// How many bytes, and how they begin.
pub fn bytes_in_words(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(BYTES_SHOWN)];
    let more = if shown.len() < bytes.len() { "…" } else { "" };
    match bytes.len() {
        0 => "0 bytes".to_owned(),
        1 => format!("1 byte {}", hex::encode(shown)),
        n => format!("{n} bytes {}{more}", hex::encode(shown)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::paint::Paper;
    use super::*;
    use crate::wire::Jid;

    const PAPER: Paper = Paper { colour: false, width: 80 };

    #[test]
    fn a_stanza_is_cut_to_what_a_person_reads() {
        let key = |id: u8| Node::new("key").child(Node::new("id").bytes([0, 0, id]));
        let node = Node::new("iq")
            .attr("to", Jid::server())
            .attr("id", "1")
            .attr("note", "said \"so\", and at such length that the line must be broken somewhere")
            .child(Node::new("registration").bytes([0, 0, 9, 200]))
            .child(Node::new("text").bytes("plain ✓"))
            .child(Node::new("list").children((0..50).map(key)))
            .child(Node::new("empty"));
        insta::assert_snapshot!(PAPER.write(&lines(&node, 4)), @r#"
        <iq to="s.whatsapp.net" id="1" note="said &quot;so&quot;, and at such length
            that the line must be broken somewhere">
          <registration>4 bytes 000009c8</registration>
          <text>plain ✓</text>
          <list>
            <key>
              <id>3 bytes 000000</id>
            </key>
            <key>
              <id>3 bytes 000001</id>
            </key>
            <key>
              <id>3 bytes 000002</id>
            </key>
            … 47 more <key>
          </list>
          <empty/>
        </iq>
        "#);
    }

    /// Trees of any shape and depth.
    fn any_node() -> impl Strategy<Value = Node> {
        let leaf = (".{0,8}", ".{0,200}", any::<Vec<u8>>()).prop_map(|(tag, value, bytes)| {
            Node::new(tag.as_str()).attr("a", value.as_str()).bytes(bytes)
        });
        leaf.prop_recursive(20, 60, 6, |inner| {
            let kids = proptest::collection::vec(inner, 0..6);
            (".{0,8}", kids).prop_map(|(tag, kids)| Node::new(tag.as_str()).children(kids))
        })
    }

    proptest! {
        #[test]
        fn every_stanza_has_a_short_form(node in any_node()) {
            let written = PAPER.write(&lines(&node, 4));
            prop_assert!(!written.is_empty() && !written.contains('\x1b'));
            prop_assert!(written.lines().all(|line| line.chars().count() <= PAPER.width));
        }
    }
}
