//! The quirk zoo: deliberate faults of the bundled reference, each after a real one.
//!
//! Main type: [`Quirk`]. A role asks [`Fault`]s, one variant each, so that a misspelt name does not
//! compile; people and reports say ids. A quirk is one fault and no more, because a red check must
//! be able to have one cause only (`interfaces.md` §13).

mod chat;
mod content;
mod control;
mod enlistment;
mod guarantee;
mod http;
mod keys;
mod media;
mod messages;
mod noise;
mod people;
mod process;
mod proxy;
mod ratchet;
mod server;
mod writing;

use crate::e2ee::{Derivation, RatchetFault, Slip};
use crate::wire::Variant;

/// A way in which the reference may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    // ENL
    Http200IsSuccess,
    IdentityIsNotTheSigner,
    StaleEnlistmentKept,
    EnlistsByGet,
    EnlistsNowhere,
    EnlistsWhenInstalled,
    EnlistsOnConnect,
    FormIsJson,
    FormLacksArgument,
    FormRepeatsArgument,
    FormKeysHaveTypeByte,
    FormInStandardBase64,
    FormKeyTypeZero,
    RegistrationIdZero,
    RegistrationIdWide,
    RegistrationIdChanges,
    OneTokenForAll,
    MissingStatusIsSuccess,
    CutAnswerIsSuccess,
    EnlistmentErrorHidden,
    EnlistmentRetriedForEver,
    AccountIdCut,
    AccountIdRounded,
    AccountIdSigned,
    ConnectsUnenlisted,
    EnlistsWhenReplaced,
    RetryUploadsOtherKeys,

    // TRN on the HTTP side
    NoHttp2,
    OneCallerAtATime,
    OneReaderAtATime,
    BodyInOneRead,
    NoHttp1,
    AnswersDifferByVersion,
    NoTls13,
    NoTls12,
    OldTls,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateOfAnotherHost,
    CertificateSelfSigned,
    CertificateOfUnknownAuthority,
    NoHostServed,
    TwoHostsServed,
    BothFramingsKept,
    LengthWins,
    FirstLengthWins,
    OddLengthIsNone,
    MethodsNotTold,
    AnyMethodServed,
    MediaTypeIgnored,
    LargeBodyFails,
    OddPathFails,
    MachinesRedirected,
    MachinesGetCookies,
    MachinesAskedToLogIn,
    TlsNotVerified,
    TlsNameNotVerified,
    PlainHttp,
    KeysFetchedWithToken,
    PsychicSignature,
    DerSignatureAccepted,

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
    CertVerifyResultIgnored,
    CertEmptySignaturePasses,
    CertShortSignaturePasses,
    CertRootNotAnchored,
    UnprovenKeyResumed,
    NeverFallsBack,
    PrologueNotMixed,
    HandshakeSkipped,
    StaticKeyIsPrekey,
    FramesOf65535,
    HandshakeWithoutDeadline,

    // TRN and STZ
    MessagesNeverAcked,
    ServerPingIgnored,
    NeverPings,
    PingOfUnknownType,
    PingWithChildren,
    WideListsDropped,
    LongLengthsDropped,
    CompressedDropped,
    ThirdChunkLost,
    JoinedFramesDropped,
    ResetIsFinal,
    PingsOnce,
    DeadLineKept,
    IbEndsSession,
    ReceiptsUnread,
    EmptyAttributesCounted,
    InteropServerUnread,
    IntegratorLost,
    UnknownTokenKills,
    DeepNestingKills,
    CutListTaken,
    HexPackedWrong,
    LowerHexPacked,
    LongDigitsScrambled,
    UnknownIqUnanswered,
    AnswersAnswered,
    UnknownStanzaEndsSession,
    UnknownAttributesRefused,
    UnknownChildrenRefused,
    NamesAnother,
    NamesItselfVisibly,
    IdsStartAnew,
    StreamErrorIgnored,
    RestartIsFinal,
    ConflictRetried,
    NewestFirst,
    CountAwaited,
    CountTrusted,
    InvalidTextSentBack,
    AtSignIsAddress,
    NameIsSender,
    Impatient,
    HalfCloseIgnored,
    /// Writes stanzas with this oddity wherever it fits.
    Writes(Variant),
    IntroLeftOut,
    VersionNotStated,
    VersionRefusalRetried,
    NoBackOff,
    NoJitter,
    FrameAllocatedAhead,
    FrameLimitIgnored,

    // PRE, ENC and RAT
    PrekeysNeverUploaded,
    SkipsSignature,
    SignatureOnlyIfPresent,
    OmitsPrekeyId,
    PlaintextFallback,
    KdfInfoHasRegistrationId,
    KdfPrefixAsSalt,
    ClearBodyShown,
    GateMissesOne,
    ClearControlObeyed,
    ClearBodyPreferred,
    MessageKeyKept,
    SignedPrekeyKept,
    RetiredPrekeyDropped,
    LowStockIgnored,
    RefillRepeats,
    RefillFloods,
    EmptySignatureMeansNone,
    AbsentSignatureMeansNone,
    SignatureLengthUnchecked,
    VerifyResultIgnored,
    ScalarReduced,
    NeedsOneTimePrekey,
    FirstMessageNeedsOneTime,
    OneTimePrekeyKept,
    PrekeyBurned,
    ShortKeysPadded,
    LongKeysTruncated,
    LowOrderEndsConnection,
    FetchHammers,
    RateLimitFinal,
    SessionKeptOnNewIdentity,
    NewIdentitySilent,
    ResendsToNewIdentity,
    PushesToNewIdentity,
    FourByteIds,
    FetchesOtherAddress,
    BaseKeyWithoutType,
    KdfFirst32Bytes,
    KdfWithoutDh4,
    BadMessageDeletesSession,
    RepliesInNewSessions,
    KemPrekeyUnsigned,
    KemSignatureUnchecked,
    KemOptional,
    /// Has sessions with this fault.
    Ratchet(RatchetFault),
    /// Derives the keys of its sessions this way.
    Derives(Derivation),
    PaddingErrorShown,
    OldCiphertextResent,
    SendFailureReusesKey,
    SenderNotCompared,
    CrossedStartForEver,
    SessionsLostOnRestart,
    StateSavedSeldom,
    StateWrittenBehind,
    PrekeyIdsStartAnew,
    PrekeyIdsEndAt24Bits,
    FingerprintOfOwnKey,
    FingerprintKept,
    FingerprintOfTheMoment,
    VerifiedMarkSurvives,
    KemPrekeyReused,
    AckBeforeDurable,
    NewIdentityBlocksSending,
    ReplayDeletesSession,
    EmptyCiphertextCrashes,
    ParallelDecrypt,
    LosesOneInAThousand,
    RegistrationChangeIgnored,
    IdentityReduced,
    IdentityNotBound,
    AnswerOfAnyone,

    // The guarantees, and leaks
    RatchetKeyKept,
    RatchetKeyRenewedLate,
    OneTimePrekeyPassedOver,
    ContentSigned,
    CiphertextSigned,
    TextInNotify,
    TextInBase64,
    TextInUtf16,
    TextInUrl,
    TextInHeader,
    TextInCrashReport,
    TextInLogin,
    TextInLog,
    TextInLogEscaped,
    IncomingTextInLog,
    TextInLogDump,
    TextInLogBytes,
    TextDeflated,
    FileNameInUrl,
    FileNameInLog,
    FileInReport,
    CaptionOutside,
    ReceivedFileInReport,
    ReceivedNameInUrl,
    ReceivedCaptionInLog,
    ReceivedThumbnailInReport,
    FileNameInAnswer,
    /// Another protocol than Signal's, sound or with a slip of its own.
    OtherProtocol(Option<Slip>),

    // MSG and RCP
    DuplicateShown,
    DeliveredBeforeDecrypt,
    UndecryptableIgnored,
    MailboxDropped,
    ReenlistingForgetsSessions,
    OutboxLost,
    OutboxAnew,
    DeliveryNotShown,
    StateGoesBack,
    ReadAutomatically,
    MarkReadSilent,
    AggregateFirstOnly,
    AggregateCutShort,
    RetryNeverAnswered,
    RetryUnderNewId,
    RetryKeysIgnored,
    AnswersWithoutBound,
    AsksWithoutBound,
    AsksAnewOnReconnect,
    AnswersAnewOnReconnect,
    AsksOnce,
    NeverReceipted,
    RetryWithoutKeys,
    RetryCountStays,
    RetryWithoutRegistration,
    RetryKeysForgotten,
    ReceiptForReceipt,
    ReceiptForAck,
    ReceiptForTyping,
    ReadSwitchIgnored,
    ReadSwitchStaysOff,
    ReceiptOfAnyone,
    RetryOfAnyone,
    LostTextsClaimed,
    ContentIsBareText,
    TextCutAtNul,
    TextTrimmed,
    ReplyLosesQuote,
    ReplyNamesWrongAuthor,
    UnknownQuoteDropped,
    ReplyShownPlain,
    ReactionFromWrongSide,
    ReactionsIgnored,
    ReactionChangeIgnored,
    RevocationNotSent,
    RevocationIgnored,
    RevokeFromAnybody,
    OwnDeviceMessageObeyed,
    WrapperTrusted,
    TypingNeverSent,
    TypingIgnored,
    TypingAcked,
    TypingKept,
    TypingNeverExpires,
    UnknownKindDropped,
    UnknownFieldsOfContentRefused,
    InvalidContentShown,
    InvalidContentReceipted,
    DeepContentOverflows,
    PaddingPanics,
    PaddingAbsent,
    PaddingConstant,
    ReachabilityNeverSent,
    ReachabilityIsMessage,
    ReachabilityFloods,
    FutureTimestampPins,
    LinksFetched,

    // MED, MPX and files elsewhere
    MediaTagIgnored,
    MediaHashesIgnored,
    MediaPlainHashIgnored,
    MediaReleasedEarly,
    MediaLengthConfusion,
    MediaKeyDecides,
    MediaRetryAppends,
    MediaCutTaken,
    MediaGoneRetried,
    MediaWaitedForEver,
    MediaRetryAfterIgnored,
    MediaFailureHidden,
    MediaUrlFetched,
    MediaPathJoined,
    MediaRedirectFollowed,
    MediaQueryDropped,
    MediaLabelOfImages,
    MediaKeyReused,
    MediaTagWhole,
    MediaPathBare,
    MediaKeyInPath,
    MediaSentInClear,
    MediaThumbnailOutside,
    MediaLimitUnchecked,
    MediaLimitShort,
    VoiceNotShown,
    CaptionLost,
    FileNameRaw,
    MediaStoredLate,
    MediaBytesChanged,
    MediaRefTraversal,
    MediaErrorAs200,
    MediaPartsAs200,
    MediaServedAsUploaded,
    MediaHeadIsEmpty,
    MediaEtagChanges,
    MediaSetsCookies,
    MediaUncacheable,
    MediaNeedsCookie,
    MediaRationed,
    MediaReferenceCounts,
    MediaReferenceNamesUser,
    MediaGzipUndeclared,
    MediaNeverStored,
    ProxyFetchesUrls,
    ProxyDecodesReference,
    ProxyIgnoresIntegrator,
    ProxyForgetsBasePath,
    ProxyForwardsCredentials,
    ProxyForwardsUserAgent,
    ProxyAddsForwardedFor,
    ProxyPassesCookies,
    ProxySendsReadersOn,
    ProxyFollowsRedirects,
    ProxyErrorsAs200,
    ProxyCutTakenAsWhole,
    ProxyCollectsFirst,
    ProxyAsksForEach,
    ProxyChangesBytes,
    ProxyKeepsParts,
    ProxyKeepsErrors,
    ProxyAnswersCross,
    ProxyMakesRoom,

    // ABU and PRV
    BlockStaysLocal,
    BlockedShown,
    BlockMissesDevices,
    PushOfAnyoneObeyed,
    BlocklistNeverFetched,
    OptOutStaysLocal,
    OptOutKeepsConnection,
    OptOutKeepsLogin,
    DeletionNotRepeated,

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
    LoginTokenOfAnotherKind,
    PushAnswers202,
    PushMissingAuthAccepted,
    PushAnySignatureAccepted,
    PushNeverWakes,
    JwksHasPrivateKey,
    JwtNamesAnotherUser,
    IdentifierPerToken,
    IdentifiersCutShort,
    JwtPadded,
    JwtMadeWithHmac,
    JwtMadeWithoutSignature,
    JwtWithoutKid,
    JwtOfAnUnlistedKid,
    JwtSignedByAnUnlistedKey,
    JwtSignatureCutShort,
    JwtIssuerIsTheHost,
    JwtWithoutIssuer,
    JwtWithoutAudience,
    JwtWithoutExpiry,
    JwtExpiredWhenIssued,
    JwtLivesAMonth,
    JwtWithoutIat,
    JwtDatesInMilliseconds,
    JwtNotValidYet,
    JwtDatesAsText,
    JwtRepeatsAClaim,
    JwtWithoutTyp,
    JwtTellsNameAndMail,
    JwtSubjectTooLong,
    JwtInTheUrl,
    DisabledUserGetsToken,
    JwksElsewhere,
    JwksIsABareList,
    JwksWithoutExponent,
    JwksWithoutUse,
    JwksRepeatsAKid,
    JwksModulusLeadingZero,
    JwksAsText,
    JwksBehindALogin,
    JwksRationed,
    JwksHeadFails,
    JwksWithoutMaxAge,
    JwksSignsBeforeListed,
    JwksSwapped,
    JwksTooLarge,
    JwksHasShortKey,
    JwksNeverFetchedAgain,
    JwksBrokenFetchKept,
    JwksRemovedKeyTrusted,
    JwksFetchedForEveryUnknownKid,
    JwksUnknownTypePoisons,
    JwksUnknownMemberPoisons,
    PushAlgNoneAccepted,
    PushHmacAccepted,
    PushFallsBackToDecode,
    PushEmptyTokenAccepted,
    PushNoSignatureAccepted,
    PushSignatureLengthIgnored,
    PushIssuerPartAccepted,
    PushMissingAudienceAccepted,
    PushAnyAudienceAccepted,
    PushExpiryIgnored,
    PushDatesAsTextAccepted,
    PushFirstOfRepeatedCounts,
    PushNotBeforeIgnored,
    PushCriticalIgnored,
    PushEmbeddedKeyTrusted,
    PushKeyUrlFetched,
    PushZeroLeeway,
    PushIssueDateIgnored,
    PushRefusesFurtherMembers,
    PushRefusalWithoutChallenge,
    PushRefusalIs200,
    PushRefusalIs403,
    EveryPushReconnects,
    PushTellsWhoIsUnknown,
    PushWakesDisabledUser,
    PushOverloadFails,
    PushBadBodyFails,
    MailboxNeedsAPush,

    // The controls that are the reference, see `control`.
    AcceptsAll,
    RejectsAll,
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
    /// The profile under which it is hunted, where that of the hunt would not show it: an embedded
    /// one, or a test overlay of `fixtures/profiles/`.
    pub profile: Option<&'static str>,
    /// What the faulty implementation does, in one sentence.
    pub what: &'static str,
}

