//! Running totals of everyone that spend is charged to, beside the key itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use kit::{Money, Timestamp};

use super::Ledger;
use super::event::{EventRow, clean};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::keys::from_json;
use crate::model_budgets::Budgeted;
use crate::sql::statements;
use crate::values::Batch;

statements! {
    TOTAL = "SELECT requests, input_tokens, output_tokens, spend_nano FROM running_totals
             WHERE kind = $1 AND within = $2 AND id = $3";
}

pub(super) static ADD_TOTALS: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "ADD_TOTALS",
        "INSERT INTO running_totals AS t
           (kind, within, id, requests, input_tokens, output_tokens, spend_nano, changed_at)",
        &["TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT"],
        "ON CONFLICT (kind, within, id) DO UPDATE SET
           requests = t.requests + excluded.requests,
           input_tokens = t.input_tokens + excluded.input_tokens,
           output_tokens = t.output_tokens + excluded.output_tokens,
           spend_nano = t.spend_nano + excluded.spend_nano,
           changed_at = excluded.changed_at",
    )
});

/// Whose total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalOf<'a> {
    User(&'a str),
    Team(&'a str),
    /// A user's share of a team.
    Member {
        team: &'a str,
        user: &'a str,
    },
    Organization(&'a str),
    /// A user's share of an organisation.
    OrganizationMember {
        organization: &'a str,
        user: &'a str,
    },
    Project(&'a str),
    /// The client's end user.
    Customer(&'a str),
    /// A request with several tags counts for each, so that totals of tags overlap.
    Tag(&'a str),
    /// By the provider's name of it.
    Model(&'a str),
}

/// What someone has come to since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct RunningTotal {
    /// Each once, however many attempts it took; refused ones included.
    pub requests: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub spend_nano: i64,
}

impl RunningTotal {
    pub const fn spend(&self) -> Money {
        Money(self.spend_nano)
    }

    const fn of(row: &EventRow) -> Self {
        Self {
            requests: if row.superseded == 0 { 1 } else { 0 },
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            spend_nano: row.cost_nano,
        }
    }

    const fn add(&mut self, more: &Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.input_tokens = self.input_tokens.saturating_add(more.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(more.output_tokens);
        self.spend_nano = self.spend_nano.saturating_add(more.spend_nano);
    }
}

impl<'a> TotalOf<'a> {
    /// `kind`, `within` and `id` of its row.
    const fn row(self) -> (&'static str, &'a str, &'a str) {
        match self {
            Self::User(id) => ("user", "", id),
            Self::Team(id) => ("team", "", id),
            Self::Member { team, user } => ("member", team, user),
            Self::Organization(id) => ("organization", "", id),
            Self::OrganizationMember { organization, user } => ("organization_member", organization, user),
            Self::Project(id) => ("project", "", id),
            Self::Customer(id) => ("customer", "", id),
            Self::Tag(id) => ("tag", "", id),
            Self::Model(id) => ("model", "", id),
        }
    }

    /// Everyone to whom `row` is charged, tags aside.
    fn charged(row: &'a EventRow) -> impl Iterator<Item = Self> {
        let said = |text: &'a Option<Arc<str>>| text.as_deref().filter(|text| !text.is_empty());
        let (user, team, organization) = (said(&row.user_id), said(&row.team_id), said(&row.organization_id));
        [
            user.map(Self::User),
            team.map(Self::Team),
            team.zip(user).map(|(team, user)| Self::Member { team, user }),
            organization.map(Self::Organization),
            organization
                .zip(user)
                .map(|(organization, user)| Self::OrganizationMember { organization, user }),
            said(&row.project_id).map(Self::Project),
            said(&row.customer).map(Self::Customer),
            // A request that reached no deployment names what the client asked for, which may be anything.
            Some(Self::Model(&row.model)).filter(|_| !row.deployment_id.is_empty()),
        ]
        .into_iter()
        .flatten()
    }
}

/// `kind`, `within` and `id` of everyone to whom `row` is charged, its key included.
pub(crate) fn charged(row: &EventRow) -> Result<Vec<(&'static str, String, String)>, StoreError> {
    let tags = tags(row)?;
    let tagged = tags.iter().map(|tag| TotalOf::Tag(tag));
    let rows = TotalOf::charged(row).chain(tagged).map(TotalOf::row);
    let owned = rows.map(|(kind, within, id)| (kind, within.to_owned(), id.to_owned()));
    Ok(owned.chain([("key", String::new(), row.api_key.to_string())]).collect())
}

/// Each tag of an event once, as the database takes it.
pub(crate) fn tags(row: &EventRow) -> Result<BTreeSet<String>, StoreError> {
    if &*row.tags == "[]" {
        return Ok(BTreeSet::new());
    }
    let tags: Vec<String> = from_json("usage_events.tags", &row.tags)?;
    Ok(tags.iter().map(|tag| clean(tag).into_owned()).filter(|tag| !tag.is_empty()).collect())
}

impl Ledger<'_> {
    /// What someone has come to; `None` when nothing was ever charged to them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn running_total(&self, of: TotalOf<'_>) -> Result<Option<RunningTotal>, StoreError> {
        let (kind, within, id) = of.row();
        Ok(on!(self.db.fresh(), |pool| {
            sqlx::query_as(TOTAL).bind(kind).bind(within).bind(id).fetch_optional(pool).await
        })?)
    }
}

impl Tx {
    pub(super) async fn add_totals(
        &mut self,
        rows: &[&EventRow],
        budgeted: &Budgeted,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let tags = rows.iter().map(|row| tags(row)).collect::<Result<Vec<_>, _>>()?;
        let models = rows.iter().map(|row| budgeted.charged(row)).collect::<Vec<_>>();
        let mut sums = BTreeMap::<(&str, &str, &str), RunningTotal>::new();
        for ((row, tags), models) in rows.iter().zip(&tags).zip(&models) {
            let total = RunningTotal::of(row);
            for (kind, owner, model) in models {
                sums.entry((*kind, owner, model)).or_default().add(&total);
            }
            let tagged = tags.iter().map(|tag| TotalOf::Tag(tag));
            for of in TotalOf::charged(row).chain(tagged) {
                sums.entry(of.row()).or_default().add(&total);
            }
        }
        let sums = sums.into_iter().collect::<Vec<_>>();
        for (text, part) in ADD_TOTALS.parts(&sums, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for ((kind, within, id), total) in part {
                    query = query
                        .bind(*kind)
                        .bind(*within)
                        .bind(*id)
                        .bind(total.requests)
                        .bind(total.input_tokens)
                        .bind(total.output_tokens)
                        .bind(total.spend_nano)
                        .bind(at.micros());
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }
}
