use std::collections::BTreeMap;

use domain::{Status, UsageEvent};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use kit::{Money, Timestamp};
use store::ledger::{RunningTotal, TotalOf};
use store::spend::{Range, Scope};
use store::usage::{
    Among, Answer, Dimension, Filter, MICROS_PER_QUARTER, Question, Timed, Timeline, quarter_of,
};

use crate::support::{TestDb, backends, event};

/// 2024-02-20, in seconds: both daylight-saving days of this spring are near.
const FIRST: i64 = 1_708_387_200;
const DAYS: i64 = 75;
const EVENTS: u128 = 500;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % sides
    }
}

async fn events(db: &TestDb) -> Vec<UsageEvent> {
    events_of(db, FIRST, DAYS, EVENTS).await
}

/// So many events in the days from `first` on, in seconds.
pub async fn events_of(db: &TestDb, first: i64, days: i64, count: u128) -> Vec<UsageEvent> {
    let keys = [db.add_key("sk-one").await, db.add_key("sk-two").await, db.add_key("sk-three").await];
    let mut dice = Dice(7);
    let mut events = Vec::new();
    for id in 0..count {
        let started = first + dice.roll(days * 86_400);
        let mut event = event(id, keys.get(dice.roll(4) as usize), started, dice.roll(1_000_000));
        let text = |prefix: &str, number: i64| Some(Box::<str>::from(format!("{prefix}-{number}")));
        event.intent.user_id = text("user", dice.roll(3)).filter(|_| event.intent.key.is_some());
        event.intent.team_id = text("team", dice.roll(2)).filter(|user| !user.ends_with('1'));
        event.intent.organization_id = None;
        event.intent.customer = text("customer", dice.roll(3)).filter(|user| !user.ends_with('2'));
        event.intent.model = format!("model-{}", dice.roll(4)).into();
        event.intent.provider = format!("provider-{}", dice.roll(2)).into();
        event.intent.tags = (0..dice.roll(3)).map(|tag| format!("tag-{tag}").into()).collect();
        event.outcome.status =
            [Status::Success, Status::UpstreamError, Status::Cancelled][dice.roll(3) as usize];
        event.outcome.usage.input = u64::try_from(dice.roll(5_000)).unwrap();
        event.outcome.superseded = dice.roll(9) == 0;
        events.push(event);
    }
    events
}

/// Ships in two parts, folding before, between and after, so that some of the second part is late.
async fn ship(db: &TestDb, events: &[UsageEvent]) {
    let (first, second) = events.split_at(events.len() / 2);
    db.store.ledger().ship(first, Timestamp(1)).await.unwrap();
    while db.store.usage().fold(Timestamp::from_secs(FIRST + 40 * 86_400 + 5_000)).await.unwrap() {}
    db.store.ledger().ship(second, Timestamp(2)).await.unwrap();
    while db.store.usage().fold(Timestamp::from_secs(FIRST + 60 * 86_400 + 50_000)).await.unwrap() {}
}

/// `tag` is the one of its tags as which a request is looked at.
fn named(event: &UsageEvent, by: Option<Dimension>, tag: Option<&str>) -> Vec<String> {
    let intent = &event.intent;
    let said = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    vec![match by {
        None => String::new(),
        Some(Dimension::Tag) => return tag.map(str::to_owned).into_iter().collect(),
        Some(Dimension::Customer) if intent.customer.is_none() => return vec![],
        Some(Dimension::Customer) => said(&intent.customer),
        Some(Dimension::Key) => {
            intent.key.map_or_else(|| domain::key::MASTER_KEY_LABEL.to_owned(), |key| key.to_hex())
        }
        Some(Dimension::User) => said(&intent.user_id),
        Some(Dimension::Team) => said(&intent.team_id),
        Some(Dimension::Model) => intent.model.to_string(),
        Some(Dimension::Provider) => intent.provider.to_string(),
        Some(Dimension::Status) => event.outcome.status.as_str().to_owned(),
        Some(other) => panic!("{other:?}"),
    }]
}

type Sums = BTreeMap<(i64, String, String), (i64, i64, i64)>;

