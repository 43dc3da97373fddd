//! Single calls as a file: page after page of the search, without counting.

use axum::Extension;
use axum::extract::State as Extract;
use axum::response::Response;
use domain::key::MASTER_KEY_LABEL;
use domain::{Intent, Outcome, UsageEvent};
use serde::Deserialize;
use store::spend::{CALLS_AT_ONCE_MAX, CallOrder, CallPlace, CallQuery};
use utoipa::IntoParams;

use super::search::{CallsQuery, confine, cursor};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::export::{File, Parts};
use crate::http::input::Params;
use crate::http::reports::Reports;
use crate::http::table::{Cell, FileFormat};
use crate::state::Shared;
use crate::time::{day, iso};

/// Calls of one file at most.
const CALLS_MAX: u32 = 1_000_000;

const COLUMNS: [&str; 38] = [
    "started_at",
    "first_byte_at",
    "ended_at",
    "duration_ms",
    "status",
    "http_status",
    "error",
    "endpoint",
    "stream",
    "model_group",
    "model",
    "provider",
    "deployment",
    "api_base",
    "key",
    "key_alias",
    "user",
    "team",
    "organization",
    "project",
    "customer",
    "session_id",
    "tags",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "usage_estimated",
    "spend",
    "price_version",
    "superseded",
    "requester_ip",
    "user_agent",
    "response_id",
    "call_id",
    "event_id",
    "cursor",
];

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    #[serde(default)]
    #[param(inline)]
    format: FileFormat,
    /// Calls of the file at most.
    #[serde(default = "most")]
    #[param(minimum = 1, maximum = 1_000_000, default = 100_000)]
    limit: u32,
}

const fn most() -> u32 {
    100_000
}

/// A file of single calls that fit all filters, in an order by `startTime`. A longer search goes on with the `cursor` of the
/// last line. Others than administrators see their own, and those of a team that they lead. `page`, `page_size` and an
/// order by anything else have no effect.
#[utoipa::path(
    get, path = "/analytics/calls/export", tag = "analytics", operation_id = "exportCalls", params(CallsQuery, FileQuery),
    responses((status = 200, content((String = "text/csv"), (String = "application/jsonl"))), Refusals),
)]
pub async fn calls(
    Extract(state): Extract<Shared>,
    Extension(reports): Extension<Reports>,
    caller: Caller,
    Params(query): Params<CallsQuery>,
    Params(FileQuery { format, limit }): Params<FileQuery>,
) -> Result<Response, ApiError> {
    if !(1..=CALLS_MAX).contains(&limit) {
        return Err(ApiError::bad("limit", format!("`limit` goes from 1 to {CALLS_MAX}.")));
    }
    let (from, until) = query.range()?;
    let mut query = query.resolve(from, until)?;
    if matches!(query.order, CallOrder::By { .. }) {
        return Err(ApiError::bad("sort_by", "A file of calls goes by `startTime`."));
    }
    confine(&state, &caller, &mut query).await?;
    let file = File::new(format!("calls_{}", day(state.clock.now())), format);
    reports.export(file, CallFile { state, query, format, left: limit, has_begun: false }).await
}

struct CallFile {
    state: Shared,
    query: CallQuery,
    format: FileFormat,
    /// Calls that may still come.
    left: u32,
    has_begun: bool,
}

impl Parts for CallFile {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return self.format.head(&COLUMNS).map(Some);
        }
        self.query.size = self.left.min(CALLS_AT_ONCE_MAX);
        if self.left == 0 {
            return Ok(None);
        }
        let calls = self.state.store.spend().next_calls(&self.query).await?;
        let found = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        self.left = if found < self.query.size { 0 } else { self.left - found };
        let Some(last) = calls.last() else { return Ok(None) };
        self.query.after =
            Some(CallPlace { started_at: last.intent.started_at, id: last.intent.id.to_string() });
        self.format.rows(&COLUMNS, calls.into_iter().map(row)).map(Some)
    }
}

fn row(call: UsageEvent) -> Vec<Cell> {
    let cursor = cursor(&call);
    let UsageEvent { intent, outcome } = call;
    let Intent { started_at, key, tags, .. } = intent;
    let Outcome { ended_at, first_byte_at, usage, .. } = outcome;
    let key = key.map_or_else(|| MASTER_KEY_LABEL.to_owned(), kit::KeyHash::to_hex);
    let yes = |is: bool| Cell::Whole(i64::from(is));
    let count = |tokens: u64| Cell::Whole(i64::try_from(tokens).unwrap_or(i64::MAX));
    let optional = |tokens: Option<u64>| tokens.map_or(Cell::Nothing, count);
    vec![
        iso(started_at).into(),
        first_byte_at.map(iso).into(),
        iso(ended_at).into(),
        (ended_at.micros().saturating_sub(started_at.micros()) / 1_000).into(),
        outcome.status.as_str().into(),
        i64::from(outcome.http_status).into(),
        outcome.error.as_deref().into(),
        intent.dialect.as_str().into(),
        yes(intent.stream),
        (*intent.model_group).into(),
        (*intent.model).into(),
        (*intent.provider).into(),
        (*intent.deployment_id).into(),
        (*intent.api_base).into(),
        key.into(),
        intent.key_alias.as_deref().into(),
        intent.user_id.as_deref().into(),
        intent.team_id.as_deref().into(),
        intent.organization_id.as_deref().into(),
        intent.project_id.as_deref().into(),
        intent.customer.as_deref().into(),
        intent.session_id.as_deref().into(),
        Cell::List(tags.into_iter().map(String::from).collect()),
        count(usage.input),
        count(usage.output),
        optional(usage.cache_read),
        optional(usage.cache_write),
        optional(usage.reasoning),
        yes(outcome.usage_estimated),
        outcome.cost.into(),
        (*outcome.price_version).into(),
        yes(outcome.superseded),
        intent.requester_ip.as_deref().into(),
        intent.user_agent.as_deref().into(),
        outcome.response_id.as_deref().into(),
        (*intent.call_id).into(),
        intent.id.to_string().into(),
        cursor.into(),
    ]
}
