//! Days by one dimension: the dearest names of the range, and the rest.

use std::collections::HashMap;

use domain::Dialect;
use domain::key::MASTER_KEY_LABEL;
use serde_json::{Map, Value, json};
use store::StoreError;
use store::spend::Totals;
use store::usage::{Among, Answer, Answers, Dimension, KeyLabel, Question, Timeline};

use super::allot::shown;
use super::reach::{Entity, Reach};
use super::view::{ActivityBreakdown, ActivityMetadata, Entries, KeyEntries, KeyEntry, Shown};
use crate::http::error::ApiError;
use crate::state::State;

/// What is not told apart.
pub const OTHER: &str = "other";
/// Names of one breakdown at most, however few days there are.
pub const NAMES_MAX: u32 = 200;

/// The breakdowns of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Models,
    ModelGroups,
    Providers,
    Endpoints,
    ApiKeys,
    Entities,
}

impl Part {
    pub const ALL: [Self; 6] =
        [Self::Models, Self::ModelGroups, Self::Providers, Self::Endpoints, Self::ApiKeys, Self::Entities];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::ModelGroups => "model_groups",
            Self::Providers => "providers",
            Self::Endpoints => "endpoints",
            Self::ApiKeys => "api_keys",
            Self::Entities => "entities",
        }
    }

    const fn dimension(self, of: Entity) -> Dimension {
        match self {
            Self::Models => Dimension::Model,
            Self::ModelGroups => Dimension::ModelGroup,
            Self::Providers => Dimension::Provider,
            Self::Endpoints => Dimension::Endpoint,
            Self::ApiKeys => Dimension::Key,
            Self::Entities => of.dimension(),
        }
    }

    /// Whether its entries are told apart by key too.
    pub const fn has_keys(self) -> bool {
        matches!(self, Self::Models | Self::Entities)
    }

    pub const fn of(self, breakdown: &mut ActivityBreakdown) -> &mut Entries {
        match self {
            Self::Models => &mut breakdown.models,
            Self::ModelGroups => &mut breakdown.model_groups,
            Self::Providers => &mut breakdown.providers,
            Self::Endpoints => &mut breakdown.endpoints,
            Self::ApiKeys => &mut breakdown.api_keys,
            Self::Entities => &mut breakdown.entities,
        }
    }
}

/// A question's subject.
pub struct Asked<'a> {
    pub state: &'a State,
    pub entity: Entity,
    pub reach: &'a Reach,
}

/// The names of a breakdown.
pub struct Names {
    pub part: Part,
    /// The dearest of the range.
    pub names: Vec<String>,
    pub in_all: u64,
}

impl Names {
    /// Entries of a day at most.
    pub fn wanted(&self) -> usize {
        let is_more = self.in_all > self.names.len() as u64;
        self.names.len() + usize::from(is_more)
    }

    /// Keeps as many as there is room for; true when that is not all.
    pub fn keep(&mut self, room: usize) -> bool {
        let in_all = usize::try_from(self.in_all).unwrap_or(usize::MAX);
        self.names.truncate(shown(in_all, room));
        // A name that looks like the rest is part of it.
        self.names.retain(|name| name != OTHER);
        self.names.len() < in_all
    }
}

/// Usage by step and name.
pub type Sums = HashMap<(i64, String), Totals>;
/// Usage by step, name and key.
pub type SumsByKey = HashMap<(i64, String), Vec<(String, Totals)>>;

