//! Routes of the surface that are there beside the nouns.

use std::time::Duration;

use domain::Status;
use http::Method;
use serde_json::json;

use crate::support::{App, Kind, MASTER, NOW, backends, call, models};

const MINUTE: Duration = Duration::from_secs(60);
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn with_models(kind: Kind) -> App {
    App::with(kind, |state| state.catalog.cards = models()).await
}

#[tokio::test]
async fn health_is_read_from_the_calls_of_the_last_hour() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let app = with_models(kind).await;
        let ids = app.get("/model/info").await.ok();
        let (smart, claude) = (&ids["data"][0]["model_info"]["id"], &ids["data"][2]["model_info"]["id"]);
        let on = |id: u128, deployment: &serde_json::Value, ago: Duration, status: Status| {
            let mut event = call(id, None, ago, 1);
            event.intent.deployment_id = deployment.as_str().unwrap().into();
            event.outcome.status = status;
            event
        };
        let events = [
            on(1, smart, 40 * MINUTE, Status::Success),
            on(2, smart, MINUTE, Status::UpstreamError),
            on(3, claude, 40 * MINUTE, Status::UpstreamError),
            on(4, claude, MINUTE, Status::TimedOut),
            on(5, claude, MINUTE, Status::Success),
        ];
        app.store.ledger().ship(&events, NOW).await.unwrap();
        let health = app.get("/health").await.ok();
        assert_eq!(
            (&health["healthy_count"], &health["unhealthy_count"]),
            (&json!(2), &json!(1)),
            "{health}"
        );
        let sick = &health["unhealthy_endpoints"][0];
        assert_eq!((&sick["model_id"], &sick["failed_calls"]), (smart, &json!(1)));
        // A group with a deployment that nobody called still has one that may answer.
        app.get("/health?model=smart").await.ok();
        let id = smart.as_str().unwrap();
        assert_eq!(app.get(&format!("/health?model_id={id}")).await.status.as_u16(), 503);
        assert_eq!(app.get("/health?model=none").await.status.as_u16(), 503);

        let latest = app.get("/health/latest").await.ok();
        assert_eq!(
            (&latest["total_models"], &latest["latest_health_checks"][id]["status"]),
            (&json!(2), &json!("unhealthy"))
        );
        let history = app.get("/health/history?limit=2").await.ok();
        assert_eq!(
            (&history["total_records"], history["health_checks"].as_array().unwrap().len()),
            (&json!(4), 2)
        );
        let sick = app.get("/health/history?status_filter=unhealthy&model=smart").await.ok();
        assert_eq!(sick["health_checks"][0]["checked_at"], "2026-01-31T07:45:00Z");
        app.get("/health/history?limit=0").await.error(400);
        app.get("/health/history?limit=x").await;
        let limited = app.key(json!({"models": ["claude"]})).await;
        assert_eq!(app.get_as(&limited, "/health").await.ok()["healthy_count"], 1);
        app.get_as(&limited, "/health/latest").await.error(401);
    }
}

