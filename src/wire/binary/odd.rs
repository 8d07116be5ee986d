//! Writes a stanza with one legal oddity wherever it fits.
//!
//! Main function: [`encode_oddly`]. A [`Variant`] names what a reader may meet; this is the writer
//! of it, for a subject whose encoder differs from the usual one in exactly that. Values that the
//! oddity does not concern are written as open clients do, so that a reader who stumbles has
//! stumbled over it (`wire.md` §3, §10.1).

use super::choice::Choice;
use super::form::{Form, Text};
use super::packed::{Alphabet, PAD};
use super::variant::Variant;
use crate::limits::PACKED_CHARS_MAX;
use crate::wire::error::WireError;
use crate::wire::jid::{HOSTED, INTEROP, Jid, LID, MESSENGER, PHONE};
use crate::wire::node::{AttrValue, Content, Node};

/// The domain byte of hosted users that no encoder writes by itself.
const OTHER_HOSTED: u8 = 130;
/// A pad that no encoder writes by itself, and the bits above a length that mean nothing.
const ODD_BITS: u8 = 5;

/// Encodes a node in which everything is as usual, but for the values that the variant concerns.
///
/// # Errors
/// As [`super::encode`].
pub fn encode_oddly(node: &Node, variant: Variant) -> Result<Vec<u8>, WireError> {
    let node = prepared(node, variant);
    super::encode::run(&node, Odd(variant)).map(|(bytes, _)| bytes)
}

/// What must be changed in the node itself: two oddities are none of single values.
fn prepared(node: &Node, variant: Variant) -> Node {
    let mut node = node.clone();
    match (variant, &mut node.content) {
        (Variant::EmptyContent, content @ Content::None) => *content = Content::Children(vec![]),
        (_, Content::Children(children)) => {
            children.iter_mut().for_each(|child| *child = prepared(child, variant));
        }
        _ => {}
    }
    if variant == Variant::InteropJidServerLost {
        node.attrs.iter_mut().for_each(|(_, value)| lose_server(value));
    }
    node
}

fn lose_server(value: &mut AttrValue) {
    if let AttrValue::Jid(jid) = value
        && jid.integrator > 0
    {
        let user = format!("{}-{}", jid.integrator, jid.user);
        *jid = Jid { user: user.into(), device: 0, integrator: 0, server: PHONE.into() };
    }
}

struct Odd(Variant);

impl Odd {
    fn string(&self, text: Text<'_>, usual: Form) -> Form {
        match (self.0, usual) {
            (Variant::WordSpelledOut, Form::Token(_))
            | (Variant::DigitsSpelledOut, Form::Packed { .. }) => Form::raw(text.len()),
            (Variant::PackedAsHex, Form::Packed { alphabet: Alphabet::Nibble, pad })
                if Alphabet::Hex.fits(text.utf8()) =>
            {
                Form::Packed { alphabet: Alphabet::Hex, pad }
            }
            (Variant::PackedPad, Form::Packed { alphabet, .. }) if text.len() % 2 == 1 => {
                Form::Packed { alphabet, pad: ODD_BITS }
            }
            (Variant::PackedBeyondBound, Form::Raw8)
                if text.len() > PACKED_CHARS_MAX && Alphabet::Nibble.fits(text.utf8()) =>
            {
                Form::Packed { alphabet: Alphabet::Nibble, pad: PAD }
            }
            (_, Form::Raw8 | Form::Raw20 { .. }) => self.length(usual),
            _ => usual,
        }
    }

    /// Another length of something raw, where the length is what is odd.
    fn length(&self, usual: Form) -> Form {
        match self.0 {
            Variant::LongLength => Form::Raw32,
            Variant::LengthBits => Form::Raw20 { unused: ODD_BITS },
            _ => usual,
        }
    }

