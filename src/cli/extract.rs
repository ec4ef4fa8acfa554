//! `restore --volume V --path P --to DIR`: single files out of a dump.

use std::path::Path;

use super::args::{Global, RestoreArgs};
use super::edge::CommandError;
use super::{stored, talk};
use crate::compose::clean;
use crate::diagnostic::Finding;
use crate::exit::Exit;
use crate::restore::{Extraction, extract as take_out};

/// Takes files and folders out of one member.
///
/// # Errors
/// When they are not there, something is in the way, or they cannot be read or written.
pub(super) fn extract(
    global: &Global,
    args: &RestoreArgs,
    cwd: &Path,
) -> Result<Exit, CommandError> {
    let ([member], Some(to)) = (&args.volume[..], &args.to) else {
        return Err(Finding::new(
            "restore::one_member",
            "`--path` takes files out of one volume",
        )
        .with_help("name it with `--volume`, once, and the folder that they go to with `--to`")
        .into());
    };
    let mut dump = stored::open(global, &args.choice)?.dump;
    let extraction = Extraction {
        member: member.clone(),
        paths: args.paths.clone(),
        to: clean(&cwd.join(to)),
        replace: args.replace,
        devices: args.devices,
    };
    let extracted = take_out(&mut dump, &extraction)?;
    for warning in &extracted.warnings {
        tracing::warn!("{warning}");
    }
    let printed = if args.json {
        talk::print_json(&extracted)
    } else {
        let lines = extracted.paths.iter().map(|path| format!("{path}\n"));
        talk::print(&lines.collect::<String>())
    };
    printed.map_err(CommandError::Print)?;
    Ok(Exit::Done)
}
