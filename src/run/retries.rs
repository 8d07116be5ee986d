//! What a Meta client does about messages that were sent before: it asks for them again, sends them
//! again, or has lost what they need.

use super::session::Session;
use crate::role::meta::Asking;
use crate::scenario::{Mutation, Payload, Send};

impl Session<'_> {
    pub(super) fn send_about_earlier(
        &mut self,
        send: &Send,
        label: Option<&str>,
    ) -> Result<(), String> {
        let (lane, from, to) = (self.lane, &send.from, &send.to);
        let (of, times) = match &send.payload {
            Payload::Lose(loss) => return self.meta.lose_keys(lane, from, to, *loss),
            Payload::Unsent(count) => {
                return self.meta.write_unsent(lane, from, to, usize::from(*count));
            }
            Payload::AskAgain { of, times, .. } | Payload::Resend { of, times, .. } => (of, *times),
            _ => return Ok(()),
        };
        let id = self.recorder.progress.board(lane).value(&format!("{of}.id"));
        let id = id.ok_or(format!("`{of}` was not sent"))?;
        for _ in 0..times {
            match &send.payload {
                Payload::AskAgain { count, keys, .. } => {
                    let signature = match send.mutate {
                        Some(Mutation::BundleSignature(fault)) => Some(fault),
                        _ => None,
                    };
                    let (count, keys) = (u32::from(*count), *keys);
                    let asking = Asking { id: &id, count, keys, signature };
                    self.meta.ask_again(lane, from, to, &asking)?;
                }
                Payload::Resend { spoilt, .. } => {
                    self.meta.send_again(lane, from, to, &id, *spoilt)?;
                }
                _ => {}
            }
        }
        self.bind_id(label, &id);
        Ok(())
    }
}
