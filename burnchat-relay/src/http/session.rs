//! Frames over plain HTTP (spec section 13.5): the requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, OriginalUri, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use burnchat_core::crypto::{Secret, participant_id};
use burnchat_core::error::Code;
use burnchat_core::ids::{ParticipantId, RoomId};
use burnchat_core::relay::{ConnectionId, PeerKey, Refusal};
use burnchat_core::wire::{ClientFrame, EncodedFrame, ErrorFrame, RelayFrame, Resume};
use serde::Serialize;
use tokio::time::timeout;

use super::answer::{Failure, json_bytes};
use super::events;
#[cfg(feature = "openapi")]
use super::openapi;
use super::request::{Peer, Room, read_body, secret_of};
use crate::cluster::{Answer, Asked};
use crate::relay::Shared;
use crate::sessions::Line;
use crate::websocket::frame::SharedFrame;

/// Asks for the seat token in the answer instead of in a cookie.
pub(super) const ACCEPT_TOKEN: HeaderName = HeaderName::from_static("accept-token");
/// The entry of the log after which an event stream begins.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(super) const COOKIE: &str = "burnchat_seat";

/// Takes a seat: a session over plain HTTP (spec section 13.5).
#[cfg_attr(feature = "openapi", utoipa::path(
    post, path = "/api/rooms/{room_id}/session", tag = "frames", operation_id = "join",
    params(openapi::RoomPath, openapi::AcceptToken),
    request_body = ref("#/components/schemas/ClientJoin"),
    responses(
        (status = 201, description = "The seat is taken.", body = ref("#/components/schemas/RelayJoined"), headers(
            ("Set-Cookie" = String, description = "The seat token, unless it was asked for in the answer."),
        )),
        openapi::SeatRefused,
    ),
))]
pub(super) async fn enter(
    state: State<Arc<Shared>>,
    room: Room,
    peer: Peer,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response, Failure> {
    admit(state, room, peer, uri, request, None).await
}

/// Takes over the seat whose token the request shows, by a fresh join (spec section 11.3).
#[cfg_attr(feature = "openapi", utoipa::path(
    post, path = "/api/rooms/{room_id}/session/{participant_id}", tag = "frames", operation_id = "join_anew",
    params(openapi::RoomPath, openapi::ParticipantPath, openapi::AcceptToken),
    security(("seat_token" = []), ("seat_cookie" = [])),
    request_body = ref("#/components/schemas/ClientJoin"),
    responses(
        (status = 201, description = "The seat is taken.", body = ref("#/components/schemas/RelayJoined"), headers(
            ("Set-Cookie" = String, description = "The seat token, unless it was asked for in the answer."),
        )),
        openapi::SeatRefused,
    ),
))]
pub(super) async fn enter_anew(
    state: State<Arc<Shared>>,
    room: Room,
    peer: Peer,
    Token(token): Token,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response, Failure> {
    admit(state, room, peer, uri, request, Some(token)).await
}

async fn admit(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    Peer(peer): Peer,
    uri: Uri,
    request: Request,
    token: Option<Secret<32>>,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let patience = patience(&relay);
    let body = in_time(patience, read_body(body)).await??;
    let ClientFrame::Join(mut join) = ClientFrame::parse(&body)? else {
        return Err(Code::UnexpectedFrame.into());
    };
    let id = participant_id(&join.kem_pub.0, &join.sig_pub.0);
    let cookie = match wants_bearer(&parts.headers) {
        true => None,
        false => Some(CookiePath::of(&relay, &uri, room, id)?),
    };
    let frame = match token {
        None => body,
        Some(token) => {
            join.seat_token = Some(token);
            shared(ClientFrame::Join(join).encode())
        }
    };

    let mut line = Line::open(&relay, room, peer).await?;
    let answer = in_time(patience, line.ask(frame)).await??;
    let mut joined = match RelayFrame::parse(&answer) {
        Ok(Some(RelayFrame::Joined(joined))) => joined,
        Ok(Some(RelayFrame::Error(error))) => return Err(refusal(&error).into()),
        _ => return Err(Code::RelayEnding.into()),
    };
    let (token, seq) = (
        relay.sessions.token_hash(room, &joined.seat_token),
        joined.seq,
    );
    let response = match cookie {
        None => json_bytes(StatusCode::CREATED, answer),
        Some(path) => {
            let cookie = path.cookie(&TokenText(&joined.seat_token).to_string(), "")?;
            // Only the cookie has it.
            joined.seat_token = Secret::copy_of(&[0; 32]);
            let answer = shared(RelayFrame::Joined(joined).encode());
            let mut response = json_bytes(StatusCode::CREATED, answer);
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
    };
    line.await_stream(token, seq, patience);
    Ok(response)
}

/// The event stream: the first one of a session, or a resume (spec sections 6.3 and 13.5).
///
/// Each event is a `RelayFrame` in one `data` line; an entry of the log has its `seq` as the event's `id`. The stream
/// begins with an `id` and no data.
#[cfg_attr(feature = "openapi", utoipa::path(
    get, path = "/api/rooms/{room_id}/session/{participant_id}/events", tag = "frames", operation_id = "events",
    params(openapi::RoomPath, openapi::ParticipantPath, openapi::LastEventId),
    security(("seat_token" = []), ("seat_cookie" = [])),
    responses(
        (status = 200, description = "Server-sent events.", body = String, content_type = "text/event-stream"),
        openapi::StreamRefused,
    ),
))]
pub(super) async fn events(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    Peer(peer): Peer,
    Token(token): Token,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (line, first) = match last_event(&headers)? {
        Some(seq) => {
            let (line, answer) = resume(&relay, room, peer, &token, seq, seq).await?;
            (line, vec![answer])
        }
        None => {
            let hash = relay.sessions.token_hash(room, &token);
            match relay.sessions.claim(hash).await {
                Some(line) => (line, Vec::new()),
                None => claim_elsewhere(&relay, room, peer, &token).await?,
            }
        }
    };
    let event_stream = HeaderValue::from_static("text/event-stream");
    // nginx holds an answer back otherwise.
    let unbuffered = HeaderValue::from_static("no");
    let headers = [
        (header::CONTENT_TYPE, event_stream),
        (HeaderName::from_static("x-accel-buffering"), unbuffered),
    ];
    let body = events::body(line, first, &relay.config);
    Ok((headers, body).into_response())
}

