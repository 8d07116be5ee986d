//! What a client does beside texts: replies, reactions, typing, blocking, leaving.

use super::super::*;
use super::bench::*;
use crate::e2ee::content::{self, Content, Quote, Target};
use crate::e2ee::oddity;
use crate::stanza::blocklist;
use crate::stanza::prekeys::Upload;
use crate::wire::Node;

/// A client that is online, and a peer who has written to it under the id `A1`.
pub(super) fn pair(fault: Option<Fault>) -> (Bench, Bob) {
    let mut bench = Bench::enlisted(fault);
    bench.command(Command::Connect);
    bench.stanza(Node::new("success"));
    let did = bench.answer_count(0);
    let upload = Upload::from_iq(sent(&did, "iq")[0], None).unwrap();
    bench.answer(&did, "result", None);
    let mut bob = Bob::new("15550001");
    bob.meets(&upload);
    bench.stanza(bob.says("A1", "first"));
    (bench, bob)
}

fn notified(did: &[Did]) -> Vec<&Notification> {
    let all = did.iter().filter_map(|did| match did {
        Did::Notified(notification) => Some(notification),
        _ => None,
    });
    all.collect()
}

fn chat_state(from: &Jid, state: &str) -> Node {
    Node::new("chatstate").attr("from", from.clone()).child(Node::new(state))
}

#[test]
fn a_reply_names_the_message_and_its_author() {
    let (mut bench, mut bob) = pair(None);
    let (to, text, reply_to) = (bob.jid.clone(), "second".to_owned(), "A1".to_owned());
    let did = bench.command(Command::SendReply { to: to.clone(), text: text.clone(), reply_to });
    let author = Some(bob.jid.to_string());
    let quote = Quote { id: "A1".to_owned(), author, text: Some("first".to_owned()) };
    let reply = Some(quote);
    assert_eq!(bob.opens(sent(&did, "message")[0]), Content::Text { text: text.clone(), reply });
    let reply_to = "B9".to_owned();
    let did = bench.command(Command::SendReply { to, text, reply_to });
    assert_eq!(failures(&did), [FailureKind::NotFound]);
}

#[test]
fn an_incoming_reply_is_shown_with_what_it_answers() {
    let (mut bench, mut bob) = pair(None);
    let quote = Quote { id: "B9".to_owned(), ..Quote::default() };
    let did = bench.stanza(bob.sends("A2", &content::reply("so", &quote)));
    let (from, id) = (bob.jid.clone(), "A2".to_owned());
    let (text, reply_to) = ("so".to_owned(), "B9".to_owned());
    assert_eq!(notified(&did), [&Notification::Reply { from, id, text, reply_to }]);
    assert_eq!(bench.client.thread(&bob.jid).len(), 2);
}

#[test]
fn reactions_are_about_messages_that_are_there() {
    let (mut bench, mut bob) = pair(None);
    let (to, id, emoji) = (bob.jid.clone(), "A1".to_owned(), "👍".to_owned());
    let did = bench.command(Command::React { to: to.clone(), id, emoji: emoji.clone() });
    let of = Target { id: "A1".to_owned(), from_me: false, chat: bob.jid.to_string() };
    assert_eq!(bob.opens(sent(&did, "message")[0]), Content::Reaction { of, emoji });
    assert!(did.contains(&Did::Done(bench.call(), Ok(Reply::Done))));
    let (id, emoji) = ("B9".to_owned(), "👍".to_owned());
    let did = bench.command(Command::React { to, id, emoji });
    assert_eq!(failures(&did), [FailureKind::NotFound]);
    let about = |id: &str| Target { id: id.to_owned(), from_me: true, chat: String::new() };
    let mut reacts = |id: &str, emoji: &str, of: &str| {
        let did = bench.stanza(bob.sends(id, &content::reaction(&about(of), emoji, 1)));
        notified(&did).len()
    };
    assert_eq!(reacts("A2", "👍", "A1"), 1);
    assert_eq!(reacts("A3", "👍", "A1"), 0, "nothing changes");
    assert_eq!(reacts("A4", "", "A1"), 1);
    assert_eq!(reacts("A5", "👍", "B9"), 0, "it is about nothing");
}

#[test]
fn only_its_sender_takes_a_message_back() {
    let target = Target { id: "A1".to_owned(), from_me: true, chat: String::new() };
    let (mut bench, mut bob) = pair(None);
    bench.stanza(bob.sends("A2", &content::revoke(&target)));
    assert!(matches!(bench.client.thread(&bob.jid)[..], [ThreadItem::Notice(_)]));
    let other = Target { id: "B9".to_owned(), ..target };
    let did = bench.stanza(bob.sends("A3", &content::revoke(&other)));
    assert_eq!(notified(&did), Vec::<&Notification>::new());
}

#[test]
fn a_message_for_own_devices_changes_nothing() {
    let (mut bench, mut bob) = pair(None);
    let did = bench.stanza(bob.sends("A2", &content::history_sync()));
    assert_eq!((notified(&did).len(), sent(&did, "iq").len()), (0, 0));
    assert_eq!(sent(&did, "receipt").len(), 1);
    assert_eq!(sent(&did, "receipt")[0].text("type"), None);
}

