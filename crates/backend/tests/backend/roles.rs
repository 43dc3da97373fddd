//! The whole matrix of roles and routes, and what is own.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bulkhead_backend::roles::{Grant, RULES, markdown};
use domain::Role;
use domain::owner::{Budget, Organization, Stamps};
use http::Method;
use serde_json::{Value, json};
use store::audit::Actor;
use store::nouns::NewMember;

use crate::support::{Answer, App, backends};

impl App {
    /// Makes a user and returns their key.
    pub async fn user(&self, body: Value) -> String {
        self.post("/user/new", body).await.ok()["key"].as_str().unwrap().to_owned()
    }

    pub async fn team(&self, id: &str) -> Value {
        self.post("/team/new", json!({"team_id": id})).await.ok()
    }

    /// A key of somebody who is `role`, and all that they are.
    async fn walker(&self, role: Role) -> (String, Vec<Role>) {
        let id = role.name();
        let own = Role::of_user(id).unwrap_or(Role::InternalUser);
        let key = self.user(json!({"user_id": id, "user_role": own.name()})).await;
        let stamps = Stamps::new("test", kit::Timestamp(1));
        let actor = Actor { id: "test".into(), ..Actor::default() };
        match role {
            Role::TeamAdmin => {
                let member = json!([{"role": "admin", "user_id": id}]);
                self.post("/team/new", json!({"team_id": "led", "members_with_roles": member})).await.ok();
            }
            Role::OrgAdmin => {
                let budget = Budget { id: "led".into(), stamps: stamps.clone(), ..Budget::default() };
                let led = Organization {
                    id: "led".into(),
                    alias: "led".into(),
                    budget_id: "led".into(),
                    stamps,
                    ..Organization::default()
                };
                self.store.organizations().create_with(&led, Some(&budget), &actor).await.unwrap();
                let member = NewMember { user_id: Some(id.into()), ..NewMember::default() };
                let members = [(member, "org_admin".to_owned())];
                self.store.organization_members().add("led", &members, &actor).await.unwrap();
            }
            _ => {}
        }
        (key, [own, role].into_iter().collect::<BTreeSet<_>>().into_iter().collect())
    }

    pub async fn post_as(&self, key: &str, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {key}");
        self.send(Method::POST, path, &[("authorization", &bearer)], &body.to_string()).await
    }
}

/// What the gate says, or `None` when it let the request through to its handler.
fn refusal(answer: &Answer) -> Option<u16> {
    let gate = ["Only proxy admin can be used to generate", "user not allowed to access this route"];
    gate.iter().any(|words| answer.text.contains(words)).then(|| answer.status.as_u16())
}

#[test]
fn the_table_has_each_route_of_the_document_and_no_other() {
    let document: Value = serde_json::from_str(&bulkhead_backend::openapi_json()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let public = operation["security"].as_array().is_some_and(|list| list == &[json!({})]);
            described.insert((method.to_uppercase(), path.clone(), public));
        }
    }
    let ruled = RULES.iter().map(|rule| (rule.method.to_owned(), rule.path.to_owned(), rule.public));
    assert_eq!(ruled.collect::<BTreeSet<_>>(), described);
    assert_eq!(RULES.len(), described.len());
}

#[test]
fn the_page_about_roles_is_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/roles.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, markdown()).unwrap();
    }
    let page = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        page == markdown(),
        "docs/roles.md is stale: UPDATE_DOCS=1 cargo nextest run -p bulkhead-backend the_page"
    );
}

