//! ROB-007: a stanza means the same in whatever legal encoding it comes.
//!
//! Two comparisons, each with the canonical encoding in the same transcript. The steps of a case
//! with an encoding of its own must end as those of its canonical phase did; and whatever answers
//! a stanza by its id, on the wire or before the user, must be what answered a stanza of the same
//! shape there. A shape that was never sent in the canonical encoding says nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Progress, StepOutcome};
use crate::evidence::{Direction, Entry, Event, Lane};
use crate::scenario::{Part, Plan, Purpose};
use crate::wire::{Node, Variant, binary};

use super::{Check, Observed, View};

pub struct OneMeaning;

const ROW: &str = "ROB-007";

impl Check for OneMeaning {
    fn id(&self) -> &'static str {
        "one-meaning"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let sent: Vec<Sent> = view.entries().filter_map(Sent::of).collect();
        let Some(styled) = sent.iter().find(|sent| sent.is_styled) else { return Vec::new() };
        let mut observed: Vec<Observed> = steps(view, styled.entry).into_iter().collect();
        observed.extend(reactions(view, &sent));
        observed
    }
}

/// A stanza that Meta's side sent.
struct Sent<'a> {
    entry: &'a Entry,
    /// It answers a stanza of the subject's own: what carries its id is no reaction to it.
    is_answer: bool,
    id: String,
    shape: String,
    is_styled: bool,
    encoding: String,
}

impl<'a> Sent<'a> {
    fn of(entry: &'a Entry) -> Option<Self> {
        let Event::Stanza { direction: Direction::Sent, bytes, compressed, variants, .. } =
            &entry.event
        else {
            return None;
        };
        let node = binary::decode(&bytes.bytes()?).ok()?.node;
        let ours = |name: &&String| **name != Variant::InteropJidWithServer.to_string();
        let zlib = compressed.then_some("compressed");
        let marks: Vec<&str> =
            variants.iter().filter(ours).map(String::as_str).chain(zlib).collect();
        Some(Self {
            entry,
            is_answer: is_answer(&node),
            id: node.text("id")?.into_owned(),
            shape: shape(&node),
            is_styled: !marks.is_empty(),
            encoding: marks.join(", "),
        })
    }
}

fn is_answer(node: &Node) -> bool {
    let result = matches!(node.text("type").as_deref(), Some("result" | "error"));
    node.tag == "ack" || node.tag == "iq" && result
}

/// What a stanza is about, without what differs from one to the next.
fn shape(node: &Node) -> String {
    let mut shape = node.tag.to_string();
    for key in ["type", "class", "xmlns", "error", "code"] {
        if let Some(value) = node.text(key) {
            shape += &format!(" {key}={value}");
        }
    }
    let kids: BTreeSet<String> = node.kids().iter().map(self::shape).collect();
    if !kids.is_empty() {
        shape += &format!(" [{}]", kids.into_iter().collect::<Vec<_>>().join(", "));
    }
    shape
}

/// The same of what the subject sends: of a message only how it is encrypted, since what else stands
/// beside the ciphertexts is the client's own affair and may differ from one to the next.
fn reaction_shape(node: &Node) -> String {
    if node.tag != "message" {
        return shape(node);
    }
    let mut kinds = BTreeSet::new();
    ciphertexts(node, &mut kinds);
    format!("message [{}]", kinds.into_iter().collect::<Vec<_>>().join(", "))
}

fn ciphertexts(node: &Node, kinds: &mut BTreeSet<String>) {
    for kid in node.kids() {
        match kid.tag.as_str() {
            "enc" => drop(kinds.insert(shape(kid))),
            _ => ciphertexts(kid, kinds),
        }
    }
}

