//! The web page in a real browser: a headless Chromium, driven by chromedriver.
//!
//! Without the two on the `PATH` these tests do nothing, and say so; with `REQUIRE_BROWSER=1` they fail.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails a test"
)]

mod driver;
#[path = "../support/mod.rs"]
mod support;

use driver::{Browser, Screen, browse};
use fantoccini::key::Key;
use pyroscope_sink::Sink;
use support::{LABELS, post, pprof, push, push_of, sink, status};

/// The flame graph that is shown.
const GRAPH: &str = "document.querySelector('#graph iframe:not(.coming)').contentDocument";

async fn ingest(sink: &Sink, name: &str, stacks: &'static str) {
    assert_eq!(status(sink, post(&format!("/ingest?name={name}"), &[], stacks)).await, 200);
}

/// An expression that gives a frame of the flame graph, by how its name begins.
fn frame(name: &str) -> String {
    format!("{GRAPH}.querySelector('#frames > g[aria-label^=\"{name} (\"]')")
}

fn is_zoomed() -> String {
    format!("!{GRAPH}.getElementById('unzoom').classList.contains('hide')")
}

async fn shows(browser: &Browser, title: &str, function: &str) {
    browser.until(&format!("document.getElementById('profile-title').textContent === '{title}'")).await;
    browser
        .until(&format!("{}.querySelector('text').textContent.startsWith('{function}')", frame(function)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_appear_without_a_reload_and_their_flame_graph_can_be_zoomed_and_searched() {
    browse(Screen::Desk, async |browser: Browser| {
        let sink = sink().await;
        browser.open(&sink.url()).await;
        browser.until("document.querySelector('#empty:not([hidden])')").await;
        let empty = browser.value("document.getElementById('empty').innerText").await;
        assert!(empty.as_str().unwrap().contains(&sink.url()), "{empty}");
        browser.value("window.loaded_once = true").await;

        ingest(&sink, "orders", "main;hot 12\nmain;cold 3\n").await;
        ingest(&sink, "billing%7Bregion%3Deu%7D", "main;sum 5\n").await;
        browser.until("document.querySelectorAll('#series > li').length === 2").await;
        browser
            .until("document.querySelector('#chart rect.taken') && document.querySelector('#empty[hidden]')")
            .await;
        browser.click("#series > li:nth-child(1) button").await;
        shows(&browser, "billing: samples (count)", "sum").await;
        browser.click("#series > li:nth-child(2) button").await;
        shows(&browser, "orders: samples (count)", "hot").await;
        browser.until("document.querySelector('#top tbody tr').innerText.includes('80.0%')").await;

        browser.click_in_graph("#frames > g[aria-label^='hot ('] > rect").await;
        browser.until(&is_zoomed()).await;
        browser.until(&format!("{}.classList.contains('hide')", frame("cold"))).await;
        ingest(&sink, "orders", "main;hot 12\n").await;
        browser.until("document.querySelector('#refresh:not([hidden])')").await;
        assert_eq!(browser.value(&is_zoomed()).await, true, "nobody asked for the new data yet");
        browser.click("#refresh").await;
        browser
            .until(&format!("{}.getAttribute('aria-label').startsWith('hot (24 count')", frame("hot")))
            .await;
        assert_eq!(browser.value(&is_zoomed()).await, false);

        browser.type_into("#find", "col").await;
        browser.until("document.getElementById('found').textContent.startsWith('11.1%')").await;
        let fill = |name| format!("{}.querySelector('rect').getAttribute('fill')", frame(name));
        assert_ne!(browser.value(&fill("cold")).await, browser.value(&fill("hot")).await);
        assert_eq!(browser.value("window.loaded_once").await, true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_can_be_used_by_keyboard_alone() {
    browse(Screen::Desk, async |browser: Browser| {
        let sink = sink().await;
        ingest(&sink, "billing", "main;sum 5\n").await;
        ingest(&sink, "orders", "main;hot 12\nmain;cold 3\n").await;
        browser.open(&sink.url()).await;
        shows(&browser, "billing: samples (count)", "sum").await;

        browser.tab_to("focused.closest('#series > li:nth-child(2)')").await;
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(browser.value(outline).await, "solid", "the focus can be seen");
        browser.press(Key::Enter).await;
        shows(&browser, "orders: samples (count)", "hot").await;
        assert_eq!(browser.value("document.activeElement.ariaPressed").await, "true");

        browser.tab_to("focused.id === 'find'").await;
        browser.tab_to("focused.localName === 'iframe'").await;
        let focused = format!("{GRAPH}.activeElement.getAttribute('aria-label')");
        assert!(browser.value(&focused).await.as_str().unwrap().starts_with("all ("));
        for key in [Key::Up, Key::Up] {
            browser.press(key).await;
        }
        browser.until(&format!("{focused}.startsWith('hot (')")).await;
        browser.until(&format!("{GRAPH}.getElementById('details').textContent.includes('hot')")).await;
        browser.press(Key::Enter).await;
        browser.until(&is_zoomed()).await;
        browser.press(Key::Escape).await;
        browser.until(&format!("!({})", is_zoomed())).await;
        browser.press(Key::Left).await;
        browser.until(&format!("{focused}.startsWith('cold (')")).await;

        browser.tab_to("focused.dataset.sort === 'total'").await;
        browser.press(Key::Enter).await;
        browser.until("document.querySelector('#top tbody button').textContent === 'main'").await;
        browser.tab_to("focused.textContent === 'cold'").await;
        browser.press(Key::Enter).await;
        browser.until("document.getElementById('found').textContent.startsWith('20.0%')").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_scrolls_sideways_on_a_phone_whatever_it_is_called() {
    browse(Screen::Phone, async |browser: Browser| {
        let sink = sink().await;
        browser.open(&sink.url()).await;
        browser.until("document.querySelector('#empty:not([hidden])')").await;
        let fits = "document.documentElement.scrollWidth <= innerWidth && innerWidth === 360";
        assert_eq!(browser.value(fits).await, true, "empty");
        let long = "w".repeat(300);
        let labels = [LABELS[0], ("service_name", long.as_str()), ("version", long.as_str())];
        assert_eq!(status(&sink, push(push_of(&labels, &pprof()))).await, 200);
        let stacks = format!("main;{long} 12\n");
        assert_eq!(status(&sink, post(&format!("/ingest?name={long}"), &[], stacks)).await, 200);
        browser.until("document.querySelectorAll('#series > li').length === 2").await;
        browser.until("document.querySelectorAll('#top tbody tr').length === 2").await;
        browser.until(&format!("{GRAPH}.querySelectorAll('#frames > g').length === 3")).await;
        browser.click("summary").await;
        assert_eq!(browser.value(fits).await, true, "with series");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_markup_is_shown_as_text() {
    browse(Screen::Desk, async |browser: Browser| {
        let sink = sink().await;
        let evil = "\"'><img src=x onerror=window.evil=1></script><script>window.evil=1</script>]]>&lt;";
        let labels = [LABELS[0], ("service_name", evil), ("evil", evil)];
        assert_eq!(status(&sink, push(push_of(&labels, &pprof()))).await, 200);
        assert_eq!(status(&sink, push(push_of(&LABELS, &pprof()))).await, 200);
        let stacks = "<script>parent.evil=1</script>]]>;<img src=x onerror=parent.evil=1> 3\n";
        ingest(&sink, "zz", stacks).await;
        browser.open(&sink.url()).await;
        browser.until("document.querySelectorAll('#series > li').length === 3").await;
        let shown = browser.value("document.querySelector('#series strong').textContent").await;
        assert_eq!(shown, evil);
        browser
            .until(&format!("{GRAPH}.querySelector('#title').textContent.includes('onerror=window')"))
            .await;
        browser.click("#series > li:nth-child(3) button").await;
        browser.until("document.getElementById('profile-title').textContent.startsWith('zz')").await;
        browser.until(&format!("{GRAPH}.querySelectorAll('#frames > g').length === 3")).await;
        browser.click("#top tbody button").await;
        browser.until("document.getElementById('found').textContent.includes('%')").await;
        assert_eq!(browser.value("window.evil ?? 'none'").await, "none");
        assert_eq!(browser.value("document.querySelectorAll('img, main script').length").await, 0);
    })
    .await;
}
