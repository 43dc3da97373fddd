//! Stage 5: ask providers until one answers: pick, translate, write the intent down, send, classify; retry
//! or go on to the next while nothing has reached the client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialects::RequestOptions;
use dialects::error::ErrorClass;
use domain::{Dialect, Intent, Status};
use http::HeaderMap;
use routing::{Candidate, Failure, NoCandidate, Tried, retry};
use shared::InFlight as Occupied;
use tokio::time::{Instant, timeout_at};
use upstream::{ReadError, Sending, Target};

use super::admit::Admitted;
use super::deadline::{self, Limits};
use super::identify::Caller;
use super::read::Ask;
use super::receive::Received;
use super::settle::{End, Settlement, left};
use super::{failure, stream};
use crate::deployments::Ready;
use crate::names;
use crate::refusal::{ProviderFailure, Refusal};
use crate::worker::{Core, Worker};

/// Retry-After for a full house, when nothing tells when there is room.
const FULL_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Retry-After while the journal takes nothing: room comes with the database, or with someone who makes it.
const JOURNAL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// What all attempts of one request share.
pub struct Request<'r> {
    pub worker: &'r Arc<Worker>,
    pub received: &'r Received,
    pub caller: &'r Caller,
    pub ask: &'r Ask,
    pub admitted: &'r Admitted,
}

/// An answer, whole or begun, whose account is still open.
pub struct Answered {
    pub ready: Arc<Ready>,
    pub provider_dialect: Dialect,
    pub head: http::response::Parts,
    pub body: AnswerBody,
    pub settlement: Settlement,
    pub retries: u32,
    /// How long the provider was waited for, from sending to its whole answer or first bytes.
    pub waited: Duration,
    /// Parameters that the provider was not told, by name.
    pub dropped: Vec<String>,
    /// The slot at the deployment, free again when dropped.
    pub occupied: Occupied,
}

pub enum AnswerBody {
    Whole(Bytes),
    Stream(stream::Begun, deadline::Pace),
}

/// An answer whose head has come, and the first event if it is a stream.
enum Beginning {
    Whole(upstream::Body),
    Stream(stream::Begun),
}

/// An attempt that did not get that far.
enum Missed {
    /// Another attempt may be made.
    Failed { failure: Failure, told: Box<ProviderFailure>, settlement: Box<Settlement> },
    /// Nothing was sent, and another attempt would fare the same.
    Refused(Refusal),
}

