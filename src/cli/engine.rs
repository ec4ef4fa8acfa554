//! The engine that the options and the environment name.

use std::ffi::OsString;

use super::args::Global;
use super::edge::CommandError;
use crate::engine::docker::{DockerEngine, Limits};
use crate::engine::endpoint::{Endpoint, Surroundings, Wish, locate};
use crate::executor::WatchdogCommand;

/// The places where the engine may be.
///
/// # Errors
/// When the options or the environment name none that there can be.
pub(super) fn endpoints(global: &Global) -> Result<Vec<Endpoint>, CommandError> {
    let wish = Wish {
        host: global.host.clone(),
        context: global.context.clone(),
    };
    Ok(locate(&wish, &Surroundings::of_process())?)
}

/// Connects to the engine.
///
/// # Errors
/// When none answers.
pub(super) async fn connect(global: &Global) -> Result<DockerEngine, CommandError> {
    let endpoints = endpoints(global)?;
    Ok(DockerEngine::connect(&endpoints, Limits::default()).await?)
}

/// The arguments by which a watchdog finds the same engine.
pub(super) fn watchdog(global: &Global) -> WatchdogCommand {
    let option = |name: &str, value: &Option<String>| {
        let value = value.clone().map(OsString::from);
        value.map(|value| [OsString::from(name), value])
    };
    let options = [
        option("--host", &global.host),
        option("--context", &global.context),
    ];
    let options = options.into_iter().flatten().flatten();
    WatchdogCommand(options.chain(["watch".into(), "--".into()]).collect())
}
