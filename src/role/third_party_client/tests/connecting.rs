use super::super::*;
use super::bench::*;
use crate::noise::certificate::{Authority, Chain, Fault as ChainFault, Link};
use crate::stanza::prekeys::Upload;
use crate::stanza::{iq, login};
use crate::wire::{Jid, Node};

#[test]
fn a_login_carries_the_token_and_the_key_of_the_enlistment() {
    let bench = Bench::online(None);
    let (payload, key) = bench.login.unwrap();
    let interop = payload.interop_data.unwrap();
    assert_eq!(payload.product, Some(2));
    assert_eq!(interop.token.as_deref(), Some(&b"t.o.ken"[..]));
    assert_eq!(interop.account_id, Some(10_853_634_039_893));
    assert_eq!(interop.enable_read_receipts, Some(true));
    assert_eq!(key, bench.form.unwrap().authkey);
}

#[test]
fn the_faults_of_a_login_show_in_its_payload_and_key() {
    let bench = Bench::online(Some(Fault::LoginWithoutToken));
    assert_eq!(bench.login.unwrap().0.interop_data.unwrap().token, None);
    let bench = Bench::online(Some(Fault::AuthkeyDiffers));
    assert_ne!(bench.login.unwrap().1, bench.form.unwrap().authkey);
}

#[test]
fn a_low_stock_is_filled_before_the_client_is_open() {
    let mut bench = Bench::enlisted(None);
    let did = bench.command(Command::Connect);
    assert_eq!(states(&did), [ConnectionState::Connecting]);
    let did = bench.stanza(Node::new("success"));
    assert!(sent(&did, "iq")[0].find("count").is_some());
    let did = bench.answer_count(4);
    let upload = Upload::from_iq(sent(&did, "iq")[0], None).unwrap();
    assert_eq!(upload.one_time.len(), 50);
    let form = bench.form.clone().unwrap();
    assert_eq!((upload.identity, upload.registration_id), (form.e_ident, form.e_regid));
    assert_eq!((upload.signed.id, upload.signed.value), (form.e_skey_id, form.e_skey_val));
    let did = bench.answer(&did, "result", None);
    assert_eq!(states(&did), [ConnectionState::Open]);
    assert_eq!(sent(&did, "iq")[0].text("xmlns").as_deref(), Some("w:p"));
    assert!(did.contains(&Did::Done(bench.call(), Ok(Reply::Done))));
}

#[test]
fn a_sufficient_stock_is_left_alone() {
    let mut bench = Bench::enlisted(None);
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    let did = bench.answer_count(5);
    assert_eq!((sent(&did, "iq").len(), states(&did)), (1, vec![ConnectionState::Open]));
    let did = bench.command(Command::Connect);
    assert_eq!(did, [Did::Done(bench.call(), Ok(Reply::Done))]);
}

fn faulty(fault: ChainFault) -> fn(&Authority, &[u8; 32], &mut Rng) -> Chain {
    match fault {
        ChainFault::ForeignRoot => {
            |a, leaf, rng| a.faulty_chain(leaf, ChainFault::ForeignRoot, rng)
        }
        ChainFault::OtherLeafKey => {
            |a, leaf, rng| a.faulty_chain(leaf, ChainFault::OtherLeafKey, rng)
        }
        ChainFault::Expired(_) => {
            |a, leaf, rng| a.faulty_chain(leaf, ChainFault::Expired(Link::Leaf), rng)
        }
        ChainFault::Absent => |a, leaf, rng| a.faulty_chain(leaf, ChainFault::Absent, rng),
        _ => good_chain,
    }
}

fn logs_in(chain: ChainFault, fault: Option<Fault>) -> bool {
    let mut bench = Bench::enlisted(fault);
    bench.chain = faulty(chain);
    let did = bench.command(Command::Connect);
    if bench.login.is_none() {
        assert_eq!(states(&did)[1..], [ConnectionState::Refused]);
        assert_eq!(failures(&did), [FailureKind::Unauthenticated]);
        assert!(did.contains(&Did::Closed));
        assert_eq!(bench.client.connection.retry_at, None, "it is not tried again");
    }
    bench.login.is_some()
}

