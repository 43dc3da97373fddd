//! Budgets for a time: a call counts in the window in which it began, whatever is late and whoever is at it.

use domain::key::KeyTerms;
use domain::owner::{Budget, Limits, Project};
use domain::{AccountId, AccountKind, AccountPolicy, Role, User, VirtualKey};
use kit::{Money, Timestamp};
use serde_json::json;
use store::Store;
use store::audit::AuditQuery;
use store::keys::KeyPatch;
use store::policy::Stored;
use store::users::UserPatch;

use crate::support::{TestDb, actor, backends, event, key};

const DAY: i64 = 86_400;

async fn account(store: &Store, kind: AccountKind, within: &str, id: &str) -> AccountPolicy {
    let id = AccountId { kind, within: within.into(), id: id.into() };
    let (_, stored) = store.policy().account(id).await.unwrap();
    let Stored::Policy(policy) = stored else { panic!("{stored:?}") };
    policy
}

/// Total, base and end in seconds of the one window of team `red`.
async fn red(store: &Store) -> (i64, i64, i64) {
    let policy = account(store, AccountKind::Team, "", "red").await;
    let [window] = &*policy.windows else { panic!("{policy:?}") };
    (policy.spend.0, window.base.0, window.ends.micros() / 1_000_000)
}

/// A team with a budget for `duration`, and a key of it.
async fn with_team(db: &TestDb, duration: &str) -> VirtualKey {
    db.execute(&format!(
        "INSERT INTO teams (id, models, model_aliases, metadata, max_budget_nano, budget_duration, budget_limits,
                            model_max_budget, blocked, extra, created_at, updated_at)
         VALUES ('red', '[]', '{{}}', '{{}}', 100, '{duration}', '[]', '{{}}', 0, '{{}}', 1, 1)"
    ))
    .await;
    let mut key = key("sk-one");
    key.team_id = Some("red".into());
    db.store.keys().create(&key, &actor(1)).await.unwrap();
    key
}

fn user(id: &str, extra: serde_json::Value) -> User {
    User {
        id: id.into(),
        email: None,
        alias: None,
        role: Role::InternalUser,
        sso_id: None,
        models: Vec::new(),
        metadata: Default::default(),
        max_budget: Some(Money(100)),
        spend: Money::ZERO,
        resets_at: None,
        created_at: Timestamp(0),
        created_by: None,
        updated_at: Timestamp(0),
        updated_by: None,
        extra: extra.as_object().unwrap().clone(),
    }
}

async fn ship(store: &Store, id: u128, key: &VirtualKey, started: i64, cost: i64) {
    let mut event = event(id, Some(key), started, cost);
    event.intent.team_id = Some("red".into());
    store.ledger().ship(&[event], Timestamp::from_secs(started)).await.unwrap();
}

