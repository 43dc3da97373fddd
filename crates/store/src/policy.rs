//! What gateways must know: a snapshot of every key's policy, and the tail of changes since.
//!
//! Read from the database that takes writes, never from a replica: what was revoked must not be seen late.

use std::collections::HashMap;

use domain::KeyPolicy;
use kit::{KeyHash, Money, Timestamp};
use sqlx::postgres::PgListener;

use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Db, Either, Tx, on};
use crate::keys::from_json;
use crate::sql::statements;

/// The channel on which Postgres tells of a change, and how to tell; SQLite has no such thing.
const CHANNEL: &str = "bulkhead_policy";
const NOTIFY: &str = "NOTIFY bulkhead_policy";

macro_rules! policy_columns {
    () => {
        "k.hash, k.alias, k.user_id, k.team_id, k.organization_id, k.models, k.aliases, k.metadata,
         k.max_budget_nano, k.spend_nano, k.blocked, k.expires_at"
    };
}

statements! {
    HEAD = "SELECT seq FROM policy_clock";
    // The row's lock is held to commit: a lower number can never appear after a higher one was seen.
    TICK = "UPDATE policy_clock SET seq = seq + 1 WHERE id = 1 RETURNING seq";
    RECORD = "INSERT INTO policy_changes (seq, at, key_hash, action, actor, changed_by)
              VALUES ($1, $2, $3, $4, $5, $6)";
    KEY = concat!("SELECT ", policy_columns!(), " FROM keys k WHERE k.hash = $1");
    // One statement, so the number and the rows are of one moment.
    SNAPSHOT = concat!("SELECT p.seq AS head, ", policy_columns!(),
                       " FROM policy_clock p LEFT JOIN keys k ON 1 = 1");
    CHANGES = concat!("SELECT p.seq AS head, c.seq AS change_seq, c.key_hash AS change_key, ", policy_columns!(),
                      " FROM policy_clock p
                        LEFT JOIN policy_changes c ON c.seq > CAST($1 AS BIGINT)
                        LEFT JOIN keys k ON k.hash = c.key_hash
                        ORDER BY c.seq LIMIT CAST($2 AS BIGINT)");
    SPEND_SINCE = "SELECT hash, spend_nano, spend_changed_at FROM keys
                   WHERE max_budget_nano IS NOT NULL AND spend_changed_at > $1";
}

/// Part of the tail of changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The number of the newest change there is. Below the number asked with: the database was replaced
    /// or restored, and only a snapshot helps.
    pub head: i64,
    /// What to ask with next; below `head` when there are more.
    pub next: i64,
    /// Each key that changed, once, as it is now; `None` when it is gone.
    pub keys: Vec<(KeyHash, Option<KeyPolicy>)>,
}

#[derive(sqlx::FromRow)]
struct PolicyRow {
    hash: Option<String>,
    alias: Option<String>,
    user_id: Option<String>,
    team_id: Option<String>,
    organization_id: Option<String>,
    models: Option<String>,
    aliases: Option<String>,
    metadata: Option<String>,
    max_budget_nano: Option<i64>,
    spend_nano: Option<i64>,
    blocked: Option<i64>,
    expires_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    head: i64,
    #[sqlx(flatten)]
    policy: PolicyRow,
}

#[derive(sqlx::FromRow)]
struct ChangeRow {
    head: i64,
    change_seq: Option<i64>,
    change_key: Option<String>,
    #[sqlx(flatten)]
    policy: PolicyRow,
}

pub struct Policy<'a> {
    pub(crate) db: &'a Db,
}

