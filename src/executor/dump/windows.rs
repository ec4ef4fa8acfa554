//! The windows of a dump: what is read while whom is held. One for the whole project, or one for each
//! volume and mounted path.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Outcome, World};
use crate::archive::entry::SinkClosed;
use crate::bridge;
use crate::config::span::Span;
use crate::crash;
use crate::executor::event::chain;
use crate::executor::fanout::Fanout;
use crate::executor::guard::Guard;
use crate::executor::hold::{HoldError, Holding, Keeper, NotHeld};
use crate::executor::members::{Halt, Reading, Wanted};
use crate::plan::model::{HeldPlan, Plan, Scope, Window};

/// What is read with whom held.
struct WindowPlan<'p> {
    wanted: Wanted<'p>,
    containers: Vec<HeldPlan>,
}

/// The windows of a plan, in their order.
fn windows(plan: &Plan) -> Vec<WindowPlan<'_>> {
    let everybody: Vec<HeldPlan> = plan.hold.everybody().cloned().collect();
    match plan.hold.window {
        Window::Project => vec![WindowPlan {
            wanted: Wanted::All,
            containers: everybody,
        }],
        Window::Volume => {
            let trees = plan
                .trees
                .iter()
                .filter(|tree| tree.scope == Scope::Mounted);
            let trees = trees.map(|tree| &*tree.member);
            let volumes = plan
                .volumes
                .iter()
                .filter_map(|volume| volume.member.as_deref());
            let members = trees.chain(volumes);
            let of_one = |member| WindowPlan {
                wanted: Wanted::Member(member),
                containers: users(&everybody, member),
            };
            members.map(of_one).collect()
        }
    }
}

/// Those who can write to a member, each held for nothing else.
fn users(everybody: &[HeldPlan], member: &str) -> Vec<HeldPlan> {
    let uses_it = |held: &&HeldPlan| held.uses.iter().any(|used| used == member);
    let users = everybody.iter().filter(uses_it);
    let only = users.map(|held| HeldPlan {
        uses: vec![member.to_owned()],
        ..held.clone()
    });
    only.collect()
}

/// The reading of what services use, window by window.
pub(super) struct Held<'a> {
    pub(super) plan: &'a Plan,
    pub(super) world: &'a World,
    pub(super) reading: &'a Reading,
    pub(super) fanout: &'a Arc<Fanout>,
    pub(super) guard: Option<&'a Guard>,
    /// Ends all reading.
    pub(super) stop: &'a CancellationToken,
}

impl Held<'_> {
    /// Reads everything that services use.
    pub(super) async fn read(&self, outcome: &mut Outcome) -> Result<(), Halt> {
        for window in windows(self.plan) {
            if !window.containers.is_empty() {
                self.settled().await?;
            }
            self.window(window, outcome).await?;
            if outcome.error.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Before anybody is held, every target has shown that it takes what was read until then: nobody is
    /// held for targets that have failed, nor until they have written what nobody was held for.
    async fn settled(&self) -> Result<(), Halt> {
        let fanout = Arc::clone(self.fanout);
        match bridge::blocking("waiting for the targets", move || fanout.settle()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(SinkClosed)) => Err(Halt::Closed),
            Err(lost) => Err(Halt::Lost(lost.to_string())),
        }
    }

    async fn window(&self, window: WindowPlan<'_>, outcome: &mut Outcome) -> Result<(), Halt> {
        crash::point();
        // Nobody is down in a window that holds nobody.
        let max_downtime = self.plan.hold.max_downtime;
        let max_downtime = max_downtime.filter(|_| !window.containers.is_empty());
        let limit = Limit::begin(max_downtime, &self.world.cancel);
        let keeper = match self.hold(window.containers, &limit).await {
            Ok(keeper) => keeper,
            Err(NotHeld { error, held }) => {
                outcome.held.extend(held);
                outcome.error = Some(limit.error().unwrap_or_else(|| chain(&error)));
                return Ok(());
            }
        };
        // A target that stands still must not keep the services waiting for their release.
        let content = async {
            let wanted = window.wanted;
            let members = &mut outcome.members;
            self.reading.trees(Scope::Mounted, wanted, members).await?;
            self.reading.volumes(wanted, members).await
        };
        // Nor must a panic, which is a bug of ours: whoever is held is brought back first.
        let content = AssertUnwindSafe(content).catch_unwind();
        let read = limit.token.run_until_cancelled(content).await;
        crash::point();
        if let Some(keeper) = keeper {
            let stood = keeper.release().await;
            outcome.held.extend(stood.held);
            for stirred in &stood.not_still {
                for member in &mut outcome.members {
                    member.doubt(stirred);
                }
            }
        }
        if read.is_none()
            && let Some(error) = limit.error()
        {
            self.stop.cancel();
            return Err(Halt::Lost(error));
        }
        match read {
            Some(Ok(read)) => read,
            Some(Err(_)) => Err(Halt::Lost(
                "reading ended unexpectedly; this is a bug".to_owned(),
            )),
            None => Err(Halt::Closed),
        }
    }

    /// Holds these, if anybody.
    async fn hold(
        &self,
        containers: Vec<HeldPlan>,
        limit: &Limit,
    ) -> Result<Option<Keeper>, NotHeld> {
        if containers.is_empty() {
            return Ok(None);
        }
        let (Some(engine), Some(guard)) = (&self.world.engine, self.guard) else {
            return Err(NotHeld {
                error: HoldError::NoEngine,
                held: Vec::new(),
            });
        };
        let keeper = Keeper::hold(Holding {
            engine: Arc::clone(engine),
            journal: guard.journal(),
            containers,
            reporter: Arc::clone(&self.world.reporter),
            cancel: limit.token.clone(),
        });
        keeper.await.map(Some)
    }
}

/// The end of a window: with the run's, or when it has lasted too long.
struct Limit {
    token: CancellationToken,
    run: CancellationToken,
    span: Option<Span>,
    clock: Option<JoinHandle<()>>,
}

impl Limit {
    /// The time of a window begins.
    fn begin(span: Option<Span>, run: &CancellationToken) -> Self {
        let token = run.child_token();
        let clock = span.map(|Span(span)| {
            let token = token.clone();
            tokio::spawn(async move {
                tokio::time::sleep(span).await;
                token.cancel();
            })
        });
        Self {
            token,
            run: run.clone(),
            span,
            clock,
        }
    }

    /// What there is to say when the time has run out.
    fn error(&self) -> Option<String> {
        let span = self.span?;
        let ran_out = self.token.is_cancelled() && !self.run.is_cancelled();
        ran_out.then(|| {
            format!(
                "services would have been held for longer than `max_downtime`, {span}; they are back, and there is no dump"
            )
        })
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
    }
}
