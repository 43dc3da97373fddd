//! Those that keys answer to: followed like keys, and several budgets held at once.

use std::sync::Arc;
use std::time::Duration;

use bulkhead_policy::{AccountName, LoadedFrom, OverBudget, Replica, Reservation, Settings, UsedUp};
use domain::{
    AccountId, AccountKind, AccountPolicy, Dialect, Intent, KeyPolicy, Limits, Outcome, Status, TimedLimit,
    Usage, UsageEvent, Window,
};
use kit::{Clock, ManualClock, Money, Timestamp};
use proptest::prelude::*;
use tempfile::tempdir;
use tokio_util::sync::CancellationToken;

use crate::common::{Database, copy_at, key};

const NOW: Timestamp = Timestamp(1_000);

fn team(id: &str, max: i64) -> AccountPolicy {
    AccountPolicy {
        id: AccountId { kind: AccountKind::Team, within: "".into(), id: id.into() },
        blocked: false,
        models: [].into(),
        aliases: Box::default(),
        parent: None,
        ends: None,
        budget_id: None,
        member_budget_id: None,
        limits: Limits { max: Some(Money(max)), ..Limits::default() },
        budgeted_models: Default::default(),
        access_groups: Default::default(),
        spend: Money::ZERO,
        windows: Box::default(),
    }
}

fn window(duration: &str, ends: i64, base: i64) -> Window {
    Window { duration: duration.into(), ends: Timestamp(ends), base: Money(base) }
}

fn name(id: &str) -> AccountName<'_> {
    AccountName::new(AccountKind::Team, id)
}

fn follow(replica: &Replica, database: &Database) -> CancellationToken {
    let stop = CancellationToken::new();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let (replica, database, stopped) = (replica.clone(), database.clone(), stop.clone().cancelled_owned());
    tokio::spawn(async move { replica.run(database, clock, stopped).await });
    stop
}

async fn following(database: &Database) -> (Replica, CancellationToken) {
    let replica = Replica::empty(Settings::default());
    let stop = follow(&replica, database);
    database.until(|before, now| now.tails > before.tails && now.spends > before.spends).await;
    (replica, stop)
}

/// The team and its key are made while a snapshot is taken: after accounts were read, before the page that the key is on.
#[tokio::test(start_paused = true)]
async fn no_key_is_known_before_those_that_it_answers_to() {
    let database = Database::default();
    (0..3_000).for_each(|number| database.put(key(&format!("sk-{number}"))));
    let last = (0..3_000).map(|number| key(&format!("sk-{number}")).hash).max().unwrap();
    let late = (0..).map(|number| key(&format!("sk-late-{number}"))).find(|key| key.hash > last).unwrap();
    let replica = Replica::empty(Settings::default());
    let stop = follow(&replica, &database);
    database.at(|now| now.pages == 1).await;
    database.put_account(team("t", 7));
    database.put(KeyPolicy { team_id: Some("t".into()), ..late.clone() });
    while replica.lookup(&late.hash).is_none() {
        tokio::task::yield_now().await;
    }
    assert!(replica.account(name("t")).is_some(), "the key would be without its team's limits");
    stop.cancel();
}

fn hold_at(
    replica: &Replica,
    held: &mut Reservation,
    id: &str,
    used_up: UsedUp,
    now: Timestamp,
) -> Result<(), OverBudget> {
    let entry = replica.account(name(id)).unwrap();
    entry.hold(held, &entry.policy.limits, used_up, now).map(drop)
}

fn hold(replica: &Replica, held: &mut Reservation, id: &str) -> Result<(), OverBudget> {
    hold_at(replica, held, id, UsedUp::Reached, NOW)
}

fn figures(replica: &Replica, id: &str) -> [i64; 3] {
    let spend = replica.account(name(id)).unwrap().spend();
    [spend.known.0, spend.unshipped.0, spend.reserved.0]
}

fn event(team: &str, cost: i64) -> UsageEvent {
    let id = uuid::Uuid::nil();
    UsageEvent {
        intent: Intent {
            id,
            call_id: "call".into(),
            started_at: Timestamp(0),
            key: None,
            key_alias: None,
            user_id: None,
            team_id: Some(team.into()),
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
        },
        outcome: Outcome {
            id,
            ended_at: Timestamp(0),
            first_byte_at: None,
            status: Status::Success,
            http_status: 200,
            usage: Usage::default(),
            usage_estimated: false,
            cost: Money(cost),
            price_version: "none".into(),
            response_id: None,
            error: None,
            superseded: false,
        },
    }
}

