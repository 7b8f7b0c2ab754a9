//! What is worked out once, when the router is made: hashes, and the pages that name them.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::answer::{Keeping, Served};
use crate::files::{ASSETS, PAGE};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";

/// Everything there is to serve.
pub(crate) struct Site {
    pub(crate) start_page: Served,
    pub(crate) room_page: Served,
    pub(crate) list: Served,
    pub(crate) assets: BTreeMap<&'static str, Served>,
}

impl Site {
    pub(crate) fn assemble() -> Self {
        let page = |to_base| {
            let html = Bytes::from(render(to_base));
            Served::new(HTML, html, Keeping::Never)
        };
        let start_page = page("./");
        let room_page = page("../");
        let assets: BTreeMap<_, _> = ASSETS
            .iter()
            .map(|asset| {
                let bytes = Bytes::from_static(asset.bytes);
                let served = Served::new(asset.content_type, bytes, Keeping::AskEachTime);
                (asset.path, served)
            })
            .collect();
        let list = Bytes::from(list(&start_page, &room_page, &assets));
        Self {
            list: Served::new(JSON, list, Keeping::AskEachTime),
            start_page,
            room_page,
            assets,
        }
    }
}

/// The page, with its way to the assets and the hashes that a browser holds them to. All modules are named, not only
/// the first: so the hash of the page stands for the whole client.
fn render(to_base: &str) -> String {
    let mut pieces = PAGE.split("\"/assets/");
    let mut html = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (path, rest) = piece.split_once('"').unwrap_or((piece, ""));
        let _ = write!(html, "\"{to_base}assets/{path}\"");
        // Browsers check scripts and styles; a picture's hash would be ignored.
        if !path.ends_with(".svg") {
            let _ = write!(html, " integrity=\"{}\"", integrity(path));
        }
        html.push_str(rest);
    }
    let mut modules = String::new();
    for asset in ASSETS.iter().filter(|asset| asset.path.ends_with(".js")) {
        let path = asset.path;
        let _ = writeln!(
            modules,
            "<link rel=\"modulepreload\" href=\"{to_base}assets/{path}\" integrity=\"{}\">",
            integrity(path)
        );
    }
    html.replacen("</head>", &format!("{modules}</head>"), 1)
}

fn integrity(path: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.path == path);
    let hash = Sha256::digest(asset.map_or(&[][..], |asset| asset.bytes));
    format!("sha256-{}", BASE64.encode(&hash))
}

/// Paths and hashes are plain ASCII: nothing here needs escaping.
fn list(start: &Served, room: &Served, assets: &BTreeMap<&str, Served>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut json = format!("{{\n  \"version\": \"{version}\",\n  \"sha256\": {{\n");
    let _ = writeln!(json, "    \"/\": \"{}\",", start.sha256());
    let _ = write!(json, "    \"/r/{{room}}\": \"{}\"", room.sha256());
    for (path, asset) in assets {
        let _ = write!(json, ",\n    \"/assets/{path}\": \"{}\"", asset.sha256());
    }
    json.push_str("\n  }\n}\n");
    json
}

/// The hash as `sha256sum` prints it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
