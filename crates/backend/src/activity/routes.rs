//! The routes of each kind of owner: days in pages, days at once, and keys.

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use store::usage::Dimension;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::breakdown::Asked;
use super::daily::{Window, daily};
use super::days::{DAYS_MAX, Days};
use super::keys::{self, FoundKeys, KeyActivityPage, ModelTopKeys};
use super::reach::{Entity, Ids, Reach};
use super::view::DailyActivity;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::spend::key_name;
use crate::state::{Shared, State};

/// A question, whoever it is about.
pub struct Question {
    days: Days,
    reach: Reach,
    entity: Entity,
}

/// What all questions have in common.
struct Common {
    start_date: Option<String>,
    end_date: Option<String>,
    timezone: i64,
    model: Option<String>,
    api_key: Option<String>,
}

impl Question {
    async fn new(
        state: &State,
        caller: &Caller,
        entity: Entity,
        common: Common,
        ids: Result<Ids, ApiError>,
    ) -> Result<Self, ApiError> {
        let days = Days::new(common.start_date.as_deref(), common.end_date.as_deref(), common.timezone)?;
        let mut reach = entity.reach(state, caller, ids?).await?;
        if let Some(key) = common.api_key.filter(|key| !key.is_empty()) {
            reach.only(Dimension::Key, key_name(&key));
        }
        if let Some(model) = common.model.filter(|model| !model.is_empty()) {
            reach.only(Dimension::Model, model);
        }
        Ok(Self { days, reach, entity })
    }

    const fn asked<'a>(&'a self, state: &'a State) -> Asked<'a> {
        Asked { state, entity: self.entity, reach: &self.reach }
    }

    async fn pages(&self, state: &State, page: i64, size: i64, keys: u32) -> Result<Response, ApiError> {
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

/// The routes of one kind of owner. `$ids` are the names of the parameters that choose among them.
macro_rules! activity {
    ($module:ident, $Query:ident, $entity:expr, $prefix:literal, $size:literal, $ids:ident, $except:ident, $what:literal,
     $daily:literal, $aggregated:literal) => {
        mod $module {
            use super::*;

            #[derive(Deserialize, IntoParams)]
            #[into_params(parameter_in = Query)]
            #[serde(default)]
            pub struct $Query {
                /// First day, `YYYY-MM-DD`.
                start_date: Option<String>,
                /// Last day, included; a thousand days at most.
                end_date: Option<String>,
                /// Minutes from local time to UTC, as JavaScript's `getTimezoneOffset`: -330 for +05:30.
                #[param(minimum = -840, maximum = 840)]
                timezone: i64,
                /// As the provider names it.
                model: Option<String>,
                /// Raw key or hash.
                api_key: Option<String>,
                /// Only these, with commas between.
                $ids: Option<String>,
                /// None of these, with commas between.
                $except: Option<String>,
                /// From 1, the newest days first; one page has all days when they are asked for at once.
                #[param(minimum = 1)]
                page: i64,
                /// Days of a page.
                #[param(minimum = 1, maximum = 1000)]
                page_size: i64,
                /// Keys that a day shows at most.
                #[param(minimum = 1, maximum = 1000)]
                api_key_limit: u32,
            }

            impl Default for $Query {
                fn default() -> Self {
                    Self {
                        start_date: None,
                        end_date: None,
                        timezone: 0,
                        model: None,
                        api_key: None,
                        $ids: None,
                        $except: None,
                        page: 1,
                        page_size: $size,
                        api_key_limit: 100,
                    }
                }
            }

            impl $Query {
                async fn question(&self, state: &State, caller: &Caller) -> Result<Question, ApiError> {
                    let common = Common {
                        start_date: self.start_date.clone(),
                        end_date: self.end_date.clone(),
                        timezone: self.timezone,
                        model: self.model.clone(),
                        api_key: self.api_key.clone(),
                    };
                    let ids = Ids::new(self.$ids.as_deref(), self.$except.as_deref(), stringify!($ids));
                    Question::new(state, caller, $entity, common, ids).await
                }
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity"), tag = "usage", operation_id = $daily,
                summary = concat!("Usage of ", $what, " by day, in pages of days, the newest first."),
                params($Query),
                responses((status = 200, body = DailyActivity), Refusals),
            )]
            pub async fn days(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$Query>,
            ) -> Result<Response, ApiError> {
                let question = query.question(&state, &caller).await?;
                question.pages(&state, query.page, query.page_size, query.api_key_limit).await
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated"), tag = "usage", operation_id = $aggregated,
                summary = concat!("Usage of ", $what, " by day, all days at once."),
                params($Query), responses((status = 200, body = DailyActivity), Refusals),
            )]
            pub async fn aggregated(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$Query>,
            ) -> Result<Response, ApiError> {
                let question = query.question(&state, &caller).await?;
                question.pages(&state, 1, DAYS_MAX, query.api_key_limit).await
            }
        }
    };
}

