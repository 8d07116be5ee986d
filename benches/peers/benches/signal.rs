//! Signal sessions beside the bare library that ours run on, and beside Signal's own in Node.
//!
//! "Set-up" opens a session from a bundle, encrypts a first message and decrypts it at the other end;
//! "200 B one way" encrypts and decrypts in a session that stands. Node takes part where its packages
//! are installed (`fixtures/judges/libsignal-node/check.sh` does that).

#[path = "signal/bare.rs"]
mod bare;
#[path = "signal/node.rs"]
mod node;

use bare::Bare;
use counterpart::e2ee::{Address, Bundle, Party, PqxdhParty, SignatureCheck, X3dhParty};
use counterpart::seed::{Rng, Seed};
use counterpart_peers::{Contest, Goal, timed};
use node::Node;

const SET_UP: &str = "set-up and first message";
const ONE_WAY: &str = "200 B one way";
const TEXT: [u8; 200] = [b'x'; 200];

fn main() {
    let mut contest = Contest::from_args("Signal");
    // At most 5 % slower than the library alone.
    let goal = Goal::AtLeast(0.95);
    let (mut ours, mut bare) = (Ours::new(x3dh), Bare::pair());
    let own = timed(move || ours.open());
    contest.row(format!("v3 {SET_UP}"), goal, own, "wacore-libsignal", timed(move || bare.open()));
    let (mut ours, mut bare) = (Ours::settled(x3dh), Bare::settled());
    let own = timed(move || ours.say());
    contest.row(format!("v3 {ONE_WAY}"), goal, own, "wacore-libsignal", timed(move || bare.say()));
    beside_node(&mut contest, "v3", "x3dh", x3dh);
    beside_node(&mut contest, "v4", "pqxdh", pqxdh);
    contest.print();
}

fn beside_node(
    contest: &mut Contest,
    version: &str,
    release: &str,
    make: fn(Rng) -> Box<dyn Party>,
) {
    let peer = "libsignal-client in Node";
    for (what, verb) in [(SET_UP, "open"), (ONE_WAY, "say")] {
        let what = format!("{version} {what}");
        let mut node = match Node::start(release) {
            Ok(node) => node,
            Err(why) => {
                contest.absent(what, peer, why);
                continue;
            }
        };
        let mut ours = Ours::settled(make);
        let own = timed(move || if verb == "open" { ours.open() } else { ours.say() });
        contest.row(what, Goal::None, own, peer, move |times| node.measure(verb, times));
    }
}

fn x3dh(rng: Rng) -> Box<dyn Party> {
    Box::new(X3dhParty::new(rng))
}

fn pqxdh(rng: Rng) -> Box<dyn Party> {
    Box::new(PqxdhParty::new(rng))
}

/// Both ends of a session of ours.
struct Ours {
    alice: Box<dyn Party>,
    bob: Box<dyn Party>,
    bundle: Bundle,
}

impl Ours {
    fn new(make: fn(Rng) -> Box<dyn Party>) -> Self {
        let [alice, bob] = ["alice", "bob"].map(|name| make(Seed(1).rng(&["bench", name])));
        let bundle = Bundle {
            registration_id: bob.registration_id(),
            identity: bob.identity(),
            signed_prekey: bob.signed_prekey(),
            one_time: None,
            kem: bob.kem_prekey(),
        };
        Self { alice, bob, bundle }
    }

    fn settled(make: fn(Rng) -> Box<dyn Party>) -> Self {
        let mut ours = Self::new(make);
        ours.open();
        let reply = ours.bob.encrypt(&address("alice"), &TEXT).expect("there is a session");
        ours.alice.decrypt(&address("bob"), &reply).expect("it is genuine");
        ours
    }

    fn open(&mut self) {
        let (alice, bob) = (address("alice"), address("bob"));
        self.alice.drop_session(&bob);
        self.bob.drop_session(&alice);
        self.alice.process(&bob, &self.bundle, SignatureCheck::Always).expect("it is sound");
        self.say();
    }

    fn say(&mut self) {
        let message = self.alice.encrypt(&address("bob"), &TEXT).expect("there is a session");
        self.bob.decrypt(&address("alice"), &message).expect("it is genuine");
    }
}

fn address(name: &str) -> Address {
    Address::new(name, 0)
}
