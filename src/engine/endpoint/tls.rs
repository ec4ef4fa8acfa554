//! Which files TLS takes its certificates from. Who reads them is the API library.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{EndpointError, Surroundings};

/// The files of a TLS connection, PEM each. Every one that is named was readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Authorities that the engine's certificate may be of, besides those of the system.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub pair: Option<KeyPair>,
}

/// A certificate and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` say. As with the `docker` program the authority's
/// certificate must be there, and our own may be missing.
pub(super) fn of_environment(around: &Surroundings) -> Result<Tls, EndpointError> {
    if around.docker_tls.is_some() && around.docker_tls_verify.is_none() {
        return Err(EndpointError::Unverified {
            origin: "DOCKER_TLS".to_owned(),
        });
    }
    let folder = around.docker_cert_path.as_ref().map(PathBuf::from);
    let Some(folder) = folder.or_else(|| around.config_dir()) else {
        return Ok(Tls::default());
    };
    let tls = of_folder(&folder)?;
    if tls.ca.is_none() {
        let source = ErrorKind::NotFound.into();
        return Err(EndpointError::Unreadable {
            path: folder.join("ca.pem"),
            source,
        });
    }
    Ok(tls)
}

/// What of `ca.pem`, `cert.pem` and `key.pem` is in a folder.
pub(super) fn of_folder(folder: &Path) -> Result<Tls, EndpointError> {
    let cert = readable(folder.join("cert.pem"))?;
    let key = readable(folder.join("key.pem"))?;
    let pair = match (cert, key) {
        (Some(cert), Some(key)) => Some(KeyPair { cert, key }),
        (None, None) => None,
        (Some(present), None) => {
            return Err(EndpointError::HalfAKeyPair {
                present,
                missing: folder.join("key.pem"),
            });
        }
        (None, Some(present)) => {
            return Err(EndpointError::HalfAKeyPair {
                present,
                missing: folder.join("cert.pem"),
            });
        }
    };
    Ok(Tls {
        ca: readable(folder.join("ca.pem"))?,
        pair,
    })
}

/// The API library reads the files in the middle of a handshake and swallows what goes wrong there,
/// so it is found out here.
fn readable(path: PathBuf) -> Result<Option<PathBuf>, EndpointError> {
    match File::open(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EndpointError::Unreadable { path, source }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_pair_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_folder(folder.path()).unwrap(), Tls::default());
        std::fs::write(folder.path().join("key.pem"), "").unwrap();
        let error = of_folder(folder.path()).unwrap_err();
        assert!(
            matches!(error, EndpointError::HalfAKeyPair { .. }),
            "{error}"
        );
    }

    #[test]
    fn the_environment_must_name_an_authority() {
        let folder = tempfile::tempdir().unwrap();
        let around = Surroundings {
            docker_tls_verify: Some("1".into()),
            docker_cert_path: Some(folder.path().into()),
            ..Surroundings::default()
        };
        let error = of_environment(&around).unwrap_err();
        assert!(error.to_string().contains("ca.pem"), "{error}");
        std::fs::write(folder.path().join("ca.pem"), "").unwrap();
        assert!(of_environment(&around).unwrap().ca.is_some());
    }
}
