//! The form of eight arguments (TF §1.2.2).
//!
//! Main type: [`Form`]. Its fields are the decoded bytes, so a form that exists is well formed. The
//! token makes it a thing that must not be printed: `Debug` shows the token's length only.

use std::fmt;

use crate::identity::base64url::{self, Base64Fault};
use crate::identity::enlistment::urlencoded;
use crate::limits::{FORM_ARGUMENTS_MAX, TOKEN_BYTES_MAX};

/// An argument of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    Authkey,
    EKeytype,
    ERegid,
    EIdent,
    ESkeyId,
    ESkeyVal,
    ESkeySig,
    Token,
}

impl Argument {
    pub const ALL: [Self; 8] = [
        Self::Authkey,
        Self::EKeytype,
        Self::ERegid,
        Self::EIdent,
        Self::ESkeyId,
        Self::ESkeyVal,
        Self::ESkeySig,
        Self::Token,
    ];

    /// The name in the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authkey => "authkey",
            Self::EKeytype => "e_keytype",
            Self::ERegid => "e_regid",
            Self::EIdent => "e_ident",
            Self::ESkeyId => "e_skey_id",
            Self::ESkeyVal => "e_skey_val",
            Self::ESkeySig => "e_skey_sig",
            Self::Token => "token",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|argument| argument.as_str() == name)
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an enlisting client sends.
#[derive(Clone, PartialEq, Eq)]
pub struct Form {
    /// The client's static Noise public key.
    pub authkey: [u8; 32],
    /// Type of the Signal keys; 0x05 is Curve25519 (ENL-007).
    pub e_keytype: u8,
    /// Signal registration id.
    pub e_regid: u32,
    /// Signal identity public key.
    pub e_ident: [u8; 32],
    /// Signed prekey id, 24 bits; the form has no place for more.
    pub e_skey_id: u32,
    /// Signed prekey, public part.
    pub e_skey_val: [u8; 32],
    /// Signature of the identity key over the signed prekey.
    pub e_skey_sig: [u8; 64],
    pub token: String,
}

impl Form {
    /// Writes the body of the POST, arguments in Meta's order; of `e_skey_id` the lower 24 bits.
    pub fn encode(&self) -> String {
        let mut body = String::new();
        for argument in Argument::ALL {
            urlencoded::append(&mut body, argument.as_str(), &self.value(argument));
        }
        body
    }

    /// Reads a form; arguments that nobody knows are passed over, as are all after the 64th.
    ///
    /// # Errors
    /// Every argument's fault, in the order of the arguments; an argument has at most one, except
    /// that a repeated one is also judged by its first value.
    pub fn parse_strict(body: &str) -> Result<Self, Vec<FormFault>> {
        let mut reading = Reading::of(body);
        let form = Self {
            authkey: reading.bytes(Argument::Authkey),
            e_keytype: u8::from_be_bytes(reading.bytes(Argument::EKeytype)),
            e_regid: u32::from_be_bytes(reading.bytes(Argument::ERegid)),
            e_ident: reading.bytes(Argument::EIdent),
            e_skey_id: three_bytes(reading.bytes(Argument::ESkeyId)),
            e_skey_val: reading.bytes(Argument::ESkeyVal),
            e_skey_sig: reading.bytes(Argument::ESkeySig),
            token: reading.token(),
        };
        if reading.faults.is_empty() { Ok(form) } else { Err(reading.faults) }
    }

    fn value(&self, argument: Argument) -> String {
        match argument {
            Argument::Authkey => base64url::encode(self.authkey),
            Argument::EKeytype => base64url::encode([self.e_keytype]),
            Argument::ERegid => base64url::encode(self.e_regid.to_be_bytes()),
            Argument::EIdent => base64url::encode(self.e_ident),
            Argument::ESkeyId => base64url::encode(&self.e_skey_id.to_be_bytes()[1..]),
            Argument::ESkeyVal => base64url::encode(self.e_skey_val),
            Argument::ESkeySig => base64url::encode(self.e_skey_sig),
            Argument::Token => self.token.clone(),
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Form");
        for argument in Argument::ALL.into_iter().filter(|argument| *argument != Argument::Token) {
            shown.field(argument.as_str(), &self.value(argument));
        }
        shown.field("token", &format_args!("[{} bytes]", self.token.len())).finish()
    }
}

/// What is wrong with one argument; the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{argument}` {rule}")]
pub struct FormFault {
    pub argument: Argument,
    pub rule: FormRule,
}

/// The rule that an argument breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormRule {
    /// ENL-004.
    #[error("is missing")]
    Missing,
    /// ENL-004.
    #[error("is there more than once")]
    Duplicate,
    /// ENL-003.
    #[error("has a broken percent escape")]
    BadEscape,
    /// ENL-006.
    #[error("{0}")]
    Base64(Base64Fault),
    /// ENL-005.
    #[error("has {actual} bytes instead of {expected}")]
    WrongLength { expected: usize, actual: usize },
    /// ENL-005.
    #[error("has {bytes} bytes, more than 4096")]
    TokenTooLong { bytes: usize },
}

