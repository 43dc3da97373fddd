use axum::Json;
use axum::extract::State as Extract;
use kit::Timestamp;
use serde::{Deserialize, Serialize};
use store::PAGE_SIZE_MAX;
use store::audit::{AuditQuery, AuditSort, COUNT_MAX};
use utoipa::{IntoParams, ToSchema};

use super::view::AuditLog;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::{PageOf, asked};
use crate::state::Shared;
use crate::time::{parse_day, parse_moment};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct AuditLogQuery {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
    /// Instead of a page: `next_cursor` of the answer before. Holds its place while entries are added.
    cursor: Option<String>,
    changed_by: Option<String>,
    /// Hash of the caller's key.
    changed_by_api_key: Option<String>,
    /// `created`, `updated`, `deleted`, `blocked`, `unblocked` or `rotated`.
    action: Option<String>,
    table_name: Option<String>,
    object_id: Option<String>,
    /// Team that the object belongs to.
    object_team_id: Option<String>,
    /// Hash of the key that was changed.
    object_key_hash: Option<String>,
    /// Part of who, what or which.
    search: Option<String>,
    /// ISO 8601, or `YYYY-MM-DD` in UTC.
    start_date: Option<String>,
    /// ISO 8601, or `YYYY-MM-DD` in UTC; included.
    end_date: Option<String>,
    /// `updated_at`, `action`, `table_name`, `object_id` or `changed_by`.
    sort_by: Option<String>,
    /// `asc` or `desc`.
    sort_order: String,
}

impl Default for AuditLogQuery {
    fn default() -> Self {
        Self {
            page: 1,
            page_size: 10,
            cursor: None,
            changed_by: None,
            changed_by_api_key: None,
            action: None,
            table_name: None,
            object_id: None,
            object_team_id: None,
            object_key_hash: None,
            search: None,
            start_date: None,
            end_date: None,
            sort_by: None,
            sort_order: "desc".into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct AuditLogs {
    audit_logs: Vec<AuditLog>,
    /// Counted up to 10000.
    total: u64,
    /// Whether there are more than `total`.
    total_is_capped: bool,
    page: u32,
    page_size: u32,
    total_pages: u64,
    /// Where the next page begins when sorted by time; null after the last.
    next_cursor: Option<String>,
}

/// Who changed what, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "listAuditLogs", params(AuditLogQuery),
    responses((status = 200, body = AuditLogs), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<AuditLogQuery>,
) -> Result<Json<AuditLogs>, ApiError> {
    let page = PageOf::new(query.page, query.page_size, PAGE_SIZE_MAX, "page_size")?;
    let query = query.resolve(page)?;
    let found = state.store.audit().list(&query).await?;
    let full = found.rows.len() == page.size as usize && query.sort == AuditSort::Time;
    let next_cursor = found.rows.last().filter(|_| full).map(|entry| entry.seq.to_string());
    Ok(Json(AuditLogs {
        audit_logs: found.rows.into_iter().map(AuditLog::of).collect(),
        total: found.total,
        total_is_capped: found.total == COUNT_MAX,
        page: page.number,
        page_size: page.size,
        total_pages: page.pages(found.total),
        next_cursor,
    }))
}

impl AuditLogQuery {
    fn resolve(self, page: PageOf) -> Result<AuditQuery, ApiError> {
        let sort = match self.sort_by.as_deref() {
            None | Some("" | "updated_at") => AuditSort::Time,
            Some("action") => AuditSort::Action,
            Some("table_name") => AuditSort::Table,
            Some("object_id") => AuditSort::Object,
            Some("changed_by") => AuditSort::ChangedBy,
            Some(other) => {
                let message = format!("The audit log cannot be sorted by `{other}`.");
                return Err(ApiError::bad("sort_by", message));
            }
        };
        let after = asked(self.cursor).map(|cursor| cursor.parse::<i64>()).transpose();
        let after = after.map_err(|_| ApiError::bad("cursor", "`cursor` is not one of this list's."))?;
        Ok(AuditQuery {
            changed_by: asked(self.changed_by),
            api_key: asked(self.changed_by_api_key),
            action: asked(self.action),
            table: asked(self.table_name),
            object_id: asked(self.object_id),
            team_id: asked(self.object_team_id),
            key_hash: asked(self.object_key_hash),
            from: asked(self.start_date).map(|text| moment("start_date", &text, 0)).transpose()?,
            until: asked(self.end_date).map(|text| moment("end_date", &text, DAY_MICROS)).transpose()?,
            search: asked(self.search),
            sort,
            ascending: self.sort_order == "asc",
            after: after.filter(|_| sort == AuditSort::Time),
            page: if after.is_some() { 0 } else { page.index() },
            size: page.size,
        })
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// A moment, or the start of a day and `day_micros` after it.
fn moment(param: &'static str, text: &str, day_micros: i64) -> Result<Timestamp, ApiError> {
    let day = parse_day(text).map(|day| Timestamp(day.micros() + day_micros));
    day.or_else(|| parse_moment(text))
        .ok_or_else(|| ApiError::bad(param, format!("`{text}` is not a date like 2026-01-31.")))
}
