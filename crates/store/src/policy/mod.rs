//! What gateways must know: a snapshot of every key's policy, and the tail of changes since.
//!
//! Read from the database that takes writes, never from a replica: what was revoked must not be seen late.

mod accounts;
mod spend;
mod subject;
mod terms;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::key::KeyTerms;
use domain::{AccountId, AccountKind, KeyPolicy, Limits};
use kit::{KeyHash, Money, Timestamp};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use tokio::time::timeout;

use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Db, Either, Tx, on};
use crate::half_open::PING_TIMEOUT;
use crate::keys::from_json;
use crate::sql::statements;
use crate::windows::window;

pub use accounts::{AccountPage, AccountStart, StoredAccount};
pub use spend::{AccountSpend, KeySpend, Spent};
pub use subject::Subject;

use terms::{Extra, Metadata};
pub(crate) use terms::{amount, key_raise, key_soft_budget};

/// The channel on which Postgres tells of a change, and how to tell; SQLite has no such thing.
const CHANNEL: &str = "bulkhead_policy";
const NOTIFY: &str = "NOTIFY bulkhead_policy";
/// Longest wait for a subscription.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
/// So long without a change, a subscription is asked whether it still stands.
const QUIET_MAX: Duration = Duration::from_secs(5);

macro_rules! policy_columns {
    () => {
        "k.hash, k.alias, k.user_id, k.team_id, k.organization_id, k.models, k.aliases, k.metadata,
         k.max_budget_nano, k.spend_nano, k.blocked, k.expires_at, k.project_id, k.budget_id, k.budget_duration, k.extra,
         w.duration AS window_duration, w.ends_at, w.base_nano"
    };
}

/// A key's windows; a key with several comes as often.
macro_rules! key_windows {
    () => {
        " LEFT JOIN budget_windows w ON w.kind = 'key' AND w.within = '' AND w.id = k.hash "
    };
}

statements! {
    PING = "SELECT 1";
    HEAD = "SELECT seq FROM policy_clock";
    // The row's lock is held to commit: a lower number can never appear after a higher one was seen.
    TICK = "UPDATE policy_clock SET seq = seq + 1 WHERE id = 1 RETURNING seq";
    HOLD = "UPDATE policy_clock SET seq = seq WHERE id = 1";
    RECORD = "INSERT INTO policy_changes (seq, at, kind, within, key_hash, action, actor, changed_by)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    KEY = concat!("SELECT ", policy_columns!(), " FROM keys k", key_windows!(), "WHERE k.hash = $1");
    PAGE = concat!("SELECT ", policy_columns!(),
                   " FROM (SELECT * FROM keys WHERE hash > $1 ORDER BY hash LIMIT CAST($2 AS BIGINT)) k",
                   key_windows!(), "ORDER BY k.hash");
    // One statement, so the numbers and the rows are of one moment. Accounts are read after it: what they are is
    // then as new as their change or newer, and what is newer has a change to come.
    CHANGES = concat!("SELECT p.seq AS head, p.pruned_seq AS pruned, c.seq AS change_seq,
                       c.kind AS change_kind, c.within AS change_within, c.key_hash AS change_id, ", policy_columns!(),
                      " FROM policy_clock p
                        LEFT JOIN (SELECT * FROM policy_changes WHERE seq > CAST($1 AS BIGINT)
                                   ORDER BY seq LIMIT CAST($2 AS BIGINT)) c ON 1 = 1
                        LEFT JOIN keys k ON c.kind = 'key' AND k.hash = c.key_hash",
                      key_windows!(), "ORDER BY c.seq");
    // Of the oldest changes, the newest that may go: too old, or too far behind the newest.
    PRUNABLE = "SELECT MAX(c.seq) FROM
                  (SELECT seq, at FROM policy_changes ORDER BY seq LIMIT CAST($1 AS BIGINT)) c, policy_clock p
                WHERE c.at < CAST($2 AS BIGINT) OR c.seq <= p.seq - CAST($3 AS BIGINT)";
    // Takes the lock of all who write policy, so that two processes that prune come one after the other.
    SET_PRUNED = "UPDATE policy_clock SET pruned_seq = $1 WHERE id = 1 AND pruned_seq < $1";
    PRUNE = "DELETE FROM policy_changes WHERE seq <= $1";
}

