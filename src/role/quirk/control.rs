//! Controls: subjects that no suite may take for a sound one (`interfaces.md` §13).
//!
//! Two are no implementations at all, and no check may pass on them. Two are the reference without
//! judgement of its own: one takes whatever it is given, one refuses it all. Much passes on those, but
//! the run must say that they are not sound, and whoever refuses everything must pass no step that
//! expects a refusal.

use super::{Fault, Quirk, client};

/// What a control shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No check may pass.
    PassesNothing,
    /// Some checks must fail.
    ToldApart,
    /// Some checks must fail, and no step that expects a refusal may pass.
    RefusesInVain,
}

/// A subject that is not sound as a whole.
#[derive(Debug)]
pub struct Control {
    pub id: &'static str,
    pub demand: Demand,
    pub what: &'static str,
}

/// The controls; the reference runs them under these ids.
pub static CONTROLS: &[Control] = &[
    Control {
        id: "dead",
        demand: Demand::PassesNothing,
        what: "Answers the driver and never opens a socket.",
    },
    Control {
        id: "echo",
        demand: Demand::PassesNothing,
        what: "Answers every operation with success and sends all bytes back.",
    },
    Control { id: ACCEPTS.id, demand: Demand::ToldApart, what: ACCEPTS.what },
    Control { id: REJECTS.id, demand: Demand::RefusesInVain, what: REJECTS.what },
];

/// The controls that are the reference with a fault.
pub(super) static EXTREMES: &[Quirk] = &[ACCEPTS, REJECTS];

const ACCEPTS: Quirk = client(
    "accept-all",
    Fault::AcceptsAll,
    "NOI-006",
    super::VARIANT,
    "Verifies nothing: every chain, bundle, clear content and push token is good enough.",
);

const REJECTS: Quirk = client(
    "reject-all",
    Fault::RejectsAll,
    "NOI-006",
    super::VARIANT,
    "Finds fault with everything: no chain, bundle, message or push token is good enough.",
);

/// What a client and a server without judgement let pass.
const LAX: &[Fault] = &[
    Fault::CertNotBoundToStatic,
    Fault::ExpiredCertAccepted,
    Fault::UnprovenKeyResumed,
    Fault::MissingStatusIsSuccess,
    Fault::ClearBodyShown,
    Fault::ClearControlObeyed,
    Fault::InvalidContentShown,
    Fault::OwnDeviceMessageObeyed,
    Fault::RevokeFromAnybody,
    Fault::ReceiptOfAnyone,
    Fault::RetryOfAnyone,
    Fault::NewIdentitySilent,
    Fault::PushMissingAuthAccepted,
    Fault::PushEmptyTokenAccepted,
    Fault::DisabledUserGetsToken,
    Fault::UploadsOfAnybody,
];

impl Fault {
    /// True if a subject with this fault has the other one as well.
    pub fn includes(self, other: Self) -> bool {
        self == other || self == Self::AcceptsAll && LAX.contains(&other)
    }
}
