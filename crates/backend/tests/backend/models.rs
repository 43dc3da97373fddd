use http::Method;
use serde_json::{Value, json};

use crate::support::{App, Kind, backends, models};

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

const SECRET: &str = "sk-provider-secret-0123456789";

backends! {
    async fn a_model_of_the_database_lives_without_showing_its_secrets(app: App) {
        let new = json!({
            "model_name": "smart", "unknown": 1,
            "litellm_params": {"model": "openai/gpt-4o", "api_key": SECRET, "api_base": "https://u:secret@h/v1", "rpm": 5},
            "model_info": {"access_groups": ["beta"], "mode": "chat"},
        });
        let made = app.post("/model/new", new.clone()).await;
        let row = made.ok();
        let id = row["model_id"].as_str().unwrap();
        assert_eq!((&row["model_name"], &row["blocked"], &row["model_info"]["db_model"]), (&json!("smart"), &json!(false), &json!(true)));
        assert_eq!(row["litellm_params"], json!({"model": "openai/gpt-4o", "api_key": "****6789", "api_base": "https://h/v1", "rpm": 5}));
        assert_eq!(made.header("x-bulkhead-ignored-fields"), Some("unknown"));

        let body = json!({"model_name": "wise", "litellm_params": {"rpm": 7, "api_key": "****6789"}, "model_info": {"id": id, "access_groups": null}});
        let updated = app.post("/model/update", body).await.ok();
        assert_eq!((&updated["model_name"], &updated["litellm_params"]["rpm"]), (&json!("wise"), &json!(7)));
        assert_eq!(updated["litellm_params"]["api_key"], "****6789");
        let path = format!("/model/{id}/update");
        let patched = app.write(Method::PATCH, &path, json!({"litellm_params": {"rpm": null, "tpm": 9}, "blocked": true})).await.ok();
        assert_eq!((&patched["blocked"], patched["litellm_params"].get("rpm")), (&json!(true), None));
        assert_eq!(app.get("/model_group/info").await.ok()["data"], json!([]));
        app.post("/model/unblock", json!({"model_id": id})).await.ok();

        for list in ["/model/info", "/v1/model/info", "/v2/model/info"] {
            let answer = app.get(list).await;
            let listed = &answer.ok()["data"][0];
            assert_eq!((&listed["model_name"], &listed["model_info"]["db_model"]), (&json!("wise"), &json!(true)));
            assert!(!answer.text.contains(SECRET) && !answer.text.contains("u:secret"), "{}", answer.text);
        }
        assert_eq!(app.get("/model_group/info").await.ok()["data"][0]["model_group"], "wise");
        assert_eq!(app.post("/model/new", json!({"model_name": "a", "litellm_params": {"model": "openai/x"}, "model_info": {"id": id}})).await.error(400).1, "model_info.id");

        let log = app.get("/audit?table_name=LiteLLM_ProxyModelTable").await;
        assert_eq!(log.ok()["total"], 4);
        assert!(!log.text.contains(SECRET) && !log.text.contains("u:secret"), "{}", log.text);
        let gone = app.post("/model/delete", json!({"id": id})).await.ok();
        assert_eq!(gone["message"], format!("Model: {id} deleted successfully"));
        app.post("/model/delete", json!({"id": id})).await.error(400);
        app.write(Method::PATCH, &path, json!({})).await.error(404);
        app.post("/model/block", json!({"id": id})).await.error(404);
    }

    async fn a_wrong_parameter_is_named_and_changes_nothing(app: App) {
        let params = json!({"model": "openai/gpt-4o", "api_key": SECRET, "rpm": "many"});
        let refused = app.post("/model/new", json!({"model_name": "a", "litellm_params": params})).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["detail"][0]["loc"]), (422, &json!(["body", "litellm_params", "rpm"])));
        assert!(!refused.text.contains(SECRET));
        let new = json!({"model_name": "a", "litellm_params": {"model": "openai/gpt-4o", "api_key": SECRET}, "model_info": {"id": "m1"}});
        app.post("/model/new", new).await.ok();
        let refused = app.write(Method::PATCH, "/model/m1/update", json!({"litellm_params": {"litellm_credential_name": "none"}})).await;
        assert_eq!(refused.json()["detail"][0]["loc"], json!(["body", "litellm_params", "litellm_credential_name"]));
        let refused = app.write(Method::PATCH, "/model/m1/update", json!({"litellm_params": {"model": null}})).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert_eq!(app.get("/model/info").await.ok()["data"][0]["litellm_params"], json!({"model": "openai/gpt-4o", "api_key": "****6789"}));
        let warned = app.post("/model/new", json!({"model_name": "b", "litellm_params": {"model": "openai/x"}})).await;
        assert!(warned.header("x-bulkhead-warnings").unwrap().contains("no key for"));
        assert_eq!(app.post("/model/update", json!({"model_name": "c"})).await.error(400).1, "model_info.id");
    }

    async fn a_model_has_its_values_from_a_credential(app: App) {
        app.post("/credentials", json!({"credential_name": "main", "credential_values": {"api_key": SECRET}})).await.ok();
        let params = json!({"model": "openai/gpt-4o", "litellm_credential_name": "main"});
        app.post("/model/new", json!({"model_name": "a", "litellm_params": params, "model_info": {"id": "m1"}})).await.ok();
        assert_eq!(app.get("/credentials/by_model/m1").await.ok()["credential_values"], json!({"api_key": "****6789"}));
        app.write(Method::DELETE, "/credentials/main", json!({})).await.error(400);
    }

    async fn a_teams_model_is_seen_by_the_team_alone(app: App) {
        app.team("core").await;
        let info = json!({"team_id": "core", "id": "own"});
        let new = json!({"model_name": "smart", "litellm_params": {"model": "openai/gpt-4o", "api_key": SECRET}, "model_info": info});
        let row = app.post("/model/new", new).await.ok();
        assert!(row["model_name"].as_str().unwrap().starts_with("model_name_core_"), "{row}");
        assert_eq!(row["model_info"]["team_public_model_name"], "smart");
        let (of_team, other) = (app.key(json!({"team_id": "core"})).await, app.key(json!({})).await);
        assert_eq!(app.get_as(&of_team, "/model_group/info").await.ok()["data"][0]["model_group"], "smart");
        assert_eq!(app.get_as(&other, "/model_group/info").await.ok()["data"], json!([]));
        let renamed = app.write(Method::PATCH, "/model/own/update", json!({"model_name": "wise"})).await.ok();
        assert_eq!((&renamed["model_name"], &renamed["model_info"]["team_public_model_name"]), (&row["model_name"], &json!("wise")));
        app.write(Method::PATCH, "/model/own/update", json!({"model_info": {"team_id": "else"}})).await.error(400);
        assert_eq!(app.get("/v2/model/info?teamId=core").await.ok()["total_count"], 1);
    }
}

