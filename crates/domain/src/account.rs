//! Those that keys answer to: users, teams and their members, organisations, customers, tags, projects; and the
//! budgets that they share.

use kit::{Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::key::NameList;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountKind {
    User,
    Team,
    Member,
    Organization,
    OrganizationMember,
    Customer,
    Tag,
    Project,
    /// Limits that others point to. It spends nothing itself.
    Budget,
    /// What a key, user or team may spend on one model; it is within them.
    KeyModel,
    UserModel,
    TeamModel,
    /// A secret that a key had, named by its hash. It spends nothing itself.
    OldSecret,
    /// Models under one name, for the keys and teams that are in it. It spends nothing itself.
    AccessGroup,
    /// An address or a range from which requests may come. It spends nothing itself.
    AllowedIp,
}

impl AccountKind {
    pub const ALL: [Self; 15] = [
        Self::User,
        Self::Team,
        Self::Member,
        Self::Organization,
        Self::OrganizationMember,
        Self::Customer,
        Self::Tag,
        Self::Project,
        Self::Budget,
        Self::KeyModel,
        Self::UserModel,
        Self::TeamModel,
        Self::OldSecret,
        Self::AccessGroup,
        Self::AllowedIp,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
            Self::Member => "member",
            Self::Organization => "organization",
            Self::OrganizationMember => "organization_member",
            Self::Customer => "customer",
            Self::Tag => "tag",
            Self::Project => "project",
            Self::Budget => "budget",
            Self::KeyModel => "key_model",
            Self::UserModel => "user_model",
            Self::TeamModel => "team_model",
            Self::OldSecret => "old_secret",
            Self::AccessGroup => "access_group",
            Self::AllowedIp => "allowed_ip",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Which account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId {
    pub kind: AccountKind,
    /// The team or organisation of a member, or whose budget it is of a model; empty for the rest.
    pub within: Box<str>,
    pub id: Box<str>,
}

/// What the gateway must know of an account: compact, replicated to memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPolicy {
    pub id: AccountId,
    pub blocked: bool,
    /// Empty means every model.
    pub models: NameList,
    /// Name that a request uses → model.
    pub aliases: Box<[(Box<str>, Box<str>)]>,
    /// The organisation of a team, the team of a project, the key of an old secret.
    pub parent: Option<Box<str>>,
    /// The first moment at which an old secret opens nothing.
    pub ends: Option<Timestamp>,
    /// Shared limits, in place of `limits`.
    pub budget_id: Option<Box<str>>,
    /// The shared limits of a team's members who have none of their own.
    pub member_budget_id: Option<Box<str>>,
    pub limits: Limits,
    /// Models that have budgets of their own, which are accounts too.
    pub budgeted_models: NameList,
    /// What grants models beside `models`.
    pub access_groups: NameList,
    /// All that was ever spent.
    pub spend: Money,
    pub windows: Box<[Window]>,
}

/// What may be spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub max: Option<Money>,
    /// Beyond it somebody is told, and nothing is refused.
    pub soft: Option<Money>,
    /// For how long `max` is, as it was written; `None` is for ever.
    pub duration: Option<Box<str>>,
    pub more: Box<[TimedLimit]>,
    /// For a time `max` is larger.
    pub raise: Option<Raise>,
}

impl Limits {
    /// `max`, and by how much it is larger now.
    pub fn max_at(&self, now: Timestamp) -> Option<Money> {
        let raise = self.raise.filter(|raise| now < raise.until);
        self.max.map(|max| max + raise.map_or(Money::ZERO, |raise| raise.by))
    }

    /// Whether there is anything to hold.
    pub fn has_any(&self) -> bool {
        self.max.is_some() || self.soft.is_some() || !self.more.is_empty()
    }
}

/// A budget that is larger for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    pub by: Money,
    /// The first moment at which it is no longer so.
    pub until: Timestamp,
}

/// What may be spent in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedLimit {
    pub duration: Box<str>,
    pub max: Money,
}

/// The time in which spend counts against a budget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// As the budget says it; empty for ever.
    pub duration: Box<str>,
    /// The first moment that is no longer part of it.
    pub ends: Timestamp,
    /// What had been spent before it; it counts no more.
    pub base: Money,
}

impl Window {
    /// One without end.
    pub fn for_ever(base: Money) -> Self {
        Self { duration: Box::default(), ends: Timestamp(i64::MAX), base }
    }
}
