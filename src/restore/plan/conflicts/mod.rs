//! What speaks against a restore. All of it is found before anything is touched, and shown at once.

mod containers;
mod standing;
mod volumes;

use super::model::{Conflict, NO_ENGINE, Plan, VolumePlan};
use crate::engine::model::is_id;
use crate::restore::facts::Facts;
use crate::restore::request::Request;

/// Everything that is in the way.
pub(super) fn find(request: &Request, facts: &Facts, plan: &Plan) -> Vec<Conflict> {
    let mut found = Vec::new();
    standing::differing(request, plan, &mut found);
    standing::no_folders(facts, plan, &mut found);
    no_engine(request, facts, plan, &mut found);
    if let Ok(engine) = &facts.engine {
        standing::unknown_content(engine, plan, &mut found);
        containers::users(facts, engine, plan, &mut found);
        volumes::external(request, facts, engine, plan, &mut found);
        volumes::unfaithful(engine, plan, &mut found);
        containers::made_anew(facts, engine, plan, &mut found);
        volumes::shared_by_copies(request, facts, plan, &mut found);
        volumes::hidden_options(engine, plan, &mut found);
    }
    found
}

/// Volumes cannot be put back without an engine.
fn no_engine(request: &Request, facts: &Facts, plan: &Plan, found: &mut Vec<Conflict>) {
    let Err(why) = &facts.engine else { return };
    let wants_volumes = facts
        .chosen()
        .any(|member| super::select::name(&member.source).is_some());
    if wants_volumes {
        found.push(conflict(
            NO_ENGINE,
            format!("the dump's volumes need an engine, and none answers: {why}"),
            "start the engine, name another one with `-H`, or leave the volumes out with `--config --mounted`",
        ));
    } else if request.start && !plan.start.services.is_empty() {
        found.push(conflict(
            NO_ENGINE,
            format!("no engine answers that could start the services: {why}"),
            "start the engine, or say `--no-start`",
        ));
    }
}

/// A volume for a message: `db` (`blog_db`).
fn title(row: &VolumePlan) -> String {
    match row.volume.real_name() {
        Some(name) if name != row.name && !is_id(name) => {
            format!("`{}` (`{name}`)", row.name)
        }
        _ => format!("`{}`", row.name),
    }
}

fn conflict(code: &'static str, what: String, help: &str) -> Conflict {
    Conflict {
        code,
        what,
        help: help.to_owned(),
    }
}
