//! What the user sees of each conversation: messages with their state, and notices.
//!
//! Main type: [`Threads`]. It knows neither stanzas nor keys. States only advance (RCP-002), and an
//! own message is found only together with its peer, so that a stranger's receipt changes nothing
//! (RCP-012).

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::effect::MessageState;
use crate::limits::THREAD_ITEMS_MAX;
use crate::wire::Jid;

/// One item of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ThreadItem {
    Own { id: String, text: String, state: MessageState },
    Theirs { id: String, from: Jid, text: String },
    Notice(String),
}

/// All conversations of a user, in the order of events; the oldest items are forgotten.
#[derive(Default)]
pub(super) struct Threads {
    items: VecDeque<(Jid, ThreadItem)>,
}

impl Threads {
    pub fn push(&mut self, with: &Jid, item: ThreadItem) {
        if self.items.len() >= THREAD_ITEMS_MAX {
            self.items.pop_front();
        }
        self.items.push_back((with.bare(), item));
    }

    /// All items of all conversations, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = &(Jid, ThreadItem)> {
        self.items.iter()
    }

    /// The conversation with a user.
    pub fn with(&self, with: &Jid) -> Vec<ThreadItem> {
        let with = with.bare();
        self.items.iter().filter(|(peer, _)| *peer == with).map(|(_, item)| item.clone()).collect()
    }

    /// Everybody with whom there is a conversation.
    pub fn peers(&self) -> BTreeSet<Jid> {
        self.items.iter().map(|(peer, _)| peer.clone()).collect()
    }

    /// Advances an own message; true if that changed its state.
    pub fn advance(&mut self, with: &Jid, id: &str, to: MessageState) -> bool {
        let with = with.bare();
        let own = self.items.iter_mut().rev().find_map(|(peer, item)| match item {
            ThreadItem::Own { id: own, state, .. } if own == id && *peer == with => Some(state),
            _ => None,
        });
        match own {
            Some(state) if *state < to => {
                *state = to;
                true
            }
            _ => false,
        }
    }

    /// The text of an own message to this peer.
    pub fn own_text(&self, with: &Jid, id: &str) -> Option<&str> {
        let with = with.bare();
        self.items.iter().rev().find_map(|(peer, item)| match item {
            ThreadItem::Own { id: own, text, .. } if own == id && *peer == with => Some(&**text),
            _ => None,
        })
    }

    /// To whom an own message went.
    pub fn recipient(&self, id: &str) -> Option<Jid> {
        self.items.iter().rev().find_map(|(peer, item)| match item {
            ThreadItem::Own { id: own, .. } if own == id => Some(peer.clone()),
            _ => None,
        })
    }

    /// Whether a conversation has a message of this id, and whether it is an own one.
    pub fn is_own(&self, with: &Jid, id: &str) -> Option<bool> {
        let with = with.bare();
        self.items.iter().rev().find_map(|(peer, item)| match item {
            ThreadItem::Own { id: known, .. } if known == id && *peer == with => Some(true),
            ThreadItem::Theirs { id: known, .. } if known == id && *peer == with => Some(false),
            _ => None,
        })
    }

    /// Ids and texts of own messages that this peer has not receipted.
    pub fn undelivered(&self, with: &Jid) -> Vec<(String, String)> {
        let with = with.bare();
        let waiting = self.items.iter().filter_map(|(peer, item)| match item {
            ThreadItem::Own { id, text, state }
                if *peer == with && *state < MessageState::Delivered =>
            {
                Some((id.clone(), text.clone()))
            }
            _ => None,
        });
        waiting.collect()
    }

    /// Puts a notice in place of an incoming message of somebody; true if there was one.
    pub fn revoke(&mut self, from: &Jid, id: &str, notice: &str) -> bool {
        let from = from.bare();
        let theirs = self.items.iter_mut().find(|(peer, item)| {
            *peer == from && matches!(item, ThreadItem::Theirs { id: known, .. } if known == id)
        });
        let found = theirs.map(|(_, item)| *item = ThreadItem::Notice(notice.to_owned()));
        found.is_some()
    }

    /// Sender and text of an incoming message of this id, the latest first.
    pub fn incoming(&self, id: &str) -> Option<(&Jid, &str)> {
        self.items.iter().rev().find_map(|(_, item)| match item {
            ThreadItem::Theirs { id: theirs, from, text } if theirs == id => Some((from, &**text)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob() -> Jid {
        Jid::new("15550001", "s.whatsapp.net")
    }

    fn threads() -> Threads {
        let mut threads = Threads::default();
        let (id, text) = ("A".to_owned(), "hi".to_owned());
        threads.push(&bob(), ThreadItem::Own { id, text, state: MessageState::Accepted });
        threads
    }

    #[test]
    fn a_state_only_advances() {
        let mut threads = threads();
        assert!(threads.advance(&bob(), "A", MessageState::Read));
        assert!(!threads.advance(&bob(), "A", MessageState::Delivered));
        assert!(!threads.advance(&bob(), "A", MessageState::Read));
        let [ThreadItem::Own { state, .. }] = &threads.with(&bob())[..] else { panic!("one item") };
        assert_eq!(*state, MessageState::Read);
    }

    #[test]
    fn another_peer_and_another_id_change_nothing() {
        let mut threads = threads();
        let stranger = Jid::new("15550002", "s.whatsapp.net");
        assert!(!threads.advance(&stranger, "A", MessageState::Read));
        assert!(!threads.advance(&bob(), "B", MessageState::Read));
        assert!(threads.advance(&bob().with_device(3), "A", MessageState::Delivered));
        assert_eq!(threads.own_text(&stranger, "A"), None);
        assert_eq!(threads.own_text(&bob(), "A"), Some("hi"));
        assert_eq!((threads.recipient("A"), threads.recipient("B")), (Some(bob()), None));
        assert!(
            threads.undelivered(&bob()).is_empty() && threads.undelivered(&stranger).is_empty()
        );
        assert!(threads.with(&stranger).is_empty());
    }

    #[test]
    fn only_its_sender_takes_a_message_back() {
        let mut threads = threads();
        let (id, text) = ("B".to_owned(), "yo".to_owned());
        threads.push(&bob(), ThreadItem::Theirs { id, from: bob(), text });
        assert_eq!(threads.is_own(&bob(), "A"), Some(true));
        assert_eq!(threads.is_own(&bob(), "B"), Some(false));
        let stranger = Jid::new("15550002", "s.whatsapp.net");
        assert_eq!(threads.is_own(&stranger, "B"), None);
        assert!(!threads.revoke(&stranger, "B", "gone"));
        assert!(!threads.revoke(&bob(), "A", "gone"), "an own message is not theirs to take back");
        assert_eq!(threads.with(&bob()).len(), 2);
        assert!(threads.revoke(&bob().with_device(2), "B", "gone"));
        assert_eq!(threads.with(&bob())[1], ThreadItem::Notice("gone".to_owned()));
        assert_eq!(threads.incoming("B"), None);
    }

    #[test]
    fn an_own_id_is_no_incoming_message() {
        let mut threads = threads();
        assert_eq!(threads.incoming("A"), None);
        let (id, text) = ("B".to_owned(), "yo".to_owned());
        threads.push(&bob(), ThreadItem::Theirs { id, from: bob(), text });
        assert_eq!(threads.incoming("B"), Some((&bob(), "yo")));
    }
}
