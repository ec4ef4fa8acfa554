//! The spine of the loader, from options to [`Project`].

use std::time::Instant;

use super::discover::{Layout, discover};
use super::layers::{self, Scope};
use super::services::Context;
use super::session::{Bases, Session};
use super::{
    LoadError, LoadOptions, MountSource, Project, Role, project_name, resources, services, volumes,
};

/// Loads the project that `options` describe, as Compose would, from its files alone.
///
/// Beyond the Compose files it reads `.env` files, included and extended files; of all other files it
/// only learns whether they exist.
///
/// # Errors
/// [`LoadError`] where there is no project to speak of. Everything that loading survives is in
/// [`Project::warnings`].
pub fn load(options: &LoadOptions) -> Result<Project, LoadError> {
    let begun = Instant::now();
    let mut session = Session::new(options.home.clone());
    let Layout {
        dir,
        files,
        named_by,
        mut env,
    } = discover(&mut session, options)?;

    let mut documents = Vec::new();
    for file in &files {
        session.refer(file, Role::ComposeFile, named_by);
        documents.extend(session.documents(file, Bases::one(&dir))?);
    }
    let name = project_name::resolve(options, &env, &documents, &dir)?;
    env.set("COMPOSE_PROJECT_NAME", &name);

    let profiles = chosen_profiles(options);
    let scope = Scope {
        dir: dir.clone(),
        env,
        including: files.clone(),
    };
    let model = layers::build(&mut session, documents, &scope)?;

    let mut volumes = volumes::read(&mut session, &model, &name);
    let context = Context {
        dir: &dir,
        volumes: &volumes,
        profiles: profiles.as_deref(),
    };
    let services = services::read(&mut session, &model, &context);
    for mount in services.values().flat_map(|service| &service.mounts) {
        if let Some(MountSource::VolumeKey(key)) = &mount.source {
            let undeclared = || volumes::undeclared(key, &name);
            volumes.entry(key.clone()).or_insert_with(undeclared);
        }
    }
    resources::note(&mut session, &model);
    let (references, warnings) = session.finish();
    tracing::info!(
        project = name,
        files = files.len(),
        services = services.len(),
        volumes = volumes.len(),
        ms = begun.elapsed().as_millis(),
        "the Compose files are read"
    );
    Ok(Project {
        name,
        dir,
        compose_files: files,
        services,
        volumes,
        references,
        warnings,
    })
}

/// The profiles to enable, `None` for all. `COMPOSE_PROFILES` says what to start, often in a `.env` that
/// lies there for years; what to back up is for the user to say.
fn chosen_profiles(options: &LoadOptions) -> Option<Vec<String>> {
    let chosen = options.profiles.clone();
    let all = chosen.is_empty() || chosen.iter().any(|name| name == "*");
    (!all).then_some(chosen)
}
