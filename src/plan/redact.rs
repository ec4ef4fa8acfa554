//! Driver options without secrets: what a plan or a manifest holds is read by others.
//!
//! Volume drivers take passwords as options (`password=` of sshfs) or inside `o`, the mount options of
//! the `local` driver (`username=x,password=y` of cifs).

use std::collections::BTreeMap;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// Words in a name that announce a secret.
const SECRET_WORDS: [&str; 5] = ["pass", "secret", "token", "credential", "key"];

/// The options with [`HIDDEN`] in place of what looks like a secret by its name.
pub(super) fn redacted(options: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let one = |(name, value): (&String, &String)| {
        let shown = if is_secret(name) {
            HIDDEN.to_owned()
        } else {
            mount_options(value)
        };
        (name.clone(), shown)
    };
    options.iter().map(one).collect()
}

/// A list as `mount -o` takes it, each part of it looked at by itself.
fn mount_options(list: &str) -> String {
    let part = |part: &str| match part.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}={HIDDEN}"),
        _ => part.to_owned(),
    };
    list.split(',').map(part).collect::<Vec<_>>().join(",")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_a_driver_takes_them() {
        let options = BTreeMap::from(
            [
                ("type", "cifs"),
                ("device", "//nas/share"),
                ("o", "username=me,password=hunter2,vers=3.0"),
                ("sshcmd", "me@host:/srv"),
                ("Password", "hunter2"),
                ("IdentityKey", "abc"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let redacted = redacted(&options);
        assert_eq!(redacted["o"], "username=me,password=***,vers=3.0");
        assert_eq!(redacted["device"], "//nas/share");
        assert_eq!(redacted["sshcmd"], "me@host:/srv");
        assert!(!format!("{redacted:?}").contains("hunter2"));
        assert_eq!(redacted["IdentityKey"], "***");
    }
}
