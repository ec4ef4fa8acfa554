//! Interpolates the values of a document in place.

use super::dotenv::describe;
use super::env::Env;
use super::session::Session;
use super::template;
use crate::yaml::node::{Data, Node};

/// Replaces variables in every string of `node`, keys excepted. What cannot be replaced stays, with
/// a warning.
pub(super) fn interpolate(session: &mut Session, node: &mut Node, env: &Env) {
    match &mut node.data {
        Data::Text(text) if text.contains('$') => {
            let expanded = template::expand(text, &|name| env.lookup(name));
            *text = expanded.text;
            for problem in &expanded.problems {
                session.warn(node.origin, describe(problem));
            }
        }
        Data::List(items) => {
            for item in items {
                interpolate(session, item, env);
            }
        }
        Data::Map(map) => {
            for value in map.values_mut() {
                interpolate(session, value, env);
            }
        }
        Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
    }
}