impl Asked<'_> {
    pub async fn ask(
        &self,
        timeline: Timeline,
        by: [Option<Dimension>; 2],
        more: Vec<Among>,
        limit: u32,
    ) -> Result<Answers, ApiError> {
        let (filters, among) = (self.reach.filters.clone(), [self.reach.among.clone(), more].concat());
        Ok(self.state.store.usage().ask(&Question { timeline, by, filters, among, limit }).await?)
    }

    /// The same of what is counted and of what is not: that is summed from single calls.
    pub async fn ask_any(
        &self,
        timeline: Timeline,
        by: [Option<Dimension>; 2],
        limit: u32,
    ) -> Result<Answers, ApiError> {
        let (filters, among) = (self.reach.filters.clone(), self.reach.among.clone());
        let (usage, question) = (self.state.store.usage(), Question { timeline, by, filters, among, limit });
        match usage.ask(&question).await {
            Err(StoreError::NotCounted) => {}
            answers => return Ok(answers?),
        }
        usage.ask_calls(&question).await.map_err(|error| match error {
            StoreError::TooMany(what) => {
                ApiError::plain("start_date", format!("There are too many {what}: ask for fewer days."))
            }
            error => error.into(),
        })
    }

    /// The dearest names of a breakdown in a range.
    pub async fn names(&self, part: Part, whole: Timeline, limit: u32) -> Result<Names, ApiError> {
        if part == Part::ApiKeys && !self.entity.has_keys() {
            return Ok(Names { part, names: vec![], in_all: 0 });
        }
        let by = [Some(part.dimension(self.entity)), None];
        let answers = self.ask(whole, by, vec![], limit).await?;
        let names = answers.rows.into_iter().map(|answer| answer.name).collect();
        Ok(Names { part, names, in_all: answers.rows_in_all })
    }

    /// The sums of names that are shown, by day.
    pub async fn by_day(&self, names: &Names, steps: Timeline) -> Result<Sums, ApiError> {
        if names.names.is_empty() {
            return Ok(Sums::new());
        }
        let dimension = names.part.dimension(self.entity);
        let is_all = names.in_all == names.names.len() as u64;
        let more = if is_all { vec![] } else { vec![Among::these(dimension, names.names.clone())] };
        let rows = self.ask(steps, [Some(dimension), None], more, u32::MAX).await?.rows;
        Ok(rows.into_iter().map(|answer| ((answer.step, answer.name), answer.totals)).collect())
    }

    /// The sums of the shown names by day and key.
    pub async fn by_key(
        &self,
        names: &Names,
        keys: &[String],
        steps: Timeline,
    ) -> Result<SumsByKey, ApiError> {
        let mut sums = SumsByKey::new();
        if keys.is_empty() || names.names.is_empty() {
            return Ok(sums);
        }
        let dimension = names.part.dimension(self.entity);
        let more =
            vec![Among::these(dimension, names.names.clone()), Among::these(Dimension::Key, keys.to_vec())];
        let rows = self.ask(steps, [Some(dimension), Some(Dimension::Key)], more, u32::MAX).await?.rows;
        for Answer { step, name, second, totals } in rows {
            sums.entry((step, name)).or_default().push((second, totals));
        }
        Ok(sums)
    }

    /// What entries say beside their sums.
    pub async fn labels(&self, names: &Names) -> Result<Labels, ApiError> {
        let usage = self.state.store.usage();
        Ok(match names.part {
            Part::ApiKeys => Labels::Keys(usage.key_labels(&names.names).await?),
            Part::Entities => {
                let labels = usage.labels(self.entity.dimension(), &names.names).await?;
                Labels::Names(self.entity.label(), labels)
            }
            _ => Labels::Names("", HashMap::new()),
        })
    }
}

/// What names are called otherwise.
pub enum Labels {
    Keys(HashMap<String, KeyLabel>),
    Names(&'static str, HashMap<String, String>),
}

impl Labels {
    pub fn of(&self, name: &str) -> Map<String, Value> {
        match self {
            Self::Keys(labels) => key_metadata(name, labels.get(name)),
            Self::Names(field, labels) => {
                labels.get(name).map(|label| ((*field).to_owned(), json!(label))).into_iter().collect()
            }
        }
    }
}

/// What an entry of a key says of it.
pub fn key_metadata(name: &str, label: Option<&KeyLabel>) -> Map<String, Value> {
    let label = label.cloned().unwrap_or_default();
    let entries = [
        ("key_alias", json!(label.alias)),
        ("team_id", json!(label.team_id)),
        ("user_id", json!(label.user_id)),
        ("user_email", json!(label.user_email)),
        ("key_exists", json!(label.is_there == 1 || name == MASTER_KEY_LABEL)),
    ];
    entries.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// What is shown of a total, and what is left of it.
pub fn lines(total: Totals, shown: impl IntoIterator<Item = (String, Totals)>) -> Vec<(String, Totals)> {
    let mut lines = shown.into_iter().collect::<Vec<_>>();
    let rest = lines.iter().fold(total, |rest, (_, totals)| rest - *totals);
    if rest != Totals::default() {
        lines.push((OTHER.to_owned(), rest));
    }
    lines
}

impl Part {
    /// Endpoints are shown by their paths.
    pub fn shown_as(self, name: &str) -> String {
        match (self, Dialect::parse(name)) {
            (Self::Endpoints, Some(dialect)) => dialect.path().to_owned(),
            _ => name.to_owned(),
        }
    }
}

/// An entry by key.
pub fn by_key(total: Totals, keys: Option<&Vec<(String, Totals)>>, labels: &Labels) -> KeyEntries {
    let lines = lines(total, keys.into_iter().flatten().cloned()).into_iter();
    let entry = |key: &str, totals: Totals| KeyEntry {
        metrics: totals.into(),
        metadata: if key == OTHER { Map::new() } else { labels.of(key) },
    };
    lines.map(|(key, totals)| (key.clone(), entry(&key, totals))).collect()
}

impl ActivityMetadata {
    /// Says how much of a breakdown is shown.
    pub fn tell(&mut self, names: &Names, api_keys_shown: usize) {
        let shown = Shown { names: names.in_all, shown: names.names.len(), api_keys_shown };
        if names.part == Part::ApiKeys {
            (self.api_key_limit, self.total_api_keys) = (shown.shown, shown.names);
        }
        self.breakdowns.insert(names.part.name(), shown);
    }
}
