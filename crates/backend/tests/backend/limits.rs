use std::time::Duration;

use bulkhead_backend::Limits;
use http::Method;
use sqlx::{Connection, PgConnection};
use store::{Settings, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{App, Kind, MASTER, send};

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let app = App::sqlite().await;
    let bearer = format!("Bearer {MASTER}");
    let large = format!("{{\"key_alias\": \"{}\"}}", "a".repeat(1 << 20));
    let answer = app.send(Method::POST, "/key/generate", &[("authorization", &bearer)], &large).await;
    assert_eq!(answer.error(413).1, "request_body");
    let deep = format!("{{\"metadata\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = app.send(Method::POST, "/key/generate", &[("authorization", &bearer)], &deep).await;
    assert_eq!(answer.status.as_u16(), 422);
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_cut_off() {
    let limits = Limits { header_timeout: Duration::from_millis(100), ..Limits::default() };
    let app = App::with(Kind::Sqlite, |state| state.limits = limits).await;
    let mut slow = TcpStream::connect(("127.0.0.1", app.port)).await.unwrap();
    slow.write_all(b"GET /health/liveliness HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), slow.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 200"));
}

/// With one request held up in the database and one turn, the next waits briefly and is told to come back;
/// probes go on; the held one is stopped in its time.
#[tokio::test]
async fn too_many_at_once_wait_briefly_and_are_told_503() {
    let (url, _) = Kind::Postgres.url();
    let store = Store::connect(&Settings::new(&url)).await.unwrap();
    store.migrate_up().await.unwrap();
    let limits = Limits {
        requests_max: 1,
        queue_timeout: Duration::from_millis(50),
        request_timeout: Duration::from_secs(2),
        ..Limits::default()
    };
    let app = App::start(store, None, |state| state.limits = limits).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("LOCK TABLE keys IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let held = tokio::spawn({
        let port = app.port;
        async move { send(port, Method::GET, "/key/list", &[("x-api-key", MASTER)], "").await }
    });
    let mut watcher = PgConnection::connect(&url).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut watcher).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = app.get("/key/list").await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.error(503).2.contains("busy"));
    app.send(Method::GET, "/health/readiness", &[], "").await.ok();
    let held = held.await.unwrap();
    assert!(held.error(503).2.contains("too long"), "{}", held.text);
    lock.rollback().await.unwrap();
    app.get("/key/list").await.ok();
}
