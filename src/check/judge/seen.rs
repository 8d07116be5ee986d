//! Which events of labelled steps a transcript shows: what the vacuity guard asks.

use std::collections::BTreeSet;

use crate::evidence::{Direction, Event, Lane, Transcript};
use crate::scenario::Seen;
use crate::stanza::{ack, receipt};
use crate::wire::binary;

/// A fault of the line that nothing ever met.
pub(super) fn idle_fault(transcript: &Transcript) -> Option<String> {
    let main = || transcript.entries().iter().filter(|entry| entry.lane == Lane::Main);
    let took = |number: u32| {
        main().any(|e| matches!(&e.event, Event::FaultTook { fault, .. } if *fault == number))
    };
    main().find_map(|entry| match &entry.event {
        Event::FaultArmed { fault, what, .. } if !took(*fault) => {
            Some(format!("the fault `{what}`, which took no effect"))
        }
        _ => None,
    })
}

/// The events of labelled steps that the transcript shows, in the main lane. An id may be seen on
/// the wire before the adapter has told whose it is, so the labels are collected first.
pub(super) fn observed(transcript: &Transcript) -> BTreeSet<(String, Seen)> {
    let main = || transcript.entries().iter().filter(|entry| entry.lane == Lane::Main);
    let bound = main().filter_map(|entry| match &entry.event {
        Event::Bound { name, value } => Some((name.split_once('.')?, value.as_str())),
        _ => None,
    });
    let bound: Vec<((&str, &str), &str)> = bound.collect();
    let ids = || bound.iter().filter(|((_, field), _)| *field == "id");
    let mut seen = BTreeSet::new();
    seen.extend(ids().map(|((label, _), _)| ((*label).to_owned(), Seen::Sent)));
    let replays = bound.iter().filter(|((_, field), _)| *field == "replay_of");
    seen.extend(replays.map(|((label, _), _)| ((*label).to_owned(), Seen::Replayed)));
    for entry in main() {
        for (id, event) in about(&entry.event) {
            let labels = ids().filter(|(_, known)| *known == id);
            seen.extend(labels.map(|((label, _), _)| ((*label).to_owned(), event)));
        }
        if let Event::FaultTook { label: Some(label), .. } = &entry.event {
            seen.insert((label.clone(), Seen::Sent));
        }
        seen.extend(http(&entry.event).map(|(label, event)| (label.to_owned(), event)));
    }
    seen
}

/// Message ids that an event is about, and what it shows of them.
fn about(event: &Event) -> Vec<(String, Seen)> {
    match event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            node.map(|captured| about_stanza(&captured.node)).unwrap_or_default()
        }
        Event::Decrypted { id, .. } => vec![(id.clone(), Seen::Decrypted)],
        Event::Undecryptable { id, .. } => vec![(id.clone(), Seen::Refused)],
        Event::Notified { name, params } if name == "message" => {
            let id = params.get("id").and_then(serde_json::Value::as_str);
            id.map(|id| vec![(id.to_owned(), Seen::Shown)]).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn about_stanza(node: &crate::wire::Node) -> Vec<(String, Seen)> {
    match node.tag.as_str() {
        "message" => {
            node.text("id").map(|id| vec![(id.into_owned(), Seen::Received)]).unwrap_or_default()
        }
        "ack" => match ack::Ack::from_node(node) {
            Ok(ack) => vec![(ack.id, Seen::Acked)],
            Err(_) => Vec::new(),
        },
        "receipt" => match receipt::Receipt::sent(node) {
            Ok(receipt) if receipt.state == receipt::State::Delivered => {
                receipt.ids.into_iter().map(|id| (id, Seen::Delivered)).collect()
            }
            Ok(receipt) if matches!(receipt.state, receipt::State::Retry(_)) => {
                receipt.ids.into_iter().map(|id| (id, Seen::Refused)).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn http(event: &Event) -> Option<(&str, Seen)> {
    match event {
        Event::Requested { label: Some(label), .. }
        | Event::WakeInjected { label: Some(label) } => Some((label, Seen::Sent)),
        Event::Responded { label: Some(label), .. } | Event::Looked { label: Some(label), .. } => {
            Some((label, Seen::Received))
        }
        _ => None,
    }
}
