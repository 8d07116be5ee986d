//! What the harness's end hands on: the ordered stream, breaches, and why a call failed.
//!
//! Main types: [`Incoming`], [`Breach`] and [`CallError`]. Every error type says whose fault it is:
//! a breach is the adapter's, `Rpc` the product's, `Invalid` the caller's. Text of the adapter's is
//! quoted shortened, since it may be a MiB long.

use std::time::Duration;

use super::codec::CodecError;
use super::message::{Notification, RpcError};
use super::shape::ShapeError;
use crate::limits::DRIVER_LINE_BYTES_MAX;

/// On whose behalf something is asked; 0 is the connection's own.
pub type Owner = u64;

/// Something that the adapter said, in the order in which it said it; `seq` counts its lines.
#[derive(Clone, Debug)]
pub enum Incoming {
    Notification {
        seq: u64,
        /// Who announced the account.
        owner: Owner,
        notification: Notification,
    },
    /// The call with this id was answered, whatever the answer was.
    Answered {
        seq: u64,
        /// Who asked.
        owner: Owner,
        id: u64,
        method: String,
    },
    /// A line that the protocol does not allow.
    Breach {
        seq: u64,
        /// Whose answer it should have been, where that can be told.
        owner: Option<Owner>,
        breach: Breach,
    },
    /// Nothing will follow. `error` is the stream's, none where it ended orderly.
    Closed { seq: u64, error: Option<String> },
}

impl Incoming {
    /// The number of the line, from 1.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Notification { seq, .. }
            | Self::Answered { seq, .. }
            | Self::Breach { seq, .. }
            | Self::Closed { seq, .. } => *seq,
        }
    }
}

/// How an adapter broke the driver protocol: its fault alone, and no word about the product.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Breach {
    #[error("a line is no message: {why}\n  it reads: {line}")]
    Line { why: CodecError, line: String },
    #[error("a line is longer than {DRIVER_LINE_BYTES_MAX} bytes; it begins: {line}")]
    TooLong { line: String },
    #[error("it answered id {0}, which is not waiting for an answer")]
    UnknownId(u64),
    #[error("it sent the request `{0}`; only the harness asks")]
    Asked(String),
    #[error("`{0}` is no notification")]
    UnknownNotification(String),
    #[error("the notification `{name}` is malformed: {why}")]
    Notification { name: String, why: ShapeError },
    #[error("the result of `{method}` is malformed: {why}")]
    Result { method: String, why: ShapeError },
    #[error("it speaks of the account `{0}`, which was never announced to it")]
    InventedAccount(String),
    #[error(
        "it answered the operation `{method}`, which does not exist, with {answer}; \
         only error -32601 is honest, so nothing else that it says can be trusted"
    )]
    AnsweredNonsense { method: String, answer: String },
}

/// Why a call gave no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The implementation refused or failed: a matter for the verdict.
    #[error(transparent)]
    Rpc(RpcError),
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the adapter closed the connection")]
    Closed,
    /// The answer breaks the protocol; the stream carries the same breach.
    #[error("the adapter broke the driver protocol: {0}")]
    Breach(Breach),
    /// The call was never sent: its caller, not the adapter, is at fault.
    #[error("{0}")]
    Invalid(InvalidCall),
}

/// What is wrong with a call that was not sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvalidCall {
    #[error("`{0}` is no operation of the driver protocol")]
    UnknownOperation(String),
    #[error("the parameters of `{method}` are malformed: {why}")]
    Params { method: String, why: ShapeError },
    #[error("the request `{0}` is longer than {DRIVER_LINE_BYTES_MAX} bytes")]
    TooLong(String),
}
