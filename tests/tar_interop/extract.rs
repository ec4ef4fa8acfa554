//! Trees that become tars and trees again by the hands of GNU tar, bsdtar and Python.

use std::ffi::OsStr;
use std::path::Path;

use crate::support::{describe, describe_without, dump, python, run};
use crate::trees::{everything_for_anyone, everything_for_root, files_with_holes};

#[test]
fn gnu_tar_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    extract_with_gnu_tar(&dumped.tar, to.path());
    similar(&describe(from.path()), &describe(to.path()));
}

#[test]
fn bsdtar_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    let options = ["-xpf", "-", "--numeric-owner", "-C"];
    let arguments: Vec<_> = options
        .map(OsStr::new)
        .into_iter()
        .chain([to.path().as_os_str()])
        .collect();
    run("bsdtar", &arguments, &dumped.tar);
    // It does not set the time of the folder that it extracts into, and mixes up signs near the epoch.
    let comparable = |root: &Path| {
        let description = describe_without(root, "early");
        description.split_once('\n').unwrap().1.to_owned()
    };
    similar(&comparable(from.path()), &comparable(to.path()));
}

#[test]
fn python_makes_the_same_tree() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    let dumped = dump(from.path());
    let program = "import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall(sys.argv[1], numeric_owner=True)";
    python(program, &[to.path().as_os_str()], &dumped.tar);
    // It keeps no attributes, and times as floating point numbers.
    let without = "xattrs,mtime";
    similar(
        &describe_without(from.path(), without),
        &describe_without(to.path(), without),
    );
}

#[test]
#[ignore = "needs root: tests/run.sh"]
fn root_gets_owners_devices_and_attributes_back() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    everything_for_anyone(from.path());
    files_with_holes(from.path());
    everything_for_root(from.path());
    let dumped = dump(from.path());
    extract_with_gnu_tar(&dumped.tar, to.path());
    similar(&describe(from.path()), &describe(to.path()));
}

fn extract_with_gnu_tar(tar: &[u8], to: &Path) {
    let options = [
        "--xattrs",
        "--xattrs-include=*",
        "--numeric-owner",
        "--warning=no-timestamp",
        "-xpf",
        "-",
        "-C",
    ];
    let arguments: Vec<_> = options
        .map(OsStr::new)
        .into_iter()
        .chain([to.as_os_str()])
        .collect();
    run("tar", &arguments, tar);
}

fn similar(left: &str, right: &str) {
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right);
    }
    assert_eq!(left.lines().count(), right.lines().count());
}
