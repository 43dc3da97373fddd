//! What requests are routed by: replaced as a whole when deployments change, while requests under way keep theirs.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use domain::Deployment;
use kit::Clock;
use routing::{Options, Table};
use shared::Deployments;

use crate::deployments::{Environment, ReadyDeployments};
use crate::prices::Prices;

/// All of one moment, since slots of the table count into the others.
pub struct Routing {
    pub table: Table,
    pub deployments: Deployments,
    pub ready: ReadyDeployments,
}

/// The routing of now.
pub struct RoutingNow {
    options: Options,
    now: RwLock<Arc<Routing>>,
}

impl RoutingNow {
    pub fn new(
        deployments: Vec<Deployment>,
        options: Options,
        prices: Arc<Prices>,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let table = Table::build(deployments, options.clone());
        let deployments = Deployments::new(table.slots(), clock);
        let ready = ReadyDeployments::new(prices, environment);
        Self { options, now: RwLock::new(Arc::new(Routing { table, deployments, ready })) }
    }

    /// A request asks once, and keeps to it.
    pub fn get(&self) -> Arc<Routing> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Routes by these deployments from now on. Those that stay as they are keep their cool-downs and habits, and
    /// all keep their requests in flight. Takes its time, and holds up nobody meanwhile; one task calls it.
    pub fn replace(&self, deployments: Vec<Deployment>) {
        let before = self.get();
        let table = Table::build(deployments, self.options.clone());
        let after = by_id(&table);
        let same =
            by_id(&before.table).into_iter().filter(|(id, deployment)| after.get(id) == Some(deployment));
        let same = same.map(|(id, _)| id).collect::<HashSet<_>>();
        let deployments = before.deployments.carried_over(table.slots(), |id| same.contains(id));
        let ready = before.ready.carried_over(|id| same.contains(id));
        let after = Arc::new(Routing { table, deployments, ready });
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = after;
    }
}

fn by_id(table: &Table) -> HashMap<&str, &Deployment> {
    table.deployments().iter().map(|deployment| (deployment.id.as_str(), &**deployment)).collect()
}
