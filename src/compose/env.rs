//! The variables that interpolation sees: the process environment first, then env files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::path::is_missing;
use super::session::Session;
use super::template::Lookup;
use super::{LoadError, Role, dotenv};

/// Variables by name. What is set first stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Env {
    vars: BTreeMap<String, String>,
    not_text: BTreeSet<String>,
}

impl Env {
    /// The process environment.
    pub(super) fn of_process(process: &BTreeMap<OsString, OsString>) -> Self {
        let mut env = Self::default();
        for (name, value) in process {
            // No expression can name a variable whose name is not UTF-8.
            let Some(name) = name.to_str() else { continue };
            if let Some(value) = value.to_str() {
                env.vars.insert(name.to_owned(), value.to_owned());
            } else {
                env.not_text.insert(name.to_owned());
            }
        }
        env
    }

    /// The variable as interpolation sees it.
    pub(super) fn lookup(&self, name: &str) -> Lookup<'_> {
        match self.vars.get(name) {
            Some(value) => Lookup::Set(value),
            None if self.not_text.contains(name) => Lookup::NotText,
            None => Lookup::Unset,
        }
    }

    /// The variable's value, unless it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Whether the variable is set to what Go's `strconv.ParseBool` takes for true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        matches!(
            self.filled(name),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True")
        )
    }

    /// Adds what is not set yet.
    pub(super) fn add_missing(&mut self, vars: BTreeMap<String, String>) {
        for (name, value) in vars {
            if !self.not_text.contains(&name) {
                self.vars.entry(name).or_insert(value);
            }
        }
    }

    /// Sets a variable, whatever it was.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.not_text.remove(name);
        self.vars.insert(name.to_owned(), value.to_owned());
    }
}

/// An env file for interpolation and what names it.
#[derive(Debug, Clone)]
pub(super) struct EnvFile {
    /// Absolute and clean.
    pub(super) path: PathBuf,
    /// As in [`super::Reference::named_by`].
    pub(super) named_by: String,
}

/// Reads env files, of which a later one overrides an earlier one, and notes them as references.
///
/// # Errors
/// As [`Session::read`]; a file that is not there is a warning.
pub(super) fn read_files(
    session: &mut Session,
    files: &[EnvFile],
    env: &Env,
) -> Result<BTreeMap<String, String>, LoadError> {
    let mut vars = BTreeMap::new();
    for file in files {
        // Compose's way to say "no env file".
        if file.path == Path::new("/dev/null") {
            continue;
        }
        session.refer(&file.path, Role::DotEnv, &file.named_by);
        if is_missing(&file.path) {
            session.warn_file(
                &file.path,
                None,
                format!("this env file (`{}`) does not exist", file.named_by),
            );
            continue;
        }
        let bytes = session.read(&file.path)?;
        let text = String::from_utf8_lossy(&bytes);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            session.warn_file(&file.path, None, "this env file is not UTF-8".to_owned());
        }
        let parsed = dotenv::parse(&text, &|name| match env.lookup(name) {
            Lookup::Unset => vars
                .get(name)
                .map_or(Lookup::Unset, |value: &String| Lookup::Set(value)),
            known => known,
        });
        for (line, message) in parsed.problems {
            session.warn_file(&file.path, Some(line), message);
        }
        vars.extend(parsed.vars);
    }
    Ok(vars)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn what_is_set_first_stays() {
        let bytes = OsString::from_vec(vec![0xff]);
        let process = [("A".into(), "a".into()), ("B".into(), bytes)].into();
        let mut env = Env::of_process(&process);
        let more = ["A", "B", "C"].map(|name| (name.to_owned(), "x".to_owned()));
        env.add_missing(more.into());
        assert_eq!(env.lookup("A"), Lookup::Set("a"));
        assert_eq!(env.lookup("B"), Lookup::NotText);
        assert_eq!(env.lookup("C"), Lookup::Set("x"));
        assert_eq!(env.lookup("D"), Lookup::Unset);
    }
}
