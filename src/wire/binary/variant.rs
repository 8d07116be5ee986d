//! Where a stanza departs from the one form that the strict decoder takes.
//!
//! Main type: [`Variant`]. The tolerant decoder accepts every legal or observed way to write a
//! node and this file says afterwards which ones were used; the strict decoder refuses the first
//! of them. Both follow from one comparison: the encoder is run over the decoded node, and at
//! each value the form that was captured is held against the form that open clients choose. So
//! strict means exactly "what [`super::encode`] writes", and decoding pays nothing for it.

use std::fmt;

use serde::Serialize;

use super::choice::{Choice, Replay};
use super::form::{Form, Forms, Text};
use crate::wire::jid::{INTEROP, Jid, MESSENGER};
use crate::wire::node::Node;

/// A legal or observed departure from the strict form, or a form that implementations contradict
/// each other in (`wire.md` §3 and §10.1, number 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    InteropJidWithServer,
    InteropJidWithoutServer,
    InteropJidAsPair,
    InteropJidServerLost,
    MessengerJidAsPair,
    DeviceJidAsPair,
    DeviceZero,
    DeviceZeroSpelledOut,
    HostedDomain,
    JidAsText,
    NoUserAsText,
    WordSpelledOut,
    DigitsSpelledOut,
    PackedAsHex,
    PackedPad,
    PackedBeyondBound,
    LongLength,
    LengthBits,
    WideList,
    EmptyAsNull,
    EmptyAsPacked,
    EmptyContent,
    ContentAsText,
    ContentAsJid,
}

impl Variant {
    /// All variants in the order of their declaration.
    pub const ALL: [Self; 24] = [
        Self::InteropJidWithServer,
        Self::InteropJidWithoutServer,
        Self::InteropJidAsPair,
        Self::InteropJidServerLost,
        Self::MessengerJidAsPair,
        Self::DeviceJidAsPair,
        Self::DeviceZero,
        Self::DeviceZeroSpelledOut,
        Self::HostedDomain,
        Self::JidAsText,
        Self::NoUserAsText,
        Self::WordSpelledOut,
        Self::DigitsSpelledOut,
        Self::PackedAsHex,
        Self::PackedPad,
        Self::PackedBeyondBound,
        Self::LongLength,
        Self::LengthBits,
        Self::WideList,
        Self::EmptyAsNull,
        Self::EmptyAsPacked,
        Self::EmptyContent,
        Self::ContentAsText,
        Self::ContentAsJid,
    ];

    /// Says in words what was written.
    pub fn what(self) -> &'static str {
        match self {
            Self::InteropJidWithServer => "an interop address of kind 245 with its server",
            Self::InteropJidWithoutServer => "an interop address of kind 245 without its server",
            Self::InteropJidAsPair => "an interop address as user and server",
            Self::InteropJidServerLost => "an interop user as the device of a phone user",
            Self::MessengerJidAsPair => "an address of the other messenger as user and server",
            Self::DeviceJidAsPair => "the address of a device as user and server",
            Self::DeviceZero => "a user as device 0",
            Self::DeviceZeroSpelledOut => "a user with `:0` spelled out",
            Self::HostedDomain => "a hosted user under another domain byte than 128",
            Self::JidAsText => "an address as a plain string",
            Self::NoUserAsText => "an absent user as an empty string",
            Self::WordSpelledOut => "a word of the dictionary spelled out",
            Self::DigitsSpelledOut => "a string that could be packed as raw bytes",
            Self::PackedAsHex => "digits packed with the hex alphabet",
            Self::PackedPad => "an odd packed string with another pad than 15",
            Self::PackedBeyondBound => "a packed string that encoders would not pack",
            Self::LongLength => "a length wider than it needs to be",
            Self::LengthBits => "bits above a length of 20 bits",
            Self::WideList => "a short list with a count of 16 bits",
            Self::EmptyAsNull => "an empty string as byte 0",
            Self::EmptyAsPacked => "an empty string as a packed one",
            Self::EmptyContent => "an empty list as content",
            Self::ContentAsText => "content as a string rather than as bytes",
            Self::ContentAsJid => "content as an address rather than as bytes",
        }
    }

    /// Tells whether the strict decoder refuses it: not what encoders write by themselves, and not
    /// what only a reader of the meaning can tell from a text of its own right.
    pub fn is_refused(self) -> bool {
        !matches!(self, Self::InteropJidWithServer | Self::JidAsText)
    }
}

