//! `volumes` and `tmpfs` of a service, in their short and long forms.

use std::collections::BTreeMap;

use super::mounts::{Short, parse_short};
use super::path::{clean_target, is_windows};
use super::session::Session;
use super::{Mount, MountKind, MountSource, Volume, read};
use crate::yaml::node::{Node, Origin};

/// Reads the mounts of `service`. `declared` are the project's volumes.
pub(super) fn read(
    session: &mut Session,
    node: &Node,
    service: &str,
    declared: &BTreeMap<String, Volume>,
) -> Vec<Mount> {
    let path = format!("services.{service}.volumes");
    let mut mounts = Vec::new();
    for (named_by, item) in read::items(node.get("volumes"), &path) {
        let mut reader = Reader {
            session,
            named_by,
            declared,
        };
        mounts.extend(reader.mount(item));
    }
    let path = format!("services.{service}.tmpfs");
    for (named_by, item) in read::items(node.get("tmpfs"), &path) {
        let text = read::text(session, Some(item), &named_by);
        mounts.extend(text.map(|text| Mount {
            kind: MountKind::Tmpfs,
            source: None,
            target: clean_target(text.split(':').next().unwrap_or(&text)),
            read_only: false,
            subpath: None,
            named_by,
        }));
    }
    mounts
}

struct Reader<'a> {
    session: &'a mut Session,
    named_by: String,
    declared: &'a BTreeMap<String, Volume>,
}

impl Reader<'_> {
    fn mount(&mut self, item: &Node) -> Option<Mount> {
        if item.as_map().is_some() {
            return self.long(item);
        }
        let spec = read::text(self.session, Some(item), &self.named_by)?;
        match parse_short(&spec) {
            Ok(short) => Some(self.short(short, item.origin)),
            Err(reason) => {
                let message = format!("`{}` (`{spec}`) {reason}; it is left out", self.named_by);
                self.session.warn(item.origin, message);
                None
            }
        }
    }

    fn short(&mut self, short: Short, origin: Origin) -> Mount {
        let kind = if short.is_bind() {
            MountKind::Bind
        } else {
            MountKind::Volume
        };
        Mount {
            kind,
            source: short.source.map(|source| self.source(kind, source, origin)),
            target: clean_target(&short.target),
            read_only: short.read_only,
            subpath: None,
            named_by: self.named_by.clone(),
        }
    }

    fn long(&mut self, item: &Node) -> Option<Mount> {
        let path = |key: &str| format!("{}.{key}", self.named_by);
        let (type_path, source_path, target_path) = (path("type"), path("source"), path("target"));
        let read_only_path = path("read_only");
        let kind = match read::text(self.session, item.get("type"), &type_path).as_deref() {
            Some("bind") => MountKind::Bind,
            Some("volume") | None => MountKind::Volume,
            Some("tmpfs") => MountKind::Tmpfs,
            Some("image") => MountKind::Image,
            Some("npipe") => MountKind::Npipe,
            Some("cluster") => MountKind::Cluster,
            Some(other) => {
                self.leave_out(item.origin, &format!("has the unknown type `{other}`"));
                return None;
            }
        };
        let Some(target) = read::text(self.session, item.get("target"), &target_path) else {
            self.leave_out(item.origin, "has no target");
            return None;
        };
        let source =
            read::text(self.session, item.get("source"), &source_path).filter(|s| !s.is_empty());
        if source.is_none() && kind == MountKind::Bind {
            self.leave_out(item.origin, "has no source");
            return None;
        }
        let origin = item.get("source").unwrap_or(item).origin;
        let options = item.get("volume").or_else(|| item.get("image"));
        Some(Mount {
            kind,
            source: source.map(|source| self.source(kind, source, origin)),
            target: clean_target(&target),
            read_only: read::flag(self.session, item.get("read_only"), &read_only_path),
            subpath: options
                .and_then(|options| options.get("subpath")?.scalar().map(str::to_owned)),
            named_by: self.named_by.clone(),
        })
    }

    fn source(&mut self, kind: MountKind, source: String, origin: Origin) -> MountSource {
        match kind {
            MountKind::Bind if is_windows(&source) => {
                let message = format!("`{}` names a path of Windows, `{source}`", self.named_by);
                self.session.warn(origin, message);
                MountSource::Name(source)
            }
            MountKind::Bind => MountSource::HostPath(self.session.resolve(&source, origin)),
            MountKind::Volume => self.volume(source, origin),
            MountKind::Tmpfs | MountKind::Image | MountKind::Npipe | MountKind::Cluster => {
                MountSource::Name(source)
            }
        }
    }

    fn volume(&mut self, key: String, origin: Origin) -> MountSource {
        if self.declared.contains_key(&key) {
            return MountSource::VolumeKey(key);
        }
        if is_volume_name(&key) {
            let message = format!(
                "`{}` uses the volume `{key}`, which is not declared",
                self.named_by
            );
            self.session.warn(origin, message);
            return MountSource::VolumeKey(key);
        }
        let message = format!(
            "`{}`: `{key}` is neither a path nor the name of a volume",
            self.named_by
        );
        self.session.warn(origin, message);
        MountSource::Name(key)
    }

    fn leave_out(&mut self, origin: Origin, reason: &str) {
        let message = format!("`{}` {reason}; it is left out", self.named_by);
        self.session.warn(origin, message);
    }
}

/// What the engine accepts as a volume's name (moby, `names.RestrictedNameChars`).
fn is_volume_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}
