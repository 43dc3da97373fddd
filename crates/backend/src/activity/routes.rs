//! The routes of each kind of owner: days in pages, days at once, keys, and files.

use axum::Extension;
use axum::Json;
use axum::extract::State as Extract;
use axum::response::Response;
use serde::Deserialize;
use store::usage::Dimension;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::days::DAYS_MAX;
use super::export::{ActivityExport, Export, ExportFormat, ExportType};
use super::keys::{self, CacheLeakage, FoundKeys, KeyActivityPage, ModelTopKeys};
use super::question::{Common, Question};
use super::reach::{Entity, Ids};
use super::view::DailyActivity;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::reports::Reports;
use crate::state::{Shared, State};

/// The routes of one kind of owner. `$ids` are the names of the parameters that choose among them.
macro_rules! activity {
    ($module:ident, $entity:expr, $prefix:literal, $size:literal, $ids:ident, $id:literal, $except:ident, $what:literal,
     $operation:literal, $Query:ident, $KeysQuery:ident, $ExportQuery:ident) => {
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
                get, path = concat!($prefix, "/daily/activity"), tag = "usage", operation_id = concat!($operation, "DailyActivity"),
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
                get, path = concat!($prefix, "/daily/activity/aggregated"), tag = "usage", operation_id = concat!($operation, "Activity"),
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

            #[derive(Deserialize, IntoParams)]
            #[into_params(parameter_in = Query)]
            #[serde(default)]
            pub struct $KeysQuery {
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
                pub limit: u32,
            }

            impl Default for $KeysQuery {
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

            impl $KeysQuery {
                pub async fn question(&self, state: &State, caller: &Caller) -> Result<Question, ApiError> {
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
                get, path = concat!($prefix, "/daily/activity/aggregated/keys"), tag = "usage", operation_id = concat!($operation, "ActivityKeys"),
                summary = concat!("Keys by what they spent in a range of days, of ", $what, "."),
                params($KeysQuery), responses((status = 200, body = KeyActivityPage), Refusals),
            )]
            pub async fn of_keys(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$KeysQuery>,
            ) -> Result<Json<KeyActivityPage>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::page(&asked, days, query.offset, query.limit).await?))
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated/model_top_keys"), tag = "usage", operation_id = concat!($operation, "ActivityModelTopKeys"),
                summary = concat!("The keys that spent most with a model, of ", $what, "."),
                params($KeysQuery), responses((status = 200, body = ModelTopKeys), Refusals),
            )]
            pub async fn model_top_keys(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$KeysQuery>,
            ) -> Result<Json<ModelTopKeys>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let model = query.model.ok_or_else(|| ApiError::plain("model", "Name a `model`."))?;
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::top(&asked, days, model, query.by_model_group, query.limit).await?))
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/aggregated/search"), tag = "usage", operation_id = concat!($operation, "ActivitySearch"),
                summary = concat!("Keys whose alias or hash has a text in it, with what they spent, of ", $what, "."),
                params($KeysQuery), responses((status = 200, body = FoundKeys), Refusals),
            )]
            pub async fn search(
                Extract(state): Extract<Shared>,
                caller: Caller,
                Params(query): Params<$KeysQuery>,
            ) -> Result<Json<FoundKeys>, ApiError> {
                let question = query.question(&state, &caller).await?;
                let text = query.search.unwrap_or_default();
                let (asked, days) = (question.asked(&state), question.days);
                Ok(Json(keys::search(&asked, days, text, query.limit).await?))
            }

            #[derive(Deserialize, IntoParams)]
            #[into_params(parameter_in = Query)]
            #[serde(default)]
            pub struct $ExportQuery {
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
                #[serde(alias = $id)]
                $ids: Option<String>,
                /// None of these, with commas between.
                $except: Option<String>,
                /// What is told apart on each day.
                #[param(inline)]
                export_type: ExportType,
                #[param(inline)]
                format: ExportFormat,
            }

            impl Default for $ExportQuery {
                fn default() -> Self {
                    Self {
                        start_date: None,
                        end_date: None,
                        timezone: 0,
                        model: None,
                        api_key: None,
                        $ids: None,
                        $except: None,
                        export_type: ExportType::default(),
                        format: ExportFormat::default(),
                    }
                }
            }

            #[utoipa::path(
                get, path = concat!($prefix, "/daily/activity/export"), tag = "usage",
                operation_id = concat!($operation, "ActivityExport"),
                summary = concat!("A file with the usage of ", $what, " by day, the oldest first."),
                params($ExportQuery),
                responses((status = 200, content((ActivityExport), (String = "text/csv"))), Refusals),
            )]
            pub async fn export(
                Extract(state): Extract<Shared>,
                Extension(reports): Extension<Reports>,
                caller: Caller,
                Params(query): Params<$ExportQuery>,
            ) -> Result<Response, ApiError> {
                let common = Common {
                    start_date: query.start_date,
                    end_date: query.end_date,
                    timezone: query.timezone,
                    model: query.model,
                    api_key: query.api_key,
                };
                let ids = Ids::new(query.$ids.as_deref(), query.$except.as_deref(), stringify!($ids));
                let question = Question::new(&state, &caller, $entity, common, ids).await?;
                let export = Export::new(state, question, query.export_type, query.format);
                reports.export(export.file(), export).await
            }

            pub fn routes() -> OpenApiRouter<Shared> {
                OpenApiRouter::new()
                    .routes(routes!(days))
                    .routes(routes!(aggregated))
                    .routes(routes!(of_keys))
                    .routes(routes!(model_top_keys))
                    .routes(routes!(search))
                    .routes(routes!(export))
            }
        }
    };
}

