//! Settings that are kept in the database, and what goes by them.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, MASTER, backends};

impl App {
    pub async fn set(&self, path: &str, body: Value) -> Answer {
        self.send_as(MASTER, Method::PATCH, path, body).await
    }
}

backends! {
    async fn new_users_have_what_the_settings_say(app: App) {
        app.team("readers").await;
        let defaults = json!({"user_role": "internal_user_viewer", "max_budget": 5, "budget_duration": "30d", "models": ["gpt-4o"], "teams": ["readers"]});
        let set = app.set("/update/internal_user_settings", defaults).await.ok();
        assert_eq!((&set["status"], &set["settings"]["max_budget"]), (&json!("success"), &json!(5)));
        let ada = app.post("/user/new", json!({"user_id": "ada"})).await.ok();
        assert_eq!((&ada["user_role"], &ada["max_budget"], &ada["models"]), (&json!("internal_user_viewer"), &json!(5.0), &json!(["gpt-4o"])));
        assert_eq!((&ada["teams"], &ada["budget_duration"]), (&json!(["readers"]), &json!("30d")));
        // What is said counts, null too; administrators have no defaults.
        let bob = app.post("/user/new", json!({"user_id": "bob", "max_budget": null, "teams": [], "models": []})).await.ok();
        assert_eq!((&bob["max_budget"], &bob["teams"], &bob["models"]), (&Value::Null, &json!([]), &json!([])));
        let root = app.post("/user/new", json!({"user_id": "root", "user_role": "proxy_admin"})).await.ok();
        assert_eq!((&root["max_budget"], &root["teams"]), (&Value::Null, &json!([])));
        // Null takes a default back.
        app.set("/update/internal_user_settings", json!({"max_budget": null, "teams": null})).await.ok();
        let values = app.get("/get/internal_user_settings").await.ok()["values"].clone();
        assert_eq!((&values["max_budget"], &values["models"]), (&Value::Null, &json!(["gpt-4o"])));
        let log = app.get("/audit?table_name=LiteLLM_Config").await.ok();
        let newest = &log["audit_logs"][0];
        assert_eq!((&newest["object_id"], &newest["action"]), (&json!("default_internal_user_params"), &json!("updated")));
        assert_eq!(log["total"], 2);
    }

    async fn new_teams_have_what_the_settings_say(app: App) {
        let defaults = json!({"max_budget": 50.0, "budget_duration": "7d", "tpm_limit": 1000, "team_member_permissions": ["/key/generate"]});
        app.set("/update/default_team_settings", defaults).await.ok();
        let team = app.post("/team/new", json!({"team_id": "core", "tpm_limit": 7})).await.ok();
        assert_eq!((&team["max_budget"], &team["tpm_limit"], &team["budget_duration"]), (&json!(50.0), &json!(7), &json!("7d")));
        let permissions = app.get("/team/permissions_list?team_id=core").await.ok();
        assert_eq!(permissions["team_member_permissions"], json!(["/key/generate"]));
    }

    async fn values_that_make_no_sense_are_refused_and_change_nothing(app: App) {
        for (path, body, status) in [
            ("/update/internal_user_settings", json!({"max_budget": "much"}), 422),
            ("/update/internal_user_settings", json!({"max_budget": -1}), 422),
            ("/update/internal_user_settings", json!({"models": "gpt-4o"}), 422),
            ("/update/internal_user_settings", json!({"models": [1]}), 422),
            ("/update/internal_user_settings", json!({"user_role": "proxy_admin"}), 400),
            ("/update/internal_user_settings", json!({"budget_duration": "soon"}), 400),
            ("/update/internal_user_settings", json!({"user_role": "x\u{0}"}), 422),
            ("/update/internal_user_settings", json!({"user_role": "x".repeat(5000)}), 422),
            ("/update/default_team_settings", json!({"tpm_limit": 1.5}), 422),
            ("/update/default_team_settings", json!({"team_member_permissions": ["/anything"]}), 400),
            ("/update/ui_theme_settings", json!({"logo_url": "javascript:alert(1)"}), 400),
            ("/update/ui_theme_settings", json!({"logo_url": "https://a.example/\nx"}), 400),
            ("/update/user_banner", json!({"severity": "loud"}), 400),
            ("/update/user_banner", json!({"enabled": "yes"}), 422),
            ("/update/ui_settings", json!({"enable_projects_ui": 1}), 422),
            ("/update/ui_settings", json!([]), 422),
        ] {
            let answer = app.set(path, body.clone()).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {body}: {}", answer.text);
        }
        let values = app.get("/get/internal_user_settings").await.ok()["values"].clone();
        assert!(values.as_object().unwrap().values().all(Value::is_null), "{values}");
        let viewer = app.user(json!({"user_id": "eve", "user_role": "proxy_admin_viewer"})).await;
        for path in ["/update/internal_user_settings", "/update/user_banner", "/update/ui_theme_settings"] {
            app.send_as(&viewer, Method::PATCH, path, json!({})).await.error(403);
        }
        app.get_as(&viewer, "/get/internal_user_settings").await.ok();
        let plain = app.user(json!({"user_id": "ada"})).await;
        app.get_as(&plain, "/get/internal_user_settings").await.error(401);
    }

    async fn what_the_dashboard_looks_like_is_told_before_sign_in(app: App) {
        assert_eq!(app.send(Method::GET, "/get_logo_url", &[], "").await.ok(), json!({"logo_url": ""}));
        app.send(Method::GET, "/get_image", &[], "").await.error(404);
        let set = app.set("/update/ui_theme_settings", json!({"logo_url": "https://a.example/logo.png", "colour": "red"})).await;
        assert_eq!(set.header("x-bulkhead-ignored-fields"), Some("colour"));
        let logo = app.send(Method::GET, "/get_image", &[], "").await;
        assert_eq!((logo.status.as_u16(), logo.header("location")), (307, Some("https://a.example/logo.png")));
        app.send(Method::GET, "/get_favicon", &[], "").await.error(404);
        assert_eq!(app.send(Method::GET, "/get/ui_theme_settings", &[], "").await.ok()["values"]["logo_url"], "https://a.example/logo.png");
        let kept = app.set("/update/ui_settings", json!({"enable_projects_ui": true})).await;
        assert_eq!(kept.header("x-bulkhead-inactive-fields"), Some("enable_projects_ui"));
        assert_eq!(app.send(Method::GET, "/get/ui_settings", &[], "").await.ok()["values"]["enable_projects_ui"], true);
        app.post("/upload/logo", json!({})).await.error(400);
    }

    async fn every_user_sees_the_banner(app: App) {
        let ada = app.user(json!({"user_id": "ada"})).await;
        assert_eq!(app.get_as(&ada, "/get/user_banner").await.ok(), json!({"enabled": false, "message": "", "severity": "info", "revision": ""}));
        app.set("/update/user_banner", json!({"enabled": true, "message": "Maintenance at six", "severity": "warning"})).await.ok();
        let banner = app.get_as(&ada, "/get/user_banner").await.ok();
        assert_eq!((&banner["message"], &banner["severity"]), (&json!("Maintenance at six"), &json!("warning")));
        app.send(Method::GET, "/get/user_banner", &[], "").await.error(401);
    }
}

