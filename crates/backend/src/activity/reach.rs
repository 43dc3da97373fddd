//! Whose usage a question is about, and whether the caller may see it.

use http::StatusCode;
use store::usage::{Among, Dimension, Filter};

use crate::auth::{Caller, Standing};
use crate::http::error::ApiError;
use crate::state::State;
use crate::teams::permissions;

/// Ids that one question names at most.
const IDS_MAX: usize = 100;

/// Conditions on usage.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    pub filters: Vec<Filter>,
    pub among: Vec<Among>,
}

impl Reach {
    /// Adds a condition; what held before goes on to hold.
    pub fn only(&mut self, dimension: Dimension, is: impl Into<String>) {
        if self.filters.iter().any(|filter| filter.dimension == dimension) {
            self.among.push(Among::these(dimension, vec![is.into()]));
        } else {
            self.filters.push(Filter { dimension, is: is.into() });
        }
    }
}

/// Ids that are asked for, and ids that are left out.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    pub these: Vec<String>,
    pub except: Vec<String>,
}

impl Ids {
    /// From lists with commas.
    ///
    /// # Errors
    /// 400 when there are too many.
    pub fn new(these: Option<&str>, except: Option<&str>, param: &str) -> Result<Self, ApiError> {
        let list = |text: Option<&str>| {
            let ids = text.unwrap_or_default().split(',').map(str::trim).filter(|id| !id.is_empty());
            ids.map(str::to_owned).collect::<Vec<_>>()
        };
        let ids = Self { these: list(these), except: list(except) };
        if ids.these.len().max(ids.except.len()) > IDS_MAX {
            return Err(ApiError::plain(param, format!("`{param}` names {IDS_MAX} at most.")));
        }
        if ids.these.iter().chain(&ids.except).any(|id| id.contains(char::is_control)) {
            return Err(ApiError::plain(param, format!("`{param}` has a character that no id has.")));
        }
        Ok(ids)
    }
}

/// What `…/daily/activity` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    User,
    Team,
    Organization,
    Customer,
    Tag,
}

impl Entity {
    pub const fn dimension(self) -> Dimension {
        match self {
            Self::User => Dimension::User,
            Self::Team => Dimension::Team,
            Self::Organization => Dimension::Organization,
            Self::Customer => Dimension::Customer,
            Self::Tag => Dimension::Tag,
        }
    }

    /// Customers and tags are not told apart by key.
    pub const fn has_keys(self) -> bool {
        matches!(self, Self::User | Self::Team | Self::Organization)
    }

    /// The field of an entry's metadata that has its other name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::User => "user_alias",
            Self::Team => "team_alias",
            Self::Organization => "organization_alias",
            Self::Customer | Self::Tag => "alias",
        }
    }

    /// The conditions that hold for this caller.
    ///
    /// # Errors
    /// 403 for what is not the caller's.
    pub async fn reach(self, state: &State, caller: &Caller, ids: Ids) -> Result<Reach, ApiError> {
        let mut reach = Reach::default();
        let dimension = self.dimension();
        let these = match self {
            _ if caller.sees_all() => ids.these,
            Self::User => of_user(caller, &ids.these, &mut reach)?,
            Self::Team => of_teams(state, caller, ids.these, &mut reach).await?,
            Self::Organization => of_organizations(state, caller, ids.these).await?,
            Self::Customer | Self::Tag => return Err(refused("user_id", "You see no usage of others.")),
        };
        match <[String; 1]>::try_from(these) {
            Ok([one]) => reach.only(dimension, one),
            // Who sees only some and is in none sees nothing.
            Err(these) if !these.is_empty() || !(caller.sees_all() || self == Self::User) => {
                reach.among.push(Among::these(dimension, these));
            }
            Err(_) => {}
        }
        if self != Self::User {
            reach.among.push(Among::somebody(dimension));
        }
        if !ids.except.is_empty() {
            reach.among.push(Among::except(dimension, ids.except));
        }
        Ok(reach)
    }
}

fn refused(param: &str, message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some(param), message)
}

/// The caller's own usage: that of the user, or of the key where it belongs to nobody.
pub fn own(caller: &Caller) -> Filter {
    match (caller.user_id(), caller.key()) {
        (None, Some(key)) => Filter { dimension: Dimension::Key, is: key.hash.to_hex() },
        (user, _) => Filter { dimension: Dimension::User, is: user.unwrap_or_default().to_owned() },
    }
}

fn of_user(caller: &Caller, asked: &[String], reach: &mut Reach) -> Result<Vec<String>, ApiError> {
    if asked.iter().any(|id| Some(id.as_str()) != caller.user_id()) {
        return Err(refused("user_id", "You see your own usage only."));
    }
    reach.filters.push(own(caller));
    Ok(vec![])
}

/// All of the teams when the caller may see all of each; else the caller's own part in them.
async fn of_teams(
    state: &State,
    caller: &Caller,
    asked: Vec<String>,
    reach: &mut Reach,
) -> Result<Vec<String>, ApiError> {
    let ids = if asked.is_empty() { own_teams(state, caller).await? } else { asked };
    let mut sees_all = true;
    for id in &ids {
        let team = caller.team(state, id, Standing::Member).await?;
        sees_all &= caller.standing(state, &team).await? >= Standing::TeamAdmin
            || permissions::allows(&team, "/team/daily/activity");
    }
    if !sees_all {
        reach.filters.push(own(caller));
    }
    Ok(ids)
}

async fn own_teams(state: &State, caller: &Caller) -> Result<Vec<String>, ApiError> {
    let mut ids = match caller.user_id() {
        Some(user) => state.store.members().teams_of(&[user.to_owned()]).await?,
        None => vec![],
    }
    .into_iter()
    .map(|(_, team)| team)
    .collect::<Vec<_>>();
    ids.extend(caller.key().filter(|key| key.user_id.is_none()).and_then(|key| key.team_id.clone()));
    if ids.len() > IDS_MAX {
        let message = format!("You are in more than {IDS_MAX} teams: name those that you ask about.");
        return Err(ApiError::plain("team_ids", message));
    }
    Ok(ids)
}

async fn of_organizations(
    state: &State,
    caller: &Caller,
    asked: Vec<String>,
) -> Result<Vec<String>, ApiError> {
    let is_asked = !asked.is_empty();
    let ids = if is_asked { asked } else { own_organizations(state, caller).await? };
    let mut led = Vec::new();
    for id in ids {
        if caller.leads(state, &id).await? {
            led.push(id);
        } else if is_asked {
            let message = format!("You are not an administrator of organization={id}.");
            return Err(refused("organization_ids", &message));
        }
    }
    Ok(led)
}

async fn own_organizations(state: &State, caller: &Caller) -> Result<Vec<String>, ApiError> {
    let Some(user) = caller.user_id() else { return Ok(vec![]) };
    let query = store::nouns::OrganizationMemberQuery {
        user_id: Some(user.to_owned()),
        ..store::nouns::OrganizationMemberQuery::default()
    };
    let members = state.store.organization_members().list(&query, 0, store::PAGE_SIZE_MAX).await?;
    Ok(members.rows.into_iter().map(|member| member.organization_id).collect())
}
