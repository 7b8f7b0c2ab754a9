//! Which web pages may speak to the relay (spec section 13.4).
//!
//! A browser lets any page open a WebSocket to, and post to, any server, from the address of whoever looks at the page;
//! it adds the page's origin. Programs that are no browsers send none.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use burnchat_core::error::Code;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::answer::Failure;
use super::request::{CREATOR, TICKET};
use super::session::{ACCEPT_TOKEN, LAST_EVENT_ID};
use crate::forwarded::Caller;
use crate::relay::Shared;

/// The origin of web pages: scheme, host and port, such as `https://chat.example`.
///
/// ```
/// let origin: burnchat_relay::Origin = "https://chat.example".parse().unwrap();
/// assert_eq!(origin, "https://Chat.Example:443".parse().unwrap());
/// assert!("https://chat.example/page".parse::<burnchat_relay::Origin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    /// In lower case.
    host: String,
    port: u16,
}

/// A text that is not an origin `http://host[:port]` or `https://host[:port]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an origin such as https://chat.example")
    }
}

impl std::error::Error for InvalidOrigin {}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        // Neither a path nor a name before the host.
        if !text.ends_with(authority.as_str()) || authority.as_str().contains('@') {
            return Err(InvalidOrigin);
        }
        Ok(Self {
            secure,
            host: authority.host().to_ascii_lowercase(),
            port: port(authority, secure).ok_or(InvalidOrigin)?,
        })
    }
}

impl Origin {
    /// Whether pages of this origin come from where this request went.
    ///
    /// A page that came over TLS may have come through a proxy that ended it and says nothing of it. One that did not is
    /// not of the same origin as a relay that is reached over TLS: anybody on the way could have made it.
    fn is_of(&self, caller: &Caller) -> bool {
        let Some(authority) = &caller.host else {
            return false;
        };
        (self.secure || !caller.secure)
            && self.host == authority.host().to_ascii_lowercase()
            && Some(self.port) == port(authority, self.secure)
    }
}

/// The port of an authority; nothing if what stands there is no port.
fn port(authority: &Authority, secure: bool) -> Option<u16> {
    let named = authority.as_str().len() > authority.host().len();
    match authority.port_u16() {
        None if named => None,
        port => Some(port.unwrap_or(if secure { 443 } else { 80 })),
    }
}

/// Refuses requests of pages that are neither the relay's own nor allowed.
pub(super) async fn check(
    State(relay): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.headers().contains_key(header::ORIGIN) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let welcome = origin(&parts.headers).is_some_and(|origin| {
        relay.config.allowed_origins.contains(&origin)
            || origin.is_of(&Caller::of(&parts, &relay.config))
    });
    if welcome {
        next.run(Request::from_parts(parts, body)).await
    } else {
        Failure::from(Code::OriginRefused).into_response()
    }
}

/// Lets the browsers of allowed pages pass on what they are answered. The relay's own pages need no leave.
pub(super) fn welcome<S>(api: Router<S>, allowed: &[Origin]) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    if allowed.is_empty() {
        return api;
    }
    let allowed = allowed.to_vec();
    let allowed = AllowOrigin::predicate(move |origin, _| {
        let origin = origin.to_str().ok().and_then(|text| text.parse().ok());
        origin.is_some_and(|origin| allowed.contains(&origin))
    });
    api.layer(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers([
                header::CONTENT_TYPE,
                header::AUTHORIZATION,
                ACCEPT_TOKEN,
                LAST_EVENT_ID,
                CREATOR,
                TICKET,
            ])
            .expose_headers([header::RETRY_AFTER]),
    )
}

/// The one origin of a request; `null` is none.
fn origin(headers: &HeaderMap) -> Option<Origin> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => origin.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of(origin: &str, secure: bool, host: &str) -> bool {
        let caller = Caller {
            address: None,
            secure,
            host: host.parse().ok(),
        };
        origin.parse::<Origin>().unwrap().is_of(&caller)
    }

    #[test]
    fn a_page_is_the_relays_own_where_host_and_port_are_the_same() {
        assert!(is_of("http://chat.example", false, "chat.example"));
        assert!(is_of("http://chat.example", false, "CHAT.example:80"));
        assert!(is_of("http://[::1]:8470", false, "[::1]:8470"));
        assert!(is_of("https://chat.example", true, "chat.example:443"));
        assert!(!is_of("http://chat.example", false, "chat.example:8470"));
        assert!(!is_of("http://chat.example:8470", false, "chat.example"));
        assert!(!is_of(
            "http://chat.example",
            false,
            "chat.example.evil.example"
        ));
        assert!(!is_of("http://chat.example", false, ""));
    }

    #[test]
    fn a_page_without_tls_is_not_the_relays_own_where_the_relay_has_it() {
        assert!(!is_of("http://chat.example", true, "chat.example"));
        assert!(!is_of("http://chat.example:443", true, "chat.example:443"));
        // A proxy that says nothing has ended TLS.
        assert!(is_of("https://chat.example", false, "chat.example"));
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for text in [
            "",
            "null",
            "chat.example",
            "ftp://chat.example",
            "https://",
            "https://chat.example/",
            "https://chat.example?",
            "https://ann@chat.example",
            "https://chat.example:99999",
            "https://chat.example:",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(InvalidOrigin), "{text}");
        }
    }
}
