//! Something that is wrong with the form of the file, before its place is looked for.

use crate::config::job_file::document::{Document, Part};
use crate::config::job_file::key_path::KeyPath;
use crate::diagnostic::Finding;

/// Something that is wrong with the form.
#[derive(Debug)]
pub(in super::super) struct Complaint {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// What it is about.
    pub(in super::super) path: KeyPath,
    pub(super) part: Part,
    /// What has to go so that the rest is right.
    pub(in super::super) removed: KeyPath,
}

impl Complaint {
    /// Without help; what is wrong is what it is about.
    pub(super) fn new(code: &'static str, message: String, path: KeyPath, part: Part) -> Self {
        Self {
            code,
            message,
            help: None,
            removed: path.clone(),
            path,
            part,
        }
    }

    /// The same with a sentence that says what to do.
    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With its place.
    pub(in super::super) fn finding(&self, document: &Document) -> Finding {
        let finding = document.finding(self.code, self.message.clone(), (&self.path, self.part));
        match &self.help {
            Some(help) => finding.with_help(help.clone()),
            None => finding,
        }
    }
}
