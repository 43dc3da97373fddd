use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bulkhead_backend::{ModelCard, RngFactory, State, serve};
use domain::{Deployment, Dialect, Intent, Outcome, Status, Usage, UsageEvent};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use kit::{KeyHash, ManualClock, Money, Rng, Secret, SeededRng, Timestamp};
use serde_json::{Value, json};
use store::{Settings, Store, Vault};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use uuid::Uuid;

pub const MASTER: &str = "sk-master-of-the-tests";
/// 2026-01-31T08:00:00Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_769_846_400);
/// Largest answer that a test reads.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A control plane on a free port with a database of its own.
pub struct App {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub port: u16,
    _stop: oneshot::Sender<()>,
    _folder: Option<TempDir>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body of an answer that must be 200.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()
    }

    /// The error of an answer that must have this status: its type, param and message.
    #[track_caller]
    pub fn error(&self, status: u16) -> (String, Value, String) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        let error = &self.json()["error"];
        assert_eq!(error["code"], status.to_string());
        let text = |name: &str| error[name].as_str().unwrap().to_owned();
        (text("type"), error["param"].clone(), text("message"))
    }
}

impl App {
    pub async fn sqlite() -> Self {
        Self::with(Kind::Sqlite, |_| ()).await
    }

    pub async fn with(kind: Kind, change: impl FnOnce(&mut State)) -> Self {
        let (url, folder) = kind.url();
        let store = Store::connect(&Settings::new(url)).await.unwrap();
        store.migrate_up().await.unwrap();
        Self::start(store, folder, change).await
    }

    pub async fn start(store: Store, folder: Option<TempDir>, change: impl FnOnce(&mut State)) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let mut state = State::new(store.clone(), vault(), clock.clone(), rng(), Secret::new(MASTER));
        change(&mut state);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(listener, state, async move {
            let _ = stopped.await;
        }));
        Self { store, clock, port, _stop: stop, _folder: folder }
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(self.port, method, path, headers, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(MASTER, path).await
    }

    pub async fn get_as(&self, key: &str, path: &str) -> Answer {
        self.send(Method::GET, path, &[("authorization", &format!("Bearer {key}"))], "").await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        let key = format!("Bearer {MASTER}");
        self.send(Method::POST, path, &[("authorization", &key)], &body.to_string()).await
    }

    /// Makes a key and returns it raw.
    pub async fn key(&self, body: Value) -> String {
        self.post("/key/generate", body).await.ok()["key"].as_str().unwrap().to_owned()
    }
}

pub async fn send(port: u16, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "gateway.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.as_bytes().to_vec().into())).unwrap();
    let request: Request<Full<bytes::Bytes>> = request;
    let response = sender.send_request(request).await.unwrap();
    let (parts, body) = response.into_parts();
    #[allow(clippy::disallowed_methods, reason = "limited just above")]
    let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub fn url(self) -> (String, Option<TempDir>) {
        match self {
            Self::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (format!("sqlite:{}", folder.path().join("test.db").display()), Some(folder))
            }
            Self::Postgres => (testkit::postgres::database().unwrap_or_else(|why| panic!("{why}")), None),
        }
    }
}

/// Makes one test per database out of each function.
macro_rules! backends {
    ($($(#[$doc:meta])* async fn $name:ident($app:ident: App) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn check($app: App) $body

            #[tokio::test]
            async fn sqlite() {
                check(App::with($crate::support::Kind::Sqlite, |_| ()).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                check(App::with($crate::support::Kind::Postgres, |_| ()).await).await;
            }
        }
    )*};
}
pub(crate) use backends;

fn vault() -> Vault {
    Vault::new(&Secret::new(MASTER), rng()()).unwrap()
}

/// Different on each call, the same on each run.
fn rng() -> RngFactory {
    static SEED: LazyLock<AtomicU64> = LazyLock::new(AtomicU64::default);
    Arc::new(|| Box::new(SeededRng::new(SEED.fetch_add(1, Ordering::Relaxed))) as Box<dyn Rng>)
}

/// As real ones are: the time first, here the same of all.
pub fn event_id(id: u128) -> Uuid {
    Uuid::from_u128(u128::from(NOW.micros().unsigned_abs() / 1000) << 80 | id)
}

/// One finished call, `ago` before now.
pub fn call(id: u128, key: Option<&str>, ago: Duration, cost: i64) -> UsageEvent {
    let id = event_id(id);
    let started_at = Timestamp(NOW.micros() - i64::try_from(ago.as_micros()).unwrap());
    UsageEvent {
        intent: Intent {
            id,
            call_id: format!("call-{id}").into(),
            started_at,
            key: key.map(KeyHash::of),
            key_alias: None,
            user_id: key.map(|_| "ada".into()),
            team_id: None,
            organization_id: None,
            project_id: None,
            customer: Some("customer".into()),
            tags: vec!["blue".into()],
            dialect: Dialect::OpenAiChat,
            stream: false,
            model_group: "smart".into(),
            model: "gpt-4o".into(),
            provider: "openai".into(),
            deployment_id: "d1".into(),
            api_base: "https://api.example".into(),
            estimate: Money(1),
            session_id: None,
            requester_ip: None,
            user_agent: None,
        },
        outcome: Outcome {
            id,
            ended_at: Timestamp(started_at.micros() + 250_000),
            first_byte_at: None,
            status: Status::Success,
            http_status: 200,
            usage: Usage { input: 10, output: 5, cache_read: Some(4), ..Usage::default() },
            usage_estimated: false,
            cost: Money(cost),
            price_version: "test".into(),
            response_id: Some(format!("resp-{id}").into()),
            error: None,
            superseded: false,
        },
    }
}

pub fn models() -> Vec<ModelCard> {
    let mut smart = Deployment::named("smart", "openai", "gpt-4o");
    smart.api_key = Some(Secret::new("sk-provider-secret"));
    smart.api_base = Some("https://user:provider-secret@api.example/v1?key=provider-secret".into());
    smart.extra_headers = [("x-secret".to_owned(), Secret::new("provider-secret"))].into();
    smart.rpm = Some(5);
    let mut spare = smart.clone();
    spare.id = "spare".into();
    let claude = Deployment::named("claude", "anthropic", "claude-opus");
    let facts = json!({"mode": "chat", "max_input_tokens": 128_000, "input_cost_per_token": 2.5e-6, "supports_vision": true});
    let facts = facts.as_object().unwrap();
    [smart, spare, claude]
        .map(|deployment| ModelCard { deployment, facts: facts.clone(), stored: None })
        .into()
}
