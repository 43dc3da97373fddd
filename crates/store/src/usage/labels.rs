//! What people call those whom usage is counted for.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Dimension, Usage};
use crate::StoreError;
use crate::reads::read;
use crate::values::{Batch, Placeholders};

macro_rules! labels {
    ($name:literal, $columns:literal, $joins:literal) => {
        LazyLock::new(|| {
            let head = concat!("SELECT a.column1 AS id, ", $columns, " FROM (");
            Batch::new($name, head, &["TEXT"], concat!(") AS a ", $joins))
        })
    };
}

/// Deleted keys included.
static OF_KEYS: LazyLock<Batch> = labels!(
    "LABELS_OF_KEYS",
    "COALESCE(k.alias, x.alias) AS alias, COALESCE(k.team_id, x.team_id) AS team_id,
     COALESCE(k.user_id, x.user_id) AS user_id, u.email AS user_email,
     CAST(CASE WHEN k.hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS is_there",
    "LEFT JOIN keys k ON k.hash = a.column1 LEFT JOIN deleted_keys x ON x.hash = a.column1
     LEFT JOIN users u ON u.id = COALESCE(k.user_id, x.user_id)"
);
static OF_TEAMS: LazyLock<Batch> =
    labels!("LABELS_OF_TEAMS", "t.alias AS label", "JOIN teams t ON t.id = a.column1");
static OF_ORGANIZATIONS: LazyLock<Batch> =
    labels!("LABELS_OF_ORGANIZATIONS", "o.alias AS label", "JOIN organizations o ON o.id = a.column1");
static OF_USERS: LazyLock<Batch> =
    labels!("LABELS_OF_USERS", "COALESCE(u.alias, u.email) AS label", "JOIN users u ON u.id = a.column1");
static OF_CUSTOMERS: LazyLock<Batch> =
    labels!("LABELS_OF_CUSTOMERS", "c.alias AS label", "JOIN customers c ON c.id = a.column1");

pub(super) fn batches() -> [&'static Batch; 5] {
    [&OF_KEYS, &OF_TEAMS, &OF_ORGANIZATIONS, &OF_USERS, &OF_CUSTOMERS]
}

/// A key as people know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyLabel {
    /// Its hash, or the master key's label.
    pub id: String,
    pub alias: Option<String>,
    pub team_id: Option<String>,
    pub user_id: Option<String>,
    pub user_email: Option<String>,
    /// 0 once it is deleted, and of the master key.
    pub is_there: i64,
}

impl Usage<'_> {
    /// Keys by their hashes; one statement per 64.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn key_labels(&self, keys: &[String]) -> Result<HashMap<String, KeyLabel>, StoreError> {
        let mut labels = HashMap::new();
        for (text, part) in OF_KEYS.parts(keys, Placeholders::Numbered) {
            let rows: Vec<KeyLabel> = read!(self.db, Report, |connection| {
                let query = part.iter().fold(sqlx::query_as(text), |query, key| query.bind(key));
                query.fetch_all(&mut **connection).await?
            })?;
            labels.extend(rows.into_iter().map(|label| (label.id.clone(), label)));
        }
        Ok(labels)
    }

    /// What owners are called, where they have another name than their id; one statement per 64.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn labels(&self, of: Dimension, ids: &[String]) -> Result<HashMap<String, String>, StoreError> {
        let batch: &'static Batch = match of {
            Dimension::Team => &OF_TEAMS,
            Dimension::Organization => &OF_ORGANIZATIONS,
            Dimension::User => &OF_USERS,
            Dimension::Customer => &OF_CUSTOMERS,
            Dimension::Key => {
                let keys = self.key_labels(ids).await?.into_values();
                return Ok(keys.filter_map(|key| Some((key.id, key.alias?))).collect());
            }
            _ => return Ok(HashMap::new()),
        };
        let mut labels = HashMap::new();
        for (text, part) in batch.parts(ids, Placeholders::Numbered) {
            let rows: Vec<(String, Option<String>)> = read!(self.db, Report, |connection| {
                let query = part.iter().fold(sqlx::query_as(text), |query, id| query.bind(id));
                query.fetch_all(&mut **connection).await?
            })?;
            labels.extend(rows.into_iter().filter_map(|(id, label)| Some((id, label?))));
        }
        Ok(labels)
    }
}
