//! One request from its client's side: sent, sent again elsewhere while nothing came back, read, or left.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use kit::Clock as _;
use serde_json::json;
use tokio::time::sleep;

use super::balance::{Balancer, Target};
use super::exchange;
use super::record::{Outcome, Record};
use super::spec::Dialect;
use crate::clock::SystemClock;

/// Pause once every gateway has been tried.
const ROUND_PAUSE: Duration = Duration::from_millis(50);

/// Messages must say how long an answer may be.
const TOKENS_MAX: u32 = 1_000;

/// What one request says, and how patient its client is.
pub struct Chat {
    pub number: u64,
    pub id: String,
    pub key: String,
    pub model: String,
    pub dialect: Dialect,
    pub stream: bool,
    pub prompt_words: usize,
    pub script: String,
    pub http2: bool,
    pub balance: bool,
    pub timeout: Duration,
    pub cancel_after: Option<Duration>,
    pub due_us: i64,
}

impl Chat {
    /// Sends it and tells what came of it.
    pub async fn run(self, balancer: &Balancer, clock: SystemClock) -> Record {
        let mut record = Record {
            id: self.id.clone(),
            stream: self.stream,
            dialect: self.dialect,
            target: 0,
            refused_connections: 0,
            broken_connections: 0,
            status: None,
            outcome: Outcome::Unanswered,
            due_us: self.due_us,
            sent_us: 0,
            head_us: None,
            end_us: 0,
            error: None,
        };
        let patience = self.cancel_after.unwrap_or(self.timeout);
        // Giving up drops the connection with everything on it, the moment after it is noted.
        let answered = tokio::select! {
            () = self.talk(balancer, clock, &mut record) => true,
            () = sleep(patience) => false,
        };
        if !answered {
            record.end_us = clock.now().micros();
            let gave_up = if record.head_us.is_some() { Outcome::Cut } else { Outcome::Unanswered };
            record.outcome = if self.cancel_after.is_some() { Outcome::Cancelled } else { gave_up };
            record.error.get_or_insert_with(|| format!("left after {} ms", patience.as_millis()));
        }
        record
    }

    async fn talk(&self, balancer: &Balancer, clock: SystemClock, record: &mut Record) {
        let mut tried = Vec::new();
        loop {
            let (place, target) =
                if self.balance { balancer.choose(&tried) } else { balancer.fixed(self.number) };
            record.target = place;
            match self.attempt(target, clock, record).await {
                Ok(()) => return,
                Err(error) => record.error = Some(error),
            }
            if !self.balance {
                record.end_us = clock.now().micros();
                return;
            }
            if tried.contains(&place) {
                tried.clear();
                sleep(ROUND_PAUSE).await;
            }
            tried.push(place);
        }
    }

    /// An error means that not one byte came back.
    async fn attempt(&self, target: &Target, clock: SystemClock, record: &mut Record) -> Result<(), String> {
        let mut lane = target.lane(self.http2).await.inspect_err(|_| {
            record.refused_connections += 1;
            target.suspend();
        })?;
        record.sent_us = clock.now().micros();
        let response = lane.send(self.request(target.address)?).await;
        let response = response.inspect_err(|_| record.broken_connections += 1)?;
        let status = response.status().as_u16();
        record.head_us = Some(clock.now().micros());
        record.status = Some(status);
        let ending = exchange::read(response.into_body(), status, self.stream.then_some(self.dialect)).await;
        record.end_us = clock.now().micros();
        record.error = ending.error;
        record.outcome = match (status, ending.whole) {
            (_, false) => Outcome::Cut,
            (200, true) => Outcome::Done,
            (_, true) => Outcome::Refused,
        };
        if ending.whole {
            target.keep(lane);
        }
        Ok(())
    }

    fn request(&self, address: SocketAddr) -> Result<Request<Full<Bytes>>, String> {
        let prompt = "who ".repeat(self.prompt_words);
        let text = format!("{prompt}<<script id={} {}>>", self.id, self.script);
        let mut body = json!({
            "model": self.model, "stream": self.stream, "messages": [{"role": "user", "content": text}]
        });
        if self.dialect == Dialect::Messages {
            body["max_tokens"] = json!(TOKENS_MAX);
        }
        let path = self.dialect.path();
        // HTTP/2 takes scheme and authority from the URL.
        let url = format!("http://{address}{path}");
        Request::post(if self.http2 { url.as_str() } else { path })
            .header("host", address.to_string())
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .header("x-litellm-call-id", &self.id)
            .body(Full::from(body.to_string()))
            .map_err(|error| error.to_string())
    }
}
