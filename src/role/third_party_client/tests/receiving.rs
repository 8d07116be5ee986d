use super::super::*;
use super::bench::*;
use crate::e2ee::{Ciphertext, content};
use crate::stanza::message::enc_node;
use crate::stanza::prekeys::Upload;
use crate::stanza::receipt::{self, Receipt, State};
use crate::wire::Node;

/// A client that is online and a peer that has its keys.
pub fn pair(fault: Option<Fault>) -> (Bench, Bob) {
    let mut bench = Bench::enlisted(fault);
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    let did = bench.answer_count(0);
    let upload = Upload::from_iq(sent(&did, "iq")[0], None).unwrap();
    bench.answer(&did, "result", None);
    let mut bob = Bob::new("15550001");
    bob.meets(&upload);
    (bench, bob)
}

/// Acks, then receipts, each by their form.
fn answers(did: &[Did]) -> (usize, Vec<State>) {
    let receipts = sent(did, "receipt");
    let states = receipts.iter().map(|node| Receipt::sent(node).unwrap().state).collect();
    (sent(did, "ack").len(), states)
}

#[test]
fn a_text_is_shown_acked_and_receipted_in_this_order() {
    let (mut bench, mut bob) = pair(None);
    let did = bench.stanza(bob.says("A1", "hi ✓"));
    let from = bob.jid.clone();
    let text = "hi ✓".to_owned();
    let shown = Did::Notified(Notification::Message { from: from.clone(), id: "A1".into(), text });
    let ack = Node::new("ack").attr("class", "message").attr("id", "A1").attr("to", &from);
    let receipt = receipt::delivered("A1", &from);
    assert_eq!(did, [shown, Did::Sent(ack), Did::Sent(receipt)]);
    let item = ThreadItem::Theirs { id: "A1".into(), from: from.clone(), text: "hi ✓".into() };
    assert_eq!(bench.client.thread(&from), [item]);
}

#[test]
fn a_message_that_comes_again_is_shown_once() {
    let (mut bench, mut bob) = pair(None);
    let message = bob.says("A1", "once");
    bench.stanza(message.clone());
    let did = bench.stanza(message);
    assert_eq!((shown(&did), answers(&did)), (vec![], (1, vec![State::Delivered])));
    let did = bench.stanza(bob.says("A1", "other text, same id"));
    assert_eq!(shown(&did), Vec::<&str>::new());
    let (mut bench, mut bob) = pair(Some(Fault::DuplicateShown));
    let message = bob.says("A1", "twice");
    bench.stanza(message.clone());
    assert_eq!(shown(&bench.stanza(message)), ["twice"]);
}

/// The same ciphertext under another id.
fn renamed(message: &Node, id: &str) -> Node {
    let mut node = message.clone();
    node.attrs.retain(|(key, _)| *key != "id");
    node.attr("id", id)
}

#[test]
fn a_replayed_ciphertext_is_neither_shown_nor_receipted_nor_asked_for() {
    let (mut bench, mut bob) = pair(None);
    for id in ["A1", "A2"] {
        let message = bob.says(id, "secret");
        assert_eq!(shown(&bench.stanza(message.clone())), ["secret"]);
        let did = bench.stanza(renamed(&message, "B1"));
        assert_eq!((shown(&did), answers(&did)), (vec![], (1, vec![])), "{id}");
    }
    let (mut bench, mut bob) = pair(Some(Fault::MessageKeyKept));
    let message = bob.says("A1", "secret");
    bench.stanza(message.clone());
    assert_eq!(shown(&bench.stanza(message.clone())), Vec::<&str>::new(), "ids are still compared");
    assert_eq!(shown(&bench.stanza(renamed(&message, "B1"))), ["secret"]);
}

