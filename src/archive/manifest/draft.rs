//! From what the executor knows and what a target stored to the sealed bytes of a manifest.

use std::collections::BTreeMap;

use super::FORMAT;
use super::digest::Sha256Digest;
use super::model::{
    ArchiveFile, Compose, Fidelity, Held, IndexFile, LeftOut, Manifest, Member, MemberKind, Meta,
    Project, Reader, Segment, Series, Source, TreeFile, Volume, VolumeFiles,
};
use super::seal::seal;

/// Everything of a manifest that is the same for every target. The fields are those of [`Manifest`].
#[derive(Debug, Clone)]
pub struct Draft {
    /// Unique id of the dump.
    pub id: String,
    /// Whose dump it is.
    pub project: Project,
    /// What it is compared with when dumps are counted.
    pub series: Series,
    /// When, where and how it was made.
    pub meta: Meta,
    /// The Compose model that was found.
    pub compose: Compose,
    /// Every part that was read; a stream that failed is not among them.
    pub members: Vec<DraftMember>,
    /// Who was held still, from when to when.
    pub held: Vec<Held>,
    /// What the plan left out, and why.
    pub left_out: Vec<LeftOut>,
    /// What was to be stored and is not, or not wholly, and why.
    pub failed: Vec<LeftOut>,
    /// Volumes that the engine did not have.
    pub missing_volumes: Vec<String>,
    /// Warnings that belong to no single member.
    pub warnings: Vec<String>,
    /// Whether everything that was planned was read.
    pub complete: bool,
}

/// A member as it was read, before a target stored it. The fields are those of [`Member`].
#[derive(Debug, Clone)]
pub struct DraftMember {
    /// Path in the dump without the extension of a codec: [`crate::targets::StreamHead::path`] of a
    /// stream, the root of a tree.
    pub path: String,
    /// How the content lies in the dump.
    pub kind: MemberKind,
    /// What it was read from.
    pub source: Source,
    /// Bytes that were read; of a tree, the sum of its files' lengths.
    pub raw_bytes: u64,
    /// Of the bytes that were read; of a tree, of its uncompressed index text.
    pub raw_sha256: Sha256Digest,
    /// Files, folders, links and special files in it.
    pub entries: Option<u64>,
    /// Who read it.
    pub reader: Reader,
    /// How true the copy can be with that reader.
    pub fidelity: Fidelity,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Its index, which every target stores as it is.
    pub index: Option<IndexFile>,
    /// The volume that it holds.
    pub volume: Option<Volume>,
}

/// What one target made of a stream member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Path in the dump, the codec's extension included.
    pub path: String,
    /// Bytes as they stand in the dump.
    pub bytes: u64,
    /// Of these bytes; `None` when they are those that were handed over, whose digest is known.
    pub sha256: Option<Sha256Digest>,
}

/// What one target stored.
#[derive(Debug, Clone, Default)]
pub struct StoredDump {
    /// Stream members, indexes included, by the path under which they were begun.
    pub streams: BTreeMap<String, Stored>,
    /// What this target could not keep.
    pub warnings: Vec<String>,
    /// The archive file, in the manifest that lies beside it.
    pub archive: Option<ArchiveFile>,
    /// The tars that hold the trees.
    pub trees: Vec<TreeFile>,
    /// What was too long for one object.
    pub segments: BTreeMap<String, Vec<Segment>>,
}

/// A draft and what was stored do not fit together: a bug, or memory that cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A member was never stored.
    #[error("`{path}` is in the manifest but was not stored")]
    NotStored {
        /// The member or index.
        path: String,
    },
    /// The lengths differ although the bytes were stored as they are.
    #[error("`{path}` has {read} bytes as read and {stored} as stored")]
    Length {
        /// The member or index.
        path: String,
        /// Bytes handed over, as the draft has it.
        read: u64,
        /// Bytes stored.
        stored: u64,
    },
    /// The values cannot be written as YAML.
    #[error("the manifest cannot be written as YAML")]
    Yaml(#[source] serde_yaml::Error),
}

impl Draft {
    /// The sealed bytes of the manifest for one target.
    ///
    /// # Errors
    /// [`RenderError`] when `stored` lacks something that the draft names.
    pub fn render(&self, stored: &StoredDump) -> Result<Vec<u8>, RenderError> {
        let text = serde_yaml::to_string(&self.manifest(stored)?).map_err(RenderError::Yaml)?;
        Ok(seal(text.into_bytes()))
    }

