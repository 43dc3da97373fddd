//! Accounts as gateways read them: all of them in pages, and each that changed in the tail.

use domain::{AccountId, AccountKind, AccountPolicy, Limits, TimedLimit, Window};
use kit::{Money, Timestamp};
use store::Store;
use store::policy::{AccountStart, Stored, StoredAccount};

use crate::support::{TestDb, backends, event, key};

const ROWS: &str = "
    INSERT INTO budgets (id, max_budget_nano, soft_budget_nano, budget_duration, model_max_budget, extra, created_at, updated_at)
      VALUES ('b1', 70, 50, '1d', '{}', '{}', 1, 1), ('b2', NULL, NULL, NULL, '{}', '{}', 1, 1);
    INSERT INTO organizations (id, alias, budget_id, models, metadata, blocked, extra, created_at, updated_at)
      VALUES ('org', 'Org', 'b2', '[\"gpt-*\"]', '{}', 0, '{}', 1, 1);
    INSERT INTO organization_members (organization_id, user_id, role, budget_id, created_at, updated_at)
      VALUES ('org', 'ada', 'user', 'b1', 1, 1);
    INSERT INTO teams (id, organization_id, models, model_aliases, metadata, max_budget_nano, budget_duration, budget_limits,
                       model_max_budget, member_budget_id, blocked, extra, created_at, updated_at)
      VALUES ('red', 'org', '[]', '{\"fast\": \"gpt-4o\"}', '{}', 100, '1d',
              '[{\"budget_duration\": \"1h\", \"max_budget\": 0.5}]', '{}', 'b1', 1, '{\"access_group_ids\": [\"g1\"]}', 1, 1),
             ('blue', NULL, '[]', '{}', '{}', NULL, NULL, '[]', '{}', NULL, 0, '{}', 1, 1);
    INSERT INTO team_members (team_id, user_id, role, budget_id, allowed_models, created_at, updated_at)
      VALUES ('red', 'ada', 'user', NULL, '[\"gpt-4o\"]', 1, 1), ('blue', 'ada', 'user', 'b1', '[]', 1, 1),
             ('red', 'bob', 'admin', NULL, '[]', 1, 1);
    INSERT INTO projects (id, team_id, budget_id, models, metadata, blocked, extra, created_at, updated_at)
      VALUES ('p', 'red', 'b1', '[]', '{}', 1, '{}', 1, 1);
    INSERT INTO customers (id, budget_id, models, blocked, extra, created_at, updated_at)
      VALUES ('customer-1', 'b1', '[]', 1, '{}', 1, 1);
    INSERT INTO tags (name, models, model_info, budget_id, created_at, updated_at) VALUES ('blue', '[]', '{}', 'b1', 1, 1);
    INSERT INTO users (id, role, models, metadata, max_budget_nano, spend_base_nano, created_at, updated_at, extra)
      VALUES ('ada', 'internal_user', '[]', '{}', 60, 3, 1, 1, '{}');
    INSERT INTO allowed_ips (network, created_at, updated_at) VALUES ('10.0.0.0/8', 1, 1);
    INSERT INTO access_groups (id, name, models, extra, created_at, updated_at)
      VALUES ('g1', 'Group', '[\"gpt-4o\"]', '{}', 1, 1);
    INSERT INTO budget_windows (kind, within, id, duration, starts_at, ends_at, base_nano)
      VALUES ('team', '', 'red', '1d', 0, 9, 4), ('team', '', 'red', '1h', 5, 7, 2), ('member', 'red', 'ada', '1d', 0, 9, 1);";

/// Every account, two to a page.
async fn all(store: &Store) -> Vec<StoredAccount> {
    let (mut accounts, mut start) = (Vec::new(), Some(AccountStart::default()));
    while let Some(from) = start {
        let page = store.policy().account_page(&from, 2).await.unwrap();
        assert!(page.accounts.len() <= 2);
        accounts.extend(page.accounts);
        start = page.next;
    }
    accounts
}

fn id(kind: AccountKind, within: &str, id: &str) -> AccountId {
    AccountId { kind, within: within.into(), id: id.into() }
}

fn find(accounts: &[StoredAccount], wanted: &AccountId) -> AccountPolicy {
    let (_, stored) = accounts.iter().find(|(id, _)| id == wanted).unwrap();
    let Stored::Policy(policy) = stored else { panic!("{stored:?}") };
    policy.clone()
}

