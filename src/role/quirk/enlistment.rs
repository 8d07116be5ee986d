//! Faults of enlistment: the rows ENL.

use super::{Fault, Quirk, VARIANT, client};

pub(super) static ALL: &[Quirk] = &[
    client(
        "enlist-treats-http-200-as-success",
        Fault::Http200IsSuccess,
        "ENL-011",
        "variant of EverMind-AI/EverMe#8; kubestellar/console#7275",
        "Takes any HTTP 200 of the enlistment call for a success and does not read the status.",
    ),
    client(
        "enlist-identity-key-not-the-signer",
        Fault::IdentityIsNotTheSigner,
        "ENL-008",
        "isopen-io/meeshy 18b02c16f",
        "Publishes an identity key and signs the prekey with another one.",
    ),
    client(
        "stale-enlistment-kept",
        Fault::StaleEnlistmentKept,
        "ENL-016",
        VARIANT,
        "Calls itself enlisted although the server has refused its login for that.",
    ),
];
