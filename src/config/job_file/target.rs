//! A target as the file declares it: a place, what a dump looks like there, and how a store is reached.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::target_arg::TargetArg;
use crate::diagnostic::Finding;
use crate::retention::Policy;
use crate::secret::Secret;
use crate::store::{Given, StoreOptions};

/// The keys that every target has; all others say how a store is reached.
pub(super) const FOR_ALL: [&str; 5] = ["path", "url", "format", "required", "keep"];

/// A target. It has a path or a URL; everything below `keep` is for URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRules {
    /// A folder, relative to the project folder, or `-`.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// A prefix in an object store.
    #[serde(default)]
    pub url: Option<String>,
    /// What a dump looks like; `None`: a folder, and an archive on standard output.
    #[serde(default)]
    pub format: Option<TargetFormat>,
    /// Whether the run fails with it.
    #[serde(default = "yes")]
    pub required: bool,
    /// Which dumps stay there; `None`: all.
    #[serde(default)]
    pub keep: Option<Policy>,
    /// As [`StoreOptions::endpoint`].
    #[serde(default)]
    pub endpoint: Option<String>,
    /// As [`StoreOptions::region`].
    #[serde(default)]
    pub region: Option<String>,
    /// As [`StoreOptions::path_style`].
    #[serde(default)]
    pub path_style: Option<bool>,
    /// As [`StoreOptions::ca_file`], relative to the project folder like all files here.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// As [`StoreOptions::allow_http`].
    #[serde(default)]
    pub allow_http: bool,
    /// As [`StoreOptions::storage_class`].
    #[serde(default)]
    pub storage_class: Option<String>,
    /// As [`StoreOptions::access_key_id`].
    #[serde(default)]
    pub access_key_id: Option<Secret>,
    /// The same in a file.
    #[serde(default)]
    pub access_key_id_file: Option<PathBuf>,
    /// As [`StoreOptions::secret_access_key`].
    #[serde(default)]
    pub secret_access_key: Option<Secret>,
    /// The same in a file.
    #[serde(default)]
    pub secret_access_key_file: Option<PathBuf>,
    /// As [`StoreOptions::session_token`].
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// The same in a file.
    #[serde(default)]
    pub session_token_file: Option<PathBuf>,
    /// As [`StoreOptions::account_name`].
    #[serde(default)]
    pub account_name: Option<String>,
    /// As [`StoreOptions::account_key`].
    #[serde(default)]
    pub account_key: Option<Secret>,
    /// The same in a file.
    #[serde(default)]
    pub account_key_file: Option<PathBuf>,
    /// As [`StoreOptions::sas_token`].
    #[serde(default)]
    pub sas_token: Option<Secret>,
    /// The same in a file.
    #[serde(default)]
    pub sas_token_file: Option<PathBuf>,
    /// As [`StoreOptions::service_account_file`].
    #[serde(default)]
    pub service_account_file: Option<PathBuf>,
    /// As [`StoreOptions::instance_role`].
    #[serde(default)]
    pub instance_role: bool,
}

/// What a dump looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetFormat {
    /// A folder of files and tars.
    Directory,
    /// One tar.
    Archive,
}

impl TargetRules {
    /// Where the target is; paths are relative to `dir`.
    ///
    /// # Errors
    /// As [`TargetArg::parse`] and [`TargetArg::in_store`].
    pub fn place(&self, dir: &Path) -> Result<TargetArg, Finding> {
        match (&self.url, &self.path) {
            (Some(url), _) => TargetArg::in_store(url, self.store_options().beside(dir)),
            (None, Some(path)) => TargetArg::parse(path.as_os_str(), dir),
            (None, None) => Err(nowhere("a target")),
        }
    }

    /// How the store is reached, with paths as they stand in the file.
    #[must_use]
    pub fn store_options(&self) -> StoreOptions {
        let given = |value: &Option<Secret>, file: &Option<PathBuf>| {
            let value = value.clone().map(Given::Value);
            value.or_else(|| file.clone().map(Given::File))
        };
        StoreOptions {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            ca_file: self.ca_file.clone(),
            allow_http: self.allow_http,
            storage_class: self.storage_class.clone(),
            access_key_id: given(&self.access_key_id, &self.access_key_id_file),
            secret_access_key: given(&self.secret_access_key, &self.secret_access_key_file),
            session_token: given(&self.session_token, &self.session_token_file),
            account_name: self.account_name.clone(),
            account_key: given(&self.account_key, &self.account_key_file),
            sas_token: given(&self.sas_token, &self.sas_token_file),
            service_account_file: self.service_account_file.clone(),
            instance_role: self.instance_role,
        }
    }
}

/// A target without a place.
pub(super) fn nowhere(target: &str) -> Finding {
    let message = format!("the key `path` is missing in {target}");
    Finding::new("config::missing_key", message).with_help(
        "write `path: /var/backups/compose`, `path: \"-\"` for standard output, or `url: s3://bucket/prefix`",
    )
}

fn yes() -> bool {
    true
}
