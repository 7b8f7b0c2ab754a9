//! Where a request came from, and what it was sent to, when there are proxies on the way (spec section 11.4).
//!
//! Headers are believed as far as somebody trusted wrote them: from the connection backwards to the first hop that is
//! not a trusted proxy. What stands before it anybody may have written.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::Config;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// In which header the trusted proxies say whom they forward for.
///
/// There is one: a proxy passes on what it does not write itself, and a header that is passed on is a client's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` and `X-Forwarded-Host` of the nearest proxy.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Says of a request that it came over TLS: put it into the extensions of requests where the relay's router is served
/// over TLS in the same process. Behind a proxy that ends TLS, the headers of the proxy say so.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

/// Who asks, and whom.
pub(crate) struct Caller {
    /// Not known where the application does not say.
    pub(crate) address: Option<IpAddr>,
    /// Whether the request was made over TLS, as far as is known.
    pub(crate) secure: bool,
    /// What the request was sent to.
    pub(crate) host: Option<Authority>,
}

impl Caller {
    pub(crate) fn of(parts: &Parts, config: &Config) -> Self {
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let direct = Self {
            address: connected.map(|ConnectInfo(address)| address.ip().to_canonical()),
            secure: parts.extensions.get::<OverTls>().is_some()
                || parts.uri.scheme() == Some(&Scheme::HTTPS),
            host: match parts.uri.authority() {
                Some(authority) => Some(authority.clone()),
                None => last(&parts.headers, header::HOST).and_then(|host| host.parse().ok()),
            },
        };
        let trusted = |address: &IpAddr| {
            let networks = &config.trusted_proxies;
            networks.iter().any(|network| network.contains(address))
        };
        let Some(proxy) = direct.address.filter(trusted) else {
            return direct;
        };
        let headers = &parts.headers;
        let nearest = match config.forwarded_header {
            ForwardedHeader::XForwardedFor => {
                let hops = addresses(headers).map(|address| Hop {
                    address,
                    ..Hop::default()
                });
                Hop {
                    secure: last(headers, X_FORWARDED_PROTO).and_then(is_secure),
                    host: last(headers, X_FORWARDED_HOST).and_then(|host| host.parse().ok()),
                    ..nearest_untrusted(hops, trusted)
                }
            }
            ForwardedHeader::Forwarded => {
                let lines = headers.get_all(header::FORWARDED).iter().rev();
                let hops = lines.flat_map(|line| elements(line).into_iter().rev());
                nearest_untrusted(hops, trusted)
            }
        };
        Self {
            address: nearest.address.or(Some(proxy)),
            secure: nearest.secure.unwrap_or(direct.secure),
            host: nearest.host.or(direct.host),
        }
    }
}

/// What a proxy says of a request it got.
#[derive(Clone, Default)]
struct Hop {
    /// From whom; not known if what it says is no address.
    address: Option<IpAddr>,
    secure: Option<bool>,
    host: Option<Authority>,
}

/// Of hops, the last first: the first that is not a trusted proxy, or the last known before one that is not known.
fn nearest_untrusted(hops: impl Iterator<Item = Hop>, trusted: impl Fn(&IpAddr) -> bool) -> Hop {
    let mut nearest = Hop::default();
    for hop in hops {
        let Some(address) = hop.address else {
            break;
        };
        nearest = hop;
        if !trusted(&address) {
            break;
        }
    }
    nearest
}

/// The addresses in `X-Forwarded-For`, the last first.
fn addresses(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    // By bytes: what a client wrote must not make what the proxy added unreadable.
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    entries.map(|entry| std::str::from_utf8(entry).ok().and_then(address))
}

/// The last of what stands in a header, as the nearest proxy has it.
fn last(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let line = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

fn is_secure(scheme: &str) -> Option<bool> {
    if scheme.eq_ignore_ascii_case("https") {
        Some(true)
    } else if scheme.eq_ignore_ascii_case("http") {
        Some(false)
    } else {
        None
    }
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
            return None;
        }
        address.parse::<Ipv6Addr>().ok()?.into()
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        if !is_port(port) {
            return None;
        }
        address.parse::<Ipv4Addr>().ok()?.into()
    };
    Some(address.to_canonical())
}

/// A port, or the name RFC 7239 lets a proxy give it.
fn is_port(text: &str) -> bool {
    let of_port = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.bytes().all(of_port)
}

