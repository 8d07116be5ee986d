//! What the wire shows of capabilities that are no hooks (ROB-005).
//!
//! Main type: [`Shown`]. A hook is tried; which Noise patterns and which message versions a client
//! speaks is seen while it speaks. What is stated and never seen says nothing, since nobody can make a
//! client use all that it can. The other capabilities show in no way of their own: `media.send` is
//! tried like a hook; who states `tls` is given an address of that kind; `other_protocol` decides
//! which scenarios there are; groups and intermediaries are not asked for anything yet; and
//! `state_dir` is used wherever a program is stopped.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::evidence::{Direction, Event, Transcript};
use crate::spec::Ics;

const PATTERNS: &str = "noise.patterns";
const VERSIONS: &str = "signal.versions";

/// Values of capabilities, each with the first case, by name, that showed it.
#[derive(Default)]
pub(super) struct Shown(Mutex<BTreeMap<(&'static str, String), String>>);

impl Shown {
    /// Takes in what a case shows.
    pub fn observe(&self, transcript: &Transcript) {
        let values = transcript.entries().iter().filter_map(|entry| value(&entry.event));
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            let case = shown.entry(value).or_insert_with(|| transcript.case().to_owned());
            // Cases end in any order.
            if transcript.case() < case.as_str() {
                transcript.case().clone_into(case);
            }
        }
    }

    /// What was shown of capabilities that `hello` states.
    pub fn events(&self, stated: impl Fn(&str) -> bool, ics: &Ics) -> Vec<Event> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_stated = shown.iter().filter(|((capability, _), _)| {
            // Another protocol's messages have versions of their own.
            stated(capability) && !(*capability == VERSIONS && ics.has("other_protocol"))
        });
        let event =
            |((capability, value), case): (&(&'static str, String), &String)| Event::Shown {
                capability: (*capability).to_owned(),
                value: value.clone(),
                case: case.clone(),
                declared: ics.includes(capability, value),
            };
        of_stated.map(event).collect()
    }
}

fn value(event: &Event) -> Option<(&'static str, String)> {
    match event {
        Event::Handshake { direction: Direction::Received, pattern: Some(pattern), .. } => {
            Some((PATTERNS, pattern.clone()))
        }
        // `wire.md` §5.4: the version of a message is the upper half of its first byte.
        Event::Decrypted { enc, .. } => {
            let byte = enc.header.get("version_byte")?.as_u64()?;
            Some((VERSIONS, (byte >> 4).to_string()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::evidence::{Lane, Stream};

    fn shown(case: &str, pattern: &str) -> Transcript {
        let mut transcript = Transcript::new(case);
        let event = Event::Handshake {
            message: 1,
            direction: Direction::Received,
            len: 36,
            ephemeral: None,
            pattern: Some(pattern.to_owned()),
            in_clear: Vec::new(),
        };
        transcript.record(0, Stream::connection(1, true), Lane::Main, None, event).unwrap();
        transcript
    }

    #[test]
    fn what_is_stated_is_compared_with_what_is_seen() {
        let all = Shown::default();
        for (case, pattern) in [("m2/b", "XX"), ("m2/a", "XX"), ("m2/c", "IK")] {
            all.observe(&shown(case, pattern));
        }
        let capabilities = json!({ PATTERNS: ["XX"] });
        let ics = Ics::from_hello(&capabilities).unwrap();
        let told = |event: Event| match event {
            Event::Shown { value, case, declared, .. } => (value, case, declared),
            other => panic!("{other:?}"),
        };
        let events: Vec<_> = all.events(|_| true, &ics).into_iter().map(told).collect();
        let expected = [("IK", "m2/c", false), ("XX", "m2/a", true)];
        let expected = expected.map(|(v, c, d)| (v.to_owned(), c.to_owned(), d));
        assert_eq!(events, expected);
        assert_eq!(all.events(|_| false, &ics), []);
    }
}