backends! {
    async fn each_account_is_told_once_with_all_that_is_decided_by(db: TestDb) {
        db.execute(ROWS).await;
        let mut charged = key("sk-one");
        charged.team_id = Some("red".into());
        let mut event = event(1, Some(&charged), 5, 40);
        event.intent.team_id = Some("red".into());
        db.store.ledger().ship(&[event], Timestamp::from_secs(9)).await.unwrap();

        let accounts = all(&db.store).await;
        let mut ids = accounts.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        assert_eq!(ids.len(), 15);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 15);
        let window = |duration: &str, ends, base| Window {
            duration: duration.into(),
            ends: Timestamp(ends),
            base: Money(base),
        };
        let red = find(&accounts, &id(AccountKind::Team, "", "red"));
        assert_eq!(
            red,
            AccountPolicy {
                id: id(AccountKind::Team, "", "red"),
                blocked: true,
                models: [].into(),
                aliases: [("fast".into(), "gpt-4o".into())].into(),
                parent: Some("org".into()),
                ends: None,
                budget_id: None,
                member_budget_id: Some("b1".into()),
                limits: Limits {
                    max: Some(Money(100)),
                    soft: None,
                    duration: Some("1d".into()),
                    more: [TimedLimit { duration: "1h".into(), max: Money(500_000_000) }].into(),
                    raise: None,
                },
                budgeted_models: Default::default(),
                access_groups: ["g1".into()].into(),
                spend: Money(40),
                windows: red.windows.clone(),
            }
        );
        let mut windows = red.windows.to_vec();
        windows.sort_by(|one, other| one.duration.cmp(&other.duration));
        assert_eq!(windows, [window("1d", 9, 4), window("1h", 7, 2)]);
        let member = find(&accounts, &id(AccountKind::Member, "red", "ada"));
        assert_eq!((&*member.models, member.spend), (&["gpt-4o".into()][..], Money(40)));
        assert_eq!(&*member.windows, [window("1d", 9, 1)]);
        let user = find(&accounts, &id(AccountKind::User, "", "ada"));
        assert_eq!((user.limits.max, user.spend, &*user.windows), (Some(Money(60)), Money(40), &[Window::for_ever(Money(3))][..]));
        let budget = find(&accounts, &id(AccountKind::Budget, "", "b1"));
        assert_eq!((budget.limits.max, budget.limits.soft, budget.limits.duration.as_deref()), (Some(Money(70)), Some(Money(50)), Some("1d")));
        let customer = find(&accounts, &id(AccountKind::Customer, "", "customer-1"));
        assert!(customer.blocked && customer.budget_id.as_deref() == Some("b1"));
        let project = find(&accounts, &id(AccountKind::Project, "", "p"));
        assert_eq!((project.parent.as_deref(), project.blocked), (Some("red"), true));
        assert_eq!(find(&accounts, &id(AccountKind::Organization, "", "org")).models.len(), 1);
        assert_eq!(&*find(&accounts, &id(AccountKind::AccessGroup, "", "g1")).models, ["gpt-4o".into()]);
    }

    async fn the_tail_tells_accounts_and_passes_over_what_it_does_not_know(db: TestDb) {
        db.execute(ROWS).await;
        db.execute(
            "UPDATE policy_clock SET seq = 5;
             INSERT INTO policy_changes (seq, at, kind, within, key_hash, action, actor)
             VALUES (1, 1, 'team', '', 'red', 'created', 'a'), (2, 1, 'member', 'red', 'ada', 'created', 'a'),
                    (3, 1, 'team', '', 'gone', 'deleted', 'a'), (4, 1, 'spaceship', 'x', 'y', 'created', 'a'),
                    (5, 1, 'team', '', 'red', 'updated', 'a');",
        )
        .await;
        let changes = db.store.policy().changes_since(0, 10).await.unwrap();
        assert_eq!((changes.head, changes.next, changes.keys.len(), changes.accounts.len()), (5, 5, 0, 3));
        assert!(find(&changes.accounts, &id(AccountKind::Team, "", "red")).blocked);
        assert_eq!(find(&changes.accounts, &id(AccountKind::Member, "red", "ada")).windows.len(), 1);
        assert!(changes.accounts.contains(&(id(AccountKind::Team, "", "gone"), Stored::Gone)));
    }

    async fn a_row_that_cannot_be_read_stops_no_other_account(db: TestDb) {
        db.execute(ROWS).await;
        for wrong in ["models = 'no JSON'", "model_aliases = '[]'", "budget_limits = '[{\"budget_duration\": \"1h\"}]'"] {
            db.execute(&format!("UPDATE teams SET {wrong} WHERE id = 'red'")).await;
            let accounts = all(&db.store).await;
            assert_eq!(accounts.len(), 15, "{wrong}");
            let unreadable = accounts.iter().filter(|(_, stored)| matches!(stored, Stored::Unreadable(_)));
            assert_eq!(unreadable.map(|(id, _)| &*id.id).collect::<Vec<_>>(), ["red"], "{wrong}");
            db.execute("UPDATE teams SET models = '[]', model_aliases = '{}', budget_limits = '[]'").await;
        }
    }

    async fn spend_of_accounts_with_a_budget_is_told_once(db: TestDb) {
        db.execute(ROWS).await;
        let mut event = event(1, Some(&key("sk-one")), 5, 40);
        event.intent.team_id = Some("red".into());
        event.intent.user_id = Some("bob".into());
        db.store.ledger().ship(&[event], Timestamp::from_secs(9)).await.unwrap();
        let spends = db.store.policy().account_spend_since(Timestamp(0)).await.unwrap();
        let mut told = spends.iter().map(|one| (one.id.clone(), one.spend, one.window.clone().map(|w| w.base))).collect::<Vec<_>>();
        told.sort();
        assert_eq!(
            told,
            [
                (id(AccountKind::Team, "", "red"), Money(40), Some(Money(2))),
                (id(AccountKind::Team, "", "red"), Money(40), Some(Money(4))),
                (id(AccountKind::Member, "red", "bob"), Money(40), None),
                (id(AccountKind::Organization, "", "org"), Money(40), None),
                (id(AccountKind::Customer, "", "customer-1"), Money(40), None),
                (id(AccountKind::Tag, "", "blue"), Money(40), None),
            ],
            "and not user `bob`, who has no budget"
        );
        let last = spends.iter().map(|one| one.changed_at).max().unwrap();
        assert!(db.store.policy().account_spend_since(last).await.unwrap().is_empty());
    }
}
