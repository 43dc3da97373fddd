//! Reports are few, asked once by many, and let go of when nobody waits for them.

use std::time::Duration;

use bulkhead_backend::ReportLimits;
use http::Method;
use kit::KeyHash;
use serde_json::json;
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use store::{Settings, Store};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{Answer, App, Kind, MASTER, NOW, backends, call, send};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// A question that is another for each number.
fn question(days: usize) -> String {
    format!("/analytics/usage?start_date=2026-01-{:02}&end_date=2026-01-31", days + 1)
}

backends! {
    async fn an_answer_serves_until_something_changes(app: App) {
        let key = app.key(json!({"user_id": "ada"})).await;
        let ship = async |id: u128| {
            let events = [call(id, Some(&key), Duration::from_secs(60), 1_000)];
            app.store.ledger().ship(&events, NOW).await.unwrap();
        };
        let spend = async |who: &str| {
            app.get_as(who, &question(0)).await.ok()["total"]["spend_nano"].as_i64().unwrap()
        };
        ship(1).await;
        assert_eq!((spend(MASTER).await, spend(MASTER).await), (1_000, 1_000));
        ship(2).await;
        assert_eq!(spend(MASTER).await, 2_000);
        // What one sees is not what another sees.
        let other = app.key(json!({"user_id": "bob"})).await;
        assert_eq!((spend(&other).await, spend(&key).await, spend(MASTER).await), (0, 2_000, 2_000));
        app.store.keys().set_blocked(KeyHash::of(&other), true, &store::audit::Actor::default()).await.unwrap();
        app.get_as(&other, &question(0)).await.error(401);
    }
}

/// A control plane whose roll-ups can be locked, so that reports stand in the database.
pub struct Held {
    pub app: App,
    pub server: PgConnection,
    pub locker: PgConnection,
}

impl Held {
    pub async fn new(limits: ReportLimits) -> Self {
        let (url, _) = Kind::Postgres.url();
        let store = Store::connect(&Settings::new(&url)).await.unwrap();
        store.migrate_up().await.unwrap();
        let app = App::start(store, None, |state| state.report_limits = limits).await;
        let connect = async || PgConnection::connect(&url).await.unwrap();
        Self { app, server: connect().await, locker: connect().await }
    }

    pub async fn lock(locker: &mut PgConnection) -> Transaction<'_, Postgres> {
        let mut lock = locker.begin().await.unwrap();
        sqlx::query("LOCK TABLE usage_quarters, usage_days, usage_months").execute(&mut *lock).await.unwrap();
        lock
    }

    /// Waits until so many reports stand in the database.
    pub async fn standing(server: &mut PgConnection, wanted: i64) {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = 'bulkhead-reports' AND wait_event_type = 'Lock'";
        let reached = async {
            while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *server).await.unwrap() != wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("never were {wanted} reports in the database"));
    }
}

fn ask(app: &App, days: usize) -> JoinHandle<Answer> {
    let port = app.port;
    tokio::spawn(async move { send(port, Method::GET, &question(days), &[("x-api-key", MASTER)], "").await })
}

#[tokio::test]
async fn many_who_ask_the_same_ask_the_database_once() {
    let mut held = Held::new(ReportLimits::default()).await;
    let lock = Held::lock(&mut held.locker).await;
    let first = ask(&held.app, 0);
    Held::standing(&mut held.server, 1).await;
    let asked = (0..30).map(|_| ask(&held.app, 0)).collect::<Vec<_>>();
    // Another question stands there too, and all of these have come before it.
    let other = ask(&held.app, 1);
    Held::standing(&mut held.server, 2).await;
    // Whoever asked first may leave; another of them asks in its place.
    first.abort();
    Held::standing(&mut held.server, 2).await;
    lock.rollback().await.unwrap();
    for answer in asked {
        timeout(PATIENCE, answer).await.unwrap().unwrap().ok();
    }
    other.await.unwrap().ok();
    // Now it is in memory, and the database is not asked at all.
    let lock = Held::lock(&mut held.locker).await;
    let answer = timeout(PATIENCE, held.app.get(&question(0))).await.unwrap();
    answer.ok();
    assert!(answer.header("age").is_some());
    lock.rollback().await.unwrap();
}

#[tokio::test]
async fn reports_take_turns_and_who_waits_in_vain_is_told_503() {
    let limits = ReportLimits {
        running_max: 2,
        queue_max: 1,
        queue_timeout: Duration::from_millis(50),
        ..Default::default()
    };
    let mut held = Held::new(limits).await;
    let lock = Held::lock(&mut held.locker).await;
    let running = [ask(&held.app, 0), ask(&held.app, 1)];
    Held::standing(&mut held.server, 2).await;
    let (late, later) = (ask(&held.app, 2), ask(&held.app, 3));
    for refused in [late.await.unwrap(), later.await.unwrap()] {
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.error(503).2.contains("busy"));
    }
    Held::standing(&mut held.server, 2).await;
    // What is no report is answered meanwhile.
    held.app.get("/key/list").await.ok();
    lock.rollback().await.unwrap();
    for answer in running {
        answer.await.unwrap().ok();
    }
}

#[tokio::test]
async fn while_all_turns_are_taken_an_answer_of_before_serves() {
    let mut held = Held::new(ReportLimits { running_max: 1, ..Default::default() }).await;
    held.app.get(&question(0)).await.ok();
    let lock = Held::lock(&mut held.locker).await;
    let running = ask(&held.app, 1);
    Held::standing(&mut held.server, 1).await;
    held.app.key(json!({})).await;
    timeout(PATIENCE, held.app.get(&question(0))).await.unwrap().ok();
    lock.rollback().await.unwrap();
    running.await.unwrap().ok();
}

#[tokio::test]
async fn an_answer_beyond_its_bound_is_refused() {
    let limits = ReportLimits { answer_bytes_max: 1024, ..Default::default() };
    let app = App::with(Kind::Sqlite, |state| state.report_limits = limits).await;
    let (_, _, message) = app.get(&question(0)).await.error(400);
    assert!(message.contains("fewer days"), "{message}");
}
