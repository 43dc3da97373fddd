//! A budget holds, counts nothing twice, and refuses nobody without cause.

use std::sync::Arc;

use crate::common::{Database, Reserve, key};
use bulkhead_policy::{KeyEntry, Replica, Reservation, Settings, SpendFigures};
use domain::key::KeyTerms;
use domain::{
    Dialect, Intent, KeyPolicy, Limits, Outcome, Raise, Status, TimedLimit, Usage, UsageEvent, Window,
};
use kit::{Clock, KeyHash, ManualClock, Money, Timestamp};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

fn event(cost: Money) -> UsageEvent {
    let id = uuid::Uuid::nil();
    let intent = Intent {
        id,
        call_id: "call".into(),
        started_at: Timestamp(0),
        key: Some(KeyHash::of("sk-a")),
        key_alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        project_id: None,
        customer: None,
        tags: Vec::new(),
        dialect: Dialect::OpenAiChat,
        stream: false,
        model_group: "m".into(),
        model: "m".into(),
        provider: "openai".into(),
        deployment_id: "d".into(),
        api_base: "".into(),
        estimate: Money::ZERO,
        session_id: None,
        requester_ip: None,
        user_agent: None,
    };
    let outcome = Outcome {
        id,
        ended_at: Timestamp(0),
        first_byte_at: None,
        status: Status::Success,
        http_status: 200,
        usage: Usage::default(),
        usage_estimated: false,
        cost,
        price_version: "none".into(),
        response_id: None,
        error: None,
        superseded: false,
    };
    UsageEvent { intent, outcome }
}

/// A gateway with one key, following a database.
struct Gateway {
    replica: Replica,
    database: Database,
    hash: KeyHash,
    stop: CancellationToken,
}

impl Gateway {
    async fn start(max: i64) -> Self {
        let (replica, database) = (Replica::empty(Settings::default()), Database::default());
        let policy = KeyPolicy { max_budget: Some(Money(max)), ..key("sk-a") };
        let hash = policy.hash;
        database.put(policy);
        let stop = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let task = (replica.clone(), database.clone(), stop.clone().cancelled_owned());
        tokio::spawn(async move { task.0.run(task.1, clock, task.2).await });
        database.until(|before, now| now.spends > before.spends && now.tails > 0).await;
        Self { replica, database, hash, stop }
    }

    fn entry(&self) -> Arc<KeyEntry> {
        self.replica.lookup(&self.hash).unwrap()
    }

    fn figures(&self) -> [i64; 3] {
        let SpendFigures { known, unshipped, reserved } = self.entry().spend();
        [known.0, unshipped.0, reserved.0]
    }

    fn ship(&self, cost: i64) {
        let total = self.database.charge(self.hash, Money(cost));
        self.replica.shipped(true, &[event(Money(cost))], &[(self.hash, total)], None);
    }

