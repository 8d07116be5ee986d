//! A comparison as an engineer reads it: `-` is expected, `+` is what came.
//!
//! Main function: [`show`]. What fits is dim; what differs is bold, or has `^` below it where there
//! are no colours. Lines break between attributes, never inside one.

use super::text::{Ink, Page, clean};
use crate::diff::{Diff, Line, Piece, Side};

const INDENT: usize = 6;

/// Prints a comparison with a heading that says which side is which.
pub(super) fn show(page: &mut Page, diff: &Diff) {
    let has = |side| diff.lines.iter().any(|line| line.side == side);
    let heading = match (has(Side::Expected), has(Side::Actual)) {
        (true, true) => "expected (-) and what came instead (+):",
        (true, false) if has(Side::Both) => "expected (-) is missing here:",
        (true, false) => "expected (-), and nothing of this kind came:",
        (false, _) => "this came (+) and must not come:",
    };
    page.fill(4, heading);
    diff.lines.iter().for_each(|line| show_line(page, line));
}

fn show_line(page: &mut Page, line: &Line) {
    let depth = 2 * line.depth.min(8);
    let width = page.width().saturating_sub(INDENT + 2 + depth).max(20);
    for (n, row) in rows(line, width).iter().enumerate() {
        let sign = if n == 0 { line.side.sign() } else { ' ' };
        let hang = if n == 0 { 0 } else { 4 };
        let head = format!("{}{sign} {}", " ".repeat(INDENT), " ".repeat(depth + hang));
        let shown: Vec<String> = row.iter().map(|piece| dyed(page, line.side, piece)).collect();
        page.line(head.clone() + &glued(row, &shown));
        if let Some(marks) = marks(row).filter(|_| !page.has_colour()) {
            page.line(" ".repeat(head.chars().count()) + &marks);
        }
    }
}

fn dyed(page: &Page, side: Side, piece: &Piece) -> String {
    let ink = match side {
        Side::Both => Ink::Dim,
        _ if !piece.differs => Ink::Dim,
        Side::Expected => Ink::Good,
        Side::Actual => Ink::Bad,
    };
    page.ink(ink, &piece.text)
}

/// The pieces of a line in rows that fit; one that is too long stands in rows of its own.
fn rows(line: &Line, width: usize) -> Vec<Vec<Piece>> {
    let mut rows: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut used = 0;
    for piece in line.pieces.iter().flat_map(|piece| split(piece, width - 4)) {
        let room = if rows.len() == 1 { width } else { width - 4 };
        let len = piece.text.chars().count() + usize::from(!piece.is_glued());
        if used > 0 && used + len > room && !piece.is_glued() {
            rows.push(Vec::new());
            used = 0;
        }
        used += len;
        rows.last_mut().expect("there is one from the start").push(piece);
    }
    rows
}

fn split(piece: &Piece, width: usize) -> Vec<Piece> {
    let text = clean(&piece.text);
    if text.chars().count() <= width {
        return vec![Piece { text, differs: piece.differs }];
    }
    let options =
        textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation);
    let parts = textwrap::wrap(&text, options);
    parts.iter().map(|part| Piece { text: part.to_string(), differs: piece.differs }).collect()
}

/// Pieces joined as they are written; `shown` is what stands for each.
fn glued(row: &[Piece], shown: &[String]) -> String {
    let mut text = String::new();
    for (piece, shown) in row.iter().zip(shown) {
        if !text.is_empty() && !piece.is_glued() {
            text.push(' ');
        }
        text.push_str(shown);
    }
    text
}

/// Signs below what differs, where not all of the row does.
fn marks(row: &[Piece]) -> Option<String> {
    let some = row.iter().any(|piece| piece.differs);
    if !some || row.iter().all(|piece| piece.differs) {
        return None;
    }
    let sign = |piece: &Piece| {
        let sign = if piece.differs { "^" } else { " " };
        sign.repeat(piece.text.chars().count())
    };
    let shown: Vec<String> = row.iter().map(sign).collect();
    Some(glued(row, &shown))
}

#[cfg(test)]
mod tests {
    use super::super::text::Look;
    use super::*;

    fn diff() -> Diff {
        let same = |text: &str| Piece::same(text);
        let other = |text: &str| Piece::other(text);
        let id = "id=\"3EB0AD2346041EC2462173\"";
        let to = "to=\"1-64249329189078@interop\"";
        Diff {
            lines: vec![
                Line::new(Side::Both, 0, vec![same("<iq"), same(id), same(">")]),
                Line::new(
                    Side::Expected,
                    1,
                    vec![same("<receipt"), other("type=\"read\""), same("/>")],
                ),
                Line::new(
                    Side::Actual,
                    1,
                    vec![
                        same("<receipt"),
                        same(id),
                        same(to),
                        other("type=\"played\""),
                        same("/>"),
                    ],
                ),
                Line::new(Side::Both, 0, vec![same("</iq>")]),
            ],
        }
    }

    fn shown(columns: usize, colour: bool) -> String {
        let mut page = Page::new(Look { columns, colour });
        show(&mut page, &diff());
        page.finish()
    }

    #[test]
    fn lines_break_between_attributes_and_what_differs_is_marked() {
        insta::assert_snapshot!(shown(80, false));
        assert!(shown(80, false).lines().all(|line| line.chars().count() < 80));
    }

    #[test]
    fn colours_stand_for_the_marks() {
        let text = shown(80, true);
        assert!(!text.contains('^'));
        assert!(text.contains("\x1b[31mtype=\"played\"\x1b[0m"), "{text:?}");
    }
}
