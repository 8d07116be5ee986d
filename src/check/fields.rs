//! Observed fields beside the expected ones, for people.

use crate::diff::{Diff, Line, Piece, Side};
use crate::scenario::{Scope, Template};

/// Longest text that is shown whole.
const TEXT_CHARS_MAX: usize = 200;
/// Longest word that is shown whole: longer ones are keys and digests.
const WORD_CHARS_MAX: usize = 48;

/// Shows what was observed, field by field; those that are not named do not matter.
pub(super) fn diff(
    fields: &[(&'static str, String)],
    wanted: &[(String, Template)],
    scope: &dyn Scope,
) -> Diff {
    let mut lines = Vec::new();
    for (name, template) in wanted {
        let actual = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        match actual {
            Some(value) if template.matches(value, scope).is_ok() => {
                lines.push(line(Side::Both, name, value));
            }
            actual => {
                lines.push(expected_line(name, template, scope));
                lines.extend(actual.map(|value| line(Side::Actual, name, value)));
            }
        }
    }
    let named = |field: &str| wanted.iter().any(|(name, _)| name == field);
    let others = fields.iter().filter(|(field, _)| !named(field));
    lines.extend(others.map(|(field, value)| line(Side::Both, field, value)));
    Diff { lines }
}

/// Shows what was asked for, where nothing came.
pub(super) fn expected(wanted: &[(String, Template)], scope: &dyn Scope) -> Diff {
    let lines = wanted.iter().map(|(name, template)| expected_line(name, template, scope));
    Diff { lines: lines.collect() }
}

/// Shows what came and should not have.
pub(super) fn unexpected(fields: &[(&'static str, String)]) -> Diff {
    Diff { lines: fields.iter().map(|(name, value)| line(Side::Actual, name, value)).collect() }
}

fn expected_line(name: &str, template: &Template, scope: &dyn Scope) -> Line {
    let shown = template.shown(scope);
    let bare = shown.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
    line(Side::Expected, name, bare.unwrap_or(&shown))
}

fn line(side: Side, name: &str, value: &str) -> Line {
    let value = value.replace(char::is_control, "\u{fffd}");
    let max = if value.contains(' ') { TEXT_CHARS_MAX } else { WORD_CHARS_MAX };
    let text = match value.char_indices().nth(max) {
        None => format!("{name}: {value}"),
        Some(_) => {
            let start: String = value.chars().take(max / 2).collect();
            format!("{name}: {start}… ({} characters)", value.chars().count())
        }
    };
    Line::new(side, 0, vec![Piece { text, differs: side != Side::Both }])
}