impl Request<'_> {
    pub async fn run(&self, reservation: Option<policy::Reservation>) -> Result<Answered, Refusal> {
        let core = &self.worker.core;
        let group = &*self.admitted.group;
        let view = &self.admitted.routing.deployments;
        let mut tried = Tried::default();
        let mut reservation = reservation;
        loop {
            let picked = routing::pick(group, view, &tried, &mut **self.worker.rng());
            let (position, candidate) = picked.map_err(|none| self.nobody(none))?;
            tried.add(position);
            let retries = u32::try_from(tried.attempts() - 1).unwrap_or(u32::MAX);
            let (failure, told, settlement) = match self.attempt(candidate, retries, &mut reservation).await {
                Ok(answered) => return Ok(answered),
                Err(Missed::Refused(refusal)) => return Err(refusal),
                Err(Missed::Failed { failure, told, settlement }) => (failure, told, settlement),
            };
            let end = failed_end(&failure, &told);
            if view.failed(candidate, &failure, group.has_alternatives()).is_some() {
                core.metrics.cooled_down();
            }
            let limits = self.retry_limits(candidate);
            let decision = retry::decide(&failure, group, view, &tried, &limits, &mut **self.worker.rng());
            match decision {
                retry::Decision::Stop => {
                    settlement.end(end);
                    return Err(Refusal::Provider(*told));
                }
                retry::Decision::Retry { after } => {
                    core.metrics.retried(reason(&failure));
                    reservation = settlement.end_superseded(end);
                    let between = BetweenAttempts { request: self, left: true };
                    tokio::time::sleep(after).await;
                    between.over();
                }
            }
        }
    }

    fn nobody(&self, none: NoCandidate) -> Refusal {
        let retry_after = match none {
            NoCandidate::Cooling { left } => left,
            NoCandidate::Full => FULL_RETRY_AFTER,
        };
        Refusal::NoHealthyDeployment { model: self.admitted.model.clone(), retry_after }
    }

    fn retry_limits(&self, candidate: &Candidate) -> retry::Limits {
        let settings = &self.worker.core.settings;
        let retries = self
            .received
            .number(&names::NUM_RETRIES)
            .or_else(|| self.ask.number(dialects::Field::NumRetries))
            .or(candidate.deployment.num_retries)
            .unwrap_or(settings.num_retries);
        retry::Limits { retries, min_delay: settings.retry_delay_min, has_fallbacks: false }
    }

    async fn attempt(
        &self,
        candidate: &Candidate,
        retries: u32,
        reservation: &mut Option<policy::Reservation>,
    ) -> Result<Answered, Missed> {
        let core = &self.worker.core;
        let ready =
            self.admitted.routing.ready.get(candidate).map_err(|error| misconfigured(candidate, &error))?;
        let target = ready
            .endpoint
            .target(self.received.dialect, &self.received.headers)
            .map_err(|error| Missed::Refused(Refusal::Untranslatable { message: error.to_string() }))?;
        let prepared = self.prepare(candidate, &ready, target.dialect)?;
        let occupied = self
            .admitted
            .routing
            .deployments
            .enter(candidate)
            .ok_or_else(|| Missed::Refused(self.nobody(NoCandidate::Full)))?;
        let sending = Sending::default();
        let settlement = self.open_account(candidate, &ready, reservation, sending.clone())?;
        let provider_dialect = target.dialect;
        let sent_at = core.clock.monotonic();
        match self.exchange(candidate, &ready, target, prepared.pieces, sending).await {
            Ok((head, body)) => {
                self.admitted.routing.deployments.succeeded(candidate);
                Ok(Answered {
                    ready,
                    provider_dialect,
                    head,
                    body,
                    settlement,
                    retries,
                    waited: core.clock.monotonic().saturating_sub(sent_at),
                    dropped: prepared.dropped,
                    occupied,
                })
            }
            Err((failure, told)) => {
                Err(Missed::Failed { failure, told: Box::new(told), settlement: Box::new(settlement) })
            }
        }
    }

    fn prepare(
        &self,
        candidate: &Candidate,
        ready: &Ready,
        provider: Dialect,
    ) -> Result<dialects::Prepared, Missed> {
        let deployment = &*candidate.deployment;
        let additional_drop = self.ask.additional_drop_params(&deployment.additional_drop_params);
        let options = RequestOptions {
            model: &candidate.model,
            defaults: &deployment.defaults,
            extra_body: &deployment.extra_body,
            unsupported: &ready.refuses,
            drop_params: self
                .ask
                .envelope
                .flag(dialects::Field::DropParams)
                .unwrap_or(deployment.drop_params || self.worker.core.settings.drop_params),
            additional_drop: &additional_drop,
            default_max_tokens: ready.default_max_tokens(),
        };
        dialects::prepare(self.received.dialect, provider, &self.ask.envelope, &options)
            .map_err(|error| Missed::Refused(failure::refusal(candidate, error)))
    }

    fn open_account(
        &self,
        candidate: &Candidate,
        ready: &Arc<Ready>,
        reservation: &mut Option<policy::Reservation>,
        sending: Sending,
    ) -> Result<Settlement, Missed> {
        let id = self.worker.new_id();
        let intent = self.intent(id, Some((candidate, ready)));
        let Admitted { input_tokens, max_output_tokens, .. } = *self.admitted;
        let usage = ready.habits.expect(intent.dialect, intent.stream, input_tokens, max_output_tokens);
        let written = self.worker.write_intent(&intent, &ready.priced.expected(usage));
        let Core { metrics, settings, .. } = &*self.worker.core;
        // By default requests are served all the same; the ledger keeps the intent in memory, or counts and
        // logs it.
        if written.is_err() && settings.journal_strict {
            return Err(Missed::Refused(Refusal::JournalFull { retry_after: JOURNAL_RETRY_AFTER }));
        }
        let labels = metrics.call(&self.admitted.group.name, &candidate.provider, self.received.dialect);
        let (worker, reservation) = (self.worker.clone(), reservation.take());
        Ok(Settlement::open(worker, id, labels, ready.clone(), input_tokens, reservation, sending))
    }

    fn intent(&self, id: uuid::Uuid, at: Option<(&Candidate, &Ready)>) -> Intent {
        super::account::intent(
            self.received,
            self.caller,
            Some(self.ask),
            &self.admitted.model,
            id,
            at,
            self.admitted.estimate,
        )
    }

    /// Sends and waits: for the whole body, or for the first event of a stream.
    async fn exchange(
        &self,
        candidate: &Candidate,
        ready: &Ready,
        target: Target,
        pieces: Vec<Bytes>,
        sending: Sending,
    ) -> Result<(http::response::Parts, AnswerBody), (Failure, ProviderFailure)> {
        let limits = deadline::of(&self.worker.core.settings, self.received, self.ask, &candidate.deployment);
        let (started, label) = (Instant::now(), &ready.label);
        let begin = self.begin(target, pieces, sending, &limits, label);
        let (head, body) = match timeout_at(started + limits.first_byte.after, begin).await {
            Ok(begun) => begun?,
            Err(_) => return Err(failure::timed_out(label, limits.first_byte)),
        };
        let body = match body {
            Beginning::Stream(begun) => return Ok((head, AnswerBody::Stream(begun, limits.pace(started)))),
            Beginning::Whole(body) => body,
        };
        let whole = self.read_whole(body, &limits, label);
        match timeout_at(started + limits.total.after, whole).await {
            Ok(whole) => Ok((head, AnswerBody::Whole(whole?))),
            Err(_) => Err(failure::timed_out(label, limits.total)),
        }
    }

    async fn begin(
        &self,
        target: Target,
        pieces: Vec<Bytes>,
        sending: Sending,
        limits: &Limits,
        label: &Arc<str>,
    ) -> Result<(http::response::Parts, Beginning), (Failure, ProviderFailure)> {
        let provider = target.dialect;
        let client = self.worker.clients.of(limits.connect.after);
        let response = client.call(target, pieces, sending).await.map_err(|error| {
            self.worker.core.metrics.upstream_failed(error.reason());
            failure::unsent(label, &error, limits.connect)
        })?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            let read = upstream::read_limited(body, failure::ERROR_BODY_BYTES_MAX, limits.idle.after);
            let body = read.await.unwrap_or_default();
            return Err(failure::answered(label, provider, head.status, &head.headers, &body));
        }
        if !self.ask.envelope.stream() || !is_event_stream(&head.headers) {
            return Ok((head, Beginning::Whole(body)));
        }
        let begun = stream::Begun::await_first(body, provider)
            .await
            .map_err(|early| failure::false_start(label, early, &head.headers))?;
        Ok((head, Beginning::Stream(begun)))
    }

    async fn read_whole(
        &self,
        body: upstream::Body,
        limits: &Limits,
        label: &Arc<str>,
    ) -> Result<Bytes, (Failure, ProviderFailure)> {
        let bytes_max = self.worker.core.settings.response_body_bytes_max;
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let whole = upstream::read_limited(body, bytes_max, limits.idle.after).await;
        whole.map_err(|error| match error {
            ReadError::Idle => failure::timed_out(label, limits.idle),
            error => failure::broken(label, &error),
        })
    }
}

