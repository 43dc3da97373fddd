use serde_json::json;

use crate::support::{App, Kind, models};

async fn app() -> App {
    App::with(Kind::Sqlite, |state| state.catalog.cards = models()).await
}

#[tokio::test]
async fn models_are_listed_without_secrets() {
    let app = app().await;
    for path in ["/model/info", "/v1/model/info", "/v2/model/info", "/model_group/info"] {
        let answer = app.get(path).await;
        answer.ok();
        assert!(!answer.text.contains("provider-secret"), "{path}: {}", answer.text);
    }
    let list = app.get("/model/info").await.ok();
    let first = &list["data"][0];
    assert_eq!(first["model_name"], "smart");
    assert_eq!(first["litellm_params"]["model"], "openai/gpt-4o");
    assert_eq!(first["litellm_params"]["api_base"], "https://api.example/v1");
    for (field, value) in [
        ("id", json!("openai/gpt-4o")),
        ("db_model", json!(false)),
        ("mode", json!("chat")),
        ("max_input_tokens", json!(128_000)),
        ("input_cost_per_token", json!(2.5e-6)),
        ("supports_vision", json!(true)),
    ] {
        assert_eq!(first["model_info"][field], value, "{field}");
    }
}

#[tokio::test]
async fn one_model_is_found_by_id() {
    let app = app().await;
    let one = app.get("/model/info?litellm_model_id=spare").await.ok();
    assert_eq!(
        (one["data"].as_array().unwrap().len(), &one["data"][0]["model_info"]["id"]),
        (1, &json!("spare"))
    );
    app.get("/model/info?litellm_model_id=none").await.error(400);
}

#[tokio::test]
async fn pages_and_groups() {
    let app = app().await;
    let page = app.get("/v2/model/info?size=2&page=2").await.ok();
    assert_eq!(
        (&page["total_count"], &page["total_pages"], page["data"].as_array().unwrap().len()),
        (&json!(3), &json!(2), 1)
    );
    assert_eq!(app.get("/v2/model/info?search=OPUS").await.ok()["total_count"], 1);
    assert_eq!(app.get("/v2/model/info?model=smart").await.ok()["total_count"], 2);
    app.get("/v2/model/info?size=0").await.error(400);
    let groups = app.get("/model_group/info").await.ok();
    let names =
        groups["data"].as_array().unwrap().iter().map(|group| &group["model_group"]).collect::<Vec<_>>();
    assert_eq!(names, ["claude", "smart"]);
    let smart = app.get("/model_group/info?model_group=smart").await.ok();
    let smart = &smart["data"][0];
    assert_eq!(
        (&smart["rpm"], &smart["providers"], &smart["supports_vision"]),
        (&json!(10), &json!(["openai"]), &json!(true))
    );
}

#[tokio::test]
async fn a_key_sees_the_models_it_may_call() {
    let app = app().await;
    let key = app.key(json!({"models": ["anthropic/*"]})).await;
    let list = app.get_as(&key, "/model/info").await.ok();
    assert_eq!(
        (list["data"].as_array().unwrap().len(), &list["data"][0]["model_name"]),
        (1, &json!("claude"))
    );
}
