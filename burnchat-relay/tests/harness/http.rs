//! HTTP by hand: nothing between the test and what is on the wire.

use std::net::SocketAddr;

use burnchat_core::wire::http::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) head_as_it_came: String,
    pub(crate) body: String,
}

impl Answer {
    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let media_type = self.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"));
        let problem = Problem::parse(self.body.as_bytes()).expect("a problem");
        assert_eq!(problem.status, self.status);
        (self.status, problem.code)
    }

    /// What a browser is to keep.
    pub(crate) fn cookie(&self) -> &str {
        let mut lines = self.head_as_it_came.lines();
        lines
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .expect("a cookie")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(crate) async fn get(relay: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(relay, "GET", path, headers, b"").await
}

/// The value of one series of a relay's metrics.
pub(crate) async fn series(metrics: SocketAddr, name: &str) -> f64 {
    let page = get(metrics, "/metrics", &[]).await;
    assert_eq!(page.status, 200);
    let line = page
        .body
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name}: {}", page.body))
        .parse()
        .unwrap()
}

pub(crate) async fn delete(relay: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    request(relay, "DELETE", path, headers, b"").await
}

pub(crate) async fn post(relay: SocketAddr, path: &str, body: &[u8]) -> Answer {
    let length = body.len().to_string();
    request(relay, "POST", path, &[("Content-Length", &length)], body).await
}

/// A request without a body, such as browsers make from a page of this origin.
pub(crate) async fn from_page(
    relay: SocketAddr,
    method: &str,
    path: &str,
    origin: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let headers = [&[("Origin", origin)], headers].concat();
    request(relay, method, path, &headers, b"").await
}

/// Sends a request and reads the answer until the relay closes.
pub(crate) async fn request(
    relay: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {relay}\r\n");
    // One of the test's own takes its place.
    if !headers.iter().any(|(name, _)| *name == "Connection") {
        head.push_str("Connection: close\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    super::in_time(async {
        let mut stream = TcpStream::connect(relay).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // A relay that refuses early may not read it all.
        let _ = stream.write_all(body).await;
        let mut text = Vec::new();
        let mut chunk = [0; 4_096];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            text.extend_from_slice(&chunk[..length]);
            if is_whole(&text) || (method == "HEAD" && text.ends_with(b"\r\n\r\n")) {
                break;
            }
        }
        parse(&text)
    })
    .await
}

fn is_whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    head.to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .is_some_and(|length: usize| body.len() >= length)
}

fn parse(text: &[u8]) -> Answer {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a status"),
        head: head.to_lowercase(),
        head_as_it_came: head.to_owned(),
        body: body.to_owned(),
    }
}
