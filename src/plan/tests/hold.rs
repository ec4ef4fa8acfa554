//! Who is paused, and who goes on and why.

use std::time::Duration;

use crate::archive::manifest::model::Hold;
use crate::compose::Condition;
use crate::config::job_file::rules::{MountedRule, PauseMode, Services, Window};
use crate::config::span::Span;
use crate::engine::ContainerState;
use crate::plan::model::{HoldPlan, Scope};
use crate::plan::samples::{Sample, at, bind_mount, container, volume_mount};

/// A project with a volume `db`, which exists.
fn with_volume() -> Sample {
    let mut sample = Sample::new();
    sample.volume("db", &["db"]);
    sample.existing("blog_db", Some("db"));
    sample
}

fn paused(hold: &HoldPlan) -> Vec<&str> {
    hold.pause.iter().map(|held| &*held.name).collect()
}

fn go_on(hold: &HoldPlan) -> Vec<(&str, &str)> {
    let rows = hold.go_on.iter();
    rows.map(|row| (&*row.name, &*row.why)).collect()
}

#[test]
fn only_running_containers_that_can_write_to_what_is_read_are_paused() {
    let mut sample = with_volume();
    sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    sample.container(container("web", 1, vec![volume_mount("other")]));
    let mut reader = volume_mount("blog_db");
    reader.writable = false;
    sample.container(container("stats", 1, vec![reader.clone()]));
    // Read-only here and writable there is writable.
    let both = vec![reader, volume_mount("blog_db")];
    sample.container(container("both", 1, both));
    let states = [
        ContainerState::Created,
        ContainerState::Exited,
        ContainerState::Paused,
        ContainerState::Dead,
        ContainerState::Removing,
    ];
    for (number, state) in (2..).zip(states) {
        let mut still = container("db", number, vec![volume_mount("blog_db")]);
        still.state = state;
        sample.container(still);
    }
    let plan = sample.plan();
    assert_eq!(paused(&plan.hold), ["blog-both-1", "blog-db-1"]);
    let already: Vec<&str> = plan.hold.paused.iter().map(|held| &*held.name).collect();
    assert_eq!(already, ["blog-db-4"], "it is watched");
    assert_eq!(plan.hold.paused[0].uses, ["volumes/project/db.tar"]);
    assert_eq!(plan.hold.pause[1].uses, ["volumes/project/db.tar"]);
    assert_eq!(plan.hold.pause[1].service, "db");
    assert_eq!(
        go_on(&plan.hold),
        [("blog-stats-1", "it mounts what is read read-only")]
    );
}

#[test]
fn nobody_is_paused_for_what_is_not_read() {
    let mut sample = with_volume();
    sample.container(container("db", 1, vec![volume_mount("blog_db")]));
    sample
        .request
        .settings
        .scopes
        .retain(|scope| *scope != Scope::Volumes);
    assert_eq!(sample.plan().hold, HoldPlan::default());
}

#[test]
fn of_those_that_are_paused_already_only_who_would_be_held_is_watched() {
    let mut sample = with_volume();
    let mut still = container("db", 1, vec![volume_mount("blog_db")]);
    still.state = ContainerState::Paused;
    let mut reader = container("reader", 1, still.mounts.clone());
    reader.mounts[0].writable = false;
    reader.state = ContainerState::Paused;
    let mut theirs = container("theirs", 1, still.mounts.clone());
    (theirs.project, theirs.state) = (Some("other".into()), ContainerState::Paused);
    sample.container(still.clone());
    sample.container(reader.clone());
    let users = vec![still, reader, theirs];
    sample.engine().users.insert("blog_db".into(), users);
    let hold = sample.plan().hold;
    let already: Vec<&str> = hold.paused.iter().map(|held| &*held.name).collect();
    assert_eq!(already, ["blog-db-1"]);
    assert!(hold.pause.is_empty() && hold.go_on.is_empty());
    sample.request.no_pause = true;
    assert_eq!(sample.plan().hold, HoldPlan::default());
}

#[test]
fn those_that_must_not_or_cannot_be_paused_are_named() {
    let mut sample = with_volume();
    for (service, state) in [
        ("self", ContainerState::Running),
        ("loop", ContainerState::Restarting),
        ("odd", ContainerState::Unknown("hibernating".into())),
    ] {
        let mut it = container(service, 1, vec![volume_mount("blog_db")]);
        it.state = state;
        sample.container(it);
    }
    sample.engine().own_container = Some("blog-self-1".into());
    let mut theirs = container("theirs", 1, vec![volume_mount("blog_db")]);
    theirs.project = Some("other".into());
    let mut stopped = theirs.clone();
    (stopped.id, stopped.state) = ("stopped".into(), ContainerState::Exited);
    let ours = sample.engine().containers.clone();
    let users = ours.into_iter().chain([theirs, stopped]).collect();
    sample.engine().users.insert("blog_db".into(), users);
    let plan = sample.plan();
    assert_eq!(paused(&plan.hold), ["blog-odd-1"]);
    assert_eq!(
        go_on(&plan.hold),
        [
            ("blog-loop-1", "it is restarting, and cannot be held"),
            ("blog-self-1", "this program runs in it"),
            (
                "blog-theirs-1",
                "it is not of this project, and shares a volume with it"
            ),
        ]
    );
    sample.request.no_pause = true;
    let plan = sample.plan();
    assert!(plan.hold.pause.is_empty());
    assert!(go_on(&plan.hold).contains(&("blog-odd-1", "`--no-pause`")));
}

