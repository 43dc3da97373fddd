//! Alerts on their way: each is tried by one process at a time, a bounded number of times.

use domain::alert::Alert;
use kit::Timestamp;

use super::Alerts;
use crate::StoreError;
use crate::db::{Tx, on};
use crate::keys::{from_json, to_json};
use crate::page::{Page, window};
use crate::reads::read;
use crate::sql::statements;

statements! {
    ADD = "INSERT INTO alerts (id, channel, at, body, state, attempts, due_at) VALUES ($1, $2, $3, $4, 'waiting', 0, $3)";
    WAITING = "SELECT COUNT(*) FROM (SELECT 1 FROM alerts WHERE state = 'waiting' LIMIT CAST($1 AS BIGINT)) AS part";
    DUE = "SELECT id, channel, at, body, state, attempts, due_at, error FROM alerts
           WHERE state = 'waiting' AND due_at <= $1 ORDER BY due_at, id LIMIT 1";
    // Whoever comes second finds another time.
    CLAIM = "UPDATE alerts SET due_at = $4, attempts = attempts + 1
             WHERE id = $1 AND channel = $2 AND state = 'waiting' AND due_at = $3";
    END = "UPDATE alerts SET state = $3, error = $4 WHERE id = $1 AND channel = $2 AND state = 'waiting'";
    AGAIN = "UPDATE alerts SET due_at = $3, error = $4 WHERE id = $1 AND channel = $2 AND state = 'waiting'";
    LIST = "SELECT id, channel, at, body, state, attempts, due_at, error FROM alerts
            WHERE (CAST($1 AS TEXT) IS NULL OR state = $1)
            ORDER BY at DESC, id, channel LIMIT CAST($2 AS BIGINT) OFFSET CAST($3 AS BIGINT)";
    COUNT = "SELECT COUNT(*) FROM alerts WHERE (CAST($1 AS TEXT) IS NULL OR state = $1)";
    PRUNE = "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at < $1 AND state <> 'waiting'
             ORDER BY at LIMIT CAST($2 AS BIGINT)) AND state <> 'waiting'";
}

/// How far an alert has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertState {
    Waiting,
    Sent,
    /// It is not tried again.
    Failed,
}

impl AlertState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// An alert that this process may send now, and nobody else until the time that it asked for is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    pub id: String,
    pub channel: String,
    pub alert: Alert,
    /// This one included.
    pub attempts: u32,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub id: String,
    pub channel: String,
    pub alert: Alert,
    pub state: AlertState,
    pub attempts: u32,
    /// Why the last try failed.
    pub error: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    channel: String,
    body: String,
    state: String,
    attempts: i64,
    due_at: i64,
    error: Option<String>,
}

impl Alerts<'_> {
    /// How many wait to be sent, counted up to `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn waiting(&self, limit: u32) -> Result<u32, StoreError> {
        let count = on!(self.db.fresh(), |pool| {
            sqlx::query_scalar::<_, i64>(WAITING).bind(i64::from(limit)).fetch_one(pool).await?
        });
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Takes the alert that has waited longest, so that nobody else does before `until`; `None` when none is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(&self, now: Timestamp, until: Timestamp) -> Result<Option<Claim>, StoreError> {
        loop {
            let due = on!(self.db.fresh(), |pool| {
                sqlx::query_as::<_, Row>(DUE).bind(now.micros()).fetch_optional(pool).await?
            });
            let Some(due) = due else { return Ok(None) };
            let is_ours = on!(self.db.writer(), |pool| {
                let claim = sqlx::query(CLAIM).bind(&due.id).bind(&due.channel).bind(due.due_at);
                claim.bind(until.micros()).execute(pool).await?.rows_affected() > 0
            });
            if is_ours {
                let Told { id, channel, alert, attempts, .. } = due.read()?;
                return Ok(Some(Claim { id, channel, alert, attempts: attempts.saturating_add(1) }));
            }
        }
    }

    /// # Errors
    /// When the database fails; then the alert is sent again.
    pub async fn sent(&self, claim: &Claim) -> Result<(), StoreError> {
        self.end(claim, AlertState::Sent, None).await
    }

    /// Notes that a try failed: it is tried again at `again`, or never.
    ///
    /// # Errors
    /// When the database fails; then it is tried again.
    pub async fn failed(
        &self,
        claim: &Claim,
        error: &str,
        again: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let Some(again) = again else { return self.end(claim, AlertState::Failed, Some(error)).await };
        on!(self.db.writer(), |pool| {
            let query = sqlx::query(AGAIN).bind(&claim.id).bind(&claim.channel).bind(again.micros());
            query.bind(error).execute(pool).await?;
        });
        Ok(())
    }

    async fn end(&self, claim: &Claim, state: AlertState, error: Option<&str>) -> Result<(), StoreError> {
        on!(self.db.writer(), |pool| {
            let query = sqlx::query(END).bind(&claim.id).bind(&claim.channel).bind(state.as_str());
            query.bind(error).execute(pool).await?;
        });
        Ok(())
    }

    /// One page, counted from 0, of those in `state` or of all, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        state: Option<AlertState>,
        page: u32,
        size: u32,
    ) -> Result<Page<Told>, StoreError> {
        let state = state.map(AlertState::as_str);
        let (limit, offset) = window(page, size);
        read!(self.db, Request, |connection| {
            let count = sqlx::query_scalar::<_, i64>(COUNT).bind(state);
            let total = count.fetch_one(&mut **connection).await?;
            let list = sqlx::query_as::<_, Row>(LIST).bind(state).bind(limit).bind(offset);
            let rows = list.fetch_all(&mut **connection).await?;
            Page::new(rows.into_iter().map(Row::read).collect::<Result<_, _>>()?, total)
        })
    }

    /// Forgets alerts that are older than `before` and wait no more, about `limit` of them; returns how many went.
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

impl Row {
    fn read(self) -> Result<Told, StoreError> {
        let state = AlertState::parse(&self.state);
        Ok(Told {
            id: self.id,
            channel: self.channel,
            alert: from_json("alerts.body", &self.body)?,
            state: state.ok_or_else(|| StoreError::corrupt("alerts.state", &self.state))?,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            error: self.error,
        })
    }
}

impl Tx {
    /// Leaves an alert for each of `channels`.
    pub(super) async fn add_alert(
        &mut self,
        id: &str,
        alert: &Alert,
        channels: &[&str],
    ) -> Result<(), StoreError> {
        let body = to_json(alert)?;
        for channel in channels {
            on!(&mut *self, |tx| {
                let query = sqlx::query(ADD).bind(id).bind(*channel).bind(alert.at.micros());
                query.bind(&body).execute(&mut **tx).await?;
            });
        }
        Ok(())
    }
}
