//! What becomes of the subject's process: what it took, what was tried on it, what only a defect does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a process took, at its worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Growth {
    pub memory_mib: u64,
    pub descriptors: u64,
}

/// What became of a hook that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeAnswer {
    Done,
    /// It exists and refused.
    Refused,
    MethodNotFound,
    Malformed,
    Nothing,
}

/// What only a defect does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    Died,
    Hung,
    Panicked,
    NotStarted,
    /// It said more than a case can hold.
    Flooded,
}

impl Trouble {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::Hung => "hung",
            Self::Panicked => "panicked",
            Self::NotStarted => "not started",
            Self::Flooded => "flooded",
        }
    }
}
