use http::Method;
use serde_json::{Value, json};

use crate::support::{App, MASTER, backends};

impl App {
    async fn access_group(&self, body: Value) -> Value {
        let made = self.post("/v1/access_group", body).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.text);
        made.json()
    }

    async fn put_group(&self, id: &str, body: Value) -> crate::support::Answer {
        self.send_as(MASTER, Method::PUT, &format!("/v1/access_group/{id}"), body).await
    }
}

backends! {
    async fn an_access_group_lives(app: App) {
        app.team("red").await;
        app.team("blue").await;
        let made = app.post("/key/generate", json!({"key_alias": "one"})).await.ok();
        let hash = made["token_id"].clone();
        let answer = app.post("/v1/access_group", json!({
            "access_group_name": "research", "description": "for the lab", "access_model_names": ["gpt-4o", "claude-*"],
            "assigned_team_ids": ["red"], "assigned_key_ids": [made["key"]], "access_agent_ids": ["agent"],
        })).await;
        assert_eq!(answer.header("x-bulkhead-inactive-fields"), Some("access_agent_ids"));
        let group = answer.json();
        let id = group["access_group_id"].as_str().unwrap();
        assert_eq!((&group["assigned_team_ids"], &group["assigned_key_ids"]), (&json!(["red"]), &json!([hash])));
        assert_eq!(group["assigned_keys"], json!([{"id": hash, "name": "one"}]));
        assert_eq!((&group["access_agent_ids"], &group["access_mcp_server_ids"]), (&json!(["agent"]), &json!([])));
        assert_eq!(app.get("/team/info?team_id=red").await.ok()["team_info"]["access_group_ids"], json!([id]));
        let info = app.get(&format!("/key/info?key={}", hash.as_str().unwrap())).await.ok();
        assert_eq!(info["info"]["access_group_ids"], json!([id]));

        // What is left out stays, and a list is replaced as a whole.
        let changed = app.put_group(id, json!({"description": null, "assigned_team_ids": ["blue"]})).await.ok();
        assert_eq!((&changed["assigned_team_ids"], &changed["assigned_key_ids"]), (&json!(["blue"]), &json!([hash])));
        assert_eq!((&changed["description"], &changed["access_model_names"]), (&json!(null), &group["access_model_names"]));
        assert_eq!(app.get("/team/info?team_id=red").await.ok()["team_info"]["access_group_ids"], json!([]));

        let other = app.access_group(json!({"access_group_name": "another"})).await;
        let list = app.get("/v1/access_group?page_size=1").await;
        assert_eq!((list.header("x-total-count"), &list.json()[0]), (Some("2"), &other));
        assert_eq!(app.get(&format!("/v1/access_group/{id}")).await.ok(), changed);

        let deleted = app.send_as(MASTER, Method::DELETE, &format!("/v1/access_group/{id}"), json!({})).await;
        assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
        app.get(&format!("/v1/access_group/{id}")).await.error(404);
        app.send_as(MASTER, Method::DELETE, &format!("/v1/access_group/{id}"), json!({})).await.error(404);
        app.put_group(id, json!({})).await.error(404);
        let info = app.get(&format!("/key/info?key={}", hash.as_str().unwrap())).await.ok();
        assert_eq!(info["info"]["access_group_ids"], json!([]));
        let log = app.get(&format!("/audit?object_id={id}")).await.ok();
        assert_eq!(log["audit_logs"].as_array().unwrap().len(), 3, "{log}");
    }

    async fn keys_and_teams_name_their_groups_themselves(app: App) {
        let group = app.access_group(json!({"access_group_name": "g", "access_model_names": ["gpt-4o"]})).await;
        let id = group["access_group_id"].as_str().unwrap();
        let made = app.post("/key/generate", json!({"access_group_ids": [id], "models": ["claude"]})).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), None);
        let made = made.ok();
        app.post("/team/new", json!({"team_id": "red", "access_group_ids": [id]})).await.ok();
        let shown = app.get(&format!("/v1/access_group/{id}")).await.ok();
        assert_eq!((&shown["assigned_team_ids"], &shown["assigned_key_ids"]), (&json!(["red"]), &json!([made["token_id"]])));
        // A new secret is the same key.
        let rotated = app.post("/key/regenerate", json!({"key": made["key"]})).await.ok();
        let shown = app.get(&format!("/v1/access_group/{id}")).await.ok();
        assert_eq!(shown["assigned_key_ids"], json!([rotated["token_id"]]));
        app.post("/key/update", json!({"key": rotated["key"], "access_group_ids": []})).await.ok();
        app.post("/team/update", json!({"team_id": "red", "access_group_ids": null})).await.ok();
        let shown = app.get(&format!("/v1/access_group/{id}")).await.ok();
        assert_eq!((&shown["assigned_team_ids"], &shown["assigned_key_ids"]), (&json!([]), &json!([])));
        for (path, body) in [
            ("/key/generate", json!({"access_group_ids": ["none"]})),
            ("/key/update", json!({"key": rotated["key"], "access_group_ids": ["none"]})),
            ("/team/new", json!({"access_group_ids": ["none"]})),
            ("/team/update", json!({"team_id": "red", "access_group_ids": [id, "none"]})),
        ] {
            assert_eq!(app.post(path, body).await.error(400).1, "access_group_ids", "{path}");
        }
        // Only who may give models gives groups.
        let user = app.user(json!({"user_id": "ada"})).await;
        assert_eq!(app.post_as(&user, "/key/generate", json!({"access_group_ids": [id]})).await.error(403).1, "access_group_ids");
    }

    async fn a_wrong_group_is_refused_and_changes_nothing(app: App) {
        app.team("red").await;
        let group = app.access_group(json!({"access_group_name": "g", "assigned_team_ids": ["red"]})).await;
        let id = group["access_group_id"].as_str().unwrap();
        let (_, field, message) = app.post("/v1/access_group", json!({"access_group_name": "g"})).await.error(409);
        assert_eq!((field, message.as_str()), (json!("access_group_name"), "Access group 'g' already exists"));
        let unknown = "0".repeat(64);
        for (body, field) in [
            (json!({"access_group_name": ""}), "access_group_name"),
            (json!({"access_group_name": null}), "access_group_name"),
            (json!({"access_group_name": "h", "assigned_team_ids": ["none"]}), "assigned_team_ids"),
            (json!({"access_group_name": "h", "assigned_key_ids": [unknown]}), "assigned_key_ids"),
            (json!({"access_group_name": "h", "assigned_key_ids": ["no key"]}), "assigned_key_ids"),
            (json!({"access_group_name": "h", "access_model_names": vec!["m"; 1001]}), "access_model_names"),
        ] {
            assert_eq!(app.post("/v1/access_group", body.clone()).await.error(400).1, field, "{body}");
            assert_eq!(app.put_group(id, body.clone()).await.error(400).1, field, "{body}");
        }
        assert_eq!(app.post("/v1/access_group", json!({})).await.error(400).1, "access_group_name");
        assert_eq!(app.post("/v1/access_group", json!({"access_group_name": 7})).await.status.as_u16(), 422);
        assert_eq!(app.get(&format!("/v1/access_group/{id}")).await.ok(), group);
        assert_eq!(app.get("/v1/access_group").await.json().as_array().unwrap().len(), 1);
    }
}
