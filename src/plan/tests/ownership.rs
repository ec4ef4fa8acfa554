//! Each file of the project is stored once, or left out with a reason.

use crate::compose::{Mount, MountKind, MountSource, Role};
use crate::config::job_file::rules::Services;
use crate::plan::links::PathEnd;
use crate::plan::model::{Scope, TreeReader};
use crate::plan::samples::{Sample, at, config_row, mounted_row, stored_in};
use crate::sources::filter::BackupIgnore;

#[test]
fn a_named_file_inside_a_mount_is_config() {
    let mut sample = Sample::new();
    sample.bind("web", "conf");
    sample.refer("conf/app.env", Role::EnvFile, &["web"]);
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "conf/app.env"), ["config"]);
    assert_eq!(stored_in(&plan, "conf/other"), ["volumes/mounted/conf"]);
    sample
        .request
        .settings
        .scopes
        .retain(|scope| *scope != Scope::Config);
    assert!(stored_in(&sample.plan(), "conf/app.env").is_empty());
}

#[test]
fn a_mount_inside_a_build_context_owns_its_files_also_when_it_is_not_asked_for() {
    let mut sample = Sample::new();
    sample.build("web", "app");
    sample.bind("web", "app/uploads");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "app/main.py"), ["config"]);
    assert_eq!(
        stored_in(&plan, "app/uploads/x"),
        ["volumes/mounted/app/uploads"]
    );
    sample
        .request
        .settings
        .scopes
        .retain(|scope| *scope != Scope::Mounted);
    let plan = sample.plan();
    assert!(stored_in(&plan, "app/uploads/x").is_empty());
    let row = mounted_row(&plan, "app/uploads");
    assert_eq!(row.decision.why, "scope `mounted` was not asked for");
}

#[test]
fn a_build_context_inside_a_mount_is_part_of_it() {
    let mut sample = Sample::new();
    sample.bind("web", "site");
    sample.build("web", "site/app");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "site/app/a"), ["volumes/mounted/site"]);
    assert_eq!(stored_in(&plan, "site/app/Dockerfile"), ["config"]);
    let row = config_row(&plan, "site/app");
    assert_eq!(row.decision.why, "part of the mounted path `site`");
}

#[test]
fn a_mount_of_the_project_folder_takes_all_that_no_key_names() {
    let mut sample = Sample::new();
    sample.bind("web", ".");
    sample.bind("db", "data");
    sample.build("web", ".");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "compose.yaml"), ["config"]);
    assert_eq!(stored_in(&plan, "Dockerfile"), ["config"]);
    assert_eq!(stored_in(&plan, "src/a"), ["volumes/mounted"]);
    assert_eq!(stored_in(&plan, "data/a"), ["volumes/mounted/data"]);
}

#[test]
fn the_deepest_of_nested_mounts_and_config_folders_owns() {
    let mut sample = Sample::new();
    sample.bind("web", "a");
    sample.bind("web", "a/b/c");
    sample.folder("a/b");
    sample.refer("a/b", Role::ConfigFile, &["web"]);
    sample.folder("secrets");
    sample.refer("secrets", Role::SecretFile, &["web"]);
    sample.bind("web", "secrets");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "a/x"), ["volumes/mounted/a"]);
    assert_eq!(stored_in(&plan, "a/b/x"), ["config"]);
    assert_eq!(stored_in(&plan, "a/b/c/x"), ["volumes/mounted/a/b/c"]);
    assert_eq!(stored_in(&plan, "secrets/x"), ["config"]);
    let row = mounted_row(&plan, "secrets");
    assert!(row.decision.why.starts_with("stored as config"));
}

#[test]
fn two_sources_of_one_place_are_stored_by_the_one_that_is_chosen() {
    let mut sample = Sample::new();
    sample.linked("alias", &["alias"], "data", PathEnd::Folder);
    sample.bind("a", "alias");
    sample.bind("b", "data");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "data/x"), ["volumes/mounted/data"]);
    assert_eq!(stored_in(&plan, "alias"), ["volumes/mounted/alias"]);
    assert!(
        mounted_row(&plan, "alias")
            .decision
            .why
            .ends_with("whose content is stored with `data`")
    );
    for (chosen, member) in [
        ("a", "volumes/mounted/alias"),
        ("b", "volumes/mounted/data"),
    ] {
        sample.request.settings.services = Services::Named(vec![chosen.into()]);
        assert_eq!(stored_in(&sample.plan(), "data/x"), [member], "{chosen}");
    }
}

