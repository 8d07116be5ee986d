//! STZ-003: every frame of an established channel is one stanza, in whatever legal form; STZ-021: its
//! texts are UTF-8.
//!
//! A form that open clients do not write by themselves is legal and is named, once for each, so that
//! who reads a report learns what their encoder does.

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::wire::{Rule, Variant};

pub struct StanzaCodec;

impl Check for StanzaCodec {
    fn id(&self) -> &'static str {
        "stanza-codec"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["STZ-003", "STZ-021"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        view.entries().flat_map(examine).collect()
    }
}

fn examine(entry: &Entry) -> Vec<Observed> {
    let expected = "one well-formed stanza";
    match &entry.event {
        Event::Stanza { direction: Direction::Received, xml, variants, .. } => {
            let sound = Observed::new("STZ-003", true, expected, xml.clone(), entry);
            std::iter::once(sound).chain(variants.iter().map(|name| odd(name, entry))).collect()
        }
        Event::Undecodable { offset, rule, .. } => {
            let actual = format!("{rule} (byte {offset})");
            let broken = Observed::new("STZ-003", false, expected, actual.clone(), entry);
            let no_text = *rule == Rule::Utf8.to_string();
            let no_text =
                no_text.then(|| Observed::new("STZ-021", false, "texts in UTF-8", actual, entry));
            std::iter::once(broken).chain(no_text).collect()
        }
        _ => Vec::new(),
    }
}

/// A legal form that is named in its own right.
fn odd(name: &str, entry: &Entry) -> Observed {
    let variant = Variant::ALL.into_iter().find(|variant| variant.to_string() == name);
    let what = variant.map_or_else(|| name.to_owned(), |variant| variant.what().to_owned());
    let expected = format!("any legal form: {what}");
    Observed::new("STZ-003", true, expected, format!("it writes {name}"), entry)
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;
    use crate::evidence::Payload;

    #[test]
    fn an_odd_form_is_right_and_named() {
        let mut tape = Tape::default();
        tape.received_with("<iq id='1'/>", &["wide-list"]);
        let observed = tape.examined_by(&StanzaCodec);
        let actual: Vec<&str> = observed.iter().map(|observed| observed.actual.as_str()).collect();
        assert!(observed.iter().all(|observed| observed.grade == Grade::Right));
        assert_eq!(actual[1..], ["it writes wide-list"]);
        assert_eq!(observed[1].expected, "any legal form: a short list with a count of 16 bits");
    }

    #[test]
    fn bytes_that_are_no_text_break_a_rule_of_their_own() {
        let of = |rule: Rule| {
            let mut tape = Tape::default();
            let bytes = Payload::of(b"?");
            tape.add(Event::Undecodable { bytes, offset: 4, rule: rule.to_string() });
            let observed = tape.examined_by(&StanzaCodec).into_iter();
            observed.map(|observed| (observed.requirement, observed.grade)).collect::<Vec<_>>()
        };
        let broken = Grade::Broken;
        assert_eq!(of(Rule::Utf8), [("STZ-003", broken), ("STZ-021", broken)]);
        assert_eq!(of(Rule::Truncated), [("STZ-003", broken)]);
    }
}
