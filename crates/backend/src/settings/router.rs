use std::collections::BTreeMap;

use ::config::SettingFact;
use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::config::{of_section, source};
use crate::http::error::{ApiError, Refusals};
use crate::state::{Shared, State};

const SECTION: &str = "router_settings";
const STRATEGY: &str = "simple-shuffle";

/// One setting of the router that acts.
#[derive(Serialize, ToSchema)]
pub struct RouterField {
    field_name: &'static str,
    field_type: &'static str,
    /// What it is now.
    #[schema(value_type = Value)]
    field_value: Value,
    field_description: &'static str,
    #[schema(value_type = Value)]
    field_default: Value,
    options: Option<Vec<&'static str>>,
    ui_field_name: String,
    link: Option<String>,
}

/// Settings of the router, without what they are now.
#[derive(Serialize, ToSchema)]
pub struct RouterFields {
    fields: Vec<RouterField>,
    routing_strategy_descriptions: BTreeMap<&'static str, &'static str>,
    routing_group_strategies: Vec<&'static str>,
}

/// Settings of the router.
#[derive(Serialize, ToSchema)]
pub struct RouterSettings {
    #[serde(flatten)]
    described: RouterFields,
    #[schema(value_type = Object)]
    current_values: Map<String, Value>,
    /// Of each: `config` or `default`.
    source: BTreeMap<&'static str, &'static str>,
}

/// The router's settings that act: what they are, and where from.
#[utoipa::path(
    get, path = "/router/settings", tag = "settings", operation_id = "getRouterSettings",
    responses((status = 200, body = RouterSettings), Refusals),
)]
pub async fn settings(Extract(state): Extract<Shared>) -> Result<Json<RouterSettings>, ApiError> {
    let current_values = current(&state);
    let source = acting(&state).map(|fact| (fact.name, source(fact))).collect();
    Ok(Json(RouterSettings { described: describe(&state, &current_values), current_values, source }))
}

/// The router's settings that act, without what they are now.
#[utoipa::path(
    get, path = "/router/fields", tag = "settings", operation_id = "getRouterFields",
    responses((status = 200, body = RouterFields), Refusals),
)]
pub async fn fields(Extract(state): Extract<Shared>) -> Result<Json<RouterFields>, ApiError> {
    Ok(Json(describe(&state, &Map::new())))
}

fn acting(state: &State) -> impl Iterator<Item = &SettingFact> {
    of_section(state, SECTION).filter(|fact| fact.acts)
}

fn describe(state: &State, current: &Map<String, Value>) -> RouterFields {
    let defaults = values(&::config::Settings::default());
    let field = |fact: &SettingFact| RouterField {
        field_name: fact.name,
        field_type: fact.kind,
        field_value: current.get(fact.name).cloned().unwrap_or_default(),
        field_description: fact.about,
        field_default: defaults.get(fact.name).cloned().unwrap_or_default(),
        options: (fact.name == "routing_strategy").then(|| vec![STRATEGY]),
        ui_field_name: fact.name.replace('_', " "),
        link: None,
    };
    RouterFields {
        fields: acting(state).map(field).collect(),
        routing_strategy_descriptions: BTreeMap::from([(
            STRATEGY,
            "Spreads requests at random by the weights of the deployments (rpm, tpm or weight).",
        )]),
        routing_group_strategies: Vec::new(),
    }
}

/// What acts now, whether the file says so or not.
pub fn current(state: &State) -> Map<String, Value> {
    values(&state.catalog.settings)
}

fn values(settings: &::config::Settings) -> Map<String, Value> {
    let seconds = |time: std::time::Duration| time.as_secs_f64();
    let aliases = settings
        .model_group_alias
        .iter()
        .map(|(name, alias)| (name.clone(), json!({"model": alias.group, "hidden": alias.hidden})));
    let values = json!({
        "allowed_fails": settings.allowed_fails,
        "connect_timeout": seconds(settings.connect_timeout),
        "cooldown_time": seconds(settings.cooldown_time),
        "disable_cooldowns": settings.disable_cooldowns,
        "first_byte_timeout": settings.first_byte_timeout.map(seconds),
        "idle_timeout": seconds(settings.idle_timeout),
        "model_group_alias": aliases.collect::<Map<_, _>>(),
        "num_retries": settings.num_retries,
        "retry_after": seconds(settings.retry_after),
        "routing_strategy": STRATEGY,
        "stream_timeout": settings.stream_timeout.map(seconds),
        "timeout": seconds(settings.request_timeout),
        "total_timeout": seconds(settings.total_timeout),
    });
    match values {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