/// The routes about keys of one kind of owner.
macro_rules! activity_of_keys {
    ($module:ident, $Query:ident, $entity:expr, $prefix:literal, $ids:ident, $except:ident, $what:literal,
     $keys:literal, $top:literal, $search:literal) => {
        mod $module {
            use super::*;

            #[derive(Deserialize, IntoParams)]
            #[into_params(parameter_in = Query)]
            #[serde(default)]
            pub struct $Query {
                /// First day, `YYYY-MM-DD`.
                start_date: Option<String>,
                /// Last day, included; a thousand days at most.
                end_date: Option<String>,
                /// Minutes from local time to UTC, as JavaScript's `getTimezoneOffset`: -330 for +05:30.
                #[param(minimum = -840, maximum = 840)]
                timezone: i64,
                /// As the provider names it, or as clients do with `by_model_group`.
                model: Option<String>,
                /// Of `/model_top_keys`: `model` is a model group.
                by_model_group: bool,
                /// Raw key or hash.
                api_key: Option<String>,
                /// Of `/search`: part of the key's alias or hash.
                search: Option<String>,
                /// Only these, with commas between.
                $ids: Option<String>,
                /// None of these, with commas between.
                $except: Option<String>,
                /// Keys before the page.
                #[param(maximum = 10000)]
                offset: u32,
                #[param(minimum = 1, maximum = 100)]
                limit: u32,
            }

            impl Default for $Query {
                fn default() -> Self {
                    Self {
                        start_date: None,
                        end_date: None,
                        timezone: 0,
                        model: None,
                        by_model_group: false,
                        api_key: None,
                        search: None,
                        $ids: None,
                        $except: None,
                        offset: 0,
                        limit: 50,
                    }
                }
            }

            impl $Query {
                async fn question(&self, state: &State, caller: &Caller) -> Result<Question, ApiError> {
                    let common = Common {
                        start_date: self.start_date.clone(),
                        end_date: self.end_date.clone(),
                        timezone: self.timezone,
                        model: self.model.clone().filter(|_| !self.by_model_group),
                        api_key: self.api_key.clone(),
                    };
                    let ids = Ids::new(self.$ids.as_deref(), self.$except.as_deref(), stringify!($ids));
                    let mut question = Question::new(state, caller, $entity, common, ids).await?;
                    if let Some(group) = self.model.clone().filter(|_| self.by_model_group) {
                        question.reach.only(Dimension::ModelGroup, group);
                    }
                    Ok(question)
                }
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated/keys"), tag = "usage", operation_id = $keys,
                summary = concat!("Keys by what they spent in a range of days, of ", $what, "."),
                params($Query), responses((status = 200, body = KeyActivityPage), Refusals),
            )]
            pub async fn page(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$Query>,
            ) -> Result<Json<KeyActivityPage>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::page(&asked, days, query.offset, query.limit).await?))
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated/model_top_keys"), tag = "usage", operation_id = $top,
                summary = concat!("The keys that spent most with a model, of ", $what, "."),
                params($Query), responses((status = 200, body = ModelTopKeys), Refusals),
            )]
            pub async fn model_top_keys(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$Query>,
            ) -> Result<Json<ModelTopKeys>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let model = query.model.ok_or_else(|| ApiError::plain("model", "Name a `model`."))?;
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::top(&asked, days, model, query.by_model_group, query.limit).await?))
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated/search"), tag = "usage", operation_id = $search,
                summary = concat!("Keys whose alias or hash has a text in it, with what they spent, of ", $what, "."),
                params($Query), responses((status = 200, body = FoundKeys), Refusals),
            )]
            pub async fn search(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$Query>,
            ) -> Result<Json<FoundKeys>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let text = query.search.unwrap_or_default();
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::search(&asked, days, text, query.limit).await?))
            }
        }
    };
}