#[test]
fn a_link_on_the_way_to_several_mounts_is_stored_once() {
    let mut sample = Sample::new();
    let folder = PathEnd::Folder;
    sample.linked("now", &["now"], "releases/1", folder.clone());
    sample.linked("now/a", &["now"], "releases/1/a", folder.clone());
    sample.linked("now/b", &["now"], "releases/1/b", folder.clone());
    sample.bind("web", "now/a");
    sample.bind("web", "now/b");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "now"), ["volumes/mounted/now/a"]);
    assert_eq!(
        stored_in(&plan, "releases/1/b/x"),
        ["volumes/mounted/now/b"]
    );
    // Two links to one place outside: the second has nothing left.
    sample.linked("out", &["out"], "/mnt/disk", folder.clone());
    sample.linked("out/deep", &["out"], "/mnt/disk/deep", folder.clone());
    sample.bind("web", "out");
    sample.bind("web", "out/deep");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "out"), ["volumes/mounted/out"]);
    let row = mounted_row(&plan, "out/deep");
    assert_eq!(
        row.decision.why,
        "a link that is stored with `volumes/mounted/out`"
    );
    // A link inside a folder that is taken whole, whatever the order of the sources.
    sample.linked("z/now/c", &["z/now"], "releases/2/c", folder);
    sample.bind("web", "z/now/c");
    sample.linked("zz", &["zz"], "z", PathEnd::Folder);
    sample.bind("web", "zz");
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "z/now"), ["volumes/mounted/zz"]);
    assert_eq!(
        stored_in(&plan, "releases/2/c/x"),
        ["volumes/mounted/z/now/c"]
    );
}

#[test]
fn links_among_config_are_stored_with_what_they_lead_to_in_the_project() {
    let mut sample = Sample::new();
    let file = PathEnd::File { bytes: 5 };
    sample.linked("web.env", &["web.env"], "conf/web.env", file.clone());
    sample.refer("web.env", Role::EnvFile, &["web"]);
    sample.linked("host.env", &["host.env"], "/etc/host.env", file);
    sample.refer("host.env", Role::EnvFile, &["web"]);
    sample.linked("dead.env", &["dead.env"], "gone.env", PathEnd::Missing);
    sample.refer("dead.env", Role::EnvFile, &["web"]);
    let plan = sample.plan();
    for path in ["web.env", "conf/web.env", "host.env", "dead.env"] {
        assert_eq!(stored_in(&plan, path), ["config"], "{path}");
    }
    let why = |path| &config_row(&plan, path).decision.why;
    let outside = config_row(&plan, "host.env");
    assert!(!outside.decision.taken, "its content is not in the dump");
    assert!(why("host.env").contains("to `/etc/host.env`; the link alone is stored"));
    assert!(why("dead.env").ends_with("a link to nothing"));
    assert_eq!(config_row(&plan, "web.env").kind, "link");

    sample.request.settings.config.resolve_symlinks = true;
    let plan = sample.plan();
    assert!(plan.trees[0].follow_links);
    assert!(stored_in(&plan, "conf/web.env").is_empty());
    assert_eq!(stored_in(&plan, "web.env"), ["config"]);
}

#[test]
fn what_is_left_out_says_why() {
    let mut sample = Sample::new();
    sample.refer("/etc/app.env", Role::EnvFile, &["web"]);
    sample.end("gone.env", PathEnd::Missing);
    sample.refer("gone.env", Role::EnvFile, &["web"]);
    sample.end("loop.env", PathEnd::Loop);
    sample.refer("loop.env", Role::EnvFile, &["web"]);
    sample.end("app.sock", PathEnd::Special("socket"));
    sample.bind("web", "app.sock");
    sample.bind("web", "/run/docker.sock");
    sample.end("gone", PathEnd::Missing);
    sample.bind("web", "gone");
    let plan = sample.plan();
    let config = [
        ("/etc/app.env", "outside the project folder"),
        ("gone.env", "does not exist, and Compose fails without it"),
        ("loop.env", "a chain of links without an end"),
    ];
    for (path, why) in config {
        assert_eq!(config_row(&plan, path).decision.why, why, "{path}");
    }
    let mounted = [
        ("app.sock", "a socket, which has no content to store"),
        ("/run/docker.sock", "outside the project folder"),
        ("gone", "does not exist"),
    ];
    for (path, why) in mounted {
        let row = mounted_row(&plan, path);
        assert_eq!((row.decision.taken, &*row.decision.why), (false, why));
        assert_eq!(row.member, None);
    }
}

#[test]
fn chosen_services_restrict_contexts_and_mounts_but_not_other_config() {
    let mut sample = Sample::new();
    sample.build("web", "web");
    sample.build("job", "job");
    sample.refer("job", Role::WatchedPath, &["job"]);
    sample.refer("job.env", Role::EnvFile, &["job"]);
    sample.refer("web/src", Role::WatchedPath, &["web"]);
    sample.bind("web", "media");
    sample.bind("job", "queue");
    sample.request.settings.services = Services::Named(vec!["web".into()]);
    let plan = sample.plan();
    assert_eq!(stored_in(&plan, "web/a"), ["config"]);
    assert!(stored_in(&plan, "job/a").is_empty());
    assert_eq!(
        config_row(&plan, "job").decision.why,
        "no chosen service is built from it"
    );
    assert_eq!(stored_in(&plan, "job.env"), ["config"]);
    assert!(
        config_row(&plan, "web/src")
            .decision
            .why
            .starts_with("only watched")
    );
    assert_eq!(
        mounted_row(&plan, "queue").decision.why,
        "no chosen service mounts it"
    );
    // A disabled profile is as good as a service that was not chosen.
    sample.request.settings.services = Services::All;
    sample.service("job").enabled = false;
    assert!(stored_in(&sample.plan(), "queue/a").is_empty());
    // Whoever takes volumes from a service mounts what it mounts.
    sample.volumes_from("web", "job");
    assert_eq!(
        stored_in(&sample.plan(), "queue/a"),
        ["volumes/mounted/queue"]
    );
    assert!(stored_in(&sample.plan(), "job/a").is_empty());
}

