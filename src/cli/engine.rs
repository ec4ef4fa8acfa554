//! The engine that the options and the environment name.

use std::ffi::OsString;
use std::sync::Arc;

use super::args::Global;
use super::edge::CommandError;
use crate::engine::docker::{DockerEngine, Limits};
use crate::engine::endpoint::{Address, Endpoint, EndpointError, Surroundings, Wish, locate};
use crate::engine::{Engine, EngineError, local, own};
use crate::executor::WatchdogCommand;
use crate::plan::facts::Way;

/// Where the engine may be, as options and environment say.
///
/// # Errors
/// When they do not go together.
pub(super) fn endpoints(global: &Global) -> Result<Vec<Endpoint>, EndpointError> {
    let wish = Wish {
        host: global.host.clone(),
        context: global.context.clone(),
    };
    locate(&wish, &Surroundings::of_process())
}

/// An engine that answered.
pub(super) struct Reached {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) way: Way,
    pub(super) endpoint: Endpoint,
}

/// Connects to the first endpoint where an engine answers.
///
/// # Errors
/// When there is none.
pub(super) async fn reach(endpoints: &[Endpoint]) -> Result<Reached, EngineError> {
    let engine = DockerEngine::connect(endpoints, Limits::default()).await?;
    Ok(Reached {
        way: way(&engine).await?,
        endpoint: engine.endpoint().clone(),
        engine: Arc::new(engine),
    })
}

async fn way(engine: &DockerEngine) -> Result<Way, EngineError> {
    let endpoint = engine.endpoint();
    Ok(Way {
        endpoint: endpoint.to_string(),
        local: local::prove_local(endpoint)
            .await
            .map_err(|not| not.to_string()),
        remote: !matches!(endpoint.address, Address::Unix(_)),
        own_container: own::own_container(engine).await?,
    })
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
