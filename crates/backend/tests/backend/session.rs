use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, App, MASTER, backends};

const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

async fn login(app: &App, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password}).to_string();
    app.send(Method::POST, "/v2/login", &[], &body).await
}

/// Signs in and returns the cookie.
async fn cookie(app: &App) -> String {
    let answer = login(app, "admin", MASTER).await;
    answer.ok();
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

backends! {
    async fn a_browser_signs_in_works_and_signs_out(app: App) {
        let answer = login(&app, "admin", MASTER).await;
        let body = answer.ok();
        assert_eq!((&body["redirect_url"], &body["user_role"]), (&json!("/ui/?login=success"), &json!("proxy_admin")));
        assert!(body.get("token").is_none());
        let set = answer.header("set-cookie").unwrap();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"] {
            assert!(set.contains(part), "{set}");
        }
        let cookie = set.split(';').next().unwrap();
        let me = app.send(Method::GET, "/session", &[("cookie", cookie)], "").await.ok();
        assert_eq!((&me["user_id"], &me["expires_at"]), (&json!("default_user_id"), &json!("2026-01-31T16:00:00Z")));
        app.send(Method::GET, "/key/list", &[("cookie", cookie)], "").await.ok();
        app.send(Method::POST, "/key/generate", &[("cookie", cookie), SAME_ORIGIN], "{}").await.ok();

        let out = app.send(Method::POST, "/session/logout", &[("cookie", cookie), SAME_ORIGIN], "").await;
        out.ok();
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        let gone = app.send(Method::GET, "/key/list", &[("cookie", cookie)], "").await.error(401);
        assert!(gone.2.contains("session has ended"));
        app.send(Method::GET, "/session", &[("cookie", cookie)], "").await.error(401);
        app.send(Method::GET, "/session", &[], "").await.error(401);
    }

    async fn a_session_ends_by_itself(app: App) {
        let cookie = cookie(&app).await;
        app.clock.advance(Duration::from_secs(8 * 3600 - 1));
        app.send(Method::GET, "/session", &[("cookie", &cookie)], "").await.ok();
        app.clock.advance(Duration::from_secs(1));
        app.send(Method::GET, "/session", &[("cookie", &cookie)], "").await.error(401);
    }

    async fn another_site_cannot_write_with_the_cookie(app: App) {
        let cookie = cookie(&app).await;
        for headers in [
            &[("cookie", cookie.as_str())][..],
            &[("cookie", &cookie), ("sec-fetch-site", "cross-site")],
            &[("cookie", &cookie), ("origin", "http://evil.test")],
        ] {
            app.send(Method::POST, "/key/generate", headers, "{}").await.error(403);
            app.send(Method::POST, "/session/key", headers, "{}").await.error(403);
        }
        let ours = [("cookie", cookie.as_str()), ("origin", "http://gateway.test")];
        app.send(Method::POST, "/key/generate", &ours, "{}").await.ok();
    }

    async fn the_playground_has_one_small_key(app: App) {
        let cookie = cookie(&app).await;
        let headers = [("cookie", cookie.as_str()), SAME_ORIGIN];
        let first = app.send(Method::POST, "/session/key", &headers, "").await.ok();
        assert_eq!((&first["team_id"], &first["max_budget"]), (&json!("litellm-dashboard"), &json!(1.0)));
        assert_eq!(first["expires"], "2026-01-31T09:00:00Z");
        let first = first["key"].as_str().unwrap();
        app.get_as(first, "/key/info").await.ok();
        assert_eq!(app.get("/key/list").await.ok()["total_count"], 0);
        assert_eq!(app.get("/key/list?team_id=litellm-dashboard").await.ok()["total_count"], 1);

        let second = app.send(Method::POST, "/session/key", &headers, "").await.ok();
        let second = second["key"].as_str().unwrap();
        app.get_as(first, "/key/info").await.error(401);
        app.get_as(second, "/key/info").await.ok();
        app.send(Method::POST, "/session/logout", &headers, "").await.ok();
        app.get_as(second, "/key/info").await.error(401);
        app.post("/session/key", json!({})).await.error(401);
    }
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_then_throttled() {
    let app = App::sqlite().await;
    for (name, password) in [("admin", "wrong"), ("root", MASTER), ("admin", ""), ("", "")] {
        let refused = login(&app, name, password).await.error(401);
        assert_eq!((refused.0.as_str(), refused.1), ("auth_error", json!("invalid_credentials")));
    }
    for _ in 0..6 {
        login(&app, "admin", "wrong").await.error(401);
    }
    let throttled = login(&app, "admin", MASTER).await;
    assert_eq!(throttled.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(throttled.header("retry-after"), Some("300"));
    app.clock.advance(Duration::from_secs(300));
    login(&app, "admin", MASTER).await.ok();
}

#[tokio::test]
async fn over_https_the_cookie_is_secure() {
    let app = App::sqlite().await;
    let body = json!({"username": "admin", "password": MASTER}).to_string();
    let answer = app.send(Method::POST, "/v2/login", &[("x-forwarded-proto", "https")], &body).await;
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
}
