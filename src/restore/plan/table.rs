//! The plan of a restore for the eye.

use super::model::{Does, MountedPlan, Plan, VolumePlan, Writer};
use crate::engine::model::short;
use crate::page::{Page, Row};
use crate::text;

/// The plan as text, lines ended by `\n`.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut page = Page::default();
    head(&mut page, plan);
    files(&mut page, plan);
    table(&mut page, "Mounted", plan.mounted.iter().map(mounted_row));
    table(&mut page, "Volumes", plan.volumes.iter().map(volume_row));
    let exports = plan.exports.iter().map(|row| Row {
        mark: '+',
        cells: vec![
            format!("{}/{}", row.service, row.name),
            "loaded when the service runs".to_owned(),
            text::bytes(row.bytes),
        ],
    });
    table(&mut page, "Exports", exports);
    let left_out = plan.left_out.iter().map(|row| Row {
        mark: '-',
        cells: vec![row.what.clone(), row.why.clone()],
    });
    table(&mut page, "Left out", left_out);
    services(&mut page, plan);
    if !plan.conflicts.is_empty() {
        page.line("\nIn the way");
        for conflict in &plan.conflicts {
            page.line(&format!("  ! {}", conflict.what));
            page.line(&format!("      {}", conflict.help));
        }
    }
    page.warnings(&plan.warnings);
    page.text
}

fn head(page: &mut Page, plan: &Plan) {
    let dump = &plan.dump;
    page.line(&format!(
        "Dump    {} of {} on {}, {:.0}{}",
        dump.id,
        dump.project,
        dump.host,
        dump.invoked,
        if dump.complete { "" } else { ", not complete" }
    ));
    let folder = text::path(&plan.folder);
    page.line(&format!("Project {} in {folder}", plan.project));
    match &plan.engine {
        Some(engine) => page.line(&format!(
            "Engine  {} at {}",
            engine.version, engine.endpoint
        )),
        None => page.line(&format!(
            "Engine  none: {}",
            plan.no_engine.as_deref().unwrap_or("not asked")
        )),
    }
}

fn files(page: &mut Page, plan: &Plan) {
    if let Some(config) = &plan.config {
        page.line(&format!(
            "\nConfig: {} to create, {} to replace, {} as they are",
            config.create, config.replace, config.keep
        ));
        let differing = config.differing.iter().map(|path| Row {
            mark: mark(Does::Replace),
            cells: vec![path.clone(), Does::Replace.word().to_owned()],
        });
        page.rows(&differing.collect::<Vec<_>>());
    }
    let written = plan.writes.iter().map(|row| Row {
        mark: '+',
        cells: vec![row.path.clone(), row.what.clone()],
    });
    table(page, "Written beside", written);
}

fn table(page: &mut Page, title: &str, rows: impl Iterator<Item = Row>) {
    let rows: Vec<Row> = rows.collect();
    if !rows.is_empty() {
        page.line(&format!("\n{title}"));
        page.rows(&rows);
    }
}

fn mounted_row(row: &MountedPlan) -> Row {
    Row {
        mark: mark(row.does),
        cells: vec![
            row.path.clone(),
            row.does.word().to_owned(),
            text::bytes(row.bytes),
        ],
    }
}

fn volume_row(row: &VolumePlan) -> Row {
    let name = row.volume.real_name().unwrap_or("(of its container)");
    let writer = match &row.writer {
        Writer::Direct => "direct".to_owned(),
        Writer::Engine(because) => format!("engine ({because})"),
    };
    Row {
        mark: mark(row.does),
        cells: vec![
            row.name.clone(),
            short(name).to_owned(),
            row.does.word().to_owned(),
            text::bytes(row.bytes),
            writer,
            if row.unfinished {
                "left half written by a restore that was cut off".to_owned()
            } else {
                String::new()
            },
        ],
    }
}

fn services(page: &mut Page, plan: &Plan) {
    let stopped = plan.stop.iter().map(|row| Row {
        mark: '+',
        cells: vec![row.name.clone(), format!("for {}", row.uses.join(", "))],
    });
    table(page, "Stopped first", stopped);
    let start = &plan.start;
    let removed = start.remove.iter().map(|row| Row {
        mark: '~',
        cells: vec![row.name.clone(), "its volume is made anew".to_owned()],
    });
    table(page, "Containers made anew", removed);
    page.line("\nStarted at the end, in this order");
    if start.services.is_empty() {
        page.line("    nobody");
    }
    let compose = match (&start.compose, &plan.engine) {
        (Some(program), _) => format!("`{program} up --no-start`"),
        (None, Some(_)) => "Compose, which is not installed".to_owned(),
        // Compose is looked for only where an engine answers.
        (None, None) => "Compose".to_owned(),
    };
    let started = start.services.iter().map(|service| {
        let how = if start.create.contains(service) {
            format!("its container is made by {compose}")
        } else if start.recreate {
            format!("brought up to date by {compose}")
        } else {
            "its container is there".to_owned()
        };
        Row {
            mark: '+',
            cells: vec![service.clone(), how],
        }
    });
    page.rows(&started.collect::<Vec<_>>());
}

const fn mark(does: Does) -> char {
    match does {
        Does::Create | Does::Fill => '+',
        Does::Replace => '~',
    }
}
