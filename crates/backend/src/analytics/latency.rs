//! How long calls took, by percentiles.

use std::collections::HashMap;

use serde::Serialize;
use store::spend::Latency;
use store::usage::{Answer, Dimension, Timed};
use utoipa::ToSchema;

use super::usage::Asked;
use crate::http::error::ApiError;

/// Milliseconds, each at most 9 % off; refused requests aside. Null without such calls.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Percentiles {
    duration_p50_ms: Option<f64>,
    duration_p95_ms: Option<f64>,
    duration_p99_ms: Option<f64>,
    /// Until the first byte of the answer.
    first_byte_p50_ms: Option<f64>,
    first_byte_p95_ms: Option<f64>,
    first_byte_p99_ms: Option<f64>,
}

impl Percentiles {
    fn of(whole: &Latency, first_byte: &Latency) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "for display")]
        let millis =
            |latency: &Latency, percent| latency.percentile(percent).map(|micros| micros as f64 / 1_000.0);
        Self {
            duration_p50_ms: millis(whole, 50),
            duration_p95_ms: millis(whole, 95),
            duration_p99_ms: millis(whole, 99),
            first_byte_p50_ms: millis(first_byte, 50),
            first_byte_p95_ms: millis(first_byte, 95),
            first_byte_p99_ms: millis(first_byte, 99),
        }
    }
}

impl Asked<'_> {
    /// Of all calls; `None` where that is not counted.
    pub async fn percentiles(&self) -> Result<Option<Percentiles>, ApiError> {
        let (usage, time) = (self.state.store.usage(), self.frame.whole()?);
        let whole = usage.timed_in_all(&time, Timed::Whole, &self.filters).await?;
        let first = usage.timed_in_all(&time, Timed::FirstByte, &self.filters).await?;
        Ok(whole.zip(first).map(|(whole, first)| Percentiles::of(&whole, &first)))
    }

    /// Of each group of one dimension; `None` where that is not counted.
    pub async fn percentiles_of(
        &self,
        by: [Option<Dimension>; 2],
        groups: &[Answer],
    ) -> Result<Option<HashMap<String, Percentiles>>, ApiError> {
        let [Some(by), None] = by else { return Ok(None) };
        let names = || groups.iter().map(|group| group.name.clone()).collect::<Vec<_>>();
        let (usage, time) = (self.state.store.usage(), self.frame.whole()?);
        let whole = usage.timed(&time, Timed::Whole, by, names(), &self.filters).await?;
        let first = usage.timed(&time, Timed::FirstByte, by, names(), &self.filters).await?;
        let none = Latency::default();
        Ok(whole.zip(first).map(|(whole, first)| {
            let of = |name: String| {
                let parts = [&whole, &first].map(|found| found.get(&name).unwrap_or(&none));
                let percentiles = Percentiles::of(parts[0], parts[1]);
                (name, percentiles)
            };
            names().into_iter().map(of).collect()
        }))
    }
}
