//! A worker's connections to providers, apart for each connect time-out: what a connection may cost in time is
//! settled where it is made.

use std::time::Duration;

use crate::worker::Core;

pub struct Clients {
    usual: upstream::Client,
    /// One for each further time-out that a deployment sets.
    others: Vec<(Duration, upstream::Client)>,
}

impl Clients {
    /// `make` builds a client with the connect time-out that it is given.
    pub fn new(core: &Core, mut make: impl FnMut(Duration) -> upstream::Client) -> Self {
        let usual = core.settings.connect_timeout;
        let own = core.table.deployments().iter().filter_map(|deployment| deployment.timeouts.connect);
        let mut own: Vec<_> = own.filter(|own| *own != usual).collect();
        own.sort_unstable();
        own.dedup();
        Self { usual: make(usual), others: own.into_iter().map(|own| (own, make(own))).collect() }
    }

    pub const fn usual(&self) -> &upstream::Client {
        &self.usual
    }

    pub fn of(&self, connect_timeout: Duration) -> &upstream::Client {
        let own = self.others.iter().find(|(own, _)| *own == connect_timeout);
        own.map_or(&self.usual, |(_, client)| client)
    }
}