/// Requests, input tokens and cost, by looking at each event.
fn brute_force(events: &[UsageEvent], bounds: &[i64], question: &Question) -> Sums {
    let mut sums = Sums::new();
    for event in events {
        let quarter = quarter_of(event.intent.started_at.micros());
        let Some(step) = (0..bounds.len() - 1).find(|at| bounds[*at] <= quarter && quarter < bounds[at + 1])
        else {
            continue;
        };
        for tag in tags(event, question) {
            let keeps = |filter: &Filter| named(event, Some(filter.dimension), tag).contains(&filter.is);
            let is_among =
                |among: &Among| named(event, Some(among.dimension), tag).iter().any(|name| among.keeps(name));
            if !question.filters.iter().all(keeps) || !question.among.iter().all(is_among) {
                continue;
            }
            for first in named(event, question.by[0], tag) {
                for second in named(event, question.by[1], tag) {
                    let sum = sums.entry((step as i64, first.clone(), second)).or_default();
                    sum.0 += i64::from(!event.outcome.superseded);
                    sum.1 += i64::try_from(event.outcome.usage.input).unwrap();
                    sum.2 += event.outcome.cost.nano();
                }
            }
        }
    }
    sums
}

/// Where tags are asked for, a request counts for each of its tags.
fn tags<'e>(event: &'e UsageEvent, question: &Question) -> Vec<Option<&'e str>> {
    let filtered = question.filters.iter().map(|filter| filter.dimension);
    let mut asked = filtered.chain(question.among.iter().map(|among| among.dimension));
    match question.by.contains(&Some(Dimension::Tag)) || asked.any(|of| of == Dimension::Tag) {
        true => event.intent.tags.iter().map(|tag| Some(&**tag)).collect(),
        false => vec![None],
    }
}

fn found(answers: Vec<Answer>) -> Sums {
    let sums = |answer: Answer| {
        let totals = answer.totals;
        let key = (answer.step, answer.name, answer.second);
        (key, (totals.requests, totals.input_tokens, totals.cost_nano))
    };
    answers.into_iter().map(sums).collect()
}

/// The bounds of local days, weeks or months, from before the first event to after the last.
fn bounds(zone: &str, step: Span, count: i64) -> Vec<i64> {
    let zone = match zone.parse::<i8>() {
        Ok(hours) => TimeZone::fixed(jiff::tz::offset(hours)),
        Err(_) => TimeZone::get(zone).unwrap(),
    };
    let first: Date = "2024-02-18".parse().unwrap();
    let starts = (0..=count).map(|index| first + step * index);
    let quarter =
        |date: Date| date.to_zoned(zone.clone()).unwrap().timestamp().as_microsecond() / MICROS_PER_QUARTER;
    starts.map(quarter).collect()
}

pub const ZONES: [&str; 6] =
    ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "-8", "Europe/Berlin", "America/New_York"];

type Grouping = ([Option<Dimension>; 2], Vec<Filter>, Vec<Among>);

fn groupings() -> Vec<Grouping> {
    use Dimension::{Customer, Key, Model, Provider, Status, Tag, Team, User};
    let only = |dimension, is: &str| vec![Filter { dimension, is: is.to_owned() }];
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let these = |dimension, of: &[&str]| Among::these(dimension, names(of));
    let except = |dimension, of: &[&str]| Among::except(dimension, names(of));
    vec![
        ([None, None], vec![], vec![]),
        ([Some(Model), None], vec![], vec![]),
        ([Some(Provider), Some(Status)], vec![], vec![]),
        ([Some(Team), Some(Model)], vec![], vec![]),
        ([Some(Key), None], vec![], vec![]),
        ([Some(User), Some(Model)], vec![], vec![]),
        ([Some(Customer), None], vec![], vec![]),
        ([Some(Tag), Some(Model)], vec![], vec![]),
        ([Some(Model), None], only(Team, "team-0"), vec![]),
        ([Some(Key), None], only(User, "user-1"), vec![]),
        ([None, None], only(Model, "model-2"), vec![]),
        ([Some(Model), None], only(Tag, "tag-1"), vec![]),
        ([Some(User), None], only(Provider, "provider-1"), vec![]),
        ([Some(Model), None], vec![], vec![these(Model, &["model-1", "model-3", "model-31"])]),
        ([None, None], only(Provider, "provider-1"), vec![except(Model, &["model-0"])]),
        ([Some(Model), None], vec![], vec![Among::somebody(Team)]),
        ([Some(Team), None], vec![], vec![Among::somebody(Team), except(Team, &["team-1"])]),
        (
            [Some(Model), Some(Key)],
            vec![],
            vec![these(User, &["user-0", "user-2"]), except(Model, &["model-1"])],
        ),
        ([Some(Key), None], only(User, "user-1"), vec![Among::somebody(Team), these(Model, &["model-2"])]),
        ([Some(Tag), None], vec![], vec![these(Tag, &["tag-0", "tag-7"])]),
        ([None, None], vec![], vec![these(Tag, &["tag-0", "tag-1"]), except(Tag, &["tag-1"])]),
        ([Some(Customer), None], vec![], vec![these(Customer, &[])]),
    ]
}