/// Whether the steps ended as in the canonical phase; nothing if that itself broke off.
fn steps(view: &View<'_>, styled: &Entry) -> Option<Observed> {
    let plan = Plan::of(view.scenario);
    let number = plan.phases.iter().position(|phase| phase.purpose == Purpose::Canonical)?;
    let mut progress = Progress::new(view.scenario, &plan, view.profile);
    view.transcript.entries().iter().for_each(|entry| progress.observe(entry));
    let main = plan.phases.iter().position(|phase| phase.purpose == Purpose::Main)?;
    let own = plan.phases[main].steps.iter().enumerate();
    let own: Vec<_> = own.filter(|(_, step)| matches!(step.part, Part::Own(_))).collect();
    for (at, step) in plan.phases[number].steps.iter().enumerate() {
        if !progress.outcome(number, at).is_some_and(StepOutcome::is_satisfied) {
            return None;
        }
        let same = own.iter().find(|(_, own)| own.step.span == step.step.span)?;
        // A step that was not reached is behind one that failed, or never came to its turn.
        let outcome = progress.outcome(main, same.0)?;
        if let StepOutcome::Failed { expected, actual, evidence, .. } = outcome {
            let expected = format!("as in the canonical encoding: {expected}");
            let mut broken = Observed::new(ROW, false, expected, actual.clone(), styled);
            let entries = view.transcript.entries().iter();
            let shown = entries.filter(|entry| evidence.contains(&entry.id.to_string()));
            broken.evidence.extend(shown.map(|entry| entry.id.clone()));
            return Some(broken);
        }
    }
    let (expected, actual) = ("every step ends as in the canonical encoding", "so it was");
    Some(Observed::new(ROW, true, expected, actual, styled))
}

/// Whether each stanza in another encoding was answered as one of its shape in the canonical one.
fn reactions(view: &View<'_>, sent: &[Sent<'_>]) -> Vec<Observed> {
    let answers = Answers::of(view);
    let mut canonical: BTreeMap<&str, BTreeSet<Vec<String>>> = BTreeMap::new();
    for sent in sent.iter().filter(|sent| !sent.is_styled) {
        canonical.entry(&sent.shape).or_default().insert(answers.to(sent));
    }
    let asking = sent.iter().filter(|sent| sent.is_styled && !sent.is_answer);
    let compared = asking.filter_map(|sent| {
        let known = canonical.get(sent.shape.as_str())?;
        let reaction = answers.to(sent);
        let same = known.contains(&reaction);
        let expected = match known.iter().next() {
            Some(first) if !same => format!("as in the canonical encoding: {}", told(first)),
            _ => "the reaction to the same stanza in the canonical encoding".to_owned(),
        };
        let actual = format!("{} ({}): {}", sent.shape, sent.encoding, told(&reaction));
        Some(Observed::new(ROW, same, expected, actual, sent.entry))
    });
    compared.collect()
}

fn told(reaction: &[String]) -> String {
    if reaction.is_empty() { "no reaction".to_owned() } else { reaction.join("; ") }
}

/// The reactions of the subject by lane and id.
struct Answers(BTreeMap<(Lane, String), Vec<String>>);

impl Answers {
    fn of(view: &View<'_>) -> Self {
        let mut answers: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for entry in view.entries() {
            if let Some((id, what)) = reaction(entry) {
                answers.entry((entry.lane, id)).or_default().push(what);
            }
        }
        for of_one in answers.values_mut() {
            of_one.sort();
            // A state that is shown twice is no other state: two receipts may become one event.
            of_one.dedup_by(|a, b| a == b && a.starts_with("receipt shown"));
        }
        Self(answers)
    }

    fn to(&self, sent: &Sent<'_>) -> Vec<String> {
        self.0.get(&(sent.entry.lane, sent.id.clone())).cloned().unwrap_or_default()
    }
}

