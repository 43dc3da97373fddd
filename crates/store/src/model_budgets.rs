//! Budgets per model of keys, users and teams: rows of their own, so that gateways hold them as those of anybody else.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use domain::model_budget::ModelBudget;
use domain::{AccountKind, Calendar};
use kit::{Money, Timestamp};

use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Tx, on};
use crate::ledger::EventRow;
use crate::policy::Subject;
use crate::sql::statements;
use crate::values::Batch;
use crate::windows::{FOR_EVER, period};

statements! {
    OF = "SELECT model, max_nano, duration FROM model_budgets WHERE owner = $1 AND kind = $2 ORDER BY model";
    PUT = "INSERT INTO model_budgets (owner, kind, model, max_nano, duration) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (owner, kind, model) DO UPDATE SET max_nano = excluded.max_nano, duration = excluded.duration";
    DELETE = "DELETE FROM model_budgets WHERE owner = $1 AND kind = $2 AND model = $3";
    TOTAL = "SELECT spend_nano FROM running_totals WHERE kind = $1 AND within = $2 AND id = $3";
    ADD_WINDOW = "INSERT INTO budget_windows (kind, within, id, duration, starts_at, ends_at, base_nano)
                  VALUES ($1, $2, $3, $4, $5, $6, $7)";
    MOVE = "UPDATE model_budgets SET owner = $3 WHERE owner = $2 AND kind = $1";
    MOVE_WINDOWS = "UPDATE budget_windows SET within = $3 WHERE kind = $1 AND within = $2";
    MOVE_TOTALS = "UPDATE running_totals SET within = $3 WHERE kind = $1 AND within = $2";
}

static AMONG: LazyLock<Batch> = LazyLock::new(|| {
    let head = "SELECT owner, kind, model FROM model_budgets WHERE owner IN (SELECT column1 FROM (";
    Batch::new("MODEL_BUDGETS_AMONG", head, &["TEXT"], ") AS asked)")
});

