//! Display names and pushes: where a name may stand, and what a push must not carry.

use super::*;
use crate::evidence::Channel;

const BOB: &str = "bob nmcy00112233445566778899";
const ALICE: &str = "alice nmcy99887766554433221100";

fn grades(row: &str, record: impl FnOnce(&mut Tape)) -> Vec<Grade> {
    let scenario = plain();
    let mut tape = Tape::new(&scenario);
    for (whose, name) in [("alice", ALICE), ("peer", BOB)] {
        let event = Event::Named { whose: whose.into(), name: name.into() };
        tape.add(Lane::Main, Stream::steps(), None, event);
    }
    let bound =
        Event::Bound { name: "peer.jid".into(), value: "15550001234@s.whatsapp.net".into() };
    tape.add(Lane::Main, Stream::steps(), None, bound);
    record(&mut tape);
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    let view = View { scenario: &scenario, transcript: &tape.0, profile: &profile };
    let observed = ALL.iter().flat_map(|check| check.examine(&view));
    observed.filter(|seen| seen.requirement == row).map(|seen| seen.grade).collect()
}

fn received(node: &Node) -> Vec<Grade> {
    grades("PRV-001", |tape| tape.stanza(Direction::Received, node))
}

#[test]
fn a_name_stands_where_the_protocol_carries_one_and_nowhere_else() {
    let message = || Node::new("message").attr("id", "1");
    assert_eq!(received(&message()), []);
    assert_eq!(received(&message().attr("notify", ALICE)), [Grade::Right]);
    assert_eq!(received(&Node::new("presence").attr("name", ALICE)), [Grade::Right]);
    assert_eq!(received(&message().attr("name", ALICE)), [Grade::Broken]);
    let inside = Node::new("profile").attr("notify", ALICE);
    assert_eq!(received(&message().child(inside)), [Grade::Broken]);
    let body = Node::new("profile").bytes(ALICE.as_bytes().to_vec());
    assert_eq!(received(&message().attr("notify", ALICE).child(body)), [Grade::Broken]);
}

#[test]
fn who_was_told_a_name_and_went_on_has_kept_it() {
    let told = Node::new("message").attr("id", "1").attr("notify", BOB);
    let receipt = Node::new("receipt").attr("id", "1");
    let alone = grades("PRV-001", |tape| tape.stanza(Direction::Sent, &told));
    assert_eq!(alone, []);
    let kept = grades("PRV-001", |tape| {
        tape.stanza(Direction::Sent, &told);
        tape.stanza(Direction::Received, &receipt);
    });
    assert_eq!(kept, [Grade::Right]);
}

#[test]
fn a_sighted_name_counts_by_where_it_was_seen() {
    let sighted = |channel| {
        grades("PRV-001", |tape| {
            let (place, what, form) = ("somewhere".into(), "a name".into(), "plain".into());
            tape.wire(Event::Sighted { channel, place, what, form, offset: 0, name: true });
        })
    };
    assert_eq!(sighted(Channel::Http), [Grade::Broken]);
    assert_eq!(sighted(Channel::Login), [Grade::Broken]);
    assert_eq!(sighted(Channel::Log), [], "PRV-008 is about content, keys and tokens");
}

#[test]
fn a_push_carries_neither_content_nor_sender() {
    let woken = |payload: Option<String>| {
        grades("PSH-009", |tape| {
            let params = match payload {
                Some(payload) => json!({ "account": "a1", "payload": payload }),
                None => json!({ "account": "a1" }),
            };
            tape.wire(Event::Notified { name: "woken".into(), params });
        })
    };
    assert_eq!(woken(None), [], "what is not handed over is not known");
    assert_eq!(woken(Some("{\"aps\":{\"content-available\":1}}".into())), [Grade::Right]);
    // The recipient's own name tells nobody who has written.
    assert_eq!(woken(Some(format!("for {ALICE}"))), [Grade::Right]);
    for told in [BOB, "15550001234", CANARY] {
        assert_eq!(woken(Some(format!("alert: {told}"))), [Grade::Broken], "{told}");
    }
    let own = grades("PSH-009", |tape| {
        let (place, what, form) = ("a push".into(), "the text".into(), "plain".into());
        let channel = Channel::Push;
        tape.wire(Event::Sighted { channel, place, what, form, offset: 0, name: false });
    });
    assert_eq!(own, [Grade::Broken]);
}
