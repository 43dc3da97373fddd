use http::Method;
use serde_json::{Value, json};

use crate::support::{App, backends};

/// `lead` administers the team `a`, `bob` is a member of it, and `eve` administers `b`.
async fn two_teams(app: &App) -> (String, String, String) {
    let lead = app.user(json!({"user_id": "lead"})).await;
    let bob = app.user(json!({"user_id": "bob"})).await;
    let eve = app.user(json!({"user_id": "eve"})).await;
    let a = json!([{"role": "admin", "user_id": "lead"}, {"role": "user", "user_id": "bob"}]);
    app.post("/team/new", json!({"team_id": "a", "team_alias": "Alpha", "members_with_roles": a})).await.ok();
    app.post("/team/new", json!({"team_id": "b", "admins": ["eve"]})).await.ok();
    (lead, bob, eve)
}

fn members(team: &Value) -> Vec<(&str, &str)> {
    let list = team["members_with_roles"].as_array().unwrap().iter();
    list.map(|member| (member["user_id"].as_str().unwrap(), member["role"].as_str().unwrap())).collect()
}

backends! {
    async fn a_team_lives(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "Ada@x.example"})).await;
        let made = app.post("/team/new", json!({
            "team_id": "t", "team_alias": "Research", "max_budget": 100, "soft_budget": 50, "budget_duration": "1mo",
            "models": ["gpt-4o"], "tags": ["blue"], "team_member_budget": 5, "rpm_limit": 9, "policies": ["p"],
            "members_with_roles": [{"role": "admin", "user_email": "ada@X.example"}, {"role": "user", "user_id": "new"}],
        })).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), Some("tags, policies"));
        let made = made.ok();
        assert_eq!(members(&made), [("ada", "admin"), ("new", "user")]);
        assert_eq!((&made["max_budget"], &made["metadata"]["tags"], &made["spend"]), (&json!(100.0), &json!(["blue"]), &json!(0.0)));
        assert_eq!(made["budget_reset_at"], "2026-02-01T00:00:00Z");
        app.get("/user/info?user_id=new").await.ok();
        let (_, param, message) = app.post("/team/new", json!({"team_id": "t"})).await.error(400);
        assert_eq!((param, message.as_str()), (json!("team_id"), "Team id = t already exists. Please use a different team id."));

        let changed = app.post("/team/update", json!({"team_id": "t", "soft_budget": null, "team_alias": "Lab", "team_member_rpm_limit": 2})).await.ok();
        assert_eq!((&changed["team_id"], &changed["data"]["team_alias"], &changed["data"]["soft_budget"]), (&json!("t"), &json!("Lab"), &json!(null)));
        assert_eq!((&changed["data"]["max_budget"], &changed["data"]["budget_reset_at"]), (&json!(100.0), &made["budget_reset_at"]));
        let patched = app.send_as(crate::support::MASTER, Method::PATCH, "/team/t", json!({"max_budget": 80})).await.ok();
        assert_eq!((&patched["max_budget"], &patched["team_alias"]), (&json!(80.0), &json!("Lab")));

        let key = app.key(json!({"team_id": "t", "user_id": "new"})).await;
        let info = app.get("/team/info?team_id=t").await.ok();
        assert_eq!(info["keys"][0]["team_id"], "t");
        let member = &info["team_memberships"][1];
        assert_eq!((&member["user_id"], &member["budget_source"]), (&json!("new"), &json!("team")));
        assert_eq!((&member["litellm_budget_table"]["max_budget"], &member["litellm_budget_table"]["rpm_limit"]), (&json!(5.0), &json!(2)));
        assert_eq!(info["team_info"]["team_member_budget_table"]["max_budget"], 5.0);

        assert_eq!(app.post("/team/block", json!({"team_id": "t"})).await.ok()["blocked"], true);
        assert_eq!(app.post("/team/unblock", json!({"team_id": "t"})).await.ok()["blocked"], false);
        let models = app.post("/team/model/add", json!({"team_id": "t", "models": ["claude", "gpt-4o"]})).await.ok();
        assert_eq!(models["models"], json!(["gpt-4o", "claude"]));
        let models = app.post("/team/model/delete", json!({"team_id": "t", "models": ["claude", "gpt-4o"]})).await.ok();
        assert_eq!(models["models"], json!(["no-default-models"]), "an empty list would mean every model");

        let gone = app.post("/team/delete", json!({"team_ids": ["t"]})).await.ok();
        assert_eq!(gone["deleted_teams"][0]["team_id"], "t");
        app.get("/team/info?team_id=t").await.error(404);
        app.get_as(&key, "/key/info").await.error(401);
        assert_eq!(app.get(&format!("/key/info?key={key}")).await.ok()["info"]["status"], "deleted");
        let deleted = app.get("/v2/team/list?status=deleted").await.ok();
        assert_eq!((&deleted["total"], &deleted["teams"][0]["team_alias"]), (&json!(1), &json!("Lab")));
        app.post("/team/delete", json!({"team_ids": ["t"]})).await.error(404);
        let log = app.get("/audit?table_name=LiteLLM_TeamTable&object_id=t&page_size=50").await.ok();
        let actions = log["audit_logs"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned());
        assert_eq!(actions.collect::<Vec<_>>(), ["deleted", "updated", "updated", "unblocked", "blocked", "updated", "updated", "created"]);
        app.team("t").await;
    }

    async fn members_come_change_and_go(app: App) {
        app.team("t").await;
        let added = app.post("/team/member_add", json!({
            "team_id": "t", "member": [{"role": "user", "user_id": "ada"}, {"user_email": "bob@x.example"}], "max_budget_in_team": 3,
        })).await.ok();
        assert_eq!(added["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"], 3.0);
        let bob = added["updated_users"][1]["user_id"].as_str().unwrap().to_owned();
        let (kind, _, _) = app.post("/team/member_add", json!({"team_id": "t", "member": {"role": "user", "user_id": "ada"}})).await.error(400);
        assert_eq!(kind, "team_member_already_in_team");
        // All or none.
        app.post("/team/member_add", json!({"team_id": "t", "member": [{"user_id": "cy"}, {"user_id": "ada"}]})).await.error(400);
        app.get("/user/info?user_id=cy").await.error(404);

        let changed = app.post("/team/member_update", json!({"team_id": "t", "user_id": "ada", "role": "admin", "rpm_limit": 7})).await.ok();
        assert_eq!((&changed["role"], &changed["max_budget_in_team"], &changed["rpm_limit"]), (&json!("admin"), &json!(3.0), &json!(7)));
        let changed = app.post("/team/member_update", json!({"team_id": "t", "user_email": "BOB@x.example", "max_budget_in_team": null})).await.ok();
        assert_eq!((&changed["user_id"], &changed["max_budget_in_team"]), (&json!(bob), &json!(null)));
        let raise = |field: &str, value: Value| json!({"team_id": "t", "user_id": "ada", field: value, "temp_budget_expiry": "2026-02-01T00:00:00Z"});
        let raised = app.post("/team/member_update", raise("temp_budget_increase", json!(2.5))).await.ok();
        assert_eq!((&raised["max_budget_in_team"], &raised["temp_budget_increase"]), (&json!(3.0), &json!(2.5)));
        let shown = app.get("/team/info?team_id=t").await.ok()["team_memberships"].clone();
        let shown = shown.as_array().unwrap().iter().find(|member| member["user_id"] == "ada").unwrap();
        let shown = &shown["litellm_budget_table"];
        assert_eq!((&shown["temp_budget_increase"], &shown["temp_budget_expiry"]), (&json!(2.5), &json!("2026-02-01T00:00:00Z")));
        let other = app.post("/team/member_update", json!({"team_id": "t", "user_id": "ada", "rpm_limit": 8})).await.ok();
        assert_eq!(other["temp_budget_increase"], 2.5, "what is not sent stays");
        app.post("/team/member_update", raise("temp_budget_increase", Value::Null)).await.error(400);
        app.post("/team/member_update", raise("max_budget_in_team", json!(1))).await.error(400);
        let cleared = json!({"team_id": "t", "user_id": "ada", "temp_budget_increase": null});
        assert_eq!(app.post("/team/member_update", cleared).await.ok()["temp_budget_expiry"], Value::Null);
        let ada = app.user(json!({"user_id": "ada2"})).await;
        app.post("/team/member_add", json!({"team_id": "t", "member": {"user_id": "ada2"}})).await.ok();
        let me = app.get_as(&ada, "/team/t/members/me").await.ok();
        assert_eq!((&me["user_id"], &me["role"], &me["spend"]), (&json!("ada2"), &json!("user"), &json!(0.0)));

        let many = app.post("/team/bulk_member_add", json!({"team_id": "t", "members": [{"user_id": "x"}, {"user_id": "ada"}, {"role": "boss", "user_id": "y"}]})).await.ok();
        assert_eq!((&many["successful_additions"], &many["failed_additions"], &many["total_requested"]), (&json!(1), &json!(2), &json!(3)));

        let key = app.key(json!({"team_id": "t", "user_id": "ada"})).await;
        let own = app.key(json!({"user_id": "ada"})).await;
        let left = app.post("/team/member_delete", json!({"team_id": "t", "user_id": "ada"})).await.ok();
        assert!(!members(&left).iter().any(|(id, _)| *id == "ada"));
        app.get_as(&key, "/key/info").await.error(401);
        app.get_as(&own, "/key/info").await.ok();
        app.post("/team/member_delete", json!({"team_id": "t", "user_id": "ada"})).await.error(404);
        app.post("/user/delete", json!({"user_ids": [bob]})).await.ok();
        let info = app.get("/team/info?team_id=t").await.ok();
        assert!(!members(&info["team_info"]).iter().any(|(id, _)| *id == bob));
    }

    async fn the_same_user_is_added_once_however_many_try(app: App) {
        app.team("t").await;
        let add = || app.post("/team/member_add", json!({"team_id": "t", "member": {"user_email": "ada@x.example"}}));
        let answers = tokio::join!(add(), add(), add(), add(), add(), add());
        let answers = [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5];
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert!(answers.iter().all(|answer| [200, 400].contains(&answer.status.as_u16())));
        assert_eq!(app.get("/team/info?team_id=t").await.ok()["team_info"]["members_count"], 1);
        assert_eq!(app.get("/user/list").await.ok()["total"], 1);
    }

    async fn an_administrator_of_one_team_reaches_no_other(app: App) {
        let (lead, bob, eve) = two_teams(&app).await;
        let key = app.key(json!({"team_id": "a", "key_alias": "of-a"})).await;
        for (path, body) in [
            ("/team/update", json!({"team_id": "a", "team_alias": "mine"})),
            ("/team/member_add", json!({"team_id": "a", "member": {"user_id": "eve"}})),
            ("/team/bulk_member_add", json!({"team_id": "a", "members": [{"user_id": "eve"}]})),
            ("/team/member_update", json!({"team_id": "a", "user_id": "bob", "role": "admin"})),
            ("/team/member_delete", json!({"team_id": "a", "user_id": "bob"})),
            ("/team/permissions_update", json!({"team_id": "a", "team_member_permissions": ["/key/generate"]})),
            ("/team/a/member/bob/reset_spend", json!({"reset_to": 0})),
            ("/team/update", json!({"team_id": "none", "team_alias": "mine"})),
            ("/key/generate", json!({"team_id": "a"})),
            ("/key/generate", json!({"team_id": "none"})),
            ("/key/update", json!({"key": key, "key_alias": "mine"})),
            ("/key/update", json!({"key_alias": "of-a", "max_budget": null})),
            ("/key/delete", json!({"keys": [key]})),
            ("/key/regenerate", json!({"key": key})),
            ("/key/block", json!({"key": key})),
            ("/key/unblock", json!({"key": key})),
        ] {
            for caller in [&eve, &bob] {
                let answer = app.post_as(caller, path, body.clone()).await;
                assert!([401, 403].contains(&answer.status.as_u16()), "{path} {body}: {} {}", answer.status, answer.text);
            }
        }
        for path in ["/team/info?team_id=a", "/team/info?team_id=none", "/team/permissions_list?team_id=a", &format!("/key/info?key={key}")] {
            app.get_as(&eve, path).await.error(403);
        }
        app.get_as(&eve, "/team/a/members/me").await.error(404);
        assert_eq!(app.get_as(&eve, "/v2/team/list").await.ok()["teams"][0]["team_id"], "b");
        assert_eq!(app.get_as(&eve, "/team/list").await.ok().as_array().unwrap().len(), 1);
        app.get_as(&eve, "/team/list?user_id=bob").await.error(401);
        assert_eq!(app.get_as(&eve, "/key/list?team_id=a").await.ok()["total_count"], 0);
        // Above them.
        for (path, body) in [
            ("/team/update", json!({"team_id": "a", "max_budget": 1_000_000})),
            ("/team/update", json!({"team_id": "a", "models": []})),
            ("/team/update", json!({"team_id": "a", "blocked": false})),
            ("/team/update", json!({"team_id": "a", "metadata": {"guardrails": []}})),
        ] {
            app.post_as(&lead, path, body).await.error(403);
        }
        for (path, body) in [
            ("/team/model/add", json!({"team_id": "a", "models": ["x"]})),
            ("/team/delete", json!({"team_ids": ["a"]})),
            ("/team/block", json!({"team_id": "a"})),
            ("/team/new", json!({})),
        ] {
            app.post_as(&lead, path, body).await.error(401);
        }
    }

    async fn a_team_administrator_manages_members_and_keys(app: App) {
        let (lead, bob, _) = two_teams(&app).await;
        app.post("/team/update", json!({"team_id": "a", "max_budget": 10, "models": ["gpt-*"]})).await.ok();
        app.post_as(&lead, "/team/update", json!({"team_id": "a", "team_alias": "mine"})).await.ok();
        app.post_as(&lead, "/team/member_add", json!({"team_id": "a", "member": {"user_id": "cy"}})).await.ok();
        assert_eq!(app.get_as(&bob, "/team/info?team_id=a").await.ok()["team_memberships"].as_array().unwrap().len(), 1);

        let key = app.post_as(&lead, "/key/generate", json!({"team_id": "a", "user_id": null, "key_alias": "service"})).await.ok();
        assert_eq!((&key["team_id"], &key["user_id"]), (&json!("a"), &json!(null)));
        let of_bob = app.post_as(&lead, "/key/generate", json!({"team_id": "a", "user_id": "bob"})).await.ok();
        assert_eq!(of_bob["user_id"], "bob");
        let raw = of_bob["key"].as_str().unwrap();
        // A key of the team that acts for bob does not reach what is bob's elsewhere.
        let elsewhere = app.post_as(&bob, "/key/generate", json!({})).await.ok();
        app.get_as(raw, &format!("/key/info?key={}", elsewhere["token"].as_str().unwrap())).await.error(403);
        app.post_as(raw, "/key/regenerate", json!({"key": elsewhere["key"]})).await.error(403);
        assert_eq!(app.get_as(raw, "/key/list").await.ok()["total_count"], 1);
        for (body, status, param) in [
            (json!({"team_id": "a", "max_budget": 11}), 400, "max_budget"),
            (json!({"team_id": "a", "models": ["claude"]}), 400, "models"),
            (json!({"team_id": "a", "user_id": "eve"}), 403, "user_id"),
            (json!({"team_id": "a", "user_id": "default_user_id"}), 403, "user_id"),
            (json!({"team_id": "a", "spend": 1}), 403, "spend"),
        ] {
            let refused = app.post_as(&lead, "/key/generate", body.clone()).await.error(status);
            assert_eq!(refused.1, param, "{body}");
        }
        // Nobody gets an administrator's rights by way of a key.
        app.user(json!({"user_id": "root", "user_role": "proxy_admin"})).await;
        app.post("/team/member_add", json!({"team_id": "a", "member": {"user_id": "root"}})).await.ok();
        let of_root = app.key(json!({"team_id": "a", "user_id": "root"})).await;
        app.post_as(&lead, "/key/generate", json!({"team_id": "a", "user_id": "root"})).await.error(403);
        app.post_as(&lead, "/key/regenerate", json!({"key": of_root})).await.error(403);
        app.post_as(&lead, "/key/update", json!({"key": key["key"], "user_id": "root"})).await.error(403);
        app.post_as(&lead, "/key/block", json!({"key": of_root})).await.ok();
        app.post_as(&lead, "/key/unblock", json!({"key": of_root})).await.ok();
        app.post_as(&lead, "/key/update", json!({"key": key["key"], "max_budget": 5})).await.ok();
        app.post_as(&lead, "/key/update", json!({"key": key["key"], "max_budget": 50})).await.error(400);
        assert_eq!(app.get_as(&lead, "/key/list?team_id=a").await.ok()["total_count"], 3);
        app.post_as(&lead, "/key/delete", json!({"keys": [key["key"]]})).await.ok();

        // What members may do is theirs to say.
        let refused = app.post_as(&bob, "/key/generate", json!({"team_id": "a"})).await.error(403).2;
        assert_eq!(refused, "Team member does not have permissions for endpoint: /key/generate. Team=a");
        app.post_as(&lead, "/team/permissions_update", json!({"team_id": "a", "team_member_permissions": ["/key/generate"]})).await.ok();
        let shown = app.get_as(&bob, "/team/permissions_list?team_id=a").await.ok();
        assert_eq!(shown["team_member_permissions"], json!(["/key/generate"]));
        let own = app.post_as(&bob, "/key/generate", json!({"team_id": "a"})).await.ok();
        assert_eq!((&own["user_id"], &own["team_id"]), (&json!("bob"), &json!("a")));
        app.post_as(&bob, "/key/generate", json!({"team_id": "a", "user_id": "cy"})).await.error(403);
        app.post_as(&bob, "/team/member_update", json!({"team_id": "a", "user_id": "bob", "max_budget_in_team": 99})).await.error(401);
        app.post_as(&lead, "/team/permissions_update", json!({"team_id": "a", "team_member_permissions": ["/everything"]})).await.error(400);
    }

    async fn what_makes_no_sense_of_a_team_is_refused(app: App) {
        app.team("t").await;
        for (path, body, status, param) in [
            ("/team/new", json!({"team_id": "litellm-dashboard"}), 400, "team_id"),
            ("/team/new", json!({"team_alias": "x".repeat(10_000)}), 400, "team_alias"),
            ("/team/new", json!({"team_id": "a,b"}), 400, "team_id"),
            ("/team/new", json!({"max_budget": 1, "soft_budget": 1}), 400, "soft_budget"),
            ("/team/new", json!({"organization_id": "none"}), 400, "organization_id"),
            ("/team/new", json!({"budget_limits": [{"budget_duration": "1y", "max_budget": 1}]}), 400, "budget_limits"),
            ("/team/new", json!({"members_with_roles": [{"role": "user"}]}), 400, "member"),
            ("/team/update", json!({"team_alias": "x"}), 400, "team_id"),
            ("/team/update", json!({"team_id": "none"}), 404, "team_id"),
            ("/team/block", json!({"team_id": "none"}), 404, "team_id"),
            ("/team/member_add", json!({"team_id": "none", "member": {"user_id": "a"}}), 404, "team_id"),
            ("/team/member_add", json!({"team_id": "t", "member": []}), 400, "member"),
            ("/team/member_add", json!({"team_id": "t", "member": {"user_id": "a", "role": "boss"}}), 400, "role"),
            ("/team/member_add", json!({"team_id": "t", "member": {"user_id": "a"}, "max_budget_in_team": -1}), 400, "max_budget_in_team"),
            ("/team/member_update", json!({"team_id": "t", "user_id": "none"}), 404, "user_id"),
            ("/team/t/member/none/reset_spend", json!({"reset_to": 0}), 404, "user_id"),
            ("/team/delete", json!({"team_ids": []}), 400, "team_ids"),
            ("/key/generate", json!({"team_id": "none"}), 400, "team_id"),
            ("/key/generate", json!({"organization_id": "none"}), 400, "organization_id"),
            ("/key/generate", json!({"project_id": "none"}), 400, "project_id"),
            ("/key/generate", json!({"budget_id": "none"}), 400, "budget_id"),
            ("/user/new", json!({"team_id": "none"}), 400, "team_id"),
        ] {
            let answer = app.post(path, body.clone()).await;
            assert_eq!(answer.error(status).1, param, "{path} {}", answer.text);
        }
        let fields = [
            "team_id", "team_alias", "organization_id", "models", "model_aliases", "metadata", "blocked", "budget_limits", "max_budget",
            "team_member_budget", "tags", "team_member_permissions", "rpm_limit", "budget_duration", "admins",
        ];
        app.misfits(Method::POST, "/team/new", json!({}), &fields[..7]).await;
        app.misfits(Method::POST, "/team/new", json!({}), &fields[8..]).await;
        assert_eq!(app.get("/v2/team/list?page_size=-1").await.status.as_u16(), 422);
        app.get("/v2/team/list?page=0").await.error(400);
        app.get("/v2/team/list?sort_by=color").await.error(400);
        app.get("/team/info?team_id=none").await.error(404);
    }
}