impl FormRule {
    /// The id of the requirement.
    pub fn requirement(self) -> &'static str {
        match self {
            Self::BadEscape => "ENL-003",
            Self::Missing | Self::Duplicate => "ENL-004",
            Self::WrongLength { .. } | Self::TokenTooLong { .. } => "ENL-005",
            Self::Base64(_) => "ENL-006",
        }
    }
}

/// Replaces the value of every `token` by the word `token`, so that a body may be recorded.
///
/// The rest stays byte for byte (`interfaces.md` §11).
pub fn without_token(body: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if urlencoded::unescape(name).as_deref() == Ok("token") => {
            format!("{name}=token")
        }
        _ => pair.to_owned(),
    };
    body.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn three_bytes([high, middle, low]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, high, middle, low])
}

/// The known arguments of a body, and the faults found so far.
struct Reading<'a> {
    values: Vec<(Argument, &'a str)>,
    faults: Vec<FormFault>,
}

impl<'a> Reading<'a> {
    fn of(body: &'a str) -> Self {
        let known = |(name, value): (&str, &'a str)| {
            let name = urlencoded::unescape(name).ok()?;
            Some((Argument::parse(&name)?, value))
        };
        let pairs = urlencoded::pairs(body).take(FORM_ARGUMENTS_MAX);
        Self { values: pairs.filter_map(known).collect(), faults: Vec::new() }
    }

    /// The value of an argument, or nothing and a fault.
    fn value(&mut self, argument: Argument) -> Option<String> {
        let mut values = self.values.iter().filter(|(name, _)| *name == argument);
        let (first, second) = (values.next().map(|(_, value)| *value), values.next());
        if second.is_some() {
            self.faults.push(FormFault { argument, rule: FormRule::Duplicate });
        }
        let value = first.ok_or(FormRule::Missing);
        let value = value.and_then(|v| urlencoded::unescape(v).map_err(|_| FormRule::BadEscape));
        self.noted(argument, value)
    }

    /// The bytes of a binary argument; zeros stand for a value that has a fault.
    fn bytes<const N: usize>(&mut self, argument: Argument) -> [u8; N] {
        let bytes = self.value(argument).and_then(|text| {
            let bytes = base64url::decode(&text).map_err(FormRule::Base64).and_then(|bytes| {
                let actual = bytes.len();
                bytes.try_into().map_err(|_| FormRule::WrongLength { expected: N, actual })
            });
            self.noted(argument, bytes)
        });
        bytes.unwrap_or([0; N])
    }

    fn token(&mut self) -> String {
        let token = self.value(Argument::Token).and_then(|token| {
            let checked = match token.len() {
                0 => Err(FormRule::Missing),
                1..=TOKEN_BYTES_MAX => Ok(token),
                bytes => Err(FormRule::TokenTooLong { bytes }),
            };
            self.noted(Argument::Token, checked)
        });
        token.unwrap_or_default()
    }

