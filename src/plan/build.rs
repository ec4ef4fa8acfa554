//! The planner: a pure function from what was asked for and what is there to a plan.

use crate::archive::manifest::model::LeftOut;
use crate::config::identity::Identity;
use crate::config::settings::ReaderChoice;
use crate::diagnostic::Finding;

use super::contents::Rows;
use super::facts::{EngineFacts, Facts};
use super::hold::{self, Content, HeldPath};
use super::model::{EnginePlan, Plan, ProjectPlan, ReaderPlan, Scope, TreePlan, VolumePlan};
use super::owners::Owners;
use super::request::{self, Request, Selection};
use super::targets::{self, Load};
use super::{
    config, contents, coverage, exports, hooks, missing, mounted, spool, volumes, warnings,
};

/// Makes the plan.
///
/// # Errors
/// Everything that has to be changed before the job can run, all at once.
pub fn build(request: &Request, facts: &Facts) -> Result<Plan, Vec<Finding>> {
    let mut findings = request::unknown_services(request, &facts.project);
    let selection = Selection::new(request, &facts.project);
    let owners = Owners::new(request, facts, &selection);
    let (config, config_trees) = config::plan(request, facts, &selection, &owners);
    let (mounted, mounted_trees) = mounted::plan(request, facts, &selection, &owners);
    let exports = exports::plan(request, facts, &selection);
    let mut volumes = volumes::plan(request, facts, &selection);
    exports::supersede(request, facts, &exports, &mut volumes);
    let content = Content {
        volumes: &volumes,
        paths: HeldPath::of_trees(facts, &mounted_trees),
    };
    let hold = hold::plan(request, facts, &content);
    let trees: Vec<TreePlan> = config_trees.into_iter().chain(mounted_trees).collect();

    // Nothing is left because of a name that does not exist: that is one mistake, not two.
    if findings.is_empty() {
        let rows = Rows {
            config: &config,
            mounted: &mounted,
            volumes: &volumes,
            exports: &exports,
        };
        let left_out = contents::left_out(&rows, &[], &facts.project.dir);
        let members = contents::members(&trees, &volumes, &exports);
        findings.extend(nothing_to_do(request, facts, &members, &left_out));
    }
    findings.extend(reader_findings(request, &volumes));
    findings.extend(spool_dir(facts));
    findings.extend(hold::no_freezer(facts, &hold));
    if request.covered_only {
        findings.extend(coverage::uncovered(request, facts, &selection, &volumes));
    }
    let load = Load {
        volumes: &volumes,
        exports: &exports,
        trees: &trees,
        hold: &hold,
    };
    let targets = targets::plan(request, facts, &load, &mut findings);
    let volumes_at_once = spool::volumes_at_once(request, &load);
    if !findings.is_empty() {
        return Err(findings);
    }
    let identity = Identity::new(
        request.settings.host.as_deref().unwrap_or(&facts.host),
        &facts.project.name,
        &facts.project.dir,
    );
    let rows = Rows {
        config: &config,
        mounted: &mounted,
        volumes: &volumes,
        exports: &exports,
    };
    let mut warnings = warnings::of(request, facts, &hold, (&trees, &volumes));
    warnings.extend(exports::warnings(&exports));
    let hooks = hooks::plan(request, facts);
    warnings.extend(hooks::warnings(&hooks));
    Ok(Plan {
        members: contents::members(&trees, &volumes, &exports),
        left_out: contents::left_out(&rows, &trees, &facts.project.dir),
        job: request.job.clone(),
        warnings,
        missing: missing::plan(request, facts, &volumes),
        project: ProjectPlan {
            id: identity.id(),
            identity,
            folder: facts.project.dir.clone(),
            compose_files: facts.project.compose_files.clone(),
        },
        engine: facts.engine.as_ref().ok().map(engine_plan),
        no_engine: facts.engine.as_ref().err().cloned(),
        scopes: scopes(request),
        services: request.services().to_vec(),
        strict: request.settings.strict,
        shrink_guard: request.settings.shrink_guard,
        config,
        mounted,
        volumes,
        exports,
        hooks,
        hold,
        targets,
        volumes_at_once,
        spool_dir: facts.spool_dir.clone(),
        trees,
    })
}

