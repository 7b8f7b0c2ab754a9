//! Making a room, and reading its link (spec sections 4, 11.1 and 13.4).

use alloc::string::String;

use burnchat_core::client::{RoomSettings, plan_room as plan};
use burnchat_core::crypto::Name;
use burnchat_core::error::Code;
use burnchat_core::link::Link;
use burnchat_core::wire::WhoMayBurn;
use burnchat_core::wire::http::{Problem, RoomCreated};
use js_sys::{Object, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::entropy::Entropy;
use crate::plain::{Plain, count, flag, number, text, time};
use crate::refusal::{throw, thrown};
use crate::stack;

/// Plans a room: the body of `POST <base>/api/rooms` (JSON), and the room's link, which is a secret.
///
/// `base` is the relay's URL, as it stands before `/r/` in links. `seed` is 32 random bytes that nobody has used before;
/// without them they come from `crypto.getRandomValues`. Throws `invalid_parameter` for settings out of range, and
/// `link_not_a_link` for a base that is no URL.
#[wasm_bindgen(js_name = planRoom, unchecked_return_type = "RoomPlan")]
pub fn plan_room(
    base: String,
    #[wasm_bindgen(unchecked_param_type = "RoomSettings | undefined")] settings: JsValue,
    #[wasm_bindgen(js_name = nowMs)] now_ms: f64,
    #[wasm_bindgen(unchecked_optional_param_type = "Uint8Array")] seed: JsValue,
) -> Result<Object, JsValue> {
    let defaults = RoomSettings::default();
    let capacity = count(&settings, "capacity")?.map(u16::try_from).transpose();
    let burn = match text(&settings, "whoMayBurn")?.as_deref() {
        None => defaults.burn,
        Some("creator") => WhoMayBurn::Creator,
        Some("anyone") => WhoMayBurn::Anyone,
        Some(_) => return Err(thrown(Code::InvalidParameter)),
    };
    let settings = RoomSettings {
        ttl_seconds: count(&settings, "ttlSeconds")?.unwrap_or(defaults.ttl_seconds),
        extension_seconds: count(&settings, "extensionSeconds")?
            .unwrap_or(defaults.extension_seconds),
        capacity: capacity
            .map_err(|_| thrown(Code::InvalidParameter))?
            .unwrap_or(defaults.capacity),
        history: flag(&settings, "history")?.unwrap_or(defaults.history),
        burn,
    };
    let mut entropy = Entropy::new(&seed)?;
    let (request, link) = plan(&base, settings, time(now_ms)?, &mut entropy).map_err(throw)?;
    let planned = Plain::default()
        .put("request", request.encode().as_str())
        .put("link", link.to_url().as_str());
    drop(link);
    stack::wipe_below();
    Ok(planned.into())
}

/// Reads the relay's answer 201 to a request for the room of `link`.
///
/// Throws `malformed_frame` if it is none, `malformed_from_relay` if it is about another room.
#[wasm_bindgen(js_name = readRoomCreated, unchecked_return_type = "RoomCreated")]
pub fn read_room_created(answer: String, link: String) -> Result<Object, JsValue> {
    let link = Link::parse(&link).map_err(thrown)?;
    let answer = RoomCreated::parse(answer.as_bytes()).map_err(thrown)?;
    if answer.room_id != link.room_id() {
        return Err(thrown(Code::MalformedFromRelay));
    }
    let pin =
        core::str::from_utf8(answer.pin.0.as_slice()).map_err(|_| thrown(Code::MalformedFrame))?;
    Ok(Plain::default()
        .put(
            "creatorToken",
            Uint8Array::from(answer.creator_token.as_bytes().as_slice()),
        )
        .put("pin", pin)
        .put("secondsRemaining", number(answer.seconds_remaining))
        .into())
}

/// Reads a relay's refusal of an HTTP request (RFC 9457). `undefined` if it is none: then go by the HTTP status.
#[wasm_bindgen(js_name = readProblem, unchecked_return_type = "Problem | undefined")]
pub fn read_problem(answer: String) -> Option<Object> {
    let problem = Problem::parse(answer.as_bytes()).ok()?;
    let code = Code::from_name(&problem.code).unwrap_or(Code::BadRequest);
    Some(
        Plain::default()
            .code(code)
            .put("status", f64::from(problem.status))
            .number_or_null("retryAfterMs", problem.retry_after_ms)
            .number_or_null("attemptsLeft", problem.attempts_left)
            .into(),
    )
}

/// What a link says. Its room's WebSocket is at `<base>/api/rooms/<roomId>/ws`. Throws the codes 600 to 607.
#[wasm_bindgen(js_name = readLink, unchecked_return_type = "LinkParts")]
pub fn read_link(link: String) -> Result<Object, JsValue> {
    let link = Link::parse(&link).map_err(thrown)?;
    Ok(Plain::default()
        .put("base", link.base())
        .put("roomId", link.room_id().to_base64())
        .put("history", link.history())
        .put("notAfterMs", number(link.not_after().0))
        .into())
}

/// A user's own name as it will be sealed. Throws `name_too_long` or `name_not_allowed`.
#[wasm_bindgen(js_name = checkName)]
pub fn check_name(name: String) -> Result<String, JsValue> {
    let name = Name::new(&name).map_err(thrown)?;
    Ok(name.as_str().into())
}
