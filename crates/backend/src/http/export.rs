//! Files that are made while they are sent: part by part, each in its turn among the reports.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http_body::Frame;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

use super::error::ApiError;
use super::reports::Reports;
use super::table::FileFormat;

/// Longest that a part waits for a client that does not read.
const STALL_MAX: Duration = Duration::from_secs(30);
/// Longest export.
const EXPORT_MAX: Duration = Duration::from_secs(30 * 60);

/// What a file is made of.
pub trait Parts: Send + 'static {
    /// The next part; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, ApiError>> + Send;
}

/// What a client saves.
pub struct File {
    /// Of plain characters.
    pub name: String,
    pub content_type: &'static str,
}

impl File {
    /// A file of rows.
    pub fn new(name: String, format: FileFormat) -> Self {
        let (ending, content_type) = match format {
            FileFormat::Csv => ("csv", "text/csv; charset=utf-8"),
            FileFormat::Jsonl => ("jsonl", "application/jsonl"),
        };
        Self { name: format!("{name}.{ending}"), content_type }
    }
}

enum Message {
    Part(Bytes),
    End,
}

impl Reports {
    /// Sends a file. Few go at once; each part takes a turn as a report does and is made only when the one before it is
    /// taken, so memory holds two or three parts. When the client leaves, the statement that runs for it ends.
    ///
    /// # Errors
    /// Those of the first part, and 503 when too many exports run. What fails later breaks the answer off.
    pub async fn export(&self, file: File, mut parts: impl Parts) -> Result<Response, ApiError> {
        let place = self.exports.clone().try_acquire_owned().map_err(|_| ApiError::busy())?;
        let first = {
            let _turn = self.turn().await.ok_or_else(ApiError::busy)?;
            parts.next().await?
        };
        let (sender, receiver) = mpsc::channel(1);
        let reports = self.clone();
        tokio::spawn(async move {
            let _place = place;
            let sent = timeout(EXPORT_MAX, reports.send(first, parts, &sender));
            tokio::select! {
                () = sender.closed() => tracing::debug!("an export ended with its client"),
                sent = sent => if !sent.unwrap_or(false) {
                    tracing::warn!("an export broke off");
                },
            }
        });
        let disposition = format!("attachment; filename=\"{}\"", file.name);
        let disposition = HeaderValue::from_str(&disposition).map_err(|_| ApiError::internal())?;
        let headers =
            [(CONTENT_TYPE, HeaderValue::from_static(file.content_type)), (CONTENT_DISPOSITION, disposition)];
        Ok((headers, Body::new(Sent { receiver, has_ended: false })).into_response())
    }

    /// False when it broke off.
    async fn send(&self, first: Option<Vec<u8>>, mut parts: impl Parts, to: &Sender<Message>) -> bool {
        let mut part = first;
        while let Some(bytes) = part {
            if !bytes.is_empty() && !told(to, Message::Part(bytes.into())).await {
                return false;
            }
            let Ok(_turn) = self.turns.acquire().await else { return false };
            part = match parts.next().await {
                Ok(part) => part,
                Err(error) => {
                    tracing::warn!(error = error.text(), "a part of an export cannot be made");
                    return false;
                }
            };
        }
        told(to, Message::End).await
    }
}

async fn told(to: &Sender<Message>, message: Message) -> bool {
    matches!(timeout(STALL_MAX, to.send(message)).await, Ok(Ok(())))
}

/// A body whose end is told: without it the answer is cut off, which clients notice.
struct Sent {
    receiver: Receiver<Message>,
    has_ended: bool,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|message| match message {
            Some(Message::Part(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Message::End) => {
                self.has_ended = true;
                None
            }
            None => Some(Err(io::Error::other("the export broke off"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::to_bytes;
    use http::StatusCode;

    use super::*;
    use crate::http::reports::ReportLimits;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Parts of one letter; `None` cannot be made.
    struct Letters {
        letters: Vec<Option<u8>>,
        _alive: Arc<()>,
    }

    impl Parts for Letters {
        async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
            match self.letters.pop() {
                Some(letter) => Ok(Some(vec![letter.ok_or_else(ApiError::internal)?])),
                None => Ok(None),
            }
        }
    }

    fn reports() -> Reports {
        Reports::new(ReportLimits { exports_max: 1, running_max: 1, ..ReportLimits::default() })
    }

    async fn begin(reports: &Reports, letters: &[Option<u8>], alive: &Arc<()>) -> Result<Response, ApiError> {
        let letters = Letters { letters: letters.iter().rev().copied().collect(), _alive: alive.clone() };
        reports.export(File { name: "letters.csv".into(), content_type: "text/csv" }, letters).await
    }

    async fn ended(alive: &Arc<()>) {
        let gone = async {
            while Arc::strong_count(alive) > 1 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, gone).await.unwrap();
    }

    #[tokio::test]
    async fn parts_come_in_order_and_a_missing_one_is_no_end() {
        let (reports, alive) = (reports(), Arc::new(()));
        let whole = begin(&reports, &[Some(b'a'), Some(b'b'), Some(b'c')], &alive).await.unwrap();
        assert_eq!(whole.headers()[CONTENT_DISPOSITION], "attachment; filename=\"letters.csv\"");
        assert_eq!(to_bytes(whole.into_body(), 9).await.unwrap(), "abc");
        ended(&alive).await;
        let broken = begin(&reports, &[Some(b'a'), Some(b'b'), None], &alive).await.unwrap();
        assert!(to_bytes(broken.into_body(), 9).await.is_err());
        ended(&alive).await;
        let refused = begin(&reports, &[None], &alive).await.unwrap_err();
        assert_eq!(refused.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[tokio::test]
    async fn an_export_ends_with_its_client_and_only_some_run() {
        let (reports, alive) = (reports(), Arc::new(()));
        let letters = [Some(b'a'); 100];
        let first = begin(&reports, &letters, &alive).await.unwrap();
        let busy = begin(&reports, &letters, &alive).await.unwrap_err();
        assert_eq!(busy.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
        // Who does not read holds no turn of the reports.
        assert!(timeout(PATIENCE, reports.turn()).await.unwrap().is_some());
        drop(first);
        ended(&alive).await;
        let next = begin(&reports, &letters, &alive).await.unwrap();
        assert_eq!(to_bytes(next.into_body(), 200).await.unwrap().len(), 100);
    }
}
