//! What each user came to with each tag in the last thirty days.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use store::PAGE_SIZE_MAX;
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Question, Timeline, quarter_of};
use store::users::UserQuery;
use utoipa::{IntoParams, ToSchema};

use super::active::{Pairs, Wanted, sent, too_many};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::PageOf;
use crate::state::{Shared, State};

const DAYS: i64 = 30;
const DAY_MICROS: i64 = 86_400_000_000;
const PAGE_SIZE: u32 = 50;
const ROWS_MAX: u32 = 1_000;

/// `tag_filters` may be repeated.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes the parameters for the document")]
pub struct UsersQuery {
    /// Part of a tag's name, in whatever case.
    tag_filter: Option<String>,
    /// Only these tags, each by itself; in place of `tag_filter`.
    tag_filters: Option<Vec<String>>,
    /// From 1.
    #[param(minimum = 1, default = 1)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 1000, default = 50)]
    page_size: Option<u32>,
}

/// Users and tags, the dearest first.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"results": [{
    "user_id": "ada", "user_email": "ada@example.com", "user_agent": "blue", "successful_requests": 11, "failed_requests": 1,
    "total_requests": 12, "total_tokens": 340, "spend": 0.0015,
}], "total_count": 1, "page": 1, "page_size": 50, "total_pages": 1}))]
pub struct UsersOfTags {
    results: Vec<UserOfTag>,
    total_count: usize,
    page: u32,
    page_size: u32,
    total_pages: usize,
}

#[derive(Serialize, ToSchema)]
pub struct UserOfTag {
    user_id: String,
    user_email: Option<String>,
    /// The tag.
    user_agent: String,
    successful_requests: i64,
    failed_requests: i64,
    total_requests: i64,
    total_tokens: i64,
    /// US dollars.
    spend: f64,
}

/// What each user came to with each tag in the last thirty days, from single calls.
#[utoipa::path(
    get, path = "/tag/user-agent/per-user-analytics", tag = "tags", operation_id = "tagUsers", params(UsersQuery),
    responses((status = 200, body = UsersOfTags), Refusals),
)]
pub async fn users(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(pairs): Params<Pairs>,
) -> Result<Json<UsersOfTags>, ApiError> {
    let (wanted, page) = (Wanted::new(&pairs)?, page(&pairs)?);
    let rows = rows(&state, &wanted).await?;
    let total_count = rows.len();
    let size = page.size as usize;
    let shown = rows.into_iter().skip(page.index() as usize * size).take(size).collect::<Vec<_>>();
    let mut emails = emails(&state, &shown).await?;
    let result = |Answer { name, second, totals, .. }: Answer| {
        let Totals { requests, failures, refusals, cancellations, .. } = totals;
        let failed = failures + refusals + cancellations;
        UserOfTag {
            user_email: emails.get_mut(&second).and_then(|email| email.clone()),
            user_id: second,
            user_agent: name,
            successful_requests: requests - failed,
            failed_requests: failed,
            total_requests: requests,
            total_tokens: totals.input_tokens.saturating_add(totals.output_tokens),
            spend: totals.spend().dollars(),
        }
    };
    Ok(Json(UsersOfTags {
        results: shown.into_iter().map(result).collect(),
        total_count,
        page: page.number,
        page_size: page.size,
        total_pages: total_count.div_ceil(size),
    }))
}

fn page(pairs: &Pairs) -> Result<PageOf, ApiError> {
    let number = |name: &'static str, default: u32| match sent(pairs, name) {
        None => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| ApiError::plain(name, format!("`{name}` is a number from 1.")))
        }
    };
    PageOf::new(number("page", 1)?, number("page_size", PAGE_SIZE)?, ROWS_MAX, "page_size")
}

async fn rows(state: &State, wanted: &Wanted) -> Result<Vec<Answer>, ApiError> {
    let now = state.clock.now().micros();
    let timeline = Timeline::new([now - DAYS * DAY_MICROS, now + DAY_MICROS].map(quarter_of))?;
    let among = [vec![Among::somebody(Dimension::User)], wanted.among()].concat();
    let by = [Some(Dimension::Tag), Some(Dimension::User)];
    let question = Question { timeline, by, filters: vec![], among, limit: u32::MAX };
    let rows = state.store.usage().ask_calls(&question).await.map_err(too_many)?.rows;
    Ok(rows.into_iter().filter(|answer| wanted.keeps(&answer.name)).collect())
}

/// Addresses of users.
async fn emails(state: &State, rows: &[Answer]) -> Result<HashMap<String, Option<String>>, ApiError> {
    let mut ids = rows.iter().map(|row| row.second.clone()).collect::<Vec<_>>();
    ids.sort_unstable();
    ids.dedup();
    let mut emails = HashMap::new();
    for ids in ids.chunks(PAGE_SIZE_MAX as usize) {
        let query = UserQuery { ids: ids.to_vec(), size: PAGE_SIZE_MAX, ..UserQuery::default() };
        let users = state.store.users().list(&query).await?.rows;
        emails.extend(users.into_iter().map(|(user, _)| (user.id, user.email)));
    }
    Ok(emails)
}
