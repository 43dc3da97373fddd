use domain::owner::{Project, Stamps};

use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::policy::Subject;
use crate::sql::statements;

macro_rules! select {
    () => {
        concat!(
            "SELECT p.id, p.alias, p.description, p.team_id, p.budget_id, p.models, p.metadata, p.blocked, p.extra,
                    p.created_at, p.created_by, p.updated_at, p.updated_by, ",
            budget_columns!(), ", ", spent_columns!(),
            " FROM projects p LEFT JOIN budgets b ON b.id = p.budget_id",
            spent_joins!("project", "''", "p.id", "b.budget_duration")
        )
    };
}

/// `$2` is a user who sees the projects of their teams and organisations; `$3` a team whose projects are seen besides.
macro_rules! filters {
    () => {
        " WHERE (CAST($1 AS TEXT) IS NULL OR p.team_id = $1)
            AND (CAST($2 AS TEXT) IS NULL
                 OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = p.team_id AND m.user_id = $2)
                 OR EXISTS (SELECT 1 FROM teams t JOIN organization_members o ON o.organization_id = t.organization_id
                              WHERE t.id = p.team_id AND o.user_id = $2 AND o.role = 'org_admin')
                 OR p.team_id = CAST($3 AS TEXT))"
    };
}

statements! {
    GET = concat!(select!(), " WHERE p.id = $1");
    LIST = concat!(select!(), filters!(),
                   " ORDER BY p.created_at DESC, p.id LIMIT CAST($4 AS BIGINT) OFFSET CAST($5 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*) FROM projects p", filters!());
    PUT = "INSERT INTO projects (id, alias, description, team_id, budget_id, models, metadata, blocked, created_at,
             created_by, updated_at, updated_by, extra)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, description = excluded.description,
             team_id = excluded.team_id, budget_id = excluded.budget_id, models = excluded.models,
             metadata = excluded.metadata, blocked = excluded.blocked, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by, extra = excluded.extra";
    DELETE = "DELETE FROM projects WHERE id = $1";
    HAS_KEYS = "SELECT hash FROM keys WHERE project_id = $1 LIMIT 1";
}

/// Which projects.
#[derive(Clone, Debug, Default)]
pub struct ProjectQuery {
    pub team_id: Option<String>,
    /// Only those that this user sees; and those of the team after it.
    pub seen_by: Option<(String, Option<String>)>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Project {
    const TABLE: &'static str = "LiteLLM_ProjectTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = ProjectQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::Project(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            alias: row.get("alias")?,
            description: row.get("description")?,
            // Rows that this crate writes have one.
            team_id: row.get::<Option<String>>("team_id")?.unwrap_or_default(),
            budget_id: row.get("budget_id")?,
            models: row.json("models")?,
            metadata: row.json("metadata")?,
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
            Cell::from(&self.description),
            Cell::from(&self.team_id),
            Cell::from(&self.budget_id),
            Cell::json(&self.models)?,
            Cell::json(&self.metadata)?,
            Cell::from(self.blocked),
        ];
        cells.extend(Cell::stamps(&self.stamps));
        cells.push(Cell::json(&self.extra)?);
        Ok(cells)
    }

    fn filters(filter: &ProjectQuery) -> Vec<Cell> {
        let (user, team) = filter.seen_by.clone().unzip();
        vec![(&filter.team_id).into(), Cell::Text(user), Cell::Text(team.flatten())]
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

    fn team(&self) -> Option<String> {
        Some(self.team_id.clone())
    }
}

impl Nouns<'_, Project> {
    /// Deletes projects; all of them or none.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when one is not there, [`StoreError::InUse`] when one has keys.
    pub async fn delete_all(&self, ids: &[String], actor: &Actor) -> Result<Vec<Project>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let mut deleted = Vec::new();
        for id in ids {
            let project = write.get::<Project>(&Name::from(id)).await?;
            let project = project.ok_or(StoreError::Missing("project"))?;
            let key = on!(&mut write.tx, |tx| {
                sqlx::query_scalar::<_, String>(HAS_KEYS).bind(id).fetch_optional(&mut **tx).await?
            });
            if key.is_some() {
                return Err(StoreError::InUse);
            }
            write.delete(&project).await?;
            deleted.push(project);
        }
        write.finish().await?;
        Ok(deleted)
    }
}