impl Policy<'_> {
    /// The number of the newest change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head(&self) -> Result<i64, StoreError> {
        Ok(on!(self.db.fresh(), |pool| sqlx::query_scalar::<_, i64>(HEAD).fetch_one(pool).await)?)
    }

    /// Every key's policy, and the number to tail from.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn snapshot(&self) -> Result<(i64, Vec<KeyPolicy>), StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, SnapshotRow>(SNAPSHOT).fetch_all(pool).await
        })?;
        let head = rows.first().map_or(0, |row| row.head);
        let keys = rows.into_iter().filter_map(|row| row.policy.read().transpose());
        Ok((head, keys.collect::<Result<_, _>>()?))
    }

    /// What changed after `seq`, at most `limit` changes of it.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn changes_since(&self, seq: i64, limit: u32) -> Result<Changes, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, ChangeRow>(CHANGES).bind(seq);
            query.bind(i64::from(limit.max(1))).fetch_all(pool).await
        })?;
        let head = rows.first().map_or(seq, |row| row.head);
        let next = rows.iter().filter_map(|row| row.change_seq).max().unwrap_or(seq);
        let mut keys = HashMap::new();
        for row in rows {
            if let Some(hash) = row.change_key {
                keys.insert(parse_hash(&hash)?, row.policy.read()?);
            }
        }
        Ok(Changes { head, next, keys: keys.into_iter().collect() })
    }

    /// One key's policy; `None` when there is no such key.
    ///
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn key(&self, hash: KeyHash) -> Result<Option<KeyPolicy>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, PolicyRow>(KEY).bind(hash.to_hex()).fetch_optional(pool).await
        })?;
        row.map_or(Ok(None), PolicyRow::read)
    }

    /// Spend of the keys with a budget whose spend changed after `since`, and when it did. These times are
    /// strictly increasing in the order of commits, so asking with the latest one seen misses none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_since(
        &self,
        since: Timestamp,
    ) -> Result<Vec<(KeyHash, Money, Timestamp)>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, (String, i64, i64)>(SPEND_SINCE).bind(since.micros()).fetch_all(pool).await
        })?;
        let read =
            |(hash, spend, at): (String, i64, i64)| Ok((parse_hash(&hash)?, Money(spend), Timestamp(at)));
        rows.into_iter().map(read).collect()
    }

    /// A subscription to changes on Postgres; `None` on SQLite. It can miss some (a pooler between, a
    /// lost connection), so it may only shorten the wait between polls.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wakeups(&self) -> Result<Option<WakeUps>, StoreError> {
        let Either::Postgres(pool) = self.db.writer() else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(WakeUps { listener }))
    }
}

/// Resolves when some policy may have changed.
pub struct WakeUps {
    listener: PgListener,
}

impl WakeUps {
    /// Waits for the next change, or for the connection to be made anew after it was lost.
    ///
    /// # Errors
    /// When the connection is lost and cannot be made again; then subscribe anew later.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.listener.try_recv().await?;
        Ok(())
    }
}

impl PolicyRow {
    fn read(self) -> Result<Option<KeyPolicy>, StoreError> {
        let Some(hash) = self.hash else { return Ok(None) };
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        let list = |text: Option<String>| text.unwrap_or_else(|| "[]".into());
        let map = |text: Option<String>| text.unwrap_or_else(|| "{}".into());
        let aliases: std::collections::BTreeMap<Box<str>, Box<str>> =
            from_json("keys.aliases", &map(self.aliases))?;
        Ok(Some(KeyPolicy {
            hash: parse_hash(&hash)?,
            alias: boxed(self.alias),
            user_id: boxed(self.user_id),
            team_id: boxed(self.team_id),
            organization_id: boxed(self.organization_id),
            models: from_json("keys.models", &list(self.models))?,
            aliases: aliases.into_iter().collect(),
            tags: tags(&map(self.metadata))?,
            max_budget: self.max_budget_nano.map(Money),
            spend: Money(self.spend_nano.unwrap_or_default()),
            blocked: self.blocked.is_some_and(|blocked| blocked != 0),
            expires: self.expires_at.map(Timestamp),
        }))
    }
}

/// `metadata.tags`, without building the rest of the metadata.
fn tags(metadata: &str) -> Result<Box<[Box<str>]>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Tagged {
        #[serde(default)]
        tags: serde_json::Value,
    }
    if !metadata.contains("\"tags\"") {
        return Ok(Box::default());
    }
    let tagged: Tagged = from_json("keys.metadata", metadata)?;
    let tags = tagged.tags.as_array().map(|tags| tags.iter().filter_map(|tag| tag.as_str()));
    Ok(tags.map(|tags| tags.map(Box::from).collect()).unwrap_or_default())
}

fn parse_hash(text: &str) -> Result<KeyHash, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt("keys.hash", error))
}

impl Tx {
    /// Takes the next number and notes the change; in the same transaction as the change itself.
    pub(crate) async fn record_change(
        &mut self,
        key: KeyHash,
        action: &'static str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        on!(self, |tx| {
            let seq = sqlx::query_scalar::<_, i64>(TICK).fetch_one(&mut **tx).await?;
            sqlx::query(RECORD)
                .bind(seq)
                .bind(actor.at.micros())
                .bind(key.to_hex())
                .bind(action)
                .bind(&actor.id)
                .bind(&actor.changed_by)
                .execute(&mut **tx)
                .await?;
        });
        if let Self::Postgres(tx) = self {
            sqlx::query(NOTIFY).execute(&mut **tx).await?;
        }
        Ok(())
    }
}
