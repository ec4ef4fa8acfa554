//! What a file may not say though its form is right, and for which nobody has to look at the project.

use super::document::{Document, Part};
use super::key_path::KeyPath;
use super::model::JobFile;
use super::target_sense;
use crate::codecs::Compression;
use crate::config::settings::CompressionSettings;
use crate::diagnostic::{Finding, did_you_mean};

/// Names of jobs that mean something else.
const RESERVED: [(&str, &str); 2] = [
    ("default", "the keys at the top level of the file"),
    ("manual", "what `backup` runs"),
];

/// Everything of the kind, in the order of the keys.
pub(super) fn findings(file: &JobFile, document: &Document) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(level(&file.compression, document, &KeyPath::default()));
    target_sense::findings(file, document, &mut found);
    for (name, job) in &file.jobs {
        let path = KeyPath::new(["jobs", name]);
        found.extend(reserved(name, document, &path));
        if let Some(compression) = &job.compression {
            found.extend(level(compression, document, &path));
        }
        if let Some(to) = &job.to {
            unknown_targets(to, document, &path.join("to"), &mut found);
        }
    }
    found
}

fn level(settings: &CompressionSettings, document: &Document, job: &KeyPath) -> Option<Finding> {
    let compression = Compression {
        codec: settings.codec?,
        level: settings.level,
        threads: settings.threads,
    };
    let error = compression.check().err()?;
    let path = job.join("compression").join("level");
    let levels = compression.codec.levels()?;
    let finding = document.finding("config::level", error.to_string(), (&path, Part::Value));
    Some(finding.with_help(format!(
        "write a level from {} to {}",
        levels.start(),
        levels.end()
    )))
}

fn reserved(name: &str, document: &Document, path: &KeyPath) -> Option<Finding> {
    let (_, meaning) = RESERVED.iter().find(|(reserved, _)| *reserved == name)?;
    let finding = document.finding(
        "config::reserved_job",
        format!("no job can be called `{name}`: that is {meaning}"),
        (path, Part::Key),
    );
    Some(finding.with_help("give the job another name"))
}

fn unknown_targets(to: &[String], document: &Document, path: &KeyPath, found: &mut Vec<Finding>) {
    let known = document.keys_of(&KeyPath::new(["targets"]));
    for (index, name) in to.iter().enumerate() {
        if name.is_empty() || known.contains(&name.as_str()) {
            continue;
        }
        let message = format!("there is no target `{}`", name.escape_debug());
        let finding = document.finding(
            "config::unknown_target",
            message,
            (&path.join(index), Part::Value),
        );
        found.push(
            finding.with_help(match did_you_mean(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "declare it under `targets`".to_owned(),
                None => format!("the targets are {}", known.join(", ")),
            }),
        );
    }
}