/// The name in a transcript.
impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A variant and the byte where the value starts that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub offset: usize,
    pub variant: Variant,
}

/// Names the variants of a stanza in reading order; those of a value that was changed since it
/// was decoded are not named.
pub(super) fn audit(node: &Node, forms: &Forms) -> Vec<Found> {
    let audit = Audit { replay: Replay::new(forms), found: Vec::new() };
    super::encode::run(node, audit).map(|(_, audit)| audit.found).unwrap_or_default()
}

/// Replays the forms of a stanza and notes those that the canonical style would not choose.
struct Audit<'a> {
    replay: Replay<'a>,
    found: Vec<Found>,
}

impl Audit<'_> {
    fn note(&mut self, variant: Option<Variant>) {
        let offset = self.replay.taken_at();
        self.found.extend(variant.zip(offset).map(|(variant, offset)| Found { offset, variant }));
    }

    fn string(&mut self, text: Text<'_>, used: Form, usual: Form) -> Form {
        if used != usual {
            self.note(other_text(text.is_empty(), used, usual));
            self.length(used, text.len());
        }
        used
    }

    fn length(&mut self, used: Form, len: usize) {
        let unused = matches!(used, Form::Raw20 { unused } if unused != 0);
        let shortest = std::mem::discriminant(&used) == std::mem::discriminant(&Form::raw(len));
        let is_raw = matches!(used, Form::Raw8 | Form::Raw20 { .. } | Form::Raw32);
        self.note((is_raw && !shortest).then_some(Variant::LongLength));
        self.note(unused.then_some(Variant::LengthBits));
    }
}

/// What else is unusual of a string than the width of its length.
fn other_text(is_empty: bool, used: Form, usual: Form) -> Option<Variant> {
    match (used, usual) {
        (Form::Empty, _) => Some(Variant::EmptyAsNull),
        (Form::Packed { .. }, _) if is_empty => Some(Variant::EmptyAsPacked),
        (_, Form::Empty) => Some(Variant::NoUserAsText),
        (_, Form::Token(_)) => Some(Variant::WordSpelledOut),
        (Form::Packed { alphabet, .. }, Form::Packed { alphabet: usual, .. }) => {
            Some(if alphabet == usual { Variant::PackedPad } else { Variant::PackedAsHex })
        }
        (Form::Packed { .. }, _) => Some(Variant::PackedBeyondBound),
        (_, Form::Packed { .. }) => Some(Variant::DigitsSpelledOut),
        _ => None,
    }
}

fn other_jid(jid: &Jid, used: Form, usual: Form) -> Option<Variant> {
    match used {
        Form::JidInterop { server: true } => Some(Variant::InteropJidWithServer),
        Form::JidInterop { server: false } => Some(Variant::InteropJidWithoutServer),
        Form::JidDevice { domain: 0 } if is_interop_user(&jid.user) => {
            Some(Variant::InteropJidServerLost)
        }
        _ if used == usual => None,
        Form::JidPair { .. } if jid.server == INTEROP => Some(Variant::InteropJidAsPair),
        Form::JidPair { zero: true } => Some(Variant::DeviceZeroSpelledOut),
        Form::JidPair { .. } if jid.server == MESSENGER => Some(Variant::MessengerJidAsPair),
        Form::JidPair { .. } => Some(Variant::DeviceJidAsPair),
        Form::JidDevice { .. } if matches!(usual, Form::JidPair { .. }) => {
            Some(Variant::DeviceZero)
        }
        _ => Some(Variant::HostedDomain),
    }
}