/// The elements of a line of `Forwarded`, in its order.
fn elements(line: &HeaderValue) -> Vec<Hop> {
    let line = String::from_utf8_lossy(line.as_bytes());
    let read = |text: &str| element(text).unwrap_or_default();
    if ends_in_quotes(&line) {
        // A client has begun a quote that takes in what the proxy added: without it, the proxy's own can be read.
        line.split(',').map(read).collect()
    } else {
        split_unquoted(&line, ',').map(read).collect()
    }
}

/// One element; nothing if it is not well-formed.
fn element(text: &str) -> Option<Hop> {
    let mut hop = Hop::default();
    let mut seen: Vec<String> = Vec::new();
    for pair in split_unquoted(text, ';') {
        let (name, value) = pair.trim().split_once('=')?;
        let (name, value) = (name.to_ascii_lowercase(), unquoted(value)?);
        if seen.contains(&name) {
            return None;
        }
        match name.as_str() {
            "for" => hop.address = address(&value),
            "proto" => hop.secure = is_secure(&value),
            "host" => hop.host = value.parse().ok(),
            _ => {}
        }
        seen.push(name);
    }
    Some(hop)
}

/// The value of a token or a quoted string.
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = text.strip_prefix('"') else {
        return (!text.contains('"')).then_some(Cow::Borrowed(text));
    };
    let quoted = quoted.strip_suffix('"')?;
    if !quoted.contains('\\') {
        return Some(Cow::Borrowed(quoted));
    }
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\\' => characters.next()?,
            other => other,
        });
    }
    Some(Cow::Owned(value))
}

/// The parts of a text between separators that do not stand in quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quotes = Quotes::default();
    text.split(move |character| !quotes.take(character) && character == separator)
}

fn ends_in_quotes(text: &str) -> bool {
    let mut quotes = Quotes::default();
    text.chars().for_each(|character| {
        quotes.take(character);
    });
    quotes.open
}

