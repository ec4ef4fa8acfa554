//! What a target of the file may not say though its form is right.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::{Document, Part};
use super::key_path::KeyPath;
use super::model::JobFile;
use super::schema;
use super::target::{FOR_ALL, TargetFormat, TargetRules, nowhere};
use crate::codecs::Codec;
use crate::config::target_arg::{TargetArg, TargetArgKind};
use crate::diagnostic::Finding;
use crate::store::{self, StoreOptions, StoreUrl};

/// Everything of the kind, target by target.
pub(super) fn findings(file: &JobFile, document: &Document, found: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, target) in &file.targets {
        let path = KeyPath::new(["targets", name]);
        match (&target.url, &target.path) {
            (Some(url), None) => found.extend(bad_url(url, document, &path)),
            (None, Some(place)) => found.extend(bad_path(target, place, document, &path)),
            (Some(_), Some(_)) => found.push(two_places(document, &path)),
            (None, None) => {
                let missing = nowhere(&format!("`{path}`"));
                found.push(located(missing, document, (&path, Part::Key)));
            }
        }
        found.extend(bad_endpoint(target, document, &path));
        options(target, document, &path, found);
        if let Some(first) = seen.insert(place(target), name) {
            let message = format!("the targets `{first}` and `{name}` are the same place");
            let key = if target.url.is_some() { "url" } else { "path" };
            let at = (&path.join(key), Part::Value);
            let finding = document.finding("config::target_twice", message, at);
            found.push(finding.with_help("remove one of them"));
        }
    }
}

/// What two targets may not have in common.
fn place(target: &TargetRules) -> String {
    let (endpoint, account) = (&target.endpoint, &target.account_name);
    format!(
        "{:?} {:?} {endpoint:?} {account:?}",
        target.path, target.url
    )
}

/// The finding with its place in the file.
fn located(finding: Finding, document: &Document, at: (&KeyPath, Part)) -> Finding {
    let located = document.finding(finding.code, finding.message, at);
    match finding.help {
        Some(help) => located.with_help(help),
        None => located,
    }
}

fn two_places(document: &Document, path: &KeyPath) -> Finding {
    let at = (&path.join("url"), Part::Key);
    let message = "a target has a `path` or a `url`, not both";
    let finding = document.finding("config::target_two_places", message, at);
    finding.with_help("make two targets of it")
}

fn bad_url(url: &str, document: &Document, path: &KeyPath) -> Option<Finding> {
    let error = TargetArg::in_store(url, StoreOptions::default()).err()?;
    Some(located(error, document, (&path.join("url"), Part::Value)))
}

fn bad_endpoint(target: &TargetRules, document: &Document, path: &KeyPath) -> Option<Finding> {
    let given = target.endpoint.as_deref()?;
    let error = store::endpoint(given, target.allow_http).err()?;
    let at = (&path.join("endpoint"), Part::Value);
    let finding = document.finding("config::target_endpoint", error.to_string(), at);
    Some(match error.help() {
        Some(help) => finding.with_help(help),
        None => finding,
    })
}

fn bad_path(
    target: &TargetRules,
    place: &Path,
    document: &Document,
    path: &KeyPath,
) -> Option<Finding> {
    let at = path.join("path");
    let arg = match TargetArg::parse(place.as_os_str(), Path::new("/")) {
        Ok(arg) => arg,
        Err(finding) => return Some(located(finding, document, (&at, Part::Value))),
    };
    match arg.kind {
        TargetArgKind::Archive { codec, .. } => Some(one_archive(&arg.name, codec, document, &at)),
        TargetArgKind::Stdout if target.format == Some(TargetFormat::Directory) => {
            let finding = document.finding(
                "config::stdout_directory",
                "standard output cannot hold a folder",
                (&path.join("format"), Part::Value),
            );
            Some(finding.with_help("write `format: archive`, or remove the key"))
        }
        TargetArgKind::Stdout if target.keep.is_some() => {
            let finding = document.finding(
                "config::stdout_keep",
                "standard output keeps no dumps, and none can be removed from it",
                (&path.join("keep"), Part::Key),
            );
            Some(finding.with_help("remove the key"))
        }
        TargetArgKind::Store { .. } => {
            let message = "a prefix in an object store is no path";
            let finding = document.finding("config::target_url", message, (&at, Part::Value));
            Some(finding.with_help("write it under `url`, in place of `path`"))
        }
        TargetArgKind::Stdout | TargetArgKind::Folder { .. } => None,
    }
}

/// An archive's own name would be taken from the second run on.
fn one_archive(name: &str, codec: Codec, document: &Document, at: &KeyPath) -> Finding {
    let message =
        format!("`{name}` is the name of one archive, and a target is a folder for all dumps");
    let finding = document.finding("config::target_archive", message, (at, Part::Value));
    finding.with_help(format!(
        "name the folder, and write `format: archive` and `compression: {}`",
        codec.name()
    ))
}

/// Options that would have no effect: of a store at a folder, of another service, and said twice.
fn options(target: &TargetRules, document: &Document, path: &KeyPath, found: &mut Vec<Finding>) {
    let keys = document.keys_of(path);
    let url = target.url.as_deref().map(StoreUrl::parse);
    let known = schema::part("/$defs/target/properties");
    let is_option = |key: &&&str| {
        !FOR_ALL.contains(key) && known.is_some_and(|known| known.get(**key).is_some())
    };
    for key in keys.iter().filter(is_option) {
        let at = path.join(*key);
        let at = (&at, Part::Key);
        let useless = match (&url, StoreOptions::only_for(key)) {
            (None, _) if target.path.is_some() => {
                Some("only for object stores, and this target is none".to_owned())
            }
            (Some(Ok(url)), Some(service)) if url.service != service => {
                Some(format!("only for `{}://`", service.scheme()))
            }
            _ => None,
        };
        if let Some(why) = useless {
            let message = format!("the key `{key}` is {why}");
            let finding = document.finding("config::target_option", message, at);
            found.push(finding.with_help("remove the key; it would have no effect"));
        }
        let in_file = format!("{key}_file");
        if keys.contains(&&*in_file) {
            let message = format!("both `{key}` and `{in_file}` are there");
            let finding = document.finding("config::target_secret_twice", message, at);
            found.push(finding.with_help("keep one of them"));
        }
    }
}
