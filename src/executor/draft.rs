//! From a plan and what was read to the manifest's draft, and from a planned target to its writer's
//! specification.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::hold::Held;
use super::member_report::MemberReport;
use crate::archive::manifest::model::{
    Compose, ComposeFile, LeftOut, Meta, Project, Series, Service,
};
use crate::archive::manifest::{self, Draft, DraftMember, Sha256Digest};
use crate::config::dump_name::NameFields;
use crate::config::job_file::model::TargetFormat;
use crate::plan::facts::Facts;
use crate::plan::model::{Plan, SpoolWhat, TargetKind, TargetPlan};
use crate::targets::open::{self, Format, SpoolMode, SpoolSpec, TargetSpec};
use crate::text;

/// What the manifest says of the run itself.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it was invoked.
    pub invoked: Timestamp,
    /// Its random id.
    pub id: String,
    options: BTreeMap<String, serde_json::Value>,
    compose: Compose,
}

impl Run {
    /// A run with a new id. Reads the Compose files for their digests.
    #[must_use]
    pub fn new(
        invoked: Timestamp,
        facts: &Facts,
        options: Vec<(&'static str, serde_json::Value)>,
    ) -> Self {
        Self {
            invoked,
            id: random_id(),
            options: options
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            compose: compose(facts),
        }
    }
}

/// 16 hex digits: enough that no two runs share one.
pub(super) fn random_id() -> String {
    let mut bytes = [0_u8; 8];
    if rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).is_err() {
        // A kernel without randomness: time and process tell runs on one host apart.
        let now = Timestamp::now().as_nanosecond().unsigned_abs();
        let mixed = now ^ u128::from(std::process::id()) << 40;
        bytes.copy_from_slice(&mixed.to_le_bytes()[..8]);
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The Compose files with their digests, and what the engine says of each service's image.
fn compose(facts: &Facts) -> Compose {
    let file = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).ok()?;
        let shown = path.strip_prefix(&facts.project.dir).unwrap_or(path);
        Some(ComposeFile {
            path: text::path(shown),
            sha256: Sha256Digest::of(&bytes),
        })
    };
    let services = facts.project.services.values().map(|service| {
        (
            service.name.clone(),
            Service {
                image: service.image.clone(),
                ..Service::default()
            },
        )
    });
    let mut compose = Compose {
        files: facts
            .project
            .compose_files
            .iter()
            .filter_map(file)
            .collect(),
        services: services.collect(),
    };
    let Ok(engine) = &facts.engine else {
        return compose;
    };
    for container in engine
        .containers
        .iter()
        .filter(|container| !container.oneoff)
    {
        let Some(name) = &container.service else {
            continue;
        };
        let digests = engine
            .images
            .get(&container.image_id)
            .map(|image| image.digests.clone());
        compose.services.insert(
            name.clone(),
            Service {
                config_hash: container.config_hash.clone(),
                image: Some(container.image.clone()),
                image_id: Some(container.image_id.clone()),
                digests: digests.unwrap_or_default(),
            },
        );
    }
    compose
}

/// The draft that every target completes with what it stored.
pub(super) fn draft(plan: &Plan, run: &Run, members: &[MemberReport], held: &[Held]) -> Draft {
    let gaps = plan.missing.gaps();
    let gaps = gaps.map(|(what, reason)| LeftOut { what, reason });
    let failed: Vec<LeftOut> = members.iter().filter_map(failed).chain(gaps).collect();
    let complete = failed.is_empty() && members.iter().all(MemberReport::is_whole);
    Draft {
        id: run.id.clone(),
        project: Project {
            name: plan.project.identity.name.clone(),
            id: plan.project.id.clone(),
            folder: text::path(&plan.project.folder),
        },
        series: Series {
            project: plan.project.id.clone(),
            job: plan.job.clone(),
        },
        meta: Meta {
            invocation_time: run.invoked,
            finish_time: Timestamp::now(),
            host: plan.project.identity.host.clone(),
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            options: run.options.clone(),
        },
        compose: run.compose.clone(),
        members: members
            .iter()
            .filter(|member| member.error.is_none())
            .map(draft_member)
            .collect(),
        held: held.iter().map(held_row).collect(),
        left_out: plan.left_out.clone(),
        failed,
        missing_volumes: plan.missing.volumes.clone(),
        warnings: plan.warnings.clone(),
        complete,
    }
}

fn draft_member(member: &MemberReport) -> DraftMember {
    DraftMember {
        path: member.path.clone(),
        kind: member.kind,
        source: member.source.clone(),
        raw_bytes: member.raw_bytes,
        raw_sha256: member.raw_sha256,
        entries: member.entries(),
        reader: member.reader,
        fidelity: member.fidelity,
        warnings: member.warnings.clone(),
        index: member.index.as_ref().map(|index| index.described()),
        volume: member.volume.clone(),
    }
}

fn held_row(held: &Held) -> manifest::model::Held {
    manifest::model::Held {
        service: held.service.clone(),
        container: held.container.clone(),
        how: held.how,
        members: held.members.clone(),
        from: held.from,
        to: held.until,
    }
}

/// Why a member is not, or not wholly, in the dump.
fn failed(member: &MemberReport) -> Option<LeftOut> {
    let gaps = || {
        format!(
            "{} not wholly stored; the member's warnings say which",
            text::count(member.gaps, "entry")
        )
    };
    let reasons: Vec<String> = match &member.error {
        Some(error) => vec![error.clone()],
        None => (member.gaps > 0)
            .then(gaps)
            .into_iter()
            .chain(member.torn_by.iter().cloned())
            .collect(),
    };
    if reasons.is_empty() {
        return None;
    }
    Some(LeftOut {
        what: member.path.clone(),
        reason: reasons.join("; "),
    })
}

/// What a target's writer is made from.
pub(super) fn target_spec(plan: &Plan, target: &TargetPlan, run: &Run) -> TargetSpec {
    let fields = NameFields {
        identity: &plan.project.identity,
        job: &plan.job,
        id: &run.id,
        invoked: run.invoked,
    };
    let kind = match &target.kind {
        TargetKind::Folder { path, dump_name } => open::TargetKind::Folder {
            dir: path.clone(),
            format: Format::Directory,
            dump_name: dump_name.render(&fields),
        },
        TargetKind::Archives { path, dump_name } => open::TargetKind::Folder {
            dir: path.clone(),
            format: Format::Archive,
            dump_name: dump_name.render(&fields),
        },
        TargetKind::Archive { path } => open::TargetKind::ArchiveFile { path: path.clone() },
        TargetKind::Store {
            url,
            format,
            dump_name,
            options,
        } => open::TargetKind::Store {
            url: url.clone(),
            options: options.clone(),
            format: match format {
                TargetFormat::Directory => Format::Directory,
                TargetFormat::Archive => Format::Archive,
            },
            dump_name: dump_name.render(&fields),
        },
        TargetKind::Stdout => open::TargetKind::Stdout,
    };
    TargetSpec {
        name: target.name.clone(),
        kind,
        compression: target.compression,
        spool: SpoolSpec {
            dir: target.spool.dir.clone(),
            mode: match target.spool.what {
                SpoolWhat::Nothing | SpoolWhat::UnknownSize | SpoolWhat::Beside => {
                    SpoolMode::Beside
                }
                SpoolWhat::WhileHeld => SpoolMode::All,
            },
            limit: target.spool.limit,
        },
        invocation_time: run.invoked,
    }
}
