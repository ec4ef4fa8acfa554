//! Real databases, written to while their exports run, and loaded into empty ones by the commands of
//! their presets. `tests/lab/database-images.sh` makes their images.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use compose_dump::config::job_file::JobFile;
use compose_dump::engine::docker::{DockerEngine, Limits};
use compose_dump::engine::endpoint::{Surroundings, Wish, locate};
use compose_dump::executor::{self, Load};
use compose_dump::plan::exports::load_of;
use tokio_util::sync::CancellationToken;

use crate::support::{Project, docker, entries, only_entry, verify};

const POSTGRES: &str = "
services:
  db:
    image: compose-dump-test/postgres:15
    network_mode: none
    stop_signal: SIGINT
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD_FILE: /run/secrets/password, POSTGRES_INITDB_ARGS: '--auth-local=scram-sha-256'}
    secrets: [password]
    volumes: ['data:/var/lib/postgresql/data']
volumes: {data: {}}
secrets: {password: {file: ./password}}
";

const MARIADB: &str = "
services:
  db:
    image: compose-dump-test/mariadb:10.11
    network_mode: none
    environment: {MARIADB_ROOT_PASSWORD: hunter2, MARIADB_DATABASE: shop}
    volumes: ['data:/var/lib/mysql']
volumes: {data: {}}
";

/// A database that is up and answers `ready`, with an export of it.
fn database(compose: &str, export: &str, ready: &str) -> Project {
    let project = Project::new(compose);
    let target = project.beside("dumps");
    project.write("password", "hunter2");
    project.write(
        "compose-dump.yml",
        &format!(
            "version: 1\nexports: {{db: {{all.sql: {export}}}}}\ntargets: {{local: {{path: '{}'}}}}\n",
            target.display()
        ),
    );
    project.up();
    wait(&project, ready);
    project
}

