//! What callers who are no administrators may do with keys: their own, within what they themselves have.

use domain::{User, VirtualKey};
use http::StatusCode;
use kit::{KeyHash, Money, Timestamp};
use serde_json::{Map, Value};
use store::keys::KeyPatch;

use super::fields::{KEPT, PROMOTED};
use super::team::{self, Over};
use crate::auth::{Caller, Standing};
use crate::http::error::ApiError;
use crate::http::input::has_effect;
use crate::state::State;

/// What can be changed of any own key.
const FREE: [&str; 6] = ["key", "key_alias", "user_id", "metadata", "tags", "aliases"];
/// What can be chosen besides for a key that the user made.
const MADE: [&str; 8] = [
    "duration",
    "project_id",
    "models",
    "max_budget",
    "tpm_limit",
    "rpm_limit",
    "max_parallel_requests",
    "budget_duration",
];
/// What only administrators set, besides the fields that are only kept.
const ADMINS: [&str; 4] = ["spend", "blocked", "team_id", "organization_id"];

/// Narrows a new key to its maker: theirs, and within what they have. By the route of service accounts it is nobody's.
pub async fn confine_new(
    state: &State,
    caller: &Caller,
    raw: &Map<String, Value>,
    patch: &mut KeyPatch,
    route: &str,
) -> Result<(), ApiError> {
    if caller.sees_all() {
        return Ok(());
    }
    let user = user(state, caller).await?;
    let sent = raw.iter().filter(|(_, value)| has_effect(value)).map(|(name, _)| name.as_str());
    let mut limits = Limits::of(&user, caller);
    if let Some(id) = patch.team_id.clone().flatten() {
        let team = team::team_for_key(state, caller, &id, route).await?;
        check_fields(sent.filter(|name| *name != "team_id"), raw, None, true)?;
        let leads = caller.standing(state, &team).await? >= Standing::TeamAdmin;
        let named = patch.user_id.clone().flatten().filter(|_| leads);
        let nobodys = leads && raw.get("user_id").is_some_and(Value::is_null);
        let holder = if nobodys || route == super::service_account::ROUTE {
            None
        } else {
            Some(named.unwrap_or_else(|| user.id.clone()))
        };
        if raw.get("user_id").is_some_and(|asked| has_effect(asked) && asked.as_str() != holder.as_deref()) {
            return Err(forbidden("user_id", "Members of a team make keys for themselves alone."));
        }
        team::check_holder(state, caller, Some(&id), holder.as_deref()).await?;
        patch.user_id = Some(holder);
        patch.organization_id = Some(team.organization_id);
        // A team's key has what the team has, not what its maker has elsewhere.
        limits.retain(|limits| limits.of_key);
    } else {
        check_fields(sent, raw, Some(&user), true)?;
        patch.user_id = Some(Some(user.id.clone()));
        // What is made with a key of an organisation is charged to it as well.
        patch.organization_id = Some(caller.key().and_then(|key| key.organization_id.clone()));
    }
    if let Some(routes) =
        caller.key().and_then(|key| key.extra.get("allowed_routes")).filter(|routes| has_effect(routes))
    {
        patch.extra.insert("allowed_routes".into(), routes.clone());
    }
    narrowest(&limits).fill(patch);
    for limits in limits {
        limits.hold(patch.models.as_deref(), patch.max_budget.flatten(), patch.expires.flatten())?;
    }
    Ok(())
}

