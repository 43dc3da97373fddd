//! From where requests may come.

use domain::owner::{AllowedIp, Stamps};

use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::nouns::cells::bound;
use crate::policy::Subject;
use crate::sql::statements;

/// Addresses and ranges that are kept at most.
pub const ALLOWED_IPS_MAX: usize = 1_000;

statements! {
    GET = "SELECT network, created_at, created_by, updated_at, updated_by FROM allowed_ips WHERE network = $1";
    LIST = "SELECT network, created_at, created_by, updated_at, updated_by FROM allowed_ips
            ORDER BY network LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)";
    COUNT = "SELECT COUNT(*) FROM allowed_ips";
    PUT = "INSERT INTO allowed_ips (network, created_at, created_by, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (network) DO UPDATE SET updated_at = excluded.updated_at, updated_by = excluded.updated_by";
    DELETE = "DELETE FROM allowed_ips WHERE network = $1";
    NETWORKS = "SELECT network FROM allowed_ips ORDER BY network LIMIT CAST($1 AS BIGINT)";
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for AllowedIp {
    const TABLE: &'static str = "LiteLLM_Config";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = ();

    fn subject(&self) -> Subject<'_> {
        Subject::AllowedIp(&self.network)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self { network: row.get("network")?, stamps: row.stamps("")? })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        Ok([Cell::from(&self.network)].into_iter().chain(Cell::stamps(&self.stamps)).collect())
    }

    fn filters((): &()) -> Vec<Cell> {
        Vec::new()
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        None
    }
}

impl Nouns<'_, AllowedIp> {
    /// Every address and range, as the writer has them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn networks(&self) -> Result<Vec<String>, StoreError> {
        let limit = limit();
        on!(self.db.fresh(), |pool| {
            Ok(sqlx::query_scalar::<_, String>(NETWORKS).bind(limit).fetch_all(pool).await?)
        })
    }

    /// Adds one; `false` when it is there. `check` sees what would be allowed then, and can refuse.
    ///
    /// # Errors
    /// What `check` refuses with; [`StoreError::TooMany`] beyond [`ALLOWED_IPS_MAX`].
    pub async fn allow<E: From<StoreError>>(
        &self,
        ip: &AllowedIp,
        actor: &Actor,
        check: impl FnOnce(&[String]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut write = Write::begin(self.db, actor).await?;
        if write.get::<AllowedIp>(&ip.name()).await?.is_some() {
            return Ok(false);
        }
        write.create(ip).await?;
        let networks = write.networks().await?;
        if networks.len() > ALLOWED_IPS_MAX {
            return Err(StoreError::TooMany("allowed addresses").into());
        }
        check(&networks)?;
        write.finish().await?;
        Ok(true)
    }

    /// Takes one away; `false` when it is not there. `check` sees what would be allowed then, and can refuse.
    ///
    /// # Errors
    /// What `check` refuses with, or when the database fails.
    pub async fn disallow<E: From<StoreError>>(
        &self,
        network: &str,
        actor: &Actor,
        check: impl FnOnce(&[String]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(ip) = write.get::<AllowedIp>(&Name::from(network)).await? else { return Ok(false) };
        write.delete(&ip).await?;
        check(&write.networks().await?)?;
        write.finish().await?;
        Ok(true)
    }
}

fn limit() -> i64 {
    i64::try_from(ALLOWED_IPS_MAX + 1).unwrap_or(i64::MAX)
}

impl Write<'_> {
    async fn networks(&mut self) -> Result<Vec<String>, StoreError> {
        let limit = [Cell::from(limit())];
        Ok(on!(&mut self.tx, |tx| {
            bound!(sqlx::query_scalar::<_, String>(NETWORKS), &limit).fetch_all(&mut **tx).await?
        }))
    }
}
