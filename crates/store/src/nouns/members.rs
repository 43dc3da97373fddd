use std::sync::LazyLock;

use domain::owner::{Budget, Member, Stamps, TeamRole};
use domain::{Role, User};
use kit::Money;
use serde_json::Map;

use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::nouns::cells::bound;
use crate::policy::Subject;
use crate::reads::read;
use crate::sql::statements;
use crate::values::Batch;

/// Members that one team has at most.
pub const MEMBERS_MAX: u32 = 5000;

/// A member who has no budget of their own has the one of all members of the team.
macro_rules! columns {
    () => {
        concat!(
            "SELECT m.team_id, m.user_id, m.role, m.budget_id, m.allowed_models, m.created_at, m.updated_at,
                    CAST(NULL AS TEXT) AS created_by, CAST(NULL AS TEXT) AS updated_by, u.email, ",
            budget_columns!(),
            ", ",
            spent_columns!()
        )
    };
}

macro_rules! joins {
    () => {
        concat!(
            " JOIN teams t ON t.id = m.team_id LEFT JOIN users u ON u.id = m.user_id
              LEFT JOIN budgets b ON b.id = COALESCE(m.budget_id, t.member_budget_id)",
            spent_joins!("member", "m.team_id", "m.user_id", "b.budget_duration")
        )
    };
}

macro_rules! select {
    () => {
        concat!(columns!(), " FROM team_members m", joins!())
    };
}

/// Members that one list of teams shows at most.
pub const MEMBERS_SHOWN_MAX: usize = 1000;

/// Members of some teams, in the order in which they came.
static OF_TEAMS: LazyLock<Batch> = LazyLock::new(|| {
    let head = concat!(columns!(), " FROM (");
    let tail = concat!(
        ") v JOIN team_members m ON m.team_id = v.column1",
        joins!(),
        " ORDER BY m.team_id, m.created_at, m.user_id LIMIT 1000"
    );
    Batch::new("OF_TEAMS", head, &["TEXT"], tail)
});

/// The teams of some users.
static TEAMS_OF: LazyLock<Batch> = LazyLock::new(|| {
    let tail = ") v JOIN team_members m ON m.user_id = v.column1 ORDER BY m.user_id, m.created_at, m.team_id LIMIT 1000";
    Batch::new("TEAMS_OF", "SELECT m.user_id, m.team_id FROM (", &["TEXT"], tail)
});

pub(crate) fn batches() -> [&'static Batch; 2] {
    [&OF_TEAMS, &TEAMS_OF]
}

macro_rules! filters {
    () => {
        " WHERE (CAST($1 AS TEXT) IS NULL OR REPLACE($1, ',' || m.team_id || ',', '') <> $1)
            AND (CAST($2 AS TEXT) IS NULL OR m.user_id = $2)"
    };
}

statements! {
    GET = concat!(select!(), " WHERE m.team_id = $1 AND m.user_id = $2");
    LIST = concat!(select!(), filters!(),
                   " ORDER BY m.team_id, m.created_at, m.user_id LIMIT CAST($3 AS BIGINT) OFFSET CAST($4 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*) FROM team_members m", filters!());
    OF_TEAM = concat!(select!(), " WHERE m.team_id = $1 ORDER BY m.created_at, m.user_id LIMIT CAST($2 AS BIGINT)");
    OF_USER = concat!(select!(), " WHERE m.user_id = $1");
    PUT = "INSERT INTO team_members (team_id, user_id, role, budget_id, allowed_models, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role, budget_id = excluded.budget_id,
             allowed_models = excluded.allowed_models, updated_at = excluded.updated_at";
    DELETE = "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2";
    KEYS = "SELECT hash FROM keys WHERE team_id = $1 AND user_id = $2 ORDER BY hash LIMIT CAST($3 AS BIGINT)";
    STANDING = "SELECT m.role FROM team_members m WHERE m.team_id = $1 AND m.user_id = $2";
}

/// Which members.
#[derive(Clone, Debug, Default)]
pub struct MemberQuery {
    /// Of any of these; of all when empty.
    pub teams: Vec<String>,
    pub user_id: Option<String>,
}

/// Who shall become a member: a user by id or address, made when there is none.
#[derive(Clone, Debug, Default)]
pub struct NewMember {
    pub user_id: Option<String>,
    pub email: Option<String>,
    /// The id of a user that is made.
    pub fresh_id: String,
    pub role: TeamRole,
    pub allowed_models: Vec<String>,
    /// A budget of their own, with an id that is free.
    pub budget: Option<Budget>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Member {
    const TABLE: &'static str = "LiteLLM_TeamMembership";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = MemberQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::Member { team: &self.team_id, user: &self.user_id }
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        let role = row.get::<String>("role")?;
        Ok(Self {
            team_id: row.get("team_id")?,
            user_id: row.get("user_id")?,
            role: TeamRole::parse(&role).ok_or_else(|| StoreError::corrupt("team_members.role", role))?,
            budget_id: row.get("budget_id")?,
            allowed_models: row.json("allowed_models")?,
            stamps: row.stamps("")?,
            email: row.get("email")?,
            budget: row.budget()?,
            spent: row.spent()?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        Ok(vec![
            Cell::from(&self.team_id),
            Cell::from(&self.user_id),
            Cell::from(self.role.name()),
            Cell::from(&self.budget_id),
            Cell::json(&self.allowed_models)?,
            Cell::from(self.stamps.created_at.micros()),
            Cell::from(self.stamps.updated_at.micros()),
        ])
    }

    fn filters(filter: &MemberQuery) -> Vec<Cell> {
        vec![Cell::Text(crate::page::listed(&filter.teams)), (&filter.user_id).into()]
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

impl Nouns<'_, Member> {
    /// What a user is in a team; `None` when they are no member.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn role(&self, team: &str, user: &str) -> Result<Option<TeamRole>, StoreError> {
        let role = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_scalar::<_, String>(STANDING).bind(team).bind(user);
            query.fetch_optional(pool).await?
        });
        Ok(role.as_deref().and_then(TeamRole::parse))
    }

