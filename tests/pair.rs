//! Meta's side and the reference third party in memory, over a whole and over a cut byte stream.
//!
//! Both ends are sans-I/O, so this is the protocol itself without sockets or processes: what fails
//! here is a fault of a role, and what fails only elsewhere is one of the wiring.

#[path = "pair/storm.rs"]
mod storm;
#[path = "pair/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use counterpart::clock::UnixMs;
use counterpart::evidence::{Event, Lane};
use counterpart::net::memory::Weather;
use counterpart::role::meta::Faults;
use counterpart::role::quirk::Fault;
use counterpart::role::third_party_client::{
    Command, ConnectionState, Failure, FailureKind, MessageState, Notification, Reply,
};
use counterpart::role::{Input, Role as _};
use counterpart::scenario::{ChainFault, ContentFault, SignatureFault, TokenFault};
use storm::Storm;
use world::{LOGIN, START, World};

/// How many cut streams each test tries.
const CUTS: u64 = 8;

/// Runs a test over a whole stream and over cut ones.
fn everywhere(test: impl Fn(Option<u64>)) {
    test(None);
    (0..CUTS).for_each(|seed| test(Some(seed)));
}

fn kind(outcome: Result<Reply, Failure>) -> FailureKind {
    outcome.expect_err("it should have failed").kind
}

#[test]
fn a_user_enlists_and_logs_in_and_its_prekeys_are_in_place() {
    everywhere(|cuts| {
        let mut world = World::new(cuts, None);
        assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated);
        assert_eq!(world.command(Command::Enlist), Ok(Reply::Login(LOGIN.to_owned())));
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done));
        let account = world.meta.account(Lane::Main, "alice").unwrap();
        assert!(account.is_online() && account.has_uploaded());
        let states = [ConnectionState::Connecting, ConnectionState::Open];
        assert_eq!(world.seen, states.map(Notification::Connection));
        let refused = world.recorded.iter().find_map(|event| match event {
            Event::Login { facts } => Some(facts.refused.clone()),
            _ => None,
        });
        assert_eq!(refused, Some(None));
        let pings = world.received("iq").iter().filter(|xml| xml.contains("w:p")).count();
        assert_eq!(pings, 1);
    });
}

#[test]
fn texts_go_both_ways_with_their_receipts() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        assert!(matches!(world.says("hello ✓"), Ok(Reply::Sent(_))));
        assert_eq!(world.read(), ["hello ✓"]);
        assert_eq!(world.states(), [MessageState::Sent, MessageState::Delivered]);
        world.forget();
        let id = world.bob_says("hi alice", None);
        assert_eq!(world.shown(), ["hi alice"]);
        let receipts = world.received("receipt");
        assert!(receipts.len() == 1 && receipts[0].contains(&id), "{receipts:?}");
        assert!(!receipts[0].contains("type="));
        assert_eq!(world.waiting(), 0, "everything is acked");
        assert_eq!(world.command(Command::MarkRead { id: id.clone() }), Ok(Reply::Done));
        assert!(world.received("receipt")[1].contains("type=\"read\""));
        for round in 0..4 {
            world.forget();
            let text = format!("round {round}");
            world.says(&text).unwrap();
            assert_eq!(world.read(), [&*text]);
            world.bob_says(&text, None);
            assert_eq!(world.shown(), [&*text]);
        }
    });
}

#[test]
fn the_mailbox_is_emptied_once_and_in_order_after_a_push() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        world.bob_says("zero", None);
        assert_eq!(world.command(Command::Disconnect), Ok(Reply::Done));
        world.forget();
        for text in ["one", "two", "three"] {
            world.bob_says(text, None);
        }
        assert_eq!((world.waiting(), world.shown().len()), (3, 0));
        world.now = UnixMs(START.0 + 60_000);
        assert_eq!(world.push(None), 200);
        assert_eq!(world.seen[0], Notification::Woken(None));
        assert_eq!(world.shown(), ["one", "two", "three"]);
        assert_eq!(world.waiting(), 0);
        world.forget();
        world.command(Command::Disconnect).unwrap();
        world.command(Command::Connect).unwrap();
        assert_eq!(world.shown(), Vec::<&str>::new());
    });
}

