//! Answers, and the rules a browser is given with them.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::page::sha256;

/// How long a browser may go on using what it was sent.
#[derive(Clone, Copy)]
pub(crate) enum Keeping {
    /// It asks each time whether what it has is still right.
    AskEachTime,
    /// It keeps nothing, not even for its Back button.
    Never,
}

/// Something to serve.
pub(crate) struct Served {
    content_type: &'static str,
    bytes: Bytes,
    keeping: Keeping,
    sha256: String,
}

impl Served {
    pub(crate) fn new(content_type: &'static str, bytes: Bytes, keeping: Keeping) -> Self {
        let sha256 = sha256(&bytes);
        Self {
            content_type,
            bytes,
            keeping,
            sha256,
        }
    }

    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(crate) fn answer(&self, asked: &HeaderMap) -> Response {
        let mut response = if self.is_what_they_have(asked) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Body::from(self.bytes.clone()))
        };
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static(self.content_type);
        headers.insert(header::CONTENT_TYPE, kind);
        let keeping = match self.keeping {
            Keeping::AskEachTime => "no-cache",
            Keeping::Never => "no-store",
        };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keeping));
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.sha256)) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// Whether `If-None-Match` names it (RFC 9110, section 13.1.2).
    fn is_what_they_have(&self, asked: &HeaderMap) -> bool {
        asked
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|tags| tags.to_str().ok())
            .flat_map(|tags| tags.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag.trim_matches('"') == self.sha256)
    }
}

pub(crate) fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// Nothing runs but the files listed, nobody else is spoken to, and nobody is told where one came from.
pub(crate) async fn lock_down(mut response: Response) -> Response {
    const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
        img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
        require-trusted-types-for 'script'; trusted-types 'none'";
    const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), \
        display-capture=(), geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), \
        microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), \
        xr-spatial-tracking=(), clipboard-read=(), clipboard-write=(self), web-share=(self)";
    const HEADERS: [(HeaderName, &str); 8] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (HeaderName::from_static("origin-agent-cluster"), "?1"),
        (
            HeaderName::from_static("permissions-policy"),
            PERMISSIONS_POLICY,
        ),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ];
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
