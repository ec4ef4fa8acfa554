//! What a file may not say though its form is right, and for which nobody has to look at the project.

use super::commands::{ExportRule, Exports, Hooks};
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
    exports(&file.exports, document, &KeyPath::default(), &mut found);
    hooks(&file.hooks, document, &KeyPath::default(), &mut found);
    target_sense::findings(file, document, &mut found);
    for (name, job) in &file.jobs {
        let path = KeyPath::new(["jobs", name]);
        found.extend(reserved(name, document, &path));
        if let Some(compression) = &job.compression {
            found.extend(level(compression, document, &path));
        }
        if let Some(rules) = &job.exports {
            exports(rules, document, &path, &mut found);
        }
        if let Some(rules) = &job.hooks {
            hooks(rules, document, &path, &mut found);
        }
        if let Some(to) = &job.to {
            unknown_targets(to, document, &path.join("to"), &mut found);
        }
    }
    found
}

fn level(settings: &CompressionSettings, document: &Document, job: &KeyPath) -> Option<Finding> {
    let compression = Compression {
        level: settings.level,
        ..Compression::new(settings.codec?)
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

/// A hook has one place and at least one command.
fn hooks(rules: &Hooks, document: &Document, job: &KeyPath, found: &mut Vec<Finding>) {
    for (index, rule) in rules.iter().enumerate() {
        let path = job.join("hooks").join(index);
        let wrong = match (&rule.service, rule.on_host) {
            (None, false) => Some((
                "it has no place",
                "write `service: NAME`, or `on_host: true`",
            )),
            (Some(_), true) => Some(("it has two places", "remove `service` or `on_host`")),
            (None, true) if rule.user.is_some() => Some((
                "it has a `user`, and commands on this machine run as whoever runs this program",
                "remove the key, or write a command that changes the user",
            )),
            _ if rule.before.is_none() && rule.after.is_none() => {
                Some(("it has no command", "write `before`, `after`, or both"))
            }
            _ => None,
        };
        found.extend(wrong.map(|(what, help)| {
            let message = format!("the hook says too little or too much: {what}");
            let finding = document.finding("config::hook", message, (&path, Part::Value));
            finding.with_help(help)
        }));
    }
}

fn exports(rules: &Exports, document: &Document, job: &KeyPath, found: &mut Vec<Finding>) {
    for (service, exports) in rules {
        for (name, rule) in exports {
            let path = job.join("exports").join(service).join(name);
            found.extend(export(rule, document, &path));
        }
    }
}

/// An export has a preset or a command, and a preset's file where it is about one.
fn export(rule: &ExportRule, document: &Document, path: &KeyPath) -> Option<Finding> {
    let complain = |message: String, at: (&KeyPath, Part), help: &str| {
        let finding = document.finding("config::export", message, at);
        Some(finding.with_help(help))
    };
    let is_file = rule.preset.is_some_and(|preset| preset.is_file);
    let superfluous = match (&rule.command, &rule.load) {
        (Some(_), _) => Some("command"),
        (None, Some(_)) => Some("load"),
        (None, None) => None,
    };
    match (rule.preset, superfluous) {
        (None, None | Some("load")) => complain(
            "the export has no command".to_owned(),
            (path, Part::Key),
            "write a `command`, or a `preset` for a database whose commands are known",
        ),
        (Some(preset), Some(key)) => complain(
            format!("the preset `{}` has a `{key}` of its own", preset.name()),
            (&path.join(key), Part::Key),
            "remove one of the two keys",
        ),
        (Some(preset), None) if is_file && rule.database.is_none() => complain(
            format!(
                "the preset `{}` needs to know the database's file",
                preset.name()
            ),
            (&path.join("preset"), Part::Value),
            "add its path in the container: `database: /data/app.db`",
        ),
        _ if rule.database.is_some() && !is_file => complain(
            "`database` is for the preset `sqlite` alone".to_owned(),
            (&path.join("database"), Part::Key),
            "remove the key",
        ),
        _ => None,
    }
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
