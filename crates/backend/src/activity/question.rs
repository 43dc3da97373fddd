//! What a question about daily activity asks for, whoever it is about.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use store::usage::Dimension;

use super::breakdown::Asked;
use super::daily::{Window, daily};
use super::days::{DAYS_MAX, Days};
use super::reach::{Entity, Ids, Reach};
use crate::auth::Caller;
use crate::http::error::ApiError;
use crate::spend::key_name;
use crate::state::State;

pub struct Question {
    pub days: Days,
    pub reach: Reach,
    pub entity: Entity,
    /// Those that are named.
    pub ids: Vec<String>,
}

/// What all questions have in common.
pub struct Common {
    pub start_date: Option<String>,
    pub end_date: Option<String>,
    /// Minutes from local time to UTC.
    pub timezone: i64,
    pub model: Option<String>,
    pub api_key: Option<String>,
}

impl Question {
    /// # Errors
    /// 400 that says what is wrong; 403 for what is not the caller's.
    pub async fn new(
        state: &State,
        caller: &Caller,
        entity: Entity,
        common: Common,
        ids: Result<Ids, ApiError>,
    ) -> Result<Self, ApiError> {
        let days = Days::new(common.start_date.as_deref(), common.end_date.as_deref(), common.timezone)?;
        let ids = ids?;
        let named = ids.these.clone();
        let mut reach = entity.reach(state, caller, ids).await?;
        if let Some(key) = common.api_key.filter(|key| !key.is_empty()) {
            reach.only(Dimension::Key, key_name(&key));
        }
        if let Some(model) = common.model.filter(|model| !model.is_empty()) {
            reach.only(Dimension::Model, model);
        }
        Ok(Self { days, reach, entity, ids: named })
    }

    pub const fn asked<'a>(&'a self, state: &'a State) -> Asked<'a> {
        Asked { state, entity: self.entity, reach: &self.reach }
    }

    /// # Errors
    /// 400 for pages that cannot be; when the database fails or takes too long.
    pub async fn pages(&self, state: &State, page: i64, size: i64, keys: u32) -> Result<Response, ApiError> {
        if page < 1 || !(1..=DAYS_MAX).contains(&size) || !(1..=1_000).contains(&keys) {
            let message = format!(
                "`page` starts at 1, `page_size` goes from 1 to {DAYS_MAX} and `api_key_limit` from 1 to 1000."
            );
            return Err(ApiError::plain("page_size", message));
        }
        let window = Window { days: self.days, page, size, api_key_limit: keys };
        let json = HeaderValue::from_static("application/json");
        Ok(([(CONTENT_TYPE, json)], daily(&self.asked(state), window).await?).into_response())
    }
}
