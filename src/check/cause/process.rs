//! Causes in the process of the implementation and its adapter.

use super::Scene;
use crate::evidence::{Event, Trouble};

pub(super) fn gone(scene: &Scene<'_>) -> Option<String> {
    let found = scene.transcript.entries().iter().find_map(|entry| match &entry.event {
        Event::ProcessTrouble { kind, detail, .. } if *kind != Trouble::Panicked => {
            Some((entry, *kind, detail))
        }
        _ => None,
    });
    let (entry, kind, detail) = found?;
    let what = match kind {
        Trouble::Died => "the process ended in the middle of the case",
        Trouble::Hung => "the process answers nothing any more",
        Trouble::NotStarted => "the process did not start",
        Trouble::Flooded => "the implementation said more than a case can hold",
        Trouble::Panicked => return None,
    };
    let log = last_words(scene).map(|line| format!("; its log ends: {line}")).unwrap_or_default();
    Some(format!("{what} ({}): {detail}{log}", Scene::name(entry)))
}

pub(super) fn printed(scene: &Scene<'_>) -> Option<String> {
    scene.transcript.entries().iter().find_map(|entry| match &entry.event {
        Event::ProcessTrouble { kind: Trouble::Panicked, detail, .. } => {
            Some(format!("a defect of the program, which it printed itself: {detail}"))
        }
        _ => None,
    })
}

/// What was seen before it is none of its consequences.
pub(super) fn breach(scene: &Scene<'_>) -> Option<String> {
    let entries = scene.transcript.entries();
    let found = entries.iter().enumerate().find_map(|(at, entry)| match &entry.event {
        Event::DriverBreach { why } => Some((at, entry, why)),
        _ => None,
    });
    let (at, entry, why) = found?;
    let here = scene.here().and_then(|here| entries.iter().position(|entry| entry.id == here.id));
    here.is_none_or(|here| at <= here).then(|| {
        format!(
            "the adapter, not the implementation: it broke the driver protocol ({}): {why}",
            Scene::name(entry)
        )
    })
}

fn last_words(scene: &Scene<'_>) -> Option<String> {
    scene.transcript.entries().iter().rev().find_map(|entry| match &entry.event {
        Event::Log { lines } => lines.iter().rev().find(|line| !line.trim().is_empty()).cloned(),
        _ => None,
    })
}
