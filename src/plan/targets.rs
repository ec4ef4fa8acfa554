//! Where the dump goes: what each target writes, compresses and spools, and whether it may.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::codecs::{Codec, Compression};
use crate::config::dump_name::DumpName;
use crate::config::job_file::model::TargetFormat;
use crate::config::target_arg::{TargetArg, TargetArgKind};
use crate::diagnostic::Finding;
use crate::store::StoreUrl;

use super::facts::{Facts, Place};
use super::model::{
    ExportPlan, HoldPlan, TargetKind, TargetPlan, TreePlan, TreeReader, VolumePlan,
};
use super::request::{Request, TargetWish};
use super::spool::{spool, volumes_at_once};

/// What the other parts of a plan mean for its targets.
pub(super) struct Load<'a> {
    pub(super) volumes: &'a [VolumePlan],
    pub(super) exports: &'a [ExportPlan],
    pub(super) trees: &'a [TreePlan],
    pub(super) hold: &'a HoldPlan,
}

/// The targets that can be; what speaks against the others becomes findings, each once.
pub(super) fn plan(
    request: &Request,
    facts: &Facts,
    load: &Load<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<TargetPlan> {
    let mut targets = Vec::new();
    let mut seen = HashSet::new();
    if request.targets.is_empty() {
        findings.push(no_target(&request.job));
    }
    for wish in &request.targets {
        let arg = &wish.place;
        let dump = place_of(facts, arg).map(|place| dump_of(arg, place));
        if !seen.insert((std::mem::discriminant(&arg.kind), dump, store_of(arg))) {
            findings.push(
                Finding::new(
                    "plan::target_twice",
                    format!(
                        "the target `{}` is given twice, or is called as another archive but for its extension",
                        arg.name
                    ),
                )
                .with_help("leave one of them out, or give the archives different names"),
            );
            continue;
        }
        match target(request, facts, load, wish) {
            Ok(target) => targets.push(target),
            Err(against) => {
                for finding in against {
                    if !findings.contains(&finding) {
                        findings.push(finding);
                    }
                }
            }
        }
    }
    targets
}

fn no_target(job: &str) -> Finding {
    Finding::new(
        "plan::no_target",
        format!("the job `{job}` has no target"),
    )
    .with_help("declare one under `targets`, as in `local: {path: /var/backups/compose}`, or name one with `-t`")
}

/// Where a target's dump appears: two archives that differ in their extension alone would have the
/// same marker beside them.
fn dump_of(arg: &TargetArg, place: &Place) -> PathBuf {
    let name = place.real.file_name().map(OsStrExt::as_bytes);
    match (&arg.kind, name.and_then(Codec::split_archive_name)) {
        (TargetArgKind::Archive { .. }, Some((stem, _))) => {
            place.real.with_file_name(OsStr::from_bytes(stem))
        }
        _ => place.real.clone(),
    }
}

/// The prefix that a target is, and whose it is: two services may have buckets of one name.
fn store_of(arg: &TargetArg) -> Option<(&StoreUrl, Option<&str>)> {
    match &arg.kind {
        TargetArgKind::Store { url, options } => {
            let account = options.endpoint.as_deref();
            Some((url, account.or(options.account_name.as_deref())))
        }
        _ => None,
    }
}

/// Where a target is; `None` for standard output and stores.
fn place_of<'a>(facts: &'a Facts, arg: &TargetArg) -> Option<&'a Place> {
    arg.path().map(|path| &facts.places[path])
}

/// A target, or everything that speaks against it.
fn target(
    request: &Request,
    facts: &Facts,
    load: &Load<'_>,
    wish: &TargetWish,
) -> Result<TargetPlan, Vec<Finding>> {
    let arg = &wish.place;
    let place = place_of(facts, arg);
    let mut against = Vec::new();
    against.extend(place.and_then(|place| outside_of_sources(facts, load, arg, place).err()));
    let (kind, codec) = match kind(request, facts, wish) {
        Ok(settled) => settled,
        Err(finding) => {
            against.push(finding);
            return Err(against);
        }
    };
    against.extend(place.and_then(|place| fits(arg, &kind, place).err()));
    let settings = &request.settings.compression;
    let compression = Compression {
        codec,
        level: settings.level,
        threads: settings.threads,
        side_by_side: if kind.is_one_stream() {
            NonZero::<u8>::MIN
        } else {
            volumes_at_once(request, load)
        },
    };
    if let Err(error) = compression.check() {
        let said_by = request.said_by("compression.level");
        let finding = Finding::new("plan::codec_level", format!("{error}{said_by}"));
        against.push(finding.with_help("change the setting `compression.level`, or the codec"));
    }
    match spool(request, facts, load, &kind, &compression) {
        Ok(spool) if against.is_empty() => Ok(TargetPlan {
            name: arg.name.clone(),
            spool,
            codec_memory: compression.memory_bytes(),
            free: place.and_then(|place| place.free),
            will_be_created: place.is_some_and(|place| !place.exists)
                && !matches!(kind, TargetKind::Archive { .. }),
            required: wish.required,
            keep: wish.keep.clone(),
            kind,
            compression,
        }),
        Ok(_) => Err(against),
        Err(finding) => {
            against.push(finding);
            Err(against)
        }
    }
}

