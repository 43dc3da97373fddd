//! Callbacks and alerts that act. There are no callbacks yet, whatever the configuration names.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::not_here;
use super::router::current;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Input;
use crate::state::{Shared, State};

/// Callbacks by when they are called.
#[derive(Default, Serialize, ToSchema)]
pub struct Callbacks {
    success: Vec<String>,
    failure: Vec<String>,
    success_and_failure: Vec<String>,
}

/// The callbacks that act: none yet.
#[utoipa::path(
    get, path = "/callbacks/list", tag = "settings", operation_id = "listCallbacks",
    responses((status = 200, body = Callbacks), Refusals),
)]
pub async fn list() -> Json<Callbacks> {
    Json(Callbacks::default())
}

/// The kinds of callbacks that there are: none yet.
#[utoipa::path(
    get, path = "/callbacks/configs", tag = "settings", operation_id = "listCallbackKinds",
    responses((status = 200, body = Vec<BTreeMap<String, String>>), Refusals),
)]
pub async fn kinds() -> Json<Vec<BTreeMap<String, String>>> {
    Json(Vec::new())
}

/// Callbacks by the list that the configuration would name them in.
#[derive(Default, Serialize, ToSchema)]
pub struct ActiveCallbacks {
    alerting: Vec<String>,
    #[serde(rename = "litellm.callbacks")]
    callbacks: Vec<String>,
    #[serde(rename = "litellm.input_callback")]
    input: Vec<String>,
    #[serde(rename = "litellm.failure_callback")]
    failure: Vec<String>,
    #[serde(rename = "litellm.success_callback")]
    success: Vec<String>,
    num_callbacks: usize,
    num_alerting: usize,
}

/// The callbacks and alerts that act. There are no callbacks yet.
#[utoipa::path(
    get, path = "/active/callbacks", tag = "settings", operation_id = "listActiveCallbacks",
    responses((status = 200, body = ActiveCallbacks), Refusals),
)]
pub async fn active(Extract(state): Extract<Shared>) -> Json<ActiveCallbacks> {
    let alerting = alerts(&state);
    Json(ActiveCallbacks { num_alerting: alerting.len(), alerting, ..ActiveCallbacks::default() })
}

/// Each kind of channel once.
fn alerts(state: &State) -> Vec<String> {
    let kinds = state.alerts.iter().map(|channel| channel.format.as_str()).collect::<BTreeSet<_>>();
    kinds.into_iter().map(str::to_owned).collect()
}

/// The callbacks and alerts that act, under their other name.
#[utoipa::path(
    get, path = "/settings", tag = "settings", operation_id = "listActiveSettings",
    responses((status = 200, body = ActiveCallbacks), Refusals),
)]
pub async fn settings(state: Extract<Shared>) -> Json<ActiveCallbacks> {
    active(state).await
}

/// The settings of alerts that can be changed here: none, they are in the configuration.
#[utoipa::path(
    get, path = "/alerting/settings", tag = "settings", operation_id = "listAlertingSettings",
    responses((status = 200, body = Vec<BTreeMap<String, String>>), Refusals),
)]
pub async fn alerting() -> Json<Vec<BTreeMap<String, String>>> {
    Json(Vec::new())
}

#[derive(Serialize, ToSchema)]
pub struct ConfiguredCallbacks {
    status: &'static str,
    callbacks: Vec<String>,
    alerts: Vec<String>,
    #[schema(value_type = Object)]
    router_settings: Map<String, Value>,
    #[schema(value_type = Object)]
    available_callbacks: Map<String, Value>,
}

/// Callbacks, alerts and router settings that act.
#[utoipa::path(
    get, path = "/get/config/callbacks", tag = "settings", operation_id = "getCallbacks",
    responses((status = 200, body = ConfiguredCallbacks), Refusals),
)]
pub async fn configured(Extract(state): Extract<Shared>) -> Json<ConfiguredCallbacks> {
    Json(ConfiguredCallbacks {
        status: "success",
        callbacks: Vec::new(),
        alerts: alerts(&state),
        router_settings: current(&state),
        available_callbacks: Map::new(),
    })
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"callback_name": "langfuse"}))]
pub struct DeleteCallback {
    callback_name: String,
}

/// Refused: there are no callbacks yet.
#[utoipa::path(
    post, path = "/config/callback/delete", tag = "settings", operation_id = "deleteCallback",
    request_body = DeleteCallback,
    responses((status = 200, body = Callbacks), Refusals),
)]
pub async fn delete(input: Input<DeleteCallback>) -> Result<Json<Callbacks>, ApiError> {
    let name = input.value.callback_name;
    Err(not_here("callback_name", &format!("There is no callback `{name}`: Bulkhead has none yet.")))
}