/// Whether the caller may change `key` so; `new_secret` says that the caller will hold the key then.
pub async fn check_change(
    state: &State,
    caller: &Caller,
    raw: &Map<String, Value>,
    key: &VirtualKey,
    patch: &KeyPatch,
    new_secret: bool,
) -> Result<(), ApiError> {
    let route = if new_secret { "/key/regenerate" } else { "/key/update" };
    let over = check_owner(state, caller, Some(key), route).await?;
    let mut after = key.clone();
    patch.clone().apply(&mut after);
    team::check_above(state, &after, Some(key)).await?;
    if matches!(over, Over::Everything) {
        return Ok(());
    }
    let held_to = caller.key().map(VirtualKey::allowed_routes).unwrap_or_default();
    if new_secret && !held_to.is_empty() && after.allowed_routes() != held_to {
        let message = "A key that is held to some routes cannot take over a key that may call others.";
        return Err(forbidden("allowed_routes", message));
    }
    let user = user(state, caller).await?;
    let of_team = matches!(over, Over::Team);
    let made = of_team || key.created_by.as_deref() == Some(&user.id);
    check_fields(raw.keys().map(String::as_str), raw, (!of_team).then_some(&user), made)?;
    if of_team && (new_secret || after.user_id != key.user_id) {
        team::check_holder(state, caller, key.team_id.as_deref(), key.user_id.as_deref()).await?;
        team::check_holder(state, caller, key.team_id.as_deref(), after.user_id.as_deref()).await?;
    }
    let changes_limits = patch.models.is_some() || patch.max_budget.is_some() || patch.expires.is_some();
    let mut limits = Limits::of(&user, caller);
    if key.team_id.is_some() {
        limits.retain(|limits| limits.of_key);
    }
    // An administrator may have given a key more than its user has; that alone is no reason to refuse.
    let held = limits.iter().filter(|limits| changes_limits || (new_secret && limits.of_key));
    for limits in held {
        limits.hold(Some(&after.models), after.max_budget, after.expires)?;
    }
    Ok(())
}

/// Refuses a key that is not within the caller's reach by this route; whether it exists is not told.
pub async fn check_owner(
    state: &State,
    caller: &Caller,
    key: Option<&VirtualKey>,
    route: &str,
) -> Result<Over, ApiError> {
    let over = match key {
        Some(key) => team::over(state, caller, key, route).await?,
        None => caller.sees_all().then_some(Over::Everything),
    };
    if let Some(over) = over {
        return Ok(over);
    }
    let message = "You are not allowed to access this key's info.";
    Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("key"), message))
}

/// Narrows a list of keys to the caller's: by user, or for a key without a user to itself.
pub fn confine(
    caller: &Caller,
    user_id: Option<String>,
    hash: Option<KeyHash>,
) -> Result<(Option<String>, Option<KeyHash>), ApiError> {
    if caller.sees_all() {
        return Ok((user_id, hash));
    }
    if user_id.is_some() && user_id.as_deref() != caller.user_id() {
        return Err(forbidden("user_id", "You are not allowed to see the keys of another user."));
    }
    match (caller.user_id(), caller.key()) {
        (Some(user), _) => Ok((Some(user.to_owned()), hash)),
        (None, Some(own)) if hash.is_none_or(|hash| hash == own.hash) => Ok((None, Some(own.hash))),
        _ => Err(forbidden("key_hash", "You are not allowed to access this key's info.")),
    }
}

/// Whether the caller sees all keys of a team by this route.
pub async fn sees_team(
    state: &State,
    caller: &Caller,
    team: Option<&str>,
    route: &str,
) -> Result<bool, ApiError> {
    if caller.sees_all() {
        return Ok(true);
    }
    let Some(id) = team else { return Ok(false) };
    match state.store.teams().get(id).await? {
        Some(team) => team::may(state, caller, &team, route).await,
        None => Ok(false),
    }
}

/// A key of a team sees its user's keys in that team alone.
pub fn within_team(caller: &Caller, team: Option<String>) -> Option<String> {
    caller.key().and_then(|key| key.team_id.clone()).or(team)
}

async fn user(state: &State, caller: &Caller) -> Result<User, ApiError> {
    let user = match caller.user_id() {
        Some(id) => state.store.users().get(id).await?,
        None => None,
    };
    user.ok_or_else(|| {
        forbidden("user_id", "This key belongs to no user. Only users and administrators change keys.")
    })
}

