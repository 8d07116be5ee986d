//! The kill matrix as Markdown: what a reader of a repository or of a CI summary wants to see.

use std::fmt::Write as _;

use super::matrix::SelfPair;
use super::rows::BrokenRow;
use super::{KillMatrix, Status, origins};

/// Renders the matrix; `None` for a list of quirks that nothing was hunted for.
pub fn markdown(matrix: &KillMatrix) -> String {
    let mut out = String::from("# Kill matrix\n\n");
    let killed = matrix.quirks.iter().filter(|quirk| quirk.status == Status::Killed).count();
    let _ =
        writeln!(out, "{killed} of {} quirks killed, seed {}.\n", matrix.quirks.len(), matrix.seed);
    out.push_str("| quirk | breaks | expected | status | named by | source |\n");
    out.push_str("|---|---|---|---|---|---|\n");
    for quirk in &matrix.quirks {
        let pair = quirk.self_pair.map(SelfPair::words).unwrap_or_default();
        let status = format!("{}{pair}", quirk.status.word());
        let cells = [
            quirk.id,
            quirk.requirement,
            quirk.expect,
            status.as_str(),
            &quirk.named.join("<br>"),
            quirk.source,
        ];
        let _ = writeln!(out, "| {} |", cells.map(cell).join(" | "));
    }
    for control in &matrix.controls {
        let passed = control.passed_checks.len();
        let _ = writeln!(out, "\nControl `{}` passed {passed} checks.", control.id);
    }
    out.push_str("\n# Rows\n\n| requirement | level | quirks |\n|---|---|---|\n");
    for row in &matrix.rows {
        let _ =
            writeln!(out, "| {} | {} | {} |", row.requirement, row.level, cell(&broken_by(row)));
    }
    out.push_str("\n# Faults that no quirk stands for\n\n| fault | why not |\n|---|---|\n");
    for (fault, why) in origins::unseen() {
        let _ = writeln!(out, "| {fault} | {} |", cell(why));
    }
    out
}

fn broken_by(row: &BrokenRow) -> String {
    match (&row.not_observable, row.quirks.is_empty()) {
        (_, false) => row.quirks.join("<br>"),
        (Some(reason), true) => format!("not observable: {reason}"),
        (None, true) => "none".to_owned(),
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::super::{Control, Killed};
    use super::*;

    #[test]
    fn the_matrix_is_a_table_of_quirks_and_one_of_rows() {
        let quirk = Killed {
            id: "echoes",
            seat: "third-party-client",
            source: "someone/x|y#1",
            expect: "fail",
            requirement: "ENC-010",
            profile: None,
            named: vec!["guarantees/a".into(), "guarantees/b".into()],
            killed_by: vec!["guarantees/a".into()],
            blind: Vec::new(),
            self_pair: None,
            status: Status::Killed,
        };
        let row = |requirement: &str, quirks: Vec<&'static str>, reason: Option<&str>| BrokenRow {
            requirement: requirement.into(),
            level: "MUST",
            quirks,
            not_observable: reason.map(str::to_owned),
        };
        let matrix = KillMatrix {
            schema: 1,
            seed: 7,
            quirks: vec![quirk],
            controls: vec![Control {
                id: "dead",
                passed_checks: Vec::new(),
                failed: 9,
                sound: true,
            }],
            rows: vec![
                row("ENC-009", vec![], Some("deletion of keys is internal")),
                row("ENC-010", vec!["echoes"], None),
                row("ENC-012", vec![], None),
            ],
        };
        insta::assert_snapshot!(markdown(&matrix));
    }
}
