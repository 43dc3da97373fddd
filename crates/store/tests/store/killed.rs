//! Migrations on PostgreSQL die at every statement, are run again, and leave what an undisturbed run leaves.
//!
//! They die between any two messages to the server, and within each message at the beginning and at the end of every command
//! that changes the schema. What is compared is the schema and every row.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Settings, Store, StoreError};
use testkit::fault::FaultProxy;
use tokio::net::TcpListener;

use crate::killed_sql::{ARM, FINGERPRINT, REAPER, RUNNING, SEEDS};

/// Longest wait for what is to be over in a moment.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
enum Death {
    /// The connection breaks after so many messages.
    After(u64),
    /// The server's process ends at the so-manieth beginning or end of a command that changes the schema.
    At(u64),
}

impl Death {
    const FIRST: [Self; 2] = [Self::After(0), Self::At(1)];

    const fn next(self) -> Self {
        match self {
            Self::After(count) => Self::After(count + 1),
            Self::At(count) => Self::At(count + 1),
        }
    }
}

#[derive(Clone, Copy)]
enum Run {
    Up,
    Finish,
}

impl Run {
    async fn on(self, store: &Store) -> Result<(), StoreError> {
        match self {
            Self::Up => store.migrate_up().await,
            Self::Finish => store.migrate_finish(false).await,
        }
    }
}

/// A database in which migrations die.
struct Doomed {
    url: String,
    name: String,
}

impl Doomed {
    /// An empty one.
    async fn new() -> Self {
        let url = testkit::postgres::database().unwrap();
        let doomed = Self { name: url.rsplit('/').next().unwrap().to_owned(), url };
        doomed.execute(REAPER).await;
        doomed
    }