    async fn refreshed(&self) {
        self.database.until(|before, now| now.spends >= before.spends + 2).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn an_estimate_becomes_a_cost_becomes_a_total() {
    let gateway = Gateway::start(100).await;
    let reservation = gateway.entry().reserve(Money(30)).unwrap();
    assert_eq!(gateway.figures(), [0, 0, 30]);
    reservation.settle(Money(12));
    assert_eq!(gateway.figures(), [0, 12, 0]);
    gateway.ship(12);
    assert_eq!(gateway.figures(), [12, 0, 0]);
    gateway.refreshed().await;
    assert_eq!(gateway.figures(), [12, 0, 0]);
    drop(gateway.entry().reserve(Money(50)).unwrap());
    assert_eq!(gateway.figures(), [12, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn spend_at_the_budget_refuses_and_below_it_does_not() {
    let gateway = Gateway::start(100).await;
    let first = gateway.entry().reserve(Money(99)).unwrap();
    let second = gateway.entry().reserve(Money(1)).unwrap();
    let refused = gateway.entry().reserve(Money(1)).unwrap_err();
    assert_eq!((refused.spend, refused.reserved, refused.max), (Money(0), Money(100), Money(100)));
    drop(second);
    gateway.entry().reserve(Money(1)).unwrap().settle(Money(1));
    assert!(gateway.entry().reserve(Money(1)).is_err());
    first.settle(Money(0));
    assert_eq!(gateway.figures(), [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_policy_keeps_what_is_under_way() {
    let gateway = Gateway::start(100).await;
    let reservation = gateway.entry().reserve(Money(60)).unwrap();
    gateway.database.put(KeyPolicy { max_budget: Some(Money(50)), ..key("sk-a") });
    gateway.database.until_followed().await;
    assert!(gateway.entry().reserve(Money(1)).is_err());
    reservation.settle(Money(10));
    assert_eq!(gateway.figures(), [0, 10, 0]);
    assert!(gateway.entry().reserve(Money(1)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_another_process_called_does_not_free_what_we_hold() {
    let gateway = Gateway::start(100).await;
    gateway.entry().reserve(Money(30)).unwrap().settle(Money(30));
    let total = gateway.database.charge(gateway.hash, Money(5));
    gateway.replica.shipped(false, &[event(Money(5))], &[(gateway.hash, total)], None);
    assert_eq!(gateway.figures(), [5, 30, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_taken_unnoticed_is_counted_once() {
    let gateway = Gateway::start(100).await;
    gateway.entry().reserve(Money(30)).unwrap().settle(Money(30));
    gateway.database.charge(gateway.hash, Money(30));
    // Shipped again: nothing was new, so no total came back.
    gateway.replica.shipped(true, &[event(Money(30))], &[], None);
    assert_eq!(gateway.figures(), [30, 0, 0]);
    gateway.refreshed().await;
    assert_eq!(gateway.figures(), [30, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_spend_frees_the_budget_though_a_late_total_comes_after_it() {
    let gateway = Gateway::start(100).await;
    gateway.entry().reserve(Money(100)).unwrap().settle(Money(100));
    let total = gateway.database.charge(gateway.hash, Money(100));
    gateway.database.put(KeyPolicy { max_budget: Some(Money(100)), ..key("sk-a") });
    gateway.database.until_followed().await;
    gateway.replica.shipped(true, &[event(Money(100))], &[(gateway.hash, total)], None);
    assert!(gateway.entry().reserve(Money(1)).is_err());
    gateway.database.charge(gateway.hash, Money(1));
    gateway.refreshed().await;
    assert_eq!(gateway.figures(), [1, 0, 0]);
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(i64),
    Settle(usize, i64),
    GiveBack(usize),
    Ship,
    Elsewhere(i64),
    Change,
    Refresh,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_i64..50).prop_map(Step::Reserve),
        4 => (any::<usize>(), 0_i64..80).prop_map(|(which, cost)| Step::Settle(which, cost)),
        1 => any::<usize>().prop_map(Step::GiveBack),
        2 => Just(Step::Ship),
        1 => (1_i64..20).prop_map(Step::Elsewhere),
        1 => Just(Step::Change),
        1 => Just(Step::Refresh),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the order, what is held and known is what a plain sum says.
    #[test]
    fn the_figures_are_the_sums(steps in prop::collection::vec(step(), 0..60)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            let gateway = Gateway::start(500).await;
            let mut open: Vec<Reservation> = Vec::new();
            let (mut unshipped, mut in_database) = (Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Reserve(estimate) => open.extend(gateway.entry().reserve(Money(estimate))),
                    Step::Settle(which, cost) if !open.is_empty() => {
                        open.swap_remove(which % open.len()).settle(Money(cost));
                        unshipped.push(cost);
                    }
                    Step::GiveBack(which) if !open.is_empty() => drop(open.swap_remove(which % open.len())),
                    Step::Ship => unshipped.drain(..).for_each(|cost| {
                        in_database += cost;
                        gateway.ship(cost);
                    }),
                    Step::Elsewhere(cost) => {
                        in_database += cost;
                        gateway.database.charge(gateway.hash, Money(cost));
                        gateway.refreshed().await;
                    }
                    Step::Change => {
                        let spend = Money(in_database);
                        gateway.database.put(KeyPolicy { max_budget: Some(Money(500)), spend, ..key("sk-a") });
                        gateway.database.until_followed().await;
                    }
                    Step::Refresh => gateway.refreshed().await,
                    Step::Settle(..) | Step::GiveBack(_) => {}
                }
                let reserved = open.iter().map(|one| one.estimate().0).sum();
                assert_eq!(gateway.figures(), [in_database, unshipped.iter().sum::<i64>(), reserved]);
            }
        });
    }
}

fn held_at(entry: &KeyEntry, now: Timestamp) -> Result<Reservation, bulkhead_policy::OverBudget> {
    let mut held = Reservation::of(Money(10));
    entry.hold(&mut held, None, now).map(|_| held)
}

#[tokio::test(start_paused = true)]
async fn a_raise_lasts_until_its_moment() {
    let gateway = Gateway::start(100).await;
    let raise = Some(Raise { by: Money(50), until: Timestamp(7) });
    let limits = Limits { max: Some(Money(100)), raise, ..Limits::default() };
    let terms = Some(Box::new(KeyTerms { limits, ..KeyTerms::default() }));
    let policy = KeyPolicy { max_budget: Some(Money(100)), spend: Money(120), terms, ..key("sk-raised") };
    let hash = policy.hash;
    gateway.database.put(policy);
    gateway.database.until(|before, now| now.tails >= before.tails + 2).await;
    let entry = gateway.replica.lookup(&hash).unwrap();
    drop(held_at(&entry, Timestamp(6)).unwrap());
    assert_eq!(held_at(&entry, Timestamp(7)).unwrap_err().max, Money(100));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_held_to_each_of_its_budgets() {
    let gateway = Gateway::start(100).await;
    let more = [TimedLimit { duration: "1h".into(), max: Money(30) }].into();
    let limits = Limits { max: None, more, ..Limits::default() };
    let windows = [Window { duration: "1h".into(), ends: Timestamp(50), base: Money(100) }].into();
    let terms = Some(Box::new(KeyTerms { limits, windows, ..KeyTerms::default() }));
    let policy = KeyPolicy { spend: Money(120), terms, ..key("sk-timed") };
    let hash = policy.hash;
    gateway.database.put(policy);
    gateway.database.until(|before, now| now.tails >= before.tails + 2).await;
    let entry = gateway.replica.lookup(&hash).unwrap();
    assert!(entry.has_budget());
    let first = held_at(&entry, Timestamp(0)).unwrap();
    let over = held_at(&entry, Timestamp(0)).unwrap_err();
    assert_eq!((over.max, over.window.as_deref()), (Money(30), Some("1h")));
    drop(first);
    drop(held_at(&entry, Timestamp(50)).unwrap());
}
