//! Settings that management changes while the product runs: a JSON object under each name.

use serde_json::{Map, Value};

use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::keys::{from_json, to_json};
use crate::policy::Subject;
use crate::sql::statements;

/// Longest text of one document.
pub const DOCUMENT_BYTES_MAX: usize = 256 << 10;

statements! {
    GET = "SELECT value FROM documents WHERE name = $1";
    PUT = "INSERT INTO documents (name, value, updated_at, updated_by) VALUES ($1, $2, $3, $4)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by";
}

/// The table's name on the compatible surface, for the audit log.
const TABLE: &str = "LiteLLM_Config";

pub struct Documents<'a> {
    pub(crate) db: &'a Db,
}

impl Documents<'_> {
    /// The document of a name; empty when it was never written.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, name: &str) -> Result<Map<String, Value>, StoreError> {
        let text = on!(self.db.fresh(), |pool| {
            sqlx::query_scalar::<_, String>(GET).bind(name).fetch_optional(pool).await
        })?;
        text.map_or_else(|| Ok(Map::new()), |text| from_json("documents.value", &text))
    }

    /// Lets `change` change a document as it is now, and returns it as it is then. A refusal of `change` leaves it as it was.
    ///
    /// # Errors
    /// What `change` refuses with; [`StoreError::TooMany`] beyond [`DOCUMENT_BYTES_MAX`].
    pub async fn update<E: From<StoreError>>(
        &self,
        name: &str,
        actor: &Actor,
        change: impl FnOnce(&mut Map<String, Value>) -> Result<(), E>,
    ) -> Result<Map<String, Value>, E> {
        let mut tx = self.db.begin().await?;
        // Its lock is held until commit: of two who change at once, the second sees what the first wrote.
        tx.record_change(Subject::Setting(name), "updated", actor).await?;
        let before = tx.document(name).await?;
        let mut after = before.clone();
        change(&mut after)?;
        tx.put_document(name, &after, actor).await?;
        let object = Object { table: TABLE, id: name.to_owned(), team_id: None, key_hash: None };
        let entry = Change {
            action: "updated",
            object,
            before: Some(Value::Object(before)),
            after: Some(Value::Object(after.clone())),
        };
        tx.audit(entry, actor).await?;
        tx.commit().await?;
        Ok(after)
    }
}

impl Tx {
    async fn document(&mut self, name: &str) -> Result<Map<String, Value>, StoreError> {
        let text = on!(self, |tx| {
            sqlx::query_scalar::<_, String>(GET).bind(name).fetch_optional(&mut **tx).await?
        });
        text.map_or_else(|| Ok(Map::new()), |text: String| from_json("documents.value", &text))
    }

    async fn put_document(
        &mut self,
        name: &str,
        document: &Map<String, Value>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let text = to_json(document)?;
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(StoreError::TooMany("values in this setting"));
        }
        on!(self, |tx| {
            let query = sqlx::query(PUT).bind(name).bind(&text).bind(actor.at.micros()).bind(&actor.id);
            query.execute(&mut **tx).await?;
        });
        Ok(())
    }
}
