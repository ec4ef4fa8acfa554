//! What the engine says: itself, projects, volumes, containers' states. Holds for podman too.

use std::collections::BTreeMap;

use compose_dump::engine::{ContainerState, Engine, MountKind};

use crate::lab::{Lab, docker};

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn the_engine_describes_itself_as_its_own_client_does() {
    let lab = Lab::new("facts").await;
    let daemon = lab.engine.daemon();
    let version = docker(&["version", "--format", "{{.Server.Version}}"]);
    assert_eq!(daemon.server_version, version.trim());
    // Their versions of `docker info` differ in what they show, and podman's answer lacks some.
    if daemon.product == "Docker Engine" {
        let shown = docker(&[
            "info",
            "--format",
            "{{.ID}} {{.Name}} {{.DockerRootDir}} {{.OSType}}",
        ]);
        let root = daemon.root_dir.as_ref().unwrap().display().to_string();
        let ours = format!("{} {} {root} {}", daemon.id, daemon.name, daemon.os);
        assert_eq!(ours, shown.trim());
    }
    assert!(daemon.can_pause());
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_project_is_found_by_its_labels_in_every_state() {
    let lab = Lab::new("project").await;
    let (project, volume) = (lab.name("p"), lab.volume("data"));
    let label = format!("com.docker.compose.project={project}");
    let mount = format!("{volume}:/srv/data:ro");
    lab.container(
        "web",
        &[
            "--label",
            &label,
            "--label",
            "com.docker.compose.service=web",
            "--label",
            "com.docker.compose.container-number=2",
            "--label",
            "com.docker.compose.oneoff=False",
            "--label",
            "com.docker.compose.config-hash=abc",
            "--env",
            "PASSWORD=hunter2",
            "--tmpfs",
            "/scratch",
            "-v",
            &mount,
        ],
    );
    let job = lab.name("job");
    docker(&[
        "create",
        "--name",
        &job,
        "--network",
        "none",
        "--rm",
        "--label",
        &label,
        "--label",
        "com.docker.compose.oneoff=True",
        &lab.image("volume"),
    ]);
    lab.container("other", &["--label", "com.docker.compose.project=other"]);

    let found = lab.engine.project_containers(&project).await.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|container| container.name.clone())
        .collect();
    assert_eq!(names, [job.clone(), lab.name("web")]);
    let (job, web) = (&found[0], &found[1]);
    assert_eq!(job.state, ContainerState::Created);
    assert!(job.oneoff && job.auto_remove);
    assert_eq!(web.state, ContainerState::Running);
    assert!(!web.oneoff && !web.auto_remove);
    assert_eq!((web.service.as_deref(), web.number), (Some("web"), Some(2)));
    assert_eq!(web.config_hash.as_deref(), Some("abc"));
    assert!(!format!("{web:?}").contains("hunter2"));

    let at = |path: &str| {
        web.mounts
            .iter()
            .find(|mount| mount.destination == path)
            .unwrap()
    };
    assert_eq!(at("/srv/data").name.as_deref(), Some(volume.as_str()));
    assert!(!at("/srv/data").writable && at("/srv/data").kind == MountKind::Volume);
    assert_eq!(at("/scratch").kind, MountKind::Tmpfs);
    let anonymous = job
        .mounts
        .iter()
        .find(|mount| mount.destination == "/srv/anon")
        .unwrap();
    assert_eq!(anonymous.name.as_ref().unwrap().len(), 64);

    let image = lab.engine.image(&web.image_id).await.unwrap().unwrap();
    assert_eq!(image.id, web.image_id);
    assert!(
        image
            .tags
            .iter()
            .any(|tag| tag.ends_with(&lab.image("latest"))),
        "{:?}",
        image.tags
    );
    assert_eq!(
        lab.engine.image("engine-no-such-image:1").await.unwrap(),
        None
    );
    assert_eq!(
        lab.engine
            .container("engine-no-such-container")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn volumes_and_all_their_users_are_found() {
    let lab = Lab::new("volumes").await;
    let (project, name) = (lab.name("p"), lab.name("v"));
    let folder = lab.folder();
    docker(&[
        "volume",
        "create",
        "--label",
        &format!("com.docker.compose.project={project}"),
        "--label",
        "com.docker.compose.volume=model",
        "--opt",
        "type=none",
        "--opt",
        "o=bind",
        "--opt",
        &format!("device={}", folder.display()),
        &name,
    ]);
    lab.keep_volume(&name);
    lab.container(
        "one",
        &[
            "--label",
            "com.docker.compose.project=one",
            "-v",
            &format!("{name}:/a"),
        ],
    );
    lab.container(
        "two",
        &[
            "--label",
            "com.docker.compose.project=two",
            "-v",
            &format!("{name}:/b"),
        ],
    );
    // The engine's filter also takes a container with a mount at a path of that name.
    lab.container("not", &["-v", &format!("{}:/{name}", folder.display())]);

    let volumes = lab.engine.project_volumes(&project).await.unwrap();
    assert_eq!(volumes.len(), 1);
    let volume = &volumes[0];
    assert_eq!(
        (volume.name.as_str(), volume.model_name()),
        (name.as_str(), Some("model"))
    );
    assert_eq!(volume.driver, "local");
    let options = BTreeMap::from([
        ("device".to_owned(), folder.display().to_string()),
        ("o".to_owned(), "bind".to_owned()),
        ("type".to_owned(), "none".to_owned()),
    ]);
    assert_eq!(volume.options, options);
    assert_eq!(
        lab.engine
            .volume(&name)
            .await
            .unwrap()
            .as_ref()
            .map(|it| &it.name),
        Some(&name)
    );
    assert_eq!(lab.engine.volume(&lab.name("none")).await.unwrap(), None);

    let users = lab.engine.volume_users(&name).await.unwrap();
    let users: Vec<_> = users.into_iter().map(|user| user.name).collect();
    assert_eq!(users, [lab.name("one"), lab.name("two")]);
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn pausing_in_a_wrong_state_is_told_apart() {
    let lab = Lab::new("pause").await;
    let id = lab.container("web", &[]);
    assert!(lab.engine.unpause(&id).await.unwrap_err().is_not_paused());
    lab.engine.pause(&id).await.unwrap();
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Status}}", &id]).trim(),
        "paused"
    );
    assert!(lab.engine.pause(&id).await.unwrap_err().is_already_paused());
    let state = lab.engine.container(&id).await.unwrap().unwrap().state;
    assert_eq!(state, ContainerState::Paused);
    lab.engine.unpause(&id).await.unwrap();
    docker(&["stop", &id]);
    assert!(lab.engine.pause(&id).await.unwrap_err().is_not_running());
    assert!(
        lab.engine
            .pause("engine-no-such-container")
            .await
            .unwrap_err()
            .is_not_found()
    );
}
