use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::{Model, SecretMap};
use http::{HeaderName, StatusCode};
use kit::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::StoreError;
use store::models::{MODELS_MAX, ModelPatch};
use utoipa::ToSchema;

use super::row::ModelRow;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, InvalidField, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// What is odd about a model that can be called all the same.
const WARNINGS: HeaderName = HeaderName::from_static("x-bulkhead-warnings");
/// Longest id that a caller may choose.
const ID_CHARS_MAX: usize = 256;
/// The public name of a team's own model.
const TEAM_NAME: &str = "team_public_model_name";

/// The name under which a team's own model is stored: no key can ask for it.
fn team_model_name(team: &str, unique: &str) -> String {
    format!("model_name_{team}_{unique}")
}

#[derive(Deserialize, ToSchema)]
pub struct NewModel {
    /// The name that clients send; models that share it share the load. May contain `*`.
    #[schema(example = "gpt-4o")]
    model_name: String,
    /// `model`, `api_key`, `api_base`, `litellm_credential_name` and what else `litellm_params` of config.yaml may hold.
    #[schema(value_type = Object, example = json!({"model": "openai/gpt-4o", "api_key": "sk-…"}))]
    litellm_params: Map<String, Value>,
    /// `id`, `team_id`, `access_groups`, `base_model`, prices and what else is to be shown.
    #[schema(value_type = Option<Object>)]
    model_info: Option<Map<String, Value>>,
    blocked: Option<bool>,
}

