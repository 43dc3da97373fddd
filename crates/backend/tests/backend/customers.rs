use http::Method;
use serde_json::json;

use crate::support::{App, backends};

backends! {
    async fn a_customer_lives_under_both_names(app: App) {
        let made = app.post("/customer/new", json!({"user_id": "c", "alias": "Cy", "max_budget": 10, "budget_duration": "1d"})).await.ok();
        assert_eq!((&made["litellm_budget_table"]["max_budget"], &made["spend"], &made["blocked"]), (&json!(10.0), &json!(0.0), &json!(false)));
        assert_eq!(made["litellm_budget_table"]["budget_reset_at"], "2026-02-01T00:00:00Z");
        let message = app.post("/end_user/new", json!({"user_id": "c"})).await.error(400).2;
        assert_eq!(message, "Customer already exists, passed user_id=c. Please pass a new user_id.");
        let changed = app.post("/end_user/update", json!({"user_id": "c", "max_budget": 20, "allowed_model_region": "eu"})).await;
        assert_eq!(changed.header("x-bulkhead-inactive-fields"), Some("allowed_model_region"));
        let changed = changed.ok();
        assert_eq!((&changed["litellm_budget_table"]["max_budget"], &changed["alias"]), (&json!(20.0), &json!("Cy")));
        assert_eq!(changed["litellm_budget_table"]["budget_duration"], "1d");
        let blocked = app.post("/customer/block", json!({"user_ids": ["c", "new"]})).await.ok();
        assert_eq!((&blocked["blocked_users"][0]["blocked"], &blocked["blocked_users"][1]["user_id"]), (&json!(true), &json!("new")));
        // All of them or none.
        app.post("/end_user/unblock", json!({"user_ids": ["c", "none"]})).await.error(404);
        assert_eq!(app.get("/end_user/info?end_user_id=c").await.ok()["blocked"], true);
        assert_eq!(app.post("/end_user/unblock", json!({"user_ids": ["c"]})).await.ok()["blocked_users"], json!([]));
        app.post("/customer/delete", json!({"user_ids": ["new", "none"]})).await.error(404);
        app.get("/customer/info?end_user_id=new").await.ok();
        assert_eq!(app.get("/end_user/info?end_user_id=c").await.ok()["blocked"], false);
        let list = app.get("/customer/list?page_size=1").await;
        assert_eq!((list.header("x-total-count"), list.ok().as_array().unwrap().len()), (Some("2"), 1));
        assert_eq!(app.post("/customer/delete", json!({"user_ids": ["c", "new"]})).await.ok()["deleted_customers"], 2);
        app.get("/customer/info?end_user_id=c").await.error(404);
        app.post("/customer/delete", json!({"user_ids": ["c"]})).await.error(404);
        for (body, param) in [
            (json!({"user_id": "x".repeat(10_000)}), "user_id"),
            (json!({"user_id": "x", "budget_id": "none"}), "budget_id"),
            (json!({"user_id": "x", "allowed_model_region": "mars"}), "allowed_model_region"),
            (json!({"user_id": "x", "max_budget": -1}), "max_budget"),
        ] {
            assert_eq!(app.post("/customer/new", body.clone()).await.error(400).1, param, "{body}");
        }
        let fields = ["user_id", "alias", "blocked", "budget_id", "models", "max_budget"];
        app.misfits(Method::POST, "/customer/new", json!({"user_id": "x"}), &fields).await;
        assert_eq!(app.get("/customer/list?page_size=-1").await.status.as_u16(), 422);
    }

    async fn a_tag_lives(app: App) {
        let made = app.post("/tag/new", json!({"name": "batch", "description": "nightly", "max_budget": 3})).await.ok();
        assert_eq!((&made["message"], &made["tag"]["litellm_budget_table"]["max_budget"]), (&json!("Tag batch created successfully"), &json!(3.0)));
        assert_eq!(app.post("/tag/new", json!({"name": "batch"})).await.error(400).2, "Tag batch already exists");
        let changed = app.post("/tag/update", json!({"name": "batch", "description": null, "models": ["gpt-4o"]})).await.ok();
        assert_eq!((&changed["tag"]["description"], &changed["tag"]["models"]), (&json!(null), &json!(["gpt-4o"])));
        assert_eq!(app.post("/tag/info", json!({"names": ["batch"]})).await.ok()["batch"]["litellm_budget_table"]["max_budget"], 3.0);
        app.post("/tag/info", json!({"names": ["none"]})).await.error(404);
        assert_eq!(app.get("/tag/list").await.ok()[0]["name"], "batch");
        app.post("/tag/delete", json!({"name": "batch"})).await.ok();
        app.post("/tag/delete", json!({"name": "batch"})).await.error(404);
        app.post("/tag/update", json!({"name": "batch"})).await.error(404);
        app.misfits(Method::POST, "/tag/new", json!({"name": "x"}), &["name", "description", "models", "model_info", "budget_id", "max_budget"]).await;
    }

    async fn a_budget_that_was_made_for_someone_goes_with_them(app: App) {
        let ids = async || {
            let budgets = app.get("/budget/list").await.ok();
            let mut ids = budgets.as_array().unwrap().iter().map(|one| one["budget_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
            ids.sort();
            ids
        };
        app.post("/budget/new", json!({"budget_id": "tier", "max_budget": 5})).await.ok();
        for (path, body) in [
            ("/customer/new", json!({"user_id": "own", "max_budget": 1})),
            ("/customer/new", json!({"user_id": "sharer", "budget_id": "tier"})),
            ("/tag/new", json!({"name": "own", "max_budget": 1})),
        ] {
            app.post(path, body).await.ok();
        }
        assert_eq!(ids().await.len(), 3);
        // A limit of its own in place of a shared budget, and back again.
        app.post("/customer/update", json!({"user_id": "sharer", "max_budget": 2})).await.ok();
        assert_eq!(ids().await.len(), 3, "nobody else had it");
        app.post("/customer/new", json!({"user_id": "another", "budget_id": "tier"})).await.ok();
        app.post("/customer/update", json!({"user_id": "sharer", "max_budget": 3})).await.ok();
        assert_eq!(ids().await.len(), 4);
        app.post("/customer/update", json!({"user_id": "sharer", "budget_id": "tier"})).await.ok();
        assert_eq!(ids().await.len(), 3);
        // One that was made for somebody, and that somebody else has too.
        let own = app.get("/customer/info?end_user_id=own").await.ok()["litellm_budget_table"]["budget_id"].clone();
        let key = app.post("/key/generate", json!({"budget_id": own})).await.ok();
        app.post("/customer/delete", json!({"user_ids": ["own", "sharer", "another"]})).await.ok();
        app.post("/tag/delete", json!({"name": "own"})).await.ok();
        assert_eq!(ids().await, [own.as_str().unwrap(), "tier"]);
        assert_eq!(key["budget_id"], own);
    }
}
