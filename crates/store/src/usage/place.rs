//! Where the rows of a batch count.

use std::collections::HashMap;
use std::sync::Arc;

use super::Level;
use super::names::{Learned, Name, Names, Table, Unmet};
use crate::StoreError;
use crate::db::Tx;
use crate::ledger::{EventRow, tags};

/// What rows have in common that count in the same cells of a quarter-hour.
type Kin<'r> = [&'r str; 12];

/// The cells of a quarter-hour that a row counts in: level, who, what.
pub(super) type Place = Vec<(Level, i64, i64)>;

/// The places of a batch.
pub(super) struct Places {
    /// Which of them is each row's, in the order of the rows.
    pub of_rows: Vec<usize>,
    pub places: Vec<Place>,
    /// Each has a place; one of names that were never met has none.
    pub is_complete: bool,
}

fn kin(row: &EventRow) -> Kin<'_> {
    let (group, model) = model(row);
    [
        &row.api_key,
        said(&row.user_id),
        said(&row.team_id),
        said(&row.organization_id),
        said(&row.customer),
        &row.tags,
        group,
        model,
        &row.provider,
        &row.deployment_id,
        &row.dialect,
        &row.status,
    ]
}

fn said(text: &Option<Arc<str>>) -> &str {
    text.as_deref().unwrap_or_default()
}

/// A request that reached no deployment names what the client asked for, which may be anything.
fn model(row: &EventRow) -> (&str, &str) {
    if row.deployment_id.is_empty() { ("", "") } else { (&row.model_group, &row.model) }
}

impl Tx {
    pub(super) async fn places(
        &mut self,
        rows: &[&EventRow],
        names: &Names,
        learned: &mut Learned,
        unmet: Unmet,
    ) -> Result<Places, StoreError> {
        let mut met = HashMap::<Kin<'_>, usize>::new();
        let mut found =
            Places { of_rows: Vec::with_capacity(rows.len()), places: Vec::new(), is_complete: true };
        let mut last = None::<(Kin<'_>, usize)>;
        for row in rows {
            let kin = kin(row);
            let index = match last {
                Some((same, index)) if same == kin => index,
                _ => match met.get(&kin) {
                    Some(index) => *index,
                    None => {
                        let place = self.place(row, names, learned, unmet).await?;
                        found.is_complete &= place.is_some();
                        found.places.push(place.unwrap_or_default());
                        met.insert(kin, found.places.len() - 1);
                        found.places.len() - 1
                    }
                },
            };
            last = Some((kin, index));
            found.of_rows.push(index);
        }
        Ok(found)
    }

    /// `None` when a name of it was never met and is left so.
    async fn place(
        &mut self,
        row: &EventRow,
        names: &Names,
        learned: &mut Learned,
        unmet: Unmet,
    ) -> Result<Option<Place>, StoreError> {
        let ((group, model), [team, organization]) =
            (model(row), [&row.team_id, &row.organization_id].map(said));
        let what = [group, model, &row.provider, &row.deployment_id, &row.dialect, &row.status];
        let Some(what) = self.number(names, learned, Table::What, name(what), unmet).await? else {
            return Ok(None);
        };
        let key = [&row.api_key, said(&row.user_id), team, organization, "", ""];
        let mut whos =
            vec![(Level::Key, name(key)), (Level::Team, name(["", "", team, organization, "", ""]))];
        let customer = said(&row.customer);
        if !customer.is_empty() {
            whos.push((Level::Customer, name(["", "", "", "", customer, ""])));
        }
        whos.extend(tags(row)?.iter().map(|tag| (Level::Tag, name(["", "", "", "", "", tag]))));
        let mut place = vec![(Level::All, 0, what)];
        for (level, who) in whos {
            let Some(who) = self.number(names, learned, Table::Who, who, unmet).await? else {
                return Ok(None);
            };
            match level {
                Level::Key => place.extend([(Level::Key, who, 0), (Level::KeyWhat, who, what)]),
                level => place.push((level, who, what)),
            }
        }
        Ok(Some(place))
    }
}

fn name(texts: [&str; 6]) -> Name {
    texts.map(Arc::from)
}
