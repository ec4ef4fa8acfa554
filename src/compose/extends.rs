//! `extends`: a service merged over another one, of the same file or of another.
//!
//! Of another file only the one service is taken. Its relative paths are resolved against that
//! file's folder; its variables are those of the caller.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

use super::findings::Found;
use super::layers::{Scope, build_plain, empty};
use super::merge::merge;
use super::path::{is_missing, is_remote_file};
use super::session::{Bases, Session};
use super::tags::Resets;
use super::{LoadError, Role};
use crate::yaml::node::{Data, Map, Node};

/// Files that were loaded to be extended, for one model.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: BTreeMap<PathBuf, Rc<File>>,
}

impl Cache {
    /// The cache with the variables and the project directory of its model.
    pub(super) fn with<'a>(&'a mut self, scope: &'a Scope) -> Files<'a> {
        Files { cache: self, scope }
    }
}

/// A [`Cache`] that can load.
#[derive(Debug)]
pub(super) struct Files<'a> {
    cache: &'a mut Cache,
    scope: &'a Scope,
}

/// Services that can be extended, and what their layers reset below them.
#[derive(Debug, Clone)]
struct File {
    /// What messages add to a service's name.
    place: String,
    services: Map,
    resets: Rc<Resets>,
}

/// One service of a chain of `extends`, without its `extends` key.
struct Link {
    name: String,
    own: Node,
    resets: Rc<Resets>,
}

/// What an `extends` key says.
struct Target {
    service: String,
    file: Option<Node>,
}

/// Resolves every `extends` in `layer`, which resets `resets`.
///
/// # Errors
/// [`LoadError::ExtendsCycle`], and as [`Session::documents`]. What is not there is a warning.
pub(super) fn apply(
    session: &mut Session,
    layer: &mut Node,
    resets: &Resets,
    files: &mut Files<'_>,
) -> Result<(), LoadError> {
    let services = layer.as_map_mut().and_then(|map| map.get_mut("services"));
    let Some(services) = services.and_then(Node::as_map_mut) else {
        return Ok(());
    };
    let local = Rc::new(File {
        place: String::new(),
        services: std::mem::take(services),
        resets: Rc::new(resets.clone()),
    });
    let mut resolved = Map::new();
    for (name, service) in &local.services {
        if service.get("extends").is_some() {
            let mut walk = Walk::new(session, files, name);
            let mut step = Some((Rc::clone(&local), name.clone()));
            while let Some((file, service)) = step {
                step = walk.take(&file, &service)?;
            }
            resolved.insert(name.clone(), fold(walk.session, walk.links));
        }
    }
    *services = Rc::unwrap_or_clone(local).services;
    services.extend(resolved);
    Ok(())
}

/// The way from a service to what it extends, and on.
struct Walk<'a, 'f> {
    session: &'a mut Session,
    files: &'a mut Files<'f>,
    root: &'a str,
    steps: Vec<String>,
    seen: BTreeSet<String>,
    links: Vec<Link>,
}

impl<'a, 'f> Walk<'a, 'f> {
    fn new(session: &'a mut Session, files: &'a mut Files<'f>, root: &'a str) -> Self {
        Self {
            session,
            files,
            root,
            steps: Vec::new(),
            seen: BTreeSet::new(),
            links: Vec::new(),
        }
    }

    /// Takes the service `name` of `file`, and gives what that extends.
    fn take(
        &mut self,
        file: &Rc<File>,
        name: &str,
    ) -> Result<Option<(Rc<File>, String)>, LoadError> {
        let Some(service) = file.services.get(name) else {
            if let Some(link) = self.links.last() {
                let message = format!(
                    "the service `{}` extends `{name}`, which does not exist",
                    link.name
                );
                self.session.warn(link.own.origin, message);
            }
            return Ok(None);
        };
        let step = format!("`{name}`{}", file.place);
        self.steps.push(step.clone());
        if !self.seen.insert(step) {
            let chain = std::mem::take(&mut self.steps);
            return Err(LoadError::ExtendsCycle { chain });
        }
        let mut own = self.session.copy(service)?;
        let extends = own.as_map_mut().and_then(|map| map.remove("extends"));
        let resets = Rc::clone(&file.resets);
        self.links.push(Link {
            name: name.to_owned(),
            own,
            resets,
        });
        let Some(target) = extends.and_then(|extends| target(self.session, extends)) else {
            return Ok(None);
        };
        let Some(node) = &target.file else {
            return Ok(Some((Rc::clone(file), target.service)));
        };
        let Some(path) = locate(self.session, node, self.root, name) else {
            return Ok(None);
        };
        let file = self.files.load(self.session, &path)?;
        Ok(Some((file, target.service)))
    }
}

/// Merges a chain, its last link first.
fn fold(session: &mut Session, mut chain: Vec<Link>) -> Node {
    let mut merged: Option<Node> = None;
    while let Some(link) = chain.pop() {
        merged = Some(match merged {
            Some(mut base) => {
                let mut path = vec!["services".to_owned(), link.name];
                link.resets.apply_at(&mut base, &["services", &path[1]]);
                merge(session, base, link.own, &mut path)
            }
            None => link.own,
        });
    }
    merged.unwrap_or_else(empty)
}

fn target(session: &mut Session, extends: Node) -> Option<Target> {
    let origin = extends.origin;
    let target = match extends.data {
        Data::Map(mut map) => {
            let file = map.remove("file").filter(|file| !file.is_null());
            let service = map.remove("service")?;
            service.scalar().map(|service| Target {
                service: service.to_owned(),
                file,
            })
        }
        Data::Text(service) => Some(Target {
            service,
            file: None,
        }),
        _ => None,
    };
    if target.is_none() {
        session.warn(
            origin,
            "`extends` wants a service's name or a mapping with `service`".to_owned(),
        );
    }
    target
}

/// The file that an `extends.file` names, if it is one that can be loaded.
fn locate(session: &mut Session, node: &Node, root: &str, service: &str) -> Option<PathBuf> {
    let text = node.scalar()?;
    if is_remote_file(text) {
        session.warn(
            node.origin,
            format!("`{text}` is not fetched; what it defines is not known"),
        );
        return None;
    }
    let path = session.resolve(text, node.origin);
    let named_by = format!("services.{service}.extends.file");
    let found = Found {
        path,
        role: Role::Extended,
        named_by: &named_by,
        required: true,
        origin: node.origin,
    };
    session.refer_from(root, &found);
    (!is_missing(&found.path)).then_some(found.path)
}

impl Files<'_> {
    fn load(&mut self, session: &mut Session, path: &PathBuf) -> Result<Rc<File>, LoadError> {
        if let Some(file) = self.cache.files.get(path) {
            return Ok(Rc::clone(file));
        }
        let own = path.parent().unwrap_or(path).to_owned();
        let model = self.scope.dir.clone();
        let documents = session.documents(path, Bases { own, model })?;
        let (mut model, resets) = build_plain(session, documents, &self.scope.env)?;
        let services = model.as_map_mut().and_then(|map| map.remove("services"));
        let services = match services.map(|node| node.data) {
            Some(Data::Map(services)) => services,
            _ => Map::new(),
        };
        let file = Rc::new(File {
            place: format!(" in `{}`", crate::text::path(path)),
            services,
            resets: Rc::new(resets),
        });
        self.cache.files.insert(path.clone(), Rc::clone(&file));
        Ok(file)
    }
}