/// Where one is in a text with quoted strings.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    /// Goes on by a character; says whether it stands in quotes.
    fn take(&mut self, character: char) -> bool {
        let inside = self.open;
        match character {
            _ if self.escaped => self.escaped = false,
            '\\' if inside => self.escaped = true,
            '"' => self.open = !inside,
            _ => {}
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    /// What is known of who sent these headers from this address. The proxies are 10.0.0.0/8 and 2001:db8:1::/48.
    fn caller(from: &str, config: &Config, headers: &[(&str, &str)]) -> Caller {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let from = SocketAddr::new(from.parse().unwrap(), 1);
        parts.extensions.insert(ConnectInfo(from));
        Caller::of(&parts, config)
    }

    fn config(forwarded_header: ForwardedHeader) -> Config {
        Config {
            trusted_proxies: vec![
                "10.0.0.0/8".parse().unwrap(),
                "2001:db8:1::/48".parse().unwrap(),
            ],
            forwarded_header,
            ..Config::default()
        }
    }

    fn address_of(from: &str, name: &str, lines: &[&str]) -> String {
        let header = match name {
            "forwarded" => ForwardedHeader::Forwarded,
            _ => ForwardedHeader::XForwardedFor,
        };
        let headers: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
        let caller = caller(from, &config(header), &headers);
        caller.address.unwrap().to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        for name in ["x-forwarded-for", "forwarded"] {
            for value in ["203.0.113.9", "for=203.0.113.9"] {
                assert_eq!(address_of("192.0.2.1", name, &[value]), "192.0.2.1");
                let headers = [(name, value), ("x-forwarded-proto", "https")];
                let unwitting = caller("10.0.0.1", &Config::default(), &headers);
                assert_eq!(unwitting.address.unwrap().to_string(), "10.0.0.1");
                assert!(!unwitting.secure);
            }
        }
    }

    #[test]
    fn the_nearest_hop_that_is_no_trusted_proxy_counts() {
        for (lines, nearest) in [
            (&["203.0.113.9"] as &[_], "203.0.113.9"),
            // What a client wrote itself stands further to the left.
            (&["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.7, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (
                &["198.51.100.7", "203.0.113.9,10.1.1.1", "10.2.2.2"],
                "203.0.113.9",
            ),
            (&["203.0.113.9, 2001:db8:1::7"], "203.0.113.9"),
            (&["203.0.113.9, ::ffff:10.1.1.1"], "203.0.113.9"),
            // All are trusted: the first of them asks for itself.
            (&["10.3.3.3, 10.1.1.1"], "10.3.3.3"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(
                address_of("10.0.0.1", "x-forwarded-for", lines),
                nearest,
                "{lines:?}"
            );
            assert_eq!(
                address_of("::ffff:10.0.0.1", "x-forwarded-for", lines),
                nearest
            );
        }
    }

    #[test]
    fn an_address_is_read_with_and_without_port_and_brackets() {
        for (text, read) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(address_of("10.0.0.1", "x-forwarded-for", &[text]), read);
            let element = format!("proto=http;FOR=\"{text}\" ;by=_me");
            assert_eq!(address_of("10.0.0.1", "forwarded", &[&element]), read);
        }
    }

    #[test]
    fn behind_what_is_no_address_nothing_is_believed() {
        for garbage in [
            "",
            "unknown",
            "_hidden",
            "203.0.113",
            "203.0.113.9:",
            "203.0.113.9:1:2",
            "[203.0.113.9]",
            "[2001:db8::9",
            "[2001:db8::9]x",
            "[2001:db8::9]:",
            "fe80::1%eth0",
            "\u{e9}",
        ] {
            for (after, nearest) in [("", "10.0.0.1"), (", 10.1.1.1", "10.1.1.1")] {
                let line = format!("198.51.100.7, {garbage}{after}");
                assert_eq!(
                    address_of("10.0.0.1", "x-forwarded-for", &[&line]),
                    nearest,
                    "{line}"
                );
            }
        }
    }

    #[test]
    fn a_forwarded_element_is_read_with_its_quotes() {
        for (lines, nearest) in [
            (&["for=203.0.113.9"] as &[_], "203.0.113.9"),
            (
                &["for=198.51.100.7, For=203.0.113.9;proto=https"],
                "203.0.113.9",
            ),
            (
                &["for=198.51.100.7", "for=203.0.113.9", "for=10.1.1.1"],
                "203.0.113.9",
            ),
            (&[r#"for="203.0.113.9\:1""#], "203.0.113.9"),
            // A comma and a semicolon in quotes.
            (&[r#"for=203.0.113.9;host="a,for=1;\",b""#], "203.0.113.9"),
            (&["for=unknown"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
            (&["for=203.0.113.9;for=203.0.113.8"], "10.0.0.1"),
            (&["203.0.113.9"], "10.0.0.1"),
            // A client does not hide by a quote that takes in what the proxy has added.
            (&[r#"for="198.51.100.7, for=203.0.113.9"#], "203.0.113.9"),
            (&[r#"for="\, for="[2001:db8::9]""#], "2001:db8::9"),
            (&["\u{e9}, for=203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(
                address_of("10.0.0.1", "forwarded", lines),
                nearest,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_header_that_the_proxies_do_not_write_is_not_read() {
        assert_eq!(
            address_of("10.0.0.1", "forwarded", &["for=203.0.113.9"]),
            "203.0.113.9"
        );
        let headers = [("forwarded", "for=203.0.113.9")];
        let config = config(ForwardedHeader::XForwardedFor);
        let caller = caller("10.0.0.1", &config, &headers);
        assert_eq!(caller.address.unwrap().to_string(), "10.0.0.1");
    }

    #[test]
    fn scheme_and_host_are_the_trusted_proxys() {
        let seen = |header, headers: &[(&str, &str)]| {
            let direct = [("host", "relay.internal")];
            let caller = caller("10.0.0.1", &config(header), &[&direct, headers].concat());
            (caller.secure, caller.host.unwrap().to_string())
        };
        let is = |secure, host: &str| (secure, host.to_owned());
        let x = ForwardedHeader::XForwardedFor;
        assert_eq!(seen(x, &[]), is(false, "relay.internal"));
        let headers = [
            ("x-forwarded-proto", "http, HTTPS"),
            ("x-forwarded-host", "evil.example, chat.example"),
        ];
        assert_eq!(seen(x, &headers), is(true, "chat.example"));
        let element = r#"for=192.0.2.1;proto=http;host=evil.example, for="[2001:db8::9]";proto=https;host="chat.example:8443""#;
        let headers = [("forwarded", element)];
        assert_eq!(
            seen(ForwardedHeader::Forwarded, &headers),
            is(true, "chat.example:8443")
        );
    }
}
