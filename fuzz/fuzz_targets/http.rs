//! Requests at a running relay, as they come out of the HTTP server: any method, path, headers and body. It never fails,
//! and refuses with a problem whose code and status belong together.
//!
//! The input: which relay, then the request in parts. Whether it is well-formed HTTP is the server's to say, which is not
//! ours; all that is read after that is: paths, tickets and tokens in headers, cookies, origins, what proxies say, bodies.

#![no_main]

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use axum::response::Response;
use burnchat_core::error::Code;
use burnchat_core::wire::http::Problem;
use burnchat_fuzz::Tape;
use burnchat_relay::{Config, ForwardedHeader, Relay};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
    Method::HEAD,
    Method::PUT,
    Method::PATCH,
];

/// With the room and the participant where the stars are.
const PATHS: [&str; 9] = [
    "/api/rooms",
    "/api/rooms/*",
    "/api/rooms/*/ws",
    "/api/rooms/*/session",
    "/api/rooms/*/session/*",
    "/api/rooms/*/session/*/events",
    "/api/rooms/*/session/*/frames",
    "/api/openapi.json",
    "/r/*",
];

const HEADERS: [&str; 16] = [
    "burnchat-ticket",
    "burnchat-creator",
    "authorization",
    "cookie",
    "accept-token",
    "last-event-id",
    "origin",
    "host",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "access-control-request-method",
    "access-control-request-headers",
    "sec-websocket-protocol",
    "content-length",
];

const FROM: [&str; 4] = [
    "10.0.0.1:1",
    "192.0.2.1:2",
    "[2001:db8:1::1]:3",
    "[::ffff:10.0.0.1]:4",
];

struct Relays {
    runtime: Runtime,
    routers: Vec<Router>,
}

fn relays() -> &'static Relays {
    static RELAYS: OnceLock<Relays> = OnceLock::new();
    RELAYS.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let entered = runtime.enter();
        let forwarded = [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded];
        let routers = forwarded.map(|forwarded_header| {
            let mut config = Config::default();
            config.workers = 1;
            config.forwarded_header = forwarded_header;
            config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
            config.allowed_origins = vec!["https://chat.example".parse().unwrap()];
            let relay = Relay::start(config);
            relay.router().fallback(burnchat_relay::unknown_path)
        });
        drop(entered);
        Relays {
            runtime,
            routers: routers.into(),
        }
    })
}

fuzz_target!(|input: &[u8]| {
    let mut tape = Tape::new(input);
    let relays = relays();
    let Some(mut router) = tape.pick(&relays.routers).cloned() else {
        return;
    };
    let Some(request) = request(&mut tape) else {
        return;
    };
    let is_head = request.method() == Method::HEAD;
    let shown = format!("{request:?}");
    relays.runtime.block_on(async {
        let Ok(answer) = router.call(request).await;
        look_at(answer, is_head, &shown).await;
    });
});

fn request(tape: &mut Tape<'_>) -> Option<Request<Body>> {
    let method = tape.pick(&METHODS)?.clone();
    let uri: Uri = match tape.byte() {
        // Any path at all, as far as the server lets it through.
        0xff => std::str::from_utf8(tape.bytes()).ok()?.parse().ok()?,
        which => {
            let mut path = String::new();
            for part in PATHS[usize::from(which) % PATHS.len()].split_inclusive('*') {
                path.push_str(part.trim_end_matches('*'));
                if part.ends_with('*') {
                    match tape.byte() & 3 {
                        0 => path.push_str(std::str::from_utf8(tape.bytes()).ok()?),
                        byte => path.push_str(
                            ["UUAYuVX4jGENflAM-rxqOA", "AAAAAAAAAAAAAAAAAAAAAA", "%41"]
                                [usize::from(byte) - 1],
                        ),
                    }
                }
            }
            path.parse().ok()?
        }
    };
    let mut request = Request::builder().method(method).uri(uri);
    for _ in 0..tape.byte() % 8 {
        let name = match tape.byte() {
            0xff => HeaderName::from_bytes(tape.bytes()).ok()?,
            which => HeaderName::from_static(HEADERS[usize::from(which) % HEADERS.len()]),
        };
        request = request.header(name, HeaderValue::from_bytes(tape.bytes()).ok()?);
    }
    let from: SocketAddr = tape.pick(&FROM)?.parse().unwrap();
    let body = tape.rest().to_vec();
    let mut request = request.body(Body::from(body)).ok()?;
    request.extensions_mut().insert(ConnectInfo(from));
    Some(request)
}

async fn look_at(answer: Response, is_head: bool, shown: &str) {
    let (parts, body) = answer.into_parts();
    let status = parts.status.as_u16();
    assert!(status < 500, "{status}: {shown}");
    let quiet = parts.headers.get(header::CACHE_CONTROL);
    assert_eq!(quiet.unwrap(), "no-store", "{shown}");
    let media_type = parts.headers.get(header::CONTENT_TYPE);
    let media_type = media_type.map_or("", |media_type| media_type.to_str().unwrap());
    // A stream has no end.
    if media_type == "text/event-stream" {
        return;
    }
    let body = to_bytes(body, 1 << 20).await.unwrap();
    if status >= 400 && !is_head {
        assert_eq!(media_type, "application/problem+json", "{status}: {shown}");
        let problem = Problem::parse(&body).unwrap();
        let code = Code::from_name(&problem.code).unwrap();
        assert_eq!(code.http_status(), Some(status), "{shown}");
        assert_eq!(problem.status, status);
    }
}
