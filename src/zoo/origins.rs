//! The faults that were really shipped, and the quirks that stand for them.
//!
//! Main table: [`ORIGINS`]: the collection's rows about prekeys, key agreement, the ratchet, identities,
//! receipts and contents, and those of its rows that look most like success. A row without a quirk
//! says why, so that nobody takes a gap for a proof.

/// How a fault is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// By the quirk of the same name.
    Quirk,
    /// By these quirks.
    As(&'static [&'static str]),
    /// It is not, for this reason.
    Not(&'static str),
}

/// Each fault by the name that it was collected under.
pub static ORIGINS: &[(&str, Seen)] = &[
    ("skips-signed-prekey-signature", Seen::Quirk),
    ("signature-checked-only-if-present", Seen::Quirk),
    ("bundle-identity-not-bound", Seen::Quirk),
    ("one-time-prekey-private-kept", Seen::Quirk),
    ("prekey-burned-before-auth", Seen::Quirk),
    ("prekey-id-overwritten-after-restart", Seen::Quirk),
    ("prekey-refill-breaks-at-24-bit", Seen::Quirk),
    ("signed-prekey-never-rotated", Seen::Quirk),
    ("retired-signed-prekey-dropped-early", Seen::Quirk),
    ("no-session-without-one-time-prekey", Seen::Quirk),
    ("kdf-prefix-used-as-salt", Seen::Quirk),
    ("kdf-uses-first-32-bytes", Seen::Quirk),
    ("kdf-info-has-local-registration-id", Seen::Quirk),
    ("first-message-omits-prekey-id", Seen::Quirk),
    ("responder-seeds-ratchet-with-random-key", Seen::Quirk),
    ("static-secret-per-peer", Seen::Quirk),
    ("version-byte-wrong-or-unchecked", Seen::As(&["version-byte-unchecked"])),
    ("first-message-replaces-live-session", Seen::Quirk),
    ("simultaneous-start-never-converges", Seen::Quirk),
    ("sends-first-message-type-for-ever", Seen::Quirk),
    // Unbound: a ciphertext of the KEM that somebody else made anew for the same key needs that key's
    // private half, which no harness has; libsignal's own KEM binds the key (ENC-021).
    (
        "kem-prekey-reused-or-unbound",
        Seen::As(&[
            "kem-prekey-reused-or-unbound",
            "kem-prekey-signature-not-verified",
            "kem-prekey-optional",
        ]),
    ),
    ("state-advanced-before-mac", Seen::Quirk),
    ("skipped-key-removed-before-use", Seen::Quirk),
    ("header-not-authenticated", Seen::Quirk),
    ("one-bad-message-deletes-session", Seen::Quirk),
    ("chains-crossed-twice", Seen::Quirk),
    ("skip-total-unbounded", Seen::Quirk),
    ("skip-limit-bricks-session", Seen::Quirk),
    ("send-failure-reuses-message-key", Seen::Quirk),
    ("parallel-decrypt-reorders", Seen::Quirk),
    ("padding-wrong-or-panics", Seen::As(&["padding-absent", "padding-panics"])),
    ("new-identity-accepted-silently", Seen::Quirk),
    ("resends-pending-to-new-identity", Seen::Quirk),
    ("identity-updated-session-kept", Seen::Quirk),
    ("verified-mark-survives-change", Seen::Quirk),
    ("decrypted-sender-not-compared", Seen::Quirk),
    ("retry-receipt-never-answered", Seen::Quirk),
    ("retry-resent-under-new-id", Seen::Quirk),
    ("retry-loop-without-bound", Seen::Quirk),
    ("retry-keys-ignored", Seen::Quirk),
    ("delivered-before-decrypt", Seen::Quirk),
    ("ack-before-durable", Seen::Quirk),
    ("send-ok-though-nothing-sent", Seen::Quirk),
    (
        "receipts-for-phantom-messages",
        Seen::Not(
            "a reaction is a message, and what was decrypted is receipted (RCP-001), whatever it is \
             about: no row lets a client keep silent, and the reference does not; what shows \
             nothing by its kind is receipted by nobody (RCP-010)",
        ),
    ),
    ("read-receipts-sent-automatically", Seen::Quirk),
    ("iq-reply-from-anyone", Seen::Quirk),
    ("forwarded-wrapper-trusted", Seen::Quirk),
    ("push-stanza-from-not-checked", Seen::Quirk),
    ("self-only-message-from-peer", Seen::Quirk),
    ("revoke-from-non-author", Seen::Quirk),
    ("plaintext-fallback-on-failure", Seen::Quirk),
    ("clear-body-shown-as-encrypted", Seen::Quirk),
    ("control-outside-ciphertext", Seen::Quirk),
    (
        "quote-shown-unchecked",
        Seen::Not(
            "a driver tells the id that a shown text answers, and not what the screen quotes: the \
             quoted words and their author are in no notification",
        ),
    ),
    ("plaintext-gate-misses-one-type", Seen::Quirk),
    ("noise-verify-result-ignored", Seen::Quirk),
    ("noise-cert-not-bound-to-static", Seen::Quirk),
    ("media-hashes-not-compared", Seen::Quirk),
    (
        "relay-pooled-connection-crosstalk",
        // As far as an intermediary can be the subject: Meta's media proxy.
        Seen::As(&["proxy-answers-cross"]),
    ),
    ("jwks-removed-key-still-trusted", Seen::Quirk),
];

/// The quirks that stand for a fault; none where it is not seen.
pub fn quirks_of(fault: &'static str) -> Vec<&'static str> {
    match ORIGINS.iter().find(|(known, _)| *known == fault) {
        Some((_, Seen::Quirk)) => vec![fault],
        Some((_, Seen::As(ids))) => ids.to_vec(),
        Some((_, Seen::Not(_))) | None => Vec::new(),
    }
}

/// Those that no quirk of this version stands for.
pub fn unseen() -> impl Iterator<Item = (&'static str, &'static str)> {
    ORIGINS.iter().filter_map(|(fault, seen)| match seen {
        Seen::Not(why) => Some((*fault, *why)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::role::quirk;

    #[test]
    fn every_fault_has_a_quirk_or_a_reason() {
        for (fault, seen) in ORIGINS {
            match seen {
                Seen::Not(why) => {
                    assert!(!why.is_empty(), "{fault}");
                    assert!(quirk::find(fault).is_none(), "{fault} has a quirk by now");
                }
                _ => assert!(!quirks_of(fault).is_empty(), "{fault}"),
            }
            for id in quirks_of(fault) {
                assert!(quirk::find(id).is_some(), "{fault}: there is no quirk {id}");
            }
        }
        let names: BTreeSet<&str> = ORIGINS.iter().map(|(fault, _)| *fault).collect();
        assert_eq!((names.len(), unseen().count()), (ORIGINS.len(), 2));
    }
}
