//! What the files declare and is not there, and what a backup warns of before it begins.

use crate::compose::Role;
use crate::config::job_file::rules::{MountedRule, TakeMounted};
use crate::plan::links::PathEnd;
use crate::plan::model::{Missing, Scope};
use crate::plan::samples::{Sample, container, volume_mount, volume_row};

/// A project that is up, with a volume that exists.
fn up() -> Sample {
    let mut sample = Sample::new();
    sample.volume("db", &["db"]);
    sample.existing("blog_db", Some("db"));
    sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    sample
}

#[test]
fn what_is_declared_and_missing_is_listed_by_kind() {
    let mut sample = up();
    sample.volume("new", &["db"]);
    sample.volume("unused", &[]);
    sample.volume("shared", &["db"]).external = true;
    for (path, role) in [
        ("gone.yaml", Role::Included),
        ("base.yaml", Role::Extended),
        ("web.env", Role::EnvFile),
    ] {
        sample.end(path, PathEnd::Missing);
        sample.refer(path, role, &["db"]);
        sample.refer(path, role, &["web"]);
    }
    sample.end("if-any.env", PathEnd::Missing);
    sample.refer("if-any.env", Role::EnvFile, &["db"]);
    for reference in &mut sample.facts.project.references {
        reference.required = !reference.path.ends_with("if-any.env");
    }
    sample.refer("there.env", Role::EnvFile, &["db"]);
    for path in ["media", "thumbs"] {
        sample.end(path, PathEnd::Missing);
        sample.bind("web", path);
    }
    let skip = ("./thumbs".to_owned(), MountedRule::Skip);
    sample.request.rules.mounted.extend([skip]);
    let plan = sample.plan();
    assert_eq!(
        plan.missing,
        Missing {
            definitions: vec!["base.yaml".into(), "gone.yaml".into()],
            mounts: vec!["media".into()],
            files: vec!["web.env".into()],
            elsewhere: Vec::new(),
            volumes: vec!["new".into(), "unused".into()],
        }
    );
    let why = |kind: &str| volume_row(&plan, kind).decision.why.clone();
    assert!(why("new").contains("`docker compose up` creates it"));
    assert!(why("unused").contains("no service uses it"));

    sample.bind("web", "media");
    sample.folder("media");
    sample.request.settings.scopes = [Scope::Mounted].into();
    let missing = sample.plan().missing;
    assert_eq!(
        missing.definitions.len(),
        2,
        "they may define mounts as well"
    );
    assert!(missing.files.is_empty() && missing.volumes.is_empty());
}

#[test]
fn a_mounted_path_that_leads_out_of_the_project_is_a_gap_where_a_rule_takes_it() {
    let mut sample = up();
    sample.bind("web", "media");
    sample.linked("media", &["media"], "/mnt/disk", PathEnd::Folder);
    let missing = sample.plan().missing;
    assert_eq!(missing.elsewhere[0].to, "/mnt/disk");
    assert!(!missing.has_gaps(), "nobody has asked for it by name");
    let take = (
        "./media".to_owned(),
        MountedRule::Take(TakeMounted::default()),
    );
    sample.request.rules.mounted.extend([take]);
    let missing = sample.plan().missing;
    assert!(missing.has_gaps());
    let skip = ("./media".to_owned(), MountedRule::Skip);
    sample.request.rules.mounted = [skip].into_iter().collect();
    assert!(sample.plan().missing.elsewhere.is_empty());
}

#[test]
fn a_project_that_the_engine_does_not_know_is_warned_of() {
    assert_eq!(up().plan().warnings, [""; 0]);
    let mut typo = Sample::new();
    typo.volume("db", &["db"]);
    let warnings = typo.plan().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("of a project `blog`"),
        "{}",
        warnings[0]
    );
    typo.request.settings.scopes = [Scope::Config].into();
    assert_eq!(typo.plan().warnings, [""; 0]);
}

#[test]
fn a_container_of_another_project_that_shares_what_is_read_is_warned_of() {
    let mut sample = up();
    let mut theirs = container("theirs", 1, vec![volume_mount("blog_db")]);
    theirs.project = Some("other".into());
    let users = vec![theirs];
    sample.engine().users.insert("blog_db".into(), users);
    let warnings = sample.plan().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].starts_with("`blog-theirs-1` is of another project"),
        "{}",
        warnings[0]
    );
}
