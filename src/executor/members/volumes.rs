//! Volumes, as many side by side as the plan says.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;

use super::{Ended, Halt, Reading, Wanted, blocking};
use crate::engine::HelperMount;
use crate::executor::content::{Content, MemberError};
use crate::executor::member_report::MemberReport;
use crate::executor::volume_member::{self, VolumeJob};
use crate::plan::model::{ReaderPlan, VolumePlan};
use crate::targets::Slot;

/// A volume to read, with its path in the dump.
struct Wish<'p> {
    path: &'p str,
    volume: &'p VolumePlan,
    reader: &'p ReaderPlan,
}

impl Reading {
    /// Reads the volumes, as [`Reading::trees`] does, and as many side by side as the plan says.
    pub(in crate::executor) async fn volumes(
        &self,
        wanted: Wanted<'_>,
        reports: &mut Vec<MemberReport>,
    ) -> Result<(), Halt> {
        let wishes = self.plan.volumes.iter().filter_map(|volume| {
            let (path, reader) = (volume.member.as_deref()?, volume.reader.as_ref()?);
            wanted.takes(path).then_some(Wish {
                path,
                volume,
                reader,
            })
        });
        let wishes: Vec<Wish<'_>> = wishes.collect();
        let queue = Mutex::new(wishes.iter().enumerate());
        let slots = (0..self.plan.volumes_at_once.get()).map(Slot);
        let ended = join_all(slots.map(|slot| self.volumes_by(slot, &queue))).await;
        let mut ended: Vec<(usize, Ended)> = ended.into_iter().flatten().collect();
        ended.sort_by_key(|(number, _)| *number);
        let mut halt = Ok(());
        for (_, ended) in ended {
            halt = halt.and(ended.told(reports));
        }
        halt
    }

    /// Reads volumes of the queue until there is none left, or none is to be read any more.
    async fn volumes_by<'w>(
        &self,
        slot: Slot,
        queue: &Mutex<impl Iterator<Item = (usize, &'w Wish<'w>)>>,
    ) -> Vec<(usize, Ended)> {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut all = Vec::new();
        while let Some((number, wish)) = next() {
            let report = MemberReport::of_volume(wish.path, wish.volume, wish.reader);
            let ended = self.member(report, self.volume(wish, slot)).await;
            let halted = matches!(ended, Ended::Halted(..));
            all.push((number, ended));
            if halted {
                while next().is_some() {}
            }
        }
        all
    }

    async fn volume(&self, wish: &Wish<'_>, slot: Slot) -> Result<Content, MemberError> {
        let fanout = Arc::clone(&self.fanout);
        let job = VolumeJob {
            member: wish.path.to_owned(),
            exclude: wish.volume.exclude.clone(),
            spool_dir: self.plan.spool_dir.clone(),
        };
        match wish.reader {
            ReaderPlan::Direct { mountpoint } => {
                let mountpoint = mountpoint.clone();
                blocking("reading a volume", move || {
                    volume_member::direct(&job, &mountpoint, fanout.slot(slot))
                })
                .await
            }
            ReaderPlan::Engine { .. } => {
                let mount = HelperMount::Volume(wish.volume.name.clone().unwrap_or_default());
                let read = move |chunks| volume_member::engine(&job, chunks, fanout.slot(slot));
                self.through_helper(mount, read).await
            }
        }
    }
}
