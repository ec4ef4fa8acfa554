//! A pass over a dump that keeps nothing: whether every byte is what was stored, and whether it may be put back.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::stager::StageError;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::stored::{Takers, Verdicts, Wish};

/// Demands that a pass has found the dump to be what was stored.
pub(super) fn demand_sound(verdicts: &Verdicts) -> Result<(), StageError> {
    match damage(verdicts) {
        None => Ok(()),
        Some(what) => Err(StageError::Damaged { what }),
    }
}

/// The first faults of a dump that does not hold what was stored.
pub(crate) fn damage(verdicts: &Verdicts) -> Option<String> {
    if verdicts.is_sound() {
        return None;
    }
    let faults = verdicts.faults().take(3).map(|found| {
        let path = crate::archive::escape::escape(&found.path);
        format!("`{path}` {}", crate::executor::chain(&found.fault))
    });
    Some(faults.collect::<Vec<_>>().join("; "))
}

/// Reads every byte of a dump and keeps nothing; stops when it is cancelled, or when something comes that could not be
/// put back.
pub(super) struct Check {
    cancel: CancellationToken,
    /// What looks at the members that are put back, by their paths in the dump.
    gates: BTreeMap<String, Gate>,
    /// The member that comes, where it is one of them.
    open: Option<String>,
    error: Option<StageError>,
}

impl Check {
    pub(super) fn new(cancel: CancellationToken, gates: BTreeMap<String, Gate>) -> Self {
        Self {
            cancel,
            gates,
            open: None,
            error: None,
        }
    }

    /// Why it stopped, if it was not cancelled.
    pub(super) fn take_error(&mut self) -> Option<StageError> {
        self.error.take()
    }

    fn admit(&mut self, entry: &Entry) -> Result<(), SinkClosed> {
        let Some(member) = &self.open else {
            return Ok(());
        };
        let gate = self.gates.get_mut(member);
        let admitted = gate.map_or(Ok(()), |gate| gate.take(entry));
        admitted.map_err(|source| {
            let member = member.clone();
            self.error = Some(StageError::NotAdmitted { member, source });
            SinkClosed
        })
    }

    fn go_on(&self) -> Result<(), SinkClosed> {
        if self.cancel.is_cancelled() {
            return Err(SinkClosed);
        }
        Ok(())
    }
}

impl Takers for Check {
    fn offer(&mut self, member: &Member) -> Result<Wish, SinkClosed> {
        let is_put_back = self.gates.contains_key(&member.path);
        self.open = is_put_back.then(|| member.path.clone());
        self.go_on().map(|()| Wish::Take)
    }

    fn judged(&mut self, _: &Member, _: bool) -> Result<(), SinkClosed> {
        self.go_on()
    }
}

impl TarVisitor for Check {
    fn begin(&mut self, entry: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.go_on()?;
        self.admit(entry)
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        self.go_on()
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.go_on()
    }
}
