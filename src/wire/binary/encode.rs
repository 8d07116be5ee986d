//! Nodes to bytes.
//!
//! Main functions: [`encode`] as open clients do, [`encode_with`] in a [`Style`], [`encode_as`]
//! in the forms of a captured stanza. One encoder serves all three: it asks a [`Choice`] for the
//! form of each value and knows itself only how a form is written (`wire.md` §3.1).

use std::borrow::Cow;

use super::choice::{Choice, Replay, content_jid};
use super::form::{Form, Forms, Text, is_writable};
use super::packed::Alphabet;
use super::style::Style;
use super::{Token, tag};
use crate::limits::LIST_ITEMS_MAX;
use crate::wire::error::{Rule, WireError};
use crate::wire::jid::{INTEROP, Jid};
use crate::wire::node::{AttrValue, Content, Node};

type Result<T> = std::result::Result<T, WireError>;

/// Encodes a node as open clients do: one inflated stanza without flag byte.
///
/// # Errors
/// A list with more than 65,535 items, a string or bytes of 4 GiB and more, an address with `@`
/// inside a part or without server. What is merely wrong, such as an empty tag, is written.
pub fn encode(node: &Node) -> Result<Vec<u8>> {
    encode_with(node, Style::Canonical)
}

/// Encodes a node with the forms that a style chooses.
///
/// # Errors
/// As [`encode`].
pub fn encode_with(node: &Node, style: Style) -> Result<Vec<u8>> {
    run(node, style).map(|(bytes, _)| bytes)
}

/// Encodes a node with the forms of a captured stanza, where they fit.
///
/// # Errors
/// As [`encode`].
pub fn encode_as(node: &Node, forms: &Forms) -> Result<Vec<u8>> {
    run(node, Replay::new(forms)).map(|(bytes, _)| bytes)
}

/// Gives the bytes, and the choice back as it was left.
pub(super) fn run<C: Choice>(node: &Node, choice: C) -> Result<(Vec<u8>, C)> {
    let mut encoder = Encoder { out: Vec::with_capacity(1024), choice };
    encoder.node(node)?;
    Ok((encoder.out, encoder.choice))
}

struct Encoder<C> {
    out: Vec<u8>,
    choice: C,
}

impl<C: Choice> Encoder<C> {
    fn fault<T>(&self, rule: Rule) -> Result<T> {
        Err(WireError::new(self.out.len(), rule))
    }

    fn node(&mut self, node: &Node) -> Result<()> {
        let has_content = match &node.content {
            Content::None => false,
            Content::Bytes(_) => true,
            Content::Children(children) => !children.is_empty() || self.choice.writes_empty_list(),
        };
        self.list(1 + 2 * node.attrs.len() + usize::from(has_content))?;
        self.name(&node.tag)?;
        for (key, value) in &node.attrs {
            self.name(key)?;
            match value {
                AttrValue::Text(text) => self.value(text)?,
                AttrValue::Jid(jid) => self.jid(jid)?,
            }
        }
        match &node.content {
            Content::Bytes(bytes) => self.content(bytes),
            Content::Children(children) if has_content => self.children(children),
            Content::None | Content::Children(_) => Ok(()),
        }
    }

    fn children(&mut self, children: &[Node]) -> Result<()> {
        self.list(children.len())?;
        children.iter().try_for_each(|child| self.node(child))
    }

    #[inline]
    fn list(&mut self, count: usize) -> Result<()> {
        let Ok(count_16) = u16::try_from(count) else {
            return self.fault(Rule::ListItems);
        };
        debug_assert!(count <= LIST_ITEMS_MAX, "both bounds are the 16 bits of the header");
        let [high, low] = count_16.to_be_bytes();
        match self.choice.list(count) {
            Form::Empty => self.out.push(tag::EMPTY),
            Form::List8 => self.out.extend([tag::LIST_8, low]),
            _ => self.out.extend([tag::LIST_16, high, low]),
        }
        Ok(())
    }

