//! Which volumes are a project's, under which names, and how they are read.

use std::collections::BTreeMap;

use crate::config::job_file::rules::Services;
use crate::config::settings::ReaderChoice;
use crate::plan::model::{Plan, ReaderPlan, Scope, VolumePlan};
use crate::plan::samples::{Sample, anonymous, container, volume_mount, volume_row};

fn members(plan: &Plan) -> Vec<&str> {
    plan.volumes
        .iter()
        .filter_map(|volume| volume.member.as_deref())
        .collect()
}

fn why(row: &VolumePlan) -> (bool, &str) {
    (row.decision.taken, &row.decision.why)
}

#[test]
fn the_engine_wins_on_names_by_label() {
    let mut sample = Sample::new();
    sample.volume("db", &["db"]);
    sample.existing("old-name", Some("db"));
    let plan = sample.plan();
    assert_eq!(volume_row(&plan, "db").name.as_deref(), Some("old-name"));
    assert_eq!(members(&plan), ["volumes/project/db.tar"]);
    // Where the model's name exists, that is the one which Compose mounts; the other one is still
    // the project's, and has a name of its own.
    sample.existing("blog_db", None);
    let plan = sample.plan();
    assert_eq!(volume_row(&plan, "db").name.as_deref(), Some("blog_db"));
    assert_eq!(
        members(&plan),
        ["volumes/project/db.tar", "volumes/project/old-name.tar"]
    );
}

#[test]
fn labelled_volumes_are_the_projects_whatever_the_files_say() {
    let mut sample = Sample::new();
    sample.existing("blog_gone", Some("gone"));
    sample.existing("one", Some("twin"));
    sample.existing("two", Some("twin"));
    let plan = sample.plan();
    assert_eq!(
        members(&plan),
        [
            "volumes/project/gone.tar",
            "volumes/project/one.tar",
            "volumes/project/two.tar"
        ]
    );
    assert!(
        why(volume_row(&plan, "gone"))
            .1
            .contains("no Compose file declares it any more")
    );
    sample.request.settings.services = Services::Named(vec!["web".into()]);
    sample.service("web");
    assert_eq!(
        why(volume_row(&sample.plan(), "gone")),
        (false, "no chosen service mounts it")
    );
}

#[test]
fn one_volume_under_two_keys_is_stored_once() {
    let mut sample = Sample::new();
    sample.volume("a", &["web"]).name = "shared".into();
    sample.volume("b", &["db"]).name = "shared".into();
    sample.existing("shared", None);
    let plan = sample.plan();
    assert_eq!(members(&plan), ["volumes/project/a.tar"]);
    assert_eq!(
        why(volume_row(&plan, "b")),
        (false, "the same volume as `a`")
    );
    // The service of the other key is as good a reason to store it.
    sample.request.settings.services = Services::Named(vec!["db".into()]);
    assert_eq!(members(&sample.plan()), ["volumes/project/a.tar"]);
}

#[test]
fn what_is_left_out_says_why() {
    let mut sample = Sample::new();
    sample.volume("shared", &["web"]).external = true;
    sample.existing("blog_shared", None);
    sample.volume("new", &["web"]);
    let options = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    };
    let windows = [
        (
            "bind",
            options(&[("type", "none"), ("o", "ro, bind"), ("device", "/srv/x")]),
            "a bind of the host folder `/srv/x`; it has to be named to be stored",
        ),
        (
            "nfs",
            options(&[("type", "nfs"), ("o", "addr=h,rw"), ("device", ":/x")]),
            "a network mount (nfs `:/x`); it has to be named to be stored",
        ),
        (
            "mem",
            options(&[("type", "tmpfs"), ("device", "tmpfs")]),
            "memory, which has no lasting content",
        ),
        (
            "gluster",
            options(&[("type", "glusterfs"), ("device", "h:/x")]),
            "a mount of `h:/x` (type `glusterfs`); it has to be named to be stored",
        ),
    ];
    for (key, options, _) in &windows {
        sample.volume(key, &["web"]);
        sample.existing(&format!("blog_{key}"), Some(key)).options = options.clone();
    }
    let plan = sample.plan();
    assert_eq!(
        why(volume_row(&plan, "shared")),
        (false, "external: it is managed outside of this project")
    );
    assert!(
        why(volume_row(&plan, "new"))
            .1
            .starts_with("does not exist at the engine")
    );
    for (key, _, expected) in &windows {
        assert_eq!(why(volume_row(&plan, key)), (false, *expected));
        assert!(
            volume_row(&plan, key).driver.is_some(),
            "the manifest says what it was"
        );
    }
    assert!(members(&plan).is_empty());
}

