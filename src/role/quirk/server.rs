//! Faults of the third party's server: the rows JWT, JWK and PSH.

use super::{Fault, Quirk, VARIANT, client, server};

pub(super) static ALL: &[Quirk] = &[
    client(
        "token-kept-past-its-expiry",
        Fault::TokenKept,
        "JWT-019",
        VARIANT,
        "Logs in with its first token for ever.",
    ),
    server(
        "push-missing-auth-accepted",
        Fault::PushMissingAuthAccepted,
        "PSH-004",
        "krkn-chaos/krkn#1277; Sidarthapati/one_day_delivery#183",
        "Verifies the token of a push only where there is one.",
    ),
    server(
        "push-any-signature-accepted",
        Fault::PushAnySignatureAccepted,
        "PSH-004",
        VARIANT,
        "Reads the claims of a push token and does not verify its signature.",
    ),
    server(
        "push-answers-but-never-wakes",
        Fault::PushNeverWakes,
        "PSH-007",
        VARIANT,
        "Answers a push with 200 and wakes nobody.",
    ),
    server(
        "jwks-publishes-private-key",
        Fault::JwksHasPrivateKey,
        "JWK-005",
        "onc-healthit/onc-certification-g10-test-kit#123; italia/eudi-wallet-it-python#526",
        "Publishes the private exponent beside the public key.",
    ),
    server(
        "jwt-names-another-user",
        Fault::JwtNamesAnotherUser,
        "JWT-007",
        VARIANT,
        "Issues tokens that name somebody else.",
    ),
];
