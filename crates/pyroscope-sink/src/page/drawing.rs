//! A flame graph that fits into the page: readable in the dark, by keyboard, and under a strict policy.

use std::hash::{BuildHasher, RandomState};

/// Its colours in light and dark, and what the page shows in its own way.
const STYLE: &str = include_str!("flamegraph.css");

/// What the drawing library writes for a script and a style of its own, of which each has one.
const SCRIPT: &str = r#"<script type="text/ecmascript">"#;
const STYLES: &str = r#"<style type="text/css">"#;
/// Its one inline handler, which a policy that lets in only known scripts would not run.
const HANDLER: &str = r#" onload="init(evt)""#;

/// What tells a flame graph's own script from whatever may come with a function's name.
pub(super) fn nonce() -> String {
    let mut random = [0; 16];
    if getrandom::fill(&mut random).is_err() {
        // Keys of this process, which nobody else knows either.
        let keyed = RandomState::new();
        random = (u128::from(keyed.hash_one(0)) << 64 | u128::from(keyed.hash_one(1))).to_be_bytes();
    }
    format!("{:032x}", u128::from_be_bytes(random))
}

/// The drawing, with this page's style and script beside those of the library, which get the nonce.
///
/// Only the first of each is touched: names of functions come after them, and are escaped.
pub(super) fn dressed(svg: &str, nonce: &str) -> String {
    let styles = format!("{}{STYLE}</style>{}", with_nonce(STYLES, nonce), with_nonce(STYLES, nonce));
    let script = format!(r#"<script href="/flamegraph.js"/>{}"#, with_nonce(SCRIPT, nonce));
    svg.replacen(HANDLER, "", 1).replacen(STYLES, &styles, 1).replacen(SCRIPT, &script, 1)
}

fn with_nonce(tag: &str, nonce: &str) -> String {
    format!(r#"{} nonce="{nonce}">"#, tag.trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{arrival::Arrivals, selection::Selection};

    #[test]
    fn the_librarys_script_and_styles_get_the_nonce_and_no_handler_is_left() {
        let mut merged = Selection::all().merge(&Arrivals::default());
        merged.stacks.insert(vec![r#"<script type="text/ecmascript">evil()</script>"#.into()], 1);
        let svg = dressed(&merged.flame_graph().unwrap(), "n0");
        assert_eq!(svg.matches("<script").count(), 2, "{svg}");
        assert_eq!(svg.matches("<style").count(), 2, "{svg}");
        assert_eq!(svg.matches(r#"nonce="n0""#).count(), 3, "{svg}");
        assert!(!svg.contains("onload="), "{svg}");
        assert!(svg.contains("&lt;script type"), "{svg}");
    }

    #[test]
    fn no_nonce_comes_twice() {
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