#[test]
fn a_server_without_a_sound_chain_learns_nothing_and_is_not_tried_again() {
    let expired = ChainFault::Expired(Link::Leaf);
    for chain in [ChainFault::ForeignRoot, ChainFault::OtherLeafKey, expired, ChainFault::Absent] {
        assert!(!logs_in(chain, None), "{chain:?}");
    }
    assert!(logs_in(ChainFault::ForeignRoot, Some(Fault::CertSignaturesNotChecked)));
    assert!(logs_in(ChainFault::OtherLeafKey, Some(Fault::CertNotBoundToStatic)));
    assert!(logs_in(expired, Some(Fault::ExpiredCertAccepted)));
    assert!(!logs_in(expired, Some(Fault::CertNotBoundToStatic)));
    assert!(!logs_in(ChainFault::Absent, Some(Fault::CertSignaturesNotChecked)));
}

#[test]
fn a_refusal_for_good_ends_the_attempts_and_a_passing_one_does_not() {
    let cases = [
        ("401", FailureKind::Unauthenticated, ConnectionState::Refused),
        ("405", FailureKind::UnsupportedVersion, ConnectionState::Refused),
        ("402", FailureKind::Forbidden, ConnectionState::Refused),
        ("406", FailureKind::Forbidden, ConnectionState::Refused),
        ("503", FailureKind::Unavailable, ConnectionState::Closed),
        ("500", FailureKind::Unavailable, ConnectionState::Closed),
    ];
    for (reason, kind, state) in cases {
        let mut bench = Bench::enlisted(None);
        bench.command(Command::Connect);
        let did = bench.stanza(login::failure(reason));
        assert_eq!((failures(&did), states(&did)), (vec![kind], vec![state]), "{reason}");
        let tries_again = bench.client.connection.retry_at.is_some();
        assert_eq!(tries_again, state == ConnectionState::Closed, "{reason}");
    }
}

#[test]
fn after_an_unauthenticated_login_enlisting_calls_again() {
    let mut bench = Bench::enlisted(None);
    bench.form = None;
    bench.command(Command::Connect);
    bench.stanza(login::failure("401"));
    bench.command(Command::Enlist);
    assert!(bench.form.is_some());
}

#[test]
fn a_lost_connection_is_repaired_with_growing_pauses_and_full_handshakes() {
    let mut bench = Bench::online(None);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let conn = bench.conn;
        let did = bench.input(Input::Closed { conn, error: None });
        assert_eq!(states(&did), [ConnectionState::Closed]);
        let before = bench.now;
        (bench.wake_at, bench.login) = (bench.client.connection.retry_at, None);
        assert_eq!(states(&bench.sleep()), [ConnectionState::Connecting]);
        assert!(bench.login.is_some(), "NOI-001");
        pauses.push(bench.now.0 - before.0);
    }
    for (pause, least) in pauses.iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        assert!((least * 1000..least * 1250).contains(pause), "{pauses:?}");
    }
}

#[test]
fn a_user_who_goes_offline_stays_offline_until_a_wake() {
    let mut bench = Bench::online(None);
    let did = bench.command(Command::Disconnect);
    let done = Did::Done(bench.call(), Ok(Reply::Done));
    let closed = Did::Notified(Notification::Connection(ConnectionState::Closed));
    assert_eq!(did, [Did::Closed, closed, done]);
    assert_eq!(bench.client.connection.retry_at, None);
    bench.client.wake(bench.now, None);
    bench.client.wake(bench.now, None);
    let did = bench.input(Input::Wake);
    let woken = |did: &&Did| matches!(did, Did::Notified(Notification::Woken(_)));
    let woken = did.iter().filter(woken).count();
    assert_eq!((woken, states(&did)), (1, vec![ConnectionState::Connecting]));
    assert_eq!(did.iter().filter(|did| **did == Did::Opened).count(), 1, "PSH-010");
}

#[test]
fn who_is_not_enlisted_is_not_woken() {
    let mut bench = Bench::new(None);
    bench.client.wake(bench.now, None);
    assert_eq!(bench.input(Input::Wake), []);
}

#[test]
fn pings_come_in_time_and_a_missing_answer_ends_the_connection() {
    let mut bench = Bench::enlisted(None);
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    let mut did = bench.answer_count(5);
    for _ in 0..3 {
        let opened = bench.now;
        bench.answer(&did, "result", None);
        did = bench.sleep();
        assert_eq!((sent(&did, "iq").len(), bench.now.0 - opened.0), (1, 25_000));
    }
    let did = bench.sleep();
    assert_eq!(states(&did), [ConnectionState::Closed]);
    assert!(bench.client.connection.retry_at.is_some());
}