#[tokio::test(start_paused = true)]
async fn made_changed_and_deleted_accounts_are_seen() {
    let database = Database::default();
    database.put_account(team("red", 7));
    let (replica, stop) = following(&database).await;
    assert_eq!(replica.account(name("red")).unwrap().policy, team("red", 7));
    assert!(replica.account(AccountName::new(AccountKind::User, "red")).is_none());
    database.put_account(AccountPolicy { blocked: true, ..team("red", 7) });
    database.put_account(team("blue", 8));
    database.until_followed().await;
    assert!(replica.account(name("red")).unwrap().policy.blocked);
    assert_eq!(replica.status(NOW).accounts, 2);
    database.delete_account(&team("red", 7).id);
    database.until_followed().await;
    assert!(replica.account(name("red")).is_none() && replica.account(name("blue")).is_some());
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_gateway_starts_with_accounts_from_its_disk_copy() {
    let (folder, database) = (tempdir().unwrap(), Database::default());
    let path = folder.path().join("policy.copy");
    database.put(key("sk-a"));
    database.put_account(AccountPolicy { windows: [window("1d", 5_000, 3)].into(), ..team("red", 7) });
    {
        let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
        let stop = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        let task = (replica.clone(), database.clone(), stop.clone().cancelled_owned());
        let task = tokio::spawn(async move { task.0.run(task.1, clock, task.2).await });
        database.until_followed().await;
        let mut held = Reservation::of(Money(1));
        hold(&replica, &mut held, "red").unwrap();
        held.settle(Money(5));
        replica.shipped(false, &[], &[], None);
        stop.cancel();
        task.await.unwrap();
    }
    database.set_away(true);
    let replica = Replica::load_or_empty(copy_at(&path), Settings::default());
    let status = replica.status(NOW);
    assert_eq!((status.loaded_from, status.keys, status.accounts), (LoadedFrom::Disk, 1, 1));
    let red = replica.account(name("red")).unwrap();
    assert_eq!((red.policy.spend, &*red.policy.windows), (Money(5), &[window("1d", 5_000, 3)][..]));
}

#[tokio::test(start_paused = true)]
async fn a_call_holds_all_its_budgets_or_none() {
    let database = Database::default();
    database.put_account(team("wide", 100));
    database.put_account(team("narrow", 10));
    let (replica, stop) = following(&database).await;
    let mut first = Reservation::of(Money(10));
    hold(&replica, &mut first, "wide").unwrap();
    hold(&replica, &mut first, "narrow").unwrap();
    assert_eq!((figures(&replica, "wide"), figures(&replica, "narrow")), ([0, 0, 10], [0, 0, 10]));

    let mut second = Reservation::of(Money(10));
    hold(&replica, &mut second, "wide").unwrap();
    let refused = hold(&replica, &mut second, "narrow").unwrap_err();
    assert_eq!((refused.spend, refused.reserved, refused.max), (Money(0), Money(10), Money(10)));
    assert!(
        hold_at(&replica, &mut second, "narrow", UsedUp::Passed, NOW).is_ok(),
        "10 of 10 is not beyond it"
    );
    drop(second);
    assert_eq!((figures(&replica, "wide"), figures(&replica, "narrow")), ([0, 0, 10], [0, 0, 10]));
    hold(&replica, &mut first, "wide").unwrap();
    first.settle(Money(4));
    assert_eq!(
        (figures(&replica, "wide"), figures(&replica, "narrow")),
        ([0, 4, 0], [0, 4, 0]),
        "held once each"
    );
    stop.cancel();
}

/// The total may be heard before the batch is told of, after it, or never again.
#[tokio::test(start_paused = true)]
async fn what_was_shipped_is_counted_once_however_it_is_heard() {
    let database = Database::default();
    let red = team("red", 100);
    database.put_account(red.clone());
    let (replica, stop) = following(&database).await;
    let mut held = Reservation::of(Money(30));
    hold(&replica, &mut held, "red").unwrap();
    held.settle(Money(30));
    let at = database.charge_account(&red.id, Money(30), Money(0));
    database.until(|before, now| now.spends >= before.spends + 2).await;
    replica.shipped(true, &[event("red", 30)], &[], Some(at));
    database.until(|before, now| now.spends >= before.spends + 2).await;
    assert_eq!(figures(&replica, "red"), [30, 0, 0]);
    replica.shipped(
        false,
        &[event("red", 5)],
        &[],
        Some(database.charge_account(&red.id, Money(5), Money(0))),
    );
    database.until(|before, now| now.spends >= before.spends + 2).await;
    assert_eq!(figures(&replica, "red"), [35, 0, 0]);
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn only_what_was_spent_in_a_window_counts() {
    let database = Database::default();
    let mut red = team("red", 10);
    red.limits.duration = Some("1d".into());
    red.limits.more = [TimedLimit { duration: "1h".into(), max: Money(4) }].into();
    (red.spend, red.windows) = (Money(100), [window("1d", 5_000, 95), window("1h", 2_000, 97)].into());
    database.put_account(red.clone());
    let (replica, stop) = following(&database).await;
    // 5 of 10 in the day, 3 of 4 in the hour.
    let mut held = Reservation::of(Money(1));
    hold(&replica, &mut held, "red").unwrap();
    let refused = hold(&replica, &mut Reservation::of(Money(1)), "red").unwrap_err();
    assert_eq!((refused.window.as_deref(), refused.spend, refused.max), (Some("1h"), Money(3), Money(4)));
    drop(held);

    // The hour is over and nobody has begun the next one: what was spent until it was seen counts no more.
    let later = Timestamp(2_000);
    let mut held = Reservation::of(Money(4));
    hold_at(&replica, &mut held, "red", UsedUp::Reached, later).unwrap();
    let refused =
        hold_at(&replica, &mut Reservation::of(Money(1)), "red", UsedUp::Reached, later).unwrap_err();
    assert_eq!(
        (refused.window.as_deref(), refused.spend, refused.reserved),
        (Some("1h"), Money(0), Money(4))
    );
    held.settle(Money(0));

    // A late call of the day before raises its base, and is heard of with the total.
    database.charge_account(&red.id, Money(20), Money(20));
    database.until(|before, now| now.spends >= before.spends + 2).await;
    hold_at(&replica, &mut Reservation::of(Money(1)), "red", UsedUp::Reached, NOW).unwrap();
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_soft_budget_is_told_once_for_each_crossing() {
    let database = Database::default();
    let mut red = team("red", 10);
    red.limits = Limits { soft: Some(Money(5)), ..Limits::default() };
    database.put_account(red.clone());
    let (replica, stop) = following(&database).await;
    let ask = || {
        let entry = replica.account(name("red")).unwrap();
        let mut held = Reservation::of(Money(5));
        let crossed = entry.hold(&mut held, &entry.policy.limits, UsedUp::Reached, NOW).unwrap();
        held.settle(Money(5));
        crossed.map(|crossed| crossed.spend.0)
    };
    assert_eq!([ask(), ask(), ask()], [None, Some(5), None]);
    database.put_account(AccountPolicy { blocked: true, ..red });
    database.until_followed().await;
    assert_eq!(ask(), None, "a change of policy is no new crossing");
    stop.cancel();
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, i64, bool),
    Delete(u8),
    Prune,
    Follow,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..6, 0_i64..50, any::<bool>()).prop_map(|(id, max, blocked)| Step::Put(id, max, blocked)),
        3 => (0_u8..6).prop_map(Step::Delete),
        1 => Just(Step::Prune),
        2 => Just(Step::Follow),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens in whatever order, gaps included: in the end the replica is what the database is.
    #[test]
    fn a_replica_ends_as_the_database(steps in prop::collection::vec(step(), 0..40)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            let database = Database::default();
            let (replica, stop) = following(&database).await;
            let mut expected = std::collections::BTreeMap::new();
            for step in steps {
                match step {
                    Step::Put(id, max, blocked) => {
                        let policy = AccountPolicy { blocked, ..team(&id.to_string(), max) };
                        expected.insert(policy.id.clone(), policy.clone());
                        database.put_account(policy);
                    }
                    Step::Delete(id) => {
                        let id = team(&id.to_string(), 0).id;
                        expected.remove(&id);
                        database.delete_account(&id);
                    }
                    Step::Prune => database.prune(1),
                    Step::Follow => database.until_followed().await,
                }
            }
            tokio::time::timeout(Duration::from_secs(60), database.until_followed()).await.unwrap();
            let mut found = replica.accounts().map(|entry| entry.policy.clone()).collect::<Vec<_>>();
            found.sort_by(|one, other| one.id.cmp(&other.id));
            assert!(found.iter().eq(expected.values()), "{found:?}");
            stop.cancel();
        });
    }
}
