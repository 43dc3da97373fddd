//! Settings of what Bulkhead does not have yet: read as empty, refused when written.

use axum::Json;
use axum::extract::Path;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::documents::{DocumentChanged, DocumentView};
use super::{OF_THE_FILE, not_here};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Params};

type Fields = Map<String, Value>;

fn nothing(about: &str) -> Json<DocumentView> {
    Json(DocumentView { values: Map::new(), field_schema: json!({"description": about, "properties": {}}) })
}

/// Describes routes of a kind of settings that does not exist here.
macro_rules! absent_settings {
    ($(#[$about_read:meta])* $read:ident, $get:literal, $read_id:literal;
     $(#[$about_write:meta])* $write:ident, $update:literal, $write_id:literal; $why:expr) => {
        $(#[$about_read])*
        #[utoipa::path(
            get, path = $get, tag = "settings", operation_id = $read_id,
            responses((status = 200, body = DocumentView), Refusals),
        )]
        pub async fn $read() -> Json<DocumentView> {
            nothing($why)
        }

        $(#[$about_write])*
        #[utoipa::path(
            patch, path = $update, tag = "settings", operation_id = $write_id, request_body = Object,
            responses((status = 200, body = DocumentChanged), Refusals),
        )]
        pub async fn $write(input: Input<Fields>) -> Result<Json<DocumentChanged>, ApiError> {
            Err(not_here(first(&input.raw), $why))
        }
    };
}

fn first(fields: &Fields) -> &str {
    fields.keys().next().map_or("body", String::as_str)
}

const NO_MCP: &str = "There are no MCP servers yet.";

absent_settings! {
    /// Settings of single sign-on: there is none yet.
    sso, "/get/sso_settings", "getSsoSettings";
    /// Refused: there is no single sign-on yet.
    set_sso, "/update/sso_settings", "setSsoSettings";
    "There is no single sign-on yet."
}
absent_settings! {
    /// Settings of a filter of tools: there are no MCP servers yet.
    mcp_filter, "/get/mcp_semantic_filter_settings", "getMcpSemanticFilterSettings";
    /// Refused: there are no MCP servers yet.
    set_mcp_filter, "/update/mcp_semantic_filter_settings", "setMcpSemanticFilterSettings";
    NO_MCP
}
absent_settings! {
    /// Settings of a search for tools: there are no MCP servers yet.
    mcp_search, "/get/mcp_tool_search_settings", "getMcpToolSearchSettings";
    /// Refused: there are no MCP servers yet.
    set_mcp_search, "/update/mcp_tool_search_settings", "setMcpToolSearchSettings";
    NO_MCP
}
absent_settings! {
    /// Settings of web searches for models: there are none.
    web_search, "/get/websearch_interception_settings", "getWebsearchInterceptionSettings";
    /// Refused: Bulkhead does not search the web for models.
    set_web_search, "/update/websearch_interception_settings", "setWebsearchInterceptionSettings";
    "Bulkhead does not search the web for models."
}

const PRICES: &str =
    "Prices are those of the price book and of the models' own settings; nothing is added or taken off.";

#[derive(Serialize, ToSchema)]
pub struct CostRules {
    /// By provider.
    #[schema(value_type = Object)]
    values: Fields,
}

/// Discounts by provider: none.
#[utoipa::path(
    get, path = "/config/cost_discount_config", tag = "settings", operation_id = "getCostDiscounts",
    responses((status = 200, body = CostRules), Refusals),
)]
pub async fn discounts() -> Json<CostRules> {
    Json(CostRules { values: Map::new() })
}

/// Refused: there are no discounts; a model's own price says what it costs.
#[utoipa::path(
    patch, path = "/config/cost_discount_config", tag = "settings", operation_id = "setCostDiscounts", request_body = Object,
    responses((status = 200, body = CostRules), Refusals),
)]
pub async fn set_discounts(input: Input<Fields>) -> Result<Json<CostRules>, ApiError> {
    Err(not_here(first(&input.raw), PRICES))
}

/// Margins by provider: none.
#[utoipa::path(
    get, path = "/config/cost_margin_config", tag = "settings", operation_id = "getCostMargins",
    responses((status = 200, body = CostRules), Refusals),
)]
pub async fn margins() -> Json<CostRules> {
    Json(CostRules { values: Map::new() })
}

/// Refused: there are no margins; a model's own price says what it costs.
#[utoipa::path(
    patch, path = "/config/cost_margin_config", tag = "settings", operation_id = "setCostMargins", request_body = Object,
    responses((status = 200, body = CostRules), Refusals),
)]
pub async fn set_margins(input: Input<Fields>) -> Result<Json<CostRules>, ApiError> {
    Err(not_here(first(&input.raw), PRICES))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"enabled": true}))]
pub struct Unpriced {
    enabled: bool,
}

/// Whether models without a price are refused: they are not.
#[utoipa::path(
    get, path = "/config/block_requests_for_models_without_pricing", tag = "settings", operation_id = "getUnpriced",
    responses((status = 200, body = Unpriced), Refusals),
)]
pub async fn unpriced() -> Json<Unpriced> {
    Json(Unpriced { enabled: false })
}

/// Refused unless it says false: gateways let models without a price through.
#[utoipa::path(
    patch, path = "/config/block_requests_for_models_without_pricing", tag = "settings", operation_id = "setUnpriced",
    request_body = Unpriced,
    responses((status = 200, body = Unpriced), Refusals),
)]
pub async fn set_unpriced(input: Input<Unpriced>) -> Result<Json<Unpriced>, ApiError> {
    if input.value.enabled {
        return Err(not_here("enabled", "Gateways do not refuse models without a price yet."));
    }
    Ok(Json(Unpriced { enabled: false }))
}