#[tokio::test]
async fn models_of_the_configuration_cannot_be_changed() {
    let app = app().await;
    for (path, body) in [
        ("/model/update", json!({"model_info": {"id": "spare"}})),
        ("/model/delete", json!({"id": "spare"})),
        ("/model/block", json!({"model_id": "spare"})),
    ] {
        assert!(app.post(path, body).await.error(400).2.starts_with("Can't edit model. Model in config."));
    }
    app.write(Method::PATCH, "/model/spare/update", json!({})).await.error(400);
}

#[tokio::test]
async fn models_of_the_database_can_be_switched_off() {
    let app = App::with(Kind::Sqlite, |state| state.catalog.settings.store_model_in_db = false).await;
    let new = json!({"model_name": "a", "litellm_params": {"model": "openai/x"}});
    assert!(app.post("/model/new", new).await.error(500).2.contains("STORE_MODEL_IN_DB"));
}

#[tokio::test]
async fn a_key_sees_what_its_groups_and_its_team_let_it_call() {
    let app = app().await;
    let group = json!({"access_group_name": "g", "access_model_names": ["claude"]});
    let group = app.post("/v1/access_group", group).await.json()["access_group_id"].clone();
    let seen = async |key: &str| {
        let list = app.get_as(key, "/model/info").await.ok();
        let names = list["data"].as_array().unwrap().iter().map(|model| model["model_name"].clone());
        let mut names = names.map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        names.dedup();
        names
    };
    let key = async |fields: Value| app.key(fields).await;
    assert_eq!(seen(&key(json!({"models": ["smart"]})).await).await, ["smart"]);
    assert_eq!(
        seen(&key(json!({"models": ["smart"], "access_group_ids": [group]})).await).await,
        ["smart", "claude"]
    );
    assert_eq!(seen(&key(json!({"access_group_ids": [group]})).await).await, ["smart", "claude"]);
    app.post("/team/new", json!({"team_id": "t", "models": ["smart"]})).await.ok();
    let of_team = key(json!({"team_id": "t"})).await;
    assert_eq!(seen(&of_team).await, ["smart"]);
    app.post("/team/update", json!({"team_id": "t", "access_group_ids": [group]})).await.ok();
    assert_eq!(seen(&of_team).await, ["smart", "claude"]);
}
