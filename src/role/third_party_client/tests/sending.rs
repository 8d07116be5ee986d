use super::super::*;
use super::bench::*;
use crate::e2ee::Party as _;
use crate::e2ee::envelope::PreKeyEnvelope;
use crate::stanza::prekeys::{UserBundle, fetched_users};
use crate::stanza::receipt::{self, Retry};
use crate::stanza::{ack, iq};
use crate::wire::{Jid, Node};

fn text(to: &Jid, text: &str) -> Command {
    Command::SendText { to: to.clone(), text: text.to_owned() }
}

fn list(bundle: &UserBundle, jid: &Jid) -> Option<Node> {
    Some(Node::new("list").child(bundle.to_node(jid)))
}

/// Sends a first text and answers the fetch; the doings after the answer.
fn first(bench: &mut Bench, bob: &mut Bob, said: &str) -> Vec<Did> {
    let did = bench.command(text(&bob.jid, said));
    let bundle = bob.bundle();
    bench.answer(&did, "result", list(&bundle, &bob.jid))
}

fn id_of(did: &[Did]) -> String {
    let ids = did.iter().find_map(|did| match did {
        Did::Done(_, Ok(Reply::Sent(id))) => Some(id.clone()),
        _ => None,
    });
    ids.expect("a text was sent")
}

#[test]
fn a_first_text_fetches_the_keys_and_opens_a_session() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = bench.command(text(&bob.jid, "hello"));
    let asked = sent(&did, "iq")[0];
    let users = fetched_users(asked.find("key").unwrap());
    assert_eq!(users, [bob.jid.clone().into()]);
    assert_eq!(did.len(), 1, "nothing is sent before the keys are here");
    let bundle = bob.bundle();
    let one_time = bundle.one_time.clone().unwrap().id;
    let did = bench.answer(&did, "result", list(&bundle, &bob.jid));
    let message = sent(&did, "message")[0];
    let id = message.text("id").unwrap().into_owned();
    assert!(id.len() == 22 && id.starts_with("3EB0"), "{id}");
    assert_eq!(id, id_of(&did));
    let enc = message.find("enc").unwrap();
    assert_eq!((enc.text("v").as_deref(), enc.text("type").as_deref()), (Some("2"), Some("pkmsg")));
    let envelope = PreKeyEnvelope::parse(enc.body().unwrap()).unwrap();
    assert_eq!(envelope.one_time_id, Some(one_time));
    assert_eq!(bob.reads(message).as_deref(), Some("hello"));
    let did = bench.command(text(&bob.jid, "again"));
    assert_eq!(sent(&did, "iq").len(), 0);
    assert_eq!(bob.reads(sent(&did, "message")[0]).as_deref(), Some("again"));
}

#[test]
fn texts_that_wait_for_the_same_keys_share_one_fetch_and_keep_their_order() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = bench.command(text(&bob.jid, "one"));
    assert_eq!(bench.command(text(&bob.jid, "two")), []);
    let bundle = bob.bundle();
    let did = bench.answer(&did, "result", list(&bundle, &bob.jid));
    let read: Vec<_> = sent(&did, "message").iter().map(|m| bob.reads(m).unwrap()).collect();
    assert_eq!(read, ["one", "two"]);
}

fn unsigned(bundle: &mut UserBundle, signature: Option<Vec<u8>>) {
    bundle.signed.signature = signature;
}

/// True if a text went out for a bundle with this signature.
fn sends(fault: Option<Fault>, signature: Option<Vec<u8>>) -> bool {
    let (mut bench, mut bob) = (Bench::online(fault), Bob::new("15550001"));
    let did = bench.command(text(&bob.jid, "secret"));
    let mut bundle = bob.bundle();
    unsigned(&mut bundle, signature);
    let did = bench.answer(&did, "result", list(&bundle, &bob.jid));
    if sent(&did, "message").is_empty() {
        assert_eq!(failures(&did), [FailureKind::Unauthenticated]);
        let shown = Notification::ErrorShown(FailureKind::Unauthenticated);
        assert!(did.contains(&Did::Notified(shown)));
        return false;
    }
    true
}

#[test]
fn a_bundle_is_used_only_with_a_good_signature() {
    let signatures = || [None, Some(vec![]), Some(vec![7; 64]), Some(vec![7; 63])];
    assert_eq!(signatures().map(|signature| sends(None, signature)), [false; 4]);
    assert_eq!(signatures().map(|s| sends(Some(Fault::SkipsSignature), s)), [true; 4]);
    let present = signatures().map(|s| sends(Some(Fault::SignatureOnlyIfPresent), s));
    assert_eq!(present, [true, true, false, false]);
}

