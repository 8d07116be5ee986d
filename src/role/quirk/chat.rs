//! Faults of the chat connection and of stanzas: the rows TRN and STZ.

use super::{Fault, Quirk, VARIANT, client};

pub(super) static ALL: &[Quirk] = &[
    client(
        "messages-never-acked",
        Fault::MessagesNeverAcked,
        "STZ-019",
        VARIANT,
        "Acknowledges no message to the server.",
    ),
    client(
        "server-ping-ignored",
        Fault::ServerPingIgnored,
        "TRN-014",
        VARIANT,
        "Leaves the server's pings unanswered.",
    ),
    client(
        "never-pings",
        Fault::NeverPings,
        "TRN-014",
        "variant of tulir/whatsmeow#40",
        "Never pings the server.",
    ),
    client(
        "codec-wide-lists-dropped",
        Fault::WideListsDropped,
        "STZ-004",
        VARIANT,
        "Reads lists whose count has 8 bits and passes over a stanza with a wider one.",
    ),
    client(
        "codec-long-lengths-dropped",
        Fault::LongLengthsDropped,
        "STZ-004",
        VARIANT,
        "Passes over a stanza with a length that is wider than it needs to be.",
    ),
    client(
        "codec-compressed-dropped",
        Fault::CompressedDropped,
        "STZ-007",
        VARIANT,
        "Never inflates: a compressed stanza is passed over.",
    ),
    client(
        "frame-third-chunk-lost",
        Fault::ThirdChunkLost,
        "TRN-017",
        "tulir/whatsmeow 2a1c029c (#718)",
        "Loses the third and every later piece of a frame that arrives in pieces.",
    ),
    client(
        "joined-frames-dropped",
        Fault::JoinedFramesDropped,
        "TRN-017",
        VARIANT,
        "Takes two frames out of what was read and drops the frames behind them.",
    ),
    client(
        "reset-is-never-repaired",
        Fault::ResetIsFinal,
        "TRN-011",
        "variant of tulir/whatsmeow#40",
        "Stays offline after its connection was reset.",
    ),
    client(
        "pings-only-at-login",
        Fault::PingsOnce,
        "TRN-014",
        "variant of tulir/whatsmeow#40",
        "Pings the server once after the login and never again.",
    ),
    client(
        "keepalive-timeout-only-logged",
        Fault::DeadLineKept,
        "TRN-014",
        "tulir/whatsmeow#40; jlucaso1/whatsapp-rust#340",
        "Does nothing when a ping of its own stays unanswered.",
    ),
];
