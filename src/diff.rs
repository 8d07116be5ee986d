//! What was expected beside what came, line by line.
//!
//! Main type: [`Diff`]. Whoever compares makes one, a finding carries it, every report renders it;
//! it knows nothing of stanzas. A line is made of pieces (a tag, an attribute), because a reader
//! looks for the one attribute that differs and because lines break between pieces, never inside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The lines of a comparison, from the outside to the inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Diff {
    pub lines: Vec<Line>,
}

/// One line of one side, or of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    pub side: Side,
    /// How deep it is nested, from 0.
    pub depth: usize,
    pub pieces: Vec<Piece>,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What came is what was expected, or does not matter.
    Both,
    Expected,
    Actual,
}

/// A part of a line that is not broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    pub text: String,
    /// It is part of the difference.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub differs: bool,
}

impl Piece {
    /// A piece that is the same on both sides, or does not matter.
    pub fn same(text: impl Into<String>) -> Self {
        Self { text: text.into(), differs: false }
    }

    /// Follows the piece before it without a gap: the end of a tag.
    pub fn is_glued(&self) -> bool {
        self.text.starts_with(['>', '/'])
    }

    /// A piece that the other side lacks or has otherwise.
    pub fn other(text: impl Into<String>) -> Self {
        Self { text: text.into(), differs: true }
    }
}

impl Line {
    pub fn new(side: Side, depth: usize, pieces: Vec<Piece>) -> Self {
        Self { side, depth, pieces }
    }

    /// The pieces as one text.
    pub fn text(&self) -> String {
        self.pieces.iter().fold(String::new(), |text, piece| {
            let gap = if text.is_empty() || piece.is_glued() { "" } else { " " };
            text + gap + &piece.text
        })
    }
}

impl Side {
    /// The sign before a line, as in a patch.
    pub fn sign(self) -> char {
        match self {
            Self::Both => ' ',
            Self::Expected => '-',
            Self::Actual => '+',
        }
    }
}

impl Diff {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The whole as a patch in plain text, two columns of indent a level.
    pub fn plain(&self) -> String {
        let line = |line: &Line| {
            let indent = "  ".repeat(line.depth);
            format!("{} {indent}{}", line.side.sign(), line.text())
        };
        self.lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
