//! One order: the work of one invocation, split unevenly over three functions.
//!
//! Each function burns its share of `work_ms` with work that looks like its name. None of it may be inlined, and each keeps
//! its result through [`black_box`]: what a reader expects is what the flame graph shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Shares of an invocation's work, in percent.
const PRICING: u32 = 60;
const RECEIPT: u32 = 25;
const STOCK: u32 = 15;

/// Rounds between two looks at the clock, so that the clock isn't what the profile shows.
const ROUNDS: u64 = 2_000;

/// The invocation's payload.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    /// How long to work, in milliseconds.
    work_ms: u32,
    /// How many articles are in the basket.
    articles: u64,
}

/// The invocation's answer.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    /// What the basket costs, in cents.
    total_cents: u64,
    /// How long the receipt is, in bytes.
    printed_bytes: usize,
    /// Whether all of it is in stock.
    in_stock: bool,
}

// === impl Order ===

impl Default for Order {
    fn default() -> Self {
        Self { work_ms: 300, articles: 12 }
    }
}

impl Order {
    /// Does the work: three functions, one after the other.
    #[inline(never)]
    pub(crate) fn fulfil(&self) -> Receipt {
        let total_cents = price_basket(self.articles, self.share(PRICING));
        let printed_bytes = render_receipt(self.articles, self.share(RECEIPT));
        let in_stock = check_stock(self.articles, self.share(STOCK));
        Receipt { total_cents, printed_bytes, in_stock }
    }

    fn share(&self, percent: u32) -> Duration {
        Duration::from_millis(self.work_ms.into()) * percent / 100
    }
}

/// Prices every article, over and over.
#[inline(never)]
fn price_basket(articles: u64, work: Duration) -> u64 {
    let start = Instant::now();
    let mut total = 0;
    while start.elapsed() < work {
        total = black_box(apply_discounts(black_box(articles)));
    }
    total
}

#[inline(never)]
fn apply_discounts(articles: u64) -> u64 {
    let mut total = 0;
    for round in 0..ROUNDS {
        let list_price = 100 + (round ^ articles).wrapping_mul(0x9E37_79B9_7F4A_7C15) % 9_900;
        total += black_box(list_price * (100 - articles.min(30)) / 100);
    }
    total / ROUNDS * articles
}

/// Writes the receipt, over and over.
#[inline(never)]
fn render_receipt(articles: u64, work: Duration) -> usize {
    let start = Instant::now();
    let mut receipt = String::new();
    while start.elapsed() < work {
        receipt.clear();
        for article in 0..articles {
            write_line(&mut receipt, black_box(article));
        }
    }
    black_box(receipt).len()
}

#[inline(never)]
fn write_line(receipt: &mut String, article: u64) {
    // A String takes whatever is written to it.
    let _ = writeln!(receipt, "{:>4}  article {article:<12} {:>9}.99", article + 1, article * 7);
}

/// Looks every article up in the warehouse, over and over.
#[inline(never)]
fn check_stock(articles: u64, work: Duration) -> bool {
    let start = Instant::now();
    let warehouse: BTreeMap<u64, u64> = (0..ROUNDS).map(|article| (article, article % 7)).collect();
    let mut in_stock = true;
    while start.elapsed() < work {
        in_stock = black_box(count_missing(&warehouse, black_box(articles))) == 0;
    }
    in_stock
}

#[inline(never)]
fn count_missing(warehouse: &BTreeMap<u64, u64>, articles: u64) -> usize {
    (0..ROUNDS).filter(|round| !warehouse.contains_key(&(round % articles.max(1)))).count()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Order;

    #[test]
    fn an_empty_payload_is_an_order_of_300_ms() {
        let order: Order = serde_json::from_str("{}").unwrap();

        assert_eq!(order.work_ms, 300);
    }

    #[test]
    fn an_order_works_as_long_as_it_is_told_to() {
        let order: Order = serde_json::from_str(r#"{"work_ms":20}"#).unwrap();
        let start = Instant::now();

        let receipt = order.fulfil();

        assert!(start.elapsed() >= Duration::from_millis(20));
        assert!(receipt.in_stock);
        assert!(receipt.printed_bytes > 0);
    }
}
