use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::support::{Answer, App, NOW, backends, call};

impl App {
    /// What a wrong type for each of some fields is answered with: 422 that names the field.
    pub async fn misfits(&self, method: Method, path: &str, base: serde_json::Value, fields: &[&str]) {
        for field in fields {
            let mut body = base.clone();
            body[*field] = json!([{"no": "such"}]);
            let answer = self.send_as(crate::support::MASTER, method.clone(), path, body).await;
            assert_eq!(answer.status.as_u16(), 422, "{path} {field}: {}", answer.text);
            assert_eq!(answer.json()["detail"][0]["loc"][1], *field, "{path}: {}", answer.text);
        }
    }

    pub async fn send_as(&self, key: &str, method: Method, path: &str, body: serde_json::Value) -> Answer {
        let bearer = format!("Bearer {key}");
        self.send(method, path, &[("authorization", &bearer)], &body.to_string()).await
    }
}

backends! {
    async fn a_budget_lives(app: App) {
        let made = app.post("/budget/new", json!({
            "budget_id": "free", "max_budget": 10, "soft_budget": "5.5", "tpm_limit": 1000, "budget_duration": "30d", "color": "red",
        })).await;
        assert_eq!(made.header("x-bulkhead-ignored-fields"), Some("color"));
        let made = made.ok();
        assert_eq!((&made["budget_id"], &made["max_budget"], &made["soft_budget"]), (&json!("free"), &json!(10.0), &json!(5.5)));
        assert_eq!((&made["created_by"], &made["rpm_limit"]), (&json!("default_user_id"), &json!(null)));
        let (_, param, message) = app.post("/budget/new", json!({"budget_id": "free"})).await.error(400);
        assert_eq!((param, message.as_str()), (json!("budget_id"), "Budget already exists, passed budget_id=free"));

        let changed = app.post("/budget/update", json!({"budget_id": "free", "soft_budget": null, "rpm_limit": 3})).await.ok();
        assert_eq!((&changed["max_budget"], &changed["soft_budget"], &changed["rpm_limit"]), (&json!(10.0), &json!(null), &json!(3)));
        let other = app.post("/budget/new", json!({})).await.ok()["budget_id"].as_str().unwrap().to_owned();
        let shown = app.post("/budget/info", json!({"budgets": ["free", "none"]})).await.ok();
        assert_eq!((shown.as_array().unwrap().len(), &shown[0]["tpm_limit"]), (1, &json!(1000)));
        let list = app.get("/budget/list?page_size=1&page=2").await;
        assert_eq!((list.header("x-total-count"), list.ok().as_array().unwrap().len()), (Some("2"), 1));
        let form = app.get("/budget/settings?budget_id=free").await.ok();
        assert_eq!((&form[0]["field_name"], &form[0]["field_value"], &form[0]["stored_in_db"]), (&json!("max_budget"), &json!(10.0), &json!(true)));
        assert_eq!(app.post("/budget/delete", json!({"id": other})).await.ok()["budget_id"], other);

        let log = app.get("/audit?table_name=LiteLLM_BudgetTable&object_id=free").await.ok();
        let log = log["audit_logs"].as_array().unwrap();
        assert_eq!((log.len(), &log[0]["action"], &log[0]["before_value"]["soft_budget"]), (2, &json!("updated"), &json!(5.5)));
        assert_eq!(log[0]["updated_values"]["soft_budget"], json!(null));
        let changes = app.store.policy().head().await.unwrap();
        app.post("/budget/update", json!({"budget_id": "free", "rpm_limit": 4})).await.ok();
        assert_eq!(app.store.policy().head().await.unwrap(), changes + 1);
    }

    async fn what_makes_no_sense_of_a_budget_is_refused(app: App) {
        app.post("/budget/new", json!({"budget_id": "b", "max_budget": 5})).await.ok();
        for (path, body, status, param) in [
            ("/budget/new", json!({"max_budget": -1}), 400, "max_budget"),
            ("/budget/new", json!({"rpm_limit": -1}), 400, "rpm_limit"),
            ("/budget/new", json!({"budget_duration": "0d"}), 400, "budget_duration"),
            ("/budget/new", json!({"budget_duration": "2mo"}), 400, "budget_duration"),
            ("/budget/new", json!({"budget_duration": "soon"}), 400, "budget_duration"),
            ("/budget/new", json!({"budget_id": "x".repeat(10_000)}), 400, "budget_id"),
            ("/budget/new", json!({"budget_id": "a,b"}), 400, "budget_id"),
            ("/budget/update", json!({"budget_id": "b", "soft_budget": 5}), 400, "soft_budget"),
            ("/budget/update", json!({"max_budget": 5}), 400, "budget_id"),
            ("/budget/update", json!({"budget_id": "none"}), 404, "budget_id"),
            ("/budget/delete", json!({"id": "none"}), 404, "budget_id"),
            ("/budget/info", json!({"budgets": []}), 400, "budgets"),
        ] {
            let answer = app.post(path, body.clone()).await;
            assert_eq!(answer.error(status).1, param, "{path} {body}");
        }
        let fields = ["budget_id", "max_budget", "soft_budget", "budget_duration", "max_parallel_requests", "tpm_limit", "model_max_budget"];
        app.misfits(Method::POST, "/budget/new", json!({}), &fields).await;
        app.get("/budget/list?page_size=-1").await.json();
        assert_eq!(app.get("/budget/list?page_size=-1").await.status.as_u16(), 422);
        app.get("/budget/list?page_size=101").await.error(400);
        app.get("/budget/list?page=0").await.error(400);
        app.get("/budget/settings?budget_id=none").await.error(404);
    }

    async fn what_is_spent_of_budgets_beside_the_main_one_is_shown(app: App) {
        let models = json!({"gpt-4o": {"budget_limit": 2, "time_period": "1d"}, "claude": {"budget_limit": 1}});
        let times = json!([{"budget_duration": "1h", "max_budget": 3}]);
        let body = json!({"model_max_budget": models, "budget_limits": times, "user_id": "ada"});
        let key = app.post("/key/generate", body).await.ok()["key"].as_str().unwrap().to_owned();
        app.post("/user/new", json!({"user_id": "ada", "model_max_budget": models, "auto_create_key": false})).await.ok();
        app.post("/team/new", json!({"team_id": "red", "model_max_budget": models, "budget_limits": times})).await.ok();
        let plain = app.post("/key/generate", json!({"max_budget": 1})).await.ok()["key"].as_str().unwrap().to_owned();
        let mut event = call(1, Some(&key), Duration::ZERO, 500_000_000);
        (event.intent.model_group, event.intent.team_id) = ("gpt-4o".into(), Some("red".into()));
        app.store.ledger().ship(&[event], NOW).await.unwrap();
        let of_models = json!({
            "gpt-4o": {"current_spend": 0.5, "budget_limit": 2.0, "time_period": "1d"},
            "claude": {"current_spend": 0.0, "budget_limit": 1.0, "time_period": null},
        });
        let of_times = json!({"1h": {"current_spend": 0.5}});
        let key = app.get(&format!("/key/info?key={key}")).await.ok()["info"].clone();
        let team = app.get("/team/info?team_id=red").await.ok()["team_info"].clone();
        for shown in [key, team] {
            assert_eq!((&shown["model_max_budget_usage"], &shown["budget_limits_usage"]), (&of_models, &of_times));
        }
        assert_eq!(app.get("/v2/user/info?user_id=ada").await.ok()["model_max_budget_usage"], of_models);
        let plain = app.get(&format!("/key/info?key={plain}")).await.ok()["info"].clone();
        assert!(plain.get("model_max_budget_usage").is_none() && plain.get("budget_limits_usage").is_none());
    }
}
