//! Access groups of models: names that keys may list in place of the models in them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::Model;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ModelCard, stored};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::fields::{check_id, check_name};
use crate::state::{Shared, State};

/// Names or ids of models in one request.
const NAMES_MAX: usize = 500;

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"access_group": "beta", "model_names": ["gpt-4o"]}))]
pub struct NewGroup {
    access_group: String,
    /// Public names: every stored deployment of each.
    model_names: Option<Vec<String>>,
    /// Ids of stored deployments; they count in place of names.
    model_ids: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"model_names": ["gpt-4o", "claude"]}))]
pub struct GroupModels {
    /// Public names: every stored deployment of each.
    model_names: Option<Vec<String>>,
    /// Ids of stored deployments; they count in place of names.
    model_ids: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct WrittenGroup {
    access_group: String,
    model_names: Option<Vec<String>>,
    model_ids: Option<Vec<String>>,
    /// Stored deployments whose groups are others now.
    models_updated: u64,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedGroup {
    access_group: String,
    models_updated: u64,
    message: String,
}

/// A group of the configuration, of the database, or of both.
#[derive(Serialize, ToSchema)]
pub struct GroupView {
    access_group: String,
    /// Public names.
    model_names: BTreeSet<String>,
    deployment_count: usize,
    /// Not counted by group: null.
    spend: Option<f64>,
    #[schema(value_type = Option<Object>)]
    budget: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct Groups {
    access_groups: Vec<GroupView>,
}

#[derive(Serialize, ToSchema)]
pub struct GroupBudget {
    access_group: String,
    spend: Option<f64>,
    #[schema(value_type = Option<Object>)]
    budget: Option<Map<String, Value>>,
}

async fn all(state: &State) -> Result<BTreeMap<String, GroupView>, ApiError> {
    let stored = stored(state).await?;
    let mut groups = BTreeMap::<String, GroupView>::new();
    for ModelCard { deployment, .. } in state.catalog.cards.iter().chain(&stored) {
        for name in &deployment.access_groups {
            let group = groups.entry(name.clone()).or_insert_with(|| GroupView {
                access_group: name.clone(),
                model_names: BTreeSet::new(),
                deployment_count: 0,
                spend: None,
                budget: None,
            });
            group.model_names.insert(deployment.group.clone());
            group.deployment_count += 1;
        }
    }
    Ok(groups)
}

async fn one(state: &State, name: &str) -> Result<GroupView, ApiError> {
    all(state).await?.remove(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ApiError {
    ApiError::missing("access_group", format!("Access group '{name}' not found"))
}

/// Every access group.
#[utoipa::path(
    get, path = "/access_group/list", tag = "models", operation_id = "listAccessGroups",
    responses((status = 200, body = Groups), Refusals),
)]
pub async fn list(Extract(state): Extract<Shared>) -> Result<Json<Groups>, ApiError> {
    Ok(Json(Groups { access_groups: all(&state).await?.into_values().collect() }))
}

/// One access group.
#[utoipa::path(
    get, path = "/access_group/{access_group}/info", tag = "models", operation_id = "getAccessGroup",
    params(("access_group" = String, Path)),
    responses((status = 200, body = GroupView), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
) -> Result<Json<GroupView>, ApiError> {
    Ok(Json(one(&state, &name).await?))
}

/// Put stored models into a new access group. Models of config.yaml have theirs there.
#[utoipa::path(
    post, path = "/access_group/new", tag = "models", operation_id = "createAccessGroup", request_body = NewGroup,
    responses((status = 200, body = WrittenGroup), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NewGroup>,
) -> Result<(Names, Json<WrittenGroup>), ApiError> {
    let NewGroup { access_group, model_names, model_ids } = input.value;
    check_id("access_group", &access_group)?;
    check_name("access_group", Some(&access_group))?;
    if all(&state).await?.contains_key(&access_group) {
        let message = format!(
            "Access group '{access_group}' already exists. Change it with /access_group/{access_group}/update."
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some("access_group"), message));
    }
    let written = write(&state, &caller, access_group, model_names, model_ids).await?;
    Ok((input.ignored, Json(written)))
}

/// Make an access group consist of these stored models. Models of config.yaml stay in it.
#[utoipa::path(
    put, path = "/access_group/{access_group}/update", tag = "models", operation_id = "updateAccessGroup",
    params(("access_group" = String, Path)), request_body = GroupModels,
    responses((status = 200, body = WrittenGroup), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    input: Input<GroupModels>,
) -> Result<(Names, Json<WrittenGroup>), ApiError> {
    let GroupModels { model_names, model_ids } = input.value;
    one(&state, &name).await?;
    let written = write(&state, &caller, name, model_names, model_ids).await?;
    Ok((input.ignored, Json(written)))
}

/// The names that were meant, which must be those of stored models.
async fn write(
    state: &State,
    caller: &Caller,
    access_group: String,
    model_names: Option<Vec<String>>,
    model_ids: Option<Vec<String>>,
) -> Result<WrittenGroup, ApiError> {
    let named = model_ids.as_ref().or(model_names.as_ref()).filter(|names| !names.is_empty());
    let field = if model_ids.is_some() { "model_ids" } else { "model_names" };
    let Some(named) = named.filter(|names| names.len() <= NAMES_MAX) else {
        return Err(ApiError::plain(
            field,
            format!("Name 1 to {NAMES_MAX} models: `model_names` or `model_ids`."),
        ));
    };
    let by_id = model_ids.is_some();
    let is =
        |model: &Model, name: &String| if by_id { model.id == *name } else { public_name(model) == name };
    let models = state.store.models(&state.vault).list().await?.rows;
    if let Some(unknown) = named.iter().find(|name| !models.iter().any(|model| is(model, name))) {
        let message = format!(
            "No stored model is called {unknown}; models of config.yaml have their access groups there."
        );
        return Err(ApiError::plain(field, message));
    }
    let belongs = |model: &Model| named.iter().any(|name| is(model, name));
    let changed =
        state.store.models(&state.vault).regroup(&access_group, belongs, &caller.actor(state)).await?;
    Ok(WrittenGroup { access_group, model_names, model_ids, models_updated: changed })
}

/// The name that clients send.
fn public_name(model: &Model) -> &str {
    let own = model.info.get("team_public_model_name").and_then(Value::as_str);
    own.unwrap_or(&model.name)
}

/// Take every stored model out of an access group. Models of config.yaml stay in it.
#[utoipa::path(
    delete, path = "/access_group/{access_group}/delete", tag = "models", operation_id = "deleteAccessGroup",
    params(("access_group" = String, Path)),
    responses((status = 200, body = DeletedGroup), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<DeletedGroup>, ApiError> {
    one(&state, &name).await?;
    let models = state.store.models(&state.vault);
    let changed = models.regroup(&name, |_| false, &caller.actor(&state)).await?;
    let message = format!("Access group '{name}' deleted successfully");
    Ok(Json(DeletedGroup { access_group: name, models_updated: changed, message }))
}

/// The budget of an access group: it has none yet.
#[utoipa::path(
    get, path = "/access_group/{access_group}/budget", tag = "models", operation_id = "getAccessGroupBudget",
    params(("access_group" = String, Path)),
    responses((status = 200, body = GroupBudget), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn budget(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
) -> Result<Json<GroupBudget>, ApiError> {
    let group = one(&state, &name).await?;
    Ok(Json(GroupBudget { access_group: group.access_group, spend: None, budget: None }))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"max_budget": 10.0, "budget_duration": "30d"}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct SetGroupBudget {
    budget_id: Option<String>,
    max_budget: Option<f64>,
    soft_budget: Option<f64>,
    budget_duration: Option<String>,
}

/// Refused: access groups have no budgets yet.
#[utoipa::path(
    put, path = "/access_group/{access_group}/budget", tag = "models", operation_id = "setAccessGroupBudget",
    params(("access_group" = String, Path)), request_body = SetGroupBudget,
    responses((status = 200, body = GroupBudget), (status = 404, description = "No such group", body = ErrorBody), Refusals),
)]
pub async fn set_budget(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
    _: Input<SetGroupBudget>,
) -> Result<Json<GroupBudget>, ApiError> {
    one(&state, &name).await?;
    let message = "Access groups have no budgets yet: give one to the key, team or tag. Nothing was changed.";
    Err(ApiError::plain("max_budget", message))
}

/// The budget of an access group: there is none to take away.
#[utoipa::path(
    delete, path = "/access_group/{access_group}/budget", tag = "models", operation_id = "deleteAccessGroupBudget",
    params(("access_group" = String, Path)),
    responses((status = 200, body = GroupBudget), (status = 404, description = "No such group, or no budget", body = ErrorBody), Refusals),
)]
pub async fn delete_budget(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
) -> Result<Json<GroupBudget>, ApiError> {
    one(&state, &name).await?;
    Err(ApiError::missing("access_group", format!("Access group '{name}' has no budget")))
}
