//! What the dashboard looks like and says.

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::documents::Shape::{Flag, Text, Texts};
use super::documents::{Document, DocumentChanged, DocumentView, acting, kept};
use super::not_here;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

const THEME: Document = Document {
    name: "ui_theme_config",
    about: "Theme settings",
    fields: &[
        acting("logo_url", Text, "Address of the logo that /get_image sends on to"),
        acting("favicon_url", Text, "Address of the icon that /get_favicon sends on to"),
    ],
};

const PAGES: Document = Document {
    name: "ui_settings",
    about: "UI settings",
    fields: &[
        kept("disable_model_add_for_internal_users", Flag, "Internal users add no models"),
        kept("disable_team_admin_delete_team_user", Flag, "Team admins delete no members"),
        kept("disable_agents_for_internal_users", Flag, "Internal users see no agents"),
        kept("enable_projects_ui", Flag, "Show projects"),
        kept("enabled_ui_pages_internal_users", Texts, "Pages that internal users see; null is all"),
        kept("require_auth_for_public_ai_hub", Flag, "The public hub needs a key"),
        kept("forward_client_headers_to_llm_api", Flag, "Headers of clients go to providers"),
    ],
};

const BANNER: Document = Document {
    name: "user_banner",
    about: "Banner",
    fields: &[
        acting("enabled", Flag, "Whether users see it"),
        acting("message", Text, "What it says"),
        acting("severity", Text, "info, warning or error"),
        acting("revision", Text, "Another one is shown also to those who closed the last"),
    ],
};

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"logo_url": "https://example.com/logo.png"}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct SetTheme {
    /// `https://…` or `http://…`.
    logo_url: Option<String>,
    /// `https://…` or `http://…`.
    favicon_url: Option<String>,
}

/// The theme, which is shown before anybody has signed in.
#[utoipa::path(
    get, path = "/get/ui_theme_settings", tag = "settings", operation_id = "getTheme",
    responses((status = 200, body = DocumentView), Refusals), security(()),
)]
pub async fn theme(Extract(state): Extract<Shared>) -> Result<Json<DocumentView>, ApiError> {
    Ok(Json(THEME.view(&state).await?))
}

/// Change the theme. A field that is left out keeps its value; null clears it.
#[utoipa::path(
    patch, path = "/update/ui_theme_settings", tag = "settings", operation_id = "setTheme", request_body = SetTheme,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn set_theme(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<DocumentChanged>), ApiError> {
    let check = |values: &Map<String, Value>| {
        let other = values.iter().find(|(_, value)| !value.as_str().is_some_and(is_web_address));
        other.map_or(Ok(()), |(name, _)| {
            Err(ApiError::bad(
                name,
                format!("`{name}` takes an address that begins with http:// or https://."),
            ))
        })
    };
    let (ignored, idle, changed) = THEME.change(&state, &caller, &input.raw, check).await?;
    Ok((ignored, idle, Json(changed)))
}

/// Whoever follows it must get to a web page, not run a script.
fn is_web_address(text: &str) -> bool {
    let schemes = ["https://", "http://"];
    schemes.iter().any(|scheme| text.starts_with(scheme)) && text.parse::<http::Uri>().is_ok()
}

#[derive(Serialize, ToSchema)]
pub struct LogoUrl {
    /// Empty when none is set.
    logo_url: String,
}

/// Where the logo is.
#[utoipa::path(
    get, path = "/get_logo_url", tag = "settings", operation_id = "getLogoUrl",
    responses((status = 200, body = LogoUrl), Refusals), security(()),
)]
pub async fn logo_url(Extract(state): Extract<Shared>) -> Result<Json<LogoUrl>, ApiError> {
    Ok(Json(LogoUrl { logo_url: address(&state, "logo_url").await?.unwrap_or_default() }))
}

