//! Where the encoder gets the form of each value from.
//!
//! Main trait: [`Choice`], with two sources: a [`Style`], and [`Replay`] of the forms of a captured
//! stanza. A form that does not fit its value never reaches the encoder; it gives way to the one
//! that open clients choose.

use std::slice;

use super::form::{Form, Forms, Piece, Text, is_writable};
use super::style::Style;
use crate::wire::jid::Jid;

/// Chooses the form of each value; asked in the order in which the values are written.
pub(super) trait Choice {
    fn list(&mut self, count: usize) -> Form;
    /// A tag, a key or a part of an address.
    fn name(&mut self, text: Text<'_>) -> Form;
    fn value(&mut self, text: Text<'_>) -> Form;
    /// The user of an address that is a pair; may be empty.
    fn pair_user(&mut self, text: Text<'_>) -> Form;
    /// Nothing if the address is to be written as a string.
    fn jid(&mut self, jid: &Jid) -> Option<Form>;
    fn bytes(&mut self, bytes: &[u8]) -> Form;
    /// Whether an empty list of children is written at all.
    fn writes_empty_list(&self) -> bool;
}

impl Choice for Style {
    fn list(&mut self, count: usize) -> Form {
        Style::list(*self, count)
    }

    fn name(&mut self, text: Text<'_>) -> Form {
        self.text(text)
    }

    fn value(&mut self, text: Text<'_>) -> Form {
        Style::value(*self, text)
    }

    fn pair_user(&mut self, text: Text<'_>) -> Form {
        if text.is_empty() { Form::Empty } else { self.text(text) }
    }

    fn jid(&mut self, jid: &Jid) -> Option<Form> {
        Style::jid(*self, jid)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Form {
        Style::bytes(*self, bytes.len())
    }

    fn writes_empty_list(&self) -> bool {
        false
    }
}

/// The forms of a captured stanza, one after the other.
pub(super) struct Replay<'a> {
    pieces: slice::Iter<'a, Piece>,
    /// How many coming strings are parts of an address that was none when it was captured.
    formless: usize,
    /// Where the value stood whose form was given last; nothing if that form did not fit.
    taken_at: Option<usize>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(forms: &'a Forms) -> Self {
        Self { pieces: forms.pieces.iter(), formless: 0, taken_at: None }
    }

    /// Tells where the value stands whose form was just given, unless it was not the captured one.
    pub(super) fn taken_at(&self) -> Option<usize> {
        self.taken_at
    }

    /// Gives the next form if it fits; a form that does not takes its parts with it.
    fn next(&mut self, fits: impl Fn(Form) -> bool) -> Option<Form> {
        self.taken_at = None;
        if self.formless > 0 {
            self.formless -= 1;
            return None;
        }
        let Piece { form, start } = *self.pieces.next()?;
        if fits(form) {
            self.taken_at = Some(start as usize);
            return Some(form);
        }
        for _ in 0..form.jid_parts() {
            self.pieces.next();
        }
        None
    }
}

impl Choice for Replay<'_> {
    fn list(&mut self, count: usize) -> Form {
        let fits = |form: Form| form.fits_list(count) || form == Form::Empty && count == 0;
        self.next(fits).unwrap_or(Form::list(count))
    }

    fn name(&mut self, text: Text<'_>) -> Form {
        self.value(text)
    }

    fn value(&mut self, text: Text<'_>) -> Form {
        self.next(|form| form.fits_text(text.utf8())).unwrap_or_else(|| Form::text(text))
    }

    fn pair_user(&mut self, text: Text<'_>) -> Form {
        self.value(text)
    }

    fn jid(&mut self, jid: &Jid) -> Option<Form> {
        let fitting = self.next(|form| form.fits_jid(jid));
        if fitting.is_none() {
            self.formless = Form::jid(jid).jid_parts();
        }
        fitting.or_else(|| Some(Form::jid(jid)))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Form {
        let text = std::str::from_utf8(bytes).unwrap_or("");
        let whole = text.len() == bytes.len();
        let fits = |form: Form| match form {
            form if form.is_jid() => {
                let jid = content_jid(text);
                whole && is_writable(&jid) && form.fits_jid(&jid)
            }
            Form::Empty => false,
            _ => form.fits_bytes(bytes.len()) || whole && form.fits_text(bytes),
        };
        self.next(fits).unwrap_or(Form::raw(bytes.len()))
    }

    fn writes_empty_list(&self) -> bool {
        true
    }
}

/// The address whose text form is a content; any text is at least the name of a server.
pub(super) fn content_jid(text: &str) -> Jid {
    let (user, server) = text.split_once('@').unwrap_or(("", text));
    Jid::new(user, server)
}
