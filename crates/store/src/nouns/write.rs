use domain::Calendar;
use kit::Money;
use serde_json::Value;

use super::{Cell, Name, Noun};
use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx};

/// One transaction that changes some rows. It holds off all other writes of policy from its beginning, so that what is
/// read in it is what gets changed; its entries of the audit log are written at its end, after all other locks.
pub(crate) struct Write<'a> {
    pub tx: Tx,
    pub actor: &'a Actor,
    calendar: &'a Calendar,
    entries: Vec<Change>,
}

impl<'a> Write<'a> {
    pub async fn begin(db: &'a Db, actor: &'a Actor) -> Result<Self, StoreError> {
        let mut tx = db.begin().await?;
        tx.hold_policy().await?;
        Ok(Self { tx, actor, calendar: &db.calendar, entries: Vec::new() })
    }

    pub async fn get<N: Noun>(&mut self, name: &Name) -> Result<Option<N>, StoreError> {
        self.tx.noun(name).await
    }

    /// Adds a row and returns it as it is read.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn create<N: Noun>(&mut self, noun: &N) -> Result<N, StoreError> {
        if self.get::<N>(&noun.name()).await?.is_some() {
            return Err(StoreError::Duplicate(noun.subject().row().0));
        }
        self.put("created", None, noun).await
    }

    /// Overwrites a row and returns what it is then.
    pub async fn replace<N: Noun>(
        &mut self,
        before: &N,
        mut after: N,
        action: &'static str,
    ) -> Result<N, StoreError> {
        let stamps = after.stamps();
        (stamps.updated_at, stamps.updated_by) = (self.actor.at, Some(self.actor.id.clone()));
        let after = self.put(action, Some(before), &after).await?;
        match before.budget_id() {
            Some(id) if after.budget_id() != Some(id) => self.drop_own_budget(id).await?,
            _ => {}
        }
        Ok(after)
    }

    /// Deletes a row, and its budget when that was made with it.
    pub async fn delete<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        self.remove(noun).await?;
        match noun.budget_id() {
            Some(id) => self.drop_own_budget(id).await,
            None => Ok(()),
        }
    }

    pub(super) async fn remove<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        self.tx.record_change(noun.subject(), "deleted", self.actor).await?;
        self.tx.drop_windows(noun.subject()).await?;
        if let Some((kind, _)) = noun.model_budgets()? {
            self.tx.drop_model_budgets(kind, &noun.name().id, self.actor).await?;
        }
        self.tx.run(N::STATEMENTS.delete, &noun.name().cells()).await?;
        self.audit("deleted", Some(noun), None)
    }

    async fn put<N: Noun>(
        &mut self,
        action: &'static str,
        before: Option<&N>,
        noun: &N,
    ) -> Result<N, StoreError> {
        self.tx.record_change(noun.subject(), action, self.actor).await?;
        self.tx.run(N::STATEMENTS.put, &noun.cells()?).await?;
        self.audit(action, before, Some(noun))?;
        if let Some((kind, models)) = noun.model_budgets()? {
            self.tx.keep_model_budgets(kind, &noun.name().id, &models, self.calendar, self.actor).await?;
        }
        self.keep_windows(noun).await?;
        Ok(self.get(&noun.name()).await?.unwrap_or_else(|| noun.clone()))
    }

    /// Makes an owner's windows those of the budgets that they have now.
    async fn keep_windows<N: Noun>(&mut self, noun: &N) -> Result<(), StoreError> {
        // Read again: it may have another shared budget than before.
        let Some(noun) = self.get::<N>(&noun.name()).await? else { return Ok(()) };
        let Some((duration, others)) = noun.durations() else { return Ok(()) };
        let now = self.actor.at;
        self.tx.keep_windows(noun.subject(), duration, &others, self.calendar, now).await
    }

    /// Sets what an owner has come to since its window began.
    pub async fn set_spend<N: Noun>(&mut self, noun: &N, spend: Money) -> Result<(), StoreError> {
        self.tx.record_change(noun.subject(), "spend_reset", self.actor).await?;
        self.tx.set_owner_spend(noun.subject(), spend, self.actor.at).await?;
        let after = self.get::<N>(&noun.name()).await?;
        self.audit("spend_reset", Some(noun), after.as_ref())
    }

    fn audit<N: Noun>(
        &mut self,
        action: &'static str,
        before: Option<&N>,
        after: Option<&N>,
    ) -> Result<(), StoreError> {
        let Some(noun) = after.or(before) else { return Ok(()) };
        let Name { within, id } = noun.name();
        let id = within.map(|within| format!("{within}/{id}")).unwrap_or(id);
        let object = Object { table: N::TABLE, id, team_id: noun.team(), key_hash: None };
        let (before, after) = (before.map(facts).transpose()?, after.map(facts).transpose()?);
        self.entries.push(Change { action, object, before, after });
        Ok(())
    }

    /// Deletes the keys whose hashes `statement` finds.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when they are more than [`super::KEYS_MAX`].
    pub async fn delete_keys(&mut self, statement: &'static str, of: &[Cell]) -> Result<(), StoreError> {
        let hashes = self.tx.hashes(statement, of).await?;
        let removed = self.tx.remove_keys(&hashes, self.actor).await?;
        self.entries.extend(crate::keys::deleted(&removed)?);
        Ok(())
    }

    /// Notes a change of something else in the audit log.
    pub fn entry(&mut self, change: Change) {
        self.entries.push(change);
    }

    pub async fn finish(mut self) -> Result<(), StoreError> {
        for change in self.entries {
            self.tx.audit(change, self.actor).await?;
        }
        self.tx.finish(self.actor).await
    }
}

fn facts<N: Noun>(noun: &N) -> Result<Value, StoreError> {
    serde_json::to_value(noun).map_err(|error| StoreError::Other(error.to_string()))
}
