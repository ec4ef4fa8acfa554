//! How the `docker` program is made to talk to an endpoint, for commands that a person is to run: in
//! another shell the variables that led here may not be set.

use std::path::Path;

use super::{Endpoint, Origin, Tls};

impl Endpoint {
    /// The beginning of a command line: `docker`, and the options that lead to this engine unless it is
    /// the default one. Quoted for a shell.
    #[must_use]
    pub fn docker_command(&self) -> String {
        let mut command = "docker".to_owned();
        match &self.origin {
            Origin::DefaultSocket => {}
            Origin::Context(name) => command.push_str(&format!(" --context {}", quoted(name))),
            Origin::Flag | Origin::DockerHost | Origin::RootlessSocket => {
                command.push_str(&format!(" -H {}", quoted(&self.to_string())));
                if let Some(tls) = &self.tls {
                    command.push_str(&options(tls));
                }
            }
        }
        command
    }
}

fn options(tls: &Tls) -> String {
    let file = |option: &str, path: &Path| format!(" {option}={}", quoted(&path.to_string_lossy()));
    let mut options = " --tlsverify".to_owned();
    if let Some(ca) = &tls.ca {
        options.push_str(&file("--tlscacert", ca));
    }
    if let Some(pair) = &tls.pair {
        options.push_str(&file("--tlscert", &pair.cert));
        options.push_str(&file("--tlskey", &pair.key));
    }
    options
}

/// A word of a shell's command line.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:@%+=,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::endpoint::{Address, KeyPair};

    fn command(address: Address, tls: Option<Tls>, origin: Origin) -> String {
        Endpoint {
            address,
            tls,
            origin,
        }
        .docker_command()
    }

    #[test]
    fn a_command_leads_to_the_same_engine() {
        let socket = |path: &str| Address::Unix(path.into());
        assert_eq!(
            command(socket("/var/run/docker.sock"), None, Origin::DefaultSocket),
            "docker"
        );
        assert_eq!(
            command(
                socket("/run/user/7/docker.sock"),
                None,
                Origin::RootlessSocket
            ),
            "docker -H unix:///run/user/7/docker.sock"
        );
        assert_eq!(
            command(socket("/a b's"), None, Origin::DockerHost),
            r"docker -H 'unix:///a b'\''s'"
        );
        assert_eq!(
            command(socket("/x"), None, Origin::Context("prod".into())),
            "docker --context prod"
        );
        let tls = Tls {
            ca: Some("/c/ca.pem".into()),
            pair: Some(KeyPair {
                cert: "/c/cert.pem".into(),
                key: "/c/key.pem".into(),
            }),
        };
        assert_eq!(
            command(Address::Tcp("h:2376".into()), Some(tls), Origin::Flag),
            "docker -H tcp://h:2376 --tlsverify --tlscacert=/c/ca.pem --tlscert=/c/cert.pem --tlskey=/c/key.pem"
        );
    }
}
