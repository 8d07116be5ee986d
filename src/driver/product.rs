//! The product operations: what a user does, and two things that a partner's server does.
//!
//! Main table: [`PRODUCT`], in the order of `driver.md`. An implementation that lacks one of them
//! without a declared absence fails; only those with a capability may be declared absent. "When
//! complete" matters to the harness: it reads the wire as soon as the answer is there.

use super::operation::{Kind, Operation, Scope};
use super::shape::{Member, Record, Shape};

const TO: Member = Member::must("to", Shape::Jid);
const JID: Member = Member::must("jid", Shape::Jid);
const ID: Member = Member::must("id", Shape::Text);
const PATH: Member = Member::must("path", Shape::Text);
const TOKEN: Member = Member::may("token", Shape::Text);
const REFERENCE: Member = Member::must("reference", Shape::Any);
const BLOCKED: Record = Record::of(&[Member::must("list", Shape::List(&Shape::Jid))]);

/// A message's content, as the user wrote or saw it.
pub static CONTENT: Record = Record {
    members: &[
        Member::may("text", Shape::Text),
        Member::may("media", Shape::Record(&MEDIA)),
        Member::may("reply_to", Shape::Text),
    ],
    one_of: &["text", "media"],
    open: false,
};
static MEDIA: Record =
    Record::of(&[Member::must("kind", Shape::Text), PATH, Member::may("caption", Shape::Text)]);

/// What the user sees of a thread, in order: messages with their state, and notices.
static THREAD_ITEM: Record = Record::of(&[
    Member::may("id", Shape::Text),
    Member::may("from", Shape::Jid),
    Member::may("content", Shape::Record(&CONTENT)),
    Member::may("state", Shape::Text),
    Member::may("notice", Shape::Text),
]);

/// Every product operation.
pub static PRODUCT: &[Operation] = &[
    product("opt_in", "the user's switch is set"),
    product("opt_out", "the deletion request was answered"),
    Operation {
        params: Record::of(&[TOKEN]),
        result: Record::of(&[Member::must("login", Shape::Jid)]),
        ..product("enlist", "the enlistment API answered")
    },
    Operation { params: Record::of(&[TOKEN]), ..product("connect", "<success> was processed") },
    product("disconnect", "the socket is closed"),
    Operation {
        params: Record::of(&[
            TO,
            Member::must("text", Shape::Text),
            Member::may("reply_to", Shape::Text),
        ]),
        result: Record::of(&[ID]),
        ..product("send_text", "accepted locally")
    },
    Operation {
        params: Record::of(&[
            TO,
            Member::must("kind", Shape::Text),
            PATH,
            Member::may("caption", Shape::Text),
        ]),
        result: Record::of(&[ID, REFERENCE]),
        capability: Some("media.send"),
        ..product("send_media", "uploaded and accepted locally")
    },
    Operation {
        params: Record::of(&[TO, ID, Member::must("emoji", Shape::Text)]),
        ..product("react", "accepted locally")
    },
    Operation { params: Record::of(&[ID]), ..product("mark_read", "sent") },
    Operation {
        params: Record::of(&[TO, Member::must("on", Shape::Flag)]),
        ..product("set_typing", "sent")
    },
    Operation {
        params: Record::of(&[JID]),
        result: BLOCKED,
        ..product("block", "the server answered")
    },
    Operation {
        params: Record::of(&[JID]),
        result: BLOCKED,
        ..product("unblock", "the server answered")
    },
    Operation { result: BLOCKED, ..product("blocklist", "the server answered") },
    Operation { params: Record::of(&[TO]), ..product("announce_reachability", "sent") },
    Operation {
        scope: Scope::Seat,
        params: Record::of(&[Member::must("user", Shape::Text)]),
        result: Record::of(&[Member::must("jwt", Shape::Text)]),
        ..product("token", "issued")
    },
    Operation {
        scope: Scope::Seat,
        params: Record::of(&[PATH]),
        result: Record::of(&[REFERENCE]),
        capability: Some("media.send"),
        ..product("upload_media", "stored")
    },
    Operation {
        params: Record::of(&[Member::must("with", Shape::Jid)]),
        result: Record::of(&[Member::must("items", Shape::List(&Shape::Record(&THREAD_ITEM)))]),
        ..product("thread", "at once")
    },
];

const fn product(name: &'static str, complete: &'static str) -> Operation {
    Operation::new(name, Kind::Product, Scope::Account, complete)
}