/// Sums by every grouping and step of time are what looking at each event comes to.
pub async fn assert_sums(db: &TestDb, events: &[UsageEvent], zones: &[&str]) {
    for zone in zones {
        for (step, count) in [(1.day(), 80), (1.week(), 12), (1.month(), 3), (80.days(), 1)] {
            let bounds = bounds(zone, step, count);
            for (by, filters, among) in groupings() {
                let timeline = Timeline::new(bounds.iter().copied()).unwrap();
                let question = Question { timeline, by, filters, among, limit: 100_000 };
                let sums = found(db.store.usage().ask(&question).await.unwrap().rows);
                assert_eq!(sums, brute_force(events, &bounds, &question), "{zone} {step} {question:?}");
                if *zone == "Europe/Berlin" && count < 20 {
                    let of_calls = found(db.store.usage().ask_calls(&question).await.unwrap().rows);
                    assert_eq!(of_calls, sums, "{zone} {step} {question:?}");
                }
            }
        }
    }
}

backends! {
    async fn every_sum_is_that_of_the_rows(db: TestDb) {
        let events = events(&db).await;
        ship(&db, &events).await;
        assert_sums(&db, &events, &ZONES).await;
    }

    async fn the_dearest_few_are_those_of_all(db: TestDb) {
        let events = events(&db).await;
        ship(&db, &events).await;
        let bounds = bounds("Asia/Kathmandu", 80.days(), 1);
        for (by, filters, among) in groupings() {
            for limit in [1, 2, 5] {
                let timeline = Timeline::new(bounds.iter().copied()).unwrap();
                let question = Question { timeline, by, filters: filters.clone(), among: among.clone(), limit };
                let answers = db.store.usage().ask(&question).await.unwrap();
                let mut all = brute_force(&events, &bounds, &question).into_iter().collect::<Vec<_>>();
                assert_eq!(answers.rows_in_all, all.len() as u64, "{question:?}");
                all.sort_by_key(|(key, (requests, _, cost))| (-cost, -requests, key.clone()));
                all.truncate(limit as usize);
                assert_eq!(found(answers.rows), all.into_iter().collect(), "{question:?}");
            }
        }
    }

    async fn what_comes_late_is_in_days_and_months_too(db: TestDb) {
        let events = events(&db).await;
        ship(&db, &events).await;
        while db.store.usage().fold(Timestamp::from_secs(FIRST + 100 * 86_400)).await.unwrap() {}
        assert!(!db.store.usage().fold(Timestamp::from_secs(FIRST + 100 * 86_400)).await.unwrap());
        let cost = events.iter().map(|event| event.outcome.cost.nano()).sum::<i64>().to_string();
        for table in ["usage_quarters", "usage_days", "usage_months"] {
            for level in [0, 1, 2, 3] {
                let sum = format!("SELECT CAST(SUM(cost_nano) AS TEXT) FROM {table} WHERE level = {level}");
                assert_eq!(db.texts(&sum).await, [cost.as_str()], "{table} {level}");
            }
        }
    }

    async fn old_quarter_hours_go_and_days_stay_exact(db: TestDb) {
        let events = events(&db).await;
        ship(&db, &events).await;
        let kept_since = Timestamp::from_secs(FIRST + 50 * 86_400 + 7_000);
        let kept = quarter_of((FIRST + 50 * 86_400) * 1_000_000);
        let oldest = async || {
            let text = db.texts("SELECT CAST(MIN(at) AS TEXT) FROM usage_quarters").await;
            text[0].parse::<i64>().unwrap()
        };
        assert!(!db.store.usage().forget_quarters(kept_since).await.unwrap());
        assert!(oldest().await < kept, "nobody may ask for them any more, but they are still there");
        while db.store.usage().forget_quarters(kept_since).await.unwrap() {}
        assert!(oldest().await >= kept);
        let ask = async |zone: &str, step, count| {
            let bounds = bounds(zone, step, count);
            let timeline = Timeline::new(bounds.iter().copied()).unwrap();
            let question = Question { timeline, by: [Some(Dimension::Model), None], filters: vec![], among: vec![], limit: 100_000 };
            let answers = db.store.usage().ask(&question).await.unwrap();
            (answers.is_exact, found(answers.rows), brute_force(&events, &bounds, &question))
        };
        let (is_exact, sums, expected) = ask("UTC", 1.day(), 80).await;
        assert!(is_exact && sums == expected);
        let (is_exact, sums, expected) = ask("Asia/Kolkata", 80.days(), 1).await;
        assert!(!is_exact);
        // Nothing is lost: all calls are well within the range.
        assert_eq!(sums, expected);
    }

    async fn what_no_cell_counts_is_summed_from_the_calls(db: TestDb) {
        use Dimension::{Customer, Key, Model, Tag, User};
        let events = events(&db).await;
        ship(&db, &events).await;
        let bounds = bounds("UTC", 1.week(), 12);
        let only = |dimension, is: &str| vec![Filter { dimension, is: is.to_owned() }];
        for (by, filters, among) in [
            ([Some(Customer), Some(Key)], vec![], vec![]),
            ([Some(Tag), Some(User)], vec![], vec![Among::somebody(User)]),
            ([Some(Tag), Some(Customer)], only(Model, "model-1"), vec![]),
            ([Some(Key), None], only(Tag, "tag-1"), vec![]),
            ([Some(Key), None], vec![], vec![Among::somebody(Customer), Among::except(Customer, vec!["customer-0".into()])]),
        ] {
            let timeline = Timeline::new(bounds.iter().copied()).unwrap();
            let question = Question { timeline, by, filters, among, limit: 100_000 };
            let answers = db.store.usage().ask_calls(&question).await.unwrap();
            assert!(answers.rows.is_sorted_by(|one, other| one.totals.cost_nano >= other.totals.cost_nano));
            assert_eq!(answers.rows_in_all, answers.rows.len() as u64);
            assert_eq!(found(answers.rows), brute_force(&events, &bounds, &question), "{question:?}");
            let first = db.store.usage().ask_calls(&Question { limit: 1, ..question }).await.unwrap();
            assert_eq!((first.rows.len(), first.rows_in_all), (1, answers.rows_in_all));
        }
    }

    async fn all_that_cells_sum_up_is_summed_alike_from_the_calls(db: TestDb) {
        let events = events(&db).await;
        ship(&db, &events).await;
        for by in [[None, None], [Some(Dimension::Status), Some(Dimension::Endpoint)], [Some(Dimension::Tag), None]] {
            let timeline = Timeline::new([0, quarter_of((FIRST + 90 * 86_400) * 1_000_000)]).unwrap();
            let question = Question { timeline, by, filters: vec![], among: vec![], limit: 100 };
            let of_cells = db.store.usage().ask(&question).await.unwrap();
            assert_eq!(db.store.usage().ask_calls(&question).await.unwrap().rows, of_cells.rows, "{by:?}");
        }
    }

    async fn how_long_groups_took_is_within_nine_percent_of_their_calls(db: TestDb) {
        use Dimension::{Customer, Key, Model, Status, Team, User};
        let mut events = events(&db).await;
        let mut dice = Dice(11);
        for event in &mut events {
            let started = event.intent.started_at.micros();
            event.outcome.first_byte_at = Some(Timestamp(started + 50_000 + dice.roll(400_000))).filter(|_| dice.roll(5) > 0);
            event.outcome.ended_at = Timestamp(started + 450_000 + dice.roll(9_000_000));
        }
        ship(&db, &events).await;
        let bounds = bounds("Asia/Kathmandu", 40.days(), 1);
        let timeline = Timeline::new(bounds.iter().copied()).unwrap();
        let only = |dimension, is: &str| vec![Filter { dimension, is: is.to_owned() }];
        for (by, filters) in [
            (Model, vec![]), (Status, only(Model, "model-1")), (Key, vec![]), (User, only(Team, "team-0")),
        ] {
            let question = Question { timeline: timeline.clone(), by: [Some(by), None], filters, among: vec![], limit: 100 };
            let groups = db.store.usage().ask(&question).await.unwrap().rows;
            let names = groups.into_iter().map(|group| group.name).collect::<Vec<_>>();
            for timed in [Timed::Whole, Timed::FirstByte] {
                let found = db.store.usage().timed(&timeline, timed, by, names.clone(), &question.filters).await.unwrap().unwrap();
                for name in &names {
                    let mut times = events
                        .iter()
                        .filter(|event| {
                            let quarter = quarter_of(event.intent.started_at.micros());
                            let keeps = |filter: &Filter| named(event, Some(filter.dimension), None)[0] == filter.is;
                            (bounds[0]..bounds[1]).contains(&quarter) && !event.outcome.superseded
                                && named(event, Some(by), None)[0] == *name && question.filters.iter().all(keeps)
                        })
                        .filter_map(|event| {
                            let until = if timed == Timed::Whole { Some(event.outcome.ended_at) } else { event.outcome.first_byte_at };
                            Some(until?.micros() - event.intent.started_at.micros())
                        })
                        .collect::<Vec<_>>();
                    times.sort_unstable();
                    let latency = found.get(name).cloned().unwrap_or_default();
                    for percent in [50, 95, 99] {
                        let exact = times.get((times.len() * percent).div_ceil(100).saturating_sub(1));
                        let read = latency.percentile(i64::try_from(percent).unwrap());
                        assert_eq!(exact.is_some(), read.is_some(), "{by:?} {name} {percent}");
                        if let (Some(exact), Some(read)) = (exact, read) {
                            assert!((exact - read).abs() * 100 <= exact * 9, "{by:?} {name} {percent}: {exact} was read as {read}");
                        }
                    }
                }
            }
        }
        for (by, filters) in [(Customer, vec![]), (Model, only(Team, "team-0")), (Key, only(Model, "model-1"))] {
            assert_eq!(db.store.usage().timed(&timeline, Timed::Whole, by, vec!["x".into()], &filters).await.unwrap(), None);
        }
        let all = db.store.usage().timed_in_all(&timeline, Timed::Whole, &[]).await.unwrap().unwrap();
        assert!(all.percentile(50).unwrap() > 450_000);
    }

    async fn customers_by_team_are_not_counted(db: TestDb) {
        let timeline = Timeline::new([0, 96]).unwrap();
        let by = [Some(Dimension::Customer), Some(Dimension::Team)];
        let asked = db.store.usage().ask(&Question { timeline, by, filters: vec![], among: vec![], limit: 1 }).await;
        assert!(matches!(asked, Err(store::StoreError::NotCounted)), "{asked:?}");
    }
}

