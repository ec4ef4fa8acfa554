//! The names under which dumps come into being and go.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::ffi::OsStrExt;

/// Beginning and end of every hidden name; what is left behind by a killed run is known by them.
const PREFIX: &str = ".compose-dump-";
const SUFFIX: &str = ".partial";

/// A name that nobody has: 16 random hex digits make it.
pub(super) fn hidden_name() -> OsString {
    // The standard library's hash keys are random; whoever makes it takes no name that is there.
    let random = RandomState::new().build_hasher().finish();
    hidden(&format!("{random:016x}")).into()
}

/// The hidden name of what is written under `name`.
pub(super) fn hidden(name: &str) -> String {
    format!("{PREFIX}{name}{SUFFIX}")
}

/// The name that [`hidden`] was given.
pub(super) fn unhidden(hidden: &str) -> Option<&str> {
    hidden.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// Whether [`hidden_name`] can have made this name.
pub(super) fn is_hidden_name(name: &OsStr) -> bool {
    let random = name.as_bytes().strip_prefix(PREFIX.as_bytes());
    let random = random.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    random.is_some_and(|digits| digits.len() == 16 && digits.iter().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_ours() {
        assert!(is_hidden_name(&hidden_name()));
        for name in [
            ".compose-dump-x.partial",
            ".compose-dump-0123456789ABCDEF.partial",
            ".compose-dump-0123456789abcdef.partial.bak",
            ".compose-dump-0123456789abcdef0.partial",
            "compose-dump-0123456789abcdef.partial",
        ] {
            assert!(!is_hidden_name(OsStr::new(name)), "{name}");
        }
    }
}
