//! Users and the teams and organisations that they are in from the beginning.

use http::Method;
use serde_json::{Value, json};

use crate::support::{App, MASTER, backends};

async fn organization(app: &App, id: &str, lead: &str) {
    let new = json!({"organization_id": id, "organization_alias": id, "models": ["gpt-*"]});
    app.post("/organization/new", new).await.ok();
    let member = json!({"organization_id": id, "member": {"user_id": lead, "role": "org_admin"}});
    app.post("/organization/member_add", member).await.ok();
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["user_id"].as_str().unwrap()).collect()
}

backends! {
    async fn a_user_is_made_with_places_and_an_invitation(app: App) {
        app.team("t").await;
        app.team("u").await;
        organization(&app, "acme", "root").await;
        let new = json!({
            "user_id": "ada", "user_email": "ada@x.example", "organizations": ["acme"], "send_invite_email": true,
            "teams": ["t", {"team_id": "u", "max_budget_in_team": 3, "user_role": "admin"}],
        });
        let made = app.post("/user/new", new).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), Some("send_invite_email"));
        let made = made.ok();
        assert_eq!(made["teams"], json!(["t", "u"]));
        let link = made["invitation_link"].as_str().unwrap().replace("/ui/?invitation_id=", "");
        assert_eq!(app.get(&format!("/invitation/info?invitation_id={link}")).await.ok()["user_id"], "ada");
        let info = app.get("/user/info?user_id=ada").await.ok();
        assert_eq!((info["teams"].as_array().unwrap().len(), &info["user_info"]["teams"]), (2, &json!(["t", "u"])));
        assert_eq!(app.get("/v2/user/info?user_id=ada").await.ok()["teams"], json!(["t", "u"]));
        let place = app.get("/team/info?team_id=u").await.ok()["team_memberships"][0].clone();
        assert_eq!((&place["role"], &place["litellm_budget_table"]["max_budget"]), (&json!("admin"), &json!(3.0)));
        let info = app.get("/organization/info?organization_id=acme").await.ok();
        assert!(ids(&info["members"]).contains(&"ada"), "{info}");

        // All or nothing.
        for (body, status) in [
            (json!({"user_id": "bob", "teams": ["none"]}), 404),
            (json!({"user_id": "bob", "organizations": ["none"]}), 400),
            (json!({"user_id": "bob", "teams": ["t", "t"]}), 400),
            (json!({"user_id": "bob", "teams": [{"team_id": "t", "user_role": "boss"}]}), 400),
        ] {
            let answer = app.post("/user/new", body.clone()).await;
            assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
            app.get("/user/info?user_id=bob").await.error(404);
        }
        let list = app.get("/user/list?team=t").await.ok();
        assert_eq!((ids(&list["users"]), &list["users"][0]["teams"]), (vec!["ada"], &json!(["t", "u"])));
        assert_eq!(ids(&app.get("/user/list?organization_ids=none,acme&sort_by=user_id").await.ok()["users"]), ["ada", "root"]);
        let found = app.get("/user/filter/ui?user_email=X.EXAMPLE").await.ok();
        assert_eq!((ids(&found), &found[0]["user_email"]), (vec!["ada"], &json!("ada@x.example")));
        assert_eq!(app.get("/user/filter/ui?team_id=u&search=a").await.ok().as_array().unwrap().len(), 1);
    }

    /// The invitation is made in the user's own transaction, which waits for its answer here.
    async fn a_user_with_places_that_is_sent_twice_is_made_once(app: App) {
        app.team("t").await;
        let bearer = format!("Bearer {MASTER}");
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "once")];
        let body = json!({"user_id": "ada", "teams": ["t"], "send_invite_email": true}).to_string();
        let first = app.send(Method::POST, "/user/new", &headers, &body).await.ok();
        assert_eq!((&first["teams"], app.send(Method::POST, "/user/new", &headers, &body).await.ok()), (&json!(["t"]), first.clone()));
        let link = first["invitation_link"].as_str().unwrap().replace("/ui/?invitation_id=", "");
        assert_eq!(app.get(&format!("/invitation/info?invitation_id={link}")).await.ok()["user_id"], "ada");
    }

    async fn who_leads_an_organization_makes_plain_users_in_it(app: App) {
        let lead = app.user(json!({"user_id": "lead"})).await;
        organization(&app, "acme", "lead").await;
        organization(&app, "other", "root").await;
        app.post("/team/new", json!({"team_id": "t", "organization_id": "acme"})).await.ok();
        app.team("free").await;
        let made = app.post_as(&lead, "/user/new", json!({"user_id": "ada", "organizations": ["acme"], "teams": ["t"], "models": ["gpt-4o"]})).await.ok();
        let key = made["key"].as_str().unwrap();
        assert_eq!(app.get_as(key, "/key/info").await.ok()["info"]["organization_id"], "acme");
        // What is made with it is charged to the organisation too.
        let second = app.post_as(key, "/key/generate", json!({})).await.ok();
        assert_eq!(second["organization_id"], "acme");
        for (body, param) in [
            (json!({}), "organizations"),
            (json!({"organizations": ["other"]}), "organization_id"),
            (json!({"organizations": ["acme"], "teams": ["free"]}), "team_id"),
            (json!({"organizations": ["acme"], "team_id": "free"}), "team_id"),
            (json!({"organizations": ["acme"], "user_role": "proxy_admin"}), "user_role"),
            (json!({"organizations": ["acme"], "password": "long enough"}), "password"),
            (json!({"organizations": ["acme"], "send_invite_email": true}), "send_invite_email"),
        ] {
            assert_eq!(app.post_as(&lead, "/user/new", body.clone()).await.error(403).1, param, "{body}");
        }
        let wide = json!({"organizations": ["acme"], "models": ["claude"]});
        assert_eq!(app.post_as(&lead, "/user/new", wide).await.error(400).1, "models");
        app.user(json!({"user_id": "stranger"})).await;
        assert_eq!(ids(&app.get_as(&lead, "/user/list?sort_by=user_id").await.ok()["users"]), ["ada", "lead"]);
        assert_eq!(ids(&app.get_as(&lead, "/user/filter/ui?search=a").await.ok()), ["ada", "lead"]);
        app.get_as(key, "/user/list").await.error(401);
        app.post_as(key, "/user/new", json!({"organizations": ["acme"]})).await.error(401);
    }

    async fn all_users_change_at_once(app: App) {
        for id in ["ada", "bob"] {
            app.user(json!({"user_id": id})).await;
        }
        let done = app.post("/user/bulk_update", json!({"all_users": true, "user_updates": {"max_budget": 7}})).await.ok();
        assert_eq!((&done["successful_updates"], &done["total_requested"]), (&json!(2), &json!(2)));
        assert_eq!(app.get("/v2/user/info?user_id=bob").await.ok()["max_budget"], 7.0);
        for body in [
            json!({}), json!({"all_users": true}), json!({"all_users": true, "user_updates": {"user_email": "x"}}),
            json!({"all_users": true, "users": [{"user_id": "ada"}], "user_updates": {"max_budget": 7}}),
        ] {
            app.post("/user/bulk_update", body).await.error(400);
        }
        app.team("t").await;
        let added = app.post("/team/bulk_member_add", json!({"team_id": "t", "all_users": true, "max_budget_in_team": 2})).await.ok();
        assert_eq!((&added["successful_additions"], &added["updated_team"]["members_count"]), (&json!(2), &json!(2)));
        app.post("/team/bulk_member_add", json!({"team_id": "t"})).await.error(400);
    }
}