/// A message whose ciphertext has one bit flipped.
fn damaged(bob: &mut Bob, id: &str) -> Node {
    let Ciphertext { kind, mut bytes } = bob.seal(&content::text("lost"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bob.message(id, enc_node(kind.as_str(), bytes))
}

#[test]
fn an_undecryptable_message_is_asked_for_a_bounded_number_of_times() {
    let (mut bench, mut bob) = pair(None);
    let regid = bench.form.clone().unwrap().e_regid;
    let message = damaged(&mut bob, "A1");
    for count in 1..=5 {
        let did = bench.stanza(message.clone());
        let (acks, states) = answers(&did);
        let retry = receipt::Retry { count, registration_id: regid };
        assert_eq!((acks, states, shown(&did).len()), (1, vec![State::Retry(retry)], 0));
        let keys = sent(&did, "receipt")[0].find("keys");
        let names: Vec<&str> =
            keys.map(Node::kids).unwrap_or_default().iter().map(|k| &*k.tag).collect();
        let expected: &[&str] = if count == 1 { &[] } else { &["type", "identity", "key", "skey"] };
        assert_eq!(names, expected);
    }
    assert_eq!(answers(&bench.stanza(message)), (1, vec![]), "RCP-007");
    let did = bench.stanza(bob.says("A2", "still works"));
    assert_eq!(shown(&did), ["still works"]);
}

#[test]
fn the_faults_of_receipts_show_on_an_undecryptable_message() {
    let (mut bench, mut bob) = pair(Some(Fault::DeliveredBeforeDecrypt));
    let (_, states) = answers(&bench.stanza(damaged(&mut bob, "A1")));
    assert_eq!(states[0], State::Delivered);
    let (_, states) = answers(&bench.stanza(bob.says("A2", "good")));
    assert_eq!(states, [State::Delivered], "one receipt and no second");
    let (mut bench, mut bob) = pair(Some(Fault::UndecryptableIgnored));
    assert_eq!(answers(&bench.stanza(damaged(&mut bob, "A1"))), (1, vec![]));
    let (mut bench, mut bob) = pair(Some(Fault::MessagesNeverAcked));
    let did = bench.stanza(bob.says("A1", "hi"));
    assert_eq!((shown(&did), answers(&did)), (vec!["hi"], (0, vec![State::Delivered])));
}

#[test]
fn nothing_that_was_not_encrypted_is_shown() {
    let (mut bench, mut bob) = pair(None);
    let clear = content::text("clear");
    let children = [
        (Node::new("body").bytes("clear"), vec![]),
        (Node::new("plaintext").bytes(clear.clone()), vec![]),
        (enc_node("msg", clear.clone()), vec!["retry"]),
        (enc_node("pkmsg", clear.clone()), vec!["retry"]),
        (enc_node("none", clear.clone()), vec!["retry"]),
        (enc_node("msg", []), vec!["retry"]),
        (enc_node("pkmsg", [0x33]), vec!["retry"]),
        (Node::new("enc").bytes(clear), vec![]),
    ];
    for (at, (child, kinds)) in children.into_iter().enumerate() {
        let did = bench.stanza(bob.message(&format!("C{at}"), child.clone()));
        let types: Vec<_> = sent(&did, "receipt").iter().map(|r| r.text("type").unwrap()).collect();
        assert_eq!(
            (shown(&did), types),
            (vec![], kinds.iter().map(|k| (*k).into()).collect()),
            "{child:?}"
        );
        assert_eq!(sent(&did, "ack").len(), 1);
    }
    let both = bob.says("D1", "sealed").child(Node::new("body").bytes("clear"));
    assert_eq!(shown(&bench.stanza(both)), ["sealed"]);
    let (mut bench, bob) = pair(Some(Fault::ClearBodyShown));
    let did = bench.stanza(bob.message("C1", Node::new("body").bytes("clear")));
    assert_eq!(shown(&did), ["clear"]);
}

#[test]
fn content_that_cannot_be_read_is_asked_for_and_unknown_content_is_receipted() {
    let (mut bench, mut bob) = pair(None);
    let Ciphertext { kind, bytes } = bob.seal(&[0xFF, 0xFF]);
    let did = bench.stanza(bob.message("A1", enc_node(kind.as_str(), bytes)));
    assert!(matches!(answers(&did).1[..], [State::Retry(_)]));
    let Ciphertext { kind, bytes } = bob.seal(&[]);
    let did = bench.stanza(bob.message("A2", enc_node(kind.as_str(), bytes)));
    assert_eq!((shown(&did), answers(&did)), (vec![], (1, vec![State::Delivered])));
    assert!(matches!(did[0], Did::Notified(Notification::Notice(_))));
}

#[test]
fn a_message_from_the_mailbox_is_shown_before_the_client_is_open() {
    for (fault, expected) in [(None, vec!["early"]), (Some(Fault::MailboxDropped), vec![])] {
        let (mut bench, mut bob) = pair(fault);
        bench.command(Command::Disconnect);
        bench.command(Command::Connect);
        bench.stanza(Node::new("success"));
        let did = bench.stanza(bob.says("A1", "early"));
        assert_eq!((shown(&did), sent(&did, "ack").len()), (expected, 1));
        bench.answer_count(50);
        assert_eq!(shown(&bench.stanza(bob.says("A2", "late"))), ["late"]);
    }
}

#[test]
fn a_new_identity_of_a_peer_is_told() {
    let (mut bench, mut bob) = pair(None);
    bench.stanza(bob.says("A1", "hi"));
    let mut again = Bob::new("another-installation");
    again.jid = bob.jid.clone();
    let did = bench.stanza(
        Node::new("notification")
            .attr("type", "encrypt")
            .attr("id", "n1")
            .attr("from", crate::wire::Jid::server())
            .child(Node::new("count").attr("value", "1")),
    );
    let upload = Upload::from_iq(sent(&did, "iq")[0], None).unwrap();
    assert_eq!(sent(&did, "ack")[0].text("type").as_deref(), Some("encrypt"));
    again.meets(&upload);
    let did = bench.stanza(again.says("A2", "new phone"));
    assert_eq!(did[0], Did::Notified(Notification::IdentityChanged { from: bob.jid.clone() }));
    assert_eq!(shown(&did), ["new phone"]);
}

#[test]
fn a_read_receipt_goes_out_when_the_user_read_and_not_before() {
    let (mut bench, mut bob) = pair(None);
    bench.stanza(bob.says("A1", "hi"));
    let did = bench.command(Command::MarkRead { id: "A1".to_owned() });
    let read = receipt::read("A1", &bob.jid, START.secs());
    assert_eq!(did, [Did::Sent(read), Did::Done(bench.call(), Ok(Reply::Done))]);
    let did = bench.command(Command::MarkRead { id: "A9".to_owned() });
    assert_eq!(failures(&did), [FailureKind::NotFound]);
}

#[test]
fn stanzas_of_unknown_kinds_change_nothing() {
    let (mut bench, bob) = pair(None);
    for node in [
        Node::new("presence").attr("from", &bob.jid),
        Node::new("ib").child(Node::new("offline").attr("count", "x")),
        Node::new("message").attr("from", &bob.jid),
        Node::new("message").attr("id", "A1"),
        Node::new("receipt"),
        Node::new("ack"),
    ] {
        let did = bench.stanza(node.clone());
        assert!(did.iter().all(|did| matches!(did, Did::Sent(ack) if ack.tag == "ack")), "{did:?}");
    }
    assert!(bench.client.connection.link.is_some());
}

#[test]
fn read_receipts_follow_the_switch() {
    for (fault, told) in [
        (None, [false, true]),
        (Some(Fault::ReadSwitchIgnored), [true, true]),
        (Some(Fault::ReadSwitchStaysOff), [false, false]),
    ] {
        let (mut bench, mut bob) = pair(fault);
        for (on, told) in [false, true].into_iter().zip(told) {
            bench.command(Command::SetReadReceipts { on });
            let id = format!("A{on}");
            bench.stanza(bob.says(&id, "hi"));
            let did = bench.command(Command::MarkRead { id });
            assert_eq!(sent(&did, "receipt").len(), usize::from(told), "{fault:?} {on}");
        }
    }
}

#[test]
fn an_aggregated_receipt_advances_every_message_of_its_sender() {
    for (fault, expected) in [(None, 2), (Some(Fault::AggregateFirstOnly), 1)] {
        let (mut bench, bob) = pair(fault);
        for id in ["A", "B"] {
            let (id, text) = (id.to_owned(), "hi".to_owned());
            let own = ThreadItem::Own { id, text, state: MessageState::Sent };
            bench.client.threads.push(&bob.jid, own);
        }
        let list = ["B", "Z"].map(|id| Node::new("item").attr("id", id));
        let receipt = Node::new("receipt").attr("id", "A").attr("type", "read");
        let receipt = receipt.child(Node::new("list").children(list));
        let stranger = crate::wire::Jid::new("15550002", "s.whatsapp.net");
        let told = |did: &[Did]| {
            let read = |did: &&Did| {
                matches!(did, Did::Notified(Notification::Receipt { state, .. })
                    if *state == MessageState::Read)
            };
            did.iter().filter(read).count()
        };
        assert_eq!(told(&bench.stanza(receipt.clone().attr("from", stranger))), 0, "RCP-012");
        assert_eq!(told(&bench.stanza(receipt.clone().attr("from", &bob.jid))), expected);
        assert_eq!(told(&bench.stanza(receipt.attr("from", &bob.jid))), 0, "once is enough");
    }
}
