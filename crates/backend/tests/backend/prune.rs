use std::time::Duration;

use kit::{KeyHash, Timestamp};
use store::keys::Actor;
use store::{Settings, Store};

use crate::support::{App, Kind, NOW};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn changes_of_last_week_are_removed() {
    let (url, folder) = Kind::Sqlite.url();
    let store = Store::connect(&Settings::new(url)).await.unwrap();
    store.migrate_up().await.unwrap();
    let app = App::start(store, folder, |_| ()).await;
    let key = app.key(serde_json::json!({})).await;
    let days_ago = |days: i64| Timestamp(NOW.micros() - days * 24 * 3_600 * 1_000_000);
    for at in [days_ago(9), days_ago(8), days_ago(6)] {
        let actor = Actor { id: "admin".into(), at, ..Actor::default() };
        app.store.keys().set_blocked(KeyHash::of(&key), true, &actor).await.unwrap();
    }
    // Another process begins with a look.
    let other = App::start(app.store.clone(), None, |_| ()).await;
    let removed = async {
        while other.store.policy().changes_since(4, 1).await.unwrap().pruned < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, removed).await.unwrap();
    let tail = app.store.policy().changes_since(3, 10).await.unwrap();
    assert_eq!((tail.pruned, tail.head, tail.next), (3, 4, 4));
}
