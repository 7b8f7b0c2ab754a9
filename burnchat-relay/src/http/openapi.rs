//! What the requests are, for `openapi.json`: what the handlers' annotations have in common.
//!
//! Bodies are named here and described elsewhere, by the JSON Schemas of the core's types: the generator in `spec/` puts
//! both together.

use std::collections::BTreeMap;

use burnchat_core::error::Code;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Required, Schema};
use utoipa::{IntoParams, IntoResponses, Modify, OpenApi};

use super::session::{ACCEPT_TOKEN, COOKIE, LAST_EVENT_ID};
use super::upgrade::SUBPROTOCOL;
use super::{CREATOR, TICKET, session, upgrade};

/// The requests that a relay answers (spec sections 13.1, 13.4 and 13.5), as `utoipa` has them.
///
/// The schemas of bodies are only named in it. The whole is what a relay serves at `/api/openapi.json`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Burnchat relay",
        description = "Ephemeral, end-to-end encrypted chat rooms. \
            A relay numbers and forwards frames that it cannot read, counts down, and burns.\n\n\
            Bodies are read strictly: at most 65,536 bytes of UTF-8, objects and arrays nested at most 4 deep, objects of \
            at most 64 members, none of them twice, unknown ones ignored. HEAD is GET without the body. \
            Every answer is `no-store`. What is refused is a problem of RFC 9457, whose `code` is a name of the protocol's \
            error registry; clients go by it. A request of a web page is refused unless the page is the relay's own or of \
            an allowed origin. A path that is not here is `unknown_path`, another method `unknown_method`.\n\n\
            The schemas say what is well-formed. How frames follow on each other, and what a room makes of them, is in the \
            protocol: sections 6 to 14.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    external_docs(
        url = "https://github.com/burnchat/burnchat/blob/main/spec/burnchat-1.md",
        description = "The Burnchat protocol, version 1",
    ),
    // Wherever the relay is mounted: it is read against where the description was found.
    servers((url = "..", description = "The relay that serves this description")),
    tags(
        (name = "rooms", description = "Rooms (sections 11 and 13.4)"),
        (name = "frames", description = "Frames, over a WebSocket (section 13.1) or over plain HTTP (section 13.5)"),
        (name = "pages", description = "What is the same for everybody"),
    ),
    paths(
        super::create,
        super::info,
        super::burn,
        upgrade::connect,
        session::enter,
        session::enter_anew,
        session::events,
        session::frames,
        session::leave,
        super::description,
        super::room_page,
    ),
    modifiers(&Shown, &Bodies),
)]
#[derive(Clone, Copy, Debug)]
pub struct ApiDescription;

/// What a request shows to be let do something.
struct Shown;

impl Modify for Shown {
    fn modify(&self, document: &mut Document) {
        let header = |name: &str, meaning: &str| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, meaning)))
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(
            "ticket",
            header(TICKET.as_str(), "The ticket of the room's link, base64url."),
        );
        components.add_security_scheme(
            "creator_token",
            header(CREATOR.as_str(), "The creator token, base64url."),
        );
        components.add_security_scheme(
            "seat_token",
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .description(Some("The seat token of `joined`, base64url."))
                    .build(),
            ),
        );
        components.add_security_scheme(
            "seat_cookie",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                COOKIE,
                "The same, where it was not asked for as a bearer token. A browser keeps it from scripts, and sends it to \
                 its own session only.",
            ))),
        );
    }
}

/// Which bodies have to be there: all but a sign of life.
struct Bodies;

impl Modify for Bodies {
    fn modify(&self, document: &mut Document) {
        let paths = document.paths.paths.values_mut();
        for post in paths.flat_map(|path| &mut path.post) {
            if let Some(RefOr::T(body)) = &mut post.request_body {
                let may_be_empty = post.operation_id.as_deref() == Some("post_frame");
                body.required = Some(match may_be_empty {
                    true => Required::False,
                    false => Required::True,
                });
            }
        }
    }
}

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = $parameter:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$parameter.build()]
            }
        }
    )*};
}