pub use control::{CONTROLS, Control, Demand};
impl Quirk {
    /// True for a fault that two ends can have alike and still understand each other: those of the
    /// derivation of keys and of what the MAC covers.
    pub fn is_derivation(&self) -> bool {
        matches!(
            self.fault,
            Fault::Derives(_)
                | Fault::KdfInfoHasRegistrationId
                | Fault::KdfPrefixAsSalt
                | Fault::KdfFirst32Bytes
                | Fault::KdfWithoutDh4
        )
    }

    /// The same quirk, hunted under another profile.
    const fn under(self, profile: &'static str) -> Self {
        Self { profile: Some(profile), ..self }
    }
}

/// Finds a quirk, or a control that is the reference with a fault, by its id.
pub fn find(id: &str) -> Option<&'static Quirk> {
    all().chain(control::EXTREMES).find(|quirk| quirk.id == id)
}

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
    Quirk {
        id,
        fault,
        seat: CLIENT,
        source,
        requirement,
        expect: Expect::Fail,
        profile: None,
        what,
    }
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
    Quirk { seat: SERVER, ..client(id, fault, requirement, source, what) }
}

/// A fault of a server against a row, or a half of one, that only recommends.
const fn should_server(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Warn, ..server(id, fault, requirement, source, what) }
}

/// Every quirk, by area.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    [
        enlistment::ALL,
        noise::ALL,
        chat::ALL,
        writing::ALL,
        keys::ALL,
        media::ALL,
        proxy::ALL,
        messages::ALL,
        ratchet::ALL,
        content::ALL,
        guarantee::ALL,
        people::ALL,
        process::ALL,
        server::ALL,
        http::ALL,
    ]
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

    #[test]
    fn every_profile_that_a_quirk_names_is_embedded() {
        use crate::spec::Profile;
        for id in all().filter_map(|quirk| quirk.profile) {
            assert!(Profile::builtin(id).or_else(|| Profile::overlay(id)).is_some(), "{id}");
        }
    }

    #[test]
    fn every_test_overlay_can_be_read() {
        for (id, _) in crate::spec::profile::OVERLAYS {
            let overlay = crate::spec::Profile::overlay(id).unwrap();
            assert_eq!(overlay.id(), *id);
            let base = overlay.base().unwrap();
            assert!(overlay.iter().any(|(key, value)| base.get(key) != Some(value)), "{id}");
        }
    }
}
