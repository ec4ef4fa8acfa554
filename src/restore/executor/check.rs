//! A pass over a dump that keeps nothing: whether every byte is what was stored.

use tokio_util::sync::CancellationToken;

use super::stager::StageError;
use crate::archive::entry::{Entry, SinkClosed};
use crate::archive::manifest::model::Member;
use crate::archive::tar::TarVisitor;
use crate::stored::{Takers, Verdicts, Wish};

/// Demands that a pass has found the dump to be what was stored.
pub(super) fn demand_sound(verdicts: &Verdicts) -> Result<(), StageError> {
    if verdicts.is_sound() {
        return Ok(());
    }
    let faults = verdicts.faults().take(3).map(|found| {
        let path = crate::archive::escape::escape(&found.path);
        format!("`{path}` {}", crate::executor::chain(&found.fault))
    });
    Err(StageError::Damaged {
        what: faults.collect::<Vec<_>>().join("; "),
    })
}

/// Reads every byte of a dump and keeps nothing; stops when it is cancelled.
pub(super) struct Check {
    pub(super) cancel: CancellationToken,
}

impl Check {
    fn go_on(&self) -> Result<(), SinkClosed> {
        if self.cancel.is_cancelled() {
            return Err(SinkClosed);
        }
        Ok(())
    }
}

impl Takers for Check {
    fn offer(&mut self, _: &Member) -> Result<Wish, SinkClosed> {
        self.go_on().map(|()| Wish::Take)
    }

    fn judged(&mut self, _: &Member, _: bool) -> Result<(), SinkClosed> {
        self.go_on()
    }
}

impl TarVisitor for Check {
    fn begin(&mut self, _: &Entry, _: u64) -> Result<(), SinkClosed> {
        self.go_on()
    }

    fn data(&mut self, _: &[u8]) -> Result<(), SinkClosed> {
        self.go_on()
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        self.go_on()
    }
}
