//! Services that are stopped, windows, and a limit to both: the engine's own events say what happened.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::support::{IMAGE, Project, docker, events, now, run, verify};

/// The most by which the report's times may differ from the engine's, in seconds.
const APART: f64 = 0.1;

/// Three services on one chain of `depends_on`, each with a volume of its own.
fn project() -> Project {
    let project = Project::new(&format!(
        "x-common: &common {{image: {IMAGE}, network_mode: none, stop_grace_period: 5s}}
services:
  db: {{<<: *common, volumes: ['one:/data']}}
  app: {{<<: *common, volumes: ['two:/data'], depends_on: [db]}}
  web: {{<<: *common, volumes: ['three:/data'], depends_on: [app]}}
volumes: {{one: {{}}, two: {{}}, three: {{}}}}
"
    ));
    project.up();
    for service in ["db", "app", "web"] {
        project.sh(
            service,
            "dd if=/dev/urandom of=/data/large bs=1M count=4 2>&1",
        );
    }
    project
}

/// Runs the default job of this file into a new folder of dumps; gives the report and the manifest.
fn dump(project: &Project, job_file: &str) -> (serde_json::Value, serde_json::Value) {
    project.write("compose-dump.yml", job_file);
    let target = project.new_target();
    let arguments = ["run", "-t", target.to_str().unwrap(), "--json"];
    let report = project.dump(&arguments).expect(0).json();
    let dump = report["targets"][0]["dump"].as_str().unwrap().to_owned();
    let manifest = verify(std::path::Path::new(&dump)).manifest().clone();
    (report, manifest)
}

/// Begin and end of each time that a container was held, by the engine's events.
fn times(project: &Project, since: &str) -> BTreeMap<String, Vec<(Timestamp, Timestamp)>> {
    let label = format!("label=com.docker.compose.project={}", project.name);
    let format = "{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}";
    let until = now();
    let text = docker(&[
        "events", "--since", since, "--until", &until, "--filter", &label, "--format", format,
    ]);
    let mut open = BTreeMap::new();
    let mut times: BTreeMap<String, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for line in text.lines() {
        // What a command was stands in the middle.
        let words: Vec<&str> = line.split(' ').collect();
        let [nanos, action, .., name] = words[..] else {
            panic!("{line}");
        };
        let at = Timestamp::from_nanosecond(nanos.parse().unwrap()).unwrap();
        let name = project.short(name);
        match action {
            "stop" | "pause" => drop(open.insert(name, at)),
            "start" | "unpause" => {
                let from = open.remove(&name).expect("it was held");
                times.entry(name).or_default().push((from, at));
            }
            _ => {}
        }
    }
    times
}

/// The rows of the report, as [`times`] gives those of the engine.
fn reported(
    project: &Project,
    report: &serde_json::Value,
) -> BTreeMap<String, Vec<(Timestamp, Timestamp)>> {
    let mut times: BTreeMap<String, Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for row in report["held"].as_array().unwrap() {
        let name = project.short(row["container"].as_str().unwrap());
        let time = |key: &str| row[key].as_str().unwrap().parse::<Timestamp>().unwrap();
        times
            .entry(name)
            .or_default()
            .push((time("from"), time("until")));
    }
    times
}

