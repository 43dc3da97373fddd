//! Users: the rows, their pages, and every write with its entry in the audit log.

mod entry;
mod query;
mod row;
mod write;

use domain::{Role, User};

pub use crate::nouns::KEYS_MAX;
pub(crate) use entry::change;
pub use query::{UserQuery, UserSort};
pub use write::{Places, UserPatch};

use row::UserRow;

use crate::StoreError;
use crate::db::{Db, on};
use crate::sql::statements;

/// A user's row, what their keys spent since it was last set, and how many keys they have.
macro_rules! select_users {
    () => {
        "SELECT u.id, u.email, u.alias, u.role, u.sso_id, u.models, u.metadata, u.max_budget_nano, u.created_at,
                u.created_by, u.updated_at, u.updated_by, u.extra,
                COALESCE(r.spend_nano, 0) - COALESCE(w.base_nano, u.spend_base_nano) AS spend_nano,
                CASE WHEN w.duration <> '' THEN w.ends_at END AS resets_at,
                (SELECT COUNT(*) FROM keys k WHERE k.user_id = u.id) AS key_count
         FROM users u LEFT JOIN running_totals r ON r.kind = 'user' AND r.within = '' AND r.id = u.id
           LEFT JOIN budget_windows w ON w.kind = 'user' AND w.within = '' AND w.id = u.id
             AND w.duration = COALESCE(u.budget_duration, '') "
    };
}
pub(crate) use select_users;

statements! {
    GET = concat!(select_users!(), "WHERE u.id = $1");
    BY_EMAIL = concat!(select_users!(), "WHERE u.email_key = LOWER($1)");
    ROLE = "SELECT role FROM users WHERE id = $1";
    ROLES = "SELECT u.role,
               (SELECT COUNT(*) FROM team_members m WHERE m.user_id = u.id AND m.role = 'admin') AS teams,
               (SELECT COUNT(*) FROM organization_members o WHERE o.user_id = u.id AND o.role = 'org_admin') AS orgs
             FROM users u WHERE u.id = $1";
    LEADS = "SELECT role FROM organization_members WHERE organization_id = $1 AND user_id = $2 AND role = 'org_admin'";
    PASSWORD = "SELECT password_hash FROM users WHERE id = $1 AND password_hash IS NOT NULL";
}

/// Every statement about users.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, query::ALL, write::ALL].concat()
}

pub struct Users<'a> {
    pub(crate) db: &'a Db,
}

impl Users<'_> {
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &str) -> Result<Option<User>, StoreError> {
        self.one(GET, id).await
    }

    /// The user with an address, whatever the case of its letters.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        self.one(BY_EMAIL, &email.to_lowercase()).await
    }

    async fn one(&self, text: &'static str, name: &str) -> Result<Option<User>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, UserRow>(text).bind(name).fetch_optional(pool).await
        })?;
        row.map(User::try_from).transpose()
    }

    /// What a user is now; `None` when there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn role(&self, id: &str) -> Result<Option<Role>, StoreError> {
        let name = on!(self.db.fresh(), |pool| {
            sqlx::query_scalar::<_, String>(ROLE).bind(id).fetch_optional(pool).await
        })?;
        name.map(|name| row::role(&name)).transpose()
    }

    /// What a user is now, and what they are besides as an administrator of teams or organisations; empty when there is
    /// no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn roles(&self, id: &str) -> Result<Vec<Role>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, (String, i64, i64)>(ROLES).bind(id).fetch_optional(pool).await?
        });
        let Some((name, teams, organizations)) = row else { return Ok(Vec::new()) };
        let leads = [(teams > 0, Role::TeamAdmin), (organizations > 0, Role::OrgAdmin)];
        let leads = leads.into_iter().filter(|(leads, _)| *leads).map(|(_, role)| role);
        Ok([row::role(&name)?].into_iter().chain(leads).collect())
    }

    /// Whether a user administers an organisation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leads(&self, id: &str, organization: &str) -> Result<bool, StoreError> {
        Ok(on!(self.db.fresh(), |pool| {
            let query = sqlx::query_scalar::<_, String>(LEADS).bind(organization).bind(id);
            query.fetch_optional(pool).await?.is_some()
        }))
    }

    /// The hash of a user's password; `None` when they have none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_hash(&self, id: &str) -> Result<Option<String>, StoreError> {
        Ok(on!(self.db.fresh(), |pool| {
            sqlx::query_scalar::<_, String>(PASSWORD).bind(id).fetch_optional(pool).await
        })?)
    }
}
