//! `drill`: proves that a dump can be restored, without touching anything that is in use.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::{DrillArgs, Global, Talk};
use super::edge::CommandError;
use super::engine::{self, Reached};
use super::lookup::Place;
use super::signals::Signals;
use super::stored::Opened;
use super::{stored, talk};
use crate::codecs::Codec;
use crate::config::layers::Layered;
use crate::config::settings::{Overrides, ReaderChoice, Settings};
use crate::diagnostic::Finding;
use crate::exit::Exit;
use crate::restore::{DrillReport, DrillWorld, drill as drill_volumes};
use crate::targets::DRILL_EXTENSION;
use crate::text;

/// Restores a dump's volumes into volumes of their own, compares, and removes them.
///
/// # Errors
/// When the dump or the engine cannot be used. What differs is told, and ends with 13.
pub(super) async fn drill(
    global: &Global,
    args: &DrillArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let Opened {
        place,
        dump,
        scratch,
    } = stored::open(global, &args.choice)?;
    let record = args.record.then(|| beside(&place)).transpose()?;
    let Reached { engine, way, .. } = engine::reach(&engine::endpoints(global)?).await?;
    let signals = Signals::listen().map_err(CommandError::Start)?;
    let settings = Layered::load(&Settings::default(), &Overrides::default())?.settings;
    let may_write = settings.reader != ReaderChoice::Engine
        && rustix::process::geteuid().is_root()
        && !engine.daemon().userns_remap;
    let world = DrillWorld {
        is_direct: may_write && way.local.is_ok(),
        engine,
        scratch,
        cancel: signals.cancel.clone(),
    };
    let report = match drill_volumes(dump, &world).await {
        Ok(report) => report,
        Err(error) => {
            let signal = signals.exit();
            return Err(CommandError::Drill { error, signal });
        }
    };
    if let Some(path) = record {
        write(&path, &report).map_err(|source| CommandError::Record { path, source })?;
    }
    let printed = if args.json {
        talk::print_json(&report)
    } else if talk.quiet && report.sound {
        Ok(())
    } else {
        talk::print(&told(&report))
    };
    printed.map_err(CommandError::Print)?;
    Ok(report.exit())
}

fn told(report: &DrillReport) -> String {
    let mut lines = String::new();
    for row in &report.volumes {
        let state = if row.differ == 0 { "ok " } else { "BAD" };
        let entries = text::count(row.entries, "entry");
        lines.push_str(&format!("{state} {}: {entries}\n", row.member));
        for one in row.first.iter().chain(&row.warnings) {
            lines.push_str(&format!("    {one}\n"));
        }
        let untold = row.differ.saturating_sub(row.first.len() as u64);
        if untold > 0 {
            lines.push_str(&format!("    and {untold} more\n"));
        }
    }
    let volumes = text::count(report.volumes.len() as u64, "volume");
    lines.push_str(&if report.sound {
        format!(
            "sound: {volumes} restored, each entry is what was stored (a drill leaves config and mounted folders out)\n"
        )
    } else {
        format!("not sound: of {volumes}, some did not come back as they were stored\n")
    });
    lines
}

/// Where the result is written: beside the dump, never into it.
fn beside(place: &Place) -> Result<PathBuf, Finding> {
    let Place::Path(path) = place else {
        return Err(Finding::new(
            "drill::record",
            "a dump from standard input has no place beside which a result could be written",
        )
        .with_help("name the dump by its path, or leave out `--record`"));
    };
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let stem = Codec::split_archive_name(name).map_or(name, |(stem, _)| stem);
    let stem = text::os(std::os::unix::ffi::OsStrExt::from_bytes(stem));
    Ok(path.with_file_name(format!("{stem}{DRILL_EXTENSION}")))
}

/// Writes the result beside its place and gives it its name; an older result makes room.
fn write(path: &Path, report: &DrillReport) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, report)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
