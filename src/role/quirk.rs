//! The quirk zoo: deliberate faults of the bundled reference, each after a real one.
//!
//! Main type: [`Quirk`]. A role asks [`Fault`]s, one variant each, so that a misspelt name does not
//! compile; people and reports say ids. A quirk is one fault and no more, because a red check must
//! be able to have one cause only (`interfaces.md` §13).

/// A way in which the reference may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    CertSignaturesNotChecked,
    CertNotBoundToStatic,
    ExpiredCertAccepted,
    EphemeralReused,
    TagsNotChecked,
    FailedHandshakeGoesOn,
    DowngradeTaken,
    NonceStepsOnBadFrame,
    NearbyCountersTried,
    OwnFramesTaken,
    SmallOrderTaken,
    SmallOrderHangs,
    UnknownFieldsRefused,
    RoutingInPrologue,
    TokenInFirstMessage,
    IkThoughUnlisted,
    AuthkeyDiffers,
    LoginWithoutToken,
    PrekeysNeverUploaded,
    Http200IsSuccess,
    IdentityIsNotTheSigner,
    SkipsSignature,
    SignatureOnlyIfPresent,
    OmitsPrekeyId,
    PlaintextFallback,
    KdfInfoHasRegistrationId,
    KdfPrefixAsSalt,
    ClearBodyShown,
    MessageKeyKept,
    DuplicateShown,
    DeliveredBeforeDecrypt,
    UndecryptableIgnored,
    MessagesNeverAcked,
    ServerPingIgnored,
    NeverPings,
    MailboxDropped,
    PushMissingAuthAccepted,
    PushAnySignatureAccepted,
    PushNeverWakes,
    JwksHasPrivateKey,
    JwtNamesAnotherUser,
    WideListsDropped,
    SpelledOutTagsDropped,
    RawDigitsLost,
    LongLengthsDropped,
    CompressedDropped,
    ThirdChunkLost,
    JoinedFramesDropped,
    CleanEndIsFinal,
    ResetIsFinal,
    KeyChangesOnReconnect,
    SignedPrekeyKept,
    RetiredPrekeyDropped,
    TokenKept,
    PingsOnce,
    DeadLineKept,
    LowStockIgnored,
    RefillRepeats,
    RefillFloods,
    StaleEnlistmentKept,
    ReenlistingForgetsSessions,
    DiesOnUnknownStanza,
    HangsOnUnknownStanza,
    MemoryGrows,
    DescriptorsGrow,
    PanicText,
    MissingHookDeclared,
    WorkingHookHidden,
    ClaimsConnection,
    OutboxLost,
    OutboxAnew,
}

/// What the harness has to say of a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Fail,
    Warn,
    /// Legal, if odd: the run stays green and the transcript names the variant.
    Tolerated,
}

impl Expect {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Tolerated => "tolerated",
        }
    }
}

/// One fault with its origin and what it breaks.
#[derive(Debug)]
pub struct Quirk {
    pub id: &'static str,
    pub fault: Fault,
    pub seat: &'static str,
    /// Where it was really shipped, or `variant` for a plausible neighbour.
    pub source: &'static str,
    /// The row of the catalogue that it breaks.
    pub requirement: &'static str,
    pub expect: Expect,
    /// What the faulty implementation does, in one sentence.
    pub what: &'static str,
}

/// Finds a quirk by its id.
pub fn find(id: &str) -> Option<&'static Quirk> {
    ALL.iter().find(|quirk| quirk.id == id)
}

/// An implementation that is no implementation: no check may pass on it.
#[derive(Debug)]
pub struct Control {
    pub id: &'static str,
    pub what: &'static str,
}

/// The controls; the reference runs them under these ids.
pub static CONTROLS: &[Control] = &[
    Control { id: "dead", what: "Answers the driver and never opens a socket." },
    Control { id: "echo", what: "Answers every operation with success and sends all bytes back." },
];

const CLIENT: &str = "third-party-client";
const SERVER: &str = "third-party-server";
const VARIANT: &str = "variant";

const fn client(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { id, fault, seat: CLIENT, source, requirement, expect: Expect::Fail, what }
}

/// A fault of a client against a row that only recommends.
const fn should(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Warn, ..client(id, fault, requirement, source, what) }
}

const fn server(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { id, fault, seat: SERVER, source, requirement, expect: Expect::Fail, what }
}