/// Two keys of a team, each with two quarter-hours of one model, as the second migration knows them.
const BEFORE: &str = "
    INSERT INTO usage_dimensions VALUES (1, 'k1', 'ada', 't', 'org', 'smart', 'opus', 'anthropic', 'd1');
    INSERT INTO usage_dimensions VALUES (2, 'k2', 'ada', 't', 'org', 'smart', 'opus', 'anthropic', 'd1');
    INSERT INTO usage_quarter_hours VALUES (100, 1, 3, 1, 0, 0, 10, 20, 0, 0, 0, 7, 90, 3);
    INSERT INTO usage_quarter_hours VALUES (100, 2, 1, 0, 0, 0, 10, 20, 0, 0, 0, 5, 90, 1);
    INSERT INTO usage_quarter_hours VALUES (101, 2, 1, 0, 0, 0, 10, 20, 0, 0, 0, 30, 90, 1);
    INSERT INTO latency_quarter_hours VALUES (100, 40, 4);
";

async fn moves(db: TestDb) {
    db.execute(BEFORE).await;
    db.store.migrate_up().await.unwrap();
    let total = db.store.ledger().running_total(TotalOf::Member { team: "t", user: "ada" }).await.unwrap();
    let expected = RunningTotal { requests: 5, input_tokens: 30, output_tokens: 60, spend_nano: 42 };
    assert_eq!(total, Some(expected));
    let range = Range::new(Timestamp(0), Timestamp(200 * MICROS_PER_QUARTER));
    for _ in 0..2 {
        let totals = db.store.spend().totals(range, &Scope::default()).await.unwrap();
        assert_eq!((totals.requests, totals.attempts, totals.failures, totals.spend()), (5, 5, 1, Money(42)));
        let keys = db.store.spend().by_key(range, &Scope::default(), 9).await.unwrap();
        let keys = keys.iter().map(|key| (key.api_key.as_str(), key.totals.cost_nano)).collect::<Vec<_>>();
        assert_eq!(keys, [("k2", 35), ("k1", 7)]);
        let timeline = Timeline::new([100, 102]).unwrap();
        let by = [Some(Dimension::Team), Some(Dimension::Model)];
        let question = Question { timeline, by, filters: vec![], among: vec![], limit: 9 };
        let teams = db.store.usage().ask(&question).await.unwrap().rows;
        assert_eq!(
            (teams.len(), &*teams[0].name, &*teams[0].second, teams[0].totals.cost_nano),
            (1, "t", "opus", 42)
        );
        assert!(db.store.spend().latency(range).await.unwrap().percentile(50).is_some());
        while db.store.usage().fold(Timestamp(300 * MICROS_PER_QUARTER)).await.unwrap() {}
    }
}

#[tokio::test]
async fn what_was_counted_before_moves_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    moves(TestDb::brought_to(url, Some(folder), 2).await).await;
}

#[tokio::test]
async fn what_was_counted_before_moves_on_postgres() {
    let url = testkit::postgres::database().unwrap_or_else(|sentence| panic!("{sentence}"));
    moves(TestDb::brought_to(url, None, 2).await).await;
}