static HEIRS: LazyLock<Batch> = LazyLock::new(|| {
    let head = "SELECT hash, replaced_by FROM deleted_keys
                WHERE replaced_by IS NOT NULL AND hash IN (SELECT column1 FROM (";
    Batch::new("HEIRS", head, &["TEXT"], ") AS asked)")
});

/// How many new secrets in a row late spend follows.
const SUCCESSIONS_MAX: u32 = 8;

pub(crate) fn batches() -> [&'static Batch; 2] {
    [&AMONG, &HEIRS]
}

/// Which budgets per model the calls of a batch count in.
#[derive(Default)]
pub(crate) struct Budgeted {
    /// Kind and owner → models.
    models: HashMap<(String, String), HashSet<String>>,
    heirs: HashMap<Arc<str>, Arc<str>>,
}

impl Budgeted {
    /// `kind`, `within` and `id` of each that a call counts in.
    pub fn charged(&self, row: &EventRow) -> Vec<(&'static str, String, String)> {
        if self.models.is_empty() {
            return Vec::new();
        }
        let key = self.heirs.get(&row.api_key).unwrap_or(&row.api_key);
        let owners = [
            (AccountKind::KeyModel, Some(key)),
            (AccountKind::UserModel, row.user_id.as_ref()),
            (AccountKind::TeamModel, row.team_id.as_ref()),
        ];
        let budgeted = owners.into_iter().filter_map(|(kind, owner)| {
            let name = (kind.as_str().to_owned(), owner?.to_string());
            let has_one = self.models.get(&name)?.contains(&*row.model_group);
            has_one.then(|| (kind.as_str(), name.1, row.model_group.to_string()))
        });
        budgeted.collect()
    }
}

impl Tx {
    /// Makes an owner's budgets per model `wanted`. One that is new counts the calls that begin from now on. To be called
    /// after [`Tx::record_change`] of the owner, and before any row of the ledger is locked.
    ///
    /// # Errors
    /// When a duration is none, or the database fails.
    pub(crate) async fn keep_model_budgets(
        &mut self,
        kind: AccountKind,
        owner: &str,
        wanted: &[ModelBudget],
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let kept = self.model_budgets(kind, owner).await?;
        if kept == wanted {
            return Ok(());
        }
        // Held to the end: a call is either shipped before, and then not counted, or finds the budget.
        self.tick_ledger(actor.at).await?;
        for gone in kept.iter().filter(|kept| wanted.iter().all(|budget| budget.model != kept.model)) {
            let subject = Subject::OfModel { kind, owner, model: &gone.model };
            self.record_change(subject, "deleted", actor).await?;
            self.drop_windows(subject).await?;
            on!(&mut *self, |tx| {
                let delete = sqlx::query(DELETE).bind(owner).bind(kind.as_str()).bind(&gone.model);
                delete.execute(&mut **tx).await?;
            });
        }
        for budget in wanted.iter().filter(|budget| !kept.contains(budget)) {
            let subject = Subject::OfModel { kind, owner, model: &budget.model };
            self.record_change(subject, "updated", actor).await?;
            on!(&mut *self, |tx| {
                let put = sqlx::query(PUT).bind(owner).bind(kind.as_str()).bind(&budget.model);
                put.bind(budget.max.nano()).bind(&budget.duration).execute(&mut **tx).await?;
            });
            let duration = budget.duration.as_deref();
            if kept.iter().any(|kept| kept.model == budget.model) {
                self.keep_windows(subject, duration, &[], calendar, actor.at).await?;
            } else {
                self.begin_window(subject, duration, calendar, actor.at).await?;
            }
        }
        Ok(())
    }

    /// For an owner that is deleted.
    pub(crate) async fn drop_model_budgets(
        &mut self,
        kind: AccountKind,
        owner: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        self.keep_model_budgets(kind, owner, &[], &Calendar::default(), actor).await
    }

    async fn model_budgets(
        &mut self,
        kind: AccountKind,
        owner: &str,
    ) -> Result<Vec<ModelBudget>, StoreError> {
        let rows = on!(self, |tx| {
            let query =
                sqlx::query_as::<_, (String, i64, Option<String>)>(OF).bind(owner).bind(kind.as_str());
            query.fetch_all(&mut **tx).await?
        });
        let of = |(model, max, duration)| ModelBudget { model, max: Money(max), duration };
        // Databases sort text each in their own way.
        let mut budgets = rows.into_iter().map(of).collect::<Vec<_>>();
        budgets.sort_by(|one, other| one.model.cmp(&other.model));
        Ok(budgets)
    }

    /// A window in which nothing counts that began before it.
    async fn begin_window(
        &mut self,
        owner: Subject<'_>,
        duration: Option<&str>,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ends = match duration {
            Some(duration) => calendar.first_end(period(duration)?, now),
            None => Timestamp(i64::MAX),
        };
        let (kind, within, id) = owner.row();
        on!(self, |tx| {
            let total = sqlx::query_scalar::<_, i64>(TOTAL).bind(kind).bind(&within).bind(&id);
            let base = total.fetch_optional(&mut **tx).await?.unwrap_or(0);
            let add = sqlx::query(ADD_WINDOW).bind(kind).bind(&within).bind(&id);
            let add =
                add.bind(duration.unwrap_or(FOR_EVER)).bind(now.micros()).bind(ends.micros()).bind(base);
            add.execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// Moves them to the hash that takes a key's place, with all that counts.
    pub(crate) async fn move_model_budgets(
        &mut self,
        old: &str,
        new: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let kind = AccountKind::KeyModel;
        for budget in self.model_budgets(kind, old).await? {
            for owner in [old, new] {
                self.record_change(Subject::OfModel { kind, owner, model: &budget.model }, "rotated", actor)
                    .await?;
            }
        }
        for text in [MOVE, MOVE_WINDOWS, MOVE_TOTALS] {
            on!(&mut *self, |tx| {
                sqlx::query(text).bind(kind.as_str()).bind(old).bind(new).execute(&mut **tx).await?;
            });
        }
        Ok(())
    }

    /// Those that a batch may count in, under the shippers' lock.
    pub(crate) async fn budgeted(&mut self, rows: &[&EventRow]) -> Result<Budgeted, StoreError> {
        let heirs = self.heirs(rows).await?;
        let keys = rows.iter().map(|row| heirs.get(&row.api_key).unwrap_or(&row.api_key));
        let others = rows.iter().flat_map(|row| [&row.user_id, &row.team_id]).flatten();
        let owners = keys.chain(others).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let mut models = HashMap::<(String, String), HashSet<String>>::new();
        for (text, part) in AMONG.parts(&owners, self.placeholders()) {
            let found = on!(&mut *self, |tx| {
                let query = sqlx::query_as::<_, (String, String, String)>(text);
                let query = part.iter().fold(query, |query, owner| query.bind((*owner).clone()));
                query.fetch_all(&mut **tx).await?
            });
            for (owner, kind, model) in found {
                models.entry((kind, owner)).or_default().insert(model);
            }
        }
        Ok(Budgeted { models, heirs })
    }

    /// Hashes of keys that got a new secret meanwhile, and whose place they took.
    pub(crate) async fn heirs(
        &mut self,
        rows: &[&EventRow],
    ) -> Result<HashMap<Arc<str>, Arc<str>>, StoreError> {
        let mut asked = rows.iter().map(|row| row.api_key.clone()).collect::<BTreeSet<_>>();
        let mut next = HashMap::<Arc<str>, Arc<str>>::new();
        for _ in 0..SUCCESSIONS_MAX {
            let hashes = asked.iter().collect::<Vec<_>>();
            let mut found = Vec::<(String, String)>::new();
            for (text, part) in HEIRS.parts(&hashes, self.placeholders()) {
                found.extend(on!(&mut *self, |tx| {
                    let query = sqlx::query_as::<_, (String, String)>(text);
                    let query = part.iter().fold(query, |query, hash| query.bind((*hash).clone()));
                    query.fetch_all(&mut **tx).await?
                }));
            }
            asked = found.iter().map(|(_, heir)| Arc::from(heir.as_str())).collect();
            next.extend(found.into_iter().map(|(hash, heir)| (Arc::from(hash), Arc::from(heir))));
            if asked.is_empty() {
                break;
            }
        }
        let last = |hash: &Arc<str>| {
            let chain = std::iter::successors(Some(hash), |hash| next.get(*hash));
            chain.take(SUCCESSIONS_MAX as usize + 1).last().cloned()
        };
        let resolved = next.keys().filter_map(|hash| Some((hash.clone(), last(hash)?)));
        Ok(resolved.collect())
    }
}
