//! Reactions: one for each user and message, changed by another and taken back by an empty one
//! (TF §5.2.1; MSG-008, MSG-009).
//!
//! Main type: [`Reactions`]. A reaction to a message that the conversation does not have is about
//! nothing and is not shown.

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, Notification};
use super::recent::Recent;
use super::send::{Draft, Origin};
use crate::e2ee::content::{self, Target};
use crate::limits::IDS_REMEMBERED_MAX;
use crate::role::quirk::Fault;
use crate::stanza::message::Message;
use crate::wire::Jid;

/// What each user has put to each message.
pub(super) struct Reactions(Recent<(Jid, String), String>);

impl Default for Reactions {
    fn default() -> Self {
        Self(Recent::new(IDS_REMEMBERED_MAX))
    }
}

impl Reactions {
    /// All that are remembered.
    pub fn all(&self) -> &Recent<(Jid, String), String> {
        &self.0
    }

    pub fn all_mut(&mut self) -> &mut Recent<(Jid, String), String> {
        &mut self.0
    }

    /// Takes in a reaction; true if it changes what is shown.
    fn set(&mut self, from: Jid, id: &str, emoji: &str) -> bool {
        let key = (from, id.to_owned());
        let before = self.0.get(&key).map(String::as_str).unwrap_or_default();
        let changes = before != emoji;
        self.0.insert(key, emoji.to_owned());
        changes
    }

    fn has(&self, from: &Jid, id: &str) -> bool {
        self.0.get(&(from.clone(), id.to_owned())).is_some_and(|emoji| !emoji.is_empty())
    }
}

impl ThirdPartyClient {
    /// Puts a reaction to a message of this conversation.
    pub(super) fn react(&mut self, call: CallId, to: Jid, id: String, emoji: &str) {
        let unknown = || Failure::new(FailureKind::NotFound, "there is no such message");
        let own = self.sendable(&to, emoji);
        let own = own.and_then(|()| self.threads.is_own(&to, &id).ok_or_else(unknown));
        let from_me = match own {
            Ok(own) => own != self.has(Fault::ReactionFromWrongSide),
            Err(failure) => return self.done(call, Err(failure)),
        };
        if emoji.is_empty() && self.has(Fault::RevocationNotSent) {
            return self.done(call, Ok(super::Reply::Done));
        }
        let target = Target { id, from_me, chat: to.bare().to_string() };
        let content = content::reaction(&target, emoji, self.now.0);
        let id = self.message_id();
        self.contents.insert((to.bare(), id.clone()), content);
        let origin = Origin::Aside(call);
        self.dispatch(Draft { id, to, text: String::new(), origin });
    }

    /// Shows a peer's reaction, where it is about something and new.
    pub(super) fn reacted(&mut self, message: &Message, of: &Target, emoji: String) {
        let from = message.peer.bare();
        if self.has(Fault::ReactionsIgnored) || self.threads.is_own(&from, &of.id).is_none() {
            return;
        }
        let ignored = match emoji.is_empty() {
            true => self.has(Fault::RevocationIgnored),
            false => self.has(Fault::ReactionChangeIgnored) && self.reactions.has(&from, &of.id),
        };
        if !ignored && self.reactions.set(from.clone(), &of.id, &emoji) {
            self.notify(Notification::Reaction { from, id: of.id.clone(), emoji });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_one_reaction_to_a_message() {
        let [bob, ann] = ["15550001", "15550002"].map(|user| Jid::new(user, "s.whatsapp.net"));
        let mut reactions = Reactions::default();
        assert!(!reactions.set(bob.clone(), "A", ""), "there was none to take back");
        assert!(reactions.set(bob.clone(), "A", "👍"));
        assert!(!reactions.set(bob.clone(), "A", "👍"));
        assert!(reactions.set(bob.clone(), "A", "❤"));
        assert!(reactions.set(ann, "A", "❤"));
        assert!(reactions.has(&bob, "A") && !reactions.has(&bob, "B"));
        assert!(reactions.set(bob.clone(), "A", ""));
        assert!(!reactions.has(&bob, "A"));
    }
}
