//! What gateways must know of those that keys answer to.

use std::collections::BTreeMap;

use domain::{AccountId, AccountKind, AccountPolicy, Limits, Raise, TimedLimit, Window};
use kit::{Money, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{Policy, Stored, terms};
use crate::StoreError;
use crate::db::on;
use crate::keys::from_json;
use crate::sql::statements;
use crate::windows::window;

/// Rows of one table, each with its total and once for each of its windows.
macro_rules! select {
    ($kind:literal, $within:literal, $id:literal, $columns:literal, $from:expr) => {
        concat!(
            "SELECT ",
            $within,
            " AS within, ",
            $id,
            " AS id, ",
            $columns,
            ",
                    COALESCE(r.spend_nano, 0) AS total_nano,
                    w.duration AS window_duration, w.ends_at, w.base_nano
             FROM (",
            $from,
            ") a
             LEFT JOIN running_totals r ON r.kind = '",
            $kind,
            "' AND r.within = ",
            $within,
            " AND r.id = ",
            $id,
            "
             LEFT JOIN budget_windows w ON w.kind = '",
            $kind,
            "' AND w.within = ",
            $within,
            " AND w.id = ",
            $id,
            "
             ORDER BY 1, 2"
        )
    };
}

/// A page of accounts after `$1` and `$2`, and one account; `$1` is where a member belongs, and else empty.
macro_rules! accounts {
    (owners { $($pages:ident, $one:ident = $kind:literal $table:literal ($id:literal): $columns:literal;)* }
     members { $($in_pages:ident, $in_one:ident = $in_kind:literal $in_table:literal ($within:literal, $in_id:literal): $in_columns:literal;)* }) => {
        statements! {
            $(
                $pages = select!($kind, "''", $id, $columns, concat!(
                    "SELECT * FROM ", $table, " a WHERE CAST($1 AS TEXT) = '' AND ", $id, " > $2
                     ORDER BY ", $id, " LIMIT CAST($3 AS BIGINT)"));
                $one = select!($kind, "''", $id, $columns, concat!(
                    "SELECT * FROM ", $table, " a WHERE CAST($1 AS TEXT) = '' AND ", $id, " = $2"));
            )*
            $(
                $in_pages = select!($in_kind, $within, $in_id, $in_columns, concat!(
                    "SELECT * FROM ", $in_table, " a WHERE (", $within, ", ", $in_id, ") > ($1, $2)
                     ORDER BY ", $within, ", ", $in_id, " LIMIT CAST($3 AS BIGINT)"));
                $in_one = select!($in_kind, $within, $in_id, $in_columns, concat!(
                    "SELECT * FROM ", $in_table, " a WHERE ", $within, " = $1 AND ", $in_id, " = $2"));
            )*
        }
    };
}

accounts! {
    owners {
    USERS, USER = "user" "users" ("a.id"):
        "a.models, a.max_budget_nano, a.soft_budget_nano, a.budget_duration, a.budget_limits, a.spend_base_nano, a.extra";
    TEAMS, TEAM = "team" "teams" ("a.id"):
        "a.blocked, a.models, a.model_aliases, a.organization_id AS parent, a.member_budget_id,
         a.max_budget_nano, a.soft_budget_nano, a.budget_duration, a.budget_limits, a.model_max_budget, a.extra";
    ORGANIZATIONS, ORGANIZATION = "organization" "organizations" ("a.id"): "a.blocked, a.models, a.budget_id";
    CUSTOMERS, CUSTOMER = "customer" "customers" ("a.id"): "a.blocked, a.models, a.budget_id";
    TAGS, TAG = "tag" "tags" ("a.name"): "a.models, a.budget_id";
    PROJECTS, PROJECT = "project" "projects" ("a.id"): "a.blocked, a.models, a.team_id AS parent, a.budget_id";
    OLD_SECRETS, OLD_SECRET = "old_secret" "old_secrets" ("a.hash"):
        "a.key_hash AS parent, a.ends_at AS secret_ends_at";
    ACCESS_GROUPS, ACCESS_GROUP = "access_group" "access_groups" ("a.id"): "a.models";
    ALLOWED_IPS, ALLOWED_IP = "allowed_ip" "allowed_ips" ("a.network"): "a.created_at";
    BUDGETS, BUDGET = "budget" "budgets" ("a.id"): "a.max_budget_nano, a.soft_budget_nano, a.budget_duration, a.raise_nano, a.raise_until";
    }
    members {
    MEMBERS, MEMBER = "member" "team_members" ("a.team_id", "a.user_id"): "a.allowed_models AS models, a.budget_id";
    ORGANIZATION_MEMBERS, ORGANIZATION_MEMBER = "organization_member" "organization_members" ("a.organization_id", "a.user_id"):
        "a.budget_id";
    KEY_MODELS, KEY_MODEL = "key_model" "(SELECT * FROM model_budgets WHERE kind = 'key_model')" ("a.owner", "a.model"):
        "a.max_nano AS max_budget_nano, a.duration AS budget_duration";
    USER_MODELS, USER_MODEL = "user_model" "(SELECT * FROM model_budgets WHERE kind = 'user_model')" ("a.owner", "a.model"):
        "a.max_nano AS max_budget_nano, a.duration AS budget_duration";
    TEAM_MODELS, TEAM_MODEL = "team_model" "(SELECT * FROM model_budgets WHERE kind = 'team_model')" ("a.owner", "a.model"):
        "a.max_nano AS max_budget_nano, a.duration AS budget_duration";
    }
}

/// An account and what is stored of it.
pub type StoredAccount = (AccountId, Stored<AccountPolicy>);

/// Some accounts of one kind, in the order of their names.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountPage {
    /// Never [`Stored::Gone`].
    pub accounts: Vec<StoredAccount>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<AccountStart>,
}

/// The account after which a page begins; the default is the first page of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountStart(AccountId);

impl Default for AccountStart {
    fn default() -> Self {
        Self::of(AccountKind::ALL[0])
    }
}

impl AccountStart {
    fn of(kind: AccountKind) -> Self {
        Self(AccountId { kind, within: Box::default(), id: Box::default() })
    }

    fn after(kind: AccountKind) -> Option<Self> {
        let kinds = AccountKind::ALL.iter().skip_while(|other| **other != kind);
        kinds.copied().nth(1).map(Self::of)
    }
}

impl Policy<'_> {
    /// The next accounts, kind after kind, `limit` at most. Pages are of different moments, as those of keys.
    ///
    /// # Errors
    /// When the database fails. A row that cannot be read is told as such and stops nobody.
    pub async fn account_page(&self, start: &AccountStart, limit: u32) -> Result<AccountPage, StoreError> {
        let limit = limit.max(1);
        let AccountId { kind, within, id } = &start.0;
        let accounts = on!(self.db.fresh(), |pool| {
            let query = sqlx::query(statements_of(*kind).0).bind(&**within).bind(&**id);
            read(*kind, &query.bind(i64::from(limit)).fetch_all(pool).await?)?
        });
        let last = accounts.last().filter(|_| accounts.len() >= limit as usize);
        let next = last.map(|(id, _)| AccountStart(id.clone())).or_else(|| AccountStart::after(*kind));
        Ok(AccountPage { accounts, next })
    }

    /// One account as it is now.
    ///
    /// # Errors
    /// When the database fails. A row that cannot be read is told as such.
    pub async fn account(&self, account: AccountId) -> Result<StoredAccount, StoreError> {
        let AccountId { kind, within, id } = &account;
        let mut found = on!(self.db.fresh(), |pool| {
            let query = sqlx::query(statements_of(*kind).1).bind(&**within).bind(&**id);
            read(*kind, &query.fetch_all(pool).await?)?
        });
        Ok(found.pop().unwrap_or((account, Stored::Gone)))
    }
}

/// A page of a kind, and one of it.
const fn statements_of(kind: AccountKind) -> (&'static str, &'static str) {
    match kind {
        AccountKind::User => (USERS, USER),
        AccountKind::Team => (TEAMS, TEAM),
        AccountKind::Member => (MEMBERS, MEMBER),
        AccountKind::Organization => (ORGANIZATIONS, ORGANIZATION),
        AccountKind::OrganizationMember => (ORGANIZATION_MEMBERS, ORGANIZATION_MEMBER),
        AccountKind::Customer => (CUSTOMERS, CUSTOMER),
        AccountKind::Tag => (TAGS, TAG),
        AccountKind::Project => (PROJECTS, PROJECT),
        AccountKind::Budget => (BUDGETS, BUDGET),
        AccountKind::KeyModel => (KEY_MODELS, KEY_MODEL),
        AccountKind::UserModel => (USER_MODELS, USER_MODEL),
        AccountKind::OldSecret => (OLD_SECRETS, OLD_SECRET),
        AccountKind::TeamModel => (TEAM_MODELS, TEAM_MODEL),
        AccountKind::AccessGroup => (ACCESS_GROUPS, ACCESS_GROUP),
        AccountKind::AllowedIp => (ALLOWED_IPS, ALLOWED_IP),
    }
}

/// A row; columns that a kind does not have stay empty.
#[derive(Default, sqlx::FromRow)]
#[sqlx(default)]
struct AccountRow {
    blocked: Option<i64>,
    models: Option<String>,
    model_aliases: Option<String>,
    parent: Option<String>,
    secret_ends_at: Option<i64>,
    budget_id: Option<String>,
    member_budget_id: Option<String>,
    max_budget_nano: Option<i64>,
    soft_budget_nano: Option<i64>,
    budget_duration: Option<String>,
    budget_limits: Option<String>,
    model_max_budget: Option<String>,
    raise_nano: Option<i64>,
    raise_until: Option<i64>,
    extra: Option<String>,
    spend_base_nano: Option<i64>,
    total_nano: Option<i64>,
    window_duration: Option<String>,
    ends_at: Option<i64>,
    base_nano: Option<i64>,
}

/// Accounts out of rows of which each has one window of an account.
fn read<'r, R>(kind: AccountKind, rows: &'r [R]) -> Result<Vec<StoredAccount>, StoreError>
where
    R: Row,
    AccountRow: FromRow<'r, R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    let mut accounts = Vec::<StoredAccount>::new();
    for row in rows {
        let boxed = |name| row.try_get::<String, _>(name).map(String::into_boxed_str);
        let id = AccountId { kind, within: boxed("within")?, id: boxed("id")? };
        let read = AccountRow::from_row(row).map_err(StoreError::from);
        let read = read.and_then(|row| row.read(id.clone()));
        match (accounts.last_mut(), read) {
            (Some((last, Stored::Policy(policy))), Ok(more)) if *last == id => {
                policy.windows = policy.windows.iter().chain(&more.windows).cloned().collect();
            }
            (_, Ok(policy)) => accounts.push((id, Stored::Policy(policy))),
            (_, Err(error)) => accounts.push((id, Stored::Unreadable(error.to_string()))),
        }
    }
    // What cannot be read is the same on each of its rows.
    accounts.dedup_by(|one, other| one.0 == other.0);
    Ok(accounts)
}

impl AccountRow {
    fn read(self, id: AccountId) -> Result<AccountPolicy, StoreError> {
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        let aliases: BTreeMap<Box<str>, Box<str>> = json("teams.model_aliases", self.model_aliases)?;
        let window = window(self.window_duration, self.ends_at, self.base_nano);
        // Where no window says what counts, a user's own row does.
        let own = self.spend_base_nano.map(|base| Window::for_ever(Money(base)));
        Ok(AccountPolicy {
            id,
            blocked: self.blocked.is_some_and(|blocked| blocked != 0),
            models: json("models", self.models)?,
            aliases: aliases.into_iter().collect(),
            parent: boxed(self.parent),
            ends: self.secret_ends_at.map(Timestamp),
            budget_id: boxed(self.budget_id),
            member_budget_id: boxed(self.member_budget_id),
            limits: Limits {
                max: self.max_budget_nano.map(Money),
                soft: self.soft_budget_nano.map(Money),
                duration: boxed(self.budget_duration),
                more: more_limits(
                    json::<Option<_>>("budget_limits", self.budget_limits)?.unwrap_or_default(),
                )?,
                raise: raise(self.raise_nano, self.raise_until),
            },
            access_groups: terms::access_groups_in(self.extra.as_deref())?,
            budgeted_models: match self.model_max_budget {
                Some(text) => terms::budgeted_models(&json("model_max_budget", Some(text))?)?,
                None => terms::budgeted_models_in(self.extra.as_deref())?,
            },
            spend: Money(self.total_nano.unwrap_or_default()),
            windows: window.or(own).into_iter().collect(),
        })
    }
}

/// Out of the columns of a budget.
pub(crate) fn raise(nano: Option<i64>, until: Option<i64>) -> Option<Raise> {
    let raise = |(nano, until)| Raise { by: Money(nano), until: Timestamp(until) };
    nano.zip(until).map(raise)
}

/// JSON that may not be there.
fn json<T: Default + DeserializeOwned>(what: &'static str, text: Option<String>) -> Result<T, StoreError> {
    text.filter(|text| !text.is_empty()).map_or_else(|| Ok(T::default()), |text| from_json(what, &text))
}

/// Several budgets at once, as the compatible surface writes them.
#[derive(Deserialize)]
pub(super) struct MoreLimits {
    budget_duration: Box<str>,
    max_budget: f64,
}

pub(super) fn more_limits(list: Vec<MoreLimits>) -> Result<Box<[TimedLimit]>, StoreError> {
    let list = list.into_iter().map(|more| {
        let max = Money::from_dollars(more.max_budget);
        let max = max.map_err(|error| StoreError::corrupt("budget_limits", error))?;
        Ok(TimedLimit { duration: more.budget_duration, max })
    });
    list.collect()
}
