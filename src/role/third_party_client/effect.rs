//! What a user asks of a client, what the client wants done, and what its user sees.
//!
//! Main types: [`Command`], [`Output`] and [`Notification`]. They say what happens and not how it
//! travels: who owns the sockets and the driver's line translates them.

use serde::{Deserialize, Serialize};

use crate::clock::UnixMs;
use crate::http::HttpRequest;
use crate::role::{ConnId, FetchId};
use crate::wire::Jid;

/// Names a command, so that its outcome can be told.
pub type CallId = u64;

/// What the user does.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Switches interoperability on.
    OptIn,
    /// Opts in and enlists; done when Meta answered.
    Enlist,
    /// Goes online; done after `<success>`.
    Connect,
    /// Goes offline until a `Connect` or a wake.
    Disconnect,
    SendText {
        to: Jid,
        text: String,
    },
    /// Sends a file, and a text under it.
    SendMedia {
        to: Jid,
        file: Box<super::FileToSend>,
    },
    /// Sends a text that answers an earlier message.
    SendReply {
        to: Jid,
        text: String,
        reply_to: String,
    },
    /// Reacts to a message; an empty emoji takes the reaction back.
    React {
        to: Jid,
        id: String,
        emoji: String,
    },
    SetTyping {
        to: Jid,
        on: bool,
    },
    /// Switches interoperability off; done when the deletion request was answered.
    OptOut,
    Block {
        jid: Jid,
    },
    Unblock {
        jid: Jid,
    },
    /// Asks the server whom the user has blocked.
    Blocklist,
    /// Tells a user of Meta's service that this one can be reached.
    AnnounceReachability {
        to: Jid,
    },
    /// Says that an incoming message was read.
    MarkRead {
        id: String,
    },
    /// The program has stopped and another one starts.
    Restart {
        /// What lies on the disk; none where nothing is kept there.
        kept: Option<Vec<u8>>,
    },
    /// Internal counters are set before use.
    Preset {
        next_prekey_id: Option<u32>,
    },
    /// Asks for the code that two users compare (ENC-014).
    Fingerprint {
        with: Jid,
    },
    /// Whether senders hear that their messages were read.
    SetReadReceipts {
        on: bool,
    },
    /// The app goes to the front, or to the background.
    SetAppState {
        in_front: bool,
    },
}

/// What the client wants done, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// A connection to the chat server; the client names it, and its opening is an input.
    Open {
        conn: ConnId,
    },
    Send {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    Close {
        conn: ConnId,
    },
    /// An HTTP request to an absolute URL.
    Fetch {
        id: FetchId,
        url: String,
        request: HttpRequest,
    },
    /// The same for a file, whose body has at most so many bytes.
    Download {
        id: FetchId,
        url: String,
        request: HttpRequest,
        bytes_max: usize,
    },
    /// A file for the own server to store; `ThirdPartyClient::uploaded` says under which reference.
    Upload {
        call: CallId,
        bytes: Vec<u8>,
        mimetype: String,
        name: String,
    },
    /// The state, to be on the disk before anything that follows is done.
    Keep(Vec<u8>),
    /// A received file for the user to open, under a name without any folder.
    Save {
        name: String,
        bytes: Vec<u8>,
    },
    /// A fresh token for this user, which is given by `ThirdPartyClient::take_token`.
    NeedToken,
    /// Replaces the wake that was asked for before.
    WakeAt(UnixMs),
    Notify(Notification),
    /// A command came to its end.
    Done {
        call: CallId,
        outcome: Result<Reply, Failure>,
    },
}

/// What a successful command brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Done,
    /// The internal identifier, verbatim.
    Login(String),
    /// The id of the message that was sent.
    Sent(String),
    /// Message and reference of a file that was sent.
    SentMedia {
        id: String,
        reference: String,
    },
    /// Everybody who is blocked now.
    Blocked(Vec<Jid>),
    Fingerprint(String),
}

/// Why a command failed; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub why: String,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into() }
    }
}

/// The kinds of failure that a user can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    Limit,
    UnsupportedVersion,
    Unavailable,
    Internal,
}

/// What the user sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Notification {
    Message {
        from: Jid,
        id: String,
        text: String,
    },
    /// A text that answers an earlier message.
    Reply {
        from: Jid,
        id: String,
        text: String,
        reply_to: String,
    },
    /// A message with a file, which will lie under this name once it is available.
    File {
        from: Jid,
        id: String,
        kind: crate::e2ee::media::MediaKind,
        name: String,
        caption: Option<String>,
    },
    /// What became of the file of a message.
    FileState {
        id: String,
        state: FileState,
    },
    /// An empty emoji takes an earlier one back.
    Reaction {
        from: Jid,
        id: String,
        emoji: String,
    },
    Typing {
        from: Jid,
        on: bool,
    },
    Receipt {
        id: String,
        state: MessageState,
    },
    IdentityChanged {
        from: Jid,
    },
    Connection(ConnectionState),
    Woken(Option<String>),
    Notice(String),
    ErrorShown(FailureKind),
}

/// What a user has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    Available,
    /// It is not what its message says.
    Refused,
    /// It could not be had.
    Failed,
}

/// How far an own message got; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageState {
    /// Handed to the connection.
    Accepted,
    /// Refused by the server.
    Failed,
    /// Acknowledged by the server.
    Sent,
    Delivered,
    Read,
}

/// The state of the connection as a user sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    Connecting,
    Open,
    Closed,
    /// The server refused the login, or cannot be trusted: trying again would not help.
    Refused,
}