#[test]
fn binds_that_overlap_with_a_mounted_path_count() {
    let mut sample = Sample::new();
    sample.bind("web", "media");
    sample.container(container("web", 1, vec![bind_mount("media")]));
    sample.container(container("above", 1, vec![bind_mount(".")]));
    sample.container(container("below", 1, vec![bind_mount("media/thumbs")]));
    sample.container(container("beside", 1, vec![bind_mount("media2")]));
    let plan = sample.plan();
    assert_eq!(
        paused(&plan.hold),
        ["blog-above-1", "blog-below-1", "blog-web-1"]
    );
    assert_eq!(plan.hold.pause[0].uses, ["volumes/mounted/media"]);
}

#[test]
fn a_mount_below_that_is_not_read_keeps_nobody_waiting() {
    let mut sample = Sample::new();
    sample.bind("web", "data");
    sample.bind("db", "data/db");
    sample.container(container("web", 1, vec![bind_mount("data")]));
    sample.container(container("db", 1, vec![bind_mount("data/db")]));
    let plan = sample.plan();
    assert_eq!(paused(&plan.hold), ["blog-db-1", "blog-web-1"]);
    assert_eq!(plan.hold.pause[0].uses, ["volumes/mounted/data/db"]);
    // Whom nobody chose still writes to what is read with the folder around it.
    sample.request.settings.services = Services::Named(vec!["web".into()]);
    assert_eq!(paused(&sample.plan().hold), ["blog-db-1", "blog-web-1"]);
    let skip = ("./data/db".to_owned(), MountedRule::Skip);
    sample.request.settings.services = Services::All;
    sample.request.rules.mounted.extend([skip]);
    assert_eq!(paused(&sample.plan().hold), ["blog-web-1"]);
}

#[test]
fn a_project_folder_with_two_names_is_one_place() {
    let mut sample = Sample::new();
    sample.bind("web", "media");
    sample.place(at("."), true).real = "/disk/blog".into();
    let mut mount = bind_mount("media");
    mount.source = Some("/disk/blog/media".into());
    sample.container(container("web", 1, vec![mount]));
    sample.container(container("db", 1, vec![bind_mount("media")]));
    sample.place(at("media"), true).real = "/disk/blog/media".into();
    assert_eq!(paused(&sample.plan().hold), ["blog-db-1", "blog-web-1"]);
}

#[test]
fn policies_are_of_services_and_stopping_spares_what_would_not_come_back() {
    let mut sample = with_volume();
    for service in ["db", "web", "free"] {
        sample.container(container(service, 1, vec![volume_mount("blog_db")]));
    }
    let mut removed = container("db", 2, vec![volume_mount("blog_db")]);
    removed.auto_remove = true;
    let mut oneoff = container("db", 3, vec![volume_mount("blog_db")]);
    oneoff.oneoff = true;
    sample.container(removed);
    sample.container(oneoff);
    let pause = &mut sample.request.settings.pause;
    pause.services.insert("db".into(), PauseMode::Stop);
    pause.services.insert("free".into(), PauseMode::None);
    pause.window = Window::Volume;
    pause.max_downtime = Some(Span(Duration::from_secs(60)));
    let hold = sample.plan().hold;
    assert_eq!(paused(&hold), ["blog-db-2", "blog-db-3", "blog-web-1"]);
    assert_eq!(hold.stop.len(), 1);
    assert_eq!(
        (&*hold.stop[0].name, hold.stop[0].how),
        ("blog-db-1", Hold::Stopped)
    );
    assert_eq!(
        go_on(&hold),
        [("blog-free-1", "the rule `pause.services.free: none`")]
    );
    assert_eq!(hold.window, Window::Volume);
    let table = crate::plan::table::render(&sample.plan());
    for line in ["stopped", "one volume after the other", "at most 1m"] {
        assert!(table.contains(line), "no `{line}` in {table}");
    }
}

#[test]
fn who_depends_on_whom_is_said_by_files_and_labels() {
    let mut sample = with_volume();
    sample.request.settings.pause.default = PauseMode::Stop;
    for service in ["app", "db", "web"] {
        let mut it = container(service, 1, vec![volume_mount("blog_db")]);
        if service == "web" {
            let label = "com.docker.compose.depends_on".to_owned();
            it.labels.insert(label, "app:service_started:false".into());
        }
        sample.container(it);
        sample.service(service);
    }
    let app = sample
        .facts
        .project
        .services
        .get_mut("app")
        .expect("a service");
    app.depends_on.insert("db".into(), Condition::Healthy);
    let hold = sample.plan().hold;
    let ranks: Vec<(&str, u32)> = hold
        .stop
        .iter()
        .map(|held| (&*held.service, held.rank))
        .collect();
    assert_eq!(ranks, [("app", 1), ("db", 0), ("web", 2)]);
}
