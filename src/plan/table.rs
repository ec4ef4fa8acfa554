//! The plan for the eye: what is taken, what is not and why, who is held, where it goes.

use crate::config::job_file::target::TargetFormat;
use crate::engine::model::short;
use crate::page::{Page, Row};
use crate::text;

use super::model::{
    Decision, ExportPlan, HookPlan, PathPlan, Plan, ReaderPlan, SpoolWhat, TargetKind, TargetPlan,
    VolumePlan, Window,
};

/// The plan as text, lines ended by `\n`.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut page = Page::default();
    head(&mut page, plan);
    section(&mut page, "Config", plan.config.iter().map(path_row));
    section(&mut page, "Mounted", plan.mounted.iter().map(path_row));
    section(&mut page, "Volumes", plan.volumes.iter().map(volume_row));
    if !plan.exports.is_empty() {
        section(&mut page, "Exports", plan.exports.iter().map(export_row));
    }
    if !plan.hooks.is_empty() {
        page.line("\nHooks");
        page.rows(&plan.hooks.iter().map(hook_row).collect::<Vec<_>>());
    }
    held(&mut page, plan);
    targets(&mut page, plan);
    page.warnings(&plan.warnings);
    page.text
}

fn head(page: &mut Page, plan: &Plan) {
    page.line(&format!(
        "Project {} in {}",
        plan.project.identity.name,
        text::path(&plan.project.folder)
    ));
    match &plan.engine {
        Some(engine) => page.line(&format!(
            "Engine  {} (API {}) at {}; {}",
            engine.version, engine.api_version, engine.endpoint, engine.direct
        )),
        None => page.line(&format!(
            "Engine  none: {}",
            plan.no_engine.as_deref().unwrap_or("not asked")
        )),
    }
    if plan.job != "manual" {
        page.line(&format!("Job     {}", plan.job));
    }
    let scopes: Vec<&str> = plan.scopes.iter().map(|scope| scope.name()).collect();
    page.line(&format!("Scopes  {}", scopes.join(", ")));
    if !plan.services.is_empty() {
        page.line(&format!("Services {}", plan.services.join(", ")));
    }
    if plan.strict {
        page.line("Strict  a dump with gaps is not published");
    }
}

fn section(page: &mut Page, title: &str, rows: impl Iterator<Item = Row>) {
    let rows: Vec<Row> = rows.collect();
    let taken = rows.iter().filter(|row| row.mark == '+').count();
    let left_out = rows.len() - taken;
    page.line(&format!("\n{title}: {taken} taken, {left_out} left out"));
    page.rows(&rows);
}

fn held(page: &mut Page, plan: &Plan) {
    page.line("\nHeld still");
    let hold = &plan.hold;
    if !hold.holds_somebody() {
        page.line("    nobody");
    } else if hold.window == Window::Volume {
        page.line("    one volume after the other, with those that can write to it");
    }
    if let Some(span) = hold.max_downtime {
        page.line(&format!(
            "    at most {span}; the run fails rather than hold longer"
        ));
    }
    let mut rows = Vec::new();
    for held in hold.stop.iter().chain(&hold.pause) {
        rows.push(Row {
            mark: '+',
            cells: vec![
                held.name.clone(),
                held.how.to_string(),
                format!("for {}", held.uses.join(", ")),
            ],
        });
    }
    for held in &hold.paused {
        rows.push(Row {
            mark: '+',
            cells: vec![
                held.name.clone(),
                "paused".into(),
                format!("already, by somebody else; for {}", held.uses.join(", ")),
            ],
        });
    }
    for container in &hold.go_on {
        rows.push(Row {
            mark: '-',
            cells: vec![
                container.name.clone(),
                "goes on".into(),
                container.why.clone(),
            ],
        });
    }
    page.rows(&rows);
}

fn targets(page: &mut Page, plan: &Plan) {
    page.line("\nTargets");
    for target in &plan.targets {
        // What `-t` says is in the path already; the name of a declared target is not.
        let named = !place(&target.kind).ends_with(&target.name);
        let name = named.then(|| format!("{}: ", target.name));
        let spare = if target.required {
            ""
        } else {
            "; not required"
        };
        page.line(&format!(
            "  > {}{}{spare}",
            name.unwrap_or_default(),
            target_line(plan, target)
        ));
        if let Some(keep) = &target.keep {
            page.line(&format!(
                "      keeps {keep} of the job's dumps; none is removed for one that has less than {} of the last one's content",
                plan.shrink_guard
            ));
        }
        let spooled = match target.spool.what {
            SpoolWhat::Nothing => None,
            SpoolWhat::UnknownSize => Some("members of unknown size first go"),
            SpoolWhat::Beside => Some("volumes that are read beside another one first go"),
            SpoolWhat::WhileHeld => Some("what is read while services are held first goes"),
        };
        if let (Some(what), Some(why)) = (spooled, &target.spool.why) {
            let free = free(target.spool.free);
            page.line(&format!(
                "      {what} to {}{free}: {why}",
                text::path(&target.spool.dir)
            ));
        }
    }
}

