//! Requests by key, kind and model, as those see them who look for answers from a cache: there is none yet.

use axum::Json;
use axum::extract::State as Extract;
use domain::Dialect;
use serde::Serialize;
use store::usage::{Answer, Dimension, Filter, Question};
use utoipa::ToSchema;

use super::requests::RequestsQuery;
use crate::activity::days::Days;
use crate::activity::reach::own;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::Shared;

/// Entries of one kind of call at most, the dearest.
const ENTRIES_MAX: u32 = 500;
/// Kinds of calls.
const KINDS_MAX: u32 = 10;

#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "api_key": "88dc28…", "call_type": "acompletion", "model": "gpt-4o", "total_rows": 12, "cache_hit_true_rows": 0,
    "cached_completion_tokens": 0, "generated_completion_tokens": 340,
}))]
pub struct CacheHits {
    /// Hash, or the master key's label.
    api_key: String,
    call_type: &'static str,
    model: String,
    total_rows: i64,
    /// 0: nothing is answered from a cache yet.
    cache_hit_true_rows: i64,
    cached_completion_tokens: i64,
    generated_completion_tokens: i64,
}

/// Requests by key, kind of call and model; of each kind the dearest five hundred. Others than administrators see their own.
#[utoipa::path(
    get, path = "/global/activity/cache_hits", tag = "spend", operation_id = "globalCacheHits", params(RequestsQuery),
    responses((status = 200, body = Vec<CacheHits>), Refusals),
)]
pub async fn cache_hits(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<RequestsQuery>,
) -> Result<Json<Vec<CacheHits>>, ApiError> {
    let days = Days::new(query.start_date.as_deref(), query.end_date.as_deref(), 0)?;
    let theirs: Vec<Filter> = if caller.sees_all() { vec![] } else { vec![own(&caller)] };
    let mut hits = Vec::new();
    for kind in ask(&state, days, [Some(Dimension::Endpoint), None], theirs.clone(), KINDS_MAX).await? {
        let Some(dialect) = Dialect::parse(&kind.name) else { continue };
        let of_kind = Filter { dimension: Dimension::Endpoint, is: kind.name };
        let filters = [theirs.clone(), vec![of_kind]].concat();
        let by = [Some(Dimension::Key), Some(Dimension::Model)];
        let answers = ask(&state, days, by, filters, ENTRIES_MAX).await?;
        hits.extend(answers.into_iter().map(|Answer { name, second, totals, .. }| CacheHits {
            api_key: name,
            call_type: dialect.call_type(),
            model: second,
            total_rows: totals.requests,
            cache_hit_true_rows: 0,
            cached_completion_tokens: 0,
            generated_completion_tokens: totals.output_tokens,
        }));
    }
    Ok(Json(hits))
}

async fn ask(
    state: &Shared,
    days: Days,
    by: [Option<Dimension>; 2],
    filters: Vec<Filter>,
    limit: u32,
) -> Result<Vec<Answer>, ApiError> {
    let question = Question { timeline: days.whole()?, by, filters, among: vec![], limit };
    Ok(state.store.usage().ask(&question).await?.rows)
}
