//! A headless Chromium, and what a person does with it.

use std::{
    env,
    future::Future,
    io::Write,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions},
    key::Key,
};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::Mutex,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// One browser at a time: each takes as much of a machine as it can get.
static TURN: Mutex<()> = Mutex::const_new(());

/// A browser's window.
#[derive(Clone)]
pub(crate) struct Browser(Client);

/// The screen that a browser has.
#[derive(Clone, Copy)]
pub(crate) enum Screen {
    Desk,
    Phone,
}

/// Does something in a browser, and ends the browser whatever comes of it. Without a browser nothing is done, and said so.
pub(crate) async fn browse<F>(screen: Screen, what: impl FnOnce(Browser) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (Some(browser), Some(driver)) =
        (program(&["chromium", "chromium-browser", "google-chrome"]), program(&["chromedriver"]))
    else {
        assert!(
            env::var_os("REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "REQUIRE_BROWSER=1: chromium and chromedriver must be on the PATH; on Debian: apt-get install chromium chromium-driver"
        );
        // Not by `eprintln!`, which the test harness keeps to itself where a test passes.
        let _ = writeln!(std::io::stderr(), "skipped: no chromium or no chromedriver on the PATH");
        return;
    };
    let _turn = TURN.lock().await;
    let profile = tempfile::tempdir().unwrap();
    let (mut driver, address) = start(driver).await;
    let mut options = json!({
        "binary": browser,
        "args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--window-size=1280,1000",
            format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    if let Screen::Phone = screen {
        options["mobileEmulation"] =
            json!({"deviceMetrics": {"width": 360, "height": 740, "pixelRatio": 2, "touch": true}});
    }
    let capabilities = json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities.as_object().unwrap().clone())
        .connect(&address)
        .await
        .unwrap();
    let done = tokio::spawn(what(Browser(client.clone()))).await;
    let _ = client.close().await;
    let _ = driver.kill().await;
    if let Err(failed) = done {
        std::panic::resume_unwind(failed.into_panic());
    }
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found =
        |name: &&str| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    names.iter().find_map(found)
}

/// Starts the driver on a free port, which it tells.
async fn start(driver: PathBuf) -> (Child, String) {
    let mut child =
        Command::new(driver).arg("--port=0").stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim_end_matches('.').to_owned();
            // Whatever else it says must find somebody who takes it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return (child, format!("http://127.0.0.1:{port}"));
        }
    }
    panic!("chromedriver ended without saying its port");
}

// === impl Browser ===

impl Browser {
    pub(crate) async fn open(&self, url: &str) {
        self.0.goto(url).await.unwrap();
    }

    /// The value of an expression on the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.0.execute(&format!("return ({expression})"), Vec::new()).await.unwrap()
    }

    /// Waits until an expression on the page is true. While something is still missing it may fail.
    pub(crate) async fn until(&self, condition: &str) {
        let script = format!("try {{ return Boolean({condition}) }} catch {{ return false }}");
        let since = Instant::now();
        while self.0.execute(&script, Vec::new()).await.unwrap() != true {
            if since.elapsed() > PATIENCE {
                let page = self.value("document.body.innerText").await;
                panic!("waited {PATIENCE:?} in vain for {condition}; the page: {page}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn click(&self, css: &str) {
        self.0.find(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.0.find(Locator::Css(css)).await.unwrap().send_keys(text).await.unwrap();
    }

    /// Clicks something in the flame graph.
    pub(crate) async fn click_in_graph(&self, css: &str) {
        self.0.find(Locator::Css("#graph iframe:not(.coming)")).await.unwrap().enter_frame().await.unwrap();
        self.click(css).await;
        self.0.enter_parent_frame().await.unwrap();
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        let value = char::from(key);
        let keys = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value })
            .then(KeyAction::Up { value });
        self.0.perform_actions(keys).await.unwrap();
    }

    /// Presses Tab until an expression about the focused element is true.
    pub(crate) async fn tab_to(&self, condition: &str) {
        for _ in 0..40 {
            self.press(Key::Tab).await;
            if self.value(&format!("(focused => Boolean({condition}))(document.activeElement)")).await == true
            {
                return;
            }
        }
        panic!("Tab never gets to {condition}");
    }
}
