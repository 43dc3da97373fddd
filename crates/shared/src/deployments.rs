use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::Clock;
use routing::{Availability, Candidate, Failure, Health, View};

/// The live state of each deployment, by [`Candidate::slot`].
pub struct Deployments {
    states: Vec<Arc<State>>,
    clock: Arc<dyn Clock>,
}

struct State {
    id: Box<str>,
    in_flight: Arc<AtomicU32>,
    health: Mutex<Health>,
}

/// What `/health` and metrics show of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    pub id: Box<str>,
    pub in_flight: u32,
    /// How much longer it rests.
    pub cooling: Option<Duration>,
}

/// One request at a deployment; dropping it ends the count.
pub struct InFlight(Arc<AtomicU32>);

impl Deployments {
    /// `slots` are the ids of [`routing::Table::slots`].
    pub fn new(slots: &[Box<str>], clock: Arc<dyn Clock>) -> Self {
        Self { states: slots.iter().map(|id| Arc::new(State::new(id))).collect(), clock }
    }

    /// The state for a new table: deployments that are in both keep theirs. One that is not the same any more, by id,
    /// keeps its requests in flight and no cool-down, whose cause may be gone.
    #[must_use]
    pub fn carried_over(&self, slots: &[Box<str>], is_same: impl Fn(&str) -> bool) -> Self {
        let known = self.states.iter().map(|state| (&*state.id, state)).collect::<HashMap<_, _>>();
        let state = |id: &str| match known.get(id) {
            Some(state) if is_same(id) => Arc::clone(state),
            Some(state) => Arc::new(State { in_flight: state.in_flight.clone(), ..State::new(id) }),
            None => Arc::new(State::new(id)),
        };
        let states = slots.iter().map(|id| state(id)).collect();
        Self { states, clock: self.clock.clone() }
    }

    /// Counts a request in, or `None` when the deployment's `max_parallel_requests` are in flight already.
    pub fn enter(&self, candidate: &Candidate) -> Option<InFlight> {
        let state = self.states.get(candidate.slot)?;
        let max = candidate.deployment.max_parallel_requests.unwrap_or(u32::MAX);
        let one_more = |now: u32| (now < max).then(|| now + 1);
        state.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(InFlight(state.in_flight.clone()))
    }

    pub fn succeeded(&self, candidate: &Candidate) {
        if let Some(state) = self.states.get(candidate.slot) {
            state.health().record_success(self.clock.monotonic());
        }
    }

    /// Notes a failure and says how long the deployment rests from now on, if it does. `alternatives`
    /// tells whether its group has other deployments.
    pub fn failed(&self, candidate: &Candidate, failure: &Failure, alternatives: bool) -> Option<Duration> {
        let state = self.states.get(candidate.slot)?;
        let now = self.clock.monotonic();
        state.health().record_failure(failure, alternatives, &candidate.cooldown, now)
    }

    pub fn status(&self) -> Vec<DeploymentStatus> {
        let now = self.clock.monotonic();
        let status = |state: &Arc<State>| DeploymentStatus {
            id: state.id.clone(),
            in_flight: state.in_flight.load(Ordering::Relaxed),
            cooling: state.health().cooling(now),
        };
        self.states.iter().map(status).collect()
    }
}

impl View for Deployments {
    fn availability(&self, candidate: &Candidate) -> Availability {
        let Some(state) = self.states.get(candidate.slot) else { return Availability::Ready };
        if let Some(left) = state.health().cooling(self.clock.monotonic()) {
            return Availability::Cooling { left };
        }
        match candidate.deployment.max_parallel_requests {
            Some(max) if state.in_flight.load(Ordering::Relaxed) >= max => Availability::Full,
            _ => Availability::Ready,
        }
    }
}

impl State {
    fn new(id: &str) -> Self {
        Self { id: id.into(), in_flight: Arc::default(), health: Mutex::new(Health::default()) }
    }

    /// Held for a few instructions only.
    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