#[test]
fn a_push_that_does_not_hold_wakes_nobody() {
    let mut world = World::online(None, None);
    world.command(Command::Disconnect).unwrap();
    world.forget();
    // The first key is no former one before a rotation, and clocks may differ a little.
    let good = [TokenFault::FormerKey, TokenFault::SlightlyAhead];
    for (fault, word) in TokenFault::ALL.iter().filter(|(fault, _)| !good.contains(fault)) {
        assert_eq!(world.push(Some(*fault)), 401, "{word}");
    }
    assert_eq!(world.seen, []);
}

#[test]
fn a_replay_is_not_shown_whatever_its_id() {
    everywhere(|cuts| {
        let mut world = World::online(cuts, None);
        let id = world.bob_says("once", None);
        for same_id in [true, false, true] {
            world.meta.replay(Lane::Main, "bob", "alice", &id, same_id, None).unwrap();
            world.settle();
        }
        assert_eq!(world.shown(), ["once"]);
        assert_eq!(world.waiting(), 0);
        world.bob_says("still here", None);
        assert_eq!(world.shown(), ["once", "still here"]);
    });
}

#[test]
fn a_chain_with_a_fault_stops_the_login_before_the_token_is_told() {
    for (fault, word) in ChainFault::ALL {
        let mut world = World::new(None, None);
        world.command(Command::Enlist).unwrap();
        world.meta.set_faults(Faults { chain: Some(*fault), ..Faults::default() });
        assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated, "{word}");
        let told = world.recorded.iter().any(|event| matches!(event, Event::Login { .. }));
        assert!(!told, "{word}");
        world.meta.set_faults(Faults::default());
        assert_eq!(world.command(Command::Connect), Ok(Reply::Done), "{word}");
    }
}

#[test]
fn a_bundle_with_a_fault_stops_the_text() {
    for (fault, word) in SignatureFault::ALL {
        let mut world = World::online(None, None);
        world.meta.set_faults(Faults { bundle_signature: Some(*fault), ..Faults::default() });
        assert_eq!(kind(world.says("secret")), FailureKind::Unauthenticated, "{word}");
        assert_eq!(world.received("message"), Vec::<&str>::new(), "{word}");
        world.meta.set_faults(Faults::default());
        assert!(world.says("secret").is_ok(), "{word}");
        assert_eq!(world.read(), ["secret"], "{word}");
    }
}

#[test]
fn content_with_a_fault_is_not_shown_and_the_next_one_is() {
    for (fault, word) in ContentFault::ALL.iter().filter(|(fault, _)| !fault.is_legal()) {
        let mut world = World::online(None, None);
        world.bob_says("wrong", Some(*fault));
        assert_eq!(world.shown(), Vec::<&str>::new(), "{word}");
        let retries = world.received("receipt");
        let asked = retries.iter().filter(|xml| xml.contains("type=\"retry\"")).count();
        let clear = [ContentFault::ClearBody, ContentFault::ClearPlaintext].contains(fault);
        assert_eq!(asked, usize::from(!clear), "{word}");
        assert_eq!((retries.len(), world.waiting()), (asked, 0), "{word}");
        world.bob_says("right", None);
        assert_eq!(world.shown(), ["right"], "{word}");
    }
}

#[test]
fn an_enlistment_that_is_refused_leads_nowhere() {
    let mut world = World::new(None, None);
    let reason = Some("bad_integrator".to_owned());
    world.meta.set_faults(Faults { enlistment_reason: reason, ..Faults::default() });
    assert_eq!(kind(world.command(Command::Enlist)), FailureKind::Forbidden);
    assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated);
    assert!(world.lines.is_empty());
}

