//! Stage 6: the provider's stream on its way to the client. Bytes pass, usage is watched; whatever ends the
//! stream settles the account, once.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dialects::error::ProviderError;
use dialects::stream::{End as Ending, Machine, Progress, StreamContext};
use domain::{Dialect, Status, Usage};
use frames::{SSE_EVENT_BYTES_MAX, SseEvent, SseParser};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;
use tokio::time::{Instant, Sleep};
use upstream::{BodyError, ReadError};

use super::deadline::Pace;
use super::settle::{End, Settlement, left};
use crate::body::BrokenBody;
use crate::receive_body::Held;
use crate::worker::InFlight;

/// The status of the events that tell a client, in the middle of a stream, what went wrong.
const BROKEN_STATUS: u16 = 500;
const TIMEOUT_STATUS: u16 = 408;

/// Shortest time between two notes of how far a stream is. One that is shorter leaves none.
pub const MARK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a provider may take to end a body whose last event has come, for its connection to be kept.
const LAST_CHUNK_TIME_MAX: Duration = Duration::from_secs(1);

/// A provider's stream whose first event has come and is no error, so that an early failure can still be
/// retried and told with an HTTP status of its own.
pub struct Begun {
    first: VecDeque<Bytes>,
    rest: upstream::Body,
}

/// Why a stream did not begin.
#[derive(Debug)]
pub enum FalseStart {
    Broken(ReadError),
    /// The provider's first event is an error.
    Error(ProviderError),
    /// The first event makes no sense in the provider's dialect.
    Garbage(String),
}

impl Begun {
    /// Waits for the first event; what came until then is kept for the client.
    pub async fn await_first(mut body: upstream::Body, provider: Dialect) -> Result<Self, FalseStart> {
        let (mut first, mut parser) = (VecDeque::new(), SseParser::new(SSE_EVENT_BYTES_MAX));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| FalseStart::Broken(error.into()))?;
            let Ok(chunk) = frame.into_data() else { continue };
            parser.push(chunk.clone());
            first.push_back(chunk);
            if let Some(event) = parser.next() {
                let event = event.map_err(|error| FalseStart::Garbage(error.to_string()))?;
                look(provider, &event)?;
                return Ok(Self { first, rest: body });
            }
        }
        match parser.finish() {
            Some(event) => look(provider, &event).map(|()| Self { first, rest: body }),
            None => Err(FalseStart::Broken(BodyError::Reset.into())),
        }
    }
}

/// Lets a machine of the provider's own dialect judge its first event.
fn look(provider: Dialect, event: &SseEvent) -> Result<(), FalseStart> {
    let context = StreamContext { model: "", id: "", created: 0, client_wants_usage: true };
    let garbage = |error: dialects::DialectError| FalseStart::Garbage(error.to_string());
    let mut machine = Machine::new(provider, provider, context).map_err(garbage)?;
    machine.event(event.name(), &event.data, &mut Vec::new()).map_err(garbage)?;
    machine.error().map_or(Ok(()), |error| Err(FalseStart::Error(error.clone())))
}

/// What is held while the stream runs, and given back when it ends.
pub struct Keep {
    pub occupied: shared::InFlight,
    pub held: Held,
    pub in_flight: InFlight,
}

/// The body that the client reads.
pub struct Metered {
    first: VecDeque<Bytes>,
    /// Given away when the last event has come before the end of the body.
    upstream: Option<upstream::Body>,
    parser: SseParser,
    machine: Machine,
    account: Option<Settlement>,
    begun_at: Instant,
    marked_at: Instant,
    /// Characters that had come then.
    marked_chars: u64,
    /// Until the provider must have sent more.
    timer: Pin<Box<Sleep>>,
    pace: Pace,
    label: Arc<str>,
    ended: bool,
    _keep: Keep,
}

impl Metered {
    pub fn new(
        begun: Begun,
        machine: Machine,
        mut account: Settlement,
        pace: Pace,
        label: Arc<str>,
        keep: Keep,
    ) -> Self {
        account.first_byte();
        let now = Instant::now();
        Self {
            first: begun.first,
            upstream: Some(begun.rest),
            parser: SseParser::new(SSE_EVENT_BYTES_MAX),
            machine,
            account: Some(account),
            begun_at: now,
            marked_at: now,
            marked_chars: 0,
            timer: Box::pin(tokio::time::sleep_until(pace.next(now))),
            pace,
            label,
            ended: false,
            _keep: keep,
        }
    }