/// Tells whether a user is integrator and user of a third party (`wire.md` §3.4); no phone user
/// holds a `-`.
fn is_interop_user(user: &str) -> bool {
    let digits = |text: &str, max: usize| {
        (1..=max).contains(&text.len())
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    user.split_once('-').is_some_and(|(integrator, user)| digits(integrator, 3) && digits(user, 15))
}

impl Choice for Audit<'_> {
    fn list(&mut self, count: usize) -> Form {
        let used = self.replay.list(count);
        let wide = used == Form::List16 && Form::list(count) == Form::List8;
        self.note((count == 0).then_some(Variant::EmptyContent));
        self.note((count > 0 && wide).then_some(Variant::WideList));
        used
    }

    fn name(&mut self, text: Text<'_>) -> Form {
        let used = self.replay.name(text);
        self.string(text, used, Form::text(text))
    }

    fn value(&mut self, text: Text<'_>) -> Form {
        let used = self.replay.value(text);
        let address = std::str::from_utf8(text.utf8()).is_ok_and(|it| Jid::recognise(it).is_some());
        self.note(address.then_some(Variant::JidAsText));
        self.string(text, used, Form::text(text))
    }

    fn pair_user(&mut self, text: Text<'_>) -> Form {
        let used = self.replay.pair_user(text);
        let usual = if text.is_empty() { Form::Empty } else { Form::text(text) };
        self.string(text, used, usual)
    }

    fn jid(&mut self, jid: &Jid) -> Option<Form> {
        let used = self.replay.jid(jid)?;
        self.note(other_jid(jid, used, Form::jid(jid)));
        Some(used)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Form {
        let used = self.replay.bytes(bytes);
        match used {
            form if form.is_jid() => self.note(Some(Variant::ContentAsJid)),
            Form::Token(_) | Form::Packed { .. } => self.note(Some(Variant::ContentAsText)),
            form => self.length(form, bytes.len()),
        }
        used
    }

    fn writes_empty_list(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::binary::{Captured, decode, decode_strict};
    use crate::wire::error::{Rule, WireError};

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex.replace(' ', "")).unwrap()
    }

    fn captured(hex: &str) -> Captured {
        decode(&bytes(hex)).unwrap()
    }

    /// The value of `<iq id="…"/>` in every variant, with the byte where it shows.
    const VALUES: &[(&str, usize, Variant)] = &[
        ("f5 ff82123f 0000 000c fc07696e7465726f70", 4, Variant::InteropJidWithServer),
        ("f5 ff82123f 0000 000c", 4, Variant::InteropJidWithoutServer),
        ("fa ff0312a123 fc07696e7465726f70", 4, Variant::InteropJidAsPair),
        ("f7 00 00 ff0312a123", 4, Variant::InteropJidServerLost),
        ("fa fc053132333a33 cc", 4, Variant::MessengerJidAsPair),
        ("fa fc053132333a32 76", 4, Variant::DeviceJidAsPair),
        ("f7 01 00 ff82123f", 4, Variant::DeviceZero),
        ("fa fc053132333a30 76", 4, Variant::DeviceZeroSpelledOut),
        ("f7 82 00 ff82123f", 4, Variant::HostedDomain),
        ("fc07 3132334 06c6964", 4, Variant::JidAsText),
        ("03", 4, Variant::JidAsText),
        ("fa fc00 03", 5, Variant::NoUserAsText),
        ("fc0470696e67", 4, Variant::WordSpelledOut),
        ("ff0112", 4, Variant::WordSpelledOut),
        ("fc03313233", 4, Variant::DigitsSpelledOut),
        ("fb82123f", 4, Variant::PackedAsHex),
        ("ff821237", 4, Variant::PackedPad),
        ("ff021ff2", 4, Variant::PackedBeyondBound),
        ("fd00000168", 4, Variant::LongLength),
        ("fe0000000168", 4, Variant::LongLength),
        ("00", 4, Variant::EmptyAsNull),
        ("ff00", 4, Variant::EmptyAsPacked),
        ("fb00", 4, Variant::EmptyAsPacked),
    ];

    #[test]
    fn every_variant_of_a_value_is_named_where_it_stands() {
        for (value, offset, variant) in VALUES {
            let captured = captured(&format!("f803 19 08 {value}"));
            let found = audit(&captured.node, &captured.forms);
            assert_eq!(found, [Found { offset: *offset, variant: *variant }], "{value}");
            assert_eq!(captured.variants(), [*variant], "{value}");
        }
    }

    /// Nodes whose structure is unusual.
    const NODES: &[(&str, usize, Variant)] = &[
        ("f90003 19 08 35", 0, Variant::WideList),
        ("f802 19 f90001 f80156", 3, Variant::WideList),
        ("f802 19 f800", 3, Variant::EmptyContent),
        ("f802 19 f90000", 3, Variant::EmptyContent),
        ("f802 19 00", 3, Variant::EmptyContent),
        ("f801 fc026971", 2, Variant::WordSpelledOut),
        ("f803 19 fc026964 35", 3, Variant::WordSpelledOut),
        ("f802 19 56", 3, Variant::ContentAsText),
        ("f802 19 ff82123f", 3, Variant::ContentAsText),
        ("f802 19 fa0003", 3, Variant::ContentAsJid),
        ("f802 19 fd00000168", 3, Variant::LongLength),
    ];

    #[test]
    fn every_variant_of_a_node_is_named_where_it_stands() {
        for (hex, offset, variant) in NODES {
            let captured = captured(hex);
            let found = audit(&captured.node, &captured.forms);
            assert_eq!(found, [Found { offset: *offset, variant: *variant }], "{hex}");
        }
    }

    #[test]
    fn bits_above_a_length_are_named_with_and_without_a_wide_length() {
        let wide = captured("f802 19 fdf0000168");
        assert_eq!(wide.variants(), [Variant::LongLength, Variant::LengthBits]);
        let mut needed = bytes("f802 19 fd f00100");
        needed.extend([7; 256]);
        assert_eq!(decode(&needed).unwrap().variants(), [Variant::LengthBits]);
    }

    #[test]
    fn no_variant_lacks_a_test() {
        for variant in Variant::ALL {
            let of = |list: &[(&str, usize, Variant)]| list.iter().any(|(.., v)| *v == variant);
            let tested = of(VALUES) || of(NODES) || variant == Variant::LengthBits;
            assert!(tested, "{variant}");
        }
    }

    #[test]
    fn the_strict_decoder_refuses_each_by_its_name() {
        let values = VALUES.iter().map(|(hex, at, v)| (format!("f803 19 08 {hex}"), *at, *v));
        let nodes = NODES.iter().map(|(hex, at, variant)| ((*hex).to_owned(), *at, *variant));
        for (hex, offset, variant) in values.chain(nodes) {
            let result = decode_strict(&bytes(&hex)).map(|captured| captured.variants());
            let refused = Err(WireError::new(offset, Rule::Variant(variant)));
            let expected = if variant.is_refused() { refused } else { Ok(vec![variant]) };
            assert_eq!(result, expected, "{hex}");
        }
        let error = decode_strict(&bytes("f90003190835")).unwrap_err();
        insta::assert_snapshot!(error, @"at byte 0: a short list with a count of 16 bits, which the strict form does not have");
    }

    #[test]
    fn what_encoders_write_has_no_variant() {
        for hex in [
            "f80919085511fa000304291657",
            "f80319 08 ff82123f",
            "f80319 08 fb82abcf",
            "f80319 08 fc00",
            "f80319 08 f70102ff82123f",
            "f80319 08 f78000ff82123f",
            "f80319 08 f6ff82123f0003cc",
            "f80219 fc0131",
        ] {
            assert_eq!(captured(hex).variants(), [], "{hex}");
            assert!(decode_strict(&bytes(hex)).is_ok(), "{hex}");
        }
    }

    #[test]
    fn names_are_those_of_transcripts() {
        assert_eq!(Variant::InteropJidWithServer.to_string(), "interop-jid-with-server");
        assert_eq!(Variant::EmptyAsNull.to_string(), "empty-as-null");
    }
}
