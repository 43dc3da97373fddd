use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use kit::Timestamp;
use serde::{Deserialize, Serialize};
use store::spend::{Latency, Range, Scope, Split, Steps, Totals};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::Shared;
use crate::time::iso;

const QUARTER_MICROS: i64 = 900_000_000;
const QUARTERS_PER_HOUR: i64 = 4;
const QUARTERS_PER_DAY: i64 = 96;
/// Models and keys in the lists.
const TOP: u32 = 5;
/// Furthest time zones from UTC.
const OFFSET_MINUTES_MAX: u64 = 14 * 60;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct OverviewQuery {
    /// Of series and lists.
    #[param(inline)]
    period: Period,
    /// Minutes from local time to UTC, as JavaScript's `getTimezoneOffset`: -330 for +05:30.
    timezone: i64,
}

impl Default for OverviewQuery {
    fn default() -> Self {
        Self { period: Period::Day, timezone: 0 }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
pub enum Period {
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

#[derive(Serialize, ToSchema)]
pub struct Overview {
    generated_at: String,
    period: Period,
    /// Since local midnight.
    today: Summary,
    /// Of the whole period.
    total: Summary,
    /// Hours of the last 24, or days; each once, also those without calls.
    series: Vec<SeriesPoint>,
    top_models: Vec<TopModel>,
    top_keys: Vec<TopKey>,
}

#[derive(Serialize, ToSchema)]
pub struct Summary {
    /// US dollars.
    spend: f64,
    requests: i64,
    /// Calls that ended in a provider's error or a time-out.
    errors: i64,
    /// Calls that were refused before any provider was asked.
    refusals: i64,
    cancellations: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cached_tokens: i64,
    reasoning_tokens: i64,
    /// Milliseconds from the first byte of a request to the last of its answer; null without calls.
    latency_p50_ms: Option<f64>,
    latency_p95_ms: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct SeriesPoint {
    at: String,
    spend: f64,
    requests: i64,
    errors: i64,
    tokens: i64,
}

#[derive(Serialize, ToSchema)]
pub struct TopModel {
    model: String,
    spend: f64,
    requests: i64,
    tokens: i64,
}

#[derive(Serialize, ToSchema)]
pub struct TopKey {
    /// Hash, or the master key's label.
    api_key: String,
    key_alias: Option<String>,
    key_name: Option<String>,
    spend: f64,
    requests: i64,
}

/// Spend, requests, errors, latency and tokens of today and of a period.
#[utoipa::path(
    get, path = "/analytics/overview", tag = "analytics", operation_id = "overview", params(OverviewQuery),
    responses((status = 200, body = Overview), Refusals),
)]
pub async fn overview(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<OverviewQuery>,
) -> Result<Json<Overview>, ApiError> {
    if query.timezone.unsigned_abs() > OFFSET_MINUTES_MAX {
        let message = format!("`timezone` goes from -{OFFSET_MINUTES_MAX} to {OFFSET_MINUTES_MAX} minutes.");
        return Err(ApiError::bad("timezone", message));
    }
    let now = state.clock.now();
    let frame = Frame::new(query.period, query.timezone, now);
    let (spend, everyone) = (state.store.spend(), Scope::default());
    let today = spend.totals(frame.today, &everyone).await?;
    let today_latency = spend.latency(frame.today).await?;
    let total = spend.totals(frame.period, &everyone).await?;
    let total_latency = spend.latency(frame.period).await?;
    let points = spend.series(frame.period, frame.steps, Split::Nothing, &everyone).await?;
    let points = points.into_iter().map(|point| (point.at, point.totals)).collect::<BTreeMap<_, _>>();
    let models = spend.by_model(frame.period, &everyone, TOP).await?;
    let keys = spend.by_key(frame.period, &everyone, TOP).await?;
    Ok(Json(Overview {
        generated_at: iso(now),
        period: query.period,
        today: Summary::of(today, &today_latency),
        total: Summary::of(total, &total_latency),
        series: frame.starts().map(|at| SeriesPoint::of(at, points.get(&at))).collect(),
        top_models: models
            .into_iter()
            .map(|share| TopModel {
                spend: share.totals.spend().dollars(),
                requests: share.totals.requests,
                tokens: share.totals.input_tokens + share.totals.output_tokens,
                model: share.name,
            })
            .collect(),
        top_keys: keys
            .into_iter()
            .map(|key| TopKey {
                spend: key.totals.spend().dollars(),
                requests: key.totals.requests,
                api_key: key.api_key,
                key_alias: key.key_alias,
                key_name: key.key_name,
            })
            .collect(),
    }))
}

/// The stretches of time that are looked at.
struct Frame {
    today: Range,
    period: Range,
    steps: Steps,
    first: i64,
    count: i64,
}

impl Frame {
    fn new(period: Period, timezone_minutes: i64, now: Timestamp) -> Self {
        let offset_quarters = -timezone_minutes / 15;
        let (width_quarters, count) = match period {
            Period::Day => (QUARTERS_PER_HOUR, 24),
            Period::Week => (QUARTERS_PER_DAY, 7),
            Period::Month => (QUARTERS_PER_DAY, 30),
        };
        let local_quarter = now.micros().div_euclid(QUARTER_MICROS) + offset_quarters;
        let first = local_quarter.div_euclid(width_quarters) - count + 1;
        let midnight = local_quarter.div_euclid(QUARTERS_PER_DAY) * QUARTERS_PER_DAY - offset_quarters;
        let until = Timestamp(now.micros() + 1);
        let start = |quarter: i64| Timestamp(quarter * QUARTER_MICROS);
        Self {
            today: Range::new(start(midnight), until),
            period: Range::new(start(first * width_quarters - offset_quarters), until),
            steps: Steps { width_quarters, offset_quarters },
            first,
            count,
        }
    }

    fn starts(&self) -> impl Iterator<Item = Timestamp> {
        let Steps { width_quarters, offset_quarters } = self.steps;
        let quarter = move |step: i64| step * width_quarters - offset_quarters;
        (self.first..self.first + self.count).map(move |step| Timestamp(quarter(step) * QUARTER_MICROS))
    }
}

impl Summary {
    fn of(totals: Totals, latency: &Latency) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "for display")]
        let millis = |percent| latency.percentile(percent).map(|micros| micros as f64 / 1000.0);
        Self {
            spend: totals.spend().dollars(),
            requests: totals.requests,
            errors: totals.failures,
            refusals: totals.refusals,
            cancellations: totals.cancellations,
            prompt_tokens: totals.input_tokens,
            completion_tokens: totals.output_tokens,
            cached_tokens: totals.cache_read_tokens,
            reasoning_tokens: totals.reasoning_tokens,
            latency_p50_ms: millis(50),
            latency_p95_ms: millis(95),
        }
    }
}

impl SeriesPoint {
    fn of(at: Timestamp, totals: Option<&Totals>) -> Self {
        let totals = totals.copied().unwrap_or_default();
        Self {
            at: iso(at),
            spend: totals.spend().dollars(),
            requests: totals.requests,
            errors: totals.failures,
            tokens: totals.input_tokens + totals.output_tokens,
        }
    }
}