/// One frame, or nothing as a sign of life. What the room has to say of it comes in the event stream.
#[cfg_attr(feature = "openapi", utoipa::path(
    post, path = "/api/rooms/{room_id}/session/{participant_id}/frames", tag = "frames", operation_id = "post_frame",
    params(openapi::RoomPath, openapi::ParticipantPath),
    security(("seat_token" = []), ("seat_cookie" = [])),
    request_body = ref("#/components/schemas/ClientFrame"),
    responses((status = 202, description = "Handed to the room."), openapi::FrameRefused),
))]
pub(super) async fn frames(
    State(relay): State<Arc<Shared>>,
    room: Room,
    token: Token,
    request: Request,
) -> Result<StatusCode, Failure> {
    let (Room(room), Token(token)) = (room, token);
    let sender = relay
        .sessions
        .sender(relay.sessions.token_hash(room, &token));
    if sender.is_none() && !relay.is_one_of_several {
        return Err(no_stream());
    }
    let frame = in_time(patience(&relay), read_body(request.into_body())).await??;
    match sender {
        Some(sender) => {
            sender.life().sign();
            if !frame.is_empty() {
                sender.frame(frame).await?;
            }
        }
        None => post_elsewhere(&relay, room, &token, frame).await?,
    }
    Ok(StatusCode::ACCEPTED)
}

