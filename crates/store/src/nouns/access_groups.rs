//! Access groups, and the keys and teams that are in them.

use std::collections::BTreeSet;

use domain::VirtualKey;
use domain::owner::{AccessGroup, Stamps, Team, access_groups, set_access_group};
use kit::KeyHash;
use serde_json::{Map, Value};

use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::keys::{KeyRow, from_json};
use crate::nouns::cells::bound;
use crate::policy::Subject;
use crate::reads::read;
use crate::sql::statements;

/// Keys, or teams, that one answer shows, and that a group may have where all of them are set at once.
pub const ASSIGNED_MAX: usize = 1_000;

/// `$1` is a group's id in quotes, or null for all groups.
macro_rules! assigned {
    ($id:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $id,
            " AS id, alias AS name, extra FROM ",
            $from,
            " AND (CAST($1 AS TEXT) IS NULL OR REPLACE(extra, $1, '') <> extra)
             ORDER BY 1 LIMIT CAST($2 AS BIGINT)"
        )
    };
}

macro_rules! select {
    () => {
        "SELECT id, name, description, models, extra, created_at, created_by, updated_at, updated_by FROM access_groups "
    };
}

statements! {
    GET = concat!(select!(), "WHERE id = $1");
    LIST = concat!(select!(), "ORDER BY name LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)");
    COUNT = "SELECT COUNT(*) FROM access_groups";
    PUT = "INSERT INTO access_groups (id, name, description, models, extra, created_at, created_by, updated_at, updated_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description,
             models = excluded.models, extra = excluded.extra, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by";
    DELETE = "DELETE FROM access_groups WHERE id = $1";
    OTHER = "SELECT COUNT(*) FROM access_groups WHERE name = $1 AND id <> $2";
    KEYS = assigned!("hash", "keys WHERE has_access_groups = 1");
    TEAMS = assigned!("id", "teams WHERE REPLACE(extra, '\"access_group_ids\"', '') <> extra");
}

/// Who is in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Of the key (its hash) or the team.
    pub id: String,
    pub alias: Option<String>,
    /// The groups.
    pub groups: Vec<String>,
}

/// Who is to be in a group and nobody else; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    pub teams: Option<Vec<String>>,
    pub keys: Option<Vec<KeyHash>>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for AccessGroup {
    const TABLE: &'static str = "LiteLLM_AccessGroupTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = ();

    fn subject(&self) -> Subject<'_> {
        Subject::AccessGroup(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            models: row.json("models")?,
            extra: row.json("extra")?,
            stamps: row.stamps("")?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![
            Cell::from(&self.id),
            Cell::from(&self.name),
            Cell::from(&self.description),
            Cell::json(&self.models)?,
            Cell::json(&self.extra)?,
        ];
        cells.extend(Cell::stamps(&self.stamps));
        Ok(cells)
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

impl Nouns<'_, AccessGroup> {
    /// Makes a group with those who are in it.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken; [`StoreError::Missing`] (`key`, `team`) when one of them is not there.
    pub async fn create_with(
        &self,
        group: &AccessGroup,
        assignment: &Assignment,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        write.check_group_name(group).await?;
        write.create(group).await?;
        write.assign(&group.id, assignment).await?;
        write.finish().await
    }

    /// Changes a group and who is in it; `None` when there is no such group.
    ///
    /// # Errors
    /// As [`create_with`](Self::create_with); [`StoreError::TooMany`] when more than [`ASSIGNED_MAX`] are in it.
    pub async fn change(
        &self,
        id: &str,
        actor: &Actor,
        change: impl FnOnce(&mut AccessGroup),
        assignment: &Assignment,
    ) -> Result<Option<AccessGroup>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(before) = write.get::<AccessGroup>(&Name::from(id)).await? else { return Ok(None) };
        let mut after = before.clone();
        change(&mut after);
        write.check_group_name(&after).await?;
        let after = write.replace(&before, after, "updated").await?;
        write.assign(id, assignment).await?;
        write.finish().await?;
        Ok(Some(after))
    }

    /// Deletes a group and takes everyone out of it; `false` when there is no such group.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when more than [`ASSIGNED_MAX`] keys or teams are in it.
    pub async fn remove(&self, id: &str, actor: &Actor) -> Result<bool, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(group) = write.get::<AccessGroup>(&Name::from(id)).await? else { return Ok(false) };
        write.assign(id, &Assignment { teams: Some(Vec::new()), keys: Some(Vec::new()) }).await?;
        write.delete(&group).await?;
        write.finish().await?;
        Ok(true)
    }

    /// The teams and the keys that are in one group, or in any; [`ASSIGNED_MAX`] of each at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn assigned(&self, group: Option<&str>) -> Result<(Vec<Assigned>, Vec<Assigned>), StoreError> {
        let cells = assigned_cells(group, ASSIGNED_MAX);
        read!(self.db, Request, |connection| {
            let teams = bound!(sqlx::query(TEAMS), &cells).fetch_all(&mut **connection).await?;
            let keys = bound!(sqlx::query(KEYS), &cells).fetch_all(&mut **connection).await?;
            let teams = teams.iter().map(|row| Assigned::read(&row.into())).collect::<Result<_, _>>()?;
            let keys = keys.iter().map(|row| Assigned::read(&row.into())).collect::<Result<_, _>>()?;
            (teams, keys)
        })
    }
}

