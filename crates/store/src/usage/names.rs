//! Numbers for combinations of names, so that cells are narrow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;

/// Combinations of each kind remembered in memory; beyond it the memory starts anew and the database answers.
const REMEMBERED_MAX: usize = 65_536;

statements! {
    // The ledger's clock is locked by whoever adds, so the next number is free.
    ADD_WHO = "INSERT INTO usage_who (id, api_key, user_id, team_id, organization_id, customer, tag)
               SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT),
                 CAST($5 AS TEXT), CAST($6 AS TEXT) FROM usage_who RETURNING id";
    FIND_WHO = "SELECT id FROM usage_who WHERE api_key = $1 AND user_id = $2 AND team_id = $3
                  AND organization_id = $4 AND customer = $5 AND tag = $6";
    ADD_WHAT = "INSERT INTO usage_what (id, model_group, model, provider, deployment_id, endpoint, status)
                SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT),
                  CAST($5 AS TEXT), CAST($6 AS TEXT) FROM usage_what RETURNING id";
    FIND_WHAT = "SELECT id FROM usage_what WHERE model_group = $1 AND model = $2 AND provider = $3
                   AND deployment_id = $4 AND endpoint = $5 AND status = $6";
}

/// The columns of `usage_who` or `usage_what`, in their order.
pub(super) type Name = [Arc<str>; 6];

/// Of what a number is asked.
#[derive(Clone, Copy)]
pub(super) enum Table {
    Who = 0,
    What = 1,
}

impl Table {
    const fn statements(self) -> (&'static str, &'static str) {
        match self {
            Self::Who => (FIND_WHO, ADD_WHO),
            Self::What => (FIND_WHAT, ADD_WHAT),
        }
    }
}

/// What becomes of a combination that was never met.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmet {
    /// It gets a number.
    Number,
    /// It has none.
    Leave,
}

/// Numbers that this process met.
#[derive(Default)]
pub(crate) struct Names {
    known: Mutex<Learned>,
}

/// Numbers that one transaction met.
#[derive(Default)]
pub(crate) struct Learned([HashMap<Name, i64>; 2]);

impl Names {
    fn get(&self, table: Table, name: &Name) -> Option<i64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.0[table as usize].get(name).copied()
    }

    /// Only after commit: a number from a transaction that failed may be given to another combination.
    pub fn learn(&self, learned: Learned) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (known, learned) in known.0.iter_mut().zip(learned.0) {
            if known.len() + learned.len() > REMEMBERED_MAX {
                known.clear();
            }
            known.extend(learned);
        }
    }
}

impl Tx {
    /// The number of a combination; `None` for one that was never met and is left so.
    pub(super) async fn number(
        &mut self,
        names: &Names,
        learned: &mut Learned,
        table: Table,
        name: Name,
        unmet: Unmet,
    ) -> Result<Option<i64>, StoreError> {
        let learned = &mut learned.0[table as usize];
        if let Some(number) = names.get(table, &name).or_else(|| learned.get(&name).copied()) {
            return Ok(Some(number));
        }
        let (find, add) = table.statements();
        let number: i64 = on!(self, |tx| {
            let find = name.iter().fold(sqlx::query_scalar(find), |query, text| query.bind(text.clone()));
            match find.fetch_optional(&mut **tx).await? {
                Some(number) => number,
                None if unmet == Unmet::Leave => return Ok(None),
                None => {
                    let add =
                        name.iter().fold(sqlx::query_scalar(add), |query, text| query.bind(text.clone()));
                    add.fetch_one(&mut **tx).await?
                }
            }
        });
        learned.insert(name, number);
        Ok(Some(number))
    }
}
