use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::EventRow;
use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;

/// Combinations remembered in memory; beyond it the memory starts anew and the database answers.
const REMEMBERED_MAX: usize = 65_536;

statements! {
    // The ledger's clock is locked by whoever adds, so the next number is free.
    ADD = "INSERT INTO usage_dimensions
             (id, api_key, user_id, team_id, organization_id, model_group, model, provider, deployment_id)
           SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT),
             CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT)
           FROM usage_dimensions RETURNING id";
    FIND = "SELECT id FROM usage_dimensions WHERE api_key = $1 AND user_id = $2 AND team_id = $3
              AND organization_id = $4 AND model_group = $5 AND model = $6 AND provider = $7
              AND deployment_id = $8";
}

/// What usage is grouped by: key, user, team, organisation, model group, model, provider, deployment.
pub(crate) type Dimension = [Arc<str>; 8];

/// Numbers of the combinations that this process met.
#[derive(Default)]
pub(crate) struct Dimensions {
    known: Mutex<HashMap<Dimension, i64>>,
}

impl Dimensions {
    pub fn get(&self, dimension: &Dimension) -> Option<i64> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(dimension).copied()
    }

    /// Only after commit: a number from a transaction that failed may be given to another combination.
    pub fn learn(&self, learned: HashMap<Dimension, i64>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + learned.len() > REMEMBERED_MAX {
            known.clear();
        }
        known.extend(learned);
    }
}

pub(super) fn of(row: &EventRow) -> Dimension {
    let or_empty = |text: &Option<Arc<str>>| text.clone().unwrap_or_default();
    [
        row.api_key.clone(),
        or_empty(&row.user_id),
        or_empty(&row.team_id),
        or_empty(&row.organization_id),
        row.model_group.clone(),
        row.model.clone(),
        row.provider.clone(),
        row.deployment_id.clone(),
    ]
}

impl Tx {
    pub(super) async fn dimension(&mut self, dimension: &Dimension) -> Result<i64, StoreError> {
        Ok(on!(self, |tx| {
            let find =
                dimension.iter().fold(sqlx::query_scalar(FIND), |query, value| query.bind(value.clone()));
            match find.fetch_optional(&mut **tx).await? {
                Some(id) => id,
                None => {
                    let add = dimension
                        .iter()
                        .fold(sqlx::query_scalar(ADD), |query, value| query.bind(value.clone()));
                    add.fetch_one(&mut **tx).await?
                }
            }
        }))
    }
}
