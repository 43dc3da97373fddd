//! The times that budgets are for. Spend in a window is the running total less its base; an owner whose budget is
//! for ever has no window, or one without end once what they spent was set anew.

mod budgets;
mod late;
mod missing;
mod turn;

use domain::account::AccountKind;
use domain::{Calendar, Period, Window};
use kit::{KeyHash, Money, Timestamp};

use crate::StoreError;
use crate::db::{Db, Tx, on};
use crate::policy::Subject;
use crate::sql::statements;

/// Every statement about windows.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, late::ALL, missing::ALL, turn::ALL].concat()
}

/// Windows that are looked at together; each is ended or made in a transaction of its own.
const AT_ONCE_MAX: i64 = 200;

/// The duration of a budget that is for ever.
pub(crate) const FOR_EVER: &str = "";

statements! {
    OF = "SELECT duration, starts_at, base_nano FROM budget_windows
          WHERE kind = $1 AND within = $2 AND id = $3 ORDER BY duration";
    BASE_OF_USER = "SELECT spend_base_nano FROM users WHERE id = $1";
    ADD = "INSERT INTO budget_windows (kind, within, id, duration, starts_at, ends_at, base_nano)
           VALUES ($1, $2, $3, $4, $5, $6, $7)";
    DROP = "DELETE FROM budget_windows WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4";
    DROP_ALL = "DELETE FROM budget_windows WHERE kind = $1 AND within = $2 AND id = $3";
    TOTAL = "SELECT spend_nano FROM running_totals WHERE kind = $1 AND within = $2 AND id = $3";
    SET_BASE = "UPDATE budget_windows SET base_nano = $4 WHERE kind = $1 AND within = $2 AND id = $3";
}

#[derive(sqlx::FromRow)]
struct Kept {
    duration: String,
    starts_at: i64,
    base_nano: i64,
}

/// The times that budgets are for.
pub struct Windows<'a> {
    pub(crate) db: &'a Db,
}

/// The owner of a window; `None` for a kind of a later version.
fn subject<'a>(kind: &str, within: &'a str, id: &'a str) -> Option<Subject<'a>> {
    Some(match kind {
        "key" => Subject::Key(id.parse::<KeyHash>().ok()?),
        "user" => Subject::User(id),
        "team" => Subject::Team(id),
        "member" => Subject::Member { team: within, user: id },
        "organization" => Subject::Organization(id),
        "organization_member" => Subject::OrganizationMember { organization: within, user: id },
        "project" => Subject::Project(id),
        "customer" => Subject::Customer(id),
        "tag" => Subject::Tag(id),
        _ => {
            let kind = AccountKind::parse(kind)?;
            let is_of_model =
                [AccountKind::KeyModel, AccountKind::UserModel, AccountKind::TeamModel].contains(&kind);
            return is_of_model.then_some(Subject::OfModel { kind, owner: within, model: id });
        }
    })
}

impl Tx {
    /// Makes an owner's windows those of the budgets that they have now: `duration` of the main one (`None` is for
    /// ever), and those of others beside it. What is there stays as it is. A new window goes on with what counted in
    /// the one whose place it takes, and ends where the calendar says. To be called by whoever makes an owner or
    /// changes their budget, in the same transaction and after [`Tx::record_change`].
    ///
    /// # Errors
    /// When a duration is none, or the database fails.
    pub(crate) async fn keep_windows(
        &mut self,
        owner: Subject<'_>,
        duration: Option<&str>,
        others: &[&str],
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, within, id) = owner.row();
        let kept = on!(&mut *self, |tx| {
            let query = sqlx::query_as::<_, Kept>(OF).bind(kind).bind(&within).bind(&id);
            query.fetch_all(&mut **tx).await?
        });
        let wanted = others.iter().copied().chain([duration.unwrap_or(FOR_EVER)]).collect::<Vec<_>>();
        let (_, gone): (Vec<_>, Vec<_>) = kept.iter().partition(|kept| wanted.contains(&&*kept.duration));
        let (starts, base) = match gone.first() {
            Some(gone) => (gone.starts_at, gone.base_nano),
            None => (0, self.base_of(owner).await?),
        };
        for duration in wanted {
            let is_there = kept.iter().any(|kept| kept.duration == duration);
            // For ever and from the beginning needs no row.
            if is_there || (duration == FOR_EVER && gone.is_empty()) {
                continue;
            }
            let ends = if duration == FOR_EVER {
                Timestamp(i64::MAX)
            } else {
                calendar.first_end(period(duration)?, now)
            };
            on!(&mut *self, |tx| {
                let query = sqlx::query(ADD).bind(kind).bind(&within).bind(&id).bind(duration);
                query.bind(starts).bind(ends.micros()).bind(base).execute(&mut **tx).await?;
            });
        }
        for gone in gone {
            on!(&mut *self, |tx| {
                let query = sqlx::query(DROP).bind(kind).bind(&within).bind(&id).bind(&gone.duration);
                query.execute(&mut **tx).await?;
            });
        }
        Ok(())
    }

    /// For an owner that is deleted.
    pub(crate) async fn drop_windows(&mut self, owner: Subject<'_>) -> Result<(), StoreError> {
        let (kind, within, id) = owner.row();
        on!(self, |tx| {
            sqlx::query(DROP_ALL).bind(kind).bind(&within).bind(&id).execute(&mut **tx).await?;
        });
        self.forget_crossings(kind, &within, &id).await
    }

    /// Makes `spend` what an owner other than a key has spent, in all of their windows. To be called after
    /// [`Tx::record_change`].
    pub(crate) async fn set_owner_spend(
        &mut self,
        owner: Subject<'_>,
        spend: Money,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, within, id) = owner.row();
        self.tick_ledger(now).await?;
        on!(self, |tx| {
            let total = sqlx::query_scalar::<_, i64>(TOTAL).bind(kind).bind(&within).bind(&id);
            let base = total.fetch_optional(&mut **tx).await?.unwrap_or(0).saturating_sub(spend.nano());
            let set = sqlx::query(SET_BASE).bind(kind).bind(&within).bind(&id).bind(base);
            if set.execute(&mut **tx).await?.rows_affected() == 0 {
                let query = sqlx::query(ADD).bind(kind).bind(&within).bind(&id).bind(FOR_EVER);
                query.bind(0_i64).bind(i64::MAX).bind(base).execute(&mut **tx).await?;
            }
        });
        Ok(())
    }

    /// What of a user's total no longer counts, where no window says so.
    async fn base_of(&mut self, owner: Subject<'_>) -> Result<i64, StoreError> {
        let Subject::User(id) = owner else { return Ok(0) };
        Ok(on!(self, |tx| sqlx::query_scalar(BASE_OF_USER).bind(id).fetch_optional(&mut **tx).await?)
            .unwrap_or(0))
    }
}

pub(crate) fn period(duration: &str) -> Result<Period, StoreError> {
    duration.parse().map_err(|error| StoreError::corrupt("budget_duration", error))
}

/// A window out of columns that a join may have left empty.
pub(crate) fn window(
    duration: Option<String>,
    ends_at: Option<i64>,
    base_nano: Option<i64>,
) -> Option<Window> {
    Some(Window { duration: duration?.into(), ends: Timestamp(ends_at?), base: Money(base_nano?) })
}