    pub fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let mut out = Vec::new();
        while !self.ended {
            match self.poll_chunk(context) {
                Poll::Ready(Some(Ok(chunk))) => self.take(chunk, &mut out),
                Poll::Ready(Some(Err(error))) => self.broke(&error, &mut out),
                Poll::Ready(None) => self.provider_done(&mut out),
                Poll::Pending if !out.is_empty() => break,
                Poll::Pending => match self.timer.as_mut().poll(context) {
                    Poll::Ready(()) => self.timed_out(Instant::now(), &mut out),
                    Poll::Pending => return Poll::Pending,
                },
            }
            if !out.is_empty() && !self.ended && !self.machine.done() {
                break;
            }
        }
        if out.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(Ok(Frame::data(out.into())))) }
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Some(first) = self.first.pop_front() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
            return match Pin::new(upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => Poll::Ready(Some(Ok(chunk))),
                    Err(_trailers) => continue,
                },
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => Poll::Ready(None),
                // The last event has come: the client need not wait for the end of the provider's body.
                Poll::Pending if self.machine.done() => {
                    if let Some(upstream) = self.upstream.take() {
                        keep_connection(upstream);
                    }
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            };
        }
    }

    fn take(&mut self, chunk: Bytes, out: &mut Vec<u8>) {
        let now = Instant::now();
        if now >= self.pace.ends_at {
            return self.timed_out(now, out);
        }
        self.timer.as_mut().reset(self.pace.next(now));
        out.reserve(chunk.len() + chunk.len() / 4);
        self.parser.push(chunk);
        while let Some(event) = self.parser.next() {
            let taken = match event {
                Ok(event) => self.event(&event, out),
                Err(error) => Err(error.to_string()),
            };
            if let Err(message) = taken {
                return self.fail(Status::UpstreamError, BROKEN_STATUS, message, out);
            }
            if self.ended {
                return;
            }
        }
        self.mark(now);
        // Heartbeats of the provider keep the client's connection alive too.
        if self.parser.take_heartbeats() > 0 && out.is_empty() {
            out.extend_from_slice(b": keep-alive\n\n");
        }
    }

    /// An error that the provider sends within its stream has been written for the client and ends it.
    fn event(&mut self, event: &SseEvent, out: &mut Vec<u8>) -> Result<(), String> {
        let progress =
            self.machine.event(event.name(), &event.data, out).map_err(|error| error.to_string())?;
        if progress == Progress::Failed {
            let message = self.machine.error().map(|error| error.message.clone());
            self.settle(Status::UpstreamError, BROKEN_STATUS, message);
        }
        Ok(())
    }

    fn provider_done(&mut self, out: &mut Vec<u8>) {
        if let Some(event) = self.parser.finish()
            && let Err(message) = self.event(&event, out)
        {
            return self.fail(Status::UpstreamError, BROKEN_STATUS, message, out);
        }
        if self.ended {
            return;
        }
        self.machine.finish(Ending::UpstreamDone, out);
        if self.machine.complete() {
            self.settle(Status::Success, 200, None);
        } else {
            self.settle(Status::UpstreamError, 200, Some("the provider ended its stream early".into()));
        }
    }

    fn broke(&mut self, error: &BodyError, out: &mut Vec<u8>) {
        if self.machine.done() {
            return self.provider_done(out);
        }
        self.fail(Status::UpstreamError, BROKEN_STATUS, error.to_string(), out);
    }

    fn timed_out(&mut self, now: Instant, out: &mut Vec<u8>) {
        let message = self.pace.passed(now).sentence();
        self.fail(Status::TimedOut, TIMEOUT_STATUS, message, out);
    }

    fn fail(&mut self, status: Status, http_status: u16, message: String, out: &mut Vec<u8>) {
        let told = format!("{}: {} - {message}", class(status), self.label);
        self.machine.finish(Ending::Failed { status: http_status, message: &told }, out);
        self.settle(status, http_status, Some(message));
    }

    fn settle(&mut self, status: Status, http_status: u16, error: Option<String>) {
        self.ended = true;
        self.end(End::free(status, http_status, error));
    }

    /// Ends the account by `end`, charged with what has come.
    fn end(&mut self, end: End) {
        let Some(account) = self.account.take() else { return };
        let (usage, usage_estimated) = self.usage(&account, end.status);
        let streamed_tokens = Some(self.counted());
        let response_id = self.machine.response_id().map(Box::from);
        account.end(End { usage, usage_estimated, streamed_tokens, response_id, ..end });
    }

    /// Notes now and then how far the stream is. A crash falls between two notes, in the middle on average, so
    /// that is what is noted: what has come, and what half an interval brings at this stream's pace.
    fn mark(&mut self, now: Instant) {
        let chars = self.machine.output_chars();
        if now - self.marked_at < MARK_INTERVAL || chars == self.marked_chars || self.machine.done() {
            return;
        }
        let Some(account) = &self.account else { return };
        let (mut usage, _) = self.usage(account, Status::Cancelled);
        let ahead = MARK_INTERVAL.as_secs_f64() / 2.0 / (now - self.begun_at).as_secs_f64();
        usage.output += (usage.output as f64 * ahead) as u64;
        account.mark(usage, self.machine.response_id().map(Box::from));
        (self.marked_at, self.marked_chars) = (now, chars);
    }

    /// Our count of what has been streamed.
    const fn counted(&self) -> u64 {
        pricing::estimate::tokens(self.machine.output_chars())
    }

    /// The provider's own count; else ours of what has passed, once anything has.
    fn usage(&self, account: &Settlement, status: Status) -> (Usage, bool) {
        let told = self.machine.usage();
        if let Some(usage) = told.filter(|_| self.machine.complete() || !self.machine.saw_content()) {
            return (usage, false);
        }
        if !self.machine.saw_content() {
            return if status == Status::Cancelled { account.prompt() } else { Default::default() };
        }
        (account.usage_so_far(told, self.counted()), true)
    }
}

/// Reads on to the end of a body that has nothing more to say, since only then its connection can serve the
/// next request. Anything but that end gives the connection up.
fn keep_connection(mut body: upstream::Body) {
    tokio::spawn(async move { tokio::time::timeout(LAST_CHUNK_TIME_MAX, body.frame()).await.is_ok() });
}

const fn class(status: Status) -> &'static str {
    match status {
        Status::TimedOut => "litellm.Timeout",
        _ => "litellm.APIConnectionError",
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.end(left());
    }
}
