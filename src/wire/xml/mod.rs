//! The XML form of nodes: what scenarios and reports show.
//!
//! Main functions: [`print`], [`parse`] and [`parse_elements`]. Names are QNames without namespace
//! processing, as in stanzas, where `xmlns` is an ordinary attribute. The form is lossless: what
//! XML cannot hold stands in attributes with the prefix `cp:` (`interfaces.md` §8). It knows no
//! bytes of the wire.
//!
//! | attribute | means |
//! |---|---|
//! | `cp:b64` | the content, where it is no XML text or only white space; standard base64 |
//! | `cp:jid` | `key=jid` or `key=text`, separated by spaces, for attributes whose text would be taken for the other kind |
//! | `cp:tag` | the tag in base64, where it is no XML name; the element is then called `node` |
//! | `cp:attrs` | `key:value` or `key:value:jid`, each part in base64, separated by spaces, for attributes whose key is no XML name or whose value is no XML text |

mod element;
mod error;
mod parse;
mod print;

pub use element::{Element, parse_elements};
pub use error::{XmlError, XmlRule};
pub use parse::parse;
pub use print::{print, print_pretty};

/// Starts the names of attributes that say how to read an element.
const PREFIX: &str = "cp:";

/// Tells whether a text is a name that needs no escape; ASCII only, as real tags are.
fn is_name(text: &str) -> bool {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':');
    let goes_on = |byte: u8| starts(&byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    text.as_bytes().first().is_some_and(starts) && text.bytes().all(goes_on)
}

/// Tells whether XML 1.0 can hold a character.
fn is_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Tells whether a text is nothing but the white space of XML.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}