    fn manifest(&self, stored: &StoredDump) -> Result<Manifest, RenderError> {
        let members = self
            .members
            .iter()
            .map(|member| member.stored(stored))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Manifest {
            format: FORMAT,
            id: self.id.clone(),
            project: self.project.clone(),
            series: self.series.clone(),
            meta: self.meta.clone(),
            compose: self.compose.clone(),
            volumes: volume_files(&members),
            members,
            held: self.held.clone(),
            left_out: self.left_out.clone(),
            failed: self.failed.clone(),
            missing_volumes: self.missing_volumes.clone(),
            warnings: [&self.warnings[..], &stored.warnings].concat(),
            archive: stored.archive.clone(),
            trees: stored.trees.clone(),
            segments: stored.segments.clone(),
            complete: self.complete,
        })
    }
}

impl DraftMember {
    fn stored(&self, dump: &StoredDump) -> Result<Member, RenderError> {
        if let Some(index) = &self.index {
            find(dump, &index.path, index.bytes)?;
        }
        let (path, bytes, sha256) = match self.kind {
            MemberKind::Tree => (self.path.clone(), self.raw_bytes, self.raw_sha256),
            MemberKind::Tar | MemberKind::Bytes => {
                let stored = find(dump, &self.path, self.raw_bytes)?;
                let sha256 = stored.sha256.unwrap_or(self.raw_sha256);
                (stored.path.clone(), stored.bytes, sha256)
            }
        };
        Ok(Member {
            path,
            kind: self.kind,
            source: self.source.clone(),
            bytes,
            sha256,
            raw_bytes: self.raw_bytes,
            raw_sha256: self.raw_sha256,
            entries: self.entries,
            reader: self.reader,
            fidelity: self.fidelity,
            warnings: self.warnings.clone(),
            index: self.index.clone(),
            volume: self.volume.clone(),
        })
    }
}

/// Finds what was stored; bytes that were stored as they are must be as many as were read.
fn find<'a>(dump: &'a StoredDump, path: &str, read: u64) -> Result<&'a Stored, RenderError> {
    let stored = dump
        .streams
        .get(path)
        .ok_or_else(|| RenderError::NotStored {
            path: path.to_owned(),
        })?;
    if stored.sha256.is_none() && stored.bytes != read {
        return Err(RenderError::Length {
            path: path.to_owned(),
            read,
            stored: stored.bytes,
        });
    }
    Ok(stored)
}

fn volume_files(members: &[Member]) -> VolumeFiles {
    let mut files = VolumeFiles::default();
    let mut first_replicas: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for member in members {
        match &member.source {
            Source::Mounted { path } => files.mounted.push(path.clone()),
            Source::ProjectVolume { name } => {
                files.project.insert(name.clone(), member.path.clone());
            }
            Source::ServiceVolume {
                service,
                replica,
                path,
            } => {
                let first = first_replicas.entry((service, path)).or_insert(*replica);
                if *replica <= *first {
                    *first = *replica;
                    let paths = files.services.entry(service.clone()).or_default();
                    paths.insert(path.clone(), member.path.clone());
                }
            }
            Source::Config | Source::ConfigOutside | Source::Export { .. } => {}
        }
    }
    files
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_rendered_manifest_reads_back_with_what_was_stored() {
        let (draft, stored) = samples::exhaustive();
        let manifest = Manifest::parse(&draft.render(&stored).unwrap()).unwrap();
        assert_eq!(manifest, draft.manifest(&stored).unwrap());
        let volume = &manifest.members[2];
        assert_eq!(volume.path, "volumes/project/db.tar.zst");
        assert_ne!(volume.sha256, volume.raw_sha256);
        assert_eq!(manifest.archive, stored.archive);
    }

    #[test]
    fn the_predecessors_keys_are_there() {
        let (draft, stored) = samples::exhaustive();
        let text = draft.render(&stored).unwrap();
        let value: serde_yaml::Value = serde_yaml::from_slice(&text).unwrap();
        for key in [
            "invocation_time",
            "finish_time",
            "host",
            "uid",
            "gid",
            "version",
            "options",
        ] {
            assert!(!value["meta"][key].is_null(), "{key}");
        }
        assert_eq!(
            value["volumes"]["project"]["db"],
            "volumes/project/db.tar.zst"
        );
        assert_eq!(value["volumes"]["mounted"][0], "media");
        assert_eq!(
            value["volumes"]["services"]["web"]["/var/cache"],
            "volumes/services/web/1-var-cache-0123abcd.tar.zst"
        );
    }

    #[test]
    fn a_member_that_was_not_stored_is_no_member() {
        let (draft, mut stored) = samples::exhaustive();
        stored.streams.remove("volumes/project/db.tar");
        let error = draft.render(&stored).unwrap_err();
        assert!(
            matches!(error, RenderError::NotStored { path } if path == "volumes/project/db.tar")
        );
    }

    #[test]
    fn bytes_stored_as_they_are_must_be_as_many() {
        let (draft, mut stored) = samples::exhaustive();
        stored.streams.get_mut("index/config.zst").unwrap().bytes += 1;
        assert!(matches!(
            draft.render(&stored),
            Err(RenderError::Length { .. })
        ));
    }
}
