//! Volumes and paths read through helper containers. Not for podman, which is refused for this.

use std::time::Duration;

use compose_dump::engine::helper::{HELPER_LABEL, Helper, Helpers};
use compose_dump::engine::{Engine, EngineError, HelperMount, HelperSpec};
use compose_dump::process::ProcessId;
use futures_util::TryStreamExt;

use crate::lab::{Lab, bytes_of, docker, run};

/// One line per entry. Engine 20.10 puts the bits of the file's type into the mode as well.
const NAMES: &str = "import sys, tarfile\n\
    for entry in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):\n\
    \x20   print(entry.type.decode(), oct(entry.mode & 0o7777), entry.uid, entry.gid, entry.name)";

async fn content(helper: &Helper) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut stream = helper.archive().await.unwrap();
    while let Some(piece) = stream.try_next().await.unwrap() {
        tar.extend_from_slice(&piece);
    }
    tar
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_volume_is_read_through_a_helper_that_leaves_no_trace() {
    let lab = Lab::new("helper").await;
    let volume = lab.volume("data");
    let fill = "cd /v && chown 7:8 . && chmod 1751 . && mkdir d && echo hi > d/f && chmod 4711 d/f \
                && ln -s ../nowhere l && mkfifo p && head -c 20000000 /dev/urandom > big";
    docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &format!("{volume}:/v"),
        &lab.image("latest"),
        "sh",
        "-c",
        fill,
    ]);
    let expected = docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &format!("{volume}:/v"),
        &lab.image("latest"),
        "sha256sum",
        "/v/big",
    ]);
    let before = docker(&["volume", "inspect", &volume]);

    let helpers = Helpers::new(lab.shared());
    let helper = helpers
        .create(HelperMount::Volume(volume.clone()))
        .await
        .unwrap();
    let inspected = docker(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{len .Mounts}} {{(index .Mounts 0).RW}} {{.HostConfig.NetworkMode}}",
        helper.id(),
    ]);
    assert_eq!(inspected.trim(), "created 1 false none");
    let users = lab.engine.volume_users(&volume).await.unwrap();
    assert!(users.is_empty(), "a helper is no user: {users:?}");
    let tar = content(&helper).await;
    helper.remove().await.unwrap();

    let listed = run("python3", &["-c", NAMES], &tar);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(
        lines,
        [
            "5 0o1751 7 8 data",
            "0 0o644 0 0 data/big",
            "5 0o755 0 0 data/d",
            "0 0o4711 0 0 data/d/f",
            "2 0o777 0 0 data/l",
            "6 0o644 0 0 data/p"
        ]
    );
    let sum = run(
        "sha256sum",
        &[],
        &bytes_of("tar", &["-xO", "data/big"], &tar),
    );
    assert_eq!(sum.split(' ').next(), expected.split(' ').next());

    assert_eq!(docker(&["volume", "inspect", &volume]), before);
    assert!(helpers.settle(Duration::from_secs(10)).await);
    let users = format!("volume={volume}");
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &users]), "");
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_volume_that_is_not_there_is_not_made() {
    let lab = Lab::new("missing").await;
    let name = lab.name("v");
    let helpers = Helpers::new(lab.shared());
    let error = helpers
        .create(HelperMount::Volume(name.clone()))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, EngineError::NoVolume { .. }), "{error}");
    assert_eq!(
        docker(&[
            "volume",
            "ls",
            "--quiet",
            "--filter",
            &format!("name={name}")
        ]),
        ""
    );
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_path_of_the_host_is_read_whether_folder_or_file() {
    let lab = Lab::new("path").await;
    let folder = lab.folder();
    std::fs::write(folder.join("f"), "hi").unwrap();
    let helpers = Helpers::new(lab.shared());
    let helper = helpers
        .create(HelperMount::Path(folder.clone()))
        .await
        .unwrap();
    let listed = run("tar", &["-t"], &content(&helper).await);
    assert_eq!(listed, "data/\ndata/f\n");
    helper.remove().await.unwrap();

    let helper = helpers
        .create(HelperMount::Path(folder.join("f")))
        .await
        .unwrap();
    assert_eq!(run("tar", &["-xO", "data"], &content(&helper).await), "hi");
    helper.remove().await.unwrap();

    let missing = helpers
        .create(HelperMount::Path(folder.join("none")))
        .await
        .err()
        .unwrap();
    assert!(matches!(missing, EngineError::Api { .. }), "{missing}");
    assert!(!folder.join("none").exists());
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn a_dropped_stream_and_helper_are_cleared_away_and_so_are_leftovers() {
    let lab = Lab::new("drop").await;
    let volume = lab.volume("data");
    docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &format!("{volume}:/v"),
        &lab.image("latest"),
        "sh",
        "-c",
        "head -c 50000000 /dev/zero > /v/big",
    ]);
    let helpers = Helpers::new(lab.shared());
    let helper = helpers
        .create(HelperMount::Volume(volume.clone()))
        .await
        .unwrap();
    let mut stream = helper.archive().await.unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop((stream, helper));
    assert!(helpers.settle(Duration::from_secs(10)).await);

    // A helper of a process that is gone: ours, but begun at another time.
    let owner = ProcessId::own().to_string();
    let gone = format!("{}/1", owner.rsplit_once('/').unwrap().0);
    let create = |owner: &str| HelperSpec {
        mount: HelperMount::Volume(volume.clone()),
        writable: false,
        owner: owner.to_owned(),
    };
    let left_over = lab.engine.create_helper(&create(&gone)).await.unwrap();
    let at_work = lab.engine.create_helper(&create(&owner)).await.unwrap();
    let swept = helpers.sweep().await.unwrap();
    let swept: Vec<_> = swept.into_iter().map(|helper| helper.id).collect();
    assert!(
        swept.contains(&left_over) && !swept.contains(&at_work),
        "{swept:?}"
    );
    assert!(lab.engine.container(&at_work).await.unwrap().is_some());
    lab.engine.remove_helper(&at_work).await.unwrap();
    lab.engine.remove_helper(&at_work).await.unwrap();
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn what_is_no_helper_is_never_removed() {
    let lab = Lab::new("notours").await;
    let id = lab.container("web", &[]);
    let error = lab.engine.remove_helper(&id).await.unwrap_err();
    assert!(matches!(error, EngineError::NotOurs { .. }), "{error}");
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Status}}", &id]).trim(),
        "running"
    );
}

#[tokio::test]
#[ignore = "needs an engine: tests/run.sh"]
async fn the_helper_image_is_ours_or_made_anew() {
    let lab = Lab::new("image").await;
    let volume = lab.volume("data");
    let helpers = Helpers::new(lab.shared());
    let one = helpers
        .create(HelperMount::Volume(volume.clone()))
        .await
        .unwrap();
    let two = helpers.create(HelperMount::Volume(volume)).await.unwrap();
    let image = |id: &str| docker(&["inspect", "--format", "{{.Image}}", id]);
    assert_eq!(image(one.id()), image(two.id()), "the image is made once");
    let label = format!("{{{{index .Config.Labels \"{HELPER_LABEL}\"}}}}");
    let inspected = docker(&[
        "image",
        "inspect",
        "--format",
        &label,
        image(one.id()).trim(),
    ]);
    assert_eq!(inspected.trim(), "image");
    one.remove().await.unwrap();
    two.remove().await.unwrap();
}
