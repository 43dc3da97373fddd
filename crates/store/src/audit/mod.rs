//! The audit log: who changed what, and what it was before and after.
//!
//! Written in the transaction of the change itself, so there is none without the other.

mod query;
mod redact;

use kit::{KeyHash, Timestamp};
use serde_json::Value;
use uuid::Uuid;

pub use query::{AuditQuery, AuditSort, COUNT_MAX};

use crate::db::{Db, Tx, on};
use crate::keys::to_json;
use crate::sql::statements;
use crate::{Receipt, StoreError};

statements! {
    TICK = "UPDATE audit_clock SET seq = seq + 1 WHERE id = 1 RETURNING seq";
    INSERT = "INSERT INTO audit_log (seq, id, at, actor, changed_by, api_key, ip, action, table_name, object_id,
                team_id, key_hash, before_value, after_value)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    // Bounded by the subquery: neither database deletes with a limit.
    PRUNE = "DELETE FROM audit_log WHERE seq IN
             (SELECT seq FROM audit_log WHERE at < $1 ORDER BY at LIMIT CAST($2 AS BIGINT))";
}

/// Every statement about the audit log.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, query::ALL].concat()
}

/// Who writes, from where, and when.
#[derive(Clone, Debug, Default)]
pub struct Actor {
    /// User id of the caller.
    pub id: String,
    /// The caller's word for who is behind the change (`litellm-changed-by`).
    pub changed_by: Option<String>,
    /// Hash of the caller's key, or the label of the master key; empty for a signed-in browser.
    pub api_key: String,
    /// The client's address.
    pub ip: Option<String>,
    pub at: Timestamp,
    /// Holds back the commit of what is created until the answer is known.
    pub receipt: Option<Receipt>,
}

/// One change of one object.
pub(crate) struct Change {
    pub action: &'static str,
    pub object: Object,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// What was changed, under the table's name on the compatible surface.
pub(crate) struct Object {
    pub table: &'static str,
    pub id: String,
    pub team_id: Option<String>,
    pub key_hash: Option<KeyHash>,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct AuditEntry {
    /// Grows in the order of commits.
    pub seq: i64,
    pub id: String,
    /// Microseconds since 1970.
    pub at: i64,
    /// User id of who did it.
    pub actor: String,
    /// Who is behind it by the caller's word, else the same as `actor`.
    pub changed_by: String,
    pub api_key: String,
    pub ip: Option<String>,
    pub action: String,
    pub table_name: String,
    pub object_id: String,
    pub team_id: Option<String>,
    pub key_hash: Option<String>,
    /// JSON.
    pub before_value: Option<String>,
    /// JSON.
    pub after_value: Option<String>,
}

pub struct Audit<'a> {
    pub(crate) db: &'a Db,
}

impl Audit<'_> {
    /// Forgets entries from before `before`, at most `limit` of them; returns how many went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(on!(self.db.writer(), |pool| {
            let query = sqlx::query(PRUNE).bind(before.micros()).bind(i64::from(limit));
            query.execute(pool).await?.rows_affected()
        }))
    }
}

impl Tx {
    /// Notes a change in the log, without its secrets. Comes last in its transaction: its lock is held to
    /// commit, and those of policy and ledger are always taken before it.
    pub(crate) async fn audit(&mut self, change: Change, actor: &Actor) -> Result<(), StoreError> {
        let text = |value: Option<Value>| {
            value.map(|mut value| {
                redact::redact(&mut value);
                to_json(&value)
            })
        };
        let (before, after) = (text(change.before).transpose()?, text(change.after).transpose()?);
        on!(self, |tx| {
            let seq = sqlx::query_scalar::<_, i64>(TICK).fetch_one(&mut **tx).await?;
            sqlx::query(INSERT)
                .bind(seq)
                .bind(entry_id(actor.at, seq).to_string())
                .bind(actor.at.micros())
                .bind(&actor.id)
                .bind(actor.changed_by.as_ref().unwrap_or(&actor.id))
                .bind(&actor.api_key)
                .bind(&actor.ip)
                .bind(change.action)
                .bind(change.object.table)
                .bind(&change.object.id)
                .bind(&change.object.team_id)
                .bind(change.object.key_hash.map(KeyHash::to_hex))
                .bind(&before)
                .bind(&after)
                .execute(&mut **tx)
                .await?;
        });
        Ok(())
    }
}

/// A UUID, as clients of the surface expect; made of time and number, so it is the only one.
fn entry_id(at: Timestamp, seq: i64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&((at.micros() / 1000) << 16).to_be_bytes());
    bytes[8..].copy_from_slice(&seq.to_be_bytes());
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
