//! The process and its adapter: it lives, answers, prints no defect and keeps to the protocol.

use super::{Check, Grade, Observed, View};
use crate::evidence::{Entry, Event, Trouble};
use crate::verdict::Witness;

pub struct Process;

impl Check for Process {
    fn id(&self) -> &'static str {
        "process"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ROB-001", "ROB-002", "ROB-003", "ROB-004", "ROB-006"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        view.transcript.entries().iter().filter_map(examine).collect()
    }
}

fn examine(entry: &Entry) -> Option<Observed> {
    match &entry.event {
        Event::ProcessTrouble { kind, detail, shared } => {
            let observed = trouble(entry, *kind, detail);
            let grade = if *shared { Grade::Open } else { observed.grade };
            Some(Observed { grade, ..observed })
        }
        Event::DriverBreach { why } => {
            let expected = "JSON-RPC 2.0 as the driver protocol has it";
            let observed = Observed::new("ROB-006", false, expected, why.clone(), entry);
            Some(Observed { grade: Grade::DriverError, ..observed }.seen_by(Witness::Driver))
        }
        _ => None,
    }
}

fn trouble(entry: &Entry, kind: Trouble, detail: &str) -> Observed {
    let (row, expected) = match kind {
        Trouble::Died | Trouble::NotStarted => ("ROB-001", "the process survives"),
        Trouble::Hung => ("ROB-002", "an answer within the deadline"),
        Trouble::Flooded => ("ROB-003", "what it sends stays within bounds"),
        Trouble::Panicked => ("ROB-004", "no panic, assertion or sanitizer report"),
    };
    Observed::new(row, false, expected, detail, entry).seen_by(Witness::Process)
}
