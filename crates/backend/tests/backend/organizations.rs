use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, MASTER, backends};

impl App {
    async fn patch(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send_as(key, Method::PATCH, path, body).await
    }

    async fn delete(&self, key: &str, path: &str, body: Value) -> Answer {
        self.send_as(key, Method::DELETE, path, body).await
    }
}

backends! {
    async fn an_organization_lives(app: App) {
        let made = app.post("/organization/new", json!({
            "organization_id": "acme", "organization_alias": "Acme", "max_budget": 100, "budget_duration": "1d", "models": ["gpt-*"],
        })).await.ok();
        assert_eq!((&made["litellm_budget_table"]["max_budget"], &made["spend"]), (&json!(100.0), &json!(0.0)));
        assert_eq!(made["litellm_budget_table"]["budget_reset_at"], "2026-02-01T00:00:00Z");
        assert_eq!(made["budget_id"], made["litellm_budget_table"]["budget_id"]);
        let message = app.post("/organization/new", json!({"organization_id": "acme", "organization_alias": "x"})).await.error(400).2;
        assert_eq!(message, "Organization already exists, passed organization_id=acme");

        // A shared budget is left to the others when one of them gets limits of its own.
        app.post("/budget/new", json!({"budget_id": "shared", "max_budget": 7, "rpm_limit": 3})).await.ok();
        let other = json!({"organization_id": "other", "organization_alias": "Other", "budget_id": "shared"});
        app.post("/organization/new", other).await.ok();
        app.post("/organization/new", json!({"organization_alias": "third", "budget_id": "shared"})).await.ok();
        app.post("/budget/delete", json!({"id": "shared"})).await.error(400);
        let own = app.patch(MASTER, "/organization/update", json!({"organization_id": "other", "max_budget": 9})).await.ok();
        assert_eq!((&own["litellm_budget_table"]["max_budget"], &own["litellm_budget_table"]["rpm_limit"]), (&json!(9.0), &json!(3)));
        assert_ne!(own["budget_id"], "shared");
        let shared = app.post("/budget/info", json!({"budgets": ["shared"]})).await.ok();
        assert_eq!(shared[0]["max_budget"], 7.0);

        let changed = app.patch(MASTER, "/v2/organization/acme", json!({"organization_alias": "Acme Inc"})).await.ok();
        assert_eq!((&changed["organization_alias"], &changed["models"]), (&json!("Acme Inc"), &json!(["gpt-*"])));
        let unknown = app.patch(MASTER, "/v2/organization/acme", json!({"color": "red"})).await;
        assert_eq!((unknown.status.as_u16(), &unknown.json()["detail"][0]["loc"][1]), (422, &json!("color")));
        assert_eq!(app.get("/organization/list?org_alias=acme").await.ok().as_array().unwrap().len(), 1);

        // Nothing has more than what is above it.
        for (body, param) in [
            (json!({"organization_id": "acme", "max_budget": 101}), "max_budget"),
            (json!({"organization_id": "acme", "models": ["claude"]}), "models"),
        ] {
            assert_eq!(app.post("/team/new", body.clone()).await.error(400).1, param);
            assert_eq!(app.post("/key/generate", body).await.error(400).1, param);
        }
        app.post("/team/new", json!({"team_id": "t", "organization_id": "acme", "max_budget": 100})).await.ok();
        app.post("/team/model/add", json!({"team_id": "t", "models": ["claude"]})).await.error(400);
        let key = app.key(json!({"team_id": "t"})).await;
        let info = app.get("/organization/info?organization_id=acme").await.ok();
        assert_eq!(info["teams"][0]["team_id"], "t");
        let gone = app.delete(MASTER, "/organization/delete", json!({"organization_ids": ["acme"]})).await.ok();
        assert_eq!(gone[0]["organization_id"], "acme");
        app.get("/team/info?team_id=t").await.error(404);
        app.get_as(&key, "/key/info").await.error(401);
        app.get("/organization/info?organization_id=acme").await.error(404);
    }

    async fn an_administrator_of_an_organization_reaches_it_alone(app: App) {
        for id in ["a", "b"] {
            let body = json!({"organization_id": id, "organization_alias": id, "max_budget": 10});
            app.post("/organization/new", body).await.ok();
        }
        let ada = app.user(json!({"user_id": "ada"})).await;
        let bob = app.user(json!({"user_id": "bob"})).await;
        let member = |id: &str, role: &str| json!({"organization_id": "a", "member": {"user_id": id, "role": role}});
        app.post("/organization/member_add", member("ada", "org_admin")).await.ok();
        let added = app.post_as(&ada, "/organization/member_add", member("bob", "internal_user")).await.ok();
        assert_eq!(added["updated_organization_memberships"][0]["user_role"], "internal_user");
        app.post_as(&ada, "/organization/member_add", member("bob", "internal_user")).await.error(400);
        app.post_as(&ada, "/organization/member_add", member("cy", "proxy_admin")).await.error(400);

        let team = app.post_as(&ada, "/team/new", json!({"team_id": "t", "organization_id": "a", "max_budget": 5})).await.ok();
        assert_eq!(team["members_with_roles"][0]["user_id"], "ada");
        app.post_as(&ada, "/team/update", json!({"team_id": "t", "max_budget": 9})).await.ok();
        app.post_as(&ada, "/team/update", json!({"team_id": "t", "max_budget": 11})).await.error(400);
        app.post_as(&ada, "/team/update", json!({"team_id": "t", "organization_id": "b"})).await.error(403);
        app.post_as(&ada, "/team/update", json!({"team_id": "t", "organization_id": null})).await.error(403);
        app.post_as(&ada, "/team/new", json!({"organization_id": "b"})).await.error(403);
        app.post_as(&ada, "/team/new", json!({})).await.error(403);
        app.patch(&ada, "/organization/update", json!({"organization_id": "a", "organization_alias": "mine"})).await.ok();
        app.patch(&ada, "/organization/update", json!({"organization_id": "a", "max_budget": 1000})).await.error(403);
        app.patch(&ada, "/organization/update", json!({"organization_id": "b", "organization_alias": "mine"})).await.error(403);
        app.get_as(&ada, "/organization/info?organization_id=b").await.error(403);
        app.delete(&ada, "/organization/delete", json!({"organization_ids": ["a"]})).await.error(401);
        assert_eq!(app.get_as(&ada, "/organization/list").await.ok().as_array().unwrap().len(), 1);

        // A plain member sees it and themselves.
        let seen = app.get_as(&bob, "/organization/info?organization_id=a").await.ok();
        assert_eq!((seen["members"].as_array().unwrap().len(), &seen["members"][0]["user_id"]), (1, &json!("bob")));
        app.post_as(&bob, "/organization/member_add", member("eve", "org_admin")).await.error(401);
        app.get_as(&bob, "/team/info?team_id=t").await.error(403);

        let raised = json!({"organization_id": "a", "user_id": "bob", "role": "org_admin", "max_budget_in_organization": 2});
        let raised = app.patch(&ada, "/organization/member_update", raised).await.ok();
        assert_eq!((&raised["user_role"], &raised["litellm_budget_table"]["max_budget"]), (&json!("org_admin"), &json!(2.0)));
        app.get_as(&bob, "/team/info?team_id=t").await.ok();
        app.delete(&ada, "/organization/member_delete", json!({"organization_id": "a", "user_id": "bob"})).await.ok();
        app.get_as(&bob, "/team/info?team_id=t").await.error(403);
        app.delete(&ada, "/organization/member_delete", json!({"organization_id": "a", "user_id": "bob"})).await.error(404);
    }

    async fn what_makes_no_sense_of_an_organization_is_refused(app: App) {
        for (path, body, status, param) in [
            ("/organization/new", json!({}), 400, "organization_alias"),
            ("/organization/new", json!({"organization_alias": "x".repeat(10_000)}), 400, "organization_alias"),
            ("/organization/new", json!({"organization_alias": "x", "budget_id": "none"}), 400, "budget_id"),
            ("/organization/new", json!({"organization_alias": "x", "max_budget": -1}), 400, "max_budget"),
            ("/organization/member_add", json!({"organization_id": "none", "member": {"user_id": "a"}}), 404, "organization_id"),
        ] {
            assert_eq!(app.post(path, body.clone()).await.error(status).1, param, "{path} {body}");
        }
        let fields = ["organization_id", "organization_alias", "budget_id", "models", "metadata", "max_budget", "rpm_limit"];
        app.misfits(Method::POST, "/organization/new", json!({}), &fields).await;
        assert_eq!(app.get("/organization/list?page_size=-1").await.status.as_u16(), 422);
        app.patch(MASTER, "/organization/update", json!({"organization_id": "none", "organization_alias": "x"})).await.error(404);
        app.delete(MASTER, "/organization/delete", json!({"organization_ids": ["none"]})).await.error(404);
        app.delete(MASTER, "/organization/member_delete", json!({"organization_id": "", "user_id": ""})).await.error(404);
    }
}
