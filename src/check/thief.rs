//! What a thief reads who copied a Meta client's keys and session at some moment (ENC-009, ENC-010).
//!
//! Main type: [`Thieves`], fed entry by entry, live and from the log: a theft is recorded with its
//! secrets, which the harness made, so whoever has the log counts the same. A *round trip* is a message
//! of the robbed client and the next answer to it; the channel has healed after so many of them when
//! the thief, who only listens, reads nothing that comes later.

use std::collections::BTreeSet;

use crate::e2ee::envelope::PreKeyEnvelope;
use crate::e2ee::{EncType, ResponderKeys, SessionSnapshot, diagnose};
use crate::evidence::{EncFacts, Entry, EntryId, Event, Lane};
use crate::verdict::Theft;
use crate::wire::Jid;

/// What the thief writes in the peer's name to show that he can.
const FORGED: &[u8] = b"\x0A\x05never\x01";

/// Messages to robbed clients, and what their thieves make of them.
#[derive(Default)]
pub(super) struct Thieves {
    messages: Vec<Message>,
    thieves: Vec<Thief>,
}

/// A message that a Meta client received, decrypted or not.
struct Message {
    at: Place,
    kind: String,
    bytes: Vec<u8>,
}

/// A lane, a Meta client in it, and the user who writes to it.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    lane: Lane,
    client: String,
    peer: String,
}

/// One theft and what came of it.
pub(super) struct Thief {
    pub label: String,
    at: Place,
    session: SessionSnapshot,
    device: Option<ResponderKeys>,
    earlier: usize,
    reads_earlier: usize,
    later: Vec<Later>,
    seen: BTreeSet<Vec<u8>>,
    trips: usize,
    asked: bool,
    untold: bool,
    forged: usize,
    /// The last message that it was tried on.
    pub evidence: EntryId,
}

/// A message after the theft.
struct Later {
    /// Round trips that were complete with it.
    trips: usize,
    read: bool,
}

/// When the thief is shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Healed {
    After(usize),
    /// The last message is still read.
    NotYet,
    /// Nothing came that would show it, or the version's keys are not judged.
    Untold,
}

impl Thieves {
    /// Takes in an entry and gives the thieves for whom something changed.
    pub(super) fn observe(&mut self, entry: &Entry) -> Vec<&Thief> {
        let Some(client) = entry.actor.clone() else { return Vec::new() };
        let place =
            |peer: &str| Place { lane: entry.lane, client: client.clone(), peer: bare(peer) };
        let changed = match &entry.event {
            Event::Compromised { label, with, session, device } => {
                let device = device.clone().and_then(|keys| serde_json::from_value(keys).ok());
                let session = serde_json::from_value(session.clone()).ok();
                self.steal(entry, label, place(with), session, device)
            }
            Event::Encrypted { to, .. } => {
                let at = place(to);
                self.thieves.iter_mut().filter(|thief| thief.at == at).for_each(|t| t.asked = true);
                None
            }
            Event::Decrypted { from, enc, .. } | Event::Undecryptable { from, enc, .. } => {
                self.arrived(entry, place(from), enc)
            }
            _ => None,
        };
        let changed = changed.unwrap_or(Vec::new());
        self.thieves
            .iter()
            .enumerate()
            .filter(|(n, _)| changed.contains(n))
            .map(|(_, t)| t)
            .collect()
    }

    /// All thieves, in the order of their thefts.
    pub(super) fn all(&self) -> impl Iterator<Item = &Thief> {
        self.thieves.iter()
    }

    fn steal(
        &mut self,
        entry: &Entry,
        label: &str,
        at: Place,
        session: Option<SessionSnapshot>,
        device: Option<ResponderKeys>,
    ) -> Option<Vec<usize>> {
        let mut thief = Thief {
            label: label.to_owned(),
            at: at.clone(),
            session: session?,
            device,
            earlier: 0,
            reads_earlier: 0,
            later: Vec::new(),
            seen: BTreeSet::new(),
            trips: 0,
            asked: false,
            untold: false,
            forged: 0,
            evidence: entry.id.clone(),
        };
        for message in self.messages.iter().filter(|message| message.at == at) {
            thief.looks_back(message);
        }
        self.thieves.push(thief);
        Some(vec![self.thieves.len() - 1])
    }

    fn arrived(&mut self, entry: &Entry, at: Place, enc: &EncFacts) -> Option<Vec<usize>> {
        let message = Message { at, kind: enc.kind.clone(), bytes: enc.bytes.bytes()? };
        let thieves = self.thieves.iter_mut().enumerate();
        let mut concerned = thieves.filter(|(_, thief)| thief.at == message.at);
        let changed =
            concerned.by_ref().filter_map(|(n, t)| t.listens(&message, entry).then_some(n));
        let changed: Vec<usize> = changed.collect();
        self.messages.push(message);
        Some(changed)
    }
}