/// The scopes in the order of a run, each once.
fn scopes(request: &Request) -> Vec<Scope> {
    let wanted = |scope: &Scope| request.wants(*scope);
    Scope::ALL.into_iter().filter(wanted).collect()
}

/// Every run needs temporary files, and has to know in time that there is no place for them.
fn spool_dir(facts: &Facts) -> Option<Finding> {
    let place = facts.places.get(&facts.spool_dir)?;
    if place.is_folder {
        return None;
    }
    let message = format!(
        "`{}`, the folder for temporary files, is no folder",
        crate::text::path(&facts.spool_dir)
    );
    let finding = Finding::new("plan::spool_dir", message);
    Some(finding.with_help("make it, or name another one with the setting `spool.dir`"))
}

/// `reader: direct` promises what the engine reader does not keep: say where it cannot be.
fn reader_findings(request: &Request, volumes: &[VolumePlan]) -> Vec<Finding> {
    if request.settings.reader != ReaderChoice::Direct {
        return Vec::new();
    }
    let refused = volumes.iter().filter_map(|volume| match &volume.reader {
        Some(ReaderPlan::Engine { because }) => Some((volume, because)),
        _ => None,
    });
    refused
        .map(|(volume, because)| {
            Finding::new(
                "plan::reader",
                format!(
                    "the volume `{}` cannot be read directly{}: {because}",
                    volume.kind,
                    request.said_by("reader")
                ),
            )
            .with_help("let the setting `reader` be `auto`")
        })
        .collect()
}

/// The end of the reason of everything in a scope that is not dumped.
const NOT_ASKED_FOR: &str = "was not asked for";

/// The first reasons, where a plan that could be looked at does not come about.
fn why_nothing(left_out: &[LeftOut]) -> String {
    const SHOWN: usize = 5;
    let row = |row: &LeftOut| format!("{}: {}", row.what, row.reason);
    let asked_for = |row: &&LeftOut| !row.reason.ends_with(NOT_ASKED_FOR);
    let wanted = left_out.iter().filter(asked_for);
    let rows: Vec<String> = wanted.clone().take(SHOWN).map(row).collect();
    match (rows.is_empty(), wanted.count() > SHOWN) {
        (true, _) => "the project has nothing of the kind".to_owned(),
        (false, more) => format!(
            "left out are {}{}",
            rows.join("; "),
            if more { "; and more" } else { "" }
        ),
    }
}

/// An empty dump must not look like a good one.
fn nothing_to_do(
    request: &Request,
    facts: &Facts,
    members: &[String],
    left_out: &[LeftOut],
) -> Option<Finding> {
    if !members.is_empty() {
        return None;
    }
    let scopes = scopes(request);
    let only_exports = scopes.iter().all(|&scope| scope == Scope::Exports);
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
    let help = if only_exports && request.rules.exports.is_empty() {
        "declare exports in a compose-dump.yml: `exports: {db: {all.sql: {preset: postgres}}}`"
            .to_owned()
    } else {
        why_nothing(left_out)
    };
    Some(
        Finding::new(
            "plan::nothing",
            format!(
                "nothing of the project `{}` is in the scope {}",
                facts.project.name,
                scopes.join(", ")
            ),
        )
        .with_help(help),
    )
}

fn engine_plan(engine: &EngineFacts) -> EnginePlan {
    EnginePlan {
        endpoint: engine.endpoint.clone(),
        version: engine.daemon.server_version.clone(),
        api_version: engine.daemon.api_version.clone(),
        direct: match &engine.local {
            Ok(()) => "its volumes lie on this machine".to_owned(),
            Err(why) => why.clone(),
        },
    }
}
