//! A real PostgreSQL cluster that is written to while it is dumped, destroyed, restored and started: as sound as its own
//! programs can tell.

use std::process::Command;

use crate::restore::{assert_up_changes_nothing, restoring};
use crate::support::{Project, docker, run, succeed};

const COMPOSE: &str = "services:
  db:
    image: compose-dump-test/postgres:15
    environment: {POSTGRES_PASSWORD: test}
    network_mode: none
    stop_signal: SIGINT
    volumes: ['data:/var/lib/postgresql/data']
    healthcheck: {test: [CMD, pg_isready, -U, postgres, -h, 127.0.0.1], interval: 1s, retries: 60}
volumes: {data: {}}
";

fn in_db(project: &Project, script: &str) -> String {
    let db = project.container("db");
    docker(&["exec", "-u", "postgres", &db, "sh", "-ec", script])
}

fn sum(project: &Project, what: &str) -> String {
    in_db(project, &format!("psql -U postgres -Atc 'select {what}'"))
}

#[test]
#[ignore = "needs an engine, Compose v1 and v2: tests/run.sh"]
fn a_cluster_that_was_written_to_is_sound_after_a_restore() {
    let project = Project::new(COMPOSE);
    project.compose(&["up", "-d", "--wait", "--no-build"]);
    in_db(&project, "pgbench -U postgres -q -i -s 2 postgres");
    sum(
        &project,
        "1 from pg_available_extensions where name = $$amcheck$$",
    );
    let load = "pgbench -U postgres -n -c 4 -T 120 postgres >/tmp/load 2>&1";
    let db = project.container("db");
    docker(&["exec", "-d", "-u", "postgres", &db, "sh", "-ec", load]);
    in_db(
        &project,
        "until [ \"$(psql -U postgres -Atc 'select count(*) > 50 from pgbench_history')\" = t ]; do sleep 0.2; done",
    );
    let dump = project.beside("dumps").join("cluster.tar.zst");
    project
        .dump(&["backup", "-t", dump.to_str().unwrap()])
        .expect(0);
    project.compose(&["down", "-v", "--timeout", "5"]);
    std::fs::remove_file(project.path("compose.yaml")).unwrap();

    run(&mut restoring(
        &project,
        &["restore", dump.to_str().unwrap()],
    ))
    .expect(0);
    in_db(
        &project,
        "until pg_isready -q -U postgres; do sleep 0.2; done",
    );
    in_db(
        &project,
        "pg_amcheck -U postgres --all --install-missing --heapallindexed --parent-check",
    );
    // Each transaction of pgbench adds the same amount in four tables, or in none.
    let sums = sum(
        &project,
        "(select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
            and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)
            and (select sum(bbalance) from pgbench_branches) = (select sum(delta) from pgbench_history)
            and (select count(*) from pgbench_accounts) = 200000
            and (select count(*) from pgbench_history) > 50",
    );
    assert_eq!(sums, "t");
    assert_up_changes_nothing(&project);

    // Compose v1 names containers otherwise, so it makes its own; the volume is the project's own to it as well.
    project.compose(&["down", "--timeout", "5"]);
    let mut v1 = Command::new(crate::compose_versions::compose_v1());
    let output = v1
        .args(["up", "-d", "--no-build"])
        .current_dir(&project.dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.to_lowercase().contains("warn"), "{said}");
    let filter = format!("label=com.docker.compose.project={}", project.name);
    let id = docker(&["ps", "-q", "--filter", &filter]);
    succeed(Command::new("docker").args([
        "exec",
        &id,
        "sh",
        "-ec",
        "until pg_isready -q -U postgres; do sleep 0.2; done",
    ]));
}
