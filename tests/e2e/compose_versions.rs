//! Compose v1 and v2 bring the same project up, and its dumps are the same.

use std::process::Command;

use crate::support::{IMAGE, Project, docker, now, paused, succeed, verify};

/// The program of Compose v1, by `COMPOSE_V1` or in the path.
pub(crate) fn compose_v1() -> String {
    let program = std::env::var("COMPOSE_V1").unwrap_or_else(|_| "docker-compose".to_owned());
    let version = succeed(Command::new(&program).args(["version", "--short"]));
    assert!(
        version.starts_with("1."),
        "`{program}` is Compose {version}: install 1.29.2 (Debian 12's docker-compose), or name it in COMPOSE_V1"
    );
    program
}

#[test]
#[ignore = "needs an engine, Compose v1 and v2: tests/run.sh"]
fn both_versions_projects_are_dumped_alike() {
    let project = Project::new("services: {}");
    std::fs::remove_file(project.path("compose.yaml")).unwrap();
    project.write(
        "docker-compose.yml",
        &format!(
            "services:
  web:
    image: {IMAGE}:volume
    network_mode: none
    build: app
    env_file: web.env
    volumes: ['data:/data', './media:/media', '/anon']
  side: {{image: {IMAGE}, network_mode: none, volumes_from: [web]}}
  idle: {{image: {IMAGE}, network_mode: none}}
volumes: {{data: {{}}}}
"
        ),
    );
    project.write(
        "docker-compose.override.yml",
        "services: {idle: {env_file: idle.env}}\n",
    );
    for (path, content) in [
        ("web.env", "A=1\n"),
        ("idle.env", "A=1\n"),
        ("app/Dockerfile", "FROM scratch\n"),
        ("media/file", "mounted\n"),
    ] {
        project.write(path, content);
    }

    let v1 = compose_v1();
    let mut up = Command::new(v1);
    succeed(
        up.args(["up", "-d", "--no-build"])
            .current_dir(&project.dir),
    );
    let since = now();
    let first = verify(&project.dump_to_folder(&[]));
    let held_by_v1 = paused(&project, &since);
    assert_eq!(held_by_v1.len(), 2, "{held_by_v1:?}");

    let filter = format!("label=com.docker.compose.project={}", project.name);
    let ids = docker(&["ps", "-aq", "--filter", &filter]);
    let mut remove = vec!["rm", "-fv"];
    remove.extend(ids.lines());
    docker(&remove);

    project.up();
    let since = now();
    let second = verify(&project.dump_to_folder(&[]));
    assert_eq!(paused(&project, &since), ["side-1", "web-1"]);

    assert_eq!(first.members(), second.members());
    assert_eq!(
        first.members(),
        [
            "config",
            "volumes/mounted/media",
            "volumes/project/data.tar",
            "volumes/services/web/1-anon-127f700f.tar",
            "volumes/services/web/1-srv_anon-66f07ae0.tar",
        ]
    );
    assert_eq!(first.files("config"), second.files("config"));
    assert_eq!(first.left_out(), second.left_out());
}
