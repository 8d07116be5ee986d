//! What outlives a stop of the program, what does not, and the faults about it.

use super::super::*;
use super::bench::*;
use super::receiving::pair;
use crate::e2ee::envelope::Envelope;
use crate::role::quirk::Fault;
use crate::wire::Node;

fn text(bob: &Bob, text: &str) -> Command {
    Command::SendText { to: bob.jid.clone(), text: text.to_owned() }
}

/// Stops the client and brings it online again.
fn restart(bench: &mut Bench, killed: bool) {
    let did = bench.restart(killed);
    let done = |did: &Did| matches!(did, Did::Done(_, Ok(Reply::Done)));
    assert!(did.iter().any(done), "{did:?}");
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    bench.answer_count(50);
}

/// Both have sent and received.
fn settled(fault: Option<Fault>) -> (Bench, Bob) {
    let (mut bench, mut bob) = pair(fault);
    bench.stanza(bob.says("A1", "hello"));
    let did = bench.command(text(&bob, "hello too"));
    assert_eq!(bob.reads(sent(&did, "message")[0]).as_deref(), Some("hello too"));
    bench.stanza(bob.says("A2", "and on"));
    (bench, bob)
}

fn header(did: &[Did]) -> Envelope {
    Envelope::parse(sent(did, "message")[0].find("enc").unwrap().body().unwrap()).unwrap()
}

#[test]
fn sessions_outlive_a_stop_and_no_message_key_serves_twice() {
    for killed in [false, true] {
        let (mut bench, mut bob) = settled(None);
        let before = bench.command(text(&bob, "before"));
        restart(&mut bench, killed);
        let after = bench.command(text(&bob, "after"));
        let (one, other) = (header(&before), header(&after));
        assert_eq!(one.ratchet_key, other.ratchet_key);
        assert_eq!((one.counter, other.counter), (0, 1));
        for (did, said) in [(&before, "before"), (&after, "after")] {
            assert_eq!(bob.reads(sent(did, "message")[0]).as_deref(), Some(said));
        }
        assert_eq!(shown(&bench.stanza(bob.says("A3", "still there?"))), ["still there?"]);
    }
}

#[test]
fn what_is_drawn_after_a_start_was_not_drawn_before() {
    let (mut bench, bob) = settled(None);
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let did = bench.command(text(&bob, "t"));
        assert!(ids.insert(sent(&did, "message")[0].text("id").unwrap().into_owned()));
        restart(&mut bench, true);
    }
}

#[test]
fn a_state_that_is_saved_late_shows_after_a_kill_only() {
    for (killed, counter) in [(false, 1), (true, 0)] {
        let (mut bench, bob) = settled(Some(Fault::StateSavedSeldom));
        bench.command(text(&bob, "before"));
        restart(&mut bench, killed);
        let after = bench.command(text(&bob, "after"));
        assert_eq!(header(&after).counter, counter, "killed: {killed}");
    }
}

#[test]
fn a_message_is_on_the_disk_before_it_is_acknowledged() {
    let (mut bench, mut bob) = settled(None);
    let arriving = bench.arriving(bob.says("A9", "the last one"));
    bench.client.handle(bench.now, arriving);
    let first = bench.client.poll();
    assert!(matches!(&first, Some(Output::Keep(state)) if holds(state, "the last one")));
    let sends = |output: &Output| matches!(output, Output::Send { .. });
    assert!(std::iter::from_fn(|| bench.client.poll()).any(|output| sends(&output)));
}

fn holds(state: &[u8], text: &str) -> bool {
    state.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_message_that_waits_in_memory_dies_with_the_process() {
    for (killed, there) in [(false, true), (true, false)] {
        let (mut bench, mut bob) = pair(Some(Fault::AckBeforeDurable));
        let did = bench.stanza(bob.says("A9", "the last one"));
        assert_eq!((sent(&did, "ack").len(), shown(&did)), (1, vec![]));
        restart(&mut bench, killed);
        let thread = bench.client.thread(&bob.jid);
        let found = |item: &ThreadItem| matches!(item, ThreadItem::Theirs { id, .. } if id == "A9");
        assert_eq!(thread.iter().any(found), there, "killed: {killed}");
    }
}

#[test]
fn conversations_outlive_a_stop_and_what_is_no_state_does_not_start() {
    let (mut bench, mut bob) = settled(None);
    let before = bench.client.thread(&bob.jid);
    restart(&mut bench, true);
    assert_eq!(bench.client.thread(&bob.jid), before);
    assert_eq!(shown(&bench.stanza(bob.says("A1", "hello"))), [""; 0], "it is known");
    for broken in [&b""[..], b"{}", b"null"] {
        let did = bench.command(Command::Restart { kept: Some(broken.to_vec()) });
        assert!(matches!(&did[..], [.., Did::Done(_, Err(Failure { kind, .. }))]
            if *kind == FailureKind::Internal));
    }
}

#[test]
fn sessions_in_memory_only_are_gone() {
    let (mut bench, mut bob) = settled(Some(Fault::SessionsLostOnRestart));
    restart(&mut bench, false);
    assert_eq!(shown(&bench.stanza(bob.says("A3", "still there?"))), [""; 0]);
}

#[test]
fn a_send_that_failed_is_undone_by_a_fault_only() {
    for (fault, counter) in [(None, 1), (Some(Fault::SendFailureReusesKey), 0)] {
        let (mut bench, bob) = settled(fault);
        let lost = bench.command(text(&bob, "lost"));
        assert_eq!(header(&lost).counter, 0);
        let conn = bench.conn;
        bench.input(crate::role::Input::Closed { conn, error: Some("reset".to_owned()) });
        restart(&mut bench, false);
        assert_eq!(header(&bench.command(text(&bob, "next"))).counter, counter, "{fault:?}");
    }
}

#[test]
fn the_code_to_compare_needs_a_peer_and_hangs_on_both_keys() {
    let (mut bench, mut bob) = pair(None);
    let code = |bench: &mut Bench, with: &Bob| {
        let did = bench.command(Command::Fingerprint { with: with.jid.clone() });
        did.into_iter().find_map(|did| match did {
            Did::Done(_, Ok(Reply::Fingerprint(code))) => Some(code),
            _ => None,
        })
    };
    assert_eq!(code(&mut bench, &bob), None);
    bench.stanza(bob.says("A1", "hello"));
    let seen = code(&mut bench, &bob).unwrap();
    assert_eq!((seen.len(), code(&mut bench, &bob)), (60, Some(seen)));
}
