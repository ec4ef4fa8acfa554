//! Docker Compose as it is installed here: the one program that is called, to make containers that do not
//! exist.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::engine::endpoint::{Address, Endpoint, Origin};

/// Lines of what Compose says that are worth repeating.
const LAST_LINES: usize = 12;

/// A Compose that answers.
#[derive(Debug, Clone)]
pub struct ComposeProgram {
    words: Vec<&'static str>,
    /// Variables by which it reaches the engine that we talk to.
    env: Vec<(&'static str, Option<OsString>)>,
}

/// A project as Compose is told of it.
#[derive(Debug, Clone)]
pub struct Called {
    /// Its folder.
    pub folder: PathBuf,
    /// `-p`, where Compose would find another name.
    pub name: Option<String>,
    /// `-f`, where Compose would find other files.
    pub files: Vec<PathBuf>,
    /// `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// `--profile`.
    pub profiles: Vec<String>,
}

/// Compose did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// It cannot be started.
    #[error("`{command}` cannot be run")]
    Start {
        /// What was run.
        command: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It failed.
    #[error("`{command}` failed: {said}")]
    Failed {
        /// What was run.
        command: String,
        /// The last of what it said.
        said: String,
    },
    /// A signal came meanwhile.
    #[error("`{command}` was interrupted")]
    Interrupted {
        /// What was run.
        command: String,
    },
}

impl ComposeProgram {
    /// The plugin of the docker program, else the program of its own, whichever version it is.
    pub async fn find(endpoint: &Endpoint) -> Option<Self> {
        let env = environment(endpoint);
        for words in [vec!["docker", "compose"], vec!["docker-compose"]] {
            let program = Self {
                words,
                env: env.clone(),
            };
            let mut command = program.command();
            let status = command
                .arg("version")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if status.status().await.is_ok_and(|status| status.success()) {
                return Some(program);
            }
        }
        None
    }

    /// What a person types to run it on a project.
    #[must_use]
    pub fn shown(&self, project: &Called) -> String {
        shown_with(&self.words.join(" "), project)
    }

    /// Makes the containers of `services` that do not exist, and with `recreate` those anew whose configuration is
    /// another by now. Starts none. Everything that they need comes to be as well: networks, images.
    ///
    /// # Errors
    /// When Compose cannot do it; what it has made by then stays.
    pub async fn create(
        &self,
        project: &Called,
        services: &[String],
        recreate: bool,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        let mut command = self.command();
        command.args(arguments(project)).args(["up", "--no-start"]);
        if !recreate {
            command.arg("--no-recreate");
        }
        command.args(services);
        command.current_dir(&project.folder);
        let shown = format!("{} up --no-start", self.shown(project));
        let output = match cancel.run_until_cancelled(command.output()).await {
            None => return Err(ComposeError::Interrupted { command: shown }),
            Some(Err(source)) => {
                return Err(ComposeError::Start {
                    command: shown,
                    source,
                });
            }
            Some(Ok(output)) => output,
        };
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        Err(ComposeError::Failed {
            command: shown,
            said: last.join("; "),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.words[0]);
        command
            .args(&self.words[1..])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// The command line for a project, with a given beginning.
#[must_use]
pub(super) fn shown_with(words: &str, project: &Called) -> String {
    let mut shown = words.to_owned();
    for argument in arguments(project) {
        shown.push(' ');
        shown.push_str(&crate::text::os(&argument));
    }
    shown
}

fn arguments(project: &Called) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut add = |option: &str, value: &OsStr| {
        arguments.push(option.into());
        arguments.push(value.to_owned());
    };
    if let Some(name) = &project.name {
        add("-p", name.as_ref());
    }
    for file in &project.files {
        add("-f", below(file, &project.folder).as_os_str());
    }
    for file in &project.env_files {
        add("--env-file", below(file, &project.folder).as_os_str());
    }
    for profile in &project.profiles {
        add("--profile", profile.as_ref());
    }
    arguments
}

fn below<'p>(path: &'p Path, folder: &Path) -> &'p Path {
    path.strip_prefix(folder).unwrap_or(path)
}

/// Compose has to talk to the engine that we talk to, however that was named.
fn environment(endpoint: &Endpoint) -> Vec<(&'static str, Option<OsString>)> {
    match (&endpoint.origin, &endpoint.address) {
        // The context has certificates that variables cannot name.
        (Origin::Context(name), Address::Tcp(_)) => {
            vec![("DOCKER_CONTEXT", Some(name.into())), ("DOCKER_HOST", None)]
        }
        _ => vec![
            ("DOCKER_HOST", Some(endpoint.to_string().into())),
            ("DOCKER_CONTEXT", None),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_is_run() {
        let mut project = Called {
            folder: "/srv/blog".into(),
            name: None,
            files: Vec::new(),
            env_files: Vec::new(),
            profiles: Vec::new(),
        };
        assert_eq!(shown_with("docker compose", &project), "docker compose");
        project.name = Some("old".into());
        project.files = vec!["/srv/blog/a.yaml".into(), "/etc/b.yaml".into()];
        assert_eq!(
            shown_with("docker compose", &project),
            "docker compose -p old -f a.yaml -f /etc/b.yaml"
        );
    }
}
