//! What the chat server does for a user beside messages and keys: blocking, deletion, reachability
//! and typing indicators (TF Part 3, Part 5.3, Part 6).
//!
//! Meta shows none of these forms to the public, so each name in them is the profile's. What a
//! scenario has a Meta client send is sent whether or not it is blocked: it was under way.

use super::Meta;
use crate::evidence::{Event, Lane, Stream};
use crate::spec::Profile;
use crate::stanza::blocklist::{self, Change};
use crate::stanza::chat_state::Form;
use crate::stanza::iq;
use crate::wire::{Jid, Node};

impl Meta {
    /// Answers a request for one of these services; `None` if it is for none of them.
    pub(super) fn service(&mut self, account: usize, node: &Node) -> Option<Node> {
        let xmlns = node.text("xmlns")?.into_owned();
        let is = |key: &str| self.profile.text(key) == Some(xmlns.as_str());
        let element = |key: &str| self.profile.text(key).and_then(|name| node.find(name)).cloned();
        if is("blocklist.xmlns") {
            return Some(self.blocklist(account, node));
        }
        if xmlns == "privacy"
            && node.text("type").as_deref() == Some("get")
            && let Some(setting) = self.profile.text("privacy.readreceipts")
        {
            let category =
                Node::new("category").attr("name", "readreceipts").attr("value", setting);
            return Some(iq::server_result(node).child(Node::new("privacy").child(category)));
        }
        if is("deletion.xmlns") && element("deletion.element").is_some() {
            return Some(self.delete(account, node));
        }
        let reachable = element("reachability.element").filter(|_| is("reachability.xmlns"))?;
        Some(self.reachable(account, node, &reachable))
    }

    fn blocklist(&mut self, account: usize, node: &Node) -> Node {
        if node.text("type").as_deref() == Some("set") {
            let change = node.kids().first().map(Change::from_node);
            let Some(Ok(Change { block, jid })) = change else {
                return iq::server_error(node, 400, "bad-request");
            };
            let what = if block { "block" } else { "unblock" };
            self.asked(account, what, Some(&jid));
            let blocked = &mut self.accounts[account].blocked;
            match block {
                true => blocked.insert(jid.bare()),
                false => blocked.remove(&jid.bare()),
            };
        } else {
            self.asked(account, "blocklist", None);
        }
        iq::server_result(node).child(blocklist::list(&self.accounts[account].blocked))
    }

    /// Deletes a user: keys and mailbox are gone, and only a new enlistment brings the user back
    /// (TF Part 6; PRV-005).
    fn delete(&mut self, account: usize, node: &Node) -> Node {
        self.asked(account, "deletion", None);
        let deleted = &mut self.accounts[account];
        deleted.enlisted = false;
        (deleted.authkey, deleted.keys) = (None, None);
        deleted.mailbox.retain(|_| false);
        deleted.blocked.clear();
        iq::server_result(node)
    }

    fn reachable(&mut self, account: usize, node: &Node, reachable: &Node) -> Node {
        let Some(jid) = reachable.find("user").and_then(|user| user.jid("jid")) else {
            return iq::server_error(node, 400, "bad-request");
        };
        self.asked(account, "reachability", Some(&jid));
        iq::server_result(node)
    }

    fn asked(&mut self, account: usize, what: &str, about: Option<&Jid>) {
        let about = about.map(ToString::to_string);
        let event = Event::Asked { what: what.to_owned(), about };
        self.record_for(account, Stream::published(), event);
    }

    /// Passes a typing indicator on to whoever is online; nobody gets it later (MSG-010).
    pub(super) fn chat_state(&mut self, account: usize, node: &Node) {
        let form = form(&self.profile);
        let (Some(on), Some(to)) = (form.read(node), node.jid("to")) else { return };
        let from = self.accounts[account].jid.clone();
        if let Some((_, name)) = self.client_by_jid(&to) {
            let lane = self.accounts[account].user.lane;
            let event = Event::Typing { from: from.to_string(), on };
            self.record_in(Stream::client(&name), lane, Some(name.clone()), event);
        } else if let Some(peer) = self.account_by_jid(&to)
            && !self.blocks(peer, &from)
            && let Some(conn) = self.accounts[peer].online
        {
            self.send(conn, &form.delivered(&from, on));
        }
    }

    /// Has a Meta client's user begin to type, or stop.
    ///
    /// # Errors
    /// One of them is unknown, or the user is offline.
    pub fn send_typing(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        on: bool,
    ) -> Result<(), String> {
        let client = self.clients.get(&(lane, from.to_owned()));
        let from = client.ok_or(format!("{from} is unknown"))?.jid().clone();
        let state = form(&self.profile).delivered(&from, on);
        self.send_stanza(lane, to, state)
    }

    /// Puts somebody on a user's blocklist, as another install of the user would have.
    ///
    /// # Errors
    /// The user is unknown, or the text is no address.
    pub fn block_beforehand(&mut self, lane: Lane, user: &str, jid: &str) -> Result<(), String> {
        let jid: Jid = jid.parse().map_err(|_| format!("`{jid}` is no address"))?;
        let account = self.account_index(lane, user).ok_or(format!("{user} is unknown"))?;
        self.accounts[account].blocked.insert(jid.bare());
        Ok(())
    }

    /// True if a user has blocked somebody.
    pub(super) fn blocks(&self, account: usize, whom: &Jid) -> bool {
        self.accounts[account].blocked.contains(&whom.bare())
    }
}

/// The form of typing indicators.
fn form(profile: &Profile) -> Form {
    let text = |key: &str| profile.text(key).unwrap_or_default().to_owned();
    Form { element: text("typing.element"), on: text("typing.on"), off: text("typing.off") }
}
