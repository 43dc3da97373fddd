//! The governor of reports: few run at once, each question is asked once, and its answer serves until something
//! changes. Who reloads a dashboard asks the database for three numbers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State as Extract};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AGE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use moka::future::Cache;
use store::Version;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::error::ApiError;
use crate::auth::Caller;
use crate::state::Shared;

/// How much of the control plane reports take at most.
#[derive(Clone, Copy, Debug)]
pub struct ReportLimits {
    /// Reports that run at once. The pool of connections for reports bounds their statements besides.
    pub running_max: usize,
    /// Reports that wait for a turn at once; who comes then is told 503 at once.
    pub queue_max: usize,
    /// Longest wait for a turn; then 503.
    pub queue_timeout: Duration,
    /// Exports that run at once; who comes then is told 503 at once. Their parts are made in turn with the reports.
    pub exports_max: usize,
    /// Largest answer, in bytes.
    pub answer_bytes_max: usize,
    /// Answers that are kept, in bytes, together.
    pub kept_bytes_max: u64,
    /// While all turns are taken, an answer of this age serves although there is newer usage.
    pub busy_age_max: Duration,
}

impl Default for ReportLimits {
    fn default() -> Self {
        Self {
            running_max: 4,
            queue_max: 64,
            queue_timeout: Duration::from_secs(5),
            exports_max: 2,
            answer_bytes_max: 1 << 20,
            kept_bytes_max: 16 << 20,
            busy_age_max: Duration::from_secs(5),
        }
    }
}

/// An answer is asked anew after this, though nothing changed: "today" goes on.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// Of an answer in memory besides its body, in bytes, about.
const ANSWER_BYTES: usize = 1024;

/// Who may see the answer, and what was asked.
type Question = Arc<(String, String)>;

/// An answer in memory.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    made: Instant,
}

impl Answer {
    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers.clone();
        response.headers_mut().insert(AGE, HeaderValue::from(self.made.elapsed().as_secs()));
        response
    }
}

#[derive(Clone)]
pub struct Reports {
    limits: ReportLimits,
    pub(super) turns: Arc<Semaphore>,
    pub(super) exports: Arc<Semaphore>,
    places: Arc<Semaphore>,
    answers: Cache<(Question, Version), Arc<Answer>>,
    newest: Cache<Question, Arc<Answer>>,
}

impl Reports {
    pub fn new(limits: ReportLimits) -> Self {
        Self {
            limits,
            turns: Arc::new(Semaphore::new(limits.running_max)),
            exports: Arc::new(Semaphore::new(limits.exports_max)),
            places: Arc::new(Semaphore::new(limits.queue_max)),
            answers: kept(limits.kept_bytes_max, KEPT_MAX),
            newest: kept(limits.kept_bytes_max, limits.busy_age_max),
        }
    }

    async fn answer(&self, question: Question, version: Version, request: Request, next: Next) -> Response {
        if self.turns.available_permits() == 0
            && let Some(answer) = self.newest.get(&question).await
        {
            return answer.response();
        }
        let made = self.make(&question, request, next);
        match self.answers.try_get_with((question.clone(), version), made).await {
            Ok(answer) => answer.response(),
            Err(refusal) => refusal.response(),
        }
    }

    /// Runs the handler when it is its turn. What is no success is told to all who wait, and not kept.
    async fn make(&self, question: &Question, request: Request, next: Next) -> Result<Arc<Answer>, Answer> {
        let Some(_turn) = self.turn().await else {
            return Err(self.read(ApiError::busy().into_response()).await);
        };
        let answer = self.read(next.run(request).await).await;
        if !answer.status.is_success() {
            return Err(answer);
        }
        let answer = Arc::new(answer);
        self.newest.insert(question.clone(), answer.clone()).await;
        Ok(answer)
    }

    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Some(turn);
        }
        let _place = self.places.try_acquire().ok()?;
        timeout(self.limits.queue_timeout, self.turns.acquire()).await.ok()?.ok()
    }

    async fn read(&self, response: Response) -> Answer {
        let (parts, body) = response.into_parts();
        let (mut status, mut headers) = (parts.status, parts.headers);
        let body = match to_bytes(body, self.limits.answer_bytes_max).await {
            Ok(body) => body,
            Err(_) => {
                let refusal = ApiError::too_long(self.limits.answer_bytes_max).into_response();
                (status, headers) = (refusal.status(), refusal.headers().clone());
                to_bytes(refusal.into_body(), self.limits.answer_bytes_max).await.unwrap_or_default()
            }
        };
        Answer { status, headers, body, made: Instant::now() }
    }
}

fn kept<K>(bytes_max: u64, age_max: Duration) -> Cache<K, Arc<Answer>>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
{
    let weigh =
        |_: &K, answer: &Arc<Answer>| u32::try_from(answer.body.len() + ANSWER_BYTES).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(bytes_max).weigher(weigh).time_to_live(age_max).build()
}

/// Lets reports through, each in its turn; other requests pass.
pub async fn govern(
    Extract((state, reports)): Extract<(Shared, Reports)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(question) = question(&request) else { return next.run(request).await };
    match state.store.version().await {
        Ok(version) => reports.answer(question, version, request, next).await,
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// What is asked, if it is a report. Exports are streams, which nobody repeats; they take their turns themselves.
fn question(request: &Request) -> Option<Question> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let is_report = ["/analytics/", "/global/", "/spend/"].iter().any(|prefix| path.starts_with(prefix))
        || path.contains("/daily/activity")
        || ["/tag/distinct", "/tag/summary", "/tag/dau", "/tag/wau", "/tag/mau"].contains(&path);
    if request.method() != Method::GET || !is_report || path.ends_with("/export") {
        return None;
    }
    let caller = request.extensions().get::<Caller>()?;
    let viewer = if caller.sees_all() { "all".to_owned() } else { caller.scope() };
    Some(Arc::new((viewer, request.uri().to_string())))
}
