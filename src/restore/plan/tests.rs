//! Plans of restores as data: what is made, who is stopped and started, what is in the way.

use super::model::{Does, Plan, Writer};
use super::samples::{Sample, row, user};
use crate::archive::manifest::model::{MemberKind, Source};
use crate::engine::ContainerState;
use crate::restore::facts::{Compared, Standing};
use crate::restore::request::Scope;

#[test]
fn into_nothing_everything_is_made_and_started_in_order() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.depends("web", "db");
    let plan = sample.plan();
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    assert_eq!(row(&plan, "db").does, Does::Create);
    assert_eq!(row(&plan, "db").writer, Writer::Direct);
    assert_eq!(row(&plan, "db").volume.real_name(), Some("blog_db"));
    assert!(plan.stop.is_empty());
    assert_eq!(plan.start.services, ["db", "web"]);
    assert_eq!(plan.start.create, ["db", "web"]);
}

#[test]
fn what_exists_is_in_the_way_all_at_once_until_it_may_be_replaced() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.mounted("media", Standing::Full);
    sample.existing("blog_db", Standing::Full, vec![user("db", "blog_db")]);
    sample.facts.config = Some(Compared {
        differ: 1,
        first: vec!["compose.yaml".into()],
        ..Compared::default()
    });
    assert_eq!(
        sample.conflicts(),
        [
            "restore::file_differs",
            "restore::mounted_exists",
            "restore::volume_exists"
        ]
    );
    sample.request.replace = true;
    let plan = sample.plan();
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    assert_eq!(row(&plan, "db").does, Does::Replace);
    assert_eq!(plan.stop[0].name, "blog-db-1");
    assert!(plan.start.recreate, "its configuration is another one now");
    assert_eq!(plan.start.services, ["db"]);
}

#[test]
fn files_alone_change_no_container() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.existing("blog_db", Standing::Full, vec![user("db", "blog_db")]);
    sample.facts.config = Some(Compared {
        differ: 1,
        first: vec!["compose.yaml".into()],
        ..Compared::default()
    });
    sample.request.replace = true;
    sample.request.scopes = [Scope::Config].into();
    let plan = sample.plan();
    assert!(!plan.start.recreate);
    assert!(plan.start.services.is_empty());
    let says = |plan: &Plan| {
        let mut warnings = plan.warnings.iter();
        warnings.any(|warning| warning.contains("`docker compose up -d`"))
    };
    assert!(says(&plan), "{:?}", plan.warnings);
    sample.request.scopes = Scope::ALL.into_iter().collect();
    sample.request.start = false;
    let plan = sample.plan();
    assert!(!plan.start.recreate && says(&plan), "{:?}", plan.warnings);
}

#[test]
fn who_is_made_anew_and_ran_runs_again() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.service("web");
    let users = ["db", "web"].map(|service| user(service, "blog_db"));
    sample.existing("blog_db", Standing::Full, users.to_vec());
    sample.facts.config = Some(Compared {
        differ: 1,
        first: vec!["compose.yaml".into()],
        ..Compared::default()
    });
    (sample.request.replace, sample.request.services) = (true, vec!["db".into()]);
    let plan = sample.plan();
    assert!(plan.start.recreate);
    assert_eq!(plan.start.services, ["db", "web"]);
}

#[test]
fn who_depends_on_others_is_stopped_before_them() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.depends("web", "app");
    sample.depends("app", "db");
    let users = ["app", "db", "web"].map(|service| user(service, "blog_db"));
    sample.existing("blog_db", Standing::Empty, users.to_vec());
    let plan = sample.plan();
    let stopped: Vec<&str> = plan.stop.iter().map(|row| row.service.as_str()).collect();
    assert_eq!(stopped, ["web", "app", "db"]);
    assert_eq!(plan.start.services, ["db", "app", "web"]);
    assert!(plan.start.create.is_empty());
}

#[test]
fn nobody_is_stopped_who_is_not_the_projects_to_stop() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    let mut stranger = user("x", "blog_db");
    stranger.project = Some("other".into());
    let mut one_off = user("job", "blog_db");
    (one_off.oneoff, one_off.id) = (true, "2".into());
    let mut paused = user("p", "blog_db");
    (paused.state, paused.id) = (ContainerState::Paused, "3".into());
    let mut ended = user("e", "blog_db");
    (ended.project, ended.state, ended.id) =
        (Some("other".into()), ContainerState::Exited, "4".into());
    sample.existing(
        "blog_db",
        Standing::Empty,
        vec![stranger, one_off, paused, ended],
    );
    let plan = sample.plan();
    let used = plan
        .conflicts
        .iter()
        .filter(|conflict| conflict.code == "restore::used");
    let used: Vec<&str> = used.map(|conflict| conflict.what.as_str()).collect();
    assert_eq!(used.len(), 3, "{used:#?}");
    assert!(plan.stop.is_empty());
}

#[test]
fn a_volume_that_the_engine_writes_is_made_anew_with_its_containers() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.existing("blog_db", Standing::Full, vec![user("db", "blog_db")]);
    sample.request.replace = true;
    sample.request.through_engine = true;
    let plan = sample.plan();
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    assert_eq!(plan.start.remove[0].name, "blog-db-1");
    assert_eq!(plan.start.create, ["db"]);
    sample.facts.compose = None;
    assert_eq!(sample.conflicts(), ["restore::no_compose"]);
}

