//! Answers: JSON, problems (RFC 9457), and the headers all of them have.

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use burnchat_core::error::Code;
use burnchat_core::relay::Refusal;
use burnchat_core::wire::EncodedFrame;
use burnchat_core::wire::http::Problem;

use crate::shard::Gone;
use crate::websocket::frame::SharedFrame;

/// Why a request was not done.
pub(crate) struct Failure {
    refusal: Refusal,
    /// What is wrong this time, for people.
    detail: Option<&'static str>,
}

impl Failure {
    pub(super) fn because(code: Code, detail: &'static str) -> Self {
        Self {
            refusal: code.into(),
            detail: Some(detail),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut problem = Problem::from(self.refusal);
        if let Some(detail) = self.detail {
            problem = problem.because(detail);
        }
        let status = StatusCode::from_u16(problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = {
            let body = Bytes::from_owner(SharedFrame(problem.encode()));
            text(status, "application/problem+json", body)
        };
        if let Some(millis) = self.refusal.retry_after_ms {
            let seconds = HeaderValue::from(millis.div_ceil(1_000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            detail: None,
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Refusal::from(code).into()
    }
}

impl From<Gone> for Failure {
    fn from(Gone: Gone) -> Self {
        Code::RelayEnding.into()
    }
}

/// Answers a request for a path that is none of the relay's, as the relay answers everything else it refuses: with a
/// problem (spec section 13.4).
///
/// The relay's routers leave that to the application they are mounted in; this is for one that has nothing else to say:
///
/// ```
/// # async fn run() {
/// # let relay = burnchat_relay::Relay::start(burnchat_relay::Config::default());
/// let app = relay.router().fallback(burnchat_relay::unknown_path);
/// # let _: axum::Router = app;
/// # }
/// ```
pub async fn unknown_path() -> Response {
    keep_quiet(Failure::from(Code::UnknownPath).into_response()).await
}

pub(super) async fn unknown_method() -> Failure {
    Code::UnknownMethod.into()
}

pub(super) fn json(status: StatusCode, body: EncodedFrame) -> Response {
    json_bytes(status, Bytes::from_owner(SharedFrame(body)))
}

/// The same of a text that has been encoded.
pub(super) fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    text(status, "application/json", body)
}

/// Nothing of an answer is kept, guessed at, run or passed on.
pub(super) async fn keep_quiet(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn text(status: StatusCode, media_type: &'static str, body: Bytes) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
}
