//! Containers that a run or restore which was killed has left held: whatever runs next brings them back before
//! it looks, so a plan takes them as running.

use std::collections::BTreeSet;

use super::facts::EngineFacts;
use crate::engine::{Container, ContainerState};

impl EngineFacts {
    /// Takes containers, by their ids, as what they are once they are brought back. Those that are not held
    /// any more stay as they are.
    pub fn bring_back(&mut self, ids: &BTreeSet<String>) {
        let users = self.users.values_mut().flatten();
        for container in self.containers.iter_mut().chain(users) {
            if ids.contains(&container.id) && is_held(container) {
                self.left_behind.insert(container.name.clone());
                container.state = ContainerState::Running;
            }
        }
    }
}

fn is_held(container: &Container) -> bool {
    matches!(
        container.state,
        ContainerState::Paused | ContainerState::Exited
    )
}

/// Says who is down until something is run.
pub(super) fn warning(engine: &EngineFacts) -> Option<String> {
    let names: Vec<String> = engine
        .left_behind
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "what was killed has left {} paused or stopped: a run brings them back first, and `compose-dump recover` does so now",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::samples::{Sample, container};

    #[test]
    fn who_was_left_behind_is_planned_as_running_and_named() {
        let mut sample = Sample::new();
        let state = |service: &str, state: ContainerState| {
            let mut container = container(service, 1, Vec::new());
            container.state = state;
            container
        };
        sample.engine().containers = vec![
            state("db", ContainerState::Paused),
            state("web", ContainerState::Exited),
            state("cron", ContainerState::Created),
            state("other", ContainerState::Paused),
        ];
        let ids = ["blog-db-1", "blog-web-1", "blog-cron-1"];
        let ids = ids.map(str::to_owned).into_iter().collect();
        assert_eq!(warning(sample.engine()), None);
        sample.engine().bring_back(&ids);
        let states = sample.engine().containers.iter();
        assert_eq!(
            states.map(|one| one.state.clone()).collect::<Vec<_>>(),
            [
                ContainerState::Running,
                ContainerState::Running,
                ContainerState::Created,
                ContainerState::Paused,
            ]
        );
        let said = warning(sample.engine()).expect("two are down");
        assert!(
            said.contains("`blog-db-1`, `blog-web-1` paused or stopped"),
            "{said}"
        );
    }
}
