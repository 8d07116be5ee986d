//! Faults of the process and of the driver's word: the rows ROB.

use super::{Fault, Quirk, VARIANT, client};

pub(super) static ALL: &[Quirk] = &[
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
        "memory-grows-with-texts",
        Fault::MemoryGrowsWithTexts,
        "ROB-003",
        VARIANT,
        "Keeps 128 MiB for each text that it shows.",
    ),
    client(
        "descriptors-grow-with-texts",
        Fault::DescriptorsGrowWithTexts,
        "ROB-003",
        VARIANT,
        "Leaves 64 files open for each text that it shows.",
    ),
    client(
        "states-another-message-version",
        Fault::OtherVersionStated,
        "ROB-005",
        VARIANT,
        "States that it speaks message version 4 alone, and speaks 3.",
    ),
    client(
        "does-not-state-that-it-resumes",
        Fault::ResumingNotStated,
        "ROB-005",
        VARIANT,
        "States the pattern XX alone, and resumes with IK.",
    )
    .under("resumption"),
    client(
        "declares-a-hook-that-is-missing",
        Fault::MissingHookDeclared,
        "ROB-005",
        VARIANT,
        "States the hook `decode` in `hello` and does not have it.",
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
];
