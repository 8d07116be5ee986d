//! Addresses: `user@server`, with a device or an integrator where the kind has one.
//!
//! Main type: [`Jid`]. It knows the text forms of `wire.md` §3.4 and nothing of bytes: which of
//! the four binary kinds carries an address is chosen by `binary`, so that the same address is
//! equal however it travelled. Equality, order and hash therefore go by the text form, in which
//! device 0 is no device (`interfaces.md` §9).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::word::Word;

/// Server of phone users, and the address of the chat server itself.
pub const PHONE: &str = "s.whatsapp.net";
/// Server of users whose phone number is hidden.
pub const LID: &str = "lid";
/// Server of phone users with a hosted device.
pub const HOSTED: &str = "hosted";
/// Server of hidden users with a hosted device.
pub const HOSTED_LID: &str = "hosted.lid";
/// Server of users of the other messenger.
pub const MESSENGER: &str = "msgr";
/// Server of third parties' users.
pub const INTEROP: &str = "interop";

/// All servers of `wire.md` §3.4.
pub const SERVERS: [&str; 12] = [
    PHONE,
    "g.us",
    "c.us",
    "broadcast",
    LID,
    MESSENGER,
    INTEROP,
    "newsletter",
    HOSTED,
    HOSTED_LID,
    "bot",
    "call",
];

/// An address. The constructors split a user text such as `12-105:3` into its parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jid {
    /// Without integrator and device; empty for the address of a server.
    pub user: Word,
    /// 0 for the first or only device.
    pub device: u16,
    /// The third party, 1 to 999 in practice; 0 unless the server is `interop`.
    pub integrator: u16,
    pub server: Word,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no address")]
pub struct JidError(pub String);

impl TryFrom<String> for Jid {
    type Error = JidError;

    fn try_from(text: String) -> Result<Self, JidError> {
        text.parse()
    }
}

impl From<Jid> for String {
    fn from(jid: Jid) -> Self {
        jid.to_string()
    }
}

impl Jid {
    /// Makes an address; `user` may carry a device, and an integrator where `server` is
    /// `interop`.
    pub fn new(user: impl AsRef<str>, server: impl Into<Word>) -> Self {
        let server = server.into();
        let parts = Parts::of(user.as_ref(), &server);
        let (device, integrator) = (parts.device, parts.integrator);
        Self { user: parts.user.into(), device, integrator, server }
    }

    /// Gives the address of the chat server.
    pub fn server() -> Self {
        Self { user: Word::default(), device: 0, integrator: 0, server: Word::fixed(PHONE) }
    }

    /// Makes the address of a third party's user.
    pub fn interop(integrator: u16, user: impl Into<Word>) -> Self {
        Self { user: user.into(), device: 0, integrator, server: Word::fixed(INTEROP) }
    }

    /// Finds an address in a text that stands where any text may stand.
    ///
    /// Stricter than [`str::parse`]: the server is known and the user has the characters of real
    /// ones, so that a display name such as `@ann` stays a text (`wire.md` §3.4).
    pub fn recognise(text: &str) -> Option<Self> {
        match text.split_once('@') {
            None => matches!(text, PHONE | "g.us" | "c.us").then(|| Self::new("", text)),
            Some((user, server)) => {
                (is_server(server) && is_plausible(user)).then(|| Self::new(user, server))
            }
        }
    }

    /// Sets the device; 0 is none.
    pub fn with_device(mut self, device: u16) -> Self {
        self.device = device;
        self
    }

    /// Gives the address of the user, without device.
    pub fn bare(&self) -> Self {
        self.clone().with_device(0)
    }

    /// Tells whether the address is one of a third party's user.
    pub fn is_interop(&self) -> bool {
        self.server == INTEROP
    }