/// What the statements about those in a group take.
fn assigned_cells(group: Option<&str>, limit: usize) -> [Cell; 2] {
    let quoted = group.map(|id| format!("\"{id}\""));
    [Cell::Text(quoted), i64::try_from(limit).unwrap_or(i64::MAX).into()]
}

impl Assigned {
    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        let extra: Map<String, Value> = from_json("extra", &row.get::<String>("extra")?)?;
        let groups = access_groups(&extra).into_iter().map(str::to_owned).collect();
        Ok(Self { id: row.get("id")?, alias: row.get("name")?, groups })
    }
}

impl Write<'_> {
    async fn check_group_name(&mut self, group: &AccessGroup) -> Result<(), StoreError> {
        let others = on!(&mut self.tx, |tx| {
            let query = sqlx::query_scalar::<_, i64>(OTHER).bind(&group.name).bind(&group.id);
            query.fetch_one(&mut **tx).await?
        });
        if others > 0 { Err(StoreError::Duplicate("access group")) } else { Ok(()) }
    }

    /// Makes those in a group exactly these.
    async fn assign(
        &mut self,
        group: &str,
        Assignment { teams, keys }: &Assignment,
    ) -> Result<(), StoreError> {
        if let Some(teams) = teams {
            let wanted = teams.iter().cloned().collect::<BTreeSet<_>>();
            for (id, is_in) in self.moves(TEAMS, group, &wanted, "teams").await? {
                let before = self.get::<Team>(&Name::from(&id)).await?.ok_or(StoreError::Missing("team"))?;
                let mut team = before.clone();
                if set_access_group(&mut team.extra, group, is_in) {
                    self.replace(&before, team, "updated").await?;
                }
            }
        }
        if let Some(keys) = keys {
            let wanted = keys.iter().map(|hash| hash.to_hex()).collect::<BTreeSet<_>>();
            for (hash, is_in) in self.moves(KEYS, group, &wanted, "keys").await? {
                self.regroup_key(&hash, group, is_in).await?;
            }
        }
        Ok(())
    }

    /// Who is to be put into a group (true) and taken out of it.
    async fn moves(
        &mut self,
        statement: &'static str,
        group: &str,
        wanted: &BTreeSet<String>,
        noun: &'static str,
    ) -> Result<Vec<(String, bool)>, StoreError> {
        let cells = assigned_cells(Some(group), ASSIGNED_MAX + 1);
        let now = on!(&mut self.tx, |tx| {
            let rows = bound!(sqlx::query(statement), &cells).fetch_all(&mut **tx).await?;
            rows.iter().map(|row| Assigned::read(&row.into())).collect::<Result<Vec<_>, _>>()?
        });
        if now.len() > ASSIGNED_MAX {
            return Err(StoreError::TooMany(noun));
        }
        let now = now.into_iter().map(|one| one.id).collect::<BTreeSet<_>>();
        let gone = now.difference(wanted).map(|id| (id.clone(), false));
        let new = wanted.difference(&now).map(|id| (id.clone(), true));
        Ok(gone.chain(new).collect())
    }

    async fn regroup_key(&mut self, hash: &str, group: &str, is_in: bool) -> Result<(), StoreError> {
        let hash: KeyHash = hash.parse().map_err(|error| StoreError::corrupt("keys.hash", error))?;
        let row = self.tx.key(hash).await?.ok_or(StoreError::Missing("key"))?;
        let before = VirtualKey::try_from(row)?;
        let mut key = before.clone();
        if !set_access_group(&mut key.extra, group, is_in) {
            return Ok(());
        }
        (key.updated_at, key.updated_by) = (self.actor.at, Some(self.actor.id.clone()));
        self.tx.record_change(hash, "updated", self.actor).await?;
        self.tx.update_key(&KeyRow::try_from(&key)?).await?;
        if let Some(change) = crate::keys::changed("updated", Some(&before), Some(&key))? {
            self.entry(change);
        }
        Ok(())
    }
}
