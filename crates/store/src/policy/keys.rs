//! What gateways must know of keys.

use std::collections::BTreeMap;

use domain::key::KeyTerms;
use domain::{KeyPolicy, Limits};
use kit::{KeyHash, Money, Timestamp};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::terms::{Extra, Metadata};
use super::{Policy, Stored};
use crate::StoreError;
use crate::db::on;
use crate::keys::from_json;
use crate::sql::statements;
use crate::windows::window;

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
pub(super) use {key_windows, policy_columns};

statements! {
    KEY = concat!("SELECT ", policy_columns!(), " FROM keys k", key_windows!(), "WHERE k.hash = $1");
    PAGE = concat!("SELECT ", policy_columns!(),
                   " FROM (SELECT * FROM keys WHERE hash > $1 ORDER BY hash LIMIT CAST($2 AS BIGINT)) k",
                   key_windows!(), "ORDER BY k.hash");
}

impl Stored {
    /// Takes in another row of the same key, which tells another window of it.
    pub(super) fn add_windows(&mut self, other: &Self) {
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

#[derive(sqlx::FromRow)]
pub(super) struct PolicyRow {
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

impl Policy<'_> {
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
}

/// A key as a row tells it; `None` where the row is about no key that anyone could present.
pub(super) fn stored<'r, R>(row: &'r R) -> Option<(KeyHash, Stored)>
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
pub(super) fn known_hash(text: &str) -> Option<KeyHash> {
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
            routes: extra.routes(),
            budgeted_models: extra.budgeted_models()?,
            access_groups: extra.access_groups(),
            limits: Limits {
                max: None,
                soft: extra.soft()?,
                duration: boxed(self.budget_duration),
                more: extra.more()?,
                raise: metadata.raise()?,
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
