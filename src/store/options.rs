//! How a store is reached: everything that a target says beside its URL.

use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::url::Service;
use crate::secret::Secret;

/// The options of a target. Each is `None`, or `false`, where the target says nothing; the environment
/// comes after them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// The URL of the service, for those that are not the big ones.
    pub endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub region: Option<String>,
    /// Whether the bucket stands in the path of an S3 request, and not in its host.
    pub path_style: Option<bool>,
    /// Further certificates that are trusted, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether `http://` is allowed.
    pub allow_http: bool,
    /// The storage class or access tier of what is written.
    pub storage_class: Option<String>,
    /// S3: the key's id.
    pub access_key_id: Option<Given>,
    /// S3: the key's secret.
    pub secret_access_key: Option<Given>,
    /// S3: the token of a key that expires.
    pub session_token: Option<Given>,
    /// Azure: the storage account.
    pub account_name: Option<String>,
    /// Azure: its key.
    pub account_key: Option<Given>,
    /// Azure: a shared access signature.
    pub sas_token: Option<Given>,
    /// Google: the key of a service account, a JSON file.
    pub service_account_file: Option<PathBuf>,
    /// Whether the machine's own role may be asked for at its metadata service.
    pub instance_role: bool,
}

/// A secret, or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The secret itself.
    Value(Secret),
    /// A file with nothing but the secret, and perhaps a newline behind it.
    File(PathBuf),
}

/// The options that not every service has, by their keys.
const NOT_FOR_ALL: [(&str, Service); 8] = [
    ("region", Service::S3),
    ("path_style", Service::S3),
    ("access_key_id", Service::S3),
    ("secret_access_key", Service::S3),
    ("session_token", Service::S3),
    ("account_name", Service::Azure),
    ("account_key", Service::Azure),
    ("sas_token", Service::Azure),
];

impl StoreOptions {
    /// Of the key of an option, which may have `_file` behind it, the service that alone has it.
    #[must_use]
    pub fn only_for(key: &str) -> Option<Service> {
        if key == "service_account_file" {
            return Some(Service::Gcs);
        }
        let key = key.strip_suffix("_file").unwrap_or(key);
        let row = NOT_FOR_ALL.iter().find(|(name, _)| *name == key)?;
        Some(row.1)
    }

    /// The same with every path relative to `dir`.
    #[must_use]
    pub fn beside(mut self, dir: &Path) -> Self {
        let secrets = [
            &mut self.access_key_id,
            &mut self.secret_access_key,
            &mut self.session_token,
            &mut self.account_key,
            &mut self.sas_token,
        ];
        let files = secrets.into_iter().filter_map(|given| match given {
            Some(Given::File(path)) => Some(path),
            Some(Given::Value(_)) | None => None,
        });
        let paths = [&mut self.ca_file, &mut self.service_account_file];
        for path in files.chain(paths.into_iter().flatten()) {
            *path = dir.join(&path);
        }
        self
    }
}

impl Given {
    /// The secret.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, or is not text.
    pub(super) fn read(&self) -> Result<Secret, StoreError> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let text = read_text(path)?;
                let secret = text.trim_end_matches(['\n', '\r']);
                if secret.is_empty() {
                    return Err(StoreError::EmptyFile { path: path.clone() });
                }
                Ok(Secret::new(secret))
            }
        }
    }
}

/// The text of a small file.
pub(super) fn read_text(path: &Path) -> Result<String, StoreError> {
    /// Keys have some hundred bytes, certificate bundles some hundred thousand.
    const MAX_BYTES: u64 = 4 << 20;
    let read = || {
        use std::io::Read;
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(MAX_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secrets_file_may_end_with_a_newline_and_not_be_empty() {
        let dir = tempfile::tempdir().expect("a folder");
        let options = StoreOptions {
            secret_access_key: Some(Given::File("key".into())),
            ..StoreOptions::default()
        };
        let given = options.beside(dir.path()).secret_access_key;
        let given = given.expect("it is still there");
        assert!(matches!(given.read(), Err(StoreError::File { .. })));
        std::fs::write(dir.path().join("key"), "\n").expect("it can be written");
        assert!(matches!(given.read(), Err(StoreError::EmptyFile { .. })));
        std::fs::write(dir.path().join("key"), "se cret\r\n").expect("it can be written");
        assert_eq!(given.read().expect("a secret").expose(), "se cret");
    }

    #[test]
    fn options_know_their_service() {
        assert_eq!(
            StoreOptions::only_for("sas_token_file"),
            Some(Service::Azure)
        );
        assert_eq!(StoreOptions::only_for("region"), Some(Service::S3));
        assert_eq!(
            StoreOptions::only_for("service_account_file"),
            Some(Service::Gcs)
        );
        assert_eq!(StoreOptions::only_for("ca_file"), None);
    }
}
