//! What new users and teams have where nothing else is said.

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::documents::Shape::{Amount, Text, Texts, Whole};
use super::documents::{Document, DocumentChanged, DocumentView, acting};
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};
use crate::teams::fields::TeamFields;
use crate::users::UserFields;

/// Of users made with `/user/new` who are not administrators.
pub const OF_USERS: Document = Document {
    name: "default_internal_user_params",
    about: "Internal user settings",
    fields: &[
        acting("user_role", Text, "Role of new users: internal_user or internal_user_viewer"),
        acting("max_budget", Amount, "US dollars that a new user may spend"),
        acting("budget_duration", Text, "After it the spend of a new user counts anew, such as 30d"),
        acting("models", Texts, "Models that keys of a new user may be given"),
        acting("teams", Texts, "Ids of teams that new users become members of"),
    ],
};

/// Of teams made with `/team/new`.
pub const OF_TEAMS: Document = Document {
    name: "default_team_params",
    about: "Default team settings",
    fields: &[
        acting("max_budget", Amount, "US dollars that a new team may spend"),
        acting("budget_duration", Text, "After it the spend of a new team counts anew, such as 30d"),
        acting("tpm_limit", Whole, "Tokens per minute of a new team"),
        acting("rpm_limit", Whole, "Requests per minute of a new team"),
        acting("models", Texts, "Models of a new team"),
        acting(
            "team_member_permissions",
            Texts,
            "Key routes that members of a new team may use for all its keys",
        ),
    ],
};

/// Adds to the fields of a new row those that have a default and were not sent.
///
/// # Errors
/// When the database fails.
pub async fn fill(state: &State, document: &Document, raw: &mut Map<String, Value>) -> Result<(), ApiError> {
    for (name, value) in state.store.documents().get(document.name).await? {
        if !raw.contains_key(&name) {
            raw.insert(name, value);
        }
    }
    Ok(())
}

/// What new users have.
#[utoipa::path(
    get, path = "/get/internal_user_settings", tag = "settings", operation_id = "getUserDefaults",
    responses((status = 200, body = DocumentView), Refusals),
)]
pub async fn of_users(Extract(state): Extract<Shared>) -> Result<Json<DocumentView>, ApiError> {
    Ok(Json(OF_USERS.view(&state).await?))
}

/// What new teams have.
#[utoipa::path(
    get, path = "/get/default_team_settings", tag = "settings", operation_id = "getTeamDefaults",
    responses((status = 200, body = DocumentView), Refusals),
)]
pub async fn of_teams(Extract(state): Extract<Shared>) -> Result<Json<DocumentView>, ApiError> {
    Ok(Json(OF_TEAMS.view(&state).await?))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"user_role": "internal_user", "max_budget": 20.0, "budget_duration": "30d", "models": ["gpt-4o"]}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct UserDefaults {
    /// `internal_user` or `internal_user_viewer`.
    user_role: Option<String>,
    /// US dollars.
    #[schema(minimum = 0)]
    max_budget: Option<f64>,
    budget_duration: Option<String>,
    models: Option<Vec<String>>,
    /// Must exist when a user is made.
    teams: Option<Vec<String>>,
}

/// Change what new users have. A field that is left out keeps its value; null clears it.
#[utoipa::path(
    patch, path = "/update/internal_user_settings", tag = "settings", operation_id = "setUserDefaults",
    request_body = UserDefaults,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn set_of_users(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<DocumentChanged>), ApiError> {
    let check = |values: &Map<String, Value>| {
        let role = values.get("user_role").and_then(Value::as_str).unwrap_or("internal_user");
        if !["internal_user", "internal_user_viewer"].contains(&role) {
            let message =
                "New users are `internal_user` or `internal_user_viewer` unless their maker says otherwise.";
            return Err(ApiError::bad("user_role", message));
        }
        let mut fields = values.clone();
        fields.remove("teams");
        let fields = Input::<UserFields>::from_object(fields)?;
        fields.value.patch(&fields.raw).map(|_| ())
    };
    let (ignored, idle, changed) = OF_USERS.change(&state, &caller, &input.raw, check).await?;
    Ok((ignored, idle, Json(changed)))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"max_budget": 100.0, "budget_duration": "30d", "team_member_permissions": ["/key/generate"]}))]
#[allow(dead_code, reason = "only describes the body for the document")]
pub struct TeamDefaults {
    /// US dollars.
    #[schema(minimum = 0)]
    max_budget: Option<f64>,
    budget_duration: Option<String>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
    models: Option<Vec<String>>,
    team_member_permissions: Option<Vec<String>>,
}

/// Change what new teams have. A field that is left out keeps its value; null clears it.
#[utoipa::path(
    patch, path = "/update/default_team_settings", tag = "settings", operation_id = "setTeamDefaults",
    request_body = TeamDefaults,
    responses((status = 200, body = DocumentChanged), Refusals),
)]
pub async fn set_of_teams(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<Map<String, Value>>,
) -> Result<(Names, Names, Json<DocumentChanged>), ApiError> {
    let at = state.clock.now();
    let check = |values: &Map<String, Value>| TeamFields::check_defaults(values, at);
    let (ignored, idle, changed) = OF_TEAMS.change(&state, &caller, &input.raw, check).await?;
    Ok((ignored, idle, Json(changed)))
}