/// Leaves, with an event stream or without, as with the close code 1000.
#[cfg_attr(feature = "openapi", utoipa::path(
    delete, path = "/api/rooms/{room_id}/session/{participant_id}", tag = "frames", operation_id = "leave",
    params(openapi::RoomPath, openapi::ParticipantPath),
    security(("seat_token" = []), ("seat_cookie" = [])),
    responses(
        (status = 204, description = "The participant has left.", headers(
            ("Set-Cookie" = String, description = "Takes the cookie back."),
        )),
        openapi::LeaveRefused,
    ),
))]
pub(super) async fn leave(
    State(relay): State<Arc<Shared>>,
    Room(room): Room,
    Token(token): Token,
    Participant(id): Participant,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Failure> {
    relay.shard_of(room).leave(room, token).await??;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = CookiePath::of(&relay, &uri, room, id)
        && let Ok(cookie) = cookie.cookie("", "; Max-Age=0")
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A connection that goes on after this entry of the log, for a session that has seen it up to `seen`, and the first
/// that the room says on it.
async fn resume(
    relay: &Arc<Shared>,
    room: RoomId,
    peer: PeerKey,
    token: &Secret<32>,
    after: u64,
    seen: u64,
) -> Result<(Line, Bytes), Failure> {
    let resume = ClientFrame::Resume(Resume {
        seat_token: Secret::copy_of(token.as_bytes()),
        seq: after,
    });
    let mut line = Line::open(relay, room, peer).await?;
    let asked = line.ask(shared(resume.encode()));
    let answer = in_time(patience(relay), asked).await??;
    if let Ok(Some(RelayFrame::Error(error))) = RelayFrame::parse(&answer) {
        return Err(refusal(&error).into());
    }
    line.become_session(relay.sessions.token_hash(room, token), seen);
    Ok((line, answer))
}

/// The first event stream of a session whose seat was taken at another of several relays (spec section 13.6): what has
/// waited for it there comes here, and what comes after it is resumed. Its client notices nothing of that.
async fn claim_elsewhere(
    relay: &Arc<Shared>,
    room: RoomId,
    peer: PeerKey,
    token: &Secret<32>,
) -> Result<(Line, Vec<Bytes>), Failure> {
    let claim = |holder| Asked::Claim {
        holder,
        seat_token: Secret::copy_of(token.as_bytes()),
    };
    let Some(Answer::Claimed(Some(waited))) = ask_holder(relay, room, token, claim).await? else {
        return Err(Code::Gap.into());
    };
    let mut first = waited.frames;
    let seqs = first
        .iter()
        .filter_map(|frame| RelayFrame::seq_of_text(frame));
    let after = seqs.fold(waited.seen, u64::max);
    let (mut line, answer) = resume(relay, room, peer, token, after, waited.seen).await?;
    line.is_first = true;
    // A key that is still wanted is asked for again.
    first.retain(|frame| !matches!(RelayFrame::parse(frame), Ok(Some(RelayFrame::KeyWanted(_)))));
    first.push(answer);
    Ok((line, first))
}

/// Hands a frame, or a sign of life, to the relay that has the session's event stream.
async fn post_elsewhere(
    relay: &Shared,
    room: RoomId,
    token: &Secret<32>,
    frame: Bytes,
) -> Result<(), Failure> {
    let post = |holder| Asked::Post {
        holder,
        seat_token: Secret::copy_of(token.as_bytes()),
        frame,
    };
    match ask_holder(relay, room, token, post).await? {
        Some(Answer::Posted(true)) => Ok(()),
        _ => Err(no_stream()),
    }
}

/// Asks the relay to which the holder of a seat is connected; `None` where nobody is.
async fn ask_holder(
    relay: &Shared,
    room: RoomId,
    token: &Secret<32>,
    what: impl FnOnce(ConnectionId) -> Asked,
) -> Result<Option<Answer>, Failure> {
    if !relay.is_one_of_several {
        return Ok(None);
    }
    let shard = relay.shard_of(room);
    let holder = Asked::Holder {
        seat_token: Secret::copy_of(token.as_bytes()),
    };
    let patience = patience(relay);
    let Answer::Holder(Some(holder)) = in_time(patience, shard.ask_session(room, holder)).await??
    else {
        return Ok(None);
    };
    let answer = in_time(patience, shard.ask_session(room, what(holder))).await??;
    Ok(Some(answer))
}

/// Whoever has no event stream, or none that there is, is told the same: it is to open one, and will hear then what there
/// is.
fn no_stream() -> Failure {
    Failure::because(Code::UnexpectedFrame, "there is no event stream")
}

fn patience(relay: &Shared) -> Duration {
    Duration::from_millis(relay.config.limits.handshake_millis)
}

async fn in_time<T>(patience: Duration, what: impl Future<Output = T>) -> Result<T, Code> {
    let done = timeout(patience, what).await;
    done.map_err(|_| Code::HandshakeTimeout)
}

fn refusal(error: &ErrorFrame) -> Refusal {
    Refusal {
        code: error.code,
        retry_after_ms: error.retry_after_ms,
        attempts_left: error.attempts_left,
    }
}

fn shared(frame: EncodedFrame) -> Bytes {
    Bytes::from_owner(SharedFrame(frame))
}

fn wants_bearer(headers: &HeaderMap) -> bool {
    let wanted = headers.get(ACCEPT_TOKEN).and_then(|v| v.to_str().ok());
    wanted.is_some_and(|wanted| wanted.trim().eq_ignore_ascii_case("bearer"))
}

/// The last entry an event stream brought; an `EventSource` that had none says nothing.
fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Code> {
    let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) else {
        return Ok(None);
    };
    let last = last.to_str().ok().filter(|text| !text.starts_with('+'));
    let seq = last.and_then(|text| text.parse().ok());
    let seq = seq.filter(|seq| *seq < burnchat_core::limits::FRAME_INTEGER_END);
    seq.map(Some).ok_or(Code::BadRequest)
}

/// The participant a request names. Nothing follows from it but the path of a cookie.
pub(super) struct Participant(ParticipantId);

impl<S: Send + Sync> FromRequestParts<S> for Participant {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Code::RoomNotFound)?;
        let text = params.iter().find(|(name, _)| *name == "participant");
        text.and_then(|(_, text)| ParticipantId::from_base64(text))
            .map(Self)
            .ok_or(Failure::from(Code::RoomNotFound))
    }
}

