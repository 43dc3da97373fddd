//! However calls overlap, and wherever a crash falls, every intent becomes one row.

use domain::Status;
use proptest::prelude::*;
use tempfile::tempdir;

use crate::common::{Memory, Mode, drain, open, run, settings};
use crate::samples::{expected, intent, mark, outcome};

#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// Tells how far one of the calls under way is.
    Mark(usize),
    /// Ends one of them.
    End(usize),
    /// Waits until the shipper has shipped what has ended, or tried to.
    Ship,
    Away(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Begin),
        3 => any::<usize>().prop_map(Step::Mark),
        9 => any::<usize>().prop_map(Step::End),
        1 => Just(Step::Ship),
        1 => any::<bool>().prop_map(Step::Away),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_intent_becomes_one_row(
        steps in prop::collection::vec(step(), 0..400),
        writers in 1_usize..4,
        crashes in any::<bool>(),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            let (folder, database) = (tempdir().unwrap(), Memory::default());
            let ledger = open(folder.path(), settings());
            let running = run(&ledger, database.clone());
            let mut pens = (0..writers).map(|_| ledger.writer()).collect::<Vec<_>>();
            let (mut under_way, mut marked, mut ended, mut begun) = (vec![], vec![], vec![], 0_u64);
            for step in steps {
                match step {
                    Step::Begin => {
                        let pen = usize::try_from(begun).unwrap() % writers;
                        pens[pen].intent(&intent(begun), &expected(begun)).unwrap();
                        under_way.push((begun, pen));
                        begun += 1;
                    }
                    Step::Mark(which) if !under_way.is_empty() => {
                        let (number, pen): (u64, usize) = under_way[which % under_way.len()];
                        pens[pen].mark(&mark(number)).unwrap();
                        marked.push(number);
                    }
                    Step::End(which) if !under_way.is_empty() => {
                        let (number, pen) = under_way.swap_remove(which % under_way.len());
                        pens[pen].outcome(&outcome(number)).unwrap();
                        ended.push(number);
                    }
                    Step::Mark(_) | Step::End(_) => {}
                    Step::Ship => {
                        let calls = database.state.lock().unwrap().calls;
                        database.until(|state| state.rows.len() == ended.len()
                            || (matches!(state.mode, Mode::Away) && state.calls > calls)).await;
                    }
                    Step::Away(away) => database.set(if away { Mode::Away } else { Mode::Well }),
                }
            }
            if crashes {
                // Dies while it waits for the database: then no step on the disk is under way.
                database.set(Mode::Away);
                let calls = database.state.lock().unwrap().calls;
                pens[0].intent(&intent(begun), &expected(begun)).unwrap();
                pens[0].outcome(&outcome(begun)).unwrap();
                ended.push(begun);
                begun += 1;
                database.until(|state| state.calls > calls).await;
                running.kill().await;
                drop((pens, ledger));
                database.set(Mode::Well);
                drain(folder.path(), &database).await;
            } else {
                database.set(Mode::Well);
                drop(pens);
                running.stop().await;
            }
            let rows = database.rows();
            assert_eq!(rows.len() as u64, begun);
            for number in 0..begun {
                let row = &rows[&intent(number).id];
                assert_eq!(row.intent, intent(number));
                if ended.contains(&number) {
                    assert_eq!(row.outcome, outcome(number));
                    continue;
                }
                let come_to = if marked.contains(&number) { mark(number).so_far } else { expected(number) };
                assert_eq!((row.outcome.status, row.outcome.cost), (Status::Interrupted, come_to.cost));
                assert_eq!((row.outcome.usage, row.outcome.usage_estimated), (come_to.usage, true));
            }
        });
    }
}