#[test]
fn a_volume_with_a_quota_or_a_device_of_its_own_has_content() {
    let mut sample = Sample::new();
    sample
        .existing("blog_q", Some("q"))
        .options
        .insert("size".into(), "10G".into());
    let disk = sample.existing("blog_d", Some("d"));
    disk.options.insert("type".into(), "ext4".into());
    disk.options.insert("device".into(), "/dev/sdb1".into());
    let plan = sample.plan();
    assert_eq!(
        members(&plan),
        ["volumes/project/d.tar", "volumes/project/q.tar"]
    );
    let reader = volume_row(&plan, "d").reader.as_ref();
    assert!(
        matches!(reader, Some(ReaderPlan::Engine { because }) if because == "it has mount options")
    );
    let told = |plan: &Plan| {
        let mut warnings = plan.warnings.iter();
        warnings.any(|warning| warning.contains("the engine's API (it has mount options)"))
    };
    assert!(told(&plan), "{:?}", plan.warnings);
    sample.request.settings.reader = ReaderChoice::Engine;
    assert!(!told(&sample.plan()), "somebody has chosen it");
}

#[test]
fn anonymous_volumes_are_stored_per_replica_and_with_their_owner() {
    let mut sample = Sample::new();
    let (one, two, own) = (anonymous('1'), anonymous('2'), anonymous('3'));
    for name in [&one, &two, &own] {
        sample.existing(name, None);
    }
    // `aide` comes first by name, and has the volumes of `web` by volumes_from.
    sample.service("web");
    sample.volumes_from("aide", "web");
    sample.volumes_from("back", "aide");
    sample.container(container("web", 1, vec![volume_mount(&one)]));
    sample.container(container("web", 2, vec![volume_mount(&two)]));
    let mut of_aide = volume_mount(&own);
    of_aide.destination = "/own".into();
    sample.container(container(
        "aide",
        1,
        vec![volume_mount(&one), of_aide.clone()],
    ));
    sample.container(container("back", 1, vec![volume_mount(&one), of_aide]));
    let plan = sample.plan();
    // printf /data | sha256sum | cut -c1-8; printf /own | sha256sum | cut -c1-8
    assert_eq!(
        members(&plan),
        [
            "volumes/services/aide/1-own-4840ee37.tar",
            "volumes/services/web/1-data-bd47413b.tar",
            "volumes/services/web/2-data-bd47413b.tar",
        ]
    );
    assert_eq!(
        volume_row(&plan, "web/1:/data").services,
        ["aide", "back", "web"]
    );
    sample.request.settings.services = Services::Named(vec!["back".into()]);
    assert_eq!(
        members(&sample.plan()).len(),
        3,
        "it has them all by volumes_from"
    );
}

#[test]
fn containers_in_transition_do_not_share_a_member() {
    let mut sample = Sample::new();
    let (old, new) = (anonymous('a'), anonymous('b'));
    sample.existing(&old, None);
    sample.existing(&new, None);
    let mut replaced = container("web", 1, vec![volume_mount(&old)]);
    replaced.name = "0123_blog-web-1".into();
    replaced.id = "other".into();
    sample.container(replaced);
    sample.container(container("web", 1, vec![volume_mount(&new)]));
    let plan = sample.plan();
    let members = members(&plan);
    assert_eq!(members.len(), 2);
    assert_ne!(members[0], members[1]);
}

