//! Tags: names that requests carry, with budgets.

mod active;
mod by_user;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{Limits, Stamps, Tag};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::PAGE_SIZE_MAX;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names, Params};
use crate::http::page::{Slice, Total};
use crate::owner::fields::{Sent, check_id, limited};
use crate::owner::own;
use crate::owner::view::{BudgetView, StampsView};
use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(update))
        .routes(routes!(info))
        .routes(routes!(list))
        .routes(routes!(delete))
        .routes(routes!(active::distinct))
        .routes(routes!(active::summary))
        .routes(routes!(active::by_day))
        .routes(routes!(active::by_week))
        .routes(routes!(active::by_month))
        .routes(routes!(by_user::users))
}

limited! {
    /// A tag. A field that is left out keeps its value, or has none; null clears it. Limits are those of its budget: a
    /// budget of its own is made for them unless `budget_id` names one.
    #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
    #[schema(example = json!({"name": "batch", "description": "nightly jobs", "max_budget": 10.0}))]
    pub struct TagFields {
        pub name: String,
        description: Option<String>,
        models: Option<Vec<String>>,
        #[schema(value_type = Option<Object>)]
        model_info: Option<Map<String, Value>>,
        /// A budget that exists.
        budget_id: Option<String>,
    }
}

/// A tag as it is shown.
#[derive(Serialize, ToSchema)]
pub struct TagView {
    name: String,
    description: Option<String>,
    models: Vec<String>,
    #[schema(value_type = Object)]
    model_info: Map<String, Value>,
    budget_id: Option<String>,
    /// US dollars since the budget's window began.
    spend: f64,
    litellm_budget_table: Option<BudgetView>,
    #[serde(flatten)]
    stamps: StampsView,
}

#[derive(Serialize, ToSchema)]
pub struct ChangedTag {
    message: String,
    tag: TagView,
}

impl TagFields {
    fn apply(&self, raw: &Map<String, Value>, tag: &mut Tag) {
        let sent = Sent(raw);
        sent.set("description", &mut tag.description, self.description.clone());
        sent.set("models", &mut tag.models, self.models.clone().unwrap_or_default());
        sent.set("model_info", &mut tag.model_info, self.model_info.clone().unwrap_or_default());
        sent.set("budget_id", &mut tag.budget_id, self.budget_id.clone());
    }
}

impl TagView {
    fn of(tag: Tag) -> Self {
        Self {
            name: tag.name,
            description: tag.description,
            models: tag.models,
            model_info: tag.model_info,
            budget_id: tag.budget_id,
            spend: tag.spent.now.dollars(),
            litellm_budget_table: BudgetView::held(tag.budget, &tag.spent),
            stamps: tag.stamps.into(),
        }
    }
}

fn not_found(name: &str) -> ApiError {
    ApiError::missing("name", format!("Tag {name} not found"))
}

/// Make a tag.
#[utoipa::path(
    post, path = "/tag/new", tag = "tags", operation_id = "createTag", request_body = TagFields,
    responses((status = 200, body = ChangedTag), Refusals),
)]
async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<TagFields>,
) -> Result<(Names, Json<ChangedTag>), ApiError> {
    let (actor, fields) = (caller.actor(&state), input.value);
    check_id("name", &fields.name)?;
    let stamps = Stamps::new(&actor.id, actor.at);
    let mut tag = Tag { name: fields.name.clone(), stamps, ..Tag::default() };
    let mut limits = Limits::default();
    fields.apply(&input.raw, &mut tag);
    fields.limit(Sent(&input.raw), &mut limits)?;
    let taken = |tag: &Tag| ApiError::plain("name", format!("Tag {} already exists", tag.name));
    let made = own::add(&state, state.store.tags(), tag, limits, &actor, taken).await?;
    let message = format!("Tag {} created successfully", made.name);
    Ok((input.ignored, Json(ChangedTag { message, tag: TagView::of(made) })))
}

/// Change a tag. Limits change its own budget; a budget that it shares is left to the others.
#[utoipa::path(
    post, path = "/tag/update", tag = "tags", operation_id = "updateTag", request_body = TagFields,
    responses((status = 200, body = ChangedTag), (status = 404, description = "No such tag", body = ErrorBody), Refusals),
)]
async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<TagFields>,
) -> Result<(Names, Json<ChangedTag>), ApiError> {
    let (fields, raw) = (input.value, &input.raw);
    let limit = |limits: &mut Limits| fields.limit(Sent(raw), limits);
    let apply = |tag: &mut Tag| {
        fields.apply(raw, tag);
        Ok::<_, ApiError>(())
    };
    let (tags, name) = (state.store.tags(), fields.name.as_str());
    let changed = own::change(&state, tags, name, raw, &caller.actor(&state), apply, limit).await?;
    let tag = TagView::of(changed.ok_or_else(|| not_found(&fields.name))?);
    let message = format!("Tag {} updated successfully", tag.name);
    Ok((input.ignored, Json(ChangedTag { message, tag })))
}

#[derive(Deserialize, ToSchema)]
pub struct NamedTags {
    /// At most 100.
    names: Vec<String>,
}

/// Show some tags by name.
#[utoipa::path(
    post, path = "/tag/info", tag = "tags", operation_id = "getTags", request_body = NamedTags,
    responses(
        (status = 200, body = BTreeMap<String, TagView>),
        (status = 404, description = "One of them does not exist", body = ErrorBody),
        Refusals,
    ),
)]
async fn info(
    Extract(state): Extract<Shared>,
    input: Input<NamedTags>,
) -> Result<(Names, Json<BTreeMap<String, TagView>>), ApiError> {
    let names = input.value.names;
    if names.is_empty() || names.len() > PAGE_SIZE_MAX as usize {
        return Err(ApiError::plain("names", format!("Name 1 to {PAGE_SIZE_MAX} tags.")));
    }
    let mut found = BTreeMap::new();
    for name in names {
        let tag = state.store.tags().get(&name).await?.ok_or_else(|| not_found(&name))?;
        found.insert(name, TagView::of(tag));
    }
    Ok((input.ignored, Json(found)))
}

/// Tags by name: one page of them, and how many there are in `x-total-count`.
#[utoipa::path(
    get, path = "/tag/list", tag = "tags", operation_id = "listTags", params(Slice),
    responses((status = 200, body = Vec<TagView>), Refusals),
)]
async fn list(
    Extract(state): Extract<Shared>,
    Params(slice): Params<Slice>,
) -> Result<(Total, Json<Vec<TagView>>), ApiError> {
    let page = slice.page()?;
    let found = state.store.tags().list(&(), page.index(), page.size).await?;
    Ok((Total(found.total), Json(found.rows.into_iter().map(TagView::of).collect())))
}

#[derive(Deserialize, ToSchema)]
pub struct DeleteTag {
    name: String,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedTag {
    message: String,
}

/// Delete a tag. What was spent under it stays.
#[utoipa::path(
    post, path = "/tag/delete", tag = "tags", operation_id = "deleteTag", request_body = DeleteTag,
    responses((status = 200, body = DeletedTag), (status = 404, description = "No such tag", body = ErrorBody), Refusals),
)]
async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<DeleteTag>,
) -> Result<(Names, Json<DeletedTag>), ApiError> {
    let name = input.value.name;
    let gone = state.store.tags().delete(&name, &caller.actor(&state)).await?;
    gone.ok_or_else(|| not_found(&name))?;
    Ok((input.ignored, Json(DeletedTag { message: format!("Tag {name} deleted successfully") })))
}