#[test]
fn what_meta_refuses_of_a_faulty_third_party_is_refused() {
    for fault in [Fault::IdentityIsNotTheSigner, Fault::JwtNamesAnotherUser] {
        let mut world = World::new(None, Some(fault));
        assert_eq!(kind(world.command(Command::Enlist)), FailureKind::Forbidden, "{fault:?}");
    }
    for fault in [Fault::AuthkeyDiffers, Fault::LoginWithoutToken] {
        let mut world = World::new(None, Some(fault));
        world.command(Command::Enlist).unwrap();
        let outcome = world.command(Command::Connect);
        assert_eq!(kind(outcome), FailureKind::Unauthenticated, "{fault:?}");
    }
    for fault in [Fault::KdfPrefixAsSalt, Fault::KdfInfoHasRegistrationId, Fault::OmitsPrekeyId] {
        let mut world = World::online(None, Some(fault));
        assert!(world.says("hello").is_ok());
        assert_eq!(world.read(), Vec::<&str>::new(), "{fault:?}");
        let failed = |event: &Event| matches!(event, Event::Undecryptable { .. });
        assert!(world.recorded.iter().any(failed), "{fault:?}");
    }
}

#[test]
fn a_client_whose_prekeys_run_low_is_told_once_and_refills() {
    let published = |world: &World| -> Vec<(usize, usize, usize)> {
        let events = world.recorded.iter().filter_map(|event| match event {
            Event::Published { one_time, repeated, stock, .. } => {
                Some((*one_time, *repeated, *stock))
            }
            _ => None,
        });
        events.collect()
    };
    let mut world = World::online(None, None);
    assert!(world.meta.drain(Lane::Main, "alice", 99).is_err());
    world.meta.drain(Lane::Main, "alice", 5).unwrap();
    world.settle();
    assert_eq!(published(&world), [], "five are not few");
    world.meta.drain(Lane::Main, "alice", 1).unwrap();
    world.settle();
    assert_eq!(published(&world), [(50, 0, 51)]);
    assert_eq!(world.waiting(), 0, "the notice is acked");
    for (fault, expected) in [
        (Fault::LowStockIgnored, vec![]),
        (Fault::RefillRepeats, vec![(50, 50, 50)]),
        (Fault::RefillFloods, (1..=5).map(|n| (50, 0, 50 * n + 1)).collect()),
    ] {
        let mut world = World::online(None, Some(fault));
        world.meta.drain(Lane::Main, "alice", 1).unwrap();
        world.settle();
        assert_eq!(published(&world), expected, "{fault:?}");
    }
}

#[test]
fn a_signed_prekey_is_replaced_in_time_and_the_old_one_opens_until_it_is_dropped() {
    const DAY: u64 = 24 * 3600 * 1000;
    let wait = |world: &mut World, days: u64| {
        world.now = UnixMs(world.now.0 + days * DAY);
        world.client.handle(world.now, Input::Wake);
        world.settle();
    };
    let held = |world: &mut World, text: &str| {
        world.meta.hold_text(Lane::Main, "bob", "alice", text).unwrap().id
    };
    let release = |world: &mut World, id: &str| {
        world.meta.replay(Lane::Main, "bob", "alice", id, true, None).unwrap();
        world.settle();
    };
    let rotations = |world: &World| {
        let rotated = |event: &&Event| matches!(event, Event::Published { rotated: true, .. });
        world.recorded.iter().filter(rotated).count()
    };
    let mut world = World::online(None, None);
    let late = held(&mut world, "late");
    wait(&mut world, 7);
    assert_eq!(rotations(&world), 0);
    wait(&mut world, 1);
    assert_eq!(rotations(&world), 1);
    release(&mut world, &late);
    assert_eq!(world.shown(), ["late"]);
    // A second one is never released before its prekey is gone.
    let mut world = World::online(None, None);
    let too_late = held(&mut world, "too late");
    wait(&mut world, 8);
    wait(&mut world, 32);
    release(&mut world, &too_late);
    assert_eq!((world.shown(), rotations(&world)), (vec![], 2));
    let mut world = World::online(None, Some(Fault::RetiredPrekeyDropped));
    let late = held(&mut world, "late");
    wait(&mut world, 8);
    release(&mut world, &late);
    assert_eq!(world.shown(), Vec::<&str>::new());
    let mut world = World::online(None, Some(Fault::SignedPrekeyKept));
    wait(&mut world, 40);
    assert_eq!(rotations(&world), 0);
}

