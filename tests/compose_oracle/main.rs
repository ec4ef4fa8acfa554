//! The loader on the projects below `tests/compose/`, one folder each, whose name says what it is
//! about.
//!
//! What `expected.json` says about a case has to be what the loader gives. And unless the case says
//! why not, the real `docker compose config` has to say the same of names, volumes, mounts, builds,
//! configs and secrets. Each case runs in a copy, in an environment of its own.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod case;
mod expected;
mod first_file;
mod oracle;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;

/// How many cases have to be compared with the real Compose.
const WANTED: usize = 80;

#[test]
fn every_case_gives_what_it_expects() {
    let failures = run(&|case| match expected::Expected::of(case) {
        Some(expected) => expected.check(case),
        None if case.settings.skip.is_none() => Ok(()),
        None => Err("neither an expectation nor a comparison checks this case".to_owned()),
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
#[ignore = "needs Compose v2 in COMPOSE_V2: tests/run.sh"]
fn every_case_agrees_with_compose() {
    let compose = std::env::var_os("COMPOSE_V2").map(PathBuf::from).expect(
        "COMPOSE_V2 is not set: run tests/run.sh, or set it to the output of tests/lab/compose-v2.sh",
    );
    let compared = AtomicUsize::new(0);
    let failures = run(&|case| {
        if case.settings.skip.is_some() {
            return Ok(());
        }
        compared.fetch_add(1, Ordering::Relaxed);
        oracle::compare(&compose, case)
    });
    let compared = compared.into_inner();
    println!(
        "{compared} cases compared with `{} config`",
        compose.display()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(
        compared >= WANTED,
        "only {compared} of {WANTED} cases were compared"
    );
}

/// What `init` writes for a project is what `check --strict` wants of it.
#[test]
fn every_case_gets_a_job_file_that_passes_the_strict_check() {
    let made = AtomicUsize::new(0);
    let failures = run(&|case| {
        made.fetch_add(usize::from(first_file::check(case)?), Ordering::Relaxed);
        Ok(())
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let made = made.into_inner();
    assert!(made > 150, "{made} cases can be loaded");
}

/// Runs `check` on every case, two at a time, and gives what went wrong.
fn run(check: &(dyn Fn(&Case) -> Result<(), String> + Sync)) -> Vec<String> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compose");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let worker = || {
        while let Some(folder) = folders.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = check(&Case::open(folder)) {
                let name = folder.file_name().unwrap().to_string_lossy();
                failures.lock().unwrap().push(format!("{name}: {failure}"));
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(worker);
        scope.spawn(worker);
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}
