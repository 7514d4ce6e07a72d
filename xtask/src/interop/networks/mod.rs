//! Profiles through real proxies, and to a real TLS front.
//!
//! # Layout
//! - [`scene`]: the servers, and what is tried with them
//! - [`trial`]: one environment, and whether its profiles took the way that they had to
//! - [`server`]: tinyproxy, squid and nginx as processes of our own
//! - [`certificates`]: an authority, and keys in every form

mod certificates;
mod scene;
mod server;
mod trial;

use std::path::Path;

use self::scene::Scene;
use self::trial::Ground;
use crate::cargo::Build;
use crate::environment;
use crate::error::Error;
use crate::port;

/// Runs every trial, and tells of each how it went.
pub(super) async fn run(build: &Build, folder: &Path) -> Result<(), Error> {
    server::all_installed()?;
    let extension = environment::install(&build.extension()?, folder)?;
    let ground = Ground { extension, folder: folder.to_owned(), port: port::relay()? };
    let scene = Scene::set(folder).await?;
    let mut wrong = Vec::new();
    for trial in scene.through_proxies().into_iter().chain(scene.to_fronts()) {
        let found = trial.run(&ground).await?;
        println!("{} {}", if found.is_empty() { "ok    " } else { "FAILED" }, trial.title());
        wrong.extend(found.into_iter().map(|what| format!("{}: {what}", trial.title())));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong { run: "networks", wrong, log: None }) }
}
