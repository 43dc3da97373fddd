use domain::SecretMap;
use http::Method;
use kit::{Secret, SeededRng};
use serde_json::{Value, json};
use store::Vault;

use crate::support::{Answer, App, Kind, MASTER, backends, models};

fn vault_of(secret: &str) -> Vault {
    Vault::new(&Secret::new(secret), Box::new(SeededRng::new(77))).unwrap()
}

const SECRET: &str = "sk-provider-secret-0123456789";

impl App {
    pub async fn write(&self, method: Method, path: &str, body: Value) -> Answer {
        self.send(method, path, &[("authorization", &format!("Bearer {MASTER}"))], &body.to_string()).await
    }
}

backends! {
    async fn what_an_older_key_sealed_moves_to_the_present_one(app: App) {
        for name in ["a", "b"] {
            let values = json!({"api_key": SECRET});
            app.post("/credentials", json!({"credential_name": name, "credential_values": values})).await.ok();
        }
        let newer = App::start(app.store.clone(), None, |state| {
            state.vault = vault_of("another secret of the house").with_older(&Secret::new(MASTER)).unwrap();
        })
        .await;
        let counts = |answer: &Value| {
            let count = |name: &str| answer[name].as_u64().unwrap();
            (answer["status"].clone(), count("migrated"), count("already_current"), count("failed"))
        };
        let check = "/credentials/migrate-encryption/check";
        for _ in 0..2 {
            assert_eq!(counts(&newer.get(check).await.ok()), (json!("success"), 2, 0, 0), "a check moves nothing");
        }
        let moved = newer.post("/credentials/migrate-encryption", json!({})).await;
        assert_eq!(counts(&moved.ok()), (json!("success"), 2, 0, 0));
        assert_eq!(counts(&newer.get(check).await.ok()), (json!("success"), 0, 2, 0));
        assert_eq!(newer.get("/credentials/by_name/a").await.ok()["credential_values"]["api_key"], "****6789");
        assert!(!moved.text.contains(SECRET));
        // Whoever has the older key alone opens them no more, and is told so.
        let lost = app.get(check).await.ok();
        assert_eq!(counts(&lost), (json!("partial"), 0, 0, 2));
        assert_eq!((&lost["failures"][0]["kind"], &lost["failures"][0]["id"]), (&json!("credential"), &json!("a")));
        let log = newer.get("/audit?table_name=LiteLLM_CredentialsTable&action=rotated").await.ok();
        assert_eq!(log["total"], 2, "{log}");
        assert_eq!(newer.get("/credentials/a/jwks").await.ok(), json!({"keys": []}));
        newer.get("/credentials/none/jwks").await.error(404);
    }

    async fn credentials_are_made_shown_changed_and_deleted_without_their_secrets(app: App) {
        let new = json!({
            "credential_name": "eu/main", "display_name": "EU", "credential_info": {"custom_llm_provider": "openai"},
            "credential_values": {"api_key": SECRET, "api_base": "https://u:secret@api.example/v1"}, "unknown": 1,
        });
        let made = app.post("/credentials", new.clone()).await;
        assert_eq!(made.ok(), json!({"success": true, "message": "Credential created successfully"}));
        assert_eq!(made.header("x-bulkhead-ignored-fields"), Some("unknown"));
        app.post("/credentials", new).await.error(409);
        let path = "/credentials/by_name/eu%2Fmain";
        let shown = json!({
            "credential_name": "eu/main", "display_name": "EU", "credential_info": {"custom_llm_provider": "openai"},
            "credential_values": {"api_key": "****6789", "api_base": "https://api.example/v1"},
        });
        assert_eq!(app.get(path).await.ok(), shown);
        assert_eq!(app.get("/credentials").await.ok(), json!({"success": true, "credentials": [shown]}));

        // What was shown comes back with one change: the secret stays.
        let change = json!({
            "credential_name": "eu/main", "credential_values": {"api_key": "****6789", "api_version": "v2"}, "display_name": null,
        });
        app.write(Method::PATCH, "/credentials/eu%2Fmain", change).await.ok();
        let after = app.get(path).await.ok();
        assert_eq!(after["credential_values"]["api_key"], "****6789");
        assert_eq!((&after["credential_values"]["api_version"], &after["display_name"]), (&json!("v2"), &Value::Null));

        let log = app.get("/audit?table_name=LiteLLM_CredentialsTable").await;
        assert_eq!(log.ok()["total"], 2);
        assert!(!log.text.contains(SECRET) && !log.text.contains("u:secret"), "{}", log.text);

        app.write(Method::DELETE, "/credentials/eu%2Fmain", json!({})).await.ok();
        app.write(Method::DELETE, "/credentials/eu%2Fmain", json!({})).await.error(404);
        app.write(Method::PATCH, "/credentials/eu%2Fmain", json!({})).await.error(404);
        app.get(path).await.error(404);
    }

    async fn what_makes_no_credential_names_its_field(app: App) {
        for (body, param) in [
            (json!({"credential_name": "", "credential_values": {"a": "b"}}), "credential_name"),
            (json!({"credential_name": "a"}), "credential_values"),
            (json!({"credential_name": "a", "credential_values": {}}), "credential_values"),
        ] {
            assert_eq!(app.post("/credentials", body).await.error(400).1, param);
        }
        let invalid = app.post("/credentials", json!({"credential_name": 5, "credential_values": {}})).await;
        assert_eq!((invalid.status.as_u16(), &invalid.json()["detail"][0]["loc"][1]), (422, &json!("credential_name")));
        assert_eq!(app.post("/credentials", json!({"credential_name": "a", "model_id": "none"})).await.error(404).1, "model_id");
    }
}

#[tokio::test]
async fn those_of_the_configuration_are_seen_and_cannot_be_changed() {
    let values: SecretMap = serde_json::from_value(json!({"api_key": SECRET})).unwrap();
    let app = App::with(Kind::Sqlite, |state| {
        state.catalog.credentials.insert("file".into(), values);
        state.catalog.cards = models();
    })
    .await;
    assert_eq!(app.get("/credentials").await.ok()["credentials"][0]["credential_name"], "file");
    app.get("/credentials/by_name/file").await.ok();
    let body = json!({"credential_name": "file", "credential_values": {"api_key": "x"}});
    app.post("/credentials", body.clone()).await.error(409);
    app.write(Method::PATCH, "/credentials/file", body).await.error(400);
    app.write(Method::DELETE, "/credentials/file", json!({})).await.error(400);
    // What a model is called with can be taken over.
    app.post("/credentials", json!({"credential_name": "taken", "model_id": "spare"})).await.ok();
    let of_model = app.get("/credentials/by_model/spare").await;
    let taken = app.get("/credentials/by_name/taken").await.ok();
    assert_eq!(of_model.ok()["credential_values"], taken["credential_values"]);
    assert_eq!(taken["credential_values"]["api_base"], "https://api.example/v1");
    assert!(!of_model.text.contains("provider-secret"), "{}", of_model.text);
}
