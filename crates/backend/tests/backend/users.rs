use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{App, MASTER, NOW, backends, call};

const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Signs in and returns the cookie.
async fn cookie(app: &App, username: &str, password: &str) -> String {
    let body = json!({"username": username, "password": password}).to_string();
    let answer = app.send(Method::POST, "/v2/login", &[], &body).await;
    answer.ok();
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

backends! {
    async fn a_users_budget_is_for_a_time_and_shows_when_it_begins_anew(app: App) {
        for (field, value) in [
            ("budget_duration", json!("soon")), ("soft_budget", json!(-1)), ("budget_limits", json!([{"max_budget": 1}])),
            ("model_max_budget", json!({"gpt-4o": {"budget_limit": "much"}})),
        ] {
            assert_eq!(app.post("/user/new", json!({field: value})).await.error(400).1, field);
        }
        let fields = json!({"user_id": "ada", "max_budget": 5, "budget_duration": "1d", "soft_budget": 1, "spend": 2});
        let made = app.post("/user/new", fields).await;
        assert_eq!(made.header("x-bulkhead-inactive-fields"), None);
        let midnight = json!("2026-02-01T00:00:00Z");
        assert_eq!((&made.ok()["budget_reset_at"], &made.ok()["spend"]), (&midnight, &json!(2.0)));
        let row = async || app.get("/user/info?user_id=ada").await.ok()["user_info"].clone();
        assert_eq!((&row().await["budget_reset_at"], &row().await["spend"]), (&midnight, &json!(2.0)));
        let changed = app.post("/user/update", json!({"user_id": "ada", "spend": 1, "budget_duration": "30d"})).await.ok();
        assert_eq!((&changed["data"]["spend"], &changed["data"]["budget_reset_at"]), (&json!(1.0), &midnight));
        app.post("/user/update", json!({"user_id": "ada", "budget_duration": null})).await.ok();
        assert_eq!((&row().await["budget_reset_at"], &row().await["spend"]), (&json!(null), &json!(1.0)));
    }

    async fn a_key_shows_what_counts_and_when_it_begins_anew(app: App) {
        app.post("/budget/new", json!({"budget_id": "daily", "max_budget": 5, "budget_duration": "1d"})).await.ok();
        let midnight = json!("2026-02-01T00:00:00Z");
        for budget in [json!({"max_budget": 5, "budget_duration": "1d"}), json!({"budget_id": "daily"})] {
            let made = app.post("/key/generate", budget).await.ok();
            assert_eq!((&made["budget_reset_at"], &made["spend"]), (&midnight, &json!(0.0)));
            let key = made["key"].as_str().unwrap();
            let path = format!("/key/info?key={key}");
            assert_eq!(app.get(&path).await.ok()["info"]["budget_reset_at"], midnight);
            let page = app.get(&format!("/key/list?return_full_object=true&key_hash={}", made["token"].as_str().unwrap())).await;
            assert_eq!(page.ok()["keys"][0]["budget_reset_at"], midnight);
        }
    }

    async fn a_user_is_made_with_a_key_and_shown(app: App) {
        app.team("core").await;
        let answer = app.post("/user/new", json!({
            "user_id": "ada", "user_email": "Ada@Example.org", "user_alias": "Ada", "max_budget": 5, "models": ["gpt-4o"],
            "metadata": {"floor": 3}, "tpm_limit": 9, "duration": "1h", "key_alias": "first", "password": "correct horse",
            "teams": ["core"], "shoe_size": 40,
        })).await;
        let user = answer.ok();
        for (name, value) in [
            ("user_id", json!("ada")), ("user_email", json!("Ada@Example.org")), ("user_role", json!("internal_user")),
            ("max_budget", json!(5.0)), ("spend", json!(0.0)), ("models", json!(["gpt-4o"])), ("metadata", json!({"floor": 3})),
            ("tpm_limit", json!(9)), ("expires", json!("2026-01-31T09:00:00Z")), ("created_at", json!("2026-01-31T08:00:00Z")),
        ] {
            assert_eq!(user[name], value, "{name}");
        }
        assert_eq!(answer.header("x-bulkhead-ignored-fields"), Some("shoe_size"));
        assert_eq!(answer.header("x-bulkhead-inactive-fields"), Some("tpm_limit"));
        assert!(!answer.text.contains("argon2") && !answer.text.contains("correct horse"));
        let key = user["key"].as_str().unwrap();

        let info = app.get_as(key, "/user/info").await.ok();
        assert_eq!((&info["user_id"], &info["user_info"]["user_alias"]), (&json!("ada"), &json!("Ada")));
        assert_eq!((&info["keys"][0]["key_alias"], &info["keys"][0]["user_id"]), (&json!("first"), &json!("ada")));
        assert_eq!(app.get("/v2/user/info?user_id=ada").await.ok()["user_email"], "Ada@Example.org");
        app.get("/user/info?user_id=none").await.error(404);
        app.get_as(key, "/user/info?user_id=bob").await.error(403);

        let log = app.get("/audit?table_name=LiteLLM_UserTable").await;
        assert!(!log.text.contains("argon2") && !log.text.contains("correct horse"), "{}", log.text);
        let after = &log.ok()["audit_logs"][0]["updated_values"];
        assert_eq!((&after["user_email"], &after["max_budget"], &after["password"]), (&json!("Ada@Example.org"), &json!(5.0), &json!("***")));
    }

    async fn an_id_and_an_address_are_taken_once(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@example.org"})).await;
        let keys = app.get("/key/list").await.ok()["total_count"].clone();
        let refused = app.post("/user/new", json!({"user_id": "ada"})).await.error(409);
        assert_eq!(refused.2, "User with user_id ada already exists");
        let refused = app.post("/user/new", json!({"user_email": "ADA@example.org"})).await.error(409);
        assert_eq!(refused.2, "User with user_email ADA@example.org already exists");
        // Neither left a key behind, nor a user whose key's name is taken.
        app.key(json!({"key_alias": "taken"})).await;
        app.post("/user/new", json!({"user_id": "bob", "key_alias": "taken"})).await.error(400);
        app.get("/user/info?user_id=bob").await.error(404);
        assert_eq!(app.get("/key/list").await.ok()["total_count"].as_u64(), keys.as_u64().map(|keys| keys + 1));
        for (body, param) in [
            (json!({"user_id": "default_user_id"}), "user_id"),
            (json!({"user_id": "a,b"}), "user_id"),
            (json!({"user_id": ""}), "user_id"),
            (json!({"user_role": "org_admin"}), "user_role"),
            (json!({"password": "short"}), "password"),
            (json!({"max_budget": -1}), "max_budget"),
            (json!({"duration": "soon"}), "duration"),
        ] {
            assert_eq!(app.post("/user/new", body.clone()).await.error(400).1, param, "{body}");
        }
        let wrong = app.post("/user/new", json!({"models": "gpt-4o"})).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["detail"][0]["loc"]), (422, &json!(["body", "models"])));
        let wrong = app.post("/user/new", json!({"auto_create_key": "yes"})).await;
        assert_eq!((wrong.status.as_u16(), &wrong.json()["detail"][0]["loc"]), (422, &json!(["body", "auto_create_key"])));
    }

    async fn an_update_keeps_what_it_does_not_name(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@example.org", "max_budget": 3, "models": ["m"], "rpm_limit": 5})).await;
        let data = app.post("/user/update", json!({"user_id": "ada", "max_budget": 4})).await.ok()["data"].clone();
        assert_eq!((&data["max_budget"], &data["models"], &data["rpm_limit"]), (&json!(4.0), &json!(["m"]), &json!(5)));
        let data = app.post("/user/update", json!({"user_email": "ADA@example.org", "max_budget": null, "models": null, "rpm_limit": null})).await.ok();
        assert_eq!(data["user_id"], "ada");
        assert_eq!((&data["data"]["max_budget"], &data["data"]["models"], &data["data"]["rpm_limit"]), (&Value::Null, &json!([]), &Value::Null));
        app.post("/user/update", json!({"user_id": "none"})).await.error(404);
        app.post("/user/update", json!({})).await.error(400);
        app.user(json!({"user_id": "bob"})).await;
        app.post("/user/update", json!({"user_id": "bob", "user_email": "ada@Example.org"})).await.error(409);

        let many = json!({"users": [{"user_id": "ada", "user_alias": "A"}, {"user_id": "none"}, {"user_id": "bob", "models": 1}]});
        let many = app.post("/user/bulk_update", many).await.ok();
        assert_eq!((&many["total_requested"], &many["successful_updates"], &many["failed_updates"]), (&json!(3), &json!(1), &json!(2)));
        assert_eq!((&many["results"][0]["updated_user"]["user_alias"], &many["results"][1]["success"]), (&json!("A"), &json!(false)));
    }

    async fn spend_is_what_the_ledger_says_until_it_is_set(app: App) {
        let key = app.user(json!({"user_id": "ada"})).await;
        let spent = async |app: &App| app.get("/v2/user/info?user_id=ada").await.ok()["spend"].clone();
        app.store.ledger().ship(&[call(1, Some(&key), Duration::ZERO, 2_500_000_000)], NOW).await.unwrap();
        assert_eq!(spent(&app).await, 2.5);
        app.post("/user/update", json!({"user_id": "ada", "spend": 1})).await.ok();
        app.store.ledger().ship(&[call(2, Some(&key), Duration::ZERO, 500_000_000)], NOW).await.unwrap();
        assert_eq!(spent(&app).await, 1.5);
    }

    async fn a_deleted_user_leaves_no_key_and_no_session(app: App) {
        let key = app.user(json!({"user_id": "ada", "user_email": "ada@example.org", "password": "correct horse"})).await;
        let bob = app.user(json!({"user_id": "bob"})).await;
        let cookie = cookie(&app, "ada@example.org", "correct horse").await;
        app.post("/user/delete", json!({"user_ids": ["ada", "none"]})).await.error(404);
        app.get_as(&key, "/key/info").await.ok();
        assert_eq!(app.post("/user/delete", json!({"user_ids": ["ada"]})).await.ok(), json!(1));
        app.get_as(&key, "/key/info").await.error(401);
        app.send(Method::GET, "/session", &[("cookie", &cookie)], "").await.error(401);
        app.get("/user/info?user_id=ada").await.error(404);
        app.get_as(&bob, "/key/info").await.ok();
        let log = app.get("/audit?action=deleted&sort_by=table_name&sort_order=asc").await.ok();
        let tables = log["audit_logs"].as_array().unwrap().iter().map(|entry| &entry["table_name"]).collect::<Vec<_>>();
        assert_eq!(tables, ["LiteLLM_UserTable", "LiteLLM_VerificationToken"]);
    }

    async fn a_list_has_filters_and_pages(app: App) {
        for (id, email, role) in [
            ("ada", "ada@example.org", "internal_user"),
            ("bob", "bob@example.org", "proxy_admin_viewer"),
            ("eve", "eve@other.test", "internal_user"),
        ] {
            app.user(json!({"user_id": id, "user_email": email, "user_role": role})).await;
        }
        app.key(json!({"user_id": "eve"})).await;
        let ids = async |filter: &str| {
            let list = app.get(&format!("/user/list?sort_by=user_id&{filter}")).await.ok();
            list["users"].as_array().unwrap().iter().map(|user| user["user_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids("").await, ["ada", "bob", "eve"]);
        assert_eq!(ids("sort_order=desc").await, ["eve", "bob", "ada"]);
        assert_eq!(ids("role=internal_user").await, ["ada", "eve"]);
        assert_eq!(ids("user_ids=bob,eve,none").await, ["bob", "eve"]);
        assert_eq!(ids("user_email=EXAMPLE").await, ["ada", "bob"]);
        assert_eq!(ids("search=ev").await, ["eve"]);
        assert_eq!(ids("page_size=2&page=2").await, ["eve"]);
        let list = app.get("/user/list?user_ids=eve").await.ok();
        assert_eq!((&list["total"], &list["total_pages"], &list["users"][0]["key_count"]), (&json!(1), &json!(1), &json!(2)));
        for bad in ["page=0", "page_size=101", "sort_by=odd"] {
            app.get(&format!("/user/list?{bad}")).await.error(400);
        }
        assert_eq!(app.get("/user/available_roles").await.ok().as_object().unwrap().len(), 4);
    }

    async fn a_user_signs_in_and_sees_their_own(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@example.org", "password": "correct horse"})).await;
        app.user(json!({"user_id": "bob", "user_email": "bob@example.org"})).await;
        for (name, password) in [("ada@example.org", "wrong"), ("bob@example.org", "correct horse"), ("none@example.org", "correct horse"), ("bob@example.org", "")] {
            let body = json!({"username": name, "password": password}).to_string();
            app.send(Method::POST, "/v2/login", &[], &body).await.error(401);
        }
        let cookie = cookie(&app, "ADA@example.org", "correct horse").await;
        let headers = [("cookie", cookie.as_str()), SAME_ORIGIN];
        let me = app.send(Method::GET, "/session", &headers, "").await.ok();
        assert_eq!((&me["user_id"], &me["user_role"]), (&json!("ada"), &json!("internal_user")));
        assert_eq!(app.send(Method::GET, "/key/list", &headers, "").await.ok()["total_count"], 1);
        app.send(Method::GET, "/global/spend", &headers, "").await.error(401);
        let made = app.send(Method::POST, "/key/generate", &headers, "{}").await.ok();
        assert_eq!(made["user_id"], "ada");
        let playground = app.send(Method::POST, "/session/key", &headers, "").await.ok();
        assert_eq!((&playground["user_id"], &playground["max_budget"]), (&json!("ada"), &json!(1.0)));
        // The role is the one that the user has now.
        app.post("/user/update", json!({"user_id": "ada", "user_role": "proxy_admin_viewer"})).await.ok();
        app.send(Method::GET, "/global/spend", &headers, "").await.ok();
        app.send(Method::POST, "/key/generate", &headers, "{}").await.error(403);
    }

    async fn a_new_password_ends_the_other_sessions(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@example.org", "password": "correct horse"})).await;
        let (here, there) = (cookie(&app, "ada@example.org", "correct horse").await, cookie(&app, "ada@example.org", "correct horse").await);
        let headers = [("cookie", here.as_str()), SAME_ORIGIN];
        let change = |current: &str| json!({"current_password": current, "new_password": "battery staple"}).to_string();
        app.send(Method::POST, "/user/password/change", &headers, &change("wrong")).await.error(403);
        app.send(Method::POST, "/user/password/change", &headers, &change("correct horse")).await.ok();
        app.send(Method::GET, "/session", &headers, "").await.ok();
        app.send(Method::GET, "/session", &[("cookie", &there)], "").await.error(401);
        cookie(&app, "ada@example.org", "battery staple").await;
        app.post("/user/update", json!({"user_id": "ada", "password": "reset by admin"})).await.ok();
        app.send(Method::GET, "/session", &headers, "").await.error(401);
        cookie(&app, "ada@example.org", "reset by admin").await;
        app.post_as(MASTER, "/user/password/change", json!({"current_password": "x", "new_password": "y"})).await.error(404);
    }
}
