//! In which order services start, and stop the other way round. Pure.
//!
//! Compose's rule: a service starts when those that it depends on have started. What it depends on is in
//! the Compose files, and on containers of Compose v2 in a label; whoever asks brings what there is.

use std::collections::{BTreeMap, BTreeSet};

use super::Container;

/// Who depends on whom, by service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dependencies(BTreeMap<String, BTreeSet<String>>);

impl Dependencies {
    /// What the containers' labels say.
    #[must_use]
    pub fn of_containers(containers: &[Container]) -> Self {
        let mut this = Self::default();
        for container in containers {
            for needed in container.depends_on() {
                if let Some(service) = &container.service {
                    this.add(service, needed);
                }
            }
        }
        this
    }

    /// Adds that one service needs another.
    pub fn add(&mut self, service: &str, needed: &str) {
        let needs = self.0.entry(service.to_owned()).or_default();
        needs.insert(needed.to_owned());
    }

    /// The order in which these services start: each after those of them that it depends on, also by way
    /// of services that are not among them; else by name. Services in a circle, which Compose refuses, follow
    /// each other by name.
    #[must_use]
    pub fn start_order(&self, services: &BTreeSet<String>) -> Vec<String> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for service in services {
            self.after_its_needs(service, &mut seen, &mut order);
        }
        order.retain(|service| services.contains(service));
        order
    }

    /// How many of these services, one behind the other, each needs to have started before it: those of one
    /// rank may start at the same time. Services in a circle have any.
    #[must_use]
    pub fn ranks(&self, services: &BTreeSet<String>) -> BTreeMap<String, u32> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for service in services {
            self.after_its_needs(service, &mut seen, &mut order);
        }
        let mut ranks: BTreeMap<String, u32> = BTreeMap::new();
        for service in order {
            let needs = self.0.get(&service).into_iter().flatten();
            let above = |needed: &String| {
                let rank = ranks.get(needed)?;
                Some(rank + u32::from(services.contains(needed)))
            };
            let rank = needs.filter_map(above).max().unwrap_or_default();
            ranks.insert(service, rank);
        }
        ranks.retain(|service, _| services.contains(service));
        ranks
    }

    /// Appends a service behind what it needs. A stack of its own, because a forged file may be deep.
    fn after_its_needs(&self, service: &str, seen: &mut BTreeSet<String>, order: &mut Vec<String>) {
        enum Step<'s> {
            Enter(&'s str),
            Leave(&'s str),
        }
        let mut steps = vec![Step::Enter(service)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Leave(service) => order.push(service.to_owned()),
                Step::Enter(service) => {
                    if !seen.insert(service.to_owned()) {
                        continue;
                    }
                    steps.push(Step::Leave(service));
                    let needs = self.0.get(service).into_iter().flatten();
                    // The last one pushed is entered first.
                    steps.extend(needs.rev().map(|needed| Step::Enter(needed)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(needs: &[(&str, &str)], services: &[&str]) -> Vec<String> {
        let mut dependencies = Dependencies::default();
        for (service, needed) in needs {
            dependencies.add(service, needed);
        }
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        dependencies.start_order(&services)
    }

    #[test]
    fn what_is_needed_comes_first_and_names_decide_the_rest() {
        let needs = [("web", "app"), ("app", "db"), ("app", "cache")];
        assert_eq!(
            order(&needs, &["web", "db", "app", "cache", "a"]),
            ["a", "cache", "db", "app", "web"]
        );
    }

    #[test]
    fn a_service_that_is_not_asked_for_still_orders_the_others() {
        let needs = [("a", "middle"), ("middle", "z")];
        assert_eq!(order(&needs, &["a", "z"]), ["z", "a"]);
    }

    #[test]
    fn services_of_one_rank_do_not_need_each_other() {
        let mut dependencies = Dependencies::default();
        for (service, needed) in [
            ("web", "app"),
            ("app", "db"),
            ("app", "cache"),
            ("web", "db"),
        ] {
            dependencies.add(service, needed);
        }
        let ranks = |services: &[&str]| {
            let services = services.iter().map(|name| (*name).to_owned()).collect();
            let ranks = dependencies.ranks(&services).into_iter();
            let rows: Vec<String> = ranks.map(|(name, rank)| format!("{name} {rank}")).collect();
            rows.join(", ")
        };
        assert_eq!(
            ranks(&["web", "app", "db", "cache"]),
            "app 1, cache 0, db 0, web 2"
        );
        assert_eq!(ranks(&["web", "db", "other"]), "db 0, other 0, web 1");
    }

    #[test]
    fn a_circle_ends() {
        let needs = [("a", "b"), ("b", "c"), ("c", "a")];
        assert_eq!(order(&needs, &["a", "b", "c"]).len(), 3);
    }
}
