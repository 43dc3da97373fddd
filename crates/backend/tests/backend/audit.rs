use std::time::Duration;

use http::Method;
use kit::KeyHash;
use serde_json::{Value, json};

use crate::support::{App, MASTER, backends};

backends! {
    async fn a_change_of_a_key_is_in_the_log_with_who_and_what(app: App) {
        app.team("core").await;
        let key = app.key(json!({"key_alias": "ci", "max_budget": 2.5, "team_id": "core"})).await;
        let hash = KeyHash::of(&key).to_hex();
        let bearer = format!("Bearer {MASTER}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("litellm-changed-by", "terraform"),
            ("x-forwarded-for", "203.0.113.7"),
        ];
        let change = json!({"key": key, "max_budget": 4, "duration": "1h", "metadata": {"password": "hush"}});
        app.send(Method::POST, "/key/update", &headers, &change.to_string()).await.ok();

        let list = app.get("/audit").await.ok();
        assert_eq!((&list["total"], &list["page"], &list["page_size"], &list["total_pages"]), (&json!(3), &json!(1), &json!(10), &json!(1)));
        let entry = &list["audit_logs"][0];
        for (name, value) in [
            ("action", json!("updated")),
            ("table_name", json!("LiteLLM_VerificationToken")),
            ("object_id", json!(hash)),
            ("changed_by", json!("terraform")),
            ("changed_by_api_key", json!("litellm_proxy_master_key")),
            ("user_id", json!("default_user_id")),
            ("ip", json!("203.0.113.7")),
            ("updated_at", json!("2026-01-31T08:00:00Z")),
        ] {
            assert_eq!(entry[name], value, "{name}");
        }
        let (before, after) = (&entry["before_value"], &entry["updated_values"]);
        assert_eq!((&before["max_budget"], &after["max_budget"]), (&json!(2.5), &json!(4.0)));
        assert_eq!((&before["expires"], &after["expires"]), (&Value::Null, &json!("2026-01-31T09:00:00Z")));
        assert_eq!((&after["token"], &after["metadata"]), (&json!(hash), &json!({"password": "***"})));
        assert!(!app.get("/audit").await.text.contains(&key));
        let path = format!("/audit/{}", entry["id"].as_str().unwrap());
        assert_eq!(app.get(&path).await.ok(), *entry);
        assert_eq!(list["audit_logs"][1]["before_value"], Value::Null);
    }

    async fn the_log_is_filtered_and_walked_with_a_cursor(app: App) {
        app.team("core").await;
        for alias in ["a", "b", "c"] {
            app.key(json!({"key_alias": alias, "team_id": "core"})).await;
        }
        app.clock.advance(Duration::from_secs(86_400));
        let key = app.key(json!({})).await;
        app.post("/key/block", json!({"key": key})).await.ok();
        let hash = KeyHash::of(&key);
        for (filter, total) in [
            ("action=blocked".to_owned(), 1),
            ("object_team_id=core".into(), 4),
            (format!("object_key_hash={hash}"), 2),
            ("start_date=2026-02-01".into(), 2),
            ("end_date=2026-01-31".into(), 4),
            ("start_date=2026-01-31T08:00:00Z&end_date=2026-01-31T08:00:01Z".into(), 4),
            ("search=verification&changed_by=default_user_id".into(), 5),
            ("table_name=LiteLLM_UserTable".into(), 0),
        ] {
            assert_eq!(app.get(&format!("/audit?{filter}")).await.ok()["total"], total, "{filter}");
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let part = app.get(&format!("/audit?page_size=2&cursor={cursor}")).await.ok();
            seen.extend(part["audit_logs"].as_array().unwrap().iter().map(|entry| entry["id"].to_string()));
            app.key(json!({})).await; // arrives in front of the cursor, and must not move it
            match part["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        let whole = seen.len();
        seen.dedup();
        assert_eq!((whole, seen.len()), (6, 6));
        for bad in ["page=0", "page_size=101", "sort_by=odd", "cursor=odd", "start_date=soon"] {
            app.get(&format!("/audit?{bad}")).await.error(400);
        }
        let none = app.get("/audit/none").await;
        assert_eq!(none.status.as_u16(), 404);
        assert_eq!(none.json()["detail"]["message"], "Audit log with ID none not found");
    }
}

#[tokio::test]
async fn old_entries_go_when_the_control_plane_runs() {
    let (url, folder) = crate::support::Kind::Sqlite.url();
    let store = store::Store::connect(&store::Settings::new(url)).await.unwrap();
    store.migrate_up().await.unwrap();
    let first = App::start(store.clone(), None, |_| ()).await;
    first.key(json!({})).await;
    first.clock.advance(Duration::from_secs(60));
    first.key(json!({})).await;
    let app = App::start(store, folder, |state| {
        state.clock = first.clock.clone();
        state.audit_retention = Some(Duration::from_secs(30));
    })
    .await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while app.get("/audit").await.ok()["total"] != 1 {
        assert!(tokio::time::Instant::now() < deadline, "the old entry is still there");
        tokio::task::yield_now().await;
    }
}
