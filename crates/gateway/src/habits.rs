//! What calls of one deployment have come to lately: the measure by which a call is charged of which nothing
//! more is heard, since the gateway died while it ran.
//!
//! Such calls are met at a random moment, and the longer a call runs the likelier it is to be met. So answers
//! are weighed by the time that they took, or the total of many estimates would be too low.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Dialect, Usage};

use crate::pipeline::stream::MARK_INTERVAL;

/// What is left of the past with each call: about the last hundred calls count.
const KEPT: f64 = 0.99;
/// Output of an answer before any has been seen.
const ANSWER_TOKENS_ASSUMED: u64 = 256;
/// Output of a stream that is met before its first mark, before any stream has been seen.
const UNMARKED_TOKENS_ASSUMED: u64 = 16;

/// Fading averages of one deployment's calls. Threads that end calls at the same moment may overwrite each
/// other's share, which does no harm to an average.
#[derive(Default)]
pub struct Habits {
    /// The provider's count of prompts to ours.
    input: Quotient,
    /// The provider's count of streamed answers to ours.
    output: Quotient,
    /// Output of a whole answer that is under way.
    whole: Quotient,
    /// Output that has been streamed by a call under way before its first mark.
    unmarked: Quotient,
}

/// Our counts of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub input: u64,
    /// Of what was streamed; `None` for a whole answer.
    pub output: Option<u64>,
}

/// When the first byte came and when the call ended, from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub first_byte: Duration,
    pub end: Duration,
}

impl Habits {
    /// Learns from a call that came to its end and that the provider counted.
    pub fn learn(&self, counted: Counted, told: &Usage, times: Times) {
        self.input.add(told.input as f64, counted.input as f64);
        let (output, end) = (told.output as f64, times.end.as_secs_f64());
        let Some(own) = counted.output else {
            // Whenever the call is met, the provider goes on to its end.
            self.whole.add(output * end, end);
            return;
        };
        self.output.add(output, own as f64);
        let wait = times.first_byte.as_secs_f64();
        let streaming = end - wait;
        let unmarked = streaming.min(MARK_INTERVAL.as_secs_f64());
        if streaming > 0.0 {
            // Half of it has come on average, while it comes; none before.
            self.unmarked.add(output / streaming * unmarked * unmarked / 2.0, wait + unmarked);
        }
    }

    /// What the provider will count of a prompt that we count as `counted`.
    pub fn input(&self, counted: u64) -> u64 {
        scaled(counted, self.input.get())
    }

    /// The same for what was streamed.
    pub fn output(&self, counted: u64) -> u64 {
        scaled(counted, self.output.get())
    }

    /// What a call comes to if nothing more is heard of it.
    pub fn expect(&self, dialect: Dialect, stream: bool, input: u64, output_max: Option<u64>) -> Usage {
        let (habit, assumed) = match (dialect, stream) {
            (Dialect::OpenAiEmbeddings, _) => (&self.whole, 0),
            (_, false) => (&self.whole, ANSWER_TOKENS_ASSUMED),
            (_, true) => (&self.unmarked, UNMARKED_TOKENS_ASSUMED),
        };
        let output = habit.get().map_or(assumed, |tokens| tokens.round() as u64);
        let output = output.min(output_max.unwrap_or(u64::MAX));
        Usage { input: self.input(input), output, ..Usage::default() }
    }
}

fn scaled(counted: u64, by: Option<f64>) -> u64 {
    by.map_or(counted, |by| (counted as f64 * by).round() as u64)
}

/// A quotient of two fading sums.
#[derive(Default)]
struct Quotient {
    over: AtomicU64,
    under: AtomicU64,
}

impl Quotient {
    fn add(&self, over: f64, under: f64) {
        for (sum, part) in [(&self.over, over), (&self.under, under)] {
            let before = f64::from_bits(sum.load(Ordering::Relaxed));
            sum.store((before * KEPT + part).to_bits(), Ordering::Relaxed);
        }
    }

    /// `None` until there was anything to divide by.
    fn get(&self) -> Option<f64> {
        let [over, under] = [&self.over, &self.under].map(|sum| f64::from_bits(sum.load(Ordering::Relaxed)));
        (under > 0.0).then(|| over / under)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    fn times(first_byte_ms: u64, end_ms: u64) -> Times {
        Times { first_byte: Duration::from_millis(first_byte_ms), end: Duration::from_millis(end_ms) }
    }

    const CHAT: Dialect = Dialect::OpenAiChat;

    #[test]
    fn nothing_is_known_at_first() {
        let habits = Habits::default();
        assert_eq!(habits.expect(CHAT, false, 100, None), told(100, ANSWER_TOKENS_ASSUMED));
        assert_eq!(habits.expect(CHAT, false, 100, Some(5)), told(100, 5));
        assert_eq!(habits.expect(Dialect::OpenAiEmbeddings, false, 100, None), told(100, 0));
        assert_eq!(habits.output(7), 7);
    }

    /// Kills at random moments of many calls, whole and streamed, short and long: what the expectations add
    /// up to is what the provider has counted by then.
    #[test]
    fn the_total_of_many_interrupted_calls_is_right() {
        let (whole, streamed) = (Habits::default(), Habits::default());
        let kinds = [(50, 200, 30), (100, 900, 200), (200, 3_000, 700), (20, 60, 10)];
        // One call of each kind after the other, over and over; a kill at each millisecond.
        let (mut due, mut charged) = ((0.0, 0.0), (0.0, 0.0));
        for _ in 0..200 {
            for (wait_ms, end_ms, output) in kinds {
                let (wait, end) = (f64::from(wait_ms), f64::from(end_ms));
                let lasts = times(u64::from(wait_ms as u32), u64::from(end_ms as u32));
                whole.learn(Counted { input: 80, output: None }, &told(100, output), lasts);
                streamed.learn(Counted { input: 80, output: Some(output * 2) }, &told(100, output), lasts);
                let mark = MARK_INTERVAL.as_secs_f64() * 1e3;
                due.0 += output as f64 * end;
                charged.0 += whole.expect(CHAT, false, 80, None).output as f64 * end;
                let until = end.min(wait + mark);
                due.1 += output as f64 / (end - wait) * (until - wait).powi(2) / 2.0;
                charged.1 += streamed.expect(CHAT, true, 80, None).output as f64 * until;
            }
        }
        for (due, charged) in [(due.0, charged.0), (due.1, charged.1)] {
            assert!((charged / due - 1.0).abs() < 0.05, "{charged} charged for {due}");
        }
        assert_eq!((whole.input(80), streamed.output(300)), (100, 150));
    }
}
