use axum::Json;
use axum::extract::State as Extract;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::Shared;

/// What a dashboard asks before anybody has signed in.
#[derive(Default, Serialize, ToSchema)]
pub struct UiConfig {
    server_root_path: String,
    proxy_base_url: Option<String>,
    auto_redirect_to_sso: bool,
    admin_ui_disabled: bool,
    sso_configured: bool,
    hide_default_credentials_hint: bool,
    is_control_plane: bool,
    mcp_stdio_enabled: bool,
    workers: Vec<String>,
}

/// What a dashboard asks before anybody has signed in.
#[utoipa::path(
    get, path = "/.well-known/litellm-ui-config", tag = "settings", operation_id = "getUiConfig",
    responses((status = 200, body = UiConfig)), security(()),
)]
pub async fn config(Extract(state): Extract<Shared>) -> Json<UiConfig> {
    let root = if state.root_path.is_none() { "/" } else { state.root_path.as_str() };
    Json(UiConfig { server_root_path: root.to_owned(), ..UiConfig::default() })
}

/// The same under its other name.
#[utoipa::path(
    get, path = "/litellm/.well-known/litellm-ui-config", tag = "settings", operation_id = "getUiConfigOther",
    responses((status = 200, body = UiConfig)), security(()),
)]
pub async fn config_of_litellm(state: Extract<Shared>) -> Json<UiConfig> {
    config(state).await
}
