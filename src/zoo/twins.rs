//! Each fault that lets too much through, beside the fix that overshoots.
//!
//! Main table: [`SIDES`], for the rows of prekeys, encryption, the ratchet, receipts and leaks. Whoever
//! mends a check that was too lax tends to refuse what is right as well, and a harness that rewarded
//! that would be worth nothing: so each lax quirk names a strict one, or says why there is none.

use crate::role::quirk::{self, Quirk};

/// On which side of what is right a quirk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It lets through, keeps or tells what it must not.
    Lax(Twin),
    /// It refuses, drops or repeats more than it must.
    Strict,
    /// It computes or writes something else.
    Otherwise,
}

/// The overshooting fix of a lax quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// The quirk that is it.
    Strict(&'static str),
    /// Why there is none.
    None(&'static str),
}

const TELLS_LESS: &str = "who tells less than is right breaks nothing";
const REFUSES: &str = "who refuses too much sends or shows nothing: the positive twin of the scenario \
                       says so, and the control `reject-all`";
const RIGHT_OR_WRONG: &str = "it is compared or drawn anew, or it is not: nothing is stricter";

/// Every quirk of these areas.
pub static SIDES: &[(&str, Side)] = &[
    ("another-protocol-in-the-clear", Side::Lax(Twin::None(TELLS_LESS))),
    ("caption-beside-the-ciphertext", Side::Lax(Twin::None(TELLS_LESS))),
    ("display-name-in-the-log", Side::Otherwise),
    ("file-in-a-crash-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("file-name-in-a-url", Side::Lax(Twin::None(TELLS_LESS))),
    ("file-name-in-an-answer", Side::Lax(Twin::None(TELLS_LESS))),
    ("plaintext-fallback-on-failure", Side::Lax(Twin::None(REFUSES))),
    ("picture-description-in-a-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("received-file-in-a-crash-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("received-file-name-in-a-url", Side::Lax(Twin::None(TELLS_LESS))),
    ("received-thumbnail-in-a-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("speaks-another-protocol", Side::Otherwise),
    ("text-as-base64-beside-the-ciphertext", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-as-utf-16-beside-the-ciphertext", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-answer-to-a-push", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-a-crash-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-a-deflated-report", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-a-header", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-a-url", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-login", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-notify-name", Side::Lax(Twin::None(TELLS_LESS))),
    ("base-key-without-type-byte", Side::Otherwise),
    ("kdf-info-has-local-registration-id", Side::Otherwise),
    ("kdf-info-of-another-protocol", Side::Otherwise),
    ("message-info-misspelt", Side::Otherwise),
    ("ratchet-info-of-the-agreement", Side::Otherwise),
    ("kdf-leaves-dh4-out", Side::Otherwise),
    ("kdf-prefix-missing", Side::Otherwise),
    ("kdf-prefix-used-as-salt", Side::Otherwise),
    ("kdf-root-and-chain-swapped", Side::Otherwise),
    ("kdf-swaps-dh1-and-dh2", Side::Otherwise),
    ("kdf-uses-first-32-bytes", Side::Otherwise),
    ("one-time-prekey-passed-over", Side::Otherwise),
    (
        "another-protocol-compares-no-sender",
        Side::Lax(Twin::Strict("another-protocol-knows-first-identities-only")),
    ),
    ("decrypted-sender-not-compared", Side::Lax(Twin::None(RIGHT_OR_WRONG))),
    ("identities-in-the-mac-not-compared", Side::Lax(Twin::None(RIGHT_OR_WRONG))),
    ("mac-binds-initiator-first", Side::Otherwise),
    ("mac-binds-no-identities", Side::Otherwise),
    ("mac-binds-receiver-first", Side::Otherwise),
    ("first-message-header-once", Side::Lax(Twin::Strict("sends-first-message-type-for-ever"))),
    ("opens-for-the-first-message-only", Side::Strict),
    ("repeated-header-refused", Side::Strict),
    ("sends-first-message-type-for-ever", Side::Strict),
    ("prekey-burned-before-auth", Side::Strict),
    ("first-message-replaces-live-session", Side::Lax(Twin::Strict("repeated-header-refused"))),
    ("kem-prekey-reused-or-unbound", Side::Lax(Twin::Strict("repeated-header-refused"))),
    ("answers-under-the-signed-prekey", Side::Otherwise),
    ("ratchet-key-never-renewed", Side::Lax(Twin::Strict("ratchet-turns-with-every-message"))),
    ("ratchet-key-renewed-late", Side::Lax(Twin::Strict("ratchet-turns-with-every-message"))),
    ("ciphertext-is-signed", Side::Lax(Twin::None(TELLS_LESS))),
    ("content-is-signed", Side::Lax(Twin::None(TELLS_LESS))),
    (
        "another-protocol-is-quiet-about-identities",
        Side::Lax(Twin::Strict("another-protocol-knows-first-identities-only")),
    ),
    ("another-protocol-knows-first-identities-only", Side::Strict),
    ("new-identity-accepted-silently", Side::Lax(Twin::Strict("new-identity-blocks-sending"))),
    ("verified-mark-survives-change", Side::Lax(Twin::Strict("new-identity-blocks-sending"))),
    ("pushes-pending-to-new-identity", Side::Lax(Twin::Strict("new-identity-blocks-sending"))),
    ("fingerprint-differs-each-time", Side::Strict),
    ("fingerprint-kept-after-change", Side::Lax(Twin::Strict("fingerprint-differs-each-time"))),
    ("fingerprint-of-own-key-only", Side::Lax(Twin::Strict("fingerprint-differs-each-time"))),
    ("another-identity-for-every-peer", Side::Otherwise),
    ("crossed-start-refused", Side::Strict),
    ("simultaneous-start-never-converges", Side::Lax(Twin::Strict("crossed-start-refused"))),
    ("version-byte-unchecked", Side::Lax(Twin::None(REFUSES))),
    ("clear-body-preferred", Side::Lax(Twin::Strict("unknown-child-refused"))),
    ("clear-body-shown-as-encrypted", Side::Lax(Twin::Strict("unknown-child-refused"))),
    ("control-outside-ciphertext", Side::Lax(Twin::Strict("unknown-child-refused"))),
    ("plaintext-gate-misses-one-type", Side::Lax(Twin::Strict("unknown-child-refused"))),
    ("kem-prekey-unsigned", Side::Otherwise),
    ("prekeys-never-uploaded", Side::Otherwise),
    ("prekey-ids-of-four-bytes", Side::Otherwise),
    ("bundle-asked-under-another-address", Side::Otherwise),
    ("iq-reply-from-anyone", Side::Lax(Twin::None(REFUSES))),
    ("bundle-identity-not-bound", Side::Lax(Twin::None(REFUSES))),
    ("kem-prekey-optional", Side::Lax(Twin::None(REFUSES))),
    ("kem-prekey-signature-not-verified", Side::Lax(Twin::None(REFUSES))),
    ("signature-length-not-checked", Side::Lax(Twin::None(REFUSES))),
    ("signature-verify-result-ignored", Side::Lax(Twin::None(REFUSES))),
    ("skips-signed-prekey-signature", Side::Lax(Twin::None(REFUSES))),
    ("absent-signature-means-none", Side::Lax(Twin::None(REFUSES))),
    ("empty-signature-means-none", Side::Lax(Twin::None(REFUSES))),
    ("signature-checked-only-if-present", Side::Lax(Twin::None(REFUSES))),
    ("first-message-needs-one-time-prekey", Side::Strict),
    ("no-session-without-one-time-prekey", Side::Strict),
    ("first-message-omits-prekey-id", Side::Otherwise),
    ("one-time-prekey-back-after-restart", Side::Lax(Twin::Strict("prekey-burned-before-auth"))),
    ("one-time-prekey-private-kept", Side::Lax(Twin::Strict("prekey-burned-before-auth"))),
    ("low-stock-notification-ignored", Side::Lax(Twin::Strict("refill-floods"))),
    ("prekey-id-overwritten-after-restart", Side::Otherwise),
    ("refill-floods", Side::Strict),
    ("refill-repeats-prekeys", Side::Otherwise),
    ("retired-signed-prekey-dropped-early", Side::Strict),
    ("signed-prekey-never-rotated", Side::Lax(Twin::Strict("retired-signed-prekey-dropped-early"))),
    ("prekey-refill-breaks-at-24-bit", Side::Otherwise),
    (
        "identity-coordinate-reduced",
        Side::Lax(Twin::Strict("low-order-prekey-ends-the-connection")),
    ),
    ("long-keys-truncated", Side::Lax(Twin::Strict("low-order-prekey-ends-the-connection"))),
    ("low-order-prekey-ends-the-connection", Side::Strict),
    ("short-keys-padded", Side::Lax(Twin::Strict("low-order-prekey-ends-the-connection"))),
    ("signature-scalar-reduced", Side::Lax(Twin::Strict("low-order-prekey-ends-the-connection"))),
    ("key-fetch-hammers", Side::Lax(Twin::Strict("rate-limit-is-final"))),
    ("rate-limit-is-final", Side::Strict),
    ("identity-updated-session-kept", Side::Lax(Twin::Strict("new-identity-blocks-sending"))),
    ("new-identity-blocks-sending", Side::Strict),
    ("registration-id-change-ignored", Side::Lax(Twin::Strict("new-identity-blocks-sending"))),
    ("file-name-in-the-log", Side::Lax(Twin::None(TELLS_LESS))),
    ("incoming-text-in-the-log", Side::Lax(Twin::None(TELLS_LESS))),
    ("received-caption-in-the-log", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-log", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-log-as-a-dump", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-log-as-a-literal", Side::Lax(Twin::None(TELLS_LESS))),
    ("text-in-the-log-escaped", Side::Lax(Twin::None(TELLS_LESS))),
    ("ratchet-turns-with-every-message", Side::Strict),
    ("static-secret-per-peer", Side::Lax(Twin::Strict("ratchet-turns-with-every-message"))),
    ("messages-numbered-from-one", Side::Otherwise),
    ("previous-count-always-zero", Side::Otherwise),
    ("another-protocol-in-order-only", Side::Strict),
    ("another-protocol-waits-for-the-lost", Side::Strict),
    ("late-message-keys-forgotten", Side::Strict),
    ("old-chains-forgotten", Side::Strict),
    ("skips-nothing", Side::Strict),
    ("skip-limit-bricks-session", Side::Strict),
    ("skips-without-bound", Side::Lax(Twin::Strict("skips-nothing"))),
    ("another-protocol-gives-up", Side::Strict),
    ("one-bad-message-deletes-session", Side::Strict),
    ("skipped-key-removed-before-use", Side::Lax(Twin::Strict("late-message-keys-forgotten"))),
    ("state-advanced-before-mac", Side::Lax(Twin::Strict("one-bad-message-deletes-session"))),
    ("another-protocol-takes-replays", Side::Lax(Twin::Strict("another-protocol-gives-up"))),
    ("message-key-kept", Side::Lax(Twin::Strict("replay-deletes-session"))),
    ("replay-deletes-session", Side::Strict),
    ("another-protocol-repeats-its-key", Side::Lax(Twin::None(RIGHT_OR_WRONG))),
    ("another-protocol-repeats-its-keystream", Side::Lax(Twin::None(RIGHT_OR_WRONG))),
    ("retry-resends-the-old-ciphertext", Side::Lax(Twin::Strict("retry-resent-under-new-id"))),
    ("send-failure-reuses-message-key", Side::Lax(Twin::Strict("outbox-sent-anew"))),
    ("another-protocol-compares-no-mac", Side::Lax(Twin::Strict("another-protocol-gives-up"))),
    ("header-not-authenticated", Side::Lax(Twin::None(RIGHT_OR_WRONG))),
    ("chain-constants-swapped", Side::Otherwise),
    ("mac-compared-as-far-as-it-goes", Side::Lax(Twin::Strict("padding-error-shown"))),
    ("mac-compared-in-part", Side::Lax(Twin::Strict("padding-error-shown"))),
    ("padding-error-shown", Side::Strict),
    ("chains-crossed-twice", Side::Otherwise),
    ("replies-in-a-session-of-its-own", Side::Otherwise),
    ("responder-seeds-ratchet-with-random-key", Side::Otherwise),
    ("small-order-ratchet-key-refused", Side::Strict),
    ("sessions-lost-on-restart", Side::Strict),
    ("state-saved-seldom", Side::Lax(Twin::Strict("sessions-lost-on-restart"))),
    ("state-written-behind", Side::Lax(Twin::Strict("sessions-lost-on-restart"))),
    ("one-message-in-a-thousand-lost", Side::Otherwise),
    ("receipts-collected-unread", Side::Lax(Twin::Strict("delivery-receipt-never-sent"))),
    ("delivered-before-decrypt", Side::Lax(Twin::Strict("delivery-receipt-never-sent"))),
    ("delivery-receipt-never-sent", Side::Strict),
    ("delivery-not-shown", Side::Strict),
    ("receipt-state-goes-back", Side::Otherwise),
    ("mark-read-sends-nothing", Side::Strict),
    ("read-receipt-from-the-background", Side::Lax(Twin::Strict("mark-read-sends-nothing"))),
    ("read-receipts-sent-automatically", Side::Lax(Twin::Strict("mark-read-sends-nothing"))),
    ("aggregated-receipt-cut-short", Side::Otherwise),
    ("aggregated-receipt-first-id-only", Side::Otherwise),
    ("undecryptable-is-ignored", Side::Otherwise),
    ("retry-keys-ignored", Side::Otherwise),
    ("retry-keys-unverified", Side::Lax(Twin::None(REFUSES))),
    ("unsigned-retry-keys-taken", Side::Lax(Twin::None(REFUSES))),
    ("retry-keys-with-type-byte", Side::Otherwise),
    ("retry-receipt-never-answered", Side::Strict),
    ("retry-resent-under-new-id", Side::Strict),
    ("retry-answered-without-bound", Side::Lax(Twin::Strict("retry-receipt-never-answered"))),
    (
        "retry-answers-begin-anew-on-reconnect",
        Side::Lax(Twin::Strict("retry-receipt-never-answered")),
    ),
    ("retry-loop-begins-anew-on-reconnect", Side::Lax(Twin::Strict("retry-asked-for-once"))),
    ("retry-loop-without-bound", Side::Lax(Twin::Strict("retry-asked-for-once"))),
    ("retry-loop-from-a-queue", Side::Lax(Twin::Strict("retry-asked-for-once"))),
    ("retry-asked-for-once", Side::Strict),
    ("retry-count-stays-at-one", Side::Otherwise),
    ("retry-keys-never-stored", Side::Otherwise),
    ("retry-without-keys", Side::Otherwise),
    ("retry-without-registration-id", Side::Otherwise),
    ("resends-pending-to-new-identity", Side::Lax(Twin::Strict("retry-receipt-never-answered"))),
    ("receipt-for-a-receipt", Side::Lax(Twin::Strict("delivery-receipt-never-sent"))),
    ("receipt-for-an-ack", Side::Lax(Twin::Strict("delivery-receipt-never-sent"))),
    ("receipt-for-typing", Side::Lax(Twin::Strict("delivery-receipt-never-sent"))),
    ("read-receipt-switch-ignored", Side::Lax(Twin::Strict("read-receipt-switch-stays-off"))),
    ("read-receipt-switch-stays-off", Side::Strict),
    ("receipt-of-anyone-counted", Side::Lax(Twin::Strict("delivery-not-shown"))),
    ("retry-of-anyone-answered", Side::Lax(Twin::Strict("retry-receipt-never-answered"))),
    ("skip-total-unbounded", Side::Lax(Twin::Strict("skip-limit-bricks-session"))),
];

/// The side of a quirk; `None` for areas that are not in the table.
pub fn side(id: &str) -> Option<Side> {
    SIDES.iter().find(|(known, _)| *known == id).map(|(_, side)| *side)
}

/// True for the quirks that the table must hold.
pub fn is_tabled(quirk: &Quirk) -> bool {
    ["PRE-", "ENC-", "RAT-", "RCP-", "PRV-008"]
        .iter()
        .any(|area| quirk.requirement.starts_with(area))
}

/// The lax quirks of the table whose twin is a quirk, with it.
pub fn pairs() -> impl Iterator<Item = (&'static Quirk, &'static Quirk)> {
    SIDES.iter().filter_map(|(id, side)| match side {
        Side::Lax(Twin::Strict(twin)) => Some((quirk::find(id)?, quirk::find(twin)?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_quirk_of_these_areas_is_in_the_table_once() {
        let untold: Vec<&str> = quirk::all()
            .filter(|quirk| is_tabled(quirk) && side(quirk.id).is_none())
            .map(|quirk| quirk.id)
            .collect();
        assert!(untold.is_empty(), "say whether these are too lax: {untold:?}");
        let ids: BTreeSet<&str> = SIDES.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), SIDES.len());
        assert!(ids.iter().all(|id| quirk::find(id).is_some()));
    }

    #[test]
    fn every_lax_quirk_has_a_strict_twin_or_a_reason() {
        let mut lax = 0;
        for (id, side) in SIDES {
            let Side::Lax(twin) = side else { continue };
            lax += 1;
            match twin {
                Twin::None(why) => assert!(!why.is_empty(), "{id}"),
                Twin::Strict(twin) => {
                    assert!(quirk::find(twin).is_some(), "{id}: there is no quirk {twin}");
                    let strict = super::side(twin).is_none_or(|side| side == Side::Strict);
                    assert!(strict, "{id}: {twin} is not too strict");
                }
            }
        }
        assert!(pairs().count() * 2 > lax, "most lax quirks have a twin that is a quirk");
    }
}
