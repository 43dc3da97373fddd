//! What share of a provider's bill went through Bulkhead.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{RawQuery, State as Extract};
use http::StatusCode;
use jiff::tz::TimeZone;
use kit::Money;
use serde::{Deserialize, Serialize};
use store::usage::{Answer, Dimension, Filter, Question};
use upstream::BILL_DAYS_MAX;
use utoipa::{IntoParams, ToSchema};

use crate::activity::days::Days;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};

/// The one provider whose bill can be read.
const OPENAI: &str = "openai";
/// Projects that one question names at most.
const PROJECTS_MAX: usize = 100;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CaptureQuery {
    /// First UTC day, `YYYY-MM-DD`.
    start_date: Option<String>,
    /// Last UTC day, included; 180 days at most.
    end_date: Option<String>,
    /// `openai`, the only one whose bill can be read.
    #[serde(default = "openai")]
    #[param(default = "openai")]
    provider: String,
    /// `below_threshold` is true for a rate under it: above 0, 1 at most.
    #[serde(default = "nine_tenths")]
    #[param(default = 0.9, exclusive_minimum = 0, maximum = 1)]
    threshold: f64,
}

fn openai() -> String {
    OPENAI.into()
}

const fn nine_tenths() -> f64 {
    0.9
}

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "provider": "openai", "start_date": "2026-01-30", "end_date": "2026-01-30", "captured_spend": 120.1,
    "provider_spend": 130.0, "capture_rate": 0.9238, "threshold": 0.9, "below_threshold": false,
    "days": [{"date": "2026-01-30", "captured_spend": 120.1, "provider_spend": 130.0, "capture_rate": 0.9238}],
}))]
pub struct CaptureRate {
    provider: String,
    start_date: String,
    end_date: String,
    #[serde(flatten)]
    whole: Captured,
    threshold: f64,
    /// False while the provider billed nothing.
    below_threshold: bool,
    days: Vec<CapturedDay>,
}

#[derive(Serialize, ToSchema)]
pub struct CapturedDay {
    date: String,
    #[serde(flatten)]
    captured: Captured,
}

#[derive(Serialize, ToSchema)]
pub struct Captured {
    /// What calls through Bulkhead cost, in US dollars.
    captured_spend: f64,
    /// What the provider billed, in US dollars.
    provider_spend: f64,
    /// The first by the second; null when nothing was billed.
    capture_rate: Option<f64>,
}

impl Captured {
    fn new(captured: Money, billed: Money) -> Self {
        let (captured_spend, provider_spend) = (captured.dollars(), billed.dollars());
        let capture_rate = (billed > Money::ZERO).then(|| captured_spend / provider_spend);
        Self { captured_spend, provider_spend, capture_rate }
    }
}

/// Compares what calls to OpenAI cost with what OpenAI billed for the same UTC days, read with `OPENAI_ADMIN_KEY`. Under 1
/// calls went elsewhere, or are priced too low. Today's day is incomplete on both sides.
#[utoipa::path(
    get, path = "/spend/capture_rate", tag = "spend", operation_id = "spendCaptureRate",
    params(CaptureQuery, ("project_ids" = Option<Vec<String>>, Query, description = "Only the bill of these projects; what was captured is not narrowed.")),
    responses(
        (status = 200, body = CaptureRate),
        (status = 502, description = "The provider's bill cannot be read", body = crate::http::error::ErrorBody),
        Refusals,
    ),
)]
pub async fn capture_rate(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<CaptureQuery>,
    RawQuery(raw): RawQuery,
) -> Result<Json<CaptureRate>, ApiError> {
    let (days, projects) = (query.checked()?, projects(raw.as_deref())?);
    let billed = billed(&state, days, &projects).await?;
    let captured = captured(&state, days).await?;
    let mut sums = (Money::ZERO, Money::ZERO);
    let mut rows = Vec::new();
    for index in 0..days.count {
        let of = |sums: &BTreeMap<i64, Money>| sums.get(&index).copied().unwrap_or_default();
        let (captured, billed) = (of(&captured), of(&billed));
        sums = (sums.0.saturating_add(captured), sums.1.saturating_add(billed));
        rows.push(CapturedDay {
            date: days.date(index).to_string(),
            captured: Captured::new(captured, billed),
        });
    }
    let whole = Captured::new(sums.0, sums.1);
    Ok(Json(CaptureRate {
        provider: query.provider,
        start_date: days.first.to_string(),
        end_date: days.date(days.count - 1).to_string(),
        below_threshold: whole.capture_rate.is_some_and(|rate| rate < query.threshold),
        threshold: query.threshold,
        whole,
        days: rows,
    }))
}

impl CaptureQuery {
    fn checked(&self) -> Result<Days, ApiError> {
        if self.provider != OPENAI {
            return Err(ApiError::plain("provider", "Only the bill of `openai` can be read."));
        }
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(ApiError::plain("threshold", "`threshold` is above 0 and 1 at most."));
        }
        let days = Days::new(self.start_date.as_deref(), self.end_date.as_deref(), 0)?;
        let message = || format!("The range is of {BILL_DAYS_MAX} days at most.");
        if days.count > i64::from(BILL_DAYS_MAX) {
            Err(ApiError::plain("end_date", message()))
        } else {
            Ok(days)
        }
    }
}

/// A parameter that is repeated.
fn projects(raw: Option<&str>) -> Result<Vec<String>, ApiError> {
    let pairs = form_urlencoded::parse(raw.unwrap_or_default().as_bytes());
    let named = pairs.filter(|(name, value)| name == "project_ids" && !value.is_empty());
    let projects = named.map(|(_, value)| value.into_owned()).collect::<Vec<_>>();
    let message = || format!("`project_ids` names {PROJECTS_MAX} at most.");
    if projects.len() > PROJECTS_MAX { Err(ApiError::plain("project_ids", message())) } else { Ok(projects) }
}

/// What OpenAI billed, by the number of the day.
async fn billed(state: &State, days: Days, projects: &[String]) -> Result<BTreeMap<i64, Money>, ApiError> {
    let Some(bill) = &state.bill else {
        let message = "`OPENAI_ADMIN_KEY` is not set: without it OpenAI's bill cannot be read.";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", None, message));
    };
    let no_such = |_| ApiError::plain("start_date", "There is no such time.");
    let first = days.first.to_zoned(TimeZone::UTC).map_err(no_such)?.timestamp().as_second();
    let count = u16::try_from(days.count).unwrap_or(BILL_DAYS_MAX);
    let costs = bill.days(first, count, projects).await.map_err(|error| {
        let message = format!("OpenAI's bill cannot be read: {error}");
        ApiError::new(StatusCode::BAD_GATEWAY, "provider_error", None, message)
    })?;
    Ok(costs.into_iter().map(|(start, cost)| ((start - first).div_euclid(86_400), cost)).collect())
}

/// What calls to OpenAI cost, by the number of the day.
async fn captured(state: &State, days: Days) -> Result<BTreeMap<i64, Money>, ApiError> {
    let filters = vec![Filter { dimension: Dimension::Provider, is: OPENAI.into() }];
    let by = [None, None];
    let question = Question { timeline: days.steps()?, by, filters, among: vec![], limit: u32::MAX };
    let rows = state.store.usage().ask(&question).await?.rows.into_iter();
    Ok(rows.map(|Answer { step, totals, .. }| (step, totals.spend())).collect())
}
