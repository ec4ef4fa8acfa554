//! What a check of a whole dump says, member by member.

use super::fault::{Fault, Faults};
use crate::archive::manifest::model::Member;
use crate::exit::Exit;

/// Is told about each member as soon as it is judged.
pub type Told<'a> = dyn FnMut(&MemberVerdict) + 'a;

/// What became of one member.
#[derive(Debug)]
pub struct MemberVerdict {
    /// Path in the dump.
    pub path: String,
    /// Bytes as they stand in the dump, as the manifest has it.
    pub bytes: u64,
    /// Entries, as the manifest has it.
    pub entries: Option<u64>,
    /// What is wrong with it.
    pub faults: Faults,
}

impl MemberVerdict {
    pub(super) fn new(member: &Member, faults: Faults) -> Self {
        Self {
            path: member.path.clone(),
            bytes: member.bytes,
            entries: member.entries,
            faults,
        }
    }
}

/// What became of a dump.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Every member of the manifest, in its order.
    pub members: Vec<MemberVerdict>,
    /// What belongs to no member.
    pub rest: Faults,
    /// Whether the manifest says that everything that was planned is in the dump.
    pub is_complete: bool,
}

impl Verdicts {
    /// Whether everything that was stored is there, as it was stored.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.members
            .iter()
            .map(|member| &member.faults)
            .chain([&self.rest])
            .all(Faults::is_sound)
    }

    /// Every fault that is kept, those of members first.
    pub fn faults(&self) -> impl Iterator<Item = &super::fault::Found> {
        self.members
            .iter()
            .map(|member| &member.faults)
            .chain([&self.rest])
            .flat_map(|faults| faults.damage.first.iter().chain(&faults.harmless.first))
    }

    /// The exit code. A dump that says of itself that something is missing ends as the run that made it:
    /// whoever deletes the original after a good check must not do so.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match (self.is_sound(), self.is_complete) {
            (false, _) => Exit::Damaged,
            (true, false) => Exit::Partial,
            (true, true) => Exit::Done,
        }
    }

    /// A verdict about a dump whose manifest promises nothing.
    pub(super) fn contradictory(what: String) -> Self {
        let mut verdicts = Self::default();
        let fault = Fault::Contract { what };
        verdicts
            .rest
            .add(crate::archive::manifest::FILE_NAME, fault);
        verdicts
    }
}
