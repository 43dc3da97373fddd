//! Those that keys answer to, and what each may spend. Fields are named as on the compatible surface.

use std::collections::BTreeMap;

use kit::{Money, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::account::Raise;

/// What an owner may spend, and how fast.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    pub max_budget: Option<Money>,
    /// Only alerts.
    pub soft_budget: Option<Money>,
    /// After which spend counts anew, such as `30d`.
    pub budget_duration: Option<String>,
    pub max_parallel_requests: Option<i64>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// Tokens per day.
    pub tpd_limit: Option<i64>,
    /// Model → what of it may be spent, and in which time.
    pub model_max_budget: Map<String, Value>,
}

/// Who made a row and who changed it last, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stamps {
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub updated_at: Timestamp,
    pub updated_by: Option<String>,
}

/// What an owner has come to. Read with the row and never written with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spent {
    /// Since the budget's window began, or since it was last set.
    pub now: Money,
    /// Ever.
    pub total: Money,
    /// When the window ends.
    pub resets_at: Option<Timestamp>,
}

/// Limits that several owners may have, each with spend of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    #[serde(rename = "budget_id")]
    pub id: String,
    #[serde(flatten)]
    pub limits: Limits,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// For a time `max_budget` is larger.
    pub raise: Option<Raise>,
    /// Made with its owner, and gone with the last that has it; others stay until somebody deletes them.
    #[serde(skip)]
    pub is_own: bool,
}

/// Users who share keys, models and limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Team {
    #[serde(rename = "team_id")]
    pub id: String,
    #[serde(rename = "team_alias")]
    pub alias: Option<String>,
    pub organization_id: Option<String>,
    /// Empty means every model.
    pub models: Vec<String>,
    /// Name that a request uses → model.
    pub model_aliases: BTreeMap<String, String>,
    pub metadata: Map<String, Value>,
    #[serde(flatten)]
    pub limits: Limits,
    /// Several budgets at once, each with its own time.
    pub budget_limits: Vec<Value>,
    /// What members have who were given no budget of their own.
    #[serde(rename = "team_member_budget_id")]
    pub member_budget_id: Option<String>,
    pub blocked: bool,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    #[serde(skip)]
    pub spent: Spent,
    /// Read with the row: how many members and keys it has.
    #[serde(skip)]
    pub members: u64,
    #[serde(skip)]
    pub keys: u64,
}

/// What a member of a team may do there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TeamRole {
    /// Manages members, keys and some settings.
    Admin,
    #[default]
    User,
}

/// A user in a team.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Member {
    pub team_id: String,
    pub user_id: String,
    pub role: TeamRole,
    pub budget_id: Option<String>,
    /// Empty means every model of the team.
    pub allowed_models: Vec<String>,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Read with the row: the member's address.
    #[serde(skip)]
    pub email: Option<String>,
    /// Read with the row: the member's own budget, else the one of all members of the team.
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// Teams and users under one budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Organization {
    #[serde(rename = "organization_id")]
    pub id: String,
    #[serde(rename = "organization_alias")]
    pub alias: String,
    pub budget_id: String,
    /// Empty means every model.
    pub models: Vec<String>,
    pub metadata: Map<String, Value>,
    pub blocked: bool,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// Read with the row.
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// A user in an organisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OrganizationMember {
    pub organization_id: String,
    pub user_id: String,
    /// `org_admin`, `internal_user` or `internal_user_viewer`.
    #[serde(rename = "user_role")]
    pub role: String,
    pub budget_id: Option<String>,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Read with the row: the member's address.
    #[serde(skip)]
    pub email: Option<String>,
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// An end user of the product.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Customer {
    #[serde(rename = "user_id")]
    pub id: String,
    pub alias: Option<String>,
    pub budget_id: Option<String>,
    /// Empty means every model.
    pub models: Vec<String>,
    /// `eu` or `us`.
    pub allowed_model_region: Option<String>,
    pub default_model: Option<String>,
    pub blocked: bool,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// Read with the row.
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// Some keys of a team, with a part of what the team has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Project {
    #[serde(rename = "project_id")]
    pub id: String,
    #[serde(rename = "project_alias")]
    pub alias: Option<String>,
    pub description: Option<String>,
    pub team_id: String,
    pub budget_id: Option<String>,
    /// Empty means every model of the team.
    pub models: Vec<String>,
    pub metadata: Map<String, Value>,
    pub blocked: bool,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
    /// Read with the row.
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// A name that requests carry, with a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tag {
    pub name: String,
    pub description: Option<String>,
    pub models: Vec<String>,
    pub model_info: Map<String, Value>,
    pub budget_id: Option<String>,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Read with the row.
    #[serde(skip)]
    pub budget: Option<Budget>,
    #[serde(skip)]
    pub spent: Spent,
}

/// Models under one name. It grants them to the keys and teams that are in it, beside what these have anyway.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AccessGroup {
    #[serde(rename = "access_group_id")]
    pub id: String,
    /// Unique.
    #[serde(rename = "access_group_name")]
    pub name: String,
    pub description: Option<String>,
    /// Names, wildcards and access groups of models; empty grants none.
    #[serde(rename = "access_model_names")]
    pub models: Vec<String>,
    #[serde(flatten)]
    pub stamps: Stamps,
    /// Kept and shown, and without effect.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The field of keys and teams that names the access groups that they are in.
pub const ACCESS_GROUP_IDS: &str = "access_group_ids";

/// The access groups that `extra` names.
pub fn access_groups(extra: &Map<String, Value>) -> Vec<&str> {
    let ids = extra.get(ACCESS_GROUP_IDS).and_then(Value::as_array);
    ids.map(|ids| ids.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Puts into an access group, or takes out of it, whoever `extra` is of. Returns whether that changed anything.
pub fn set_access_group(extra: &mut Map<String, Value>, group: &str, is_in: bool) -> bool {
    let mut ids = access_groups(extra).into_iter().map(str::to_owned).collect::<Vec<_>>();
    if ids.iter().any(|id| id == group) == is_in {
        return false;
    }
    if is_in {
        ids.push(group.to_owned());
    } else {
        ids.retain(|id| id != group);
    }
    extra.insert(ACCESS_GROUP_IDS.into(), ids.into());
    true
}

/// From where requests may come: an address or a range, as [`kit::network::Network`] writes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AllowedIp {
    #[serde(rename = "ip")]
    pub network: String,
    #[serde(flatten)]
    pub stamps: Stamps,
}

impl Budget {
    /// One that is made with its owner.
    pub fn own(id: String, limits: Limits, stamps: Stamps) -> Self {
        Self { id, limits, stamps, is_own: true, ..Self::default() }
    }
}

impl TeamRole {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Admin, Self::User].into_iter().find(|role| role.name() == name)
    }
}

impl Stamps {
    /// Of a row that is made now.
    pub fn new(by: &str, at: Timestamp) -> Self {
        let by = Some(by.to_owned());
        Self { created_at: at, created_by: by.clone(), updated_at: at, updated_by: by }
    }
}