#[test]
fn a_login_that_stalls_is_given_up() {
    let mut bench = Bench::enlisted(None);
    bench.command(Command::Connect);
    assert_eq!(failures(&bench.sleep()), [FailureKind::Unavailable]);
    assert_eq!(states(&bench.sleep()), [ConnectionState::Closed]);
    assert_eq!(bench.now.0 - START.0, 20_000, "NOI-020");
}

fn ask(bench: &mut Bench, node: Node) -> Vec<Node> {
    let did = bench.stanza(node);
    sent(&did, "iq").into_iter().cloned().collect()
}

#[test]
fn what_the_server_asks_is_answered_and_answers_are_not() {
    let mut bench = Bench::online(None);
    let [answer] = &ask(&mut bench, iq::server_ping("p1"))[..] else { panic!("one answer") };
    assert_eq!(
        (answer.text("id").as_deref(), answer.text("type").as_deref()),
        (Some("p1"), Some("result"))
    );
    let nameless = Node::new("iq").attr("from", Jid::server()).attr("xmlns", "urn:xmpp:ping");
    let [answer] = &ask(&mut bench, nameless)[..] else { panic!("one answer") };
    assert_eq!((answer.text("id"), answer.text("type").as_deref()), (None, Some("result")));
    for kind in ["get", "set"] {
        let unknown =
            Node::new("iq").attr("from", Jid::server()).attr("id", "u").attr("type", kind);
        let [answer] = &ask(&mut bench, unknown.attr("xmlns", "x"))[..] else {
            panic!("one answer")
        };
        assert_eq!(iq::error_code(answer).as_deref(), Ok("501"));
    }
    for kind in ["result", "error", "other"] {
        let node = Node::new("iq").attr("from", Jid::server()).attr("id", "u").attr("type", kind);
        assert_eq!(ask(&mut bench, node), [], "{kind}");
    }
    let mut bench = Bench::online(Some(Fault::ServerPingIgnored));
    assert_eq!(ask(&mut bench, iq::server_ping("p1")), []);
}

#[test]
fn a_client_that_never_pings_is_open_without_one() {
    let mut bench = Bench::enlisted(Some(Fault::NeverPings));
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    let did = bench.answer_count(5);
    assert_eq!((sent(&did, "iq").len(), states(&did)), (0, vec![ConnectionState::Open]));
}

#[test]
fn an_answer_of_anybody_else_is_no_answer() {
    let mut bench = Bench::enlisted(None);
    bench.command(Command::Connect);
    let asked = bench.stanza(Node::new("success"));
    let id = sent(&asked, "iq")[0].text("id").unwrap().into_owned();
    let mallory = Node::new("iq").attr("from", Jid::new("15550009", "s.whatsapp.net"));
    let forged = mallory.attr("id", id).attr("type", "result");
    assert_eq!(bench.stanza(forged.child(Node::new("count").attr("value", "9"))), []);
}

#[test]
fn a_frame_that_does_not_decrypt_ends_the_connection_and_a_stanza_that_does_not_decode_does_not() {
    let mut bench = Bench::online(None);
    assert_eq!(bench.payload(&[0, 0xF8, 1, 0xF0]), []);
    assert_eq!(ask(&mut bench, iq::server_ping("p")).len(), 1, "the session lives");
    let did = bench.raw(&[0, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    assert!(did.contains(&Did::Closed));
    assert!(bench.client.connection.retry_at.is_some());
}

#[test]
fn a_replaced_session_does_not_come_back_by_itself() {
    let mut bench = Bench::online(None);
    let conflict = Node::new("conflict").attr("type", "replaced");
    let did = bench.stanza(Node::new("stream:error").child(conflict));
    assert_eq!(states(&did), [ConnectionState::Refused]);
    assert_eq!(bench.client.connection.retry_at, None);
    let mut bench = Bench::online(None);
    let did = bench.stanza(Node::new("stream:error").attr("code", "515"));
    assert_eq!(states(&did), [ConnectionState::Closed]);
    assert!(bench.client.connection.retry_at.is_some());
}