const NO_PASS_THROUGH: &str = "There are no pass-through endpoints yet.";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "there is nothing to find")]
pub struct EndpointQuery {
    endpoint_id: Option<String>,
}

#[derive(Default, Serialize, ToSchema)]
pub struct Endpoints {
    #[schema(value_type = Vec<Object>)]
    endpoints: Vec<Fields>,
}

/// Pass-through endpoints: none yet.
#[utoipa::path(
    get, path = "/config/pass_through_endpoint", tag = "settings", operation_id = "listPassThroughEndpoints",
    params(EndpointQuery),
    responses((status = 200, body = Endpoints), Refusals),
)]
pub async fn endpoints(_: Params<EndpointQuery>) -> Json<Endpoints> {
    Json(Endpoints::default())
}

/// Pass-through endpoints of a team: none yet.
#[utoipa::path(
    get, path = "/config/pass_through_endpoint/team/{team_id}", tag = "settings",
    operation_id = "listPassThroughEndpointsOfTeam", params(("team_id" = String, Path)),
    responses((status = 200, body = Endpoints), Refusals),
)]
pub async fn endpoints_of_team(_: Path<String>) -> Json<Endpoints> {
    Json(Endpoints::default())
}

/// Refused: there are no pass-through endpoints yet.
#[utoipa::path(
    post, path = "/config/pass_through_endpoint", tag = "settings", operation_id = "createPassThroughEndpoint",
    request_body = Object,
    responses((status = 200, body = Endpoints), Refusals),
)]
pub async fn create_endpoint(_: Input<Fields>) -> Result<Json<Endpoints>, ApiError> {
    Err(not_here("path", NO_PASS_THROUGH))
}

/// Refused: there are no pass-through endpoints yet.
#[utoipa::path(
    post, path = "/config/pass_through_endpoint/{endpoint_id}", tag = "settings", operation_id = "updatePassThroughEndpoint",
    params(("endpoint_id" = String, Path)), request_body = Object,
    responses((status = 200, body = Endpoints), (status = 404, description = "There is none", body = ErrorBody), Refusals),
)]
pub async fn update_endpoint(_: Path<String>, _: Input<Fields>) -> Result<Json<Endpoints>, ApiError> {
    Err(ApiError::missing("endpoint_id", NO_PASS_THROUGH))
}

/// Refused: there are no pass-through endpoints yet.
#[utoipa::path(
    delete, path = "/config/pass_through_endpoint", tag = "settings", operation_id = "deletePassThroughEndpoint",
    params(EndpointQuery),
    responses((status = 200, body = Endpoints), (status = 404, description = "There is none", body = ErrorBody), Refusals),
)]
pub async fn delete_endpoint(_: Params<EndpointQuery>) -> Result<Json<Endpoints>, ApiError> {
    Err(ApiError::missing("endpoint_id", NO_PASS_THROUGH))
}

/// Tells where settings are: this route is open to everybody.
#[utoipa::path(
    get, path = "/config/yaml", tag = "settings", operation_id = "getConfigYaml",
    responses((status = 200, body = Object)), security(()),
)]
pub async fn yaml() -> Json<Value> {
    Json(json!({"message": "What is configured is at /config/list, for administrators."}))
}

#[derive(Serialize, ToSchema)]
pub struct ProviderBudgets {
    /// By provider.
    #[schema(value_type = Object)]
    providers: Fields,
}

/// Budgets of providers: none yet.
#[utoipa::path(
    get, path = "/provider/budgets", tag = "settings", operation_id = "listProviderBudgets",
    responses((status = 200, body = ProviderBudgets), Refusals),
)]
pub async fn provider_budgets() -> Json<ProviderBudgets> {
    Json(ProviderBudgets { providers: Map::new() })
}

/// Settings of the Redis through which processes would agree: they agree through the database.
#[utoipa::path(
    get, path = "/coordination_redis/settings", tag = "settings", operation_id = "getCoordinationRedis",
    responses((status = 200, body = DocumentView), Refusals),
)]
pub async fn coordination() -> Json<DocumentView> {
    nothing("Gateways and backends agree through the database.")
}

/// Refused: processes agree through the database.
#[utoipa::path(
    post, path = "/coordination_redis/settings", tag = "settings", operation_id = "setCoordinationRedis", request_body = Object,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn set_coordination(input: Input<Fields>) -> Result<Json<DocumentChanged>, ApiError> {
    Err(not_here(first(&input.raw), OF_THE_FILE))
}

/// Refused: there is no such Redis to try.
#[utoipa::path(
    post, path = "/coordination_redis/settings/test", tag = "settings", operation_id = "testCoordinationRedis",
    request_body = Object,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn test_coordination(input: Input<Fields>) -> Result<Json<DocumentChanged>, ApiError> {
    Err(not_here(first(&input.raw), "Gateways and backends agree through the database; no Redis is tried."))
}

/// Of the cache's Redis: there is no cache yet.
#[utoipa::path(
    get, path = "/cache/redis/info", tag = "settings", operation_id = "getCacheRedis",
    responses((status = 200, body = Object), (status = 404, description = "There is no cache", body = ErrorBody), Refusals),
)]
pub async fn cache_redis() -> Result<Json<Value>, ApiError> {
    Err(ApiError::missing("cache", "Cache not initialized: Bulkhead does not cache answers yet."))
}
