use domain::owner::{Stamps, Tag};

use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, Noun, Statements};
use crate::StoreError;
use crate::policy::Subject;
use crate::sql::statements;

macro_rules! select {
    () => {
        concat!(
            "SELECT a.name, a.description, a.models, a.model_info, a.budget_id, a.created_at, a.created_by, a.updated_at,
                    a.updated_by, ",
            budget_columns!(), ", ", spent_columns!(),
            " FROM tags a LEFT JOIN budgets b ON b.id = a.budget_id",
            spent_joins!("tag", "''", "a.name", "b.budget_duration")
        )
    };
}

statements! {
    GET = concat!(select!(), " WHERE a.name = $1");
    LIST = concat!(select!(), " ORDER BY a.name LIMIT CAST($1 AS BIGINT) OFFSET CAST($2 AS BIGINT)");
    COUNT = "SELECT COUNT(*) FROM tags";
    PUT = "INSERT INTO tags (name, description, models, model_info, budget_id, created_at, created_by, updated_at, updated_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ON CONFLICT (name) DO UPDATE SET description = excluded.description, models = excluded.models,
             model_info = excluded.model_info, budget_id = excluded.budget_id, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by";
    DELETE = "DELETE FROM tags WHERE name = $1";
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Tag {
    const TABLE: &'static str = "LiteLLM_TagTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Tag(&self.name)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            description: row.get("description")?,
            models: row.json("models")?,
            model_info: row.json("model_info")?,
            budget_id: row.get("budget_id")?,
            stamps: row.stamps("")?,
            budget: row.budget()?,
            spent: row.spent()?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![
            Cell::from(&self.name),
            Cell::from(&self.description),
            Cell::json(&self.models)?,
            Cell::json(&self.model_info)?,
            Cell::from(&self.budget_id),
        ];
        cells.extend(Cell::stamps(&self.stamps));
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
