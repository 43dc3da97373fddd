//! `bulkhead smoke`: whether an installation works from end to end. Mints a key, asks the demo model with it,
//! and waits for the row of spend; what it made it takes away again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, header};
use kit::{Clock, Rng};
use serde_json::{Value, json};
use upstream::{Client, ClientSettings, Pieces};

use crate::cli::Smoke;
use crate::error::Failure;
use crate::system::{OsRng, SystemClock};

/// Longest wait for a new key and model to reach the gateways, and for the row to reach the database.
const ARRIVAL_MAX: Duration = Duration::from_secs(60);
/// Longest wait for an installation that is only starting.
const START_MAX: Duration = Duration::from_secs(180);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const REQUEST_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 1 << 20;
const CALL_ID: &str = "x-litellm-call-id";

pub async fn run(options: Smoke) -> Result<(), Failure> {
    let extra_roots = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let tls = upstream::tls::client_config(extra_roots.as_deref()).map_err(said)?;
    let clock = Arc::new(SystemClock::new());
    let client = Client::new(&ClientSettings::default(), &tls, clock.clone(), &mut OsRng);
    let name = format!("smoke-{:016x}", OsRng.next_u64());
    let smoke = Installation { options, client, clock, name };
    smoke.wait_until_there().await?;
    let made = smoke.make().await?;
    let outcome = smoke.spend(&made).await;
    smoke.take_away(&made).await?;
    println!("{}", outcome?);
    Ok(())
}

struct Installation {
    options: Smoke,
    client: Client,
    clock: Arc<SystemClock>,
    /// Of the key, and of the model that is made for the test.
    name: String,
}

/// What the test has made.
struct Made {
    key: String,
    model_id: Option<String>,
}

struct Answer {
    status: u16,
    call_id: String,
    body: Value,
}

impl Installation {
    /// `helm install` returns before its pods are ready. Both paths need no key, and each is of one component through any entry.
    async fn wait_until_there(&self) -> Result<(), Failure> {
        let management = self.options.management_url.as_ref().unwrap_or(&self.options.url);
        let gateway = format!("{}/health/readiness", self.options.url);
        for url in [gateway, format!("{management}/.well-known/litellm-ui-config")] {
            self.eventually(&url, START_MAX, async || {
                let answer = self.ask(Method::GET, &url, &self.options.master_key, None).await?;
                match answer.status {
                    200 => Ok(Some(())),
                    status => Err(Failure::Said(format!("it said {status}"))),
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn make(&self) -> Result<Made, Failure> {
        let wanted = json!({"key_alias": self.name, "duration": "1h", "max_budget": 1});
        let key = self.manage(Method::POST, "/key/generate", Some(wanted)).await?;
        let key = text(&key, "key")?;
        if self.options.model.is_some() {
            return Ok(Made { key, model_id: None });
        }
        let wanted = json!({"model_name": self.name, "litellm_params": {"model": "demo"}});
        match self.manage(Method::POST, "/model/new", Some(wanted)).await {
            Ok(model) => Ok(Made { key, model_id: Some(text(&model["model_info"], "id")?) }),
            Err(failure) => {
                self.take_away(&Made { key, model_id: None }).await?;
                Err(failure)
            }
        }
    }

    /// One chat, and its row.
    async fn spend(&self, made: &Made) -> Result<String, Failure> {
        let model = self.options.model.as_deref().unwrap_or(&self.name);
        let chat =
            json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Hello!"}]});
        let url = format!("{}/v1/chat/completions", self.options.url);
        // The key and the model reach a gateway a moment after they are made.
        let answered = self
            .eventually(&format!("an answer of {model}"), ARRIVAL_MAX, async || {
                let answer = self.ask(Method::POST, &url, &made.key, Some(&chat)).await?;
                match answer.status {
                    200 => Ok(Some(answer)),
                    _ => Err(Failure::Said(format!("{url} said {}: {}", answer.status, answer.body))),
                }
            })
            .await?;
        let path = format!("/spend/logs?request_id={}", answered.call_id);
        let row = self
            .eventually(&format!("the row of call {}", answered.call_id), ARRIVAL_MAX, async || {
                let rows = self.manage(Method::GET, &path, None).await?;
                Ok(rows.get(0).filter(|row| row["status"] == "success").cloned())
            })
            .await?;
        let tokens = row["total_tokens"].as_i64().unwrap_or_default();
        if tokens == 0 {
            return Err(Failure::Said(format!(
                "the row of call {} counts no tokens: {row}",
                answered.call_id
            )));
        }
        Ok(format!("{model} answered, and the ledger has call {} with {tokens} tokens", answered.call_id))
    }

    async fn take_away(&self, made: &Made) -> Result<(), Failure> {
        if let Some(id) = &made.model_id {
            self.manage(Method::POST, "/model/delete", Some(json!({"id": id}))).await?;
        }
        self.manage(Method::POST, "/key/delete", Some(json!({"keys": [made.key]}))).await?;
        Ok(())
    }

    /// Tries until there is something, and says what came last when there is nothing in time.
    async fn eventually<T>(
        &self,
        what: &str,
        time_max: Duration,
        attempt: impl AsyncFn() -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let deadline = self.clock.monotonic() + time_max;
        loop {
            let last = match attempt().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => "it is not there".to_owned(),
                Err(failure) => failure.to_string(),
            };
            if self.clock.monotonic() > deadline {
                return Err(Failure::Said(format!("waited {} s for {what}: {last}", time_max.as_secs())));
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    async fn manage(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let base = self.options.management_url.as_ref().unwrap_or(&self.options.url);
        let url = format!("{base}{path}");
        let answer = self.ask(method, &url, &self.options.master_key, body.as_ref()).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        Err(Failure::Said(format!("{url} said {}: {}", answer.status, answer.body)))
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Pieces::from(Bytes::from(body)))
            .map_err(|error| Failure::Said(format!("{url}: {error}")))?;
        let response = tokio::time::timeout(REQUEST_MAX, self.client.send(request));
        let response = response
            .await
            .map_err(|_| Failure::Said(format!("{url} did not answer within {} s", REQUEST_MAX.as_secs())))?
            .map_err(|error| Failure::Said(format!("{url}: {error}")))?;
        let (head, body) = response.into_parts();
        let bytes = upstream::read_limited(body, ANSWER_BYTES_MAX, REQUEST_MAX);
        let bytes = bytes.await.map_err(|error| Failure::Said(format!("{url}: {error}")))?;
        let call_id = head.headers.get(CALL_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer { status: head.status.as_u16(), call_id: call_id.to_owned(), body })
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::Said(error.to_string())
}

fn text(value: &Value, field: &str) -> Result<String, Failure> {
    let missing = || Failure::Said(format!("the answer has no `{field}`: {value}"));
    value[field].as_str().map(str::to_owned).ok_or_else(missing)
}
