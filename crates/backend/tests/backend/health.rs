use http::{Method, StatusCode};
use serde_json::json;
use store::{Settings, Store};

use crate::support::{App, backends};

backends! {
    async fn probes_answer_without_a_key(app: App) {
        for path in ["/health/liveliness", "/health/liveness"] {
            assert_eq!(app.send(Method::GET, path, &[], "").await.ok(), "I'm alive!");
        }
        let ready = app.send(Method::GET, "/health/readiness", &[], "").await.ok();
        assert_eq!(ready, json!({"status": "healthy", "db": "connected"}));
    }
}

#[tokio::test]
async fn without_a_database_it_lives_but_is_not_ready() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = Settings::new(format!("postgres://nobody@127.0.0.1:{nowhere}/none"));
    settings.acquire_timeout = std::time::Duration::from_millis(200);
    let app = App::start(Store::connect_lazy(&settings).unwrap(), None, |_| ()).await;
    app.send(Method::GET, "/health/liveliness", &[], "").await.ok();
    let ready = app.send(Method::GET, "/health/readiness", &[], "").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["db"], "Not connected");
    let list = app.get("/key/list").await;
    assert_eq!(list.error(503).0, "no_db_connection");
    assert_eq!(list.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn the_description_is_served_and_readable() {
    let app = App::sqlite().await;
    let document = app.send(Method::GET, "/openapi.json", &[], "").await;
    assert_eq!(document.text, bulkhead_backend::openapi_json());
    let page = app.send(Method::GET, "/docs", &[], "").await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.text.contains("/key/generate") && !page.text.contains("<script"));
    let routes = app.send(Method::GET, "/routes", &[], "").await.ok();
    let known = routes["routes"].as_array().unwrap().iter();
    assert!(
        known.into_iter().any(|route| route["path"] == "/key/list" && route["methods"] == json!(["GET"]))
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told() {
    let app = App::sqlite().await;
    let unknown = app.get("/key/none").await;
    assert_eq!((unknown.status.as_u16(), unknown.json()), (404, json!({"detail": "Not Found"})));
    let method = app.get("/key/generate").await;
    assert_eq!((method.status.as_u16(), method.json()), (405, json!({"detail": "Method Not Allowed"})));
}
