use axum::Json;
use axum::extract::State as Extract;
use domain::VirtualKey;
use domain::key::display_name;
use kit::{KeyHash, Money, Timestamp};
use serde::Serialize;
use serde_json::Map;
use store::StoreError;
use store::audit::Actor;
use store::keys::KeyPatch;
use utoipa::ToSchema;

use super::fields::{KEY_CHARS_MIN, KeyFields, unheeded};
use super::view::KeyView;
use super::{DASHBOARD_TEAM, own};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("Invalid key format. LiteLLM Virtual Key must start with 'sk-'.")]
    Prefix,
    #[error("Invalid key format. The key must have at least {KEY_CHARS_MIN} characters.")]
    TooShort,
    #[error("Key already exists. A key can be given to one row only.")]
    Taken,
    #[error("Unique key aliases across all keys are required. The alias is already in use.")]
    AliasTaken,
    #[error("team_id `{DASHBOARD_TEAM}` is reserved for the dashboard.")]
    ReservedTeam,
    #[error("The user was deleted meanwhile.")]
    UserGone,
    #[error(transparent)]
    Store(StoreError),
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    /// The raw key. It is shown this once and stored only as its hash.
    pub key: String,
    /// SHA-256 of the key.
    pub token_id: String,
    #[serde(flatten)]
    pub row: KeyView,
}

/// Make a virtual key.
#[utoipa::path(
    post, path = "/key/generate", tag = "keys", operation_id = "createKey", request_body = KeyFields,
    responses((status = 200, body = CreatedKey), Refusals),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<KeyFields>,
) -> Result<(Names, Names, Json<CreatedKey>), ApiError> {
    let actor = caller.actor(&state);
    let unheeded = unheeded(&input.raw);
    let chosen = input.value.key.clone();
    let mut patch = input.value.patch(&input.raw, actor.at)?;
    if patch.team_id.as_ref().is_some_and(|team| team.as_deref() == Some(DASHBOARD_TEAM)) {
        return Err(CreateError::ReservedTeam.into());
    }
    super::team::join_project(&state, &caller, &mut patch).await?;
    own::confine_new(&state, &caller, &input.raw, &mut patch, "/key/generate").await?;
    let (secret, key) = fresh(&state, chosen, patch, &actor)?;
    super::team::check_above(&state, &key, None).await?;
    let keys = state.store.keys();
    let key = if caller.sees_all() || key.user_id.is_none() {
        keys.create(&key, &actor).await.map_err(CreateError::from)?
    } else {
        let made = keys.create_for_user(&key, &actor).await.map_err(CreateError::from)?;
        made.ok_or(CreateError::UserGone)?
    };
    Ok((input.ignored, unheeded, Json(CreatedKey::of(secret, key, actor.at))))
}

/// A new key that is not stored yet, with the secret that the caller chose or a fresh one.
///
/// # Errors
/// When the chosen secret is not fit to be one.
pub fn fresh(
    state: &State,
    chosen: Option<String>,
    patch: KeyPatch,
    actor: &Actor,
) -> Result<(String, VirtualKey), CreateError> {
    let (secret, hash) = match chosen {
        Some(secret) => (check(&secret)?, KeyHash::of(&secret)),
        None => state.new_secret(),
    };
    let mut key = VirtualKey {
        hash,
        name: display_name(&secret),
        alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        models: Vec::new(),
        aliases: Default::default(),
        metadata: Map::new(),
        max_budget: None,
        spend: Money::ZERO,
        window: None,
        blocked: false,
        expires: None,
        created_at: actor.at,
        created_by: Some(actor.id.clone()),
        updated_at: actor.at,
        updated_by: Some(actor.id.clone()),
        extra: Map::new(),
    };
    patch.apply(&mut key);
    Ok((secret, key))
}

impl CreatedKey {
    pub fn of(secret: String, key: VirtualKey, now: Timestamp) -> Self {
        Self { key: secret, token_id: key.hash.to_hex(), row: KeyView::of(key, now) }
    }
}

/// A secret that the caller chose, when it is fit to be one.
pub fn check(secret: &str) -> Result<String, CreateError> {
    if !secret.starts_with("sk-") {
        return Err(CreateError::Prefix);
    }
    if secret.chars().count() < KEY_CHARS_MIN {
        return Err(CreateError::TooShort);
    }
    Ok(secret.to_owned())
}

impl From<StoreError> for CreateError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate("key alias") => Self::AliasTaken,
            StoreError::Duplicate(_) => Self::Taken,
            other => Self::Store(other),
        }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        let param = match error {
            CreateError::Prefix | CreateError::TooShort | CreateError::Taken => "key",
            CreateError::AliasTaken => "key_alias",
            CreateError::ReservedTeam => "team_id",
            CreateError::UserGone => "user_id",
            CreateError::Store(error) => return error.into(),
        };
        Self::bad(param, error.to_string())
    }
}
