//! TRN-018: a frame that is only announced takes no memory.
//!
//! The figures differ between runs, so the words have none; the log has them.

use super::{Check, Observed, View};
use crate::evidence::Event;
use crate::limits::FRAME_BYTES_MAX;
use crate::scenario::{Action, FaultKind, Length};
use crate::verdict::Witness;

pub struct AnnouncedFrames;

/// Announced memory below which a process's ordinary growth would hide it, in MiB.
const LEAST_MIB: u64 = 48;

impl Check for AnnouncedFrames {
    fn id(&self) -> &'static str {
        "announced-frames"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["TRN-018"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let announced = announced_mib(view);
        let vitals = view.entries().filter_map(|entry| match &entry.event {
            Event::Vitals { growth: Some(growth), .. } => Some((entry, growth.memory_mib)),
            _ => None,
        });
        let vitals = vitals.filter(|_| announced >= LEAST_MIB);
        let observed = vitals.map(|(entry, took)| {
            let right = took < announced / 2;
            let expected = format!("far less than the {announced} MiB that were announced");
            let actual = if right { "it stays below" } else { "it takes more than half of them" };
            let observed = Observed::new("TRN-018", right, expected, actual, entry);
            observed.seen_by(Witness::Process)
        });
        observed.collect()
    }
}

/// What the scenario has announced, where all of it went out.
fn announced_mib(view: &View<'_>) -> u64 {
    let steps = view.scenario.steps.iter();
    let frames = steps.filter(|step| match &step.action {
        Action::Fault(fault) => fault.kind == FaultKind::Announce(Length::Longest),
        _ => false,
    });
    let took = view.entries().filter(|entry| matches!(entry.event, Event::FaultTook { .. }));
    let frames = frames.count().min(took.count());
    (frames * FRAME_BYTES_MAX / (1 << 20)) as u64
}