#[test]
fn a_mailbox_and_an_enlistment_last_for_thirty_days() {
    const DAY: u64 = 24 * 3600 * 1000;
    let mut world = World::online(None, None);
    world.command(Command::Disconnect).unwrap();
    world.bob_says("old", None);
    world.now = UnixMs(START.0 + 29 * DAY);
    world.bob_says("young", None);
    world.meta.handle(world.now, Input::Wake);
    assert_eq!(world.waiting(), 2);
    world.now = UnixMs(START.0 + 30 * DAY);
    world.meta.handle(world.now, Input::Wake);
    assert_eq!(world.waiting(), 1);
    world.forget();
    assert_eq!(kind(world.command(Command::Connect)), FailureKind::Unauthenticated);
    assert_eq!(world.command(Command::Enlist), Ok(Reply::Login(LOGIN.to_owned())));
    assert_eq!(world.command(Command::Connect), Ok(Reply::Done));
    assert_eq!(world.shown(), ["young"]);
}

#[test]
fn a_lost_line_is_repaired_by_itself() {
    let mut world = World::online(None, None);
    let (&conn, line) = world.lines.iter_mut().next().unwrap();
    line.client_closed = true;
    world.client.handle(world.now, Input::Closed { conn, error: Some("reset".to_owned()) });
    world.settle();
    world.bob_says("meanwhile", None);
    assert_eq!(world.shown(), Vec::<&str>::new());
    world.now = world.wake_at.take().expect("the client wants to come back");
    world.client.handle(world.now, Input::Wake);
    world.settle();
    assert_eq!(world.shown(), ["meanwhile"]);
}

/// How many schedules are tried, by how many threads.
const STORMS: u64 = 104;
const THREADS: u64 = 4;

/// What the users do in one of them.
const ACTS: usize = 14;

const ROUGH: Weather = Weather {
    losses_per_mille: 80,
    lost_messages_per_mille: 200,
    delay_ms_max: 700,
    piece_bytes_max: 300,
};

fn once(texts: &BTreeSet<String>) -> BTreeMap<&str, usize> {
    texts.iter().map(|text| (text.as_str(), 1)).collect()
}

/// Whatever the network does: in the end every text was shown exactly once, in both directions.
#[test]
fn whatever_the_network_does_both_sides_agree_in_the_end() {
    let lost = AtomicUsize::new(0);
    let agrees_under = |seed: u64| {
        let mut storm = Storm::new(seed);
        storm.blow(ROUGH, ACTS);
        assert_eq!(storm.shown(), once(&storm.sent), "to alice, seed {seed}");
        assert_eq!(storm.read(), once(&storm.accepted), "to bob, seed {seed}");
        assert_eq!(storm.world.waiting(), 0, "the mailbox is empty, seed {seed}");
        lost.fetch_add(storm.losses, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for first in 0..THREADS {
            let seeds = (first..STORMS).step_by(THREADS as usize);
            let agrees_under = &agrees_under;
            scope.spawn(move || seeds.for_each(agrees_under));
        }
    });
    let lost = lost.into_inner();
    assert!(lost > 2 * STORMS as usize, "only {lost} ends of connections were lost");
}

/// The schedules above would notice a client that forgets, and one that repeats.
#[test]
fn a_client_that_forgets_or_repeats_is_found_by_some_schedule() {
    for fault in [Fault::OutboxLost, Fault::OutboxAnew, Fault::MailboxDropped] {
        let found = (0..STORMS).find(|seed| {
            let mut storm = Storm::with_fault(*seed, Some(fault));
            storm.blow(ROUGH, ACTS);
            storm.shown() != once(&storm.sent) || storm.read() != once(&storm.accepted)
        });
        assert!(found.is_some(), "{fault:?}");
    }
}
