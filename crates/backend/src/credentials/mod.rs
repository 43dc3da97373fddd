//! Credentials: values that models share. They are sealed at rest, and never shown.

mod read;
mod reseal;
mod write;

use std::collections::BTreeMap;

use domain::{Deployment, SecretMap};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::{Shared, State};

/// Parameters of a model that a credential can be made of.
const OF_MODELS: [&str; 12] = [
    "api_base",
    "api_key",
    "api_version",
    "aws_access_key_id",
    "aws_region_name",
    "aws_secret_access_key",
    "organization",
    "region_name",
    "vertex_credentials",
    "vertex_location",
    "vertex_project",
    "watsonx_region_name",
];

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(read::list, write::create))
        .routes(routes!(read::by_name))
        .routes(routes!(read::by_model))
        .routes(routes!(write::update, write::delete))
        .routes(routes!(reseal::migrate))
        .routes(routes!(reseal::check))
        .routes(routes!(reseal::jwks))
}

/// A credential without its secrets.
#[derive(Serialize, ToSchema)]
pub struct CredentialView {
    credential_name: String,
    display_name: Option<String>,
    #[schema(value_type = Object)]
    credential_info: Map<String, Value>,
    /// Secrets are masked.
    #[schema(value_type = Object)]
    credential_values: Map<String, Value>,
}

fn missing() -> ApiError {
    let message = "Credential not found in the database.";
    ApiError::new(StatusCode::NOT_FOUND, "not_found_error", Some("credential_name"), message)
}

/// Those parameters of a deployment that a credential can be made of.
async fn values_of_model(state: &State, id: &str) -> Result<SecretMap, ApiError> {
    if let Some(card) = state.catalog.card(id) {
        return Ok(values_of_deployment(&card.deployment));
    }
    let model = state.store.models(&state.vault).get(id).await?;
    let model = model.ok_or_else(|| {
        let message = format!("Model with id {id} not found");
        ApiError::new(StatusCode::NOT_FOUND, "not_found_error", Some("model_id"), message)
    })?;
    let shared = match model.credential_name() {
        Some(name) => state.shared_values().await?.remove(name).unwrap_or_default(),
        None => SecretMap::default(),
    };
    let of_models = |(name, _): &(&String, &Value)| OF_MODELS.contains(&name.as_str());
    let values = shared.reveal().iter().chain(model.params.reveal()).filter(of_models);
    Ok(SecretMap::new(values.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

fn values_of_deployment(deployment: &Deployment) -> SecretMap {
    let values = [
        ("api_key", deployment.api_key.as_ref().map(|key| key.reveal().to_owned())),
        ("api_base", deployment.api_base.clone()),
        ("api_version", deployment.api_version.clone()),
        ("organization", deployment.organization.clone()),
    ];
    let values = values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    SecretMap::new(values.collect())
}

impl CredentialView {
    fn named(name: &str, values: &SecretMap) -> Self {
        Self {
            credential_name: name.into(),
            display_name: None,
            credential_info: Map::new(),
            credential_values: values.shown(),
        }
    }

    fn of(credential: domain::Credential) -> Self {
        Self {
            credential_name: credential.name,
            display_name: credential.display_name,
            credential_info: credential.info,
            credential_values: credential.values.shown(),
        }
    }
}

/// Those of the configuration that no credential of the database has the name of are listed with them.
fn of_configuration(all: &BTreeMap<String, SecretMap>) -> impl Iterator<Item = CredentialView> {
    all.iter().map(|(name, values)| CredentialView::named(name, values))
}
