//! Cells that went wrong become right again from the rows, while shippers go on.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use domain::UsageEvent;
use kit::Timestamp;
use store::usage::{Differing, Repair};
use store::{Store, StoreError};

use crate::support::{TestDb, backends};
use crate::usage::{ZONES, assert_sums, events_of};

pub const DAY: i64 = 86_400;
/// 2024-02-27, in seconds; the month ends within the days.
pub const FIRST: i64 = 1_708_992_000;
pub const DAYS: i64 = 5;
/// The same as a day since 1970, and its month since then.
pub const FIRST_DAY: i64 = FIRST / DAY;
const FEBRUARY: i64 = 54 * 12 + 1;

const NOW: Timestamp = Timestamp::from_secs(FIRST + 9 * DAY);

/// Every cell there is, as text.
const CELLS: [&str; 6] = [
    "SELECT 'quarter ' || level || ' ' || at || ' ' || who || ' ' || what || ': ' || requests || ' ' || attempts || ' ' || failures || ' ' || refusals
       || ' ' || cancellations || ' ' || input_tokens || ' ' || output_tokens || ' ' || cache_read_tokens || ' ' || cache_write_tokens || ' '
       || reasoning_tokens || ' ' || cost_nano || ' ' || duration_micros FROM usage_quarters ORDER BY level, at, who, what",
    "SELECT 'day ' || level || ' ' || at || ' ' || who || ' ' || what || ': ' || requests || ' ' || attempts || ' ' || failures || ' ' || refusals
       || ' ' || cancellations || ' ' || input_tokens || ' ' || output_tokens || ' ' || cache_read_tokens || ' ' || cache_write_tokens || ' '
       || reasoning_tokens || ' ' || cost_nano || ' ' || duration_micros FROM usage_days ORDER BY level, at, who, what",
    "SELECT 'month ' || level || ' ' || at || ' ' || who || ' ' || what || ': ' || requests || ' ' || attempts || ' ' || failures || ' ' || refusals
       || ' ' || cancellations || ' ' || input_tokens || ' ' || output_tokens || ' ' || cache_read_tokens || ' ' || cache_write_tokens || ' '
       || reasoning_tokens || ' ' || cost_nano || ' ' || duration_micros FROM usage_months ORDER BY level, at, who, what",
    "SELECT 'quarter ' || level || ' ' || kind || ' ' || at || ' ' || who || ' ' || what || ' ' || bucket || ': ' || requests
     FROM latency_quarters ORDER BY level, kind, at, who, what, bucket",
    "SELECT 'day ' || level || ' ' || kind || ' ' || at || ' ' || who || ' ' || what || ' ' || bucket || ': ' || requests
     FROM latency_days ORDER BY level, kind, at, who, what, bucket",
    "SELECT 'month ' || level || ' ' || kind || ' ' || at || ' ' || who || ' ' || what || ' ' || bucket || ': ' || requests
     FROM latency_months ORDER BY level, kind, at, who, what, bucket",
];

/// Cells that are wrong, missing, and there without any call.
const SPOIL: &str = "
    UPDATE usage_quarters SET requests = requests + 3, cost_nano = cost_nano - 5 WHERE level IN (0, 3);
    DELETE FROM usage_quarters WHERE level = 1 AND at % 2 = 0;
    DELETE FROM latency_quarters WHERE kind = 1;
    DELETE FROM usage_days WHERE level IN (0, 4);
    UPDATE usage_days SET input_tokens = 7 WHERE level = 5;
    UPDATE latency_days SET requests = requests * 2;
    INSERT INTO usage_days SELECT 2, at, 999999, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1 FROM usage_days WHERE level = 5
      GROUP BY at;
    UPDATE usage_months SET cost_nano = 1 WHERE level = 2;
    DELETE FROM latency_months WHERE bucket % 2 = 0;
";

pub async fn cells(db: &TestDb) -> Vec<String> {
    let mut cells = Vec::new();
    for text in CELLS {
        cells.extend(db.texts(text).await);
    }
    cells
}

/// Ships half, folds most of it, ships the rest: some is late, some not folded yet.
pub async fn ship(db: &TestDb, events: &[UsageEvent]) {
    let (first, second) = events.split_at(events.len() / 2);
    db.store.ledger().ship(first, Timestamp(1)).await.unwrap();
    fold(&db.store).await;
    db.store.ledger().ship(second, Timestamp(2)).await.unwrap();
}

async fn fold(store: &Store) {
    while store.usage().fold(Timestamp::from_secs(FIRST + 4 * DAY + 50_000)).await.unwrap() {}
}

/// All days, and the two months.
pub async fn rebuild(store: &Store, repair: Repair) -> Result<Differing, StoreError> {
    let mut all = Differing::default();
    for day in FIRST_DAY..FIRST_DAY + DAYS {
        let rebuilt = store.rebuilding().day(day, repair, NOW).await?;
        all += rebuilt.quarters;
        all += rebuilt.day;
    }
    for month in [FEBRUARY, FEBRUARY + 1] {
        all += store.rebuilding().month(month, repair, NOW).await?;
    }
    Ok(all)
}

/// Begins a future and drops it when it has been polled so often; whether it ended before.
pub async fn cut_off<T>(future: impl Future<Output = T>, polls: u32) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if left == 0 => Poll::Ready(false),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

