//! Who is in an access group, and what gateways hear of it; from where requests may come.

use domain::AccountKind;
use domain::owner::{AccessGroup, AllowedIp, Stamps, Team};
use serde_json::json;
use store::StoreError;
use store::nouns::Assignment;
use store::policy::Stored;

use crate::support::{TestDb, actor, backends};

fn group(id: &str, name: &str) -> AccessGroup {
    let stamps = Stamps::new("test", kit::Timestamp(1));
    AccessGroup {
        id: id.into(),
        name: name.into(),
        models: vec!["gpt-4o".into()],
        stamps,
        ..AccessGroup::default()
    }
}

fn team(id: &str) -> Team {
    Team { id: id.into(), stamps: Stamps::new("test", kit::Timestamp(1)), ..Team::default() }
}

backends! {
    async fn those_in_a_group_are_told_to_gateways(db: TestDb) {
        let key = db.add_key("sk-one").await;
        db.store.teams().create(&team("red"), &actor(1)).await.unwrap();
        let groups = db.store.access_groups();
        let all = Assignment { teams: Some(vec!["red".into()]), keys: Some(vec![key.hash]) };
        let before = db.store.policy().head().await.unwrap();
        groups.create_with(&group("g1", "one"), &all, &actor(2)).await.unwrap();
        groups.create_with(&group("g2", "two"), &Assignment { teams: None, ..all.clone() }, &actor(2)).await.unwrap();
        let (teams, keys) = groups.assigned(Some("g1")).await.unwrap();
        assert_eq!((teams.len(), &keys[0].id), (1, &key.hash.to_hex()));
        assert_eq!(groups.assigned(None).await.unwrap().1[0].groups, ["g1", "g2"]);

        let changes = db.store.policy().changes_since(before, 100).await.unwrap();
        let kinds = changes.accounts.iter().map(|(id, _)| id.kind).collect::<Vec<_>>();
        assert_eq!(kinds, [AccountKind::Team, AccountKind::AccessGroup, AccountKind::AccessGroup]);
        let Stored::Policy(red) = &changes.accounts[0].1 else { panic!("{:?}", changes.accounts) };
        assert_eq!(&*red.access_groups, ["g1".into()]);
        let Stored::Policy(policy) = &changes.keys[0].1 else { panic!("{:?}", changes.keys) };
        assert_eq!(&*policy.terms.as_ref().unwrap().access_groups, ["g1".into(), "g2".into()]);

        assert!(groups.remove("g1", &actor(3)).await.unwrap());
        assert!(!groups.remove("g1", &actor(3)).await.unwrap());
        let key = db.store.keys().get(key.hash).await.unwrap().unwrap();
        assert_eq!(key.extra["access_group_ids"], json!(["g2"]));
        assert!(groups.assigned(Some("g1")).await.unwrap().0.is_empty());
    }

    async fn a_group_that_cannot_be_made_leaves_nothing(db: TestDb) {
        let groups = db.store.access_groups();
        groups.create_with(&group("g1", "one"), &Assignment::default(), &actor(1)).await.unwrap();
        let taken = groups.create_with(&group("g2", "one"), &Assignment::default(), &actor(1)).await;
        assert!(matches!(taken, Err(StoreError::Duplicate(_))), "{taken:?}");
        let nobody = Assignment { teams: Some(vec!["none".into()]), keys: None };
        let missing = groups.create_with(&group("g2", "two"), &nobody, &actor(1)).await;
        assert!(matches!(missing, Err(StoreError::Missing("team"))), "{missing:?}");
        let renamed = groups.change("g1", &actor(1), |group| group.name = "new".into(), &nobody).await;
        assert!(matches!(renamed, Err(StoreError::Missing("team"))), "{renamed:?}");
        assert_eq!(groups.list(&(), 0, 10).await.unwrap().rows, [group("g1", "one")]);
    }

    async fn a_list_of_addresses_is_checked_before_it_counts(db: TestDb) {
        let ips = db.store.allowed_ips();
        let ip = |network: &str| AllowedIp { network: network.into(), stamps: Stamps::new("test", kit::Timestamp(1)) };
        let fine = |_: &[String]| Ok::<_, StoreError>(());
        assert!(ips.allow(&ip("10.0.0.0/8"), &actor(1), fine).await.unwrap());
        assert!(!ips.allow(&ip("10.0.0.0/8"), &actor(1), fine).await.unwrap());
        let refuse = |list: &[String]| {
            assert_eq!(list, ["10.0.0.0/8", "203.0.113.7"]);
            Err(StoreError::InUse)
        };
        assert!(ips.allow(&ip("203.0.113.7"), &actor(1), refuse).await.is_err());
        let refuse = |list: &[String]| {
            assert!(list.is_empty());
            Err(StoreError::InUse)
        };
        assert!(ips.disallow("10.0.0.0/8", &actor(1), refuse).await.is_err());
        assert_eq!(ips.networks().await.unwrap(), ["10.0.0.0/8"]);
        let before = db.store.policy().head().await.unwrap();
        assert!(ips.disallow("10.0.0.0/8", &actor(1), fine).await.unwrap());
        assert!(!ips.disallow("10.0.0.0/8", &actor(1), fine).await.unwrap());
        let changes = db.store.policy().changes_since(before, 100).await.unwrap();
        assert_eq!(changes.accounts.len(), 1);
        assert!(matches!(changes.accounts[0], (ref id, Stored::Gone) if id.kind == AccountKind::AllowedIp));
    }
}
