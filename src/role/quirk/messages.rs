//! Faults of messages and receipts: the rows MSG and RCP.

use super::{Fault, Quirk, VARIANT, client, should};

pub(super) static ALL: &[Quirk] = &[
    client(
        "duplicate-id-shown-twice",
        Fault::DuplicateShown,
        "MSG-013",
        VARIANT,
        "Shows a message that is delivered again under its id a second time.",
    ),
    client(
        "delivered-before-decrypt",
        Fault::DeliveredBeforeDecrypt,
        "RCP-001",
        "guardianproject/ChatSecureAndroid#416; psi-im/plugins#91",
        "Sends the delivery receipt on arrival, whether or not the message decrypts.",
    ),
    client(
        "undecryptable-is-ignored",
        Fault::UndecryptableIgnored,
        "RCP-005",
        VARIANT,
        "Drops a message that does not decrypt without asking for it again.",
    ),
    client(
        "mailbox-message-dropped",
        Fault::MailboxDropped,
        "MSG-014",
        VARIANT,
        "Loses the messages that arrive with the login, before its keys are in place.",
    ),
    client(
        "enlisting-again-forgets-sessions",
        Fault::ReenlistingForgetsSessions,
        "MSG-015",
        VARIANT,
        "Throws all sessions away when it enlists again, so that later messages do not decrypt.",
    ),
    should(
        "outbox-lost-with-the-line",
        Fault::OutboxLost,
        "MSG-017",
        VARIANT,
        "Forgets what it has sent when the connection is lost before the server's ack.",
    ),
    should(
        "outbox-sent-anew",
        Fault::OutboxAnew,
        "MSG-017",
        VARIANT,
        "Sends what was not acknowledged again as a new message, under another id.",
    ),
];