backends! {
    async fn each_role_gets_where_the_table_lets_it(app: App) {
        let mut walked = 0;
        for role in Role::ALL {
            if role == Role::Customer {
                // Has no key, so there is nobody to walk with.
                app.post("/user/new", json!({"user_role": role.name()})).await.error(400);
                continue;
            }
            let (key, roles) = app.walker(role).await;
            for rule in RULES.iter().filter(|rule| !rule.public) {
                let path = rule.path.replace(['{', '}'], "");
                let bearer = format!("Bearer {key}");
                let method = rule.method.parse::<Method>().unwrap();
                let answer = app.send(method, &path, &[("authorization", &bearer)], "{}").await;
                let grant = roles.iter().map(|role| rule.grant(*role)).max().unwrap();
                let expected = match (grant, role) {
                    (Grant::No, Role::ProxyAdminViewer) => Some(403),
                    (Grant::No, _) => Some(401),
                    _ => None,
                };
                assert_eq!(refusal(&answer), expected, "{} {path} as {}: {}", rule.method, role.name(), answer.text);
                assert!(answer.status.as_u16() < 500, "{} {path} as {}: {}", rule.method, role.name(), answer.text);
                walked += 1;
            }
        }
        assert_eq!(walked, 6 * RULES.iter().filter(|rule| !rule.public).count());
    }

    async fn users_have_their_own_keys_and_no_others(app: App) {
        let ada = app.user(json!({"user_id": "ada"})).await;
        let bob = app.user(json!({"user_id": "bob"})).await;
        let second = app.post_as(&ada, "/key/generate", json!({"key_alias": "second"})).await.ok();
        assert_eq!((&second["user_id"], &second["created_by"]), (&json!("ada"), &json!("ada")));
        let second = second["key"].as_str().unwrap();

        assert_eq!(app.get_as(&ada, "/key/list").await.ok()["total_count"], 2);
        assert_eq!(app.get_as(&ada, "/key/aliases").await.ok()["aliases"], json!(["second"]));
        assert_eq!(app.get_as(&bob, "/key/aliases").await.ok()["aliases"], json!([]));
        app.get_as(&ada, &format!("/key/info?key={second}")).await.ok();
        app.get_as(&bob, "/key/list?user_id=ada").await.error(403);
        app.get_as(&bob, &format!("/key/info?key={second}")).await.error(403);
        for (path, body) in [
            ("/key/update", json!({"key": second, "key_alias": "mine"})),
            ("/key/update", json!({"key_alias": "second"})),
            ("/key/delete", json!({"keys": [second]})),
            ("/key/delete", json!({"key_aliases": ["second"]})),
            ("/key/regenerate", json!({"key": second})),
            ("/key/update", json!({"key": "sk-never-made-1234"})),
            ("/key/generate", json!({"user_id": "ada"})),
        ] {
            app.post_as(&bob, path, body).await.error(403);
        }
        let mine = app.post_as(&ada, "/key/update", json!({"key": second, "key_alias": "mine"})).await.ok();
        assert_eq!(mine["key_alias"], "mine");
        let new = app.post_as(&ada, "/key/regenerate", json!({"key": second})).await.ok();
        app.post_as(&ada, "/key/delete", json!({"keys": [new["key"]]})).await.ok();
        let viewer = app.user(json!({"user_id": "eve", "user_role": "internal_user_viewer"})).await;
        assert_eq!(app.get_as(&viewer, "/key/list").await.ok()["total_count"], 1);
        let orphan = app.key(json!({})).await;
        app.post_as(&orphan, "/key/generate", json!({})).await.error(403);
        assert_eq!(app.get_as(&orphan, "/key/list").await.ok()["total_count"], 1);
    }

    async fn users_stay_within_what_they_have(app: App) {
        let ada = app.user(json!({"user_id": "ada", "models": ["gpt-*"], "max_budget": 10})).await;
        let made = app.post_as(&ada, "/key/generate", json!({})).await.ok();
        assert_eq!((&made["models"], &made["max_budget"]), (&json!(["gpt-*"]), &json!(10.0)));
        for (body, param) in [
            (json!({"models": ["claude"]}), "models"),
            (json!({"max_budget": 11}), "max_budget"),
            (json!({"spend": 1}), "spend"),
            (json!({"blocked": true}), "blocked"),
            (json!({"team_id": "core"}), "team_id"),
            (json!({"permissions": {"get_spend_routes": true}}), "permissions"),
            (json!({"metadata": {"guardrails": ["none"]}}), "metadata"),
        ] {
            let refused = app.post_as(&ada, "/key/generate", body.clone()).await.error(403);
            assert_eq!(refused.1, param, "{body}");
        }
        let small = json!({"models": ["gpt-4o"], "max_budget": 2, "duration": "1h"});
        let small = app.post_as(&ada, "/key/generate", small).await.ok();
        let raw = small["key"].as_str().unwrap();
        // A small key makes no larger one, and does not grow.
        let child = app.post_as(raw, "/key/generate", json!({})).await.ok();
        assert_eq!((&child["models"], &child["max_budget"], &child["expires"]), (&json!(["gpt-4o"]), &json!(2.0), &small["expires"]));
        app.post_as(raw, "/key/generate", json!({"max_budget": 3})).await.error(403);
        app.post_as(raw, "/key/update", json!({"key": raw, "max_budget": 3})).await.error(403);
        app.post_as(raw, "/key/update", json!({"key": raw, "duration": null})).await.error(403);
        app.post_as(raw, "/key/regenerate", json!({"key": made["key"]})).await.error(403);
        app.post_as(&ada, "/key/update", json!({"key": raw, "max_budget": null})).await.error(403);
        // What an administrator made, its user names but does not widen.
        let given = app.key(json!({"user_id": "ada", "max_budget": 1})).await;
        app.post_as(&ada, "/key/update", json!({"key": given, "key_alias": "given"})).await.ok();
        app.post_as(&ada, "/key/update", json!({"key": given, "max_budget": 5})).await.error(403);
        app.post("/key/block", json!({"key": given})).await.ok();
        app.post_as(&ada, "/key/unblock", json!({"key": given})).await.error(401);
        app.post_as(&ada, "/key/update", json!({"key": given, "blocked": false})).await.error(403);
    }

    async fn an_admin_by_role_does_what_the_master_key_does(app: App) {
        let admin = app.user(json!({"user_id": "root", "user_role": "proxy_admin"})).await;
        app.post_as(&admin, "/user/new", json!({"user_id": "ada"})).await.ok();
        let log = app.get_as(&admin, "/audit?table_name=LiteLLM_UserTable").await.ok();
        assert_eq!((&log["audit_logs"][0]["object_id"], &log["audit_logs"][0]["user_id"]), (&json!("ada"), &json!("root")));
        let hash = kit::KeyHash::of(&admin).to_hex();
        assert_eq!(log["audit_logs"][0]["changed_by_api_key"], hash);
        app.post("/user/update", json!({"user_id": "root", "user_role": "internal_user"})).await.ok();
        app.get_as(&admin, "/audit").await.error(401);
    }
}