/// A request whose last attempt has failed and whose next has not begun. A client that leaves then leaves no
/// attempt behind by which the request would be counted, so it gets a row of its own.
struct BetweenAttempts<'r> {
    request: &'r Request<'r>,
    left: bool,
}

impl BetweenAttempts<'_> {
    fn over(mut self) {
        self.left = false;
    }
}

impl Drop for BetweenAttempts<'_> {
    fn drop(&mut self) {
        if self.left {
            let Request { worker, received, caller, ask, admitted } = self.request;
            super::account::unanswered(worker, received, caller, Some(ask), &admitted.model, left());
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().starts_with("text/event-stream"))
}

const fn reason(failure: &Failure) -> &'static str {
    match failure.kind {
        routing::FailureKind::TimedOut { .. } => "timed_out",
        routing::FailureKind::Unreachable => "unreachable",
        routing::FailureKind::BrokenOff => "broken_off",
        _ if failure.status == 429 => "rate_limited",
        _ => "error_answer",
    }
}

fn misconfigured(candidate: &Candidate, error: &upstream::TargetError) -> Missed {
    let message = format!("the deployment `{}` cannot be called: {error}", candidate.full_model);
    Missed::Refused(Refusal::Misconfigured { message })
}

fn failed_end(failure: &Failure, told: &ProviderFailure) -> End {
    let status = match failure.kind {
        routing::FailureKind::TimedOut { .. } => Status::TimedOut,
        _ => Status::UpstreamError,
    };
    End::free(status, failure.status, Some(told.message.clone()))
}

/// The class of a provider's error in routing's words.
pub const fn routing_kind(class: ErrorClass) -> routing::FailureKind {
    match class {
        ErrorClass::ContextWindow => routing::FailureKind::ContextWindow,
        ErrorClass::ContentPolicy => routing::FailureKind::ContentPolicy,
        ErrorClass::RateLimit | ErrorClass::Other => routing::FailureKind::Answered,
    }
}
