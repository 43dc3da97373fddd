//! Slows down guessing of passwords: each address has a few failures per window.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kit::Timestamp;

/// Failed sign-ins of one address in one window; then it has to wait for the next.
pub const FAILURES_MAX: u32 = 10;
pub const WINDOW: Duration = Duration::from_secs(300);
/// Addresses remembered; beyond it those whose window is over go, then all.
const ADDRESSES_MAX: usize = 10_000;

#[derive(Default)]
pub struct Throttle {
    failures: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    until: Timestamp,
    failures: u32,
}

impl Throttle {
    /// How long `address` must wait before it may try again.
    pub fn wait(&self, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let window = failures.get(&address).filter(|window| window.until > now)?;
        (window.failures >= FAILURES_MAX).then(|| window.until.since(now))
    }

    pub fn failed(&self, address: IpAddr, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            failures.retain(|_, window| window.until > now);
            if failures.len() >= ADDRESSES_MAX {
                failures.clear();
            }
        }
        let fresh = Window { until: now.plus(WINDOW), failures: 0 };
        let window = failures.entry(address).or_insert(fresh);
        if window.until <= now {
            *window = fresh;
        }
        window.failures = window.failures.saturating_add(1);
    }

    pub fn succeeded(&self, address: IpAddr) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const NOW: Timestamp = Timestamp::from_secs(1000);

    #[test]
    fn the_failure_after_the_last_allowed_one_waits_for_the_window() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(throttle.wait(ADDRESS, NOW), None);
            throttle.failed(ADDRESS, NOW);
        }
        assert_eq!(throttle.wait(ADDRESS, NOW), Some(WINDOW));
        assert_eq!(throttle.wait(ADDRESS, NOW.plus(WINDOW)), None);
        throttle.failed(ADDRESS, NOW.plus(WINDOW));
        assert_eq!(throttle.wait(ADDRESS, NOW.plus(WINDOW)), None);
    }

    #[test]
    fn a_success_clears_the_count() {
        let throttle = Throttle::default();
        (0..FAILURES_MAX).for_each(|_| throttle.failed(ADDRESS, NOW));
        throttle.succeeded(ADDRESS);
        assert_eq!(throttle.wait(ADDRESS, NOW), None);
    }

    #[test]
    fn memory_stays_bounded() {
        let throttle = Throttle::default();
        for bits in 0..30_000_u32 {
            throttle.failed(IpAddr::V4(Ipv4Addr::from_bits(bits)), NOW);
        }
        assert!(throttle.failures.lock().unwrap().len() <= ADDRESSES_MAX);
    }
}
