use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::ModelView;
use super::{ModelCard, visible};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::page::PageOf;
use crate::state::{Shared, State};

/// Largest page of `/v2/model/info`.
const SIZE_MAX: u32 = 500;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ModelInfoQuery {
    /// Only this deployment.
    litellm_model_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Models {
    data: Vec<ModelView>,
}

/// The deployments that the caller may use.
#[utoipa::path(
    get, path = "/model/info", tag = "models", operation_id = "listModels", params(ModelInfoQuery),
    responses((status = 200, body = Models), Refusals),
)]
pub async fn list(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelInfoQuery>,
) -> Result<Json<Models>, ApiError> {
    find(&state, &caller, query).await
}

/// The same.
#[utoipa::path(
    get, path = "/v1/model/info", tag = "models", operation_id = "listModelsV1", params(ModelInfoQuery),
    responses((status = 200, body = Models), Refusals),
)]
pub async fn list_v1(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelInfoQuery>,
) -> Result<Json<Models>, ApiError> {
    find(&state, &caller, query).await
}

async fn find(state: &State, caller: &Caller, query: ModelInfoQuery) -> Result<Json<Models>, ApiError> {
    let mut cards = visible(state, caller).await?;
    if let Some(id) = query.litellm_model_id {
        cards.retain(|card| card.deployment.id == id);
        if cards.is_empty() {
            let message = format!("Model id = {id} not found on litellm proxy");
            return Err(ApiError::bad("litellm_model_id", message));
        }
    }
    Ok(Json(Models { data: cards.iter().map(|card| ModelView::of(card)).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ModelPageQuery {
    /// Exact public name.
    model: Option<String>,
    /// Id of a deployment.
    #[serde(rename = "modelId")]
    model_id: Option<String>,
    /// Part of the public or the provider's name.
    search: Option<String>,
    /// Only the deployments of this access group.
    access_group: Option<String>,
    /// Only the team's own.
    #[serde(rename = "teamId")]
    team_id: Option<String>,
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 500)]
    size: u32,
}

impl Default for ModelPageQuery {
    fn default() -> Self {
        Self {
            model: None,
            model_id: None,
            search: None,
            access_group: None,
            team_id: None,
            page: 1,
            size: 50,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ModelPage {
    data: Vec<ModelView>,
    total_count: u64,
    current_page: u32,
    total_pages: u64,
    size: u32,
}

/// One page of the deployments that the caller may use.
#[utoipa::path(
    get, path = "/v2/model/info", tag = "models", operation_id = "pageModels", params(ModelPageQuery),
    responses((status = 200, body = ModelPage), Refusals),
)]
pub async fn page(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<ModelPageQuery>,
) -> Result<Json<ModelPage>, ApiError> {
    let page = PageOf::new(query.page, query.size, SIZE_MAX, "size")?;
    let mut cards = visible(&state, &caller).await?;
    cards.retain(|card| query.keeps(card));
    let total_count = cards.len() as u64;
    let size = page.size as usize;
    let skipped = (page.index() as usize).saturating_mul(size);
    let data = cards.iter().skip(skipped).take(size).map(|card| ModelView::of(card)).collect();
    Ok(Json(ModelPage {
        data,
        total_count,
        current_page: page.number,
        total_pages: page.pages(total_count),
        size: page.size,
    }))
}

impl ModelPageQuery {
    fn keeps(&self, card: &ModelCard) -> bool {
        let deployment = &card.deployment;
        let part = self.search.as_deref().map(str::to_lowercase);
        let contains = |text: &str, part: &String| text.to_lowercase().contains(part);
        self.model.as_ref().is_none_or(|model| *model == deployment.group)
            && self.model_id.as_ref().is_none_or(|id| *id == deployment.id)
            && self.team_id.as_ref().is_none_or(|team| deployment.team_id.as_ref() == Some(team))
            && self.access_group.as_ref().is_none_or(|group| deployment.access_groups.contains(group))
            && part.is_none_or(|part| {
                contains(&deployment.group, &part) || contains(&deployment.full_model, &part)
            })
    }
}
