//! `bulkhead usage reprice`: calls of the past at the prices of now.

use kit::Clock;
use store::audit::Actor;
use store::ledger::Repriced;
use store::usage::Pages;

use super::days::{Days, date};
use super::prices::PricesNow;
use super::{open, patiently};
use crate::cli::Reprice;
use crate::error::Failure;
use crate::system::SystemClock;

/// Who the audit log names.
const ACTOR: &str = "bulkhead usage reprice";

/// A day after the other, some hundred calls a transaction.
pub async fn reprice(options: Reprice) -> Result<(), Failure> {
    let (assembly, store) = open(&options.common).await?;
    let clock = SystemClock::new();
    let days = Days::new(options.from, options.to, clock.now())?;
    days.check_kept(&store).await?;
    let prices = PricesNow::read(assembly, &store).await?;
    let what = what(&options, days);
    let mut all = Repriced::default();
    for day in days {
        let mut pages = Pages::of_day(day).of(options.model.clone(), options.model_group.clone());
        let mut of_day = Repriced::default();
        loop {
            // What was committed and not heard of is found changed already.
            let attempt = async || {
                let mut next = pages.clone();
                let price = |event: &_| prices.price(event);
                let part = if options.apply {
                    let actor = Actor { id: ACTOR.into(), at: clock.now(), ..Actor::default() };
                    store.repricing().apply(&mut next, price, &what, &actor).await?
                } else {
                    store.repricing().look(&mut next, price).await?
                };
                Ok((part, next))
            };
            let (part, next) = patiently(attempt).await?;
            pages = next;
            match part {
                Some(part) => of_day += part,
                None => break,
            }
        }
        if of_day.calls > 0 {
            println!("{}  {}", date(day), said(&of_day));
        }
        all += of_day;
    }
    println!("in all      {}", said(&all));
    match (all.changed, options.apply) {
        (0, _) => println!("every call costs what it did"),
        (_, true) => {
            println!("rows, roll-ups, running totals and budgets were changed, and the audit log tells of it")
        }
        (_, false) => println!("nothing was changed: run it with --apply"),
    }
    Ok(())
}

/// What the audit log calls the range.
fn what(options: &Reprice, days: Days) -> String {
    let mut what = format!("{}..{}", date(days.first), date(days.last));
    for (name, value) in [("model", &options.model), ("model group", &options.model_group)] {
        if let Some(value) = value {
            what.push_str(&format!(", {name} {value}"));
        }
    }
    what
}

fn said(repriced: &Repriced) -> String {
    let Repriced { calls, left, changed, before, after } = repriced;
    let mut said = format!("{calls} calls, {changed} cost something else");
    if *changed > 0 {
        said.push_str(&format!(": ${before} before, ${after} now"));
    }
    if *left > 0 {
        said.push_str(&format!("; {left} stay as they are: no price or no tokens"));
    }
    said
}