#[test]
fn typing_is_shown_until_it_ends_by_word_message_or_time() {
    let (mut bench, mut bob) = pair(None);
    let from = bob.jid.clone();
    let typing = |on| Notification::Typing { from: from.clone(), on };
    let did = bench.stanza(chat_state(&from, "composing"));
    assert_eq!(did, [Did::Notified(typing(true))], "and nothing is acknowledged");
    assert_eq!(bench.stanza(chat_state(&from, "composing")), []);
    assert_eq!(bench.stanza(chat_state(&from, "paused")), [Did::Notified(typing(false))]);
    bench.stanza(chat_state(&from, "composing"));
    assert_eq!(notified(&bench.stanza(bob.says("A2", "done")))[0], &typing(false));
    bench.stanza(chat_state(&from, "composing"));
    bench.now = bench.now.after(Duration::from_secs(61));
    assert!(notified(&bench.input(Input::Wake)).contains(&&typing(false)));
}

#[test]
fn typing_is_told_at_once_or_not_at_all() {
    let (mut bench, bob) = pair(None);
    let typing = |on| Command::SetTyping { to: bob.jid.clone(), on };
    let did = bench.command(typing(true));
    assert!(sent(&did, "chatstate")[0].find("composing").is_some());
    assert!(sent(&bench.command(typing(false)), "chatstate")[0].find("paused").is_some());
    bench.command(Command::Disconnect);
    assert_eq!(failures(&bench.command(typing(true))), [FailureKind::Unavailable]);
}

#[test]
fn a_blocked_user_is_not_heard_from_any_device() {
    let (mut bench, mut bob) = pair(None);
    let jid = bob.jid.clone();
    let asked = bench.command(Command::Block { jid: jid.clone() });
    let item = sent(&asked, "iq")[0].find("item").unwrap().clone();
    assert_eq!(item.text("action").as_deref(), Some("block"));
    let did = bench.answer(&asked, "result", Some(blocklist::list([&jid])));
    assert_eq!(did, [Did::Done(bench.call(), Ok(Reply::Blocked(vec![jid.clone()])))]);
    for device in [0, 2] {
        let from = jid.clone().with_device(device);
        let mut message = bob.says("A2", "let me in");
        message.attrs.retain(|(name, _)| name != "from");
        let did = bench.stanza(message.attr("from", from.clone()));
        assert_eq!((notified(&did).len(), sent(&did, "receipt").len()), (0, 0));
        assert_eq!(sent(&did, "ack").len(), 1, "or it would come again");
        assert_eq!(bench.stanza(chat_state(&from, "composing")), [], "it has no id to ack");
    }
    let asked = bench.command(Command::Unblock { jid });
    bench.answer(&asked, "result", None);
    assert_eq!(shown(&bench.stanza(bob.says("A3", "thanks"))), ["thanks"]);
}

#[test]
fn a_refused_block_blocks_nobody() {
    let (mut bench, bob) = pair(None);
    let asked = bench.command(Command::Block { jid: bob.jid.clone() });
    let did = bench.answer(&asked, "error", None);
    assert_eq!(failures(&did), [FailureKind::Forbidden]);
    let asked = bench.command(Command::Blocklist);
    let did = bench.answer(&asked, "result", Some(blocklist::list([])));
    assert_eq!(did, [Did::Done(bench.call(), Ok(Reply::Blocked(Vec::new())))]);
}

#[test]
fn leaving_asks_for_deletion_and_forgets_the_login() {
    let (mut bench, _) = pair(None);
    let identity = bench.client.party.identity();
    let asked = bench.command(Command::OptOut);
    assert!(sent(&asked, "iq")[0].find("opt_out").is_some());
    let did = bench.answer(&asked, "result", None);
    assert!(did.contains(&Did::Done(bench.call(), Ok(Reply::Done))) && did.contains(&Did::Closed));
    assert_eq!(failures(&bench.command(Command::Connect)), [FailureKind::Unauthenticated]);
    assert_ne!(bench.client.party.identity(), identity);
    let did = bench.command(Command::OptOut);
    assert_eq!(did, [Did::Done(bench.call(), Ok(Reply::Done))], "there is nothing to delete");
}

#[test]
fn a_lost_deletion_request_is_made_again() {
    let (mut bench, _) = pair(None);
    bench.command(Command::OptOut);
    let (conn, error) = (bench.conn, Some("reset".to_owned()));
    bench.input(Input::Closed { conn, error });
    bench.sleep();
    bench.stanza(Node::new("success"));
    let asked = bench.answer_count(5);
    assert!(sent(&asked, "iq").last().unwrap().find("opt_out").is_some());
    let did = bench.answer(&asked, "result", None);
    assert!(did.iter().any(|did| matches!(did, Did::Done(_, Ok(Reply::Done)))));
}

#[test]
fn a_user_is_told_once_of_reachability() {
    let (mut bench, bob) = pair(None);
    let announce = || Command::AnnounceReachability { to: bob.jid.clone() };
    let did = bench.command(announce());
    let told = sent(&did, "iq")[0].find("reachable").unwrap().find("user").unwrap();
    assert_eq!(told.jid("jid"), Some(bob.jid.clone()));
    assert_eq!(failures(&bench.command(announce())), [FailureKind::Limit]);
}

#[test]
fn odd_contents_are_told_of_or_asked_for_again() {
    let (mut bench, mut bob) = pair(None);
    let did = bench.stanza(bob.sends("A2", &oddity::kind("poll", "?").unwrap()));
    assert!(matches!(notified(&did)[..], [Notification::Notice(_)]));
    assert_eq!(sent(&did, "receipt")[0].text("type"), None);
    assert_eq!(shown(&bench.stanza(bob.sends("A3", &oddity::with_unknown_fields("hi")))), ["hi"]);
    let did = bench.stanza(bob.sends("A4", &oddity::quotes("core", 3000)));
    assert_eq!((notified(&did).len(), sent(&did, "receipt").len()), (0, 1));
    assert_eq!(sent(&did, "receipt")[0].text("type").as_deref(), Some("retry"));
}