    /// The form of an address that is odd, if the variant is about such addresses.
    fn address(&self, jid: &Jid) -> Option<Form> {
        let is = |server: &str| jid.server == server;
        match self.0 {
            Variant::InteropJidWithoutServer if is(INTEROP) => {
                Some(Form::JidInterop { server: false })
            }
            Variant::InteropJidAsPair if is(INTEROP) => Some(Form::JidPair { zero: false }),
            Variant::InteropJidServerLost if jid.user.contains('-') => {
                Some(Form::JidDevice { domain: 0 })
            }
            Variant::MessengerJidAsPair if is(MESSENGER) => Some(Form::JidPair { zero: false }),
            Variant::DeviceJidAsPair if jid.device > 0 && (is(PHONE) || is(LID)) => {
                Some(Form::JidPair { zero: false })
            }
            Variant::DeviceZero if jid.device == 0 && (is(PHONE) || is(LID)) => {
                Some(Form::device(jid))
            }
            Variant::DeviceZeroSpelledOut if !jid.user.is_empty() => {
                Some(Form::JidPair { zero: true })
            }
            Variant::HostedDomain if is(HOSTED) => Some(Form::JidDevice { domain: OTHER_HOSTED }),
            _ => None,
        }
    }
}

impl Choice for Odd {
    fn list(&mut self, count: usize) -> Form {
        if self.0 == Variant::WideList { Form::List16 } else { Form::list(count) }
    }

    fn name(&mut self, text: Text<'_>) -> Form {
        self.string(text, Form::text(text))
    }

    fn value(&mut self, text: Text<'_>) -> Form {
        match self.0 {
            Variant::EmptyAsNull if text.is_empty() => Form::Empty,
            Variant::EmptyAsPacked if text.is_empty() => {
                Form::Packed { alphabet: Alphabet::Nibble, pad: PAD }
            }
            _ => self.string(text, Form::text(text)),
        }
    }

    fn pair_user(&mut self, text: Text<'_>) -> Form {
        match (text.is_empty(), self.0) {
            (true, Variant::NoUserAsText) => Form::Raw8,
            (true, _) => Form::Empty,
            (false, _) => self.name(text),
        }
    }

    fn jid(&mut self, jid: &Jid) -> Option<Form> {
        if self.0 == Variant::JidAsText {
            return None;
        }
        let odd = self.address(jid).filter(|form| form.fits_jid(jid));
        Some(odd.unwrap_or_else(|| Form::jid(jid)))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Form {
        let text = std::str::from_utf8(bytes).ok();
        match self.0 {
            Variant::ContentAsText => {
                let usual = text.map(|text| Form::text(text.into()));
                let is_short = |form: &Form| matches!(form, Form::Token(_) | Form::Packed { .. });
                usual.filter(is_short).unwrap_or(Form::raw(bytes.len()))
            }
            Variant::ContentAsJid if text.is_some_and(|text| Jid::recognise(text).is_some()) => {
                Form::JidPair { zero: false }
            }
            _ => self.length(Form::raw(bytes.len())),
        }
    }

    fn writes_empty_list(&self) -> bool {
        self.0 == Variant::EmptyContent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::binary::{decode, encode};

    /// A stanza in which there is something for every variant.
    fn stanza() -> Node {
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let text = |text: &str| Node::new("error").bytes(text.as_bytes());
        Node::new("ack")
            .attr("to", Jid::server())
            .attr("from", jid("12-105@interop"))
            .attr("participant", jid("123:2@lid"))
            .attr("recipient", jid("123@hosted"))
            .attr("jid", jid("123@msgr"))
            .attr("notify", jid("123@s.whatsapp.net"))
            .attr("type", "")
            .attr("id", "123")
            .attr("t", "7".repeat(130))
            .attr("name", "some text")
            .child(Node::new("ping"))
            .child(text("12345"))
            .child(text("s.whatsapp.net"))
    }

    #[test]
    fn every_variant_is_written_and_means_the_same() {
        for variant in Variant::ALL {
            let bytes = encode_oddly(&stanza(), variant).unwrap();
            let captured = decode(&bytes).unwrap();
            assert!(captured.variants().contains(&variant), "{variant}");
            let whole = variant != Variant::InteropJidServerLost;
            assert_eq!(meaning(&captured.node) == meaning(&stanza()), whole, "{variant}");
        }
    }

    /// Without the difference between no content and an empty list.
    fn meaning(node: &Node) -> Node {
        prepared(node, Variant::EmptyContent)
    }

    #[test]
    fn a_stanza_that_the_variant_does_not_concern_is_as_usual() {
        let ping = Node::new("iq").attr("xmlns", "w:p");
        for variant in Variant::ALL {
            let about_this = matches!(
                variant,
                Variant::WideList | Variant::WordSpelledOut | Variant::EmptyContent
            );
            let usual = encode_oddly(&ping, variant).unwrap() == encode(&ping).unwrap();
            assert_eq!(usual, !about_this, "{variant}");
        }
    }
}
