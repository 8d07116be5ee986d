//! What only a side of Meta's needs that hosts whoever comes: users whom nobody announced, and
//! connections that lead nowhere.
//!
//! A scenario names its users beforehand, so that everything follows from its seed. A developer's
//! client brings names of its own, and may leave a connection half open for ever.

use super::account::{User, enlistment_is_skipped};
use super::channel::State;
use super::{Account, Meta};
use crate::evidence::Lane;
use crate::limits::QUOTED_CHARS_MAX;
use crate::role::ConnId;
use crate::wire::Jid;
use crate::wire::jid::PHONE;
use rand::Rng as _;

/// Digits of an internal identifier.
const LOGIN_DIGITS: usize = 14;

impl Meta {
    /// From now on the subject of a valid token becomes a user, until there are `max`.
    pub fn admit_strangers(&mut self, max: usize) {
        self.users_max = Some(max);
    }

    /// All third-party users.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Enlists a user by hand: the client holds the private half of `authkey` and may log in.
    pub fn enlist_beforehand(&mut self, lane: Lane, actor: &str, authkey: [u8; 32]) {
        if let Some(at) = self.account_index(lane, actor) {
            self.accounts[at].enlisted = true;
            self.accounts[at].authkey = Some(authkey);
        }
    }

    /// True once a login was accepted on the connection.
    pub fn is_logged_in(&self, conn: ConnId) -> bool {
        self.accounts.iter().any(|account| account.online == Some(conn))
    }

    /// Closes a user's connection without a word.
    ///
    /// # Errors
    /// There is no such user, or it is offline.
    pub fn hang_up(&mut self, lane: Lane, actor: &str) -> Result<(), String> {
        let account = self.account(lane, actor).ok_or(format!("{actor} is unknown"))?;
        let conn = account.online.ok_or(format!("{actor} is not connected"))?;
        self.close(conn);
        Ok(())
    }

    /// Closes a connection on which no login came about, for a reason that is recorded.
    pub fn give_up(&mut self, conn: ConnId, why: &str) {
        let unfinished = self.channels.get(&conn).is_some_and(|channel| {
            !matches!(channel.state, State::Open(_)) || channel.account.is_none()
        });
        if unfinished {
            self.break_channel(conn, why);
        }
    }

    /// Makes a user of the subject of a token, where strangers are welcome and there is room.
    pub(super) fn newcomer(&mut self, visible_id: &str) -> Option<usize> {
        let room = self.users_max.is_some_and(|max| self.accounts.len() < max);
        let usable = !visible_id.is_empty() && visible_id.chars().count() <= QUOTED_CHARS_MAX;
        if !room || !usable {
            return None;
        }
        let login = if enlistment_is_skipped(&self.profile) {
            Jid::new(visible_id, PHONE)
        } else {
            Jid::interop(self.integrator.id, self.login_digits())
        };
        let (actor, visible_id) = (visible_id.to_owned(), visible_id.to_owned());
        self.expect_user(User { lane: self.lane, actor, visible_id, login });
        Some(self.accounts.len() - 1)
    }

    fn login_digits(&mut self) -> String {
        let digit = |_| char::from(b'1' + (self.rng.next_u32() % 9) as u8);
        (0..LOGIN_DIGITS).map(digit).collect()
    }
}