    /// A copy; nobody may be connected to this one.
    async fn copy(&self, name: &str) -> Self {
        let name = format!("{}_{name}", self.name);
        self.wait_until_left().await;
        self.on_server(&format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await;
        Self { url: self.url.replace(&self.name, &name), name }
    }

    async fn drop(self) {
        self.wait_until_left().await;
        self.on_server(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }

    async fn on_server(&self, statement: &str) {
        let url = self.url.replace(&self.name, "postgres");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    async fn execute(&self, statements: &str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Schema and rows, a line each.
    async fn fingerprint(&self) -> String {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let lines = sqlx::query_scalar::<_, String>(FINGERPRINT).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        lines
    }

    /// Until the server has noticed that those who ran migrations are gone.
    async fn wait_until_left(&self) {
        let url = self.url.replace(&self.name, "postgres");
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let left = async {
            while sqlx::query_scalar::<_, bool>(RUNNING)
                .bind(&self.name)
                .fetch_one(&mut connection)
                .await
                .unwrap()
            {}
        };
        tokio::time::timeout(PATIENCE, left).await.expect("they are gone");
        connection.close().await.unwrap();
    }

    /// Runs migrations until they die or are done; whether they are done.
    async fn run(&self, run: Run, death: Death) -> bool {
        let server = self.url.split('@').nth(1).unwrap().split('/').next().unwrap();
        let proxy = FaultProxy::new(server.parse().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = self.url.replace(server, &listener.local_addr().unwrap().to_string());
        let proxied = tokio::spawn(proxy.clone().run(listener));
        match death {
            Death::After(statements) => proxy.cut_after(Some(statements)),
            Death::At(command) => self.execute(&ARM.replace("$1", &command.to_string())).await,
        }
        let outcome = match Store::connect(&Settings::new(through)).await {
            Ok(store) => {
                let outcome = run.on(&store).await;
                store.close().await;
                outcome
            }
            Err(died_at_once) => Err(died_at_once),
        };
        proxied.abort();
        self.execute(&ARM.replace("$1", "0")).await;
        self.wait_until_left().await;
        match outcome {
            Ok(()) => true,
            Err(error) if error.is_transient() => false,
            Err(error) => panic!("{death:?}: {error}"),
        }
    }

    async fn run_undisturbed(&self, run: Run) {
        let store = Store::connect(&Settings::new(self.url.clone())).await.unwrap();
        run.on(&store).await.unwrap();
        store.close().await;
    }

    /// The steps alone, one after the other, each with what is to be there before the next.
    async fn step_by_step(&self) -> Vec<String> {
        let all = sqlx::migrate!("./migrations");
        let mut states = vec![self.fingerprint().await];
        for version in [0].into_iter().chain(all.iter().map(|step| step.version)) {
            let mut steps = sqlx::migrate!("./migrations");
            steps.migrations.to_mut().retain(|step| step.version <= version);
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            steps.run(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            states.push(self.fingerprint().await);
            if let Some(rows) = seed(version) {
                self.execute(rows).await;
                states.push(self.fingerprint().await);
            }
        }
        states
    }
}

fn seed(version: i64) -> Option<&'static str> {
    SEEDS.iter().find(|(after, _)| *after == version).map(|(_, rows)| *rows)
}

/// The newest step that a state has.
fn newest(state: &str) -> Option<i64> {
    let steps = state.lines().filter_map(|line| line.strip_prefix("step "));
    steps.filter_map(|version| version.parse().ok()).max()
}

fn differ(state: &str, expected: &str) -> String {
    let (state, expected) = (state.lines().collect::<HashSet<_>>(), expected.lines().collect::<HashSet<_>>());
    format!("too much: {:#?}\nmissing: {:#?}", &state - &expected, &expected - &state)
}

/// Each step is one transaction, so whatever it dies of leaves the state of before it or after it.
async fn steps_die(first: Death) {
    let whole = Doomed::new().await;
    let states = whole.step_by_step().await;
    let last = newest(states.last().unwrap());
    whole.run_undisturbed(Run::Up).await;

    let doomed = Doomed::new().await;
    let (mut death, mut reached, mut deaths, mut seeded) = (first, None, 0, 0);
    while reached != last {
        assert!(!doomed.run(Run::Up, death).await, "{death:?} of step {reached:?} did not come");
        deaths += 1;
        let state = doomed.fingerprint().await;
        // What follows the last step is the other test's.
        let is_known = newest(&state) == last || states.contains(&state);
        assert!(is_known, "{death:?} after {reached:?}: {}", differ(&state, &states[0]));
        if newest(&state) == reached {
            death = death.next();
            continue;
        }
        (reached, death) = (newest(&state), first);
        if let Some(rows) = reached.and_then(seed) {
            doomed.execute(rows).await;
            seeded += 1;
        }
    }
    assert_eq!(seeded, SEEDS.len());
    assert!(deaths > 200, "{deaths} deaths");
    doomed.run_undisturbed(Run::Up).await;
    let (state, expected) = (doomed.fingerprint().await, whole.fingerprint().await);
    assert!(state == expected, "{}", differ(&state, &expected));
}

/// From one state, dies at each statement in turn and is run again.
async fn each_death_is_mended(before: &Doomed, run: Run, at_least: u32) {
    let whole = before.copy("whole").await;
    whole.run_undisturbed(run).await;
    let expected = whole.fingerprint().await;
    whole.drop().await;
    for first in Death::FIRST {
        let (mut death, mut deaths) = (first, 0);
        loop {
            let doomed = before.copy("doomed").await;
            let is_done = doomed.run(run, death).await;
            if !is_done {
                doomed.run_undisturbed(run).await;
            }
            let state = doomed.fingerprint().await;
            assert!(state == expected, "{death:?}: {}", differ(&state, &expected));
            doomed.drop().await;
            if is_done {
                break;
            }
            (death, deaths) = (death.next(), deaths + 1);
        }
        assert!(deaths >= at_least, "{deaths} deaths from {first:?} on");
    }
}

#[tokio::test]
async fn steps_of_up_between_any_two_messages() {
    steps_die(Death::After(0)).await;
}

#[tokio::test]
async fn steps_of_up_within_any_command() {
    steps_die(Death::At(1)).await;
}

/// The index of searches and the partitions, which are not made in one transaction.
#[tokio::test]
async fn what_up_does_after_its_steps() {
    let before = Doomed::new().await;
    before.step_by_step().await;
    each_death_is_mended(&before, Run::Up, 12).await;
    before.drop().await;
}

#[tokio::test]
async fn finish() {
    let before = Doomed::new().await;
    before.step_by_step().await;
    before.run_undisturbed(Run::Up).await;
    each_death_is_mended(&before, Run::Finish, 4).await;
    before.drop().await;
}
