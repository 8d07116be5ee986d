//! Faults of keys, sessions and encryption: the rows PRE, ENC and RAT.

use super::{Fault, Quirk, VARIANT, client, should};

pub(super) static ALL: &[Quirk] = &[
    client(
        "prekeys-never-uploaded",
        Fault::PrekeysNeverUploaded,
        "PRE-001",
        VARIANT,
        "Leaves the prekey service without its keys after the login.",
    ),
    client(
        "skips-signed-prekey-signature",
        Fault::SkipsSignature,
        "PRE-004",
        "microsoft/agent-governance-toolkit#1405; isopen-io/meeshy d3df40e66",
        "Opens a session from a fetched bundle without verifying the signed prekey's signature.",
    ),
    client(
        "signature-checked-only-if-present",
        Fault::SignatureOnlyIfPresent,
        "PRE-005",
        "isopen-io/meeshy d3df40e66",
        "Verifies the signed prekey's signature only where it is not empty.",
    ),
    client(
        "first-message-omits-prekey-id",
        Fault::OmitsPrekeyId,
        "PRE-007",
        "isopen-io/meeshy 2fe1fa772",
        "Uses a one-time prekey for the keys of a session and does not name it.",
    ),
    client(
        "plaintext-fallback-on-failure",
        Fault::PlaintextFallback,
        "ENC-001",
        "guardyn/guardyn#227; isopen-io/meeshy 18b02c16f",
        "Sends the text in clear where no session can be set up.",
    ),
    client(
        "kdf-info-has-local-registration-id",
        Fault::KdfInfoHasRegistrationId,
        "ENC-003",
        "isopen-io/meeshy 420d307db",
        "Mixes the initiator's registration id into the info of the key derivation.",
    ),
    client(
        "kdf-prefix-used-as-salt",
        Fault::KdfPrefixAsSalt,
        "ENC-003",
        "microsoft/agent-governance-toolkit#1926, #3128",
        "Takes the 32 bytes 0xFF as the salt of the key derivation and not as its input's prefix.",
    ),
    client(
        "clear-body-shown-as-encrypted",
        Fault::ClearBodyShown,
        "ENC-019",
        "processone/fluux-messenger#550, #435; isopen-io/meeshy 18b02c16f",
        "Shows an unencrypted body as if it had been encrypted.",
    ),
    client(
        "message-key-kept",
        Fault::MessageKeyKept,
        "RAT-006",
        VARIANT,
        "Keeps used message keys, so that a replayed ciphertext shows its text again.",
    ),
    should(
        "signed-prekey-never-rotated",
        Fault::SignedPrekeyKept,
        "PRE-011",
        "oxidezap/whatsapp-rust#968",
        "Keeps one signed prekey for the life of the account.",
    ),
    should(
        "retired-signed-prekey-dropped-early",
        Fault::RetiredPrekeyDropped,
        "PRE-011",
        "oxidezap/whatsapp-rust#1237",
        "Forgets a signed prekey in the moment in which it replaces it.",
    ),
    should(
        "low-stock-notification-ignored",
        Fault::LowStockIgnored,
        "PRE-010",
        VARIANT,
        "Acknowledges the notice that its one-time prekeys run low, and uploads none.",
    ),
    should(
        "refill-repeats-prekeys",
        Fault::RefillRepeats,
        "PRE-010",
        "variant of jlucaso1/whatsapp-rust, prekey ids overwritten after a restart",
        "Uploads the one-time prekeys of its first batch again, used ones among them.",
    ),
    should(
        "refill-floods",
        Fault::RefillFloods,
        "PRE-010",
        VARIANT,
        "Answers one notice of low stock with several uploads.",
    ),
];