/// Every statement about policy.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, accounts::ALL, spend::ALL].concat()
}

/// Most changes that one transaction removes.
const PRUNED_AT_ONCE_MAX: i64 = 1_000;

/// A key or an account as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored<P = KeyPolicy> {
    Policy(P),
    /// The row is there but makes no sense: nobody can tell what it allows. With the reason.
    Unreadable(String),
    Gone,
}

impl Stored {
    /// Takes in another row of the same key, which tells another window of it.
    fn add_windows(&mut self, other: &Self) {
        if let (Self::Policy(policy), Self::Policy(other)) = (self, other)
            && let (Some(terms), Some(more)) = (&mut policy.terms, &other.terms)
        {
            terms.windows = terms.windows.iter().chain(&more.windows).cloned().collect();
        }
    }
}

/// Some keys in the order of their hashes.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Never [`Stored::Gone`].
    pub keys: Vec<(KeyHash, Stored)>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<PageStart>,
}

/// The stored hash after which a page of keys begins; the default is the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageStart(pub String);

/// Part of the tail of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The number of the newest change there is. Below the number asked with: the database was replaced
    /// or restored, and only a snapshot helps.
    pub head: i64,
    /// Changes up to this number are no longer kept: who has not seen them needs a snapshot.
    pub pruned: i64,
    /// What to ask with next; below `head` when there are more.
    pub next: i64,
    /// Each key that changed, once, as it is now.
    pub keys: Vec<(KeyHash, Stored)>,
    /// Each account that changed, once, as it is now.
    pub accounts: Vec<StoredAccount>,
    /// Whether models or credentials are among what changed: who needs them reads all of them again.
    pub models: bool,
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
    project_id: Option<String>,
    budget_id: Option<String>,
    budget_duration: Option<String>,
    extra: Option<String>,
    window_duration: Option<String>,
    ends_at: Option<i64>,
    base_nano: Option<i64>,
}

/// What stands beside a key in the tail.
#[derive(sqlx::FromRow)]
struct ChangeRow {
    head: i64,
    pruned: i64,
    change_seq: Option<i64>,
    change_kind: Option<String>,
    change_within: Option<String>,
    change_id: Option<String>,
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

