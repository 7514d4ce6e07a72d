//! What arrived, as JSON for the page.

use serde_json::{Value, json};

use crate::{
    arrival::{Arrivals, MergedSeries},
    query::Query,
    selection::Selection,
};

/// The most arrivals in one answer; the page asks again for the rest.
const MOST_ARRIVALS: usize = 2000;

/// The most functions in the table.
const MOST_FUNCTIONS: usize = 50;

/// The series so far, and the sums.
pub(super) fn series(arrivals: &Arrivals, counts_only: bool) -> Value {
    json!({
        "arrivals": arrivals.len(),
        "counts_only": counts_only,
        "totals": arrivals.totals().to_json(),
        "series": arrivals.series().iter().map(MergedSeries::to_json).collect::<Vec<_>>(),
    })
}

/// The arrivals from number `from` on (0 where it doesn't say): `next` is where to go on, `all` how many there are.
pub(super) fn since(arrivals: &Arrivals, query: &Query) -> Value {
    let from = query.get("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let new: Vec<_> = arrivals.iter().skip(from).take(MOST_ARRIVALS).collect();
    json!({
        "all": arrivals.len(),
        "next": from.min(arrivals.len()) + new.len(),
        "arrivals": new.into_iter().map(|arrival| arrival.to_json()).collect::<Vec<_>>(),
    })
}

/// The costliest functions of a selection, by what they cost themselves or `by_total`, with all that they called.
pub(super) fn top(arrivals: &Arrivals, selection: &Selection, by_total: bool) -> Value {
    let merged = selection.merge(arrivals);
    let mut top = merged.top(if by_total { usize::MAX } else { MOST_FUNCTIONS });
    if by_total {
        top.functions.sort_by_key(|hot| std::cmp::Reverse(hot.total));
        top.functions.truncate(MOST_FUNCTIONS);
    }
    let functions: Vec<_> = top
        .functions
        .iter()
        .map(|hot| json!({"function": &*hot.function, "own": hot.own, "total": hot.total}))
        .collect();
    json!({
        "title": merged.title,
        "type": merged.sample_type.as_ref().map(ToString::to_string),
        "unit": top.unit,
        "sum": top.sum,
        "functions": functions,
    })
}
