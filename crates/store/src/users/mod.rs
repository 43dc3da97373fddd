//! Users: the rows, their pages, and every write with its entry in the audit log.

mod query;
mod row;
mod write;

use domain::{Role, User};

pub use query::{UserQuery, UserSort};
pub use write::{KEYS_MAX, UserPatch};

use row::UserRow;

use crate::StoreError;
use crate::db::{Db, on};
use crate::sql::statements;

/// A user's row, what their keys spent since it was last set, and how many keys they have.
macro_rules! select_users {
    () => {
        "SELECT u.id, u.email, u.alias, u.role, u.sso_id, u.models, u.metadata, u.max_budget_nano, u.created_at,
                u.created_by, u.updated_at, u.updated_by, u.extra,
                COALESCE(r.spend_nano, 0) - u.spend_base_nano AS spend_nano,
                (SELECT COUNT(*) FROM keys k WHERE k.user_id = u.id) AS key_count
         FROM users u LEFT JOIN running_totals r ON r.kind = 'user' AND r.within = '' AND r.id = u.id "
    };
}
pub(crate) use select_users;

statements! {
    GET = concat!(select_users!(), "WHERE u.id = $1");
    BY_EMAIL = concat!(select_users!(), "WHERE u.email_key = LOWER($1)");
    ROLE = "SELECT role FROM users WHERE id = $1";
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