#[test]
fn an_anonymous_volume_is_that_of_its_container() {
    let mut sample = Sample::new();
    sample.anonymous("web", 1);
    let plan = sample.plan();
    assert_eq!(row(&plan, "web:/anon").volume.real_name(), None);
    assert_eq!(plan.start.create, ["web"]);
    let mut web = user("web", &"a".repeat(64));
    web.mounts[0].destination = "/anon".into();
    sample.existing(&"a".repeat(64), Standing::Empty, vec![web]);
    let plan = sample.plan();
    assert_eq!(
        row(&plan, "web:/anon").volume.real_name(),
        Some("a".repeat(64).as_str())
    );
    assert!(plan.start.create.is_empty());
}

#[test]
fn services_and_volumes_choose_what_is_put_back() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.volume("pages", "web");
    sample.anonymous("web", 1);
    sample.request.services = vec!["web".into()];
    let names = |sample: &mut Sample| {
        let plan = sample.plan();
        plan.volumes
            .iter()
            .map(|row| row.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&mut sample), ["pages", "web:/anon"]);
    sample.request.services.clear();
    sample.request.volumes = vec!["db".into()];
    sample.request.scopes = [Scope::Volumes].into();
    assert_eq!(names(&mut sample), ["db"]);
    sample.request.volumes = vec!["volumes/project/db.tar".into()];
    assert_eq!(names(&mut sample), ["db"], "by its path in the dump");
    assert!(sample.plan().config.is_none());
    assert!(
        sample.plan().start.services.is_empty(),
        "nobody was stopped for it"
    );
}

#[test]
fn names_that_mean_nothing_are_told_with_those_that_do() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.request.services = vec!["dbb".into()];
    sample.request.volumes = vec!["pages".into()];
    let findings = sample.select().expect_err("both are unknown");
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["restore::service", "restore::volume"]);
    assert_eq!(
        findings[0].help.as_deref(),
        Some("did you mean `db`? its services: db")
    );
}

#[test]
fn nothing_to_put_back_is_a_finding() {
    let mut sample = Sample::new();
    sample.request.scopes = [Scope::Volumes].into();
    let findings = sample.select().expect_err("there is no volume");
    assert_eq!(findings[0].code, "restore::nothing");
}

#[test]
fn an_external_volume_is_made_only_when_that_was_said() {
    let mut sample = Sample::new();
    sample.volume("shared", "web");
    let shared = sample
        .model()
        .volumes
        .get_mut("shared")
        .expect("it is declared");
    (shared.external, shared.name) = (true, "shared".into());
    assert_eq!(sample.conflicts(), ["restore::external"]);
    sample.request.create_external = true;
    assert!(sample.conflicts().is_empty());
}

#[test]
fn a_copy_is_independent() {
    let mut sample = Sample::new();
    sample.facts.named.name = "staging".into();
    sample.facts.named.is_found = false;
    sample.facts.named.is_same = false;
    sample.request.copy_as = Some("staging".into());
    sample.volume("db", "db");
    sample.service("db").container_name = Some("the-db".into());
    let plan = sample.plan();
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    assert_eq!(row(&plan, "db").volume.real_name(), Some("staging_db"));
    assert_eq!(plan.writes[0].what, "COMPOSE_PROJECT_NAME=staging");
    assert!(plan.warnings[0].contains("the-db"), "{:?}", plan.warnings);
    let fixed = sample
        .model()
        .volumes
        .get_mut("db")
        .expect("it is declared");
    fixed.name = "blog_db".into();
    assert_eq!(sample.conflicts(), ["restore::shared_name"]);
}

#[test]
fn without_an_engine_files_alone_can_be_put_back() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.facts.engine = Err("nobody listens".into());
    assert_eq!(sample.conflicts(), ["restore::no_engine"]);
    sample.request.scopes = [Scope::Config].into();
    assert!(sample.conflicts().is_empty());
}

#[test]
fn what_lay_outside_is_told_and_not_written() {
    let mut sample = Sample::new();
    sample.member("config-outside", MemberKind::Tree, Source::ConfigOutside);
    let plan = sample.plan();
    assert_eq!(plan.left_out[0].what, "config-outside");
}

#[test]
fn a_volume_left_half_written_may_be_written_again() {
    let mut sample = Sample::new();
    sample.volume("db", "db");
    sample.existing("blog_db", Standing::Full, Vec::new());
    sample.facts.unfinished.insert("blog_db".into());
    assert!(sample.conflicts().is_empty());
    assert!(row(&sample.plan(), "db").unfinished);
}

#[test]
fn an_override_file_in_the_folder_is_not_replaced_by_digests() {
    let mut sample = Sample::new();
    sample.request.pin = true;
    sample.facts.has_override = true;
    let plan = sample.plan();
    assert!(plan.writes.is_empty(), "{:?}", plan.writes);
    assert!(plan.warnings.iter().any(|text| text.contains("not pinned")));
}
