//! A deliberate fault: messages that are acknowledged when they come and handled a while later.
//!
//! A sound client handles a message, writes down what it has become, and acknowledges it then
//! (STZ-019). One that has a queue in memory between the two loses what is in it with the process.

use std::time::Duration;

use super::ThirdPartyClient;
use crate::clock::UnixMs;
use crate::role::quirk::Fault;
use crate::wire::Node;

/// Longer than a scenario takes from the ack to the end of the process.
const PAUSE: Duration = Duration::from_secs(2);

impl ThirdPartyClient {
    /// True if the message was acknowledged and put aside.
    pub(super) fn postpones(&mut self, node: &Node) -> bool {
        if !self.has(Fault::AckBeforeDurable) {
            return false;
        }
        self.acknowledge(node);
        self.postponed.push((self.now.after(PAUSE), node.clone()));
        true
    }

    /// Handles what was put aside and is due, or all of it.
    pub(super) fn handle_postponed(&mut self, all: bool) {
        let now = self.now;
        let postponed = std::mem::take(&mut self.postponed);
        let (due, kept): (Vec<_>, Vec<_>) =
            postponed.into_iter().partition(|(at, _)| all || *at <= now);
        self.postponed = kept;
        for (_, node) in due {
            self.handle_message(&node, false);
        }
    }

    /// When the next one is due.
    pub(super) fn next_postponed(&self) -> Option<UnixMs> {
        self.postponed.iter().map(|(at, _)| *at).min()
    }
}
