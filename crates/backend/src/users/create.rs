use axum::Json;
use axum::extract::State as Extract;
use domain::{Role, User, VirtualKey};
use http::StatusCode;
use kit::Money;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::StoreError;
use store::audit::Actor;
use store::keys::KeyPatch;
use utoipa::ToSchema;

use super::fields::{UserFields, check_id, unheeded};
use super::password;
use super::view::UserView;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::keys;
use crate::state::{Shared, State};
use crate::time::iso;

/// What describes the first key instead of the user.
const OF_KEY: [&str; 4] = ["auto_create_key", "duration", "key_alias", "team_id"];

/// A user's first key.
#[derive(Default, Deserialize, ToSchema)]
pub struct FirstKey {
    /// Make one. Default true.
    auto_create_key: Option<bool>,
    /// Time to live of the key: `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`.
    duration: Option<String>,
    /// Name of the key.
    key_alias: Option<String>,
    /// Team of the key.
    team_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct NewUser {
    #[serde(flatten)]
    fields: UserFields,
    #[serde(flatten)]
    key: FirstKey,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedUser {
    /// The raw key, when one was made. It is shown this once and stored only as its hash.
    key: Option<String>,
    /// End of the key.
    expires: Option<String>,
    /// SHA-256 of the key.
    token_id: Option<String>,
    #[serde(flatten)]
    row: UserView,
}

/// Make a user, and a first key for them.
#[utoipa::path(
    post, path = "/user/new", tag = "users", operation_id = "createUser", request_body = NewUser,
    responses(
        (status = 200, body = CreatedUser),
        (status = 409, description = "The id or the address is taken", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    caller: Caller,
    mut input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<CreatedUser>), ApiError> {
    let actor = caller.actor(&state);
    let of_key = OF_KEY.iter().filter_map(|name| input.raw.remove_entry(*name)).collect();
    let first = Input::<FirstKey>::from_object(of_key)?.value;
    let input = Input::<UserFields>::from_object(input.raw)?;
    let (fields, unheeded) = (input.value, unheeded(&input.raw));
    let id = match fields.user_id.clone() {
        Some(id) => id,
        None => state.new_id(),
    };
    check_id(&id)?;
    let email = fields.user_email.clone().unwrap_or_default();
    let hash = match fields.password.clone() {
        Some(password) => Some(password::hash(&state, password).await?),
        None => None,
    };
    let patch = fields.patch(&input.raw)?;
    let mut user = User {
        id: id.clone(),
        email: None,
        alias: None,
        role: Role::InternalUser,
        sso_id: None,
        models: Vec::new(),
        metadata: Map::new(),
        max_budget: None,
        spend: Money::ZERO,
        resets_at: None,
        created_at: actor.at,
        created_by: Some(actor.id.clone()),
        updated_at: actor.at,
        updated_by: Some(actor.id.clone()),
        extra: Map::new(),
    };
    patch.apply(&mut user);
    let key = first.made_for(&user, &state, &actor)?;
    let stored = key.as_ref().map(|(_, key)| key);
    state
        .store
        .users()
        .create(&user, hash.as_deref(), stored, &actor)
        .await
        .map_err(|error| taken(error, &id, &email))?;
    if user.budget_duration().is_some() {
        user.resets_at = state.store.users().get(&id).await?.and_then(|user| user.resets_at);
    }
    let row = UserView::of(user);
    let answer = match key {
        Some((secret, key)) => CreatedUser {
            key: Some(secret),
            expires: key.expires.map(iso),
            token_id: Some(key.hash.to_hex()),
            row,
        },
        None => CreatedUser { key: None, expires: None, token_id: None, row },
    };
    Ok((input.ignored, unheeded, Json(answer)))
}

impl FirstKey {
    /// The raw key and its row, unless none is wanted.
    fn made_for(
        self,
        user: &User,
        state: &State,
        actor: &Actor,
    ) -> Result<Option<(String, VirtualKey)>, ApiError> {
        if self.auto_create_key == Some(false) {
            return Ok(None);
        }
        let patch = KeyPatch {
            alias: Some(self.key_alias.filter(|alias| !alias.is_empty())),
            user_id: Some(Some(user.id.clone())),
            team_id: Some(self.team_id),
            models: Some(user.models.clone()),
            expires: Some(self.duration.map(|text| keys::ends(&text, actor.at)).transpose()?),
            ..KeyPatch::default()
        };
        Ok(Some(keys::fresh(state, None, patch, actor)?))
    }
}

/// Says which name is taken.
pub fn taken(error: StoreError, id: &str, email: &str) -> ApiError {
    let (field, value) = match error {
        StoreError::Duplicate("user") => ("user_id", id),
        StoreError::Duplicate("user email") => ("user_email", email),
        StoreError::Duplicate("user sso id") => ("sso_user_id", ""),
        StoreError::Duplicate(_) => return keys::CreateError::from(error).into(),
        other => return other.into(),
    };
    let message = format!("User with {field} {value} already exists");
    ApiError::new(StatusCode::CONFLICT, "bad_request_error", Some(field), message)
}
