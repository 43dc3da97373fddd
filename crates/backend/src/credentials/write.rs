use axum::Json;
use axum::extract::{Path, State as Extract};
use domain::{Credential, SecretMap};
use http::StatusCode;
use kit::new_id;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::StoreError;
use store::credentials::{CREDENTIALS_MAX, CredentialPatch, Deletion};
use utoipa::ToSchema;

use super::{missing, values_of_model};
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// Longest name of a credential.
const NAME_CHARS_MAX: usize = 256;

#[derive(Deserialize, ToSchema)]
pub struct NewCredential {
    /// Unique; what `litellm_credential_name` refers to.
    #[schema(example = "openai-production")]
    credential_name: String,
    /// Parameters that fill in what a model does not set: `api_key`, `api_base`, ….
    #[schema(value_type = Option<Object>)]
    credential_values: Option<Map<String, Value>>,
    /// Take the values of this model instead.
    model_id: Option<String>,
    /// What is told of it: provider, description, ….
    #[schema(value_type = Option<Object>)]
    credential_info: Option<Map<String, Value>>,
    display_name: Option<String>,
}

/// What to change. Values and facts are set one by one, null removes; a value that is sent back as it was shown stays.
#[derive(Deserialize, ToSchema)]
pub struct ChangedCredential {
    /// Names do not change: the same as in the path, if anything.
    credential_name: Option<String>,
    #[schema(value_type = Option<Object>)]
    credential_values: Option<Map<String, Value>>,
    #[schema(value_type = Option<Object>)]
    credential_info: Option<Map<String, Value>>,
    display_name: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CredentialDone {
    success: bool,
    message: String,
}

/// Keep a credential.
#[utoipa::path(
    post, path = "/credentials", tag = "credentials", operation_id = "createCredential", request_body = NewCredential,
    responses(
        (status = 200, body = CredentialDone),
        (status = 404, description = "No such model", body = ErrorBody),
        (status = 409, description = "The name is taken", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<NewCredential>,
) -> Result<(Names, Json<CredentialDone>), ApiError> {
    let (actor, new) = (caller.actor(&state), input.value);
    let name = new.credential_name;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let message = format!("`credential_name` takes 1 to {NAME_CHARS_MAX} characters.");
        return Err(ApiError::bad("credential_name", message));
    }
    if state.catalog.credentials.contains_key(&name) {
        return Err(taken(&name));
    }
    let values = match (new.credential_values, new.model_id) {
        (Some(values), _) if !values.is_empty() => SecretMap::new(values),
        (_, Some(id)) => values_of_model(&state, &id).await?,
        (_, None) => {
            let message = "Either `credential_values` or `model_id` is needed.";
            return Err(ApiError::bad("credential_values", message));
        }
    };
    let credential = Credential {
        id: new_id(actor.at, (state.rng)().as_mut()).to_string(),
        name: name.clone(),
        display_name: new.display_name,
        info: new.credential_info.unwrap_or_default(),
        values,
        created_at: actor.at,
        created_by: Some(actor.id.clone()),
        updated_at: actor.at,
        updated_by: Some(actor.id.clone()),
    };
    let created = state.store.credentials(&state.vault).create(&credential, &actor).await;
    created.map_err(|error| match error {
        StoreError::Duplicate(_) => taken(&name),
        StoreError::TooMany(_) => {
            ApiError::bad("credential_name", format!("There are {CREDENTIALS_MAX} credentials already."))
        }
        other => other.into(),
    })?;
    Ok((input.ignored, done("created")))
}

/// Change a credential; every model that uses it is called with the new values within a second.
#[utoipa::path(
    patch, path = "/credentials/{credential_name}", tag = "credentials", operation_id = "updateCredential",
    params(("credential_name" = String, Path)), request_body = ChangedCredential,
    responses(
        (status = 200, body = CredentialDone),
        (status = 404, description = "No such credential", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn update(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(name): Path<String>,
    input: Input<ChangedCredential>,
) -> Result<(Names, Json<CredentialDone>), ApiError> {
    changeable(&state, &name)?;
    let changed = input.value;
    if changed.credential_name.is_some_and(|new| new != name) {
        return Err(ApiError::bad("credential_name", "A credential cannot be renamed."));
    }
    let patch = CredentialPatch {
        display_name: input.raw.contains_key("display_name").then_some(changed.display_name),
        info: changed.credential_info.unwrap_or_default(),
        values: changed.credential_values.unwrap_or_default(),
    };
    let updated = state.store.credentials(&state.vault).update(&name, patch, &caller.actor(&state)).await?;
    updated.ok_or_else(missing)?;
    Ok((input.ignored, done("updated")))
}

/// Delete a credential that no model uses.
#[utoipa::path(
    delete, path = "/credentials/{credential_name}", tag = "credentials", operation_id = "deleteCredential",
    params(("credential_name" = String, Path)),
    responses(
        (status = 200, body = CredentialDone),
        (status = 404, description = "No such credential", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<CredentialDone>, ApiError> {
    changeable(&state, &name)?;
    match state.store.credentials(&state.vault).delete(&name, &caller.actor(&state)).await? {
        Deletion::Done => Ok(done("deleted")),
        Deletion::Missing => Err(missing()),
        Deletion::UsedBy(model) => {
            let message = format!("Model {model} uses this credential. Change or delete the model first.");
            Err(ApiError::bad("credential_name", message))
        }
    }
}

fn changeable(state: &State, name: &str) -> Result<(), ApiError> {
    if !state.catalog.credentials.contains_key(name) {
        return Ok(());
    }
    Err(ApiError::bad(
        "credential_name",
        "This credential stands in config.yaml and can only be changed there.",
    ))
}

fn taken(name: &str) -> ApiError {
    let message = format!("Credential with name '{name}' already exists.");
    ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some("credential_name"), message)
}

fn done(what: &str) -> Json<CredentialDone> {
    Json(CredentialDone { success: true, message: format!("Credential {what} successfully") })
}