    /// What stands before the `@` of the text form.
    pub(super) fn user_text(&self) -> Cow<'_, str> {
        match (self.integrator, self.device) {
            (0, 0) => Cow::Borrowed(&self.user),
            (0, device) => format!("{}:{device}", self.user).into(),
            (integrator, 0) => format!("{integrator}-{}", self.user).into(),
            (integrator, device) => format!("{integrator}-{}:{device}", self.user).into(),
        }
    }

    /// The bytes by which addresses are compared: the text form without `:0`.
    pub(super) fn canonical(&self) -> impl Iterator<Item = u8> {
        let named = self.integrator > 0;
        let user = match self.device == 0 && is_server(&self.server) {
            true => without_zero(&self.user, named),
            false => &self.user,
        };
        let integrator = named.then(|| digits(self.integrator).chain([b'-']));
        let device = (self.device > 0).then(|| [b':'].into_iter().chain(digits(self.device)));
        let alone = !named && self.device == 0 && user.is_empty();
        integrator
            .into_iter()
            .flatten()
            .chain(user.bytes())
            .chain(device.into_iter().flatten())
            .chain((!alone).then_some(b'@'))
            .chain(self.server.bytes())
    }
}

/// The parts of a user text, and whether it ended in a spelled-out device 0.
pub(super) struct Parts<'a> {
    pub integrator: u16,
    pub user: &'a str,
    pub device: u16,
    pub zero: bool,
}

impl<'a> Parts<'a> {
    /// Splits at the first `-` and the last `:`, where numbers stand in their shortest form.
    ///
    /// What cannot be put together again exactly stays in the user.
    pub fn of(text: &'a str, server: &str) -> Self {
        let whole = Parts { integrator: 0, user: text, device: 0, zero: false };
        if !text.bytes().any(|byte| matches!(byte, b':' | b'-')) || !is_server(server) {
            return whole;
        }
        let device = text.rsplit_once(':').filter(|(user, _)| !user.is_empty());
        let with_device = match device {
            Some((user, "0")) if !user.ends_with(":0") => Parts { user, zero: true, ..whole },
            Some((user, device)) => match number(device) {
                Some(device) => Parts { user, device, ..whole },
                None => whole,
            },
            None => whole,
        };
        match with_device.user.split_once('-') {
            Some((integrator, user)) if server == INTEROP && !user.is_empty() => {
                match number(integrator) {
                    Some(integrator) => Parts { integrator, user, ..with_device },
                    None => with_device,
                }
            }
            _ => with_device,
        }
    }
}

/// Cuts the device 0 out of the text form of an address; other texts stay as they are.
///
/// The text is the concatenation of both parts.
pub(super) fn canonical_text(text: &str) -> (&str, &str) {
    match text.rfind('@') {
        Some(at) if is_server(&text[at + 1..]) => (without_zero(&text[..at], false), &text[at..]),
        _ => (text, ""),
    }
}

fn without_zero(mut user: &str, named: bool) -> &str {
    while let Some(rest) = user.strip_suffix(":0").filter(|rest| named || !rest.is_empty()) {
        user = rest;
    }
    user
}

pub(super) fn is_server(text: &str) -> bool {
    SERVERS.contains(&text)
}

fn is_plausible(user: &str) -> bool {
    let (name, device) = user.split_once(':').unwrap_or((user, "0"));
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && name.bytes().all(letter) && (device == "0" || number(device).is_some())
}

/// Reads a number above 0 without leading zeros.
fn number(text: &str) -> Option<u16> {
    let shortest = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    shortest.then(|| text.parse().ok()).flatten()
}

fn digits(number: u16) -> impl Iterator<Item = u8> {
    let skip = [10_000, 1000, 100, 10].iter().take_while(move |power| number < **power).count();
    [10_000, 1000, 100, 10, 1].into_iter().skip(skip).map(move |power| {
        b'0' + u8::try_from(number / power % 10).expect("a decimal digit is below ten")
    })
}

impl FromStr for Jid {
    type Err = JidError;

