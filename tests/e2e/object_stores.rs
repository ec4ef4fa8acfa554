//! Dumps that go to a real S3 server, and what a dead or slow one does to the others.
//!
//! `tests/lab/garage.sh up` says where the server is. What lies there is read by `curl`.

use std::fs::{self, DirBuilder};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use crate::support::{Project, entries, events, now, only_entry, paused, ran, succeed, verify};

/// The server that the tests write to.
struct Server {
    endpoint: String,
    bucket: String,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server {
        endpoint: variable("S3_ENDPOINT"),
        bucket: variable("S3_BUCKET"),
    })
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: eval \"$(tests/lab/garage.sh up)\""))
}

impl Server {
    /// A signed request of `curl`.
    fn get(&self, path: &str) -> Vec<u8> {
        let user = format!(
            "{}:{}",
            variable("S3_ACCESS_KEY"),
            variable("S3_SECRET_KEY")
        );
        let signed = format!("aws:amz:{}:s3", variable("S3_REGION"));
        // Of no bytes: an S3 server may demand it, and older versions of curl do not send it.
        let body = "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let url = format!("{}/{}{path}", self.endpoint, self.bucket);
        let output = Command::new("curl")
            .args([
                "-sSf",
                "-H",
                body,
                "--aws-sigv4",
                &signed,
                "-u",
                &user,
                &url,
            ])
            .output()
            .expect("install `curl` to run this test");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{url}: {said}");
        output.stdout
    }

    /// The names of all objects below a prefix, without it.
    fn names(&self, prefix: &str) -> Vec<String> {
        // As it is signed: `/` is escaped in a query (Signature Version 4, canonical request).
        let escaped = prefix.replace('/', "%2F");
        let listed = self.get(&format!("?list-type=2&prefix={escaped}%2F"));
        let listed = String::from_utf8(listed).unwrap();
        let keys = listed.split("<Key>").skip(1);
        let keys = keys.map(|rest| rest.split("</Key>").next().unwrap());
        keys.map(|key| key[prefix.len() + 1..].to_owned()).collect()
    }

