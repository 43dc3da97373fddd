//! A worker's connections to providers, apart for each connect time-out: what a connection may cost in time is
//! settled where it is made.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use upstream::Client;

/// Further time-outs that have connections of their own; deployments with yet others share the usual ones.
const OTHERS_MAX: usize = 16;

type Make = Box<dyn FnMut(Duration) -> Client + Send>;

pub struct Clients {
    usual_timeout: Duration,
    usual: Client,
    others: Mutex<Others>,
}

struct Others {
    made: Vec<(Duration, Client)>,
    make: Make,
}

impl Clients {
    /// `make` builds a client with the connect time-out that it is given.
    pub fn new(usual: Duration, make: impl FnMut(Duration) -> Client + Send + 'static) -> Self {
        let mut make: Make = Box::new(make);
        Self {
            usual_timeout: usual,
            usual: make(usual),
            others: Mutex::new(Others { made: Vec::new(), make }),
        }
    }

    pub const fn usual(&self) -> &Client {
        &self.usual
    }

    /// The lock is free, since one thread uses it.
    pub fn of(&self, connect_timeout: Duration) -> Cow<'_, Client> {
        if connect_timeout == self.usual_timeout {
            return Cow::Borrowed(&self.usual);
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = others.made.iter().find(|(own, _)| *own == connect_timeout) {
            return Cow::Owned(client.clone());
        }
        if others.made.len() >= OTHERS_MAX {
            return Cow::Borrowed(&self.usual);
        }
        let client = (others.make)(connect_timeout);
        others.made.push((connect_timeout, client.clone()));
        Cow::Owned(client)
    }
}
