//! `init`: the first `compose-dump.yml` of a project, made from what its Compose files say.
//!
//! `contents` gives each mount and volume its rule, `databases` knows what to say of some services,
//! `lines` and `scalar` write YAML; [`job_file()`] is the whole text, and pure. [`write_new()`] puts it
//! beside the Compose file. That the text passes `check --strict` is the caller's to see.

mod contents;
mod databases;
mod lines;
mod scalar;
mod write;

use std::path::Path;

pub use write::{NewFile, WriteError, write_new};

use crate::compose::Project;
use crate::config::job_file::model::ProjectRules;
use crate::config::presets::Preset;
use lines::{Line, lines};
use scalar::{in_comment, scalar, value};

/// The schema beside the file, for editors.
pub const SCHEMA_NAME: &str = "compose-dump.schema.json";

/// Where dumps may go, the first one that is outside of the project.
const PLACES: [&str; 3] = [
    "/var/backups/compose-dump",
    "/srv/backups/compose-dump",
    "/backup/compose-dump",
];

/// The file for `project`, which was found as `given` says: that is written down, too.
#[must_use]
pub fn job_file(project: &Project, given: &ProjectRules) -> String {
    [
        head(project),
        place(given),
        what(project),
        mounted(project),
        volumes(project),
        exports(project),
        pause(project),
        targets(project),
        jobs(),
    ]
    .concat()
}

fn head(project: &Project) -> String {
    format!(
        "\
# yaml-language-server: $schema=./{SCHEMA_NAME}
#
# What is dumped of the project {name}, and where to. `compose-dump plan` shows what that comes to;
# `compose-dump check --strict` fails when the Compose files have something new that is not in here.
version: 1
",
        name = in_comment(&project.name)
    )
}

/// What options said, so that nobody has to say it again.
fn place(given: &ProjectRules) -> String {
    let list = |paths: &[std::path::PathBuf]| {
        let paths = paths.iter().map(|path| value(&path.to_string_lossy()));
        format!("[{}]", paths.collect::<Vec<_>>().join(", "))
    };
    let mut keys = Vec::new();
    if let Some(name) = &given.name {
        keys.push(Line::new("name", value(name), ""));
    }
    if !given.files.is_empty() {
        keys.push(Line::new(
            "files",
            list(&given.files),
            "relative to this folder",
        ));
    }
    if !given.env_files.is_empty() {
        keys.push(Line::new(
            "env_files",
            list(&given.env_files),
            "in place of .env",
        ));
    }
    if !given.profiles.is_empty() {
        let profiles = given.profiles.iter().map(|name| value(name));
        let profiles = format!("[{}]", profiles.collect::<Vec<_>>().join(", "));
        keys.push(Line::new("profiles", profiles, "without this, all"));
    }
    if keys.is_empty() {
        return String::new();
    }
    let keys = lines(1, &keys);
    format!(
        "\n# Where the project is; without this, it is found as Compose finds it.\nproject:\n{keys}"
    )
}

fn what(project: &Project) -> String {
    let names: Vec<String> = project
        .services
        .keys()
        .take(2)
        .map(|name| value(name))
        .collect();
    let services = match names[..] {
        [] => "or a list of names".to_owned(),
        _ => format!("or some: [{}]", names.join(", ")),
    };
    let keys = [
        Line::new(
            "scopes",
            "[config, mounted, volumes, exports]",
            "config is the Compose files and what they name",
        ),
        Line::new("services", "all", &services),
        Line::new(
            "compression",
            "zst",
            "or none, gz, bz2, xz; or {codec: zst, level: 9}",
        ),
    ];
    format!("\n{}", lines(0, &keys))
}

fn mounted(project: &Project) -> String {
    let rules = contents::mounted(project);
    let outside = contents::outside(project);
    let mut text = String::from(
        "
# Folders and files in here that services mount: {} takes one whole, skip leaves it out, and
# {exclude: [\"*.tmp\", \"cache/\"]} takes it without these, in the syntax of a .gitignore.
",
    );
    if rules.is_empty() {
        text.push_str("mounted: {}  # none so far\n");
    } else {
        text.push_str("mounted:\n");
        text.push_str(&lines(1, &rules));
    }
    if !outside.is_empty() {
        text.push_str("# Outside of the project folder, and so not taken:\n");
        for mount in outside {
            text.push_str(&format!("#   {}\n", in_comment(&mount)));
        }
    }
    text
}

fn volumes(project: &Project) -> String {
    let rules = contents::volumes(project);
    let mut text = String::from(
        "\n# Volumes, with the same rules. A glob such as \"tmp_*\" means several; a name beats it.\n",
    );
    if rules.is_empty() {
        text.push_str("volumes: {}  # none so far\n");
    } else {
        text.push_str("volumes:\n");
        text.push_str(&lines(1, &rules));
    }
    text
}

/// What databases could export, for those whose commands are known. A proposal: whether it is to take the
/// place of the raw volume is for a person to say.
fn exports(project: &Project) -> String {
    let known = project.services.iter().filter_map(|(name, service)| {
        let preset = Preset::of_image(service.image.as_deref()?)?;
        let row = format!("{}: {{preset: {}}}", preset.file, preset.name());
        Some(format!("#   {}: {{{row}}}\n", in_comment(&scalar(name))))
    });
    let known: String = known.collect();
    if known.is_empty() {
        return String::new();
    }
    format!(
        "
# What databases' own programs write, in place of their raw files: uncomment this, and remove the rules
# of their volumes above, or keep them to store both.
# exports:
{known}"
    )
}

fn pause(project: &Project) -> String {
    let hints = project.services.iter().filter_map(|(name, service)| {
        let hint = databases::hint(service)?;
        Some(Line::new(name, "pause", &hint))
    });
    let hints: Vec<Line> = hints.collect();
    let services = match (hints.is_empty(), project.services.keys().next()) {
        (false, _) => format!("  services:\n{}", lines(2, &hints)),
        (true, Some(name)) => format!(
            "  # services: {{{}: none}}  # single ones\n",
            in_comment(&scalar(name))
        ),
        (true, None) => String::new(),
    };
    format!(
        "
# Running services that can write to what is read are paused until it is read.
pause:
  default: pause  # or stop; or none: they go on, and what is read may not fit together
{services}"
    )
}

fn targets(project: &Project) -> String {
    let places = PLACES.into_iter();
    let mut outside = places.filter(|place| contents::is_outside(project, Path::new(place)));
    let target = match outside.next() {
        Some(place) => lines(
            2,
            &[
                Line::new(
                    "path",
                    place,
                    "outside of the project; made if it is missing",
                ),
                Line::new("format", "directory", "or archive: one file per dump"),
            ],
        ),
        // Everything is in the project.
        None => lines(
            2,
            &[Line::new(
                "path",
                "\"-\"",
                "standard output, for a program that stores it",
            )],
        ),
    };
    format!("\n# Where dumps go: every target gets all of it.\ntargets:\n  local:\n{target}")
}

fn jobs() -> String {
    "
# More jobs, each a change to the above: a key here replaces the one there whole.
# `compose-dump run often` would execute this one, `run` alone the file without it.
# jobs:
#   often:
#     scopes: [config]
#     to: [local]
"
    .to_owned()
}
