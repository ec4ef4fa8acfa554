//! `verify`: every stored byte against the manifest, a line for each member.

use serde::Serialize;

use super::args::{Global, Talk, VerifyArgs};
use super::edge::CommandError;
use super::{stored, talk};
use crate::archive::escape::{escape, once};
use crate::archive::manifest::Manifest;
use crate::executor::chain;
use crate::exit::Exit;
use crate::stored::{Fault, Found, MemberVerdict, Tally, Verdicts};
use crate::text;

/// Reads the dump to its last byte and says what is wrong.
pub(super) fn verify(
    global: &Global,
    args: &VerifyArgs,
    talk: &Talk,
) -> Result<Exit, CommandError> {
    let mut dump = stored::open(global, &args.choice)?.dump;
    let manifest = dump.manifest.clone();
    let is_told = !args.json && !talk.quiet;
    let mut unprinted = None;
    let verdicts = dump.verify(&mut |verdict| {
        if is_told && unprinted.is_none() {
            unprinted = talk::print(&told(verdict)).err();
        }
    })?;
    if let Some(error) = unprinted {
        return Err(CommandError::Print(error));
    }
    let exit = verdicts.exit();
    let printed = if args.json {
        talk::print_json(&Document::new(&manifest, &verdicts))
    } else if talk.quiet && exit == Exit::Done {
        Ok(())
    } else {
        talk::print(&ended(&manifest, &verdicts, talk.quiet))
    };
    printed.map_err(CommandError::Print)?;
    Ok(exit)
}

/// A member's line, and one for each fault.
fn told(verdict: &MemberVerdict) -> String {
    let entries = verdict.entries.map_or_else(String::new, |count| {
        format!("{}, ", text::count(count, "entry"))
    });
    let state = if verdict.faults.is_sound() {
        "ok "
    } else {
        "BAD"
    };
    let path = once(&verdict.path);
    let mut lines = format!("{state} {path}: {entries}{}\n", text::bytes(verdict.bytes));
    lines.push_str(&faults(&verdict.faults.damage));
    lines.push_str(&faults(&verdict.faults.harmless));
    lines
}

fn faults(tally: &Tally) -> String {
    let mut lines: String = tally
        .first
        .iter()
        .map(|found| format!("    {}\n", sentence(found)))
        .collect();
    let untold = tally.count - tally.first.len() as u64;
    if untold > 0 {
        lines.push_str(&format!("    and {untold} more\n"));
    }
    lines
}

fn sentence(found: &Found) -> String {
    let path = escape(&found.path);
    format!("`{path}` {}", chain(&found.fault))
}

/// What is said behind the members' lines.
fn ended(manifest: &Manifest, verdicts: &Verdicts, only_bad: bool) -> String {
    let mut lines = String::new();
    if only_bad {
        let bad = verdicts
            .members
            .iter()
            .filter(|member| !member.faults.is_sound());
        lines.extend(bad.map(told));
    }
    lines.push_str(&faults(&verdicts.rest.damage));
    lines.push_str(&faults(&verdicts.rest.harmless));
    for failed in &manifest.failed {
        let (what, reason) = (once(&failed.what), once(&failed.reason));
        lines.push_str(&format!("not stored, or not wholly: {what}: {reason}\n"));
    }
    let members = text::count(verdicts.members.len() as u64, "member");
    let bad = verdicts
        .members
        .iter()
        .filter(|member| !member.faults.is_sound());
    lines.push_str(&match (verdicts.is_sound(), verdicts.is_complete) {
        (true, true) => format!("sound: {members}, every byte is what was stored\n"),
        (true, false) => format!(
            "sound, and not complete: {members} with what was stored, and the run that made the dump could not store everything\n"
        ),
        (false, _) => match bad.count() as u64 {
            0 if is_only_more(&verdicts.rest.damage) => format!(
                "damaged: {members} sound; move away what the manifest does not name, and the dump is as it was stored\n"
            ),
            0 => format!("damaged: {members} sound, and the dump as a whole is not\n"),
            bad => format!("damaged: {bad} of {members} bad\n"),
        },
    });
    lines
}

/// Whether nothing is wrong but that more is there than was stored.
fn is_only_more(tally: &Tally) -> bool {
    let is_more = |found: &Found| matches!(found.fault, Fault::Unnamed);
    tally.count == tally.first.len() as u64 && tally.first.iter().all(is_more)
}

/// `verify --json`.
#[derive(Serialize)]
struct Document<'a> {
    id: &'a str,
    sound: bool,
    complete: bool,
    exit: u8,
    members: Vec<Row<'a>>,
    /// What belongs to no member.
    rest: Rows,
    failed: &'a [crate::archive::manifest::model::LeftOut],
}

#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    bytes: u64,
    sound: bool,
    #[serde(flatten)]
    faults: Rows,
}

#[derive(Serialize)]
struct Rows {
    damage: Vec<FaultRow>,
    damage_count: u64,
    harmless: Vec<FaultRow>,
    harmless_count: u64,
}

#[derive(Serialize)]
struct FaultRow {
    path: String,
    what: String,
}

impl<'a> Document<'a> {
    fn new(manifest: &'a Manifest, verdicts: &'a Verdicts) -> Self {
        let rows = verdicts.members.iter().map(|member| Row {
            path: &member.path,
            bytes: member.bytes,
            sound: member.faults.is_sound(),
            faults: Rows::new(&member.faults),
        });
        Self {
            id: &manifest.id,
            sound: verdicts.is_sound(),
            complete: verdicts.is_complete,
            exit: verdicts.exit().code(),
            members: rows.collect(),
            rest: Rows::new(&verdicts.rest),
            failed: &manifest.failed,
        }
    }
}

impl Rows {
    fn new(faults: &crate::stored::Faults) -> Self {
        let rows = |tally: &Tally| {
            let row = |found: &Found| FaultRow {
                path: escape(&found.path),
                what: chain(&found.fault),
            };
            tally.first.iter().map(row).collect()
        };
        Self {
            damage: rows(&faults.damage),
            damage_count: faults.damage.count,
            harmless: rows(&faults.harmless),
            harmless_count: faults.harmless.count,
        }
    }
}
