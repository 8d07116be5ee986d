//! Controls: subjects that no suite may take for a sound one (`interfaces.md` §13).

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
