use http::Method;
use serde_json::json;

use crate::support::{App, MASTER, backends};

backends! {
    async fn a_project_lives(app: App) {
        app.post("/team/new", json!({"team_id": "t", "models": ["gpt-4o", "claude"], "max_budget": 10, "rpm_limit": 5})).await.ok();
        let made = app.post("/project/new", json!({
            "project_id": "p", "project_alias": "Search", "team_id": "t", "models": ["gpt-4o"], "max_budget": 4, "budget_duration": "1d",
            "metadata": {"a": 1}, "tags": ["blue"], "model_rpm_limit": {"gpt-4o": 1}, "color": "red",
        })).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), Some("tags, model_rpm_limit"));
        assert_eq!(made.header("x-bulkhead-ignored-fields"), Some("color"));
        let made = made.ok();
        assert_eq!((&made["team_id"], &made["spend"], &made["blocked"]), (&json!("t"), &json!(0.0), &json!(false)));
        assert_eq!((&made["metadata"], &made["model_rpm_limit"]), (&json!({"a": 1, "tags": ["blue"]}), &json!({"gpt-4o": 1})));
        assert_eq!(made["litellm_budget_table"]["budget_reset_at"], "2026-02-01T00:00:00Z");
        let (_, param, message) = app.post("/project/new", json!({"project_id": "p", "team_id": "t"})).await.error(400);
        assert_eq!((param, message.as_str()), (json!("project_id"), "Project already exists, passed project_id=p"));

        let changed = app.post("/project/update", json!({"project_id": "p", "project_alias": null, "max_budget": 5})).await.ok();
        assert_eq!((&changed["project_alias"], &changed["models"]), (&json!(null), &json!(["gpt-4o"])));
        assert_eq!((&changed["litellm_budget_table"]["max_budget"], &changed["budget_id"]), (&json!(5.0), &made["budget_id"]));
        assert_eq!(app.get("/project/info?project_id=p").await.ok(), changed);

        for (body, param) in [
            (json!({"project_id": "p", "max_budget": 11}), "max_budget"),
            (json!({"project_id": "p", "rpm_limit": 6}), "rpm_limit"),
            (json!({"project_id": "p", "models": ["gemini"]}), "models"),
            (json!({"project_id": "p", "team_id": "other"}), "team_id"),
            (json!({"project_id": "p", "budget_id": "none"}), "budget_id"),
            (json!({"project_id": "p", "project_alias": "x".repeat(10_000)}), "project_alias"),
        ] {
            assert_eq!(app.post("/project/update", body.clone()).await.error(400).1, param, "{body}");
        }
        assert_eq!(app.post("/project/new", json!({"project_alias": "x"})).await.error(400).1, "team_id");
        app.post("/project/new", json!({"team_id": "none"})).await.error(404);
        app.post("/project/update", json!({"project_id": "none"})).await.error(404);
        app.get("/project/info?project_id=none").await.error(404);
        let fields = ["project_id", "project_alias", "description", "team_id", "models", "metadata", "blocked", "max_budget"];
        app.misfits(Method::POST, "/project/new", json!({"team_id": "t"}), &fields).await;

        // Its keys are of its team, and within both.
        let key = app.post("/key/generate", json!({"project_id": "p"})).await.ok();
        assert_eq!((&key["team_id"], &key["project_id"]), (&json!("t"), &json!("p")));
        let listed = app.get("/key/list?project_id=p").await.ok();
        assert_eq!((&listed["total_count"], &listed["keys"]), (&json!(1), &json!([key["token"]])));
        assert_eq!(app.get("/key/list?project_id=q").await.ok()["total_count"], 0);
        app.team("other").await;
        for (body, param) in [
            (json!({"project_id": "none"}), "project_id"),
            (json!({"project_id": "p", "team_id": "other"}), "project_id"),
            (json!({"project_id": "p", "models": ["claude"]}), "models"),
            (json!({"project_id": "p", "max_budget": 6}), "max_budget"),
        ] {
            assert_eq!(app.post("/key/generate", body.clone()).await.error(400).1, param, "{body}");
        }
        assert_eq!(app.post("/key/update", json!({"key": key["key"], "team_id": "other"})).await.error(400).1, "project_id");

        app.post("/project/new", json!({"project_id": "q", "team_id": "other"})).await.ok();
        let list = app.get("/project/list?page_size=1").await;
        assert_eq!((list.header("x-total-count"), list.ok().as_array().unwrap().len()), (Some("2"), 1));
        assert_eq!(app.get("/project/list?team_id=t").await.ok()[0]["project_id"], "p");
        assert_eq!(app.post("/team/delete", json!({"team_ids": ["t"]})).await.error(400).1, "team_ids");
        let both = json!({"project_ids": ["q", "p"]});
        assert_eq!(app.send_as(MASTER, Method::DELETE, "/project/delete", both.clone()).await.error(400).1, "project_ids");
        app.get("/project/info?project_id=q").await.ok();
        app.post("/key/delete", json!({"keys": [key["key"]]})).await.ok();
        let gone = app.send_as(MASTER, Method::DELETE, "/project/delete", both.clone()).await.ok();
        assert_eq!((&gone[0]["project_id"], &gone[1]["project_id"]), (&json!("q"), &json!("p")));
        app.send_as(MASTER, Method::DELETE, "/project/delete", both).await.error(404);
        let log = app.get("/audit?table_name=LiteLLM_ProjectTable&object_id=p").await.ok();
        let actions = log["audit_logs"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned());
        assert_eq!(actions.collect::<Vec<_>>(), ["deleted", "updated", "created"]);
    }

    /// What an owner changes of a budget that they only come to share is theirs alone.
    async fn a_budget_that_is_joined_and_changed_at_once_stays_as_it_is(app: App) {
        app.post("/budget/new", json!({"budget_id": "shared", "max_budget": 7, "rpm_limit": 3})).await.ok();
        app.post("/tag/new", json!({"name": "first", "budget_id": "shared"})).await.ok();
        app.post("/tag/new", json!({"name": "second", "max_budget": 1})).await.ok();
        let changed = app.post("/tag/update", json!({"name": "second", "budget_id": "shared", "max_budget": 9})).await.ok();
        let own = &changed["tag"]["litellm_budget_table"];
        assert_eq!((&own["max_budget"], &own["rpm_limit"]), (&json!(9.0), &json!(3)));
        assert_eq!(app.post("/budget/info", json!({"budgets": ["shared"]})).await.ok()[0]["max_budget"], 7.0);
        let both = json!({"name": "third", "budget_id": "shared", "max_budget": 9});
        assert_eq!(app.post("/tag/new", both).await.error(400).1, "budget_id");
    }

    async fn who_leads_a_team_has_its_projects_and_no_others(app: App) {
        let lead = app.user(json!({"user_id": "lead"})).await;
        let bob = app.user(json!({"user_id": "bob"})).await;
        let eve = app.user(json!({"user_id": "eve"})).await;
        let members = json!([{"role": "admin", "user_id": "lead"}, {"role": "user", "user_id": "bob"}]);
        app.post("/team/new", json!({"team_id": "t", "max_budget": 10, "members_with_roles": members})).await.ok();
        app.post("/team/new", json!({"team_id": "u", "admins": ["eve"]})).await.ok();
        app.post("/budget/new", json!({"budget_id": "large", "max_budget": 1000})).await.ok();
        app.post_as(&lead, "/project/new", json!({"project_id": "p", "team_id": "t", "max_budget": 5})).await.ok();
        assert_eq!(app.post_as(&lead, "/project/update", json!({"project_id": "p", "max_budget": 11})).await.error(400).1, "max_budget");
        assert_eq!(app.post_as(&lead, "/project/update", json!({"project_id": "p", "budget_id": "large"})).await.error(403).1, "budget_id");
        for (other, status) in [(&bob, 401), (&eve, 403)] {
            app.post_as(other, "/project/update", json!({"project_id": "p", "max_budget": 6})).await.error(status);
            app.post_as(other, "/project/new", json!({"team_id": "t"})).await.error(status);
            app.send_as(other, Method::DELETE, "/project/delete", json!({"project_ids": ["p"]})).await.error(status);
        }
        app.get_as(&bob, "/project/info?project_id=p").await.ok();
        assert_eq!(app.get_as(&bob, "/project/list").await.ok()[0]["project_id"], "p");
        app.get_as(&eve, "/project/info?project_id=p").await.error(403);
        app.get_as(&eve, "/project/info?project_id=none").await.error(403);
        assert_eq!(app.get_as(&eve, "/project/list").await.ok(), json!([]));
        // Keys of it: who may make keys of the team makes them.
        let key = app.post_as(&lead, "/key/generate", json!({"project_id": "p"})).await.ok();
        assert_eq!((&key["team_id"], &key["user_id"]), (&json!("t"), &json!("lead")));
        app.post_as(&bob, "/key/generate", json!({"project_id": "p"})).await.error(403);
        assert_eq!(app.post_as(&eve, "/key/generate", json!({"project_id": "p"})).await.error(403).1, "project_id");
        app.post_as(&eve, "/key/generate", json!({"project_id": "none"})).await.error(403);
        app.post("/team/permissions_update", json!({"team_id": "t", "team_member_permissions": ["/key/generate"]})).await.ok();
        app.post_as(&bob, "/key/generate", json!({"project_id": "p"})).await.ok();
    }
}
