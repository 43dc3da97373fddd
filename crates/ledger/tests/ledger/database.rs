//! The same on the real databases: rows and totals, through a second shipping and an outage.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bulkhead_ledger::{Ledger, ShippedBatch};
use domain::VirtualKey;
use kit::{KeyHash, Money, Timestamp};
use serde_json::Map;
use store::Store;
use store::keys::Actor;
use tempfile::{TempDir, tempdir};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::common::{files, open, settings};
use crate::samples::{expected, intent, outcome};

struct Database {
    store: Store,
    folder: TempDir,
}

impl Database {
    async fn sqlite() -> Self {
        let folder = tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self::open(url, folder).await
    }

    async fn postgres() -> Self {
        let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
        Self::open(url, tempdir().unwrap()).await
    }

    /// A database with the three keys that the sample calls are charged to.
    async fn open(url: String, folder: TempDir) -> Self {
        let store = Store::connect(&store::Settings::new(url)).await.unwrap();
        store.migrate_up().await.unwrap();
        for number in 0..3 {
            store.keys().create(&key(&format!("sk-{number}")), &actor()).await.unwrap();
        }
        Self { store, folder }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Asserts that the calls of `numbers` were charged once.
    async fn is_charged(&self, numbers: Range<u64>) {
        for key in 0..3 {
            let charged = numbers.clone().filter(|number| number % 3 == key);
            let expected = charged.map(|number| outcome(number).cost).sum::<Money>();
            let found = self.store.keys().get(KeyHash::of(&format!("sk-{key}"))).await.unwrap().unwrap();
            assert_eq!(found.spend, expected, "sk-{key}");
        }
    }
}

fn actor() -> Actor {
    Actor { id: "admin".into(), at: Timestamp::from_secs(1), ..Actor::default() }
}

fn key(raw: &str) -> VirtualKey {
    VirtualKey {
        hash: KeyHash::of(raw),
        name: "sk-...".into(),
        alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        models: Vec::new(),
        aliases: Default::default(),
        metadata: Map::new(),
        max_budget: Some(Money(1_000_000)),
        spend: Money::ZERO,
        window: None,
        blocked: false,
        expires: None,
        created_at: Timestamp::from_secs(1),
        created_by: None,
        updated_at: Timestamp::from_secs(1),
        updated_by: None,
        extra: Map::new(),
    }
}

struct Shipping {
    stop: CancellationToken,
    task: JoinHandle<()>,
    inserted: watch::Receiver<usize>,
}

fn ship(ledger: &Ledger, store: &Store) -> Shipping {
    let (stop, (count, inserted)) = (CancellationToken::new(), watch::channel(0));
    let (ledger, store, stopped) = (ledger.clone(), store.clone(), stop.clone().cancelled_owned());
    let task = tokio::spawn(async move {
        let on_shipped =
            move |batch: ShippedBatch<'_>| count.send_modify(|count| *count += batch.shipped.inserted);
        ledger.run(store, on_shipped, stopped).await.unwrap();
    });
    Shipping { stop, task, inserted }
}

impl Shipping {
    async fn until(&mut self, inserted: usize) {
        self.inserted.wait_for(|count| *count >= inserted).await.unwrap();
    }

    async fn stop(self) -> usize {
        self.stop.cancel();
        self.task.await.unwrap();
        *self.inserted.borrow()
    }
}

fn write(ledger: &Ledger, numbers: Range<u64>) {
    let mut writer = ledger.writer();
    for number in numbers {
        writer.intent(&intent(number), &expected(number)).unwrap();
        writer.outcome(&outcome(number)).unwrap();
    }
}

/// Copies the one process folder under `from` into `to`.
fn copy_folder(from: &Path, to: &Path) {
    let mut entries = from.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let folder = entries.find(|path| path.is_dir()).unwrap();
    fs::create_dir_all(to).unwrap();
    for file in folder.read_dir().unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

async fn the_same_journal_shipped_twice_is_charged_once(database: Database) {
    let (journal, kept) = (database.journal(), database.folder.path().join("kept"));
    let dead = open(&journal, settings());
    write(&dead, 0..200);
    drop(dead);
    copy_folder(&journal, &kept);
    assert_eq!(ship(&open(&journal, settings()), &database.store).stop().await, 200);
    database.is_charged(0..200).await;

    // As after a crash between the transaction and the clean-up.
    fs::rename(&kept, journal.join("00000000000000000001-1-0")).unwrap();
    let next = open(&journal, settings());
    write(&next, 200..230);
    assert_eq!(ship(&next, &database.store).stop().await, 30);
    database.is_charged(0..230).await;
    assert_eq!(next.stats().shipped, 230);
    assert_eq!(files(&journal), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_journal_shipped_twice_is_charged_once_sqlite() {
    the_same_journal_shipped_twice_is_charged_once(Database::sqlite().await).await;
}

#[tokio::test]
async fn the_same_journal_shipped_twice_is_charged_once_postgres() {
    the_same_journal_shipped_twice_is_charged_once(Database::postgres().await).await;
}

#[tokio::test]
async fn what_is_written_while_postgres_is_down_arrives_when_it_is_back() {
    let cluster = testkit::postgres::Cluster::private().unwrap();
    // The test server does not wait for its log; here what was committed must outlive a crash.
    let url = format!("{}?options[synchronous_commit]=on", cluster.create_database().unwrap());
    let database = Database::open(url, tempdir().unwrap()).await;
    let ledger = open(&database.journal(), settings());
    let mut shipping = ship(&ledger, &database.store);
    write(&ledger, 0..60);
    shipping.until(60).await;
    cluster.stop().unwrap();
    write(&ledger, 60..400);
    while ledger.stats().ship_errors == 0 {
        tokio::task::yield_now().await;
    }
    cluster.start().unwrap();
    shipping.until(400).await;
    shipping.stop().await;
    database.is_charged(0..400).await;
    assert_eq!(files(&database.journal()), Vec::<String>::new());
}