#[test]
fn a_text_without_keys_is_not_sent() {
    let (mut bench, bob) = (Bench::online(None), Bob::new("15550001"));
    let user = Node::new("user").attr("jid", &bob.jid);
    let refused = |code| user.clone().child(iq::error_child(code, "x"));
    let bare = Node::new("user").attr("jid", Jid::new("15550002", "s.whatsapp.net"));
    let answers = [
        ("result", Node::new("list").child(refused(404)), FailureKind::NotFound),
        ("result", Node::new("list").child(bare), FailureKind::NotFound),
        ("result", Node::new("list").child(user.clone()), FailureKind::Malformed),
        ("result", Node::new("list"), FailureKind::NotFound),
        ("error", iq::error_child(429, "x"), FailureKind::Limit),
        ("error", iq::error_child(500, "x"), FailureKind::Unavailable),
    ];
    for (kind, child, failure) in answers {
        let did = bench.command(text(&bob.jid, "secret"));
        let did = bench.answer(&did, kind, Some(child.clone()));
        assert_eq!((failures(&did), sent(&did, "message").len()), (vec![failure], 0), "{child:?}");
    }
    bench.command(text(&bob.jid, "secret"));
    let conn = bench.conn;
    let did = bench.input(Input::Closed { conn, error: None });
    assert_eq!(failures(&did), [FailureKind::Unavailable]);
    let did = bench.command(text(&bob.jid, "secret"));
    assert_eq!((failures(&did), did.len()), (vec![FailureKind::Unavailable], 1));
}

#[test]
fn the_fallback_sends_in_clear_what_should_have_stayed() {
    let (mut bench, bob) = (Bench::online(Some(Fault::PlaintextFallback)), Bob::new("15550001"));
    let did = bench.command(text(&bob.jid, "secret"));
    let did = bench.answer(&did, "error", Some(iq::error_child(404, "x")));
    let body = sent(&did, "message")[0].find("body").unwrap();
    assert_eq!(body.body(), Some(&b"secret"[..]));
    assert!(!id_of(&did).is_empty());
}

#[test]
fn the_faults_of_first_messages_make_them_unreadable() {
    for fault in [Fault::OmitsPrekeyId, Fault::KdfInfoHasRegistrationId, Fault::KdfPrefixAsSalt] {
        let (mut bench, mut bob) = (Bench::online(Some(fault)), Bob::new("15550001"));
        let did = first(&mut bench, &mut bob, "hello");
        let message = sent(&did, "message")[0].clone();
        let bytes = message.find("enc").unwrap().body().unwrap().to_vec();
        let named = PreKeyEnvelope::parse(&bytes).unwrap().one_time_id.is_some();
        assert_eq!(
            (named, bob.reads(&message)),
            (fault != Fault::OmitsPrekeyId, None),
            "{fault:?}"
        );
    }
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let mut bench = Bench::online(None);
    let bob = Bob::new("15550001");
    let long = "x".repeat(65_537);
    let did = bench.command(text(&bob.jid, &long));
    assert_eq!(failures(&did), [FailureKind::Limit]);
    let did = bench.command(text(&Jid::server(), "x"));
    assert_eq!(failures(&did), [FailureKind::Malformed]);
}

#[test]
fn states_come_from_the_server_and_the_recipient_only() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = first(&mut bench, &mut bob, "hello");
    let id = id_of(&did);
    let state = |did: &[Did]| {
        did.iter().find_map(|did| match did {
            Did::Notified(Notification::Receipt { state, .. }) => Some(*state),
            _ => None,
        })
    };
    let mut relayed = |from: &Jid, node: Node| {
        let did = bench.stanza(receipt::relayed(&node, from));
        assert_eq!(sent(&did, "ack").len(), 1);
        state(&did)
    };
    let stranger = Jid::new("15550009", "s.whatsapp.net");
    let read = receipt::read(&id, &alice(), 1);
    assert_eq!(relayed(&stranger, read.clone()), None, "RCP-012");
    assert_eq!(relayed(&bob.jid, receipt::delivered("3EB0FF", &alice())), None);
    let delivered = receipt::delivered(&id, &alice());
    assert_eq!(relayed(&bob.jid, delivered.clone()), Some(MessageState::Delivered));
    let item = |id: &str| Node::new("item").attr("id", id);
    let aggregate = receipt::read("3EB0FF", &alice(), 1);
    let aggregate = aggregate.child(Node::new("list").child(item("x")).child(item(&id)));
    assert_eq!(relayed(&bob.jid, aggregate), Some(MessageState::Read), "RCP-004");
    assert_eq!(relayed(&bob.jid, delivered), None, "never backwards");
}

#[test]
fn the_servers_ack_says_sent_and_its_refusal_failed() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = first(&mut bench, &mut bob, "hello");
    let message = sent(&did, "message")[0].clone();
    let sent_state = Notification::Receipt { id: id_of(&did), state: MessageState::Sent };
    assert_eq!(bench.stanza(ack::of_sent(&message, 1)), [Did::Notified(sent_state)]);
    let did = bench.command(text(&bob.jid, "more"));
    let message = sent(&did, "message")[0].clone();
    let failed = Notification::Receipt { id: id_of(&did), state: MessageState::Failed };
    assert_eq!(bench.stanza(ack::refusal(&message, 1, 479)), [Did::Notified(failed)]);
}