#[test]
fn volumes_of_others_and_of_one_off_containers_are_left_out_with_a_reason() {
    let mut sample = Sample::new();
    sample.existing("theirs", None);
    sample.container(container("web", 1, vec![volume_mount("theirs")]));
    let scratch = anonymous('5');
    sample.existing(&scratch, None);
    let mut run = container("web", 2, vec![volume_mount(&scratch)]);
    run.oneoff = true;
    sample.container(run);
    let gone = anonymous('6');
    sample.container(container("db", 1, vec![volume_mount(&gone)]));
    let plan = sample.plan();
    assert!(
        why(volume_row(&plan, "web/1:/data"))
            .1
            .starts_with("a named volume that is not")
    );
    assert!(
        why(volume_row(&plan, "web/2:/data"))
            .1
            .contains("docker compose run")
    );
    assert_eq!(
        why(volume_row(&plan, "db/1:/data")),
        (false, "the engine does not know it any more")
    );
}

#[test]
fn direct_is_chosen_only_where_it_is_proven() {
    let reader = |change: &dyn Fn(&mut Sample)| {
        let mut sample = Sample::new();
        sample.volume("db", &["db"]);
        sample.existing("blog_db", Some("db"));
        change(&mut sample);
        match volume_row(&sample.plan(), "db").reader.clone() {
            Some(ReaderPlan::Direct { .. }) => "direct".to_owned(),
            Some(ReaderPlan::Engine { because }) => because,
            None => "left out".to_owned(),
        }
    };
    let db = |sample: &mut Sample| sample.existing("blog_db", Some("db")).clone();
    assert_eq!(reader(&|_| ()), "direct");
    assert_eq!(
        reader(&|sample| sample.request.settings.reader = ReaderChoice::Engine),
        "the setting `reader` says so"
    );
    assert_eq!(
        reader(&|sample| sample.engine().local = Err("far away".into())),
        "far away"
    );
    assert_eq!(
        reader(&|sample| sample.existing("blog_db", Some("db")).driver = "rexray".into()),
        "its driver is `rexray`"
    );
    assert!(reader(&|sample| sample.engine().daemon.userns_remap = true).contains("user ids"));
    assert_eq!(
        reader(&|sample| sample.existing("blog_db", Some("db")).mountpoint = None),
        "the engine names no folder for it"
    );
    let denied = |sample: &mut Sample| {
        let name = db(sample).name;
        sample
            .engine()
            .unreadable
            .insert(name, "Permission denied".into());
    };
    assert_eq!(
        reader(&denied),
        "its folder cannot be read: Permission denied"
    );
}

#[test]
fn a_reader_that_was_asked_for_and_cannot_be_is_a_finding() {
    let mut sample = Sample::new();
    sample.existing("blog_a", Some("a")).driver = "rexray".into();
    sample.existing("blog_b", Some("b"));
    sample.request.settings.reader = ReaderChoice::Direct;
    let findings = sample.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "plan::reader");
    assert!(findings[0].message.contains("`a`"));
    assert!(findings[0].help.is_some());
}

#[test]
fn without_the_scope_or_an_engine_every_volume_is_listed_all_the_same() {
    let mut sample = Sample::new();
    sample.volume("db", &["db"]);
    sample.existing("blog_db", Some("db"));
    sample
        .request
        .settings
        .scopes
        .retain(|scope| *scope != Scope::Volumes);
    assert_eq!(
        why(volume_row(&sample.plan(), "db")),
        (false, "scope `volumes` was not asked for")
    );
    sample.facts.engine = Err("no engine answers".into());
    assert_eq!(
        why(volume_row(&sample.plan(), "db")),
        (false, "scope `volumes` was not asked for")
    );
    sample.request.settings.scopes.push(Scope::Volumes);
    assert_eq!(
        why(volume_row(&sample.plan(), "db")),
        (false, "no engine answers")
    );
}
