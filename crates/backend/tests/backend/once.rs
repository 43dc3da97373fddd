//! A creation that is sent again with the same `Idempotency-Key`.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, MASTER, backends};

impl App {
    async fn named(&self, key: &str, path: &str, name: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", name)];
        self.send(Method::POST, path, &headers, &body.to_string()).await
    }

    /// Entries of the audit log.
    async fn changes(&self) -> u64 {
        self.get("/audit").await.ok()["total"].as_u64().unwrap()
    }
}

backends! {
    async fn every_creation_is_made_once_and_answered_the_same(app: App) {
        app.team("t").await;
        app.post("/organization/new", json!({"organization_id": "there", "organization_alias": "there"})).await.ok();
        app.post("/user/new", json!({"user_id": "guest"})).await.ok();
        let model = json!({"model_name": "m", "litellm_params": {"model": "openai/gpt-4o", "api_key": "k"}});
        let bodies = [
            ("/key/generate", json!({"max_budget": 1, "nonsense": true})),
            ("/key/service-account/generate", json!({"team_id": "t"})),
            ("/user/new", json!({"user_email": "a@x.example", "password": "a long password"})),
            ("/team/new", json!({"members_with_roles": [{"role": "admin", "user_id": "ada"}]})),
            ("/project/new", json!({"team_id": "t", "project_alias": "p"})),
            ("/organization/new", json!({"organization_alias": "o", "max_budget": 5})),
            ("/customer/new", json!({"user_id": "c", "max_budget": 5})),
            ("/end_user/new", json!({"user_id": "d"})),
            ("/tag/new", json!({"name": "g", "max_budget": 5})),
            ("/budget/new", json!({"max_budget": 5})),
            ("/model/new", model),
            ("/credentials", json!({"credential_name": "c", "credential_values": {"api_key": "k"}, "credential_info": {}})),
            ("/invitation/new", json!({"user_id": "guest"})),
            ("/team/member_add", json!({"team_id": "t", "member": {"user_id": "new"}, "max_budget_in_team": 1})),
            ("/organization/member_add", json!({"organization_id": "there", "member": {"user_id": "newer"}})),
        ];
        for (path, body) in bodies {
            let before = app.changes().await;
            let first = app.named(MASTER, path, "one", &body).await;
            first.ok();
            assert_eq!(first.header("idempotency-replayed"), None, "{path}");
            let made = app.changes().await;
            assert!(made > before, "{path}");
            let again = app.named(MASTER, path, "one", &body).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{path}");
            assert_eq!(again.header("x-bulkhead-ignored-fields"), first.header("x-bulkhead-ignored-fields"), "{path}");
            assert_eq!(app.changes().await, made, "{path}");
        }
    }

    async fn what_is_made_with_a_name_says_when_its_budget_begins_anew(app: App) {
        let body = json!({"user_id": "u", "max_budget": 1, "budget_duration": "1d", "auto_create_key": false});
        let made = app.named(MASTER, "/user/new", "user", &body).await.ok();
        assert_eq!(made["budget_reset_at"], app.get("/user/info?user_id=u").await.ok()["user_info"]["budget_reset_at"]);
        assert_eq!(made["budget_reset_at"], "2026-02-01T00:00:00Z");
        let body = json!({"max_budget": 1, "budget_duration": "1d"});
        for path in ["/key/generate", "/team/new"] {
            let made = app.named(MASTER, path, "other", &body).await.ok();
            assert_eq!(made["budget_reset_at"], "2026-02-01T00:00:00Z", "{path}");
        }
    }

    async fn a_name_is_for_one_body_of_one_caller_on_one_route(app: App) {
        let first = app.named(MASTER, "/key/generate", "n", &json!({"key_alias": "a"})).await.ok();
        let other = app.named(MASTER, "/key/generate", "n", &json!({"key_alias": "b"})).await;
        assert_eq!(other.status.as_u16(), 422);
        assert!(other.text.contains("Idempotency-Key"), "{}", other.text);
        app.named(MASTER, "/budget/new", "n", &json!({})).await.ok();
        let root = app.user(json!({"user_id": "root", "user_role": "proxy_admin"})).await;
        let second = app.named(&root, "/key/generate", "n", &json!({"key_alias": "b"})).await.ok();
        assert_ne!(first["key"], second["key"]);
        for name in ["", &"x".repeat(256)] {
            app.named(MASTER, "/key/generate", name, &json!({})).await.error(400);
        }
        // Elsewhere it means nothing.
        app.named(MASTER, "/key/update", "n", &json!({"key": first["key"], "max_budget": 1})).await.ok();
        app.named(MASTER, "/key/update", "n", &json!({"key": first["key"], "max_budget": 2})).await.ok();
    }

    async fn bulk_routes_are_answered_the_same_and_change_nothing_twice(app: App) {
        app.team("t").await;
        app.user(json!({"user_id": "ada"})).await;
        let key = app.key(json!({"team_id": "t"})).await;
        let bodies = [
            ("/key/bulk_update", json!({"keys": [{"key": key, "max_budget": 3}, {"key": "sk-nobody-knows-this-one"}]})),
            ("/team/key/bulk_update", json!({"team_id": "t", "all_keys_in_team": true, "update_fields": {"max_budget": 2}})),
            ("/user/bulk_update", json!({"users": [{"user_id": "ada", "max_budget": 1}]})),
            ("/team/bulk_member_add", json!({"team_id": "t", "members": [{"user_id": "ada"}, {"user_id": "bob"}]})),
            ("/team/permissions_bulk_update", json!({"team_ids": ["t"], "permissions": ["/key/generate"]})),
        ];
        for (path, body) in bodies {
            let first = app.named(MASTER, path, "one", &body).await;
            first.ok();
            let made = app.changes().await;
            let again = app.named(MASTER, path, "one", &body).await;
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{path}");
            assert_eq!(again.header("idempotency-replayed"), Some("true"), "{path}");
            assert_eq!(app.changes().await, made, "{path}");
            let refused = app.named(MASTER, path, "one", &json!({"team_id": "other"})).await;
            assert_eq!(refused.status.as_u16(), 422, "{path}");
            app.named(MASTER, path, "two", &body).await.ok();
        }
        // What was refused may be sent again.
        app.named(MASTER, "/key/bulk_update", "late", &json!({"keys": []})).await.error(400);
        app.named(MASTER, "/key/bulk_update", "late", &json!({"keys": [{"key": key}]})).await.ok();
    }

    async fn what_was_refused_may_be_sent_again(app: App) {
        let body = json!({"key_alias": "a", "budget_id": "late"});
        app.named(MASTER, "/key/generate", "n", &body).await.error(400);
        app.post("/budget/new", json!({"budget_id": "late"})).await.ok();
        let made = app.named(MASTER, "/key/generate", "n", &body).await.ok();
        assert_eq!(app.named(MASTER, "/key/generate", "n", &body).await.ok(), made);
        // Without the name it is another creation.
        app.post("/key/generate", body).await.error(400);
    }

    async fn those_who_come_at_once_get_one_key(app: App) {
        let body = json!({"models": ["m"]});
        let named = || app.named(MASTER, "/key/generate", "n", &body);
        let answers = tokio::join!(named(), named(), named(), named(), named(), named());
        let answers = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
        let keys = answers.iter().map(|answer| answer.ok()["key"].clone()).collect::<Vec<_>>();
        assert!(keys.iter().all(|key| key == &keys[0]), "{keys:?}");
        assert_eq!(app.get("/key/list").await.ok()["total_count"], 1);
    }

    async fn a_name_is_forgotten_after_a_day(app: App) {
        let first = app.named(MASTER, "/key/generate", "n", &json!({})).await.ok();
        app.clock.advance(std::time::Duration::from_secs(24 * 3600 - 1));
        assert_eq!(app.named(MASTER, "/key/generate", "n", &json!({})).await.ok()["key"], first["key"]);
        app.clock.advance(std::time::Duration::from_secs(2));
        assert_ne!(app.named(MASTER, "/key/generate", "n", &json!({})).await.ok()["key"], first["key"]);
    }
}
