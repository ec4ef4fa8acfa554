//! Who a dump is about: `<host>/<name>/<path hash>`, the project id of stores and locks.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// The identity of a project on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The host's name, or what the setting `host` says instead.
    pub host: String,
    /// Compose's project name.
    pub name: String,
    /// The first 8 hex digits of the SHA-256 of the project folder's path, so that two checkouts of
    /// one project on a host stay apart.
    pub path_hash: String,
}

impl Identity {
    /// The identity of the project `name` in `folder` on `host`. Characters of the host's name that
    /// a file name or an object key should not hold become `-`; what a name should not begin with goes.
    #[must_use]
    pub fn new(host: &str, name: &str, folder: &Path) -> Self {
        let digest = Sha256::digest(folder.as_os_str().as_bytes());
        Self {
            host: host_in_names(host),
            name: name.to_owned(),
            path_hash: digest
                .iter()
                .take(4)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        }
    }

    /// What [`Self::id`] was made of; `None` for another text.
    #[must_use]
    pub fn of_id(id: &str) -> Option<Self> {
        let mut parts = id.split('/').map(str::to_owned);
        let (host, name, path_hash) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(Self {
            host,
            name,
            path_hash,
        })
    }

    /// `<host>/<name>/<path hash>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.host, self.name, self.path_hash)
    }

    /// `<name>/<path hash>`: which project it is on this host, whatever the host is called.
    #[must_use]
    pub fn on_host(&self) -> String {
        format!("{}/{}", self.name, self.path_hash)
    }
}

/// A host of which nothing would be left is called so.
const NO_HOST: &str = "host";

/// A name that begins with a dot is hidden, one that begins with a dash looks like an option.
fn host_in_names(host: &str) -> String {
    let safe: String = host.chars().map(safe_in_names).collect();
    match safe.trim_start_matches(['.', '-']) {
        "" => NO_HOST.to_owned(),
        host => host.to_owned(),
    }
}

fn safe_in_names(character: char) -> char {
    if character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.') {
        character
    } else {
        '-'
    }
}

/// The name that the kernel has for this host.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_differ_and_the_hash_is_plain_sha256() {
        let one = Identity::new("web-1", "blog", Path::new("/srv/blog"));
        let two = Identity::new("web-1", "blog", Path::new("/srv/staging"));
        assert_ne!(one, two);
        // printf /srv/blog | sha256sum | cut -c1-8
        assert_eq!(one.id(), "web-1/blog/c205361c");
        assert_eq!(one.on_host(), "blog/c205361c");
        assert_eq!(Identity::of_id("web-1/blog/c205361c"), Some(one));
        assert_eq!(Identity::of_id("web-1/blog"), None);
        assert_eq!(Identity::of_id("web-1/blog/c205361c/more"), None);
    }

    #[test]
    fn a_host_name_cannot_break_out_of_a_file_name() {
        let host = |host| Identity::new(host, "x", Path::new("/")).host;
        assert_eq!(host("../a b:c"), "a-b-c");
        assert_eq!(host("-rf"), "rf");
        assert_eq!(host("{job}"), "job-", "no field of a pattern");
        assert_eq!(host("web-1.lan"), "web-1.lan");
        assert_eq!(host("../:"), "host");
    }
}
