//! Tars made to be misread. Each row says what we make of it and what GNU tar makes of it, so that
//! every difference between the two is written down here, and wanted.

use crate::hostile_rows::{bad_maps, bad_names, bad_values, broken_streams, readers_disagree};
use crate::support::run_any;
use compose_dump::archive::entry::{Entry, SinkClosed};
use compose_dump::archive::tar::{TarError, TarParser, TarVisitor};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
}
use Verdict::{Accepted, Refused};

pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) tar: Vec<u8>,
    pub(crate) ours: Verdict,
    pub(crate) gnu: Verdict,
}

struct Ignore;

impl TarVisitor for Ignore {
    fn begin(&mut self, _entry: &Entry, _at: u64) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn data(&mut self, _part: &[u8]) -> Result<(), SinkClosed> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), SinkClosed> {
        Ok(())
    }
}

fn ours(tar: &[u8]) -> Result<(), TarError> {
    let mut parser = TarParser::new(Ignore);
    parser.feed(tar)?;
    parser.finish().map(|_| ())
}

/// GNU tar accepts what it lists without an error.
fn gnu(tar: &[u8]) -> (Verdict, String) {
    let output = run_any("tar", &["-tvf", "-"].map(std::ffi::OsStr::new), tar);
    let verdict = if output.status.success() {
        Accepted
    } else {
        Refused
    };
    (
        verdict,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn our_verdict_and_that_of_gnu_tar() {
    let tables = [
        broken_streams(),
        bad_names(),
        readers_disagree(),
        bad_values(),
        bad_maps(),
    ];
    let mut wrong = Vec::new();
    for Row {
        what,
        tar,
        ours: expected,
        gnu: gnu_expected,
    } in tables.into_iter().flatten()
    {
        let result = ours(&tar);
        let found = if result.is_ok() { Accepted } else { Refused };
        let (gnu_found, stderr) = gnu(&tar);
        if found != expected || gnu_found != gnu_expected {
            wrong.push(format!(
                "{what}: ours {result:?}, GNU tar {gnu_found:?} {stderr}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
