//! `check` and `schema`: what is wrong with a `compose-dump.yml`, without an engine.

use super::args::{CheckArgs, Global, SchemaArgs, SchemaName};
use super::declared::{self, Declared};
use super::edge::CommandError;
use super::finding_row::Row;
use super::talk;
use super::working_folder::working_folder;
use crate::config::job_file;
use crate::exit::Exit;

/// Looks at the file, and at the project as far as its files tell.
pub(super) fn check(global: &Global, args: &CheckArgs) -> Result<Exit, CommandError> {
    let cwd = working_folder(global)?;
    let source = declared::source(global, &cwd);
    let checked = Declared::load(global, &cwd, &source).and_then(|declared| {
        // What a wrong rule was meant to cover is not known, so this comes after the others.
        if args.strict {
            declared.uncovered()
        } else {
            Ok(())
        }
    });
    let findings = checked.err().unwrap_or_default();
    if args.json {
        let rows: Vec<Row<'_>> = findings.iter().map(Row::of).collect();
        talk::print_json(&rows).map_err(CommandError::Print)?;
        return Ok(if rows.is_empty() {
            Exit::Done
        } else {
            Exit::Rejected
        });
    }
    if !findings.is_empty() {
        return Err(findings.into());
    }
    talk::print(&format!("{}: nothing to complain about\n", source.name()))
        .map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

/// Prints a schema.
pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, CommandError> {
    let schema = match args.name {
        SchemaName::Config => job_file::SCHEMA,
        SchemaName::Manifest => crate::archive::manifest::SCHEMA,
    };
    talk::print(schema).map_err(CommandError::Print)?;
    Ok(Exit::Done)
}
