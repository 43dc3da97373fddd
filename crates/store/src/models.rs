//! Models of the database: deployments beside those of the configuration, their parameters sealed.

use domain::Model;
use kit::Timestamp;
use serde_json::{Map, Value, json};

use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::credentials::Shelf;
use crate::db::{Db, Tx, on};
use crate::keys::{from_json, merge, set, to_json};
use crate::nouns::Write;
use crate::policy::Subject;
use crate::sql::statements;
use crate::vault::Vault;

/// Models there can be: gateways hold all of them in memory, and read all of them again when one changes.
pub const MODELS_MAX: i64 = 2_000;

macro_rules! select {
    () => {
        "SELECT id, name, info, team_id, credential_name, sealed, blocked, created_at, created_by, updated_at, updated_by
         FROM models "
    };
}

statements! {
    GET = concat!(select!(), "WHERE id = $1");
    LIST = concat!(select!(), "ORDER BY created_at, id LIMIT CAST($1 AS BIGINT)");
    COUNT = "SELECT COUNT(*) FROM models";
    INSERT = "INSERT INTO models (id, name, info, team_id, credential_name, sealed, blocked, created_at, created_by,
                updated_at, updated_by)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    UPDATE = "UPDATE models SET name = $2, info = $3, team_id = $4, credential_name = $5, sealed = $6, blocked = $7,
                updated_at = $8, updated_by = $9
              WHERE id = $1";
    SET_INFO = "UPDATE models SET info = $2, updated_at = $3, updated_by = $4 WHERE id = $1";
    DELETE = "DELETE FROM models WHERE id = $1";
    OF_TEAM = "SELECT id, name FROM models WHERE team_id = $1 ORDER BY id LIMIT CAST($2 AS BIGINT)";
    TEAM_THERE = "SELECT id FROM teams WHERE id = $1";
}

/// The table's name on the compatible surface.
pub(crate) const TABLE: &str = "LiteLLM_ProxyModelTable";

/// What to change of a model. `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ModelPatch {
    pub name: Option<String>,
    /// Set one by one; null removes.
    pub params: Map<String, Value>,
    /// Set one by one; null removes.
    pub info: Map<String, Value>,
    pub blocked: Option<bool>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    info: String,
    team_id: Option<String>,
    credential_name: Option<String>,
    sealed: String,
    blocked: i64,
    created_at: i64,
    created_by: Option<String>,
    updated_at: i64,
    updated_by: Option<String>,
}

pub struct Models<'a> {
    pub(crate) db: &'a Db,
    pub(crate) vault: &'a Vault,
}

impl Models<'_> {
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn get(&self, id: &str) -> Result<Option<Model>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(GET).bind(id).fetch_optional(pool).await
        })?;
        row.map(|row| row.read(self.vault)).transpose()
    }

    /// All models in the order in which they were made, [`MODELS_MAX`] at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Shelf<Model>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(LIST).bind(MODELS_MAX).fetch_all(pool).await
        })?;
        Ok(Shelf::read(rows, |row| (row.id.clone(), row.read(self.vault))))
    }

    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken, [`StoreError::Missing`] when there is no such team,
    /// [`StoreError::TooMany`] when there are [`MODELS_MAX`] already.
    pub async fn create(&self, model: &Model, actor: &Actor) -> Result<(), StoreError> {
        let row = Row::of(model, self.vault)?;
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Model(&model.id), "created", actor).await?;
        tx.check_team(row.team_id.as_deref()).await?;
        on!(&mut tx, |tx| {
            if sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&mut **tx).await? >= MODELS_MAX {
                return Err(StoreError::TooMany("models"));
            }
            sqlx::query(INSERT)
                .bind(&row.id)
                .bind(&row.name)
                .bind(&row.info)
                .bind(&row.team_id)
                .bind(&row.credential_name)
                .bind(&row.sealed)
                .bind(row.blocked)
                .bind(row.created_at)
                .bind(&row.created_by)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .execute(&mut **tx)
                .await?;
        });
        tx.audit_model("created", None, Some(model), &model.id, actor).await?;
        tx.finish(actor).await
    }

    /// Changes a model and returns it as it is then; `None` when there is no such model. `check` sees it before
    /// it is written, and can refuse.
    ///
    /// # Errors
    /// When the database fails, or the row cannot be read. The inner error is that of `check`.
    pub async fn update<E>(
        &self,
        id: &str,
        patch: ModelPatch,
        check: impl FnOnce(&Model) -> Result<(), E> + Send,
        actor: &Actor,
    ) -> Result<Option<Result<Model, E>>, StoreError> {
        let only_blocked = patch.name.is_none() && patch.params.is_empty() && patch.info.is_empty();
        let action = match patch.blocked {
            Some(true) if only_blocked => "blocked",
            Some(false) if only_blocked => "unblocked",
            _ => "updated",
        };
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Model(id), action, actor).await?;
        let Some(row) = tx.model(id).await? else { return Ok(None) };
        let before = row.read(self.vault)?;
        let mut model = before.clone();
        set(&mut model.name, patch.name);
        model.params.merge(patch.params);
        merge(&mut model.info, patch.info);
        set(&mut model.blocked, patch.blocked);
        (model.updated_at, model.updated_by) = (actor.at, Some(actor.id.clone()));
        if let Err(refusal) = check(&model) {
            return Ok(Some(Err(refusal)));
        }
        let row = Row::of(&model, self.vault)?;
        on!(&mut tx, |tx| {
            sqlx::query(UPDATE)
                .bind(&row.id)
                .bind(&row.name)
                .bind(&row.info)
                .bind(&row.team_id)
                .bind(&row.credential_name)
                .bind(&row.sealed)
                .bind(row.blocked)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .execute(&mut **tx)
                .await?;
        });
        tx.audit_model(action, Some(&before), Some(&model), id, actor).await?;
        tx.commit().await?;
        Ok(Some(Ok(model)))
    }

    /// Makes an access group consist of the models that `belongs` says, all of it or nothing; returns how many were changed.
    /// Models that cannot be read are left as they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn regroup(
        &self,
        group: &str,
        belongs: impl Fn(&Model) -> bool,
        actor: &Actor,
    ) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.hold_policy().await?;
        let rows = on!(&mut tx, |tx| {
            sqlx::query_as::<_, Row>(LIST).bind(MODELS_MAX).fetch_all(&mut **tx).await?
        });
        let mut changed = Vec::new();
        for before in rows.into_iter().filter_map(|row| row.read(self.vault).ok()) {
            let mut model = before.clone();
            if !model.set_group(group, belongs(&before)) {
                continue;
            }
            (model.updated_at, model.updated_by) = (actor.at, Some(actor.id.clone()));
            tx.record_change(Subject::Model(&model.id), "updated", actor).await?;
            let info = to_json(&model.info)?;
            on!(&mut tx, |tx| {
                let query = sqlx::query(SET_INFO).bind(&model.id).bind(&info);
                query.bind(actor.at.micros()).bind(&actor.id).execute(&mut **tx).await?;
            });
            changed.push((before, model));
        }
        // After all other locks.
        for (before, model) in &changed {
            tx.audit_model("updated", Some(before), Some(model), &model.id, actor).await?;
        }
        tx.commit().await?;
        Ok(changed.len() as u64)
    }

    /// Deletes a model, one whose parameters cannot be read too; returns whether it was there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(&self, id: &str, actor: &Actor) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Model(id), "deleted", actor).await?;
        let Some(row) = tx.model(id).await? else { return Ok(false) };
        on!(&mut tx, |tx| sqlx::query(DELETE).bind(id).execute(&mut **tx).await.map(|_| ()))?;
        tx.audit_model("deleted", row.read(self.vault).ok().as_ref(), None, id, actor).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// What a sealed text of a model belongs to.
