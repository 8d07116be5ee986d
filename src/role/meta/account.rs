//! Third-party users as Meta knows them.

use std::collections::{BTreeSet, VecDeque};

use super::Meta;
use super::mailbox::Mailbox;
use crate::clock::UnixMs;
use crate::evidence::Lane;
use crate::limits::PREKEYS_REMEMBERED_MAX;
use crate::role::ConnId;
use crate::spec::Profile;
use crate::stanza::prekeys::{KemKey, Key, SignedKey, Upload, UserBundle};
use crate::wire::Jid;
use crate::wire::jid::{LID, PHONE};

/// A user that the case expects, before and after enlistment.
#[derive(Clone, Debug)]
pub struct User {
    pub lane: Lane,
    pub actor: String,
    pub visible_id: String,
    /// The internal identifier, fixed beforehand so that it follows from the seed.
    pub login: Jid,
}

/// Everything that Meta keeps of a user.
pub struct Account {
    pub user: User,
    pub jid: Jid,
    /// The static Noise key given at enlistment; in a companion login that of the first login.
    pub authkey: Option<[u8; 32]>,
    pub enlisted: bool,
    /// Another device has enlisted since.
    pub(super) elsewhere: bool,
    pub(super) keys: Option<Keys>,
    /// The bundle that was handed out last.
    pub(super) served: Option<UserBundle>,
    pub(super) online: Option<ConnId>,
    /// Stanzas that were not acked yet, oldest first.
    pub(super) mailbox: Mailbox,
    /// Digests of the messages that the user sent last.
    pub(super) heard: VecDeque<[u8; 32]>,
    /// What the user has published so far.
    pub(super) published: Published,
    /// Whom the user has blocked.
    pub(super) blocked: BTreeSet<Jid>,
    /// When the user was enlisted or connected last.
    pub(super) last_seen: UnixMs,
}

/// One-time prekeys that were published, so that a repeated one is seen.
#[derive(Default)]
pub(super) struct Published {
    ids: BTreeSet<u32>,
    values: BTreeSet<[u8; 32]>,
    /// The client was told that its stock is low, and has not uploaded since.
    pub told: bool,
    /// Counts what it was told, to name the notifications.
    pub notices: u32,
}

impl Published {
    /// Takes in the one-time prekeys of an upload; how many were there before.
    pub fn add(&mut self, keys: &VecDeque<Key>) -> usize {
        let mut repeated = 0;
        for key in keys {
            let known = self.ids.contains(&key.id) || self.values.contains(&key.value);
            repeated += usize::from(known);
            if self.ids.len() < PREKEYS_REMEMBERED_MAX {
                self.ids.insert(key.id);
                self.values.insert(key.value);
            }
        }
        repeated
    }

    /// True once the client has uploaded one-time prekeys.
    pub fn any(&self) -> bool {
        !self.ids.is_empty()
    }
}

/// The published half of a client's Signal keys.
pub(super) struct Keys {
    pub registration_id: u32,
    pub identity: [u8; 32],
    pub signed: SignedKey,
    pub one_time: VecDeque<Key>,
    /// Only an upload brings one; the enlistment form has no place for it.
    pub kem: Option<KemKey>,
}

impl From<Upload> for Keys {
    fn from(upload: Upload) -> Self {
        Self {
            registration_id: upload.registration_id,
            identity: upload.identity,
            signed: upload.signed,
            one_time: upload.one_time.into(),
            kem: upload.kem,
        }
    }
}

impl Account {
    /// True if a message can be encrypted to the user.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// True once one-time prekeys are there: the client's own upload, not the enlistment's part.
    pub fn has_uploaded(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| !keys.one_time.is_empty())
    }

    /// True while a login is in force.
    pub fn is_online(&self) -> bool {
        self.online.is_some()
    }

    /// The connection of the login in force.
    pub fn connection(&self) -> Option<ConnId> {
        self.online
    }

    /// Stanzas that wait for the user, or for the user's ack.
    pub fn waiting(&self) -> usize {
        self.mailbox.len()
    }
}

impl Meta {
    /// Makes a user known. Under a profile without enlistment it may log in at once.
    pub fn expect_user(&mut self, user: User) {
        let enlisted = enlistment_is_skipped(&self.profile);
        let jid = user.login.clone();
        let (authkey, keys, online) = (None, None, None);
        let (mailbox, published) = (Mailbox::default(), Published::default());
        let last_seen = self.now;
        self.accounts.push(Account {
            user,
            jid,
            authkey,
            enlisted,
            elsewhere: false,
            keys,
            served: None,
            online,
            mailbox,
            heard: VecDeque::new(),
            published,
            blocked: BTreeSet::new(),
            last_seen,
        });
    }

    /// The account of an actor in a lane.
    pub fn account(&self, lane: Lane, actor: &str) -> Option<&Account> {
        self.account_index(lane, actor).map(|at| &self.accounts[at])
    }

    pub(super) fn account_index(&self, lane: Lane, actor: &str) -> Option<usize> {
        self.accounts.iter().position(|a| a.user.lane == lane && a.user.actor == actor)
    }
}

/// The hidden address of a native user. That it has the digits of the number is ours.
pub(super) fn lid(jid: &Jid) -> Jid {
    Jid::new(jid.user.as_str(), LID)
}

/// True if both name one user; a native user has a number and a hidden address.
pub(super) fn same_user(a: &Jid, b: &Jid) -> bool {
    let native = |jid: &Jid| jid.server == PHONE || jid.server == LID;
    a.bare() == b.bare() || (native(a) && native(b) && a.user == b.user)
}

/// True where the login comes from the account and no call of the enlistment API is made.
pub fn enlistment_is_skipped(profile: &Profile) -> bool {
    profile.text("login.authenticated_by") == Some("companion")
}
