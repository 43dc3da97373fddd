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
use store::users::Places;
use utoipa::ToSchema;

use super::belongs::Belongs;
use super::fields::{UserFields, check_id, unheeded};
use super::password;
use super::view::UserView;
use crate::auth::{Caller, Standing};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::invitations;
use crate::keys;
use crate::settings::defaults as settings;
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
    #[serde(flatten)]
    belongs: Belongs,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedUser {
    /// The raw key, when one was made. It is shown this once and stored only as its hash.
    key: Option<String>,
    /// End of the key.
    expires: Option<String>,
    /// SHA-256 of the key.
    token_id: Option<String>,
    /// With `send_invite_email`: the link with which the user sets their password, from the dashboard's origin.
    invitation_link: Option<String>,
    #[serde(flatten)]
    row: UserView,
}

/// Make a user, with places in teams and organisations and a first key. Administrators of organisations make plain users
/// in them, whose first key is charged to the organisation. What is not said of users who are no administrators is as
/// `/update/internal_user_settings` has it.
#[utoipa::path(
    post, path = "/user/new", tag = "users", operation_id = "createUser", request_body = NewUser,
    responses(
        (status = 200, body = CreatedUser),
        (status = 404, description = "No such team or organisation", body = ErrorBody),
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
    fill(&state, &caller, &mut input.raw).await?;
    let mut part = |names: &[&str]| names.iter().filter_map(|name| input.raw.remove_entry(*name)).collect();
    let first = Input::<FirstKey>::from_object(part(&OF_KEY))?.value;
    let belongs = Input::<Belongs>::from_object(part(&Belongs::NAMES))?.value;
    let input = Input::<UserFields>::from_object(input.raw)?;
    let (fields, mut unheeded) = (input.value, unheeded(&input.raw));
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
    let invited = belongs.invites().then(|| invitations::fresh(&state, &id, &actor)).unzip();
    let mut places = belongs.resolve(&state, &caller, &user).await?;
    check_maker(&caller, &user, &places, hash.is_some())?;
    places.invitation = invited.1;
    let key = first.made_for(&user, &state, &caller, &places, &actor).await?;
    let stored = key.as_ref().map(|(_, key)| key);
    let made = state.store.users().create(&user, hash.as_deref(), stored, &places, &actor).await;
    user.resets_at = made.map_err(|error| taken(error, &id, &email))?;
    let invitation_link = invited.0.map(|id: String| invitations::link(&state, &id));
    if invitation_link.is_some() {
        // A link is made; nobody is written to.
        unheeded.names.push("send_invite_email".into());
    }
    // Not read back: what was made may be held back from others still.
    let teams = places.teams.into_iter().map(|(team, _)| team).collect();
    let row = UserView { teams, ..UserView::of(user) };
    let (secret, key) = key.unzip();
    let answer = CreatedUser {
        key: secret,
        expires: key.as_ref().and_then(|key: &VirtualKey| key.expires).map(iso),
        token_id: key.map(|key| key.hash.to_hex()),
        invitation_link,
        row,
    };
    Ok((input.ignored, unheeded, Json(answer)))
}

/// Adds the defaults of users who are no administrators.
async fn fill(state: &State, caller: &Caller, raw: &mut Map<String, Value>) -> Result<(), ApiError> {
    let role = raw.get("user_role").and_then(Value::as_str).unwrap_or_default();
    if role.starts_with("proxy_admin") {
        return Ok(());
    }
    let sends_teams = raw.contains_key("teams");
    settings::fill(state, &settings::OF_USERS, raw).await?;
    // Whoever administers an organisation may not lead the teams of the defaults.
    if !sends_teams && !caller.sees_all() {
        raw.remove("teams");
    }
    Ok(())
}

/// Who administers organisations makes plain users in them, who are not charged elsewhere.
fn check_maker(caller: &Caller, user: &User, places: &Places, password: bool) -> Result<(), ApiError> {
    let refuse = |field: &str, message: &str| {
        Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(field), message))
    };
    if caller.sees_all() {
        return Ok(());
    }
    if places.organizations.is_empty() {
        return refuse("organizations", "Name an organization that you administer: `organizations`.");
    }
    if !matches!(user.role, Role::InternalUser | Role::InternalUserViewer) {
        return refuse("user_role", "Only a proxy admin can make users who are more than internal users.");
    }
    if password {
        return refuse("password", "Only a proxy admin can set the password of another user.");
    }
    Ok(())
}

impl FirstKey {
    /// The raw key and its row, unless none is wanted.
    async fn made_for(
        self,
        user: &User,
        state: &State,
        caller: &Caller,
        places: &Places,
        actor: &Actor,
    ) -> Result<Option<(String, VirtualKey)>, ApiError> {
        if self.auto_create_key == Some(false) {
            return Ok(None);
        }
        let team = self.team_id.filter(|id| !id.is_empty());
        let mut organization_id = None;
        if !caller.sees_all() {
            organization_id = places.organizations.first().map(|(id, _)| id.clone());
            if let Some(team) = &team {
                organization_id = caller.team(state, team, Standing::TeamAdmin).await?.organization_id;
            }
        }
        let patch = KeyPatch {
            alias: Some(self.key_alias.filter(|alias| !alias.is_empty())),
            user_id: Some(Some(user.id.clone())),
            team_id: Some(team),
            organization_id: Some(organization_id),
            models: Some(user.models.clone()),
            expires: Some(self.duration.map(|text| keys::ends(&text, actor.at)).transpose()?),
            ..KeyPatch::default()
        };
        let (secret, key) = keys::fresh(state, None, patch, actor)?;
        keys::check_above(state, &key, None).await?;
        Ok(Some((secret, key)))
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
