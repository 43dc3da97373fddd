//! `bulkhead usage rebuild`: roll-ups out of the rows of single calls.

use kit::Clock;
use store::usage::{Differing, Repair};

use super::days::{Days, date, months};
use super::{open, patiently};
use crate::cli::Rebuild;
use crate::error::Failure;
use crate::system::SystemClock;

/// A day after the other, then the month that they are in.
pub async fn rebuild(options: Rebuild) -> Result<(), Failure> {
    let (_, store) = open(&options.common).await?;
    let clock = SystemClock::new();
    let repair = if options.dry_run { Repair::Look } else { Repair::Apply };
    let days = Days::new(options.from, options.to, clock.now())?;
    days.check_kept(&store).await?;
    let mut all = Differing::default();
    for (month, days) in months(days) {
        for day in days {
            let rebuilt = patiently(async || Ok(store.rebuilding().day(day, repair, clock.now()).await?));
            let rebuilt =
                rebuilt.await.map_err(|failure| Failure::Said(format!("{}: {failure}", date(day))))?;
            println!("{}  {}", date(day), said(&[("quarter-hours", rebuilt.quarters), ("day", rebuilt.day)]));
            all += rebuilt.quarters;
            all += rebuilt.day;
        }
        let of_month =
            patiently(async || Ok(store.rebuilding().month(month, repair, clock.now()).await?)).await?;
        println!("{}     {}", date(days.first).strftime("%Y-%m"), said(&[("month", of_month)]));
        all += of_month;
    }
    match (all.cells, repair) {
        (0, _) => println!("every cell is what its calls come to"),
        (cells, Repair::Look) => {
            println!("{cells} cells differ from their calls; nothing was changed: run it without --dry-run");
        }
        (cells, Repair::Apply) => println!("{cells} cells were made right"),
    }
    Ok(())
}

/// How cells of one time differed, by their length.
fn said(parts: &[(&str, Differing)]) -> String {
    let differing = parts.iter().filter(|(_, differing)| differing.cells > 0);
    let said = differing.map(|(name, Differing { cells, requests, tokens, cost_nano })| {
        let cost = kit::Money(*cost_nano);
        format!("{name}: {cells} cells differ (calls less cells: {requests:+} requests, {tokens:+} tokens, ${cost})")
    });
    let said = said.collect::<Vec<_>>();
    if said.is_empty() { "right".into() } else { said.join("; ") }
}
