//! What is done to many keys or members of a team at once, and what its administrators may besides.

use http::Method;
use serde_json::{Value, json};

use crate::support::{App, backends};

/// `lead` administers the team `t`, in which `bob` is; `eve` administers `u`.
async fn teams(app: &App) -> (String, String, String) {
    let lead = app.user(json!({"user_id": "lead"})).await;
    let bob = app.user(json!({"user_id": "bob"})).await;
    let eve = app.user(json!({"user_id": "eve"})).await;
    let members = json!([{"role": "admin", "user_id": "lead"}, {"role": "user", "user_id": "bob"}]);
    app.post(
        "/team/new",
        json!({"team_id": "t", "team_alias": "Tee", "max_budget": 10, "members_with_roles": members}),
    )
    .await
    .ok();
    app.post("/team/new", json!({"team_id": "u", "admins": ["eve"]})).await.ok();
    (lead, bob, eve)
}

fn count(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

backends! {
    async fn keys_of_a_team_change_at_once(app: App) {
        let (lead, bob, eve) = teams(&app).await;
        let mut keys = Vec::new();
        for _ in 0..3 {
            keys.push(app.key(json!({"team_id": "t"})).await);
        }
        let other = app.key(json!({"team_id": "u"})).await;
        let body = json!({"team_id": "t", "key_ids": [keys[0], other, "sk-never-made-1234"], "update_fields": {"max_budget": 2}});
        let done = app.post_as(&lead, "/team/key/bulk_update", body.clone()).await.ok();
        assert_eq!((&done["total_requested"], count(&done["successful_updates"]), count(&done["failed_updates"])), (&json!(3), 1, 2));
        assert_eq!(done["successful_updates"][0]["key_info"]["max_budget"], 2.0);
        assert_eq!(app.get(&format!("/key/info?key={other}")).await.ok()["info"]["max_budget"], json!(null));
        app.post_as(&eve, "/team/key/bulk_update", body.clone()).await.error(403);
        app.post_as(&bob, "/team/key/bulk_update", body).await.error(403);
        let all = json!({"team_id": "t", "all_keys_in_team": true, "update_fields": {"max_budget": 11}});
        let failed = app.post("/team/key/bulk_update", all).await.ok();
        assert_eq!((count(&failed["successful_updates"]), count(&failed["failed_updates"])), (0, 3), "more than the team has");
        let all = json!({"team_id": "t", "all_keys_in_team": true, "update_fields": {"max_budget": 3}});
        assert_eq!(count(&app.post("/team/key/bulk_update", all).await.ok()["successful_updates"]), 3);
        for (body, param) in [
            (json!({"team_id": "t", "update_fields": {"max_budget": 1}}), "key_ids"),
            (json!({"team_id": "t", "key_ids": [], "update_fields": {"max_budget": 1}}), "key_ids"),
            (json!({"team_id": "t", "key_ids": [keys[0]], "all_keys_in_team": true, "update_fields": {"max_budget": 1}}), "key_ids"),
            (json!({"team_id": "t", "key_ids": [keys[0]], "update_fields": {}}), "update_fields"),
        ] {
            assert_eq!(app.post("/team/key/bulk_update", body.clone()).await.error(400).1, param, "{body}");
        }
    }

    async fn who_leads_a_team_makes_its_service_accounts_and_resets_its_keys(app: App) {
        let (lead, bob, eve) = teams(&app).await;
        let new = json!({"team_id": "t", "key_alias": "robot"});
        let made = app.post_as(&lead, "/key/service-account/generate", new.clone()).await.ok();
        assert_eq!((&made["user_id"], &made["team_id"], &made["metadata"]["service_account_id"]), (&json!(null), &json!("t"), &json!("robot")));
        app.post_as(&bob, "/key/service-account/generate", json!({"team_id": "t"})).await.error(403);
        app.post_as(&eve, "/key/service-account/generate", json!({"team_id": "t"})).await.error(403);
        app.post_as(&lead, "/key/service-account/generate", json!({"team_id": "t", "permissions": {"a": 1}})).await.error(403);
        app.post("/team/permissions_bulk_update", json!({"team_ids": ["t"], "permissions": ["/key/service-account/generate"]})).await.ok();
        let by_bob = app.post_as(&bob, "/key/service-account/generate", json!({"team_id": "t"})).await.ok();
        assert_eq!(by_bob["user_id"], json!(null));

        let key = app.key(json!({"team_id": "t", "spend": 3})).await;
        let path = format!("/key/{key}/reset_spend");
        app.post_as(&bob, &path, json!({"reset_to": 0})).await.error(403);
        app.post_as(&eve, &path, json!({"reset_to": 0})).await.error(403);
        app.post_as(&eve, "/key/sk-never-made-1234/reset_spend", json!({"reset_to": 0})).await.error(403);
        assert_eq!(app.post_as(&lead, &path, json!({"reset_to": 1})).await.ok()["previous_spend"], 3.0);
        // A user does not reset their own.
        let own = app.key(json!({"user_id": "bob", "spend": 3})).await;
        app.post_as(&bob, &format!("/key/{own}/reset_spend"), json!({"reset_to": 0})).await.error(403);
    }

    async fn permissions_budgets_and_callbacks(app: App) {
        let (lead, bob, eve) = teams(&app).await;
        app.post("/team/permissions_update", json!({"team_id": "t", "team_member_permissions": ["/key/generate"]})).await.ok();
        let all = json!({"apply_to_all_teams": true, "permissions": ["/key/generate", "/key/delete"]});
        assert_eq!(app.post("/team/permissions_bulk_update", all).await.ok()["teams_updated"], 2);
        let list = app.get("/team/permissions_list?team_id=t").await.ok();
        assert_eq!(list["team_member_permissions"], json!(["/key/generate", "/key/delete"]));
        for (body, param) in [
            (json!({"permissions": ["/key/generate"]}), "team_ids"),
            (json!({"team_ids": [], "permissions": []}), "team_ids"),
            (json!({"team_ids": ["t"], "permissions": ["/config/update"]}), "team_member_permissions"),
        ] {
            assert_eq!(app.post("/team/permissions_bulk_update", body).await.error(400).1, param);
        }
        app.post("/team/permissions_bulk_update", json!({"team_ids": ["none"], "permissions": []})).await.error(404);

        app.post("/team/update", json!({"team_id": "t", "team_member_budget": 5})).await.ok();
        app.post("/team/member_update", json!({"team_id": "t", "user_id": "bob", "max_budget_in_team": 1})).await.ok();
        app.post_as(&eve, "/team/t/member/bob/reset_budget", json!({})).await.error(403);
        let reset = app.post_as(&lead, "/team/t/member/bob/reset_budget", json!({})).await.ok();
        assert_eq!((&reset["budget_source"], &reset["litellm_budget_table"]["max_budget"]), (&json!("team"), &json!(5.0)));
        app.post_as(&lead, "/team/t/member/none/reset_budget", json!({})).await.error(404);

        assert_eq!(app.get_as(&bob, "/team/t/callback").await.ok()["data"]["success_callback"], json!([]));
        app.get_as(&eve, "/team/t/callback").await.error(403);
        assert_eq!(app.post_as(&lead, "/team/t/callback", json!({"callback_name": "langfuse"})).await.error(400).1, "callback_name");
        app.send_as(&lead, Method::DELETE, "/team/t/callback/langfuse", json!({})).await.error(404);
        assert_eq!(app.post_as(&lead, "/team/t/disable_logging", json!({})).await.ok()["status"], "success");
        assert_eq!(app.get_as(&bob, "/team/filter/ui").await.ok(), json!([{"team_id": "t", "team_alias": "Tee"}]));
        assert_eq!(count(&app.get("/team/filter/ui?team_alias=none").await.ok()), 0);
    }

    async fn the_own_models_of_a_team_go_with_it(app: App) {
        teams(&app).await;
        let model = |team: &str| json!({
            "model_name": "own", "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-of-the-provider"},
            "model_info": {"team_id": team, "id": format!("of-{team}")},
        });
        assert_eq!(app.post("/model/new", model("none")).await.error(400).1, "team_id");
        app.post("/model/new", model("t")).await.ok();
        app.post("/model/new", model("u")).await.ok();
        let moved = json!({"model_info": {"id": "of-u", "team_id": "none"}});
        assert_eq!(app.post("/model/update", moved).await.error(400).1, "model_info.team_id");
        app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
        let left = app.get("/model/info").await.ok();
        let left = left["data"].as_array().unwrap().iter().map(|one| one["model_info"]["id"].as_str().unwrap().to_owned());
        assert_eq!(left.collect::<Vec<_>>(), ["of-u"]);
        let log = app.get("/audit?table_name=LiteLLM_ProxyModelTable&object_id=of-t").await.ok();
        assert_eq!(log["audit_logs"][0]["action"], "deleted");
    }
}
