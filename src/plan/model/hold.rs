//! Who is held still while content is read, and who is not although it could write to it.

use serde::Serialize;

use super::Window;
use crate::archive::manifest::model::Hold;
use crate::config::span::Span;

/// Who is held still while volumes and mounted paths are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HoldPlan {
    /// For how much at a time.
    pub window: Window,
    /// How long a window may last; `None` for as long as it takes.
    pub max_downtime: Option<Span>,
    /// The containers that are stopped.
    pub stop: Vec<HeldPlan>,
    /// The containers that are paused, in this order.
    pub pause: Vec<HeldPlan>,
    /// Containers that would be held and are paused already, by somebody else. They are left as they
    /// are, and watched.
    pub paused: Vec<HeldPlan>,
    /// Containers that use what is read and go on running, with the reason.
    pub go_on: Vec<GoesOn>,
}

impl HoldPlan {
    /// Everybody who is held, as far as it can be known: who is paused already may run by then.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &HeldPlan> {
        self.stop.iter().chain(&self.pause).chain(&self.paused)
    }

    /// Whether a run holds anybody.
    pub(crate) fn holds_somebody(&self) -> bool {
        self.everybody().next().is_some()
    }
}

/// A container that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldPlan {
    /// The container's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its service.
    pub service: String,
    /// What is done to it.
    pub how: Hold,
    /// Services of a higher rank depend on it: they stop before it, and start after it.
    pub rank: u32,
    /// The members that it can write to.
    pub uses: Vec<String>,
}

/// A container that is not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoesOn {
    /// Its name.
    pub name: String,
    /// Why it goes on.
    pub why: String,
}