    /// Members of some teams, at most [`MEMBERS_SHOWN_MAX`] of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of_teams(&self, teams: &[String]) -> Result<Vec<Member>, StoreError> {
        let mut members = read!(self.db, Request, |connection| {
            let mut members = Vec::new();
            for (text, part) in OF_TEAMS.parts(teams, self.db.placeholders()) {
                let mut query = sqlx::query(text);
                for team in part {
                    query = query.bind(team);
                }
                for row in &query.fetch_all(&mut **connection).await? {
                    members.push(Member::read(&row.into())?);
                }
            }
            members
        })?;
        members.truncate(MEMBERS_SHOWN_MAX);
        Ok(members)
    }

    /// Pairs of user and team, at most [`MEMBERS_SHOWN_MAX`] of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn teams_of(&self, users: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let mut pairs = read!(self.db, Request, |connection| {
            let mut pairs = Vec::new();
            for (text, part) in TEAMS_OF.parts(users, self.db.placeholders()) {
                let mut query = sqlx::query_as::<_, (String, String)>(text);
                for user in part {
                    query = query.bind(user);
                }
                pairs.extend(query.fetch_all(&mut **connection).await?);
            }
            pairs
        })?;
        pairs.truncate(MEMBERS_SHOWN_MAX);
        Ok(pairs)
    }

    /// Adds members to a team; all of them or none.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such team, [`StoreError::Duplicate`] when one is a member already,
    /// [`StoreError::TooMany`] when they are more than [`MEMBERS_MAX`].
    pub async fn add(
        &self,
        team: &str,
        members: &[NewMember],
        actor: &Actor,
    ) -> Result<Vec<Member>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let added = write.add_members(team, members).await?;
        write.finish().await?;
        Ok(added)
    }

    /// Takes a member out of a team, with the keys that they have in it; `None` when there is no such member.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when they have more than [`super::KEYS_MAX`] keys there.
    pub async fn remove(&self, name: (&str, &str), actor: &Actor) -> Result<Option<Member>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(member) = write.get::<Member>(&Name::from(name)).await? else { return Ok(None) };
        write.delete_keys(KEYS, &[name.0.into(), name.1.into()]).await?;
        write.delete(&member).await?;
        write.finish().await?;
        Ok(Some(member))
    }
}

impl Write<'_> {
    pub(crate) async fn add_members(
        &mut self,
        team: &str,
        members: &[NewMember],
    ) -> Result<Vec<Member>, StoreError> {
        let team = self.get::<domain::owner::Team>(&Name::from(team)).await?;
        let team = team.ok_or(StoreError::Missing("team"))?;
        if team.members + members.len() as u64 > u64::from(MEMBERS_MAX) {
            return Err(StoreError::TooMany("members of one team"));
        }
        let mut added = Vec::new();
        for new in members {
            let user = self.user(new).await?;
            if let Some(budget) = &new.budget {
                self.create(budget).await?;
            }
            let member = Member {
                team_id: team.id.clone(),
                user_id: user,
                role: new.role,
                budget_id: new.budget.as_ref().map(|budget| budget.id.clone()),
                allowed_models: new.allowed_models.clone(),
                stamps: Stamps::new(&self.actor.id, self.actor.at),
                ..Member::default()
            };
            added.push(self.create(&member).await?);
        }
        Ok(added)
    }

    /// The id of a user by id or address, who is made when there is none.
    pub(super) async fn user(&mut self, new: &NewMember) -> Result<String, StoreError> {
        let found = match (&new.user_id, &new.email) {
            (Some(id), _) => self.tx.find_user(Some(id), None).await?,
            (None, email) => self.tx.find_user(None, email.as_deref()).await?,
        };
        if let Some(user) = found {
            return Ok(user.id);
        }
        let by = Some(self.actor.id.clone());
        let user = User {
            id: new.user_id.clone().unwrap_or_else(|| new.fresh_id.clone()),
            email: new.email.clone(),
            alias: None,
            role: Role::InternalUser,
            sso_id: None,
            models: Vec::new(),
            metadata: Map::new(),
            max_budget: None,
            spend: Money::ZERO,
            resets_at: None,
            created_at: self.actor.at,
            created_by: by.clone(),
            updated_at: self.actor.at,
            updated_by: by,
            extra: Map::new(),
        };
        self.tx.record_change(Subject::User(&user.id), "created", self.actor).await?;
        self.tx.insert_user(&user, None).await?;
        self.entry(crate::users::change("created", None, Some(&user), false)?);
        Ok(user.id)
    }

    /// The teams that a user is a member of.
    pub(crate) async fn memberships(&mut self, user: &str) -> Result<Vec<Member>, StoreError> {
        on!(&mut self.tx, |tx| {
            let rows = sqlx::query(OF_USER).bind(user).fetch_all(&mut **tx).await?;
            rows.iter().map(|row| Member::read(&row.into())).collect()
        })
    }

    pub(super) async fn members(&mut self, team: &str) -> Result<Vec<Member>, StoreError> {
        let cells = [team.into(), i64::from(MEMBERS_MAX).into()];
        on!(&mut self.tx, |tx| {
            let rows = bound!(sqlx::query(OF_TEAM), &cells).fetch_all(&mut **tx).await?;
            rows.iter().map(|row| Member::read(&row.into())).collect()
        })
    }
}