/// The id that an entry reacts to, and how.
fn reaction(entry: &Entry) -> Option<(String, String)> {
    match &entry.event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = binary::decode(&bytes.bytes()?).ok()?.node;
            Some((node.text("id")?.into_owned(), reaction_shape(&node)))
        }
        Event::Notified { name, params } => {
            let text = |key: &str| params.get(key).and_then(serde_json::Value::as_str);
            let said: Vec<&str> = ["text", "state"].into_iter().filter_map(text).collect();
            Some((text("id")?.to_owned(), format!("{name} shown: {}", said.join(" "))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Payload, StepEnd, Stream, Transcript};
    use crate::scenario::{Scenario, expand, parse};
    use crate::span::Source;
    use crate::spec::Profile;
    use crate::wire::{Style, xml};

    use super::super::Grade;

    const TEXT: &str = "
schema: 1
title: A ping is answered
why: Because.
milestone: M2
covers: [STZ-004]
proves: [codec-raw-digits-lost]
matrix: { encoding: [canonical, raw-strings] }
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - send: { from: meta, to: alice, stanza: '<iq id=\"1\"/>', as: c1 }
  - expect: { at: meta, stanza: '<iq type=\"result\"/>', checks: [STZ-004] }
must_observe: [c1.sent]
";

    fn scenario() -> Scenario {
        let scenario = parse("case", &Source::new("case.yaml", TEXT)).unwrap();
        let case = expand(&scenario).unwrap().pop().unwrap();
        (*case.scenario).clone()
    }

    #[derive(Default)]
    struct Tape(Transcript);

    impl Tape {
        fn add(&mut self, lane: Lane, stream: Stream, event: Event) {
            self.0.record(0, stream, lane, Some("alice"), event).expect("far from the bound");
        }

        fn stanza(&mut self, lane: Lane, direction: Direction, xml: &str, style: Style) {
            let bytes = binary::encode_with(&xml::parse(xml).unwrap(), style).unwrap();
            let variants = binary::decode(&bytes).unwrap().variants();
            let event = Event::Stanza {
                direction,
                xml: xml.to_owned(),
                bytes: Payload::of(&bytes),
                compressed: false,
                variants: variants.iter().map(ToString::to_string).collect(),
            };
            self.add(lane, Stream::connection(1, direction == Direction::Received), event);
        }

        fn ping(&mut self, lane: Lane, id: &str, style: Style, answer: Option<&str>) {
            let ping = format!("<iq id='{id}' type='get' xmlns='urn:xmpp:ping'/>");
            self.stanza(lane, Direction::Sent, &ping, style);
            if let Some(kind) = answer {
                let answer = format!("<iq id='{id}' type='{kind}'/>");
                self.stanza(lane, Direction::Received, &answer, Style::Canonical);
            }
        }

        fn step(&mut self, lane: Lane, phase: usize, step: usize, end: StepEnd) {
            self.add(lane, Stream::steps(), Event::StepEnded { phase, step, end });
        }

        fn grades(&self) -> Vec<Grade> {
            let (scenario, profile) = (scenario(), Profile::builtin("whatsapp-1.0.3").unwrap());
            let view = View { scenario: &scenario, transcript: &self.0, profile: &profile };
            OneMeaning.examine(&view).iter().map(|observed| observed.grade).collect()
        }
    }

    #[test]
    fn an_answer_must_not_depend_on_the_encoding() {
        for (answer, grade) in
            [(Some("result"), Grade::Right), (Some("error"), Grade::Broken), (None, Grade::Broken)]
        {
            let mut tape = Tape::default();
            tape.ping(Lane::Main, "1", Style::Canonical, Some("result"));
            tape.ping(Lane::Main, "x2", Style::RawStrings, answer);
            assert_eq!(tape.grades(), [grade], "{answer:?}");
        }
    }

    #[test]
    fn without_another_encoding_or_its_like_nothing_is_said() {
        let mut tape = Tape::default();
        tape.ping(Lane::Main, "1", Style::Canonical, Some("result"));
        tape.ping(Lane::Main, "2", Style::Canonical, None);
        assert_eq!(tape.grades(), []);
        let mut tape = Tape::default();
        tape.ping(Lane::Main, "x2", Style::RawStrings, None);
        assert_eq!(tape.grades(), []);
    }

    #[test]
    fn the_clients_own_request_is_no_reaction_to_its_result() {
        let mut tape = Tape::default();
        for (id, style, asked) in [
            ("1", Style::Canonical, "<iq id='1' xmlns='a'/>"),
            ("2", Style::RawStrings, "<iq id='2' xmlns='b'/>"),
        ] {
            tape.stanza(Lane::Main, Direction::Received, asked, Style::Canonical);
            let result = format!("<iq id='{id}' type='result'/>");
            tape.stanza(Lane::Main, Direction::Sent, &result, style);
        }
        assert_eq!(tape.grades(), []);
    }

    #[test]
    fn steps_must_end_as_in_the_canonical_phase() {
        for (canonical, main, expected) in [
            (StepEnd::Done, StepEnd::TimedOut, vec![Grade::Broken]),
            (StepEnd::TimedOut, StepEnd::TimedOut, vec![]),
        ] {
            let mut tape = Tape::default();
            tape.stanza(Lane::Main, Direction::Sent, "<success id='1'/>", Style::RawStrings);
            tape.step(Lane::Canonical, 0, 0, StepEnd::Done);
            if canonical == StepEnd::Done {
                tape.ping(Lane::Canonical, "1", Style::Canonical, Some("result"));
            }
            tape.step(Lane::Canonical, 0, 1, canonical);
            tape.step(Lane::Main, 1, 0, StepEnd::Done);
            tape.step(Lane::Main, 1, 1, main);
            assert_eq!(tape.grades(), expected);
        }
    }
}
