use std::time::Duration;

use domain::Deployment;
use serde_json::Value;

use crate::{Failure, FailureKind};

/// Failures and successes are counted per window of this length.
const WINDOW: Duration = Duration::from_secs(60);
/// `DEFAULT_FAILURE_THRESHOLD_MINIMUM_REQUESTS`: fewer requests in a window say nothing of a deployment.
const MIN_REQUESTS: u32 = 5;
/// `SINGLE_DEPLOYMENT_TRAFFIC_FAILURE_THRESHOLD`: from here on even a deployment without alternatives rests
/// when all of its requests fail.
const MIN_REQUESTS_ALONE: u32 = 1000;
/// Longest rest that a provider's `Retry-After` can impose; beyond it a probe now and then costs less.
const COOLDOWN_MAX: Duration = Duration::from_secs(3600);

/// `router_settings`, as far as cool-down is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CooldownSettings {
    pub cooldown: Duration,
    /// `None` means the default rules.
    pub allowed_fails: Option<u32>,
    pub disabled: bool,
}

impl Default for CooldownSettings {
    fn default() -> Self {
        Self { cooldown: Duration::from_secs(5), allowed_fails: None, disabled: false }
    }
}

/// What applies to one deployment: its own settings, else the router's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CooldownRules {
    /// `model_info.cooldown_time`; it wins over a provider's `Retry-After`.
    own_cooldown: Option<Duration>,
    settings: CooldownSettings,
}

impl CooldownSettings {
    /// The settings with what `model_info` of the deployment says otherwise.
    pub fn rules_for(&self, deployment: &Deployment) -> CooldownRules {
        let number = |name: &str| deployment.info.get(name).or_else(|| deployment.defaults.get(name));
        let own_cooldown = number("cooldown_time")
            .and_then(Value::as_f64)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let own_fails =
            number("allowed_fails").and_then(Value::as_u64).and_then(|fails| u32::try_from(fails).ok());
        let settings = Self { allowed_fails: own_fails.or(self.allowed_fails), ..*self };
        CooldownRules { own_cooldown, settings }
    }
}

impl CooldownRules {
    fn duration(&self, failure: &Failure) -> Duration {
        let chosen = self.own_cooldown.or(failure.retry_after).unwrap_or(self.settings.cooldown);
        chosen.min(COOLDOWN_MAX)
    }
}

/// How one deployment has fared lately, and until when it rests. Times are of a clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    window_start: Duration,
    successes: u32,
    failures: u32,
    cool_until: Duration,
}

impl Health {
    pub fn record_success(&mut self, now: Duration) {
        self.roll(now);
        self.successes = self.successes.saturating_add(1);
    }

    /// Counts a failure and says how long the deployment rests from now on, if it does: data-plane
    /// semantics §6.5. `alternatives` tells whether its group has other deployments.
    pub fn record_failure(
        &mut self,
        failure: &Failure,
        alternatives: bool,
        rules: &CooldownRules,
        now: Duration,
    ) -> Option<Duration> {
        if !is_eligible(failure) {
            return None;
        }
        self.roll(now);
        self.failures = self.failures.saturating_add(1);
        let rest = rules.duration(failure);
        if rules.settings.disabled || rest.is_zero() || !self.must_rest(failure, alternatives, rules) {
            return None;
        }
        self.cool_until = self.cool_until.max(now + rest);
        Some(rest)
    }

    /// How much longer the deployment rests.
    pub fn cooling(&self, now: Duration) -> Option<Duration> {
        self.cool_until.checked_sub(now).filter(|left| !left.is_zero())
    }

    fn roll(&mut self, now: Duration) {
        if now.saturating_sub(self.window_start) >= WINDOW {
            (self.window_start, self.successes, self.failures) = (now, 0, 0);
        }
    }

    fn must_rest(&self, failure: &Failure, alternatives: bool, rules: &CooldownRules) -> bool {
        if let Some(allowed) = rules.settings.allowed_fails {
            return self.failures > allowed;
        }
        let requests = self.failures.saturating_add(self.successes);
        match failure.status {
            429 if alternatives => true,
            402 => alternatives,
            _ if !failure.is_retryable_status() => true,
            _ if alternatives => requests >= MIN_REQUESTS && self.failures > requests / 2,
            _ => requests >= MIN_REQUESTS_ALONE && self.successes == 0,
        }
    }
}

fn is_eligible(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::TimedOut { by_client } => !by_client,
        FailureKind::ContextWindow | FailureKind::ContentPolicy | FailureKind::BrokenOff => false,
        FailureKind::Unreachable => true,
        FailureKind::Answered => {
            matches!(failure.status, 401 | 402 | 404 | 408 | 429) || failure.status >= 500
        }
    }
}
