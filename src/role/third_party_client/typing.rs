//! Typing indicators, out and in: sent at once or not at all, shown for a while, never kept
//! (TF §5.2.1; MSG-010).

use std::time::Duration;

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, Notification, Reply};
use super::link::Stage;
use super::settings::Values;
use crate::role::quirk::Fault;
use crate::stanza::ack;
use crate::stanza::chat_state::Form;
use crate::wire::{Jid, Node};

impl ThirdPartyClient {
    /// Tells a peer; who is offline tells nobody, and nobody later.
    pub(super) fn set_typing(&mut self, call: CallId, to: &Jid, on: bool) {
        if self.stage() != Some(Stage::Open) {
            if self.has(Fault::TypingKept) {
                self.kept_typing.push((to.clone(), on));
            }
            let failure = Failure::new(FailureKind::Unavailable, "the user is offline");
            return self.done(call, Err(failure));
        }
        if !self.has(Fault::TypingNeverSent) {
            self.send_typing(to, on);
        }
        self.done(call, Ok(Reply::Done));
    }

    fn send_typing(&mut self, to: &Jid, on: bool) {
        let state = form(&self.settings.values).sent(to, on);
        self.send(&state);
    }

    /// A deliberate fault: tells later what was to be told before.
    pub(super) fn send_kept_typing(&mut self) {
        for (to, on) in std::mem::take(&mut self.kept_typing) {
            self.send_typing(&to, on);
        }
    }

    /// True for a typing indicator.
    pub(super) fn is_chat_state(&self, node: &Node) -> bool {
        form(&self.settings.values).read(node).is_some()
    }

    /// Takes in an indicator; false if the stanza is none.
    pub(super) fn chat_state(&mut self, node: &Node) -> bool {
        let state = form(&self.settings.values).read(node).zip(node.jid("from"));
        let Some((on, from)) = state else { return false };
        if self.has(Fault::TypingAcked) {
            self.send(&ack::of_delivered(node));
        }
        if !self.has(Fault::TypingIgnored) {
            self.types(from.bare(), on);
        }
        true
    }

    fn types(&mut self, from: Jid, on: bool) {
        if !on {
            return self.stopped_typing(&from);
        }
        let shown = self.settings.values.int("typing.expires_s_max") / 2;
        let until = self.now.after(Duration::from_secs(shown.max(1)));
        if self.typing.len() < crate::limits::TYPING_MAX || self.typing.contains_key(&from) {
            let new = self.typing.insert(from.clone(), until).is_none();
            if new {
                self.notify(Notification::Typing { from, on });
            }
        }
    }

    /// Whoever has sent a message, or said so, types no more.
    pub(super) fn stopped_typing(&mut self, from: &Jid) {
        let from = from.bare();
        if self.typing.remove(&from).is_some() {
            self.notify(Notification::Typing { from, on: false });
        }
    }

    /// An indicator that nothing follows is believed for a while only.
    pub(super) fn expire_typing(&mut self) {
        if self.has(Fault::TypingNeverExpires) {
            return;
        }
        let now = self.now;
        let stale = self.typing.iter().filter(|(_, until)| **until <= now);
        for from in stale.map(|(from, _)| from.clone()).collect::<Vec<_>>() {
            self.stopped_typing(&from);
        }
    }
}

fn form(values: &Values) -> Form {
    let text = |key: &str| values.text(key).to_owned();
    Form { element: text("typing.element"), on: text("typing.on"), off: text("typing.off") }
}
