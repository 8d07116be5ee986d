//! Deliberate faults: messages that are handled a while after they came.
//!
//! A sound client handles a message, writes down what it has become, and acknowledges it then
//! (STZ-019). One that has a queue in memory between the two loses what is in it with the process.

use std::time::Duration;

use super::ThirdPartyClient;
use crate::clock::UnixMs;
use crate::role::quirk::Fault;
use crate::stanza::message::Message;
use crate::stanza::receipt;
use crate::wire::Node;

/// Longer than a scenario takes from the ack to the end of the process.
const PAUSE: Duration = Duration::from_secs(2);
/// How long receipts are collected before they are sent.
const COLLECTED: Duration = Duration::from_millis(400);
/// Long enough that what comes right behind a message is answered before it.
const QUEUED: Duration = Duration::from_millis(20);

impl ThirdPartyClient {
    /// True if the message was put aside, acknowledged or not.
    pub(super) fn postpones(&mut self, node: &Node) -> bool {
        let pause = if self.has(Fault::AckBeforeDurable) {
            self.acknowledge(node);
            PAUSE
        } else if self.has(Fault::AsksFromAQueue) {
            QUEUED
        } else {
            return false;
        };
        self.postponed.push((self.now.after(pause), node.clone()));
        true
    }

    /// Puts the receipt of a message aside that could not be read.
    pub(super) fn receipts_later(&mut self, node: &Node) {
        if self.has(Fault::ReceiptsCollected) {
            self.postponed.push((self.now.after(COLLECTED), node.clone()));
        }
    }

    /// Works off a queue before its program says that all is handled.
    pub fn empty_queue(&mut self, now: UnixMs) {
        if self.has(Fault::AsksFromAQueue) {
            self.now = now;
            self.handle_postponed(true);
        }
    }

    /// Handles what was put aside and is due, or all of it.
    pub(super) fn handle_postponed(&mut self, all: bool) {
        let now = self.now;
        let postponed = std::mem::take(&mut self.postponed);
        let (due, kept): (Vec<_>, Vec<_>) =
            postponed.into_iter().partition(|(at, _)| all || *at <= now);
        self.postponed = kept;
        for (_, node) in due {
            if self.has(Fault::ReceiptsCollected) {
                if let Ok(message) = Message::delivered(&node) {
                    self.send(&receipt::delivered(&message.id, &message.peer));
                }
                continue;
            }
            let acks = self.has(Fault::AsksFromAQueue);
            self.handle_message(&node, acks);
        }
    }

    /// When the next one is due.
    pub(super) fn next_postponed(&self) -> Option<UnixMs> {
        self.postponed.iter().map(|(at, _)| *at).min()
    }
}
