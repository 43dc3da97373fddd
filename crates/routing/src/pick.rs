use std::time::Duration;

use kit::Rng;

use crate::{Candidate, Group};

/// Whether a deployment may be called now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    Ready,
    /// Rests for this much longer.
    Cooling {
        left: Duration,
    },
    /// Has as many requests in flight as `max_parallel_requests` allows.
    Full,
}

/// The live state of deployments, wherever it is kept.
pub trait View {
    fn availability(&self, candidate: &Candidate) -> Availability;
}

/// Positions in [`Group::candidates`] that this request has tried; bounded by the number of attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried(Vec<usize>);

impl Tried {
    pub fn add(&mut self, position: usize) {
        self.0.push(position);
    }

    /// Attempts made so far.
    pub const fn attempts(&self) -> usize {
        self.0.len()
    }

    fn has(&self, position: usize) -> bool {
        self.0.contains(&position)
    }
}

/// Why nothing can be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCandidate {
    #[error("every deployment is cooling down")]
    Cooling {
        /// Until the first one is ready.
        left: Duration,
    },
    #[error("every deployment has as many requests in flight as it may")]
    Full,
}

/// Picks a deployment by simple shuffle: among those ready, first what this request has not tried, of the
/// lowest `order`; then at random by `weight`, else by `rpm`, else by `tpm`, else evenly (data-plane
/// semantics §6.3). What was tried is picked again only when nothing else is ready.
///
/// Returns the position in [`Group::candidates`], for [`Tried::add`], with the candidate.
///
/// # Errors
/// When no deployment is ready.
pub fn pick<'g>(
    group: &'g Group,
    view: &dyn View,
    tried: &Tried,
    rng: &mut dyn Rng,
) -> Result<(usize, &'g Candidate), NoCandidate> {
    if let ([only], true) = (group.candidates.as_slice(), tried.0.is_empty())
        && view.availability(only) == Availability::Ready
    {
        return Ok((0, only));
    }
    let ready = ready(group, view)?;
    let fresh = ready.iter().copied().filter(|position| !tried.has(*position)).collect::<Vec<_>>();
    let pool = if fresh.is_empty() { ready } else { fresh };
    let position = shuffle(group, &lowest_order(group, &pool), rng);
    Ok((position, &group.candidates[position]))
}

/// Whether a deployment that this request has not tried is ready.
pub(crate) fn another_ready(group: &Group, view: &dyn View, tried: &Tried) -> bool {
    group
        .candidates
        .iter()
        .enumerate()
        .any(|(position, c)| !tried.has(position) && view.availability(c) == Availability::Ready)
}

fn ready(group: &Group, view: &dyn View) -> Result<Vec<usize>, NoCandidate> {
    let mut ready = Vec::with_capacity(group.candidates.len());
    let mut soonest: Option<Duration> = None;
    let mut full = false;
    for (position, candidate) in group.candidates.iter().enumerate() {
        match view.availability(candidate) {
            Availability::Ready => ready.push(position),
            Availability::Cooling { left } => soonest = Some(soonest.map_or(left, |s| s.min(left))),
            Availability::Full => full = true,
        }
    }
    match (ready.is_empty(), full, soonest) {
        (false, _, _) => Ok(ready),
        // A full deployment may be free again at any moment, before a cooling one is.
        (true, false, Some(left)) => Err(NoCandidate::Cooling { left }),
        (true, _, _) => Err(NoCandidate::Full),
    }
}

/// Keeps what has the lowest `order`; deployments without one come last.
fn lowest_order(group: &Group, pool: &[usize]) -> Vec<usize> {
    let order = |position: usize| group.candidates[position].deployment.order.unwrap_or(i64::MAX);
    let lowest = pool.iter().map(|position| order(*position)).min();
    pool.iter().copied().filter(|position| Some(order(*position)) == lowest).collect()
}

/// `pool` is not empty.
fn shuffle(group: &Group, pool: &[usize], rng: &mut dyn Rng) -> usize {
    let weights = weights(group, pool);
    let total = weights.iter().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
    let mut ticket = rng.below(total);
    for (position, weight) in pool.iter().zip(&weights) {
        if ticket < *weight {
            return *position;
        }
        ticket -= *weight;
    }
    pool.last().copied().unwrap_or(0)
}

/// The first measure that any of the pool has; who lacks it gets no share.
fn weights(group: &Group, pool: &[usize]) -> Vec<u64> {
    let deployments = || pool.iter().map(|position| &*group.candidates[*position].deployment);
    let by_weight = deployments().map(|d| d.weight).collect::<Vec<_>>();
    let by_rpm = deployments().map(|d| d.rpm).collect::<Vec<_>>();
    let by_tpm = deployments().map(|d| d.tpm).collect::<Vec<_>>();
    let measure = [by_weight, by_rpm, by_tpm].into_iter().find(|m| m.iter().any(|w| w.unwrap_or(0) > 0));
    match measure {
        Some(measure) => measure.into_iter().map(|weight| weight.unwrap_or(0)).collect(),
        None => vec![1; pool.len()],
    }
}
