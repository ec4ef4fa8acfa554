//! Contexts of the `docker` program: which one is active, and what its files say.
//!
//! The store's layout is docker/cli's `cli/context/store`: `contexts/meta/<id>/meta.json` and
//! `contexts/tls/<id>/docker/*.pem` with the id being the SHA-256 of the name.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Address, Endpoint, EndpointError, Origin, Surroundings, host, tls, utf8};

/// The context that is no entry in the store.
pub(super) const DEFAULT: &str = "default";

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints", default)]
    endpoints: BTreeMap<String, EndpointMeta>,
}

#[derive(Deserialize)]
struct EndpointMeta {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// The context that `DOCKER_CONTEXT` or `config.json` names, if any. A `config.json` that cannot be
/// used is a warning, as it is for the `docker` program.
///
/// # Errors
/// When `DOCKER_CONTEXT` is not UTF-8.
pub(super) fn active(around: &Surroundings) -> Result<Option<String>, EndpointError> {
    if let Some(name) = &around.docker_context {
        return utf8("DOCKER_CONTEXT", name).map(Some);
    }
    let Some(folder) = around.config_dir() else {
        return Ok(None);
    };
    let path = folder.join("config.json");
    let config: Option<ConfigFile> = read_json(&path).unwrap_or_else(|error| {
        let why = std::error::Error::source(&error).map(|why| format!(": {why}"));
        tracing::warn!(
            "{error}{}; the default engine is taken",
            why.unwrap_or_default()
        );
        None
    });
    let name = config.and_then(|config| config.current_context);
    Ok(name.filter(|name| !name.is_empty()))
}

/// The endpoint that the context of that name stands for.
///
/// # Errors
/// When there is none, its files are unreadable, or it asks for what is not done here.
pub(super) fn endpoint(name: &str, around: &Surroundings) -> Result<Endpoint, EndpointError> {
    let store = around.config_dir().unwrap_or_default().join("contexts");
    let id = store_id(name);
    let meta: Option<Meta> = read_json(&store.join("meta").join(&id).join("meta.json"))?;
    let Some(meta) = meta else {
        return Err(EndpointError::NoContext {
            name: name.to_owned(),
            store,
        });
    };
    let Some(docker) = meta.endpoints.get("docker") else {
        return Err(EndpointError::NoDockerEndpoint {
            name: name.to_owned(),
        });
    };
    let files = tls::of_folder(&store.join("tls").join(&id).join("docker"))?;
    let wants_tls = docker.skip_tls_verify || files != tls::Tls::default();
    let parsed = host::parse(&docker.host, wants_tls)?;
    let tls = match &parsed.address {
        Address::Tcp(_) if docker.skip_tls_verify => {
            return Err(EndpointError::Unverified {
                origin: format!("context `{name}`"),
            });
        }
        Address::Tcp(_) if wants_tls || parsed.https => Some(files),
        Address::Unix(_) | Address::Tcp(_) | Address::Ssh(_) => None,
    };
    Ok(Endpoint {
        address: parsed.address,
        tls,
        origin: Origin::Context(name.to_owned()),
    })
}

/// The name of a context's folders: the SHA-256 of its name, in hexadecimal.
fn store_id(name: &str) -> String {
    Sha256::digest(name)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EndpointError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(EndpointError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let malformed = |source| EndpointError::Malformed {
        path: path.to_owned(),
        source,
    };
    serde_json::from_slice(&text).map(Some).map_err(malformed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::engine::endpoint::{Wish, locate};

    struct Store(TempDir);

    impl Store {
        fn with(name: &str, meta: &str) -> Self {
            let store = Self(tempfile::tempdir().unwrap());
            let id = store_id(name);
            let folder = store.0.path().join("contexts/meta").join(id);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("meta.json"), meta).unwrap();
            store
        }

        fn around(&self) -> Surroundings {
            Surroundings {
                docker_config: Some(self.0.path().into()),
                ..Surroundings::default()
            }
        }
    }

    /// The value is that of `printf prod | sha256sum`.
    #[test]
    fn folders_are_named_by_a_hash() {
        let id = "6754af9632a2745e85c293e5aac0863370d9bd3330b9938c00cadfd215227d77";
        assert_eq!(store_id("prod"), id);
    }

    #[test]
    fn the_current_context_is_taken_and_the_variable_beats_it() {
        let store = Store::with("a", r#"{"Endpoints":{"docker":{"Host":"unix:///a.sock"}}}"#);
        fs::write(
            store.0.path().join("config.json"),
            r#"{"currentContext":"a","auths":{}}"#,
        )
        .unwrap();
        let found = locate(&Wish::default(), &store.around()).unwrap();
        assert_eq!(found[0].to_string(), "unix:///a.sock");
        assert_eq!(found[0].origin.to_string(), "context `a`");
        let around = Surroundings {
            docker_context: Some("b".into()),
            ..store.around()
        };
        let error = locate(&Wish::default(), &around).unwrap_err();
        assert!(
            error.to_string().starts_with("there is no context `b`"),
            "{error}"
        );
        let around = Surroundings {
            docker_host: Some("unix:///h".into()),
            ..store.around()
        };
        assert_eq!(
            locate(&Wish::default(), &around).unwrap()[0].to_string(),
            "unix:///h"
        );
    }

    #[test]
    fn a_context_without_verification_is_refused() {
        let meta = r#"{"Endpoints":{"docker":{"Host":"tcp://h:1","SkipTLSVerify":true}}}"#;
        let store = Store::with("a", meta);
        let error = endpoint("a", &store.around()).unwrap_err();
        assert!(matches!(error, EndpointError::Unverified { .. }), "{error}");
    }

    #[test]
    fn a_context_for_something_else_and_a_broken_file_are_told() {
        let store = Store::with("k", r#"{"Endpoints":{"kubernetes":{}}}"#);
        let error = endpoint("k", &store.around()).unwrap_err();
        assert!(
            matches!(error, EndpointError::NoDockerEndpoint { .. }),
            "{error}"
        );
        let id = store_id("k");
        let meta = store
            .0
            .path()
            .join("contexts/meta")
            .join(id)
            .join("meta.json");
        fs::write(meta, "{").unwrap();
        let error = endpoint("k", &store.around()).unwrap_err();
        assert!(matches!(error, EndpointError::Malformed { .. }), "{error}");
    }

    #[test]
    fn a_config_that_cannot_be_used_does_not_stand_in_the_way_of_the_default() {
        let store = Store::with("a", r#"{"Endpoints":{"docker":{"Host":"unix:///a.sock"}}}"#);
        let config = store.0.path().join("config.json");
        fs::write(&config, "{").unwrap();
        assert_eq!(active(&store.around()).unwrap(), None);
        fs::remove_file(&config).unwrap();
        fs::create_dir(&config).unwrap();
        let found = locate(&Wish::default(), &store.around()).unwrap();
        assert_eq!(found[0].origin, Origin::DefaultSocket);
        let around = Surroundings {
            docker_context: Some("a".into()),
            ..store.around()
        };
        let found = locate(&Wish::default(), &around).unwrap();
        assert_eq!(found[0].to_string(), "unix:///a.sock");
    }
}
