use std::collections::BTreeSet;
use std::future::poll_fn;
use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use tower_service::Service;

use super::*;

async fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut router = router();
    poll_fn(|cx| <Router as Service<Request<Body>>>::poll_ready(&mut router, cx))
        .await
        .unwrap();
    router
        .call(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn body(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_page_of_a_room_is_the_same_for_every_room() {
    let one = body(get("/r/AAAAAAAAAAAAAAAAAAAAAA", &[]).await).await;
    let other = body(get("/r/not-even-an-id", &[]).await).await;
    assert_eq!(one, other);
}

#[tokio::test]
async fn every_asset_is_served_as_what_it_is_and_named_by_its_hash() {
    let list = body(get("/assets.json", &[]).await).await;
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let hashes = list["sha256"].as_object().unwrap();
    assert_eq!(hashes.len(), assets().len() + 2, "and the two pages");
    for (path, hash) in hashes {
        let response = get(&path.replace("{room}", "AAAAAAAAAAAAAAAAAAAAAA"), &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let served = body(response).await;
        assert_eq!(&page::sha256(&served), hash.as_str().unwrap(), "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_has_the_newest_is_sent_nothing() {
    let first = get("/assets/ui/app.js", &[]).await;
    assert_eq!(first.headers()["cache-control"], "no-cache");
    let tag = first.headers()["etag"].to_str().unwrap();
    let again = get("/assets/ui/app.js", &[("if-none-match", tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let older = get("/assets/ui/app.js", &[("if-none-match", "\"0\"")]).await;
    assert_eq!(older.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_listed_is_not_there() {
    for path in [
        "/assets/index.html",
        "/assets/Cargo.toml",
        "/assets/ui/../src/lib.rs",
        "/assets/",
        "/ui/app.js",
    ] {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_page_names_the_hash_of_each_module_and_runs_nothing_inline() {
    let response = get("/r/AAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    for rule in [
        "default-src 'none'",
        "script-src 'self';",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(rule), "{rule}");
    }
    assert!(!policy.contains("unsafe"));
    let html = String::from_utf8(body(response).await.to_vec()).unwrap();
    for asset in assets()
        .iter()
        .filter(|asset| !asset.path.ends_with(".svg"))
    {
        let named = format!("\"../assets/{}\" integrity=\"sha256-", asset.path);
        assert!(html.contains(&named), "{named}");
    }
    assert!(!html.contains("\"/assets/"));
    assert!(!html.contains("<style"));
    assert_eq!(
        html.matches("<script").count(),
        html.matches("<script type=\"module\" src=").count()
    );
}

#[test]
fn every_file_of_the_client_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["ui", "net", "protocol/src"] {
        collect(root, &root.join(folder), &mut found);
    }
    let listed: BTreeSet<_> = assets().iter().map(|asset| asset.path.to_owned()).collect();
    assert_eq!(found, listed, "src/files.rs lists what is served");
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "test" {
                collect(root, &path, found);
            }
        } else if [".js", ".css", ".svg"]
            .iter()
            .any(|ending| name.ends_with(ending))
        {
            found.insert(
                path.strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}
