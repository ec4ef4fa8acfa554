//! Scope `exports`: what is run, where, and which volumes that makes superfluous.

use crate::compose::{Mount, MountKind, MountSource};
use crate::config::job_file::JobFile;
use crate::config::scope::Scope;
use crate::engine::ContainerState;
use crate::plan::exports::load_of;
use crate::plan::model::SpoolWhat;
use crate::plan::samples::{Sample, anonymous, container, volume_mount, volume_row};
use crate::plan::table;

fn file(text: &str) -> JobFile {
    serde_yaml::from_str(text).expect("a job file")
}

/// A database that runs, with its volume where the preset knows it.
fn database(rules: &str) -> Sample {
    let mut sample = Sample::new();
    sample.volume("data", &["db"]);
    sample.existing("blog_data", Some("data"));
    let mut mount = volume_mount("blog_data");
    mount.destination = "/var/lib/postgresql/data".into();
    sample.container(container("db", 1, vec![mount]));
    sample.request.rules = file(rules).ad_hoc().1;
    sample
}

const PRESET: &str = "exports: {db: {all.sql: {preset: postgres}}}";

#[test]
fn an_export_is_a_member_and_its_words_are_never_shown() {
    let own = "exports: {db: {x: {command: [dump, --password=hunter2], env: {P: hunter3}}}}";
    let plan = database(own).plan();
    assert!(plan.members.contains(&"exports/db/x".to_owned()));
    assert_eq!(plan.exports[0].container.as_deref(), Some("blog-db-1"));
    assert!(
        volume_row(&plan, "data").decision.taken,
        "the preset is what leaves it out"
    );
    let shown = format!(
        "{plan:?} {} {}",
        table::render(&plan),
        serde_json::to_string(&plan).expect("it is plain data")
    );
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("without `load`"));
}

#[test]
fn a_preset_leaves_the_raw_volume_out_unless_a_rule_names_it() {
    let plan = database(PRESET).plan();
    let row = volume_row(&plan, "data");
    assert!(!row.decision.taken && row.exported && row.member.is_none());
    assert!(row.decision.why.contains("`db/all.sql` has its content"));
    assert!(
        plan.hold.pause.is_empty(),
        "nobody is held for what is not read"
    );
    let named = format!("{PRESET}\nvolumes: {{data: {{}}}}");
    assert!(volume_row(&database(&named).plan(), "data").decision.taken);
    let glob = format!("{PRESET}\nvolumes: {{'*': {{}}}}");
    assert!(!volume_row(&database(&glob).plan(), "data").decision.taken);
    // Coverage: the volume is spoken of by its export.
    let mut strict = database(PRESET);
    strict.request.covered_only = true;
    strict.plan();
}

#[test]
fn an_anonymous_volume_is_left_out_too() {
    let mut sample = database(PRESET);
    let name = anonymous('a');
    sample.existing(&name, None);
    let mut mount = volume_mount(&name);
    mount.destination = "/var/lib/postgresql/data".into();
    sample.engine().containers[0].mounts = vec![mount];
    let plan = sample.plan();
    assert!(volume_row(&plan, "db/1:/var/lib/postgresql/data").exported);
}

#[test]
fn the_volume_stays_where_there_will_be_no_export_or_somebody_else_uses_it() {
    let mut stopped = database(PRESET);
    stopped.engine().containers[0].state = ContainerState::Exited;
    let plan = stopped.plan();
    assert!(volume_row(&plan, "data").decision.taken);
    assert!(
        plan.warnings
            .iter()
            .any(|it| it.contains("`db/all.sql` will fail")),
        "{:?}",
        plan.warnings
    );
    let mut scoped = database(PRESET);
    scoped.request.settings.scopes = vec![Scope::Volumes];
    let plan = scoped.plan();
    assert!(volume_row(&plan, "data").decision.taken);
    assert!(
        plan.left_out
            .iter()
            .any(|it| it.what == "export db/all.sql")
    );
    let mut shared = database(PRESET);
    shared.service("cron").mounts.push(Mount {
        kind: MountKind::Volume,
        source: Some(MountSource::VolumeKey("data".into())),
        target: "/pg".into(),
        read_only: true,
        subpath: None,
        named_by: String::new(),
    });
    assert!(volume_row(&shared.plan(), "data").decision.taken);
}

#[test]
fn an_archive_without_room_for_sizes_spools_what_commands_write() {
    let mut sample = database(PRESET);
    sample.target("/x.tar");
    assert_eq!(sample.plan().targets[0].spool.what, SpoolWhat::Nothing);
    let mut sample = database(PRESET);
    sample.target("-");
    let plan = sample.plan();
    assert_eq!(plan.targets[0].spool.what, SpoolWhat::UnknownSize);
    let why = plan.targets[0].spool.why.as_deref();
    assert!(
        why.is_some_and(|why| why.contains("no command says")),
        "{why:?}"
    );
}

#[test]
fn exports_alone_are_something() {
    let mut sample = database(PRESET);
    sample.request.settings.scopes = vec![Scope::Exports];
    assert_eq!(sample.plan().members, ["exports/db/all.sql"]);
    sample.request.rules.exports.clear();
    let findings = sample.findings();
    assert!(
        findings[0]
            .help
            .as_deref()
            .is_some_and(|help| help.contains("declare exports"))
    );
}

#[test]
fn the_load_command_is_the_one_of_the_dumps_job_else_of_any() {
    let file = file(
        "{exports: {db: {a: {command: [x], load: [one]}, b: {command: [x]}}}, \
         jobs: {j: {exports: {db: {a: {command: [x], load: [two]}, c: {preset: postgres}}}}}}",
    );
    let first = |job: &str, name: &str| {
        load_of(&file, job, "db", name).map(|command| command.words.0[0].clone())
    };
    assert_eq!(first("default", "a").as_deref(), Some("one"));
    assert_eq!(first("j", "a").as_deref(), Some("two"));
    assert_eq!(first("gone", "c").as_deref(), Some("sh"));
    assert_eq!(first("default", "b"), None);
}
