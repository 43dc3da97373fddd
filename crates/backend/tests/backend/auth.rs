use bulkhead_backend::roles::RULES;
use http::Method;
use serde_json::json;

use crate::support::{App, MASTER, backends};

#[tokio::test]
async fn every_path_but_the_public_ones_asks_for_a_key() {
    let app = App::sqlite().await;
    for rule in RULES.iter().filter(|rule| !rule.public) {
        let (method, path) = (rule.method.parse::<Method>().unwrap(), rule.path);
        let none = app.send(method.clone(), path, &[], "{}").await.error(401);
        assert_eq!((none.0.as_str(), none.1), ("auth_error", json!("None")), "{path}");
        assert_eq!(none.2, "Authentication Error, No api key passed in.");
        let bare = app.send(method.clone(), path, &[("authorization", MASTER)], "{}").await.error(401);
        assert!(
            bare.2.starts_with("Authentication Error, Malformed API Key passed in."),
            "{path}: {}",
            bare.2
        );
        let odd =
            app.send(method, path, &[("authorization", "Bearer 0123456789abcdef")], "{}").await.error(401);
        assert_eq!(
            odd.2,
            "LiteLLM Virtual Key expected. Received=0123****cdef, expected to start with 'sk-'."
        );
    }
}

backends! {
    async fn a_refusal_says_who_may_not_do_what(app: App) {
        let key = app.key(json!({"user_id": "ada-lovelace-1"})).await;
        let bearer = format!("Bearer {key}");
        let refused = app.send(Method::POST, "/user/new", &[("authorization", &bearer)], "{}").await.error(401);
        let message = "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route=/user/new. Your role=internal_user. Your user_id=ada-****ce-1";
        assert_eq!((refused.0.as_str(), refused.1, refused.2.as_str()), ("auth_error", json!("None"), message));
    }

    async fn unknown_blocked_and_expired_keys_are_told_apart(app: App) {
        let unknown = app.get_as("sk-never-made-1234", "/key/info").await.error(401);
        assert_eq!((unknown.0.as_str(), unknown.1), ("token_not_found_in_db", json!("key")));
        let hash = kit::KeyHash::of("sk-never-made-1234");
        let start = format!(
            "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...1234, Key Hash \
             (Token) ={hash}. Unable to find token in cache"
        );
        assert!(unknown.2.starts_with(&start), "{}", unknown.2);

        let blocked = app.key(json!({"blocked": true})).await;
        let refused = app.get_as(&blocked, "/key/info").await.error(401);
        assert!(refused.2.starts_with("Authentication Error, Key is blocked. Update via `/key/unblock`"));

        let expiring = app.key(json!({"duration": "30s"})).await;
        app.get_as(&expiring, "/key/info").await.ok();
        app.clock.advance(std::time::Duration::from_secs(30));
        let expired = app.get_as(&expiring, "/key/info").await.error(401);
        let name = format!("sk-...{}", &expiring[expiring.len() - 4..]);
        assert_eq!((expired.0.as_str(), expired.1), ("expired_key", json!(name)));
        assert_eq!(
            expired.2,
            "Authentication Error - Expired Key. Key Expiry time 2026-01-31T08:00:30Z and current time \
             2026-01-31T08:00:30Z"
        );
    }

    async fn the_hash_of_a_key_is_not_the_key(app: App) {
        let key = app.key(json!({})).await;
        let refused = app.get_as(&kit::KeyHash::of(&key).to_hex(), "/key/info").await.error(401);
        assert!(refused.2.starts_with("LiteLLM Virtual Key expected."), "{}", refused.2);
    }
}