/// What a target is, and its codec: an extension decides, else `-x`, else the setting.
fn kind(
    request: &Request,
    facts: &Facts,
    wish: &TargetWish,
) -> Result<(TargetKind, Codec), Finding> {
    let arg = &wish.place;
    let wanted = wish.archive_codec;
    let setting = wanted
        .or(request.settings.compression.codec)
        .unwrap_or(Codec::None);
    match &arg.kind {
        TargetArgKind::Stdout if facts.stdout_is_terminal => Err(Finding::new(
            "plan::stdout_terminal",
            "the dump would go to the terminal",
        )
        .with_help("write it to a folder or an archive with `-t`, or send standard output to a file or a program")),
        TargetArgKind::Stdout => Ok((TargetKind::Stdout, setting)),
        TargetArgKind::Archive { path, codec } => match wanted {
            Some(other) if other != *codec => Err(Finding::new(
                "plan::codec_and_extension",
                format!("`-x {}` does not fit the archive `{}`, whose extension says {}", other.name(), arg.name, codec.name()),
            )
            .with_help("leave `-x` out, or change the archive's name")),
            _ => Ok((TargetKind::Archive { path: path.clone() }, *codec)),
        },
        TargetArgKind::Folder { path } => {
            let dump_name = dump_name(request)?;
            let path = path.clone();
            let kind = match format(wish) {
                TargetFormat::Archive => TargetKind::Archives { path, dump_name },
                TargetFormat::Directory => TargetKind::Folder { path, dump_name },
            };
            Ok((kind, setting))
        }
        TargetArgKind::Store { url, options } => {
            let kind = TargetKind::Store {
                url: url.clone(),
                format: format(wish),
                dump_name: dump_name(request)?,
                options: options.clone(),
            };
            Ok((kind, setting))
        }
    }
}

/// What a dump looks like among others: as the target says, else an archive with `-x`.
fn format(wish: &TargetWish) -> TargetFormat {
    match (wish.format, wish.archive_codec) {
        (Some(format), _) => format,
        (None, Some(_)) => TargetFormat::Archive,
        (None, None) => TargetFormat::Directory,
    }
}

fn dump_name(request: &Request) -> Result<DumpName, Finding> {
    DumpName::parse(&request.settings.dump_name)
}

/// A target inside of what is read would be read itself, and would grow while it is.
fn outside_of_sources(
    facts: &Facts,
    load: &Load<'_>,
    arg: &TargetArg,
    place: &Place,
) -> Result<(), Finding> {
    for (source, what) in sources(facts, load) {
        let Some(own) = facts.places.get(&source).and_then(|source| source.own) else {
            continue;
        };
        if place.ancestors.contains(&own) {
            return Err(Finding::new(
                "plan::target_inside_source",
                format!(
                    "the target `{}` lies inside {what}, which is read for the dump",
                    arg.name
                ),
            )
            .with_help("choose a folder outside of the project, its mounts and its volumes"));
        }
    }
    Ok(())
}

/// Folders of this machine that are read wholly, with words for them.
fn sources(facts: &Facts, load: &Load<'_>) -> Vec<(PathBuf, String)> {
    let here = |tree: &&TreePlan| tree.reader == TreeReader::Direct;
    let trees = load.trees.iter().filter(here).flat_map(|tree| {
        tree.roots.iter().filter(|root| root.whole).map(|root| {
            let path = tree.base.join(&root.path);
            let what = format!("`{}` ({})", crate::text::path(&path), tree.scope.name());
            (path, what)
        })
    });
    // The engine's own reader reads the same folder where the engine is on this machine.
    let engine = facts.engine.as_ref().ok();
    let volumes = load.volumes.iter().filter_map(|volume| {
        let name = volume.name.as_ref().filter(|_| volume.decision.taken)?;
        let local = engine.filter(|engine| !engine.remote)?;
        let folder = local.volumes.get(name)?.mountpoint.clone()?;
        Some((folder, format!("the volume `{}`", volume.kind)))
    });
    trees.chain(volumes).collect()
}

/// Whether what is there already lets the target be written.
fn fits(arg: &TargetArg, kind: &TargetKind, place: &Place) -> Result<(), Finding> {
    match kind {
        TargetKind::Archive { .. } if place.exists => Err(Finding::new(
            "plan::target_exists",
            format!("the archive `{}` exists already, and a dump never replaces one", arg.name),
        )
        .with_help("choose another name, or name a folder: dumps in it get names with the date and the time")),
        TargetKind::Folder { .. } | TargetKind::Archives { .. } if place.exists && !place.is_folder => Err(Finding::new(
            "plan::target_no_folder",
            format!("the target `{}` is no folder", arg.name),
        )
        .with_help("name a folder; a dump never replaces what is there")),
        _ => Ok(()),
    }
}