/// Every quirk.
pub static ALL: &[Quirk] = &[
    client(
        "noise-ephemeral-key-reused",
        Fault::EphemeralReused,
        "NOI-004",
        VARIANT,
        "Makes one ephemeral key at start and shows it in every handshake.",
    ),
    client(
        "noise-tags-not-checked",
        Fault::TagsNotChecked,
        "NOI-003",
        VARIANT,
        "Decrypts without verifying the authentication tags.",
    ),
    client(
        "noise-failed-handshake-goes-on",
        Fault::FailedHandshakeGoesOn,
        "NOI-009",
        VARIANT,
        "Keeps a handshake whose message 2 failed and waits for another message 2.",
    ),
    client(
        "noise-downgrade-taken",
        Fault::DowngradeTaken,
        "NOI-017",
        VARIANT,
        "Takes an answer of another kind for a server without encryption and logs in in clear.",
    ),
    client(
        "noise-nonce-steps-on-bad-frame",
        Fault::NonceStepsOnBadFrame,
        "NOI-010",
        "RUSTSEC-2024-0011; flynn/noise GHSA-g9mp-8g3h-3c5c",
        "Steps the receive counter on a frame that does not decrypt, and keeps the connection.",
    ),
    client(
        "noise-nearby-counters-tried",
        Fault::NearbyCountersTried,
        "NOI-011",
        VARIANT,
        "Tries the counters around the expected one, so that a replayed frame is taken again.",
    ),
    client(
        "noise-own-frames-taken",
        Fault::OwnFramesTaken,
        "NOI-015",
        VARIANT,
        "Tries its own sending key on what it receives.",
    ),
    Quirk {
        expect: Expect::Tolerated,
        ..client(
            "noise-low-order-point-accepted",
            Fault::SmallOrderTaken,
            "NOI-013",
            "mullvad/gotatun#142; signalapp/libsignal dce9c0d30",
            "Goes on with an all-zero agreement, as RFC 7748 lets it.",
        )
    },
    client(
        "noise-low-order-point-hangs",
        Fault::SmallOrderHangs,
        "NOI-013",
        VARIANT,
        "Neither goes on nor gives up where an agreement is all zeros.",
    ),
    Quirk {
        expect: Expect::Warn,
        ..client(
            "noise-unknown-fields-refused",
            Fault::UnknownFieldsRefused,
            "NOI-018",
            VARIANT,
            "Refuses a handshake message that holds fields that it does not know.",
        )
    },
    client(
        "noise-routing-in-prologue",
        Fault::RoutingInPrologue,
        "NOI-003",
        VARIANT,
        "Mixes the edge-routing prefix into the handshake together with the header.",
    ),
    client(
        "noise-token-in-first-message",
        Fault::TokenInFirstMessage,
        "NOI-007",
        VARIANT,
        "Sends the login payload, token included, in the first message too, where it is in clear.",
    ),
    client(
        "noise-ik-though-unlisted",
        Fault::IkThoughUnlisted,
        "NOI-002",
        VARIANT,
        "Resumes with IK where the profile lists XX alone.",
    ),
    client(
        "prekeys-never-uploaded",
        Fault::PrekeysNeverUploaded,
        "PRE-001",
        VARIANT,
        "Leaves the prekey service without its keys after the login.",
    ),
    client(
        "noise-cert-signatures-not-checked",
        Fault::CertSignaturesNotChecked,
        "NOI-006",
        "tulir/whatsmeow 57f290ee; WhiskeySockets/Baileys#2208",
        "Parses the server's certificate chain and verifies no signature of it.",
    ),
    client(
        "noise-cert-not-bound-to-static",
        Fault::CertNotBoundToStatic,
        "NOI-006",
        "variant of tulir/whatsmeow 57f290ee",
        "Verifies the chain and never compares the leaf's key with the handshake's static key.",
    ),
    client(
        "noise-expired-cert-accepted",
        Fault::ExpiredCertAccepted,
        "NOI-006",
        "tulir/whatsmeow 75186f80",
        "Ignores the validity of both certificates.",
    ),
    client(
        "authkey-differs-from-noise-key",
        Fault::AuthkeyDiffers,
        "NOI-005",
        VARIANT,
        "Enlists one static key and logs in with another.",
    ),
    client(
        "login-without-token",
        Fault::LoginWithoutToken,
        "NOI-008",
        VARIANT,
        "Leaves the token out of the login payload.",
    ),
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
    client(
        "duplicate-id-shown-twice",
        Fault::DuplicateShown,
        "MSG-013",
        VARIANT,
        "Shows a message that is delivered again under its id a second time.",
    ),
    client(
        "delivered-before-decrypt",
        Fault::DeliveredBeforeDecrypt,
        "RCP-001",
        "guardianproject/ChatSecureAndroid#416; psi-im/plugins#91",
        "Sends the delivery receipt on arrival, whether or not the message decrypts.",
    ),
    client(
        "undecryptable-is-ignored",
        Fault::UndecryptableIgnored,
        "RCP-005",
        VARIANT,
        "Drops a message that does not decrypt without asking for it again.",
    ),
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
        "mailbox-message-dropped",
        Fault::MailboxDropped,
        "MSG-014",
        VARIANT,
        "Loses the messages that arrive with the login, before its keys are in place.",
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
        "codec-tags-known-by-token-only",
        Fault::SpelledOutTagsDropped,
        "ROB-007",
        VARIANT,
        "Compares tags by their token and takes one that is spelled out for an unknown one.",
    ),
    client(
        "codec-raw-digits-lost",
        Fault::RawDigitsLost,
        "ROB-007",
        "variant of TF §2.1.2, whose sample sends digits raw although packing exists",
        "Reads digits only where they are packed and loses an attribute that holds raw ones.",
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
    should(
        "truncation-taken-for-clean-end",
        Fault::CleanEndIsFinal,
        "NOI-016",
        VARIANT,
        "Takes a stream that ends in the middle of a frame for the end of the session.",
    ),
    client(
        "reset-is-never-repaired",
        Fault::ResetIsFinal,
        "TRN-011",
        "variant of tulir/whatsmeow#40",
        "Stays offline after its connection was reset.",
    ),
    client(
        "static-key-changes-on-reconnect",
        Fault::KeyChangesOnReconnect,
        "NOI-005",
        VARIANT,
        "Makes a new static key for every connection after the first.",
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
    client(
        "token-kept-past-its-expiry",
        Fault::TokenKept,
        "JWT-019",
        VARIANT,
        "Logs in with its first token for ever.",
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
    client(
        "stale-enlistment-kept",
        Fault::StaleEnlistmentKept,
        "ENL-016",
        VARIANT,
        "Calls itself enlisted although the server has refused its login for that.",
    ),
    client(
        "enlisting-again-forgets-sessions",
        Fault::ReenlistingForgetsSessions,
        "MSG-015",
        VARIANT,
        "Throws all sessions away when it enlists again, so that later messages do not decrypt.",
    ),
    client(
        "dies-on-unknown-stanza",
        Fault::DiesOnUnknownStanza,
        "ROB-001",
        VARIANT,
        "Ends its process when a stanza comes that it does not know.",
    ),
    client(
        "hangs-on-unknown-stanza",
        Fault::HangsOnUnknownStanza,
        "ROB-002",
        VARIANT,
        "Waits for ever when a stanza comes that it does not know.",
    ),
    client(
        "memory-grows-with-unknown-stanzas",
        Fault::MemoryGrows,
        "ROB-003",
        VARIANT,
        "Keeps 128 MiB for each stanza that it does not know.",
    ),
    client(
        "descriptors-grow-with-unknown-stanzas",
        Fault::DescriptorsGrow,
        "ROB-003",
        VARIANT,
        "Leaves 64 files open for each stanza that it does not know.",
    ),
    client(
        "panic-text-on-unknown-stanza",
        Fault::PanicText,
        "ROB-004",
        VARIANT,
        "Catches a panic for each stanza that it does not know, and goes on.",
    ),
    client(
        "declares-a-hook-that-is-missing",
        Fault::MissingHookDeclared,
        "ROB-005",
        VARIANT,
        "States the hook `fingerprint` in `hello` and does not have it.",
    ),
    client(
        "hides-a-hook-that-works",
        Fault::WorkingHookHidden,
        "ROB-005",
        VARIANT,
        "States that it lacks the hook `inject_wake` and has it.",
    ),
    client(
        "claims-a-login-it-never-made",
        Fault::ClaimsConnection,
        "ROB-006",
        VARIANT,
        "Answers `connect` with success and opens no connection.",
    ),
    should(
        "outbox-lost-with-the-line",
        Fault::OutboxLost,
        "MSG-017",
        VARIANT,
        "Forgets what it has sent when the connection is lost before the server's ack.",
    ),
    should(
        "outbox-sent-anew",
        Fault::OutboxAnew,
        "MSG-017",
        VARIANT,
        "Sends what was not acknowledged again as a new message, under another id.",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_faults_are_there_once() {
        let ids: BTreeSet<_> = ALL.iter().map(|quirk| quirk.id).collect();
        let faults: std::collections::HashSet<_> = ALL.iter().map(|quirk| quirk.fault).collect();
        assert_eq!((ids.len(), faults.len()), (ALL.len(), ALL.len()));
        for quirk in ALL {
            assert!(std::ptr::eq(find(quirk.id).unwrap(), quirk));
            assert!(
                quirk
                    .id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(quirk.what.ends_with('.'), "{}", quirk.id);
        }
        assert!(find("no-such-quirk").is_none());
    }

    #[test]
    fn every_quirk_breaks_a_row_of_the_catalogue() {
        let catalogue = crate::spec::Catalogue::builtin();
        for quirk in ALL {
            let row = catalogue.get(quirk.requirement);
            assert!(row.is_some(), "{} breaks {}", quirk.id, quirk.requirement);
        }
    }
}
