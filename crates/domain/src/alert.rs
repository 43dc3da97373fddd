//! What somebody is told of budgets.

use kit::{Money, Timestamp};
use serde::{Deserialize, Serialize};

/// The part of a budget that is spent when it comes near its end, in percent.
const NEAR_PERCENT: i64 = 95;

/// What happened to a budget, as the compatible surface's webhooks name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetEvent {
    /// The soft budget is used up: nothing is refused.
    SoftBudgetCrossed,
    /// 95 % of the budget are spent.
    ThresholdCrossed,
    /// The budget is used up: calls are refused.
    BudgetCrossed,
}

/// One crossing of one budget in one of its windows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub event: BudgetEvent,
    /// Whose budget, named as in `running_totals`, and `key` with the hash as `id`.
    pub kind: String,
    /// The team or organisation of a member; empty for the rest.
    pub within: String,
    pub id: String,
    /// How people call it.
    pub alias: Option<String>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    /// Since the window began.
    pub spend: Money,
    pub max_budget: Option<Money>,
    pub soft_budget: Option<Money>,
    /// When the budget begins anew; `None` is never.
    pub resets_at: Option<Timestamp>,
    /// When it was seen.
    pub at: Timestamp,
}

/// Which of an owner's budgets are crossed: for each the end of the window in which it is, and 0 for one that is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    pub soft: i64,
    pub near: i64,
    pub over: i64,
}

impl Crossed {
    /// What holds in the window that ends at `ends`, in microseconds.
    pub fn now(spend: Money, max: Option<Money>, soft: Option<Money>, ends: i64) -> Self {
        let when = |crossed: bool| if crossed { ends } else { 0 };
        // In 128 bits: budgets may be large.
        let is_near =
            |max: Money| i128::from(spend.nano()) * 100 >= i128::from(max.nano()) * i128::from(NEAR_PERCENT);
        Self {
            soft: when(soft.is_some_and(|soft| spend >= soft)),
            near: when(max.is_some_and(is_near)),
            over: when(max.is_some_and(|max| spend >= max)),
        }
    }

    /// What was crossed since `before`. Whoever is over a budget is not told that it comes near its end.
    pub fn since(self, before: Self) -> Vec<BudgetEvent> {
        let is_new = |now: i64, before: i64| now != 0 && now != before;
        let over = is_new(self.over, before.over);
        let near = is_new(self.near, before.near) && self.over == 0;
        let soft = is_new(self.soft, before.soft);
        [
            (soft, BudgetEvent::SoftBudgetCrossed),
            (near, BudgetEvent::ThresholdCrossed),
            (over, BudgetEvent::BudgetCrossed),
        ]
        .into_iter()
        .filter_map(|(is_new, event)| is_new.then_some(event))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::BudgetEvent::{BudgetCrossed, SoftBudgetCrossed, ThresholdCrossed};
    use super::*;

    fn at(spend: i64, ends: i64) -> Crossed {
        Crossed::now(Money(spend), Some(Money(100)), Some(Money(50)), ends)
    }

    #[test]
    fn each_crossing_of_each_window_is_told_once() {
        let nothing = Crossed::default();
        assert_eq!(at(49, 7).since(nothing), []);
        assert_eq!(at(50, 7).since(nothing), [SoftBudgetCrossed]);
        assert_eq!(at(94, 7).since(at(50, 7)), []);
        assert_eq!(at(95, 7).since(at(94, 7)), [ThresholdCrossed]);
        assert_eq!(at(100, 7).since(at(95, 7)), [BudgetCrossed]);
        assert_eq!(at(120, 7).since(at(100, 7)), []);
        assert_eq!(at(120, 7).since(nothing), [SoftBudgetCrossed, BudgetCrossed], "at once");
        assert_eq!(at(60, 8).since(at(120, 7)), [SoftBudgetCrossed], "the next window");
        assert_eq!(at(60, 7).since(at(40, 7)), [SoftBudgetCrossed], "again, after it was raised or set back");
    }

    #[test]
    fn no_budget_is_never_crossed() {
        assert_eq!(Crossed::now(Money(i64::MAX), None, None, 7), Crossed::default());
    }
}
