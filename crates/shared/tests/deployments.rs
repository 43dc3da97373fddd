#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bulkhead_shared::Deployments;
use domain::Deployment;
use kit::{ManualClock, Timestamp};
use routing::{Availability, Candidate, Failure, Options, Table, View};

const REST: Duration = Duration::from_secs(5);

struct World {
    clock: Arc<ManualClock>,
    table: Table,
    state: Deployments,
}

fn world(max_parallel: Option<u32>) -> World {
    let mut deployment = Deployment::named("g", "openai", "m");
    deployment.max_parallel_requests = max_parallel;
    let table = Table::build(vec![deployment], Options::default());
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1)));
    let state = Deployments::new(table.slots(), clock.clone());
    World { clock, table, state }
}

impl World {
    fn candidate(&self) -> Candidate {
        self.table.resolve("g", None).unwrap().candidates[0].clone()
    }
}

#[test]
fn a_failure_rests_it_for_all_until_the_time_has_passed() {
    let world = world(None);
    let candidate = world.candidate();
    assert_eq!(world.state.failed(&candidate, &Failure::answered(401), false), Some(REST));
    assert_eq!(world.state.availability(&candidate), Availability::Cooling { left: REST });
    assert_eq!(world.state.status()[0].cooling, Some(REST));
    world.clock.advance(REST);
    assert_eq!(world.state.availability(&candidate), Availability::Ready);
}

#[test]
fn no_more_requests_than_it_may_have_are_let_in() {
    let world = world(Some(2));
    let candidate = world.candidate();
    let first = world.state.enter(&candidate).unwrap();
    let _second = world.state.enter(&candidate).unwrap();
    assert!(world.state.enter(&candidate).is_none());
    assert_eq!(world.state.availability(&candidate), Availability::Full);
    drop(first);
    assert_eq!(world.state.availability(&candidate), Availability::Ready);
    assert_eq!(world.state.status()[0].in_flight, 1);
}

#[test]
fn threads_together_keep_the_bound() {
    let world = world(Some(3));
    let candidate = world.candidate();
    let inside = std::thread::scope(|scope| {
        let threads = (0..8).map(|_| scope.spawn(|| world.state.enter(&candidate))).collect::<Vec<_>>();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(inside.len(), 3);
    drop(inside);
    assert_eq!(world.state.status()[0].in_flight, 0);
}

#[test]
fn a_new_table_keeps_what_is_known() {
    let world = world(None);
    let candidate = world.candidate();
    world.state.failed(&candidate, &Failure::answered(404), false);
    let in_flight = world.state.enter(&candidate).unwrap();
    let after = world.state.carried_over(&["new".into(), world.table.slots()[0].clone()], |_| true);
    let status = after.status();
    assert_eq!((status[0].in_flight, status[0].cooling), (0, None));
    assert_eq!((status[1].in_flight, status[1].cooling), (1, Some(REST)));
    // One that was changed begins anew, with the requests that it has.
    let changed = after.carried_over(&[world.table.slots()[0].clone()], |_| false);
    assert_eq!((changed.status()[0].in_flight, changed.status()[0].cooling), (1, None));
    drop(in_flight);
    assert_eq!((after.status()[1].in_flight, changed.status()[0].in_flight), (0, 0));
}
