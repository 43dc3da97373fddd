//! How many requests are at each host, so that no HTTP/2 connection is asked for more streams than it has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::uri::Authority;

/// Hosts that are counted; beyond it new ones use HTTP/1.1. A configuration names a few dozen.
const HOSTS_MAX: usize = 1024;

#[derive(Clone, Debug)]
pub(crate) struct Streams {
    per_host_max: usize,
    hosts: Arc<Mutex<HashMap<Authority, Arc<AtomicUsize>>>>,
}

/// One request at a host; dropping it ends the count.
#[derive(Debug)]
pub(crate) struct Stream(Arc<AtomicUsize>);

impl Streams {
    pub(crate) fn new(per_host_max: usize) -> Self {
        Self { per_host_max, hosts: Arc::default() }
    }

    /// `None` when the host has all the requests that may share a connection.
    pub(crate) fn enter(&self, host: &Authority) -> Option<Stream> {
        let count = self.count(host)?;
        let one_more = |now: usize| (now < self.per_host_max).then_some(now + 1);
        count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Stream(count))
    }

    fn count(&self, host: &Authority) -> Option<Arc<AtomicUsize>> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = hosts.get(host) {
            return Some(count.clone());
        }
        if hosts.len() >= HOSTS_MAX {
            return None;
        }
        Some(hosts.entry(host.clone()).or_default().clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_own_bound_and_gets_places_back() {
        let streams = Streams::new(1);
        let (one, two) = (Authority::from_static("one"), Authority::from_static("two"));
        let first = streams.enter(&one).unwrap();
        assert!(streams.enter(&one).is_none());
        assert!(streams.enter(&two).is_some());
        drop(first);
        assert!(streams.enter(&one).is_some());
    }

    #[test]
    fn hosts_are_bounded() {
        let streams = Streams::new(1);
        for host in 0..HOSTS_MAX {
            assert!(streams.enter(&format!("h{host}").parse().unwrap()).is_some());
        }
        assert!(streams.enter(&Authority::from_static("one-more")).is_none());
    }
}
