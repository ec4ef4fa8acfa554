//! `build` of a service: its contexts, its Dockerfile, and what keeps files out of a context.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::findings::Found;
use super::path::{clean, is_missing, is_remote_context};
use super::session::Session;
use super::{Build, BuildSource, Role, read};
use crate::yaml::node::{Data, Node, Origin};

/// Reads `build` of `service`, at the key path `path`, and notes its folders and files.
///
/// `build.ssh` is not looked at: what it names is key material, which never belongs into a backup
/// unasked. `build.secrets` name top-level secrets. Local caches are not worth keeping.
pub(super) fn read(
    session: &mut Session,
    node: Option<&Node>,
    service: &str,
    path: &str,
) -> Option<Build> {
    let node = node.filter(|node| !node.is_null())?;
    let reader = Reader { service, path };
    let context = reader.context(session, node);
    let dockerfile = match &context {
        BuildSource::Local(folder) => reader.dockerfile(session, node, folder),
        BuildSource::Other(_) => None,
    };
    let additional_contexts = reader.additional_contexts(session, node);
    Some(Build {
        context,
        dockerfile,
        additional_contexts,
    })
}

struct Reader<'a> {
    service: &'a str,
    path: &'a str,
}

impl Reader<'_> {
    fn context(&self, session: &mut Session, node: &Node) -> BuildSource {
        let (named_by, value) = match &node.data {
            Data::Map(map) => (format!("{}.context", self.path), map.get("context")),
            _ => (self.path.to_owned(), Some(node)),
        };
        let origin = value.unwrap_or(node).origin;
        let named = Named {
            named_by: &named_by,
            role: Role::BuildContext,
            origin,
        };
        match read::text(session, value, &named_by) {
            Some(text) => self.source(session, &text, named),
            None => {
                let folder = session.model_dir(origin).to_owned();
                self.folder(session, folder, named)
            }
        }
    }

    fn additional_contexts(
        &self,
        session: &mut Session,
        node: &Node,
    ) -> BTreeMap<String, BuildSource> {
        let path = format!("{}.additional_contexts", self.path);
        let pairs = read::pairs(session, node.get("additional_contexts"), &path);
        let mut contexts = BTreeMap::new();
        for pair in pairs {
            let named_by = format!("{path}.{}", pair.key);
            let named = Named {
                named_by: &named_by,
                role: Role::AdditionalContext,
                origin: pair.origin,
            };
            let context = self.source(session, &pair.value, named);
            contexts.insert(pair.key, context);
        }
        contexts
    }

    /// A context, noted if it is a folder of this host.
    fn source(&self, session: &mut Session, text: &str, named: Named<'_>) -> BuildSource {
        // The one URL that names a folder: an image in OCI layout, with a tag or digest behind it.
        if let Some(layout) = text.strip_prefix("oci-layout://") {
            let path = layout.split(['@', ':']).next().unwrap_or(layout);
            let path = session.resolve(path, named.origin);
            self.folder(session, path, named);
            return BuildSource::Other(text.to_owned());
        }
        if is_remote_context(text) {
            return BuildSource::Other(text.to_owned());
        }
        let path = session.resolve(text, named.origin);
        self.folder(session, path, named)
    }

    fn folder(&self, session: &mut Session, path: PathBuf, named: Named<'_>) -> BuildSource {
        self.note(session, path.clone(), &named, true);
        if named.role == Role::BuildContext {
            let ignore = Named {
                role: Role::Dockerignore,
                ..named
            };
            self.note_if_there(session, path.join(".dockerignore"), &ignore);
        }
        BuildSource::Local(path)
    }

    fn dockerfile(&self, session: &mut Session, node: &Node, context: &Path) -> Option<PathBuf> {
        let filled = |key: &str| node.get(key).filter(|value| !value.is_null());
        if filled("dockerfile_inline").is_some() {
            return None;
        }
        let named_by = format!("{}.dockerfile", self.path);
        let value = filled("dockerfile");
        let text = read::text(session, value, &named_by).unwrap_or_else(|| "Dockerfile".to_owned());
        let path = clean(&context.join(text));
        let origin = value.unwrap_or(node).origin;
        let named = Named {
            named_by: &named_by,
            role: Role::Dockerfile,
            origin,
        };
        // Without its folder, one warning is enough.
        self.note(session, path.clone(), &named, !is_missing(context));
        let mut ignore: OsString = path.clone().into_os_string();
        ignore.push(".dockerignore");
        self.note_if_there(
            session,
            ignore.into(),
            &Named {
                role: Role::Dockerignore,
                ..named
            },
        );
        Some(path)
    }

    fn note(&self, session: &mut Session, path: PathBuf, named: &Named<'_>, required: bool) {
        let Named {
            named_by,
            role,
            origin,
        } = *named;
        session.refer_from(
            self.service,
            &Found {
                path,
                role,
                named_by,
                required,
                origin,
            },
        );
    }

    fn note_if_there(&self, session: &mut Session, path: PathBuf, named: &Named<'_>) {
        if path.is_file() {
            self.note(session, path, named, false);
        }
    }
}

/// What a value is named and for.
#[derive(Clone, Copy)]
struct Named<'a> {
    named_by: &'a str,
    role: Role,
    origin: Origin,
}