#[track_caller]
fn assert_agree(
    engine: &BTreeMap<String, Vec<(Timestamp, Timestamp)>>,
    report: &BTreeMap<String, Vec<(Timestamp, Timestamp)>>,
) {
    let apart = |one: Timestamp, other: Timestamp| one.duration_since(other).as_secs_f64().abs();
    assert_eq!(
        engine.keys().collect::<Vec<_>>(),
        report.keys().collect::<Vec<_>>()
    );
    for (name, rows) in engine {
        assert_eq!(rows.len(), report[name].len(), "{name}");
        for (engine, report) in rows.iter().zip(&report[name]) {
            let (from, until) = (apart(engine.0, report.0), apart(engine.1, report.1));
            assert!(from < APART && until < APART, "{name}: {from} s, {until} s");
        }
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_stop_and_start_in_their_order_and_the_report_says_when() {
    let project = project();
    let before = project.states();
    let since = now();
    let (report, manifest) = dump(
        &project,
        "version: 1\npause: {default: stop, services: {app: pause}}\n",
    );
    assert_eq!(project.states(), before);
    let done: Vec<String> = events(&project, &since)
        .into_iter()
        .filter(|event| !event.starts_with("kill") && !event.starts_with("die"))
        .collect();
    // Stopped before anybody is paused, web before db on which it depends by way of app.
    assert_eq!(
        done[..3],
        ["stop web-1", "stop db-1", "pause app-1"],
        "{done:?}"
    );
    let place = |event: &str| done.iter().position(|done| done == event).unwrap();
    assert!(place("start db-1") < place("start web-1"), "{done:?}");
    assert_agree(&times(&project, &since), &reported(&project, &report));
    for row in manifest["held"].as_array().unwrap() {
        let how = if row["service"] == "app" {
            "paused"
        } else {
            "stopped"
        };
        assert_eq!(row["how"], how);
        assert_eq!(row["for"].as_array().unwrap().len(), 1);
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn in_a_window_for_each_volume_a_service_is_down_for_its_own_only() {
    let project = project();
    for policy in ["pause", "stop"] {
        let since = now();
        let job_file = format!("version: 1\npause: {{default: {policy}, window: volume}}\n");
        let (report, _) = dump(&project, &job_file);
        let times = times(&project, &since);
        assert_agree(&times, &reported(&project, &report));
        let mut windows: Vec<(Timestamp, Timestamp)> = times.into_values().flatten().collect();
        windows.sort();
        assert_eq!(windows.len(), 3, "each once");
        for pair in windows.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "never two at once: {pair:?}");
        }
        let held = report["held"].as_array().unwrap();
        let members: Vec<&str> = held
            .iter()
            .map(|row| row["for"][0].as_str().unwrap())
            .collect();
        assert_eq!(
            members,
            [
                "volumes/project/one.tar",
                "volumes/project/three.tar",
                "volumes/project/two.tar"
            ]
        );
    }
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn what_depends_on_a_service_starts_when_that_is_well() {
    let project = Project::new(&format!(
        "services:
  db:
    image: {IMAGE}
    network_mode: none
    command: sh -c 'trap \"exit 0\" TERM; rm -f /ready; sleep 2; touch /ready; while :; do sleep 1 & wait $$!; done'
    healthcheck: {{test: [CMD, test, -e, /ready], interval: 200ms, retries: 50}}
    volumes: ['data:/data']
  web:
    image: {IMAGE}
    network_mode: none
    volumes: ['data:/data']
    depends_on: {{db: {{condition: service_healthy}}}}
volumes: {{data: {{}}}}
"
    ));
    project.up();
    let since = now();
    dump(&project, "version: 1\npause: {default: stop}\n");
    let times = times(&project, &since);
    let waited = times["web-1"][0]
        .1
        .duration_since(times["db-1"][0].1)
        .as_secs_f64();
    assert!(waited >= 2.0, "web was started {waited} s after db");
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn services_come_back_rather_than_be_held_for_too_long() {
    let project = project();
    let before = project.states();
    let since = now();
    // Nobody reads standard output, and nothing is spooled.
    project.write(
        "compose-dump.yml",
        "version: 1\npause: {max_downtime: 2s}\nspool: {mode: never}\n",
    );
    project.sh("db", "dd if=/dev/urandom of=/data/more bs=1M count=20 2>&1");
    let mut command = project.program(&["backup"]);
    let (reader, writer) = std::io::pipe().unwrap();
    command.stdout(writer);
    let mut child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(command);
    let code = child.wait().unwrap().code();
    drop(reader);
    assert_eq!(code, Some(1));
    assert_eq!(project.states(), before);
    for (name, rows) in times(&project, &since) {
        let held = rows[0].1.duration_since(rows[0].0).as_secs_f64();
        assert!(held < 10.0, "{name} was held for {held} s");
    }
    project.assert_nothing_left();
}

#[test]
#[ignore = "needs an engine and Compose v2: tests/run.sh"]
fn who_was_down_stays_down_and_who_would_be_removed_is_not_stopped() {
    let project = project();
    docker(&["stop", "-t", "1", &project.container("web")]);
    docker(&["pause", &project.container("app")]);
    let volume = format!("{}:/data", project.volume("one"));
    let label = |key: &str, value: &str| format!("com.docker.compose.{key}={value}");
    let name = format!("{}-passing", project.name);
    docker(&[
        "run",
        "-d",
        "--rm",
        "--network",
        "none",
        "--name",
        &name,
        "-v",
        &volume,
        "-l",
        &label("project", &project.name),
        "-l",
        &label("service", "db"),
        "-l",
        &label("oneoff", "False"),
        "-l",
        &label("container-number", "2"),
        IMAGE,
    ]);
    let before = project.states();
    let since = now();
    dump(&project, "version: 1\npause: {default: stop}\n");
    assert_eq!(project.states(), before);
    let done = events(&project, &since);
    assert!(done.contains(&"pause passing".to_owned()), "{done:?}");
    assert!(
        done.iter()
            .all(|event| !event.contains("app-1") && !event.contains("web-1")),
        "{done:?}"
    );
    run(&mut project.program(&["recover"]))
        .expect(0)
        .says(&["nothing to recover"]);
}
