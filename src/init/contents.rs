//! The mounts and volumes of a project, each with the rule that it gets and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::lines::{Line, some};
use crate::compose::{Mount, MountKind, MountSource, Project, Service, Volume};
use crate::plan::job_file::{anonymous_volumes, rule_path};

/// Who mounts something, as `web:/srv/media`.
type Uses = Vec<String>;

/// Rules for the bind mounts in the project folder.
pub(super) fn mounted(project: &Project) -> Vec<Line> {
    let mut rules: BTreeMap<String, Uses> = BTreeMap::new();
    for (path, uses) in host_paths(project) {
        if let Ok(inside) = path.strip_prefix(&project.dir) {
            rules.entry(rule_path(inside)).or_default().extend(uses);
        }
    }
    let rules = rules.iter();
    rules
        .map(|(path, uses)| Line::new(path, "{}", &some(uses)))
        .collect()
}

/// The bind mounts outside of the project folder, each as the text of a comment.
pub(super) fn outside(project: &Project) -> Vec<String> {
    let paths = host_paths(project).into_iter();
    let outside = paths.filter(|(path, _)| !path.starts_with(&project.dir));
    outside
        .map(|(path, uses)| format!("{} ({})", crate::text::path(&path), some(&uses)))
        .collect()
}

/// Rules for the volumes, the anonymous ones that the Compose files declare among them.
pub(super) fn volumes(project: &Project) -> Vec<Line> {
    let named = project.volumes.values().map(|volume| {
        let (rule, comment) = rule(volume, &volume_uses(project, &volume.key));
        Line::new(&rule_key(&volume.key), rule, &comment)
    });
    let services = project.services.values();
    let anonymous = services.flat_map(|service| {
        let keys = anonymous_volumes(service).map(|path| format!("{}:{path}", service.name));
        keys.map(|key| Line::new(&key, "{}", "anonymous: one for each container"))
    });
    named.chain(anonymous).collect()
}

fn rule(volume: &Volume, uses: &Uses) -> (&'static str, String) {
    let used = match uses[..] {
        [] => "no service mounts it".to_owned(),
        _ => some(uses),
    };
    if volume.external {
        return (
            "skip",
            format!("{used}; external; {{external: true}} takes it"),
        );
    }
    match elsewhere(volume) {
        Some(what) => ("skip", format!("{used}; {what}")),
        None => ("{}", used),
    }
}

/// What a `local` volume with mount options is a window to, if its content lies elsewhere.
fn elsewhere(volume: &Volume) -> Option<String> {
    let option = |name: &str| volume.driver_opts.get(name).map_or("", String::as_str);
    let (kind, device) = (option("type"), option("device"));
    let is_local = volume.driver.as_deref().unwrap_or("local") == "local";
    let is_bind = option("o")
        .split(',')
        .any(|word| word.trim().ends_with("bind"));
    if !is_local || device.is_empty() && kind.is_empty() {
        return None;
    }
    if kind == "tmpfs" {
        return Some("memory, which does not last".to_owned());
    }
    let is_disk = device.starts_with("/dev/") && !is_bind;
    (!is_disk).then(|| format!("a mount of {device}; {{}} takes it"))
}

/// The host paths that services mount, and who does.
fn host_paths(project: &Project) -> BTreeMap<PathBuf, Uses> {
    let mut paths: BTreeMap<PathBuf, Uses> = BTreeMap::new();
    for service in project.services.values() {
        for mount in &service.mounts {
            if let (MountKind::Bind, Some(MountSource::HostPath(path))) =
                (mount.kind, &mount.source)
            {
                let uses = paths.entry(path.clone()).or_default();
                uses.push(used_by(service, mount));
            }
        }
    }
    paths
}

/// Who mounts the volume with that key.
fn volume_uses(project: &Project, key: &str) -> Uses {
    let is_it = |mount: &&Mount| {
        let source = mount.source.as_ref();
        source.is_some_and(|source| matches!(source, MountSource::VolumeKey(name) if name == key))
    };
    let services = project.services.values();
    let uses = services.flat_map(|service| {
        let mounts = service.mounts.iter().filter(is_it);
        mounts.map(|mount| used_by(service, mount))
    });
    uses.collect()
}

/// A mount as a Compose file writes it, without what is mounted.
fn used_by(service: &Service, mount: &Mount) -> String {
    let access = if mount.read_only { ":ro" } else { "" };
    format!("{}:{}{access}", service.name, mount.target)
}

/// The key of `volumes` that means the volume of that name, and no other one if it can be helped:
/// what would have a meaning there is put into brackets, or any character stands for it.
pub(super) fn rule_key(name: &str) -> String {
    if !name.contains(['/', ':', '*', '?', '[', '{', '}', '\\']) {
        return name.to_owned();
    }
    let literal = |one: char| match one {
        '/' | ':' => "?".to_owned(),
        '*' | '?' | '[' | '{' | '}' | '\\' => format!("[{one}]"),
        other => other.to_string(),
    };
    name.chars().map(literal).collect()
}

/// Whether a folder is a place for dumps: one inside of the project would be part of the next dump.
pub(super) fn is_outside(project: &Project, folder: &Path) -> bool {
    !folder.starts_with(&project.dir)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use globset::Glob;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_to_elsewhere_is_not_taken_by_itself() {
        let volume = |options: &[(&str, &str)]| Volume {
            key: "v".to_owned(),
            name: "p_v".to_owned(),
            external: false,
            driver: None,
            driver_opts: options
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            labels: BTreeMap::new(),
            bind_device: None,
        };
        let decided = |options: &[(&str, &str)]| rule(&volume(options), &Uses::new()).0;
        assert_eq!(decided(&[]), "{}");
        assert_eq!(decided(&[("o", "size=1g")]), "{}");
        assert_eq!(decided(&[("type", "ext4"), ("device", "/dev/sdb1")]), "{}");
        assert_eq!(
            decided(&[("type", "none"), ("o", "bind"), ("device", "/dev/shm/x")]),
            "skip"
        );
        assert_eq!(
            decided(&[("type", "none"), ("o", "ro, rbind"), ("device", "/srv")]),
            "skip"
        );
        assert_eq!(decided(&[("type", "nfs"), ("device", ":/exports")]), "skip");
        assert_eq!(decided(&[("type", "tmpfs"), ("device", "tmpfs")]), "skip");
    }

    proptest! {
        #[test]
        fn the_key_of_a_name_means_it(name in r"[a-c*?\[\]{}\\/:!^,-]{1,8}|\PC{1,8}") {
            let key = rule_key(&name);
            prop_assert!(!key.contains(['/', ':']));
            prop_assert!(Glob::new(&key).unwrap().compile_matcher().is_match(&name), "{}", key);
        }
    }
}