fn asks_again(bench: &mut Bench, bob: &Bob, id: &str, count: u32) -> Vec<Did> {
    let retry = Retry { count, registration_id: bob.party.registration_id() };
    let request = receipt::retry_request(id, &alice(), "1", &retry);
    bench.stanza(receipt::relayed(&request, &bob.jid))
}

#[test]
fn a_retry_request_gets_the_same_id_in_a_new_session() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = first(&mut bench, &mut bob, "hello");
    let (id, lost) = (id_of(&did), sent(&did, "message")[0].clone());
    let asked = asks_again(&mut bench, &bob, &id, 1);
    let bundle = bob.bundle();
    let did = bench.answer(&asked, "result", list(&bundle, &bob.jid));
    let again = sent(&did, "message")[0];
    assert_eq!(again.text("id").as_deref(), Some(&*id));
    assert_eq!(again.find("enc").unwrap().text("count").as_deref(), Some("1"));
    assert_ne!(again.find("enc").unwrap().body(), lost.find("enc").unwrap().body(), "RAT-008");
    assert_eq!(bob.reads(again).as_deref(), Some("hello"));
    for count in 2..=7 {
        let asked = asks_again(&mut bench, &bob, &id, count);
        assert_eq!(sent(&asked, "iq").len(), usize::from(count <= 5), "RCP-007");
        if count <= 5 {
            let bundle = bob.bundle();
            bench.answer(&asked, "result", list(&bundle, &bob.jid));
        }
    }
    assert_eq!(sent(&asks_again(&mut bench, &bob, "3EB0FF", 1), "iq").len(), 0);
}

#[test]
fn an_old_text_is_not_sent_again_to_a_new_identity() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = first(&mut bench, &mut bob, "hello");
    let asked = asks_again(&mut bench, &bob, &id_of(&did), 1);
    let bundle = Bob::new("mallory").bundle();
    let did = bench.answer(&asked, "result", list(&bundle, &bob.jid));
    assert_eq!(sent(&did, "message").len(), 0, "RCP-009");
    assert!(matches!(did[0], Did::Notified(Notification::Notice(_))));
}

/// A retry receipt with keys for a new session.
fn asks_with_keys(bench: &mut Bench, bob: &mut Bob, id: &str, count: u32) -> Vec<Did> {
    let retry = Retry { count, registration_id: bob.party.registration_id() };
    let request = receipt::retry_request(id, &alice(), "1", &retry);
    let request = request.child(crate::stanza::prekeys::retry_keys(&bob.bundle()));
    bench.stanza(receipt::relayed(&request, &bob.jid))
}

#[test]
fn the_keys_of_a_retry_receipt_open_the_new_session_without_a_fetch() {
    for (fault, readable) in [(None, true), (Some(Fault::RetryKeysIgnored), false)] {
        let (mut bench, mut bob) = (Bench::online(fault), Bob::new("15550001"));
        let did = first(&mut bench, &mut bob, "hello");
        let (id, opening) = (id_of(&did), sent(&did, "message")[0].clone());
        assert_eq!(bob.reads(&opening).as_deref(), Some("hello"));
        bob.party.drop_session(&Bob::address());
        let did = asks_with_keys(&mut bench, &mut bob, &id, 2);
        let again = sent(&did, "message")[0];
        assert_eq!((again.text("id").as_deref(), sent(&did, "iq").len()), (Some(&*id), 0));
        assert_eq!(again.find("enc").unwrap().text("count").as_deref(), Some("2"));
        assert_eq!(bob.reads(again).is_some(), readable, "{fault:?}");
    }
}

#[test]
fn what_the_keys_of_a_stranger_ask_for_is_withheld() {
    for (fault, sent_to_it) in [(None, 0), (Some(Fault::ResendsToNewIdentity), 1)] {
        let (mut bench, mut bob) = (Bench::online(fault), Bob::new("15550001"));
        let did = first(&mut bench, &mut bob, "hello");
        let mut mallory = Bob::new("mallory");
        mallory.jid = bob.jid.clone();
        let did = asks_with_keys(&mut bench, &mut mallory, &id_of(&did), 1);
        assert_eq!(sent(&did, "message").len(), sent_to_it, "{fault:?}");
        let changed = Notification::IdentityChanged { from: bob.jid.clone() };
        assert!(did.contains(&Did::Notified(changed)), "the user hears of it");
        let stranger = Bob::new("15550002");
        let did = asks_again(&mut bench, &stranger, "3EB0FF", 1);
        assert!(sent(&did, "iq").is_empty() && sent(&did, "message").is_empty());
    }
}

#[test]
fn keys_that_nobody_can_use_make_the_server_s_keys_be_asked_for() {
    let (mut bench, mut bob) = (Bench::online(None), Bob::new("15550001"));
    let did = first(&mut bench, &mut bob, "hello");
    let retry = Retry { count: 2, registration_id: 1 };
    let request = receipt::retry_request(&id_of(&did), &alice(), "1", &retry);
    let request = request.child(Node::new("keys").child(Node::new("identity").bytes([1; 31])));
    let did = bench.stanza(receipt::relayed(&request, &bob.jid));
    assert_eq!((sent(&did, "iq").len(), sent(&did, "message").len()), (1, 0));
}
