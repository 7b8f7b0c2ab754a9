//! Requests, and what is answered.

use std::collections::VecDeque;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::stage::{Cx, SOON};
use super::target::Peer;
use crate::case::{Outcome, Stop, ensure, ensure_eq, fail};

/// A request that is being put together.
pub(super) struct Ask<'a> {
    cx: &'a Cx,
    peer: Peer,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Cx {
    /// A request for a path below the relay's own.
    pub(super) fn ask(&self, method: &'static str, path: impl Into<String>) -> Ask<'_> {
        Ask {
            cx: self,
            peer: self.peer(0),
            method,
            path: path.into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }
}

impl Ask<'_> {
    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn from(mut self, peer: Peer) -> Self {
        self.peer = peer;
        self
    }

    /// Sends it and reads all of the answer.
    pub(super) async fn send(self) -> Outcome<Answer> {
        let log = self.cx.log.clone();
        let answer = self.open().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let collected = tokio::time::timeout(SOON, answer.into_body().collect()).await;
        let body = match collected {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return fail("an answer with its body", error.to_string()),
            Err(_) => return fail("the end of the answer's body", "none in time"),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        log.received("http", &format!("{status} {body}"));
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends it and reads the head of the answer.
    async fn open(self) -> Outcome<Response<Incoming>> {
        let (cx, target) = (self.cx, &self.cx.target);
        let mut said = format!("{} {}", self.method, self.path);
        for (name, value) in &self.headers {
            said.push_str(&format!(" [{name}: {value}]"));
        }
        cx.log.sent("http", &format!("{said} {}", self.body));

        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{}{}", target.path, self.path));
        if !self.headers.iter().any(|(name, _)| *name == "Host") {
            request = request.header(HOST, &target.authority);
        }
        if !self.body.is_empty() {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(Bytes::from(self.body)))
            .map_err(broken)?;
        let exchange = async {
            let stream = target.connect(self.peer, None).await.map_err(broken)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(broken)?;
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(broken)
        };
        match tokio::time::timeout(SOON + Duration::from_secs(5), exchange).await {
            Ok(answer) => answer,
            Err(_) => fail("an answer to a request", "none in time"),
        }
    }

    /// Sends it and reads an event stream, if that is what is answered.
    pub(super) async fn events(self) -> Outcome<Result<Events, Answer>> {
        let log = self.cx.log.clone();
        let answer = self.open().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let kind = headers.get("content-type").map(|kind| kind.as_bytes());
        if status == 200 && kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
            log.received("http", "200, an event stream");
            return Ok(Ok(Events {
                log,
                body: answer.into_body(),
                text: String::new(),
                ready: VecDeque::new(),
                ended: false,
            }));
        }
        let body = match tokio::time::timeout(SOON, answer.into_body().collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => Bytes::new(),
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        log.received("http", &format!("{status} {body}"));
        Ok(Err(Answer {
            status,
            headers,
            body,
        }))
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    pub(super) fn json(&self) -> Outcome<Value> {
        serde_json::from_str(&self.body).or_else(|_| fail("a JSON body", &self.body))
    }

    /// Expects this status.
    pub(super) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        fail(
            format!("an answer with status {status}"),
            format!("{} {}", self.status, self.body),
        )
    }

    /// Expects a problem of RFC 9457 with this code, whole as section 13.4 has it.
    pub(super) fn expect_problem(self, code: &str) -> Outcome<Value> {
        let known = burnchat_core::error::Code::from_name(code);
        let status = known.and_then(burnchat_core::error::Code::http_status);
        let problem: Value = serde_json::from_str(&self.body).unwrap_or_default();
        ensure(
            problem["code"] == code,
            format!("the problem {code}"),
            format!("{} {}", self.status, self.body),
        )?;
        ensure_eq("the status of the answer", Some(self.status), status)?;
        ensure_eq(
            "the content type of a problem",
            self.header("content-type")
                .split(';')
                .next()
                .unwrap_or_default(),
            "application/problem+json",
        )?;
        Ok(problem)
    }
}

/// An event stream (section 13.5).
pub(super) struct Events {
    log: crate::context::FrameLog,
    body: Incoming,
    text: String,
    ready: VecDeque<Event>,
    ended: bool,
}

/// One event, or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) frame: Option<String>,
    pub(super) comment: bool,
}

impl Events {
    /// The next event that is not a comment; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Outcome<Option<Event>> {
        loop {
            match self.next_of_any_kind(SOON).await? {
                Some(event) if event.comment => {}
                other => return Ok(other),
            }
        }
    }

    /// The next frame; an event without one is passed over.
    pub(super) async fn frame(&mut self) -> Outcome<Value> {
        loop {
            match self.next().await? {
                Some(Event {
                    frame: Some(frame), ..
                }) => {
                    return serde_json::from_str(&frame)
                        .or_else(|_| fail("a frame in the event stream", frame));
                }
                Some(_) => {}
                None => return fail("a frame in the event stream", "the end of the stream"),
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub(super) async fn until(&mut self, kind: &str) -> Outcome<Value> {
        loop {
            let frame = self.frame().await?;
            if frame["type"] == kind {
                return Ok(frame);
            }
        }
    }

    /// Expects the end of the stream; what comes before is passed over.
    pub(super) async fn expect_end(&mut self) -> Outcome {
        while self.next().await?.is_some() {}
        Ok(())
    }

    /// The next event, comments among them.
    pub(super) async fn next_of_any_kind(&mut self, patience: Duration) -> Outcome<Option<Event>> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            match tokio::time::timeout_at(deadline, self.body.frame()).await {
                Err(_) => {
                    return fail(
                        "an event",
                        format!("none in {:.1} s", patience.as_secs_f64()),
                    );
                }
                Ok(Some(Ok(frame))) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    self.text.push_str(&String::from_utf8_lossy(&bytes));
                    self.cut();
                }
                Ok(Some(Err(_)) | None) => {
                    self.log.received("events", "(end)");
                    self.ended = true;
                }
            }
        }
    }

    /// Makes events of what has come whole.
    fn cut(&mut self) {
        while let Some(end) = self.text.find("\n\n") {
            let block: String = self.text.drain(..end + 2).collect();
            let mut event = Event {
                id: None,
                frame: None,
                comment: true,
            };
            for line in block.lines().filter(|line| !line.is_empty()) {
                event.comment &= line.starts_with(':');
                if let Some(id) = line.strip_prefix("id:") {
                    event.id = Some(id.trim_start_matches(' ').to_owned());
                } else if let Some(data) = line.strip_prefix("data:") {
                    event.frame = Some(data.trim_start_matches(' ').to_owned());
                }
            }
            self.log.received("events", block.trim_end());
            self.ready.push_back(event);
        }
    }
}

fn broken(error: impl std::fmt::Display) -> Stop {
    Stop::Fail {
        expected: "an answer to a request".to_owned(),
        got: error.to_string(),
    }
}
