//! One job of the file, complete: the top level with the job's own keys in place of its keys.

use super::model::{JobFile, JobRules, TargetRules};
use super::rules::Rules;
use crate::config::settings::{CompressionSettings, Settings};

/// The job that the top level of the file is.
pub const DEFAULT_JOB: &str = "default";

/// A job as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredJob {
    /// Its name.
    pub name: String,
    /// What it says of everything that has one value.
    pub settings: Settings,
    /// What it says of mounts and volumes.
    pub rules: Rules,
    /// Where its dumps go, by the targets' names.
    pub targets: Vec<(String, TargetRules)>,
}

impl JobFile {
    /// The names of the jobs, the top level first.
    pub fn job_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(DEFAULT_JOB).chain(self.jobs.keys().map(String::as_str))
    }

    /// The job of that name; each key that it gives replaces the top level's whole.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<DeclaredJob> {
        let top = JobRules::default();
        let job = if name == DEFAULT_JOB {
            &top
        } else {
            self.jobs.get(name)?
        };
        let goes_to = |target: &String| match &job.to {
            Some(names) => names.contains(target),
            None => true,
        };
        let targets = self.targets.iter().filter(|(name, _)| goes_to(name));
        Some(DeclaredJob {
            name: name.to_owned(),
            settings: self.settings(job),
            rules: Rules {
                mounted: job.mounted.as_ref().unwrap_or(&self.mounted).clone(),
                volumes: job.volumes.as_ref().unwrap_or(&self.volumes).clone(),
                exports: job.exports.as_ref().unwrap_or(&self.exports).clone(),
                hooks: job.hooks.as_ref().unwrap_or(&self.hooks).clone(),
            },
            targets: targets
                .map(|(name, rules)| (name.clone(), rules.clone()))
                .collect(),
        })
    }

    /// What counts for an ad-hoc backup: everything at the top level but scopes, compression and
    /// targets, which the command line says.
    #[must_use]
    pub fn ad_hoc(&self) -> (Settings, Rules) {
        let ad_hoc = Settings::default();
        let settings = Settings {
            scopes: ad_hoc.scopes,
            compression: CompressionSettings::default(),
            ..self.settings(&JobRules::default())
        };
        let rules = Rules {
            mounted: self.mounted.clone(),
            volumes: self.volumes.clone(),
            exports: self.exports.clone(),
            hooks: self.hooks.clone(),
        };
        (settings, rules)
    }

    fn settings(&self, job: &JobRules) -> Settings {
        Settings {
            scopes: job.scopes.as_ref().unwrap_or(&self.scopes).clone(),
            services: job.services.as_ref().unwrap_or(&self.services).clone(),
            config: job.config.as_ref().unwrap_or(&self.config).clone(),
            pause: job.pause.as_ref().unwrap_or(&self.pause).clone(),
            host: self.host.clone(),
            reader: job.reader.unwrap_or(self.reader),
            volumes_at_once: job.volumes_at_once.unwrap_or(self.volumes_at_once),
            compression: job.compression.unwrap_or(self.compression),
            spool: job.spool.as_ref().unwrap_or(&self.spool).clone(),
            dump_name: job.dump_name.as_ref().unwrap_or(&self.dump_name).clone(),
            strict: job.strict.unwrap_or(self.strict),
            lock_wait: job.lock_wait.unwrap_or(self.lock_wait),
            shrink_guard: job.shrink_guard.unwrap_or(self.shrink_guard),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecs::Codec;
    use crate::config::job_file::rules::{PauseMode, TakeVolume, VolumeRule};
    use crate::config::scope::Scope;

    fn file() -> JobFile {
        let text = r#"
            version: 1
            host: web-1
            scopes: [volumes]
            volumes: {cache: skip, uploads: {exclude: ["*.part"]}}
            pause: {default: pause, services: {db: none}}
            compression: {codec: zst, level: 19}
            targets:
              local: {path: /backups}
              disk: {path: /disk, required: false}
            jobs:
              nightly: {}
              hourly: {to: [disk], volumes: {db: {}}, pause: {default: none}, compression: gz}
        "#;
        serde_yaml::from_str(text).expect("a job file")
    }

    #[test]
    fn a_job_has_the_keys_of_the_top_level() {
        let file = file();
        assert_eq!(
            file.job_names().collect::<Vec<_>>(),
            ["default", "hourly", "nightly"]
        );
        let default = file.job("default").expect("the top level");
        let nightly = file.job("nightly").expect("a job");
        assert_eq!(
            (&default.settings, &default.rules, &default.targets),
            (&nightly.settings, &nightly.rules, &nightly.targets)
        );
        assert_eq!(default.settings.host.as_deref(), Some("web-1"));
        assert_eq!(default.settings.compression.level, Some(19));
        assert_eq!(default.targets.len(), 2);
        assert_eq!(file.job("weekly"), None);
    }

    #[test]
    fn its_own_keys_replace_them_whole() {
        let hourly = file().job("hourly").expect("a job");
        let take = VolumeRule::Take(TakeVolume::default());
        assert_eq!(hourly.rules.volumes, [("db".to_owned(), take)].into());
        assert_eq!(hourly.settings.pause.default, PauseMode::None);
        assert!(hourly.settings.pause.services.is_empty());
        assert_eq!(hourly.settings.compression.codec, Some(Codec::Gz));
        assert_eq!(hourly.settings.compression.level, None);
        let names: Vec<&str> = hourly.targets.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["disk"]);
    }

    #[test]
    fn an_ad_hoc_backup_takes_the_rules_and_not_the_scopes() {
        let (settings, rules) = file().ad_hoc();
        assert_eq!(settings.scopes, Scope::ALL);
        assert_eq!(settings.compression, CompressionSettings::default());
        assert_eq!(settings.pause.services["db"], PauseMode::None);
        assert_eq!(rules.volumes["cache"], VolumeRule::Skip);
    }
}
