//! nginx as a relay: how little a proxy in C needs for the same bytes, and what it can't do.
//!
//! It passes every post on while the SDK waits, since it has no queue: what the SDK waits for is the remote, through freezes,
//! outages and all. It adds no labels, and does not register with Lambda.

use std::fs;
use std::path::{Path, PathBuf};

use super::launch::Surroundings;
use crate::error::Error;

/// Where packages put it.
const PLACES: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];

/// This machine's own.
pub(super) fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.exists())
}

/// Writes the configuration of one process that relays from `port` into `folder`, and returns the arguments that name it.
pub(super) fn configure(folder: &Path, port: u16, around: &Surroundings) -> Result<Vec<String>, Error> {
    let folder = folder.join("nginx");
    fs::create_dir_all(&folder).map_err(Error::io(format!("create {}", folder.display())))?;
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(&folder, port, around))
        .map_err(Error::io(format!("write {}", file.display())))?;
    let prefix = folder.display().to_string();
    Ok(["-p".to_owned(), prefix, "-c".to_owned(), file.display().to_string()].into())
}

fn configuration(folder: &Path, port: u16, around: &Surroundings) -> String {
    let remote = around.remote.address;
    let folder = folder.display();
    let (scheme, verification) = match &around.remote.authority {
        None => ("http", String::new()),
        Some(authority) => (
            "https",
            format!(
                "proxy_ssl_trusted_certificate {}; proxy_ssl_verify on; proxy_ssl_name localhost; \
                 proxy_ssl_protocols TLSv1.2 TLSv1.3;",
                authority.display()
            ),
        ),
    };
    format!(
        "daemon off;
master_process off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 4m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream remote {{ server {remote}; keepalive 16; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {scheme}://remote;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      {verification}
    }}
  }}
}}
"
    )
}