    fn noted<T>(&mut self, argument: Argument, value: Result<T, FormRule>) -> Option<T> {
        value.map_err(|rule| self.faults.push(FormFault { argument, rule })).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form() -> Form {
        Form {
            authkey: [1; 32],
            e_keytype: 5,
            e_regid: 0x0102_0304,
            e_ident: [2; 32],
            e_skey_id: 0x00AB_CDEF,
            e_skey_val: [3; 32],
            e_skey_sig: [0xFF; 64],
            token: "a.b_-.c".to_owned(),
        }
    }

    /// The form with one argument's text replaced; `None` leaves it out.
    fn with(argument: &str, text: Option<&str>) -> Result<Form, Vec<FormFault>> {
        let body = form().encode();
        let pairs = body.split('&').filter_map(|pair| match pair.split_once('=') {
            Some((name, _)) if name == argument => text.map(|text| format!("{name}={text}")),
            _ => Some(pair.to_owned()),
        });
        Form::parse_strict(&pairs.collect::<Vec<_>>().join("&"))
    }

    fn fault(argument: Argument, rule: FormRule) -> Result<Form, Vec<FormFault>> {
        Err(vec![FormFault { argument, rule }])
    }

    #[test]
    fn a_form_comes_back_and_looks_like_metas_sample() {
        let body = form().encode();
        assert!(body.contains("&e_keytype=BQ&e_regid=AQIDBA&"), "{body}");
        assert!(body.contains("&e_skey_id=q83v&"), "{body}");
        assert!(body.ends_with("&token=a.b_-.c"), "{body}");
        assert_eq!(Form::parse_strict(&body), Ok(form()));
        assert_eq!(Form::parse_strict(&format!("x=1&{body}&version=2&y")), Ok(form()));
    }

    #[test]
    fn each_fault_has_its_argument_and_rule() {
        use Argument::{EKeytype, ERegid, ESkeyId, Token};
        let base64 = FormRule::Base64;
        assert_eq!(with("e_regid", None), fault(ERegid, FormRule::Missing));
        assert_eq!(with("token", None), fault(Token, FormRule::Missing));
        assert_eq!(with("token", Some("")), fault(Token, FormRule::Missing));
        assert_eq!(
            with("e_keytype", Some("BQ%3D%3D")),
            fault(EKeytype, base64(Base64Fault::Padded))
        );
        assert_eq!(
            with("e_keytype", Some("BR")),
            fault(EKeytype, base64(Base64Fault::TrailingBits))
        );
        assert_eq!(with("e_regid", Some("AQI+BA")), fault(ERegid, base64(Base64Fault::Alphabet)));
        assert_eq!(with("e_regid", Some("AQI%2FBA")), fault(ERegid, base64(Base64Fault::Alphabet)));
        assert_eq!(with("e_regid", Some("A")), fault(ERegid, base64(Base64Fault::Length)));
        assert_eq!(with("e_regid", Some("A%Q")), fault(ERegid, FormRule::BadEscape));
        let length = |expected, actual| FormRule::WrongLength { expected, actual };
        assert_eq!(with("e_skey_id", Some("q83vAA")), fault(ESkeyId, length(3, 4)));
        assert_eq!(with("e_skey_id", Some("")), fault(ESkeyId, length(3, 0)));
        let long = "t".repeat(TOKEN_BYTES_MAX + 1);
        let too_long = FormRule::TokenTooLong { bytes: TOKEN_BYTES_MAX + 1 };
        assert_eq!(with("token", Some(&long)), fault(Token, too_long));
        assert!(with("token", Some(&long[1..])).is_ok());
    }

    #[test]
    fn a_repeated_argument_is_a_fault_even_if_equal() {
        let body = form().encode();
        let twice = format!("{body}&e_regid=AQIDBA");
        assert_eq!(Form::parse_strict(&twice), fault(Argument::ERegid, FormRule::Duplicate));
    }

    #[test]
    fn an_empty_body_lacks_all_eight() {
        let faults = Form::parse_strict("").unwrap_err();
        assert_eq!(faults.len(), 8);
        assert!(faults.iter().all(|fault| fault.rule.requirement() == "ENL-004"));
        assert_eq!(faults[0].to_string(), "`authkey` is missing");
    }

    #[test]
    fn the_token_is_neither_printed_nor_recorded() {
        let printed = format!("{:?}", form());
        assert!(printed.contains("token: [7 bytes]"), "{printed}");
        assert!(!printed.contains("a.b_-.c"), "{printed}");
        let recorded = without_token("a=1&token=x.y.z&t%6Fken=p.q.r&b&=");
        assert_eq!(recorded, "a=1&token=token&t%6Fken=token&b&=");
        assert!(Form::parse_strict(&without_token(&form().encode())).is_ok());
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_explains_itself(body in "[a-z_=&%+0-9A-F]{0,64}") {
            if let Err(faults) = Form::parse_strict(&body) {
                prop_assert!(!faults.is_empty() && faults.len() <= 16);
            }
        }
    }
}