#[test]
fn a_context_is_ignored_by_the_file_that_its_builder_takes() {
    let root_ignore = |sample: &Sample| {
        let plan = sample.plan();
        let roots = plan.trees[0].roots.iter();
        let root = roots.clone().find(|root| root.path.as_os_str() == "app");
        root.expect("the context is a root").dockerignore.clone()
    };
    let mut sample = Sample::new();
    sample.build("web", "app");
    assert_eq!(root_ignore(&sample), None);
    sample.refer("app/.dockerignore", Role::Dockerignore, &["web"]);
    assert_eq!(root_ignore(&sample), Some(at("app/.dockerignore")));
    // Another service that is built from there has its own rules, by its Dockerfile's name.
    sample.build("job", "app");
    assert_eq!(root_ignore(&sample), Some(at("app/.dockerignore")));
    let build = sample.service("job").build.as_mut();
    build.expect("it is built").dockerfile = Some(at("app/job.dockerfile"));
    sample.refer(
        "app/job.dockerfile.dockerignore",
        Role::Dockerignore,
        &["job"],
    );
    assert_eq!(
        root_ignore(&sample),
        None,
        "what one ignores the other needs"
    );
    sample.facts.project.services.remove("job");
    sample
        .facts
        .project
        .references
        .retain(|reference| !reference.services.contains("job"));
    sample.refer("app", Role::ConfigFile, &["web"]);
    assert_eq!(root_ignore(&sample), None, "a config has no ignore file");
}

#[test]
fn a_context_reached_by_a_link_has_its_ignore_file() {
    let mut sample = Sample::new();
    sample.build("web", "app");
    sample.linked("app", &["app"], "src/app", PathEnd::Folder);
    sample.refer("app/.dockerignore", Role::Dockerignore, &["web"]);
    let plan = sample.plan();
    let root = plan.trees[0].roots.iter().find(|root| root.whole);
    let root = root.expect("the context");
    assert_eq!(root.path.as_os_str(), "src/app");
    assert_eq!(root.dockerignore, Some(at("app/.dockerignore")));
}

#[test]
fn mounts_of_a_remote_engine_are_files_of_another_machine() {
    let mut sample = Sample::new();
    sample.engine().remote = true;
    sample.engine().local = Err("it is reached over a network".into());
    sample.build("web", "app");
    sample.end("app/data", PathEnd::Missing);
    sample.bind("web", "app/data");
    sample.bind("web", "app/data/deep");
    sample.refer("app/data/named", Role::ConfigFile, &["web"]);
    let plan = sample.plan();
    let mounted: Vec<_> = plan
        .trees
        .iter()
        .filter(|tree| tree.scope == Scope::Mounted)
        .collect();
    assert!(mounted.iter().all(|tree| tree.reader == TreeReader::Engine));
    assert_eq!(mounted[0].not, [std::path::PathBuf::from("app/data/deep")]);
    // Here `app/data` may hold something else, which is part of the context.
    assert_eq!(
        stored_in(&plan, "app/data/deep/x"),
        ["config", "volumes/mounted/app/data/deep"]
    );
    assert_eq!(
        stored_in(&plan, "app/data/named"),
        ["config", "volumes/mounted/app/data"]
    );
}

#[test]
fn the_projects_own_files_and_ignore_file_are_used() {
    let mut sample = Sample::new();
    sample.end(".backupignore", PathEnd::File { bytes: 3 });
    sample.facts.own_files = vec![at(".backupignore")];
    sample.facts.backupignore =
        Some(BackupIgnore::of_lines(&at(".backupignore"), "*.tmp").expect("patterns"));
    let plan = sample.plan();
    let row = config_row(&plan, ".backupignore");
    assert_eq!(row.decision.why, "the project's own backup rules");
    assert_eq!(plan.trees[0].ignore, Some(at(".backupignore")));
}

#[test]
fn mounts_without_a_path_of_the_host_are_listed() {
    let mut sample = Sample::new();
    let mount = |kind, source: Option<&str>| Mount {
        kind,
        source: source.map(|name| MountSource::Name(name.into())),
        target: format!("/{kind:?}"),
        read_only: false,
        subpath: None,
        named_by: "services.web.tmpfs[0]".into(),
    };
    sample.service("web").mounts = vec![
        mount(MountKind::Tmpfs, None),
        mount(MountKind::Image, Some("nginx")),
        mount(MountKind::Bind, Some("C:\\data")),
        mount(MountKind::Volume, None),
    ];
    let plan = sample.plan();
    assert_eq!(plan.mounted.len(), 3, "an anonymous volume is a volume");
    let row = mounted_row(&plan, "web:/Tmpfs");
    assert_eq!(row.decision.why, "memory, which has no lasting content");
    assert!(plan.mounted.iter().all(|row| !row.decision.taken));
}
