//! A thief copies what a Meta client holds (ENC-009, ENC-010).
//!
//! Main function: [`Meta::steal`]. Everything that is copied was made by the harness, so it stands in
//! the transcript, and what the thief can read is judged from there. The client goes on unaware.

use serde_json::json;

use super::Meta;
use super::client::address;
use crate::evidence::{Event, Lane, Stream};

impl Meta {
    /// Records the client's session with a user and its long-lived keys, as they are now.
    ///
    /// # Errors
    /// There is no such client, no such user, or no session between them.
    pub fn steal(&mut self, lane: Lane, of: &str, with: &str, label: &str) -> Result<(), String> {
        let account = self.account_index(lane, with).ok_or(format!("{with} is unknown"))?;
        let peer = self.accounts[account].jid.to_string();
        let client = self.clients.get(&(lane, of.to_owned()));
        let client = client.ok_or(format!("{of} is unknown"))?;
        let session = client.party.snapshot(&address(&peer));
        let session = session.ok_or(format!("{of} has no session with {with} to steal"))?;
        let device = client.party.responder_keys(None);
        let event = Event::Compromised {
            label: label.to_owned(),
            with: peer,
            session: json!(session),
            device: device.map(|keys| json!(keys)),
        };
        self.record_in(Stream::client(of), lane, Some(of.to_owned()), event);
        Ok(())
    }
}
