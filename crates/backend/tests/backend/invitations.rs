use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, App, backends};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl App {
    async fn invite(&self, user: &str) -> String {
        self.post("/invitation/new", json!({"user_id": user})).await.ok()["id"].as_str().unwrap().to_owned()
    }

    async fn open_link(&self, id: &str) -> Answer {
        self.send(Method::GET, &format!("/onboarding/get_token?invite_link={id}"), &[], "").await
    }

    async fn token(&self, id: &str) -> String {
        self.open_link(id).await.ok()["token"].as_str().unwrap().to_owned()
    }

    async fn claim(&self, token: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(Method::POST, "/onboarding/claim_token", &[("authorization", &bearer)], &body.to_string())
            .await
    }

    async fn signs_in(&self, password: &str) -> bool {
        let body = json!({"username": "ada@x.example", "password": password}).to_string();
        self.send(Method::POST, "/v2/login", &[], &body).await.status.is_success()
    }
}

backends! {
    async fn an_invited_user_sets_their_password_once(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@x.example"})).await;
        app.user(json!({"user_id": "eve"})).await;
        let made = app.post("/invitation/new", json!({"user_id": "ada"})).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        assert_eq!((&made["user_id"], &made["is_accepted"], &made["created_by"]), (&json!("ada"), &json!(false), &json!("default_user_id")));
        assert_eq!((&made["accepted_at"], &made["expires_at"]), (&json!(null), &json!("2026-02-07T08:00:00Z")));
        assert_eq!(made["invitation_link"], format!("/ui/?invitation_id={id}"));
        assert_eq!(app.get(&format!("/invitation/info?invitation_id={id}")).await.ok(), made);

        let opened = app.open_link(&id).await.ok();
        assert_eq!((&opened["user_email"], &opened["user_id"]), (&json!("ada@x.example"), &json!("ada")));
        let token = opened["token"].as_str().unwrap();
        let claim = |user: &str, password: &str| json!({"invitation_link": id, "user_id": user, "password": password});
        app.claim("another", claim("ada", "long enough")).await.error(401);
        app.claim(token, claim("eve", "long enough")).await.error(401);
        assert_eq!(app.claim(token, claim("ada", "short")).await.error(400).1, "password");
        app.send(Method::POST, "/onboarding/claim_token", &[], &claim("ada", "long enough").to_string()).await.error(401);
        assert!(!app.signs_in("long enough").await);

        let claimed = app.claim(token, claim("ada", "long enough")).await;
        let cookie = claimed.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(claimed.ok()["user"]["user_id"], "ada");
        assert_eq!(app.send(Method::GET, "/session", &[("cookie", &cookie)], "").await.ok()["user_id"], "ada");
        assert!(app.signs_in("long enough").await);

        app.claim(token, claim("ada", "another one")).await.error(401);
        app.open_link(&id).await.error(401);
        assert!(!app.signs_in("another one").await);
        let after = app.get(&format!("/invitation/info?invitation_id={id}")).await.ok();
        assert_eq!((&after["is_accepted"], &after["updated_by"]), (&json!(true), &json!("ada")));
        app.post("/invitation/update", json!({"invitation_id": id, "is_accepted": false})).await.error(400);
        let log = app.get("/audit?table_name=LiteLLM_InvitationLink").await.ok();
        let entries = log["audit_logs"].as_array().unwrap();
        let told = entries.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["changed_by"].as_str().unwrap()));
        assert_eq!(told.collect::<Vec<_>>(), [("updated", "ada"), ("created", "default_user_id")]);
        assert!(!log.to_string().contains(&id), "the log does not have the link");
        assert_eq!(app.get("/audit?table_name=LiteLLM_UserTable&object_id=ada").await.ok()["audit_logs"][0]["changed_by"], "ada");
        assert_eq!(app.post("/user/delete", json!({"user_ids": ["ada"]})).await.ok(), 1);
        app.get(&format!("/invitation/info?invitation_id={id}")).await.error(404);
    }

    async fn a_link_is_good_for_a_time_and_until_it_is_replaced(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@x.example"})).await;
        let first = app.invite("ada").await;
        let second = app.invite("ada").await;
        app.open_link(&first).await.error(401);
        let early = app.token(&second).await;
        let late = app.token(&second).await;
        let claim = json!({"invitation_link": second, "user_id": "ada", "password": "long enough"});
        app.claim(&early, claim.clone()).await.error(401);
        app.clock.advance(Duration::from_secs(3600));
        app.claim(&late, claim.clone()).await.error(401);
        app.clock.advance(DAY * 7 - Duration::from_secs(3601));
        let last = app.token(&second).await;
        app.clock.advance(Duration::from_secs(1));
        app.claim(&last, claim).await.error(401);
        app.open_link(&second).await.error(401);

        let third = app.invite("ada").await;
        let used = app.post("/invitation/update", json!({"invitation_id": third, "is_accepted": true})).await.ok();
        assert_eq!(used["is_accepted"], true);
        app.open_link(&third).await.error(401);
        let fourth = app.invite("ada").await;
        app.post("/invitation/delete", json!({"invitation_id": fourth})).await.ok();
        app.post("/invitation/delete", json!({"invitation_id": fourth})).await.error(404);
        app.open_link(&fourth).await.error(401);
        app.post("/invitation/new", json!({"user_id": "none"})).await.error(404);
        app.misfits(Method::POST, "/invitation/new", json!({}), &["user_id"]).await;
    }

    async fn whoever_guesses_links_has_to_wait(app: App) {
        for _ in 0..10 {
            app.open_link("guess").await.error(401);
        }
        let waits = app.open_link("guess").await;
        waits.error(429);
        assert!(waits.header("retry-after").is_some());
    }

    async fn signing_out_everywhere_ends_all_sessions_and_playground_keys(app: App) {
        app.user(json!({"user_id": "ada", "user_email": "ada@x.example", "password": "long enough"})).await;
        let login = json!({"username": "ada@x.example", "password": "long enough"}).to_string();
        let mut cookies = Vec::new();
        for _ in 0..3 {
            let answer = app.send(Method::POST, "/v2/login", &[], &login).await;
            cookies.push(answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned());
        }
        let as_ada = |at: usize| [("cookie", cookies[at].as_str()), ("sec-fetch-site", "same-origin")];
        let key = app.send(Method::POST, "/session/key", &as_ada(0), "{}").await.ok();
        let key = key["key"].as_str().unwrap();
        app.get_as(key, "/key/info").await.ok();
        app.send(Method::POST, "/session/logout_everywhere", &as_ada(1), "{}").await.ok();
        for at in 0..3 {
            app.send(Method::GET, "/session", &as_ada(at), "").await.error(401);
        }
        app.get_as(key, "/key/info").await.error(401);
    }
}
