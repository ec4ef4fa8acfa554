//! The engine as its own program shows it, and what lives there outside of a project.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{IMAGE, Project, succeed};

/// A container outside of any project, removed at the end.
pub(crate) struct Stranger {
    name: String,
}

impl Stranger {
    /// Starts the waiting image with these options of `docker run`.
    pub(crate) fn run(name: String, options: &[&str]) -> Self {
        let mut arguments = vec!["run", "-d", "--network", "none", "--name", &name];
        arguments.extend_from_slice(options);
        arguments.push(IMAGE);
        docker(&arguments);
        Self { name }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        quietly(&["rm", "-fv", &self.name]);
    }
}

/// A volume outside of any project, removed at the end.
pub(crate) struct Volume {
    pub(crate) name: String,
}

impl Volume {
    /// Creates it, with these options of `docker volume create`.
    pub(crate) fn create(name: String, options: &[&str]) -> Self {
        let mut arguments = vec!["volume", "create"];
        arguments.extend_from_slice(options);
        arguments.push(&name);
        docker(&arguments);
        Self { name }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        quietly(&["volume", "rm", "-f", &self.name]);
    }
}
/// Pauses and the like since `since`, in their order, as `action container`.
pub(crate) fn events(project: &Project, since: &str) -> Vec<String> {
    let label = format!("label=com.docker.compose.project={}", project.name);
    let until = now();
    let mut arguments = vec![
        "events", "--since", since, "--until", &until, "--filter", &label,
    ];
    for action in [
        "pause", "unpause", "stop", "kill", "die", "start", "restart",
    ] {
        arguments.extend(["--filter", action_filter(action)]);
    }
    arguments.extend(["--format", "{{.Action}} {{.Actor.Attributes.name}}"]);
    lines(&docker(&arguments))
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(action, name)| format!("{action} {}", project.short(name)))
        .collect()
}

fn action_filter(action: &str) -> &'static str {
    match action {
        "pause" => "event=pause",
        "unpause" => "event=unpause",
        "stop" => "event=stop",
        "kill" => "event=kill",
        "die" => "event=die",
        "start" => "event=start",
        _ => "event=restart",
    }
}

/// Who was paused since then, sorted. Demands that nothing else was done to a container, and that each
/// was brought back.
#[track_caller]
pub(crate) fn paused(project: &Project, since: &str) -> Vec<String> {
    let mut held = Vec::new();
    let mut all = Vec::new();
    for event in events(project, since) {
        match event.split_once(' ').expect("an action and a name") {
            ("pause", name) => {
                held.push(name.to_owned());
                all.push(name.to_owned());
            }
            ("unpause", name) => {
                let at = held.iter().position(|paused| paused == name);
                held.remove(at.unwrap_or_else(|| panic!("{name} was not paused by us")));
            }
            (action, name) => panic!("{action} of {name}"),
        }
    }
    assert!(held.is_empty(), "still paused: {held:?}");
    all.sort();
    all
}

/// Now, as the engine's events take it.
pub(crate) fn now() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970");
    format!("{}.{:09}", now.as_secs(), now.subsec_nanos())
}

/// Runs the docker program; it has to succeed.
pub(crate) fn docker(arguments: &[&str]) -> String {
    succeed(Command::new("docker").args(arguments))
        .trim_end()
        .to_owned()
}

/// Where a volume's content lies on this machine.
pub(crate) fn mountpoint(volume: &str) -> PathBuf {
    docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]).into()
}

pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

pub(super) fn remove(list: &[&str], remove: &[&str]) {
    let found = Command::new("docker").args(list).output();
    let Ok(found) = found else { return };
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    let ids: Vec<&str> = found.split_whitespace().collect();
    if !ids.is_empty() {
        quietly(&[remove, &ids].concat());
    }
}

fn quietly<A: AsRef<OsStr>>(arguments: &[A]) {
    let mut command = Command::new("docker");
    let _ = command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
