use domain::key::VirtualKey;
use domain::{Dialect, Intent, Outcome, Status, Usage, UsageEvent};
use kit::{KeyHash, Money, Timestamp};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::keys::Actor;
use store::{Settings, Store};
use tempfile::TempDir;
use uuid::Uuid;

/// An empty, migrated database of its own for one test.
pub struct TestDb {
    pub store: Store,
    pub settings: Settings,
    _folder: Option<TempDir>,
}

impl TestDb {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self::open(url, Some(folder)).await
    }

    pub async fn postgres() -> Self {
        Self::open(testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}")), None).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let settings = Settings::new(url);
        let store = Store::connect(&settings).await.unwrap();
        assert!(!store.migration_status().await.unwrap().is_current());
        store.migrate_up().await.unwrap();
        assert!(store.migration_status().await.unwrap().is_current());
        Self { store, settings, _folder: folder }
    }

    /// A database as an older version left it: with the migrations up to `version`.
    pub async fn brought_to(url: String, folder: Option<TempDir>, version: i64) -> Self {
        let mut migrator = sqlx::migrate!("./migrations");
        migrator.migrations.to_mut().retain(|migration| migration.version <= version);
        let settings = Settings::new(url);
        let store = Store::connect(&settings).await.unwrap();
        if settings.url.starts_with("sqlite") {
            let options = settings.url.parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap();
            let pool = sqlx::SqlitePool::connect_with(options.create_if_missing(true)).await.unwrap();
            migrator.run(&pool).await.unwrap();
        } else {
            migrator.run(&sqlx::PgPool::connect(&settings.url).await.unwrap()).await.unwrap();
        }
        Self { store, settings, _folder: folder }
    }

    /// Another process on the same database.
    pub async fn another(&self) -> Store {
        Store::connect(&self.settings).await.unwrap()
    }

    /// Puts a value into a column of a key behind the store's back.
    pub async fn set(&self, hash: KeyHash, column: &str, value: &str) {
        self.execute(&format!("UPDATE keys SET {column} = {value} WHERE hash = '{hash}'")).await;
    }

    /// Runs statements that the crate has no business with.
    pub async fn execute(&self, statements: &str) {
        let url = &self.settings.url;
        let statements = sqlx::raw_sql(AssertSqlSafe(statements));
        if url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            statements.execute(&mut connection).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(url).await.unwrap();
            statements.execute(&mut connection).await.unwrap();
        }
    }

    /// The only column of each row.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let url = &self.settings.url;
        let query = AssertSqlSafe(query.to_owned());
        if url.starts_with("sqlite") {
            let mut connection = SqliteConnection::connect(url).await.unwrap();
            sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
        } else {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
        }
    }

    pub async fn add_key(&self, raw: &str) -> VirtualKey {
        let key = key(raw);
        self.store.keys().create(&key, &actor(1)).await.unwrap();
        key
    }
}

/// Columns and values that make no sense of a key's row. Postgres checks the types itself.
pub fn rows_of_a_key_made_wrong(db: &TestDb) -> &'static [(&'static str, &'static str)] {
    const TEXTS: &[(&str, &str)] = &[
        ("models", "'no JSON'"),
        ("aliases", "'[]'"),
        ("metadata", "'{\"tags\": ['"),
        ("blocked", "'maybe'"),
    ];
    if db.settings.url.starts_with("sqlite:") { TEXTS } else { &TEXTS[..3] }
}

/// Makes one test per database out of each function.
macro_rules! backends {
    ($($(#[$doc:meta])* async fn $name:ident($db:ident: TestDb) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn check($db: TestDb) $body

            #[tokio::test]
            async fn sqlite() {
                check(TestDb::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                check(TestDb::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use backends;

pub fn actor(secs: i64) -> Actor {
    Actor { id: "admin".into(), api_key: "master".into(), at: Timestamp::from_secs(secs), ..Actor::default() }
}

pub fn key(raw: &str) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(raw),
        name: domain::key::display_name(raw),
        alias: Some(format!("alias of {raw}")),
        user_id: Some("ada".into()),
        team_id: None,
        organization_id: None,
        models: vec!["gpt-4o".into(), "claude-*".into()],
        aliases: [("fast".to_owned(), "gpt-4o-mini".to_owned())].into(),
        metadata: serde_json::json!({"tags": ["blue", "green"], "note": "ünïcode \u{0}"})
            .as_object()
            .unwrap()
            .clone(),
        max_budget: Some(Money(5_000_000_000)),
        spend: Money::ZERO,
        window: None,
        blocked: false,
        expires: Some(Timestamp::from_secs(1_000)),
        created_at: Timestamp::from_secs(1),
        created_by: Some("admin".into()),
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
        extra: serde_json::json!({"tpm_limit": 9}).as_object().unwrap().clone(),
    }
}

pub fn event(id: u128, key: Option<&VirtualKey>, started_secs: i64, cost: i64) -> UsageEvent {
    // As real ones are: the time first.
    let id = Uuid::from_u128((started_secs.max(0) as u128 * 1000) << 80 | id);
    let started_at = Timestamp::from_secs(started_secs);
    let text = |text: &str| Some(Box::<str>::from(text));
    UsageEvent {
        intent: Intent {
            id,
            call_id: format!("call-{id}").into(),
            started_at,
            key: key.map(|key| key.hash),
            key_alias: key.and_then(|key| key.alias.as_deref().map(Box::from)),
            user_id: key.and_then(|key| key.user_id.as_deref().map(Box::from)),
            team_id: None,
            organization_id: text("org"),
            project_id: text("project"),
            customer: text("customer-1"),
            tags: vec!["blue".into()],
            dialect: Dialect::AnthropicMessages,
            stream: true,
            model_group: "smart".into(),
            model: "claude-opus".into(),
            provider: "anthropic".into(),
            deployment_id: "d1".into(),
            api_base: "https://api.example".into(),
            estimate: Money(9),
            session_id: text("s"),
            requester_ip: text("127.0.0.1"),
            user_agent: text("curl"),
        },
        outcome: Outcome {
            id,
            ended_at: Timestamp(started_at.micros() + 250_000),
            first_byte_at: Some(Timestamp(started_at.micros() + 100_000)),
            status: Status::Success,
            http_status: 200,
            usage: Usage {
                input: 10,
                output: 5,
                cache_read: Some(4),
                reasoning: Some(0),
                ..Usage::default()
            },
            usage_estimated: false,
            cost: Money(cost),
            price_version: "2026-01".into(),
            response_id: Some(format!("resp-{id}").into()),
            error: None,
            superseded: false,
        },
    }
}
