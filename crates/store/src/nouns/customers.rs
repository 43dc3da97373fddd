use domain::owner::{Customer, Stamps};

use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::policy::Subject;
use crate::sql::statements;

macro_rules! select {
    () => {
        concat!(
            "SELECT c.id, c.alias, c.budget_id, c.models, c.allowed_model_region, c.default_model, c.blocked, c.extra,
                    c.created_at, c.created_by, c.updated_at, c.updated_by, ",
            budget_columns!(), ", ", spent_columns!(),
            " FROM customers c LEFT JOIN budgets b ON b.id = c.budget_id",
            spent_joins!("customer", "''", "c.id", "b.budget_duration")
        )
    };
}

statements! {
    GET = concat!(select!(), " WHERE c.id = $1");
    LIST = concat!(select!(), " ORDER BY c.created_at DESC, c.id LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)");
    COUNT = "SELECT COUNT(*) FROM customers";
    PUT = "INSERT INTO customers (id, alias, budget_id, models, allowed_model_region, default_model, blocked, created_at,
             created_by, updated_at, updated_by, extra)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, budget_id = excluded.budget_id,
             models = excluded.models, allowed_model_region = excluded.allowed_model_region,
             default_model = excluded.default_model, blocked = excluded.blocked,
             updated_at = excluded.updated_at, updated_by = excluded.updated_by, extra = excluded.extra";
    DELETE = "DELETE FROM customers WHERE id = $1";
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Customer {
    const TABLE: &'static str = "LiteLLM_EndUserTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Customer(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            alias: row.get("alias")?,
            budget_id: row.get("budget_id")?,
            models: row.json("models")?,
            allowed_model_region: row.get("allowed_model_region")?,
            default_model: row.get("default_model")?,
            blocked: row.flag("blocked")?,
            stamps: row.stamps("")?,
            extra: row.json("extra")?,
            budget: row.budget()?,
            spent: row.spent()?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![
            Cell::from(&self.id),
            Cell::from(&self.alias),
            Cell::from(&self.budget_id),
            Cell::json(&self.models)?,
            Cell::from(&self.allowed_model_region),
            Cell::from(&self.default_model),
            Cell::from(self.blocked),
        ];
        cells.extend(Cell::stamps(&self.stamps));
        cells.push(Cell::json(&self.extra)?);
        Ok(cells)
    }

    fn filters((): &()) -> Vec<Cell> {
        Vec::new()
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        Some((super::duration(self.budget.as_ref()), Vec::new()))
    }

    fn budget_id(&self) -> Option<&str> {
        self.budget_id.as_deref()
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }
}

impl Nouns<'_, Customer> {
    /// Blocks customers or lets them go on, all of them or none; who is blocked and not known yet is made.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when one who shall go on is not there.
    pub async fn set_blocked(
        &self,
        ids: &[String],
        blocked: bool,
        actor: &Actor,
    ) -> Result<Vec<Customer>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let mut changed = Vec::new();
        for id in ids {
            changed.push(match write.get::<Customer>(&Name::from(id)).await? {
                Some(before) => {
                    let action = if blocked { "blocked" } else { "unblocked" };
                    write.replace(&before, Customer { blocked, ..before.clone() }, action).await?
                }
                None if blocked => {
                    let stamps = Stamps::new(&actor.id, actor.at);
                    write.create(&Customer { id: id.clone(), blocked, stamps, ..Customer::default() }).await?
                }
                None => return Err(StoreError::Missing("customer")),
            });
        }
        write.finish().await?;
        Ok(changed)
    }
}
