//! A finding as scripts get it with `--json`.

use serde::Serialize;

use crate::diagnostic::Finding;

/// One finding; docs/diagnostics.md explains the keys.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    code: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    file: Option<&'a str>,
    path: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    length: Option<usize>,
}

impl<'a> Row<'a> {
    /// The row of a finding.
    pub(super) fn of(finding: &'a Finding) -> Self {
        let place = finding.place.as_deref();
        Self {
            code: finding.code,
            message: &finding.message,
            help: finding.help.as_deref(),
            file: place.map(|place| place.source.name.as_str()),
            path: place.map(|place| place.path.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            length: place.map(|place| place.source.text[place.span.clone()].chars().count()),
        }
    }
}
