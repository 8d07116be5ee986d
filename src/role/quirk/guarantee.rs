//! Faults of the guarantees: healing, forward secrecy, deniability, and content that leaks beside its
//! ciphertext.

use super::{Fault, Quirk, VARIANT, client, legal};
use crate::e2ee::Slip;

pub(super) static ALL: &[Quirk] = &[
    client(
        "ratchet-key-never-renewed",
        Fault::RatchetKeyKept,
        "ENC-010",
        "variant of isopen-io/meeshy 420d307db",
        "Goes on with its first ratchet key for the life of a session, so that nothing heals.",
    ),
    client(
        "ratchet-key-renewed-late",
        Fault::RatchetKeyRenewedLate,
        "ENC-010",
        VARIANT,
        "Draws a new ratchet key only at every third answer.",
    ),
    client(
        "one-time-prekey-passed-over",
        Fault::OneTimePrekeyPassedOver,
        "ENC-003",
        "variant of isopen-io/meeshy 2fe1fa772",
        "Opens sessions without the one-time prekey of the bundle, as if there were none.",
    ),
    client(
        "content-is-signed",
        Fault::ContentSigned,
        "ENC-011",
        VARIANT,
        "Signs what the user wrote with the identity key, inside the ciphertext.",
    ),
    client(
        "ciphertext-is-signed",
        Fault::CiphertextSigned,
        "ENC-011",
        VARIANT,
        "Signs the ciphertext with the identity key, beside it.",
    ),
    client(
        "text-in-the-notify-name",
        Fault::TextInNotify,
        "ENC-001",
        VARIANT,
        "Puts the beginning of the text into the name that goes with the message, for a preview.",
    ),
    client(
        "text-as-base64-beside-the-ciphertext",
        Fault::TextInBase64,
        "ENC-001",
        VARIANT,
        "Sends a preview of the text in base64 beside the ciphertext.",
    ),
    client(
        "text-as-utf-16-beside-the-ciphertext",
        Fault::TextInUtf16,
        "ENC-001",
        VARIANT,
        "Sends a preview of the text in UTF-16 beside the ciphertext.",
    ),
    client(
        "text-in-a-url",
        Fault::TextInUrl,
        "ENC-001",
        VARIANT,
        "Reports each action by a URL that holds the text in hexadecimal.",
    ),
    client(
        "text-in-a-header",
        Fault::TextInHeader,
        "ENC-001",
        VARIANT,
        "Reports each action with the text, percent-encoded, in a header.",
    ),
    client(
        "text-in-a-crash-report",
        Fault::TextInCrashReport,
        "ENC-001",
        VARIANT,
        "Posts what it did last, texts included, compressed.",
    ),
    client(
        "text-in-the-login",
        Fault::TextInLogin,
        "ENC-001",
        VARIANT,
        "Tells the server at the next login what was sent last.",
    ),
    client("text-in-the-log", Fault::TextInLog, "PRV-008", VARIANT, "Logs texts that go out."),
    client(
        "text-in-the-log-escaped",
        Fault::TextInLogEscaped,
        "PRV-008",
        VARIANT,
        "Logs texts that go out as JSON with escapes.",
    ),
    client(
        "incoming-text-in-the-log",
        Fault::IncomingTextInLog,
        "PRV-008",
        VARIANT,
        "Logs in hexadecimal what it decrypts.",
    ),
    client(
        "text-in-the-log-as-a-dump",
        Fault::TextInLogDump,
        "PRV-008",
        VARIANT,
        "Logs what it encrypts as a dump of single bytes.",
    ),
    client(
        "text-in-the-log-as-a-literal",
        Fault::TextInLogBytes,
        "PRV-008",
        VARIANT,
        "Logs what it encrypts as the literal of a byte string.",
    ),
    client(
        "text-in-a-deflated-report",
        Fault::TextDeflated,
        "ENC-001",
        VARIANT,
        "Posts what it did last in base64 of a stream that is compressed without a header.",
    ),
    client(
        "file-name-in-a-url",
        Fault::FileNameInUrl,
        "ENC-001",
        VARIANT,
        "Reports each file that it sends by a URL with the file's name.",
    ),
    client(
        "file-name-in-the-log",
        Fault::FileNameInLog,
        "PRV-008",
        VARIANT,
        "Logs the name of a file that goes out as a list of numbers.",
    ),
    client(
        "file-in-a-crash-report",
        Fault::FileInReport,
        "ENC-001",
        VARIANT,
        "Posts the beginning of a file that goes out, compressed.",
    ),
    client(
        "caption-beside-the-ciphertext",
        Fault::CaptionOutside,
        "ENC-001",
        VARIANT,
        "Puts what stands under a picture beside the ciphertext too.",
    ),
    legal(
        "speaks-another-protocol",
        Fault::OtherProtocol(None),
        "ENC-001",
        VARIANT,
        "Declares another protocol than Signal's, and its users write each other sealed letters.",
    ),
    other(
        "another-protocol-takes-replays",
        Slip::Repeats,
        "RAT-006",
        "Speaks another protocol and opens a letter as often as it comes.",
    ),
    other(
        "another-protocol-compares-no-mac",
        Slip::AnyMac,
        "RAT-009",
        "Speaks another protocol and opens letters whose authentication does not fit.",
    ),
    other(
        "another-protocol-compares-no-sender",
        Slip::AnySender,
        "ENC-004",
        "Speaks another protocol and believes the server from whom a letter comes.",
    ),
    other(
        "another-protocol-repeats-its-key",
        Slip::OneKey,
        "RAT-008",
        "Speaks another protocol and seals all letters to one user with one key.",
    ),
    other(
        "another-protocol-in-order-only",
        Slip::InOrderOnly,
        "RAT-003",
        "Speaks another protocol and drops letters that were overtaken.",
    ),
    other(
        "another-protocol-gives-up",
        Slip::FirstFailureIsFinal,
        "RAT-005",
        "Speaks another protocol and opens nothing any more once a letter did not open.",
    ),
];

const fn other(
    id: &'static str,
    slip: Slip,
    requirement: &'static str,
    what: &'static str,
) -> Quirk {
    client(id, Fault::OtherProtocol(Some(slip)), requirement, VARIANT, what)
}
