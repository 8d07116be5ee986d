//! Outside judges of the end-to-end layer: Signal's own client library, npm
//! `@signalapp/libsignal-client`, in the last release that speaks X3DH and in one that speaks PQXDH.
//!
//! `fixtures/judges/libsignal-node/check.sh` runs the live conversations, which are ignored here
//! because they need npm packages; with `--record` it writes them down. What was recorded is
//! replayed by every `cargo test`.

#[path = "judges/node.rs"]
mod node;
#[path = "judges/talk.rs"]
mod talk;
#[path = "judges/tape.rs"]
mod tape;

use node::Node;
use talk::{Begins, Talk};
use tape::{Judge, Tape};

/// Every conversation with a judge: who begins, and whether there is a one-time prekey.
fn settings(judge: Judge) -> impl Iterator<Item = Tape> {
    let begins = [Begins::We, Begins::They].into_iter();
    let all = begins.flat_map(|begins| [(begins, true), (begins, false)]);
    all.map(move |(begins, one_time)| Tape::new(judge, begins, one_time))
}

fn live(judge: Judge) {
    for tape in settings(judge) {
        let node = Node::start(judge.word());
        let (tape, ours) = Talk::live(tape, node).converse();
        let (name, theirs) = (tape.name(), tape.read_by_us());
        println!("judge {name}: {ours} messages of ours and {theirs} of theirs understood");
        assert!(ours + theirs >= 16, "the conversation was too short");
        assert!(tape.direction_changes() >= 8, "{} changes", tape.direction_changes());
        if std::env::var_os("COUNTERPART_RECORD").is_some() {
            tape.save();
        }
    }
}

#[test]
#[ignore = "needs npm packages: run fixtures/judges/libsignal-node/check.sh"]
fn libsignal_client_0_72_1_understands_x3dh_and_is_understood() {
    live(Judge::X3dh);
}

#[test]
#[ignore = "needs npm packages: run fixtures/judges/libsignal-node/check.sh"]
fn libsignal_client_0_103_0_understands_pqxdh_and_is_understood() {
    live(Judge::Pqxdh);
}

#[test]
fn recorded_conversations_are_understood_again() {
    for judge in [Judge::X3dh, Judge::Pqxdh] {
        for setting in settings(judge) {
            let tape = Tape::load(&setting.name());
            assert!(tape.read_by_us() >= 8, "{} holds hardly anything", tape.name());
            assert!(tape.refused_by_us() >= 2, "{} refuses nothing", tape.name());
            Talk::replay(setting, tape);
        }
    }
}
