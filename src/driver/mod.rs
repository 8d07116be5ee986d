//! The driver protocol: how the harness drives an implementation under test (`driver.md`).
//!
//! JSON-RPC 2.0, one message a line. [`client::Client`] is the harness's end, [`server::Server`]
//! the end of an adapter written in Rust; both stand on [`operation`], the registry of what may be
//! said. The room knows no process, no scenario and no verdict: it says which rule of the protocol
//! a line broke, and its caller decides what that means. One registry serves validation, help and
//! the published schema, so that they cannot differ.

pub mod client;
pub mod codec;
mod conversation;
pub mod hook;
pub mod incoming;
pub mod line;
pub mod message;
pub mod notification;
pub mod operation;
pub mod product;
mod schema;
pub mod seat;
pub mod server;
pub mod session;
pub mod shape;

pub use client::{Client, Pending};
pub use incoming::{Breach, CallError, Incoming, InvalidCall, Owner};
pub use message::{ErrorClass, Message, Notification, Params, Request, Response, RpcError};
pub use schema::schema;
pub use seat::Seat;
pub use server::{Server, ServerEvent};
pub use session::{Hello, Offers};