    /// Reads the text form; a text without `@` is the address of a known server.
    fn from_str(text: &str) -> Result<Self, JidError> {
        match text.rsplit_once('@') {
            None if is_server(text) => Ok(Self::new("", text)),
            Some((user, server))
                if !user.is_empty() && !user.contains('@') && !server.is_empty() =>
            {
                Ok(Self::new(user, server))
            }
            _ => Err(JidError(text.to_owned())),
        }
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.user_text() {
            "" => f.write_str(&self.server),
            user => write!(f, "{user}@{}", self.server),
        }
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.canonical().eq(other.canonical())
    }
}

impl Eq for Jid {}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.canonical().cmp(other.canonical())
    }
}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical().for_each(|byte| state.write_u8(byte));
        state.write_u8(0xFF);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().unwrap()
    }

    #[test]
    fn text_forms_are_read_and_written() {
        let user = Jid::interop(12, "105012705411308");
        assert_eq!(user.to_string(), "12-105012705411308@interop");
        assert_eq!(jid("12-105012705411308@interop").integrator, 12);
        assert_eq!(jid("12-105012705411308@interop").user, "105012705411308");
        let device = jid("12-105:7@interop");
        assert_eq!((device.integrator, device.device, &*device.user), (12, 7, "105"));
        assert_eq!(device.to_string(), "12-105:7@interop");
        assert_eq!(jid("123:4@msgr").to_string(), "123:4@msgr");
        assert_eq!(jid("123-456@g.us").user, "123-456");
        assert_eq!(jid(PHONE), Jid::server());
        assert_eq!(Jid::server().to_string(), PHONE);
    }

    #[test]
    fn device_0_is_no_device() {
        assert_eq!(jid("12-105:0@interop"), jid("12-105@interop"));
        assert_eq!(jid("105:0@lid").device, 0);
        assert_eq!(jid("105:0@lid").user, "105");
        assert_ne!(jid("105:0@elsewhere"), jid("105@elsewhere"));
        assert_ne!(jid("105:1@lid"), jid("105@lid"));
    }

    #[test]
    fn equal_texts_are_equal_addresses_however_they_were_split() {
        let apart = Jid { user: "105".into(), device: 3, integrator: 12, server: INTEROP.into() };
        let whole =
            Jid { user: "12-105:3".into(), device: 0, integrator: 0, server: INTEROP.into() };
        assert_eq!(apart, whole);
        assert_eq!(apart.cmp(&whole), Ordering::Equal);
        assert_eq!(HashSet::from([apart, whole]).len(), 1);
        let zero = Jid { user: "1:0:0".into(), device: 0, integrator: 0, server: LID.into() };
        assert_eq!(zero, jid("1@lid"));
        assert_eq!(jid("12-105:3@interop").bare(), jid("12-105@interop"));
    }

    #[test]
    fn numbers_are_split_off_only_in_their_shortest_form() {
        for user in ["012-105", "0-105", "65536-105", "-105", "12-", "105:07", "105:65536", ":0"] {
            let jid = Jid::new(user, INTEROP);
            assert_eq!((&*jid.user, jid.integrator, jid.device), (user, 0, 0), "{user}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "hello", "@lid", "a@", "a@b@lid", "interop@"] {
            assert_eq!(text.parse::<Jid>(), Err(JidError(text.into())));
        }
    }

    #[test]
    fn only_plausible_texts_are_recognised() {
        for text in
            [PHONE, "g.us", "12-105:0@interop", "status@broadcast", "123:4@lid", "1.0:2@c.us"]
        {
            assert!(Jid::recognise(text).is_some(), "{text}");
        }
        for text in ["call", "lid", "@ann", "a b@lid", "a@b", "a:x@lid", "a@lid@lid", "a:1:2@lid"] {
            assert_eq!(Jid::recognise(text), None, "{text}");
        }
    }

    #[test]
    fn canonical_bytes_are_the_text_form() {
        for text in ["65535-1:10000@interop", "1:9@lid", "10-7@interop", "a@b", PHONE, "1:10@lid"] {
            let bytes: Vec<u8> = jid(text).canonical().collect();
            assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
    }
}
