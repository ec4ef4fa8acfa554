//! From a job and the flags over it to what the planner is asked for.

use std::ffi::OsStr;
use std::path::Path;

use super::args::{BackupArgs, DumpArgs, JobArgs, ScopeArgs};
use crate::codecs::Codec;
use crate::compose::Project;
use crate::config::job_file::model::TargetFormat;
use crate::config::job_file::rules::{Rules, Services};
use crate::config::job_file::{DeclaredJob, JobFile, TargetRules};
use crate::config::layers::Layered;
use crate::config::scope::Scope;
use crate::config::settings::{CompressionOverride, ConfigOverride, Overrides, Settings};
use crate::config::target_arg::TargetArg;
use crate::diagnostic::Finding;
use crate::plan::{Request, TargetWish};

/// The name of the ad-hoc job.
const AD_HOC: &str = "manual";

/// What `backup` asks for, over the rules of the project's file.
///
/// # Errors
/// Every flag and variable that cannot be used.
pub(super) fn ad_hoc(
    file: Option<&JobFile>,
    project: &Project,
    args: &BackupArgs,
    cwd: &Path,
) -> Result<Request, Vec<Finding>> {
    let (base, rules) = file.map_or_else(Default::default, JobFile::ad_hoc);
    let services = Services::Named(args.services.clone());
    let config = ConfigOverride {
        resolve_symlinks: true,
    };
    let overrides = Overrides {
        scopes: scopes(args.scopes),
        services: (!args.services.is_empty()).then_some(services),
        config: args.resolve_symlinks.then_some(config),
        dump_name: args.target_pattern.clone(),
        ..overrides(&args.dump)
    };
    let layered = Layered::load(&beside(base, project), &overrides)?;
    of_flags(AD_HOC, layered, rules, &args.dump, cwd)
}

/// What `plan` asks for in a project without a file: what `backup` would do.
///
/// # Errors
/// Every flag and variable that cannot be used.
pub(super) fn undeclared(args: &JobArgs, cwd: &Path) -> Result<Request, Vec<Finding>> {
    let layered = Layered::load(&Settings::default(), &overrides(&args.dump))?;
    of_flags(AD_HOC, layered, Rules::default(), &args.dump, cwd)
}

/// What a declared job asks for; `-t` takes the place of its targets.
///
/// # Errors
/// Every flag and variable that cannot be used.
pub(super) fn declared(
    job: DeclaredJob,
    project: &Project,
    args: &JobArgs,
    cwd: &Path,
) -> Result<Request, Vec<Finding>> {
    let overrides = Overrides {
        strict: args.strict.then_some(true),
        ..overrides(&args.dump)
    };
    let layered = Layered::load(&beside(job.settings, project), &overrides)?;
    if !args.dump.targets.is_empty() {
        return Ok(Request {
            covered_only: args.strict,
            ..of_flags(&job.name, layered, job.rules, &args.dump, cwd)?
        });
    }
    let targets = job.targets.iter();
    let targets = targets.map(|(name, rules)| declared_target(name, rules, project));
    Ok(Request {
        rules: job.rules,
        targets: all(targets)?,
        no_pause: args.dump.no_pause,
        covered_only: args.strict,
        ..Request::new(&job.name, layered)
    })
}

/// A job whose targets are those of the command line: standard output without any.
fn of_flags(
    job: &str,
    layered: Layered,
    rules: Rules,
    dump: &DumpArgs,
    cwd: &Path,
) -> Result<Request, Vec<Finding>> {
    let stdout = [OsStr::new("-").to_owned()];
    let given = if dump.targets.is_empty() {
        &stdout[..]
    } else {
        &dump.targets
    };
    let codec = codec(dump);
    let targets = given.iter().map(|text| {
        let place = TargetArg::parse(text, cwd)?;
        Ok(TargetWish::given(place, codec))
    });
    Ok(Request {
        rules,
        targets: all(targets)?,
        no_pause: dump.no_pause,
        ..Request::new(job, layered)
    })
}

fn declared_target(
    name: &str,
    rules: &TargetRules,
    project: &Project,
) -> Result<TargetWish, Finding> {
    Ok(TargetWish {
        place: declared_place(name, rules, project)?,
        format: Some(rules.format.unwrap_or(TargetFormat::Directory)),
        archive_codec: None,
        required: rules.required,
        keep: rules.keep.clone(),
    })
}

/// Where a declared target is.
///
/// # Errors
/// As [`TargetRules::place`].
pub(super) fn declared_place(
    name: &str,
    rules: &TargetRules,
    project: &Project,
) -> Result<TargetArg, Finding> {
    let place = rules.place(&project.dir)?;
    Ok(TargetArg {
        name: name.to_owned(),
        ..place
    })
}

/// Everything that is good, or all that is not.
fn all<T>(each: impl Iterator<Item = Result<T, Finding>>) -> Result<Vec<T>, Vec<Finding>> {
    let mut good = Vec::new();
    let mut findings = Vec::new();
    for one in each {
        match one {
            Ok(one) => good.push(one),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        Ok(good)
    } else {
        Err(findings)
    }
}

fn overrides(dump: &DumpArgs) -> Overrides {
    Overrides {
        compression: codec(dump).map(|codec| CompressionOverride { codec }),
        lock_wait: dump.lock_timeout,
        ..Overrides::default()
    }
}

fn codec(dump: &DumpArgs) -> Option<Codec> {
    dump.compression.as_ref().and_then(|name| name.parse().ok())
}

/// The scopes that flags name; none for all.
fn scopes(args: ScopeArgs) -> Option<Vec<Scope>> {
    let named: Vec<Scope> = args.named().collect();
    (!named.is_empty()).then_some(named)
}

/// A job's settings with its paths, which are relative to the project folder.
pub(super) fn beside(mut settings: Settings, project: &Project) -> Settings {
    if let Some(dir) = &mut settings.spool.dir {
        *dir = project.dir.join(&dir);
    }
    settings
}
