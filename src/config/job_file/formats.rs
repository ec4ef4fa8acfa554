//! What a text of the file may look like where a schema has no words for it: one table.

use globset::Glob;
use ignore::gitignore::GitignoreBuilder;

use crate::config::dump_name::DumpName;
use crate::config::size::Size;
use crate::config::span::Span;
use crate::diagnostic::Finding;
use crate::retention::{Share, Within};

/// A `format` of the schema.
pub(super) struct Format {
    /// As the schema calls it.
    pub(super) name: &'static str,
    /// What is wrong with a text.
    pub(super) check: fn(&str) -> Result<(), Finding>,
}

/// Every format of the schema.
pub(super) const FORMATS: [Format; 9] = [
    Format {
        name: "size",
        check: size,
    },
    Format {
        name: "span",
        check: span,
    },
    Format {
        name: "span-or-zero",
        check: span_or_zero,
    },
    Format {
        name: "share",
        check: share,
    },
    Format {
        name: "within",
        check: within,
    },
    Format {
        name: "dump-name",
        check: dump_name,
    },
    Format {
        name: "gitignore",
        check: gitignore,
    },
    Format {
        name: "project-path",
        check: project_path,
    },
    Format {
        name: "volume-key",
        check: volume_key,
    },
];

/// What the format of that name has against `text`.
pub(super) fn complaint(name: &str, text: &str) -> Option<Finding> {
    let format = FORMATS.iter().find(|format| format.name == name)?;
    (format.check)(text).err()
}

fn size(text: &str) -> Result<(), Finding> {
    Size::parse(text).map(drop).map_err(|_| {
        let message = format!("`{}` is no size", text.escape_debug());
        Finding::new("config::size", message)
            .with_help("write bytes, or a number with a unit: `500M`, `10GiB`")
    })
}

fn span(text: &str) -> Result<(), Finding> {
    span_or_zero(text)?;
    match Span::parse(text) {
        Ok(span) if span.0.is_zero() => Err(no_span(text, "is no time at all")),
        _ => Ok(()),
    }
}

fn span_or_zero(text: &str) -> Result<(), Finding> {
    Span::parse(text)
        .map(drop)
        .map_err(|_| no_span(text, "is no length of time"))
}

fn no_span(text: &str, why: &str) -> Finding {
    let message = format!("`{}` {why}", text.escape_debug());
    Finding::new("config::span", message)
        .with_help("write a number with a unit: `30s`, `10m`, `1h 30m`")
}

fn share(text: &str) -> Result<(), Finding> {
    Share::parse(text).map(drop).map_err(|message| {
        Finding::new("config::share", message)
            .with_help("write a whole number of percents, such as `50%`; `0%` switches it off")
    })
}

fn within(text: &str) -> Result<(), Finding> {
    Within::parse(text).map(drop).map_err(|error| {
        let help = error.help();
        Finding::new("config::within", error.to_string()).with_help(help)
    })
}

fn dump_name(text: &str) -> Result<(), Finding> {
    DumpName::parse(text).map(drop)
}

fn gitignore(text: &str) -> Result<(), Finding> {
    GitignoreBuilder::new("/")
        .add_line(None, text)
        .map(drop)
        .map_err(|error| {
            let message = format!("`{}` is no pattern: {error}", text.escape_debug());
            Finding::new("config::pattern", message)
                .with_help("write it as a line of a .gitignore: `*.tmp`, `/cache/`, `!keep.tmp`")
        })
}

fn project_path(text: &str) -> Result<(), Finding> {
    let complain = |why: &str| {
        let message = format!("the path `{}` {why}", text.escape_debug());
        Err(Finding::new("config::path", message)
            .with_help("write the path as it is in the project folder: `./media`"))
    };
    if text.is_empty() {
        return complain("is empty");
    }
    if text.starts_with(['/', '~']) {
        return complain("is not relative to the project folder");
    }
    if text.split('/').any(|part| part == "..") {
        return complain("leads out of the project folder or takes a detour");
    }
    Ok(())
}

fn volume_key(text: &str) -> Result<(), Finding> {
    let complain = |message: String, help: &str| {
        Err(Finding::new("config::volume_key", message).with_help(help))
    };
    let shown = text.escape_debug();
    if text.is_empty() {
        return complain(
            "the name of a volume is empty".to_owned(),
            "write the volume's name as in the Compose file",
        );
    }
    if let Some((service, path)) = text.split_once(':') {
        if service.is_empty() || !path.starts_with('/') {
            return complain(
                format!("`{shown}` names no volume of a service"),
                "write `service:/path`, with the path in the container",
            );
        }
        // The path is one, not a glob.
        return Ok(());
    }
    if text.contains('/') {
        return complain(
            format!("`{shown}` is a path, and volumes have names"),
            "put a folder of the project under `mounted`; an anonymous volume is `service:/path`",
        );
    }
    Glob::new(text).map(drop).or_else(|error| {
        complain(
            format!("`{shown}` is no glob: {}", error.kind()),
            "use `*`, `?`, `[abc]` and `{a,b}`",
        )
    })
}
