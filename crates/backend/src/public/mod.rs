//! What anybody may ask: which providers there are, what models cost, what was made public.

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use domain::providers::{KNOWN, Provider, Wire};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Shared;

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(providers))
        .routes(routes!(fields))
        .routes(routes!(endpoints))
        .routes(routes!(cost_map))
        .routes(routes!(model_hub))
        .routes(routes!(model_hub_info))
        .routes(routes!(agent_hub))
        .routes(routes!(agent_fields))
        .routes(routes!(mcp_hub))
        .routes(routes!(skill_hub))
        .routes(routes!(blog_posts))
        .routes(routes!(router_presets))
        .routes(routes!(fuse_presets))
        .routes(routes!(scorer_defaults))
}

/// Those that can be called.
fn callable() -> impl Iterator<Item = &'static Provider> {
    KNOWN.iter().filter(|provider| provider.wire != Wire::NotYet)
}

/// Names of the providers that models can be of.
#[utoipa::path(
    get, path = "/public/providers", tag = "public", operation_id = "listProviders",
    responses((status = 200, body = Vec<String>)), security(()),
)]
pub async fn providers() -> Json<Vec<&'static str>> {
    Json(callable().map(|provider| provider.name).collect())
}

/// What a model of a provider needs.
#[derive(Serialize, ToSchema)]
pub struct ProviderFields {
    /// What a model's name begins with, before its slash.
    provider: &'static str,
    provider_display_name: &'static str,
    litellm_provider: &'static str,
    credential_fields: Vec<CredentialField>,
    default_model_placeholder: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CredentialField {
    /// Name in `litellm_params`.
    key: &'static str,
    label: &'static str,
    placeholder: Option<&'static str>,
    /// The environment variable that is read without it.
    tooltip: Option<String>,
    required: bool,
    /// `text` or `password`.
    field_type: &'static str,
    options: Option<Vec<String>>,
    default_value: Option<&'static str>,
}

impl ProviderFields {
    fn of(provider: &'static Provider) -> Self {
        let from = |names: &[&str]| (!names.is_empty()).then(|| format!("Without it: {}", names.join(", ")));
        let key = CredentialField {
            key: "api_key",
            label: "API key",
            placeholder: None,
            tooltip: from(provider.key_env),
            required: provider.key_suffices,
            field_type: "password",
            options: None,
            default_value: None,
        };
        let base = CredentialField {
            key: "api_base",
            label: "API base",
            placeholder: Some("https://…"),
            tooltip: from(provider.base_env),
            required: provider.base_url.is_none(),
            field_type: "text",
            options: None,
            default_value: provider.base_url,
        };
        let credential_fields = if provider.wire == Wire::Demo { Vec::new() } else { vec![key, base] };
        Self {
            provider: provider.name,
            provider_display_name: provider.title,
            litellm_provider: provider.name,
            credential_fields,
            default_model_placeholder: None,
        }
    }
}

/// What a model of each provider needs.
#[utoipa::path(
    get, path = "/public/providers/fields", tag = "public", operation_id = "listProviderFields",
    responses((status = 200, body = Vec<ProviderFields>)), security(()),
)]
pub async fn fields() -> Json<Vec<ProviderFields>> {
    Json(callable().map(ProviderFields::of).collect())
}

#[derive(Serialize, ToSchema)]
pub struct Endpoints {
    endpoints: Vec<EndpointView>,
}

/// A path of gateways, and what it speaks.
#[derive(Serialize, ToSchema)]
pub struct EndpointView {
    endpoint: &'static str,
    label: &'static str,
    providers: Vec<&'static str>,
}

/// What gateways answer.
#[utoipa::path(
    get, path = "/public/endpoints", tag = "public", operation_id = "listEndpoints",
    responses((status = 200, body = Endpoints)), security(()),
)]
pub async fn endpoints() -> Json<Endpoints> {
    let served = [
        ("/chat/completions", "OpenAI chat completions"),
        ("/completions", "OpenAI completions"),
        ("/embeddings", "OpenAI embeddings"),
        ("/messages", "Anthropic messages"),
    ];
    let view = |(endpoint, label)| {
        let providers = callable().map(|provider| provider.name).collect();
        EndpointView { endpoint, label, providers }
    };
    Json(Endpoints { endpoints: served.map(view).into() })
}