impl Thief {
    fn looks_back(&mut self, message: &Message) {
        if self.seen.insert(message.bytes.clone()) {
            self.earlier += 1;
            let read = self.reads(message);
            self.untold |= read.is_none();
            self.reads_earlier += usize::from(read == Some(true));
        }
    }

    /// False for a ciphertext that came before: it says nothing about new keys.
    fn listens(&mut self, message: &Message, entry: &Entry) -> bool {
        if !self.seen.insert(message.bytes.clone()) {
            return false;
        }
        self.trips += usize::from(std::mem::take(&mut self.asked));
        let read = self.reads(message);
        self.untold |= read.is_none();
        let forged = self.session.forge(&message.bytes, FORGED);
        self.forged += usize::from(forged.is_some_and(|f| self.session.reads(&f) == Some(true)));
        self.later.push(Later { trips: self.trips, read: read == Some(true) });
        self.evidence = entry.id.clone();
        true
    }

    /// Whether the stolen keys open a message: by the session, or, for a first message, by the
    /// robbed client's long-lived keys. One-time prekeys are not among them: they are deleted with
    /// their use (X3DH §3.4).
    fn reads(&self, message: &Message) -> Option<bool> {
        if EncType::parse(&message.kind) != Some(EncType::PkMsg) {
            return self.session.reads(&message.bytes);
        }
        let first = PreKeyEnvelope::parse(&message.bytes).ok()?;
        let by_session = self.session.reads(&first.message_bytes)?;
        let device = self.device.as_ref()?;
        Some(by_session || diagnose(device, &message.bytes).fits.is_some())
    }

    /// When the thief was shut out, as far as the messages show.
    pub(super) fn healed(&self) -> Healed {
        if self.untold {
            return Healed::Untold;
        }
        let Some(last) = self.later.last() else { return Healed::Untold };
        let last_read = self.later.iter().rev().find(|message| message.read);
        match last_read {
            None => Healed::After(0),
            Some(read) if read.trips < last.trips => Healed::After(read.trips),
            Some(_) => Healed::NotYet,
        }
    }

    /// The fields of an observation.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let healed = match self.healed() {
            Healed::After(trips) => trips.to_string(),
            Healed::NotYet => "never".to_owned(),
            Healed::Untold => "untold".to_owned(),
        };
        let reads_earlier =
            if self.untold { "untold".to_owned() } else { self.reads_earlier.to_string() };
        vec![
            ("of", self.label.clone()),
            ("earlier", self.earlier.to_string()),
            ("reads_earlier", reads_earlier),
            ("later", self.later.len().to_string()),
            ("reads_later", self.read_later().to_string()),
            ("round_trips", self.trips.to_string()),
            ("healed_after", healed),
            ("forges", self.forged.to_string()),
        ]
    }

    /// The client that was robbed and the lane that it belongs to.
    pub(super) fn robbed(&self) -> (Lane, &str) {
        (self.at.lane, &self.at.client)
    }

    /// The numbers as a report holds them.
    pub(super) fn outcome(&self) -> Theft {
        let healed_after = match self.healed() {
            Healed::After(trips) => Some(trips),
            Healed::NotYet | Healed::Untold => None,
        };
        Theft {
            label: self.label.clone(),
            earlier: self.earlier,
            opened: (!self.untold).then_some(self.reads_earlier),
            round_trips: self.trips,
            healed_after,
        }
    }

    /// The numbers in plain words.
    pub(super) fn sentence(&self) -> String {
        let Self { label, earlier, reads_earlier, .. } = self;
        let client = &self.at.client;
        let when = format!("a thief of {client}'s keys ({label}), after message {earlier},");
        if self.untold {
            return format!("{when} cannot be followed: the keys of this version are not judged");
        }
        let back = format!("{when} reads {reads_earlier} of {earlier} earlier messages");
        let (read, later) = (self.read_later(), self.later.len());
        match self.healed() {
            Healed::After(trips) => format!(
                "{back}; the channel heals after {} ({read} of {later} later messages read)",
                round_trips(trips)
            ),
            Healed::NotYet if self.trips == 0 => {
                format!("{back} and {read} of {later} later ones; no round trip followed")
            }
            Healed::NotYet => format!(
                "{back} and {read} of {later} later ones; the channel has not healed after {}",
                round_trips(self.trips)
            ),
            Healed::Untold => format!("{back}; nothing came later"),
        }
    }

    fn read_later(&self) -> usize {
        self.later.iter().filter(|message| message.read).count()
    }
}

fn round_trips(count: usize) -> String {
    if count == 1 { "1 round trip".to_owned() } else { format!("{count} round trips") }
}

/// A user, whatever device a message came from.
fn bare(jid: &str) -> String {
    jid.parse::<Jid>().map_or(jid.to_owned(), |jid| jid.bare().to_string())
}

#[cfg(test)]
mod tests;
