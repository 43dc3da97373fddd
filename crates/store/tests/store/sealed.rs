//! Models and credentials: sealed at rest, noted as changes, moved to another key.

use std::collections::BTreeSet;

use domain::{Credential, Model, SecretMap};
use kit::{Secret, SeededRng, Timestamp};
use serde_json::{Map, Value, json};
use store::audit::AuditQuery;
use store::credentials::{CredentialPatch, Deletion};
use store::models::ModelPatch;
use store::reseal::{RESEALED_AT_ONCE_MAX, Sealed};
use store::{StoreError, Vault, VaultError};

use crate::support::{TestDb, actor, backends};

const SECRET: &str = "sk-provider-secret-0123456789";

fn vault(secret: &str) -> Vault {
    Vault::new(&Secret::new(secret), Box::new(SeededRng::new(7))).unwrap()
}

fn map(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn credential(name: &str) -> Credential {
    Credential {
        id: format!("id of {name}"),
        name: name.into(),
        display_name: Some("shown".into()),
        info: map(json!({"custom_llm_provider": "openai"})),
        values: SecretMap::new(map(json!({"api_key": SECRET, "api_base": "https://h/v1"}))),
        created_at: Timestamp::from_secs(1),
        created_by: Some("admin".into()),
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
    }
}

fn model(id: &str) -> Model {
    Model {
        id: id.into(),
        name: "smart".into(),
        params: SecretMap::new(map(json!({"model": "openai/gpt-4o", "api_key": SECRET, "rpm": 5}))),
        info: map(json!({"mode": "chat", "team_id": "core"})),
        blocked: false,
        created_at: Timestamp::from_secs(1),
        created_by: Some("admin".into()),
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
    }
}

/// What the database holds of these tables, as text.
async fn raw(db: &TestDb) -> String {
    let mut rows = Vec::new();
    for column in ["SELECT sealed FROM credentials", "SELECT sealed FROM models"] {
        rows.extend(db.texts(column).await);
    }
    for column in ["before_value", "after_value"] {
        rows.extend(db.texts(&format!("SELECT COALESCE({column}, '') FROM audit_log")).await);
    }
    rows.join("\n")
}

async fn changes(db: &TestDb) -> Vec<String> {
    db.texts("SELECT kind || ' ' || action FROM policy_changes ORDER BY seq").await
}

/// The team that a model is of.
const CORE: &str =
    "INSERT INTO teams (id, models, model_aliases, metadata, budget_limits, model_max_budget, blocked, extra,
                                       created_at, updated_at)
                    VALUES ('core', '[]', '{}', '{}', '[]', '{}', 0, '{}', 1, 1)";