fn check_fields<'f>(
    sent: impl Iterator<Item = &'f str>,
    raw: &Map<String, Value>,
    user: Option<&User>,
    made: bool,
) -> Result<(), ApiError> {
    for name in sent {
        let known = || {
            ADMINS.contains(&name) || MADE.contains(&name) || KEPT.contains(&name) || PROMOTED.contains(&name)
        };
        let allowed = FREE.contains(&name) || (made && MADE.contains(&name));
        if !allowed && known() {
            return Err(forbidden(name, format!("Only an administrator can set `{name}` of this key.")));
        }
    }
    let other = |id: &Value| has_effect(id) && user.is_some_and(|user| id.as_str() != Some(&user.id));
    if raw.get("user_id").is_some_and(other) {
        return Err(forbidden("user_id", "You can only have keys of your own."));
    }
    let metadata = raw.get("metadata").and_then(Value::as_object);
    let smuggled =
        metadata.and_then(|map| map.keys().find(|name| *name != "tags" && PROMOTED.contains(&name.as_str())));
    match smuggled {
        Some(name) => {
            Err(forbidden("metadata", format!("Only an administrator can set `{name}` of this key.")))
        }
        None => Ok(()),
    }
}

fn forbidden(param: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(param), message)
}

/// What a key can be given at most.
struct Limits {
    models: Vec<String>,
    max_budget: Option<Money>,
    expires: Option<Timestamp>,
    /// Those of the key that the request came with, which must not make a wider one.
    of_key: bool,
}

/// What all of them allow.
fn narrowest(all: &[Limits]) -> Limits {
    let mut narrowest = Limits { models: Vec::new(), max_budget: None, expires: None, of_key: false };
    for limits in all {
        narrowest.max_budget = limits.max_budget.into_iter().chain(narrowest.max_budget).min();
        narrowest.expires = limits.expires.into_iter().chain(narrowest.expires).min();
        if limits.models.is_empty() {
            continue;
        }
        if narrowest.models.is_empty() {
            narrowest.models.clone_from(&limits.models);
        } else {
            let wider = std::mem::replace(&mut narrowest.models, limits.models.clone());
            narrowest.models.retain(|model| domain::access::grants(&wider, model, "", &[]));
            if narrowest.models.is_empty() {
                // An empty list would mean every model.
                narrowest.models.push(domain::access::NO_MODEL.into());
            }
        }
    }
    narrowest
}

impl Limits {
    fn of(user: &User, caller: &Caller) -> Vec<Self> {
        let mut limits = vec![Self {
            models: user.models.clone(),
            max_budget: user.max_budget,
            expires: None,
            of_key: false,
        }];
        limits.extend(caller.key().map(|key| Self {
            models: key.models.clone(),
            max_budget: key.max_budget,
            expires: key.expires,
            of_key: true,
        }));
        limits
    }

    /// What was not chosen is as wide as it can be.
    fn fill(&self, patch: &mut KeyPatch) {
        if patch.models.as_ref().is_none_or(Vec::is_empty) {
            patch.models = Some(self.models.clone());
        }
        if patch.max_budget.flatten().is_none() {
            patch.max_budget = Some(self.max_budget);
        }
        if patch.expires.flatten().is_none() {
            patch.expires = Some(self.expires);
        }
    }

    fn hold(
        &self,
        models: Option<&[String]>,
        max_budget: Option<Money>,
        expires: Option<Timestamp>,
    ) -> Result<(), ApiError> {
        let models = models.unwrap_or_default();
        let granted = |model: &String| domain::access::grants(&self.models, model, "", &[]);
        if !self.models.is_empty() && (models.is_empty() || !models.iter().all(granted)) {
            return Err(forbidden("models", "A key cannot have models that its maker does not have."));
        }
        if self.max_budget.is_some_and(|limit| max_budget.is_none_or(|budget| budget > limit)) {
            return Err(forbidden("max_budget", "A key cannot have a larger budget than its maker."));
        }
        if self.expires.is_some_and(|limit| expires.is_none_or(|at| at > limit)) {
            return Err(forbidden("duration", "A key cannot outlive the key that it was made with."));
        }
        Ok(())
    }
}