activity!(
    users,
    Entity::User,
    "/user",
    50,
    user_id,
    "user_ids",
    exclude_user_ids,
    "users",
    "user",
    UserActivity,
    UserKeyActivity,
    UserActivityExport
);
activity!(
    teams,
    Entity::Team,
    "/team",
    10,
    team_ids,
    "team_id",
    exclude_team_ids,
    "teams",
    "team",
    TeamActivity,
    TeamKeyActivity,
    TeamActivityExport
);
activity!(
    organizations,
    Entity::Organization,
    "/organization",
    10,
    organization_ids,
    "organization_id",
    exclude_organization_ids,
    "organizations",
    "organization",
    OrganizationActivity,
    OrganizationKeyActivity,
    OrganizationActivityExport
);
activity!(
    customers,
    Entity::Customer,
    "/customer",
    10,
    end_user_ids,
    "end_user_id",
    exclude_end_user_ids,
    "customers",
    "customer",
    CustomerActivity,
    CustomerKeyActivity,
    CustomerActivityExport
);
activity!(
    end_users,
    Entity::Customer,
    "/end_user",
    10,
    end_user_ids,
    "end_user_id",
    exclude_end_user_ids,
    "customers",
    "endUser",
    EndUserActivity,
    EndUserKeyActivity,
    EndUserActivityExport
);
activity!(
    tags,
    Entity::Tag,
    "/tag",
    10,
    tags,
    "tag",
    exclude_tags,
    "tags",
    "tag",
    TagActivity,
    TagKeyActivity,
    TagActivityExport
);

/// Keys with the most input that no cache of a provider served, of users: those to look at when prompts are long. The
/// dearest 10,000 keys are compared.
#[utoipa::path(
    get, path = "/user/daily/activity/aggregated/cache_leakage_keys", tag = "usage", operation_id = "userActivityCacheLeakage",
    params(users::UserKeyActivity), responses((status = 200, body = CacheLeakage), Refusals),
)]
async fn cache_leakage(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<users::UserKeyActivity>,
) -> Result<Json<CacheLeakage>, ApiError> {
    let question = query.question(&state, &caller).await?;
    Ok(Json(keys::leaking(&question.asked(&state), question.days, query.limit).await?))
}

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(cache_leakage))
        .merge(users::routes())
        .merge(teams::routes())
        .merge(organizations::routes())
        .merge(customers::routes())
        .merge(end_users::routes())
        .merge(tags::routes())
}
