use std::time::Duration;

use http::{Method, StatusCode};
use kit::KeyHash;
use serde_json::{Value, json};
use store::policy::Stored;

use crate::support::{App, MASTER, backends};

async fn info(app: &App, key: &str) -> Value {
    app.get(&format!("/key/info?key={key}")).await.ok()["info"].clone()
}

backends! {
    async fn a_key_is_held_to_its_routes_and_makes_none_that_is_not(app: App) {
        for (key_type, may, may_not) in [
            ("llm_api", "/model/info", "/key/info"), ("management", "/key/info", "/spend/keys"), ("read_only", "/key/info", "/key/aliases"),
        ] {
            let key = app.key(json!({"key_type": key_type})).await;
            app.get_as(&key, may).await.ok();
            let denied = app.get_as(&key, may_not).await.error(403).2;
            assert!(denied.starts_with("Virtual key is not allowed to call this route."), "{denied}");
        }
        assert_eq!(app.post("/key/generate", json!({"key_type": "any"})).await.error(400).1, "key_type");
        let free = app.user(json!({"user_id": "ada"})).await;
        let held = app.key(json!({"user_id": "ada", "allowed_routes": ["/key/generate", "/key/regenerate"]})).await;
        let child = app.post_as(&held, "/key/generate", json!({})).await.ok();
        assert_eq!(child["allowed_routes"], json!(["/key/generate", "/key/regenerate"]));
        assert_eq!(app.post_as(&held, "/key/regenerate", json!({"key": free})).await.error(403).1, "allowed_routes");
        app.post_as(&held, "/key/regenerate", json!({"key": child["key"]})).await.ok();
    }

    async fn a_budget_of_a_key_that_is_none_is_refused(app: App) {
        for (field, value) in [
            ("budget_limits", json!([{"budget_duration": "soon", "max_budget": 1}])), ("budget_limits", json!([{"max_budget": 1}])),
            ("model_max_budget", json!({"gpt-4o": 5})), ("model_max_budget", json!({"gpt-4o": {"budget_limit": 5, "time_period": "x"}})),
            ("soft_budget", json!(-1)), ("temp_budget_increase", json!(-1)), ("temp_budget_expiry", json!("tomorrow")),
        ] {
            assert_eq!(app.post("/key/generate", json!({field: value})).await.error(400).1, field);
        }
        let fields = json!({
            "max_budget": 1, "soft_budget": 0.5, "budget_limits": [{"budget_duration": "1h", "max_budget": 0.2}],
            "temp_budget_increase": 2, "temp_budget_expiry": "2030-01-01T00:00:00Z",
            "model_max_budget": {"gpt-4o": {"budget_limit": 1.5, "time_period": "1d"}},
        });
        let made = app.post("/key/generate", fields).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), None);
        assert_eq!(made.ok()["metadata"]["temp_budget_increase"], 2);
    }

    async fn keys_are_changed_and_shown_many_at_once(app: App) {
        let (one, two) = (app.key(json!({"key_alias": "one"})).await, app.key(json!({"key_alias": "two"})).await);
        let body = json!({"keys": [
            {"key": one, "max_budget": 5, "tags": ["blue"]}, {"key": "sk-never-made-0123"}, {"key": two, "max_budget": "much"},
        ]});
        let done = app.post("/key/bulk_update", body).await.ok();
        assert_eq!((&done["total_requested"], done["failed_updates"].as_array().unwrap().len()), (&json!(3), 2));
        assert_eq!(done["successful_updates"][0]["key_info"]["max_budget"], 5.0);
        assert_eq!(done["failed_updates"][0]["key"], "sk-never-made-0123");
        for keys in [json!([]), json!(vec![json!({}); 501])] {
            assert_eq!(app.post("/key/bulk_update", json!({"keys": keys})).await.error(400).1, "keys");
        }
        let shown = app.post("/v2/key/info", json!({"keys": [one], "key_aliases": ["two", "none"]})).await.ok();
        assert_eq!(shown["key"], json!([one, "two", "none"]));
        let aliases = shown["info"].as_array().unwrap().iter().map(|row| row["key_alias"].clone()).collect::<Vec<_>>();
        assert_eq!(aliases, ["one", "two"]);
        app.post_as(&one, "/v2/key/info", json!({"keys": [two]})).await.error(403);
        app.post_as(&one, "/v2/key/info", json!({"keys": [one]})).await.ok();
        app.post("/v2/key/info", json!({})).await.error(400);
        assert_eq!(app.post_as(&one, "/key/health", json!({})).await.ok(), json!({"key": "healthy", "logging_callbacks": null}));
    }

    async fn spend_is_reset_to_less_only(app: App) {
        let key = app.key(json!({"spend": 3, "max_budget": 2})).await;
        let path = format!("/key/{}/reset_spend", kit::KeyHash::of(&key));
        for value in [json!(3.5), json!(2.5), json!(-1)] {
            assert_eq!(app.post(&path, json!({"reset_to": value})).await.error(400).1, "reset_to");
        }
        let reset = app.post(&path, json!({"reset_to": 0.5})).await.ok();
        assert_eq!((&reset["spend"], &reset["previous_spend"], &reset["max_budget"]), (&json!(0.5), &json!(3.0), &json!(2.0)));
        assert_eq!(app.get(&format!("/key/info?key={key}")).await.ok()["info"]["spend"], 0.5);
        app.post("/key/sk-never-made-0123/reset_spend", json!({"reset_to": 0})).await.error(404);
        assert_eq!(app.post(&path, json!({})).await.status.as_u16(), 422);
    }

    async fn a_service_account_has_a_team_and_no_user(app: App) {
        app.team("core").await;
        assert_eq!(app.post("/key/service-account/generate", json!({"key_alias": "ci"})).await.error(400).1, "team_id");
        let made = app.post("/key/service-account/generate", json!({"key_alias": "ci", "team_id": "core", "user_id": "ada"})).await.ok();
        assert_eq!((&made["user_id"], &made["team_id"]), (&json!(null), &json!("core")));
        assert_eq!(made["metadata"]["service_account_id"], "ci");
    }


    async fn a_key_is_made_as_the_reference_makes_it(app: App) {
        app.team("core").await;
        let answer = app.post("/key/generate", json!({
            "key_alias": "ci", "duration": "1mo", "models": ["gpt-4o", "claude-*"], "max_budget": 1.5,
            "user_id": "ada", "team_id": "core", "metadata": {"note": "x"}, "aliases": {"fast": "gpt-4o-mini"},
            "tags": ["blue"], "guardrails": [], "tpm_limit": "100", "spend": 0,
        })).await;
        let key = answer.ok();
        let raw = key["key"].as_str().unwrap();
        assert!(raw.starts_with("sk-") && raw.len() == 25, "{raw}");
        let hash = KeyHash::of(raw).to_hex();
        assert_eq!((&key["token"], &key["token_id"]), (&json!(hash), &json!(hash)));
        assert_eq!(key["key_name"], format!("sk-...{}", &raw[21..]));
        assert_eq!(key["expires"], "2026-02-28T08:00:00Z");
        assert_eq!((&key["max_budget"], &key["spend"]), (&json!(1.5), &json!(0.0)));
        assert_eq!(key["metadata"], json!({"note": "x", "tags": ["blue"], "guardrails": []}));
        assert_eq!((&key["tpm_limit"], &key["rpm_limit"]), (&json!("100"), &Value::Null));
        assert_eq!(key["created_at"], "2026-01-31T08:00:00Z");
        assert_eq!((&key["created_by"], &key["status"]), (&json!("default_user_id"), &json!("active")));
        assert_eq!(answer.header("x-bulkhead-inactive-fields"), Some("tpm_limit"));
        assert_eq!(answer.header("x-bulkhead-ignored-fields"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));

        for name in [raw, &hash] {
            let shown = app.get(&format!("/key/info?key={name}")).await.ok();
            assert_eq!(shown["key"], name);
            assert!(shown["info"].get("token").is_none());
            assert_eq!(shown["info"]["key_alias"], "ci");
        }
        let stored = app.store.keys().get(KeyHash::of(raw)).await.unwrap().unwrap();
        assert!(!format!("{stored:?}").contains(raw));
    }

    async fn a_key_asks_about_itself_and_nobody_else(app: App) {
        let (one, two) = (app.key(json!({})).await, app.key(json!({})).await);
        let own = app.get_as(&one, "/key/info").await.ok();
        assert_eq!(own["key"], KeyHash::of(&one).to_hex());
        assert_eq!(app.get_as(&one, &format!("/key/info?key={one}")).await.ok()["key"], one);
        app.get_as(&one, &format!("/key/info?key={two}")).await.error(403);
        app.get_as(&one, "/key/info?key=sk-never-made-1234").await.error(403);
    }

    async fn a_key_that_is_not_there_is_404(app: App) {
        let none = "sk-never-made-1234";
        let error = app.get(&format!("/key/info?key={none}")).await.error(404);
        assert_eq!((error.0.as_str(), error.1), ("not_found_error", json!("key")));
        for (path, body) in [
            ("/key/update", json!({"key": none, "models": []})),
            ("/key/update", json!({"key_alias": "none", "models": []})),
            ("/key/block", json!({"key": none})),
            ("/key/unblock", json!({"key": none})),
            ("/key/regenerate", json!({"key": none})),
            ("/key/delete", json!({"keys": [none]})),
            ("/key/delete", json!({"key_aliases": ["none"]})),
        ] {
            let error = app.post(path, body).await.error(404);
            assert!(error.2.starts_with("Key not found"), "{path}: {}", error.2);
        }
        assert_eq!(app.store.policy().head().await.unwrap(), 0);
    }

    async fn a_chosen_key_and_an_alias_can_be_taken_once(app: App) {
        let body = json!({"key": "sk-chosen-key-1234", "key_alias": "mine"});
        assert_eq!(app.post("/key/generate", body.clone()).await.ok()["key"], "sk-chosen-key-1234");
        app.get_as("sk-chosen-key-1234", "/key/info").await.ok();
        let again = app.post("/key/generate", json!({"key": "sk-chosen-key-1234"})).await.error(400);
        assert_eq!(again.1, "key");
        let alias = app.post("/key/generate", json!({"key_alias": "mine"})).await.error(400);
        assert_eq!(alias.1, "key_alias");
        let other = app.key(json!({})).await;
        let alias = app.post("/key/update", json!({"key": other, "key_alias": "mine"})).await.error(400);
        assert_eq!(alias.1, "key_alias");
    }

    async fn an_update_keeps_what_it_does_not_name_and_clears_what_is_null(app: App) {
        let key = app.key(json!({
            "key_alias": "a", "max_budget": 3, "duration": "1h", "models": ["m"], "metadata": {"a": 1},
            "tags": ["x"], "rpm_limit": 5,
        })).await;
        let same = app.post("/key/update", json!({"key": key, "max_budget": 4})).await.ok();
        assert_eq!(same["key"], key);
        assert_eq!((&same["max_budget"], &same["models"], &same["key_alias"]), (&json!(4.0), &json!(["m"]), &json!("a")));
        assert_eq!(same["expires"], "2026-01-31T09:00:00Z");
        let cleared = app.post("/key/update", json!({
            "key": key, "max_budget": null, "duration": "-1", "models": null, "tags": null, "rpm_limit": null,
        })).await.ok();
        for name in ["max_budget", "expires", "rpm_limit"] {
            assert_eq!(cleared[name], Value::Null, "{name}");
        }
        assert_eq!((&cleared["models"], &cleared["metadata"]), (&json!([]), &json!({"a": 1})));
        let spent = app.post("/key/update", json!({"key_alias": "a", "spend": 2.5})).await.ok();
        assert_eq!(spent["spend"], 2.5);
        assert_eq!(info(&app, &key).await["spend"], 2.5);
    }

    async fn a_blocked_key_works_again_when_unblocked(app: App) {
        let key = app.key(json!({})).await;
        let blocked = app.post("/key/block", json!({"key": key})).await.ok();
        assert_eq!((&blocked["blocked"], &blocked["status"]), (&json!(true), &json!("revoked")));
        app.get_as(&key, "/key/info").await.error(401);
        let hash = KeyHash::of(&key).to_hex();
        assert_eq!(app.post("/key/unblock", json!({"key": hash})).await.ok()["blocked"], false);
        app.get_as(&key, "/key/info").await.ok();
    }

    async fn deleted_keys_are_gone_but_remembered(app: App) {
        let keys = [app.key(json!({})).await, app.key(json!({"key_alias": "two"})).await, app.key(json!({})).await];
        let asked = json!({"keys": [keys[0], "sk-never-made-1234"]});
        app.post("/key/delete", asked).await.error(404);
        assert_eq!(info(&app, &keys[0]).await["status"], "active");
        let deleted = app.post("/key/delete", json!({"keys": [keys[0]]})).await.ok();
        assert_eq!(deleted, json!({"deleted_keys": [keys[0]]}));
        assert_eq!(app.post("/key/delete", json!({"key_aliases": ["two"]})).await.ok()["deleted_keys"], json!(["two"]));
        app.get_as(&keys[0], "/key/info").await.error(401);
        assert_eq!(info(&app, &keys[0]).await["status"], "deleted");
        assert_eq!(app.get("/key/list?status=deleted").await.ok()["total_count"], 2);
        assert_eq!(app.get("/key/list").await.ok()["total_count"], 1);
        app.get_as(&keys[2], "/key/info").await.ok();
    }

    async fn an_old_secret_opens_its_key_until_its_grace_ends(app: App) {
        let old = app.key(json!({"key_alias": "a"})).await;
        for wrong in [json!("soon"), json!(5)] {
            let refused = app.post("/key/regenerate", json!({"key": old, "grace_period": wrong})).await;
            assert_eq!(refused.error(400).1, "grace_period");
        }
        let regenerate = async |key: &str, grace: &str| {
            let answer = app.post("/key/regenerate", json!({"key": key, "grace_period": grace})).await.ok();
            answer["key"].as_str().unwrap().to_owned()
        };
        let second = regenerate(&old, "1h").await;
        let third = regenerate(&second, "30m").await;
        for secret in [&old, &second, &third] {
            assert_eq!(app.get_as(secret, "/key/info").await.ok()["info"]["key_alias"], "a");
        }
        app.clock.advance(Duration::from_secs(30 * 60));
        app.get_as(&second, "/key/info").await.error(401);
        app.get_as(&old, "/key/info").await.ok();
        app.clock.advance(Duration::from_secs(30 * 60 - 1));
        app.get_as(&old, "/key/info").await.ok();
        app.clock.advance(Duration::from_secs(1));
        app.get_as(&old, "/key/info").await.error(401);
        let last = regenerate(&third, "1h").await;
        app.post("/key/delete", json!({"keys": [last]})).await.ok();
        app.get_as(&third, "/key/info").await.error(401);
    }

    async fn a_new_secret_replaces_the_old(app: App) {
        let old = app.key(json!({"key_alias": "a", "spend": 2})).await;
        let answer = app.post("/key/regenerate", json!({"key": old, "max_budget": 9})).await;
        let new = answer.ok();
        assert_eq!((&new["key_alias"], &new["spend"], &new["max_budget"]), (&json!("a"), &json!(2.0), &json!(9.0)));
        assert_eq!(answer.header("x-bulkhead-inactive-fields"), None);
        let new = new["key"].as_str().unwrap();
        app.get_as(&old, "/key/info").await.error(401);
        app.get_as(new, "/key/info").await.ok();
        let path = format!("/key/{}/regenerate", KeyHash::of(new));
        let bearer = format!("Bearer {MASTER}");
        let newest = app.send(Method::POST, &path, &[("authorization", &bearer)], "").await.ok();
        app.get_as(newest["key"].as_str().unwrap(), "/key/info").await.ok();
        app.get_as(new, "/key/info").await.error(401);
        let chosen = json!({"key": newest["key"], "new_key": "sk-chosen-key-1234"});
        assert_eq!(app.post("/key/regenerate", chosen).await.ok()["key"], "sk-chosen-key-1234");
    }

    async fn a_list_has_pages_filters_and_two_forms(app: App) {
        for (alias, team) in [("alpha", "one"), ("beta", "one"), ("gamma", "two")] {
            app.post("/team/new", json!({"team_id": team})).await;
            app.key(json!({"key_alias": alias, "team_id": team})).await;
        }
        let hashes = app.get("/key/list?size=2").await.ok();
        assert_eq!((&hashes["total_count"], &hashes["total_pages"], &hashes["current_page"]), (&json!(3), &json!(2), &json!(1)));
        assert!(hashes["keys"].as_array().unwrap().iter().all(|key| key.as_str().unwrap().len() == 64));
        let full = app.get("/key/list?return_full_object=true&team_id=one&sort_by=key_alias&sort_order=asc").await.ok();
        let names = full["keys"].as_array().unwrap().iter().map(|key| &key["key_alias"]).collect::<Vec<_>>();
        assert_eq!(names, ["alpha", "beta"]);
        assert_eq!(full["keys"][0]["token"].as_str().unwrap().len(), 64);
        assert_eq!(app.get("/key/list?search=GAM").await.ok()["total_count"], 1);
        assert_eq!(app.get("/key/list?key_alias=lph&substring_matching=true").await.ok()["total_count"], 1);
        assert_eq!(app.get("/key/list?key_alias=lph").await.ok()["total_count"], 0);
        let aliases = app.get("/key/aliases?size=2").await.ok();
        assert_eq!(aliases["aliases"], json!(["alpha", "beta"]));
        assert_eq!((&aliases["total_count"], &aliases["total_pages"]), (&json!(3), &json!(2)));
        for bad in ["size=0", "size=101", "page=0", "status=odd", "sort_by=odd", "key_hash=odd"] {
            app.get(&format!("/key/list?{bad}")).await.error(400);
        }
        assert_eq!(app.get("/key/list?size=many").await.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(app.get("/key/list?search=%00").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    async fn every_write_is_in_the_tail(app: App) {
        let key = app.key(json!({})).await;
        app.post("/key/update", json!({"key": key, "models": ["m"]})).await.ok();
        app.post("/key/block", json!({"key": key})).await.ok();
        let changes = app.store.policy().changes_since(0, 10).await.unwrap();
        assert_eq!((changes.head, changes.keys.len()), (3, 1));
        assert!(matches!(&changes.keys[0].1, Stored::Policy(policy) if policy.blocked));
        app.post("/key/delete", json!({"keys": [key]})).await.ok();
        let changes = app.store.policy().changes_since(3, 10).await.unwrap();
        assert_eq!(changes.keys, [(KeyHash::of(&key), Stored::Gone)]);
    }

    async fn what_does_not_fit_is_told_by_field(app: App) {
        for (body, loc, kind) in [
            (r#"{"models": "gpt-4o"}"#, json!(["body", "models"]), "list_type"),
            (r#"{"models": ["a", 1]}"#, json!(["body", "models", 1]), "string_type"),
            (r#"{"max_budget": "much"}"#, json!(["body", "max_budget"]), "float_type"),
            (r#"{"tpm_limit": 1.5}"#, json!(["body", "tpm_limit"]), "int_type"),
            (r#"{"metadata": []}"#, json!(["body", "metadata"]), "dict_type"),
            (r#"{"blocked": "yes"}"#, json!(["body", "blocked"]), "bool_type"),
            (r#"{"key_alias": 7}"#, json!(["body", "key_alias"]), "string_type"),
            (r#"[]"#, json!(["body"]), "model_attributes_type"),
            (r#"{"a": "#, json!(["body"]), "json_invalid"),
            ("{\"a\": \"\u{1}\"}", json!(["body"]), "json_invalid"),
            (r#"{"user_id": "a\u0000b"}"#, json!(["body"]), "string_type"),
        ] {
            let bearer = format!("Bearer {MASTER}");
            let answer = app.send(Method::POST, "/key/generate", &[("authorization", &bearer)], body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
            let detail = &answer.json()["detail"][0];
            assert_eq!((&detail["loc"], &detail["type"]), (&loc, &json!(kind)), "{body}");
        }
        let missing = app.post("/key/block", json!({})).await;
        assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
        let detail = json!({"type": "missing", "loc": ["body", "key"], "msg": "Field required", "input": {}});
        assert_eq!(missing.json()["detail"][0], detail);
    }

    async fn what_makes_no_sense_is_400(app: App) {
        for (body, param) in [
            (json!({"max_budget": -1}), "max_budget"),
            (json!({"max_budget": 1e300}), "max_budget"),
            (json!({"spend": -0.1}), "spend"),
            (json!({"duration": "soon"}), "duration"),
            (json!({"key": "pk-0123456789abcdef"}), "key"),
            (json!({"key": "sk-short"}), "key"),
            (json!({"team_id": "litellm-dashboard"}), "team_id"),
        ] {
            assert_eq!(app.post("/key/generate", body.clone()).await.error(400).1, param, "{body}");
        }
        for (path, body) in [
            ("/key/block", json!({"key": "not a key"})),
            ("/key/update", json!({"models": []})),
            ("/key/delete", json!({})),
            ("/key/delete", json!({"keys": ["nonsense"]})),
            ("/key/regenerate", json!({})),
        ] {
            app.post(path, body).await.error(400);
        }
        app.get("/key/info").await.error(400);
        app.get("/key/info?key=nonsense").await.error(400);
    }

    async fn unknown_fields_are_ignored_and_named(app: App) {
        let answer = app.post("/key/generate", json!({"colour": "red", "metadata": {"any": 1}, "sîze": 3})).await;
        answer.ok();
        assert_eq!(answer.header("x-bulkhead-ignored-fields"), Some("colour, sze"));
    }
}
