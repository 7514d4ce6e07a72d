//! The web page, on the same port: what arrived, as it arrives, and its flame graphs.
//!
//! - `listing`: what arrived, as JSON
//! - `drawing`: a flame graph that fits into the page

mod drawing;
mod listing;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use crate::{arrival::Arrivals, query::Query, selection::Selection};

/// Nothing runs on the page but its own files, and nothing on it is fetched from elsewhere, whatever a label says.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// What a browser does with an answer that holds no markup.
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What there is to fetch as it is: the path, the media type, the text.
const FILES: [(&str, &str, &str); 7] = [
    ("/", "text/html", include_str!("page/index.html")),
    ("/page.css", "text/css", include_str!("page/page.css")),
    ("/page.js", "text/javascript", include_str!("page/page.js")),
    ("/arrivals.js", "text/javascript", include_str!("page/arrivals.js")),
    ("/profile.js", "text/javascript", include_str!("page/profile.js")),
    ("/text.js", "text/javascript", include_str!("page/text.js")),
    ("/flamegraph.js", "text/javascript", include_str!("page/flamegraph.js")),
];

/// Something that a browser can look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    File { content_type: &'static str, text: &'static str },
    FlameGraph,
    Series,
    Arrivals,
    Top,
}

// === impl Page ===

impl Page {
    /// What there is to look at under a path; only for those who look.
    pub(crate) fn at(method: &Method, path: &str) -> Option<Self> {
        if *method != Method::GET && *method != Method::HEAD {
            return None;
        }
        match path {
            "/flamegraph.svg" => Some(Self::FlameGraph),
            "/api/series" => Some(Self::Series),
            "/api/arrivals" => Some(Self::Arrivals),
            "/api/top" => Some(Self::Top),
            _ => {
                let (_, content_type, text) = FILES.into_iter().find(|(at, ..)| *at == path)?;
                Some(Self::File { content_type, text })
            }
        }
    }

    /// The answer, from what arrived so far. Drawing takes its time: not for a thread that serves others meanwhile.
    pub(crate) fn answer(self, query: &str, arrivals: &Arrivals, counts_only: bool) -> Response<Full<Bytes>> {
        let query = Query::parse(query);
        match self {
            Self::File { content_type, text } => of(content_type, PAGE_POLICY, text),
            Self::FlameGraph => flame_graph(&query, arrivals),
            Self::Series => json(&listing::series(arrivals, counts_only)),
            Self::Arrivals => json(&listing::since(arrivals, &query)),
            Self::Top => {
                json(&listing::top(arrivals, &selection(&query), query.get("sort") == Some("total")))
            }
        }
    }
}

/// Asks a browser for the credentials of a sink that wants some.
pub(crate) fn locked() -> Response<Full<Bytes>> {
    let mut response =
        of("text/plain", BARE_POLICY, "This sink wants credentials: those that it was started with.\n");
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    set(&mut response, header::WWW_AUTHENTICATE, "Basic realm=\"pyroscope-sink\", charset=\"UTF-8\"");
    response
}

fn flame_graph(query: &Query, arrivals: &Arrivals) -> Response<Full<Bytes>> {
    match selection(query).merge(arrivals).flame_graph() {
        Ok(svg) => {
            let nonce = drawing::nonce();
            let policy = format!(
                "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'nonce-{nonce}'; frame-ancestors 'self'"
            );
            of("image/svg+xml", &policy, drawing::dressed(&svg, &nonce))
        }
        Err(error) => {
            let mut response = of("text/plain", BARE_POLICY, format!("{error}\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// The selection that `app`, `type` and any number of `label=name=value` make.
fn selection(query: &Query) -> Selection {
    let mut selection = Selection::all();
    if let Some(app) = query.get("app") {
        selection = selection.app(app);
    }
    if let Some(sample_type) = query.get("type") {
        selection = selection.profile_type(sample_type);
    }
    for label in query.all("label") {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        selection = selection.label(name, value);
    }
    selection
}

fn json(value: &Value) -> Response<Full<Bytes>> {
    of("application/json", BARE_POLICY, value.to_string())
}

fn of(content_type: &'static str, policy: &str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    set(&mut response, header::CONTENT_TYPE, &format!("{content_type}; charset=utf-8"));
    set(&mut response, header::CONTENT_SECURITY_POLICY, policy);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    set(&mut response, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // All of it may be another with the next arrival.
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

fn set(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &str) {
    // All of them are text of this file.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