    /// The next keys in the order of their hashes, `limit` at most. Pages are of different moments: who
    /// reads them all takes [`head`](Self::head) before, and follows the changes since.
    ///
    /// # Errors
    /// When the database fails. A row that cannot be read is told as such and stops nobody.
    pub async fn page(&self, start: &PageStart, limit: u32) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        on!(self.db.fresh(), |pool| {
            let query = sqlx::query(PAGE).bind(&start.0).bind(i64::from(limit));
            let rows = query.fetch_all(pool).await?;
            // Fewer keys than rows make one page more, which is empty.
            let full = rows.len() >= limit as usize;
            let last = rows.last().filter(|_| full).map(|row| row.try_get("hash")).transpose()?;
            let mut keys = Vec::<(KeyHash, Stored)>::with_capacity(rows.len());
            for (hash, stored) in rows.iter().filter_map(stored) {
                match keys.last_mut() {
                    Some((last, before)) if *last == hash => before.add_windows(&stored),
                    _ => keys.push((hash, stored)),
                }
            }
            Ok(Page { keys, next: last.map(PageStart) })
        })
    }

    /// What changed after `seq`, at most `limit` changes of it.
    ///
    /// # Errors
    /// When the database fails. A row that cannot be read is told as such and stops nobody.
    pub async fn changes_since(&self, seq: i64, limit: u32) -> Result<Changes, StoreError> {
        let mut changes = Changes { head: seq, pruned: 0, next: seq, ..Changes::default() };
        let (mut keys, mut accounts) = (HashMap::<_, (i64, Stored)>::new(), BTreeSet::new());
        on!(self.db.fresh(), |pool| {
            let query = sqlx::query(CHANGES).bind(seq).bind(i64::from(limit.max(1)));
            for row in &query.fetch_all(pool).await? {
                let change = ChangeRow::from_row(row)?;
                (changes.head, changes.pruned) = (change.head, change.pruned);
                changes.next = changes.next.max(change.change_seq.unwrap_or(seq));
                let number = change.change_seq.unwrap_or(seq);
                match change.changed() {
                    Some(Changed::Key(hash)) => {
                        let stored = stored(row).map_or(Stored::Gone, |(_, stored)| stored);
                        match keys.get_mut(&hash) {
                            Some((seen, before)) if *seen == number => before.add_windows(&stored),
                            _ => drop(keys.insert(hash, (number, stored))),
                        }
                    }
                    Some(Changed::Account(account)) => {
                        accounts.insert(account);
                    }
                    Some(Changed::Models) => changes.models = true,
                    None => {}
                }
            }
        });
        changes.keys = keys.into_iter().map(|(hash, (_, stored))| (hash, stored)).collect();
        for account in accounts {
            changes.accounts.push(self.account(account).await?);
        }
        Ok(changes)
    }

    /// Removes the oldest changes, a bounded number of them: those noted before `before`, and all but the
    /// newest `kept_max`. Returns whether there may be more to remove.
    ///
    /// # Errors
    /// When the database fails; then nothing is removed.
    pub async fn prune(&self, before: Timestamp, kept_max: u32) -> Result<bool, StoreError> {
        let prunable = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_scalar::<_, Option<i64>>(PRUNABLE).bind(PRUNED_AT_ONCE_MAX);
            query.bind(before.micros()).bind(i64::from(kept_max)).fetch_one(pool).await?
        });
        let Some(seq) = prunable else { return Ok(false) };
        let mut tx = self.db.begin().await?;
        let removed = on!(&mut tx, |tx| {
            sqlx::query(SET_PRUNED).bind(seq).execute(&mut **tx).await?;
            sqlx::query(PRUNE).bind(seq).execute(&mut **tx).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(removed > 0)
    }

    /// One key's policy; `None` when there is no such key.
    ///
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn key(&self, hash: KeyHash) -> Result<Option<KeyPolicy>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, PolicyRow>(KEY).bind(hash.to_hex()).fetch_all(pool).await
        })?;
        let mut key = Stored::Gone;
        for row in rows {
            match row.read()? {
                Some(policy) if key == Stored::Gone => key = Stored::Policy(policy),
                Some(policy) => key.add_windows(&Stored::Policy(policy)),
                None => {}
            }
        }
        Ok(if let Stored::Policy(policy) = key { Some(policy) } else { None })
    }

    /// A subscription to changes on Postgres; `None` on SQLite. It can miss some (a pooler between, a
    /// lost connection), so it may only shorten the wait between polls.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wakeups(&self) -> Result<Option<WakeUps>, StoreError> {
        let Either::Postgres(pool) = self.db.writer() else { return Ok(None) };
        // A pool of its own: a subscription that ends on a dead connection must keep no place in the other.
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(LISTEN_TIMEOUT);
        let own = own.connect_lazy_with(pool.connect_options().as_ref().clone());
        let subscribe = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, StoreError>(listener)
        };
        let listener = timeout(LISTEN_TIMEOUT, subscribe).await.unwrap_or_else(|_| Err(silence()))?;
        Ok(Some(WakeUps { listener }))
    }
}

/// Resolves when some policy may have changed.
pub struct WakeUps {
    listener: PgListener,
}

impl WakeUps {
    /// Waits for the next change, or for the connection to be made anew after it was lost. A connection that
    /// is open and dead counts as lost.
    ///
    /// # Errors
    /// When the connection is lost and cannot be made again; then subscribe anew later.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        loop {
            if let Ok(heard) = timeout(QUIET_MAX, self.listener.try_recv()).await {
                heard?;
                return Ok(());
            }
            // Nothing changed, or the connection is dead: it has to say which.
            let ping = sqlx::query(PING).execute(&mut self.listener);
            timeout(PING_TIMEOUT, ping).await.map_err(|_| silence())??;
        }
    }
}

fn silence() -> StoreError {
    StoreError::Unavailable("the connection that listens for changes does not answer".into())
}

/// What changed, as far as it is known here.
enum Changed {
    Key(KeyHash),
    Account(AccountId),
    Models,
}

