//! Content on its way: where each member goes, staged, and swapped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::error::RestoreError;
use super::goes::{Goes, PassOptions};
use super::spine::Restoring;
use super::stager::{self, StageError};
use crate::archive::escape::unescape;
use crate::bridge;
use crate::restore::content::{Place, StageOptions};
use crate::restore::event::Event;
use crate::restore::facts::Facts;
use crate::restore::plan::is_made_anew;
use crate::restore::plan::model::{Does, MountedPlan, Plan, Target, VolumePlan};
use crate::restore::unfinished::Record;
use crate::stored::Dump;

impl Restoring {
    /// Where each member goes whose place is there or can be made. Noted down before anything is written.
    pub(super) async fn destinations(
        &mut self,
        record: &mut Record,
    ) -> Result<Destinations, RestoreError> {
        let mut goes = Destinations::new();
        if let Some(config) = &self.plan.config {
            goes.insert(config.member.clone(), Goes::Among);
        }
        for row in &self.plan.mounted {
            goes.insert(row.member.clone(), mounted(&self.facts, row));
        }
        for row in self.plan.volumes.clone() {
            if let Some(name) = row.volume.real_name().filter(|_| !is_made_anew(&row)) {
                let place = self.volumes.ready(&row, name, record).await?;
                goes.insert(row.member.clone(), place);
            }
        }
        if goes.values().any(Goes::is_in_project) {
            // The folder itself is made by whoever puts something into it, with the dump's owner and mode.
            let above = self.plan.folder.parent().unwrap_or(&self.plan.folder);
            std::fs::create_dir_all(above).map_err(|source| RestoreError::Folder {
                folder: above.to_owned(),
                source,
            })?;
        }
        Ok(goes)
    }

    /// Stages content and lets it change places.
    pub(super) async fn stage_and_swap(
        &mut self,
        dump: Dump,
        goes: Destinations,
        record: &mut Record,
    ) -> Result<Dump, RestoreError> {
        if goes.is_empty() {
            return Ok(dump);
        }
        record.add_places(&places(&self.plan.folder, &goes))?;
        let options = PassOptions {
            folder: self.plan.folder.clone(),
            token: self.token.clone(),
            replaces: self.plan.replaces,
            to_empty: to_empty(&self.plan),
            stage: StageOptions {
                devices: self.world.devices,
            },
            cancel: self.world.cancel.clone(),
            reporter: Arc::clone(&self.world.reporter),
        };
        let (dump, staged) = bridge::blocking("staging content", move || {
            let mut dump = dump;
            let staged = stager::stage(&mut dump, goes, &options);
            (dump, staged)
        })
        .await?;
        // The engine knows better than whoever writes to it why it takes nothing more.
        let uploaded = self.volumes.uploaded().await;
        if let (Err(StageError::Refused { .. }), Err(error)) | (Ok(_), Err(error)) =
            (&staged, uploaded)
        {
            return Err(error.into());
        }
        let mut staged = staged?;
        self.heed()?;
        let rows = std::mem::take(&mut staged.rows);
        let mut in_place = std::mem::take(&mut self.in_place);
        let (in_place, swapped) = bridge::blocking("moving content into its place", move || {
            let swapped = in_place.swap(staged);
            (in_place, swapped)
        })
        .await?;
        self.in_place = in_place;
        swapped?;
        for row in rows {
            self.world.reporter.report(Event::Placed {
                member: row.member.clone(),
                place: row.place.clone(),
            });
            self.report.members.push(row.into());
        }
        Ok(dump)
    }

    /// Makes volumes anew that have content which only the engine can take away; the containers that refer
    /// to them go with them.
    pub(super) async fn made_anew(
        &mut self,
        record: &mut Record,
    ) -> Result<Destinations, RestoreError> {
        let mut goes = Destinations::new();
        if let Some(engine) = &self.world.engine {
            for container in &self.plan.start.remove {
                self.has_removed = true;
                engine.remove_container(&container.id).await?;
            }
        }
        let rows = self.plan.volumes.iter().filter(|row| is_made_anew(row));
        for row in rows {
            if let Target::Named(volume) = &row.volume {
                let place = self.volumes.make_anew(volume, row.bytes, record).await?;
                goes.insert(row.member.clone(), place);
            }
        }
        Ok(goes)
    }
}

/// Where members go, by their paths in the dump.
pub(super) type Destinations = BTreeMap<String, Goes>;

fn mounted(facts: &Facts, row: &MountedPlan) -> Goes {
    let path = unescape(row.path.as_bytes()).unwrap_or_default();
    match &path[..] {
        // The project folder itself has more in it than what was mounted.
        b"" | b"." => Goes::Among,
        _ => Goes::Mounted {
            path,
            carried: facts.carried.get(&row.member).cloned().unwrap_or_default(),
        },
    }
}

/// The members whose places were found absent or empty, where nobody has said that others may be taken. A volume that
/// comes with its container has what the image puts there.
fn to_empty(plan: &Plan) -> BTreeSet<String> {
    if plan.replaces {
        return BTreeSet::new();
    }
    let mounted = plan.mounted.iter().map(|row| (&row.member, row.does));
    let named = |row: &&VolumePlan| row.volume.real_name().is_some();
    let volumes = plan.volumes.iter().filter(named);
    let volumes = volumes.map(|row| (&row.member, row.does));
    mounted
        .chain(volumes)
        .filter(|(_, does)| *does != Does::Replace)
        .map(|(member, _)| member.clone())
        .collect()
}

/// The folders in which content is staged.
fn places(folder: &Path, goes: &Destinations) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    if goes.values().any(Goes::is_in_project) {
        places.push(Place::new(folder));
    }
    places.extend(goes.values().filter_map(|goes| match goes {
        Goes::Among | Goes::Engine { .. } => None,
        Goes::Folder(mountpoint) => Some(Place::new(mountpoint)),
        Goes::Mounted { path, .. } => Some(Place {
            root: folder.to_owned(),
            below: path.clone(),
        }),
    }));
    places
}
