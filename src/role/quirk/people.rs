//! Faults of blocking and of opting out: the rows ABU and PRV.

use super::{Fault, Quirk, VARIANT, client};

pub(super) static ALL: &[Quirk] = &[
    client(
        "block-stays-local",
        Fault::BlockStaysLocal,
        "ABU-001",
        VARIANT,
        "Blocks on the screen and does not tell the server.",
    ),
    client(
        "blocklist-never-fetched",
        Fault::BlocklistNeverFetched,
        "ABU-002",
        VARIANT,
        "Never asks the server whom the user has blocked.",
    ),
    client(
        "blocked-user-shown",
        Fault::BlockedShown,
        "ABU-003",
        VARIANT,
        "Shows and receipts what a blocked user sends.",
    ),
    client(
        "blocklist-misses-device-address",
        Fault::BlockMissesDevices,
        "ABU-003",
        "jlucaso1/whatsapp-rust 34143420, #600",
        "Compares the whole address with the blocklist, so that another device of the user comes through.",
    ),
    client(
        "push-stanza-from-not-checked",
        Fault::PushOfAnyoneObeyed,
        "ABU-003",
        "openradar 16147049 (Messages roster push); jappix/jappix#412",
        "Obeys a change of its blocklist that comes from another user and not from the server.",
    ),
    client(
        "opt-out-stays-local",
        Fault::OptOutStaysLocal,
        "PRV-004",
        VARIANT,
        "Switches interoperability off on the screen and sends no deletion request.",
    ),
    client(
        "deletion-not-repeated",
        Fault::DeletionNotRepeated,
        "PRV-004",
        VARIANT,
        "Sends its deletion request once, whether or not it arrives.",
    ),
    client(
        "opt-out-keeps-the-connection",
        Fault::OptOutKeepsConnection,
        "PRV-003",
        VARIANT,
        "Stays connected after its user has opted out.",
    ),
    client(
        "opt-out-keeps-the-login",
        Fault::OptOutKeepsLogin,
        "PRV-005",
        VARIANT,
        "Keeps the login of a deleted account and tries it again.",
    ),
];
