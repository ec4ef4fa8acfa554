//! Puts layers on one another: the documents of one file after the other become one model.

use std::path::PathBuf;

use super::env::Env;
use super::interpolate::interpolate;
use super::merge::merge;
use super::session::Session;
use super::tags::Resets;
use super::{LoadError, extends, include, top_level, unicity};
use crate::yaml::node::{Data, Map, Node, Origin};

/// What the files of one model have in common: the project, or one `include`.
#[derive(Debug)]
pub(super) struct Scope {
    /// The project directory.
    pub(super) dir: PathBuf,
    /// The variables.
    pub(super) env: Env,
    /// The main files of the includes that lead here, the outermost first.
    pub(super) including: Vec<PathBuf>,
}

/// Builds the model of `documents`, includes and extends resolved.
///
/// # Errors
/// As [`top_level::check`], [`include::load`] and [`extends::apply`].
pub(super) fn build(
    session: &mut Session,
    documents: Vec<Node>,
    scope: &Scope,
) -> Result<Node, LoadError> {
    let mut model = empty();
    let mut extended = extends::Cache::default();
    for mut layer in documents {
        if !top_level::check(session, &layer)? {
            continue;
        }
        interpolate(session, &mut layer, &scope.env);
        let resets = Resets::take(&mut layer);
        if let Some(mut included) = include::load(session, &mut layer, scope)? {
            resets.apply(&mut included);
            layer = merge(session, included, layer, &mut Vec::new());
        }
        resets.apply(&mut model);
        extends::apply(session, &mut layer, &resets, &mut extended.with(scope))?;
        model = merge(session, model, layer, &mut Vec::new());
        unicity::enforce(session, &mut model);
    }
    Ok(model)
}

/// Builds the model of a file that is only there to be extended: neither its `include` nor its
/// `extends` are looked at. Also gives what its layers reset.
///
/// # Errors
/// As [`top_level::check`].
pub(super) fn build_plain(
    session: &mut Session,
    documents: Vec<Node>,
    env: &Env,
) -> Result<(Node, Resets), LoadError> {
    let mut model = empty();
    let mut all = Resets::default();
    for mut layer in documents {
        if !top_level::check(session, &layer)? {
            continue;
        }
        interpolate(session, &mut layer, env);
        let resets = Resets::take(&mut layer);
        resets.apply(&mut model);
        all.extend(resets);
        model = merge(session, model, layer, &mut Vec::new());
        unicity::enforce(session, &mut model);
    }
    Ok((model, all))
}

/// A model without anything in it.
pub(super) fn empty() -> Node {
    let origin = Origin {
        source: 0,
        ordinal: 0,
    };
    Node::new(Data::Map(Map::new()), origin)
}
