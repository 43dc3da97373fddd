//! Sums as our own routes show them.

use serde::Serialize;
use store::spend::Totals;
use utoipa::ToSchema;

/// What a set of requests adds up to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Metrics {
    /// US dollars.
    pub spend: f64,
    /// The same in nano-dollars, exact.
    pub spend_nano: i64,
    /// Each once, however many attempts it took.
    pub requests: i64,
    pub successes: i64,
    /// Requests that ended in a provider's error, a time-out, or with the gateway.
    pub failures: i64,
    /// Requests that were refused before any provider was asked.
    pub refusals: i64,
    pub cancellations: i64,
    /// Calls to providers.
    pub attempts: i64,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub total_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub reasoning_tokens: i64,
    /// From a request's first byte to the last of its answer, refused ones aside; null without requests.
    pub mean_duration_ms: Option<f64>,
}

impl From<Totals> for Metrics {
    fn from(totals: Totals) -> Self {
        let answered = totals.requests - totals.refusals;
        #[allow(clippy::cast_precision_loss, reason = "for display")]
        let mean = (answered > 0).then(|| totals.duration_micros as f64 / answered as f64 / 1_000.0);
        Self {
            spend: totals.spend().dollars(),
            spend_nano: totals.cost_nano,
            requests: totals.requests,
            successes: totals.requests - totals.failures - totals.refusals - totals.cancellations,
            failures: totals.failures,
            refusals: totals.refusals,
            cancellations: totals.cancellations,
            attempts: totals.attempts,
            prompt_tokens: totals.input_tokens,
            completion_tokens: totals.output_tokens,
            total_tokens: totals.input_tokens.saturating_add(totals.output_tokens),
            cache_read_tokens: totals.cache_read_tokens,
            cache_write_tokens: totals.cache_write_tokens,
            reasoning_tokens: totals.reasoning_tokens,
            mean_duration_ms: mean,
        }
    }
}
