use axum::Json;
use axum::extract::{Path, State as Extract};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CredentialView, missing, of_configuration, values_of_model};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::state::Shared;

#[derive(Serialize, ToSchema)]
pub struct Credentials {
    success: bool,
    credentials: Vec<CredentialView>,
}

/// All credentials, those of the configuration included; there are a thousand at most.
#[utoipa::path(
    get, path = "/credentials", tag = "credentials", operation_id = "listCredentials",
    responses((status = 200, body = Credentials), Refusals),
)]
pub async fn list(Extract(state): Extract<Shared>) -> Result<Json<Credentials>, ApiError> {
    let stored = state.store.credentials(&state.vault).list().await?;
    for (name, why) in &stored.unreadable {
        tracing::error!(credential = name, %why, "a credential cannot be read");
    }
    let stored = stored.rows.into_iter().filter(|one| !state.catalog.credentials.contains_key(&one.name));
    let credentials = of_configuration(&state.catalog.credentials).chain(stored.map(CredentialView::of));
    Ok(Json(Credentials { success: true, credentials: credentials.collect() }))
}

/// One credential by its name.
#[utoipa::path(
    get, path = "/credentials/by_name/{credential_name}", tag = "credentials", operation_id = "getCredential",
    params(("credential_name" = String, Path)),
    responses(
        (status = 200, body = CredentialView),
        (status = 404, description = "No such credential", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn by_name(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
) -> Result<Json<CredentialView>, ApiError> {
    if let Some(values) = state.catalog.credentials.get(&name) {
        return Ok(Json(CredentialView::named(&name, values)));
    }
    let credential = state.store.credentials(&state.vault).get(&name).await?;
    Ok(Json(CredentialView::of(credential.ok_or_else(missing)?)))
}

/// The values with which a model is called, as a credential of its own.
#[utoipa::path(
    get, path = "/credentials/by_model/{model_id}", tag = "credentials", operation_id = "getCredentialOfModel",
    params(("model_id" = String, Path)),
    responses(
        (status = 200, body = CredentialView),
        (status = 404, description = "No such model", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn by_model(
    Extract(state): Extract<Shared>,
    Path(id): Path<String>,
) -> Result<Json<CredentialView>, ApiError> {
    let values = values_of_model(&state, &id).await?;
    Ok(Json(CredentialView::named(&format!("{id}-credential"), &values)))
}
