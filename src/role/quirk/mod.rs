//! The quirk zoo: deliberate faults of the bundled reference, each after a real one.
//!
//! Main type: [`Quirk`]. A role asks [`Fault`]s, one variant each, so that a misspelt name does not
//! compile; people and reports say ids. A quirk is one fault and no more, because a red check must
//! be able to have one cause only (`interfaces.md` §13).

mod chat;
mod enlistment;
mod keys;
mod messages;
mod noise;
mod process;
mod server;

/// A way in which the reference may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    // ENL
    Http200IsSuccess,
    IdentityIsNotTheSigner,
    StaleEnlistmentKept,

    // NOI
    EphemeralReused,
    TagsNotChecked,
    FailedHandshakeGoesOn,
    DowngradeTaken,
    NonceStepsOnBadFrame,
    NearbyCountersTried,
    OwnFramesTaken,
    SmallOrderHangs,
    SmallOrderTaken,
    UnknownFieldsRefused,
    RoutingInPrologue,
    TokenInFirstMessage,
    IkThoughUnlisted,
    CertSignaturesNotChecked,
    CertNotBoundToStatic,
    ExpiredCertAccepted,
    AuthkeyDiffers,
    LoginWithoutToken,
    CleanEndIsFinal,
    KeyChangesOnReconnect,

    // TRN and STZ
    MessagesNeverAcked,
    ServerPingIgnored,
    NeverPings,
    WideListsDropped,
    LongLengthsDropped,
    CompressedDropped,
    ThirdChunkLost,
    JoinedFramesDropped,
    ResetIsFinal,
    PingsOnce,
    DeadLineKept,

    // PRE, ENC and RAT
    PrekeysNeverUploaded,
    SkipsSignature,
    SignatureOnlyIfPresent,
    OmitsPrekeyId,
    PlaintextFallback,
    KdfInfoHasRegistrationId,
    KdfPrefixAsSalt,
    ClearBodyShown,
    MessageKeyKept,
    SignedPrekeyKept,
    RetiredPrekeyDropped,
    LowStockIgnored,
    RefillRepeats,
    RefillFloods,

    // MSG and RCP
    DuplicateShown,
    DeliveredBeforeDecrypt,
    UndecryptableIgnored,
    MailboxDropped,
    ReenlistingForgetsSessions,
    OutboxLost,
    OutboxAnew,

    // ROB
    SpelledOutTagsDropped,
    RawDigitsLost,
    DiesOnUnknownStanza,
    HangsOnUnknownStanza,
    MemoryGrows,
    DescriptorsGrow,
    PanicText,
    MissingHookDeclared,
    WorkingHookHidden,
    ClaimsConnection,

    // JWT, JWK and PSH
    TokenKept,
    PushMissingAuthAccepted,
    PushAnySignatureAccepted,
    PushNeverWakes,
    JwksHasPrivateKey,
    JwtNamesAnotherUser,
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
    all().find(|quirk| quirk.id == id)
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

/// A legal oddity of a client: the run stays green and names it.
const fn legal(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Tolerated, ..client(id, fault, requirement, source, what) }
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

/// Every quirk, by area.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    [enlistment::ALL, noise::ALL, chat::ALL, keys::ALL, messages::ALL, process::ALL, server::ALL]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_faults_are_there_once() {
        let ids: BTreeSet<_> = all().map(|quirk| quirk.id).collect();
        let faults: std::collections::HashSet<_> = all().map(|quirk| quirk.fault).collect();
        assert_eq!((ids.len(), faults.len()), (all().count(), all().count()));
        for quirk in all() {
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
        for quirk in all() {
            let row = catalogue.get(quirk.requirement);
            assert!(row.is_some(), "{} breaks {}", quirk.id, quirk.requirement);
        }
    }
}