backends! {
    async fn a_credential_is_kept_sealed_and_changed_field_by_field(db: TestDb) {
        db.execute(CORE).await;
        let vault = vault("one");
        let credentials = db.store.credentials(&vault);
        credentials.create(&credential("main"), &actor(1)).await.unwrap();
        let taken = credentials.create(&credential("main"), &actor(1)).await;
        assert!(matches!(taken, Err(StoreError::Duplicate("credential"))), "{taken:?}");
        assert_eq!(credentials.get("main").await.unwrap().unwrap(), credential("main"));
        let patch = CredentialPatch {
            values: map(json!({"api_key": "sk-new", "api_base": null, "api_version": "v"})),
            info: map(json!({"note": "n"})),
            display_name: Some(None),
        };
        let after = credentials.update("main", patch, &actor(2)).await.unwrap().unwrap();
        assert_eq!(json!(after.values), json!({"api_key": "sk-new", "api_version": "v"}));
        assert_eq!((json!(after.info), &after.display_name), (json!({"custom_llm_provider": "openai", "note": "n"}), &None));
        assert_eq!(credentials.list().await.unwrap().rows, [after]);
        assert!(credentials.update("none", CredentialPatch::default(), &actor(3)).await.unwrap().is_none());
        assert!(!raw(&db).await.contains(SECRET) && !raw(&db).await.contains("sk-new"));
        assert_eq!(credentials.delete("main", &actor(4)).await.unwrap(), Deletion::Done);
        assert_eq!(credentials.delete("main", &actor(4)).await.unwrap(), Deletion::Missing);
        assert_eq!(changes(&db).await, ["credential created", "credential updated", "credential deleted"]);
    }

    async fn a_credential_in_use_stays(db: TestDb) {
        db.execute(CORE).await;
        let vault = vault("one");
        db.store.credentials(&vault).create(&credential("main"), &actor(1)).await.unwrap();
        let mut user = model("m1");
        user.params.merge(map(json!({"litellm_credential_name": "main"})));
        db.store.models(&vault).create(&user, &actor(1)).await.unwrap();
        let used = db.store.credentials(&vault).delete("main", &actor(2)).await.unwrap();
        assert_eq!(used, Deletion::UsedBy("m1".into()));
        let patch = ModelPatch { params: map(json!({"litellm_credential_name": null})), ..ModelPatch::default() };
        db.store.models(&vault).update("m1", patch, |_| Ok::<_, ()>(()), &actor(3)).await.unwrap().unwrap().unwrap();
        assert_eq!(db.store.credentials(&vault).delete("main", &actor(4)).await.unwrap(), Deletion::Done);
    }

    async fn a_model_is_kept_sealed_and_changed_field_by_field(db: TestDb) {
        db.execute(CORE).await;
        let vault = vault("one");
        let models = db.store.models(&vault);
        models.create(&model("m1"), &actor(1)).await.unwrap();
        assert!(matches!(models.create(&model("m1"), &actor(1)).await, Err(StoreError::Duplicate("model"))));
        let patch = ModelPatch {
            name: Some("wise".into()),
            params: map(json!({"rpm": null, "tpm": 9})),
            info: map(json!({"access_groups": ["beta"], "team_id": null})),
            blocked: None,
        };
        let refused = models.update("m1", patch.clone(), |model| Err(model.name.clone()), &actor(2)).await.unwrap();
        assert_eq!(refused, Some(Err("wise".into())));
        assert_eq!(models.get("m1").await.unwrap().unwrap(), model("m1"));
        let after = models.update("m1", patch, |_| Ok::<_, ()>(()), &actor(2)).await.unwrap().unwrap().unwrap();
        assert_eq!((after.name.as_str(), after.team_id()), ("wise", None));
        assert_eq!(json!(after.params), json!({"model": "openai/gpt-4o", "api_key": SECRET, "tpm": 9}));
        let blocked = ModelPatch { blocked: Some(true), ..ModelPatch::default() };
        assert!(models.update("m1", blocked, |_| Ok::<_, ()>(()), &actor(3)).await.unwrap().unwrap().unwrap().blocked);
        assert_eq!(models.list().await.unwrap().rows.len(), 1);
        assert!(!raw(&db).await.contains(SECRET));
        assert!(models.delete("m1", &actor(4)).await.unwrap());
        assert!(!models.delete("m1", &actor(4)).await.unwrap());
        assert_eq!(changes(&db).await, ["model created", "model updated", "model blocked", "model deleted"]);
        let log = db.store.audit().list(&AuditQuery { size: 100, ..AuditQuery::default() }).await.unwrap().rows;
        let tables = log.iter().map(|entry| entry.table_name.as_str()).collect::<BTreeSet<_>>();
        assert_eq!((log.len(), tables), (4, ["LiteLLM_ProxyModelTable"].into()));
    }

    async fn a_row_that_cannot_be_read_hides_no_other_and_can_be_deleted(db: TestDb) {
        db.execute(CORE).await;
        let (one, two) = (vault("one"), vault("two"));
        db.store.models(&one).create(&model("m1"), &actor(1)).await.unwrap();
        db.store.models(&two).create(&model("m2"), &actor(2)).await.unwrap();
        let shelf = db.store.models(&one).list().await.unwrap();
        assert_eq!(shelf.rows, [model("m1")]);
        assert!(matches!(&shelf.unreadable[..], [(id, StoreError::Sealed { why: VaultError::OtherKey, .. })] if id == "m2"));
        db.execute("UPDATE models SET sealed = (SELECT sealed FROM models WHERE id = 'm1') WHERE id = 'm2'").await;
        let moved = db.store.models(&one).get("m2").await;
        assert!(matches!(moved, Err(StoreError::Sealed { why: VaultError::Damaged, .. })), "{moved:?}");
        assert!(db.store.models(&one).delete("m2", &actor(3)).await.unwrap());
    }

    async fn secrets_move_to_another_key_in_pieces_and_a_second_run_does_nothing(db: TestDb) {
        db.execute(CORE).await;
        let old = vault("one");
        let count = RESEALED_AT_ONCE_MAX + 1;
        for number in 0..count {
            db.store.models(&old).create(&model(&format!("m{number:04}")), &actor(1)).await.unwrap();
        }
        db.store.credentials(&old).create(&credential("main"), &actor(1)).await.unwrap();
        db.store.models(&vault("lost")).create(&model("n"), &actor(1)).await.unwrap();
        let both = vault("two").with_older(&Secret::new("one")).unwrap();
        let noted = changes(&db).await.len();
        let resealing = db.store.resealing(&both);
        let first = resealing.next(Sealed::Models, "", &actor(2)).await.unwrap();
        let all = u64::try_from(RESEALED_AT_ONCE_MAX).unwrap();
        assert_eq!((first.moved, first.current, first.next.is_some()), (all, 0, true));
        let second = resealing.next(Sealed::Models, &first.next.unwrap(), &actor(2)).await.unwrap();
        assert_eq!((second.moved, second.unreadable, second.next), (1, vec![("n".into(), VaultError::OtherKey)], None));
        resealing.next(Sealed::Credentials, "", &actor(2)).await.unwrap();
        assert_eq!(resealing.next(Sealed::Models, "", &actor(2)).await.unwrap().current, all);
        assert_eq!(changes(&db).await.len(), noted);
        let new = vault("two");
        assert_eq!(db.store.models(&new).list().await.unwrap().rows.len(), usize::try_from(count).unwrap());
        assert_eq!(db.store.credentials(&new).get("main").await.unwrap().unwrap(), credential("main"));
    }
}