/// What to change. Parameters and facts are set one by one, null removes; a secret that is sent back as it was shown
/// stays.
#[derive(Deserialize, ToSchema)]
pub struct ChangedModel {
    model_name: Option<String>,
    #[schema(value_type = Option<Object>)]
    litellm_params: Option<Map<String, Value>>,
    /// With `id`, where the path does not name the model.
    #[schema(value_type = Option<Object>)]
    model_info: Option<Map<String, Value>>,
    blocked: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
pub struct NamedModel {
    id: Option<String>,
    /// The same.
    model_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedModel {
    message: String,
}

type Done = (Names, Names, Json<ModelRow>);

/// Add a model; every gateway has it within a second.
#[utoipa::path(
    post, path = "/model/new", tag = "models", operation_id = "createModel", request_body = NewModel,
    responses((status = 200, body = ModelRow), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NewModel>,
) -> Result<Done, ApiError> {
    stored_here(&state)?;
    let (actor, new) = (caller.actor(&state), input.value);
    let (mut info, blocked) = facts(new.model_info.unwrap_or_default(), new.blocked);
    let unique = new_id(actor.at, (state.rng)().as_mut()).to_string();
    let id = match info.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => id,
        None | Some(Value::Null) => unique.clone(),
        Some(other) => return Err(invalid("model_info.id", "Input should be a valid string", other)),
    };
    check_id(&state, &id)?;
    let name = match info.get("team_id").and_then(Value::as_str).filter(|team| !team.is_empty()) {
        Some(team) => {
            let stored = team_model_name(team, &unique);
            info.entry(TEAM_NAME).or_insert_with(|| new.model_name.clone().into());
            stored
        }
        None => new.model_name,
    };
    let model = Model {
        id,
        name,
        params: SecretMap::new(
            new.litellm_params.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        ),
        info,
        blocked: blocked.unwrap_or(false),
        created_at: actor.at,
        created_by: Some(actor.id.clone()),
        updated_at: actor.at,
        updated_by: Some(actor.id.clone()),
    };
    let warnings = check(&state, &model, &state.shared_values().await?)?;
    let created = state.store.models(&state.vault).create(&model, &actor).await;
    created.map_err(|error| match error {
        StoreError::Duplicate(_) => taken(&model.id),
        StoreError::TooMany(_) => {
            ApiError::bad("model_name", format!("There are {MODELS_MAX} models in the database already."))
        }
        other => other.into(),
    })?;
    Ok((input.ignored, warnings, Json(ModelRow::of(model))))
}

/// Change a model that `model_info.id` names.
#[utoipa::path(
    post, path = "/model/update", tag = "models", operation_id = "updateModel", request_body = ChangedModel,
    responses(
        (status = 200, body = ModelRow),
        (status = 404, description = "No such model", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<ChangedModel>,
) -> Result<Done, ApiError> {
    let id = input.value.model_info.as_ref().and_then(|info| info.get("id")?.as_str()).map(str::to_owned);
    let id =
        id.ok_or_else(|| ApiError::bad("model_info.id", "`model_info.id` says which model to change."))?;
    change(&state, &caller, &id, input).await
}

/// Change a model; every gateway calls it so within a second.
#[utoipa::path(
    patch, path = "/model/{model_id}/update", tag = "models", operation_id = "patchModel",
    params(("model_id" = String, Path)), request_body = ChangedModel,
    responses(
        (status = 200, body = ModelRow),
        (status = 404, description = "No such model", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn patch(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    input: Input<ChangedModel>,
) -> Result<Done, ApiError> {
    change(&state, &caller, &id, input).await
}

async fn change(
    state: &State,
    caller: &Caller,
    id: &str,
    input: Input<ChangedModel>,
) -> Result<Done, ApiError> {
    let changed = input.value;
    let (mut info, blocked) = facts(changed.model_info.unwrap_or_default(), changed.blocked);
    info.remove("id");
    let mut patch = ModelPatch {
        name: changed.model_name,
        params: changed.litellm_params.unwrap_or_default(),
        info,
        blocked,
    };
    let now = find(state, id).await?;
    let team = patch.info.get("team_id").map(|team| team.as_str().filter(|team| !team.is_empty()));
    if team.is_some_and(|team| team != now.team_id()) {
        let message = "A model cannot move to another team. Make a new one there and delete this one.";
        return Err(ApiError::bad("model_info.team_id", message));
    }
    // The stored name of a team's model stays; its keys send the public one.
    if let (Some(name), Some(_)) = (&patch.name, now.team_id()) {
        if *name != now.name {
            patch.info.insert(TEAM_NAME.into(), name.as_str().into());
        }
        patch.name = None;
    }
    let (warnings, model) = write(state, caller, id, patch).await?;
    Ok((input.ignored, warnings, Json(ModelRow::of(model))))
}

/// Delete a model of the database.
#[utoipa::path(
    post, path = "/model/delete", tag = "models", operation_id = "deleteModel", request_body = NamedModel,
    responses((status = 200, body = DeletedModel), Refusals),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedModel>,
) -> Result<(Names, Json<DeletedModel>), ApiError> {
    let id = input.value.id()?;
    changeable(&state, &id)?;
    if !state.store.models(&state.vault).delete(&id, &caller.actor(&state)).await? {
        return Err(ApiError::bad("id", format!("Model with id={id} not found in db")));
    }
    Ok((input.ignored, Json(DeletedModel { message: format!("Model: {id} deleted successfully") })))
}

/// Take a model out of the load without deleting it.
#[utoipa::path(
    post, path = "/model/block", tag = "models", operation_id = "blockModel", request_body = NamedModel,
    responses(
        (status = 200, body = ModelRow),
        (status = 404, description = "No such model", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn block(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedModel>,
) -> Result<(Names, Json<ModelRow>), ApiError> {
    Ok((input.ignored, Json(set_blocked(&state, &caller, input.value, true).await?)))
}

/// Let a blocked model take part again.
#[utoipa::path(
    post, path = "/model/unblock", tag = "models", operation_id = "unblockModel", request_body = NamedModel,
    responses(
        (status = 200, body = ModelRow),
        (status = 404, description = "No such model", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn unblock(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NamedModel>,
) -> Result<(Names, Json<ModelRow>), ApiError> {
    Ok((input.ignored, Json(set_blocked(&state, &caller, input.value, false).await?)))
}

async fn set_blocked(
    state: &State,
    caller: &Caller,
    named: NamedModel,
    blocked: bool,
) -> Result<ModelRow, ApiError> {
    let id = named.id()?;
    find(state, &id).await?;
    let patch = ModelPatch { blocked: Some(blocked), ..ModelPatch::default() };
    Ok(ModelRow::of(write(state, caller, &id, patch).await?.1))
}

impl NamedModel {
    fn id(self) -> Result<String, ApiError> {
        let id = self.id.or(self.model_id).filter(|id| !id.is_empty());
        id.ok_or_else(|| ApiError::bad("id", "`id` says which model is meant."))
    }
}

/// The model of the database that may be changed.
async fn find(state: &State, id: &str) -> Result<Model, ApiError> {
    changeable(state, id)?;
    state.store.models(&state.vault).get(id).await?.ok_or_else(|| missing(id))
}

async fn write(
    state: &State,
    caller: &Caller,
    id: &str,
    patch: ModelPatch,
) -> Result<(Names, Model), ApiError> {
    let shared = state.shared_values().await?;
    let mut warnings = None;
    let check = |model: &Model| check(state, model, &shared).map(|found| warnings = Some(found));
    let written = state.store.models(&state.vault).update(id, patch, check, &caller.actor(state)).await?;
    let model = written.ok_or_else(|| missing(id))??;
    Ok((warnings.unwrap_or_else(|| named(Vec::new())), model))
}

/// Reads the model as gateways will; what does not fit is told field by field.
fn check(state: &State, model: &Model, shared: &BTreeMap<String, SecretMap>) -> Result<Names, ApiError> {
    let told = |path: &str, message: String, help: Option<String>| InvalidField {
        kind: "value_error".into(),
        loc: ["body"]
            .into_iter()
            .chain(path.split('.').filter(|part| !part.is_empty()))
            .map(Value::from)
            .collect(),
        msg: help.map_or_else(|| message.clone(), |help| format!("{message}: {help}")),
        input: Value::Null,
    };
    match state.catalog.read(model, shared) {
        Ok(loaded) => {
            let warnings = loaded.warnings.into_iter();
            Ok(named(warnings.map(|warning| format!("{}: {}", warning.path, warning.message)).collect()))
        }
        Err(errors) => {
            let errors = errors.errors.into_iter();
            Err(ApiError::invalid(
                errors.map(|error| told(&error.path, error.message, error.suggestion)).collect(),
            ))
        }
    }
}

const fn named(names: Vec<String>) -> Names {
    Names { header: WARNINGS, names }
}

/// `blocked` is a column of its own, and the database says whose model it is.
fn facts(mut info: Map<String, Value>, blocked: Option<bool>) -> (Map<String, Value>, Option<bool>) {
    let inner = info.remove("blocked").and_then(|blocked| blocked.as_bool());
    for name in ["db_model", "created_at", "created_by", "updated_at", "updated_by"] {
        info.remove(name);
    }
    (info, blocked.or(inner))
}

fn check_id(state: &State, id: &str) -> Result<(), ApiError> {
    if id.chars().count() > ID_CHARS_MAX {
        return Err(ApiError::bad(
            "model_info.id",
            format!("An id takes {ID_CHARS_MAX} characters at most."),
        ));
    }
    if state.catalog.card(id).is_some() { Err(taken(id)) } else { Ok(()) }
}

fn stored_here(state: &State) -> Result<(), ApiError> {
    if state.catalog.settings.store_model_in_db {
        return Ok(());
    }
    let message = "Set `'STORE_MODEL_IN_DB='True'` in your env to enable this feature.";
    Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", None, message))
}

fn changeable(state: &State, id: &str) -> Result<(), ApiError> {
    stored_here(state)?;
    if state.catalog.card(id).is_none() {
        return Ok(());
    }
    let message = "Can't edit model. Model in config. Store model in db via `/model/new`. to edit.";
    Err(ApiError::bad("id", message))
}

fn missing(id: &str) -> ApiError {
    let message = format!("Model {id} not found on proxy.");
    ApiError::new(StatusCode::NOT_FOUND, "not_found_error", Some("model_id"), message)
}

fn taken(id: &str) -> ApiError {
    ApiError::bad("model_info.id", format!("A model with the id {id} exists already."))
}

fn invalid(path: &str, msg: &str, input: Value) -> ApiError {
    let loc = ["body"].into_iter().chain(path.split('.')).map(Value::from).collect();
    ApiError::invalid(vec![InvalidField { kind: "string_type".into(), loc, msg: msg.into(), input }])
}
