use ::config::SettingFact;
use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{OF_THE_FILE, not_here};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Params};
use crate::state::{Shared, State};

const GENERAL: &str = "general_settings";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConfigQuery {
    /// `general_settings` (default), `litellm_settings`, `router_settings` or `bulkhead_settings`.
    config_type: Option<String>,
}

/// One setting.
#[derive(Serialize, ToSchema)]
pub struct SettingView {
    field_name: &'static str,
    field_type: &'static str,
    field_description: &'static str,
    /// As the file has it, with secrets masked; null when it has none.
    #[schema(value_type = Value)]
    field_value: Value,
    /// Settings are never in the database.
    stored_in_db: bool,
    #[schema(value_type = Option<Object>)]
    field_default_value: Option<Value>,
    #[schema(value_type = Option<Vec<Object>>)]
    nested_fields: Option<Vec<Value>>,
    /// `config` or `default`.
    source: &'static str,
    editable: bool,
    /// Whether Bulkhead does what it says.
    acts: bool,
}

impl SettingView {
    fn of(fact: &SettingFact) -> Self {
        Self {
            field_name: fact.name,
            field_type: fact.kind,
            field_description: fact.about,
            field_value: fact.value.clone().unwrap_or_default(),
            stored_in_db: false,
            field_default_value: None,
            nested_fields: None,
            source: source(fact),
            editable: false,
            acts: fact.acts,
        }
    }
}

pub fn source(fact: &SettingFact) -> &'static str {
    if fact.value.is_some() { "config" } else { "default" }
}

pub fn of_section<'s>(state: &'s State, section: &'s str) -> impl Iterator<Item = &'s SettingFact> {
    state.settings.iter().filter(move |fact| fact.section == section)
}

/// The settings of one section: what the file says of each, and whether it acts.
#[utoipa::path(
    get, path = "/config/list", tag = "settings", operation_id = "listSettings", params(ConfigQuery),
    responses((status = 200, body = Vec<SettingView>), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    Params(query): Params<ConfigQuery>,
) -> Result<Json<Vec<SettingView>>, ApiError> {
    let section = query.config_type.as_deref().unwrap_or(GENERAL);
    check_section(section)?;
    Ok(Json(of_section(&state, section).map(SettingView::of).collect()))
}

fn check_section(section: &str) -> Result<(), ApiError> {
    let known = [GENERAL, "litellm_settings", "router_settings", "bulkhead_settings"];
    if known.contains(&section) {
        return Ok(());
    }
    Err(ApiError::plain("config_type", format!("`config_type` is one of {}.", known.join(", "))))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FieldQuery {
    field_name: String,
}

#[derive(Serialize, ToSchema)]
pub struct FieldInfo {
    field_name: &'static str,
    /// As the file has it, with secrets masked; null when it has none.
    #[schema(value_type = Value)]
    field_value: Value,
}

/// One of the general settings.
#[utoipa::path(
    get, path = "/config/field/info", tag = "settings", operation_id = "getSetting", params(FieldQuery),
    responses((status = 200, body = FieldInfo), (status = 404, description = "No such setting", body = ErrorBody), Refusals),
)]
pub async fn info(
    Extract(state): Extract<Shared>,
    Params(query): Params<FieldQuery>,
) -> Result<Json<FieldInfo>, ApiError> {
    let fact = general(&state, &query.field_name)?;
    Ok(Json(FieldInfo { field_name: fact.name, field_value: fact.value.clone().unwrap_or_default() }))
}

fn general<'s>(state: &'s State, name: &str) -> Result<&'s SettingFact, ApiError> {
    of_section(state, GENERAL).find(|fact| fact.name == name).ok_or_else(|| {
        ApiError::missing("field_name", format!("Invalid field={name} passed in: no such general setting."))
    })
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"field_name": "max_request_size_mb", "field_value": 50, "config_type": "general_settings"}))]
pub struct SetField {
    field_name: String,
    #[serde(default, rename = "field_value")]
    #[schema(value_type = Value)]
    _field_value: Value,
    config_type: Option<String>,
}

/// Refused: settings come from the file and the environment.
#[utoipa::path(
    post, path = "/config/field/update", tag = "settings", operation_id = "setSetting", request_body = SetField,
    responses((status = 200, body = FieldInfo), (status = 404, description = "No such setting", body = ErrorBody), Refusals),
)]
pub async fn set(
    Extract(state): Extract<Shared>,
    input: Input<SetField>,
) -> Result<Json<FieldInfo>, ApiError> {
    Err(refused(&state, &input.value.field_name, input.value.config_type.as_deref()))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"field_name": "max_request_size_mb", "config_type": "general_settings"}))]
pub struct UnsetField {
    field_name: String,
    config_type: Option<String>,
}

/// Refused: settings come from the file and the environment.
#[utoipa::path(
    post, path = "/config/field/delete", tag = "settings", operation_id = "unsetSetting", request_body = UnsetField,
    responses((status = 200, body = FieldInfo), (status = 404, description = "No such setting", body = ErrorBody), Refusals),
)]
pub async fn unset(
    Extract(state): Extract<Shared>,
    input: Input<UnsetField>,
) -> Result<Json<FieldInfo>, ApiError> {
    Err(refused(&state, &input.value.field_name, input.value.config_type.as_deref()))
}

fn refused(state: &State, name: &str, section: Option<&str>) -> ApiError {
    let known = check_section(section.unwrap_or(GENERAL)).and_then(|()| general(state, name).map(|_| ()));
    known.err().unwrap_or_else(|| not_here("field_name", OF_THE_FILE))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"router_settings": {"num_retries": 3}}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct UpdateConfig {
    #[schema(value_type = Option<Object>)]
    general_settings: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    litellm_settings: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    router_settings: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    environment_variables: Option<Map<String, Value>>,
}

#[derive(Serialize, ToSchema)]
pub struct Updated {
    message: String,
}

/// Refused: settings come from the file and the environment.
#[utoipa::path(
    post, path = "/config/update", tag = "settings", operation_id = "updateConfig", request_body = UpdateConfig,
    responses((status = 200, body = Updated), Refusals),
)]
pub async fn update(input: Input<UpdateConfig>) -> Result<Json<Updated>, ApiError> {
    let section = input.raw.keys().next().map_or("general_settings", String::as_str);
    Err(not_here(section, OF_THE_FILE))
}
