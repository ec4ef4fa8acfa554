//! The real Compose as the judge: its `config --format json` against the loader's project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use compose_dump::compose::{BuildSource, MountKind, MountSource, Project, Role, Service};
use serde_json::{Value, json};

use super::case::Case;

/// Both sides, where they differ.
pub(crate) fn compare(compose: &Path, case: &Case) -> Result<(), String> {
    let theirs = of_compose(&config(compose, case)?);
    let ours = of_loader(&case.load().map_err(|error| format!("{error:?}"))?);
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    if ours == theirs {
        return Ok(());
    }
    Err(format!(
        "the loader says\n{}\nbut Compose says\n{}",
        text(&ours),
        text(&theirs)
    ))
}

fn config(compose: &Path, case: &Case) -> Result<Value, String> {
    let settings = &case.settings;
    let mut command = Command::new(compose);
    command
        .env_clear()
        .envs(&settings.env)
        .current_dir(case.cwd());
    command
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", case.home());
    for (flag, paths) in [("-f", &settings.files), ("--env-file", &settings.env_files)] {
        for path in paths {
            command.arg(flag).arg(path);
        }
    }
    if let Some(name) = &settings.project_name {
        command.arg("-p").arg(name);
    }
    if let Some(dir) = &settings.project_dir {
        command.arg("--project-directory").arg(dir);
    }
    let output = command
        .args(["--profile", "*", "config", "--format", "json"])
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(format!(
            "Compose fails: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(unescape(serde_json::from_slice(&output.stdout).unwrap()))
}

/// `config` doubles every `$`, so that its output can be a Compose file again.
fn unescape(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => items.into_iter().map(unescape).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, unescape(value)))
            .collect(),
        other => other,
    }
}

fn of_compose(config: &Value) -> Value {
    let services: BTreeMap<_, _> = entries(config, "services")
        .map(|(name, service)| {
            let mounts: Vec<Value> = service["volumes"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|mount| {
                    json!([
                        mount["type"],
                        mount["source"],
                        mount["target"],
                        mount["read_only"] == true
                    ])
                })
                .collect();
            let mut depends_on: Vec<&String> = entries(service, "depends_on")
                .map(|(name, _)| name)
                .collect();
            depends_on.sort();
            (
                name,
                json!({
                    "image": service["image"],
                    "container_name": service["container_name"],
                    "profiles": service.get("profiles").cloned().unwrap_or_else(|| json!([])),
                    "mounts": mounts,
                    "build": compose_build(&service["build"]),
                    "depends_on": depends_on,
                }),
            )
        })
        .collect();
    let volumes: BTreeMap<_, _> = entries(config, "volumes")
        .map(|(key, volume)| {
            (
                key,
                json!([
                    volume["name"],
                    volume["external"] == true,
                    volume["driver_opts"]["device"]
                ]),
            )
        })
        .collect();
    let files = |section| -> BTreeMap<_, _> {
        let files = entries(config, section).filter(|(_, entry)| entry["file"].is_string());
        files.map(|(key, entry)| (key, &entry["file"])).collect()
    };
    json!({
        "name": config["name"], "services": services, "volumes": volumes,
        "configs": files("configs"), "secrets": files("secrets"),
    })
}

fn compose_build(build: &Value) -> Value {
    let Some(context) = build["context"].as_str() else {
        return Value::Null;
    };
    let file = build["dockerfile"]
        .as_str()
        .filter(|_| context.starts_with('/') && build["dockerfile_inline"].is_null());
    let contexts = build
        .get("additional_contexts")
        .cloned()
        .unwrap_or_else(|| json!({}));
    json!([
        context,
        file.map(|file| clean(&Path::new(context).join(file))),
        contexts
    ])
}

fn entries<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value[key].as_object().into_iter().flatten()
}

fn of_loader(project: &Project) -> Value {
    let services: BTreeMap<_, _> = project
        .services
        .values()
        .map(|service| {
            (
                &service.name,
                json!({
                    "image": service.image,
                    "container_name": service.container_name,
                    "profiles": service.profiles,
                    "mounts": mounts(service),
                    "build": build(service),
                    "depends_on": service.depends_on.keys().collect::<Vec<_>>(),
                }),
            )
        })
        .collect();
    // Compose leaves out what no service uses.
    let all = || {
        project
            .services
            .values()
            .flat_map(|service| &service.mounts)
    };
    let used =
        |key: &str| all().any(|mount| mount.source == Some(MountSource::VolumeKey(key.to_owned())));
    let volumes: BTreeMap<_, _> = project
        .volumes
        .values()
        .filter(|volume| used(&volume.key))
        .map(|volume| {
            (
                &volume.key,
                json!([
                    volume.name,
                    volume.external,
                    volume.driver_opts.get("device")
                ]),
            )
        })
        .collect();
    let files = |role: Role| -> BTreeMap<_, _> {
        let named = project
            .references
            .iter()
            .filter(|r| r.role == role && !r.services.is_empty());
        named
            .map(|r| (r.named_by.split('.').nth(1).unwrap_or_default(), &r.path))
            .collect()
    };
    json!({
        "name": project.name, "services": services, "volumes": volumes,
        "configs": files(Role::ConfigFile), "secrets": files(Role::SecretFile),
    })
}

fn mounts(service: &Service) -> Vec<Value> {
    // The key `tmpfs` is not among Compose's volumes.
    let listed = service
        .mounts
        .iter()
        .filter(|mount| mount.named_by.contains(".volumes["));
    listed
        .map(|mount| {
            let kind = match mount.kind {
                MountKind::Bind => "bind",
                MountKind::Volume => "volume",
                MountKind::Tmpfs => "tmpfs",
                MountKind::Image => "image",
                MountKind::Npipe => "npipe",
                MountKind::Cluster => "cluster",
            };
            let source = mount.source.as_ref().map(|source| match source {
                MountSource::HostPath(path) => path.to_string_lossy().into_owned(),
                MountSource::VolumeKey(name) | MountSource::Name(name) => name.clone(),
            });
            json!([kind, source, mount.target, mount.read_only])
        })
        .collect()
}

fn build(service: &Service) -> Value {
    let source = |source: &BuildSource| match source {
        BuildSource::Local(path) => path.to_string_lossy().into_owned(),
        BuildSource::Other(text) => text.clone(),
    };
    let Some(build) = &service.build else {
        return Value::Null;
    };
    let contexts: BTreeMap<_, _> = build
        .additional_contexts
        .iter()
        .map(|(k, v)| (k, source(v)))
        .collect();
    json!([source(&build.context), build.dockerfile, contexts])
}

/// `path` without `..`, by the text alone.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => _ = out.pop(),
            std::path::Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}
