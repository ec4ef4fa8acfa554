//! From the options of `restore` to what is asked for: which folder, which scopes, which names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::{Global, RestoreArgs};
use super::declared;
use crate::compose::clean;
use crate::config::layers::Layered;
use crate::config::settings::{Overrides, ReaderChoice, Settings};
use crate::config::span::Span;
use crate::diagnostic::Finding;
use crate::restore::plan::naming;
use crate::restore::request::{ComposeFlags, FolderFrom, Request, Scope};

/// What is asked for, and how long to wait for another run of the project.
///
/// # Errors
/// Every option and variable that cannot be used.
pub(super) fn of(
    global: &Global,
    args: &RestoreArgs,
    cwd: &Path,
) -> Result<(Request, Span), Vec<Finding>> {
    let settings = Layered::load(&Settings::default(), &Overrides::default())?.settings;
    let (folder, folder_from) = folder(global, args, cwd);
    let request = Request {
        folder,
        folder_from,
        compose: ComposeFlags {
            files: global
                .files
                .iter()
                .map(|path| clean(&cwd.join(path)))
                .collect(),
            env_files: global
                .env_files
                .iter()
                .map(|path| clean(&cwd.join(path)))
                .collect(),
            project_name: global.project_name.clone(),
            profiles: global.profiles.clone(),
        },
        copy_as: args.copy_as.clone(),
        services: args.services.clone(),
        scopes: scopes(args),
        volumes: args.volume.clone(),
        all_exports: args.scopes.exports,
        trust_dump: args.trust_dump,
        replace: args.replace,
        start: !args.no_start,
        create_external: args.create_external,
        devices: args.devices,
        pin: args.pin,
        through_engine: settings.reader == ReaderChoice::Engine,
    };
    let findings = findings(&request);
    if findings.is_empty() {
        Ok((request, settings.lock_wait))
    } else {
        Err(findings)
    }
}

/// The project folder: what `--to` says, else where Compose would look, else the working folder. Never what
/// a dump says.
fn folder(global: &Global, args: &RestoreArgs, cwd: &Path) -> (PathBuf, FolderFrom) {
    if let Some(to) = &args.to {
        return (clean(&cwd.join(to)), FolderFrom::To);
    }
    match declared::project_folder(global, cwd) {
        Some(folder) => (clean(&folder), FolderFrom::Project),
        None => (clean(cwd), FolderFrom::WorkingFolder),
    }
}

/// The scopes that flags name; all without any, and with `--volume` alone the volumes.
fn scopes(args: &RestoreArgs) -> BTreeSet<Scope> {
    let of_volumes = (!args.volume.is_empty()).then_some(Scope::Volumes);
    let given: BTreeSet<Scope> = args.scopes.named().chain(of_volumes).collect();
    if given.is_empty() {
        Scope::ALL.into_iter().collect()
    } else {
        given
    }
}

fn findings(request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(name) = &request.copy_as else {
        return findings;
    };
    findings.extend(naming::check(name).err());
    let writes_files = request.wants(Scope::Config) || request.wants(Scope::Mounted);
    if writes_files && request.folder_from != FolderFrom::To {
        findings.push(
            Finding::new(
                "restore::copy_folder",
                "an independent copy needs a folder of its own",
            )
            .with_help(format!(
                "name it with `--to`: `--to ../{name} --as {name}`; or copy the volumes alone with `--volumes`"
            )),
        );
    }
    findings
}