fn target_line(plan: &Plan, target: &TargetPlan) -> String {
    let codec = target.compression.codec;
    let compression = if codec.extension().is_empty() {
        "not compressed".to_owned()
    } else {
        format!(
            "{codec} (up to {} of memory)",
            text::bytes(target.codec_memory)
        )
    };
    let name = |pattern: &crate::config::dump_name::DumpName| {
        pattern.preview(&plan.project.identity, &plan.job)
    };
    let mut free = free(target.free);
    if target.will_be_created {
        free.push_str(", which will be created");
    }
    match &target.kind {
        TargetKind::Folder { path, dump_name } => {
            format!(
                "tree `{}` in {}{free}, volumes {compression}",
                name(dump_name),
                text::path(path)
            )
        }
        TargetKind::Archives { path, dump_name } => {
            format!(
                "archive `{}{}` in {}{free}, {compression}",
                name(dump_name),
                codec.tar_extension(),
                text::path(path)
            )
        }
        TargetKind::Archive { path } => {
            format!("archive {}{free}, {compression}", text::path(path))
        }
        TargetKind::Store {
            url,
            format: TargetFormat::Directory,
            dump_name,
            ..
        } => format!(
            "objects below `{}` in {url}, {compression}",
            name(dump_name)
        ),
        TargetKind::Store {
            url,
            format: TargetFormat::Archive,
            dump_name,
            ..
        } => format!(
            "archive `{}{}` in {url}, {compression}",
            name(dump_name),
            codec.tar_extension()
        ),
        TargetKind::Stdout => format!("archive to standard output, {compression}"),
    }
}

/// A target as the command line names it.
fn place(kind: &TargetKind) -> String {
    match kind {
        TargetKind::Folder { path, .. }
        | TargetKind::Archives { path, .. }
        | TargetKind::Archive { path } => text::path(path),
        TargetKind::Store { url, .. } => url.to_string(),
        TargetKind::Stdout => "-".to_owned(),
    }
}

fn free(bytes: Option<u64>) -> String {
    bytes
        .map(|bytes| format!(" ({} free)", text::bytes(bytes)))
        .unwrap_or_default()
}

fn path_row(row: &PathPlan) -> Row {
    let size = row.bytes.map(text::bytes).unwrap_or_default();
    Row {
        mark: mark(row.decision.taken),
        cells: vec![
            row.path.clone(),
            row.kind.to_owned(),
            size,
            why(&row.decision, &row.exclude),
        ],
    }
}

fn volume_row(row: &VolumePlan) -> Row {
    let reader = match &row.reader {
        Some(ReaderPlan::Direct { .. }) => "direct".to_owned(),
        Some(ReaderPlan::Engine { because }) => format!("engine ({because})"),
        None => String::new(),
    };
    let name = row.name.as_deref().unwrap_or_default();
    Row {
        mark: mark(row.decision.taken),
        cells: vec![
            row.kind.to_string(),
            short(name).to_owned(),
            reader,
            why(&row.decision, &row.exclude),
        ],
    }
}

fn hook_row(row: &HookPlan) -> Row {
    let place = match (&row.container, &row.service) {
        (Some(container), _) => format!("in {container}"),
        (None, Some(service)) => format!("in no container: none of `{service}` runs"),
        (None, None) => "on this machine".to_owned(),
    };
    let which = match (row.has_before, row.has_after) {
        (true, true) => "before and after",
        (true, false) => "before",
        (false, _) => "after",
    };
    Row {
        mark: '+',
        cells: vec![format!("hooks[{}]", row.index), which.to_owned(), place],
    }
}

/// What is run is not shown: its words may hold passwords.
fn export_row(row: &ExportPlan) -> Row {
    let what = match row.preset {
        Some(preset) => format!("preset {preset}"),
        None => "command".to_owned(),
    };
    let place = match (&row.container, row.decision.taken) {
        (Some(container), true) => format!("in {container}"),
        (None, true) => "in no container: none runs".to_owned(),
        (_, false) => String::new(),
    };
    let why = if row.has_load {
        row.decision.why.clone()
    } else {
        format!("{}, without `load`", row.decision.why)
    };
    Row {
        mark: mark(row.decision.taken),
        cells: vec![format!("{}/{}", row.service, row.name), what, place, why],
    }
}

fn why(decision: &Decision, exclude: &[String]) -> String {
    if exclude.is_empty() {
        decision.why.clone()
    } else {
        format!("{}, without {}", decision.why, exclude.join(" "))
    }
}

const fn mark(taken: bool) -> char {
    if taken { '+' } else { '-' }
}
