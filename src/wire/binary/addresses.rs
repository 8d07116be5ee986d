//! Reads addresses of all four kinds (`wire.md` §3.4, STZ-006).
//!
//! Part of [`Decoder`]. An address is refused where its text form could not be split again, for
//! then two readers could take it for two users; what real implementations contradict each other
//! in is accepted; its form tells which side it took.

use super::ahead::Ahead;
use super::decode::{Decoder, Result};
use super::form::{self, Form};
use super::tag;
use crate::wire::error::{Rule, WireError};
use crate::wire::jid::{INTEROP, Jid, MESSENGER, Parts};
use crate::wire::word::Word;

impl Decoder<'_> {
    /// Reads an address of any kind (`wire.md` §3.4, STZ-006).
    pub(super) fn jid(&mut self, ahead: &mut Ahead) -> Result<Jid> {
        let start = self.at;
        match self.byte()? {
            tag::JID_PAIR => self.jid_pair(start),
            tag::JID_DEVICE => self.jid_device(start),
            tag::JID_MESSENGER => self.jid_messenger(start),
            _ => self.jid_interop(start, ahead),
        }
    }

    fn jid_pair(&mut self, start: usize) -> Result<Jid> {
        let piece = self.forms.pieces.len();
        self.note(start, Form::JidPair { zero: false });
        let user = if self.data.get(self.at) == Some(&tag::EMPTY) {
            self.note(self.at, Form::Empty);
            self.at += 1;
            Word::default()
        } else {
            self.text()?
        };
        let server = self.text()?;
        if server.is_empty() {
            return Err(WireError::new(start, Rule::JidServer));
        }
        if [&user, &server].iter().any(|part| part.as_utf8().contains(&b'@')) {
            return Err(WireError::new(start, Rule::JidText));
        }
        let Parts { user: rest, device, integrator, zero } = Parts::of(&user, &server);
        self.forms.pieces[piece].form = Form::JidPair { zero };
        let user = if rest.len() == user.len() { user } else { Word::owned(rest) };
        Ok(Jid { user, device, integrator, server })
    }

    fn jid_device(&mut self, start: usize) -> Result<Jid> {
        let [domain, device] = self.array()?;
        self.note(start, Form::JidDevice { domain });
        let Some(server) = form::server(domain) else {
            return Err(WireError::new(start + 1, Rule::JidDomain(domain)));
        };
        let user = self.jid_user(start)?;
        Ok(Jid { user, device: device.into(), integrator: 0, server: Word::fixed(server) })
    }

    fn jid_messenger(&mut self, start: usize) -> Result<Jid> {
        self.note(start, Form::JidMessenger);
        let user = self.jid_user(start)?;
        let device = self.short()?;
        let at = self.at;
        let server = self.text()?;
        if server != MESSENGER {
            return Err(WireError::new(at, Rule::JidServer));
        }
        Ok(Jid { user, device, integrator: 0, server })
    }

    fn jid_interop(&mut self, start: usize, ahead: &mut Ahead) -> Result<Jid> {
        let piece = self.forms.pieces.len();
        self.note(start, Form::JidInterop { server: false });
        let user = self.jid_user(start)?;
        let device = self.short()?;
        let integrator = self.short()?;
        if integrator == 0 {
            return Err(WireError::new(self.at - 2, Rule::JidIntegrator));
        }
        let server = ahead.takes_server(self.data, self.at);
        if server {
            self.text()?;
            self.forms.pieces[piece].form = Form::JidInterop { server };
        }
        Ok(Jid { user, device, integrator, server: Word::fixed(INTEROP) })
    }

    /// Reads the user of an address whose device stands outside of it.
    fn jid_user(&mut self, start: usize) -> Result<Word> {
        if self.data.get(self.at) == Some(&tag::EMPTY) {
            return Err(WireError::new(start, Rule::JidUser));
        }
        let user = self.text()?;
        if user.is_empty() {
            return Err(WireError::new(start, Rule::JidUser));
        }
        if user.as_utf8().iter().any(|byte| matches!(byte, b':' | b'@')) {
            return Err(WireError::new(start, Rule::JidText));
        }
        Ok(user)
    }
}