activity!(
    users,
    UserActivity,
    Entity::User,
    "/user",
    50,
    user_id,
    exclude_user_ids,
    "users",
    "userDailyActivity",
    "userActivity"
);
activity_of_keys!(
    user_keys,
    UserKeyActivity,
    Entity::User,
    "/user",
    user_id,
    exclude_user_ids,
    "users",
    "userActivityKeys",
    "userActivityModelTopKeys",
    "userActivitySearch"
);
activity!(
    teams,
    TeamActivity,
    Entity::Team,
    "/team",
    10,
    team_ids,
    exclude_team_ids,
    "teams",
    "teamDailyActivity",
    "teamActivity"
);
activity_of_keys!(
    team_keys,
    TeamKeyActivity,
    Entity::Team,
    "/team",
    team_ids,
    exclude_team_ids,
    "teams",
    "teamActivityKeys",
    "teamActivityModelTopKeys",
    "teamActivitySearch"
);
activity!(
    organizations,
    OrganizationActivity,
    Entity::Organization,
    "/organization",
    10,
    organization_ids,
    exclude_organization_ids,
    "organizations",
    "organizationDailyActivity",
    "organizationActivity"
);
activity_of_keys!(
    organization_keys,
    OrganizationKeyActivity,
    Entity::Organization,
    "/organization",
    organization_ids,
    exclude_organization_ids,
    "organizations",
    "organizationActivityKeys",
    "organizationActivityModelTopKeys",
    "organizationActivitySearch"
);
activity!(
    customers,
    CustomerActivity,
    Entity::Customer,
    "/customer",
    10,
    end_user_ids,
    exclude_end_user_ids,
    "customers",
    "customerDailyActivity",
    "customerActivity"
);
activity!(
    end_users,
    EndUserActivity,
    Entity::Customer,
    "/end_user",
    10,
    end_user_ids,
    exclude_end_user_ids,
    "customers",
    "endUserDailyActivity",
    "endUserActivity"
);
activity!(
    tags,
    TagActivity,
    Entity::Tag,
    "/tag",
    10,
    tags,
    exclude_tags,
    "tags",
    "tagDailyActivity",
    "tagActivity"
);

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(users::days))
        .routes(routes!(users::aggregated))
        .routes(routes!(teams::days))
        .routes(routes!(teams::aggregated))
        .routes(routes!(organizations::days))
        .routes(routes!(organizations::aggregated))
        .routes(routes!(customers::days))
        .routes(routes!(customers::aggregated))
        .routes(routes!(end_users::days))
        .routes(routes!(end_users::aggregated))
        .routes(routes!(tags::days))
        .routes(routes!(tags::aggregated))
        .routes(routes!(user_keys::page))
        .routes(routes!(user_keys::model_top_keys))
        .routes(routes!(user_keys::search))
        .routes(routes!(team_keys::page))
        .routes(routes!(team_keys::model_top_keys))
        .routes(routes!(team_keys::search))
        .routes(routes!(organization_keys::page))
        .routes(routes!(organization_keys::model_top_keys))
        .routes(routes!(organization_keys::search))
}