#[tokio::test]
async fn a_form_signs_in() {
    let app = App::sqlite().await;
    let form = app.send(Method::GET, "/fallback/login", &[], "").await;
    assert!(form.text.contains(r#"action="/login""#) && form.header("content-security-policy").is_some());
    let body = format!("username=admin&password={MASTER}");
    let signed_in = app.send(Method::POST, "/login", &[FORM], &body).await;
    assert_eq!((signed_in.status.as_u16(), signed_in.header("location")), (303, Some("/ui/?login=success")));
    let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap();
    app.send(Method::GET, "/session", &[("cookie", cookie)], "").await.ok();
    app.send(Method::POST, "/login", &[FORM], "username=admin&password=wrong").await.error(401);
    let elsewhere = [FORM, ("origin", "https://evil.example")];
    app.send(Method::POST, "/login", &elsewhere, &body).await.error(403);
    for bad in ["", "username=admin", "username=%00&password=x", "a b", "username=a&username=b&password=c"] {
        assert_eq!(app.send(Method::POST, "/login", &[FORM], bad).await.status.as_u16(), 422, "{bad}");
    }
    app.send(Method::GET, "/sso/callback?code=x", &[], "").await.error(400);
    assert_eq!(app.send(Method::GET, "/sso/readiness", &[], "").await.ok()["sso_configured"], false);
    assert_eq!(app.get("/sso/get/ui_settings").await.ok()["SSO_ENABLED"], false);
}

backends! {
    async fn several_organizations_are_shown_to_those_who_are_in_them(app: App) {
        for id in ["one", "two"] {
            app.post("/organization/new", json!({"organization_id": id, "organization_alias": id})).await.ok();
        }
        let both = app.post("/organization/info", json!({"organizations": ["two", "one"]})).await.ok();
        assert_eq!((&both[0]["organization_id"], &both[1]["organization_id"]), (&json!("two"), &json!("one")));
        app.post("/organization/info", json!({"organizations": ["one", "none"]})).await.error(404);
        app.post("/organization/info", json!({"organizations": []})).await.error(400);
        app.post("/organization/info", json!({"organizations": vec!["one"; 11]})).await.error(400);
        assert_eq!(app.post("/organization/info", json!({"organizations": "one"})).await.status.as_u16(), 422);
        assert_eq!(app.post("/organization/info", json!({"organizations": ["\u{0}"]})).await.status.as_u16(), 422);
        let ada = app.user(json!({"user_id": "ada"})).await;
        app.post("/organization/member_add", json!({"organization_id": "two", "member": {"user_id": "ada", "role": "internal_user"}})).await.ok();
        let places = app.get("/user/info?user_id=ada").await.ok()["user_info"]["organization_memberships"].clone();
        assert_eq!((&places[0]["organization_id"], &places[0]["user_role"]), (&json!("two"), &json!("internal_user")));
        app.post_as(&ada, "/organization/info", json!({"organizations": ["one"]})).await.error(403);
    }

    async fn a_team_sees_who_spent(app: App) {
        app.team("core").await;
        app.user(json!({"user_id": "ada", "user_email": "ada@example.com"})).await;
        let mut event = call(1, Some("sk-a"), MINUTE, 2_000_000_000);
        event.intent.team_id = Some("core".into());
        let mut failed = call(2, Some("sk-a"), MINUTE, 0);
        failed.intent.team_id = Some("core".into());
        failed.outcome.status = Status::UpstreamError;
        app.store.ledger().ship(&[event, failed], NOW).await.unwrap();
        let path = "/team/spend/by_user?team_ids=core&start_date=2026-01-31&end_date=2026-01-31";
        let row = app.get(path).await.ok()["results"][0].clone();
        assert_eq!((&row["user_id"], &row["user_email"], &row["spend"]), (&json!("ada"), &json!("ada@example.com"), &json!(2.0)));
        assert_eq!((&row["api_requests"], &row["successful_requests"], &row["failed_requests"]), (&json!(2), &json!(1), &json!(1)));
        let other = app.user(json!({"user_id": "bob"})).await;
        assert_eq!(app.get_as(&other, path).await.status.as_u16(), 403);
        for bad in [
            "team_ids=&start_date=2026-01-31&end_date=2026-01-31",
            "team_ids=core&start_date=2026-02-01&end_date=2026-01-31",
            "team_ids=core&start_date=2020-01-01&end_date=2026-01-31",
            "team_ids=core&start_date=today&end_date=2026-01-31",
        ] {
            app.get(&format!("/team/spend/by_user?{bad}")).await.error(400);
        }
        assert_eq!(app.get("/team/spend/by_user?team_ids=%00&start_date=a&end_date=b").await.status.as_u16(), 422);
    }

    async fn users_and_teams_are_counted(app: App) {
        app.team("core").await;
        app.user(json!({"user_id": "ada"})).await;
        let counts = app.get("/user/available_users").await.ok();
        assert_eq!((&counts["total_users_used"], &counts["total_teams_used"], &counts["total_users"]), (&json!(1), &json!(1), &json!(null)));
        assert_eq!(app.get("/team/metadata_schema").await.ok(), json!({"fields": []}));
    }
}

#[tokio::test]
async fn the_control_plane_tells_of_itself() {
    let app = App::sqlite().await;
    for path in ["/health/liveness", "/health/liveliness", "/health/readiness"] {
        app.send(Method::OPTIONS, path, &[], "").await.ok();
    }
    let details = app.get("/health/readiness/details").await.ok();
    assert_eq!((&details["status"], &details["db"]), (&json!("healthy"), &json!("connected")));
    assert_eq!(app.get("/health/backlog").await.ok()["rejected_requests"], 0);
    assert_eq!(app.get("/health/license").await.ok()["has_license"], false);
    assert_eq!(app.get("/health/shared-status").await.ok()["shared_health_check_enabled"], false);
    app.get("/health/services?service=slack").await.error(400);
    assert_eq!(app.get("/health/services").await.status.as_u16(), 422);
    app.post("/health/test_connection", json!({"litellm_params": {"model": "openai/x"}})).await.error(400);
    app.send(Method::GET, "/health/readiness/details", &[], "").await.error(401);
}

async fn with_stored(kind: Kind) -> App {
    App::with(kind, |state| {
        state.catalog.cards = models();
        state.catalog.settings.store_model_in_db = true;
    })
    .await
}

#[tokio::test]
async fn access_groups_are_made_of_stored_models() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let app = with_stored(kind).await;
        for (id, name) in [("a", "one"), ("b", "one"), ("c", "two")] {
            let model = json!({"model_name": name, "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-x"}, "model_info": {"id": id}});
            app.post("/model/new", model).await.ok();
        }
        let made =
            app.post("/access_group/new", json!({"access_group": "beta", "model_names": ["one"]})).await.ok();
        assert_eq!(made["models_updated"], 2);
        let put = |path: &'static str, body: serde_json::Value| app.send_as(MASTER, Method::PUT, path, body);
        app.post("/access_group/new", json!({"access_group": "beta", "model_ids": ["c"]})).await.error(409);
        let list = app.get("/access_group/list").await.ok();
        let group = json!({"access_group": "beta", "model_names": ["one"], "deployment_count": 2, "spend": null, "budget": null});
        assert_eq!(list, json!({"access_groups": [group]}));
        // Keys that list the group get its models, now and when it is changed.
        let key = app.key(json!({"models": ["beta"]})).await;
        assert_eq!(app.get_as(&key, "/model/info").await.ok()["data"].as_array().unwrap().len(), 2);
        let changed = put("/access_group/beta/update", json!({"model_ids": ["b", "c"]})).await.ok();
        assert_eq!(changed["models_updated"], 2);
        let names = |answer: serde_json::Value| answer["model_names"].clone();
        assert_eq!(names(app.get("/access_group/beta/info").await.ok()), json!(["one", "two"]));
        let row = app.get("/model/info?litellm_model_id=a").await.ok();
        assert_eq!(row["data"][0]["model_info"]["access_groups"], json!([]));

        for body in [
            json!({}),
            json!({"model_names": []}),
            json!({"model_ids": ["none"]}),
            json!({"model_names": ["smart"]}),
        ] {
            assert_eq!(put("/access_group/beta/update", body.clone()).await.status.as_u16(), 400, "{body}");
        }
        assert_eq!(put("/access_group/beta/update", json!({"model_ids": "a"})).await.status.as_u16(), 422);
        put("/access_group/none/update", json!({"model_ids": ["a"]})).await.error(404);
        for name in ["", "a,b", &"x".repeat(300)] {
            app.post("/access_group/new", json!({"access_group": name, "model_ids": ["a"]})).await.error(400);
        }
        let viewer = app.user(json!({"user_id": "eve", "user_role": "proxy_admin_viewer"})).await;
        app.send_as(&viewer, Method::PUT, "/access_group/beta/update", json!({"model_ids": ["a"]}))
            .await
            .error(403);

        assert_eq!(app.get("/access_group/beta/budget").await.ok()["budget"], json!(null));
        put("/access_group/beta/budget", json!({"max_budget": 1})).await.error(400);
        let delete = |path: &'static str| app.send_as(MASTER, Method::DELETE, path, json!({}));
        delete("/access_group/beta/budget").await.error(404);
        assert_eq!(delete("/access_group/beta/delete").await.ok()["models_updated"], 2);
        delete("/access_group/beta/delete").await.error(404);
        app.get("/access_group/beta/info").await.error(404);
        // One entry for each model that was changed: two, two, and two.
        let log = app.get("/audit?table_name=LiteLLM_ProxyModelTable&action=updated").await.ok();
        assert_eq!(log["total"], 6);
    }
}

