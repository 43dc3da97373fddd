use domain::VirtualKey;
use kit::{KeyHash, Money, Timestamp};
use serde_json::json;
use store::StoreError;
use store::keys::{AliasQuery, KeyPatch, KeyQuery, KeySort, KeyStatus};

use crate::support::{TestDb, actor, backends, key};

fn now() -> Timestamp {
    Timestamp::from_secs(500)
}

async fn list(db: &TestDb, query: KeyQuery) -> Vec<String> {
    let page = db.store.keys().list(&query, now()).await.unwrap();
    page.rows.into_iter().map(|key: VirtualKey| key.alias.unwrap_or_default()).collect()
}

backends! {
    /// What is searched for is text, not a pattern.
    async fn a_part_of_an_alias_may_hold_any_character(db: TestDb) {
        for (raw, alias) in [("sk-1", "50%_off!"), ("sk-2", "50 to off"), ("sk-3", "5%"), ("sk-4", "back\\slash")] {
            db.store.keys().create(&VirtualKey { alias: Some(alias.into()), ..key(raw) }, &actor(1)).await.unwrap();
        }
        for (part, found) in
            [("%_OFF!", vec!["50%_off!"]), ("%", vec!["5%", "50%_off!"]), ("\\", vec!["back\\slash"]), ("_", vec!["50%_off!"])]
        {
            let by_alias = KeyQuery {
                alias: Some(part.into()), alias_is_part: true, sort: KeySort::Alias, ascending: true, size: 9, ..KeyQuery::default()
            };
            assert_eq!(list(&db, by_alias).await, found, "{part}");
            let searched = KeyQuery {
                search: Some(part.into()), sort: KeySort::Alias, ascending: true, size: 9, ..KeyQuery::default()
            };
            assert_eq!(list(&db, searched).await, found, "{part}");
            let aliases = AliasQuery { search: Some(part.into()), size: 9, ..AliasQuery::default() };
            assert_eq!(db.store.keys().aliases(&aliases).await.unwrap().rows, found, "{part}");
        }
    }

    async fn pages_join_to_the_list_in_every_order(db: TestDb) {
        for number in 0..23_i64 {
            let made = VirtualKey {
                alias: Some(format!("alias {}", number * 7 % 23)), spend: Money(number * 5 % 23), ..key(&format!("sk-{number}"))
            };
            db.store.keys().create(&made, &actor(number)).await.unwrap();
        }
        for sort in
            [KeySort::CreatedAt, KeySort::UpdatedAt, KeySort::Spend, KeySort::MaxBudget, KeySort::Expires, KeySort::Alias]
        {
            for ascending in [true, false] {
                let whole = list(&db, KeyQuery { sort, ascending, size: 100, ..KeyQuery::default() }).await;
                let mut joined = Vec::new();
                for page in 0..6 {
                    joined.extend(list(&db, KeyQuery { sort, ascending, page, size: 5, ..KeyQuery::default() }).await);
                }
                assert_eq!((joined.len(), &joined), (23, &whole), "{sort:?}");
                let opposite = list(&db, KeyQuery { sort, ascending: !ascending, size: 100, ..KeyQuery::default() }).await;
                assert!(whole.iter().eq(opposite.iter().rev()), "{sort:?}");
            }
        }
    }

    async fn a_key_reads_back_whole(db: TestDb) {
        let key = db.add_key("sk-one").await;
        assert_eq!(db.store.keys().get(key.hash).await.unwrap(), Some(key.clone()));
        assert_eq!(db.store.keys().by_alias("alias of sk-one").await.unwrap(), Some(key));
        assert_eq!(db.store.keys().get(KeyHash::of("sk-two")).await.unwrap(), None);
    }

    async fn a_hash_and_an_alias_are_unique(db: TestDb) {
        db.add_key("sk-one").await;
        let again = db.store.keys().create(&key("sk-one"), &actor(2)).await;
        assert!(matches!(again, Err(StoreError::Duplicate("key" | "key alias"))), "{again:?}");
        let mut other = key("sk-two");
        other.alias = Some("alias of sk-one".into());
        let same_alias = db.store.keys().create(&other, &actor(2)).await;
        assert!(matches!(same_alias, Err(StoreError::Duplicate("key alias"))), "{same_alias:?}");
        other.alias = None;
        db.store.keys().create(&other, &actor(2)).await.unwrap();
        let mut third = key("sk-three");
        third.alias = None;
        db.store.keys().create(&third, &actor(2)).await.unwrap();
    }

    async fn an_update_changes_what_it_names(db: TestDb) {
        let before = db.add_key("sk-one").await;
        let patch = KeyPatch {
            max_budget: Some(None),
            expires: Some(None),
            models: Some(vec![]),
            metadata_entries: json!({"tags": null, "guardrails": ["pii"]}).as_object().unwrap().clone(),
            extra: json!({"rpm_limit": 3}).as_object().unwrap().clone(),
            spend: Some(Money(7)),
            ..KeyPatch::default()
        };
        let after = db.store.keys().update(before.hash, patch, &actor(9)).await.unwrap().unwrap();
        assert_eq!(db.store.keys().get(before.hash).await.unwrap().as_ref(), Some(&after));
        assert_eq!((after.max_budget, after.expires, after.spend), (None, None, Money(7)));
        assert!(after.models.is_empty() && !after.metadata.contains_key("tags"));
        assert_eq!(after.metadata["guardrails"], json!(["pii"]));
        assert_eq!(serde_json::Value::from(after.extra), json!({"tpm_limit": 9, "rpm_limit": 3}));
        assert_eq!((after.updated_at, after.updated_by.as_deref()), (Timestamp::from_secs(9), Some("admin")));
        assert_eq!((after.alias, after.aliases, after.user_id), (before.alias, before.aliases, before.user_id));
        let unknown = db.store.keys().update(KeyHash::of("sk-none"), KeyPatch::default(), &actor(9)).await;
        assert_eq!(unknown.unwrap(), None);
    }

    async fn a_deleted_key_leaves_a_memory(db: TestDb) {
        let (one, two) = (db.add_key("sk-one").await, db.add_key("sk-two").await);
        let asked = [KeyHash::of("sk-none"), one.hash];
        assert_eq!(db.store.keys().delete(&asked, &actor(5)).await.unwrap(), [one.hash]);
        assert_eq!(db.store.keys().get(one.hash).await.unwrap(), None);
        assert_eq!(db.store.keys().get_deleted(one.hash).await.unwrap(), Some(one.clone()));
        assert_eq!(db.store.keys().get(two.hash).await.unwrap(), Some(two));
        db.add_key("sk-one").await;
        assert_eq!(db.store.keys().delete(&[one.hash], &actor(6)).await.unwrap(), [one.hash]);
        let deleted = KeyQuery { status: KeyStatus::Deleted, ..KeyQuery::default() };
        assert_eq!(list(&db, deleted).await, ["alias of sk-one"]);
    }

    async fn a_new_secret_keeps_the_row_and_kills_the_old_one(db: TestDb) {
        let old = db.add_key("sk-old").await;
        let new = KeyHash::of("sk-new");
        let patch = KeyPatch { spend: None, ..KeyPatch::default() };
        let replacement = (new, "sk-...-new".to_owned());
        let key = db.store.keys().regenerate(old.hash, replacement, patch, &actor(5)).await.unwrap().unwrap();
        assert_eq!((key.hash, key.alias.clone(), key.created_at), (new, old.alias, old.created_at));
        assert_eq!(db.store.keys().get(old.hash).await.unwrap(), None);
        assert_eq!(db.store.keys().get(new).await.unwrap(), Some(key));
    }

    async fn a_list_filters_sorts_and_pages(db: TestDb) {
        for (at, (name, blocked, expires, budget)) in [
            ("Alpha", false, None, Some(3)),
            ("beta_1", true, None, Some(1)),
            ("gamma%", false, Some(100), Some(2)),
            ("delta", false, Some(900), None),
        ].into_iter().enumerate() {
            let mut key = key(&format!("sk-{name}"));
            key.alias = Some(name.into());
            (key.blocked, key.expires) = (blocked, expires.map(Timestamp::from_secs));
            key.max_budget = budget.map(Money);
            key.created_at = Timestamp::from_secs(i64::try_from(at).unwrap());
            if name == "delta" {
                let team = domain::owner::Team { id: "team".into(), ..Default::default() };
                db.store.teams().create(&team, &actor(1)).await.unwrap();
                key.team_id = Some(team.id);
            }
            db.store.keys().create(&key, &actor(1)).await.unwrap();
        }
        let by = |query: KeyQuery| KeyQuery { size: 10, ..query };
        let all = KeyQuery::default();
        assert_eq!(list(&db, by(all.clone())).await, ["delta", "gamma%", "beta_1", "Alpha"]);
        let aliases = KeyQuery { sort: KeySort::Alias, ascending: true, ..all.clone() };
        assert_eq!(list(&db, by(aliases)).await.len(), 4);
        let budgets = KeyQuery { sort: KeySort::MaxBudget, ascending: true, ..all.clone() };
        assert_eq!(list(&db, by(budgets)).await, ["delta", "beta_1", "gamma%", "Alpha"]);
        for (status, names) in [
            (KeyStatus::Active, vec!["delta", "Alpha"]),
            (KeyStatus::Revoked, vec!["beta_1"]),
            (KeyStatus::Expired, vec!["gamma%"]),
            (KeyStatus::Deleted, vec![]),
        ] {
            assert_eq!(list(&db, by(KeyQuery { status, ..all.clone() })).await, names, "{status:?}");
        }
        for (search, names) in [("ALPH", vec!["Alpha"]), ("%", vec!["gamma%"]), ("_", vec!["beta_1"])] {
            let query = KeyQuery { search: Some(search.into()), ..all.clone() };
            assert_eq!(list(&db, by(query)).await, names, "{search}");
        }
        let part = KeyQuery { alias: Some("lph".into()), ..all.clone() };
        assert!(list(&db, by(part.clone())).await.is_empty());
        assert_eq!(list(&db, by(KeyQuery { alias_is_part: true, ..part })).await, ["Alpha"]);
        let outside = KeyQuery { without_team: Some("team".into()), ..all.clone() };
        assert_eq!(list(&db, by(outside)).await, ["gamma%", "beta_1", "Alpha"]);
        let second = KeyQuery { page: 1, size: 3, ..all };
        let page = db.store.keys().list(&second, now()).await.unwrap();
        assert_eq!((page.rows.len(), page.total), (1, 4));
    }

    async fn a_count_is_right_whoever_changed_a_key_and_when_one_expires(db: TestDb) {
        let active = KeyQuery { status: KeyStatus::Active, size: 1, ..KeyQuery::default() };
        let count = async |query: &KeyQuery, secs: i64| {
            db.store.keys().list(query, Timestamp::from_secs(secs)).await.unwrap().total
        };
        for (raw, expires) in [("sk-a", None), ("sk-b", Some(100)), ("sk-c", Some(900))] {
            let mut key = key(raw);
            (key.alias, key.expires) = (None, expires.map(Timestamp::from_secs));
            db.store.keys().create(&key, &actor(1)).await.unwrap();
        }
        // Each is asked twice: the second time it is remembered.
        for (secs, expected) in [(1, 3), (99, 3), (100, 2), (899, 2), (900, 1)] {
            assert_eq!([count(&active, secs).await, count(&active, secs).await], [expected; 2], "{secs}");
        }
        let other = db.another().await;
        let hash = KeyHash::of("sk-a");
        let block = KeyPatch { blocked: Some(true), ..KeyPatch::default() };
        other.keys().update(hash, block, &actor(2)).await.unwrap();
        assert_eq!(count(&active, 901).await, 0);
        other.keys().delete(&[hash], &actor(3)).await.unwrap();
        let any = KeyQuery { size: 1, ..KeyQuery::default() };
        assert_eq!((count(&any, 901).await, count(&active, 901).await), (2, 0));
    }

    async fn a_key_is_found_by_what_it_is_now(db: TestDb) {
        let mut old = key("sk-old");
        (old.alias, old.user_id) = (Some("First".into()), Some("Ada@x.example".into()));
        db.store.keys().create(&old, &actor(1)).await.unwrap();
        let found = async |search: &str| {
            let query = KeyQuery { search: Some(search.into()), size: 10, ..KeyQuery::default() };
            db.store.keys().list(&query, now()).await.unwrap().total
        };
        let hash = old.hash.to_hex();
        assert_eq!([found("fIrS").await, found("ada@").await, found(&hash).await, found(&hash[..20]).await], [1, 1, 1, 0]);
        let patch = KeyPatch { alias: Some(Some("Second".into())), user_id: Some(None), ..KeyPatch::default() };
        db.store.keys().update(old.hash, patch, &actor(2)).await.unwrap();
        assert_eq!([found("first").await, found("ada").await, found("seCond").await], [0, 0, 1]);
        let new = KeyHash::of("sk-new");
        let replacement = (new, "sk-...-new".to_owned());
        db.store.keys().regenerate(old.hash, replacement, KeyPatch::default(), &actor(3)).await.unwrap();
        assert_eq!([found("second").await, found(&hash).await, found(&new.to_hex()).await], [1, 0, 1]);
        db.store.keys().delete(&[new], &actor(4)).await.unwrap();
        assert_eq!(found("second").await, 0);
        // A key of an older version is found after the next step of the schema.
        db.add_key("sk-other").await;
        db.execute("DELETE FROM key_search").await;
        db.store.migrate_up().await.unwrap();
        assert_eq!(found("alias of sk-other").await, 1);
    }

    async fn aliases_come_in_order_and_pages(db: TestDb) {
        for raw in ["sk-b", "sk-a", "sk-c"] {
            db.add_key(raw).await;
        }
        let query = AliasQuery { size: 2, ..AliasQuery::default() };
        let page = db.store.keys().aliases(&query).await.unwrap();
        assert_eq!((page.rows, page.total), (vec!["alias of sk-a".into(), "alias of sk-b".into()], 3));
        let query = AliasQuery { search: Some("SK-C".into()), size: 2, ..AliasQuery::default() };
        assert_eq!(db.store.keys().aliases(&query).await.unwrap().rows, ["alias of sk-c"]);
    }
}