#[tokio::test]
async fn settings_of_what_is_not_there_are_empty_and_refuse() {
    let app = App::sqlite().await;
    for name in ["sso", "mcp_semantic_filter", "mcp_tool_search", "websearch_interception"] {
        assert_eq!(app.get(&format!("/get/{name}_settings")).await.ok()["values"], json!({}));
        let refused = app.set(&format!("/update/{name}_settings"), json!({"field": 1})).await.error(400);
        assert_eq!((refused.1, refused.2.ends_with("Nothing was changed.")), (json!("field"), true));
    }
    assert_eq!(app.get("/config/cost_discount_config").await.ok(), json!({"values": {}}));
    app.set("/config/cost_margin_config", json!({"openai": 0.1})).await.error(400);
    let unpriced = "/config/block_requests_for_models_without_pricing";
    app.set(unpriced, json!({"enabled": true})).await.error(400);
    assert_eq!(app.set(unpriced, json!({"enabled": false})).await.ok(), json!({"enabled": false}));
    assert_eq!(app.get("/config/pass_through_endpoint").await.ok(), json!({"endpoints": []}));
    app.post("/config/pass_through_endpoint", json!({"path": "/x"})).await.error(400);
    app.post("/config/pass_through_endpoint/a", json!({})).await.error(404);
    app.send_as(MASTER, Method::DELETE, "/config/pass_through_endpoint?endpoint_id=a", json!({}))
        .await
        .error(404);
    app.post("/coordination_redis/settings", json!({"host": "h"})).await.error(400);
    app.get("/cache/redis/info").await.error(404);
    assert_eq!(app.get("/provider/budgets").await.ok(), json!({"providers": {}}));
    assert_eq!(app.get("/get/latest_release_info").await.ok(), Value::Null);
}
