use std::collections::BTreeSet;

use kit::{KeyHash, Timestamp};
use serde_json::{Value, json};
use store::audit::{AuditEntry, AuditQuery, AuditSort};
use store::keys::{Actor, KeyPatch};

use crate::support::{TestDb, actor, backends, key};

async fn list(db: &TestDb, query: AuditQuery) -> Vec<AuditEntry> {
    db.store.audit().list(&AuditQuery { size: 100, ..query }).await.unwrap().rows
}

fn value(text: &Option<String>) -> Value {
    text.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

backends! {
    async fn every_write_of_a_key_leaves_who_what_and_when(db: TestDb) {
        let keys = db.store.keys();
        let one = db.add_key("sk-one").await;
        let ada = Actor {
            id: "ada".into(),
            changed_by: Some("terraform".into()),
            api_key: "the key's hash".into(),
            ip: Some("203.0.113.7".into()),
            at: Timestamp::from_secs(2),
            receipt: None,
        };
        let secret = json!({"logging": [{"langfuse_secret_key": "hush", "host": "h"}]});
        let patch = KeyPatch { metadata: Some(secret.as_object().unwrap().clone()), ..KeyPatch::default() };
        keys.update(one.hash, patch, &ada).await.unwrap().unwrap();
        keys.set_blocked(one.hash, true, &actor(3)).await.unwrap().unwrap();
        keys.set_blocked(one.hash, false, &actor(4)).await.unwrap().unwrap();
        let two = KeyHash::of("sk-two");
        keys.regenerate(one.hash, (two, "sk-...-two".into()), KeyPatch::default(), &actor(5)).await.unwrap().unwrap();
        keys.delete(&[two, KeyHash::of("sk-none")], &actor(6)).await.unwrap();

        let entries = list(&db, AuditQuery { ascending: true, ..AuditQuery::default() }).await;
        let actions = entries.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>();
        assert_eq!(actions, ["created", "updated", "blocked", "unblocked", "rotated", "deleted"]);
        assert!(entries.iter().all(|entry| entry.table_name == "LiteLLM_VerificationToken"));
        assert_eq!(entries.iter().map(|entry| &entry.id).collect::<BTreeSet<_>>().len(), 6);

        let update = &entries[1];
        assert_eq!((update.actor.as_str(), update.changed_by.as_str()), ("ada", "terraform"));
        assert_eq!((update.api_key.as_str(), update.ip.as_deref(), update.at), ("the key's hash", Some("203.0.113.7"), 2_000_000));
        assert_eq!((&update.object_id, update.key_hash.clone()), (&one.hash.to_hex(), Some(one.hash.to_hex())));
        let (before, after) = (value(&update.before_value), value(&update.after_value));
        assert_eq!((&before["token"], &before["max_budget"]), (&json!(one.hash.to_hex()), &json!(5_000_000_000_i64)));
        assert_eq!((&before["tpm_limit"], &before["metadata"]["note"]), (&json!(9), &json!("ünïcode \u{0}")));
        assert_eq!(after["metadata"], json!({"logging": [{"langfuse_secret_key": "***", "host": "h"}]}));

        assert_eq!((value(&entries[0].before_value), &value(&entries[0].after_value)["key_alias"]), (Value::Null, &json!("alias of sk-one")));
        let rotated = &entries[4];
        assert_eq!((&rotated.object_id, rotated.key_hash.clone()), (&one.hash.to_hex(), Some(two.to_hex())));
        assert_eq!((value(&entries[5].before_value)["token"].clone(), value(&entries[5].after_value)), (json!(two.to_hex()), Value::Null));
        assert_eq!(db.store.audit().get(&update.id).await.unwrap().as_ref(), Some(update));
        assert_eq!(db.store.audit().get("none").await.unwrap(), None);
    }

    async fn a_write_that_fails_leaves_no_entry(db: TestDb) {
        db.add_key("sk-one").await;
        assert!(db.store.keys().create(&key("sk-one"), &actor(2)).await.is_err());
        db.store.keys().update(KeyHash::of("sk-none"), KeyPatch::default(), &actor(2)).await.unwrap();
        db.store.keys().delete(&[KeyHash::of("sk-none")], &actor(2)).await.unwrap();
        assert_eq!(list(&db, AuditQuery::default()).await.len(), 1);
    }

    async fn the_log_is_filtered_sorted_and_paged(db: TestDb) {
        let (one, two) = (db.add_key("sk-one").await, db.add_key("sk-two").await);
        let bob = Actor { id: "bob".into(), api_key: "b".into(), ..actor(50) };
        db.store.keys().set_blocked(two.hash, true, &bob).await.unwrap();
        let text = |text: &str| Some(text.to_owned());
        let all = AuditQuery::default;
        for (query, found) in [
            (all(), 3),
            (AuditQuery { changed_by: text("bob"), ..all() }, 1),
            (AuditQuery { api_key: text("master"), ..all() }, 2),
            (AuditQuery { action: text("blocked"), ..all() }, 1),
            (AuditQuery { table: text("LiteLLM_TeamTable"), ..all() }, 0),
            (AuditQuery { object_id: Some(one.hash.to_hex()), ..all() }, 1),
            (AuditQuery { key_hash: Some(two.hash.to_hex()), ..all() }, 2),
            (AuditQuery { from: Some(Timestamp::from_secs(50)), ..all() }, 1),
            (AuditQuery { until: Some(Timestamp::from_secs(50)), ..all() }, 2),
            (AuditQuery { search: text("BLOCK"), ..all() }, 1),
            (AuditQuery { search: text("%"), ..all() }, 0),
        ] {
            assert_eq!(list(&db, query.clone()).await.len(), found, "{query:?}");
        }
        let by_action = AuditQuery { sort: AuditSort::Action, ascending: true, ..all() };
        assert_eq!(list(&db, by_action.clone()).await[0].action, "blocked");
        assert_eq!(list(&db, AuditQuery { ascending: false, ..by_action }).await[2].action, "blocked");

        // A cursor goes on where it was, also while new entries arrive.
        let first = db.store.audit().list(&AuditQuery { size: 2, ..all() }).await.unwrap();
        assert_eq!((first.rows.len(), first.total), (2, 3));
        db.add_key("sk-three").await;
        let after = first.rows.last().map(|entry| entry.seq);
        let rest = list(&db, AuditQuery { after, ..all() }).await;
        assert_eq!(rest.iter().map(|entry| &entry.object_id).collect::<Vec<_>>(), [&one.hash.to_hex()]);
    }

    async fn old_entries_go_in_parts(db: TestDb) {
        for at in 0..5 {
            db.store.keys().create(&key(&format!("sk-{at}")), &actor(at)).await.unwrap();
        }
        let before = Timestamp::from_secs(4);
        assert_eq!(db.store.audit().prune(before, 3).await.unwrap(), 3);
        assert_eq!(db.store.audit().prune(before, 3).await.unwrap(), 1);
        assert_eq!(db.store.audit().prune(before, 3).await.unwrap(), 0);
        let left = list(&db, AuditQuery::default()).await;
        assert_eq!((left.len(), left[0].at), (1, 4_000_000));
    }
}