backends! {
    async fn wrong_cells_become_those_of_the_rows(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 150).await;
        ship(&db, &events).await;
        let right = cells(&db).await;
        assert_eq!(rebuild(&db.store, Repair::Apply).await.unwrap(), Differing::default());
        assert_eq!(cells(&db).await, right);
        db.execute(SPOIL).await;
        let wrong = cells(&db).await;
        let seen = rebuild(&db.store, Repair::Look).await.unwrap();
        assert!(seen.cells > 100 && seen.requests < 0 && seen.cost_nano > 0, "{seen:?}");
        assert_eq!(cells(&db).await, wrong, "looking changes nothing");
        rebuild(&db.store, Repair::Apply).await.unwrap();
        assert_eq!(cells(&db).await, right);
        assert_sums(&db, &events, &ZONES).await;
        // Folding goes on from there.
        while db.store.usage().fold(NOW).await.unwrap() {}
        assert_eq!(rebuild(&db.store, Repair::Look).await.unwrap(), Differing::default());
        assert_sums(&db, &events, &["Asia/Kathmandu"]).await;
    }

    async fn shippers_and_another_rebuild_go_on_beside_it(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 240).await;
        let (first, rest) = events.split_at(80);
        ship(&db, first).await;
        db.execute(SPOIL).await;
        let (shipper, other, folder) = (db.another().await, db.another().await, db.another().await);
        let shipping = async {
            for batch in rest.chunks(4) {
                shipper.ledger().ship(batch, Timestamp(3)).await.unwrap();
            }
        };
        let folding = async {
            while folder.usage().fold(NOW).await.unwrap() {}
        };
        let rebuilding = async |store: &Store| loop {
            match rebuild(store, Repair::Apply).await {
                Ok(_) => break,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        };
        tokio::join!(shipping, folding, rebuilding(&db.store), rebuilding(&other));
        assert_eq!(rebuild(&db.store, Repair::Look).await.unwrap(), Differing::default());
        assert_sums(&db, &events, &["Asia/Kathmandu"]).await;
    }

    async fn one_that_is_ended_in_the_middle_is_done_again(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 60).await;
        ship(&db, &events).await;
        let right = cells(&db).await;
        db.execute(SPOIL).await;
        let mut polls = 5;
        // Each goes further than the one before, until one comes to its end.
        while !cut_off(rebuild(&db.store, Repair::Apply), polls).await {
            polls = polls * 3 / 2;
        }
        assert_eq!(rebuild(&db.store, Repair::Look).await.unwrap(), Differing::default());
        assert_eq!(cells(&db).await, right);
    }

    async fn quarter_hours_that_are_not_kept_stay_gone(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 100).await;
        ship(&db, &events).await;
        while db.store.usage().fold(NOW).await.unwrap() {}
        let kept_since = Timestamp::from_secs(FIRST + 3 * DAY);
        db.store.usage().forget_quarters(kept_since).await.unwrap();
        while db.store.usage().forget_quarters(kept_since).await.unwrap() {}
        let right = cells(&db).await;
        db.execute(SPOIL).await;
        rebuild(&db.store, Repair::Apply).await.unwrap();
        assert_eq!(cells(&db).await, right);
    }

    async fn what_calls_no_longer_tell_is_refused_and_kept(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 100).await;
        ship(&db, &events).await;
        while db.store.usage().fold(NOW).await.unwrap() {}
        let keep = Duration::from_secs(8 * DAY as u64);
        while db.store.ledger().keep(NOW, Some(keep)).await.unwrap() {}
        let right = cells(&db).await;
        assert_eq!(db.store.rebuilding().first_day().await.unwrap(), FIRST_DAY + 2);
        for day in [FIRST_DAY, FIRST_DAY + 1] {
            let refused = db.store.rebuilding().day(day, Repair::Apply, NOW).await.unwrap_err();
            assert!(matches!(refused, StoreError::Gone(_)), "{refused}");
        }
        assert_eq!(cells(&db).await, right);
        // February is the sum of its days still, and follows those that can be told.
        let spoil = format!("UPDATE usage_days SET cost_nano = cost_nano + 1 WHERE at = {0} AND level IN (0, 1);
            UPDATE usage_months SET cost_nano = cost_nano + (SELECT COUNT(*) FROM usage_days d WHERE d.at = {0}
              AND d.level = usage_months.level AND d.who = usage_months.who AND d.what = usage_months.what)
            WHERE at = {FEBRUARY} AND level IN (0, 1)", FIRST_DAY + 2);
        db.execute(&spoil).await;
        assert_ne!(cells(&db).await, right);
        for day in FIRST_DAY + 2..FIRST_DAY + DAYS {
            db.store.rebuilding().day(day, Repair::Apply, NOW).await.unwrap();
        }
        assert_eq!(db.store.rebuilding().month(FEBRUARY, Repair::Apply, NOW).await.unwrap(), Differing::default());
        assert_eq!(cells(&db).await, right);
        // Once it is not, nobody can tell which is right.
        db.execute(&format!("UPDATE usage_days SET cost_nano = cost_nano + 1 WHERE at = {}", FIRST_DAY + 2)).await;
        let wrong = cells(&db).await;
        let refused = db.store.rebuilding().day(FIRST_DAY + 2, Repair::Apply, NOW).await.unwrap_err();
        assert!(matches!(refused, StoreError::Gone(_)), "{refused}");
        assert!(db.store.rebuilding().month(FEBRUARY, Repair::Apply, NOW).await.unwrap().cells > 0);
        assert_eq!(cells(&db).await, wrong);
    }

    async fn rows_whose_names_are_not_numbered_are_counted_too(db: TestDb) {
        let events = events_of(&db, FIRST, DAYS, 60).await;
        ship(&db, &events).await;
        for table in ["usage_who", "usage_what", "usage_quarters", "usage_days", "usage_months", "latency_quarters",
                      "latency_days", "latency_months"] {
            db.execute(&format!("DELETE FROM {table}")).await;
        }
        let store = db.another().await;
        rebuild(&store, Repair::Apply).await.unwrap();
        assert_sums(&db, &events, &["Asia/Kathmandu"]).await;
    }
}
