//! Hooks: which commands run around the reading, and where.

use crate::config::job_file::commands::{HookRule, Words};

use super::exports::first_running;
use super::facts::Facts;
use super::model::{ContainerCommand, HookCommand, HookPlan, HostCommand};
use super::request::Request;

/// The rows of the plan.
pub(super) fn plan(request: &Request, facts: &Facts) -> Vec<HookPlan> {
    let rules = request.rules.hooks.iter().enumerate();
    rules
        .map(|(index, rule)| {
            let container = rule
                .service
                .as_deref()
                .and_then(|it| first_running(facts, it));
            HookPlan {
                index,
                service: rule.service.clone(),
                container: container.map(|container| container.name.clone()),
                has_before: rule.before.is_some(),
                has_after: rule.after.is_some(),
                before: rule
                    .before
                    .as_ref()
                    .map(|words| command(rule, words, facts)),
                after: rule.after.as_ref().map(|words| command(rule, words, facts)),
            }
        })
        .collect()
}

fn command(rule: &HookRule, words: &Words, facts: &Facts) -> HookCommand {
    let (words, env, timeout) = (words.clone(), rule.env.clone(), rule.timeout.0);
    match &rule.service {
        Some(service) => HookCommand::Service {
            service: service.clone(),
            command: ContainerCommand {
                words,
                env,
                user: rule.user.clone(),
                workdir: rule.workdir.clone(),
                timeout,
            },
        },
        None => HookCommand::Host(HostCommand {
            words,
            env,
            workdir: facts
                .project
                .dir
                .join(rule.workdir.as_deref().unwrap_or(".")),
            timeout,
        }),
    }
}

/// What is known in advance to fail.
pub(super) fn warnings(hooks: &[HookPlan]) -> impl Iterator<Item = String> {
    let stuck = hooks
        .iter()
        .filter(|hook| hook.service.is_some() && hook.container.is_none());
    stuck.map(|hook| {
        let which = if hook.has_before { "before" } else { "after" };
        format!(
            "the hook {} will fail: no container of the service runs",
            hook.label(which)
        )
    })
}
