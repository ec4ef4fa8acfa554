//! What the rules of a job decide, and that each row says which one it was.

use std::path::Path;

use crate::compose::Role;
use crate::config::job_file::JobFile;
use crate::config::scope::Scope;
use crate::plan::links::{PathEnd, PathFact};
use crate::plan::model::ReaderPlan;
use crate::plan::samples::*;
use crate::sources::filter::BackupIgnore;

/// A project with a folder `media`, volumes, and the rules of a job file.
fn with(rules: &str) -> Sample {
    let mut sample = Sample::new();
    sample.bind("web", "media");
    for key in ["cache", "tmp_a", "uploads"] {
        sample.volume(key, &["web"]);
        sample.existing(&format!("blog_{key}"), Some(key));
    }
    sample.volume("shared", &["web"]).external = true;
    sample.existing("blog_shared", None);
    let file: JobFile = serde_yaml::from_str(rules).expect("a job file");
    let (settings, rules) = file.ad_hoc();
    sample.request.settings = settings;
    sample.request.rules = rules;
    sample
}

#[test]
fn volumes_are_skipped_taken_and_thinned_by_the_rule_that_the_row_names() {
    let sample = with(
        "volumes: {cache: skip, 'tmp_*': skip, uploads: {exclude: ['*.part']}, shared: {external: true}}",
    );
    let plan = sample.plan();
    let row = |key| volume_row(&plan, key);
    assert_eq!(row("cache").decision.why, "the rule `cache: skip`");
    assert_eq!(row("tmp_a").decision.why, "the rule `tmp_*: skip`");
    let uploads = row("uploads");
    assert_eq!(uploads.exclude, ["*.part"]);
    assert_eq!(
        uploads.decision.why,
        "declared in the Compose files; the rule `uploads`"
    );
    assert!(row("shared").decision.taken);
    let taken: Vec<_> = plan
        .volumes
        .iter()
        .filter(|row| row.decision.taken)
        .collect();
    assert_eq!(taken.len(), 2);
}

#[test]
fn a_window_to_elsewhere_is_taken_when_a_rule_names_it_and_not_by_a_glob() {
    let mut sample = with("volumes: {nfs: {}, 'c*': {}}");
    for key in ["nfs", "cifs"] {
        sample.volume(key, &["web"]);
        let options = [("type", key), ("device", ":/x")];
        sample.existing(&format!("blog_{key}"), Some(key)).options = options
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
    }
    let plan = sample.plan();
    let nfs = volume_row(&plan, "nfs");
    assert_eq!(
        nfs.decision.why,
        "a network mount (nfs `:/x`); the rule `nfs` names it"
    );
    assert!(matches!(nfs.reader, Some(ReaderPlan::Engine { .. })));
    assert!(!volume_row(&plan, "cifs").decision.taken);
}

#[test]
fn a_services_own_volume_has_a_rule_by_its_path() {
    let mut sample = with("volumes: {'web:/data/': skip}");
    let name = anonymous('a');
    sample.existing(&name, None);
    sample.service("web");
    let container = container("web", 1, vec![volume_mount(&name)]);
    sample.engine().containers.push(container);
    let plan = sample.plan();
    assert_eq!(
        volume_row(&plan, "web/1:/data").decision.why,
        "the rule `web:/data/: skip`"
    );
}

#[test]
fn mounts_are_skipped_and_thinned() {
    let plan = with("mounted: {./media: skip}").plan();
    let row = mounted_row(&plan, "media");
    assert_eq!(row.decision.why, "the rule `./media: skip`");
    assert!(plan.trees.iter().all(|tree| tree.scope == Scope::Config));

    let plan = with("mounted: {media: {exclude: [thumbs/, '*.tmp']}}").plan();
    let row = mounted_row(&plan, "media");
    assert_eq!(row.exclude, ["thumbs/", "*.tmp"]);
    assert_eq!(row.decision.why, "mounted by web:/mnt; the rule `media`");
    assert_eq!(stored_in(&plan, "media/a"), ["volumes/mounted/media"]);
    assert_eq!(stored_in(&plan, "media/thumbs/a"), [""; 0]);
    assert_eq!(stored_in(&plan, "media/deep/b.tmp"), [""; 0]);
}

#[test]
fn what_a_line_of_backupignore_covers_is_left_out_by_it_but_for_what_keys_name() {
    let mut sample = with("version: 1");
    sample.refer("media.env", Role::EnvFile, &["web"]);
    let ignore = BackupIgnore::of_lines(&at(".backupignore"), "media*\n");
    sample.facts.backupignore = Some(ignore.expect("patterns"));
    let plan = sample.plan();
    let row = mounted_row(&plan, "media");
    assert_eq!(row.decision.why, "the line `media*` of `.backupignore`");
    assert!(config_row(&plan, "media.env").decision.taken);
}

#[test]
fn config_outside_is_a_tree_of_its_own_when_it_is_asked_for() {
    let mut sample = with("version: 1");
    let path = Path::new("/etc/blog/cert.pem");
    let fact = PathFact {
        links: Vec::new(),
        real: path.to_owned(),
        inside: false,
        end: PathEnd::File { bytes: 4 },
    };
    sample.refer("/etc/blog/cert.pem", Role::SecretFile, &["web"]);
    sample.facts.paths.insert(path.to_owned(), fact.clone());
    let through = PathFact {
        links: vec!["/etc/blog".into()],
        real: "/srv/etc/cert.pem".into(),
        ..fact
    };
    sample.facts.outside.insert(path.to_owned(), through);
    let row = |sample: &Sample| config_row(&sample.plan(), "/etc/blog/cert.pem").clone();
    assert_eq!(row(&sample).decision.why, "outside the project folder");

    sample.request.settings.config.outside = true;
    let row = row(&sample);
    assert_eq!(
        row.member.as_deref(),
        Some("config-outside/etc/blog/cert.pem")
    );
    let plan = sample.plan();
    let tree = plan
        .trees
        .iter()
        .find(|tree| tree.member == "config-outside");
    let tree = tree.expect("a tree of what is outside");
    assert_eq!(tree.base, Path::new("/"));
    let roots: Vec<_> = tree.roots.iter().map(|root| root.path.as_path()).collect();
    assert_eq!(roots, ["etc/blog", "srv/etc/cert.pem"].map(Path::new));
}

#[test]
fn services_that_rules_let_go_on_say_by_which() {
    let who = |rules: &str| {
        let mut sample = with(rules);
        for service in ["web", "db"] {
            sample.service(service);
            let container = container(service, 1, vec![volume_mount("blog_uploads")]);
            sample.engine().containers.push(container);
        }
        let plan = sample.plan();
        let held: Vec<String> = plan
            .hold
            .pause
            .iter()
            .map(|held| held.service.clone())
            .collect();
        let why: Vec<String> = plan.hold.go_on.iter().map(|one| one.why.clone()).collect();
        (held, why)
    };
    let (held, why) = who("pause: {services: {db: none}}");
    assert_eq!(held, ["web"]);
    assert_eq!(why, ["the rule `pause.services.db: none`"]);
    let (held, why) = who("pause: {default: none, services: {db: pause}}");
    assert_eq!(held, ["db"]);
    assert_eq!(why, ["the setting `pause.default: none`"]);
}