fn wait(project: &Project, ready: &str) {
    let since = Instant::now();
    while !try_sh(project, ready) {
        assert!(
            since.elapsed() < Duration::from_secs(120),
            "the database does not come up"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn in_container(project: &Project, script: &str) -> Command {
    let mut command = Command::new("docker");
    command.args(["exec", "-i", &project.container("db"), "sh", "-ec", script]);
    command
}

fn try_sh(project: &Project, script: &str) -> bool {
    let mut command = in_container(project, script);
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().unwrap().success()
}

/// A load on the database, until it is stopped.
struct Writer(Child);

impl Writer {
    fn start(project: &Project, script: &str) -> Self {
        let mut command = in_container(project, script);
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Loads the dump's export as a restore does, by the command that the project's file declares.
fn load(project: &Project, dump: &Path, file: &str) {
    let file: JobFile = serde_yaml::from_str(file).unwrap();
    let command = load_of(&file, "default", "db", "all.sql").unwrap();
    let stored = fs::File::open(dump.join("exports/db/all.sql.zst")).unwrap();
    let content = succeed_bytes(Command::new("zstd").arg("-dc").stdin(stored));
    let pieces: Vec<_> = content
        .chunks(100_000)
        .map(|piece| Ok(piece.to_vec().into()))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let loaded = runtime.block_on(async {
        let endpoints = locate(&Wish::default(), &Surroundings::of_process()).unwrap();
        let engine = DockerEngine::connect(&endpoints, Limits::default())
            .await
            .unwrap();
        let spec = Load {
            engine: Arc::new(engine),
            project: &project.name,
            service: "db",
            command: &command,
            cancel: CancellationToken::new(),
        };
        executor::load(spec, Box::pin(futures_util::stream::iter(pieces))).await
    });
    assert_eq!(loaded.unwrap(), content.len() as u64);
}

fn succeed_bytes(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("install zstd");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

const PSQL: &str = "PGPASSWORD=hunter2 psql -X -q -A -t -v ON_ERROR_STOP=1 -U shop -d shop";
const PG_READY: &str = "pg_isready -U shop -h /run/postgresql";

/// Each transaction moves money between two tables and notes it: any mix of two moments shows.
const PG_SCHEMA: &str = "
create role teller login password 'x';
create database archive;
create table a (id int primary key, cents bigint not null);
create table b (id int primary key, cents bigint not null);
create table log (id serial primary key, cents bigint not null);
insert into a select i, 1000 from generate_series(1, 1000) i;
insert into b select i, 0 from generate_series(1, 1000) i;
alter table a owner to teller;
create function sums() returns text language sql as $$
  select (select sum(cents) from a) || ' ' || (select sum(cents) from b) || ' ' || coalesce((select sum(cents) from log), 0)
$$;";

#[test]
#[ignore = "needs an engine, Compose v2 and images of databases: tests/run.sh"]
fn postgres_is_exported_under_load_and_loaded_into_an_empty_project() {
    let project = database(POSTGRES, "{preset: postgres}", PG_READY);
    project.sh("db", &format!("{PSQL} <<'END'\n{PG_SCHEMA}\nEND"));
    let load_script = format!(
        "while :; do for i in 1 2 3 4 5 6 7 8 9; do echo \"begin; update a set cents = cents - 1 where id = $i; update b set cents = cents + 1 where id = $i; insert into log (cents) values (1); commit;\"; done; done | {PSQL}"
    );
    let writer = Writer::start(&project, &load_script);
    wait(
        &project,
        &format!("test $({PSQL} -c 'select count(*) > 100 from log') = t"),
    );
    project.dump(&["run"]).expect(0);
    drop(writer);

    let place = only_entry(&project.beside("dumps"));
    let dump = verify(&place);
    let left_out = dump.manifest()["left_out"].to_string();
    assert!(
        left_out.contains("the export `db/all.sql` has its content"),
        "{left_out}"
    );
    let again = Project::new(POSTGRES);
    again.write("password", "hunter2");
    again.up();
    wait(&again, PG_READY);
    load(
        &again,
        &place,
        "exports: {db: {all.sql: {preset: postgres}}}",
    );
    let sums = again.sh("db", &format!("{PSQL} -c 'select sums()'"));
    let sums: Vec<i64> = sums
        .split(' ')
        .map(|number| number.trim().parse().unwrap())
        .collect();
    assert_eq!(
        sums[0] + sums[1],
        1_000_000,
        "money was lost between two moments"
    );
    assert_eq!(sums[1], sums[2], "the log is of another moment");
    assert!(sums[2] > 100, "it was written to before");
    let owner = again.sh(
        "db",
        &format!("{PSQL} -c \"select tableowner from pg_tables where tablename = 'a'\""),
    );
    assert_eq!(owner, "teller");
    let databases = again.sh(
        "db",
        &format!("{PSQL} -c \"select count(*) from pg_database where datname = 'archive'\""),
    );
    assert_eq!(databases, "1");
}

/// Runs, and demands that there is no member, for this reason.
#[track_caller]
fn no_member(project: &Project, reason: &str) {
    let ran = project
        .dump(&["run"])
        .expect(3)
        .says(&["exports/db/all.sql", reason]);
    assert!(!ran.stderr.contains("hunter"), "{}", ran.stderr);
    let dumps = project.beside("dumps");
    let dump = only_entry(&dumps);
    assert!(!dump.join("exports").exists() || entries(&dump.join("exports/db")).is_empty());
    fs::remove_dir_all(dump).unwrap();
}

#[test]
#[ignore = "needs an engine, Compose v2 and images of databases: tests/run.sh"]
fn wrong_passwords_killed_clients_and_nothing_at_all_are_no_exports() {
    let project = database(POSTGRES, "{preset: postgres}", PG_READY);
    // A client that is killed in the middle: what it sent until then is no export.
    project.sh("db", &format!("{PSQL} -c 'create table big as select i, repeat(md5(i::text), 30) from generate_series(1, 300000) i'"));
    let killer = Writer::start(
        &project,
        "until pkill -KILL -f 'pg_dum[p] '; do sleep 0.01; done",
    );
    no_member(&project, "ended with status");
    drop(killer);
    project.sh(
        "db",
        &format!("{PSQL} -c \"alter role shop password 'changed'\""),
    );
    no_member(&project, "password authentication failed for user");
    let file = fs::read_to_string(project.path("compose-dump.yml")).unwrap();
    project.write(
        "compose-dump.yml",
        &file.replace(
            "{preset: postgres}",
            "{command: [psql, --version], min_size: 1k}",
        ),
    );
    no_member(&project, "less than `min_size`");
    project.write(
        "compose-dump.yml",
        &file.replace("{preset: postgres}", "{command: ['true']}"),
    );
    no_member(&project, "ended well, and gave nothing");
}

const MYSQL: &str = "MYSQL_PWD=hunter2 mariadb -u root -N -B";

#[test]
#[ignore = "needs an engine, Compose v2 and images of databases: tests/run.sh"]
fn mariadb_is_exported_under_load_and_loaded_into_an_empty_project() {
    let ready = format!("{MYSQL} -e 'select 1 from mysql.user limit 1' shop");
    let project = database(MARIADB, "{preset: mariadb}", &ready);
    let schema = "
create table a (id int primary key, cents bigint not null);
create table b (id int primary key, cents bigint not null);
create table log (id int auto_increment primary key, cents bigint not null, raw varbinary(16));
insert into a select seq, 1000 from seq_1_to_1000;
insert into b select seq, 0 from seq_1_to_1000;
create user teller@localhost identified by 'x'; grant select on shop.* to teller@localhost;
create trigger t before insert on log for each row set new.raw = unhex('00ff0a5c27');";
    project.sh("db", &format!("{MYSQL} shop <<'END'\n{schema}\nEND"));
    let load_script = format!(
        "while :; do for i in 1 2 3 4 5 6 7 8 9; do echo \"begin; update a set cents = cents - 1 where id = $i; update b set cents = cents + 1 where id = $i; insert into log (cents) values (1); commit;\"; done; done | {MYSQL} shop"
    );
    let writer = Writer::start(&project, &load_script);
    wait(
        &project,
        &format!("test $({MYSQL} shop -e 'select count(*) > 100 from log') = 1"),
    );
    project.dump(&["run"]).expect(0);
    drop(writer);

    let place = only_entry(&project.beside("dumps"));
    verify(&place);
    let again = Project::new(MARIADB);
    again.up();
    wait(&again, &ready);
    load(&again, &place, "exports: {db: {all.sql: {preset: mysql}}}");
    let query = "select (select sum(cents) from a), (select sum(cents) from b), (select sum(cents) from log), (select count(distinct hex(raw)) from log), (select min(hex(raw)) from log), (select count(*) from mysql.user where user = 'teller')";
    let row = again.sh("db", &format!("{MYSQL} shop -e \"{query}\""));
    let row: Vec<&str> = row.split('\t').collect();
    let number = |at: usize| row[at].parse::<i64>().unwrap();
    assert_eq!(
        number(0) + number(1),
        1_000_000,
        "money was lost between two moments"
    );
    assert_eq!(number(1), number(2), "the log is of another moment");
    assert!(number(2) > 100);
    assert_eq!((row[3], row[4], row[5]), ("1", "00FF0A5C27", "1"));
    docker(&[
        "exec",
        &again.container("db"),
        "sh",
        "-c",
        "MYSQL_PWD=x mariadb -u teller -e 'select count(*) from shop.a' >/dev/null",
    ]);
}
