//! The shared files of AWS's own programs: `~/.aws/credentials` and `~/.aws/config`.
//!
//! What they say of keys, region and endpoint is taken. Profiles that get their keys from elsewhere are
//! refused by the name of the setting.

use std::collections::BTreeMap;
use std::path::Path;

use super::environment::Environment;
use super::error::StoreError;
use super::options::read_text;
use crate::secret::Secret;

/// Settings by which a profile gets its keys from elsewhere.
const ELSEWHERE: [&str; 6] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "sso_session",
    "sso_start_url",
];

/// What a profile says.
#[derive(Debug, Default)]
pub(super) struct Profile {
    pub(super) access_key_id: Option<Secret>,
    pub(super) secret_access_key: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

type Section = BTreeMap<String, String>;

impl Profile {
    /// The profile that the environment names, else `default`. Files that are not there say nothing,
    /// but a profile that was named has to be somewhere.
    ///
    /// # Errors
    /// When a file cannot be read, when a named profile is in none of them, and when it gets its keys
    /// in a way that this program does not know.
    pub(super) fn load(environment: &Environment) -> Result<Self, StoreError> {
        let named = environment.get("AWS_PROFILE");
        let name = named.unwrap_or("default");
        let mut found = false;
        let mut settings = Section::new();
        let in_config = match name {
            "default" => name.to_owned(),
            _ => format!("profile {name}"),
        };
        for (variable, file, section) in [
            ("AWS_CONFIG_FILE", ".aws/config", &*in_config),
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", name),
        ] {
            let Some(path) = environment.file(variable, file) else {
                continue;
            };
            if let Some(section) = section_of(&path, section)? {
                found = true;
                settings.extend(section);
            }
        }
        if !found && named.is_some() {
            return Err(StoreError::NoProfile {
                profile: name.to_owned(),
            });
        }
        Self::of(name, settings)
    }

    fn of(name: &str, mut settings: Section) -> Result<Self, StoreError> {
        let access_key_id = settings.remove("aws_access_key_id").map(Secret::new);
        if access_key_id.is_none()
            && let Some(setting) = ELSEWHERE.iter().find(|key| settings.contains_key(**key))
        {
            return Err(StoreError::ProfileElsewhere {
                profile: name.to_owned(),
                setting,
            });
        }
        Ok(Self {
            access_key_id,
            secret_access_key: settings.remove("aws_secret_access_key").map(Secret::new),
            session_token: settings.remove("aws_session_token").map(Secret::new),
            region: settings.remove("region"),
            endpoint: settings.remove("endpoint_url"),
        })
    }
}

/// A section of a file, if both are there.
fn section_of(path: &Path, section: &str) -> Result<Option<Section>, StoreError> {
    match read_text(path) {
        Ok(text) => Ok(parse(&text).remove(section)),
        Err(StoreError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Sections by name. Indented lines belong to the setting above, none of which is looked at here.
fn parse(text: &str) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if line.starts_with([' ', '\t', '#', ';']) {
            continue;
        }
        let line = line.trim();
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.entry(name.clone()).or_default();
            current = Some(name);
        } else if let (Some(section), Some((key, value))) = (&current, line.split_once('=')) {
            let settings = sections.entry(section.clone()).or_default();
            settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(
        config: &str,
        credentials: &str,
        profile: &str,
    ) -> (Environment, tempfile::TempDir) {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join(".aws")).expect("it can be made");
        for (name, text) in [("config", config), ("credentials", credentials)] {
            std::fs::write(home.path().join(".aws").join(name), text).expect("it can be written");
        }
        let variables = (!profile.is_empty()).then_some(("AWS_PROFILE", profile));
        (
            Environment::new(variables, Some(home.path().to_owned())),
            home,
        )
    }

    #[test]
    fn both_files_make_one_profile_and_the_credentials_win() {
        let config = "[profile  work]\nregion = eu-west-1\naws_access_key_id=old\ns3 =\n  region = no\n[default]\nregion=x";
        let credentials =
            "# keys\n[work]\naws_access_key_id = AK\naws_secret_access_key= s=c ; r\n";
        let (environment, _home) = environment(config, credentials, "work");
        let profile = Profile::load(&environment).expect("a profile");
        assert_eq!(profile.region.as_deref(), Some("eu-west-1"));
        assert_eq!(profile.access_key_id, Some(Secret::new("AK")));
        assert_eq!(profile.secret_access_key, Some(Secret::new("s=c ; r")));
        assert_eq!(profile.session_token, None);
    }

    #[test]
    fn a_profile_that_is_not_there_is_missed_only_by_its_name() {
        let (none, _home) = environment("", "", "");
        assert!(Profile::load(&none).expect("nothing").region.is_none());
        let (named, _home) = environment("[profile work]", "", "play");
        let error = Profile::load(&named).expect_err("it is nowhere");
        assert!(matches!(error, StoreError::NoProfile { profile } if profile == "play"));
    }

    #[test]
    fn keys_from_elsewhere_are_refused_by_name() {
        let (sso, _home) = environment("[default]\nsso_session = x\n", "", "");
        let error = Profile::load(&sso).expect_err("it has no keys");
        assert!(matches!(
            error,
            StoreError::ProfileElsewhere {
                setting: "sso_session",
                ..
            }
        ));
    }
}