/// The seat token a request shows.
pub(super) struct Token(Secret<32>);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Participant::from_request_parts(parts, state).await?;
        let shown = bearer(&parts.headers).or_else(|| cookie(&parts.headers));
        shown.map(Self).ok_or(Failure::from(Code::RoomNotFound))
    }
}

fn bearer(headers: &HeaderMap) -> Option<Secret<32>> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = shown.split_once(' ')?;
    secret_of(scheme.eq_ignore_ascii_case("bearer").then_some(token)?)
}

/// The cookie's. Its path lets a browser send no other of the name.
fn cookie(headers: &HeaderMap) -> Option<Secret<32>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| secret_of((name == COOKIE).then_some(value)?))
}

/// A token as it is written.
struct TokenText<'a>(&'a Secret<32>);

impl fmt::Display for TokenText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

/// Where a session is, for a browser: not where any other is.
struct CookiePath(String);

impl CookiePath {
    fn of(relay: &Shared, uri: &Uri, room: RoomId, id: ParticipantId) -> Result<Self, Failure> {
        const API: &str = "/api/rooms/";
        // What stands before is where the relay is mounted.
        let path = uri.path();
        let mounted = path.rfind(API).and_then(|at| path.get(..at));
        let (outside, mounted) = (&relay.config.path_prefix, mounted.unwrap_or_default());
        let (room, id) = (room.to_base64(), id.to_base64());
        let path = format!("{outside}{mounted}{API}{room}/session/{id}");
        if path.contains(';') {
            let why = "no cookie can be kept for this path: ask for a bearer token";
            return Err(Failure::because(Code::BadRequest, why));
        }
        Ok(Self(path))
    }

    fn cookie(&self, token: &str, more: &str) -> Result<HeaderValue, Failure> {
        let path = &self.0;
        let text =
            format!("{COOKIE}={token}; Path={path}; HttpOnly; Secure; SameSite=Strict{more}");
        let cookie = HeaderValue::try_from(text).map_err(|_| Code::BadRequest)?;
        Ok(cookie)
    }
}
