//! What differs between a negative step and its accepted twin: one enum over all that can be odd,
//! and the words of the faults that no room of their own has.

use super::ciphertext::CiphertextFault;
use super::key_faults::{BundleFault, PrekeyFault};
use super::media_faults::{HostFault, MediaFault};
use super::push::{BodyFault, TokenFault};
use super::words::words;

/// The one declared difference between a negative step and its twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// On `connect`: what the chat server presents as its certificate chain.
    ServerChain(ChainFault),
    /// On `connect`: what is odd about the chat server's handshake message.
    ServerHello(HelloFault),
    /// On `connect`: how many messages the server announces, whatever the mailbox holds.
    OfflineCount(u16),
    /// On a `stanza` that is sent: what is wrong with the frame around it.
    Frame(FrameFault),
    /// On a `stanza` that is sent: what is wrong with its own bytes.
    Bytes(BytesFault),
    /// On `send_text`: what the served bundle has for a signature.
    BundleSignature(SignatureFault),
    /// On `send_text`: the bundle fetch is answered with this error code.
    BundleError(u16),
    /// On `send_text`: what the served bundle has for keys.
    Bundle(BundleFault),
    /// On a `text` that opens a session: which one-time prekey it is made with.
    Prekey(PrekeyFault),
    /// On `enlist`: the enlistment API answers `{"status": "fail", "reason": …}`.
    EnlistmentReason(String),
    /// On `enlist`: what the enlistment API answers instead of yes or no.
    EnlistmentAnswer(AnswerFault),
    /// On `enlist`: the digits of the internal identifier that the user gets. Legal.
    LoginDigits(u64),
    /// On `enlist`: the certificate that Meta's HTTP services show meanwhile.
    Tls(CertificateWord),
    /// On `connect`: what the chat server does about the login.
    ServerLogin(LoginFault),
    /// On a `text` that is sent: what takes the place of the ciphertext.
    Content(ContentFault),
    /// On a `push`: what is wrong with its token.
    PushToken(TokenFault),
    /// On a `push`: what is odd about its body.
    PushBody(BodyFault),
    /// On `media`: what is odd about the message or its file.
    Media(MediaFault),
    /// On `media`: what the media host does.
    Host(HostFault),
    /// On a `replay`: what is changed in the ciphertext.
    Ciphertext(CiphertextFault),
    /// On a `text`: the Meta client that the stanza says it is from.
    Sender(String),
    /// On a `text` or `content`: what the stanza says of its time.
    Time(TimeFault),
    /// On a `text` or `content`: the device of its sender that it comes from.
    Device(u16),
}

impl Mutation {
    /// True for what a right implementation accepts: no twin and no probe are needed then.
    pub fn is_legal(&self) -> bool {
        match self {
            Self::ServerHello(fault) => {
                matches!(fault, HelloFault::UnknownFields | HelloFault::RotatedStatic)
            }
            Self::Bundle(fault) => fault.is_legal(),
            Self::Prekey(fault) => *fault == PrekeyFault::None,
            // A loss, as any line may have.
            Self::ServerLogin(fault) => *fault == LoginFault::Dropped,
            Self::PushToken(fault) => *fault == TokenFault::SlightlyAhead,
            Self::PushBody(fault) => *fault == BodyFault::FurtherMembers,
            Self::Content(fault) => fault.is_legal(),
            Self::Media(fault) => fault.is_legal(),
            Self::Host(fault) => fault.is_legal(),
            Self::OfflineCount(_) | Self::LoginDigits(_) | Self::Time(_) | Self::Device(_) => true,
            _ => false,
        }
    }
}

