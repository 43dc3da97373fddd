//! Whether to try again after a failure, and after how long: data-plane semantics §6.4.

use std::time::Duration;

use kit::Rng;

use crate::pick::another_ready;
use crate::{Failure, FailureKind, Group, Tried, View};

/// `DEFAULT_MAX_RETRIES`.
pub const DEFAULT_RETRIES: u32 = 2;
/// More retries than this are never made, whatever a client or a configuration asks for.
pub const RETRIES_MAX: u32 = 10;
/// `INITIAL_RETRY_DELAY`.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// `MAX_RETRY_DELAY`.
const DELAY_MAX: Duration = Duration::from_secs(8);
/// `JITTER`: up to this much is added to each wait, so that clients do not come back all at once.
const JITTER_MAX: Duration = Duration::from_millis(750);
/// A longer `Retry-After` is not waited for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What bears on the decision beside the failure itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Retries after the first attempt, from the request, the deployment or the settings.
    pub retries: u32,
    /// `router_settings.retry_after`: the shortest wait.
    pub min_delay: Duration,
    /// Fallbacks are set for this class of failure, so that they come before retries.
    pub has_fallbacks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Retry { after: Duration },
    Stop,
}

/// Decides after a failed attempt. `tried` counts it already, and the state behind `view` knows of it.
///
/// Nothing of the answer may have reached the client.
pub fn decide(
    failure: &Failure,
    group: &Group,
    view: &dyn View,
    tried: &Tried,
    limits: &Limits,
    rng: &mut dyn Rng,
) -> Decision {
    let retries = u32::try_from(tried.attempts()).unwrap_or(u32::MAX).saturating_sub(1);
    if retries >= limits.retries.min(RETRIES_MAX) || !is_retryable(failure, group, limits) {
        return Decision::Stop;
    }
    if another_ready(group, view, tried) {
        return Decision::Retry { after: Duration::ZERO };
    }
    if crate::pick(group, view, &Tried::default(), rng).is_err() {
        return Decision::Stop;
    }
    Decision::Retry { after: delay(failure, retries, limits, rng) }
}

fn is_retryable(failure: &Failure, group: &Group, limits: &Limits) -> bool {
    match (failure.kind, failure.status) {
        (FailureKind::ContextWindow | FailureKind::ContentPolicy, _) => {
            !limits.has_fallbacks && failure.is_retryable_status()
        }
        (_, 401 | 403) => group.has_alternatives(),
        _ => failure.is_retryable_status(),
    }
}

fn delay(failure: &Failure, retries: u32, limits: &Limits, rng: &mut dyn Rng) -> Duration {
    let asked = failure.retry_after.filter(|after| !after.is_zero() && *after <= RETRY_AFTER_MAX);
    let backoff = FIRST_DELAY.saturating_mul(1 << retries.min(16)).min(DELAY_MAX);
    let jitter_micros = rng.below(u64::try_from(JITTER_MAX.as_micros()).unwrap_or(u64::MAX));
    asked.unwrap_or(backoff).max(limits.min_delay) + Duration::from_micros(jitter_micros)
}
