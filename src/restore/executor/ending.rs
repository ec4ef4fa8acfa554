//! The end of a restore: what is old is removed, or everything is put back.

use super::error::RestoreError;
use super::spine::Restoring;
use super::writes;
use crate::bridge;
use crate::executor::chain;
use crate::restore::report::Changed;
use crate::restore::unfinished::{Record, made_whole};
use crate::stored::Dump;

impl Restoring {
    /// What comes after the swap. Whatever fails of it, who was stopped is started.
    pub(super) async fn finish(
        &mut self,
        dump: Dump,
        mut record: Record,
    ) -> Result<(), RestoreError> {
        let kept = self.keep(&mut record).await;
        let started = self.start().await;
        let noted = self.end_unless_down(record);
        let loaded = match &started {
            Ok(()) => self.load_exports(dump).await,
            Err(error) => {
                self.leave_exports(&chain(error));
                Ok(())
            }
        };
        let failed = [kept, started, noted, loaded].into_iter();
        let mut failed = failed.filter_map(Result::err);
        let Some(first) = failed.next() else {
            return Ok(());
        };
        for other in failed {
            tracing::error!("{}", chain(&other));
        }
        Err(first)
    }

    /// The new content counts from now on.
    async fn keep(&mut self, record: &mut Record) -> Result<(), RestoreError> {
        self.report.changed = Changed::All;
        let in_place = std::mem::take(&mut self.in_place);
        let failed = bridge::blocking("removing old content", move || in_place.keep()).await?;
        for error in &failed {
            let cause: &dyn std::error::Error = error;
            tracing::warn!(cause, "old content could not be removed");
        }
        record.settled()?;
        let names = self.plan.volumes.iter();
        let names = names.filter_map(|row| row.volume.real_name().map(str::to_owned));
        Ok(made_whole(&self.world.state, &names.collect::<Vec<_>>())?)
    }

    /// Everything as it was, and whoever was stopped runs again.
    pub(super) async fn take_back(&mut self, mut record: Record) -> Result<(), RestoreError> {
        writes::take_back(std::mem::take(&mut self.written));
        let in_place = std::mem::take(&mut self.in_place);
        let failed = bridge::blocking("putting back old content", move || in_place.undo()).await?;
        for error in &failed {
            let cause: &dyn std::error::Error = error;
            tracing::error!(cause, "old content could not be put back");
        }
        let new = self.remove_new_containers().await;
        let left = self.volumes.take_back().await;
        self.report.members.clear();
        if let Err(error) = new {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "containers that were made are left over");
        }
        if !failed.is_empty() || !left.is_empty() {
            self.report.changed = Changed::Partly;
            self.report.commands.push(
                "restore again: services that use what was not put back stay stopped until then"
                    .to_owned(),
            );
            return Ok(());
        }
        let settled = record.settled();
        let back = self.bring_back().await;
        self.end_unless_down(record)?;
        back?;
        Ok(settled?)
    }

    /// Ends the record once whoever was stopped runs: until then `recover` and the next run start them.
    fn end_unless_down(&self, record: Record) -> Result<(), RestoreError> {
        if self.report.not_brought_back.is_empty() {
            record.end()?;
        }
        Ok(())
    }
}