/// Sends on to the logo.
#[utoipa::path(
    get, path = "/get_image", tag = "settings", operation_id = "getLogo",
    responses(
        (status = 200, description = "Never: the logo is elsewhere"),
        (status = 307, description = "Where the logo is"),
        (status = 404, description = "None is set", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn logo(Extract(state): Extract<Shared>) -> Result<Response, ApiError> {
    send_on(&state, "logo_url").await
}

/// Sends on to the dashboard's icon.
#[utoipa::path(
    get, path = "/get_favicon", tag = "settings", operation_id = "getFavicon",
    responses(
        (status = 200, description = "Never: the icon is elsewhere"),
        (status = 307, description = "Where the icon is"),
        (status = 404, description = "None is set", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn favicon(Extract(state): Extract<Shared>) -> Result<Response, ApiError> {
    send_on(&state, "favicon_url").await
}

async fn address(state: &State, field: &str) -> Result<Option<String>, ApiError> {
    Ok(THEME.values(state).await?.get(field).and_then(|value| value.as_str().map(str::to_owned)))
}

async fn send_on(state: &State, field: &str) -> Result<Response, ApiError> {
    let missing = || ApiError::missing(field, format!("No `{field}` is set: see /update/ui_theme_settings."));
    Ok(Redirect::temporary(&address(state, field).await?.ok_or_else(missing)?).into_response())
}

/// Refused: Bulkhead keeps no files.
#[utoipa::path(
    post, path = "/upload/logo", tag = "settings", operation_id = "uploadLogo",
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn upload() -> Result<Json<DocumentChanged>, ApiError> {
    Err(not_here(
        "file",
        "Files are not kept: set the logo's address with `logo_url` at /update/ui_theme_settings.",
    ))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"enable_projects_ui": true}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct SetPages {
    disable_model_add_for_internal_users: Option<bool>,
    disable_team_admin_delete_team_user: Option<bool>,
    disable_agents_for_internal_users: Option<bool>,
    enable_projects_ui: Option<bool>,
    enabled_ui_pages_internal_users: Option<Vec<String>>,
    require_auth_for_public_ai_hub: Option<bool>,
    forward_client_headers_to_llm_api: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct PagesView {
    #[serde(flatten)]
    document: DocumentView,
    /// Where the values come from.
    source: &'static str,
}

/// What dashboards were told to show. Bulkhead's own does not heed them.
#[utoipa::path(
    get, path = "/get/ui_settings", tag = "settings", operation_id = "getUiSettings",
    responses((status = 200, body = PagesView), Refusals), security(()),
)]
pub async fn pages(Extract(state): Extract<Shared>) -> Result<Json<PagesView>, ApiError> {
    Ok(Json(PagesView { document: PAGES.view(&state).await?, source: "db" }))
}

/// Change what dashboards are told to show. Bulkhead's own does not heed them (`x-bulkhead-inactive-fields` says so).
#[utoipa::path(
    patch, path = "/update/ui_settings", tag = "settings", operation_id = "setUiSettings", request_body = SetPages,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn set_pages(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<DocumentChanged>), ApiError> {
    let (ignored, idle, changed) = PAGES.change(&state, &caller, &input.raw, |_| Ok(())).await?;
    Ok((ignored, idle, Json(changed)))
}

#[derive(Serialize, ToSchema)]
pub struct BannerView {
    enabled: bool,
    message: String,
    /// `info`, `warning` or `error`.
    severity: String,
    revision: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"enabled": true, "message": "Maintenance at six", "severity": "warning"}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct SetBanner {
    enabled: Option<bool>,
    message: Option<String>,
    /// `info`, `warning` or `error`.
    severity: Option<String>,
    revision: Option<String>,
}

impl BannerView {
    fn of(values: &Map<String, Value>) -> Self {
        let text = |name: &str, default: &str| {
            values.get(name).and_then(Value::as_str).unwrap_or(default).to_owned()
        };
        Self {
            enabled: values.get("enabled").and_then(Value::as_bool).unwrap_or_default(),
            message: text("message", ""),
            severity: text("severity", "info"),
            revision: text("revision", ""),
        }
    }
}

/// What every user is told.
#[utoipa::path(
    get, path = "/get/user_banner", tag = "settings", operation_id = "getBanner",
    responses((status = 200, body = BannerView), Refusals),
)]
pub async fn banner(Extract(state): Extract<Shared>) -> Result<Json<BannerView>, ApiError> {
    Ok(Json(BannerView::of(&BANNER.values(&state).await?)))
}

/// Change what every user is told.
#[utoipa::path(
    patch, path = "/update/user_banner", tag = "settings", operation_id = "setBanner", request_body = SetBanner,
    responses((status = 200, body = BannerView), Refusals),
)]
pub async fn set_banner(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<BannerView>), ApiError> {
    let check = |values: &Map<String, Value>| {
        let severity = values.get("severity").and_then(Value::as_str).unwrap_or("info");
        let known = ["info", "warning", "error"].contains(&severity);
        known.then_some(()).ok_or_else(|| ApiError::bad("severity", "`severity` is info, warning or error."))
    };
    let (ignored, idle, changed) = BANNER.change(&state, &caller, &input.raw, check).await?;
    Ok((ignored, idle, Json(BannerView::of(&changed.settings))))
}

/// A release of the product.
#[derive(Serialize, ToSchema)]
pub struct Release {
    version: String,
    release_url: String,
}

/// The newest release: null, since Bulkhead asks nobody outside.
#[utoipa::path(
    get, path = "/get/latest_release_info", tag = "settings", operation_id = "getLatestRelease",
    responses((status = 200, body = Option<Release>), Refusals),
)]
pub async fn latest_release() -> Json<Option<Release>> {
    Json(None)
}