#[tokio::test]
async fn questions_about_models_cost_no_call() {
    let app = with_models(Kind::Sqlite).await;
    let ask = json!({"model": "smart", "messages": [{"role": "user", "content": [{"type": "text", "text": "four and four make eight"}]}]});
    let count = app.post("/utils/token_counter", ask).await.ok();
    // Four of the message and six of the text: the estimate of the tests is a quarter of the bytes.
    assert_eq!((&count["total_tokens"], &count["model_used"]), (&json!(10), &json!("gpt-4o")));
    let count = app.post("/utils/token_counter", json!({"model": "none", "prompt": "12345678"})).await.ok();
    assert_eq!((&count["total_tokens"], &count["model_used"]), (&json!(2), &json!("none")));
    app.post("/utils/token_counter", json!({"model": "smart"})).await.error(400);
    assert_eq!(
        app.post("/utils/token_counter", json!({"model": "smart", "messages": "x"})).await.status.as_u16(),
        422
    );

    let params = |answer: serde_json::Value| answer["supported_openai_params"].as_array().unwrap().clone();
    let openai = params(app.get("/utils/supported_openai_params?model=smart").await.ok());
    assert!(openai.contains(&json!("seed")) && openai.contains(&json!("tools")));
    let anthropic = params(app.get("/utils/supported_openai_params?model=anthropic/claude-x").await.ok());
    assert!(anthropic.contains(&json!("tools")) && !anthropic.contains(&json!("seed")));
    app.get("/utils/supported_openai_params?model=nobody-knows").await.error(400);
    assert_eq!(app.get("/utils/model_info?model=claude").await.ok()["data"]["model_name"], "claude");
    app.get("/utils/model_info?model=none").await.error(400);
    let limited = app.key(json!({"models": ["claude"]})).await;
    app.get_as(&limited, "/utils/model_info?model=smart").await.error(400);
    app.post("/utils/transform_request", json!({"call_type": "completion", "request_body": {}}))
        .await
        .error(400);
}

#[tokio::test]
async fn what_is_public_needs_no_key() {
    let app = App::sqlite().await;
    let get = |path: &'static str| app.send(Method::GET, path, &[], "");
    let providers = get("/public/providers").await.ok();
    assert!(providers.as_array().unwrap().contains(&json!("openai")), "{providers}");
    let fields = get("/public/providers/fields").await.ok();
    let openai = fields.as_array().unwrap().iter().find(|one| one["provider"] == "openai").unwrap();
    assert_eq!(openai["credential_fields"][0]["key"], "api_key");
    assert_eq!(get("/public/endpoints").await.ok()["endpoints"][0]["endpoint"], "/chat/completions");
    assert_eq!(get("/public/litellm_model_cost_map").await.ok(), json!({}));
    assert_eq!(get("/public/model_hub/info").await.ok()["docs_title"], "Bulkhead");
    assert_eq!(get("/public/litellm_blog_posts").await.ok(), json!({"posts": []}));
    assert_eq!(app.get("/v2/guardrails/list").await.ok(), json!({"guardrails": []}));
    app.get("/guardrails/none").await.error(404);
    app.post("/guardrails", json!({})).await.error(400);
}
