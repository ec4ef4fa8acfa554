//! `show`: what a dump holds, by its manifest; with `--files` what a member holds, by its index.

use serde::Serialize;

use super::args::{Global, ShowArgs};
use super::edge::CommandError;
use super::{stored, talk};
use crate::archive::entry::{Entry, EntryKind};
use crate::archive::escape::{display, escape, once};
use crate::archive::manifest::Manifest;
use crate::archive::manifest::model::Member;
use crate::diagnostic::{Finding, did_you_mean};
use crate::exit::Exit;
use crate::stored::{Contents, ContentsError, Dump, IndexFault};
use crate::text;

/// Bytes of lines that are printed at a time.
const PRINTED_BYTES: usize = 64 * 1024;

/// Prints the members of a dump, or the entries of one.
pub(super) fn show(global: &Global, args: &ShowArgs) -> Result<Exit, CommandError> {
    let mut dump = stored::open(global, &args.choice)?.dump;
    if let Some(name) = &args.member {
        let member = member(&dump, name)?;
        let contents = dump.contents(&member)?;
        return files(&member, contents, args.json);
    }
    let printed = if args.json {
        talk::print_json(&dump.manifest)
    } else {
        talk::print(&overview(&dump))
    };
    printed.map_err(CommandError::Print)?;
    Ok(Exit::Done)
}

fn member(dump: &Dump, name: &str) -> Result<Member, CommandError> {
    if let Some(member) = dump.member(name) {
        return Ok(member.clone());
    }
    let names = || dump.manifest.members.iter().map(|member| &*member.path);
    let finding = Finding::new("show::member", format!("the dump has no member `{name}`"));
    let known = match did_you_mean(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(finding.with_help(known).into())
}

fn overview(dump: &Dump) -> String {
    let manifest = &dump.manifest;
    let mut lines = head(manifest, stored::form(dump.form));
    for member in &manifest.members {
        let entries = member
            .entries
            .map_or_else(String::new, |count| text::count(count, "entry"));
        let path = once(&member.path);
        let bytes = text::bytes(member.raw_bytes);
        lines.push_str(&format!("  {path}  {bytes}  {entries}\n"));
        for warning in &member.warnings {
            lines.push_str(&format!("    warning: {}\n", once(warning)));
        }
    }
    for (title, rows) in [
        ("Not stored, or not wholly", &manifest.failed),
        ("Left out", &manifest.left_out),
    ] {
        if !rows.is_empty() {
            lines.push_str(&format!("{title}\n"));
        }
        for row in rows {
            let (what, reason) = (once(&row.what), once(&row.reason));
            lines.push_str(&format!("  {what}: {reason}\n"));
        }
    }
    lines
}

fn head(manifest: &Manifest, form: &str) -> String {
    let whole = if manifest.complete {
        "complete"
    } else {
        "not complete"
    };
    format!(
        "Project {} on {}, from {}\nMade    {:.0} by job {}, compose-dump {}\nDump    {}, {form}, {whole}\nMembers\n",
        once(&manifest.project.name),
        once(&manifest.meta.host),
        once(&manifest.project.folder),
        manifest.meta.invocation_time,
        once(&manifest.series.job),
        once(&manifest.meta.version),
        once(&manifest.id),
    )
}

/// Prints the entries as they are read: there may be millions.
fn files(member: &Member, mut contents: Contents, json: bool) -> Result<Exit, CommandError> {
    let mut lines = String::new();
    let mut separator = "[\n";
    loop {
        let entry = contents
            .next_entry()
            .map_err(|fault| ContentsError::Index {
                member: member.path.clone(),
                source: IndexFault(fault),
            })?;
        match (&entry, json) {
            (Some(entry), false) => lines.push_str(&line(entry)),
            (Some(entry), true) => {
                lines.push_str(separator);
                let row = serde_json::to_string(&Row::of(entry));
                lines.push_str(&row.map_err(|error| CommandError::Print(error.into()))?);
                separator = ",\n";
            }
            (None, true) if separator == "[\n" => lines.push_str("[]\n"),
            (None, true) => lines.push_str("\n]\n"),
            (None, false) => {}
        }
        if lines.len() >= PRINTED_BYTES || entry.is_none() {
            talk::print(&lines).map_err(CommandError::Print)?;
            lines.clear();
        }
        if entry.is_none() {
            return Ok(Exit::Done);
        }
    }
}

fn line(entry: &Entry) -> String {
    let Row {
        r#type,
        mode,
        uid,
        gid,
        ..
    } = Row::of(entry);
    let mtime = match timestamp(entry) {
        Some(time) => format!("{time:.0}"),
        None => entry.mtime.secs.to_string(),
    };
    let link = match &entry.kind {
        EntryKind::Symlink { target } => format!(" -> {}", display(target)),
        EntryKind::HardLink { target } => format!(" = {}", display(target)),
        _ => String::new(),
    };
    let path = shown_path(entry);
    format!(
        "{type} {mode:>4} {uid}:{gid} {:>12} {mtime} {path}{link}\n",
        entry.size
    )
}

fn shown_path(entry: &Entry) -> String {
    if entry.path.is_empty() {
        return ".".to_owned();
    }
    escape(&entry.path)
}

/// The time of an entry, if it lies within the years that have a calendar.
fn timestamp(entry: &Entry) -> Option<jiff::Timestamp> {
    let nanos = entry.mtime.nanos.try_into().unwrap_or(0);
    jiff::Timestamp::new(entry.mtime.secs, nanos).ok()
}

/// An entry of `show --files --json`: the fields of an index, docs/format.md section 4.
#[derive(Serialize)]
struct Row {
    r#type: char,
    mode: String,
    uid: u32,
    gid: u32,
    mtime: String,
    size: u64,
    path: String,
    target: Option<String>,
    device: Option<String>,
}

impl Row {
    fn of(entry: &Entry) -> Self {
        let (letter, target, device) = match &entry.kind {
            EntryKind::File => ('f', None, None),
            EntryKind::HardLink { target } => ('h', Some(target), None),
            EntryKind::Directory => ('d', None, None),
            EntryKind::Symlink { target } => ('l', Some(target), None),
            EntryKind::Fifo => ('p', None, None),
            EntryKind::CharDevice { major, minor } => ('c', None, Some((major, minor))),
            EntryKind::BlockDevice { major, minor } => ('b', None, Some((major, minor))),
        };
        Self {
            r#type: letter,
            mode: format!("{:o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            mtime: timestamp(entry)
                .map_or_else(|| entry.mtime.secs.to_string(), |time| time.to_string()),
            size: entry.size,
            path: shown_path(entry),
            target: target.map(|target| escape(target)),
            device: device.map(|(major, minor)| format!("{major},{minor}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::entry::Mtime;

    #[test]
    fn a_line_has_whole_seconds_and_its_json_all_of_them() {
        let at = |secs| Entry {
            mtime: Mtime {
                secs,
                nanos: 987_654_321,
            },
            ..Entry::plain(b"a b\n", EntryKind::File, 0o4640)
        };
        assert_eq!(
            line(&at(1_000_000_000)),
            "f 4640 0:0            0 2001-09-09T01:46:40Z a b\\n\n"
        );
        assert_eq!(
            Row::of(&at(1_000_000_000)).mtime,
            "2001-09-09T01:46:40.987654321Z"
        );
        // No calendar has that year.
        assert_eq!(Row::of(&at(i64::MAX)).mtime, i64::MAX.to_string());
    }
}
