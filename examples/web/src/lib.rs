//! Burnchat's web client, as an axum router: the pages, their modules, and a list of what they are.
//!
//! The files are compiled in. Nothing is read from a disk, and what is served is the list in this crate's `files`
//! module, each with its hash.
//!
//! ```
//! # let relay: axum::Router = axum::Router::new();
//! // Whatever is not the web client's is the relay's.
//! let app: axum::Router = burnchat_web::router().fallback_service(relay);
//! ```
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page on which rooms are made |
//! | `GET /r/{room}` | the page of every room: the same whether or not there is one, and it asks nobody |
//! | `GET /assets/…` | the modules, styles and pictures |
//! | `GET /assets.json` | the hash of each of these |
//!
//! Pages name their assets relative to themselves, so the router may be nested below a path, as long as the page of that
//! path is asked for with its slash at the end.

mod answer;
mod files;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;

use crate::answer::{Served, not_found};
use crate::page::Site;

/// A file of the web client.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it stands below `/assets/`, such as `ui/app.js`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// Every file that is served below `/assets/`, by path.
#[must_use]
pub fn assets() -> &'static [Asset] {
    files::ASSETS
}

/// Serves the web client. It holds no state and asks nothing of a relay.
pub fn router() -> Router {
    Router::new()
        .route("/", get(start_page))
        .route("/r/{room}", get(room_page))
        .route("/assets.json", get(list))
        .route("/assets/{*path}", get(asset))
        .layer(map_response(answer::lock_down))
        .with_state(Arc::new(Site::assemble()))
}

async fn start_page(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.start_page.answer(&headers)
}

async fn room_page(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.room_page.answer(&headers)
}

async fn list(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    site.list.answer(&headers)
}

async fn asset(
    State(site): State<Arc<Site>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asset: Option<&Served> = site.assets.get(path.as_str());
    asset.map_or_else(not_found, |asset| asset.answer(&headers))
}

#[cfg(test)]
mod tests;