parameters! {
    /// The room of a request.
    RoomPath = in_path("room_id", "The room, as its link names it.", "RoomId");
    /// The participant of a request.
    ParticipantPath = in_path(
        "participant_id",
        "The participant. Nothing follows from it; it keeps the cookies of two tabs apart.",
        "ParticipantId",
    );
    /// How the seat token is to be answered.
    AcceptToken = in_header(ACCEPT_TOKEN.as_str(), "With `bearer` the answer has the seat token in it. Otherwise it comes as a cookie.")
        .schema(Some(word("bearer")));
    /// Where an event stream goes on.
    LastEventId = in_header(LAST_EVENT_ID.as_str(), "The last `id` of an earlier event stream: resumes after it. Without it the request is the first of its session.")
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,16}$"))));
    /// What a WebSocket has to offer.
    Subprotocol = in_header("sec-websocket-protocol", "The subprotocol that the client offers, maybe among others.")
        .required(Required::True)
        .schema(Some(word(SUBPROTOCOL)));
}

fn in_path(name: &str, meaning: &str, schema: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(meaning))
        .schema(Some(Ref::from_schema_name(schema)))
}

fn in_header(name: &str, meaning: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(meaning))
}

fn word(word: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([word]))
}

/// Every request below `/api/rooms`.
const ANY: &[Code] = &[Code::OriginRefused, Code::RelayEnding];
/// One about a room.
const ROOM: &[Code] = &[Code::RoomNotFound];
/// One whose body is read.
const BODY: &[Code] = &[Code::FrameTooLarge, Code::HandshakeTimeout];
/// And understood.
const OBJECT: &[Code] = &[Code::MalformedFrame, Code::DuplicateKey];
/// One that opens what is a connection to the room.
const CONNECTION: &[Code] = &[
    Code::TooManyConnections,
    Code::RateLimited,
    Code::HandshakeTimeout,
];

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $($codes:expr),+;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                refusals(&[$($codes),+])
            }
        }
    )*};
}

refusals! {
    /// A room is asked for.
    CreationRefused = ANY, BODY, OBJECT, &[Code::BadRequest, Code::RoomExists, Code::TooManyRooms];
    /// A room is asked about.
    InfoRefused = ANY, ROOM, &[Code::LinkExpired];
    /// A room is to be burned.
    BurnRefused = ANY, ROOM;
    /// A WebSocket is asked for.
    UpgradeRefused = ANY, ROOM, &[Code::BadRequest];
    /// A seat is asked for (spec section 11.2).
    SeatRefused = ANY, ROOM, BODY, OBJECT, CONNECTION, &[
        Code::BadRequest, Code::UnknownType, Code::UnexpectedFrame, Code::LinkExpired, Code::RoomFull, Code::RoomLocked,
        Code::WrongPin, Code::PinLocked, Code::Kicked, Code::BadKey, Code::IdTaken, Code::JoinsExhausted,
    ];
    /// An event stream is asked for (spec section 6.3).
    StreamRefused = ANY, ROOM, CONNECTION, &[Code::BadRequest, Code::Kicked, Code::Displaced, Code::Gap];
    /// A frame is posted.
    FrameRefused = ANY, ROOM, BODY, &[Code::UnexpectedFrame];
    /// A participant is to leave.
    LeaveRefused = ANY, ROOM, &[Code::Kicked, Code::Displaced];
    /// A page of another origin asks.
    PageRefused = &[Code::OriginRefused];
}

/// One answer for each status that any of these codes has.
fn refusals(codes: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes.iter().copied().flatten() {
        let Some(status) = code.http_status() else {
            continue;
        };
        let known = by_status.entry(status).or_default();
        if !known.contains(code) {
            known.push(*code);
        }
    }
    let answers = by_status.into_iter();
    answers
        .map(|(status, mut codes)| {
            codes.sort_unstable();
            (status.to_string(), RefOr::T(refusal(status, &codes)))
        })
        .collect()
}

fn refusal(status: u16, codes: &[Code]) -> Response {
    let meanings: Vec<String> = codes
        .iter()
        .map(|code| format!("`{}`: {}", code.name(), code.meaning()))
        .collect();
    let names = codes.iter().map(|code| code.name());
    let one_of_these = ObjectBuilder::new().property(
        "code",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names)),
    );
    let problem = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(one_of_these);
    let content = ContentBuilder::new().schema(Some(Schema::AllOf(problem.build())));
    let response = ResponseBuilder::new()
        .description(meanings.join("\n\n"))
        .content("application/problem+json", content.build());
    if status != 429 {
        return response.build();
    }
    let seconds = HeaderBuilder::new()
        .description(Some(
            "`retry_after_ms` in seconds, rounded up, where there is one.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
    response.header("Retry-After", seconds.build()).build()
}