impl ChangeRow {
    /// `None` for what gateways do not decide by, and for kinds of a later version.
    fn changed(self) -> Option<Changed> {
        let (kind, id) = (self.change_kind?, self.change_id?);
        if kind == "key" {
            return known_hash(&id).map(Changed::Key);
        }
        if kind == "model" || kind == "credential" {
            return Some(Changed::Models);
        }
        let within = self.change_within.unwrap_or_default().into();
        Some(Changed::Account(AccountId { kind: AccountKind::parse(&kind)?, within, id: id.into() }))
    }
}

/// A key as a row tells it; `None` where the row is about no key that anyone could present.
fn stored<'r, R>(row: &'r R) -> Option<(KeyHash, Stored)>
where
    R: Row,
    PolicyRow: FromRow<'r, R>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    let hash = known_hash(&row.try_get::<Option<String>, _>("hash").ok().flatten()?)?;
    let read = PolicyRow::from_row(row).map_err(StoreError::from).and_then(PolicyRow::read);
    Some((
        hash,
        match read {
            Ok(Some(policy)) => Stored::Policy(policy),
            Ok(None) => Stored::Gone,
            Err(error) => Stored::Unreadable(error.to_string()),
        },
    ))
}

/// A stored hash. What is none is no key that anyone could present.
fn known_hash(text: &str) -> Option<KeyHash> {
    let hash = text.parse().ok();
    if hash.is_none() {
        tracing::error!(hash = text, "a key's row is passed over: its hash is none");
    }
    hash
}

impl PolicyRow {
    fn read(self) -> Result<Option<KeyPolicy>, StoreError> {
        let Some(hash) = self.hash else { return Ok(None) };
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        let list = |text: Option<String>| text.unwrap_or_else(|| "[]".into());
        let map = |text: Option<String>| text.unwrap_or_else(|| "{}".into());
        let aliases: BTreeMap<Box<str>, Box<str>> = from_json("keys.aliases", &map(self.aliases))?;
        let extra = Extra::read(self.extra.as_deref())?;
        let metadata = Metadata::read(self.metadata.as_deref())?;
        let max_budget = self.max_budget_nano.map(Money);
        let mut terms = KeyTerms {
            budget_id: boxed(self.budget_id),
            raise: metadata.raise()?,
            routes: extra.routes(),
            budgeted_models: extra.budgeted_models()?,
            limits: Limits {
                max: None,
                soft: extra.soft()?,
                duration: boxed(self.budget_duration),
                more: extra.more()?,
            },
            windows: window(self.window_duration, self.ends_at, self.base_nano).into_iter().collect(),
        };
        let terms = (terms != KeyTerms::default()).then(|| {
            terms.limits.max = max_budget;
            Box::new(terms)
        });
        Ok(Some(KeyPolicy {
            hash: parse_hash(&hash)?,
            alias: boxed(self.alias),
            user_id: boxed(self.user_id),
            team_id: boxed(self.team_id),
            organization_id: boxed(self.organization_id),
            models: from_json("keys.models", &list(self.models))?,
            aliases: aliases.into_iter().collect(),
            tags: metadata.tags(),
            max_budget,
            spend: Money(self.spend_nano.unwrap_or_default()),
            blocked: self.blocked.is_some_and(|blocked| blocked != 0),
            expires: self.expires_at.map(Timestamp),
            project_id: boxed(self.project_id),
            terms,
        }))
    }
}

fn parse_hash(text: &str) -> Result<KeyHash, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt("keys.hash", error))
}

impl Tx {
    /// Holds off all other writes that gateways must know of, to the end of the transaction.
    pub(crate) async fn hold_policy(&mut self) -> Result<(), StoreError> {
        on!(self, |tx| sqlx::query(HOLD).execute(&mut **tx).await.map(|_| ()))?;
        Ok(())
    }

    /// Takes the next number and notes the change; in the same transaction as the change itself.
    pub(crate) async fn record_change(
        &mut self,
        subject: impl Into<Subject<'_>>,
        action: &'static str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let (kind, within, id) = subject.into().row();
        on!(self, |tx| {
            let seq = sqlx::query_scalar::<_, i64>(TICK).fetch_one(&mut **tx).await?;
            sqlx::query(RECORD)
                .bind(seq)
                .bind(actor.at.micros())
                .bind(kind)
                .bind(&within)
                .bind(&id)
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