    #[inline]
    fn name<'a>(&mut self, text: impl Into<Text<'a>>) -> Result<()> {
        let text = text.into();
        let form = self.choice.name(text);
        self.text_as(text.utf8(), form)
    }

    #[inline]
    fn value<'a>(&mut self, text: impl Into<Text<'a>>) -> Result<()> {
        let text = text.into();
        let form = self.choice.value(text);
        self.text_as(text.utf8(), form)
    }

    #[inline]
    fn text_as(&mut self, text: &[u8], form: Form) -> Result<()> {
        match form {
            Form::Empty => self.out.push(tag::EMPTY),
            Form::Token(Token::Single(index)) => self.out.push(index),
            Form::Token(Token::Double(list, index)) => self.out.extend([tag::LISTS + list, index]),
            Form::Packed { alphabet, pad } => {
                self.out.push(match alphabet {
                    Alphabet::Nibble => tag::NIBBLE,
                    Alphabet::Hex => tag::HEX,
                });
                Alphabet::pack(text, pad, &mut self.out);
            }
            form => return self.raw(text, form),
        }
        Ok(())
    }

    fn raw(&mut self, bytes: &[u8], form: Form) -> Result<()> {
        let Ok(len) = u32::try_from(bytes.len()) else {
            return self.fault(Rule::Inflated);
        };
        let [a, b, c, d] = len.to_be_bytes();
        match form {
            Form::Raw8 => self.out.extend([tag::RAW_8, d]),
            Form::Raw20 { unused } => self.out.extend([tag::RAW_20, unused << 4 | b, c, d]),
            _ => self.out.extend([tag::RAW_32, a, b, c, d]),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        let text = || std::str::from_utf8(bytes).expect("the form fits a text");
        match self.choice.bytes(bytes) {
            form if form.is_jid() => self.jid_as(&content_jid(text()), form),
            form @ (Form::Token(_) | Form::Packed { .. }) => self.text_as(bytes, form),
            form => self.raw(bytes, form),
        }
    }

    fn jid(&mut self, jid: &Jid) -> Result<()> {
        if !is_writable(jid) {
            return self.fault(Rule::JidText);
        }
        match self.choice.jid(jid) {
            Some(form) => self.jid_as(jid, form),
            None => self.value(jid.to_string().as_str()),
        }
    }

    fn jid_as(&mut self, jid: &Jid, form: Form) -> Result<()> {
        match form {
            Form::JidDevice { domain } => {
                let device = u8::try_from(jid.device).expect("the form fits the address");
                self.out.extend([tag::JID_DEVICE, domain, device]);
                self.name(&jid.user)
            }
            Form::JidMessenger => {
                self.out.push(tag::JID_MESSENGER);
                self.name(&jid.user)?;
                self.out.extend(jid.device.to_be_bytes());
                self.name(&jid.server)
            }
            Form::JidInterop { server } => self.jid_interop(jid, server),
            form => self.jid_pair(jid, form == Form::JidPair { zero: true }),
        }
    }

    fn jid_interop(&mut self, jid: &Jid, server: bool) -> Result<()> {
        self.out.push(tag::JID_INTEROP);
        self.name(&jid.user)?;
        self.out.extend(jid.device.to_be_bytes());
        self.out.extend(jid.integrator.to_be_bytes());
        if server { self.name(INTEROP) } else { Ok(()) }
    }

    fn jid_pair(&mut self, jid: &Jid, zero: bool) -> Result<()> {
        self.out.push(tag::JID_PAIR);
        let user = match (jid.user_text(), zero) {
            (user, true) => Cow::Owned(format!("{user}:0")),
            (user, false) => user,
        };
        let form = self.choice.pair_user((&*user).into());
        self.text_as(user.as_bytes(), form)?;
        self.name(&jid.server)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::arbitrary;
    use crate::wire::binary::{Variant, decode, decode_strict};

    fn iq(id: &str, style: Style) -> String {
        hex::encode(encode_with(&Node::new("iq").attr("id", id), style).unwrap())
    }

    #[test]
    fn strings_are_encoded_as_published() {
        for (text, expected) in [
            ("12", "cf"),
            ("123", "ff82123f"),
            ("-.5", "ff82ab5f"),
            ("ABCDEF", "fb03abcdef"),
            ("ABC", "fb82abcf"),
            ("hello", "fc0568656c6c6f"),
            ("", "fc00"),
            ("1234567890-1234", "ff881234567890a1234f"),
            ("3eb0abcd", "fc083365623061626364"),
        ] {
            assert_eq!(iq(text, Style::Canonical), format!("f8031908{expected}"), "{text}");
        }
        for (char, len, expected) in [
            ("7", 128, "fc80"),
            ("x", 256, "fd000100"),
            ("x", 0xF_FFFF, "fd0fffff"),
            ("x", 0x10_0000, "fe00100000"),
        ] {
            let hex = iq(&char.repeat(len), Style::Canonical);
            assert!(hex.starts_with(&format!("f8031908{expected}")), "{char} {len}");
        }
    }

    #[test]
    fn styles_choose_other_forms_of_the_same_text() {
        for (text, style, expected) in [
            ("12", Style::RawStrings, "f803fc026971fc026964fc023132"),
            ("12", Style::Packed, "f8031908ff0112"),
            ("result", Style::Packed, "f803190814"),
            ("12", Style::LongLengths, "f803fd0000026971fd0000026964fd0000023132"),
            ("12", Style::LongestLengths, "f803fe000000026971fe000000026964fe000000023132"),
            ("12", Style::List16, "f900031908cf"),
            ("", Style::EmptyAsList, "f803190800"),
            ("", Style::EmptyAsPacked, "f8031908ff00"),
        ] {
            assert_eq!(iq(text, style), expected, "{text} {style:?}");
        }
        let bytes = encode_with(&Node::new("iq").child(Node::new("ping")), Style::List16).unwrap();
        assert_eq!(hex::encode(bytes), "f9000219f90001f9000156");
    }

    #[test]
    fn addresses_are_encoded_in_every_kind() {
        let hex_of = |jid: &str, style| {
            let node = Node::new("iq").attr("to", jid.parse::<Jid>().unwrap());
            hex::encode(&encode_with(&node, style).unwrap()[4..])
        };
        let text = "fc0e31322d31323340696e7465726f70";
        for (jid, style, expected) in [
            ("s.whatsapp.net", Style::Canonical, "fa0003"),
            ("123@s.whatsapp.net", Style::Canonical, "faff82123f03"),
            ("123@s.whatsapp.net", Style::JidDevice, "f70000ff82123f"),
            ("123:2@lid", Style::Canonical, "f70102ff82123f"),
            ("123:2@lid", Style::JidPair, "fafc053132333a3276"),
            ("123@hosted", Style::Canonical, "f78000ff82123f"),
            ("123:3@msgr", Style::Canonical, "f6ff82123f0003cc"),
            ("12-123:7@interop", Style::Canonical, "f5ff82123f0007000cfc07696e7465726f70"),
            ("12-123:7@interop", Style::InteropWithoutServer, "f5ff82123f0007000c"),
            ("12-123@interop", Style::JidPair, "faff0312a123fc07696e7465726f70"),
            ("12-123@interop", Style::JidText, text),
        ] {
            assert_eq!(hex_of(jid, style), expected, "{jid} {style:?}");
        }
    }

    #[test]
    fn a_text_that_looks_like_an_address_stays_a_text() {
        let bytes = encode(&Node::new("iq").attr("to", "12-123@interop")).unwrap();
        assert_eq!(bytes[4], tag::RAW_8);
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let crowd = Node::new("list").children(std::iter::repeat_n(Node::new("user"), 65_536));
        assert_eq!(encode(&crowd).unwrap_err(), WireError::new(3, Rule::ListItems));
        for jid in [Jid::new("a@b", "lid"), Jid::new("a", "b@c"), Jid::new("a", "")] {
            let error = encode(&Node::new("iq").attr("to", jid)).unwrap_err();
            assert_eq!(error, WireError::new(4, Rule::JidText));
        }
    }

    proptest! {
        #[test]
        fn every_node_comes_back_in_every_style(node in arbitrary::node()) {
            for style in Style::ALL {
                let bytes = encode_with(&node, style).unwrap();
                let captured = decode(&bytes).unwrap();
                prop_assert_eq!(&captured.node, &node, "{:?}", style);
                prop_assert_eq!(captured.encode_as().unwrap(), bytes, "{:?}", style);
            }
        }

        #[test]
        fn strict_is_what_the_encoder_writes(
            bytes in prop_oneof![
                arbitrary::stanza(),
                arbitrary::node().prop_map(|node| encode(&node).unwrap()),
            ],
        ) {
            let Ok(captured) = decode(&bytes) else { return Ok(()) };
            let usual = encode(&captured.node).unwrap() == bytes;
            // The one variant that is told from the text of a user and not from its encoding.
            let lost = captured.variants().contains(&Variant::InteropJidServerLost);
            prop_assert_eq!(decode_strict(&bytes).is_ok(), usual && !lost);
        }

        #[test]
        fn every_legal_mixture_of_forms_comes_back_byte_by_byte(bytes in arbitrary::stanza()) {
            if let Ok(captured) = decode(&bytes) {
                let span = captured.spans().expect("the node is unchanged");
                prop_assert_eq!(span.whole, 0..bytes.len());
                let canonical = decode(&encode(&captured.node).unwrap()).unwrap();
                prop_assert_eq!(canonical.node, captured.node.clone());
                prop_assert_eq!(captured.encode_as().unwrap(), bytes);
            }
        }

        #[test]
        fn damaged_stanzas_are_refused_or_come_back(
            mut bytes in arbitrary::stanza(),
            faults in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in 0..4_usize,
        ) {
            for (at, byte) in faults {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            if let Ok(captured) = decode(&bytes) {
                prop_assert_eq!(captured.encode_as().unwrap(), bytes);
            }
        }

        #[test]
        fn random_bytes_are_refused_or_come_back(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            for start in [&b""[..], b"\xf8\x02\x05", b"\xf8\x04\x05\x08"] {
                let bytes = [start, &bytes].concat();
                if let Ok(captured) = decode(&bytes) {
                    prop_assert_eq!(captured.encode_as().unwrap(), bytes);
                }
            }
        }

        #[test]
        fn foreign_forms_give_way_where_they_do_not_fit(
            node in arbitrary::node(),
            other in arbitrary::stanza(),
        ) {
            if let Ok(other) = decode(&other) {
                let bytes = encode_as(&node, &other.forms).unwrap();
                prop_assert_eq!(decode(&bytes).unwrap().node, node);
            }
        }
    }
}