backends! {
    async fn a_call_counts_in_the_window_in_which_it_began(db: TestDb) {
        let (store, key) = (&db.store, with_team(&db, "1d").await);
        ship(store, 1, &key, 10, 7).await;
        assert_eq!(store.windows().make_missing(&actor(20)).await.unwrap(), 1);
        assert_eq!(store.windows().make_missing(&actor(20)).await.unwrap(), 0);
        assert_eq!(red(store).await, (7, 0, DAY), "what was spent before the window counts on");
        assert_eq!(store.windows().end_due(&actor(DAY - 1)).await.unwrap(), 0);

        // Before the job comes, calls of both days are shipped.
        ship(store, 2, &key, DAY - 1, 11).await;
        ship(store, 3, &key, DAY, 13).await;
        assert_eq!(store.windows().end_due(&actor(DAY + 5)).await.unwrap(), 1);
        assert_eq!(store.windows().end_due(&actor(DAY + 5)).await.unwrap(), 0);
        assert_eq!(red(store).await, (31, 18, 2 * DAY));

        // A long stream of yesterday ends, and one of today.
        ship(store, 4, &key, DAY - 2, 100).await;
        ship(store, 5, &key, DAY + 9, 1).await;
        assert_eq!(red(store).await, (132, 118, 2 * DAY));
        ship(store, 4, &key, DAY - 2, 100).await;
        assert_eq!(red(store).await, (132, 118, 2 * DAY), "the same batch again");
    }

    async fn what_a_project_spends_counts_in_the_window_of_its_budget(db: TestDb) {
        let store = &db.store;
        with_team(&db, "1d").await;
        let limits = Limits { max_budget: Some(Money(100)), budget_duration: Some("1d".into()), ..Limits::default() };
        let budget = Budget { id: "b".into(), limits, ..Budget::default() };
        let project = Project { id: "p".into(), team_id: "red".into(), budget_id: Some("b".into()), ..Project::default() };
        store.projects().create_with(&project, Some(&budget), &actor(1)).await.unwrap();
        let call = async |id: u128, started: i64, cost: i64| {
            let mut event = event(id, None, started, cost);
            event.intent.project_id = Some("p".into());
            store.ledger().ship(&[event], Timestamp::from_secs(started)).await.unwrap();
        };
        let spent = async || {
            let shown = store.projects().get("p").await.unwrap().unwrap().spent;
            let held = account(store, AccountKind::Project, "", "p").await;
            assert_eq!((held.spend, held.spend - held.windows[0].base), (shown.total, shown.now));
            (shown.total.0, shown.now.0, shown.resets_at.unwrap().micros() / 1_000_000)
        };
        call(1, 10, 7).await;
        assert_eq!(spent().await, (7, 7, DAY));
        call(2, DAY + 1, 5).await;
        assert_eq!(store.windows().end_due(&actor(DAY + 2)).await.unwrap(), 1);
        assert_eq!(spent().await, (12, 5, 2 * DAY));
        call(3, DAY - 1, 100).await;
        assert_eq!(spent().await, (112, 5, 2 * DAY), "a call of yesterday is shipped late");
        let since = store.policy().account_spend_since(Timestamp(0)).await.unwrap();
        let told = since.iter().find(|spent| spent.id.kind == AccountKind::Project).unwrap();
        assert_eq!((told.spend.0, told.window.as_ref().unwrap().base.0), (112, 107));
        store.projects().delete_all(&["p".into()], &actor(DAY + 3)).await.unwrap();
        assert_eq!(store.windows().end_due(&actor(2 * DAY)).await.unwrap(), 0, "nothing is left of it");
    }

    async fn what_is_spent_beyond_a_budget_is_carried_over_where_that_is_set(db: TestDb) {
        let settings = store::Settings { budget_rollover: true, ..db.settings.clone() };
        let (store, key) = (Store::connect(&settings).await.unwrap(), with_team(&db, "1d").await);
        assert_eq!(store.windows().make_missing(&actor(1)).await.unwrap(), 1);
        let counted = async || {
            let (total, base, _) = red(&store).await;
            total - base
        };
        // The team has 100 a day.
        ship(&store, 1, &key, 10, 250).await;
        store.windows().end_due(&actor(DAY)).await.unwrap();
        assert_eq!(counted().await, 150);
        ship(&store, 2, &key, DAY + 5, 10).await;
        assert_eq!(counted().await, 160);
        store.windows().end_due(&actor(2 * DAY)).await.unwrap();
        assert_eq!(counted().await, 60);
        store.windows().end_due(&actor(3 * DAY)).await.unwrap();
        assert_eq!(counted().await, 0, "what was not spent is not carried over");
        store.close().await;
    }

    async fn a_key_has_a_window_for_each_of_its_budgets_at_once(db: TestDb) {
        let (store, mut key) = (&db.store, key("sk-one"));
        let limits = json!([{"budget_duration": "1h", "max_budget": 1}, {"budget_duration": "1d", "max_budget": 2}]);
        key.extra.insert("budget_limits".into(), limits);
        store.keys().create(&key, &actor(1)).await.unwrap();
        let terms = async || *store.policy().key(key.hash).await.unwrap().unwrap().terms.unwrap();
        let ends = |terms: KeyTerms| {
            terms.windows.iter().map(|one| (one.duration.to_string(), one.ends.micros() / 1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(ends(terms().await), [("1d".into(), DAY), ("1h".into(), 3_600)]);
        assert_eq!(terms().await.limits.more[1].max, Money(2_000_000_000));
        assert_eq!(store.windows().end_due(&actor(3_600)).await.unwrap(), 1);
        let extra = json!({"budget_limits": [{"budget_duration": "1d", "max_budget": 2}], "budget_duration": "30d"});
        let patch = KeyPatch { extra: extra.as_object().unwrap().clone(), ..KeyPatch::default() };
        store.keys().update(key.hash, patch, &actor(9)).await.unwrap();
        assert_eq!(ends(terms().await), [("1d".into(), DAY), ("30d".into(), 31 * DAY)]);
    }

    async fn what_a_user_or_key_spent_is_shown_less_its_base(db: TestDb) {
        let (store, mut key) = (&db.store, with_team(&db, "1d").await);
        let ada = user("ada", json!({"budget_duration": "1d", "budget_limits": [{"budget_duration": "1h", "max_budget": 1}]}));
        store.users().create(&ada, None, None, &store::users::Places::default(), &actor(1)).await.unwrap();
        key = store.keys().get(key.hash).await.unwrap().unwrap();
        let patch = KeyPatch { extra: json!({"budget_duration": "1d"}).as_object().unwrap().clone(), ..KeyPatch::default() };
        store.keys().update(key.hash, patch, &actor(2)).await.unwrap();
        let shown = async || {
            let (user, key) = (store.users().get("ada").await.unwrap().unwrap(), store.keys().get(key.hash).await.unwrap().unwrap());
            let seconds = |at: Option<Timestamp>| at.unwrap().micros() / 1_000_000;
            (user.spend.0, seconds(user.resets_at), key.spent().0, seconds(key.resets_at()))
        };
        ship(store, 1, &key, 10, 7).await;
        assert_eq!(shown().await, (7, DAY, 7, DAY));
        store.windows().end_due(&actor(DAY)).await.unwrap();
        ship(store, 2, &key, DAY + 1, 5).await;
        ship(store, 3, &key, DAY - 1, 100).await;
        assert_eq!(shown().await, (5, 2 * DAY, 5, 2 * DAY));
        let patch = UserPatch { spend: Some(Money(2)), ..UserPatch::default() };
        assert_eq!(store.users().update("ada", patch, &actor(DAY + 2)).await.unwrap().unwrap().spend, Money(2));
        let policy = account(store, AccountKind::User, "", "ada").await;
        assert!(policy.windows.iter().all(|window| policy.spend - window.base == Money(2)) && policy.windows.len() == 2);
        let patch = UserPatch { extra: json!({"budget_duration": null}).as_object().unwrap().clone(), ..UserPatch::default() };
        let free = store.users().update("ada", patch, &actor(DAY + 3)).await.unwrap().unwrap();
        assert_eq!((free.spend, free.resets_at), (Money(2), None));
        store.users().delete(&["ada".into()], &actor(DAY + 4)).await.unwrap();
    }

    async fn a_budget_of_a_model_counts_that_models_calls_from_when_it_was_set(db: TestDb) {
        let (store, mut key) = (&db.store, with_team(&db, "1d").await);
        let models = |value: serde_json::Value| KeyPatch {
            extra: json!({"model_max_budget": value}).as_object().unwrap().clone(), ..KeyPatch::default()
        };
        let call = async |id: u128, key: &VirtualKey, model: &str, started: i64, cost: i64| {
            let mut event = event(id, Some(key), started, cost);
            event.intent.model_group = model.into();
            store.ledger().ship(&[event], Timestamp::from_secs(started)).await.unwrap();
        };
        call(1, &key, "gpt-4o", 5, 1000).await;
        let daily = json!({"gpt-4o": {"budget_limit": 1, "time_period": "1d"}, "rates-only": {"rpm_limit": 1}});
        store.keys().update(key.hash, models(daily), &actor(10)).await.unwrap();
        call(2, &key, "gpt-4o", 9, 100).await;
        call(3, &key, "gpt-4o", 11, 7).await;
        call(4, &key, "another", 12, 50).await;
        let counts = async |key: &VirtualKey, model: &str| {
            let policy = account(store, AccountKind::KeyModel, &key.hash.to_hex(), model).await;
            let [window] = &*policy.windows else { panic!("{policy:?}") };
            (policy.spend.0 - window.base.0, window.ends.micros() / 1_000_000, policy.limits.max)
        };
        let dollar = Some(Money(1_000_000_000));
        assert_eq!(counts(&key, "gpt-4o").await, (7, DAY, dollar));
        let policy = store.policy().key(key.hash).await.unwrap().unwrap();
        assert_eq!(policy.terms.unwrap().budgeted_models.iter().map(|name| &**name).collect::<Vec<_>>(), ["gpt-4o"]);

        // The same batch again, and the next day with a call of the day before.
        call(3, &key, "gpt-4o", 11, 7).await;
        assert_eq!(store.windows().end_due(&actor(DAY)).await.unwrap(), 1);
        call(5, &key, "gpt-4o", DAY - 1, 100).await;
        call(6, &key, "gpt-4o", DAY + 1, 3).await;
        assert_eq!(counts(&key, "gpt-4o").await, (3, 2 * DAY, dollar));
        let head = store.policy().head().await.unwrap();
        let told = store.policy().account_spend_since(Timestamp(0)).await.unwrap();
        assert!(told.iter().any(|one| one.id.kind == AccountKind::KeyModel && one.spend == Money(210)));

        // A new secret takes it along, with what is shipped late under the old one.
        let old = key.clone();
        let replacement = (kit::KeyHash::of("sk-two"), "sk-...".to_owned());
        key = store.keys().regenerate(old.hash, replacement, KeyPatch::default(), &actor(DAY + 2)).await.unwrap().unwrap();
        call(7, &old, "gpt-4o", DAY + 1, 5).await;
        call(8, &key, "gpt-4o", DAY + 3, 20).await;
        assert_eq!(counts(&key, "gpt-4o").await, (28, 2 * DAY, dollar));
        let changes = store.policy().changes_since(head, 100).await.unwrap();
        assert_eq!(changes.accounts.iter().filter(|(id, _)| id.kind == AccountKind::KeyModel).count(), 2);

        // Set anew it begins anew; another time goes on with what counted.
        let for_ever = json!({"gpt-4o": {"max_budget": 2}});
        store.keys().update(key.hash, models(for_ever), &actor(DAY + 4)).await.unwrap();
        assert_eq!(counts(&key, "gpt-4o").await.0, 28);
        store.keys().update(key.hash, models(json!(null)), &actor(DAY + 5)).await.unwrap();
        store.keys().update(key.hash, models(json!({"gpt-4o": {"max_budget": 2}})), &actor(DAY + 6)).await.unwrap();
        assert_eq!(counts(&key, "gpt-4o").await.0, 0);
        store.keys().delete(&[key.hash], &actor(DAY + 7)).await.unwrap();
        assert_eq!(store.policy().changes_since(head, 100).await.unwrap().accounts.iter().filter(|(_, one)| *one != Stored::Gone).count(), 0);
    }

    async fn a_member_of_an_organisation_has_a_total_and_a_time(db: TestDb) {
        let store = &db.store;
        db.execute(
            "INSERT INTO budgets (id, max_budget_nano, budget_duration, model_max_budget, extra, created_at, updated_at)
             VALUES ('b', 100, '1d', '{}', '{}', 1, 1);
             INSERT INTO organizations (id, alias, budget_id, models, metadata, blocked, extra, created_at, updated_at)
             VALUES ('acme', 'Acme', 'b', '[]', '{}', 0, '{}', 1, 1);
             INSERT INTO organization_members (organization_id, user_id, role, budget_id, created_at, updated_at)
             VALUES ('acme', 'ada', 'internal_user', 'b', 1, 1)",
        )
        .await;
        let call = async |id: u128, user: &str, started: i64, cost: i64| {
            let mut event = event(id, None, started, cost);
            (event.intent.organization_id, event.intent.user_id) = (Some("acme".into()), Some(user.into()));
            store.ledger().ship(&[event], Timestamp::from_secs(started)).await.unwrap();
        };
        call(1, "ada", 10, 7).await;
        call(2, "bob", 10, 50).await;
        assert_eq!(store.windows().make_missing(&actor(20)).await.unwrap(), 2);
        call(3, "ada", DAY + 1, 3).await;
        assert_eq!(store.windows().end_due(&actor(DAY + 2)).await.unwrap(), 2);
        call(4, "ada", DAY - 1, 20).await;
        let ada = account(store, AccountKind::OrganizationMember, "acme", "ada").await;
        assert_eq!((ada.spend, ada.windows[0].base), (Money(30), Money(27)));
    }

    async fn after_a_long_absence_the_present_window_begins(db: TestDb) {
        let (store, key) = (&db.store, with_team(&db, "1d").await);
        store.windows().make_missing(&actor(20)).await.unwrap();
        ship(store, 1, &key, 10, 7).await;
        ship(store, 2, &key, 3 * DAY + 1, 5).await;
        ship(store, 3, &key, 9 * DAY + 1, 3).await;
        assert_eq!(store.windows().end_due(&actor(9 * DAY + 60)).await.unwrap(), 1);
        assert_eq!(red(store).await, (15, 12, 10 * DAY));
    }

    /// Two backends and a gateway that ships: one of them ends it, and no call is lost or counted twice.
    async fn each_window_is_ended_once(db: TestDb) {
        let (store, key) = (&db.store, with_team(&db, "1d").await);
        store.windows().make_missing(&actor(20)).await.unwrap();
        let head = store.policy().head().await.unwrap();
        let mut backends = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let store = db.another().await;
            backends.spawn(async move { store.windows().end_due(&actor(DAY + 1)).await.unwrap() });
        }
        for id in 0..20_u32 {
            // Alternately of yesterday and of today.
            ship(store, u128::from(id), &key, DAY - 1 + i64::from(id % 2), 1 + i64::from(id % 2)).await;
        }
        let mut ended = 0;
        while let Some(done) = backends.join_next().await {
            ended += done.unwrap();
        }
        assert_eq!(ended, 1);
        assert_eq!(red(store).await, (30, 10, 2 * DAY));
        assert_eq!(store.policy().head().await.unwrap(), head + 1);
        let query = AuditQuery { action: Some("budget_reset".into()), size: 10, ..AuditQuery::default() };
        assert_eq!(store.audit().list(&query).await.unwrap().rows.len(), 1);
    }

    async fn a_shared_budget_gives_each_who_has_it_a_window(db: TestDb) {
        db.execute(
            "INSERT INTO budgets (id, max_budget_nano, budget_duration, model_max_budget, extra, created_at, updated_at)
               VALUES ('b', 70, '1h', '{}', '{}', 1, 1);
             INSERT INTO customers (id, budget_id, models, blocked, extra, created_at, updated_at)
               VALUES ('c1', 'b', '[]', 0, '{}', 1, 1), ('c2', 'b', '[]', 0, '{}', 1, 1);
             INSERT INTO teams (id, models, model_aliases, metadata, budget_limits, model_max_budget, member_budget_id, blocked,
                                extra, created_at, updated_at)
               VALUES ('red', '[]', '{}', '{}', '[]', '{}', 'b', 0, '{}', 1, 1);
             INSERT INTO team_members (team_id, user_id, role, allowed_models, created_at, updated_at)
               VALUES ('red', 'ada', 'user', '[]', 1, 1);",
        )
        .await;
        let (store, windows) = (&db.store, db.store.windows());
        assert_eq!(windows.make_missing(&actor(20)).await.unwrap(), 3);
        let member = account(store, AccountKind::Member, "red", "ada").await;
        assert_eq!((&*member.windows[0].duration, member.windows[0].ends), ("1h", Timestamp::from_secs(3_600)));
        // Another time for all of them: one change of the budget, and windows that go on where the old ones were.
        db.execute("UPDATE budget_windows SET base_nano = 5 WHERE id = 'c1'; UPDATE budgets SET budget_duration = '1d'").await;
        assert_eq!(windows.make_missing(&actor(30)).await.unwrap(), 3);
        let customer = account(store, AccountKind::Customer, "", "c1").await;
        let [window] = &*customer.windows else { panic!("{customer:?}") };
        assert_eq!((&*window.duration, window.base, window.ends), ("1d", Money(5), Timestamp::from_secs(DAY)));
    }

    async fn a_keys_window_moves_with_it_and_what_is_set_counts(db: TestDb) {
        let store = &db.store;
        let key = db.add_key("sk-one").await;
        db.set(key.hash, "budget_duration", "'1d'").await;
        store.windows().make_missing(&actor(20)).await.unwrap();
        ship(store, 1, &key, 10, 7).await;
        store.windows().end_due(&actor(DAY)).await.unwrap();
        let window = async |hash| {
            let policy = store.policy().key(hash).await.unwrap().unwrap();
            (policy.spend, policy.terms.unwrap().windows[0].base)
        };
        assert_eq!(window(key.hash).await, (Money(7), Money(7)));
        let hash = kit::KeyHash::of("sk-two");
        store.keys().regenerate(key.hash, (hash, "sk-...".into()), KeyPatch::default(), &actor(DAY)).await.unwrap();
        db.set(hash, "budget_duration", "'1d'").await;
        assert_eq!(window(hash).await, (Money(7), Money(7)));
        // A call of the first day, made with the old secret, is shipped now; and one of today.
        ship(store, 2, &key, 15, 5).await;
        assert_eq!(window(hash).await, (Money(12), Money(12)));
        ship(store, 3, &key, DAY + 1, 2).await;
        assert_eq!(window(hash).await, (Money(14), Money(12)));
        let patch = KeyPatch { spend: Some(Money(3)), ..KeyPatch::default() };
        store.keys().update(hash, patch, &actor(DAY)).await.unwrap();
        assert_eq!(window(hash).await, (Money(3), Money::ZERO));
    }

    async fn a_window_that_no_budget_has_any_more_ends_with_its_time(db: TestDb) {
        let (store, _) = (&db.store, with_team(&db, "1d").await);
        store.windows().make_missing(&actor(20)).await.unwrap();
        db.execute("UPDATE teams SET budget_duration = NULL").await;
        let head = store.policy().head().await.unwrap();
        assert_eq!(store.windows().end_due(&actor(DAY)).await.unwrap(), 1);
        assert_eq!(store.windows().end_due(&actor(9 * DAY)).await.unwrap(), 0);
        assert!(account(store, AccountKind::Team, "", "red").await.windows.is_empty());
        assert_eq!(store.policy().head().await.unwrap(), head);
    }

    async fn a_time_that_cannot_be_read_holds_up_no_other(db: TestDb) {
        let (store, key) = (&db.store, with_team(&db, "1d").await);
        store.windows().make_missing(&actor(20)).await.unwrap();
        db.execute(
            "INSERT INTO budget_windows (kind, within, id, duration, starts_at, ends_at, base_nano)
             VALUES ('user', '', 'ada', 'nonsense', 0, 5, 0), ('spaceship', '', 'x', '1d', 0, 5, 0)",
        )
        .await;
        ship(store, 1, &key, DAY, 3).await;
        assert_eq!(store.windows().end_due(&actor(DAY)).await.unwrap(), 2);
        assert_eq!(store.windows().end_due(&actor(DAY)).await.unwrap(), 0);
        assert_eq!(red(store).await, (3, 0, 2 * DAY));
    }
}
