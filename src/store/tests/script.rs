//! What goes wrong with which request.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// A request, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    List,
    /// Reading an object, or only looking at it.
    Look,
    Claim,
    Object,
    Create,
    Part,
    Complete,
    Marker,
    Remove,
}

impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::List,
        Self::Look,
        Self::Claim,
        Self::Object,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Marker,
        Self::Remove,
    ];

    /// What writing an object of that name is for.
    pub(crate) fn of_put(name: &str) -> Self {
        match name {
            name if name.contains(".compose-dump-") => Self::Claim,
            name if name.to_lowercase().ends_with("manifest.yml") => Self::Marker,
            _ => Self::Object,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 503, once.
    Busy,
    /// 429, once.
    TooMany,
    /// The connection is cut before the request is done, once.
    Reset,
    /// The request is done and its answer lost, once.
    LostAnswer,
    /// Nothing is answered, once.
    Stall,
    /// 200 with an error in it, once: what S3 says when putting parts together takes long and fails.
    ErrorInside,
    /// 503 from then on.
    Down,
    /// 403, from then on.
    Denied,
    /// 400 ExpiredToken, from then on, whatever is asked.
    Expired,
    /// 403 RequestTimeTooSkewed, from then on, whatever is asked.
    Skewed,
    /// 301 PermanentRedirect, from then on, whatever is asked: the bucket is in another region.
    Elsewhere,
    /// Objects are replaced whatever the condition.
    NoConditions,
    /// 501 for what has a condition.
    NotImplemented,
}

impl Fault {
    /// Whether it is how the store is, not something that happens.
    pub(crate) fn is_trait_of_store(self) -> bool {
        matches!(self, Self::NoConditions | Self::NotImplemented)
    }

    /// Whether a dump has to come out whole all the same.
    pub(crate) fn passes(self) -> bool {
        !self.stays()
    }

    /// Whether every further request of that kind fails as well.
    fn stays(self) -> bool {
        matches!(self, Self::Down | Self::Denied) || self.is_about_all()
    }

    /// Whether it is about every request, once it has come.
    pub(crate) fn is_about_all(self) -> bool {
        matches!(self, Self::Expired | Self::Skewed | Self::Elsewhere)
    }

    /// Status and code of the answer, where there is one.
    pub(crate) fn answer(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Busy | Self::Down => Some((503, "SlowDown")),
            Self::TooMany => Some((429, "TooManyRequests")),
            Self::ErrorInside => Some((200, "InternalError")),
            Self::Denied => Some((403, "AccessDenied")),
            Self::Expired => Some((400, "ExpiredToken")),
            Self::Skewed => Some((403, "RequestTimeTooSkewed")),
            Self::Elsewhere => Some((301, "PermanentRedirect")),
            Self::NotImplemented => Some((501, "NotImplemented")),
            Self::Reset | Self::LostAnswer | Self::Stall | Self::NoConditions => None,
        }
    }
}

/// One fault that comes with the `nth` request of its step, counted from one; or none.
#[derive(Debug, Default)]
pub(crate) struct Script {
    plan: Mutex<Option<(Step, Fault, u32)>>,
    seen: AtomicU32,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Through,
    /// Not done.
    Fail(Fault),
    /// Done, and failed all the same.
    Lose,
}

impl Script {
    pub(crate) fn new(step: Step, fault: Fault, nth: u32) -> Self {
        let script = Self::default();
        script.set(step, fault, nth);
        script
    }

    /// From now on this one, counted anew.
    pub(crate) fn set(&self, step: Step, fault: Fault, nth: u32) {
        *self.plan.lock().unwrap() = Some((step, fault, nth));
        self.seen.store(0, Ordering::SeqCst);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn clear(&self) {
        *self.plan.lock().unwrap() = None;
    }

    fn plan(&self) -> Option<(Step, Fault, u32)> {
        *self.plan.lock().unwrap()
    }

    /// Whether the fault has come.
    pub(crate) fn has_struck(&self) -> bool {
        self.plan()
            .is_some_and(|(_, _, nth)| self.seen.load(Ordering::SeqCst) >= nth)
    }

    /// The trait that the store has, if that is what is scripted.
    pub(crate) fn of_store(&self) -> Option<Fault> {
        let fault = self.plan().map(|(_, fault, _)| fault);
        fault.filter(|fault| fault.is_trait_of_store())
    }

    /// What is done with the next request of a step.
    pub(crate) fn way(&self, step: Step) -> Way {
        let Some((at, fault, nth)) = self.plan() else {
            return Way::Through;
        };
        let is_at = step == at;
        let seen = match is_at {
            true => self.seen.fetch_add(1, Ordering::SeqCst) + 1,
            false => self.seen.load(Ordering::SeqCst),
        };
        let strikes = match fault {
            fault if fault.is_trait_of_store() => false,
            fault if fault.is_about_all() => seen >= nth,
            fault if fault.stays() => is_at && seen >= nth,
            _ => is_at && seen == nth,
        };
        match fault {
            _ if !strikes => Way::Through,
            Fault::LostAnswer => Way::Lose,
            fault => Way::Fail(fault),
        }
    }
}