/// The price book by model, under the surface's names; a provider's own model has its provider before a slash.
#[utoipa::path(
    get, path = "/public/litellm_model_cost_map", tag = "public", operation_id = "getCostMap",
    responses((status = 200, body = Object)), security(()),
)]
pub async fn cost_map(Extract(state): Extract<Shared>) -> Response {
    ([(CONTENT_TYPE, "application/json")], (state.catalog.cost_map)()).into_response()
}

/// Models that were made public: none can be yet.
#[utoipa::path(
    get, path = "/public/model_hub", tag = "public", operation_id = "getModelHub",
    responses((status = 200, body = Vec<String>)), security(()),
)]
pub async fn model_hub() -> Json<Vec<String>> {
    Json(Vec::new())
}

#[derive(Serialize, ToSchema)]
pub struct HubInfo {
    docs_title: &'static str,
    custom_docs_description: Option<String>,
    /// Bulkhead's version.
    litellm_version: &'static str,
    #[schema(value_type = Object)]
    useful_links: Map<String, Value>,
}

/// What the product calls itself.
#[utoipa::path(
    get, path = "/public/model_hub/info", tag = "public", operation_id = "getModelHubInfo",
    responses((status = 200, body = HubInfo)), security(()),
)]
pub async fn model_hub_info(Extract(state): Extract<Shared>) -> Json<HubInfo> {
    Json(HubInfo {
        docs_title: "Bulkhead",
        custom_docs_description: None,
        litellm_version: state.version,
        useful_links: Map::new(),
    })
}

/// Describes a list of what does not exist here.
macro_rules! empty_list {
    ($(#[$about:meta])* $name:ident, $path:literal, $id:literal) => {
        $(#[$about])*
        #[utoipa::path(
            get, path = $path, tag = "public", operation_id = $id,
            responses((status = 200, body = Vec<String>)), security(()),
        )]
        pub async fn $name() -> Json<Vec<String>> {
            Json(Vec::new())
        }
    };
}

empty_list! {
    /// Agents that were made public: there are none.
    agent_hub, "/public/agent_hub", "getAgentHub"
}
empty_list! {
    /// What agents need: there are none.
    agent_fields, "/public/agents/fields", "getAgentFields"
}
empty_list! {
    /// MCP servers that were made public: there are none.
    mcp_hub, "/public/mcp_hub", "getMcpHub"
}
empty_list! {
    /// Skills that were made public: there are none.
    skill_hub, "/public/skill_hub", "getSkillHub"
}
empty_list! {
    /// Settings to begin with of a router by complexity: there is none.
    router_presets, "/public/autorouter_presets", "getRouterPresets"
}
empty_list! {
    /// Settings to begin with of a router by complexity: there is none.
    fuse_presets, "/public/complexity_router/fuse_presets", "getFusePresets"
}

/// Settings of a router by complexity: there is none.
#[utoipa::path(
    get, path = "/public/complexity_router/scorer_defaults", tag = "public", operation_id = "getScorerDefaults",
    responses((status = 200, body = Object)), security(()),
)]
pub async fn scorer_defaults() -> Json<Map<String, Value>> {
    Json(Map::new())
}

#[derive(Serialize, ToSchema)]
pub struct BlogPosts {
    posts: Vec<String>,
}

/// News of the reference's makers: Bulkhead asks nobody outside.
#[utoipa::path(
    get, path = "/public/litellm_blog_posts", tag = "public", operation_id = "getBlogPosts",
    responses((status = 200, body = BlogPosts)), security(()),
)]
pub async fn blog_posts() -> Json<BlogPosts> {
    Json(BlogPosts { posts: Vec::new() })
}
