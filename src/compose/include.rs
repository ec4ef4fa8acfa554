//! `include`: other Compose projects, each a model of its own, whose resources are taken over.

use std::path::PathBuf;

use super::env::{EnvFile, read_files};
use super::layers::{self, Scope};
use super::merge::merge;
use super::path::{is_missing, is_remote_file};
use super::session::{Bases, Session};
use super::{LoadError, Role};
use crate::yaml::node::{Data, Map, Node, Origin};

/// How deep includes may be nested.
const DEPTH_LIMIT: usize = 64;
/// The parts of a model that are taken over, as far as they are read.
const SECTIONS: [&str; 4] = ["services", "volumes", "configs", "secrets"];

/// One entry of `include`, its paths resolved.
struct Entry {
    named_by: String,
    files: Vec<PathBuf>,
    dir: PathBuf,
    env_files: Vec<EnvFile>,
}

/// Takes `include` out of `layer` and loads what it names; `None` if there is nothing.
///
/// # Errors
/// [`LoadError::IncludeCycle`], [`LoadError::IncludeTooDeep`], and as [`Session::documents`]. A file
/// that is not there is a warning.
pub(super) fn load(
    session: &mut Session,
    layer: &mut Node,
    scope: &Scope,
) -> Result<Option<Node>, LoadError> {
    let Some(include) = layer.as_map_mut().and_then(|map| map.remove("include")) else {
        return Ok(None);
    };
    let entries = match include.data {
        Data::List(entries) => entries,
        Data::Null => return Ok(None),
        _ => {
            session.warn(
                include.origin,
                format!("`include` wants a list, not {}", include.kind()),
            );
            return Ok(None);
        }
    };
    let mut model: Option<Node> = None;
    for (index, node) in entries.into_iter().enumerate() {
        let origin = node.origin;
        let Some(entry) = Entry::read(session, node, index) else {
            continue;
        };
        let included = entry.load(session, scope)?;
        let included = take_sections(session, &included)?;
        model = Some(match model {
            Some(earlier) => {
                warn_of_conflicts(session, &earlier, &included, origin);
                merge(session, included, earlier, &mut Vec::new())
            }
            None => included,
        });
    }
    Ok(model)
}

impl Entry {
    fn read(session: &mut Session, node: Node, index: usize) -> Option<Self> {
        let named_by = format!("include[{index}]");
        let origin = node.origin;
        let long = node.as_map().is_some();
        let (paths, dir, env_files) = match node.data {
            Data::Map(mut map) => (
                map.remove("path"),
                map.remove("project_directory"),
                map.remove("env_file"),
            ),
            data => (Some(Node::new(data, origin)), None, None),
        };
        let path_name = if long {
            format!("{named_by}.path")
        } else {
            named_by.clone()
        };
        let mut files = Vec::new();
        for (name, item) in strings(paths, &path_name) {
            let Some(text) = item.scalar() else {
                session.warn(
                    item.origin,
                    format!("`{name}` wants a path, not {}", item.kind()),
                );
                continue;
            };
            if is_remote_file(text) {
                session.warn(
                    item.origin,
                    format!("`{text}` is not fetched; what it defines is not known"),
                );
                continue;
            }
            let path = session.resolve(text, item.origin);
            session.refer(&path, Role::Included, &name);
            if is_missing(&path) {
                let message = format!("`{}` ({name}) does not exist", path.display());
                session.warn(item.origin, message);
            } else {
                files.push(path);
            }
        }
        let dir = match dir
            .as_ref()
            .and_then(|node| Some((node.scalar()?, node.origin)))
        {
            Some((text, origin)) => session.resolve(text, origin),
            None => files.first()?.parent()?.to_owned(),
        };
        let env_files = strings(env_files, &format!("{named_by}.env_file"))
            .into_iter()
            .filter_map(|(named_by, item)| {
                let path = session.resolve(item.scalar()?, item.origin);
                Some(EnvFile { path, named_by })
            })
            .collect();
        (!files.is_empty()).then_some(Self {
            named_by,
            files,
            dir,
            env_files,
        })
    }

    fn load(mut self, session: &mut Session, scope: &Scope) -> Result<Node, LoadError> {
        let mut including = scope.including.clone();
        for file in &self.files {
            if including.contains(file) {
                including.push(file.clone());
                return Err(LoadError::IncludeCycle { chain: including });
            }
        }
        including.extend(self.files.first().cloned());
        if including.len() > DEPTH_LIMIT {
            return Err(LoadError::IncludeTooDeep {
                path: self.files.remove(0),
                limit: DEPTH_LIMIT,
            });
        }
        let default = self.dir.join(".env");
        if self.env_files.is_empty() && default.is_file() {
            self.env_files.push(EnvFile {
                path: default,
                named_by: self.named_by.clone(),
            });
        }
        let mut env = scope.env.clone();
        env.add_missing(read_files(session, &self.env_files, &scope.env)?);
        // Where `project_directory` is no folder, Compose takes the one that it is in.
        let parent = self.dir.parent().filter(|_| !self.dir.is_dir());
        let dir = parent.unwrap_or(&self.dir).to_owned();
        let mut documents = Vec::new();
        for file in &self.files {
            documents.extend(session.documents(file, Bases::one(&dir))?);
        }
        let inner = Scope {
            dir,
            env,
            including,
        };
        layers::build(session, documents, &inner)
    }
}

/// A string or a list of them, each with its key path.
fn strings(node: Option<Node>, named_by: &str) -> Vec<(String, Node)> {
    match node {
        Some(Node {
            data: Data::List(items),
            ..
        }) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| (format!("{named_by}[{index}]"), item))
            .collect(),
        Some(node) if !node.is_null() => vec![(named_by.to_owned(), node)],
        _ => Vec::new(),
    }
}

fn take_sections(session: &mut Session, model: &Node) -> Result<Node, LoadError> {
    let mut taken = Map::new();
    for section in SECTIONS {
        if let Some(node) = model.get(section) {
            taken.insert(section.to_owned(), session.copy(node)?);
        }
    }
    Ok(Node::new(Data::Map(taken), model.origin))
}

/// Compose refuses that two included files define the same thing differently.
fn warn_of_conflicts(session: &mut Session, earlier: &Node, later: &Node, origin: Origin) {
    for section in SECTIONS {
        let names = |model: &Node| {
            model
                .get(section)
                .and_then(Node::as_map)
                .cloned()
                .unwrap_or_default()
        };
        let (earlier, later) = (names(earlier), names(later));
        for name in later.keys().filter(|name| earlier.contains_key(*name)) {
            let same_file =
                |a: &Node, b: &Node| session.source(a.origin).path == session.source(b.origin).path;
            if !same_file(&earlier[name], &later[name]) {
                session.warn(
                    origin,
                    format!("`{section}.{name}` is in several included files; the first one wins"),
                );
            }
        }
    }
}