    /// Every object below a prefix as a file, private as a dump is.
    fn fetch(&self, prefix: &str, into: &Path) {
        for name in self.names(prefix) {
            let path = into.join(&name);
            let mut folders = DirBuilder::new();
            folders.recursive(true).mode(0o700);
            folders.create(path.parent().unwrap()).unwrap();
            fs::write(&path, self.get(&format!("/{prefix}/{name}"))).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// A target of a job file, below a prefix of the project's own.
fn target(project: &Project, name: &str, endpoint: &str, more: &str) -> String {
    format!(
        "  {name}: {{url: 's3://{}/{}/{name}', endpoint: '{endpoint}', region: '{}', allow_http: true, \
         access_key_id: '${{S3_ACCESS_KEY}}', secret_access_key: '${{S3_SECRET_KEY}}', {more}}}\n",
        server().bucket,
        project.name,
        variable("S3_REGION"),
    )
}

fn job_file(project: &Project, targets: &str) {
    let text = format!("version: 1\ncompression: none\ntargets:\n{targets}");
    project.write("compose-dump.yml", &text);
}

#[test]
#[ignore = "needs an engine, Compose v2 and an S3 server: tests/run.sh"]
fn a_dead_store_costs_the_living_targets_nothing() {
    let project = Project::small();
    let local = project.new_target();
    let endpoint = &server().endpoint;
    let targets = [
        format!("  local: {{path: '{}'}}\n", local.display()),
        target(&project, "archives", endpoint, "format: archive"),
        target(&project, "trees", endpoint, ""),
        target(&project, "dead", "http://127.0.0.1:9", "required: false"),
    ];
    job_file(&project, &targets.concat());
    let since = now();
    let ran = project.dump(&["run", "--json"]).expect(3);
    assert_eq!(paused(&project, &since), ["db-1"], "once for all");
    let report = ran.json();
    let rows = report["targets"].as_array().unwrap();
    let dead = rows.iter().find(|row| row["target"] == "dead").unwrap();
    let error = dead["error"].as_str().unwrap();
    assert!(error.contains("the store does not answer"), "{error}");
    let secret = variable("S3_SECRET_KEY");
    assert!(!report.to_string().contains(&secret) && !ran.stderr.contains(&secret));

    let wanted = verify(&only_entry(&local));
    let archives = project.beside("archives");
    server().fetch(&format!("{}/archives", project.name), &archives);
    let names = entries(&archives);
    assert_eq!(
        names.len(),
        2,
        "an archive, its marker, nothing else: {names:?}"
    );
    let archive = verify(&archives.join(names.iter().find(|name| name.ends_with(".tar")).unwrap()));
    assert!(archive.has_marker());
    assert_eq!(archive.content(), wanted.content());
    let trees = project.beside("trees");
    server().fetch(&format!("{}/trees", project.name), &trees);
    let dump = unpacked(&only_entry(&trees));
    assert_eq!(verify(&dump).content(), wanted.content());
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine, Compose v2 and an S3 server: tests/run.sh"]
fn dumps_in_a_store_are_listed_read_back_and_pruned() {
    let project = Project::small();
    let endpoint = &server().endpoint;
    let targets = [
        target(
            &project,
            "archives",
            endpoint,
            "format: archive, keep: {last: 1}",
        ),
        target(&project, "trees", endpoint, "keep: {last: 1}"),
    ];
    job_file(&project, &targets.concat());
    project.dump(&["run"]).expect(0);
    let listed = |arguments: &[&str]| -> Vec<String> {
        let rows = project.dump(&[&["list", "--json"], arguments].concat());
        let rows = rows.expect(0).json();
        let urls = rows.as_array().unwrap().iter();
        urls.map(|row| row["path"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = listed(&[]);
    assert_eq!(first.len(), 2, "one at each target: {first:?}");
    project.dump(&["run"]).expect(0).says(&["removed"]);
    let second = listed(&[]);
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|url| !first.contains(url)));

    let above = format!("s3://{}/{}", server().bucket, project.name);
    let mut all = listed(&[&above, "--all-projects"]);
    all.sort();
    assert_eq!(all, second);
    for url in &second {
        project.dump(&["verify", url]).expect(0);
        let shown = project.dump(&["show", url, "--files", "data", "--json"]);
        let rows = shown.expect(0).json();
        assert!(
            rows.as_array()
                .unwrap()
                .iter()
                .any(|row| row["path"] == "file")
        );
    }
    project
        .dump(&["verify", "latest", "--target", "trees"])
        .expect(0);
    project
        .dump(&["verify", &format!("{above}/trees/latest")])
        .expect(0);
    project
        .dump(&["verify", &format!("{above}/trees/none")])
        .expect(10);
    let names = server().names(&format!("{}/trees", project.name));
    let dump = second[1].rsplit('/').next().unwrap();
    assert!(names.iter().all(|name| name.starts_with(dump)), "{names:?}");
    project.assert_nothing_left();
}

/// Unpacks the tars of trees beside the other members.
fn unpacked(dump: &Path) -> PathBuf {
    for tar in ["config.tar", "volumes/mounted.tar"] {
        let tar = dump.join(tar);
        succeed(
            Command::new("tar")
                .arg("-xpf")
                .arg(&tar)
                .arg("-C")
                .arg(dump),
        );
        fs::remove_file(tar).unwrap();
    }
    dump.to_owned()
}

#[test]
#[ignore = "needs an engine, Compose v2 and an S3 server: tests/run.sh"]
fn services_do_not_wait_for_a_slow_store() {
    let project = Project::small();
    // Less than the volume, and more than what comes before it.
    let gate = Gate::before(&server().endpoint, 1 << 20);
    job_file(
        &project,
        &target(&project, "slow", &gate.endpoint, "format: archive"),
    );
    let since = now();
    let began = std::time::Instant::now();
    let running = project
        .program(&["run"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let resumed = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let mut events = events(&project, &since).into_iter();
        events.any(|event| event.starts_with("unpause "))
    });
    gate.open();
    ran(running.wait_with_output().unwrap(), began).expect(0);
    assert!(resumed, "the service waited for the network");
    let names = server().names(&format!("{}/slow", project.name));
    assert_eq!(names.len(), 2, "{names:?}");
}

/// A proxy that lets so many bytes through to the server, and the others when it is opened.
struct Gate {
    endpoint: String,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    fn before(endpoint: &str, allowed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            is_open: Arc::default(),
        };
        let is_open = Arc::clone(&gate.is_open);
        let passed = Arc::new(AtomicU64::new(0));
        let server = endpoint.strip_prefix("http://").unwrap().to_owned();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let there = TcpStream::connect(&server).unwrap();
                let back = (there.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || copy(back, |_| ()));
                let (is_open, passed) = (Arc::clone(&is_open), Arc::clone(&passed));
                let wait = move |bytes: u64| {
                    let so_far = passed.fetch_add(bytes, Ordering::SeqCst) + bytes;
                    while so_far > allowed && !is_open.load(Ordering::SeqCst) {
                        thread::sleep(Duration::from_millis(20));
                    }
                };
                thread::spawn(move || copy((client, there), wait));
            }
        });
        gate
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

/// Copies until one side is closed; `wait` may take its time for each piece.
fn copy((mut from, mut to): (TcpStream, TcpStream), mut wait: impl FnMut(u64)) {
    let mut piece = [0; 64 * 1024];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        wait(len as u64);
        if to.write_all(&piece[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
