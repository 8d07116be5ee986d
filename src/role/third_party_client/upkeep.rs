//! What a client does only because time passes: it replaces its signed prekey, and forgets the
//! replaced ones once no message under them can come any more (X3DH §3.2; PRE-011).
//!
//! Main type: [`Upkeep`]. It knows nothing of what caused time to pass; a device that slept for a
//! month finds everything due at once and does each thing once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ThirdPartyClient;
use super::link::Stage;
use super::requests::What;
use crate::clock::UnixMs;
use crate::role::quirk::Fault;
use crate::role::signal::signed_key;
use crate::stanza::iq::IqType;
use crate::stanza::prekeys;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The signed prekeys with their times.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Upkeep {
    /// When the current signed prekey is to be replaced.
    rotate_at: Option<UnixMs>,
    /// Replaced ones, and until when they are kept.
    retired: Vec<(u32, UnixMs)>,
}

impl Upkeep {
    /// The next moment at which something is due.
    pub fn next(&self, online: bool) -> Option<UnixMs> {
        let forget = self.retired.iter().map(|(_, until)| *until);
        self.rotate_at.filter(|_| online).into_iter().chain(forget).min()
    }
}

impl ThirdPartyClient {
    /// Does what is due.
    pub(super) fn look_after_prekeys(&mut self) {
        let now = self.now;
        let kept = std::mem::take(&mut self.upkeep.retired);
        let (due, kept): (Vec<_>, Vec<_>) = kept.into_iter().partition(|(_, until)| *until <= now);
        self.upkeep.retired = kept;
        for (id, _) in due {
            self.party.drop_signed_prekey(id);
        }
        if self.stage() != Some(Stage::Open) {
            return;
        }
        match self.upkeep.rotate_at {
            Some(at) if at <= now => self.rotate(),
            Some(_) => {}
            None => self.upkeep.rotate_at = Some(now.after(self.rotation())),
        }
    }

    /// A quarter of the longest interval, so that a client that is offline for a while keeps it.
    fn rotation(&self) -> Duration {
        let days = self.settings.values.int("prekeys.rotation_days_max").max(1);
        DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX)) / 4
    }

    fn rotate(&mut self) {
        self.upkeep.rotate_at = Some(self.now.after(self.rotation()));
        self.changed();
        if self.has(Fault::SignedPrekeyKept) {
            return;
        }
        let old = self.party.signed_prekey().id;
        let signed = signed_key(self.party.rotate_signed_prekey());
        if self.has(Fault::RetiredPrekeyDropped) {
            self.party.drop_signed_prekey(old);
        } else {
            // As long as a message may wait in the mailbox, and a day more.
            let days = self.settings.values.int("mailbox.retention_days").saturating_add(1);
            let keep = DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX));
            self.upkeep.retired.push((old, self.now.after(keep)));
        }
        self.ask(IqType::Set, prekeys::XMLNS, vec![prekeys::rotation(&signed)], What::Rotation);
    }
}
