//! Legal ways to write a stanza that readers have stumbled over: the run stays green and names them.
//!
//! One quirk for each [`Variant`] that a client may write (`wire.md` §3, §10.1), and one for the
//! variant that is none: an interop address that has lost its server is another address.

use super::{Fault, Quirk, VARIANT, client, legal};
use crate::wire::Variant;

const fn writes(
    id: &'static str,
    variant: Variant,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    legal(id, Fault::Writes(variant), "STZ-003", source, what)
}

pub(super) static ALL: &[Quirk] = &[
    writes(
        "writes-interop-jid-with-server",
        Variant::InteropJidWithServer,
        "wire.md §3.4: tulir/whatsmeow",
        "Writes interop addresses with their server.",
    ),
    writes(
        "writes-interop-jid-without-server",
        Variant::InteropJidWithoutServer,
        "wire.md §3.4: the native web client; whatsapp-rust 0.7.0",
        "Writes interop addresses without their server.",
    ),
    writes(
        "writes-interop-jid-as-pair",
        Variant::InteropJidAsPair,
        "wire.md §3.4: WhiskeySockets/Baileys",
        "Writes interop addresses as user and server.",
    ),
    writes(
        "writes-messenger-jid-as-pair",
        Variant::MessengerJidAsPair,
        "wire.md §3.4: whatsapp-rust 0.7.0",
        "Writes addresses of the other messenger as user and server.",
    ),
    writes(
        "writes-device-jid-as-pair",
        Variant::DeviceJidAsPair,
        VARIANT,
        "Writes addresses of devices as user and server.",
    ),
    writes(
        "writes-device-zero",
        Variant::DeviceZero,
        "wire.md §3.4: the native web client",
        "Writes users as their device 0.",
    ),
    writes(
        "writes-device-zero-spelled-out",
        Variant::DeviceZeroSpelledOut,
        VARIANT,
        "Writes users with `:0`.",
    ),
    writes(
        "writes-hosted-domain",
        Variant::HostedDomain,
        VARIANT,
        "Writes hosted users under another domain byte.",
    ),
    writes(
        "writes-jid-as-text",
        Variant::JidAsText,
        "wire.md §3.3: tulir/whatsmeow",
        "Writes addresses as plain strings.",
    ),
    writes(
        "writes-no-user-as-text",
        Variant::NoUserAsText,
        VARIANT,
        "Writes an absent user as an empty string.",
    ),
    writes(
        "writes-word-spelled-out",
        Variant::WordSpelledOut,
        VARIANT,
        "Writes every word of the dictionary as a string.",
    ),
    writes(
        "writes-digits-spelled-out",
        Variant::DigitsSpelledOut,
        "TF §2.1.2, whose sample sends digits raw",
        "Packs no string.",
    ),
    writes(
        "writes-packed-as-hex",
        Variant::PackedAsHex,
        VARIANT,
        "Packs digits with the hex alphabet.",
    ),
    writes(
        "writes-packed-pad",
        Variant::PackedPad,
        VARIANT,
        "Fills odd packed strings with another pad.",
    ),
    writes(
        "writes-packed-beyond-bound",
        Variant::PackedBeyondBound,
        VARIANT,
        "Packs strings that encoders would not pack.",
    ),
    writes("writes-long-length", Variant::LongLength, VARIANT, "Writes lengths of 32 bits."),
    writes(
        "writes-length-bits",
        Variant::LengthBits,
        VARIANT,
        "Sets bits above lengths of 20 bits.",
    ),
    writes("writes-wide-list", Variant::WideList, VARIANT, "Writes counts of 16 bits."),
    writes(
        "writes-empty-as-null",
        Variant::EmptyAsNull,
        "wire.md §3.3: tulir/whatsmeow",
        "Writes empty attributes as byte 0.",
    ),
    writes(
        "writes-empty-as-packed",
        Variant::EmptyAsPacked,
        "wire.md §3.3: tulir/whatsmeow",
        "Writes empty attributes as packed strings.",
    ),
    writes(
        "writes-empty-content",
        Variant::EmptyContent,
        VARIANT,
        "Writes an empty list where a node has no content.",
    ),
    writes(
        "writes-content-as-text",
        Variant::ContentAsText,
        VARIANT,
        "Writes content that is a text as a packed string.",
    ),
    writes(
        "writes-content-as-jid",
        Variant::ContentAsJid,
        VARIANT,
        "Writes content that is an address as an address.",
    ),
    client(
        "codec-interop-address-as-phone-device",
        Fault::Writes(Variant::InteropJidServerLost),
        "STZ-006",
        "wire.md §3.4: WhiskeySockets/Baileys",
        "Writes interop addresses as devices of phone users, so that the server is lost.",
    ),
];