words! {
    /// How the chat server passes a message on once more.
    Relaying {
        /// As it was.
        Again = "again",
        /// The same ciphertext under another id.
        NewId = "new-id",
        /// With a flipped bit in its ciphertext, under another id.
        Flipped = "flipped",
        /// In the name of a Meta client, under another id.
        FromAnother = "from-another",
        /// Not at all: it leaves the mailbox.
        Lost = "lost",
    }
}
words! {
    /// What is wrong with the certificate of an HTTPS server of Meta's (TRN-019).
    CertificateWord {
        /// Signed by an authority that nobody knows.
        ForeignAuthority = "foreign-authority",
        /// Signed by itself.
        SelfSigned = "self-signed",
        /// For another host, by the right authority.
        OtherName = "other-name",
        Expired = "expired",
        NotYetValid = "not-yet-valid",
    }
}
words! {
    /// Faults of a certificate chain (NOI-006).
    ChainFault {
        /// Well-formed, but signed by an authority that nobody pinned.
        ForeignRoot = "foreign-root",
        /// 64 random bytes in place of the leaf's signature.
        RandomSignature = "random-signature",
        /// The leaf's signature has one flipped bit.
        FlippedSignature = "flipped-signature",
        /// The leaf has no signature.
        SignatureAbsent = "signature-absent",
        /// The leaf's signature is empty.
        SignatureEmpty = "signature-empty",
        /// The leaf's signature lacks its last byte.
        SignatureShort = "signature-short",
        /// The intermediate's signature has one flipped bit, under a genuine leaf.
        IntermediateFlipped = "intermediate-flipped",
        /// The intermediate has no signature, and the leaf is genuine.
        IntermediateUnsigned = "intermediate-unsigned",
        /// The intermediate's issuer is nobody known.
        UnknownIssuer = "unknown-issuer",
        /// A genuine chain for another static key.
        OtherLeafKey = "other-leaf-key",
        /// Validity ended before today.
        Expired = "expired",
        /// The intermediate's validity ended before today.
        IntermediateExpired = "intermediate-expired",
        /// Validity begins in 2100.
        NotYetValid = "not-yet-valid",
        /// No chain at all.
        Absent = "absent",
    }
}
words! {
    /// What is odd about the chat server's handshake message, or its keys.
    HelloFault {
        /// Made under another prologue than the client's (NOI-003).
        OtherPrologue = "other-prologue",
        /// A flipped bit in the tag of the static key (NOI-009).
        StaticTag = "static-tag",
        /// A flipped bit in the tag of the payload (NOI-009).
        PayloadTag = "payload-tag",
        /// The payload lacks its last byte (NOI-009).
        PayloadCut = "payload-cut",
        /// It ends in the middle of a field (NOI-009).
        MessageCut = "message-cut",
        /// The genuine public key and chain, and another private key behind them (NOI-006).
        ClaimedStatic = "claimed-static",
        /// The answer to an IK, where the client opened with XX (NOI-017).
        StaticLeftOut = "static-left-out",
        /// A client's first message (NOI-017).
        ClientHello = "client-hello",
        /// A stanza in clear (NOI-017).
        PlainStanza = "plain-stanza",
        /// A point of small order as the ephemeral key (NOI-013).
        SmallOrderEphemeral = "small-order-ephemeral",
        /// A point of small order as the static key, with a genuine chain for it (NOI-013).
        SmallOrderStatic = "small-order-static",
        /// Fields that nobody knows: legal (NOI-018).
        UnknownFields = "unknown-fields",
        /// A new static key, with a genuine chain for it: legal (NOI-021).
        RotatedStatic = "rotated-static",
    }
}
words! {
    /// Answers of the enlistment API that are neither yes nor no (ENL-012, ENL-019).
    AnswerFault {
        /// A failure for a reason that nobody has heard of.
        UnknownReason = "unknown-reason",
        /// A failure without a reason.
        NoReason = "no-reason",
        /// A login, and no status.
        NoStatus = "no-status",
        /// A success without a login.
        NoLogin = "no-login",
        /// The right members with values of other types.
        WrongTypes = "wrong-types",
        /// Text that is no JSON.
        NotJson = "not-json",
        /// No body.
        Empty = "empty",
        /// HTTP 500.
        ServerError = "server-error",
        /// HTTP 503.
        Unavailable = "unavailable",
        /// The enlistment is carried out, and its answer is lost on the way.
        Lost = "lost",
    }
}
words! {
    /// What the chat server does about a login that is in order (TRN-013, TRN-015).
    LoginFault {
        /// It closes the connection without an answer.
        Dropped = "dropped",
        /// It does not speak the client's protocol version.
        UnsupportedVersion = "unsupported-version",
        /// It has banned the user for a while.
        Banned = "banned",
    }
}
words! {
    /// What is wrong with a frame of the open channel.
    FrameFault {
        /// A flipped bit in its tag (NOI-011).
        FlippedTag = "flipped-tag",
        /// It lacks its last byte (NOI-011).
        Cut = "cut",
        /// Its nonce is that of the frame before (NOI-010).
        NonceReused = "nonce-reused",
        /// Its nonce is one too high (NOI-010).
        NonceSkipped = "nonce-skipped",
        /// It is encrypted with the key of the client's own direction (NOI-015).
        OtherDirection = "other-direction",
        /// It is sound, and is sent a second time (NOI-011).
        Replayed = "replayed",
    }
}
words! {
    /// What is wrong with the bytes of a stanza in a sound frame (STZ-008, STZ-021).
    BytesFault {
        /// A value begins with a byte that is no tag of the format.
        ReservedTag = "reserved-tag",
        /// The list announces one attribute more than there is.
        LongList = "long-list",
        /// A string announces more bytes than there are.
        LongString = "long-string",
        /// The last byte is missing.
        Cut = "cut",
        /// It begins with a word and not with a list.
        NoList = "no-list",
        /// A list without a tag.
        EmptyNode = "empty-node",
        /// Nodes are nested far deeper than any stanza is.
        Deep = "deep",
        /// It is compressed, and inflates to far more than the profile lets a stanza have.
        Bomb = "bomb",
        /// The id holds bytes that are no UTF-8.
        InvalidText = "invalid-text",
    }
}
words! {
    /// Faults of a signed prekey's signature (PRE-004, PRE-005).
    SignatureFault {
        Absent = "absent",
        Empty = "empty",
        Random = "random",
        FlippedBit = "flipped-bit",
        OtherIdentity = "other-identity",
        /// The prekey is another one, and has signed itself.
        PrekeyItself = "prekey-itself",
        Short = "short",
    }
}
words! {
    /// What stands in a message stanza in place of an `enc` that decrypts (ENC-019, RCP-005).
    ContentFault {
        /// A `<body>` with the text in clear.
        ClearBody = "clear-body",
        /// An `<enc>` whose bytes are the content protobuf in clear.
        ClearEnc = "clear-enc",
        /// A genuine ciphertext with one bit of its MAC flipped.
        FlippedMac = "flipped-mac",
        /// A `<plaintext>` with the content protobuf, as native newsletters have it (ENC-019).
        ClearPlaintext = "clear-plaintext",
        /// A content protobuf that ends in the middle of a field (MSG-012).
        CutProtobuf = "cut-protobuf",
        /// One with a field that is longer than anything (MSG-012).
        OverlongField = "overlong-field",
        /// One with a number that does not end (MSG-012).
        EndlessNumber = "endless-number",
        /// One with a wire type that does not exist (MSG-012).
        WireType = "wire-type",
        /// One with a group that is never closed (MSG-012).
        OpenGroup = "open-group",
        /// Padding that says that it has no byte (MSG-012).
        PadZero = "pad-zero",
        /// Padding that says that it is longer than all there is (MSG-012).
        PadOverlong = "pad-overlong",
        /// Nothing was encrypted, not even padding (MSG-012).
        Empty = "empty",
        /// Fields that nobody knows beside the text: legal (MSG-011).
        UnknownFields = "unknown-fields",
        /// Thousands of quotes in one another: a protobuf, if nobody's (MSG-012).
        DeepQuotes = "deep-quotes",
        /// A genuine ciphertext, and `<unavailable>` in clear beside it (ENC-019).
        UnavailableBeside = "unavailable-beside",
        /// A genuine ciphertext, and a body in clear with another text beside it (ENC-019).
        BodyBeside = "body-beside",
    }
}
impl ContentFault {
    /// True for what a right implementation takes.
    pub fn is_legal(self) -> bool {
        use ContentFault::{BodyBeside, DeepQuotes, UnavailableBeside, UnknownFields};
        matches!(self, UnknownFields | DeepQuotes | UnavailableBeside | BodyBeside)
    }
}
words! {
    /// What a message stanza says of its time (MSG-018).
    TimeFault {
        /// Ten years from now.
        FarFuture = "far-future",
        /// The beginning of Unix time.
        FarPast = "far-past",
        /// No number at all.
        Garbage = "garbage",
        /// Nothing.
        Absent = "absent",
    }
}
