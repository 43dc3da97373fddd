use http::Method;
use serde_json::{Value, json};

use crate::support::{App, Kind, MASTER};

async fn app() -> App {
    let file = b"general_settings:\n  max_request_size_mb: 9\n  public_routes: [slack-hook]\n\
                 router_settings:\n  num_retries: 7\n  fallbacks: [{a: [b]}]\nlitellm_settings:\n  callbacks: [langfuse]\n";
    let loaded = config::check_bytes("config.yaml", file, &|_| None).unwrap().config;
    App::with(Kind::Sqlite, |state| {
        state.catalog.settings = loaded.settings;
        state.settings = loaded.facts;
    })
    .await
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|one| one["field_name"] == name).unwrap()
}

#[tokio::test]
async fn settings_are_told_as_they_are_and_act() {
    let app = app().await;
    let general = app.get("/config/list?config_type=general_settings").await.ok();
    let size = named(&general, "max_request_size_mb");
    assert_eq!(
        (&size["field_value"], &size["source"], &size["acts"]),
        (&json!(9), &json!("config"), &json!(true))
    );
    let alerting = named(&general, "public_routes");
    assert_eq!((&alerting["acts"], &alerting["field_value"]), (&json!(false), &json!(["****"])));
    assert_eq!(
        named(&app.get("/config/list?config_type=router_settings").await.ok(), "fallbacks")["acts"],
        false
    );
    assert_eq!(app.get("/config/list?config_type=none").await.error(400).1, "config_type");
    let info = app.get("/config/field/info?field_name=max_request_size_mb").await.ok();
    assert_eq!(info, json!({"field_name": "max_request_size_mb", "field_value": 9}));
    app.get("/config/field/info?field_name=none").await.error(404);

    let router = app.get("/router/settings").await.ok();
    assert_eq!(
        (&router["current_values"]["num_retries"], &router["source"]["num_retries"]),
        (&json!(7), &json!("config"))
    );
    assert_eq!(
        (&router["current_values"]["cooldown_time"], &router["source"]["cooldown_time"]),
        (&json!(5.0), &json!("default"))
    );
    let retries = named(&router["fields"], "num_retries");
    assert_eq!((&retries["field_value"], &retries["field_default"]), (&json!(7), &json!(2)));
    for field in router["fields"].as_array().unwrap() {
        let name = field["field_name"].as_str().unwrap();
        // What acts of the file alone has no value afterwards.
        assert!(
            router["current_values"].get(name).is_some() || name == "ignore_invalid_deployments",
            "{name}"
        );
    }
    let fields = app.get("/router/fields").await.ok();
    assert!(fields.get("current_values").is_none() && fields.get("source").is_none());
    assert_eq!(named(&fields["fields"], "num_retries")["field_value"], json!(null));
}

#[tokio::test]
async fn what_is_not_there_is_told_as_not_there() {
    let app = app().await;
    assert_eq!(
        app.get("/callbacks/list").await.ok(),
        json!({"success": [], "failure": [], "success_and_failure": []})
    );
    let callbacks = app.get("/get/config/callbacks").await.ok();
    assert_eq!((&callbacks["status"], &callbacks["callbacks"]), (&json!("success"), &json!([])));
    assert_eq!(callbacks["router_settings"]["num_retries"], 7);
    assert_eq!(app.get("/active/callbacks").await.ok()["num_callbacks"], 0);
    assert_eq!(app.get("/cache/settings").await.ok()["fields"], json!([]));
    assert_eq!(app.get("/cache/ping").await.error(404).0, "cache_ping_error");
    app.get("/fallback/gpt-4o").await.error(404);
    app.send_as(MASTER, Method::DELETE, "/fallback/gpt-4o", json!({})).await.error(404);
    for (path, body) in [
        (
            "/config/field/update",
            json!({"field_name": "max_request_size_mb", "field_value": 5, "config_type": "general_settings"}),
        ),
        ("/config/field/delete", json!({"field_name": "max_request_size_mb"})),
        ("/config/update", json!({"router_settings": {"num_retries": 1}})),
        ("/config/callback/delete", json!({"callback_name": "langfuse"})),
        ("/fallback", json!({"model": "a", "fallback_models": ["b"]})),
        ("/cache/settings", json!({"cache_settings": {"type": "redis"}})),
        ("/cache/settings/test", json!({"cache_settings": {"type": "redis"}})),
    ] {
        let message = app.post(path, body).await.error(400).2;
        assert!(message.ends_with("Nothing was changed."), "{path}: {message}");
    }
    app.post("/config/field/update", json!({"field_name": "none", "field_value": 5})).await.error(404);
    let public = app.send(Method::GET, "/.well-known/litellm-ui-config", &[], "").await.ok();
    assert_eq!((&public["sso_configured"], &public["workers"]), (&json!(false), &json!([])));
}