pub(crate) fn place(id: &str) -> String {
    format!("models/{id}")
}

impl Row {
    fn of(model: &Model, vault: &Vault) -> Result<Self, StoreError> {
        let sealed = vault.seal(&to_json(&model.params)?, &place(&model.id));
        Ok(Self {
            id: model.id.clone(),
            name: model.name.clone(),
            info: to_json(&model.info)?,
            team_id: model.team_id().map(str::to_owned),
            credential_name: model.credential_name().map(str::to_owned),
            sealed: sealed.map_err(|why| StoreError::Sealed { what: place(&model.id), why })?,
            blocked: i64::from(model.blocked),
            created_at: model.created_at.micros(),
            created_by: model.created_by.clone(),
            updated_at: model.updated_at.micros(),
            updated_by: model.updated_by.clone(),
        })
    }

    fn read(self, vault: &Vault) -> Result<Model, StoreError> {
        let place = place(&self.id);
        let params = vault.open(&self.sealed, &place);
        let params = params.map_err(|why| StoreError::Sealed { what: place, why })?;
        Ok(Model {
            params: from_json("models.sealed", &params)?,
            id: self.id,
            name: self.name,
            info: from_json("models.info", &self.info)?,
            blocked: self.blocked != 0,
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            updated_at: Timestamp(self.updated_at),
            updated_by: self.updated_by,
        })
    }
}

impl Tx {
    async fn check_team(&mut self, team: Option<&str>) -> Result<(), StoreError> {
        let Some(id) = team else { return Ok(()) };
        let there = on!(self, |tx| {
            sqlx::query_scalar::<_, String>(TEAM_THERE).bind(id).fetch_optional(&mut **tx).await?
        });
        there.map(|_| ()).ok_or(StoreError::Missing("team"))
    }

    async fn model(&mut self, id: &str) -> Result<Option<Row>, StoreError> {
        Ok(on!(self, |tx| sqlx::query_as::<_, Row>(GET).bind(id).fetch_optional(&mut **tx).await)?)
    }

    async fn audit_model(
        &mut self,
        action: &'static str,
        before: Option<&Model>,
        after: Option<&Model>,
        id: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let team_id = after.or(before).and_then(Model::team_id);
        let object =
            Object { table: TABLE, id: id.to_owned(), team_id: team_id.map(str::to_owned), key_hash: None };
        let change = Change { action, object, before: before.map(facts), after: after.map(facts) };
        self.audit(change, actor).await
    }
}

impl Write<'_> {
    /// Deletes the own models of a team that is deleted. Their secrets are not read.
    pub(crate) async fn delete_models_of(&mut self, team: &str) -> Result<(), StoreError> {
        let models = on!(&mut self.tx, |tx| {
            let query = sqlx::query_as::<_, (String, String)>(OF_TEAM).bind(team).bind(MODELS_MAX);
            query.fetch_all(&mut **tx).await?
        });
        for (id, name) in models {
            self.tx.record_change(Subject::Model(&id), "deleted", self.actor).await?;
            on!(&mut self.tx, |tx| {
                sqlx::query(DELETE).bind(&id).execute(&mut **tx).await?;
            });
            let before = Some(json!({"model_id": id, "model_name": name, "model_info": {"team_id": team}}));
            let object = Object { table: TABLE, id, team_id: Some(team.to_owned()), key_hash: None };
            self.entry(Change { action: "deleted", object, before, after: None });
        }
        Ok(())
    }
}

/// A model with the names of the compatible surface, its secrets masked.
fn facts(model: &Model) -> Value {
    json!({
        "model_id": model.id, "model_name": model.name, "litellm_params": model.params.shown(),
        "model_info": model.info, "blocked": model.blocked,
    })
}
